#include "node/hub_socket.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "node/config.h"
#include "node/internal.h"
#include "node/session.h"
#include "node/signalling.h"
#include "web/websocket_client.h"

/* RFC 6455 section 7.4.1 and the registry of IANA: "Service Restart". */
#define CLOSE_RESTART 1012
/* What libwebsockets makes of a code that it does not know, as this one; the reason stays. */
#define CLOSE_UNKNOWN 1002
/* What is kept of a reason. */
#define REASON_MAX 256

/* ---- Sending ---- */

static enum err send_json(struct hub_socket *socket, json_t *object)
{
	char *text = json_take_text(object);
	if (!text)
		return ERR_NOMEM;
	enum err err = websocket_client_send(socket->client, bytes_of_text(text));
	free(text);
	return err;
}

enum err hub_socket_signal(struct hub_socket *socket, const char *target, json_t *payload)
{
	if (!socket->is_ready) {
		json_decref(payload);
		return ERR_STATE;
	}
	(void)text_copy(socket->last_target, sizeof(socket->last_target), target);
	return send_json(socket, json_pack("{s:s, s:s, s:o}", "type", "signal", "target_node_id",
					 target, "payload", payload));
}

/* ---- The end ---- */

static void end(struct hub_socket *socket, struct hub_socket_end why)
{
	char reason[REASON_MAX];
	/* It is the connection's, and that goes. */
	snprintf(reason, sizeof reason, "%s", why.reason);
	why.reason = reason;
	hub_socket_close(socket);
	socket->ended(&why, socket->user);
}

bool hub_socket_parse_wait(unsigned code, const char *reason, usec *ret_wait)
{
	static const char before[] = "reconnect in ", after[] = " ms";
	const char *at = strstr(reason, before);
	uint64_t wait_ms;
	if ((code != CLOSE_RESTART && code != CLOSE_UNKNOWN) || !at)
		return false;
	at += sizeof before - 1;
	size_t size = strspn(at, "0123456789");
	if (strcmp(at + size, after) != 0 || !bytes_to_u64(bytes_of(at, size), &wait_ms))
		return false;
	uint64_t max_ms = NODE_HUB_RETURN_MAX / USEC_PER_MS;
	*ret_wait = (usec)(wait_ms < max_ms ? wait_ms : max_ms) * USEC_PER_MS;
	return true;
}

static void on_closed(struct websocket_client *client, int http_status, unsigned code,
	const char *reason, void *user)
{
	struct hub_socket_end why = {.is_unauthorised = http_status == 401, .reason = reason};
	(void)client;
	log_debug("hub socket closed: status %d, code %u", http_status, code);
	why.says_when = hub_socket_parse_wait(code, reason, &why.wait);
	end(user, why);
}

/* ---- Whether it lives ---- */

static bool ping(struct hub_socket *socket, usec patience)
{
	json_t *object = json_pack("{s:s, s:f}", "type", "ping", "timestamp", node_unix_time());
	if (send_json(socket, object) != ERR_OK)
		return false;
	socket->pong_due = true;
	net_timer_set(&socket->timer, net_now() + patience);
	return true;
}

static void on_timer(void *user)
{
	struct hub_socket *socket = user;
	if (socket->pong_due || !ping(socket, NODE_HUB_PONG_TIMEOUT))
		end(socket, (struct hub_socket_end){.is_silent = true, .reason = ""});
}

void hub_socket_check(struct hub_socket *socket)
{
	if (socket->is_ready && !socket->pong_due)
		(void)ping(socket, NODE_HUB_CHECK_TIMEOUT);
}

/* ---- Frames ---- */

static void on_opened(struct websocket_client *client, void *user)
{
	(void)client;
	(void)user;
}

static void on_auth_ok(struct hub_socket *socket)
{
	socket->is_ready = true;
	net_timer_set(&socket->timer, net_now() + NODE_HUB_PING_INTERVAL);
	socket->ready(socket->user);
}

static void on_signal(struct hub_socket *socket, const json_t *message)
{
	const char *sender;
	json_t *payload;
	if (json_get_text(message, "sender_node_id", NODE_ID_MAX - 1, &sender) != ERR_OK ||
		json_get_object(message, "payload", &payload) != ERR_OK) {
		socket->node->counters.malformed++;
		return;
	}
	json_incref(payload);
	signalling_receive(socket->node, sender, payload);
	json_decref(payload);
}

static void on_error(struct hub_socket *socket, const json_t *message)
{
	const char *code = "", *text = "", *target = socket->last_target;
	struct failure failure;
	if (json_get_text_if(message, "code", MESSAGE_CODE_MAX, &code) != ERR_OK ||
		json_get_text_if(message, "message", MESSAGE_ERROR_TEXT_MAX, &text) != ERR_OK ||
		json_get_text_if(message, "target_node_id", NODE_ID_MAX - 1, &target) != ERR_OK) {
		socket->node->counters.malformed++;
		return;
	}
	struct session *session = session_find(socket->node, target);
	const char *name = session ? session->name : target;
	if (strcmp(code, "target_offline") == 0)
		failure_set(&failure, FAILURE_OFFLINE,
			"'%s' is not at the hub now; ask them to run 'dpc up' and 'dpc login'",
			name);
	else
		failure_set(&failure, FAILURE_HUB, "the hub does not pass messages to '%s' on: %s",
			name, text[0] ? text : code);
	signalling_undeliverable(socket->node, target, &failure);
}

static void on_message(struct websocket_client *client, struct bytes text, void *user)
{
	struct hub_socket *socket = user;
	json_t *message;
	const char *type;
	(void)client;
	if (json_parse_object(text, NODE_SIGNAL_MAX, &message) != ERR_OK) {
		socket->node->counters.malformed++;
		return;
	}
	socket->pong_due = false;
	if (socket->is_ready)
		net_timer_set(&socket->timer, net_now() + NODE_HUB_PING_INTERVAL);
	if (json_get_text(message, "type", MESSAGE_CODE_MAX, &type) != ERR_OK)
		socket->node->counters.malformed++;
	else if (strcmp(type, "auth_ok") == 0)
		on_auth_ok(socket);
	else if (strcmp(type, "signal") == 0)
		on_signal(socket, message);
	else if (strcmp(type, "error") == 0)
		on_error(socket, message);
	json_decref(message);
}

static const struct websocket_client_handler handler = {
	.opened = on_opened, .message = on_message, .closed = on_closed};

/* ---- Life ---- */

enum err hub_socket_open(struct hub_socket *socket, const char *url, const char *access_token)
{
	CHECK(!socket->client);
	char *path = text_format("%s/ws/signal", url);
	if (!path)
		return ERR_NOMEM;
	struct websocket_client_options options = {.url = path,
		.authorities = config_hub_authorities(&socket->node->config),
		.bearer = access_token,
		.handler = &handler,
		.user = socket,
		.message_max = NODE_SIGNAL_MAX};
	enum err err = websocket_client_create(
		socket->node->web, socket->node->loop, &options, &socket->client);
	free(path);
	return err;
}

void hub_socket_close(struct hub_socket *socket)
{
	websocket_client_destroy(socket->client);
	socket->client = NULL;
	socket->is_ready = false;
	socket->pong_due = false;
	net_timer_cancel(&socket->timer);
}

enum err hub_socket_init(struct hub_socket *socket, struct node *node, void (*ready)(void *user),
	void (*ended)(const struct hub_socket_end *end, void *user), void *user)
{
	*socket = (struct hub_socket){.node = node, .ready = ready, .ended = ended, .user = user};
	return net_timer_init(&socket->timer, node->loop, on_timer, socket);
}

void hub_socket_deinit(struct hub_socket *socket)
{
	if (!socket->node)
		return;
	hub_socket_close(socket);
	net_timer_deinit(&socket->timer);
}
