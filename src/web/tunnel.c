#include "web/tunnel.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/internal.h"

#define READ_SIZE 16384
/* Reads of one direction before others have their turn. */
#define READS_PER_EVENT 8
/* How long what the inside said last may take to go out. */
#define LINGER (1 * USEC_PER_SEC)

/* One side, and what waits to be sent to it. */
struct side {
	struct transport transport;
	struct net_watch *watch;
	struct buffer out;
	bool has_ended; /* nothing more comes from it */
};

struct tunnel {
	struct list node; /* of the server's tunnels */
	struct side inside, outside;
	struct net_timer timer; /* the inside has ended */
	struct net_defer again; /* there was more than one event's worth */
};

static void tunnel_destroy(struct tunnel *tunnel)
{
	struct side *const sides[] = {&tunnel->inside, &tunnel->outside};
	for (size_t i = 0; i < 2; i++) {
		net_watch_destroy(sides[i]->watch);
		transport_deinit(&sides[i]->transport);
		buffer_deinit(&sides[i]->out);
	}
	net_timer_deinit(&tunnel->timer);
	net_defer_cancel(&tunnel->again);
	if (list_is_linked(&tunnel->node))
		list_remove(&tunnel->node);
	free(tunnel);
}

/* ERR_OK: all of it is sent; ERR_AGAIN; others: it cannot be. */
static enum err flush(struct side *side)
{
	enum err err = ERR_OK;
	while (side->out.size > 0 && err == ERR_OK) {
		size_t sent = 0;
		err = transport_write(&side->transport, buffer_bytes(&side->out), &sent);
		if (err == ERR_OK)
			buffer_consume(&side->out, sent);
	}
	if (side->out.size == 0)
		buffer_deinit(&side->out);
	return err;
}

/* From one side to the other, as far as both go. False: the other side is gone. */
static bool pump(struct side *from, struct side *to, bool *ret_more)
{
	uint8_t data[READ_SIZE];
	enum err err = flush(to);
	for (int i = 0; i < READS_PER_EVENT; i++) {
		size_t size, room = to->out.max - to->out.size;
		if (err == ERR_AGAIN && room < sizeof data)
			return true;
		if (err != ERR_OK && err != ERR_AGAIN)
			return false;
		if (from->has_ended)
			return true;
		enum err got = transport_read(&from->transport, data, sizeof data, &size);
		if (got == ERR_AGAIN)
			return true;
		if (got != ERR_OK)
			from->has_ended = true;
		else if (buffer_append(&to->out, bytes_of(data, size)) != ERR_OK)
			return false;
		err = flush(to);
	}
	*ret_more = true;
	return true;
}

static void watch_side(struct side *side, const struct side *other)
{
	bool has_room = other->out.max - other->out.size >= READ_SIZE;
	unsigned events = (side->has_ended || !has_room ? 0 : NET_READABLE) |
			  (side->out.size > 0 ? NET_WRITABLE : 0);
	net_watch_set(side->watch, transport_events(&side->transport, events));
}

static void advance(struct tunnel *tunnel)
{
	bool more = false;
	bool is_good = pump(&tunnel->outside, &tunnel->inside, &more) &&
		       pump(&tunnel->inside, &tunnel->outside, &more);
	bool is_over = (tunnel->outside.has_ended && tunnel->inside.out.size == 0) ||
		       (tunnel->inside.has_ended && tunnel->outside.out.size == 0);
	if (!is_good || is_over) {
		if (is_good)
			transport_end(&tunnel->outside.transport);
		tunnel_destroy(tunnel);
		return;
	}
	if (tunnel->inside.has_ended && !net_timer_is_set(&tunnel->timer))
		net_timer_set(&tunnel->timer, net_now() + LINGER);
	if (more)
		net_defer_post(&tunnel->again);
	watch_side(&tunnel->inside, &tunnel->outside);
	watch_side(&tunnel->outside, &tunnel->inside);
}

static void on_event(unsigned events, void *user)
{
	(void)events;
	advance(user);
}

static void on_again(void *user)
{
	advance(user);
}

static void on_timer(void *user)
{
	tunnel_destroy(user);
}

enum err tunnel_create(struct web_server *server, struct transport *transport, int *ret_fd)
{
	int pair[2];
	struct net_loop *loop = server->web->loop;
	struct tunnel *tunnel = calloc(1, sizeof *tunnel);
	if (!tunnel)
		return ERR_NOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
		free(tunnel);
		return ERR_IO;
	}
	tunnel->inside = (struct side){
		.transport.fd = pair[0], .out = buffer_with_max(WEB_TUNNEL_BUFFER_MAX)};
	tunnel->outside =
		(struct side){.transport.fd = -1, .out = buffer_with_max(WEB_TUNNEL_BUFFER_MAX)};
	net_defer_init(&tunnel->again, loop, on_again, tunnel);
	enum err err = net_timer_init(&tunnel->timer, loop, on_timer, tunnel);
	if (err == ERR_OK)
		err = net_watch_create(
			loop, pair[0], NET_READABLE, on_event, tunnel, &tunnel->inside.watch);
	if (err == ERR_OK)
		err = net_watch_create(loop, transport->fd, NET_READABLE, on_event, tunnel,
			&tunnel->outside.watch);
	if (err != ERR_OK) {
		tunnel_destroy(tunnel);
		close(pair[1]);
		return err;
	}
	tunnel->outside.transport = *transport;
	*transport = (struct transport){.fd = -1};
	list_push_back(&server->tunnels, &tunnel->node);
	/* What TLS has decrypted already is announced by no event. */
	net_defer_post(&tunnel->again);
	*ret_fd = pair[1];
	return ERR_OK;
}

void tunnels_destroy(struct web_server *server)
{
	while (!list_is_empty(&server->tunnels)) {
		struct tunnel *tunnel = CONTAINER_OF(server->tunnels.next, struct tunnel, node);
		/* The goodbyes, as far as they go. */
		bool more;
		if (pump(&tunnel->inside, &tunnel->outside, &more))
			transport_end(&tunnel->outside.transport);
		tunnel_destroy(tunnel);
	}
}
