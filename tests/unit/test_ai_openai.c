#include "ai_reading.h"

#define CHUNK "{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\","

static void a_query_asks_for_a_stream_with_figures(void **state)
{
	(void)state;
	assert_writes(&ai_openai,
		"[{\"role\":\"system\",\"content\":\"be short\"},{\"role\":\"user\",\"content\":"
		"\"why \\\"?\\\"\"}]",
		"{\"temperature\":0.5,\"max_tokens\":7,\"stop\":[\"x\"],\"tools\":[]}", NULL,
		"{\"model\":\"m:1\",\"messages\":[{\"role\":\"system\",\"content\":\"be short\"},"
		"{\"role\":\"user\",\"content\":\"why \\\"?\\\"\"}],\"stream\":true,"
		"\"stream_options\":{\"include_usage\":true},\"temperature\":0.5,\"max_tokens\":7,"
		"\"stop\":[\"x\"]}");
}

static void events_are_pieces_figures_errors_or_the_end(void **state)
{
	(void)state;
	static const struct ai_reading readings[] = {
		{.text = CHUNK "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
			       "\"content\":null},\"finish_reason\":null}]}",
			.model = "m"},
		{.text = CHUNK "\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}",
			.delta = "a",
			.model = "m"},
		{.text = CHUNK "\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
			.model = "m",
			.complete = true},
		{.text = CHUNK "\"choices\":[],\"usage\":{\"prompt_tokens\":0,"
			       "\"completion_tokens\":30}}",
			.model = "m",
			.prompt_tokens = -1,
			.completion_tokens = 30},
		{.text = "[DONE]", .done = true},
		{.text = "{\"error\":{\"message\":\"no\",\"type\":\"x\",\"code\":500}}",
			.error = "no"},
		{.text = "{\"error\":\"no\"}", .error = "no"},
		{.text = "{\"object\":\"error\",\"message\":\"no\",\"code\":404}", .error = "no"},
	};
	assert_reads(&ai_openai, readings, sizeof readings / sizeof *readings);
}

static void events_of_another_form_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "x", "[]", "{}", "[DONE", "{\"choices\":{}}",
		"{\"choices\":[{\"delta\":[]}]}", "{\"choices\":[{\"delta\":{\"content\":1}}]}",
		"{\"choices\":[],\"usage\":{\"prompt_tokens\":-1}}", "{\"error\":1}",
		"{\"error\":{}}", "{\"object\":\"error\"}",
		"{\"choices\":[{\"finish_reason\":1}]}"};
	assert_refuses(&ai_openai, texts, sizeof texts / sizeof *texts);
}

static void models_are_listed_by_id(void **state)
{
	(void)state;
	struct ai_models models;
	json_t *root;
	assert_ok(ai_read_models(&ai_openai,
		bytes_of_text("{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"),
		&root, &models));
	assert_int_equal(models.count, 2);
	assert_string_equal(models.names[1], "b");
	json_decref(root);
	assert_err(ai_read_models(&ai_openai, bytes_of_text("{\"models\":[]}"), &root, &models),
		ERR_MALFORMED);
}

TESTS(TEST(a_query_asks_for_a_stream_with_figures),
	TEST(events_are_pieces_figures_errors_or_the_end), TEST(events_of_another_form_are_refused),
	TEST(models_are_listed_by_id))
