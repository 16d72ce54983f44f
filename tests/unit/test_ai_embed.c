#include "node/ai_embed.h"

#include "test.h"

#include <stdlib.h>

static void every_kind_of_answer_becomes_the_same_text(void **state)
{
	(void)state;
	static const struct {
		const struct ai_kind *kind;
		const char *answer;
		int tokens;
	} cases[] = {
		{&ai_ollama, "{\"embeddings\":[[1,2.5],[-3,0]],\"prompt_eval_count\":7}", 7},
		{&ai_ollama, "{\"embeddings\":[[1,2.5],[-3,0]]}", -1},
		{&ai_openai,
			"{\"data\":[{\"embedding\":[1,2.5],\"index\":0},{\"embedding\":[-3,0]}],"
			"\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}",
			7},
		{&ai_openai,
			"{\"data\":[{\"embedding\":[1,2.5]},{\"embedding\":[-3,0]}],\"usage\":1}",
			-1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = NULL;
		int64_t tokens = 0;
		assert_ok(ai_embed_read(
			cases[i].kind, bytes_of_text(cases[i].answer), 2, &text, &tokens));
		assert_string_equal(text, "{\"embeddings\":[[1,2.5],[-3,0]]}");
		assert_int_equal(tokens, cases[i].tokens);
		free(text);
	}
}

static void what_is_no_list_of_vectors_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "[]", "{}", "{\"embeddings\":1}",
		"{\"embeddings\":[]}", "{\"embeddings\":[[1]]}", "{\"embeddings\":[[1],[]]}",
		"{\"embeddings\":[[1],[\"2\"]]}", "{\"embeddings\":[[1],{}]}",
		"{\"embeddings\":[[1],[2],[3]]}", "{\"embeddings\":[[1],[2]"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char *text = NULL;
		int64_t tokens = 0;
		assert_null(ai_embed_vectors(bytes_of_text(texts[i]), 2));
		assert_err(ai_embed_read(&ai_ollama, bytes_of_text(texts[i]), 2, &text, &tokens),
			ERR_MALFORMED);
		assert_null(text);
	}
}

static char *answer_of(size_t numbers)
{
	json_t *vector = json_array();
	for (size_t i = 0; i < numbers; i++)
		json_array_append_new(vector, json_integer(1));
	json_t *answer = json_pack("{s:[o]}", "embeddings", vector);
	char *text = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return text;
}

static void vectors_are_limited_in_length(void **state)
{
	(void)state;
	for (size_t size = AI_VECTOR_MAX; size <= AI_VECTOR_MAX + 1; size++) {
		char *text = answer_of(size);
		json_t *vectors = ai_embed_vectors(bytes_of_text(text), 1);
		assert_int_equal(json_array_size(vectors), size > AI_VECTOR_MAX ? 0 : 1);
		json_decref(vectors);
		free(text);
	}
}

static void all_vectors_together_are_limited_in_size(void **state)
{
	(void)state;
	char *text = answer_of(1);
	struct buffer padded = buffer_with_max(AI_VECTORS_SIZE_MAX + 1);
	assert_ok(buffer_append_text(&padded, text));
	while (padded.size < AI_VECTORS_SIZE_MAX)
		assert_ok(buffer_append_text(&padded, " "));
	json_t *vectors = ai_embed_vectors(buffer_bytes(&padded), 1);
	assert_non_null(vectors);
	json_decref(vectors);
	assert_ok(buffer_append_text(&padded, " "));
	assert_null(ai_embed_vectors(buffer_bytes(&padded), 1));
	buffer_deinit(&padded);
	free(text);
}

static void a_provider_is_asked_for_all_texts_at_once(void **state)
{
	(void)state;
	struct buffer body = buffer_with_max(1000);
	json_t *inputs = json_pack("[s,s]", "a", "b");
	assert_ok(ai_embed_write(inputs, "m:1", &body));
	assert_string_equal(buffer_text(&body), "{\"model\":\"m:1\",\"input\":[\"a\",\"b\"]}");
	body.max = body.size;
	assert_err(ai_embed_write(inputs, "m:1", &body), ERR_TOO_LARGE);
	buffer_deinit(&body);
	json_decref(inputs);
}

TESTS(TEST(every_kind_of_answer_becomes_the_same_text), TEST(what_is_no_list_of_vectors_is_refused),
	TEST(vectors_are_limited_in_length), TEST(all_vectors_together_are_limited_in_size),
	TEST(a_provider_is_asked_for_all_texts_at_once))
