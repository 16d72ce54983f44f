#include "web/websocket_frame.h"

#include <stdlib.h>

#include "test.h"
#include "web/limits.h"

#define MESSAGE_MAX 200

/* What was read, as one line of text: "text(hello) ping() close(1000,bye)". */
struct story {
	char text[4096];
	size_t held; /* the most that was kept between two inputs */
};

static void tell(struct story *story, const struct websocket_event *event)
{
	size_t size = strlen(story->text);
	int payload = (int)event->payload.size;
	const char *bytes = (const char *)event->payload.data;
	char *to = story->text + size;
	size_t room = sizeof story->text - size;
	switch (event->kind) {
	case WEBSOCKET_EVENT_MESSAGE:
		snprintf(to, room, "%s(%.*s) ", event->is_text ? "text" : "binary", payload, bytes);
		break;
	case WEBSOCKET_EVENT_TOO_LARGE:
		snprintf(to, room, "too large ");
		break;
	case WEBSOCKET_EVENT_PING:
		snprintf(to, room, "ping(%.*s) ", payload, bytes);
		break;
	case WEBSOCKET_EVENT_PONG:
		snprintf(to, room, "pong(%.*s) ", payload, bytes);
		break;
	case WEBSOCKET_EVENT_CLOSE:
		snprintf(to, room, "close(%u,%.*s) ", event->code, payload > 2 ? payload - 2 : 0,
			payload > 2 ? bytes + 2 : "");
		break;
	case WEBSOCKET_EVENT_FAILED:
		snprintf(to, room, "failed(%u) ", event->code);
		assert_non_null(event->reason);
		break;
	}
}

static void read_all(struct websocket_reader *reader, struct bytes bytes, struct story *story)
{
	/* A copy with no room around, so that a sanitizer sees every step too far. */
	uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
	struct websocket_input in = {copy, bytes.size};
	struct websocket_event event;
	if (bytes.size > 0)
		memcpy(copy, bytes.data, bytes.size);
	while (websocket_read(reader, &in, &event))
		tell(story, &event);
	assert_int_equal(in.size, 0);
	free(copy);
}

static struct story story_of(struct bytes bytes, size_t step)
{
	struct websocket_reader reader;
	struct story story = {0};
	websocket_reader_init(&reader, MESSAGE_MAX);
	for (size_t i = 0; i < bytes.size; i += step) {
		read_all(&reader, bytes_slice(bytes, i, step), &story);
		story.held = max_size(story.held, reader.message.capacity);
	}
	websocket_reader_deinit(&reader);
	return story;
}

/* In one piece, byte by byte, and in threes. */
static void assert_reads(struct bytes bytes, const char *wanted)
{
	static const size_t steps[] = {SIZE_MAX / 2, 1, 3};
	for (size_t i = 0; i < 3; i++) {
		struct story story = story_of(bytes, steps[i]);
		assert_string_equal(story.text, wanted);
	}
}

#define BYTES(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* Appends a frame of a client, its payload masked. */
static void put(struct buffer *to, uint8_t first, const void *payload, size_t size)
{
	static const uint8_t mask[] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t header[WEBSOCKET_HEADER_MAX];
	size_t header_size = websocket_put_header(header, WEBSOCKET_TEXT, size);
	header[0] = first;
	header[1] |= 0x80;
	assert_ok(buffer_append(to, bytes_of(header, header_size)));
	assert_ok(buffer_append(to, bytes_of(mask, sizeof mask)));
	assert_ok(buffer_append(to, bytes_of(payload, size)));
	for (size_t i = 0; i < size; i++)
		to->data[to->size - size + i] ^= mask[i & 3];
}

/* RFC 6455 section 5.7: "Contains 'Hello'". */
static void the_examples_of_the_standard_are_read(void **state)
{
	(void)state;
	assert_reads(BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text(Hello) ");
	assert_reads(BYTES("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "pong(Hello) ");
}

static void messages_of_every_size_come_as_they_were(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 7, 8, 9, 125, 126, 127, MESSAGE_MAX};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char payload[MESSAGE_MAX], wanted[MESSAGE_MAX + 32];
		struct buffer bytes = buffer_with_max(4096);
		for (size_t j = 0; j < sizes[i]; j++)
			payload[j] = (char)('a' + j % 26);
		put(&bytes, 0x82, payload, sizes[i]);
		snprintf(wanted, sizeof wanted, "binary(%.*s) ", (int)sizes[i], payload);
		assert_reads(buffer_bytes(&bytes), wanted);
		buffer_deinit(&bytes);
	}
}

static void fragments_make_a_message_and_control_frames_pass_between(void **state)
{
	(void)state;
	struct buffer bytes = buffer_with_max(4096);
	put(&bytes, 0x01, "ab", 2);
	put(&bytes, 0x89, "!", 1);
	put(&bytes, 0x00, "", 0);
	put(&bytes, 0x8a, "", 0);
	put(&bytes, 0x00, "c\xc3", 2);
	put(&bytes, 0x80, "\xa9", 1);
	put(&bytes, 0x02, "", 0);
	put(&bytes, 0x80, "", 0);
	put(&bytes, 0x81, "next", 4);
	assert_reads(buffer_bytes(&bytes), "ping(!) pong() text(abc\xc3\xa9) binary() text(next) ");
	buffer_deinit(&bytes);
}

static void what_breaks_a_rule_ends_the_reading(void **state)
{
	(void)state;
	const struct {
		struct bytes bytes;
		const char *wanted;
	} cases[] = {
		{BYTES("\xc1\x80"
		       "aaaa"),
			"failed(1002) "}, /* RSV1 */
		{BYTES("\xa1\x80"
		       "aaaa"),
			"failed(1002) "}, /* RSV2 */
		{BYTES("\x91\x80"
		       "aaaa"),
			"failed(1002) "}, /* RSV3 */
		{BYTES("\x83\x80"
		       "aaaa"),
			"failed(1002) "}, /* opcodes 3, 7, 11, 15 */
		{BYTES("\x87\x80"
		       "aaaa"),
			"failed(1002) "},
		{BYTES("\x8b\x80"
		       "aaaa"),
			"failed(1002) "},
		{BYTES("\x8f\x80"
		       "aaaa"),
			"failed(1002) "},
		{BYTES("\x81\x02hi"), "failed(1002) "}, /* no mask */
		{BYTES("\x09\x80"
		       "aaaa"),
			"failed(1002) "}, /* a part of a ping */
		{BYTES("\x89\xfe\x00\x7e"
		       "aaaa"),
			"failed(1002) "}, /* a ping of 126 */
		{BYTES("\x80\x80"
		       "aaaa"),
			"failed(1002) "}, /* continues nothing */
		{BYTES("\x01\x80"
		       "aaaa"
		       "\x81\x80"
		       "aaaa"),
			"failed(1002) "}, /* begins another */
		{BYTES("\x82\xfe\x00\x7d"
		       "aaaa"),
			"failed(1002) "}, /* 125 in 16 bits */
		{BYTES("\x82\xff\0\0\0\0\0\0\xff\xff"
		       "aaaa"),
			"failed(1002) "}, /* 65535 in 64 */
		{BYTES("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		       "aaaa"),
			"failed(1002) "},
		{BYTES("\x81\x82\0\0\0\0\xff\xfe"), "failed(1007) "},     /* no UTF-8 */
		{BYTES("\x81\x81\0\0\0\0\xc3"), "failed(1007) "},         /* half a character */
		{BYTES("\x01\x81\0\0\0\0\xff"), "failed(1007) "},         /* before its end */
		{BYTES("\x88\x81\0\0\0\0\x03"), "failed(1002) "},         /* half a code */
		{BYTES("\x88\x83\0\0\0\0\x03\xe8\xff"), "failed(1007) "}, /* reason no UTF-8 */
		{BYTES("\x88\x80\0\0\0\0\x81\x81\0\0\0\0x"),
			"close(1005,) "}, /* nothing behind it */
		{BYTES("\x88\x85\0\0\0\0\x03\xe8"
		       "bye"),
			"close(1000,bye) "},
		{BYTES("\x81\x81\0\0\0\0a\x83\x80"),
			"text(a) failed(1002) "}, /* only what follows */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_reads(cases[i].bytes, cases[i].wanted);
}

static void close_codes_are_those_of_the_registry(void **state)
{
	(void)state;
	static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012,
		1013, 1014, 3000, 3999, 4000, 4999};
	static const unsigned bad[] = {
		0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535};
	for (size_t i = 0; i < sizeof good / sizeof good[0] + sizeof bad / sizeof bad[0]; i++) {
		bool is_good = i < sizeof good / sizeof good[0];
		unsigned code = is_good ? good[i] : bad[i - sizeof good / sizeof good[0]];
		uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
		struct buffer bytes = buffer_with_max(64);
		char wanted[32] = "failed(1002) ";
		put(&bytes, 0x88, payload, sizeof payload);
		if (is_good)
			snprintf(wanted, sizeof wanted, "close(%u,) ", code);
		assert_reads(buffer_bytes(&bytes), wanted);
		buffer_deinit(&bytes);
	}
}

static void a_message_above_the_limit_is_skipped_and_the_next_is_read(void **state)
{
	(void)state;
	static const char large[MESSAGE_MAX + 1];
	struct buffer bytes = buffer_with_max(4096);
	put(&bytes, 0x82, large, sizeof large);
	put(&bytes, 0x81, "a", 1);
	/* The same in fragments, the last of which is one byte too much; no UTF-8 any more. */
	put(&bytes, 0x01, large, MESSAGE_MAX - 1);
	put(&bytes, 0x00, "\xff\xff", 2);
	put(&bytes, 0x89, "?", 1);
	put(&bytes, 0x80, "", 0);
	put(&bytes, 0x81, "b", 1);
	assert_reads(buffer_bytes(&bytes), "too large text(a) ping(?) too large text(b) ");
	assert_true(story_of(buffer_bytes(&bytes), 1).held <= MESSAGE_MAX + 1);
	buffer_deinit(&bytes);
}

static void a_message_that_never_ends_is_not_skipped_for_ever(void **state)
{
	(void)state;
	struct buffer bytes = buffer_with_max(64);
	uint8_t header[] = {0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x'};
	struct writer w = writer_of(header + 2, 8);
	write_u64(&w, WEB_SOCKET_SKIP_MAX + 1);
	assert_reads(bytes_of(header, sizeof header), "failed(1009) ");
	w = writer_of(header + 2, 8);
	write_u64(&w, WEB_SOCKET_SKIP_MAX);
	assert_reads(bytes_of(header, sizeof header), "");
	/* In frames that are small by themselves. */
	struct websocket_reader reader;
	struct story story = {0};
	static const uint8_t zeros[65536];
	size_t count = 1;
	websocket_reader_init(&reader, MESSAGE_MAX);
	put(&bytes, 0x02, "x", 1);
	read_all(&reader, buffer_bytes(&bytes), &story);
	for (; !story.text[0]; count++) {
		static uint8_t frame[14] = {0x00, 0xff, 0, 0, 0, 0, 0, 1};
		read_all(&reader, bytes_of(frame, sizeof frame), &story);
		if (!story.text[0])
			read_all(&reader, bytes_of(zeros, sizeof zeros), &story);
	}
	assert_string_equal(story.text, "failed(1009) ");
	assert_int_equal(count, WEB_SOCKET_SKIP_MAX / sizeof zeros + 1);
	websocket_reader_deinit(&reader);
	buffer_deinit(&bytes);
}

static void nothing_is_held_between_messages(void **state)
{
	(void)state;
	struct websocket_reader reader;
	struct story story = {0};
	struct buffer bytes = buffer_with_max(4096);
	websocket_reader_init(&reader, MESSAGE_MAX);
	assert_false(websocket_is_half_read(&reader));
	put(&bytes, 0x01, "abc", 3);
	put(&bytes, 0x89, "def", 3);
	put(&bytes, 0x80, "ghi", 3);
	for (size_t i = 0; i < bytes.size; i++) {
		read_all(&reader, bytes_slice(buffer_bytes(&bytes), i, 1), &story);
		assert_int_equal(websocket_is_half_read(&reader), i + 1 < bytes.size);
	}
	assert_string_equal(story.text, "ping(def) text(abcghi) ");
	assert_null(reader.message.data);
	assert_null(reader.control.data);
	websocket_reader_deinit(&reader);
	buffer_deinit(&bytes);
}

static void headers_are_as_short_as_they_can_be(void **state)
{
	(void)state;
	const struct {
		size_t size;
		struct bytes header;
	} cases[] = {
		{0, BYTES("\x81\x00")},
		{125, BYTES("\x81\x7d")},
		{126, BYTES("\x81\x7e\x00\x7e")},
		{65535, BYTES("\x81\x7e\xff\xff")},
		{65536, BYTES("\x81\x7f\0\0\0\0\0\1\0\0")},
	};
	uint8_t header[WEBSOCKET_HEADER_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t size = websocket_put_header(header, WEBSOCKET_TEXT, cases[i].size);
		assert_bytes_equal(bytes_of(header, size), cases[i].header);
	}
	assert_int_equal(websocket_put_header(header, WEBSOCKET_CLOSE, 2), 2);
	assert_bytes_equal(bytes_of(header, 2), BYTES("\x88\x02"));
}

TESTS(TEST(the_examples_of_the_standard_are_read), TEST(messages_of_every_size_come_as_they_were),
	TEST(fragments_make_a_message_and_control_frames_pass_between),
	TEST(what_breaks_a_rule_ends_the_reading), TEST(close_codes_are_those_of_the_registry),
	TEST(a_message_above_the_limit_is_skipped_and_the_next_is_read),
	TEST(a_message_that_never_ends_is_not_skipped_for_ever),
	TEST(nothing_is_held_between_messages), TEST(headers_are_as_short_as_they_can_be))
