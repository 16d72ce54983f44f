/* The listening side: accepts, counts, and keeps to the numbers. */
#include "web/internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define BACKLOG 1024
/* Accepted in one go before others have their turn. */
#define ACCEPTS_PER_EVENT 64
/* How long listening pauses when the process has no descriptor left. */
#define ACCEPT_PAUSE (100 * USEC_PER_MS)

/* ---- Addresses ---- */

static socklen_t to_sockaddr(const struct addr *addr, struct sockaddr_storage *ret_storage)
{
	*ret_storage = (struct sockaddr_storage){0};
	if (addr->family == ADDR_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret_storage;
		in->sin_family = AF_INET;
		in->sin_port = htons(addr->port);
		memcpy(&in->sin_addr, addr->ip, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret_storage;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(addr->port);
	in6->sin6_scope_id = addr->scope;
	memcpy(&in6->sin6_addr, addr->ip, 16);
	return sizeof *in6;
}

static struct addr of_sockaddr(const struct sockaddr_storage *storage)
{
	struct addr addr = {0};
	if (storage->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)storage;
		addr.family = ADDR_IPV4;
		addr.port = ntohs(in->sin_port);
		memcpy(addr.ip, &in->sin_addr, 4);
	} else if (storage->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)storage;
		addr.port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			addr.family = ADDR_IPV4;
			memcpy(addr.ip, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			addr.family = ADDR_IPV6;
			memcpy(addr.ip, &in6->sin6_addr, 16);
		}
	}
	return addr;
}

static enum err err_of_errno(int number)
{
	switch (number) {
	case EADDRINUSE:
		return ERR_ADDRESS_IN_USE;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ENOMEM:
	case ENOBUFS:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

/* ---- Counting by address ---- */

static struct bytes count_key(const struct address_count *count)
{
	return bytes_of(count->key, sizeof count->key);
}

static struct address_count *count_up(struct web_server *server, const struct addr *addr)
{
	struct address_count wanted = {.key[0] = (uint8_t)addr->family};
	memcpy(wanted.key + 1, addr->ip, sizeof wanted.key - 1);
	struct address_count *count = map_get(&server->addresses, count_key(&wanted));
	if (!count) {
		count = calloc(1, sizeof *count);
		if (!count)
			return NULL;
		*count = wanted;
		if (map_insert(&server->addresses, count_key(count), count) != ERR_OK) {
			free(count);
			return NULL;
		}
	}
	count->count++;
	return count;
}

void server_release(struct web_server *server, struct address_count *count)
{
	if (!count || --count->count > 0)
		return;
	CHECK(map_remove(&server->addresses, count_key(count)) == count);
	free(count);
}

/* ---- Accepting ---- */

/* False: there is none that could be given up. */
static bool evict_silent(struct web_server *server)
{
	if (list_is_empty(&server->silent))
		return false;
	server->stats.silent_evicted++;
	connection_destroy(CONTAINER_OF(server->silent.next, struct web_connection, node));
	return true;
}

static bool is_full(const struct web_server *server)
{
	return server->stats.connections_now + server->stats.sockets_now >=
	       server->options.limits.connections;
}

static void make_room(struct web_server *server)
{
	while (is_full(server) ||
		server->stats.silent_now >= server->options.limits.connections_silent) {
		if (!evict_silent(server))
			return;
	}
}

/* Whether one more of this address is allowed; `*ret_count` stays NULL on a unix socket. First of
 * all, so that who is over it cannot push others out. */
static bool admit_address(
	struct web_server *server, const struct addr *addr, struct address_count **ret_count)
{
	if (addr->family == ADDR_NONE)
		return true;
	struct address_count *count = count_up(server, addr);
	if (!count)
		return false;
	if (count->count > server->options.limits.connections_per_address) {
		server->stats.refused_address++;
		server_release(server, count);
		return false;
	}
	*ret_count = count;
	return true;
}

/* False: the descriptor was not taken. */
static bool take(struct web_server *server, int fd, const struct addr *addr)
{
	struct address_count *count = NULL;
	char text[ADDR_TEXT_MAX] = "";
	server->stats.connections++;
	if (!admit_address(server, addr, &count))
		return false;
	make_room(server);
	if (is_full(server)) {
		server->stats.refused_limit++;
		server_release(server, count);
		return false;
	}
	if (addr->family != ADDR_NONE) {
		int on = 1;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		addr_ip_text(addr, text);
	}
	struct web_connection *connection;
	if (connection_create(server, fd, count, text, &connection) != ERR_OK) {
		server_release(server, count);
		return false;
	}
	return true;
}

static void on_listening(unsigned events, void *user)
{
	(void)events;
	struct web_server *server = user;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		struct sockaddr_storage storage = {0};
		socklen_t size = sizeof storage;
		int fd = accept4(server->fd, (struct sockaddr *)(void *)&storage, &size,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		bool exhausted = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
		/* The newcomer may be honest; the oldest silent one had its chance. */
		if (exhausted && evict_silent(server))
			continue;
		if (exhausted) {
			log_warn("cannot accept a connection on '%s': %s", server->address,
				strerror(errno));
			net_watch_set(server->watch, 0);
			net_timer_set(&server->accept_again, net_now() + ACCEPT_PAUSE);
			return;
		}
		if (fd < 0)
			return;
		struct addr addr = of_sockaddr(&storage);
		if (!take(server, fd, &addr))
			close(fd);
	}
}

static void on_accept_again(void *user)
{
	struct web_server *server = user;
	net_watch_set(server->watch, NET_READABLE);
}

/* ---- Listening ---- */

static enum err listen_tcp(struct web_server *server, const char *listen_on)
{
	struct addr addr;
	char text[ADDR_TEXT_MAX];
	const char *name = "localhost:";
	if (text_starts_with(listen_on, name)) {
		char *numeric = text_format("127.0.0.1:%s", listen_on + strlen(name));
		bool is_address = numeric && addr_parse(numeric, &addr);
		free(numeric);
		if (!is_address)
			return ERR_MALFORMED;
	} else if (!addr_parse(listen_on, &addr)) {
		return ERR_MALFORMED;
	}
	struct sockaddr_storage storage;
	socklen_t size = to_sockaddr(&addr, &storage);
	server->fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		return err_of_errno(errno);
	int on = 1;
	(void)setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(server->fd, (struct sockaddr *)(void *)&storage, size) != 0 ||
		listen(server->fd, BACKLOG) != 0)
		return err_of_errno(errno);
	size = sizeof storage;
	if (getsockname(server->fd, (struct sockaddr *)(void *)&storage, &size) != 0)
		return ERR_IO;
	addr = of_sockaddr(&storage);
	server->address = text_duplicate(addr_text(&addr, text));
	return server->address ? ERR_OK : ERR_NOMEM;
}

/* Whether somebody listens on a socket file; ECONNREFUSED says that it is a left-over. */
static bool is_left_over(const struct sockaddr_un *name)
{
	/* Somebody whose queue is full is there, too: that is EAGAIN, instead of waiting for it. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool refused =
		connect(fd, (const struct sockaddr *)(const void *)name, sizeof *name) != 0 &&
		errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static enum err listen_unix(struct web_server *server, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	if (!text_copy(name.sun_path, sizeof name.sun_path, path))
		return ERR_TOO_LARGE;
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		return err_of_errno(errno);
	const struct sockaddr *address = (const struct sockaddr *)(const void *)&name;
	/* The mode must be right from the first moment: whoever opens it is the user. */
	mode_t mask = umask(0177);
	int result = bind(server->fd, address, sizeof name);
	int number = errno;
	if (result != 0 && number == EADDRINUSE && is_left_over(&name) && unlink(path) == 0) {
		result = bind(server->fd, address, sizeof name);
		number = errno;
	}
	umask(mask);
	if (result != 0)
		return err_of_errno(number);
	server->unlink_path = true;
	if (listen(server->fd, BACKLOG) != 0)
		return err_of_errno(errno);
	server->address = text_duplicate(path);
	return server->address ? ERR_OK : ERR_NOMEM;
}

/* ---- Life ---- */

static void set_default(size_t *limit, size_t value)
{
	if (*limit == 0)
		*limit = value;
}

static void set_default_limits(struct web_server_limits *limits, bool is_tls)
{
	set_default(&limits->connections, WEB_CONNECTIONS_MAX);
	set_default(&limits->connections_per_address, WEB_CONNECTIONS_PER_ADDRESS_MAX);
	set_default(&limits->connections_silent,
		is_tls ? WEB_CONNECTIONS_SILENT_TLS_MAX : WEB_CONNECTIONS_SILENT_MAX);
	set_default(&limits->sockets_queue_bytes, WEB_SOCKETS_QUEUE_BYTES_MAX);
	struct rlimit descriptors;
	if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY) {
		size_t available = sat_sub((size_t)descriptors.rlim_cur, WEB_DESCRIPTORS_RESERVED);
		limits->connections = min_size(limits->connections, available > 0 ? available : 1);
	}
	if (limits->head_timeout_s == 0)
		limits->head_timeout_s = WEB_HEAD_TIMEOUT_S;
	if (limits->body_timeout_s == 0)
		limits->body_timeout_s = WEB_BODY_TIMEOUT_S;
	if (limits->ping_after_s == 0)
		limits->ping_after_s = WEB_SOCKET_PING_AFTER_S;
	if (limits->close_after_s == 0)
		limits->close_after_s = WEB_SOCKET_CLOSE_AFTER_S;
	if (limits->stall_s == 0)
		limits->stall_s = WEB_SOCKET_STALL_S;
	if (limits->linger_s == 0)
		limits->linger_s = WEB_SOCKET_LINGER_S;
}

enum err web_server_create(
	struct web *web, const struct web_server_options *options, struct web_server **ret_server)
{
	CHECK(!options->listen != !options->unix_path);
	for (size_t i = 0; i < options->route_count; i++)
		CHECK(options->routes[i].body_max <= WEB_BODY_SIZE_MAX);
	struct web_server *server = calloc(1, sizeof *server);
	if (!server)
		return ERR_NOMEM;
	server->web = web;
	server->options = *options;
	server->fd = -1;
	set_default_limits(&server->options.limits, options->tls != NULL);
	list_init(&server->silent);
	list_init(&server->connections);
	list_init(&server->sockets);
	server->outgoing.max = SIZE_MAX / 2; /* a message more than it may be */
	server->rng = rng_system();
	map_init(&server->addresses, server->options.limits.connections + 1, &server->rng);
	enum err err = net_timer_init(&server->accept_again, web->loop, on_accept_again, server);
	if (err == ERR_OK)
		err = options->listen ? listen_tcp(server, options->listen)
				      : listen_unix(server, options->unix_path);
	if (err == ERR_OK)
		err = net_watch_create(
			web->loop, server->fd, NET_READABLE, on_listening, server, &server->watch);
	/* Those texts are the caller's and may go. */
	server->options.listen = server->options.unix_path = NULL;
	if (err != ERR_OK) {
		web_server_destroy(server);
		return err;
	}
	*ret_server = server;
	return ERR_OK;
}

static void destroy_connections(struct list *list)
{
	while (!list_is_empty(list))
		connection_destroy(CONTAINER_OF(list->next, struct web_connection, node));
}

void web_server_destroy(struct web_server *server)
{
	if (!server)
		return;
	net_watch_destroy(server->watch);
	net_timer_deinit(&server->accept_again);
	if (server->fd >= 0)
		close(server->fd);
	if (server->unlink_path && server->address)
		unlink(server->address);
	destroy_connections(&server->silent);
	destroy_connections(&server->connections);
	sockets_destroy(server);
	buffer_deinit(&server->outgoing);
	CHECK(server->addresses.count == 0);
	map_deinit(&server->addresses);
	free(server->address);
	free(server);
}

const char *web_server_address(const struct web_server *server)
{
	return server->address;
}

const struct web_server_stats *web_server_stats(const struct web_server *server)
{
	return &server->stats;
}
