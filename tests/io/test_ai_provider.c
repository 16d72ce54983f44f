/* The provider's asking, against the test provider of tests/tools over loopback. */
#include "node/ai_provider.h"

#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/text.h"
#include "message/turns.h"
#include "net/loop.h"
#include "node/ai_kind.h"
#include "web/http_client.h"
#include "web/web.h"

#include "child.h"

#define WAIT (20 * USEC_PER_SEC)
#define KEY "sk-1234"
#define MODEL "test-provider"

struct world {
	struct net_loop *loop;
	struct http_client *client;
	struct ai_provider *provider;
	struct ai_provider_config config;
	const char *dialect;
	json_t *messages;
	struct child child;

	struct buffer text;
	unsigned deltas, ends, lists;
	enum err err;
	char message[700], model[200], models[200];
	bool has_usage, cancel_at_delta, cancel_at_end;
	int64_t completion_tokens;
};

/* Starts the test provider and reads its port. */
static unsigned start_provider(struct world *w)
{
	unsigned port;
	const char *const arguments[] = {"--only", w->dialect, "--key", KEY, NULL};
	child_start(&w->child, "TEST_PROVIDER", arguments, true);
	assert_int_equal(sscanf(w->child.line, "%u", &port), 1);
	return port;
}

static int setup(void **state, const char *dialect, const struct ai_kind *kind)
{
	struct world *w = calloc(1, sizeof *w);
	char url[64];
	assert_non_null(w);
	w->text = buffer_with_max(8 * 1024 * 1024);
	w->dialect = dialect;
	snprintf(url, sizeof url, "http://127.0.0.1:%u", start_provider(w));
	w->config = (struct ai_provider_config){
		.kind = kind, .url = url, .key = KEY, .quiet_seconds = 1};
	assert_ok(net_loop_create(&w->loop));
	assert_ok(http_client_create(w->loop, &w->client));
	assert_ok(ai_provider_create(&w->config, w->client, &w->provider));
	w->config.url = ai_provider_url(w->provider);
	*state = w;
	return 0;
}

static int setup_ollama(void **state)
{
	return setup(state, "ollama", &ai_ollama);
}

static int setup_openai(void **state)
{
	return setup(state, "openai", &ai_openai);
}

static int setup_anthropic(void **state)
{
	return setup(state, "anthropic", &ai_anthropic);
}

static int teardown(void **state)
{
	struct world *w = *state;
	ai_provider_destroy(w->provider);
	http_client_destroy(w->client);
	net_loop_destroy(w->loop);
	kill(w->child.pid, SIGTERM);
	child_end(&w->child);
	buffer_deinit(&w->text);
	json_decref(w->messages);
	free(w);
	return 0;
}

static void on_delta(struct ai_job *job, const char *text, void *user)
{
	struct world *w = user;
	w->deltas++;
	assert_ok(buffer_append_text(&w->text, text));
	if (w->cancel_at_delta)
		ai_job_cancel(job);
}

static void on_end(struct ai_job *job, const struct ai_end *end, void *user)
{
	struct world *w = user;
	w->ends++;
	w->err = end->err;
	w->has_usage = end->has_usage;
	w->completion_tokens = end->usage.completion_tokens;
	assert_true(text_copy(w->message, sizeof w->message, end->message));
	assert_true(text_copy(w->model, sizeof w->model, end->model));
	if (w->cancel_at_end)
		ai_job_cancel(job);
}

static void on_models(struct ai_job *job, enum err err, const char *message,
	const struct ai_models *models, void *user)
{
	struct world *w = user;
	(void)job;
	w->lists++;
	w->err = err;
	assert_true(text_copy(w->message, sizeof w->message, message));
	if (models->count > 0)
		assert_true(text_copy(w->models, sizeof w->models, models->names[0]));
}

static const struct ai_query_events events = {.delta = on_delta, .end = on_end};

static void run_until(struct world *w, const unsigned *count)
{
	usec limit = net_now() + WAIT;
	while (*count == 0 && net_now() < limit)
		net_loop_run_once(w->loop, limit);
	assert_int_not_equal(*count, 0);
}

/* Until the next question. */
static struct ai_query question(struct world *w, const char *text)
{
	json_decref(w->messages);
	w->messages = turns_of_question(text);
	return (struct ai_query){.messages = w->messages, .model = MODEL};
}

/* Asks, and waits for the end. */
static void ask(struct world *w, const char *text, const char *model)
{
	struct ai_query query = question(w, text);
	struct ai_job *job;
	query.model = model;
	buffer_clear(&w->text);
	w->ends = w->deltas = 0;
	assert_ok(ai_provider_ask(w->provider, &query, &events, w, &job));
	assert_int_equal(w->ends, 0);
	run_until(w, &w->ends);
	assert_int_equal(w->ends, 1);
}

static void an_answer_comes_in_pieces_and_ends_once(void **state)
{
	struct world *w = *state;
	w->cancel_at_end = true; /* of no consequence */
	ask(w, "why is the sky blue?", MODEL);
	assert_err(w->err, ERR_OK);
	assert_string_equal(buffer_text(&w->text),
		"This is the test provider of dpc, not a model. You asked: \"why is the sky "
		"blue?\".");
	assert_true(w->deltas > 5);
	assert_string_equal(w->model, "test-provider");
	assert_true(w->has_usage);
	assert_int_equal(w->completion_tokens, w->deltas);
	assert_string_equal(w->message, "");
}

static void failures_say_who_failed_and_how(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *query, *model;
		enum err err;
		const char *message;
	} cases[] = {
		{"x", "none", ERR_NOT_FOUND, "says: model 'none' not found"},
		{"status", MODEL, ERR_REFUSED, "says: the machine is on fire"},
		{"fail", MODEL, ERR_REFUSED, "says: out of  memory"},
		{"garbage", MODEL, ERR_MALFORMED, "is not understood"},
		{"long", MODEL, ERR_TOO_LARGE, "answer is too long"},
		{"hang", MODEL, ERR_TIMEOUT, "does not answer in time"},
		{"silent", MODEL, ERR_TIMEOUT, "does not answer in time"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ask(w, cases[i].query, cases[i].model);
		if (w->err != cases[i].err)
			fail_msg("%s", w->message);
		if (!strstr(w->message, cases[i].message))
			fail_msg("%s", w->message);
	}
	static const char *const broken[] = {"break", "half"};
	for (size_t i = 0; i < 2; i++) {
		ask(w, broken[i], MODEL);
		assert_int_not_equal(w->err, ERR_OK);
		assert_string_not_equal(w->message, "");
		assert_string_equal(buffer_text(&w->text), "word ");
	}
}

/* Reads the child's log until the asker of a stream was seen to leave. */
static void wait_until_gone(struct world *w)
{
	char line[512];
	while (fgets(line, sizeof line, w->child.log)) {
		if (strstr(line, "gone"))
			return;
	}
	fail_msg("the provider went on");
}

static void a_cancelled_query_closes_the_connection(void **state)
{
	struct world *w = *state;
	struct ai_query query = question(w, "slow");
	struct ai_job *job;
	assert_ok(ai_provider_ask(w->provider, &query, &events, w, &job));
	run_until(w, &w->deltas);
	ai_job_cancel(job);
	for (int i = 0; i < 5; i++)
		net_loop_run_once(w->loop, net_now() + 10 * USEC_PER_MS);
	wait_until_gone(w);
	assert_int_equal(w->ends, 0);
}

static void a_query_can_be_cancelled_from_its_own_delta(void **state)
{
	struct world *w = *state;
	struct ai_query query = question(w, "slow");
	struct ai_job *job;
	w->cancel_at_delta = true;
	assert_ok(ai_provider_ask(w->provider, &query, &events, w, &job));
	run_until(w, &w->deltas);
	for (int i = 0; i < 5; i++)
		net_loop_run_once(w->loop, net_now() + 10 * USEC_PER_MS);
	wait_until_gone(w);
	assert_int_equal(w->deltas, 1);
	assert_int_equal(w->ends, 0);
}

static void models_are_listed(void **state)
{
	struct world *w = *state;
	struct ai_job *job;
	assert_ok(ai_provider_list(w->provider, on_models, w, &job));
	run_until(w, &w->lists);
	assert_err(w->err, ERR_OK);
	assert_string_equal(w->models, "test-provider");
}

static void a_provider_that_is_not_there_is_named(void **state)
{
	struct world *w = *state;
	struct ai_job *job;
	ai_provider_destroy(w->provider);
	w->provider = NULL;
	w->config.url = "http://127.0.0.1:1";
	assert_ok(ai_provider_create(&w->config, w->client, &w->provider));
	ask(w, "x", MODEL);
	assert_err(w->err, ERR_UNREACHABLE);
	assert_non_null(strstr(w->message, "the AI provider at 'http://127.0.0.1:1'"));
	assert_ok(ai_provider_list(w->provider, on_models, w, &job));
	run_until(w, &w->lists);
	assert_err(w->err, ERR_UNREACHABLE);
}

static void jobs_are_limited(void **state)
{
	struct world *w = *state;
	struct ai_query query = question(w, "slow");
	struct ai_job *jobs[AI_JOBS_MAX + 1];
	for (size_t i = 0; i < AI_JOBS_MAX; i++)
		assert_ok(ai_provider_ask(w->provider, &query, &events, w, &jobs[i]));
	assert_err(ai_provider_ask(w->provider, &query, &events, w, &jobs[AI_JOBS_MAX]), ERR_LIMIT);
	ai_job_cancel(jobs[0]);
	assert_ok(ai_provider_ask(w->provider, &query, &events, w, &jobs[0]));
	char name[MESSAGE_MODEL_MAX + 2];
	memset(name, 'm', sizeof name);
	name[MESSAGE_MODEL_MAX + 1] = 0;
	query.model = name;
	assert_err(ai_provider_ask(w->provider, &query, &events, w, &jobs[0]), ERR_TOO_LARGE);
}

static void a_wrong_key_is_told(void **state)
{
	struct world *w = *state;
	char url[AI_URL_MAX + 1];
	CHECK(text_copy(url, sizeof url, ai_provider_url(w->provider)));
	ai_provider_destroy(w->provider);
	w->provider = NULL;
	w->config.url = url;
	w->config.key = "sk-4321";
	assert_ok(ai_provider_create(&w->config, w->client, &w->provider));
	ask(w, "x", MODEL);
	assert_err(w->err, ERR_REFUSED);
	assert_non_null(strstr(w->message, "says: the key is wrong"));
	ai_provider_destroy(NULL);
	ai_job_cancel(NULL);
}

/* The same holds for every kind. */
#define WORLD_TEST(name)                                                                           \
	cmocka_unit_test_setup_teardown(name, setup_ollama, teardown),                             \
		cmocka_unit_test_setup_teardown(name, setup_openai, teardown),                     \
		cmocka_unit_test_setup_teardown(name, setup_anthropic, teardown)

TESTS(WORLD_TEST(an_answer_comes_in_pieces_and_ends_once),
	WORLD_TEST(failures_say_who_failed_and_how),
	WORLD_TEST(a_cancelled_query_closes_the_connection),
	WORLD_TEST(a_query_can_be_cancelled_from_its_own_delta), WORLD_TEST(models_are_listed),
	WORLD_TEST(a_provider_that_is_not_there_is_named), WORLD_TEST(jobs_are_limited),
	WORLD_TEST(a_wrong_key_is_told))
