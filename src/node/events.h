/* What happens, told to everybody who reads GET /api/v1/events. Each event is one JSON object with
 * `event` and `time`, and `peer` and `name` where it concerns one; docs/local-api.md lists them. */
#ifndef NODE_EVENTS_H
#define NODE_EVENTS_H

#include <jansson.h>

#include "node/failure.h"

struct node;
struct link;
struct session;

/* `fields` is taken, and may be NULL. */
void event_emit(struct node *node, const char *event, json_t *fields);
void event_of_peer(struct node *node, const char *event, const char *node_id, const char *name,
	json_t *fields);
void event_of_session(struct session *session, const char *event, json_t *fields);
/* "refused": counts it too. `name` NULL: no contact. */
void event_refused(struct node *node, const char *node_id, const char *name, const char *via,
	const char *reason);

#endif
