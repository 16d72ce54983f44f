#include "rtc_side.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noreturn)) void side_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

void side_must(enum err err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, err_text(err));
		exit(1);
	}
}

void side_must_dpc(enum dpc_err err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
			dpc_peer_err_text(err));
		exit(1);
	}
}

static usec cpu_us(void)
{
	struct rusage usage;
	CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	return ((usec)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USEC_PER_SEC +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static uint64_t rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char line[128], *at = line;
	if (!file || !fgets(line, sizeof(line), file))
		side_die("cannot read /proc/self/statm");
	fclose(file);
	(void)strtoul(at, &at, 10);
	return strtoul(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct counts side_count(const struct side *side)
{
	struct peer_io_stats stats;
	peer_io_stats(side->io, &stats);
	struct mallinfo2 heap = mallinfo2();
	return (struct counts){.at = net_now(),
		.bytes = side->bytes,
		.messages = side->messages,
		.closed = side->closed,
		.datagrams = stats.datagrams_in + stats.datagrams_out,
		.calls = stats.calls_in + stats.calls_out,
		.cpu = cpu_us(),
		.rss_bytes = rss_bytes(),
		.heap_bytes = heap.uordblks + heap.hblkhd};
}

/* ---- The other process ---- */

/* How a child ended, or minus one while it runs on. */
static int wait_a_little(pid_t child)
{
	int status;
	for (int i = 0; i < 100; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			return status;
		poll(NULL, 0, 10);
	}
	return -1;
}

/* It ends only when we do, so it has failed: says how, and so do we. */
__attribute__((noreturn)) static void die_with_other(struct side *side, const char *what)
{
	if (!side->offerer)
		side_die(what);
	int status = wait_a_little(side->child);
	if (status == -1) {
		kill(side->child, SIGKILL);
		side_die("the other process does not listen any more");
	}
	fprintf(stderr, "%s: the other process ended with %s %d: %s\n",
		program_invocation_short_name, WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), what);
	exit(1);
}

/* False when the other side does not keep up: the socket, which libuv has made non-blocking, is
 * full. */
static bool try_send(struct side *side, const struct control *control)
{
	size_t size = CONTROL_HEADER + control->size;
	ssize_t sent;
	do
		sent = send(side->fd, control, size, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN)
		return false;
	if (sent != (ssize_t)size)
		die_with_other(side, strerror(errno));
	return true;
}

/* What could not be sent at once, in order. */
struct unsent {
	struct list node;
	struct control control;
};

static void send_unsent(struct side *side)
{
	while (!list_is_empty(&side->unsent)) {
		struct unsent *unsent = CONTAINER_OF(side->unsent.next, struct unsent, node);
		if (!try_send(side, &unsent->control))
			return;
		list_remove(&unsent->node);
		free(unsent);
	}
	net_watch_set(side->watch, NET_READABLE);
}

static void control_send(struct side *side, const struct control *control)
{
	if (list_is_empty(&side->unsent) && try_send(side, control))
		return;
	struct unsent *unsent = calloc(1, sizeof(*unsent));
	CHECK(unsent);
	memcpy(&unsent->control, control, CONTROL_HEADER + control->size);
	list_push_back(&side->unsent, &unsent->node);
	net_watch_set(side->watch, NET_READABLE | NET_WRITABLE);
}

void side_tell(struct side *side, enum control_type type, uint32_t id, const char *text)
{
	static struct control control;
	memset(&control, 0, CONTROL_HEADER);
	control.type = type;
	control.id = id;
	control.at = net_now();
	control.size = (uint32_t)strlen(text);
	memcpy(control.text, text, control.size);
	control_send(side, &control);
}

static void tell_counts(struct side *side)
{
	struct control control = {.type = CONTROL_COUNTED, .counts = side_count(side)};
	control_send(side, &control);
}

struct counts side_count_other(struct side *side)
{
	side->has_counted = false;
	side_tell(side, CONTROL_COUNT, 0, "");
	while (!side->has_counted)
		net_loop_run_once(side->loop, net_now() + USEC_PER_SEC);
	return side->counted;
}

void side_run_for(struct side *side, usec duration)
{
	usec limit = net_now() + duration;
	while (net_now() < limit)
		net_loop_run_once(side->loop, limit);
}

/* ---- Connections ---- */

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user);

/* Both sides of every connection use the same two ports, so each connection has a loopback address
 * of its own at the answering side. */
void connection_create(struct side *side, struct connection *c, uint32_t id)
{
	struct peer_io_peer_config config = {.peer.offerer = side->offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.peer.mtu_max = side->mtu_max,
		.on_event = on_event,
		.user = c};
	*c = (struct connection){.side = side, .id = id};
	side_must(peer_io_peer_create(side->io, &config, &c->peer), "cannot create a peer");
	struct dpc_addr host = {.family = 4,
		.port = peer_io_local(side->io, ADDR_IPV4)->port,
		.ip = {127, 0, 0, 1}};
	if (!side->offerer) {
		host.ip[1] = 1;
		host.ip[2] = (uint8_t)(id / 250);
		host.ip[3] = (uint8_t)(1 + id % 250);
	}
	struct dpc_peer *dpc = peer_io_peer_dpc(c->peer);
	side_must_dpc(dpc_peer_add_host(dpc, net_now(), &host), "cannot add a host candidate");
	dpc_peer_end_of_candidates(dpc, net_now());
}

void connection_describe(struct connection *c)
{
	struct side *side = c->side;
	char sdp[DPC_SDP_MAX];
	side_must_dpc(dpc_peer_local_description(peer_io_peer_dpc(c->peer), sdp, sizeof(sdp)),
		"cannot describe");
	side_tell(side, side->offerer ? CONTROL_OFFER : CONTROL_ANSWER, c->id, sdp);
	peer_io_kick(c->peer);
}

void connection_destroy(struct connection *c)
{
	peer_io_peer_destroy(c->peer);
	*c = (struct connection){.side = c->side};
}

void connection_fill(struct connection *c)
{
	struct side *side = c->side;
	struct dpc_peer *dpc = peer_io_peer_dpc(c->peer);
	usec now = net_now();
	while (side->message_size > 0 &&
		dpc_peer_buffered(dpc, c->channel) + side->message_size <= BUFFERED_MAX) {
		enum dpc_err err = dpc_peer_send(
			dpc, now, c->channel, true, side->message, side->message_size);
		if (err == DPC_ERR_AGAIN)
			break;
		side_must_dpc(err, "cannot send");
	}
	peer_io_kick(c->peer);
}

void connection_ping(struct connection *c)
{
	struct side *side = c->side;
	side->ping_sent = net_now();
	side_must_dpc(dpc_peer_send(peer_io_peer_dpc(c->peer), side->ping_sent, c->channel, true,
			      side->message, 64),
		"cannot send");
	peer_io_kick(c->peer);
}

static void on_message(struct side *side, struct connection *c, const struct dpc_event *event)
{
	side->messages++;
	side->bytes += event->size;
	if (c->echo) {
		side_must_dpc(dpc_peer_send(peer_io_peer_dpc(c->peer), net_now(), event->channel,
				      event->binary, event->data, event->size),
			"cannot echo");
	} else if (side->pinging) {
		if (side->ping_count < PINGS_MAX)
			side->pings[side->ping_count++] = net_now() - side->ping_sent;
		connection_ping(c);
	}
}

static void count_connected(struct connection *c)
{
	if (c->open && c->remote_open)
		c->side->connected++;
}

static void on_open(struct side *side, struct connection *c, const struct dpc_event *event)
{
	struct dpc_peer *dpc = peer_io_peer_dpc(c->peer);
	const char *label = dpc_peer_channel_label(dpc, event->channel);
	c->channel = event->channel;
	c->echo = !side->offerer && label && strcmp(label, "echo") == 0;
	c->open = true;
	c->opened_at = net_now();
	dpc_peer_set_buffered_low(dpc, c->channel, BUFFERED_MAX / 2);
	if (!side->offerer)
		side_tell(side, CONTROL_OPENED, c->id, "");
	count_connected(c);
}

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct connection *c = user;
	struct side *side = c->side;
	(void)peer;
	switch (event->type) {
	case DPC_EVENT_CANDIDATE:
		side_tell(side, CONTROL_CANDIDATE, c->id, event->text);
		break;
	case DPC_EVENT_CHANNEL_OPEN:
		on_open(side, c, event);
		break;
	case DPC_EVENT_MESSAGE:
		on_message(side, c, event);
		break;
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
		connection_fill(c);
		break;
	case DPC_EVENT_CLOSED:
		if (side->offerer && !side->closing) {
			fprintf(stderr, "%s: a connection closed: %s\n",
				program_invocation_short_name, event->text);
			exit(1);
		}
		side->closed++;
		connection_destroy(c);
		break;
	case DPC_EVENT_STATE:
	case DPC_EVENT_PATH:
	case DPC_EVENT_CHANNEL_CLOSED:
		break;
	}
}

static void on_control(unsigned events, void *user)
{
	static struct control control;
	struct side *side = user;
	if (events & NET_WRITABLE)
		send_unsent(side);
	ssize_t size = recv(side->fd, &control, sizeof(control), MSG_DONTWAIT);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size < (ssize_t)CONTROL_HEADER) {
		/* The offerer has finished. The answerer never does before. */
		if (side->offerer)
			die_with_other(side, size < 0 ? strerror(errno) : "it has hung up");
		net_loop_stop(side->loop);
		return;
	}
	struct connection *c = &side->connections[control.id % side->capacity];
	usec now = net_now();
	switch ((enum control_type)control.type) {
	case CONTROL_OFFER:
		connection_create(side, c, control.id);
		side_must_dpc(dpc_peer_set_remote_description(
				      peer_io_peer_dpc(c->peer), now, control.text, control.size),
			"cannot read the offer");
		connection_describe(c);
		break;
	case CONTROL_ANSWER:
		side_must_dpc(dpc_peer_set_remote_description(
				      peer_io_peer_dpc(c->peer), now, control.text, control.size),
			"cannot read the answer");
		peer_io_kick(c->peer);
		break;
	case CONTROL_CANDIDATE:
		if (!c->peer)
			break;
		(void)dpc_peer_add_remote_candidate(
			peer_io_peer_dpc(c->peer), now, control.text, control.size);
		peer_io_kick(c->peer);
		break;
	case CONTROL_OPENED:
		c->remote_open = true;
		c->remote_opened_at = control.at;
		count_connected(c);
		break;
	case CONTROL_CLOSE:
		connection_destroy(c);
		break;
	case CONTROL_COUNT:
		tell_counts(side);
		break;
	case CONTROL_COUNTED:
		side->counted = control.counts;
		side->has_counted = true;
		break;
	}
}

/* ---- Life ---- */

static struct side *create(bool offerer, int fd, size_t capacity, uint32_t mtu_max)
{
	struct side *side = calloc(1, sizeof(*side));
	CHECK(side);
	side->offerer = offerer;
	side->fd = fd;
	side->capacity = capacity;
	side->mtu_max = mtu_max;
	side->connections = calloc(capacity, sizeof(*side->connections));
	CHECK(side->connections);
	list_init(&side->unsent);
	side_must(net_loop_create(&side->loop), "cannot make a loop");
	struct peer_io_config config = {.local4.family = ADDR_IPV4};
	side_must(peer_io_create(side->loop, &config, &side->io), "cannot open a socket");
	side_must(net_watch_create(side->loop, fd, NET_READABLE, on_control, side, &side->watch),
		"cannot watch");
	side->message = malloc(DPC_MESSAGE_MAX_DEFAULT);
	CHECK(side->message);
	memset(side->message, 'm', DPC_MESSAGE_MAX_DEFAULT);
	side->pings = calloc(PINGS_MAX, sizeof(*side->pings));
	CHECK(side->pings);
	return side;
}

static void destroy(struct side *side)
{
	peer_io_destroy(side->io);
	net_watch_destroy(side->watch);
	net_loop_destroy(side->loop);
	close(side->fd);
	struct list *node;
	while ((node = list_pop_front(&side->unsent)))
		free(CONTAINER_OF(node, struct unsent, node));
	free(side->message);
	free(side->pings);
	free(side->connections);
	free(side);
}

struct side *side_create(size_t capacity, uint32_t mtu_max)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		side_die("cannot make a socket pair");
	pid_t child = fork();
	if (child < 0)
		side_die("cannot fork");
	if (child == 0) {
		close(ends[0]);
		struct side *answerer = create(false, ends[1], capacity, mtu_max);
		net_loop_run(answerer->loop);
		destroy(answerer);
		exit(0);
	}
	close(ends[1]);
	struct side *offerer = create(true, ends[0], capacity, mtu_max);
	offerer->child = child;
	return offerer;
}

void side_destroy(struct side *side)
{
	pid_t child = side->child;
	destroy(side);
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		side_die("the answering process failed");
}
