#include "weather.h"

#include <arpa/inet.h>
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

bool weather_open(struct weather *w, struct dpc_peer *peer, int64_t now)
{
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
	for (int i = 0; i < WEATHER_SOCKETS; i++)
		if (w->sockets[i] >= 0)
			close(w->sockets[i]);
}

void weather_poll(const struct weather *w, struct pollfd *fds)
{
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

void weather_receive(struct weather *w, struct dpc_peer *peer, int64_t now)
{
	static char data[WEATHER_DATAGRAM_MAX];
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
		for (size_t at = 0; at < size; at += segment)
			travel(w, peer, now, WEATHER_OUT, &path, data + at,
				size - at < segment ? size - at : segment);
}
