#include "node/ai_pool.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "node/ai_kind.h"
#include "node/watched_file.h"

/* Where such programs listen when nobody tells them otherwise. */
static const struct ai_place usual_places[] = {
	{&ai_ollama, "http://127.0.0.1:11434"},
	{&ai_openai, "http://127.0.0.1:8080"}, /* llama-server */
	{&ai_openai, "http://127.0.0.1:8000"}, /* vLLM */
	{&ai_openai, "http://127.0.0.1:1234"}, /* LM Studio */
};

struct member {
	struct ai_pool *pool;
	struct ai_provider *provider;
	struct ai_job *look; /* the listing under way */
	char names[AI_MODELS_MAX][MESSAGE_MODEL_MAX + 1];
	size_t name_count; /* of models, when it was last looked at */
};

struct ai_pool {
	struct member members[AI_PLACES_MAX];
	size_t member_count;
	char model[CONFIG_TEXT_MAX + 1];
	struct list works;
	/* Of the look under way, or the last one. */
	size_t looking, answered;
	enum err err;
	struct fault fault;
};

struct ai_work {
	struct list node;
	const struct ai_work_events *events; /* of a query */
	ai_work_models_fn *on_models;        /* of a listing */
	void *user;
	struct ai_job *job;    /* NULL: it waits for the look */
	struct member *member; /* that is asked */
	/* Of a query that waits. */
	json_t *messages, *inputs, *options, *context;
	char model[MESSAGE_MODEL_MAX + 1];
};

/* ---- Life ---- */

enum err ai_pool_create_at(const struct ai_place *places, size_t count, unsigned quiet_seconds,
	struct http_client *client, struct ai_pool **ret_pool)
{
	struct ai_pool *pool = calloc(1, sizeof *pool);
	enum err err = pool ? ERR_OK : ERR_NOMEM;
	CHECK(count <= AI_PLACES_MAX);
	if (pool)
		list_init(&pool->works);
	for (size_t i = 0; !err && i < count; i++) {
		struct ai_provider_config config = {.kind = places[i].kind,
			.url = places[i].url,
			.key = "",
			.quiet_seconds = quiet_seconds};
		struct member *member = &pool->members[i];
		member->pool = pool;
		err = ai_provider_create(&config, client, &member->provider);
		pool->member_count += !err;
	}
	if (err)
		ai_pool_destroy(pool);
	else
		*ret_pool = pool;
	return err;
}

/* The key of the provider is the first line of the file. */
static enum err read_key(const char *path, struct buffer *key, struct fault *ret_fault)
{
	enum err err = path[0] ? text_file_read(path, key, ret_fault) : ERR_OK;
	if (err == ERR_NOT_FOUND) {
		fault_set(ret_fault, "there is no file '%s', which ai.key_file names", path);
		return ERR_IO;
	}
	if (err)
		return err;
	for (size_t i = 0; i < key->size; i++) {
		if (key->data[i] == '\n' || key->data[i] == '\r') {
			key->data[i] = 0;
			key->size = i;
		} else if (!isgraph(key->data[i])) {
			fault_set(ret_fault, "the key in '%s' is no line of printable characters",
				path);
			return ERR_MALFORMED;
		}
	}
	return ERR_OK;
}

static enum err create_configured(const struct config *config, const struct ai_kind *kind,
	struct http_client *client, struct ai_pool **ret_pool, struct fault *ret_fault)
{
	struct buffer key = buffer_with_max(AI_KEY_MAX);
	struct ai_provider_config provider = {.kind = kind,
		.url = config_ai_url(config),
		.quiet_seconds = config->ai_patience_seconds};
	struct ai_pool *pool = NULL;
	enum err err = ai_pool_create_at(NULL, 0, 0, client, &pool);
	if (err)
		return err;
	err = read_key(config->ai_key_file, &key, ret_fault);
	provider.key = buffer_text(&key);
	if (!err)
		err = ai_provider_create(&provider, client, &pool->members[0].provider);
	if (key.data)
		secret_cleanse(key.data, key.size);
	buffer_deinit(&key);
	if (err) {
		ai_pool_destroy(pool);
		return err;
	}
	pool->members[0].pool = pool;
	pool->member_count = 1;
	*ret_pool = pool;
	return ERR_OK;
}

enum err ai_pool_create(const struct config *config, struct http_client *client,
	struct ai_pool **ret_pool, struct fault *ret_fault)
{
	static const struct ai_kind *const kinds[] = {[CONFIG_AI_OLLAMA] = &ai_ollama,
		[CONFIG_AI_OPENAI] = &ai_openai,
		[CONFIG_AI_ANTHROPIC] = &ai_anthropic};
	struct ai_pool *pool = NULL;
	enum err err;
	if (config->ai_provider == CONFIG_AI_NONE)
		return ERR_NOT_FOUND;
	fault_set(ret_fault, "out of memory");
	if (config->ai_provider == CONFIG_AI_AUTO)
		err = ai_pool_create_at(usual_places, sizeof usual_places / sizeof *usual_places,
			config->ai_patience_seconds, client, &pool);
	else
		err = create_configured(
			config, kinds[config->ai_provider], client, &pool, ret_fault);
	if (err)
		return err;
	CHECK(text_copy(pool->model, sizeof pool->model, config->ai_model));
	*ret_pool = pool;
	return ERR_OK;
}

static void release(struct ai_work *work)
{
	ai_job_cancel(work->job);
	list_remove(&work->node);
	json_decref(work->messages);
	json_decref(work->inputs);
	json_decref(work->options);
	json_decref(work->context);
	free(work);
}

void ai_work_cancel(struct ai_work *work)
{
	if (work)
		release(work);
}

void ai_pool_destroy(struct ai_pool *pool)
{
	if (!pool)
		return;
	LIST_FOREACH_SAFE (node, &pool->works)
		release(CONTAINER_OF(node, struct ai_work, node));
	for (size_t i = 0; i < pool->member_count; i++)
		ai_provider_destroy(pool->members[i].provider);
	free(pool);
}

const char *ai_pool_model(const struct ai_pool *pool)
{
	return pool->model;
}

/* ---- Queries ---- */

static void on_delta(struct ai_job *job, const char *text, void *user)
{
	struct ai_work *work = user;
	(void)job;
	work->events->delta(text, work->user);
}

static void on_end(struct ai_job *job, const struct ai_end *end, void *user)
{
	struct ai_work *work = user;
	const struct ai_work_events *events = work->events;
	void *owner = work->user;
	(void)job;
	/* It has been stopped, perhaps: the next query for its models looks again. */
	if (end->err == ERR_UNREACHABLE && work->member)
		work->member->name_count = 0;
	work->job = NULL;
	release(work);
	events->end(end, owner);
}

static const struct ai_query_events job_events = {.delta = on_delta, .end = on_end};

static void fail(struct ai_work *work, enum err err, const char *message)
{
	struct ai_end end = {.err = err, .message = message, .model = ""};
	on_end(NULL, &end, work);
}

static struct member *find_model(struct ai_pool *pool, const char *model)
{
	for (size_t i = 0; i < pool->member_count; i++) {
		struct member *member = &pool->members[i];
		for (size_t k = 0; k < member->name_count; k++) {
			if (strcmp(member->names[k], model) == 0)
				return member;
		}
	}
	return NULL;
}

static void ask_after_look(struct ai_pool *pool, struct ai_work *work)
{
	struct fault fault;
	struct member *member = find_model(pool, work->model);
	struct ai_query query = {.messages = work->messages,
		.inputs = work->inputs,
		.options = work->options,
		.context = work->context,
		.model = work->model};
	enum err err =
		member ? ai_provider_ask(member->provider, &query, &job_events, work, &work->job)
		       : ERR_NOT_FOUND;
	work->member = member;
	if (!err)
		return;
	if (err == ERR_UNSUPPORTED)
		fault_set(&fault, AI_NO_EMBEDDINGS);
	else if (member)
		fault_set(&fault, "the query cannot be asked: %s", err_text(err));
	else if (pool->answered == 0)
		fault = pool->fault;
	else
		fault_set(&fault, "no AI provider of this node has the model '%s'", work->model);
	fail(work, err, fault.text);
}

/* ---- Looking at what there is ---- */

static void tell_models(struct ai_pool *pool, struct ai_work *work)
{
	struct ai_models models = {0};
	ai_work_models_fn *on_models = work->on_models;
	void *user = work->user;
	for (size_t i = 0; i < pool->member_count; i++) {
		const struct member *member = &pool->members[i];
		for (size_t k = 0; k < member->name_count && models.count < AI_MODELS_MAX; k++)
			models.names[models.count++] = member->names[k];
	}
	bool ok = pool->answered > 0;
	release(work);
	on_models(ok ? ERR_OK : pool->err, ok ? "" : pool->fault.text, &models, user);
}

static struct ai_work *find_waiting(struct ai_pool *pool)
{
	LIST_FOREACH (node, &pool->works) {
		struct ai_work *work = CONTAINER_OF(node, struct ai_work, node);
		if (!work->job)
			return work;
	}
	return NULL;
}

/* One after the other: what they call back may add and take away others. */
static void end_look(struct ai_pool *pool)
{
	struct ai_work *work;
	if (pool->answered == 0 && pool->member_count > 1)
		fault_set(&pool->fault, "no AI provider answers on the usual ports of this node's "
					"machine; start one, or name it in config.ini");
	while (pool->looking == 0 && (work = find_waiting(pool))) {
		if (work->events)
			ask_after_look(pool, work);
		else
			tell_models(pool, work);
	}
}

static void on_look(struct ai_job *job, enum err err, const char *message,
	const struct ai_models *models, void *user)
{
	struct member *member = user;
	struct ai_pool *pool = member->pool;
	(void)job;
	member->look = NULL;
	member->name_count = 0;
	if (err) {
		pool->err = err;
		fault_set(&pool->fault, "%s", message);
	} else {
		pool->answered++;
	}
	for (size_t i = 0; !err && i < models->count; i++)
		CHECK(text_copy(member->names[member->name_count++], MESSAGE_MODEL_MAX + 1,
			models->names[i]));
	if (--pool->looking == 0)
		end_look(pool);
}

/* Whoever waits is answered by the look that is under way. */
static enum err look(struct ai_pool *pool)
{
	enum err err = ERR_OK;
	if (pool->looking > 0)
		return ERR_OK;
	pool->answered = 0;
	for (size_t i = 0; i < pool->member_count; i++) {
		struct member *member = &pool->members[i];
		enum err failed =
			ai_provider_list(member->provider, on_look, member, &member->look);
		if (failed)
			err = failed;
		else
			pool->looking++;
	}
	return pool->looking > 0 ? ERR_OK : err;
}

/* ---- Starting ---- */

static struct ai_work *create(struct ai_pool *pool, void *user)
{
	struct ai_work *work = calloc(1, sizeof *work);
	if (!work)
		return NULL;
	work->user = user;
	list_push_back(&pool->works, &work->node);
	return work;
}

/* The query's trees are counted, not copied: nobody changes them. */
static json_t *keep(const json_t *value)
{
	return json_incref((json_t *)(uintptr_t)value);
}

enum err ai_pool_ask(struct ai_pool *pool, const struct ai_query *query,
	const struct ai_work_events *events, void *user, struct ai_work **ret_work)
{
	struct ai_work *work;
	struct member *member =
		pool->member_count == 1 ? &pool->members[0] : find_model(pool, query->model);
	if (strlen(query->model) > MESSAGE_MODEL_MAX)
		return ERR_TOO_LARGE;
	work = create(pool, user);
	if (!work)
		return ERR_NOMEM;
	work->events = events;
	work->member = member;
	enum err err;
	if (member) {
		err = ai_provider_ask(member->provider, query, &job_events, work, &work->job);
	} else {
		work->messages = keep(query->messages);
		work->inputs = keep(query->inputs);
		work->options = keep(query->options);
		work->context = keep(query->context);
		CHECK(text_copy(work->model, sizeof work->model, query->model));
		err = look(pool);
	}
	if (err)
		release(work);
	else
		*ret_work = work;
	return err;
}

enum err ai_pool_list(
	struct ai_pool *pool, ai_work_models_fn *callback, void *user, struct ai_work **ret_work)
{
	struct ai_work *work = create(pool, user);
	if (!work)
		return ERR_NOMEM;
	work->on_models = callback;
	enum err err = look(pool);
	if (err)
		release(work);
	else
		*ret_work = work;
	return err;
}
