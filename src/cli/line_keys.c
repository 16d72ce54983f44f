/* The sequences are those of xterm, which other terminals share: ECMA-48 section 5.4 for their
 * form, and bracketed paste. */
#include "cli/line_keys.h"

#include <string.h>

#define ESC 0x1b
#define DEL 0x7f
#define PASTE_END "\033[201~"

static const enum line_key controls[32] = {
	[0x01] = LINE_KEY_HOME,          /* ^A */
	[0x02] = LINE_KEY_LEFT,          /* ^B */
	[0x03] = LINE_KEY_INTERRUPT,     /* ^C */
	[0x04] = LINE_KEY_END_OF_INPUT,  /* ^D */
	[0x05] = LINE_KEY_END,           /* ^E */
	[0x06] = LINE_KEY_RIGHT,         /* ^F */
	[0x08] = LINE_KEY_ERASE,         /* ^H */
	[0x09] = LINE_KEY_TAB,           /* ^I */
	[0x0a] = LINE_KEY_ENTER,         /* ^J */
	[0x0b] = LINE_KEY_DELETE_TO_END, /* ^K */
	[0x0c] = LINE_KEY_CLEAR_SCREEN,  /* ^L */
	[0x0d] = LINE_KEY_ENTER,         /* ^M */
	[0x0e] = LINE_KEY_DOWN,          /* ^N */
	[0x10] = LINE_KEY_UP,            /* ^P */
	[0x15] = LINE_KEY_ERASE_TO_HOME, /* ^U */
	[0x17] = LINE_KEY_ERASE_SPACED,  /* ^W */
	[0x19] = LINE_KEY_PUT_BACK,      /* ^Y */
	[0x1a] = LINE_KEY_SUSPEND,       /* ^Z */
};

struct sequence {
	const char *text;
	enum line_key key;
};

/* Behind ESC [. */
static const struct sequence csi[] = {
	{"A", LINE_KEY_UP},
	{"B", LINE_KEY_DOWN},
	{"C", LINE_KEY_RIGHT},
	{"D", LINE_KEY_LEFT},
	{"H", LINE_KEY_HOME},
	{"F", LINE_KEY_END},
	{"1~", LINE_KEY_HOME},
	{"7~", LINE_KEY_HOME},
	{"4~", LINE_KEY_END},
	{"8~", LINE_KEY_END},
	{"3~", LINE_KEY_DELETE},
	{"3;5~", LINE_KEY_DELETE_WORD},
	{"1;5C", LINE_KEY_WORD_RIGHT},
	{"1;3C", LINE_KEY_WORD_RIGHT},
	{"1;5D", LINE_KEY_WORD_LEFT},
	{"1;3D", LINE_KEY_WORD_LEFT},
	{.text = NULL},
};

/* Behind ESC O. */
static const struct sequence ss3[] = {
	{"A", LINE_KEY_UP},
	{"B", LINE_KEY_DOWN},
	{"C", LINE_KEY_RIGHT},
	{"D", LINE_KEY_LEFT},
	{"H", LINE_KEY_HOME},
	{"F", LINE_KEY_END},
	{"M", LINE_KEY_ENTER},
	{.text = NULL},
};

/* Behind ESC: what a key together with Alt sends. */
static const struct sequence alt[] = {
	{"b", LINE_KEY_WORD_LEFT},
	{"f", LINE_KEY_WORD_RIGHT},
	{"d", LINE_KEY_DELETE_WORD},
	{"\x7f", LINE_KEY_ERASE_WORD},
	{"\b", LINE_KEY_ERASE_WORD},
	{"\r", LINE_KEY_NEW_LINE},
	{"\n", LINE_KEY_NEW_LINE},
	{.text = NULL},
};

void line_keys_init(struct line_keys *keys)
{
	*keys = (struct line_keys){.paste = buffer_with_max(CLI_LINE_MAX)};
}

void line_keys_deinit(struct line_keys *keys)
{
	buffer_deinit(&keys->paste);
}

static struct line_key_press press(enum line_key key)
{
	return (struct line_key_press){.key = key};
}

static struct line_key_press find(const struct sequence *table, const char *text)
{
	while (table->text && strcmp(table->text, text) != 0)
		table++;
	return press(table->text ? table->key : LINE_KEY_NONE);
}

static struct line_key_press find_one(const struct sequence *table, uint8_t byte)
{
	return find(table, (char[]){(char)byte, 0});
}

static void begin_paste(struct line_keys *keys)
{
	keys->state = LINE_PASTE;
	buffer_clear(&keys->paste);
	keys->end_matched = 0;
	keys->too_long = false;
}

static struct line_key_press in_csi(struct line_keys *keys, uint8_t byte)
{
	bool ends = byte >= 0x40 && byte <= 0x7e;
	if (byte == ESC) {
		keys->state = LINE_ESCAPE;
		return press(LINE_KEY_NONE);
	}
	/* One that is too long has no meaning; it is followed to its end all the same. */
	if (keys->sequence_size < sizeof(keys->sequence) - 1)
		keys->sequence[keys->sequence_size++] = (char)byte;
	if (!ends)
		return press(LINE_KEY_NONE);
	keys->sequence[keys->sequence_size] = 0;
	keys->state = LINE_PLAIN;
	if (strcmp(keys->sequence, "200~") != 0)
		return find(csi, keys->sequence);
	begin_paste(keys);
	return press(LINE_KEY_NONE);
}

static struct line_key_press in_escape(struct line_keys *keys, uint8_t byte)
{
	if (byte == ESC)
		return press(LINE_KEY_NONE);
	keys->state = byte == '[' ? LINE_CSI : byte == 'O' ? LINE_SS3 : LINE_PLAIN;
	keys->sequence_size = 0;
	return find_one(alt, byte);
}

/* The size of the well-formed character at `at`; 0: it is none. */
static size_t character_size(struct bytes text, size_t at)
{
	for (size_t size = 1; size <= 4 && at + size <= text.size; size++)
		if (utf8_is_valid(bytes_of(text.data + at, size)))
			return size;
	return 0;
}

/* Line ends become \n, those at the end go; so does what is no text. */
static void clean(struct buffer *paste)
{
	size_t kept = 0, size;
	struct bytes text = buffer_bytes(paste);
	for (size_t at = 0; at < text.size; at += size) {
		uint8_t c = paste->data[at];
		size = character_size(text, at);
		if (c == '\r') {
			paste->data[kept++] = '\n';
			size = at + 1 < text.size && paste->data[at + 1] == '\n' ? 2 : 1;
		} else if (size == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == DEL) {
			size = 1;
		} else {
			memmove(paste->data + kept, paste->data + at, size);
			kept += size;
		}
	}
	while (kept > 0 && paste->data[kept - 1] == '\n')
		kept--;
	paste->size = kept;
}

static void add_to_paste(struct line_keys *keys, struct bytes bytes)
{
	if (buffer_append(&keys->paste, bytes) != ERR_OK)
		keys->too_long = true;
}

static struct line_key_press in_paste(struct line_keys *keys, uint8_t byte)
{
	if (byte == (uint8_t)PASTE_END[keys->end_matched]) {
		keys->end_matched++;
		if (PASTE_END[keys->end_matched])
			return press(LINE_KEY_NONE);
		keys->state = LINE_PLAIN;
		if (keys->too_long)
			return press(LINE_KEY_TOO_LONG);
		clean(&keys->paste);
		return (struct line_key_press){
			.key = LINE_KEY_TEXT, .text = buffer_bytes(&keys->paste)};
	}
	add_to_paste(keys, bytes_of(PASTE_END, keys->end_matched));
	keys->end_matched = byte == ESC;
	if (byte != ESC)
		add_to_paste(keys, bytes_of(&byte, 1));
	return press(LINE_KEY_NONE);
}

static struct line_key_press in_character(struct line_keys *keys, uint8_t byte)
{
	if (!utf8_goes_on(&keys->utf8, bytes_of(&byte, 1))) {
		bool began = keys->character_size > 0;
		keys->utf8 = (struct utf8){0};
		keys->character_size = 0;
		return began ? line_keys_take(keys, byte) : press(LINE_KEY_NONE);
	}
	keys->character[keys->character_size++] = (char)byte;
	if (keys->utf8.missing > 0)
		return press(LINE_KEY_NONE);
	size_t size = keys->character_size;
	keys->character_size = 0;
	return (struct line_key_press){
		.key = LINE_KEY_TEXT, .text = bytes_of(keys->character, size)};
}

static struct line_key_press in_plain(struct line_keys *keys, uint8_t byte)
{
	if (keys->character_size > 0 || (byte >= 0x20 && byte != DEL))
		return in_character(keys, byte);
	if (byte == ESC)
		keys->state = LINE_ESCAPE;
	return press(byte == DEL ? LINE_KEY_ERASE : controls[byte]);
}

struct line_key_press line_keys_take(struct line_keys *keys, uint8_t byte)
{
	switch (keys->state) {
	case LINE_PLAIN:
		return in_plain(keys, byte);
	case LINE_ESCAPE:
		return in_escape(keys, byte);
	case LINE_CSI:
		return in_csi(keys, byte);
	case LINE_SS3:
		keys->state = LINE_PLAIN;
		return find_one(ss3, byte);
	case LINE_PASTE:
		return in_paste(keys, byte);
	}
	CHECK(false);
	return press(LINE_KEY_NONE);
}
