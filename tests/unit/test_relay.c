#include "test.h"

#include <stdlib.h>

#include "hub/limits.h"
#include "hub/relay.h"

#define TARGET "\"target_node_id\":\"dpc-node-0123456789abcdef\""

static void assert_relayed(const char *from, const char *to)
{
	struct relay_frame frame;
	const char *code, *message;
	struct buffer text = buffer_with_max(4096);
	assert_ok(relay_parse(bytes_of_text(from), &frame, &code, &message));
	assert_int_equal(frame.kind, RELAY_SIGNAL);
	assert_string_equal(frame.target_node_id, "dpc-node-0123456789abcdef");
	assert_ok(relay_write(&frame, "dpc-node-ffffffffffffffff", &text));
	assert_string_equal(buffer_text(&text), to);
	buffer_deinit(&text);
}

#define SENDER "{\"sender_node_id\":\"dpc-node-ffffffffffffffff\","

static void a_signal_is_relayed_in_the_senders_own_bytes(void **state)
{
	(void)state;
	assert_relayed("{\"type\":\"signal\"," TARGET
		       ",\"payload\":{\"a\":[1,{\"b\":\"}\\\"]\"}]}}",
		SENDER "\"type\":\"signal\"," TARGET
		       ",\"payload\":{\"a\":[1,{\"b\":\"}\\\"]\"}]}}");
	assert_relayed(" {\r\n \"payload\" : { \"x\" : 1.50e1 } ,\t" TARGET
		       " , \"type\" : \"signal\" , \"n\" : null , \"t\":true}\n",
		SENDER "\"payload\" : { \"x\" : 1.50e1 }," TARGET
		       ",\"type\" : \"signal\",\"n\" : null,\"t\":true}");
	assert_relayed("{\"payload\":{}," TARGET ",\"type\":\"signal\",\"extra\":\"\\\\\"}",
		SENDER "\"payload\":{}," TARGET ",\"type\":\"signal\",\"extra\":\"\\\\\"}");
}

static void a_sender_cannot_name_itself(void **state)
{
	(void)state;
	assert_relayed("{\"sender_node_id\":\"x\",\"type\":\"signal\"," TARGET ",\"payload\":{}}",
		SENDER "\"type\":\"signal\"," TARGET ",\"payload\":{}}");
	assert_relayed("{\"type\":\"signal\"," TARGET
		       ",\"payload\":{},\"sender\\u005fnode_id\":\"y\"}",
		SENDER "\"type\":\"signal\"," TARGET ",\"payload\":{}}");
}

static void what_is_wrong_has_its_code(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code;
	} cases[] = {
		{"", RELAY_INVALID_JSON},
		{"[]", RELAY_INVALID_JSON},
		{"{\"type\":\"ping\"} x", RELAY_INVALID_JSON},
		{"{\"type\":\"ping\",\"type\":\"ping\"}", RELAY_INVALID_JSON},
		{"{\"type\":\"ping\",\"timestamp\":\"1\"}", RELAY_INVALID_JSON},
		{"{}", RELAY_UNKNOWN_TYPE},
		{"{\"type\":1}", RELAY_UNKNOWN_TYPE},
		{"{\"type\":\"offer\"}", RELAY_UNKNOWN_TYPE},
		{"{\"type\":\"signal\",\"payload\":{}}", RELAY_MISSING_TARGET},
		{"{\"type\":\"signal\",\"target_node_id\":7,\"payload\":{}}", RELAY_MISSING_TARGET},
		{"{\"type\":\"signal\",\"target_node_id\":\"dpc-node-x\",\"payload\":{}}",
			RELAY_MISSING_TARGET},
		{"{\"type\":\"signal\"," TARGET "}", RELAY_INVALID_JSON},
		{"{\"type\":\"signal\"," TARGET ",\"payload\":\"x\"}", RELAY_INVALID_JSON},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct relay_frame frame;
		const char *code = "", *message;
		assert_int_not_equal(
			relay_parse(bytes_of_text(cases[i].text), &frame, &code, &message), ERR_OK);
		assert_string_equal(code, cases[i].code);
	}
}

static void a_frame_has_a_largest_size(void **state)
{
	(void)state;
	struct relay_frame frame;
	const char *code, *message, *start = "{\"type\":\"ping\",\"x\":\"";
	char *text = calloc(1, RELAY_SIZE_MAX + 1);
	memset(text, 'x', RELAY_SIZE_MAX + 1);
	memcpy(text, start, strlen(start));
	memcpy(text + RELAY_SIZE_MAX - 2, "\"}", 2);
	assert_ok(relay_parse(bytes_of(text, RELAY_SIZE_MAX), &frame, &code, &message));
	assert_err(relay_parse(bytes_of(text, RELAY_SIZE_MAX + 1), &frame, &code, &message),
		ERR_TOO_LARGE);
	assert_string_equal(code, RELAY_TOO_LARGE);
	free(text);
}

static void a_pong_repeats_the_timestamp_as_it_was_written(void **state)
{
	(void)state;
	static const struct {
		const char *ping, *pong;
	} cases[] = {
		{"{\"type\":\"ping\"}", "{\"type\":\"pong\"}"},
		{"{\"timestamp\":1.50,\"type\":\"ping\"}",
			"{\"type\":\"pong\",\"timestamp\":1.50}"},
		{"{\"type\":\"ping\",\"timestamp\": -1e3 }",
			"{\"type\":\"pong\",\"timestamp\":-1e3}"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct relay_frame frame;
		const char *code, *message;
		struct buffer text = buffer_with_max(4096);
		assert_ok(relay_parse(bytes_of_text(cases[i].ping), &frame, &code, &message));
		assert_int_equal(frame.kind, RELAY_PING);
		assert_ok(relay_write_pong(&frame, &text));
		assert_string_equal(buffer_text(&text), cases[i].pong);
		buffer_deinit(&text);
	}
}

static void an_error_may_name_its_target(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(4096);
	assert_ok(relay_write_error("c", "m", NULL, &text));
	assert_string_equal(
		buffer_text(&text), "{\"type\":\"error\",\"code\":\"c\",\"message\":\"m\"}");
	buffer_clear(&text);
	assert_ok(relay_write_error("c", "m", "t", &text));
	assert_string_equal(buffer_text(&text),
		"{\"type\":\"error\",\"code\":\"c\",\"message\":\"m\",\"target_node_id\":\"t\"}");
	buffer_deinit(&text);
}

TESTS(TEST(a_signal_is_relayed_in_the_senders_own_bytes), TEST(a_sender_cannot_name_itself),
	TEST(what_is_wrong_has_its_code), TEST(a_frame_has_a_largest_size),
	TEST(a_pong_repeats_the_timestamp_as_it_was_written), TEST(an_error_may_name_its_target))
