/* A peer at the end of a pipe, for tests against other implementations: JSON lines on standard
 * input and output do the signalling, real UDP sockets on loopback the rest. It is also the
 * smallest program around dpc/peer.h: one poll() loop and no more.
 *
 *     dpc_peer --offer | --answer [--legacy] [--send N] [--close] [--size-max BYTES]
 *
 * Read:    {"description": SDP}  {"candidate": TEXT}  (empty TEXT: no more)  {"close": true}
 * Written: the first two, {"state": NAME}, {"open": LABEL}, {"verified": N, "bytes": B}, {"closed":
 * WHY, …}
 *
 * The offerer opens the channel "test". With --send N it sends N messages of 1 byte to --size-max,
 * text and binary in turn, and checks that each comes back as it was; without, it sends back
 * whatever comes. --close closes when all came back; else the other side closes. Exit 0: closed in
 * order, and all came back. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "dpc/peer.h"

#define SOCKETS 2
#define LINE_MAX 65536
#define SUMMARY_MAX 64
#define BUFFERED_MAX (1 << 20) /* wait when more than this is queued */

struct program {
	struct dpc_peer *peer;
	int sockets[SOCKETS];
	struct dpc_addr addrs[SOCKETS];
	bool offerer, close, have_channel, closed, failed;
	uint32_t to_send, sent, verified;
	uint64_t bytes;
	size_t size_max;
	uint16_t channel;
	char line[LINE_MAX];
	size_t line_size;
	char *echo; /* a message that could not be sent back yet */
	size_t echo_size;
	bool echo_binary, echo_waits;
};

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void fail(struct program *p, const char *what)
{
	fprintf(stderr, "dpc_peer: %s\n", what);
	p->failed = true;
	p->closed = true;
}

/* Takes the object. */
static void say(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

/* ---- Messages: message i follows from i ---- */

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352dU;
	x = (x ^ x >> 15) * 0x846ca68bU;
	return x ^ x >> 16;
}

/* Sizes from 1 to size_max, as many small as large; the first is the smallest, the second the
 * largest. */
static size_t make_message(const struct program *p, uint32_t index, char *data, bool *ret_binary)
{
	size_t most = p->size_max, size;
	if (index < 2) {
		size = index == 0 ? 1 : most;
	} else {
		size_t scale = (size_t)1 << mix(index) % 19;
		size = 1 + mix(index + 7777) % scale;
	}
	if (size > most)
		size = most;
	*ret_binary = index % 2;
	for (size_t i = 0; i < size; i++) {
		uint32_t value = mix((uint32_t)(index * 31 + i));
		data[i] = (char)(*ret_binary ? value & 0xff : 'a' + value % 26);
	}
	return size;
}

static void send_more(struct program *p)
{
	static char data[DPC_MESSAGE_MAX_DEFAULT];
	while (p->have_channel && p->sent < p->to_send &&
		dpc_peer_buffered(p->peer, p->channel) < BUFFERED_MAX) {
		bool binary;
		size_t size = make_message(p, p->sent, data, &binary);
		enum dpc_err err = dpc_peer_send(p->peer, now_us(), p->channel, binary, data, size);
		if (err == DPC_ERR_AGAIN)
			return;
		if (err) {
			fail(p, dpc_peer_err_text(err));
			return;
		}
		p->sent++;
	}
}

static void check_echo(struct program *p, const struct dpc_event *event)
{
	static char data[DPC_MESSAGE_MAX_DEFAULT];
	bool binary;
	size_t size = make_message(p, p->verified, data, &binary);
	if (p->verified >= p->sent || binary != event->binary || size != event->size ||
		memcmp(data, event->data, size) != 0) {
		fail(p, "a message came back as another");
		return;
	}
	p->verified++;
	p->bytes += size;
	if (p->verified < p->to_send)
		return;
	say(json_pack("{s:i, s:I}", "verified", (int)p->verified, "bytes", (json_int_t)p->bytes));
	if (p->close)
		dpc_peer_close(p->peer, now_us());
}

/* Sends back what is kept; true when nothing waits any more. */
static bool send_back(struct program *p)
{
	if (!p->echo_waits)
		return true;
	enum dpc_err err =
		dpc_peer_send(p->peer, now_us(), p->channel, p->echo_binary, p->echo, p->echo_size);
	if (err == DPC_ERR_AGAIN)
		return false;
	if (err)
		fail(p, dpc_peer_err_text(err));
	p->echo_waits = false;
	return true;
}

/* What goes back for a message: itself, or its size and the sum of its bytes as text where the
 * other side takes no message of that size. */
static void keep_for_echo(struct program *p, const struct dpc_event *event)
{
	struct dpc_stats stats;
	dpc_peer_stats(p->peer, &stats);
	char *copy = realloc(p->echo, event->size + SUMMARY_MAX);
	if (!copy) {
		fail(p, "out of memory");
		return;
	}
	p->echo = copy;
	p->echo_size = event->size;
	p->echo_binary = event->binary;
	if (event->size > stats.remote_message_max) {
		const uint8_t *bytes = event->data;
		unsigned long sum = 0;
		for (size_t i = 0; i < event->size; i++)
			sum += bytes[i];
		p->echo_size =
			(size_t)snprintf(copy, SUMMARY_MAX, "%zu bytes, sum %lu", event->size, sum);
		p->echo_binary = false;
	} else if (event->size > 0) {
		memcpy(copy, event->data, event->size);
	}
	p->channel = event->channel;
	p->echo_waits = true;
}

/* ---- Events ---- */

static void describe(struct program *p)
{
	static char sdp[DPC_SDP_MAX];
	enum dpc_err err = dpc_peer_local_description(p->peer, sdp, sizeof sdp);
	if (err)
		fail(p, dpc_peer_err_text(err));
	else
		say(json_pack("{s:s}", "description", sdp));
}

static void closed(struct program *p, const char *why)
{
	struct dpc_stats stats;
	dpc_peer_stats(p->peer, &stats);
	say(json_pack("{s:s, s:i, s:f, s:i}", "closed", why, "verified", (int)p->verified,
		"setup_ms", (double)stats.setup_us / 1000, "dropped", (int)stats.dropped));
	p->closed = true;
}

static void handle_event(struct program *p, const struct dpc_event *event)
{
	switch (event->type) {
	case DPC_EVENT_STATE:
		say(json_pack("{s:s}", "state", dpc_peer_state_name(event->state)));
		return;
	case DPC_EVENT_CANDIDATE:
		say(json_pack("{s:s}", "candidate", event->text));
		return;
	case DPC_EVENT_CHANNEL_OPEN:
		p->channel = event->channel;
		p->have_channel = true;
		say(json_pack("{s:s}", "open", dpc_peer_channel_label(p->peer, event->channel)));
		return;
	case DPC_EVENT_MESSAGE:
		if (p->to_send > 0)
			check_echo(p, event);
		else
			keep_for_echo(p, event);
		return;
	case DPC_EVENT_CHANNEL_CLOSED:
		say(json_pack("{s:i}", "channel_closed", (int)event->channel));
		return;
	case DPC_EVENT_CLOSED:
		closed(p, event->text);
		return;
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
		return;
	}
}

static void handle_line(struct program *p, const char *line)
{
	json_t *object = json_loads(line, 0, NULL);
	const char *sdp = json_string_value(json_object_get(object, "description"));
	const char *candidate = json_string_value(json_object_get(object, "candidate"));
	enum dpc_err err = DPC_OK;
	if (sdp) {
		err = dpc_peer_set_remote_description(p->peer, now_us(), sdp, strlen(sdp));
		if (!err && !p->offerer)
			describe(p);
	} else if (candidate) {
		err = dpc_peer_add_remote_candidate(
			p->peer, now_us(), candidate, strlen(candidate));
	} else if (json_is_true(json_object_get(object, "close"))) {
		dpc_peer_close(p->peer, now_us());
	} else {
		fail(p, "a line that is none of the known");
	}
	/* Candidates over TCP or with a host name are not for us, others may come twice. */
	if (err && err != DPC_ERR_UNSUPPORTED && err != DPC_ERR_EXISTS)
		fail(p, dpc_peer_err_text(err));
	json_decref(object);
}

/* ---- Input and output ---- */

static void read_lines(struct program *p)
{
	ssize_t n = read(STDIN_FILENO, p->line + p->line_size, LINE_MAX - 1 - p->line_size);
	if (n <= 0) {
		fail(p, "the other side of the pipe is gone");
		return;
	}
	p->line_size += (size_t)n;
	p->line[p->line_size] = 0;
	char *end;
	while ((end = memchr(p->line, '\n', p->line_size))) {
		*end = 0;
		handle_line(p, p->line);
		p->line_size -= (size_t)(end + 1 - p->line);
		memmove(p->line, end + 1, p->line_size + 1);
	}
}

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

static void receive_datagrams(struct program *p, int index)
{
	static char data[65536];
	struct sockaddr_storage from;
	socklen_t from_size = sizeof from;
	ssize_t n;
	while ((n = recvfrom(p->sockets[index], data, sizeof data, MSG_DONTWAIT,
			(struct sockaddr *)&from, &from_size)) >= 0) {
		const struct dpc_path path = {
			.local = p->addrs[index], .remote = from_sockaddr(&from)};
		dpc_peer_receive(p->peer, now_us(), &path, data, (size_t)n);
		from_size = sizeof from;
	}
}

static void send_datagrams(struct program *p)
{
	static char data[DPC_WRITE_BEST];
	struct dpc_path path;
	size_t segment, size;
	while ((size = dpc_peer_write(p->peer, now_us(), data, sizeof data, &path, &segment)) > 0) {
		struct sockaddr_storage to;
		socklen_t to_size = to_sockaddr(&path.remote, &to);
		int fd = p->sockets[path.remote.family == 4 ? 0 : 1];
		for (size_t at = 0; at < size; at += segment) {
			size_t n = size - at < segment ? size - at : segment;
			/* What the kernel refuses is lost, as on any network. */
			(void)!sendto(fd, data + at, n, 0, (struct sockaddr *)&to, to_size);
		}
	}
}

static void drain(struct program *p)
{
	struct dpc_event event;
	/* One message is kept until it went back: not pulling more is what slows the sender down.
	 */
	while (!p->closed && send_back(p) && dpc_peer_next_event(p->peer, &event))
		handle_event(p, &event);
	send_more(p);
	send_datagrams(p);
}

static void run(struct program *p)
{
	while (!p->closed) {
		drain(p);
		if (p->closed)
			break;
		int64_t wait = dpc_peer_deadline(p->peer) - now_us();
		int timeout = wait < 0 ? 0 : wait > 1000000 ? 1000 : (int)((wait + 999) / 1000);
		struct pollfd fds[SOCKETS + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
		for (int i = 0; i < SOCKETS; i++)
			fds[i + 1] = (struct pollfd){.fd = p->sockets[i], .events = POLLIN};
		if (poll(fds, SOCKETS + 1, timeout) < 0 && errno != EINTR)
			fail(p, strerror(errno));
		if (fds[0].revents)
			read_lines(p);
		for (int i = 0; i < SOCKETS; i++)
			if (fds[i + 1].revents)
				receive_datagrams(p, i);
		if (!p->closed)
			dpc_peer_advance(p->peer, now_us());
	}
	send_datagrams(p);
}

/* Sockets on both loopback addresses, as host candidates. */
static void open_sockets(struct program *p)
{
	const struct dpc_addr loopback[SOCKETS] = {
		{.family = 4, .ip = {127, 0, 0, 1}}, {.family = 6, .ip = {[15] = 1}}};
	for (int i = 0; i < SOCKETS; i++) {
		struct sockaddr_storage storage;
		socklen_t size = to_sockaddr(&loopback[i], &storage);
		int fd = socket(storage.ss_family, SOCK_DGRAM, 0), buffer = 4 << 20;
		p->sockets[i] = fd;
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
		if (bind(fd, (struct sockaddr *)&storage, size) < 0 ||
			getsockname(fd, (struct sockaddr *)&storage, &size) < 0) {
			close(fd);
			p->sockets[i] = -1;
			continue;
		}
		p->addrs[i] = from_sockaddr(&storage);
		if (dpc_peer_add_host(p->peer, now_us(), &p->addrs[i]) != DPC_OK)
			fail(p, "cannot add a candidate");
	}
	dpc_peer_end_of_candidates(p->peer, now_us());
}

int main(int argc, char **argv)
{
	static struct program p;
	static const struct option options[] = {{"offer", no_argument, NULL, 'o'},
		{"answer", no_argument, NULL, 'a'}, {"legacy", no_argument, NULL, 'l'},
		{"send", required_argument, NULL, 's'}, {"close", no_argument, NULL, 'c'},
		{"size-max", required_argument, NULL, 'm'}, {0}};
	struct dpc_peer_config config = {.unix_time = time(NULL)};
	p.size_max = DPC_MESSAGE_MAX_DEFAULT;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			p.offerer = true;
		else if (option == 'l')
			config.legacy_sdp = true;
		else if (option == 's')
			p.to_send = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'c')
			p.close = true;
		else if (option == 'm')
			p.size_max = strtoul(optarg, NULL, 10);
		else if (option != 'a')
			return 2;
	}
	config.offerer = p.offerer;
	if (p.size_max == 0 || p.size_max > DPC_MESSAGE_MAX_DEFAULT ||
		dpc_peer_create(&config, now_us(), &p.peer) != DPC_OK)
		return 2;
	open_sockets(&p);
	if (p.offerer) {
		const struct dpc_channel_config channel = {.label = "test"};
		if (dpc_peer_open_channel(p.peer, now_us(), &channel, &p.channel) != DPC_OK)
			fail(&p, "cannot open a channel");
		describe(&p);
	}
	run(&p);
	dpc_peer_destroy(p.peer);
	free(p.echo);
	return p.failed || p.verified < p.to_send;
}
