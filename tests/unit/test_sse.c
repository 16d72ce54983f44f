#include "node/sse.h"

#include "test.h"

/* The data of all events in the text, each behind a "|". */
static enum err read_all(const char *text, size_t size_max, struct buffer *ret_data)
{
	struct sse sse = sse_with_max(size_max);
	struct bytes rest = bytes_of_text(text);
	enum err err = ERR_OK;
	while (!err && rest.size > 0) {
		const uint8_t *end = memchr(rest.data, '\n', rest.size);
		size_t size = end ? (size_t)(end - rest.data) : rest.size;
		bool is_event;
		err = sse_take_line(&sse, bytes_slice(rest, 0, size), &is_event);
		if (!err && is_event) {
			assert_ok(buffer_append_text(ret_data, "|"));
			assert_ok(buffer_append(ret_data, buffer_bytes(&sse.data)));
		}
		rest = bytes_slice(rest, size + 1, rest.size);
	}
	sse_deinit(&sse);
	return err;
}

static void events_are_what_the_standard_says(void **state)
{
	(void)state;
	static const struct {
		const char *text, *data;
	} cases[] = {
		{"data: a\n\ndata: b\n\n", "|a|b"},
		{"data:a\n\n", "|a"},
		{"data:  a\n\n", "| a"},
		{"data: a\ndata: b\n\n", "|a\nb"},
		{"data\n\n", "|"},
		{"data\ndata\n\n", "|\n"},
		{": comment\n\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", "|a"},
		{"event: x\n\n\n\n", ""},
		{"\xef\xbb\xbf"
		 "data: a\n\n",
			"|a"},
		{"\n\xef\xbb\xbf"
		 "data: a\n\n",
			""},
		{"dat: a\ndatab: b\n data: c\nData: d\n\n", ""},
		/* "if the file ends in the middle of an event, … the incomplete event is not
		 * dispatched" */
		{"data: a\n\ndata: b\n", "|a"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer data = buffer_with_max(1000);
		assert_ok(read_all(cases[i].text, 100, &data));
		assert_string_equal(buffer_text(&data), cases[i].data);
		buffer_deinit(&data);
	}
}

static void the_data_of_one_event_is_limited(void **state)
{
	(void)state;
	struct buffer data = buffer_with_max(1000);
	assert_ok(read_all("data: 12345\n\ndata: 12\ndata: 45\n\n", 5, &data));
	assert_string_equal(buffer_text(&data), "|12345|12\n45");
	assert_err(read_all("data: 123456\n\n", 5, &data), ERR_TOO_LARGE);
	assert_err(read_all("data: 12\ndata: 456\n\n", 5, &data), ERR_TOO_LARGE);
	buffer_deinit(&data);
	struct sse none = {0};
	sse_deinit(&none);
}

TESTS(TEST(events_are_what_the_standard_says), TEST(the_data_of_one_event_is_limited))
