#include "node/ai_dialect.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "message/json.h"

static const struct ai_heading heading = {.id = "id", .model = "m@bob", .time = 1753000000};

static enum err read(const struct ai_dialect *dialect, const char *text,
	struct ai_question *ret_question, struct fault *ret_fault)
{
	json_t *body = json_loads(text, 0, NULL);
	assert_non_null(body);
	enum err err = dialect->read(body, ret_question, ret_fault);
	json_decref(body);
	return err;
}

static void assert_json(json_t *value, const char *expected)
{
	char *text = json_take_text(value);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void questions_of_both_interfaces_become_turns_and_options(void **state)
{
	(void)state;
	static const struct {
		const struct ai_dialect *dialect;
		const char *text, *turns, *options;
		bool stream, with_usage;
	} cases[] = {
		{&ai_dialect_openai,
			"{\"model\":\"m@bob\",\"messages\":[{\"role\":\"developer\",\"content\":"
			"\"a\"},"
			"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},{"
			"\"type\":"
			"\"text\",\"text\":\"c\"}]}],\"stop\":\"x\",\"temperature\":0,"
			"\"max_completion_tokens\":5,\"user\":\"u\",\"tools\":[]}",
			"[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":"
			"\"bc\"}]",
			"{\"temperature\":0,\"stop\":[\"x\"],\"max_tokens\":5}", false, false},
		{&ai_dialect_openai,
			"{\"model\":\"m@bob\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
			"\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":1,"
			"\"max_tokens\":null}",
			"[{\"role\":\"user\",\"content\":\"a\"}]", "{}", true, true},
		{&ai_dialect_chat,
			"{\"model\":\"m@bob\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
			"\"options\":{\"num_predict\":5,\"seed\":7,\"num_ctx\":1}}",
			"[{\"role\":\"user\",\"content\":\"a\"}]", "{\"seed\":7,\"max_tokens\":5}",
			true, false},
		{&ai_dialect_generate,
			"{\"model\":\"m@bob\",\"prompt\":\"a\",\"system\":\"s\",\"stream\":false,"
			"\"options\":{\"num_predict\":-1}}",
			"[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
			"\"a\"}]",
			"{}", false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ai_question question;
		struct fault fault = {0};
		assert_ok(read(cases[i].dialect, cases[i].text, &question, &fault));
		assert_string_equal(question.model, "m@bob");
		assert_json(json_incref(question.turns), cases[i].turns);
		assert_json(json_incref(question.options), cases[i].options);
		assert_int_equal(question.stream, cases[i].stream);
		assert_int_equal(question.with_usage, cases[i].with_usage);
		ai_question_deinit(&question);
	}
}

static void what_cannot_be_passed_on_is_refused_in_words(void **state)
{
	(void)state;
	static const struct {
		const struct ai_dialect *dialect;
		const char *text, *fault;
	} cases[] = {
		{&ai_dialect_openai, "{}", "'model'"},
		{&ai_dialect_openai, "{\"model\":\"\"}", "'model'"},
		{&ai_dialect_openai, "{\"model\":\"m\"}", "'messages'"},
		{&ai_dialect_openai, "{\"model\":\"m\",\"messages\":[]}", "'messages'"},
		{&ai_dialect_openai,
			"{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":\"a\"}]}",
			"'messages'"},
		{&ai_dialect_openai,
			"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
			"\"image_url\"}]}]}",
			"'messages'"},
		{&ai_dialect_openai, "{\"model\":\"m\",\"messages\":[],\"tools\":[{}]}", "'tools'"},
		{&ai_dialect_openai,
			"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
			"\"n\":2}",
			"one answer"},
		{&ai_dialect_openai,
			"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
			"\"temperature\":\"hot\"}",
			"temperature"},
		{&ai_dialect_chat,
			"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
			"\"stream\":1}",
			"'stream'"},
		{&ai_dialect_generate, "{\"model\":\"m\",\"prompt\":\"\"}", "'prompt'"},
		{&ai_dialect_generate, "{\"model\":\"m\",\"prompt\":\"a\",\"images\":[\"x\"]}",
			"'images'"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ai_question question;
		struct fault fault = {0};
		assert_err(read(cases[i].dialect, cases[i].text, &question, &fault), ERR_MALFORMED);
		if (!strstr(fault.text, cases[i].fault))
			fail_msg("%s", fault.text);
	}
}

static void names_of_models_are_limited(void **state)
{
	(void)state;
	struct ai_question question;
	struct fault fault = {0};
	char name[AI_MODEL_NAME_MAX + 2], text[AI_MODEL_NAME_MAX + 100];
	memset(name, 'm', sizeof name);
	for (size_t size = AI_MODEL_NAME_MAX; size <= AI_MODEL_NAME_MAX + 1; size++) {
		snprintf(text, sizeof text, "{\"model\":\"%.*s\",\"prompt\":\"a\"}", (int)size,
			name);
		enum err err = read(&ai_dialect_generate, text, &question, &fault);
		assert_err(err, size > AI_MODEL_NAME_MAX ? ERR_MALFORMED : ERR_OK);
		if (!err)
			ai_question_deinit(&question);
	}
}

static void openai_gets_events_and_their_end(void **state)
{
	(void)state;
	struct buffer out = buffer_with_max(10000);
	json_t *usage = json_pack("{s:i,s:i}", "prompt_tokens", 2, "completion_tokens", 3);
	const struct ai_dialect *d = &ai_dialect_openai;
	assert_true(d->begin(&heading, &out));
	assert_true(d->delta(&heading, "\"a\"", &out));
	assert_true(d->end(&heading, usage, true, &out));
#define HEAD                                                                                       \
	"data: {\"id\":\"id\",\"object\":\"chat.completion.chunk\",\"created\":1753000000,"        \
	"\"model\":\"m@bob\",\"choices\":["
	assert_string_equal(buffer_text(&out),
		HEAD "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
		     "\"finish_reason\":null}]}\n\n" HEAD
		     "{\"index\":0,\"delta\":{\"content\":\"\\\"a\\\"\"},\"finish_reason\":null}]}"
		     "\n\n" HEAD "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" HEAD
		     "],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":3,\"total_tokens\":5}}"
		     "\n\ndata: [DONE]\n\n");
	buffer_clear(&out);
	assert_true(d->broken(502, "ai", "no", &out));
	assert_string_equal(buffer_text(&out),
		"data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\",\"param\":null,"
		"\"code\":\"ai\"}}\n\n");
	buffer_clear(&out);
	assert_true(d->end(&heading, NULL, false, &out));
	assert_null(strstr(buffer_text(&out), "usage"));
	assert_json(d->whole(&heading, "a", usage),
		"{\"id\":\"id\",\"object\":\"chat.completion\",\"created\":1753000000,\"model\":"
		"\"m@bob\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
		"\"content\":"
		"\"a\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":2,"
		"\"completion_tokens\":3,\"total_tokens\":5}}");
	json_decref(usage);
	buffer_deinit(&out);
}

static void ollama_gets_lines_and_their_end(void **state)
{
	(void)state;
	struct buffer out = buffer_with_max(10000);
	json_t *usage = json_pack("{s:i,s:i}", "prompt_tokens", 2, "completion_tokens", 3);
	assert_true(ai_dialect_chat.begin(&heading, &out));
	assert_true(ai_dialect_chat.delta(&heading, "a", &out));
	assert_true(ai_dialect_chat.end(&heading, usage, false, &out));
	assert_true(ai_dialect_chat.broken(502, "ai", "no", &out));
	assert_true(ai_dialect_generate.delta(&heading, "a", &out));
	assert_true(ai_dialect_generate.end(&heading, NULL, false, &out));
#undef HEAD
#define HEAD "{\"model\":\"m@bob\",\"created_at\":\"2025-07-20T08:26:40Z\","
	assert_string_equal(buffer_text(&out),
		HEAD "\"done\":false,\"message\":{\"role\":\"assistant\",\"content\":\"a\"}}\n" HEAD
		     "\"done\":true,\"message\":{\"role\":\"assistant\",\"content\":\"\"},"
		     "\"done_reason\":\"stop\",\"prompt_eval_count\":2,\"eval_count\":3}\n"
		     "{\"error\":\"no\"}\n" HEAD "\"done\":false,\"response\":\"a\"}\n" HEAD
		     "\"done\":true,\"response\":\"\",\"done_reason\":\"stop\"}\n");
	assert_json(ai_dialect_generate.whole(&heading, "a", NULL),
		HEAD "\"done\":true,\"response\":\"a\",\"done_reason\":\"stop\"}");
	json_decref(usage);
	buffer_deinit(&out);
}

static void errors_have_the_form_that_programs_know(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *code, *type, *shown;
	} cases[] = {
		{400, "malformed", "invalid_request_error", "malformed"},
		{401, "token", "authentication_error", "token"},
		{403, "denied", "permission_error", "denied"},
		{404, "not_found", "invalid_request_error", "model_not_found"},
		{429, "limit", "rate_limit_error", "limit"},
		{504, "timeout", "server_error", "timeout"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *value = ai_dialect_openai.error(cases[i].status, cases[i].code, "no");
		const json_t *error = json_object_get(value, "error");
		assert_string_equal(json_string_value(json_object_get(error, "message")), "no");
		assert_string_equal(
			json_string_value(json_object_get(error, "type")), cases[i].type);
		assert_string_equal(
			json_string_value(json_object_get(error, "code")), cases[i].shown);
		json_decref(value);
		assert_json(ai_dialect_chat.error(cases[i].status, cases[i].code, "no"),
			"{\"error\":\"no\"}");
	}
}

static void models_are_listed_in_both_forms(void **state)
{
	(void)state;
	const struct ai_dialect *openai = &ai_dialect_openai, *ollama = &ai_dialect_chat;
	assert_json(openai->models(json_pack("[o]", openai->model("m@bob", 5))),
		"{\"object\":\"list\",\"data\":[{\"id\":\"m@bob\",\"object\":\"model\",\"created\":"
		"5,"
		"\"owned_by\":\"dpc\"}]}");
	json_t *entry = ollama->model("m@bob", 1753000000);
	json_t *list = ollama->models(json_pack("[O]", entry)), *shown = ollama->details(entry);
	assert_ptr_equal(json_array_get(json_object_get(list, "models"), 0), entry);
	assert_string_equal(json_string_value(json_object_get(entry, "name")), "m@bob");
	assert_string_equal(
		json_string_value(json_object_get(shown, "modified_at")), "2025-07-20T08:26:40Z");
	assert_json(json_incref(json_object_get(shown, "capabilities")), "[\"completion\"]");
	assert_ptr_equal(json_object_get(shown, "details"), json_object_get(entry, "details"));
	json_decref(shown);
	json_decref(list);
	json_decref(entry);
}

static void embeddings_are_asked_for_in_three_ways(void **state)
{
	(void)state;
	static const struct {
		const struct ai_dialect *dialect;
		const char *text, *inputs; /* NULL: refused */
		bool packed;
	} cases[] = {
		{&ai_dialect_openai_embed, "{\"model\":\"m\",\"input\":\"a\"}", "[\"a\"]", false},
		{&ai_dialect_openai_embed,
			"{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\"}",
			"[\"a\",\"b\"]", true},
		{&ai_dialect_embed, "{\"model\":\"m\",\"input\":[\"a\"]}", "[\"a\"]", false},
		{&ai_dialect_embed_prompt, "{\"model\":\"m\",\"prompt\":\"a\"}", "[\"a\"]", false},
		{&ai_dialect_embed_prompt, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"]}", NULL,
			false},
		{&ai_dialect_openai_embed, "{\"model\":\"m\",\"input\":[[1,2]]}", NULL, false},
		{&ai_dialect_openai_embed, "{\"model\":\"m\",\"input\":\"\"}", NULL, false},
		{&ai_dialect_openai_embed, "{\"model\":\"m\"}", NULL, false},
		{&ai_dialect_openai_embed, "{\"input\":\"a\"}", NULL, false},
		{&ai_dialect_openai_embed, "{\"model\":\"m\",\"input\":\"a\",\"dimensions\":5}",
			NULL, false},
		{&ai_dialect_openai_embed,
			"{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":1}", NULL, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ai_question question;
		struct fault fault = {0};
		enum err err = read(cases[i].dialect, cases[i].text, &question, &fault);
		assert_err(err, cases[i].inputs ? ERR_OK : ERR_MALFORMED);
		if (err)
			continue;
		assert_json(json_incref(question.inputs), cases[i].inputs);
		assert_int_equal(question.packed, cases[i].packed);
		ai_question_deinit(&question);
	}
}

static void vectors_are_given_in_three_ways(void **state)
{
	(void)state;
	struct ai_heading asked = {.model = "m@bob", .input_count = 1};
	const char *text = "{\"embeddings\":[[1,-2.5]]}";
	json_t *usage = json_pack("{s:i}", "prompt_tokens", 3);
#define LIST(vector)                                                                               \
	"{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"                    \
	"\"embedding\":" vector                                                                    \
	"}],\"model\":\"m@bob\",\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"
	assert_json(ai_dialect_openai_embed.whole(&asked, text, usage), LIST("[1,-2.5]"));
	assert_json(ai_dialect_embed.whole(&asked, text, usage),
		"{\"model\":\"m@bob\",\"embeddings\":[[1,-2.5]],\"prompt_eval_count\":3}");
	assert_json(ai_dialect_embed_prompt.whole(&asked, text, usage), "{\"embedding\":[1,-2.5]}");
	asked.packed = true;
	assert_json(ai_dialect_openai_embed.whole(&asked, text, usage), LIST("\"AACAPwAAIMA=\""));
	asked.input_count = 2;
	assert_null(ai_dialect_openai_embed.whole(&asked, text, usage));
	assert_null(ai_dialect_embed.whole(&asked, text, NULL));
	assert_null(ai_dialect_embed_prompt.whole(&asked, "no", NULL));
	json_decref(usage);
}

TESTS(TEST(questions_of_both_interfaces_become_turns_and_options),
	TEST(what_cannot_be_passed_on_is_refused_in_words), TEST(names_of_models_are_limited),
	TEST(openai_gets_events_and_their_end), TEST(ollama_gets_lines_and_their_end),
	TEST(errors_have_the_form_that_programs_know), TEST(models_are_listed_in_both_forms),
	TEST(embeddings_are_asked_for_in_three_ways), TEST(vectors_are_given_in_three_ways))
