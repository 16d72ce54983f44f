/* Websockets of a server, on libwebsockets.
 *
 * The HTTP part of the upgrade was ours: libwebsockets gets the descriptor together with a
 * handshake request that we wrote, in which nothing but the client's key comes from the client. It
 * answers it, and from then on does the framing, the masking, the pings and the checking of UTF-8.
 */
#include "web/internal.h"

#include "crypto/openssl.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "web/socket_io.h"
#include "web/tunnel.h"

/* How long a socket that we close may take to read our close frame. */
#define LINGER (1 * USEC_PER_SEC)

enum socket_state {
	SOCKET_WAITING, /* for the descriptor to be handed over */
	SOCKET_OPEN,
	SOCKET_CLOSING, /* `closed` is still to be called */
	SOCKET_GONE,    /* for its user; libwebsockets may still have it for a moment */
};

struct web_socket {
	struct list node; /* of the server's sockets */
	struct web_server *server;
	struct address_count *count;
	struct lws *wsi; /* NULL: not yet, or not any more */
	enum socket_state state;
	const struct web_socket_handler *handler;
	void *user;
	struct socket_io io;
	struct net_defer ending;
	struct net_timer timer; /* a message is half there, or our close frame is out */
	char *key, *subprotocol;
	unsigned close_code;
	char close_reason[WEB_CLOSE_REASON_MAX + 1];
	char address[ADDR_TEXT_MAX];
};

/* ---- The end ---- */

static void socket_free(struct web_socket *socket)
{
	net_defer_cancel(&socket->ending);
	net_timer_deinit(&socket->timer);
	socket_io_deinit(&socket->io);
	if (list_is_linked(&socket->node)) {
		list_remove(&socket->node);
		socket->server->stats.sockets_now--;
	}
	server_release(socket->server, socket->count);
	free(socket->key);
	free(socket->subprotocol);
	free(socket);
}

static void tell_closed(struct web_socket *socket, const char *reason)
{
	if (socket->state == SOCKET_GONE)
		return;
	socket->state = SOCKET_GONE;
	socket->handler->closed(socket, reason, socket->user);
}

/* libwebsockets let go of it. */
static void on_gone(struct web_socket *socket)
{
	lws_set_opaque_user_data(socket->wsi, NULL);
	socket->wsi = NULL;
	tell_closed(socket, socket->close_reason[0] ? socket->close_reason : "connection lost");
	socket_free(socket);
}

static void begin_closing(struct web_socket *socket, unsigned code, const char *reason)
{
	if (socket->state != SOCKET_OPEN)
		return;
	socket->state = SOCKET_CLOSING;
	socket->close_code = code;
	snprintf(socket->close_reason, sizeof socket->close_reason, "%s", reason);
	socket_io_drop_queue(&socket->io);
	net_timer_cancel(&socket->timer);
	net_defer_post(&socket->ending);
}

/* Parts from libwebsockets, and frees the socket. */
static void cut(struct web_socket *socket)
{
	socket_io_cut(socket->wsi);
	socket_free(socket);
}

static void on_ending(void *user)
{
	struct web_socket *socket = user;
	tell_closed(socket, socket->close_reason);
	/* A reader that is behind does not get to the close frame. */
	if (socket->close_code == 0 || lws_partial_buffered(socket->wsi)) {
		cut(socket);
		return;
	}
	net_timer_set(&socket->timer, net_now() + LINGER);
	socket_io_set_close(socket->wsi, socket->close_code, socket->close_reason);
	/* "Kill" begins the closing handshake, and may already end in on_gone(). */
	lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_timer(void *user)
{
	struct web_socket *socket = user;
	if (socket->state != SOCKET_OPEN) {
		cut(socket);
		return;
	}
	socket->server->stats.timeouts++;
	begin_closing(socket, 1008, "a message came too slowly");
}

void sockets_destroy(struct web_server *server)
{
	while (!list_is_empty(&server->sockets)) {
		struct web_socket *socket =
			CONTAINER_OF(server->sockets.next, struct web_socket, node);
		tell_closed(socket, "the server ends");
		cut(socket);
	}
}

void socket_abandon(struct web_socket *socket, const char *reason)
{
	tell_closed(socket, reason);
	socket_free(socket);
}

/* ---- The beginning ---- */

const char *web_request_subprotocol(struct web_request *request, const char *prefix)
{
	const char *list = http_head_find(&request->head, "sec-websocket-protocol");
	while (list && *list) {
		list += strspn(list, " \t,");
		size_t size = strcspn(list, " \t,");
		if (size >= strlen(prefix) && size > 0 && text_starts_with(list, prefix))
			return request_keep(request, text_duplicate_bytes(bytes_of(list, size)));
		list += size;
	}
	return NULL;
}

enum err web_request_upgrade(struct web_request *request, const struct web_socket_options *options,
	struct web_socket **ret_socket)
{
	struct web_connection *connection = connection_of_request(request);
	struct web_server *server = connection->server;
	if (connection->state != CONNECTION_HANDLING || !request->head.wants_upgrade ||
		request->upgrade)
		return ERR_STATE;
	struct web_socket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return ERR_NOMEM;
	socket->server = server;
	socket->handler = options->handler;
	socket->user = options->user;
	socket_io_init(&socket->io, options->message_max, options->queue_bytes_max,
		options->queue_count_max);
	socket_io_share(&socket->io, &server->stats.sockets_queued,
		server->options.limits.sockets_queue_bytes);
	(void)text_copy(socket->address, sizeof socket->address, connection->address);
	net_defer_init(&socket->ending, server->web->loop, on_ending, socket);
	enum err err = net_timer_init(&socket->timer, server->web->loop, on_timer, socket);
	socket->key = text_duplicate(http_head_find(&request->head, "sec-websocket-key"));
	if (options->subprotocol)
		socket->subprotocol = text_duplicate(options->subprotocol);
	if (err != ERR_OK || !socket->key || (options->subprotocol && !socket->subprotocol)) {
		socket_free(socket);
		return ERR_NOMEM;
	}
	request->upgrade = socket;
	request->cancelled = NULL;
	net_defer_post(&connection->advance);
	*ret_socket = socket;
	return ERR_OK;
}

/* The connection's descriptor; under TLS, one that leads to it. -1 on failure. */
static int take_descriptor(struct web_socket *socket, struct web_connection *connection)
{
	int fd = connection->transport.fd;
	if (connection->transport.tls)
		return tunnel_create(socket->server, &connection->transport, &fd) == ERR_OK ? fd
											    : -1;
	connection->transport.fd = -1;
	return fd;
}

void socket_adopt(struct web_socket *socket, struct web_connection *connection)
{
	struct web *web = socket->server->web;
	struct buffer text = buffer_with_max(1024 + connection->in.size);
	enum err err = buffer_append_format(&text,
		"GET / HTTP/1.1\r\nHost: dpc\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		socket->key);
	if (err == ERR_OK)
		err = buffer_append(&text, buffer_bytes(&connection->in));
	int fd = err == ERR_OK ? take_descriptor(socket, connection) : -1;
	if (fd < 0) {
		buffer_deinit(&text);
		socket_abandon(socket, "out of memory");
		return;
	}
	socket->count = connection->count;
	connection->count = NULL;
	list_push_back(&socket->server->sockets, &socket->node);
	socket->server->stats.sockets_now++;
	socket->server->stats.upgrades++;
	web->adopting = socket;
	(void)lws_adopt_socket_vhost_readbuf(web->server_vhost, fd, buffer_text(&text), text.size);
	/* Still set: libwebsockets refused before it made a connection of it. Otherwise the
	 * callbacks have told, or will tell, what became of it. */
	if (web->adopting) {
		web->adopting = NULL;
		socket_abandon(socket, "the upgrade failed");
	}
	buffer_deinit(&text);
}

static void on_adopted(struct web *web, struct lws *wsi)
{
	struct web_socket *socket = web->adopting;
	if (!socket)
		return;
	web->adopting = NULL;
	socket->wsi = wsi;
	lws_set_opaque_user_data(wsi, socket);
}

/* ---- Messages ---- */

static void on_piece(struct web_socket *socket, struct bytes piece)
{
	struct bytes message;
	if (socket->state != SOCKET_OPEN)
		return;
	enum socket_piece what = socket_io_receive(&socket->io, socket->wsi, piece, &message);
	if (what != SOCKET_PIECE_MORE)
		net_timer_cancel(&socket->timer);
	switch (what) {
	case SOCKET_PIECE_MORE:
		if (!net_timer_is_set(&socket->timer))
			net_timer_set(&socket->timer,
				net_now() + (usec)socket->server->options.limits.body_timeout_s *
						    USEC_PER_SEC);
		break;
	case SOCKET_PIECE_MESSAGE:
		socket->handler->message(
			socket, !lws_frame_is_binary(socket->wsi), message, socket->user);
		break;
	case SOCKET_PIECE_TOO_LARGE:
		if (socket->handler->too_large)
			socket->handler->too_large(socket, socket->user);
		else
			begin_closing(socket, 1009, "message too large");
		break;
	case SOCKET_PIECE_HOPELESS:
		begin_closing(socket, 1009, "message too large");
		break;
	}
}

enum err web_socket_send(struct web_socket *socket, struct bytes text)
{
	if (socket->state != SOCKET_OPEN)
		return ERR_CLOSED;
	enum err err = socket_io_send(&socket->io, socket->wsi, text);
	if (err == ERR_LIMIT) {
		socket->server->stats.slow_readers++;
		begin_closing(socket, 1008, "slow reader");
	}
	if (err == ERR_IO) {
		begin_closing(socket, 0, "connection lost");
		return ERR_CLOSED;
	}
	return err;
}

void web_socket_close(struct web_socket *socket, unsigned code, const char *reason)
{
	begin_closing(socket, code, reason);
}

const char *web_socket_address(const struct web_socket *socket)
{
	return socket->address;
}

size_t web_socket_queued(const struct web_socket *socket)
{
	return socket->io.queue_bytes;
}

/* ---- What libwebsockets says ---- */

static int add_headers(const struct web_socket *socket, struct lws_process_html_args *args)
{
	if (!socket->subprotocol)
		return 0;
	size_t room = args->max_len > 0 ? (size_t)args->max_len : 0;
	int size = snprintf(args->p, room, "Sec-WebSocket-Protocol: %s\r\n", socket->subprotocol);
	if (size < 0 || (size_t)size >= room)
		return 1;
	args->p += size;
	return 0;
}

/* RFC 6455 section 7.1.6: two bytes of code, then a reason in UTF-8. */
static void note_close_of_peer(struct web_socket *socket, struct bytes payload)
{
	struct reader r = reader_of(payload);
	unsigned code = read_u16(&r);
	if (socket->state == SOCKET_OPEN)
		snprintf(socket->close_reason, sizeof socket->close_reason,
			"closed by the other side (%u)", r.failed ? 1005 : code);
}

int web_server_socket_callback(struct lws *wsi, int reason, void *session, void *in, size_t size)
{
	(void)session;
	struct web_socket *socket = lws_get_opaque_user_data(wsi);
	if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED)
		on_adopted(lws_context_user(lws_get_context(wsi)), wsi);
	/* Nothing but the handshake that we wrote ever reaches it as HTTP. */
	if (reason == LWS_CALLBACK_HTTP)
		return -1;
	if (!socket)
		return reason == LWS_CALLBACK_RECEIVE ? -1 : 0;
	switch (reason) {
	case LWS_CALLBACK_ADD_HEADERS:
		return add_headers(socket, in);
	case LWS_CALLBACK_ESTABLISHED:
		socket->state = SOCKET_OPEN;
		socket->handler->opened(socket, socket->user);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		on_piece(socket, bytes_of(in, size));
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		if (socket->state == SOCKET_OPEN && socket_io_drain(&socket->io, wsi) != ERR_OK)
			return -1;
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		note_close_of_peer(socket, bytes_of(in, size));
		return 0;
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		on_gone(socket);
		return 0;
	default:
		return 0;
	}
}
