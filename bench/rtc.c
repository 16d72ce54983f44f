/* Measures our data channels: two processes, loopback, one UDP socket each.
 *
 *     rtc [--json] [--seconds N]
 *
 * The parent offers and sends, the child answers, counts and echoes; they signal over a socket
 * pair. Bulk and message rates are what the receiving side has taken within the time, CPU is that
 * of both processes; the sender keeps less than 1 MiB buffered. Set-up is from the creation of the
 * offering peer to the moment at which the channel is open at both ends. Idle figures are with 500
 * connections, the mean of both sides. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "node/peer_io.h"

#define SETUPS 60
#define IDLE_CONNECTIONS 500
#define BUFFERED_MAX ((size_t)1024 * 1024)
#define WARM_UP (300 * USEC_PER_MS)
#define PINGS_MAX 100000

/* ---- The two processes ---- */

enum control_type {
	CONTROL_OFFER,     /* text: the description */
	CONTROL_ANSWER,    /* likewise */
	CONTROL_CANDIDATE, /* text */
	CONTROL_OPENED,    /* at: when */
	CONTROL_CLOSE,     /* destroy the peer */
	CONTROL_COUNT,     /* asks for CONTROL_COUNTED */
	CONTROL_COUNTED,
};

struct control {
	uint32_t type, id;
	int64_t at;
	uint64_t bytes, messages;
	int64_t cpu_us;
	uint64_t rss_bytes;
	uint32_t size;
	char text[DPC_SDP_MAX];
};

#define CONTROL_HEADER offsetof(struct control, text)

struct connection {
	struct peer_io_peer *peer;
	uint32_t id;
	uint16_t channel;
	bool open, remote_open, echo;
	usec opened_at, remote_opened_at;
};

struct side {
	bool offerer;
	struct net_loop *loop;
	struct peer_io *io;
	struct net_watch *watch;
	int fd; /* to the other process */
	struct connection connections[IDLE_CONNECTIONS];
	uint64_t bytes, messages; /* received */
	struct control counted;   /* the other side's latest */
	bool has_counted;

	/* What the offerer is doing. */
	size_t message_size; /* 0: nothing is being sent */
	uint8_t *message;
	bool pinging;
	usec ping_sent;
	usec *pings;
	size_t ping_count;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "rtc: %s\n", what);
	exit(1);
}

static void must(enum err err, const char *what)
{
	if (err) {
		fprintf(stderr, "rtc: %s: %s\n", what, err_text(err));
		exit(1);
	}
}

static void must_dpc(enum dpc_err err, const char *what)
{
	if (err) {
		fprintf(stderr, "rtc: %s: %s\n", what, dpc_err_text(err));
		exit(1);
	}
}

static int64_t cpu_us(void)
{
	struct rusage usage;
	CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static uint64_t rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char line[128], *at = line;
	if (!file || !fgets(line, sizeof(line), file))
		die("cannot read /proc/self/statm");
	fclose(file);
	(void)strtoul(at, &at, 10);
	return strtoul(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void control_send(struct side *side, struct control *control)
{
	size_t size = CONTROL_HEADER + control->size;
	if (send(side->fd, control, size, MSG_NOSIGNAL) != (ssize_t)size)
		die("the other process is gone");
}

static void control_tell(struct side *side, enum control_type type, uint32_t id, const char *text)
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
	struct control control = {.type = CONTROL_COUNTED,
		.at = net_now(),
		.bytes = side->bytes,
		.messages = side->messages,
		.cpu_us = cpu_us(),
		.rss_bytes = rss_bytes()};
	control_send(side, &control);
}

/* ---- Connections ---- */

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user);

static struct side *the_side;

/* Both sides of every connection use the same two ports, so each connection has a loopback address
 * of its own at the answering side. */
static void create_peer(struct side *side, struct connection *c, uint32_t id)
{
	struct peer_io_peer_config config = {.peer.offerer = side->offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.on_event = on_event,
		.user = c};
	*c = (struct connection){.id = id};
	must(peer_io_peer_create(side->io, &config, &c->peer), "cannot create a peer");
	struct dpc_addr host = {.family = 4,
		.port = peer_io_local(side->io, ADDR_IPV4)->port,
		.ip = {127, 0, 0, 1}};
	if (!side->offerer) {
		host.ip[1] = 1;
		host.ip[2] = (uint8_t)(id / 250);
		host.ip[3] = (uint8_t)(1 + id % 250);
	}
	struct dpc_peer *dpc = peer_io_peer_dpc(c->peer);
	must_dpc(dpc_peer_add_host(dpc, net_now(), &host), "cannot add a host candidate");
	dpc_peer_end_of_candidates(dpc, net_now());
}

static void describe(struct side *side, struct connection *c)
{
	char sdp[DPC_SDP_MAX];
	must_dpc(dpc_peer_local_description(peer_io_peer_dpc(c->peer), sdp, sizeof(sdp)),
		"cannot describe");
	control_tell(side, side->offerer ? CONTROL_OFFER : CONTROL_ANSWER, c->id, sdp);
	peer_io_kick(c->peer);
}

static void destroy_peer(struct connection *c)
{
	peer_io_peer_destroy(c->peer);
	*c = (struct connection){0};
}

static void fill(struct side *side, struct connection *c)
{
	struct dpc_peer *dpc = peer_io_peer_dpc(c->peer);
	usec now = net_now();
	while (side->message_size > 0 &&
		dpc_peer_buffered(dpc, c->channel) + side->message_size <= BUFFERED_MAX) {
		enum dpc_err err = dpc_peer_send(
			dpc, now, c->channel, true, side->message, side->message_size);
		if (err == DPC_ERR_AGAIN)
			break;
		must_dpc(err, "cannot send");
	}
	peer_io_kick(c->peer);
}

static void ping(struct side *side, struct connection *c)
{
	side->ping_sent = net_now();
	must_dpc(dpc_peer_send(peer_io_peer_dpc(c->peer), side->ping_sent, c->channel, true,
			 side->message, 64),
		"cannot send");
	peer_io_kick(c->peer);
}

static void on_message(struct side *side, struct connection *c, const struct dpc_event *event)
{
	side->messages++;
	side->bytes += event->size;
	if (c->echo) {
		must_dpc(dpc_peer_send(peer_io_peer_dpc(c->peer), net_now(), event->channel,
				 event->binary, event->data, event->size),
			"cannot echo");
	} else if (side->pinging) {
		if (side->ping_count < PINGS_MAX)
			side->pings[side->ping_count++] = net_now() - side->ping_sent;
		ping(side, c);
	}
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
		control_tell(side, CONTROL_OPENED, c->id, "");
}

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct side *side = the_side;
	struct connection *c = user;
	(void)peer;
	switch (event->type) {
	case DPC_EVENT_CANDIDATE:
		control_tell(side, CONTROL_CANDIDATE, c->id, event->text);
		break;
	case DPC_EVENT_CHANNEL_OPEN:
		on_open(side, c, event);
		break;
	case DPC_EVENT_MESSAGE:
		on_message(side, c, event);
		break;
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
		fill(side, c);
		break;
	case DPC_EVENT_CLOSED:
		if (side->offerer) {
			fprintf(stderr, "rtc: a connection closed: %s\n", event->text);
			exit(1);
		}
		destroy_peer(c);
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
	(void)events;
	ssize_t size = recv(side->fd, &control, sizeof(control), MSG_DONTWAIT);
	if (size < 0 && errno == EAGAIN)
		return;
	if (size < (ssize_t)CONTROL_HEADER) {
		net_loop_stop(side->loop);
		return;
	}
	struct connection *c = &side->connections[control.id % IDLE_CONNECTIONS];
	usec now = net_now();
	switch ((enum control_type)control.type) {
	case CONTROL_OFFER:
		create_peer(side, c, control.id);
		must_dpc(dpc_peer_set_remote_description(
				 peer_io_peer_dpc(c->peer), now, control.text, control.size),
			"cannot read the offer");
		describe(side, c);
		break;
	case CONTROL_ANSWER:
		must_dpc(dpc_peer_set_remote_description(
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
		break;
	case CONTROL_CLOSE:
		destroy_peer(c);
		break;
	case CONTROL_COUNT:
		tell_counts(side);
		break;
	case CONTROL_COUNTED:
		memcpy(&side->counted, &control, CONTROL_HEADER);
		side->has_counted = true;
		break;
	}
}

static struct side *side_create(bool offerer, int fd)
{
	struct side *side = calloc(1, sizeof(*side));
	CHECK(side);
	side->offerer = offerer;
	side->fd = fd;
	the_side = side;
	must(net_loop_create(&side->loop), "cannot make a loop");
	struct peer_io_config config = {.local4.family = ADDR_IPV4};
	must(peer_io_create(side->loop, &config, &side->io), "cannot open a socket");
	must(net_watch_create(side->loop, fd, NET_READABLE, on_control, side, &side->watch),
		"cannot watch");
	side->message = malloc(DPC_MESSAGE_MAX_DEFAULT);
	CHECK(side->message);
	memset(side->message, 'm', DPC_MESSAGE_MAX_DEFAULT);
	side->pings = calloc(PINGS_MAX, sizeof(*side->pings));
	CHECK(side->pings);
	return side;
}

static void side_destroy(struct side *side)
{
	peer_io_destroy(side->io);
	net_watch_destroy(side->watch);
	net_loop_destroy(side->loop);
	close(side->fd);
	free(side->message);
	free(side->pings);
	free(side);
}

/* ---- Measuring ---- */

struct result {
	double bulk_MBps, bulk_cpu_s_per_GB;
	double msgs_200B_per_s, msgs_10k_per_s, msgs_100k_per_s;
	double rtt_us_p50, rtt_us_p99;
	double setup_ms_p50, setup_ms_max;
	double kib_per_connection, idle_cpu_percent;
};

static void run_for(struct side *side, usec duration)
{
	usec limit = net_now() + duration;
	while (net_now() < limit)
		net_loop_run_once(side->loop, limit);
}

static struct connection *begin(struct side *side, uint32_t id, const char *label)
{
	struct connection *c = &side->connections[id % IDLE_CONNECTIONS];
	create_peer(side, c, id);
	struct dpc_channel_config config = {.label = label};
	must_dpc(dpc_peer_open_channel(peer_io_peer_dpc(c->peer), net_now(), &config, &c->channel),
		"cannot open a channel");
	describe(side, c);
	return c;
}

static void wait_open(struct side *side, const struct connection *c)
{
	usec limit = net_now() + 30 * USEC_PER_SEC;
	while (!c->open || !c->remote_open) {
		if (net_now() > limit)
			die("a connection is not up after 30 seconds");
		net_loop_run_once(side->loop, limit);
	}
}

static void end(struct side *side, struct connection *c)
{
	control_tell(side, CONTROL_CLOSE, c->id, "");
	destroy_peer(c);
}

static struct control count(struct side *side)
{
	side->has_counted = false;
	control_tell(side, CONTROL_COUNT, 0, "");
	while (!side->has_counted)
		net_loop_run_once(side->loop, net_now() + USEC_PER_SEC);
	return side->counted;
}

static int compare_usec(const void *a, const void *b)
{
	usec x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* In thousandths, of sorted values. */
static usec quantile(const usec *sorted, size_t n, size_t thousandth)
{
	return n > 0 ? sorted[(n - 1) * thousandth / 1000] : 0;
}

static void measure_setup(struct side *side, struct result *result)
{
	usec times[SETUPS];
	for (uint32_t i = 0; i < SETUPS; i++) {
		usec begun = net_now();
		struct connection *c = begin(side, i, "setup");
		wait_open(side, c);
		times[i] = usec_max(c->opened_at, c->remote_opened_at) - begun;
		end(side, c);
	}
	qsort(times, SETUPS, sizeof(times[0]), compare_usec);
	result->setup_ms_p50 = (double)quantile(times, SETUPS, 500) / 1000;
	result->setup_ms_max = (double)times[SETUPS - 1] / 1000;
}

struct rate {
	double bytes, messages; /* a second */
	double cpu_s_per_GB;
};

static struct rate measure_rate(struct side *side, size_t size, usec duration)
{
	static uint32_t id = SETUPS;
	struct connection *c = begin(side, id++, "sink");
	wait_open(side, c);
	side->message_size = size;
	fill(side, c);
	run_for(side, WARM_UP);
	struct control before = count(side);
	int64_t cpu_before = cpu_us();
	run_for(side, duration);
	struct control after = count(side);
	int64_t cpu = cpu_us() - cpu_before + after.cpu_us - before.cpu_us;
	side->message_size = 0;
	end(side, c);
	double seconds = (double)(after.at - before.at) / 1e6;
	double bytes = (double)(after.bytes - before.bytes);
	return (struct rate){.bytes = bytes / seconds,
		.messages = (double)(after.messages - before.messages) / seconds,
		.cpu_s_per_GB = bytes > 0 ? (double)cpu / 1e6 / (bytes / 1e9) : 0};
}

static void measure_rtt(struct side *side, usec duration, struct result *result)
{
	struct connection *c = begin(side, 2 * SETUPS, "echo");
	wait_open(side, c);
	side->pinging = true;
	ping(side, c);
	run_for(side, WARM_UP);
	side->ping_count = 0;
	run_for(side, duration);
	side->pinging = false;
	end(side, c);
	qsort(side->pings, side->ping_count, sizeof(usec), compare_usec);
	result->rtt_us_p50 = (double)quantile(side->pings, side->ping_count, 500);
	result->rtt_us_p99 = (double)quantile(side->pings, side->ping_count, 990);
}

static void measure_idle(struct side *side, usec duration, struct result *result)
{
	struct control before = count(side);
	uint64_t rss_before = rss_bytes();
	for (uint32_t i = 0; i < IDLE_CONNECTIONS; i++)
		wait_open(side, begin(side, i, "idle"));
	run_for(side, USEC_PER_SEC);
	struct control idle = count(side);
	uint64_t rss = rss_bytes() - rss_before + idle.rss_bytes - before.rss_bytes;
	result->kib_per_connection = (double)rss / 2 / 1024 / IDLE_CONNECTIONS;

	int64_t cpu = cpu_us();
	run_for(side, usec_max(duration, 5 * USEC_PER_SEC));
	struct control after = count(side);
	cpu = cpu_us() - cpu + after.cpu_us - idle.cpu_us;
	result->idle_cpu_percent = 100.0 * (double)cpu / 2 / (double)(after.at - idle.at);
}

static struct result measure(struct side *side, usec duration)
{
	struct result result = {0};
	/* First, while memory is as small as in a process that has done nothing else. */
	measure_idle(side, duration, &result);
	for (size_t i = 0; i < IDLE_CONNECTIONS; i++)
		end(side, &side->connections[i]);
	measure_setup(side, &result);
	struct rate bulk = measure_rate(side, 16384, duration);
	result.bulk_MBps = bulk.bytes / 1e6;
	result.bulk_cpu_s_per_GB = bulk.cpu_s_per_GB;
	result.msgs_200B_per_s = measure_rate(side, 200, duration).messages;
	result.msgs_10k_per_s = measure_rate(side, 10000, duration).messages;
	result.msgs_100k_per_s = measure_rate(side, 100000, duration).messages;
	measure_rtt(side, duration, &result);
	return result;
}

/* ---- Telling ---- */

static void print_json(const struct result *r)
{
	printf("{\"bulk_MBps\": %.1f, \"bulk_cpu_s_per_GB\": %.2f, \"msgs_200B_per_s\": %.0f, "
	       "\"msgs_10k_per_s\": %.0f, \"msgs_100k_per_s\": %.0f, \"rtt_us_p50\": %.0f, "
	       "\"rtt_us_p99\": %.0f, \"setup_ms_p50\": %.2f, \"kib_per_connection\": %.1f, "
	       "\"idle_cpu_percent\": %.2f}\n",
		r->bulk_MBps, r->bulk_cpu_s_per_GB, r->msgs_200B_per_s, r->msgs_10k_per_s,
		r->msgs_100k_per_s, r->rtt_us_p50, r->rtt_us_p99, r->setup_ms_p50,
		r->kib_per_connection, r->idle_cpu_percent);
}

static void print_table(const struct result *r)
{
	printf("data channels, two processes, loopback\n\n"
	       "  bulk, 16 KiB messages          %10.1f MB/s\n"
	       "  CPU, both sides                %10.2f s/GB\n"
	       "  messages of 200 B              %10.0f /s\n"
	       "  messages of 10 kB              %10.0f /s\n"
	       "  messages of 100 kB             %10.0f /s\n"
	       "  round trip of 64 B, p50 / p99  %10.0f / %.0f us\n"
	       "  set-up, median / slowest of %d %10.2f / %.2f ms\n"
	       "  memory of an idle connection   %10.1f KiB a side\n"
	       "  CPU of %d idle connections    %10.2f %% of a core, a side\n",
		r->bulk_MBps, r->bulk_cpu_s_per_GB, r->msgs_200B_per_s, r->msgs_10k_per_s,
		r->msgs_100k_per_s, r->rtt_us_p50, r->rtt_us_p99, SETUPS, r->setup_ms_p50,
		r->setup_ms_max, r->kib_per_connection, IDLE_CONNECTIONS, r->idle_cpu_percent);
}

static int wrong_usage(void)
{
	fprintf(stderr, "usage: rtc [--json] [--seconds N]\n");
	return 2;
}

int main(int argc, char **argv)
{
	bool json = false;
	uint32_t seconds = 3;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			if (!text_to_u32(argv[++i], &seconds) || seconds == 0 || seconds > 3600)
				return wrong_usage();
		} else {
			return wrong_usage();
		}
	}
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		die("cannot make a socket pair");
	pid_t child = fork();
	if (child < 0)
		die("cannot fork");
	if (child == 0) {
		close(ends[0]);
		struct side *answerer = side_create(false, ends[1]);
		net_loop_run(answerer->loop);
		side_destroy(answerer);
		return 0;
	}
	close(ends[1]);
	struct side *offerer = side_create(true, ends[0]);
	struct result result = measure(offerer, (usec)seconds * USEC_PER_SEC);
	side_destroy(offerer);
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		die("the answering process failed");
	if (json)
		print_json(&result);
	else
		print_table(&result);
	return 0;
}
