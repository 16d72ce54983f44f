/* What the bytes of a terminal mean: keys, characters and pastes. Bytes come in one by one, and
 * nothing waits for the rest of a sequence. */
#ifndef CLI_LINE_KEYS_H
#define CLI_LINE_KEYS_H

#include "base/buffer.h"
#include "base/text.h"
#include "cli/limits.h"

enum line_key {
	LINE_KEY_NONE,     /* the bytes so far are no key, or none that has a meaning */
	LINE_KEY_TEXT,     /* one character, or a paste: see `text` */
	LINE_KEY_TOO_LONG, /* a paste of more than CLI_LINE_MAX bytes, which is left out */
	LINE_KEY_ENTER,
	LINE_KEY_NEW_LINE, /* in the message: Alt-Enter */
	LINE_KEY_TAB,
	LINE_KEY_LEFT,
	LINE_KEY_RIGHT,
	LINE_KEY_WORD_LEFT,
	LINE_KEY_WORD_RIGHT,
	LINE_KEY_HOME,
	LINE_KEY_END,
	LINE_KEY_UP,
	LINE_KEY_DOWN,
	LINE_KEY_ERASE,
	LINE_KEY_ERASE_WORD,
	LINE_KEY_ERASE_SPACED, /* back to a space */
	LINE_KEY_ERASE_TO_HOME,
	LINE_KEY_DELETE,
	LINE_KEY_DELETE_WORD,
	LINE_KEY_DELETE_TO_END,
	LINE_KEY_PUT_BACK, /* what was erased last */
	LINE_KEY_CLEAR_SCREEN,
	LINE_KEY_INTERRUPT,
	LINE_KEY_END_OF_INPUT,
	LINE_KEY_SUSPEND,
};

struct line_key_press {
	enum line_key key;
	struct bytes text; /* well-formed UTF-8, line ends as \n; borrowed until the next byte */
};

struct line_keys {
	enum { LINE_PLAIN, LINE_ESCAPE, LINE_CSI, LINE_SS3, LINE_PASTE } state;
	char sequence[CLI_KEY_SEQUENCE_MAX]; /* behind ESC [ */
	size_t sequence_size;
	struct utf8 utf8;
	char character[4];
	size_t character_size;
	struct buffer paste;
	size_t end_matched; /* bytes of the sequence that ends a paste */
	bool too_long;
};

void line_keys_init(struct line_keys *keys);
void line_keys_deinit(struct line_keys *keys);

struct line_key_press line_keys_take(struct line_keys *keys, uint8_t byte);

#endif
