/* The signalling socket of a node: who may open it, and what becomes of its frames. */
#include "hub/hub.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "hub/backlog.h"
#include "hub/cors.h"

/* Codes of our close frames (RFC 6455 section 7.4.2: 4000 to 4999 are private). */
#define CLOSE_POLICY 1008
#define CLOSE_RESTART 1012
#define CLOSE_TRY_LATER 1013
#define CLOSE_REPLACED 4000
#define CLOSE_LOGGED_OUT 4001
#define CLOSE_NOT_REGISTERED 4003
#define CLOSE_BANNED 4004

struct signal_socket {
	struct presence_entry presence;
	struct hub *hub;
	struct web_socket *web;
	struct store_session session;
	struct addr client;         /* where it is, behind proxies too */
	struct contact_id id;       /* of the node */
	struct admission admission; /* who may send to it */
	struct backlog backlog;     /* of what waits for it */
	unsigned invalid_frames;
	bool is_greeted; /* it has its auth_ok, before which nothing else is sent to it */
};

/* The socket of a node that is connected, or NULL. */
static struct signal_socket *find(const struct hub *hub, const char *node_id)
{
	struct presence_entry *entry = presence_find(&hub->presence, node_id);
	return entry ? CONTAINER_OF(entry, struct signal_socket, presence) : NULL;
}

/* ---- Sending ---- */

static void send_text(struct signal_socket *socket, struct buffer *text, enum err err)
{
	if (err == ERR_OK)
		err = web_socket_send(socket->web, buffer_bytes(text));
	if (err == ERR_NOMEM)
		web_socket_close(socket->web, CLOSE_TRY_LATER, "out of memory");
	buffer_deinit(text);
}

static void send_error(struct signal_socket *socket, const char *code, const char *message,
	const char *target_node_id)
{
	struct buffer text = buffer_with_max(RELAY_OUT_SIZE_MAX);
	enum err err = relay_write_error(code, message, target_node_id, &text);
	for (size_t i = 0; i < RELAY_CODE_COUNT; i++)
		if (strcmp(code, relay_codes[i]) == 0)
			socket->hub->stats.refused[i]++;
	send_text(socket, &text, err);
}

static void send_auth_ok(struct signal_socket *socket)
{
	struct buffer text = buffer_with_max(RELAY_OUT_SIZE_MAX);
	enum err err = buffer_append_format(&text,
		"{\"type\":\"auth_ok\",\"message\":\"connected\",\"node_id\":\"%s\"}",
		socket->session.node_id);
	send_text(socket, &text, err);
}

static void send_target_offline(struct signal_socket *socket, const char *target_node_id)
{
	send_error(socket, RELAY_TARGET_OFFLINE, "the target is not connected", target_node_id);
}

static void send_target_slow(struct signal_socket *socket, const char *target_node_id)
{
	send_error(socket, RELAY_RATE_LIMITED, "the target reads slowly; wait a moment",
		target_node_id);
}

/* ---- Frames ---- */

/* To a node of this hub, which lets it through. ERR_AGAIN: it does not keep up with this sender. */
static enum err deliver(
	struct signal_socket *target, const struct contact_id *sender, struct bytes text)
{
	if (!target->is_greeted)
		return bus_hold(target->hub->bus, sender, &target->id, text);
	if (!backlog_admit(&target->backlog, sender, text.size, web_socket_sent(target->web),
		    web_socket_queued(target->web)))
		return ERR_AGAIN;
	return web_socket_send(target->web, text);
}

/* To a node of this hub, or to the hub where it is. */
static enum err pass_on(struct signal_socket *socket, const struct relay_frame *frame)
{
	struct hub *hub = socket->hub;
	struct signal_socket *target = find(hub, frame->target_node_id);
	/* Who is not let through hears what is heard of nodes that are away. */
	if (target ? !admission_allows(&target->admission, &socket->id) : !hub->bus)
		return ERR_NOT_FOUND;
	buffer_clear(&hub->frame);
	enum err err = relay_write(frame, socket->session.node_id, &hub->frame);
	if (err != ERR_OK)
		return err;
	struct bytes text = buffer_bytes(&hub->frame);
	return target ? deliver(target, &socket->id, text)
		      : bus_signal(hub->bus, &socket->id, frame->target_node_id, text);
}

/* From when the loop found that there is something to read. What came since it last looked has
 * waited for longer. */
static void count_relayed(struct hub *hub)
{
	usec taken = net_now() - net_turn(hub->loop);
	hub->stats.signals_relayed++;
	hub->stats.relay_latency[usec_bucket(
		taken, relay_latency_bounds, RELAY_LATENCY_BUCKETS - 1)]++;
	hub->stats.relay_time += taken;
}

static void relay(struct signal_socket *socket, const struct relay_frame *frame)
{
	struct hub *hub = socket->hub;
	enum err err = pass_on(socket, frame);
	if (err == ERR_OK)
		count_relayed(hub);
	else if (err == ERR_NOMEM)
		web_socket_close(socket->web, CLOSE_TRY_LATER, "out of memory");
	else if (err == ERR_AGAIN)
		send_target_slow(socket, frame->target_node_id);
	else
		send_target_offline(socket, frame->target_node_id);
}

static void on_frame(struct signal_socket *socket, const struct relay_frame *frame)
{
	struct buffer text = buffer_with_max(RELAY_OUT_SIZE_MAX);
	switch (frame->kind) {
	case RELAY_SIGNAL:
		relay(socket, frame);
		break;
	case RELAY_PING:
		send_text(socket, &text, relay_write_pong(frame, &text));
		break;
	}
}

static void refuse_frame(struct signal_socket *socket, const char *code, const char *problem)
{
	socket->hub->stats.frames_invalid++;
	send_error(socket, code, problem, NULL);
	if (++socket->invalid_frames >= RELAY_INVALID_MAX)
		web_socket_close(socket->web, CLOSE_POLICY, "too many invalid frames");
}

static void on_message(struct web_socket *web, bool is_text, struct bytes message, void *user)
{
	struct signal_socket *socket = user;
	struct hub *hub = socket->hub;
	struct relay_frame frame;
	const char *code = RELAY_INVALID_JSON, *problem = "frames are text, not binary";
	(void)web;
	if (!ratelimit_take(&hub->signal_rate, bytes_of_text(socket->session.node_id), net_now())) {
		hub->stats.rate_limited++;
		send_error(socket, RELAY_RATE_LIMITED, "too many frames; wait a moment", NULL);
		return;
	}
	enum err err = is_text ? relay_parse(message, &frame, &code, &problem) : ERR_MALFORMED;
	if (err == ERR_OK)
		on_frame(socket, &frame);
	else
		refuse_frame(socket, code, problem);
}

static void on_too_large(struct web_socket *web, void *user)
{
	(void)web;
	refuse_frame(user, RELAY_TOO_LARGE, "a frame has at most 65536 bytes");
}

/* ---- Beginning and end ---- */

/* What the store says of a failure, it has logged; the socket is good all the same. */
static void note_seen(struct signal_socket *socket)
{
	enum err err = store_node_seen(socket->hub->store, socket->session.node_id, hub_now());
	(void)err;
}

static void greet(struct signal_socket *socket)
{
	socket->is_greeted = true;
	send_auth_ok(socket);
	bus_release(socket->hub->bus, socket->session.node_id);
}

static void close_replaced(struct signal_socket *socket)
{
	web_socket_close(
		socket->web, CLOSE_REPLACED, "replaced by a newer connection of this node");
}

static void on_opened(struct web_socket *web, void *user)
{
	struct signal_socket *socket = user;
	struct presence_entry *replaced;
	enum err err = hub_check_registered(socket->hub, &socket->session);
	if (err == ERR_NOT_FOUND) {
		send_error(socket, RELAY_NOT_REGISTERED,
			"this node is not registered; register it first", NULL);
		web_socket_close(web, CLOSE_NOT_REGISTERED, "not registered");
		return;
	}
	if (err == ERR_OK)
		err = hub_admission_load(socket->hub, socket->session.node_id, &socket->admission);
	socket->presence.stamp = bus_stamp(socket->hub->bus, socket->session.node_id);
	if (err == ERR_OK)
		err = presence_enter(&socket->hub->presence, &socket->presence, &replaced);
	if (err == ERR_OK)
		note_seen(socket);
	if (err != ERR_OK) {
		web_socket_close(web, CLOSE_TRY_LATER, err_text(err));
		return;
	}
	bool is_known = !bus_entered(socket->hub->bus, &socket->presence);
	/* It is out of the directory already, whatever its other end does or does not do. */
	if (replaced)
		close_replaced(CONTAINER_OF(replaced, struct signal_socket, presence));
	if (is_known)
		greet(socket);
}

void signal_socket_greet(struct hub *hub, const char *node_id)
{
	struct signal_socket *socket = find(hub, node_id);
	if (socket && !socket->is_greeted)
		greet(socket);
}

static void on_closed(struct web_socket *web, const char *reason, void *user)
{
	struct signal_socket *socket = user;
	(void)web;
	log_debug("socket of '%s' closed: %s", socket->session.node_id, reason);
	socket->hub->stats.closings[closing_of(reason)]++;
	if (socket->presence.is_present) {
		note_seen(socket);
		bus_left(socket->hub->bus, &socket->presence);
	}
	presence_leave(&socket->hub->presence, &socket->presence);
	admission_deinit(&socket->admission);
	backlog_deinit(&socket->backlog);
	free(socket);
}

static const struct web_socket_handler socket_handler = {
	.opened = on_opened,
	.message = on_message,
	.too_large = on_too_large,
	.closed = on_closed,
};

void signal_socket_log_out(struct hub *hub, const struct store_session *session)
{
	struct signal_socket *socket = find(hub, session->node_id);
	if (socket && strcmp(socket->session.id, session->id) == 0)
		web_socket_close(socket->web, CLOSE_LOGGED_OUT, "logged out");
	else
		bus_recheck(hub->bus, session->node_id);
}

/* It is good as long as the store does not say that it is not. */
static void recheck(struct signal_socket *socket)
{
	struct hub *hub = socket->hub;
	struct admission admission;
	if (hub_check_registered(hub, &socket->session) == ERR_NOT_FOUND)
		web_socket_close(socket->web, CLOSE_NOT_REGISTERED, "not registered");
	else if (store_session_check(hub->store, socket->session.id) == ERR_DENIED)
		web_socket_close(socket->web, CLOSE_LOGGED_OUT, "logged out");
	else if (hub_admission_load(hub, socket->session.node_id, &admission) == ERR_OK)
		signal_socket_set_admission(hub, socket->session.node_id, &admission);
}

void signal_socket_recheck_here(struct hub *hub, const char *node_id)
{
	struct signal_socket *socket = find(hub, node_id);
	if (socket)
		recheck(socket);
}

void signal_sockets_recheck(struct hub *hub, int64_t user_id)
{
	struct store_device devices[NODES_PER_USER_MAX];
	size_t count = 0;
	/* What the store says of a failure, it has logged; no socket is closed for that. */
	enum err err =
		store_nodes_of_user(hub->store, user_id, NODES_PER_USER_MAX, devices, &count);
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		signal_socket_recheck_here(hub, devices[i].node_id);
		bus_recheck(hub->bus, devices[i].node_id);
	}
}

void signal_sockets_close_banned(struct hub *hub)
{
	size_t cursor = 0;
	struct presence_entry *entry;
	while ((entry = presence_next(&hub->presence, &cursor))) {
		struct signal_socket *socket = CONTAINER_OF(entry, struct signal_socket, presence);
		if (hub_is_banned(hub, &socket->session) ||
			bans_have_address(&hub->bans, &socket->client))
			web_socket_close(socket->web, CLOSE_BANNED, "banned");
	}
}

void signal_socket_remove(struct hub *hub, const char *node_id)
{
	struct signal_socket *socket = find(hub, node_id);
	if (socket)
		web_socket_close(socket->web, CLOSE_NOT_REGISTERED, "not registered");
	else
		bus_recheck(hub->bus, node_id);
}

void signal_socket_set_admission(struct hub *hub, const char *node_id, struct admission *admission)
{
	struct signal_socket *socket = find(hub, node_id);
	if (!socket) {
		admission_deinit(admission);
		bus_recheck(hub->bus, node_id);
		return;
	}
	admission_deinit(&socket->admission);
	socket->admission = *admission;
	*admission = (struct admission){0};
}

bool signal_socket_client(const struct hub *hub, const char *node_id, struct addr *ret_addr)
{
	struct signal_socket *socket = find(hub, node_id);
	if (socket)
		*ret_addr = socket->client;
	return socket != NULL;
}

bool signal_socket_names(struct hub *hub, const char *node_id, const struct contact_id *other)
{
	struct signal_socket *socket = find(hub, node_id);
	return socket && admission_names(&socket->admission, other);
}

bool signal_socket_is_connected(const struct hub *hub, const char *node_id)
{
	return find(hub, node_id) || bus_has(hub->bus, node_id);
}

/* ---- From other hubs ---- */

enum err signal_socket_deliver(struct hub *hub, const struct contact_id *sender,
	const struct contact_id *target, struct bytes text)
{
	char node_id[NODE_ID_MAX];
	contact_id_text(target, node_id);
	struct signal_socket *socket = find(hub, node_id);
	return socket && admission_allows(&socket->admission, sender)
		       ? deliver(socket, sender, text)
		       : ERR_NOT_FOUND;
}

void signal_socket_missed(
	struct hub *hub, const char *sender_node_id, const char *target_node_id, bool is_slow)
{
	struct signal_socket *socket = find(hub, sender_node_id);
	if (socket && is_slow)
		send_target_slow(socket, target_node_id);
	else if (socket)
		send_target_offline(socket, target_node_id);
}

void signal_socket_replaced_elsewhere(struct hub *hub, const char *node_id)
{
	struct signal_socket *socket = find(hub, node_id);
	if (!socket)
		return;
	presence_leave(&hub->presence, &socket->presence);
	close_replaced(socket);
}

/* ---- A hub that ends ---- */

/* All at once would come back at once: each is told its own moment. */
void signal_sockets_drain(struct hub *hub)
{
	size_t cursor = 0, count = presence_count(&hub->presence);
	uint64_t spread_ms = DRAIN_SPREAD_MIN_MS + count / DRAIN_RECONNECTS_PER_MS;
	uint64_t counted_s = hub->config->drain_seconds;
	struct presence_entry *entry;
	if (counted_s > DRAIN_COUNTED_MAX_S)
		counted_s = DRAIN_COUNTED_MAX_S;
	uint64_t first_ms = counted_s * 1000 + DRAIN_RESTART_MS;
	if (spread_ms > DRAIN_SPREAD_MAX_MS)
		spread_ms = DRAIN_SPREAD_MAX_MS;
	while ((entry = presence_next(&hub->presence, &cursor))) {
		char reason[64];
		struct signal_socket *socket = CONTAINER_OF(entry, struct signal_socket, presence);
		snprintf(reason, sizeof reason, "the hub ends; reconnect in %llu ms",
			(unsigned long long)(first_ms + rng_u64(&hub->rng) % spread_ms));
		web_socket_close(socket->web, CLOSE_RESTART, reason);
	}
}

/* ---- Who may open it ---- */

/* The token in one of its three places, and the subprotocol to confirm if it was that one. */
static const char *find_token(struct web_request *request, const char **ret_subprotocol)
{
	static const char prefix[] = "dpc.bearer.";
	const char *token = hub_bearer_token(request);
	const char *subprotocol = web_request_subprotocol(request, prefix);
	*ret_subprotocol = subprotocol;
	if (token)
		return token;
	if (subprotocol)
		return subprotocol + strlen(prefix);
	return web_request_query(request, "token");
}

static enum err open_socket(struct hub *hub, struct web_request *request,
	const struct store_session *session, const char *subprotocol)
{
	struct signal_socket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return ERR_NOMEM;
	socket->hub = hub;
	socket->session = *session;
	socket->client = hub_client(hub, request);
	CHECK(text_copy(
		socket->presence.node_id, sizeof socket->presence.node_id, session->node_id));
	if (session->node_id[0])
		socket->id = contact_id_of(session->node_id);
	enum err err = web_request_upgrade(request,
		&(struct web_socket_options){
			.handler = &socket_handler,
			.user = socket,
			.subprotocol = subprotocol,
			.message_max = RELAY_SIZE_MAX,
			.queue_bytes_max = RELAY_QUEUE_BYTES_MAX + RELAY_ANSWERS_BYTES_MAX,
		},
		&socket->web);
	if (err != ERR_OK)
		free(socket);
	return err;
}

void handle_signal_socket(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	const char *subprotocol;
	if (!hub_admit(hub, request, &hub->request_rate))
		return;
	if (hub->is_draining) {
		hub_refuse_draining(request);
		return;
	}
	if (!cors_admit_socket(hub, request))
		return;
	const char *token = find_token(request, &subprotocol);
	enum err err = token ? hub_check_token(hub, token, &claims) : ERR_DENIED;
	if (err == ERR_OK && hub_is_banned(hub, &claims.session)) {
		hub_refuse_banned(hub, request);
		return;
	}
	if (err == ERR_OK)
		err = open_socket(hub, request, &claims.session, subprotocol);
	if (err == ERR_OK)
		return;
	if (hub_is_failure(err)) {
		hub_fail(request, err);
		return;
	}
	web_request_add_header(request, "WWW-Authenticate", "Bearer");
	web_request_reply_error(request, 401, err == ERR_EXPIRED ? "expired_token" : "unauthorized",
		"no good access token; log in");
}
