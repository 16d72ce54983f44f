/* Text in rows of a terminal. Somebody else's text never begins a row where our own lines begin:
 * rows are broken between words, and further ones are indented. Only a word of ASCII that is longer
 * than a row is left for the terminal to break, so that an address can be copied; nothing stands
 * behind it. */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct wrap {
	size_t columns, indent;
	size_t column; /* where the text begins in its first row, and then where it ends */
	/* What U+0002 and U+0003, around a word that was found, are shown as; or NULL. */
	const char *found_on, *found_off;
};

/* Without a line end behind it. Control and direction-changing characters become "·". */
void wrap_print(struct wrap *wrap, FILE *out, const char *text);

/* Cells of text in one row. */
size_t wrap_width(const char *text);

#endif
