/* What the tests of AI kinds share: asking and reading. */
#ifndef AI_READING_H
#define AI_READING_H

#include "node/ai_kind.h"

#include "test.h"

#include "message/turns.h"

/* Writes the query with these turns, options and context (JSON, or NULL) for the model "m:1". */
static inline void assert_writes(const struct ai_kind *kind, const char *turns, const char *options,
	const char *context, const char *expected)
{
	struct buffer body = buffer_with_max(AI_QUERY_BODY_MAX);
	json_t *t = json_loads(turns, 0, NULL);
	json_t *o = options ? json_loads(options, 0, NULL) : NULL;
	json_t *c = context ? json_loads(context, 0, NULL) : NULL;
	struct ai_query query = {.messages = t, .options = o, .context = c};
	assert_true(turns_are_valid(t));
	assert_true(!o || turn_options_are_valid(o));
	assert_ok(kind->write_query(&query, "m:1", &body));
	assert_string_equal(buffer_text(&body), expected);
	body.max = body.size + 10;
	assert_err(kind->write_query(&query, "m:1", &body), ERR_TOO_LARGE);
	buffer_deinit(&body);
	json_decref(t);
	json_decref(o);
	json_decref(c);
}

struct ai_reading {
	const char *text;
	const char *delta, *error, *model; /* NULL: none */
	bool complete, done;
	int prompt_tokens, completion_tokens; /* 0: it does not say, -1: it says 0 */
};

static inline void assert_tokens(int64_t tokens, int expected)
{
	assert_int_equal(tokens, expected > 0 ? expected : expected < 0 ? 0 : -1);
}

static inline void assert_reads(
	const struct ai_kind *kind, const struct ai_reading *readings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct ai_reading *r = &readings[i];
		struct ai_piece p;
		assert_ok(ai_read_piece(kind, bytes_of_text(r->text), &p));
		assert_string_equal(p.delta, r->delta ? r->delta : "");
		assert_string_equal(p.error ? p.error : "", r->error ? r->error : "");
		assert_string_equal(p.model, r->model ? r->model : "");
		assert_int_equal(p.complete, r->complete);
		assert_int_equal(p.done, r->done);
		assert_tokens(p.prompt_tokens, r->prompt_tokens);
		assert_tokens(p.completion_tokens, r->completion_tokens);
		json_decref(p.root);
	}
}

static inline void assert_refuses(
	const struct ai_kind *kind, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ai_piece p;
		if (ai_read_piece(kind, bytes_of_text(texts[i]), &p) != ERR_MALFORMED)
			fail_msg("read: %s", texts[i]);
	}
}

#endif
