/* Several providers at once: two of tests/tools over loopback, and a place where nobody listens. */
#include "node/ai_pool.h"

#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/turns.h"
#include "net/loop.h"
#include "node/ai_kind.h"
#include "web/http_client.h"

#include "child.h"

#define WAIT (20 * USEC_PER_SEC)

struct world {
	struct net_loop *loop;
	struct http_client *client;
	struct ai_pool *pool;
	struct child children[2];
	char urls[2][64];
	unsigned ends;
	enum err err;
	char text[512], message[700], models[512];
};

static void start_provider(struct world *w, size_t index, const char *dialect, const char *model)
{
	unsigned port;
	const char *const arguments[] = {"--only", dialect, "--model", model, NULL};
	child_start(&w->children[index], "TEST_PROVIDER", arguments, false);
	assert_int_equal(sscanf(w->children[index].line, "%u", &port), 1);
	snprintf(w->urls[index], sizeof w->urls[index], "http://127.0.0.1:%u", port);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	start_provider(w, 0, "ollama", "one");
	start_provider(w, 1, "openai", "two");
	const struct ai_place places[] = {{&ai_ollama, w->urls[0]},
		{&ai_openai, "http://127.0.0.1:1"}, {&ai_openai, w->urls[1]}};
	assert_ok(net_loop_create(&w->loop));
	assert_ok(http_client_create(w->loop, &w->client));
	assert_ok(ai_pool_create_at(places, 3, 0, w->client, &w->pool));
	*state = w;
	return 0;
}

static void stop(struct child *child)
{
	if (child->pid == 0)
		return;
	kill(child->pid, SIGTERM);
	child_end(child);
	child->pid = 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	ai_pool_destroy(w->pool);
	http_client_destroy(w->client);
	net_loop_destroy(w->loop);
	stop(&w->children[0]);
	stop(&w->children[1]);
	free(w);
	return 0;
}

static void on_delta(const char *text, void *user)
{
	struct world *w = user;
	size_t size = strlen(w->text);
	assert_true(text_copy(w->text + size, sizeof w->text - size, text));
}

static void on_end(const struct ai_end *end, void *user)
{
	struct world *w = user;
	w->ends++;
	w->err = end->err;
	assert_true(text_copy(w->message, sizeof w->message, end->message));
}

static void on_models(enum err err, const char *message, const struct ai_models *models, void *user)
{
	struct world *w = user;
	size_t size = 0;
	w->ends++;
	w->err = err;
	assert_true(text_copy(w->message, sizeof w->message, message));
	w->models[0] = 0;
	for (size_t i = 0; i < models->count; i++)
		size += (size_t)snprintf(
			w->models + size, sizeof w->models - size, "%s ", models->names[i]);
}

static const struct ai_work_events events = {.delta = on_delta, .end = on_end};

static void run_until(struct world *w, unsigned ends)
{
	usec limit = net_now() + WAIT;
	while (w->ends < ends && net_now() < limit)
		net_loop_run_once(w->loop, limit);
	assert_int_equal(w->ends, ends);
	w->ends = 0;
}

static struct ai_work *start(struct world *w, const char *text, const char *model)
{
	json_t *messages = turns_of_question(text);
	struct ai_query query = {.messages = messages, .model = model};
	struct ai_work *work;
	w->text[0] = 0;
	assert_ok(ai_pool_ask(w->pool, &query, &events, w, &work));
	assert_int_equal(w->ends, 0);
	json_decref(messages);
	return work;
}

static void ask(struct world *w, const char *text, const char *model)
{
	start(w, text, model);
	run_until(w, 1);
}

static void models_of_all_that_answer_are_listed(void **state)
{
	struct world *w = *state;
	struct ai_work *work;
	assert_ok(ai_pool_list(w->pool, on_models, w, &work));
	run_until(w, 1);
	assert_err(w->err, ERR_OK);
	assert_string_equal(w->models, "one two ");
}

static void a_query_goes_to_who_has_the_model(void **state)
{
	struct world *w = *state;
	ask(w, "a", "two");
	assert_err(w->err, ERR_OK);
	assert_non_null(strstr(w->text, "You asked: \"a\""));
	ask(w, "b", "one");
	assert_err(w->err, ERR_OK);
	ask(w, "c", "three");
	assert_err(w->err, ERR_NOT_FOUND);
	assert_string_equal(w->message, "no AI provider of this node has the model 'three'");
}

static void a_provider_that_has_stopped_is_forgotten(void **state)
{
	struct world *w = *state;
	ask(w, "a", "one");
	stop(&w->children[0]);
	ask(w, "a", "one");
	assert_err(w->err, ERR_UNREACHABLE);
	ask(w, "a", "one");
	assert_err(w->err, ERR_NOT_FOUND);
	ask(w, "a", "two");
	assert_err(w->err, ERR_OK);
	stop(&w->children[1]);
	struct ai_work *work;
	assert_ok(ai_pool_list(w->pool, on_models, w, &work));
	run_until(w, 1);
	assert_err(w->err, ERR_UNREACHABLE);
	assert_non_null(strstr(w->message, "no AI provider answers on the usual ports"));
}

static void work_can_be_cancelled_while_it_looks_and_while_it_asks(void **state)
{
	struct world *w = *state;
	struct ai_work *first = start(w, "a", "one"), *list;
	start(w, "b", "two");
	assert_ok(ai_pool_list(w->pool, on_models, w, &list));
	ai_work_cancel(first);
	ai_work_cancel(list);
	run_until(w, 1);
	assert_non_null(strstr(w->text, "\"b\""));
	first = start(w, "slow", "one");
	while (!w->text[0])
		net_loop_run_once(w->loop, net_now() + WAIT);
	ai_work_cancel(first);
	ai_work_cancel(NULL);
	start(w, "slow", "two"); /* the pool goes with it under way */
}

static void the_configuration_says_whether_and_where(void **state)
{
	struct world *w = *state;
	struct config config;
	struct fault fault;
	struct ai_pool *pool = NULL;
	config_init(&config);
	assert_ok(config_set(&config, "ai.provider", "none", &fault));
	assert_err(ai_pool_create(&config, w->client, &pool, &fault), ERR_NOT_FOUND);
	assert_ok(config_set(&config, "ai.provider", "openai", &fault));
	assert_ok(config_set(&config, "ai.model", "two", &fault));
	assert_ok(config_set(&config, "ai.url", w->urls[1], &fault));
	assert_ok(ai_pool_create(&config, w->client, &pool, &fault));
	assert_string_equal(ai_pool_model(pool), "two");
	ai_pool_destroy(w->pool);
	w->pool = pool;
	ask(w, "a", "two");
	assert_err(w->err, ERR_OK);
	assert_ok(config_set(&config, "ai.key_file", "/nonexistent/key", &fault));
	assert_err(ai_pool_create(&config, w->client, &pool, &fault), ERR_IO);
	assert_non_null(strstr(fault.text, "'/nonexistent/key'"));
	ai_pool_destroy(NULL);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

TESTS(WORLD_TEST(models_of_all_that_answer_are_listed),
	WORLD_TEST(a_query_goes_to_who_has_the_model),
	WORLD_TEST(a_provider_that_has_stopped_is_forgotten),
	WORLD_TEST(work_can_be_cancelled_while_it_looks_and_while_it_asks),
	WORLD_TEST(the_configuration_says_whether_and_where))
