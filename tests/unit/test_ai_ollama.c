#include "ai_reading.h"

static void a_query_becomes_a_chat_with_the_context_in_front(void **state)
{
	(void)state;
	assert_writes(&ai_ollama, "[{\"role\":\"user\",\"content\":\"why \\\"?\\\"\"}]", NULL,
		"{\"city\":\"Bern\"}",
		"{\"model\":\"m:1\",\"messages\":[{\"role\":\"system\",\"content\":\"The person "
		"who asks adds this context, as JSON:\\n{\\\"city\\\":\\\"Bern\\\"}\"},"
		"{\"role\":\"user\",\"content\":\"why \\\"?\\\"\"}],\"stream\":true}");
	assert_writes(&ai_ollama, "[{\"role\":\"user\",\"content\":\"a\"}]",
		"{\"max_tokens\":5,\"temperature\":1,\"seed\":3}", "{}",
		"{\"model\":\"m:1\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
		"\"stream\":true,\"options\":{\"temperature\":1,\"num_predict\":5,\"seed\":3}}");
}

static void lines_are_pieces_errors_or_the_end(void **state)
{
	(void)state;
	static const struct ai_reading readings[] = {
		{.text = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"a\"},"
			 "\"done\":false}",
			.delta = "a",
			.model = "m"},
		{.text = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
			 "\"done\":true,\"prompt_eval_count\":26,\"eval_count\":298}",
			.model = "m",
			.done = true,
			.prompt_tokens = 26,
			.completion_tokens = 298},
		{.text = "{\"done\":true,\"eval_count\":3}", .done = true, .completion_tokens = 3},
		{.text = "{\"error\":\"no such model\"}", .error = "no such model"},
	};
	assert_reads(&ai_ollama, readings, sizeof readings / sizeof *readings);
}

static void lines_of_another_form_are_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {"", "x", "[]", "{}", "{\"message\":1}",
		"{\"message\":{\"content\":1}}", "{\"done\":1}", "{\"error\":{}}",
		"{\"done\":true,\"eval_count\":-1}", "{\"done\":true,\"eval_count\":1.5}"};
	assert_refuses(&ai_ollama, lines, sizeof lines / sizeof *lines);
}

static void a_line_is_limited(void **state)
{
	(void)state;
	struct buffer line = buffer_with_max(2 * AI_LINE_MAX);
	struct ai_piece p;
	assert_ok(buffer_append_text(&line, "{\"done\":true}"));
	while (line.size < AI_LINE_MAX)
		assert_ok(buffer_append_text(&line, " "));
	assert_ok(ai_read_piece(&ai_ollama, buffer_bytes(&line), &p));
	json_decref(p.root);
	assert_ok(buffer_append_text(&line, " "));
	assert_err(ai_read_piece(&ai_ollama, buffer_bytes(&line), &p), ERR_TOO_LARGE);
	buffer_deinit(&line);
}

static void models_are_listed_up_to_a_limit(void **state)
{
	(void)state;
	struct ai_models models;
	json_t *root;
	assert_ok(ai_read_models(&ai_ollama,
		bytes_of_text("{\"models\":[{\"name\":\"a:1\",\"size\":1},{\"name\":7},{},3,"
			      "{\"name\":\"\"},{\"name\":\"b\"}]}"),
		&root, &models));
	assert_int_equal(models.count, 2);
	assert_string_equal(models.names[1], "b");
	json_decref(root);
	assert_err(ai_read_models(&ai_ollama, bytes_of_text("{\"models\":{}}"), &root, &models),
		ERR_MALFORMED);
	assert_err(ai_read_models(&ai_ollama, bytes_of_text(""), &root, &models), ERR_MALFORMED);
	struct buffer body = buffer_with_max(100000);
	assert_ok(buffer_append_text(&body, "{\"models\":["));
	for (int i = 0; i <= AI_MODELS_MAX; i++)
		assert_ok(buffer_append_format(&body, "%s{\"name\":\"m%d\"}", i ? "," : "", i));
	assert_ok(buffer_append_text(&body, "]}"));
	assert_ok(ai_read_models(&ai_ollama, buffer_bytes(&body), &root, &models));
	assert_int_equal(models.count, AI_MODELS_MAX);
	json_decref(root);
	buffer_deinit(&body);
}

TESTS(TEST(a_query_becomes_a_chat_with_the_context_in_front),
	TEST(lines_are_pieces_errors_or_the_end), TEST(lines_of_another_form_are_refused),
	TEST(a_line_is_limited), TEST(models_are_listed_up_to_a_limit))
