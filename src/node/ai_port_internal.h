/* What the files of the AI port (ai_port.h) share. */
#ifndef NODE_AI_PORT_INTERNAL_H
#define NODE_AI_PORT_INTERNAL_H

#include <jansson.h>

#include "node/ai_dialect.h"
#include "node/failure.h"
#include "web/server.h"

struct ai_port {
	struct node *node;
	struct web_server *server;
};

/* Answers; `body` is taken, and NULL when memory is out. */
void ai_port_reply(struct web_request *http, int status, json_t *body);
/* The same with an error in the dialect's form. */
void ai_port_fail(struct web_request *http, const struct ai_dialect *dialect, int status,
	const char *code, const char *message);
/* The request's body, owned by the caller; NULL: it was no object, and is answered. */
json_t *ai_port_body(struct web_request *http, const struct ai_dialect *dialect);

/* The status of a failure for a program that thinks the model is here: a peer that cannot be
 * reached is to it what a server behind this one is. */
int ai_port_status(enum failure_code code);

/* A question, answered later (ai_port_question.c). */
void ai_port_ask(struct ai_port *port, struct web_request *http, const struct ai_dialect *dialect);
/* The models of all, or the one of this name, answered later (ai_port_list.c). */
void ai_port_list(struct ai_port *port, struct web_request *http, const struct ai_dialect *dialect);
void ai_port_show(struct ai_port *port, struct web_request *http, const struct ai_dialect *dialect,
	const char *model);

#endif
