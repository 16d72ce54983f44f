#include "weather.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OVERTAKEN_MAX 3 /* by so many others a datagram is overtaken at most */
#define HELD_US 5000

static struct dpc_addr from_sockaddr(const struct sockaddr_storage *storage)
{
	struct dpc_addr addr = {0};
	if (storage->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, storage, sizeof in);
		addr.family = 4;
		addr.port = ntohs(in.sin_port);
		memcpy(addr.ip, &in.sin_addr, 4);
	} else {
		struct sockaddr_in6 in6;
		memcpy(&in6, storage, sizeof in6);
		addr.family = 6;
		addr.port = ntohs(in6.sin6_port);
		memcpy(addr.ip, &in6.sin6_addr, 16);
	}
	return addr;
}

static socklen_t to_sockaddr(const struct dpc_addr *addr, struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof *storage);
	if (addr->family == 4) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
		memcpy(&in.sin_addr, addr->ip, 4);
		memcpy(storage, &in, sizeof in);
		return sizeof in;
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
	memcpy(&in6.sin6_addr, addr->ip, 16);
	memcpy(storage, &in6, sizeof in6);
	return sizeof in6;
}

static int open_socket(struct dpc_addr *addr)
{
	struct sockaddr_storage storage;
	socklen_t size = to_sockaddr(addr, &storage);
	int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0), buffer = 4 << 20;
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	if (bind(fd, (struct sockaddr *)&storage, size) < 0 ||
		getsockname(fd, (struct sockaddr *)&storage, &size) < 0) {
		close(fd);
		return -1;
	}
	*addr = from_sockaddr(&storage);
	return fd;
}

static bool open_listener(struct weather_tcp *tcp, struct dpc_peer *peer, int64_t now)
{
	struct dpc_addr addr = {.family = 4, .ip = {127, 0, 0, 1}};
	struct sockaddr_storage storage;
	socklen_t size = to_sockaddr(&addr, &storage);
	tcp->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (tcp->listener < 0 || bind(tcp->listener, (struct sockaddr *)&storage, size) < 0 ||
		listen(tcp->listener, 1) < 0 ||
		getsockname(tcp->listener, (struct sockaddr *)&storage, &size) < 0)
		return false;
	tcp->path.local = from_sockaddr(&storage);
	tcp->path.local.transport = DPC_TCP;
	bool added = dpc_peer_add_host(peer, now, &tcp->path.local) == DPC_OK;
	dpc_peer_end_of_candidates(peer, now);
	return added;
}

bool weather_open(struct weather *w, struct dpc_peer *peer, int64_t now)
{
	if (w->tcp.wanted)
		return open_listener(&w->tcp, peer, now);
	const struct dpc_addr loopback[WEATHER_SOCKETS] = {
		{.family = 4, .ip = {127, 0, 0, 1}}, {.family = 6, .ip = {[15] = 1}}};
	bool any = false;
	for (int i = 0; i < WEATHER_SOCKETS; i++) {
		w->addrs[i] = loopback[i];
		w->sockets[i] = open_socket(&w->addrs[i]);
		if (w->sockets[i] >= 0)
			any = dpc_peer_add_host(peer, now, &w->addrs[i]) == DPC_OK || any;
	}
	dpc_peer_end_of_candidates(peer, now);
	return any;
}

void weather_close(struct weather *w)
{
	if (w->tcp.connection > 0)
		close(w->tcp.connection);
	if (w->tcp.wanted) {
		close(w->tcp.listener);
		return;
	}
	for (int i = 0; i < WEATHER_SOCKETS; i++)
		if (w->sockets[i] >= 0)
			close(w->sockets[i]);
}

void weather_poll(const struct weather *w, struct pollfd *fds)
{
	if (w->tcp.wanted) {
		int fd = w->tcp.connection > 0 ? w->tcp.connection : w->tcp.listener;
		fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
		for (int i = 1; i < WEATHER_SOCKETS; i++)
			fds[i] = (struct pollfd){.fd = -1};
		return;
	}
	for (int i = 0; i < WEATHER_SOCKETS; i++)
		fds[i] = (struct pollfd){.fd = w->sockets[i], .events = POLLIN};
}

int64_t weather_deadline(const struct weather *w)
{
	int64_t deadline = INT64_MAX;
	for (int i = 0; i < WEATHER_DIRECTIONS; i++)
		if (w->held[i].used && w->held[i].until < deadline)
			deadline = w->held[i].until;
	return deadline;
}

static bool drawn(struct weather *w, uint32_t per_mille)
{
	uint32_t x = w->seed + 0x9e3779b9U * ++w->draws;
	x = (x ^ x >> 16) * 0x7feb352dU;
	x = (x ^ x >> 15) * 0x846ca68bU;
	return (x ^ x >> 16) % 1000 < per_mille;
}

static void pass(struct weather *w, struct dpc_peer *peer, int64_t now, int direction,
	const struct dpc_path *path, const void *data, size_t size)
{
	if (direction == WEATHER_IN) {
		dpc_peer_receive(peer, now, path, data, size);
		return;
	}
	struct sockaddr_storage to;
	socklen_t to_size = to_sockaddr(&path->remote, &to);
	int fd = w->sockets[path->remote.family == 4 ? 0 : 1];
	/* What the kernel refuses is lost, as on any network. */
	(void)!sendto(fd, data, size, 0, (struct sockaddr *)&to, to_size);
}

static void release(struct weather *w, struct dpc_peer *peer, int64_t now, int direction)
{
	struct weather_held *held = &w->held[direction];
	if (!held->used || (held->after > 0 && now < held->until))
		return;
	held->used = false;
	pass(w, peer, now, direction, &held->path, held->data, held->size);
}

static void travel(struct weather *w, struct dpc_peer *peer, int64_t now, int direction,
	const struct dpc_path *path, const void *data, size_t size)
{
	struct weather_held *held = &w->held[direction];
	if (drawn(w, w->loss)) {
		w->lost++;
		return;
	}
	if (!held->used && drawn(w, w->reorder)) {
		w->reordered++;
		held->used = true;
		held->after = 1 + (int)(w->draws % OVERTAKEN_MAX);
		held->until = now + HELD_US;
		held->path = *path;
		held->size = size;
		memcpy(held->data, data, size);
		return;
	}
	pass(w, peer, now, direction, path, data, size);
	held->after--;
	release(w, peer, now, direction);
}

/* ---- TCP (RFC 6544, RFC 4571) ---- */

static void lose_connection(struct weather_tcp *tcp, struct dpc_peer *peer, int64_t now)
{
	close(tcp->connection);
	tcp->connection = 0;
	tcp->in_size = 0;
	dpc_peer_lose_path(peer, now, &tcp->path);
}

static void accept_connection(struct weather_tcp *tcp)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	int fd = accept4(tcp->listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK);
	if (fd <= 0)
		return;
	tcp->connection = fd;
	tcp->path.remote = from_sockaddr(&from);
	tcp->path.remote.transport = DPC_TCP;
}

/* Waits where it has to: the other side reads whatever we do. */
static bool send_all(int fd, const void *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = send(fd, (const char *)data + at, size - at, MSG_NOSIGNAL);
		struct pollfd writable = {.fd = fd, .events = POLLOUT};
		if (n < 0 && (errno != EAGAIN || poll(&writable, 1, 10000) != 1))
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void send_framed(struct weather_tcp *tcp, struct dpc_peer *peer, int64_t now,
	const struct dpc_path *path, const void *data, size_t size)
{
	const uint8_t length[2] = {(uint8_t)(size >> 8), (uint8_t)size};
	if (tcp->connection == 0 || path->remote.port != tcp->path.remote.port)
		return;
	if (!send_all(tcp->connection, length, sizeof length) ||
		!send_all(tcp->connection, data, size))
		lose_connection(tcp, peer, now);
}

static void receive_framed(struct weather_tcp *tcp, struct dpc_peer *peer, int64_t now)
{
	if (tcp->connection == 0)
		accept_connection(tcp);
	while (tcp->connection > 0) {
		ssize_t n = recv(
			tcp->connection, tcp->in + tcp->in_size, sizeof tcp->in - tcp->in_size, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			lose_connection(tcp, peer, now);
			return;
		}
		tcp->in_size += (size_t)n;
		size_t at = 0;
		while (tcp->in_size - at >= 2) {
			size_t size = (size_t)(tcp->in[at] << 8 | tcp->in[at + 1]);
			if (tcp->in_size - at < 2 + size)
				break;
			dpc_peer_receive(peer, now, &tcp->path, tcp->in + at + 2, size);
			at += 2 + size;
		}
		tcp->in_size -= at;
		memmove(tcp->in, tcp->in + at, tcp->in_size);
	}
}

void weather_receive(struct weather *w, struct dpc_peer *peer, int64_t now)
{
	static char data[WEATHER_DATAGRAM_MAX];
	if (w->tcp.wanted) {
		receive_framed(&w->tcp, peer, now);
		return;
	}
	release(w, peer, now, WEATHER_IN);
	for (int i = 0; i < WEATHER_SOCKETS; i++) {
		struct sockaddr_storage from;
		socklen_t from_size = sizeof from;
		ssize_t n;
		while ((n = recvfrom(w->sockets[i], data, sizeof data, 0, (struct sockaddr *)&from,
				&from_size)) >= 0) {
			const struct dpc_path path = {
				.local = w->addrs[i], .remote = from_sockaddr(&from)};
			travel(w, peer, now, WEATHER_IN, &path, data, (size_t)n);
			from_size = sizeof from;
		}
	}
}

void weather_send(struct weather *w, struct dpc_peer *peer, int64_t now)
{
	static char data[DPC_WRITE_BEST];
	struct dpc_path path;
	size_t segment, size;
	release(w, peer, now, WEATHER_OUT);
	while ((size = dpc_peer_write(peer, now, data, sizeof data, &path, &segment)) > 0)
		for (size_t at = 0; at < size; at += segment) {
			size_t one = size - at < segment ? size - at : segment;
			if (path.remote.transport == DPC_TCP)
				send_framed(&w->tcp, peer, now, &path, data + at, one);
			else
				travel(w, peer, now, WEATHER_OUT, &path, data + at, one);
		}
}
