/* The handlers of the local API, by file, and what they share. Every helper that returns bool
 * answers the request itself when it returns false. */
#ifndef NODE_API_H
#define NODE_API_H

#include <jansson.h>

#include "node/failure.h"
#include "node/session.h"
#include "node/store.h"
#include "web/server.h"

struct node;
struct local_api;

struct node *api_node(void *user);

/* The body as an object, which the caller releases; an empty body is an empty one. */
bool api_body(struct web_request *http, json_t **ret_body);
/* A mandatory text of 1 to `max` bytes; borrowed from the body. */
bool api_text(struct web_request *http, const json_t *body, const char *key, size_t max,
	const char **ret_text);
/* An optional one: NULL when it is missing. */
bool api_text_if(struct web_request *http, const json_t *body, const char *key, size_t max,
	const char **ret_text);
/* "timeout_ms" or the like, up to NODE_API_TIMEOUT_MAX_MS. */
bool api_timeout(struct web_request *http, const json_t *body, const char *key, unsigned default_ms,
	unsigned *ret_ms);
/* The contact that a person means, and its session. */
bool api_contact(struct node *node, struct web_request *http, const char *text,
	struct store_contact *ret_contact);
bool api_session(struct node *node, struct web_request *http, const char *text,
	struct session **ret_session);
/* The same for the field "peer" of a body. */
bool api_session_of(struct node *node, struct web_request *http, const json_t *body,
	struct session **ret_session);
void api_fail(struct web_request *http, enum failure_code code, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* The store failed. */
void api_fail_store(struct node *node, struct web_request *http);

/* ---- api_peers.c ---- */

void api_status(struct web_request *http, void *user);
void api_peers_list(struct web_request *http, void *user);
void api_peers_get(struct web_request *http, void *user);
void api_peers_quality(struct web_request *http, void *user);
void api_peers_add(struct web_request *http, void *user);
void api_peers_remove(struct web_request *http, void *user);
void api_peers_accept(struct web_request *http, void *user);
void api_peers_block(struct web_request *http, void *user);
void api_peers_policy(struct web_request *http, void *user);

/* Adds what an address or id says to the contacts. *ret_new: it was none before. */
bool api_add_contact(struct node *node, struct web_request *http, const char *text,
	const char *name, struct store_contact *ret_contact, bool *ret_new);

/* ---- api_export.c ---- */

void api_history_export(struct web_request *http, void *user);

/* ---- api_verify.c ---- */

void api_peers_verify(struct web_request *http, void *user);

/* ---- api_ai.c ---- */

void api_ai_own_models(struct web_request *http, void *user);
void api_ai_log(struct web_request *http, void *user);

/* ---- api_files.c ---- */

void api_files_list(struct web_request *http, void *user);
void api_files_send(struct web_request *http, void *user);
void api_files_get(struct web_request *http, void *user);
void api_files_follow(struct web_request *http, void *user);
void api_files_accept(struct web_request *http, void *user);
void api_files_reject(struct web_request *http, void *user);
void api_files_cancel(struct web_request *http, void *user);

/* ---- api_directory.c ---- */

void api_profile_get(struct web_request *http, void *user);
void api_profile_put(struct web_request *http, void *user);
void api_profile_delete(struct web_request *http, void *user);
void api_profile_of(struct web_request *http, void *user);
void api_directory(struct web_request *http, void *user);

/* ---- api_netcheck.c ---- */

void api_netcheck(struct web_request *http, void *user);

/* ---- api_access.c ---- */

void api_access_check(struct web_request *http, void *user);
void api_access_pending(struct web_request *http, void *user);
void api_access_allow(struct web_request *http, void *user);
void api_access_deny(struct web_request *http, void *user);

/* ---- api_context.c ---- */

void api_context_get(struct web_request *http, void *user);
void api_context_put(struct web_request *http, void *user);
void api_context_set(struct web_request *http, void *user);
void api_context_delete(struct web_request *http, void *user);

/* ---- api_chat.c ---- */

void api_send(struct web_request *http, void *user);
void api_message_edit(struct web_request *http, void *user);
void api_message_delete(struct web_request *http, void *user);
void api_mark_read(struct web_request *http, void *user);
void api_typing(struct web_request *http, void *user);
void api_history(struct web_request *http, void *user);
void api_search(struct web_request *http, void *user);

/* ---- api_requests.c ---- */

void api_connect(struct web_request *http, void *user);
void api_disconnect(struct web_request *http, void *user);
void api_context_request(struct web_request *http, void *user);
void api_ai_query(struct web_request *http, void *user);
void api_ai_models(struct web_request *http, void *user);
void api_ping(struct web_request *http, void *user);
void api_login(struct web_request *http, void *user);
void api_logout(struct web_request *http, void *user);

#endif
