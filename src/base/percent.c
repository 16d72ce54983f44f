#include "base/percent.h"

#include <string.h>

void percent_encode(struct writer *w, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	static const char digits[] = "0123456789ABCDEF";
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;
		if (strchr(plain, *text)) {
			write_u8(w, c);
			continue;
		}
		write_u8(w, '%');
		write_u8(w, (uint8_t)digits[c >> 4]);
		write_u8(w, (uint8_t)digits[c & 15]);
	}
}
