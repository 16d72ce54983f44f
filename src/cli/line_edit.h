/* A line that is being typed: the text, the cursor in it, and what keys do to both. No terminal:
 * keys come from cli/line_keys.h, cli/line_view.h draws. */
#ifndef CLI_LINE_EDIT_H
#define CLI_LINE_EDIT_H

#include "base/buffer.h"
#include "cli/line_history.h"
#include "cli/line_keys.h"

struct line_edit {
	struct buffer text; /* well-formed UTF-8 of at most CLI_LINE_MAX bytes */
	size_t at;          /* the cursor, before this byte */
	struct buffer erased;
	struct line_history *history; /* borrowed */
	size_t back;                  /* lines back in the history; 0: the line that is new */
	struct buffer unfinished;     /* that one, while another is shown */
};

void line_edit_init(struct line_edit *edit, struct line_history *history);
void line_edit_deinit(struct line_edit *edit);

/* What the key is for somebody else to do. */
enum line_edit_next {
	LINE_EDIT_NOTHING,
	LINE_EDIT_ENTERED, /* `text` is finished; line_edit_clear() begins the next */
	LINE_EDIT_COMPLETE,
	LINE_EDIT_CLEAR_SCREEN,
	LINE_EDIT_LEAVE,
	LINE_EDIT_SUSPEND,
	LINE_EDIT_FULL, /* the line would be too long; it is as before */
};
enum line_edit_next line_edit_press(struct line_edit *edit, const struct line_key_press *press);

/* Empties the line. */
void line_edit_clear(struct line_edit *edit);
/* Puts text in at the cursor, which goes behind it; false: the line would be too long. */
bool line_edit_insert(struct line_edit *edit, struct bytes text);

#endif
