/* Two processes, a data channel between them, and nothing but libdpc-peer and poll(2):
 *
 *     cc echo.c $(pkg-config --cflags --libs dpc-peer) -o echo
 *     mkfifo back && ./echo --offer <back | ./echo --answer >back
 *
 * The offerer sends a thousand messages, one when the last has come back, and closes. The two
 * descriptions travel through standard output and input, each ended by a line with a dot: that pipe
 * is the signalling. An IPv4 address of this machine as a last argument replaces 127.0.0.1. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <dpc/peer.h>

#define MESSAGES 1000

static int sent, returned;

static void fail(const char *what)
{
	fprintf(stderr, "echo: %s\n", what);
	exit(1);
}

static void check(enum dpc_err err)
{
	if (err != DPC_OK)
		fail(dpc_peer_err_text(err));
}

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct dpc_addr addr_of(const struct sockaddr_in *in)
{
	struct dpc_addr addr = {.family = 4, .port = ntohs(in->sin_port)};
	memcpy(addr.ip, &in->sin_addr, 4);
	return addr;
}

static int open_socket(const char *ip, struct dpc_addr *ret_local)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t size = sizeof in;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || inet_pton(AF_INET, ip, &in.sin_addr) != 1 ||
		bind(fd, (struct sockaddr *)&in, sizeof in) ||
		getsockname(fd, (struct sockaddr *)&in, &size))
		fail("no socket on that address");
	*ret_local = addr_of(&in);
	return fd;
}

static void write_description(struct dpc_peer *peer)
{
	static char sdp[DPC_SDP_MAX];
	check(dpc_peer_local_description(peer, sdp, sizeof sdp));
	printf("%s.\n", sdp);
	fflush(stdout);
}

static void read_description(struct dpc_peer *peer)
{
	static char sdp[DPC_SDP_MAX], line[1024];
	size_t size = 0;
	while (fgets(line, sizeof line, stdin) && strcmp(line, ".\n") != 0) {
		size_t more = strlen(line);
		if (size + more > sizeof sdp)
			fail("the description is too long");
		memcpy(sdp + size, line, more);
		size += more;
	}
	check(dpc_peer_set_remote_description(peer, now_us(), sdp, size));
}

static void send_next(struct dpc_peer *peer, uint16_t channel)
{
	char text[32];
	int size = snprintf(text, sizeof text, "message %d", ++sent);
	check(dpc_peer_send(peer, now_us(), channel, false, text, (size_t)size));
}

static void on_message(struct dpc_peer *peer, const struct dpc_event *event, bool offerer)
{
	if (!offerer)
		check(dpc_peer_send(
			peer, now_us(), event->channel, event->binary, event->data, event->size));
	else if (++returned == MESSAGES)
		dpc_peer_close(peer, now_us());
	else
		send_next(peer, event->channel);
}

/* Everything that happened; false when the peer is closed. */
static bool take_events(struct dpc_peer *peer, bool offerer)
{
	struct dpc_event event;
	while (dpc_peer_next_event(peer, &event)) {
		if (event.type == DPC_EVENT_CHANNEL_OPEN && offerer)
			send_next(peer, event.channel);
		if (event.type == DPC_EVENT_MESSAGE)
			on_message(peer, &event, offerer);
		if (event.type == DPC_EVENT_CLOSED)
			fprintf(stderr, "echo: closed: %s\n", event.text);
	}
	return dpc_peer_state(peer) != DPC_CLOSED;
}

/* A flight may hold many datagrams, all of one size but the last: UDP_SEGMENT would send it with
 * one call. */
static void send_all(struct dpc_peer *peer, int fd)
{
	static unsigned char data[DPC_WRITE_BEST];
	struct dpc_path path;
	size_t size, segment;
	while ((size = dpc_peer_write(peer, now_us(), data, sizeof data, &path, &segment)) > 0) {
		struct sockaddr_in to = {
			.sin_family = AF_INET, .sin_port = htons(path.remote.port)};
		memcpy(&to.sin_addr, path.remote.ip, 4);
		for (size_t at = 0; at < size;
			at += segment) /* what the network loses comes again */
			(void)sendto(fd, data + at, size - at < segment ? size - at : segment, 0,
				(struct sockaddr *)&to, sizeof to);
	}
}

static void receive_all(struct dpc_peer *peer, int fd, const struct dpc_addr *local)
{
	static unsigned char data[65536];
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	ssize_t n;
	while ((n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &size)) >= 0) {
		struct dpc_path path = {.local = *local, .remote = addr_of(&from)};
		dpc_peer_receive(peer, now_us(), &path, data, (size_t)n);
	}
}

static void wait_for(struct dpc_peer *peer, int fd)
{
	int64_t wait_us = dpc_peer_deadline(peer) - now_us();
	int wait_ms = wait_us <= 0 ? 0 : wait_us > 1000000 ? 1000 : (int)((wait_us + 999) / 1000);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	if (poll(&ready, 1, wait_ms) < 0 && errno != EINTR)
		fail("poll failed");
}

int main(int argc, char **argv)
{
	bool offerer = argc >= 2 && strcmp(argv[1], "--offer") == 0;
	if (!offerer && (argc < 2 || strcmp(argv[1], "--answer") != 0))
		fail("usage: echo --offer | --answer [ADDRESS]");
	struct dpc_addr local;
	int fd = open_socket(argc > 2 ? argv[2] : "127.0.0.1", &local);

	struct dpc_peer_config config = {.offerer = offerer, .unix_time = time(NULL)};
	struct dpc_peer *peer;
	uint16_t channel;
	check(dpc_peer_create(&config, now_us(), &peer));
	check(dpc_peer_add_host(peer, now_us(), &local));
	dpc_peer_end_of_candidates(peer, now_us());
	if (offerer) {
		check(dpc_peer_open_channel(
			peer, now_us(), &(struct dpc_channel_config){.label = "echo"}, &channel));
		write_description(peer);
		read_description(peer);
	} else {
		read_description(peer);
		write_description(peer);
	}
	while (take_events(peer, offerer)) {
		send_all(peer, fd);
		wait_for(peer, fd);
		receive_all(peer, fd, &local);
		dpc_peer_advance(peer, now_us());
	}
	send_all(peer, fd); /* the goodbye */
	dpc_peer_destroy(peer);
	close(fd);
	if (offerer)
		fprintf(stderr, "echo: %d of %d messages came back\n", returned, MESSAGES);
	return offerer && returned < MESSAGES;
}
