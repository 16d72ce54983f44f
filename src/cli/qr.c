#include "cli/qr.h"

#include <qrencode.h>
#include <stdio.h>

#define QUIET_ZONE 2 /* modules around the code; scanners want some, screens have little room */

static bool is_dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return false;
	return code->data[y * code->width + x] & 1;
}

/* Two rows a line, with half blocks; light modules are drawn, as terminals are dark more often. */
bool qr_print(const char *text)
{
	static const char *const halves[] = {"\xe2\x96\x88", "\xe2\x96\x80", "\xe2\x96\x84", " "};
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
	if (!code)
		return false;
	for (int y = -QUIET_ZONE; y < code->width + QUIET_ZONE; y += 2) {
		for (int x = -QUIET_ZONE; x < code->width + QUIET_ZONE; x++)
			fputs(halves[(is_dark(code, x, y) ? 2 : 0) +
				      (is_dark(code, x, y + 1) ? 1 : 0)],
				stdout);
		putchar('\n');
	}
	QRcode_free(code);
	return true;
}
