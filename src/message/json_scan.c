#include "message/json_scan.h"

#include "base/text.h"
#include "message/json.h"

/* Digits before the point of a number: surely within 64 bits. */
#define DIGITS_MAX 18

struct scanner {
	struct bytes text;
	size_t at;
	size_t depth;
	size_t key_count; /* of the objects that are open */
	struct bytes keys[JSON_SCAN_KEYS_MAX];
	struct json_scan *result;
};

/* What a byte of a string is; all others are themselves. */
enum string_byte {
	STRING_END = 1,
	STRING_ESCAPE,
	STRING_UNSURE, /* a control character: never within a string */
	STRING_HIGH,   /* of a character beyond ASCII */
};

static enum string_byte kind_of(uint8_t c)
{
	if (c == '"')
		return STRING_END;
	if (c == '\\')
		return STRING_ESCAPE;
	return c < 0x20 ? STRING_UNSURE : c >= 0x80 ? STRING_HIGH : 0;
}

/* Whether eight bytes hold none of those above, all at once. */
static bool is_plain(uint64_t eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
	uint64_t quotes = eight ^ ones * '"', escapes = eight ^ ones * '\\';
	/* A byte below n, where none has its high bit set, borrows into it. */
	uint64_t found = eight | (eight - ones * 0x20) | (quotes - ones) | (escapes - ones);
	return (found & highs) == 0;
}

static size_t plain_run(struct bytes text, size_t at)
{
	uint64_t eight;
	while (at + sizeof eight <= text.size) {
		memcpy(&eight, text.data + at, sizeof eight);
		if (!is_plain(eight))
			break;
		at += sizeof eight;
	}
	return at;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next byte that is no space, or 0. */
static uint8_t peek(struct scanner *s)
{
	while (s->at < s->text.size && is_space(s->text.data[s->at]))
		s->at++;
	return s->at < s->text.size ? s->text.data[s->at] : 0;
}

static bool take(struct scanner *s, uint8_t wanted)
{
	if (peek(s) != wanted)
		return false;
	s->at++;
	return true;
}

/* Behind the backslash at `at`. False: not one whose character is sure. */
static bool scan_escape(struct scanner *s)
{
	uint8_t c = s->at + 1 < s->text.size ? s->text.data[s->at + 1] : 0;
	if (c == 0 || !memchr("\"\\/bfnrt", c, 8))
		return false;
	s->at += 2;
	return true;
}

/* From the quote at `at` to behind the other one. */
static bool scan_string(struct scanner *s, bool has_escapes, struct bytes *ret_inside)
{
	size_t begin = ++s->at;
	bool is_ascii = true;
	for (;;) {
		s->at = plain_run(s->text, s->at);
		if (s->at >= s->text.size)
			return false;
		switch (kind_of(s->text.data[s->at])) {
		case STRING_END:
			*ret_inside = bytes_slice(s->text, begin, s->at - begin);
			s->at++;
			return is_ascii || utf8_is_valid(*ret_inside);
		case STRING_ESCAPE:
			if (!has_escapes || !scan_escape(s))
				return false;
			break;
		case STRING_UNSURE:
			return false;
		case STRING_HIGH:
			is_ascii = false;
			s->at++;
			break;
		default:
			s->at++;
		}
	}
}

static size_t scan_digits(struct scanner *s)
{
	size_t begin = s->at;
	while (s->at < s->text.size && s->text.data[s->at] >= '0' && s->text.data[s->at] <= '9')
		s->at++;
	return s->at - begin;
}

/* Without exponent, and not so large that it could be out of range. */
static bool scan_number(struct scanner *s)
{
	if (s->text.data[s->at] == '-')
		s->at++;
	bool has_zero = s->at < s->text.size && s->text.data[s->at] == '0';
	size_t digits = scan_digits(s);
	if (digits == 0 || digits > DIGITS_MAX || (has_zero && digits > 1))
		return false;
	uint8_t next = s->at < s->text.size ? s->text.data[s->at] : 0;
	if (next == '.') {
		s->at++;
		if (scan_digits(s) == 0)
			return false;
		next = s->at < s->text.size ? s->text.data[s->at] : 0;
	}
	return next != 'e' && next != 'E';
}

static bool scan_word(struct scanner *s, const char *word)
{
	size_t size = strlen(word);
	if (!bytes_equal_text(bytes_slice(s->text, s->at, size), word))
		return false;
	s->at += size;
	return true;
}

static bool scan_value(struct scanner *s);

static bool scan_array(struct scanner *s)
{
	s->at++;
	if (take(s, ']'))
		return true;
	do {
		if (!scan_value(s))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

/* Among the keys from `first` on, which are those of its object. */
static bool add_key(struct scanner *s, size_t first, struct bytes key)
{
	if (s->key_count == JSON_SCAN_KEYS_MAX || s->key_count - first == JSON_SCAN_MEMBERS_MAX)
		return false;
	for (size_t i = first; i < s->key_count; i++)
		if (bytes_equal(s->keys[i], key))
			return false;
	s->keys[s->key_count++] = key;
	return true;
}

static bool scan_member(struct scanner *s, size_t first)
{
	struct json_member member;
	if (peek(s) != '"')
		return false;
	size_t begin = s->at;
	if (!scan_string(s, false, &member.key) || !add_key(s, first, member.key) || !take(s, ':'))
		return false;
	(void)peek(s);
	size_t value = s->at;
	if (!scan_value(s))
		return false;
	if (s->depth > 1)
		return true;
	member.whole = bytes_slice(s->text, begin, s->at - begin);
	member.value = bytes_slice(s->text, value, s->at - value);
	s->result->members[s->result->count++] = member;
	return true;
}

static bool scan_object(struct scanner *s)
{
	size_t first = s->key_count;
	s->at++;
	if (take(s, '}'))
		return true;
	do {
		if (!scan_member(s, first))
			return false;
	} while (take(s, ','));
	s->key_count = first;
	return take(s, '}');
}

/* An object or array, which begins at `at`. */
static bool scan_nested(struct scanner *s)
{
	if (s->depth == JSON_DEPTH_MAX)
		return false;
	s->depth++;
	bool is_sure = s->text.data[s->at] == '{' ? scan_object(s) : scan_array(s);
	s->depth--;
	return is_sure;
}

static bool scan_value(struct scanner *s)
{
	struct bytes inside;
	switch (peek(s)) {
	case '"':
		return scan_string(s, true, &inside);
	case '{':
	case '[':
		return scan_nested(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	case 0:
		return false;
	default:
		return scan_number(s);
	}
}

bool json_scan(struct bytes text, struct json_scan *ret_scan)
{
	struct scanner s = {.text = text, .result = ret_scan};
	ret_scan->count = 0;
	return peek(&s) == '{' && scan_value(&s) && peek(&s) == 0 && s.at == text.size;
}

const struct json_member *json_scan_find(const struct json_scan *scan, const char *key)
{
	for (size_t i = 0; i < scan->count; i++)
		if (bytes_equal_text(scan->members[i].key, key))
			return &scan->members[i];
	return NULL;
}

bool json_scan_text(struct bytes value, struct bytes *ret_text)
{
	if (value.size < 2 || value.data[0] != '"' || memchr(value.data, '\\', value.size))
		return false;
	*ret_text = bytes_slice(value, 1, value.size - 2);
	return true;
}
