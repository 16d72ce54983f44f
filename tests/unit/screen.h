/* A terminal as small as a test can believe it: rows of cells, a cursor, and the sequences that
 * cli/line_view.h sends. What it does not know fails the test. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdlib.h>

#include "cli/cell.h"

#define SCREEN_COLUMNS_MAX 64
#define SCREEN_ROWS_MAX 32
#define SCREEN_CELL_MAX 32 /* bytes: a character and what joins it */

struct screen {
	size_t columns, rows, row, column; /* column == columns: full, and wraps with the next */
	char cells[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX][SCREEN_CELL_MAX];
};

static inline void screen_line_feed(struct screen *screen)
{
	if (++screen->row < screen->rows)
		return;
	screen->row--;
	memmove(screen->cells[0], screen->cells[1], (screen->rows - 1) * sizeof(screen->cells[0]));
	memset(screen->cells[screen->row], 0, sizeof(screen->cells[0]));
}

static inline void screen_print(struct screen *screen, const char *at, size_t size, unsigned width)
{
	char *cell = screen->cells[screen->row][screen->column > 0 ? screen->column - 1 : 0];
	if (width == 0) {
		if (strlen(cell) + size < SCREEN_CELL_MAX)
			memcpy(cell + strlen(cell), at, size);
		return;
	}
	if (screen->column + width > screen->columns) {
		screen->column = 0;
		screen_line_feed(screen);
	}
	for (unsigned i = 0; i < width; i++) {
		memset(screen->cells[screen->row][screen->column + i], 0, SCREEN_CELL_MAX);
		/* The right half of a wide one. */
		screen->cells[screen->row][screen->column + i][0] = '\1';
	}
	memcpy(screen->cells[screen->row][screen->column], at, size);
	screen->column += width;
}

static inline void screen_erase_below(struct screen *screen)
{
	for (size_t column = screen->column; column < screen->columns; column++)
		memset(screen->cells[screen->row][column], 0, SCREEN_CELL_MAX);
	for (size_t row = screen->row + 1; row < screen->rows; row++)
		memset(screen->cells[row], 0, sizeof(screen->cells[row]));
}

/* Behind ESC [; returns its size. */
static inline size_t screen_sequence(struct screen *screen, const char *at)
{
	char *end;
	size_t count = strtoul(at, &end, 10);
	count = end == at ? 1 : count;
	switch (*end) {
	case 'A':
		assert_true(count <= screen->row);
		screen->row -= count;
		break;
	case 'B':
		assert_true(screen->row + count < screen->rows);
		screen->row += count;
		break;
	case 'C':
		assert_true(screen->column + count < screen->columns);
		screen->column += count;
		break;
	case 'J':
		assert_ptr_equal(end, at);
		screen_erase_below(screen);
		break;
	case 'm':
		break;
	default:
		fail_msg("the screen knows no '%c'", *end);
	}
	return (size_t)(end - at) + 1;
}

static inline void screen_take(struct screen *screen, struct bytes bytes)
{
	const char *at = (const char *)bytes.data, *end = at + bytes.size;
	size_t size;
	for (; at < end; at += size) {
		unsigned width = cell_width(at, &size);
		if (*at == '\r') {
			screen->column = 0;
		} else if (*at == '\n') {
			/* As the terminal driver makes a return and a line feed of it. */
			screen->column = 0;
			screen_line_feed(screen);
		} else if (*at == '\033') {
			assert_int_equal(at[1], '[');
			size = 2 + screen_sequence(screen, at + 2);
		} else {
			assert_true((unsigned char)*at >= 0x20);
			screen_print(screen, at, size, width);
		}
	}
}

/* A row without the blanks at its end. */
static inline const char *screen_row(
	const struct screen *screen, size_t row, char text[SCREEN_COLUMNS_MAX * SCREEN_CELL_MAX])
{
	size_t size = 0;
	for (size_t column = 0; column < screen->columns; column++) {
		const char *cell = screen->cells[row][column];
		if (cell[0] == '\1')
			continue;
		size_t length = cell[0] ? strlen(cell) : 1;
		memcpy(text + size, cell[0] ? cell : " ", length);
		size += length;
	}
	while (size > 0 && text[size - 1] == ' ')
		size--;
	text[size] = 0;
	return text;
}

#endif
