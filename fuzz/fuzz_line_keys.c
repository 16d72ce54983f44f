/* What a terminal sends, and a line that is typed with it: the first byte is the terminal's width.
 * Whatever comes, the line is text, the cursor stands between two characters of it, and nothing
 * that is drawn but our own sequences is a control character. */
#include <locale.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/line_edit.h"
#include "cli/line_view.h"

#include "fuzz.h"

static void check_drawn(struct bytes drawn)
{
	for (size_t i = 0; i < drawn.size; i++) {
		uint8_t c = drawn.data[i];
		CHECK(c >= 0x20 || c == '\r' || c == '\n' || c == 0x1b);
		CHECK(c != 0x7f);
		CHECK(c != 0x1b || drawn.data[i + 1] == '[');
	}
}

static void draw(struct line_view *view, const struct line_edit *edit)
{
	struct buffer out = buffer_with_max(8 * CLI_LINE_MAX);
	struct line_shown shown = {
		.colour_on = "",
		.prompt = "bob> ",
		.colour_off = "",
		.text = buffer_bytes(&edit->text),
		.at = edit->at,
	};
	if (line_view_draw(view, &shown, &out) == ERR_OK)
		check_drawn(buffer_bytes(&out));
	CHECK(view->cursor_row < view->rows);
	CHECK(line_view_height(view, &shown) <= view->rows);
	buffer_deinit(&out);
}

static void check_line(const struct line_edit *edit)
{
	struct bytes text = buffer_bytes(&edit->text);
	CHECK(edit->at <= text.size);
	CHECK(utf8_is_valid(text));
	CHECK(utf8_is_valid(bytes_slice(text, 0, edit->at)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line_history history = {.fd = -1};
	struct line_keys keys;
	struct line_edit edit;
	if (size == 0)
		return 0;
	struct line_view view = {.columns = 2 + data[0] % 80, .rows = 1 + data[0] / 16};
	setlocale(LC_CTYPE, "C.UTF-8"); /* for the widths of characters */
	line_keys_init(&keys);
	line_edit_init(&edit, &history);
	for (size_t i = 1; i < size; i++) {
		struct line_key_press press = line_keys_take(&keys, data[i]);
		CHECK(press.key == LINE_KEY_TEXT || press.text.size == 0);
		if (line_edit_press(&edit, &press) == LINE_EDIT_ENTERED) {
			line_history_add(&history, buffer_text(&edit.text));
			line_edit_clear(&edit);
		}
		check_line(&edit);
	}
	draw(&view, &edit);
	line_edit_deinit(&edit);
	line_keys_deinit(&keys);
	line_history_close(&history);
	return 0;
}
