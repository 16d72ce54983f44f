/* Peers over TCP, where UDP is blocked (RFC 6544): a listener an address family beside the UDP
 * sockets, and the connections of each peer, those that it dialled and those that were dialled to
 * it.
 *
 * Whoever connects is a stranger until the peer that his Binding requests name has sent on the
 * connection, for it answers only whom it has authenticated. Strangers are few, fewer from one
 * place, and have seconds; beyond, the oldest goes. A connection that takes no more makes its peer
 * wait rather than lose what it sends, as long as it gets on at all: what the kernel has taken will
 * arrive, so a loss made here would tell the congestion control nothing but untruth. One that is
 * stuck loses datagrams, since the peer has to be able to look for another way. */
#include "node/peer_tcp.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/iface.h"
#include "net/packet.h"
#include "net/stream.h"
#include "node/peer_io_internal.h"
#include "peer/convert.h"

/* What a stranger may send at once: a Binding request. */
#define STRANGER_PACKET_MAX 1500

struct peer_tcp_conn {
	struct list node; /* among the strangers, or its peer's */
	struct list all;
	struct peer_io *io;
	struct peer_io_peer *peer; /* NULL: a stranger's that has said nothing */
	bool is_stranger, is_open;
	struct path path;
	struct net_stream *stream;
	struct net_packet_reader reader;
	struct buffer held; /* until it is open */
	usec until;         /* of a stranger */
	usec used_at;
	/* While it does not take what it is given. */
	size_t queued;
	usec looked_at, stuck; /* the time in which it was looked at and nothing moved */
};

static struct peer_tcp_conn *conn_of(struct list *node)
{
	return CONTAINER_OF(node, struct peer_tcp_conn, node);
}

static struct peer_tcp_conn *conn_of_all(struct list *node)
{
	return CONTAINER_OF(node, struct peer_tcp_conn, all);
}

static void set_timer(struct peer_io *io)
{
	struct peer_tcp *tcp = &io->tcp;
	usec deadline = USEC_NEVER;
	if (!list_is_empty(&tcp->strangers))
		deadline = conn_of(tcp->strangers.next)->until;
	if (!list_is_empty(&tcp->all))
		deadline = usec_min(deadline, tcp->sweep_at);
	net_timer_set(&tcp->timer, deadline);
}

/* ---- The end of one ---- */

static void remove_conn(struct peer_tcp_conn *conn)
{
	struct peer_tcp *tcp = &conn->io->tcp;
	list_remove(&conn->node);
	list_remove(&conn->all);
	if (conn->is_stranger)
		tcp->stranger_count--;
	else
		conn->peer->tcp_count--;
	net_stream_destroy(conn->stream);
	net_packet_reader_deinit(&conn->reader);
	buffer_deinit(&conn->held);
	free(conn);
}

/* Its peer, if it has one, looks for another way. */
static void lose(struct peer_tcp_conn *conn)
{
	struct peer_io_peer *peer = conn->is_stranger ? NULL : conn->peer;
	struct dpc_path path = path_to_public(&conn->path);
	remove_conn(conn);
	if (!peer)
		return;
	dpc_peer_lose_path(peer->dpc, net_now(), &path);
	peer_io_touch(peer);
}

/* The one that nothing has gone over for longest. */
static void lose_oldest(struct peer_io_peer *peer)
{
	struct peer_tcp_conn *oldest = conn_of(peer->tcp_conns.next);
	LIST_FOREACH (node, &peer->tcp_conns)
		if (conn_of(node)->used_at < oldest->used_at)
			oldest = conn_of(node);
	lose(oldest);
}

static void on_closed(enum err err, const char *reason, void *user)
{
	struct peer_tcp_conn *conn = user;
	char text[ADDR_TEXT_MAX];
	(void)err;
	log_debug("tcp with %s: %s", addr_text(&conn->path.remote, text), reason);
	lose(conn);
}

static void on_timer(void *user)
{
	struct peer_io *io = user;
	struct peer_tcp *tcp = &io->tcp;
	usec now = net_now();
	while (!list_is_empty(&tcp->strangers) && conn_of(tcp->strangers.next)->until <= now) {
		tcp->refused++;
		remove_conn(conn_of(tcp->strangers.next));
	}
	if (now >= tcp->sweep_at) {
		tcp->sweep_at = now + PEER_IO_TCP_IDLE / 4;
		LIST_FOREACH_SAFE (node, &tcp->all) {
			struct peer_tcp_conn *conn = conn_of_all(node);
			if (!conn->is_stranger && now - conn->used_at >= PEER_IO_TCP_IDLE)
				lose(conn);
		}
	}
	set_timer(io);
}

/* ---- In ---- */

/* A stranger says nothing but for which of our peers he has come, and to one only. */
static bool is_request_for_one(struct peer_tcp_conn *conn, struct bytes packet)
{
	const char *name;
	size_t size;
	if (!dpc_peer_peek_user(packet.data, packet.size, &name, &size))
		return false;
	struct peer_io_peer *peer = map_get(&conn->io->users, bytes_of(name, size));
	if (!peer || (conn->peer && conn->peer != peer))
		return false;
	conn->peer = peer;
	return true;
}

static void refuse(struct peer_tcp_conn *conn)
{
	conn->io->tcp.refused++;
	remove_conn(conn);
}

static void on_received(struct bytes bytes, void *user)
{
	struct peer_tcp_conn *conn = user;
	struct peer_io *io = conn->io;
	usec now = net_now();
	struct bytes packet;
	enum err err = net_packet_reader_add(&conn->reader, bytes);
	conn->used_at = now;
	while (!err && !(err = net_packet_reader_next(&conn->reader, &packet))) {
		if (conn->is_stranger && !is_request_for_one(conn, packet)) {
			refuse(conn);
			return;
		}
		/* RFC 4571 section 2: an empty one says nothing. */
		if (packet.size > 0)
			peer_io_give(conn->peer, &conn->path, packet, now);
	}
	net_defer_post(&io->defer);
	if (err == ERR_AGAIN)
		return;
	if (conn->is_stranger)
		refuse(conn);
	else
		lose(conn);
}

static void on_opened(void *user)
{
	struct peer_tcp_conn *conn = user;
	conn->is_open = true;
	/* What cannot be sent now never can: closed() follows. */
	if (net_stream_send(conn->stream, buffer_bytes(&conn->held)) != ERR_OK)
		conn->io->lost_out++;
	buffer_deinit(&conn->held);
}

static void on_drained(void *user)
{
	struct peer_tcp_conn *conn = user;
	if (!conn->is_stranger)
		peer_io_touch(conn->peer);
}

/* ---- Making one ---- */

static struct peer_tcp_conn *create_conn(struct peer_io *io, const struct path *path, usec now)
{
	struct peer_tcp *tcp = &io->tcp;
	struct peer_tcp_conn *conn = calloc(1, sizeof *conn);
	if (!conn)
		return NULL;
	conn->io = io;
	conn->path = *path;
	conn->used_at = now;
	conn->held = buffer_with_max(PEER_IO_TCP_HELD_MAX);
	if (list_is_empty(&tcp->all))
		tcp->sweep_at = now + PEER_IO_TCP_IDLE / 4;
	list_push_back(&tcp->all, &conn->all);
	return conn;
}

static struct net_stream_config stream_config(struct peer_tcp_conn *conn)
{
	return (struct net_stream_config){.local = conn->path.local,
		.remote = conn->path.remote,
		.patience = PEER_IO_TCP_PATIENCE,
		.opened = on_opened,
		.received = on_received,
		.drained = on_drained,
		.closed = on_closed,
		.user = conn};
}

static void give_to_peer(struct peer_tcp_conn *conn, struct peer_io_peer *peer)
{
	if (peer->tcp_count == PEER_IO_TCP_PER_PEER_MAX)
		lose_oldest(peer);
	conn->peer = peer;
	conn->is_stranger = false;
	list_push_back(&peer->tcp_conns, &conn->node);
	peer->tcp_count++;
}

/* NULL: there is no way to there. */
static struct peer_tcp_conn *dial(struct peer_io_peer *peer, const struct path *path, usec now)
{
	struct peer_tcp_conn *conn = create_conn(peer->io, path, now);
	if (!conn)
		return NULL;
	net_packet_reader_init(&conn->reader, NET_PACKET_MAX);
	give_to_peer(conn, peer);
	struct net_stream_config config = stream_config(conn);
	if (net_stream_create(peer->io->loop, &config, &conn->stream) != ERR_OK) {
		remove_conn(conn);
		return NULL;
	}
	set_timer(peer->io);
	return conn;
}

/* The same IPv4 address, or the same IPv6 /64, which is what one subscriber has. */
static bool same_place(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == ADDR_IPV4 ? 4 : 8) == 0;
}

static bool has_room(struct peer_tcp *tcp, const struct addr *remote)
{
	size_t count = 0;
	LIST_FOREACH (node, &tcp->strangers)
		count += same_place(&conn_of(node)->path.remote, remote);
	return count < PEER_IO_TCP_STRANGERS_PER_PLACE_MAX;
}

static void on_accepted(struct net_stream *stream, const struct path *path, void *user)
{
	struct peer_io *io = user;
	struct peer_tcp *tcp = &io->tcp;
	usec now = net_now();
	struct peer_tcp_conn *conn = NULL;
	if (has_room(tcp, &path->remote))
		conn = create_conn(io, path, now);
	if (!conn) {
		tcp->refused++;
		net_stream_destroy(stream);
		return;
	}
	if (tcp->stranger_count == PEER_IO_TCP_STRANGERS_MAX)
		refuse(conn_of(tcp->strangers.next));
	conn->is_stranger = conn->is_open = true;
	conn->until = now + PEER_IO_TCP_STRANGER_TIME;
	conn->stream = stream;
	net_packet_reader_init(&conn->reader, STRANGER_PACKET_MAX);
	list_push_back(&tcp->strangers, &conn->node);
	tcp->stranger_count++;
	struct net_stream_config config = stream_config(conn);
	net_stream_handle(stream, &config);
	set_timer(io);
}

/* ---- Out ---- */

static struct peer_tcp_conn *find(struct peer_io_peer *peer, const struct path *path)
{
	LIST_FOREACH (node, &peer->tcp_conns)
		if (path_equal(&conn_of(node)->path, path))
			return conn_of(node);
	LIST_FOREACH (node, &peer->io->tcp.strangers) {
		struct peer_tcp_conn *conn = conn_of(node);
		if (conn->peer != peer || !path_equal(&conn->path, path))
			continue;
		/* The peer answers: it is a stranger no more. */
		list_remove(&conn->node);
		peer->io->tcp.stranger_count--;
		net_packet_reader_set_max(&conn->reader, NET_PACKET_MAX);
		give_to_peer(conn, peer);
		return conn;
	}
	return NULL;
}

static bool hold(struct peer_tcp_conn *conn, struct bytes flight, size_t segment)
{
	return net_packet_append(&conn->held, flight, segment) == ERR_OK;
}

static bool send_now(struct peer_tcp_conn *conn, struct bytes flight, size_t segment)
{
	struct buffer *framed = &conn->io->tcp.framed;
	buffer_clear(framed);
	return net_packet_append(framed, flight, segment) == ERR_OK &&
	       net_stream_send(conn->stream, buffer_bytes(framed)) == ERR_OK;
}

void peer_tcp_send(struct peer_io_peer *peer, const struct path *path, struct bytes flight,
	size_t segment, usec now)
{
	struct peer_tcp_conn *conn = find(peer, path);
	if (!conn && path->local.port == DPC_PORT_DIALS)
		conn = dial(peer, path, now);
	if (!conn) {
		struct dpc_path public = path_to_public(path);
		dpc_peer_lose_path(peer->dpc, now, &public);
		peer->io->lost_out++;
		return;
	}
	conn->used_at = now;
	bool sent = conn->is_open ? send_now(conn, flight, segment) : hold(conn, flight, segment);
	if (!sent)
		peer->io->lost_out++;
}

static bool is_full(struct peer_tcp_conn *conn, usec now)
{
	size_t queued = conn->is_open ? net_stream_queued(conn->stream) : 0;
	/* That this process did not run says nothing of the connection. */
	usec since = usec_min(now - conn->looked_at, 2 * PEER_IO_TCP_RETRY);
	bool moves = queued < conn->queued || queued <= PEER_IO_TCP_QUEUE_HIGH;
	conn->stuck = moves ? 0 : conn->stuck + since;
	conn->queued = queued;
	conn->looked_at = now;
	return queued > PEER_IO_TCP_QUEUE_HIGH && conn->stuck < PEER_IO_TCP_STUCK;
}

bool peer_tcp_is_full(struct peer_io_peer *peer, usec now)
{
	bool full = false;
	LIST_FOREACH (node, &peer->tcp_conns)
		full |= is_full(conn_of(node), now);
	return full;
}

/* ---- Candidates ---- */

static void add(struct peer_io_peer *peer, struct addr addr, uint16_t port, usec now)
{
	addr.transport = ADDR_TCP;
	addr.port = port;
	struct dpc_addr public = addr_to_public(&addr);
	/* Beyond the limit there are candidates enough. */
	(void)dpc_peer_add_host(peer->dpc, now, &public);
}

void peer_tcp_add_hosts(struct peer_io_peer *peer, const struct addr *hosts, size_t count, usec now)
{
	for (size_t i = 0; i < min_size(count, PEER_IO_TCP_HOSTS_MAX); i++) {
		const struct addr *listener = peer_io_local_tcp(peer->io, hosts[i].family);
		if (listener)
			add(peer, hosts[i], listener->port, now);
		if (peer->dials && peer->io->config.tcp)
			add(peer, hosts[i], DPC_PORT_DIALS, now);
	}
}

/* ---- Life ---- */

void peer_tcp_begin(struct peer_io_peer *peer)
{
	list_init(&peer->tcp_conns);
}

void peer_tcp_end(struct peer_io_peer *peer)
{
	while (!list_is_empty(&peer->tcp_conns))
		remove_conn(conn_of(peer->tcp_conns.next));
	LIST_FOREACH_SAFE (node, &peer->io->tcp.strangers)
		if (conn_of(node)->peer == peer)
			refuse(conn_of(node));
}

/* With the number of the UDP port, where that is free: so a firewall's rule can name one. */
static void listen_beside(struct peer_io *io, size_t index)
{
	const struct net_udp *udp = io->sockets[index].udp;
	if (!udp)
		return;
	struct net_stream_listener_config config = {
		.local = *net_udp_local(udp), .accepted = on_accepted, .user = io};
	struct net_stream_listener **listener = &io->tcp.listeners[index];
	enum err err = net_stream_listener_create(io->loop, &config, listener);
	if (err == ERR_ADDRESS_IN_USE) {
		config.local.port = 0;
		err = net_stream_listener_create(io->loop, &config, listener);
	}
	if (err)
		log_warn("cannot listen for WebRTC over TCP: %s", err_text(err));
}

enum err peer_tcp_init(struct peer_io *io)
{
	list_init(&io->tcp.strangers);
	list_init(&io->tcp.all);
	io->tcp.framed =
		buffer_with_max(DPC_WRITE_BEST + NET_UDP_SEGMENTS_MAX * NET_PACKET_HEADER_SIZE);
	return net_timer_init(&io->tcp.timer, io->loop, on_timer, io);
}

void peer_tcp_listen(struct peer_io *io)
{
	for (size_t i = 0; i < 2 && io->config.tcp; i++)
		listen_beside(io, i);
}

void peer_tcp_deinit(struct peer_io *io)
{
	for (size_t i = 0; i < 2; i++)
		net_stream_listener_destroy(io->tcp.listeners[i]);
	while (io->tcp.stranger_count > 0)
		remove_conn(conn_of(io->tcp.strangers.next));
	net_timer_deinit(&io->tcp.timer);
	buffer_deinit(&io->tcp.framed);
}

const struct addr *peer_io_local_tcp(const struct peer_io *io, enum addr_family family)
{
	const struct net_stream_listener *listener = io->tcp.listeners[family == ADDR_IPV6];
	return listener ? net_stream_listener_local(listener) : NULL;
}
