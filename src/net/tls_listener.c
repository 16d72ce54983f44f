/* Listening for direct links. Whoever connects is a stranger until the handshake is over: strangers
 * have a deadline, are few, and fewer from one place; OpenSSL is asked for memory only when their
 * first byte has come. */
#include "net/tls_internal.h"

#include <stdlib.h>

#include "net/internal.h"

#define BACKLOG 511

struct net_tls_listener {
	uv_tcp_t tcp;
	struct net_tls *tls;
	struct net_tls_listener_config config;
	struct net_tls_listener_stats stats;
	struct addr local;
	struct list pending; /* of net_tls_conn, the oldest first */
	bool destroyed;
};

/* The same IPv4 address, or the same IPv6 /64, which is what one subscriber has. */
static bool same_place(const struct addr *a, const struct addr *b)
{
	size_t size = a->family == ADDR_IPV4 ? 4 : 8;
	return a->family == b->family && memcmp(a->ip, b->ip, size) == 0;
}

static size_t count_from(const struct net_tls_listener *listener, const struct addr *addr)
{
	size_t count = 0;
	LIST_FOREACH (node, &listener->pending) {
		const struct net_tls_conn *conn = CONTAINER_OF(node, struct net_tls_conn, node);
		count += same_place(&conn->remote, addr);
	}
	return count;
}

static void forget(struct net_tls_listener *listener, struct net_tls_conn *conn)
{
	list_remove(&conn->node);
	listener->stats.pending--;
}

static void on_settled(struct net_tls_conn *conn, enum err err, const char *reason, void *user)
{
	(void)reason;
	struct net_tls_listener *listener = user;
	forget(listener, conn);
	if (!err) {
		listener->stats.arrived++;
		listener->config.arrived(conn, listener->config.user);
		return;
	}
	if (err == ERR_TIMEOUT)
		listener->stats.timed_out++;
	else
		listener->stats.failed++;
	net_tls_conn_destroy(conn);
}

static bool read_remote(struct net_tls_conn *conn)
{
	struct sockaddr_storage name;
	int size = sizeof(name);
	return uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&name, &size) == 0 &&
	       addr_of_sockaddr((struct sockaddr *)&name, &conn->remote);
}

static void make_room(struct net_tls_listener *listener)
{
	if (listener->stats.pending < listener->config.pending_max)
		return;
	struct net_tls_conn *oldest =
		CONTAINER_OF(listener->pending.next, struct net_tls_conn, node);
	forget(listener, oldest);
	listener->stats.crowded_out++;
	net_tls_conn_destroy(oldest);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct net_tls_listener *listener = server->data;
	struct net_tls_conn *conn;
	/* Without a descriptor libuv has refused the connection itself. */
	if (status < 0 || listener->destroyed)
		return;
	if (tls_conn_create(listener->tls, on_settled, listener, &conn) != ERR_OK)
		return;
	if (uv_accept(server, (uv_stream_t *)&conn->tcp) != 0 || !read_remote(conn)) {
		net_tls_conn_destroy(conn);
		return;
	}
	listener->stats.accepted++;
	if (count_from(listener, &conn->remote) >= listener->config.pending_per_ip_max) {
		listener->stats.refused++;
		net_tls_conn_destroy(conn);
		return;
	}
	make_room(listener);
	list_push_back(&listener->pending, &conn->node);
	listener->stats.pending++;
	tls_conn_begin(conn, true, net_now() + listener->config.handshake_timeout);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static int listen_on(struct net_tls_listener *listener)
{
	struct sockaddr_storage name;
	(void)sockaddr_of_addr(&listener->config.local, &name);
	int error = uv_tcp_bind(&listener->tcp, (struct sockaddr *)&name, 0);
	if (!error)
		error = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
	int size = sizeof(name);
	if (!error)
		error = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&name, &size);
	if (error)
		return error;
	/* Unspecified addresses keep their family; a mapped one would have become IPv4. */
	CHECK(addr_of_sockaddr((struct sockaddr *)&name, &listener->local));
	return 0;
}

enum err net_tls_listener_create(struct net_tls *tls, const struct net_tls_listener_config *config,
	struct net_tls_listener **ret_listener)
{
	CHECK(config->arrived);
	CHECK(config->local.family != ADDR_NONE);
	struct net_tls_listener *listener = calloc(1, sizeof(*listener));
	if (!listener)
		return ERR_NOMEM;
	listener->tls = tls;
	listener->config = *config;
	if (config->handshake_timeout == 0)
		listener->config.handshake_timeout = NET_TLS_HANDSHAKE_TIMEOUT;
	if (config->pending_max == 0)
		listener->config.pending_max = NET_TLS_PENDING_MAX;
	if (config->pending_per_ip_max == 0)
		listener->config.pending_per_ip_max = NET_TLS_PENDING_PER_IP_MAX;
	list_init(&listener->pending);
	CHECK(uv_tcp_init(net_loop_uv(tls->loop), &listener->tcp) == 0);
	listener->tcp.data = listener;
	int error = listen_on(listener);
	if (error) {
		net_tls_listener_destroy(listener);
		return err_of_errno(error);
	}
	*ret_listener = listener;
	return ERR_OK;
}

void net_tls_listener_destroy(struct net_tls_listener *listener)
{
	if (!listener || listener->destroyed)
		return;
	listener->destroyed = true;
	while (!list_is_empty(&listener->pending)) {
		struct net_tls_conn *conn =
			CONTAINER_OF(listener->pending.next, struct net_tls_conn, node);
		forget(listener, conn);
		net_tls_conn_destroy(conn);
	}
	uv_close((uv_handle_t *)&listener->tcp, on_closed);
}

const struct addr *net_tls_listener_local(const struct net_tls_listener *listener)
{
	return &listener->local;
}

const struct net_tls_listener_stats *net_tls_listener_stats(const struct net_tls_listener *listener)
{
	return &listener->stats;
}
