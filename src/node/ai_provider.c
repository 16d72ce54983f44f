#include "node/ai_provider.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/text.h"
#include "node/ai_kind.h"
#include "node/ai_ollama.h"
#include "node/fault.h"
#include "web/http_client.h"

static_assert(AI_MODELS_MAX <= MESSAGE_MODELS_MAX, "the list fits into a message");

/* The address, and its own words. */
#define SAYS "the AI provider at '%s' says: %s"

struct ai_provider {
	const struct ai_kind *kind;
	struct http_client *client;
	char url[CONFIG_TEXT_MAX + 1];
	char model[CONFIG_TEXT_MAX + 1];
	struct list jobs;
	size_t job_count;
};

struct ai_job {
	struct list node;
	struct ai_provider *provider;
	struct http_request *request;         /* NULL: it is over */
	const struct ai_query_events *events; /* of a query */
	ai_models_fn *on_models;              /* of a listing */
	void *user;
	size_t answer_size; /* bytes of all deltas */
	bool *gone;         /* set when the job is freed while one of its callbacks runs */
	char model[MESSAGE_MODEL_MAX + 1];
};

static const struct ai_kind *kind_of(enum config_ai ai)
{
	return ai == CONFIG_AI_OLLAMA ? &ai_ollama : NULL;
}

enum err ai_provider_create(
	const struct config *config, struct http_client *client, struct ai_provider **ret_provider)
{
	if (config->ai_provider == CONFIG_AI_NONE)
		return ERR_NOT_FOUND;
	const struct ai_kind *kind = kind_of(config->ai_provider);
	if (!kind)
		return ERR_UNSUPPORTED;
	struct ai_provider *provider = calloc(1, sizeof *provider);
	if (!provider)
		return ERR_NOMEM;
	provider->kind = kind;
	provider->client = client;
	list_init(&provider->jobs);
	CHECK(text_copy(provider->url, sizeof provider->url, config->ai_url));
	CHECK(text_copy(provider->model, sizeof provider->model, config->ai_model));
	*ret_provider = provider;
	return ERR_OK;
}

/* Frees the job; its request has ended or is cancelled here. */
static void release(struct ai_job *job)
{
	if (job->gone)
		*job->gone = true;
	http_request_cancel(job->request);
	list_remove(&job->node);
	job->provider->job_count--;
	free(job);
}

void ai_job_cancel(struct ai_job *job)
{
	if (job)
		release(job);
}

void ai_provider_destroy(struct ai_provider *provider)
{
	if (!provider)
		return;
	LIST_FOREACH_SAFE (node, &provider->jobs)
		release(CONTAINER_OF(node, struct ai_job, node));
	free(provider);
}

const char *ai_provider_model(const struct ai_provider *provider)
{
	return provider->model;
}

/* ---- The end of a job ---- */

/* Calls the owner back for the last time, and frees the job unless the owner did. */
static void finish(struct ai_job *job, const struct ai_end *end, const struct ai_models *models)
{
	bool gone = false;
	job->gone = &gone;
	if (job->events)
		job->events->end(job, end, job->user);
	else
		job->on_models(job, end->err, end->message, models, job->user);
	if (!gone)
		release(job);
}

static void finish_with(struct ai_job *job, enum err err, const char *message)
{
	static const struct ai_models none;
	struct ai_end end = {.err = err, .message = message, .model = ""};
	finish(job, &end, &none);
}

/* Why there is no answer, when the connection or the status tells. */
static enum err explain(
	const struct ai_job *job, const struct http_answer *answer, struct fault *ret_fault)
{
	const struct ai_provider *provider = job->provider;
	struct ai_piece piece;
	if (answer->err) {
		fault_set(ret_fault, "the AI provider at '%s' cannot be used: %s", provider->url,
			answer->reason[0] ? answer->reason : err_text(answer->err));
		return answer->err;
	}
	if (answer->status < 300) {
		fault_set(ret_fault, "the AI provider at '%s' broke off its answer", provider->url);
		return ERR_CLOSED;
	}
	enum err err = answer->status == 404 ? ERR_NOT_FOUND : ERR_REFUSED;
	if (provider->kind->read_line(answer->body, &piece) == ERR_OK) {
		fault_set(ret_fault, SAYS, provider->url, piece.error ? piece.error : "nothing");
		json_decref(piece.root);
	} else {
		fault_set(ret_fault, "the AI provider at '%s' answers with status %d",
			provider->url, answer->status);
	}
	return err;
}

/* ---- Queries ---- */

/* The last line: an error of the provider, or the end with its numbers. */
static void finish_query(struct ai_job *job, const struct ai_piece *piece)
{
	struct fault fault = {0};
	struct ai_end end = {.message = "",
		.model = piece->model[0] ? piece->model : job->model,
		.has_usage = piece->has_usage,
		.usage = piece->usage};
	if (piece->error) {
		fault_set(&fault, SAYS, job->provider->url, piece->error);
		end.err = ERR_REFUSED;
		end.message = fault.text;
	}
	finish(job, &end, NULL);
}

static void take_piece(struct ai_job *job, const struct ai_piece *piece)
{
	bool gone = false;
	job->answer_size += strlen(piece->delta);
	if (job->answer_size > AI_ANSWER_MAX) {
		finish_with(job, ERR_TOO_LARGE, "the model's answer is too long");
		return;
	}
	if (piece->delta[0]) {
		job->gone = &gone;
		job->events->delta(job, piece->delta, job->user);
		if (gone)
			return;
		job->gone = NULL;
	}
	if (piece->done || piece->error)
		finish_query(job, piece);
}

static void on_line(struct bytes line, void *user)
{
	struct ai_job *job = user;
	struct ai_piece piece;
	if (line.size == 0)
		return;
	enum err err = job->provider->kind->read_line(line, &piece);
	if (err) {
		finish_with(job, err, "the AI provider's answer is not understood");
		return;
	}
	take_piece(job, &piece);
	json_decref(piece.root);
}

static void on_query_done(const struct http_answer *answer, void *user)
{
	struct ai_job *job = user;
	struct fault fault = {0};
	job->request = NULL;
	enum err err = explain(job, answer, &fault);
	finish_with(job, err, fault.text);
}

static enum err create_job(struct ai_provider *provider, void *user, struct ai_job **ret_job)
{
	if (provider->job_count >= AI_JOBS_MAX)
		return ERR_LIMIT;
	struct ai_job *job = calloc(1, sizeof *job);
	if (!job)
		return ERR_NOMEM;
	job->provider = provider;
	job->user = user;
	list_push_back(&provider->jobs, &job->node);
	provider->job_count++;
	*ret_job = job;
	return ERR_OK;
}

static enum err start(struct ai_job *job, const char *path, struct bytes body,
	void (*line)(struct bytes line, void *user),
	void (*done)(const struct http_answer *answer, void *user))
{
	char url[CONFIG_TEXT_MAX + 32];
	snprintf(url, sizeof url, "%s%s", job->provider->url, path);
	struct http_ask ask = {
		.url = url,
		.body = body,
		.timeout_ms = line ? AI_ANSWER_SECONDS * 1000 : AI_LIST_SECONDS * 1000,
	};
	return http_client_start(job->provider->client, &ask, line, done, job, &job->request);
}

enum err ai_provider_ask(struct ai_provider *provider, const struct ai_query *query,
	const struct ai_query_events *events, void *user, struct ai_job **ret_job)
{
	const char *model = query->model && query->model[0] ? query->model : provider->model;
	struct buffer body = buffer_with_max(AI_QUERY_BODY_MAX);
	struct ai_job *job = NULL;
	if (!model[0])
		return ERR_NOT_FOUND;
	if (strlen(model) > MESSAGE_MODEL_MAX)
		return ERR_TOO_LARGE;
	enum err err = create_job(provider, user, &job);
	if (err)
		return err;
	job->events = events;
	CHECK(text_copy(job->model, sizeof job->model, model));
	err = provider->kind->write_query(query, model, &body);
	if (!err)
		err = start(job, provider->kind->query_path, buffer_bytes(&body), on_line,
			on_query_done);
	buffer_deinit(&body);
	if (err)
		release(job);
	else
		*ret_job = job;
	return err;
}

/* ---- Listings ---- */

static void on_list_done(const struct http_answer *answer, void *user)
{
	struct ai_job *job = user;
	struct fault fault = {0};
	struct ai_models models;
	json_t *root;
	job->request = NULL;
	if (answer->err || answer->status >= 300) {
		enum err err = explain(job, answer, &fault);
		finish_with(job, err, fault.text);
		return;
	}
	enum err err = job->provider->kind->read_models(answer->body, &root, &models);
	if (err) {
		finish_with(job, err, "the AI provider's list of models is not understood");
		return;
	}
	struct ai_end end = {.message = "", .model = ""};
	finish(job, &end, &models);
	json_decref(root);
}

enum err ai_provider_list(
	struct ai_provider *provider, ai_models_fn *callback, void *user, struct ai_job **ret_job)
{
	struct ai_job *job = NULL;
	enum err err = create_job(provider, user, &job);
	if (err)
		return err;
	job->on_models = callback;
	err = start(job, provider->kind->models_path, (struct bytes){0}, NULL, on_list_done);
	if (err)
		release(job);
	else
		*ret_job = job;
	return err;
}
