#include "node/fault.h"

#include <stdio.h>

#include "base/text.h"

/* Causes come from libraries and from other nodes, and are cut anywhere. */
static void make_printable(char *text, bool cut)
{
	size_t size = strlen(text);
	for (size_t i = 0; cut && i < 3 && !utf8_is_valid(bytes_of(text, size)); i++)
		text[--size] = 0;
	bool utf8 = utf8_is_valid(bytes_of(text, size));
	for (char *c = text; *c; c++) {
		if ((uint8_t)*c < 0x20 || *c == 0x7f)
			*c = ' ';
		else if ((uint8_t)*c >= 0x80 && !utf8)
			*c = '?';
	}
}

void fault_format(struct fault *fault, const char *format, va_list arguments)
{
	int size = vsnprintf(fault->text, sizeof fault->text, format, arguments);
	make_printable(fault->text, size >= (int)sizeof fault->text);
}

void fault_set(struct fault *fault, const char *format, ...)
{
	if (!fault)
		return;
	va_list arguments;
	va_start(arguments, format);
	fault_format(fault, format, arguments);
	va_end(arguments);
}
