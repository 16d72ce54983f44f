/* The local API: files between peers. */
#include "node/api.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "node/files.h"
#include "node/internal.h"
#include "node/local_api.h"

#define LIST_LIMIT 50

static bool number_of(struct web_request *http, int64_t *ret_sequence)
{
	const char *text = web_request_param(http, "id");
	uint64_t number;
	if (text_to_u64(text, &number) && number > 0 && number <= INT64_MAX) {
		*ret_sequence = (int64_t)number;
		return true;
	}
	api_fail(http, FAILURE_NOT_FOUND, "no file '%s'; 'dpc file list' shows them", text);
	return false;
}

static json_t *describe(struct node *node, int64_t sequence)
{
	struct store_file file;
	return store_file_get(node->store, sequence, &file) == ERR_OK ? files_describe(node, &file)
								      : NULL;
}

static void reply(struct node *node, struct web_request *http, int64_t sequence)
{
	json_t *object = describe(node, sequence);
	if (object)
		local_api_reply(http, 200, object);
	else
		api_fail(http, FAILURE_NOT_FOUND, "no file %lld; 'dpc file list' shows them",
			(long long)sequence);
}

void api_files_list(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *limit_text = web_request_query(http, "limit");
	uint32_t limit = LIST_LIMIT;
	int64_t after;
	struct store_file file;
	if (limit_text &&
		(!text_to_u32(limit_text, &limit) || limit == 0 || limit > STORE_PAGE_MAX)) {
		api_fail(http, FAILURE_MALFORMED, "'limit' is a number from 1 to %d",
			STORE_PAGE_MAX);
		return;
	}
	if (store_file_before_last(node->store, limit, &after) != ERR_OK) {
		api_fail_store(node, http);
		return;
	}
	json_t *list = json_array();
	enum err err;
	while ((err = store_file_next(node->store, after, false, &file)) == ERR_OK) {
		json_array_append_new(list, files_describe(node, &file));
		after = file.sequence;
	}
	if (err == ERR_NOT_FOUND) {
		local_api_reply(http, 200, json_pack("{s:o}", "files", list));
	} else {
		json_decref(list);
		api_fail_store(node, http);
	}
}

void api_files_get(struct web_request *http, void *user)
{
	int64_t sequence;
	if (number_of(http, &sequence))
		reply(api_node(user), http, sequence);
}

void api_files_send(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	struct failure failure = {0};
	const char *path, *name;
	int64_t sequence;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_text(http, body, "path", STORE_FILE_PATH_MAX, &path) &&
		api_text_if(http, body, "name", MESSAGE_FILE_NAME_MAX, &name) &&
		api_session_of(node, http, body, &session)) {
		if (files_send(session, path, name, &sequence, &failure) == ERR_OK)
			reply(node, http, sequence);
		else
			local_api_fail(http, &failure);
	}
	json_decref(body);
}

static void decide(struct web_request *http, void *user,
	enum err (*act)(struct node *node, int64_t sequence, struct failure *failure))
{
	struct node *node = api_node(user);
	struct failure failure = {0};
	int64_t sequence;
	if (!number_of(http, &sequence))
		return;
	if (act(node, sequence, &failure) == ERR_OK)
		reply(node, http, sequence);
	else
		local_api_fail(http, &failure);
}

void api_files_accept(struct web_request *http, void *user)
{
	decide(http, user, files_accept);
}

void api_files_reject(struct web_request *http, void *user)
{
	decide(http, user, files_reject);
}

void api_files_cancel(struct web_request *http, void *user)
{
	decide(http, user, files_cancel);
}

/* ---- Following one ---- */

struct follower {
	struct node *node;
	struct web_request *http;
	int64_t sequence;
	struct net_timer timer;
};

static void release(struct follower *follower)
{
	net_timer_deinit(&follower->timer);
	free(follower);
}

static void on_gone(void *user)
{
	release(user);
}

static void tell(void *user)
{
	struct follower *follower = user;
	struct web_request *http = follower->http;
	struct store_file file;
	bool known = store_file_get(follower->node->store, follower->sequence, &file) == ERR_OK;
	bool last = !known || store_file_has_ended(&file);
	char *text = known ? json_take_text(files_describe(follower->node, &file)) : NULL;
	char *line = text ? text_format("%s\n", text) : NULL;
	/* Who does not read misses lines, but not the last one. */
	if (line && (last || web_stream_queued(http) == 0) &&
		web_stream_write(http, bytes_of_text(line)) != ERR_OK)
		last = true;
	free(line);
	free(text);
	if (last) {
		release(follower);
		web_stream_end(http);
	} else {
		net_timer_set(&follower->timer, net_now() + NODE_FILE_PROGRESS);
	}
}

void api_files_follow(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_file file;
	int64_t sequence;
	if (!number_of(http, &sequence))
		return;
	if (store_file_get(node->store, sequence, &file) != ERR_OK) {
		reply(node, http, sequence);
		return;
	}
	struct follower *follower = calloc(1, sizeof(*follower));
	if (!follower || net_timer_init(&follower->timer, node->loop, tell, follower) != ERR_OK) {
		free(follower);
		api_fail(http, FAILURE_LIMIT, "out of memory");
		return;
	}
	follower->node = node;
	follower->http = http;
	follower->sequence = sequence;
	web_stream_start(http, 200, "application/x-ndjson");
	web_request_on_cancel(http, on_gone, follower);
	tell(follower);
}
