/* GET /api/v1/events: what happens, to whoever reads it, as a stream of lines or as messages of a
 * websocket. One that is slower than a bounded queue misses events, and hears how many. */
#ifndef NODE_API_EVENTS_H
#define NODE_API_EVENTS_H

#include <jansson.h>

#include "base/err.h"
#include "base/list.h"
#include "net/loop.h"

struct node;
struct web_request;

struct api_events {
	struct node *node;
	struct list subscribers;
	size_t subscriber_count;
	struct net_timer keepalive;
};

MUST_CHECK enum err api_events_init(struct api_events *events, struct node *node);
/* The servers of its readers must be gone. Accepts a zeroed one. */
void api_events_deinit(struct api_events *events);

/* Answers with a stream or a websocket, or an error. */
void api_events_read(struct api_events *events, struct web_request *http);
/* To every reader; takes it. */
void api_events_publish(struct api_events *events, json_t *event);

#endif
