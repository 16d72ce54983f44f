#include "web/websocket_client.h"

#include "crypto/openssl.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/iface.h"
#include "net/limits.h"
#include "net/resolve.h"
#include "web/internal.h"
#include "web/socket_io.h"
#include "web/url.h"

enum client_state {
	CLIENT_RESOLVING,
	CLIENT_CONNECTING,
	CLIENT_OPEN,
	CLIENT_CLOSING, /* `closed` is still to be called */
	CLIENT_CLOSED,
	CLIENT_DESTROYED, /* nobody's any more, and here only to close politely */
};

struct websocket_client {
	struct web *web;
	struct net_loop *loop;
	enum client_state state;
	const struct websocket_client_handler *handler;
	void *user;
	struct url url;
	char *bearer;
	struct net_resolve *resolve;
	struct addr addrs[NET_RESOLVE_ADDRS_MAX];
	size_t addr_count, addr_next;
	struct lws *wsi;
	bool is_established;
	unsigned own_code;  /* of the close frame that we send; 0: 1000 */
	bool is_in_connect; /* within lws_client_connect_via_info(), which may fail and call back */
	struct socket_io io;
	struct net_defer next; /* the next address, or the end */
	int http_status;
	unsigned close_code;
	char reason[WEB_CLOSE_REASON_MAX + 1];
};

static const lws_retry_bo_t idle_policy = {
	.secs_since_valid_ping = WEB_SOCKET_PING_AFTER_S,
	.secs_since_valid_hangup = WEB_SOCKET_CLOSE_AFTER_S,
};

/* ---- The end ---- */

static void end(struct websocket_client *client, const char *reason)
{
	if (client->state >= CLIENT_CLOSING)
		return;
	client->state = CLIENT_CLOSING;
	if (!client->reason[0])
		snprintf(client->reason, sizeof client->reason, "%s", reason);
	net_defer_post(&client->next);
}

static void client_free(struct websocket_client *client)
{
	net_resolve_cancel(client->resolve);
	net_defer_cancel(&client->next);
	socket_io_deinit(&client->io);
	free(client->bearer);
	free(client);
}

/* Begins the closing handshake, which libwebsockets gives some seconds. It may already be the end,
 * that is on_gone(). Never from within libwebsockets: there, it would cut the connection instead.
 */
static void say_goodbye(struct websocket_client *client)
{
	socket_io_set_close(client->wsi, client->own_code ? client->own_code : 1000, "");
	lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* ---- Connecting ---- */

/* The next address to which a way leads, or NULL. Where connect() fails at once, as it does while
 * the network changes, libwebsockets forgets the handle of the socket, and the loop never ends. */
static const struct addr *next_addr(struct websocket_client *client)
{
	struct addr source;
	while (client->addr_next < client->addr_count) {
		const struct addr *addr = &client->addrs[client->addr_next++];
		if (net_iface_source(addr, &source) == ERR_OK)
			return addr;
	}
	return NULL;
}

static void connect_next(struct websocket_client *client)
{
	const struct addr *addr = next_addr(client);
	char address[ADDR_TEXT_MAX];
	if (!addr) {
		end(client, client->addr_count ? "cannot connect" : "no address");
		return;
	}
	addr_ip_text(addr, address);
	struct lws_client_connect_info info = {
		.context = client->web->context,
		.vhost = client->web->client_vhost,
		.address = address,
		.port = client->url.port,
		.path = client->url.path,
		.host = client->url.authority,
		.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT |
				  (client->url.is_secure ? LCCSCF_USE_SSL : 0),
		.alpn = "http/1.1",
		.local_protocol_name = "dpc",
		.retry_and_idle_policy = &idle_policy,
		.opaque_user_data = client,
		.pwsi = &client->wsi,
	};
	client->is_in_connect = true;
	bool is_under_way = lws_client_connect_via_info(&info);
	client->is_in_connect = false;
	if (!is_under_way) {
		client->wsi = NULL;
		net_defer_post(&client->next);
	}
}

/* What was put off because libwebsockets, or a handler, might have been on the stack. */
static void on_next(void *user)
{
	struct websocket_client *client = user;
	switch (client->state) {
	case CLIENT_CONNECTING:
		connect_next(client);
		break;
	case CLIENT_CLOSING:
		client->state = CLIENT_CLOSED;
		client->handler->closed(client, client->http_status, client->close_code,
			client->reason, client->user);
		break;
	case CLIENT_DESTROYED:
		say_goodbye(client);
		break;
	case CLIENT_RESOLVING:
	case CLIENT_OPEN:
	case CLIENT_CLOSED:
		break;
	}
}

static void on_resolved(enum err err, const struct addr *addrs, size_t count, void *user)
{
	struct websocket_client *client = user;
	client->resolve = NULL;
	if (err != ERR_OK) {
		snprintf(client->reason, sizeof client->reason, "cannot find host '%.64s': %s",
			client->url.host, err_text(err));
		end(client, "");
		return;
	}
	client->addr_count = min_size(count, NET_RESOLVE_ADDRS_MAX);
	memcpy(client->addrs, addrs, client->addr_count * sizeof *addrs);
	client->state = CLIENT_CONNECTING;
	connect_next(client);
}

/* ---- Life ---- */

enum err websocket_client_create(struct web *web, struct net_loop *loop,
	const struct websocket_client_options *options, struct websocket_client **ret_client)
{
	struct websocket_client *client = calloc(1, sizeof *client);
	if (!client)
		return ERR_NOMEM;
	client->web = web;
	client->loop = loop;
	client->handler = options->handler;
	client->user = options->user;
	socket_io_init(&client->io, options->message_max, options->queue_bytes_max);
	net_defer_init(&client->next, loop, on_next, client);
	enum err err = url_parse(options->url, &client->url);
	if (err == ERR_OK && options->bearer) {
		client->bearer = text_duplicate(options->bearer);
		err = client->bearer ? ERR_OK : ERR_NOMEM;
	}
	if (err == ERR_OK && !web_client_vhost(web, options->authorities))
		err = ERR_IO;
	if (err == ERR_OK)
		err = net_resolve_start(loop, client->url.host, client->url.port, on_resolved,
			client, &client->resolve);
	if (err != ERR_OK) {
		websocket_client_destroy(client);
		return err == ERR_UNSUPPORTED ? ERR_MALFORMED : err;
	}
	*ret_client = client;
	return ERR_OK;
}

void websocket_client_destroy(struct websocket_client *client)
{
	if (!client)
		return;
	if (client->wsi && client->is_established && !lws_partial_buffered(client->wsi)) {
		client->state = CLIENT_DESTROYED;
		socket_io_drop_queue(&client->io);
		net_defer_post(&client->next);
		return;
	}
	if (client->wsi)
		socket_io_cut(client->wsi);
	client_free(client);
}

bool websocket_client_is_open(const struct websocket_client *client)
{
	return client->state == CLIENT_OPEN;
}

enum err websocket_client_send(struct websocket_client *client, struct bytes text)
{
	if (client->state < CLIENT_OPEN)
		return ERR_STATE;
	if (client->state > CLIENT_OPEN)
		return ERR_CLOSED;
	enum err err = socket_io_send(&client->io, client->wsi, text);
	if (err != ERR_IO)
		return err;
	end(client, "connection lost");
	return ERR_CLOSED;
}

size_t websocket_client_queued(const struct websocket_client *client)
{
	return client->io.queue_bytes;
}

/* ---- What libwebsockets says ---- */

static int add_bearer(const struct websocket_client *client, unsigned char **at, size_t room)
{
	if (!client->bearer)
		return 0;
	int size = snprintf((char *)*at, room, "Authorization: Bearer %s\r\n", client->bearer);
	if (size < 0 || (size_t)size >= room)
		return -1;
	*at += size;
	return 0;
}

/* What libwebsockets says of a failure to connect, for a person. */
static const char *explain(const struct websocket_client *client, struct bytes reason)
{
	static const char tls[] = "connect SSL err", handshake[] = "HS:";
	if (client->url.is_secure && bytes_equal_text(bytes_slice(reason, 0, strlen(tls)), tls))
		return "no trust: the server's certificate is not signed by a known authority, or "
		       "not for this name";
	if (bytes_equal_text(bytes_slice(reason, 0, strlen(handshake)), handshake))
		return "the server does not speak websocket there";
	return "cannot connect";
}

static void on_refused(struct websocket_client *client, struct lws *wsi, struct bytes reason)
{
	unsigned status = lws_http_client_http_response(wsi);
	client->http_status = status != 101 && status < 600 ? (int)status : 0;
	client->reason[0] = 0;
	if (client->http_status)
		snprintf(client->reason, sizeof client->reason, "the server answered %d",
			client->http_status);
	else
		snprintf(client->reason, sizeof client->reason, "%s", explain(client, reason));
	if (client->http_status)
		end(client, "");
}

/* RFC 6455 section 7.1.6: two bytes of code, then a reason in UTF-8. */
static void on_close_frame(struct websocket_client *client, struct bytes payload)
{
	struct reader r = reader_of(payload);
	unsigned code = read_u16(&r);
	if (r.failed)
		return;
	client->close_code = code;
	if (r.rest.size > 0)
		(void)text_copy_bytes(client->reason, sizeof client->reason,
			bytes_slice(r.rest, 0, WEB_CLOSE_REASON_MAX));
}

static void on_piece(struct websocket_client *client, struct bytes piece)
{
	struct bytes message;
	switch (socket_io_receive(&client->io, client->wsi, piece, &message)) {
	case SOCKET_PIECE_MORE:
		break;
	case SOCKET_PIECE_MESSAGE:
		client->handler->message(client, message, client->user);
		break;
	case SOCKET_PIECE_TOO_LARGE:
	case SOCKET_PIECE_HOPELESS:
		client->own_code = 1009;
		end(client, "message too large");
		break;
	}
}

/* libwebsockets let go of it. */
static void on_gone(struct websocket_client *client)
{
	lws_set_opaque_user_data(client->wsi, NULL);
	client->wsi = NULL;
	switch (client->state) {
	case CLIENT_CONNECTING:
		if (!client->is_in_connect)
			net_defer_post(&client->next);
		break;
	case CLIENT_OPEN:
		end(client, "connection lost");
		break;
	case CLIENT_DESTROYED:
		client_free(client);
		break;
	case CLIENT_RESOLVING:
	case CLIENT_CLOSING:
	case CLIENT_CLOSED:
		break;
	}
}

int web_client_socket_callback(struct lws *wsi, int reason, void *session, void *in, size_t size)
{
	(void)session;
	struct websocket_client *client = lws_get_opaque_user_data(wsi);
	/* One that was cut. */
	if (!client || client->wsi != wsi)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return add_bearer(client, in, size);
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		client->state = CLIENT_OPEN;
		client->is_established = true;
		client->reason[0] = 0;
		client->handler->opened(client, client->user);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		if (client->state == CLIENT_OPEN)
			on_piece(client, bytes_of(in, size));
		return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		if (client->state == CLIENT_OPEN && socket_io_drain(&client->io, wsi) != ERR_OK)
			end(client, "connection lost");
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		on_close_frame(client, bytes_of(in, size));
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_refused(client, wsi, bytes_of(in, in ? size : 0));
		on_gone(client);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		on_gone(client);
		return 0;
	default:
		return 0;
	}
}
