/* Characters of UTF-8 text, and the cells that a terminal shows them in. The text is well-formed
 * UTF-8. Widths are those of wcwidth(), so LC_CTYPE has to be one of UTF-8. */
#ifndef CLI_CELL_H
#define CLI_CELL_H

#include <stddef.h>

#include "base/bytes.h"

/* Cells of the character at `at`: 0 (it joins the one before), 1 or 2; `*size` are its bytes. Line
 * ends, controls and what no table knows are 1. */
unsigned cell_width(const char *at, size_t *size);

/* Where the cursor can stand: the character behind or before the one at `at`, together with what
 * joins it. At an end of the text, that end. */
size_t cell_next(struct bytes text, size_t at);
size_t cell_previous(struct bytes text, size_t at);

#endif
