#include "node/ai_provider.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "node/ai_embed.h"
#include "node/ai_kind.h"
#include "node/fault.h"
#include "node/sse.h"
#include "web/http_client.h"

static_assert(AI_MODELS_MAX <= MESSAGE_MODELS_MAX, "the list fits into a message");

/* The address, and its own words. */
#define SAYS "the AI provider at '%s' says: %s"

struct ai_provider {
	const struct ai_kind *kind;
	struct http_client *client;
	char url[AI_URL_MAX + 1];
	char *key, *key_header; /* one of them, or NULL: none is asked for */
	const char *headers[3]; /* the last is NULL */
	unsigned quiet_seconds;
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
	size_t answer_size;                       /* bytes of all deltas */
	size_t input_count;                       /* of embeddings; 0: it is a conversation */
	struct sse sse;                           /* of a query, where the kind streams events */
	bool complete;                            /* the text is; only figures can follow */
	int64_t prompt_tokens, completion_tokens; /* -1: not known */
	bool *gone; /* set when the job is freed while one of its callbacks runs */
	char model[MESSAGE_MODEL_MAX + 1];
};

/* The headers that every request carries. */
static bool prepare_headers(struct ai_provider *provider, const char *key)
{
	size_t count = 0;
	const struct ai_kind *kind = provider->kind;
	if (kind->static_header)
		provider->headers[count++] = kind->static_header;
	if (!key[0])
		return true;
	if (!kind->key_header) {
		provider->key = text_duplicate(key);
		return provider->key != NULL;
	}
	provider->key_header = text_format("%s%s", kind->key_header, key);
	provider->headers[count] = provider->key_header;
	return provider->key_header != NULL;
}

enum err ai_provider_create(const struct ai_provider_config *config, struct http_client *client,
	struct ai_provider **ret_provider)
{
	struct ai_provider *provider = calloc(1, sizeof *provider);
	if (!provider)
		return ERR_NOMEM;
	enum err err = ERR_TOO_LARGE;
	provider->kind = config->kind;
	provider->client = client;
	provider->quiet_seconds = config->quiet_seconds;
	list_init(&provider->jobs);
	if (!text_copy(provider->url, sizeof provider->url, config->url))
		goto fail;
	err = ERR_NOMEM;
	if (!prepare_headers(provider, config->key))
		goto fail;
	*ret_provider = provider;
	return ERR_OK;

fail:
	ai_provider_destroy(provider);
	return err;
}

const char *ai_provider_url(const struct ai_provider *provider)
{
	return provider->url;
}

/* Frees the job; its request has ended or is cancelled here. */
static void release(struct ai_job *job)
{
	if (job->gone)
		*job->gone = true;
	http_request_cancel(job->request);
	list_remove(&job->node);
	job->provider->job_count--;
	sse_deinit(&job->sse);
	free(job);
}

void ai_job_cancel(struct ai_job *job)
{
	if (job)
		release(job);
}

static void free_secret(char *secret)
{
	if (secret)
		secret_cleanse(secret, strlen(secret));
	free(secret);
}

void ai_provider_destroy(struct ai_provider *provider)
{
	if (!provider)
		return;
	LIST_FOREACH_SAFE (node, &provider->jobs)
		release(CONTAINER_OF(node, struct ai_job, node));
	free_secret(provider->key);
	free_secret(provider->key_header);
	free(provider);
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
	if (answer->err == ERR_TIMEOUT) {
		fault_set(ret_fault, "the AI provider at '%s' does not answer in time",
			provider->url);
		return answer->err;
	}
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
	if (ai_read_piece(provider->kind, answer->body, &piece) == ERR_OK) {
		fault_set(ret_fault, SAYS, provider->url, piece.error ? piece.error : "nothing");
		json_decref(piece.root);
	} else {
		fault_set(ret_fault, "the AI provider at '%s' answers with status %d",
			provider->url, answer->status);
	}
	return err;
}

/* ---- Queries ---- */

/* An error of the provider, or the end with its numbers. */
static void finish_query(struct ai_job *job, const char *error)
{
	struct fault fault = {0};
	struct ai_end end = {.message = "",
		.model = job->model,
		.has_usage = job->prompt_tokens >= 0 || job->completion_tokens >= 0};
	/* A prompt that it had in its cache may not be counted again, and then is left out. */
	end.usage.prompt_tokens = job->prompt_tokens >= 0 ? job->prompt_tokens : 0;
	end.usage.completion_tokens = job->completion_tokens >= 0 ? job->completion_tokens : 0;
	if (error) {
		fault_set(&fault, SAYS, job->provider->url, error);
		end.err = ERR_REFUSED;
		end.message = fault.text;
	}
	finish(job, &end, NULL);
}

/* What is told once, in whichever piece. */
static void note(struct ai_job *job, const struct ai_piece *piece)
{
	if (piece->model[0])
		CHECK(text_copy(job->model, sizeof job->model, piece->model));
	if (piece->prompt_tokens >= 0)
		job->prompt_tokens = piece->prompt_tokens;
	if (piece->completion_tokens >= 0)
		job->completion_tokens = piece->completion_tokens;
	job->complete |= piece->complete;
}

static void take_piece(struct ai_job *job, const struct ai_piece *piece)
{
	bool gone = false;
	note(job, piece);
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
		finish_query(job, piece->error);
}

static void read_piece(struct ai_job *job, struct bytes text)
{
	struct ai_piece piece;
	enum err err = ai_read_piece(job->provider->kind, text, &piece);
	if (err) {
		finish_with(job, err, "the AI provider's answer is not understood");
		return;
	}
	take_piece(job, &piece);
	json_decref(piece.root);
}

static void on_line(struct bytes line, void *user)
{
	struct ai_job *job = user;
	bool is_event;
	if (!job->provider->kind->streams_events) {
		if (line.size > 0)
			read_piece(job, line);
		return;
	}
	enum err err = sse_take_line(&job->sse, line, &is_event);
	if (err)
		finish_with(job, err, "the AI provider's answer is not understood");
	else if (is_event)
		read_piece(job, buffer_bytes(&job->sse.data));
}

static void on_query_done(const struct http_answer *answer, void *user)
{
	struct ai_job *job = user;
	struct fault fault = {0};
	job->request = NULL;
	/* Some say that the text is complete, and close without another word. */
	if (!answer->err && answer->status < 300 && job->complete) {
		finish_query(job, NULL);
		return;
	}
	enum err err = explain(job, answer, &fault);
	finish_with(job, err, fault.text);
}

static void on_embed_done(const struct http_answer *answer, void *user)
{
	struct ai_job *job = user;
	struct ai_piece piece = {.model = "", .done = true, .completion_tokens = -1};
	struct fault fault = {0};
	char *text = NULL;
	job->request = NULL;
	if (answer->err || answer->status >= 300) {
		enum err err = explain(job, answer, &fault);
		finish_with(job, err, fault.text);
		return;
	}
	enum err err = ai_embed_read(
		job->provider->kind, answer->body, job->input_count, &text, &piece.prompt_tokens);
	if (err) {
		finish_with(job, err, "the AI provider's embeddings are not understood");
		return;
	}
	piece.delta = text;
	take_piece(job, &piece);
	free(text);
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
	job->prompt_tokens = job->completion_tokens = -1;
	list_push_back(&provider->jobs, &job->node);
	provider->job_count++;
	*ret_job = job;
	return ERR_OK;
}

static enum err start(struct ai_job *job, const char *path, struct bytes body,
	void (*line)(struct bytes line, void *user),
	void (*done)(const struct http_answer *answer, void *user))
{
	const struct ai_provider *provider = job->provider;
	char url[AI_URL_MAX + 64];
	snprintf(url, sizeof url, "%s%s", provider->url, path);
	struct http_ask ask = {
		.url = url,
		.body = body,
		.bearer = provider->key,
		.headers = provider->headers,
		.quiet_timeout_s = job->events ? provider->quiet_seconds : 0,
		.timeout_ms = job->events ? AI_ANSWER_SECONDS * 1000 : AI_LIST_SECONDS * 1000,
		.answer_max = job->input_count > 0 ? AI_VECTORS_SIZE_MAX : 0,
	};
	return http_client_start(job->provider->client, &ask, line, done, job, &job->request);
}

enum err ai_provider_ask(struct ai_provider *provider, const struct ai_query *query,
	const struct ai_query_events *events, void *user, struct ai_job **ret_job)
{
	struct buffer body = buffer_with_max(AI_QUERY_BODY_MAX);
	struct ai_job *job = NULL;
	if (strlen(query->model) > MESSAGE_MODEL_MAX)
		return ERR_TOO_LARGE;
	if (query->inputs && !provider->kind->embed_path)
		return ERR_UNSUPPORTED;
	enum err err = create_job(provider, user, &job);
	if (err)
		return err;
	job->events = events;
	job->input_count = json_array_size(query->inputs);
	job->sse = sse_with_max(AI_LINE_MAX);
	CHECK(text_copy(job->model, sizeof job->model, query->model));
	const struct ai_kind *kind = provider->kind;
	if (query->inputs) {
		err = ai_embed_write(query->inputs, query->model, &body);
		if (!err)
			err = start(
				job, kind->embed_path, buffer_bytes(&body), NULL, on_embed_done);
	} else {
		err = kind->write_query(query, query->model, &body);
		if (!err)
			err = start(
				job, kind->query_path, buffer_bytes(&body), on_line, on_query_done);
	}
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
	enum err err = ai_read_models(job->provider->kind, answer->body, &root, &models);
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
