#include "message/message.h"

#include "test.h"

#include <math.h>
#include <stdlib.h>

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID "dpc-node-0123456789abcdef"

static enum err parse(const char *text, struct message *m, struct message_fault *fault)
{
	return message_parse(bytes_of_text(text), m, fault);
}

static void every_type_survives_a_round_trip(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"type\":\"hello\",\"node_id\":\"" ID "\",\"name\":\"alice\","
		"\"agent\":\"dpc/0.1.0\",\"features\":[\"a\",\"b\"]}",
		"{\"type\":\"chat\",\"id\":\"x+/1\",\"text\":\"gr\xc3\xbc\xc3\x9f \\\"dich\\\"\","
		"\"timestamp\":1753000000.25}",
		"{\"type\":\"chat\",\"id\":\"x\",\"text\":\"t\",\"timestamp\":1.0,"
		"\"reply_to\":\"y\"}",
		"{\"type\":\"chat\",\"id\":\"x\",\"text\":\"t\",\"timestamp\":1.0,"
		"\"attachments\":[{\"id\":\"f\",\"name\":\"a b\",\"size\":0}]}",
		"{\"type\":\"chat_ack\",\"id\":\"x\"}",
		"{\"type\":\"chat_edit\",\"id\":\"e\",\"target\":\"x\",\"text\":\"t\","
		"\"timestamp\":2.5}",
		"{\"type\":\"chat_delete\",\"id\":\"d\",\"target\":\"x\"}",
		"{\"type\":\"chat_read\",\"id\":\"x\"}",
		"{\"type\":\"typing\",\"active\":true}",
		"{\"type\":\"typing\",\"active\":false}",
		"{\"type\":\"request_context\",\"request_id\":\"r\","
		"\"firewall_rules\":{\"allowed_keys\":[\"a.b\",\"c\"]}}",
		"{\"type\":\"context_response\",\"request_id\":\"r\","
		"\"context\":{\"a\":{\"b\":[1,2]}},\"denied\":[\"c\"]}",
		"{\"type\":\"context_response\",\"request_id\":\"r\",\"context\":{},"
		"\"denied\":[\"c\"],\"pending\":[\"c\",\"d\"]}",
		"{\"type\":\"ai_query\",\"request_id\":\"r\",\"query\":\"why?\",\"model\":\"m:1\","
		"\"context\":{\"k\":1},\"stream\":true}",
		"{\"type\":\"ai_query\",\"request_id\":\"r\",\"query\":\"why?\",\"stream\":false}",
		"{\"type\":\"ai_query\",\"request_id\":\"r\",\"messages\":[{\"role\":\"user\","
		"\"content\":\"why?\"}],\"options\":{\"max_tokens\":5},\"stream\":true}",
		"{\"type\":\"ai_query\",\"request_id\":\"r\",\"input\":[\"a\",\"b\"],"
		"\"stream\":true}",
		"{\"type\":\"ai_response\",\"request_id\":\"r\",\"delta\":\"a\",\"done\":false}",
		"{\"type\":\"ai_response\",\"request_id\":\"r\",\"delta\":\"\",\"pending\":true,"
		"\"expires_in\":300,\"done\":false}",
		"{\"type\":\"ai_response\",\"request_id\":\"r\",\"text\":\"all\",\"done\":true,"
		"\"model\":\"m\",\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":30}}",
		"{\"type\":\"ai_response\",\"request_id\":\"r\",\"done\":true,"
		"\"error\":\"no model\",\"code\":\"denied\"}",
		"{\"type\":\"ai_cancel\",\"request_id\":\"r\"}",
		"{\"type\":\"ai_models\",\"request_id\":\"r\"}",
		"{\"type\":\"ai_models\",\"request_id\":\"r\",\"models\":[]}",
		"{\"type\":\"ai_models\",\"request_id\":\"r\",\"models\":[\"m\"]}",
		"{\"type\":\"file_offer\",\"id\":\"f\",\"name\":\"a b.txt\","
		"\"size\":9007199254740992,\"hash\":\"" HASH "\"}",
		"{\"type\":\"file_accept\",\"id\":\"f\",\"offset\":0,\"stream\":4294967295,"
		"\"until\":1048576}",
		"{\"type\":\"file_more\",\"id\":\"f\",\"until\":9007199254740992}",
		"{\"type\":\"file_accept\",\"id\":\"f\",\"offset\":1048576,\"hash\":\"" HASH
		"\",\"stream\":1,\"until\":2097152}",
		"{\"type\":\"file_reject\",\"id\":\"f\",\"code\":\"denied\",\"message\":\"no\"}",
		"{\"type\":\"file_done\",\"id\":\"f\"}",
		"{\"type\":\"file_cancel\",\"id\":\"f\",\"code\":\"full\",\"message\":\"\"}",
		"{\"type\":\"ping\",\"timestamp\":1.5}",
		"{\"type\":\"pong\",\"timestamp\":1.5}",
		"{\"type\":\"signal\",\"payload\":{\"type\":\"restart\",\"any\":[1]}}",
		"{\"type\":\"error\",\"request_id\":\"r\",\"code\":\"denied\",\"message\":\"no\"}",
		"{\"type\":\"error\",\"code\":\"limit\",\"message\":\"\"}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct message m;
		struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX);
		assert_ok(parse(texts[i], &m, NULL));
		assert_ok(message_encode(&m, &out));
		assert_string_equal(buffer_text(&out), texts[i]);
		buffer_deinit(&out);
		message_deinit(&m);
	}
}

static void a_wrong_field_is_named_with_the_request_it_belongs_to(void **state)
{
	(void)state;
	static const struct {
		const char *text, *field, *request_id;
	} cases[] = {
		{"{}", "type", ""},
		{"{\"type\":1,\"id\":\"x\"}", "type", "x"},
		{"{\"type\":\"hello\"}", "node_id", ""},
		{"{\"type\":\"hello\",\"node_id\":\"dpc-node-01\"}", "node_id", ""},
		{"{\"type\":\"hello\",\"node_id\":\"" ID "\",\"name\":\"a\\u001b[2J\"}", "name",
			""},
		{"{\"type\":\"hello\",\"node_id\":\"" ID "\",\"features\":[1]}", "features", ""},
		{"{\"type\":\"chat\",\"id\":\"a b\",\"text\":\"x\",\"timestamp\":1}", "id", ""},
		{"{\"type\":\"chat\",\"id\":\"a\",\"text\":\"\",\"timestamp\":1}", "text", "a"},
		{"{\"type\":\"chat\",\"id\":\"a\",\"text\":7,\"timestamp\":1}", "text", "a"},
		{"{\"type\":\"chat\",\"id\":\"a\",\"text\":\"x\"}", "timestamp", "a"},
		{"{\"type\":\"chat\",\"id\":\"a\",\"text\":\"x\",\"timestamp\":\"1\"}", "timestamp",
			"a"},
		{"{\"type\":\"chat\",\"id\":\"a\",\"text\":\"x\",\"timestamp\":1,\"reply_to\":1}",
			"reply_to", "a"},
		{"{\"type\":\"chat_edit\",\"id\":\"e\",\"text\":\"x\",\"timestamp\":1}", "target",
			"e"},
		{"{\"type\":\"chat_edit\",\"id\":\"e\",\"target\":\"a\",\"text\":\"\","
		 "\"timestamp\":1}",
			"text", "e"},
		{"{\"type\":\"chat_edit\",\"id\":\"e\",\"target\":\"a\",\"text\":\"x\","
		 "\"timestamp\":0}",
			"timestamp", "e"},
		{"{\"type\":\"chat_delete\",\"id\":\"e\",\"target\":\"\"}", "target", "e"},
		{"{\"type\":\"chat_read\"}", "id", ""},
		{"{\"type\":\"typing\",\"active\":\"yes\"}", "active", ""},
		{"{\"type\":\"request_context\",\"request_id\":\"r\"}", "firewall_rules", "r"},
		{"{\"type\":\"request_context\",\"request_id\":\"r\",\"firewall_rules\":{}}",
			"firewall_rules.allowed_keys", "r"},
		{"{\"type\":\"context_response\",\"request_id\":\"r\",\"context\":[]}", "context",
			"r"},
		{"{\"type\":\"ai_query\",\"request_id\":\"r\",\"query\":\"q\",\"stream\":1}",
			"stream", "r"},
		{"{\"type\":\"ai_query\",\"request_id\":\"r\"}", "query", "r"},
		{"{\"type\":\"ai_query\",\"request_id\":\"r\",\"input\":\"a\"}", "input", "r"},
		{"{\"type\":\"ai_query\",\"request_id\":\"r\",\"query\":\"q\",\"messages\":[]}",
			"messages", "r"},
		{"{\"type\":\"ai_query\",\"request_id\":\"r\",\"query\":\"q\",\"options\":"
		 "{\"seed\":\"\"}}",
			"options", "r"},
		{"{\"type\":\"ai_response\",\"request_id\":\"r\"}", "delta", "r"},
		{"{\"type\":\"ai_response\",\"request_id\":\"r\",\"done\":true,"
		 "\"usage\":{\"prompt_tokens\":-1}}",
			"usage", "r"},
		{"{\"type\":\"ai_models\",\"request_id\":\"r\",\"models\":{}}", "models", "r"},
		{"{\"type\":\"error\",\"code\":\"\"}", "code", ""},
		{"{\"type\":\"file_offer\",\"id\":\"f\",\"name\":\"\",\"size\":1,\"hash\":\"" HASH
		 "\"}",
			"name", "f"},
		{"{\"type\":\"file_offer\",\"id\":\"f\",\"name\":\"a\",\"hash\":\"" HASH "\"}",
			"size", "f"},
		{"{\"type\":\"file_offer\",\"id\":\"f\",\"name\":\"a\",\"size\":-1,\"hash\":\"" HASH
		 "\"}",
			"size", "f"},
		{"{\"type\":\"file_offer\",\"id\":\"f\",\"name\":\"a\",\"size\":9007199254740993,"
		 "\"hash\":\"" HASH "\"}",
			"size", "f"},
		{"{\"type\":\"file_offer\",\"id\":\"f\",\"name\":\"a\",\"size\":1,\"hash\":\"0g\"}",
			"hash", "f"},
		{"{\"type\":\"file_accept\",\"id\":\"f\",\"offset\":5,\"stream\":1}", "hash", "f"},
		{"{\"type\":\"file_accept\",\"id\":\"f\",\"offset\":0}", "stream", "f"},
		{"{\"type\":\"file_accept\",\"id\":\"f\",\"offset\":0,\"stream\":1}", "until", "f"},
		{"{\"type\":\"file_more\",\"id\":\"f\",\"until\":-1}", "until", "f"},
		{"{\"type\":\"file_reject\",\"id\":\"f\"}", "code", "f"},
		{"{\"type\":\"file_done\"}", "id", ""},
		{"{\"type\":\"file_cancel\",\"id\":\"f\",\"code\":1}", "code", "f"},
		{"{\"type\":\"ping\",\"timestamp\":1e999}", "", ""},
		{"{\"type\":\"signal\",\"payload\":\"restart\"}", "payload", ""},
		{"{\"type\":\"ping\",\"type\":\"ping\",\"timestamp\":1}", "", ""},
		{"[\"type\"]", "", ""},
		{"{\"type\":\"chat\"} x", "", ""},
		{"", "", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message m;
		struct message_fault fault;
		assert_err(parse(cases[i].text, &m, &fault), ERR_MALFORMED);
		assert_string_equal(fault.field, cases[i].field);
		assert_string_equal(fault.request_id, cases[i].request_id);
	}
}

static void text_that_is_not_utf8_is_malformed(void **state)
{
	(void)state;
	struct message m;
	assert_err(parse("{\"type\":\"chat\",\"id\":\"a\",\"text\":\"\xc3(\",\"timestamp\":1}", &m,
			   NULL),
		ERR_MALFORMED);
	assert_err(parse("{\"type\":\"chat\",\"id\":\"a\",\"text\":\"\\u0000\",\"timestamp\":1}",
			   &m, NULL),
		ERR_MALFORMED);
}

static void an_unknown_type_is_unsupported_and_named(void **state)
{
	(void)state;
	struct message m;
	struct message_fault fault;
	assert_err(parse("{\"type\":\"file_of\\n\xc3\xa9\",\"request_id\":\"q1\"}", &m, &fault),
		ERR_UNSUPPORTED);
	assert_string_equal(fault.type, "file_of???");
	assert_string_equal(fault.request_id, "q1");
	assert_err(
		parse("{\"type\":\"a_type_of_much_more_than_thirty_one_characters\"}", &m, &fault),
		ERR_UNSUPPORTED);
	assert_int_equal(strlen(fault.type), sizeof fault.type - 1);
}

static void unknown_fields_and_nulls_are_ignored(void **state)
{
	(void)state;
	struct message m;
	assert_ok(parse("{\"type\":\"ai_query\",\"request_id\":\"r\",\"query\":\"q\",\"new\":{},"
			"\"model\":null,\"context\":null}",
		&m, NULL));
	assert_null(m.ai_query.model);
	assert_null(m.ai_query.context);
	assert_false(m.ai_query.stream);
	message_deinit(&m);
}

static void an_error_or_a_whole_text_is_the_end_of_an_answer(void **state)
{
	(void)state;
	struct message m;
	assert_ok(
		parse("{\"type\":\"ai_response\",\"request_id\":\"r\",\"error\":\"e\"}", &m, NULL));
	assert_true(m.ai_response.done);
	message_deinit(&m);
	assert_ok(
		parse("{\"type\":\"ai_response\",\"request_id\":\"r\",\"text\":\"t\"}", &m, NULL));
	assert_true(m.ai_response.done);
	message_deinit(&m);
}

/* {"type":"chat",…} with a text of `size` characters. */
static char *chat_of(size_t size)
{
	char *text = malloc(size + 100);
	assert_non_null(text);
	int head =
		snprintf(text, 100, "{\"type\":\"chat\",\"id\":\"a\",\"timestamp\":1,\"text\":\"");
	memset(text + head, 'x', size);
	memcpy(text + (size_t)head + size, "\"}", 3);
	return text;
}

static void the_size_of_texts_and_messages_is_limited(void **state)
{
	(void)state;
	static const struct {
		size_t size;
		enum err err;
	} cases[] = {
		{MESSAGE_CHAT_TEXT_MAX, ERR_OK},
		{MESSAGE_CHAT_TEXT_MAX + 1, ERR_MALFORMED},
		{MESSAGE_SIZE_MAX, ERR_TOO_LARGE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct message m = {0};
		char *text = chat_of(cases[i].size);
		assert_err(parse(text, &m, NULL), cases[i].err);
		message_deinit(&m);
		free(text);
	}
}

static void a_type_has_its_own_limit(void **state)
{
	(void)state;
	char text[2048];
	struct message m;
	snprintf(text, sizeof text, "{\"type\":\"ping\",\"timestamp\":1%*s", 1100, "}");
	assert_err(parse(text, &m, NULL), ERR_TOO_LARGE);
}

static void depth_is_limited(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct buffer text = buffer_with_max(1000);
		struct message m = {0};
		size_t depth = MESSAGE_DEPTH_MAX - 2 + over;
		assert_ok(buffer_append_text(&text,
			"{\"type\":\"context_response\",\"request_id\":\"r\",\"context\":{\"a\":"));
		for (size_t i = 0; i < depth; i++)
			assert_ok(buffer_append_text(&text, "["));
		for (size_t i = 0; i < depth; i++)
			assert_ok(buffer_append_text(&text, "]"));
		assert_ok(buffer_append_text(&text, "}}"));
		assert_err(message_parse(buffer_bytes(&text), &m, NULL),
			over ? ERR_TOO_LARGE : ERR_OK);
		message_deinit(&m);
		buffer_deinit(&text);
	}
}

static void lists_are_limited(void **state)
{
	(void)state;
	for (size_t count = MESSAGE_KEYS_MAX; count <= MESSAGE_KEYS_MAX + 1; count++) {
		struct buffer text = buffer_with_max(10000);
		struct message m = {0};
		assert_ok(buffer_append_text(&text,
			"{\"type\":\"request_context\",\"request_id\":\"r\","
			"\"firewall_rules\":{\"allowed_keys\":["));
		for (size_t i = 0; i < count; i++)
			assert_ok(buffer_append_text(&text, i ? ",\"k\"" : "\"k\""));
		assert_ok(buffer_append_text(&text, "]}}"));
		assert_err(message_parse(buffer_bytes(&text), &m, NULL),
			count > MESSAGE_KEYS_MAX ? ERR_MALFORMED : ERR_OK);
		message_deinit(&m);
		buffer_deinit(&text);
	}
}

static void what_the_receiver_would_refuse_is_not_encoded(void **state)
{
	(void)state;
	char *long_text = chat_of(MESSAGE_CHAT_TEXT_MAX); /* longer by its frame */
	const struct message cases[] = {
		{.type = MESSAGE_CHAT, .chat = {.id = "a b", .text = "x"}},
		{.type = MESSAGE_CHAT, .chat = {.id = "a", .text = ""}},
		{.type = MESSAGE_CHAT, .chat = {.id = "a", .text = NULL}},
		{.type = MESSAGE_CHAT, .chat = {.id = "a", .text = "\xff"}},
		{.type = MESSAGE_CHAT, .chat = {.id = "a", .text = long_text}},
		{.type = MESSAGE_CHAT, .chat = {.id = "a", .text = "x", .timestamp = (double)NAN}},
		{.type = MESSAGE_HELLO, .hello = {.node_id = "bob"}},
		{.type = MESSAGE_CONTEXT_RESPONSE, .context_response = {.request_id = "r"}},
		{.type = MESSAGE_AI_RESPONSE, .ai_response = {.request_id = "r"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX);
		assert_err(message_encode(&cases[i], &out), ERR_MALFORMED);
		assert_int_equal(out.size, 0);
		buffer_deinit(&out);
	}
	free(long_text);
}

static void a_chat_text_that_grows_too_large_by_escaping_is_not_encoded(void **state)
{
	(void)state;
	char *text = malloc(MESSAGE_CHAT_TEXT_MAX + 1);
	assert_non_null(text);
	memset(text, 1, MESSAGE_CHAT_TEXT_MAX);
	text[MESSAGE_CHAT_TEXT_MAX] = 0;
	struct message m = {.type = MESSAGE_CHAT, .chat = {.id = "a", .text = text}};
	struct buffer out = buffer_with_max(2 * MESSAGE_SIZE_MAX);
	assert_err(message_encode(&m, &out), ERR_TOO_LARGE);
	assert_int_equal(out.size, 0);
	buffer_deinit(&out);
	free(text);
}

static void a_context_that_is_too_deep_is_not_encoded(void **state)
{
	(void)state;
	json_t *value = json_object();
	for (size_t i = 0; i < MESSAGE_DEPTH_MAX; i++)
		value = json_pack("{s:o}", "a", value);
	struct message m = {.type = MESSAGE_CONTEXT_RESPONSE,
		.context_response = {.request_id = "r", .context = value}};
	struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX);
	assert_err(message_encode(&m, &out), ERR_TOO_LARGE);
	json_decref(value);
	buffer_deinit(&out);
}

static void ids_are_short_and_of_a_small_alphabet(void **state)
{
	(void)state;
	char id[MESSAGE_ID_MAX + 2];
	memset(id, 'a', sizeof id);
	id[MESSAGE_ID_MAX + 1] = 0;
	assert_false(message_id_is_valid(id));
	id[MESSAGE_ID_MAX] = 0;
	assert_true(message_id_is_valid(id));
	assert_false(message_id_is_valid(""));
	assert_false(message_id_is_valid("a\n"));
	assert_false(message_id_is_valid("\xc3\xa9"));
	assert_string_equal(message_type_name(MESSAGE_AI_QUERY), "ai_query");
}

TESTS(TEST(every_type_survives_a_round_trip),
	TEST(a_wrong_field_is_named_with_the_request_it_belongs_to),
	TEST(text_that_is_not_utf8_is_malformed), TEST(an_unknown_type_is_unsupported_and_named),
	TEST(unknown_fields_and_nulls_are_ignored),
	TEST(an_error_or_a_whole_text_is_the_end_of_an_answer),
	TEST(the_size_of_texts_and_messages_is_limited), TEST(a_type_has_its_own_limit),
	TEST(depth_is_limited), TEST(lists_are_limited),
	TEST(what_the_receiver_would_refuse_is_not_encoded),
	TEST(a_chat_text_that_grows_too_large_by_escaping_is_not_encoded),
	TEST(a_context_that_is_too_deep_is_not_encoded),
	TEST(ids_are_short_and_of_a_small_alphabet))
