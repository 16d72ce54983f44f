/* A row that is full goes on in the next one by itself, as terminals do it, so that one that wraps
 * lines anew when its width changes takes them for what they are. */
#include "cli/line_view.h"

#include <string.h>

#include "base/safe.h"
#include "cli/cell.h"

/* Where the next character goes; a column of `columns` is behind the last one. */
struct place {
	size_t row, column;
};

struct layout {
	struct place cursor, end;
};

static struct place wrap(struct place place, size_t width, size_t columns)
{
	if (place.column + width > columns)
		place = (struct place){.row = place.row + 1};
	return place;
}

/* What a character is shown as, its width and its bytes in the text. */
static const char *shown_as(const char *at, bool keeps_lines, size_t *size, unsigned *width)
{
	const char *as = text_harmless(at, size, false);
	size_t ignored;
	if (keeps_lines && *at == '\n')
		as = at;
	*width = cell_width(as, &ignored);
	return as;
}

/* Only what is in the rows from `top` to before `bottom` is written. */
struct pen {
	struct place place;
	size_t columns, top, bottom;
	struct buffer *out; /* NULL: nothing is */
	enum err err;
};

static void put(struct pen *pen, const char *text, size_t size)
{
	if (pen->out && !pen->err && pen->place.row >= pen->top && pen->place.row < pen->bottom)
		pen->err = buffer_append(pen->out, bytes_of(text, size));
}

static void draw_character(struct pen *pen, const char *as, size_t size, unsigned width)
{
	struct place place = wrap(pen->place, width, pen->columns);
	if (*as == '\n') {
		pen->place = (struct place){.row = pen->place.row + 1};
		if (pen->place.row > pen->top)
			put(pen, "\r\n", 2);
		return;
	}
	/* A wide one does not fit into the last column, which a blank fills. */
	if (place.row != pen->place.row && pen->place.column < pen->columns)
		put(pen, " ", 1);
	pen->place = place;
	put(pen, as, size);
	pen->place.column += width;
}

static void draw_text(
	struct pen *pen, struct bytes text, bool keeps_lines, size_t at, struct place *ret_cursor)
{
	size_t size;
	unsigned width;
	for (size_t i = 0; i < text.size; i += size) {
		const char *from = (const char *)text.data + i;
		const char *as = shown_as(from, keeps_lines, &size, &width);
		if (i == at)
			*ret_cursor =
				*as == '\n' ? pen->place : wrap(pen->place, width, pen->columns);
		draw_character(pen, as, as == from ? size : strlen(as), width);
	}
}

static struct layout draw_all(struct pen *pen, const struct line_shown *shown)
{
	struct layout layout = {0};
	struct bytes prompt = bytes_of_text(shown->prompt);
	put(pen, shown->colour_on, strlen(shown->colour_on));
	draw_text(pen, prompt, false, prompt.size, &layout.cursor);
	put(pen, shown->colour_off, strlen(shown->colour_off));
	draw_text(pen, shown->text, true, shown->at, &layout.cursor);
	if (pen->place.column >= pen->columns)
		draw_character(pen, "\n", 1, 0);
	layout.end = pen->place;
	if (shown->at >= shown->text.size)
		layout.cursor = layout.end;
	if (layout.cursor.column == pen->columns)
		layout.cursor.column--;
	return layout;
}

static struct layout measure(const struct line_view *view, const struct line_shown *shown)
{
	struct pen pen = {.columns = view->columns};
	return draw_all(&pen, shown);
}

/* From the row that the cursor is in. */
static enum err move(struct buffer *out, size_t from_row, size_t row, size_t column)
{
	enum err err = buffer_append_text(out, "\r");
	if (!err && row < from_row)
		err = buffer_append_format(out, "\033[%zuA", from_row - row);
	if (!err && row > from_row)
		err = buffer_append_format(out, "\033[%zuB", row - from_row);
	if (!err && column > 0)
		err = buffer_append_format(out, "\033[%zuC", column);
	return err;
}

static size_t top_row(const struct line_view *view, const struct layout *layout)
{
	bool fits = layout->end.row < view->rows;
	return fits || layout->cursor.row < view->rows ? 0 : layout->cursor.row - view->rows + 1;
}

static size_t last_row(const struct line_view *view, const struct layout *layout)
{
	size_t bottom = top_row(view, layout) + view->rows - 1;
	return layout->end.row < bottom ? layout->end.row : bottom;
}

enum err line_view_draw(struct line_view *view, const struct line_shown *shown, struct buffer *out)
{
	struct layout layout = measure(view, shown);
	size_t top = top_row(view, &layout), last = last_row(view, &layout);
	struct pen pen = {.columns = view->columns, .top = top, .bottom = last + 1, .out = out};
	draw_all(&pen, shown);
	view->cursor_row = layout.cursor.row - top;
	return pen.err ? pen.err : move(out, last, layout.cursor.row, layout.cursor.column);
}

enum err line_view_erase(struct line_view *view, struct buffer *out)
{
	enum err err = move(out, view->cursor_row, 0, 0);
	view->cursor_row = 0;
	return err ? err : buffer_append_text(out, "\033[J");
}

enum err line_view_leave(struct line_view *view, const struct line_shown *shown, struct buffer *out)
{
	struct layout layout = measure(view, shown);
	size_t top = top_row(view, &layout), last = last_row(view, &layout);
	enum err err = move(out, view->cursor_row, last - top, 0);
	view->cursor_row = 0;
	return err ? err : buffer_append_text(out, "\n");
}

size_t line_view_height(const struct line_view *view, const struct line_shown *shown)
{
	struct layout layout = measure(view, shown);
	return last_row(view, &layout) - top_row(view, &layout) + 1;
}

size_t line_view_rows(const struct line_view *view, struct bytes text)
{
	struct pen pen = {.columns = view->columns};
	size_t size;
	unsigned width;
	for (size_t i = 0; i < text.size; i += size) {
		const char *from = (const char *)text.data + i;
		const uint8_t *end = *from == '\033' ? memchr(from, 'm', text.size - i) : NULL;
		if (end) {
			size = (size_t)(end - (text.data + i)) + 1;
			continue;
		}
		const char *as = shown_as(from, true, &size, &width);
		draw_character(&pen, as, size, width);
	}
	return pen.place.row + (pen.place.column > 0);
}

void line_view_resize(
	struct line_view *view, const struct line_shown *shown, size_t columns, size_t rows)
{
	*view = (struct line_view){columns, rows, view->cursor_row};
	struct layout layout = measure(view, shown);
	size_t row = layout.cursor.row - top_row(view, &layout);
	/* Some terminals wrap what is on them anew and some do not. The smaller of the two leaves
	 * a piece of our line standing, where the larger would erase somebody else's. */
	if (row < view->cursor_row)
		view->cursor_row = row;
}
