/* A prompt and a line that is being typed, on the last rows of a terminal. It makes the bytes for
 * the terminal, knows where they leave the cursor, and draws nothing itself. What is taller than
 * the screen is shown around the cursor. */
#ifndef CLI_LINE_VIEW_H
#define CLI_LINE_VIEW_H

#include "base/buffer.h"

struct line_view {
	size_t columns, rows; /* of the terminal, at least 2 and 1 */
	size_t cursor_row;    /* below the first row that is drawn */
};

struct line_shown {
	const char *colour_on, *prompt, *colour_off; /* the prompt has no line end */
	struct bytes text;                           /* well-formed UTF-8 */
	size_t at;                                   /* the cursor, before this byte of it */
};

/* Behind what is on the screen, the cursor at the beginning of a row. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err line_view_draw(
	struct line_view *view, const struct line_shown *shown, struct buffer *out);
/* Takes it off again; the cursor is where it was before. */
MUST_CHECK enum err line_view_erase(struct line_view *view, struct buffer *out);
/* The cursor goes to the row below what is drawn, which stays there. */
MUST_CHECK enum err line_view_leave(
	struct line_view *view, const struct line_shown *shown, struct buffer *out);

/* Rows that drawing it takes. */
size_t line_view_height(const struct line_view *view, const struct line_shown *shown);
/* Rows that text takes, from the beginning of a row to the end of its last line. It may have line
 * ends and colours (ESC [ to m). */
size_t line_view_rows(const struct line_view *view, struct bytes text);

/* The terminal has another size now: what is drawn has to be erased and drawn again. */
void line_view_resize(
	struct line_view *view, const struct line_shown *shown, size_t columns, size_t rows);

#endif
