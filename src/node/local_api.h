/* The local API: HTTP on `$home/control.sock`, and where it is wanted on loopback with a token
 * (docs/local-api.md). A table of routes; what is answered later is a struct request. */
#ifndef NODE_LOCAL_API_H
#define NODE_LOCAL_API_H

#include <jansson.h>

#include "node/failure.h"

struct node;
struct local_api;
struct web_request;

/* ERR_ADDRESS_IN_USE and the other errors of web_server_create(). */
MUST_CHECK enum err local_api_create(struct node *node, struct local_api **ret_api);
/* Serves it on loopback too, at the configuration's port. ERR_ADDRESS_IN_USE, and the errors of
 * api_token_load() and web_server_create(). */
MUST_CHECK enum err local_api_listen(struct local_api *api, struct fault *ret_fault);
/* "127.0.0.1:11436", or NULL. */
const char *local_api_address(const struct local_api *api);
/* Removes the socket and ends every stream. Accepts NULL. */
void local_api_destroy(struct local_api *api);

/* To every reader of events; takes it. */
void local_api_publish(struct local_api *api, json_t *event);

/* Answers; `body` is taken, and NULL (memory is out) becomes an error. */
void local_api_reply(struct web_request *http, int status, json_t *body);
void local_api_fail(struct web_request *http, const struct failure *failure);

#endif
