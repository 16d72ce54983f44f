/* Websockets of a server: what comes of a connection whose upgrade a handler has accepted.
 *
 * Nothing is held for one that is quiet. While one is being read, what is sent to another waits
 * until all that came is dealt with, or until something goes to a third: a burst of messages from
 * one socket to another is one write. What the kernel does not take waits in the socket's queue.
 *
 * A socket's user hears of its end at once; the close frame, and the other side's, are exchanged
 * behind that. */
#include "web/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "web/websocket_frame.h"

/* What is read at once, and how often before others have their turn. */
#define READ_SIZE 16384
#define READS_PER_EVENT 4
/* What waits to be sent together, at most. */
#define OUTGOING_MAX 65536
/* Sent bytes are dropped from the front of the queue in steps of at least this. */
#define CONSUME_SIZE 65536

enum socket_state {
	SOCKET_WAITING, /* for the connection to be handed over */
	SOCKET_OPEN,
	SOCKET_CLOSING, /* `closed` is still to be called */
	SOCKET_GONE,    /* for its user; our close frame is out */
};

struct web_socket {
	struct list node; /* of the server's sockets */
	struct web_server *server;
	struct address_count *count;
	struct transport transport;
	struct net_watch *watch;
	enum socket_state state;
	bool is_answering; /* the other side has closed: after our close frame, that is all */
	bool is_pinged;
	uint16_t close_code; /* 0: without a close frame */
	char *close_reason;  /* NULL where memory is out */
	const struct web_socket_handler *handler;
	void *user;
	size_t queue_bytes_max;
	struct websocket_reader reader;
	struct buffer queue;
	size_t queue_sent;
	size_t counted; /* of the queue, in the sum of the server's */
	uint64_t sent;
	struct net_defer advance;
	struct net_timer timer;
	usec alarm;      /* what the timer is set to, or earlier than that */
	usec heard;      /* the last time that something came */
	usec half_since; /* a message is half there; 0: none */
	usec full_since; /* something waits for the other side to read; since it last did */
};

static size_t waiting(const struct web_socket *socket)
{
	return socket->queue.size - socket->queue_sent;
}

/* ---- The end ---- */

static void socket_free(struct web_socket *socket)
{
	struct web_server *server = socket->server;
	if (server->outgoing_to == socket) {
		server->outgoing_to = NULL;
		buffer_clear(&server->outgoing);
	}
	server->stats.sockets_queued -= socket->counted;
	net_defer_cancel(&socket->advance);
	net_timer_deinit(&socket->timer);
	net_watch_destroy(socket->watch);
	transport_deinit(&socket->transport);
	websocket_reader_deinit(&socket->reader);
	buffer_deinit(&socket->queue);
	if (list_is_linked(&socket->node)) {
		list_remove(&socket->node);
		server->stats.sockets_now--;
	}
	server_release(server, socket->count);
	free(socket->close_reason);
	free(socket);
}

static void tell_closed(struct web_socket *socket, const char *reason)
{
	if (socket->state == SOCKET_GONE)
		return;
	socket->state = SOCKET_GONE;
	socket->handler->closed(socket, reason, socket->user);
}

/* ---- Time ---- */

/* When the next of its patience is over. */
static usec next_deadline(const struct web_socket *socket)
{
	const struct web_server_limits *limits = &socket->server->options.limits;
	unsigned quiet_s = socket->is_pinged ? limits->close_after_s : limits->ping_after_s;
	usec deadline = socket->heard + (usec)quiet_s * USEC_PER_SEC;
	if (socket->half_since)
		deadline = usec_min(
			deadline, socket->half_since + (usec)limits->body_timeout_s * USEC_PER_SEC);
	if (waiting(socket) > 0)
		deadline = usec_min(
			deadline, socket->full_since + (usec)limits->stall_s * USEC_PER_SEC);
	return deadline;
}

/* The timer is set anew only for an earlier deadline: most move later with each message. */
static void arm(struct web_socket *socket)
{
	usec deadline = next_deadline(socket);
	if (socket->state != SOCKET_OPEN || deadline >= socket->alarm)
		return;
	socket->alarm = deadline;
	net_timer_set(&socket->timer, deadline);
}

/* ---- Sending ---- */

static void begin_closing(struct web_socket *socket, unsigned code, const char *reason);

static void update_watch(struct web_socket *socket)
{
	unsigned events = NET_READABLE | (waiting(socket) > 0 ? (unsigned)NET_WRITABLE : 0);
	net_watch_set(socket->watch, transport_events(&socket->transport, events));
}

/* Brings the sum of the server's, the time limit and the watch up to what waits now. */
static void note_queue(struct web_socket *socket)
{
	size_t now = waiting(socket);
	if (now == socket->counted)
		return;
	socket->server->stats.sockets_queued += now - socket->counted;
	socket->counted = now;
	arm(socket);
	update_watch(socket);
}

/* Sends what the kernel takes of the bytes, and queues the rest. */
static enum err write_out(struct web_socket *socket, struct bytes bytes)
{
	size_t sent = 0;
	enum err err = transport_write(&socket->transport, bytes, &sent);
	socket->sent += sent;
	if (err != ERR_OK && err != ERR_AGAIN)
		return err;
	if (sent == bytes.size)
		return ERR_OK;
	err = buffer_append(&socket->queue, bytes_slice(bytes, sent, bytes.size - sent));
	socket->full_since = net_now();
	note_queue(socket);
	return err;
}

/* What waited for more to go with it. */
static void send_outgoing(struct web_server *server)
{
	struct web_socket *socket = server->outgoing_to;
	if (!socket)
		return;
	server->outgoing_to = NULL;
	enum err err = write_out(socket, buffer_bytes(&server->outgoing));
	buffer_clear(&server->outgoing);
	if (err != ERR_OK)
		begin_closing(socket, 0, "connection lost");
}

static void drain(struct web_socket *socket)
{
	size_t sent = 0;
	if (waiting(socket) == 0)
		return;
	enum err err = transport_write(&socket->transport,
		bytes_slice(buffer_bytes(&socket->queue), socket->queue_sent, waiting(socket)),
		&sent);
	socket->sent += sent;
	socket->queue_sent += sent;
	if (sent > 0)
		socket->full_since = net_now();
	if (waiting(socket) == 0 || socket->queue_sent >= CONSUME_SIZE) {
		buffer_consume(&socket->queue, socket->queue_sent);
		socket->queue_sent = 0;
	}
	if (socket->queue.size == 0)
		buffer_deinit(&socket->queue);
	note_queue(socket);
	if (err != ERR_OK && err != ERR_AGAIN)
		begin_closing(socket, 0, "connection lost");
	else if (waiting(socket) == 0 && socket->state == SOCKET_OPEN && socket->handler->drained)
		socket->handler->drained(socket, socket->user);
}

static enum err append_frame(struct buffer *to, enum websocket_opcode opcode, struct bytes payload)
{
	uint8_t header[WEBSOCKET_HEADER_MAX];
	struct bytes start = bytes_of(header, websocket_put_header(header, opcode, payload.size));
	enum err err = buffer_reserve(to, start.size + payload.size);
	if (err != ERR_OK)
		return err;
	CHECK(buffer_append(to, start) == ERR_OK);
	CHECK(buffer_append(to, payload) == ERR_OK);
	return ERR_OK;
}

/* ERR_LIMIT: too much would wait, for this one or for all together. */
static enum err queue_frame(
	struct web_socket *socket, enum websocket_opcode opcode, struct bytes payload)
{
	const struct web_server *server = socket->server;
	size_t size = payload.size + WEBSOCKET_HEADER_MAX;
	if (size > sat_sub(socket->queue_bytes_max, waiting(socket)) ||
		size > sat_sub(server->options.limits.sockets_queue_bytes,
			       server->stats.sockets_queued))
		return ERR_LIMIT;
	enum err err = append_frame(&socket->queue, opcode, payload);
	note_queue(socket);
	return err;
}

static enum err send_frame(
	struct web_socket *socket, enum websocket_opcode opcode, struct bytes payload)
{
	struct web_server *server = socket->server;
	if (server->outgoing_to &&
		(server->outgoing_to != socket || server->outgoing.size >= OUTGOING_MAX))
		send_outgoing(server);
	if (socket->state != SOCKET_OPEN)
		return ERR_CLOSED;
	if (waiting(socket) > 0)
		return queue_frame(socket, opcode, payload);
	if (payload.size > socket->queue_bytes_max)
		return ERR_LIMIT;
	enum err err = append_frame(&server->outgoing, opcode, payload);
	if (err != ERR_OK)
		return err;
	server->outgoing_to = socket;
	if (!server->is_reading)
		send_outgoing(server);
	return ERR_OK;
}

enum err web_socket_send(struct web_socket *socket, struct bytes text)
{
	if (socket->state != SOCKET_OPEN)
		return ERR_CLOSED;
	enum err err = send_frame(socket, WEBSOCKET_TEXT, text);
	if (err == ERR_LIMIT) {
		socket->server->stats.slow_readers++;
		begin_closing(socket, WEBSOCKET_POLICY, "slow reader");
	}
	return err;
}

size_t web_socket_queued(const struct web_socket *socket)
{
	const struct web_server *server = socket->server;
	return waiting(socket) + (server->outgoing_to == socket ? server->outgoing.size : 0);
}

uint64_t web_socket_sent(const struct web_socket *socket)
{
	return socket->sent;
}

/* ---- Closing ---- */

static void begin_closing(struct web_socket *socket, unsigned code, const char *reason)
{
	if (socket->state != SOCKET_OPEN)
		return;
	/* What was said before is said first, as far as it goes. */
	if (socket->server->outgoing_to == socket)
		send_outgoing(socket->server);
	if (socket->state != SOCKET_OPEN)
		return;
	socket->state = SOCKET_CLOSING;
	socket->close_code = (uint16_t)code;
	socket->close_reason =
		text_duplicate_bytes(bytes_slice(bytes_of_text(reason), 0, WEB_CLOSE_REASON_MAX));
	net_defer_post(&socket->advance);
}

void web_socket_close(struct web_socket *socket, unsigned code, const char *reason)
{
	begin_closing(socket, code, reason);
}

/* RFC 6455 section 5.5.1: two bytes of code, then a reason in UTF-8; or nothing. False: it cannot
 * be sent. */
static bool send_close(struct web_socket *socket)
{
	uint8_t payload[WEBSOCKET_CONTROL_MAX];
	struct writer w = writer_of(payload, sizeof payload);
	struct buffer frame = buffer_with_max(WEBSOCKET_HEADER_MAX + sizeof payload);
	size_t sent = 0;
	if (socket->close_code != WEBSOCKET_NO_CODE) {
		write_u16(&w, socket->close_code);
		/* Who closed knows why. */
		if (socket->close_reason && !socket->is_answering)
			write_bytes(&w, bytes_of_text(socket->close_reason));
	}
	CHECK(!w.failed);
	bool is_sent = append_frame(&frame, WEBSOCKET_CLOSE, writer_bytes(&w)) == ERR_OK &&
		       transport_write(&socket->transport, buffer_bytes(&frame), &sent) == ERR_OK &&
		       sent == frame.size;
	buffer_deinit(&frame);
	return is_sent;
}

static void finish_closing(struct web_socket *socket)
{
	tell_closed(socket, socket->close_reason ? socket->close_reason : "out of memory");
	/* A reader that is behind does not get to the close frame. */
	bool is_sent = socket->close_code != 0 && waiting(socket) == 0 && send_close(socket);
	if (!is_sent || socket->is_answering) {
		if (is_sent)
			transport_end(&socket->transport);
		socket_free(socket);
		return;
	}
	net_timer_set(&socket->timer,
		net_now() + (usec)socket->server->options.limits.linger_s * USEC_PER_SEC);
}

static void on_timer(void *user)
{
	struct web_socket *socket = user;
	const struct web_server_limits *limits = &socket->server->options.limits;
	usec now = net_now();
	socket->alarm = USEC_NEVER;
	if (socket->state != SOCKET_OPEN) {
		socket_free(socket);
		return;
	}
	if (socket->half_since &&
		now >= socket->half_since + (usec)limits->body_timeout_s * USEC_PER_SEC) {
		socket->server->stats.timeouts++;
		begin_closing(socket, WEBSOCKET_POLICY, "a message came too slowly");
	} else if (waiting(socket) > 0 &&
		   now >= socket->full_since + (usec)limits->stall_s * USEC_PER_SEC) {
		socket->server->stats.slow_readers++;
		begin_closing(socket, WEBSOCKET_POLICY, "slow reader");
	} else if (now >= socket->heard + (usec)limits->close_after_s * USEC_PER_SEC) {
		socket->server->stats.dead_sockets++;
		begin_closing(socket, 0, "no answer to a ping");
	} else if (!socket->is_pinged &&
		   now >= socket->heard + (usec)limits->ping_after_s * USEC_PER_SEC) {
		socket->is_pinged = true;
		/* Behind what waits already it says nothing that the time will not. */
		enum err err = send_frame(socket, WEBSOCKET_PING, bytes_of("", 0));
		(void)err;
	}
	arm(socket);
}

/* RFC 6455 section 7.4.1: 1001 is "such as a server going down". Nobody is waited for. */
static void say_goodbye(struct web_socket *socket)
{
	if (socket->server->outgoing_to == socket)
		send_outgoing(socket->server);
	if (socket->state != SOCKET_OPEN || waiting(socket) > 0)
		return;
	socket->close_code = WEBSOCKET_GOING_AWAY;
	if (send_close(socket))
		transport_end(&socket->transport);
}

void sockets_destroy(struct web_server *server)
{
	while (!list_is_empty(&server->sockets)) {
		struct web_socket *socket =
			CONTAINER_OF(server->sockets.next, struct web_socket, node);
		say_goodbye(socket);
		tell_closed(socket, "the server ends");
		socket_free(socket);
	}
}

void socket_abandon(struct web_socket *socket, const char *reason)
{
	tell_closed(socket, reason);
	socket_free(socket);
}

/* ---- Receiving ---- */

static void on_close_frame(struct web_socket *socket, unsigned code)
{
	char reason[64];
	snprintf(reason, sizeof reason, "closed by the other side (%u)", code);
	socket->is_answering = true;
	begin_closing(socket, code, reason);
}

static void on_frame(struct web_socket *socket, const struct websocket_event *event)
{
	switch (event->kind) {
	case WEBSOCKET_EVENT_MESSAGE:
		socket->handler->message(socket, event->is_text, event->payload, socket->user);
		break;
	case WEBSOCKET_EVENT_TOO_LARGE:
		if (socket->handler->too_large)
			socket->handler->too_large(socket, socket->user);
		else
			begin_closing(socket, WEBSOCKET_TOO_LARGE, "message too large");
		break;
	case WEBSOCKET_EVENT_PING:
		if (send_frame(socket, WEBSOCKET_PONG, event->payload) == ERR_LIMIT) {
			socket->server->stats.slow_readers++;
			begin_closing(socket, WEBSOCKET_POLICY, "slow reader");
		}
		break;
	case WEBSOCKET_EVENT_PONG:
		break;
	case WEBSOCKET_EVENT_CLOSE:
		on_close_frame(socket, event->code);
		break;
	case WEBSOCKET_EVENT_FAILED:
		socket->server->stats.frames_malformed++;
		begin_closing(socket, event->code, event->reason);
		break;
	}
}

/* What came, as far as it matters to somebody. */
static void process(struct web_socket *socket, struct websocket_input in)
{
	struct websocket_event event;
	while (socket->state == SOCKET_OPEN && websocket_read(&socket->reader, &in, &event))
		on_frame(socket, &event);
	if (socket->state != SOCKET_OPEN)
		return;
	if (!websocket_is_half_read(&socket->reader))
		socket->half_since = 0;
	else if (!socket->half_since)
		socket->half_since = socket->heard;
	arm(socket);
}

/* We have closed: only the other side's close frame is waited for. True: it has come. */
static bool is_answered(struct web_socket *socket, struct websocket_input in)
{
	struct websocket_event event;
	while (websocket_read(&socket->reader, &in, &event))
		if (event.kind == WEBSOCKET_EVENT_CLOSE)
			return true;
	return false;
}

/* False: the connection has come to its end. */
static bool receive(struct web_socket *socket)
{
	uint8_t data[READ_SIZE];
	struct web_server *server = socket->server;
	for (int i = 0; i < READS_PER_EVENT; i++) {
		size_t size = 0;
		enum err err = transport_read(&socket->transport, data, sizeof data, &size);
		if (err == ERR_AGAIN)
			break;
		struct websocket_input in = {data, size};
		if (err != ERR_OK || (socket->state == SOCKET_GONE && is_answered(socket, in)))
			return false;
		socket->heard = net_now();
		socket->is_pinged = false;
		server->is_reading = true;
		process(socket, in);
		server->is_reading = false;
		send_outgoing(server);
		/* What is not read yet, the next event tells; what TLS holds, nothing does. */
		if (!transport_has_pending(&socket->transport))
			break;
	}
	if (transport_has_pending(&socket->transport))
		net_defer_post(&socket->advance);
	update_watch(socket);
	return true;
}

static void read_on(struct web_socket *socket)
{
	if (receive(socket))
		return;
	/* Its user still has to hear of it. */
	if (socket->state == SOCKET_GONE)
		socket_free(socket);
	else
		begin_closing(socket, 0, "connection lost");
}

static void on_event(unsigned events, void *user)
{
	struct web_socket *socket = user;
	if (events & NET_WRITABLE)
		drain(socket);
	if (socket->state != SOCKET_CLOSING)
		read_on(socket);
}

/* What was put off because a handler might have been on the stack. */
static void on_advance(void *user)
{
	struct web_socket *socket = user;
	if (socket->state == SOCKET_CLOSING)
		finish_closing(socket);
	else
		read_on(socket);
}

/* ---- The beginning ---- */

struct web_socket *socket_create(
	struct web_server *server, const struct web_socket_options *options)
{
	struct web_socket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return NULL;
	socket->server = server;
	socket->handler = options->handler;
	socket->user = options->user;
	socket->transport.fd = -1;
	socket->alarm = USEC_NEVER;
	socket->queue.max = SIZE_MAX / 2; /* queue_frame() has its own limits */
	socket->queue_bytes_max =
		options->queue_bytes_max ? options->queue_bytes_max : WEB_SOCKET_QUEUE_BYTES_MAX;
	websocket_reader_init(&socket->reader,
		options->message_max ? options->message_max : WEB_SOCKET_MESSAGE_MAX);
	net_defer_init(&socket->advance, server->web->loop, on_advance, socket);
	if (net_timer_init(&socket->timer, server->web->loop, on_timer, socket) == ERR_OK)
		return socket;
	socket_free(socket);
	return NULL;
}

void socket_adopt(
	struct web_socket *socket, struct web_connection *connection, struct bytes handshake)
{
	struct web_server *server = socket->server;
	socket->transport = connection->transport;
	connection->transport = (struct transport){.fd = -1};
	socket->watch = connection->watch;
	connection->watch = NULL;
	net_watch_handle(socket->watch, on_event, socket);
	socket->count = connection->count;
	connection->count = NULL;
	list_push_back(&server->sockets, &socket->node);
	server->stats.sockets_now++;
	server->stats.upgrades++;
	socket->heard = net_now();
	if (write_out(socket, handshake) != ERR_OK) {
		socket_abandon(socket, "the upgrade failed");
		return;
	}
	socket->state = SOCKET_OPEN;
	update_watch(socket);
	arm(socket);
	socket->handler->opened(socket, socket->user);
	/* What the client has sent behind its handshake. */
	if (connection->in.size > 0)
		process(socket, (struct websocket_input){connection->in.data, connection->in.size});
	if (transport_has_pending(&socket->transport))
		net_defer_post(&socket->advance);
}
