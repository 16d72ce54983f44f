#include "cli/line_edit.h"

#include <string.h>

#include "cli/cell.h"

void line_edit_init(struct line_edit *edit, struct line_history *history)
{
	*edit = (struct line_edit){
		.text = buffer_with_max(CLI_LINE_MAX),
		.erased = buffer_with_max(CLI_LINE_MAX),
		.unfinished = buffer_with_max(CLI_LINE_MAX),
		.history = history,
	};
}

void line_edit_deinit(struct line_edit *edit)
{
	buffer_deinit(&edit->text);
	buffer_deinit(&edit->erased);
	buffer_deinit(&edit->unfinished);
}

void line_edit_clear(struct line_edit *edit)
{
	buffer_clear(&edit->text);
	buffer_clear(&edit->unfinished);
	edit->at = 0;
	edit->back = 0;
}

bool line_edit_insert(struct line_edit *edit, struct bytes text)
{
	struct buffer *line = &edit->text;
	size_t behind = line->size - edit->at;
	if (buffer_append(line, text) != ERR_OK)
		return false;
	memmove(line->data + edit->at + text.size, line->data + edit->at, behind);
	if (text.size > 0)
		memcpy(line->data + edit->at, text.data, text.size);
	edit->at += text.size;
	return true;
}

/* ---- Where things begin and end ---- */

static bool is_of_word(const struct line_edit *edit, size_t at, bool spaced)
{
	uint8_t c = edit->text.data[at];
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c >= 0x80;
	return spaced ? c != ' ' && c != '\n' && c != '\t' : letter;
}

static size_t word_begin(const struct line_edit *edit, bool spaced)
{
	size_t at = edit->at;
	while (at > 0 && !is_of_word(edit, at - 1, spaced))
		at--;
	while (at > 0 && is_of_word(edit, at - 1, spaced))
		at--;
	return at;
}

static size_t word_end(const struct line_edit *edit)
{
	size_t at = edit->at;
	while (at < edit->text.size && !is_of_word(edit, at, false))
		at++;
	while (at < edit->text.size && is_of_word(edit, at, false))
		at++;
	return at;
}

/* ---- Changes ---- */

static void cut(struct line_edit *edit, size_t from, size_t to)
{
	struct buffer *line = &edit->text;
	if (from == to)
		return;
	memmove(line->data + from, line->data + to, line->size - to + 1);
	line->size -= to - from;
	edit->at = from;
}

/* As cut(), and kept to be put back. */
static void erase(struct line_edit *edit, size_t from, size_t to)
{
	if (from == to)
		return;
	buffer_clear(&edit->erased);
	if (buffer_append(&edit->erased, bytes_of(edit->text.data + from, to - from)) == ERR_OK)
		cut(edit, from, to);
}

static void show(struct line_edit *edit, struct bytes text)
{
	buffer_clear(&edit->text);
	edit->at = 0;
	line_edit_insert(edit, text);
}

/* One line further back, or forth to the new one. */
static void walk(struct line_edit *edit, bool back)
{
	const char *line = line_history_get(edit->history, back ? edit->back + 1 : edit->back - 1);
	if (back && !line)
		return;
	if (!back && edit->back == 0)
		return;
	if (back && edit->back == 0) {
		buffer_clear(&edit->unfinished);
		if (buffer_append(&edit->unfinished, buffer_bytes(&edit->text)) != ERR_OK)
			return;
	}
	edit->back += back ? 1 : (size_t)-1;
	show(edit, edit->back > 0 ? bytes_of_text(line) : buffer_bytes(&edit->unfinished));
}

static enum line_edit_next put_in(struct line_edit *edit, struct bytes text)
{
	return line_edit_insert(edit, text) ? LINE_EDIT_NOTHING : LINE_EDIT_FULL;
}

static enum line_edit_next end_of_input(struct line_edit *edit)
{
	if (edit->text.size == 0)
		return LINE_EDIT_LEAVE;
	cut(edit, edit->at, cell_next(buffer_bytes(&edit->text), edit->at));
	return LINE_EDIT_NOTHING;
}

enum line_edit_next line_edit_press(struct line_edit *edit, const struct line_key_press *press)
{
	struct bytes text = buffer_bytes(&edit->text);
	switch (press->key) {
	case LINE_KEY_NONE:
		break;
	case LINE_KEY_TEXT:
		return put_in(edit, press->text);
	case LINE_KEY_TOO_LONG:
		return LINE_EDIT_FULL;
	case LINE_KEY_NEW_LINE:
		return put_in(edit, bytes_of_text("\n"));
	case LINE_KEY_PUT_BACK:
		return put_in(edit, buffer_bytes(&edit->erased));
	case LINE_KEY_ENTER:
		return LINE_EDIT_ENTERED;
	case LINE_KEY_TAB:
		return LINE_EDIT_COMPLETE;
	case LINE_KEY_CLEAR_SCREEN:
		return LINE_EDIT_CLEAR_SCREEN;
	case LINE_KEY_INTERRUPT:
		return LINE_EDIT_LEAVE;
	case LINE_KEY_SUSPEND:
		return LINE_EDIT_SUSPEND;
	case LINE_KEY_END_OF_INPUT:
		return end_of_input(edit);
	case LINE_KEY_LEFT:
		edit->at = cell_previous(text, edit->at);
		break;
	case LINE_KEY_RIGHT:
		edit->at = cell_next(text, edit->at);
		break;
	case LINE_KEY_WORD_LEFT:
		edit->at = word_begin(edit, false);
		break;
	case LINE_KEY_WORD_RIGHT:
		edit->at = word_end(edit);
		break;
	case LINE_KEY_HOME:
		edit->at = 0;
		break;
	case LINE_KEY_END:
		edit->at = text.size;
		break;
	case LINE_KEY_UP:
	case LINE_KEY_DOWN:
		walk(edit, press->key == LINE_KEY_UP);
		break;
	case LINE_KEY_ERASE:
		cut(edit, cell_previous(text, edit->at), edit->at);
		break;
	case LINE_KEY_ERASE_WORD:
		erase(edit, word_begin(edit, false), edit->at);
		break;
	case LINE_KEY_ERASE_SPACED:
		erase(edit, word_begin(edit, true), edit->at);
		break;
	case LINE_KEY_ERASE_TO_HOME:
		erase(edit, 0, edit->at);
		break;
	case LINE_KEY_DELETE:
		cut(edit, edit->at, cell_next(text, edit->at));
		break;
	case LINE_KEY_DELETE_WORD:
		erase(edit, edit->at, word_end(edit));
		break;
	case LINE_KEY_DELETE_TO_END:
		erase(edit, edit->at, text.size);
		break;
	}
	return LINE_EDIT_NOTHING;
}
