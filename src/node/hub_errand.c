#include "node/hub_errand.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "node/hub_ask.h"
#include "node/hub_login.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/local_api.h"
#include "web/server.h"

struct entry {
	struct list node; /* of the list */
	struct hub_errands *errands;
	struct web_request *http;
	struct http_request *request; /* NULL: it waits */
	struct hub_errand errand;     /* its path is ours */
	char *path;
	bool is_second; /* the first time the token was not accepted */
};

static void forget(struct entry *entry)
{
	http_request_cancel(entry->request);
	list_remove(&entry->node);
	entry->errands->count--;
	json_decref(entry->errand.body);
	free(entry->path);
	free(entry);
}

static void on_abandoned(void *user)
{
	forget(user);
}

static void fail(struct entry *entry, const struct failure *failure)
{
	struct web_request *http = entry->http;
	forget(entry);
	local_api_fail(http, failure);
}

/* ---- Answers ---- */

static void pass_on(struct entry *entry, const struct http_answer *answer)
{
	struct web_request *http = entry->http;
	const char *hub = entry->errands->hub;
	struct failure failure;
	json_t *body = NULL;
	bool is_empty = answer->status == 204 ||
			(answer->status == 404 && entry->errand.is_empty_if_missing);
	if (answer->err) {
		failure_set(&failure, FAILURE_HUB, "hub '%s' does not answer: %s", hub,
			answer->reason[0] ? answer->reason : err_text(answer->err));
		fail(entry, &failure);
		return;
	}
	if (!is_empty && json_parse_object(answer->body, NODE_HUB_DIRECTORY_MAX, &body) != ERR_OK) {
		failure_set(&failure, FAILURE_HUB, "hub '%s' answers with status %d and no json",
			hub, answer->status);
		fail(entry, &failure);
		return;
	}
	forget(entry);
	local_api_reply(http, is_empty ? 200 : answer->status, is_empty ? json_object() : body);
}

static void on_answer(const struct http_answer *answer, void *user)
{
	struct entry *entry = user;
	struct hub_errands *errands = entry->errands;
	entry->request = NULL;
	bool is_over = !answer->err && answer->status == 401 && !entry->is_second;
	if (!is_over) {
		pass_on(entry, answer);
		return;
	}
	/* The hub may have forgotten the token; another may do. */
	entry->is_second = true;
	hub_login_expire(errands->login);
	errands->need_token(errands->user);
}

/* ---- Asking ---- */

static enum err send(struct entry *entry)
{
	struct hub_errands *errands = entry->errands;
	struct hub_question question = {.method = entry->errand.method,
		.hub = errands->hub,
		.path = entry->path,
		.bearer = errands->login->access_token,
		.body = json_incref(entry->errand.body),
		.answer_max = NODE_HUB_DIRECTORY_MAX};
	return hub_ask(errands->node, &question, on_answer, entry, &entry->request);
}

/* The first that waits, or NULL. */
static struct entry *first_waiting(const struct hub_errands *errands)
{
	LIST_FOREACH (node, &errands->list) {
		struct entry *entry = CONTAINER_OF(node, struct entry, node);
		if (!entry->request)
			return entry;
	}
	return NULL;
}

void hub_errands_go(struct hub_errands *errands)
{
	struct entry *entry;
	struct failure failure;
	while (hub_login_is_valid(errands->login) && (entry = first_waiting(errands))) {
		enum err err = send(entry);
		if (!err)
			continue;
		failure_set(&failure, FAILURE_HUB, "cannot ask hub '%s': %s", errands->hub,
			err_text(err));
		fail(entry, &failure);
	}
}

void hub_errands_fail(struct hub_errands *errands, const struct failure *failure)
{
	struct entry *entry;
	while ((entry = first_waiting(errands)))
		fail(entry, failure);
}

void hub_errands_add(
	struct hub_errands *errands, const struct hub_errand *errand, struct web_request *http)
{
	struct failure failure;
	struct entry *entry =
		errands->count < NODE_HUB_ERRANDS_MAX ? calloc(1, sizeof *entry) : NULL;
	char *path = text_duplicate(errand->path);
	if (!entry || !path) {
		failure_set(&failure, FAILURE_LIMIT,
			"too much is being asked of the hub; try again in a moment");
		local_api_fail(http, &failure);
		json_decref(errand->body);
		free(entry);
		free(path);
		return;
	}
	*entry = (struct entry){.errands = errands, .http = http, .errand = *errand, .path = path};
	list_push_back(&errands->list, &entry->node);
	errands->count++;
	web_request_on_cancel(http, on_abandoned, entry);
	if (hub_login_is_valid(errands->login))
		hub_errands_go(errands);
	else
		errands->need_token(errands->user);
}

/* ---- Life ---- */

void hub_errands_init(struct hub_errands *errands, struct node *node, struct hub_login *login,
	const char *hub, void (*need_token)(void *user), void *user)
{
	*errands = (struct hub_errands){
		.node = node, .login = login, .hub = hub, .need_token = need_token, .user = user};
	list_init(&errands->list);
}

void hub_errands_deinit(struct hub_errands *errands)
{
	while (errands->list.next && !list_is_empty(&errands->list))
		forget(CONTAINER_OF(errands->list.next, struct entry, node));
}
