#include "node/api_events.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "node/api.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/rate.h"

/* What a page names besides the token, and is told back: a browser takes the answer for broken
 * without one of those that it has named. */
#define SUBPROTOCOL "dpc.events"
/* RFC 6455 section 7.4.1. */
#define CLOSE_UNSUPPORTED 1003
#define CLOSE_POLICY 1008

/* One of the two. */
struct subscriber {
	struct list node;
	struct api_events *events;
	struct web_request *stream;
	struct web_socket *socket;
	uint64_t missed; /* events that it was too slow for */
	struct rate ignored;
};

/* ---- Sending ---- */

static enum err send_message(struct subscriber *subscriber, struct bytes line)
{
	if (web_socket_queued(subscriber->socket) + line.size > WEB_STREAM_QUEUE_MAX)
		return ERR_LIMIT;
	/* A message ends by itself. */
	return web_socket_send(subscriber->socket, bytes_slice(line, 0, line.size - 1));
}

static void write_line(struct subscriber *subscriber, const char *text)
{
	struct bytes line = bytes_of_text(text);
	if (subscriber->missed > 0 ||
		(subscriber->socket ? send_message(subscriber, line)
				    : web_stream_write(subscriber->stream, line)) != ERR_OK)
		subscriber->missed++;
}

static void say_hello(struct subscriber *subscriber)
{
	char *line = text_format("{\"event\":\"hello\",\"time\":%.6f,\"node_id\":\"%s\"}\n",
		node_unix_time(), subscriber->events->node->id);
	if (line)
		write_line(subscriber, line);
	free(line);
}

/* The reader has caught up: it learns how much it missed. */
static void on_drain(void *user)
{
	struct subscriber *subscriber = user;
	if (subscriber->missed == 0)
		return;
	char *line = text_format("{\"event\":\"overrun\",\"time\":%.6f,\"missed\":%llu}\n",
		node_unix_time(), (unsigned long long)subscriber->missed);
	subscriber->missed = 0;
	if (line)
		write_line(subscriber, line);
	free(line);
}

void api_events_publish(struct api_events *events, json_t *event)
{
	char *text = json_take_text(event);
	char *line = text ? text_format("%s\n", text) : NULL;
	LIST_FOREACH_SAFE (node, &events->subscribers) {
		if (line)
			write_line(CONTAINER_OF(node, struct subscriber, node), line);
	}
	free(line);
	free(text);
}

/* Websockets have pings. */
static void on_keepalive(void *user)
{
	struct api_events *events = user;
	LIST_FOREACH_SAFE (node, &events->subscribers) {
		struct subscriber *subscriber = CONTAINER_OF(node, struct subscriber, node);
		if (subscriber->stream && web_stream_queued(subscriber->stream) == 0)
			write_line(subscriber, "\n");
	}
	net_timer_set(&events->keepalive, net_now() + NODE_API_KEEPALIVE);
}

/* ---- Readers ---- */

static void on_gone(void *user)
{
	struct subscriber *subscriber = user;
	list_remove(&subscriber->node);
	subscriber->events->subscriber_count--;
	free(subscriber);
}

static void start_stream(struct subscriber *subscriber, struct web_request *http)
{
	subscriber->stream = http;
	web_stream_start(http, 200, "application/x-ndjson");
	web_request_on_cancel(http, on_gone, subscriber);
	web_stream_on_drain(http, on_drain, subscriber);
	say_hello(subscriber);
}

static void on_opened(struct web_socket *socket, void *user)
{
	(void)socket;
	struct subscriber *subscriber = user;
	/* What happened since the upgrade was accepted could not be sent: hello is the first. */
	subscriber->missed = 0;
	say_hello(subscriber);
}

/* Programs that think of a heartbeat of their own do no harm; what more there is is a mistake. */
static void on_message(struct web_socket *socket, bool is_text, struct bytes message, void *user)
{
	(void)message;
	struct subscriber *subscriber = user;
	if (!is_text)
		web_socket_close(socket, CLOSE_UNSUPPORTED, "nothing binary is read here");
	else if (!rate_take(&subscriber->ignored, net_now(), NODE_API_IGNORED_PER_MINUTE))
		web_socket_close(
			socket, CLOSE_POLICY, "too many messages; events are only sent here");
}

static void on_socket_drained(struct web_socket *socket, void *user)
{
	(void)socket;
	on_drain(user);
}

static void on_closed(struct web_socket *socket, const char *reason, void *user)
{
	(void)socket;
	(void)reason;
	on_gone(user);
}

static const struct web_socket_handler socket_handler = {
	.opened = on_opened,
	.message = on_message,
	.drained = on_socket_drained,
	.closed = on_closed,
};

static enum err upgrade(struct subscriber *subscriber, struct web_request *http)
{
	const char *subprotocol = web_request_subprotocol(http, SUBPROTOCOL);
	return web_request_upgrade(http,
		&(struct web_socket_options){
			.handler = &socket_handler,
			.user = subscriber,
			.subprotocol = subprotocol && strcmp(subprotocol, SUBPROTOCOL) == 0
					       ? SUBPROTOCOL
					       : NULL,
			.message_max = NODE_API_IGNORED_SIZE_MAX,
			/* Beyond what is queued here, for the answers to pings. */
			.queue_bytes_max = 2 * WEB_STREAM_QUEUE_MAX,
		},
		&subscriber->socket);
}

/* It asks for a websocket, but not as RFC 6455 does. */
static bool is_broken_upgrade(struct web_request *http)
{
	const char *to = web_request_header(http, "upgrade");
	return to && bytes_equal_text_ignoring_case(bytes_of_text(to), "websocket") &&
	       !web_request_wants_upgrade(http);
}

static void refuse_upgrade(struct web_request *http)
{
	/* RFC 6455 section 4.4: "the version(s) it is capable of understanding". */
	web_request_add_header(http, "Sec-WebSocket-Version", "13");
	web_request_reply_error(http, 426, failure_name(FAILURE_UNSUPPORTED),
		"this is no upgrade to a websocket of version 13 (rfc 6455)");
}

void api_events_read(struct api_events *events, struct web_request *http)
{
	if (is_broken_upgrade(http)) {
		refuse_upgrade(http);
		return;
	}
	struct subscriber *subscriber = events->subscriber_count < NODE_API_SUBSCRIBERS_MAX
						? calloc(1, sizeof *subscriber)
						: NULL;
	if (!subscriber) {
		api_fail(http, FAILURE_LIMIT,
			"too many programs read the events; close one of them");
		return;
	}
	subscriber->events = events;
	if (web_request_wants_upgrade(http) && upgrade(subscriber, http) != ERR_OK) {
		free(subscriber);
		api_fail(http, FAILURE_INTERNAL, "out of memory");
		return;
	}
	list_push_back(&events->subscribers, &subscriber->node);
	events->subscriber_count++;
	if (!subscriber->socket)
		start_stream(subscriber, http);
}

/* ---- Life ---- */

enum err api_events_init(struct api_events *events, struct node *node)
{
	events->node = node;
	list_init(&events->subscribers);
	enum err err = net_timer_init(&events->keepalive, node->loop, on_keepalive, events);
	if (err == ERR_OK)
		net_timer_set(&events->keepalive, net_now() + NODE_API_KEEPALIVE);
	return err;
}

void api_events_deinit(struct api_events *events)
{
	net_timer_deinit(&events->keepalive);
}
