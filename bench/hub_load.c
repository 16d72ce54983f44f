/* Loads a hub, or another server that relays signals, and says what it can take; bench/hub.py
 * starts both and reads the figures.
 *
 *     hub_load DIALECT PORT PID SOCKETS PAIRS SECONDS <LOGINS
 *
 * A line of the input is a node's id and its token. One after the other are measured: opening all
 * the sockets, WINDOW at a time, and what memory the server took for them; the rate at which PAIRS
 * of them pass signals, each socket having BURST under way, as a node that sends an offer and its
 * candidates, and each having one; how long a signal takes at half of either rate, in bursts and
 * each on its own, evenly spaced; and plain requests with a token, REST_CONNECTIONS at a time. The
 * sockets that have nothing to do stay open all the while. CPU time is the server's, from /proc.
 *
 * Signals that are spaced are so whether or not those before them have arrived, and the time of one
 * begins when it was due: if this program is late, what it measures is not better for that. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/usec.h"
#include "load_socket.h"

/* Sockets in the making, signals of a burst, and requests at once. */
#define WINDOW 64
#define BURST 8
#define REST_CONNECTIONS 32
#define EVENTS_MAX 64
/* Before it counts. */
#define WARM_UP (500 * USEC_PER_MS)
/* Nothing gets on for so long: it hangs. */
#define PATIENCE (30 * USEC_PER_SEC)
/* Longer ones count as so long. */
#define LATENCY_MAX (2 * USEC_PER_SEC)
/* How long the wait for signals may be between two looks at what is due. */
#define STEP_NS 100000

/* How one has to talk to a server; %s: id, token. */
struct dialect {
	const char *name, *socket, *signal, *rest;
	bool has_bearer;
};

#define ENVELOPE                                                                                   \
	"{\"type\":\"signal\",\"target_node_id\":\"%s\",\"payload\":{\"type\":\"bench\",\"t\":\""
static const struct dialect dialects[] = {
	{"dpc", "/ws/signal", ENVELOPE, "/users/me", true},
	{"fastapi", "/ws/signal", ENVELOPE, "/users/me", true},
	{"peerjs", "/peerjs?key=peerjs&id=%s&token=%s&version=1.5.5",
		"{\"type\":\"OFFER\",\"dst\":\"%s\",\"payload\":{\"type\":\"bench\",\"t\":\"",
		"/peerjs/id", false},
};

struct login {
	char id[64], token[512];
};

struct load {
	const struct dialect *dialect;
	struct login *logins;
	uint32_t port, pid, sockets, pairs, seconds;
	int epoll;
	struct load_socket *connections;
	size_t opened, started;
	/* The present phase. */
	bool is_loop;      /* each signal that comes is followed by another */
	uint64_t received; /* signals, or answers */
	uint64_t *latencies;
};

/* How signals got through that were offered at some rate. */
struct relay {
	double per_s, cpu_us;
	usec p50, p99;
};

struct result {
	double connects_per_s, connect_cpu_us, kib_per_socket;
	double signals_per_s, signal_cpu_us; /* in bursts */
	double lone_per_s, lone_cpu_us;      /* one at a time */
	struct relay burst;                  /* bursts, at half of their rate */
	struct relay lone;                   /* one at a time, at half of theirs */
	struct relay half;                   /* one at a time, at half of that of bursts */
	double rest_per_s, rest_cpu_us;
};

static usec now_us(void)
{
	struct timespec now;
	CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (usec)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

/* ---- The server, from outside ---- */

static void read_proc(const struct load *load, const char *name, char *text, size_t capacity)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%u/%s", load->pid, name);
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(text, 1, capacity - 1, file) : 0;
	if (file)
		fclose(file);
	if (size == 0)
		load_die("the server is gone");
	text[size] = 0;
}

static double memory_kib(const struct load *load)
{
	char text[4096];
	read_proc(load, "status", text, sizeof text);
	const char *line = strstr(text, "VmRSS:");
	return line ? (double)strtoul(line + 6, NULL, 10) : 0;
}

static usec cpu_us(const struct load *load)
{
	char text[1024];
	read_proc(load, "stat", text, sizeof text);
	/* Behind the name, which may hold anything: fields 14 and 15 of all. */
	const char *field = strrchr(text, ')');
	for (int i = 2; field && i < 14; i++)
		field = strchr(field + 1, ' ');
	if (!field)
		load_die("cannot read /proc/%u/stat", load->pid);
	char *end;
	unsigned long user = strtoul(field, &end, 10), system = strtoul(end, NULL, 10);
	return (usec)(user + system) * USEC_PER_SEC / sysconf(_SC_CLK_TCK);
}

/* ---- What happens ---- */

static struct load_socket *partner(const struct load *load, const struct load_socket *socket)
{
	return &load->connections[(size_t)(socket - load->connections) ^ 1];
}

static void on_opened(struct load_socket *socket, void *user)
{
	struct load *load = user;
	(void)socket;
	load->opened++;
}

static void on_message(struct load_socket *socket, struct bytes text, void *user)
{
	struct load *load = user;
	usec now = now_us(), taken = now - (usec)load_stamp(text);
	load->received++;
	load->latencies[usec_max(0, usec_min(taken, LATENCY_MAX - 1))]++;
	if (load->is_loop)
		load_send(partner(load, socket), (uint64_t)now, 1);
}

static void on_answered(struct load_socket *socket, void *user)
{
	struct load *load = user;
	load->received++;
	if (load->is_loop)
		load_ask(socket);
}

static void watch(struct load *load, struct load_socket *socket, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = socket};
	if (epoll_ctl(load->epoll, operation, socket->fd, &event) != 0)
		load_die("epoll: %s", strerror(errno));
}

/* Waits for something, and deals with it. False: nothing happened. */
static bool serve(struct load *load, long wait_ns)
{
	const struct load_handler handler = {
		.opened = on_opened, .message = on_message, .answered = on_answered, .user = load};
	struct epoll_event events[EVENTS_MAX];
	struct timespec wait = {.tv_nsec = wait_ns};
	int count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &wait, NULL);
	for (int i = 0; i < count; i++) {
		struct load_socket *socket = events[i].data.ptr;
		bool was_connecting = socket->state == LOAD_CONNECTING;
		load_event(socket, events[i].events & EPOLLOUT, &handler);
		if (was_connecting && socket->state != LOAD_CONNECTING)
			watch(load, socket, EPOLL_CTL_MOD, EPOLLIN);
	}
	return count > 0;
}

/* Dies when nothing happens for too long. */
static void serve_until(struct load *load, usec deadline)
{
	usec since = now_us();
	for (usec now = since; now < deadline; now = now_us()) {
		if (serve(load, 100 * 1000000L))
			since = now;
		if (now - since > PATIENCE)
			load_die("nothing gets on with %zu sockets", load->opened);
	}
}

/* ---- Sockets ---- */

static char *request_of(
	const struct load *load, const char *path, const char *token, bool is_socket)
{
	char *bearer = load->dialect->has_bearer
			       ? text_format("Authorization: Bearer %s\r\n", token)
			       : text_duplicate("");
	char *text = text_format("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s%s\r\n", path,
		load->port, bearer,
		is_socket ? "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			    "Sec-WebSocket-Version: 13\r\n"
			    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			  : "");
	CHECK(text);
	free(bearer);
	return text;
}

/* A text with the first two "%s" filled in. */
static char *fill(const char *template, const char *first, const char *second)
{
	const char *a = strstr(template, "%s"), *b = a ? strstr(a + 2, "%s") : NULL;
	if (!a)
		return text_duplicate(template);
	if (!b)
		return text_format("%.*s%s%s", (int)(a - template), template, first, a + 2);
	return text_format("%.*s%s%.*s%s%s", (int)(a - template), template, first, (int)(b - a - 2),
		a + 2, second, b + 2);
}

static void prepare_signal(struct load *load, size_t i)
{
	struct load_socket *socket = &load->connections[i];
	static const char tail[] = "0000000000000000\",\"x\":\"";
	char *envelope = fill(load->dialect->signal, load->logins[i ^ 1].id, "");
	socket->stamp = strlen(envelope);
	socket->signal = malloc(LOAD_SIGNAL_SIZE + 1);
	CHECK(socket->signal);
	CHECK(socket->stamp + sizeof tail + 3 < LOAD_SIGNAL_SIZE);
	memset(socket->signal, 'x', LOAD_SIGNAL_SIZE);
	memcpy(socket->signal, envelope, socket->stamp);
	memcpy(socket->signal + socket->stamp, tail, sizeof tail - 1);
	memcpy(socket->signal + LOAD_SIGNAL_SIZE - 3, "\"}}", 3);
	free(envelope);
}

static void begin(
	struct load *load, struct load_socket *socket, const char *path, size_t i, bool is_socket)
{
	const struct login *login = &load->logins[i];
	char *filled = fill(path, login->id, login->token);
	load_connect(
		socket, (uint16_t)load->port, i, request_of(load, filled, login->token, is_socket));
	free(filled);
	watch(load, socket, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void open_all(struct load *load, struct result *result)
{
	double memory = memory_kib(load);
	usec begun = now_us(), cpu = cpu_us(load), since = begun;
	while (load->opened < load->sockets) {
		while (load->started < load->sockets && load->started - load->opened < WINDOW) {
			begin(load, &load->connections[load->started], load->dialect->socket,
				load->started, true);
			load->started++;
		}
		if (serve(load, 100 * 1000000L))
			since = now_us();
		if (now_us() - since > PATIENCE)
			load_die("nothing gets on after %zu sockets", load->opened);
	}
	result->connects_per_s = load->sockets * 1e6 / (double)(now_us() - begun);
	result->connect_cpu_us = (double)(cpu_us(load) - cpu) / load->sockets;
	result->kib_per_socket = (memory_kib(load) - memory) / load->sockets;
}

/* ---- Signals ---- */

/* What was received in the phase's time, a second; and the server's CPU for each. */
static double count_for(struct load *load, usec span, double *ret_cpu_us)
{
	usec begun = now_us(), cpu = cpu_us(load);
	uint64_t before = load->received;
	serve_until(load, begun + span);
	usec taken = now_us() - begun;
	uint64_t count = load->received - before;
	if (count == 0)
		load_die("nothing is relayed");
	*ret_cpu_us = (double)(cpu_us(load) - cpu) / (double)count;
	return (double)count * 1e6 / (double)taken;
}

/* Until nothing is under way any more. */
static void settle(struct load *load)
{
	load->is_loop = false;
	while (serve(load, 300 * 1000000L))
		;
}

/* As fast as they go, while each socket has `depth` under way. */
static double saturate(struct load *load, size_t depth, double *ret_cpu_us)
{
	load->is_loop = true;
	for (size_t i = 0; i < 2 * (size_t)load->pairs; i++) {
		load_send(&load->connections[i], (uint64_t)now_us(), depth);
		(void)serve(load, 0);
	}
	serve_until(load, now_us() + WARM_UP);
	double per_s = count_for(load, load->seconds * USEC_PER_SEC, ret_cpu_us);
	settle(load);
	return per_s;
}

static usec quantile(const struct load *load, uint64_t thousandth)
{
	uint64_t count = 0, seen = 0;
	for (size_t i = 0; i < LATENCY_MAX; i++)
		count += load->latencies[i];
	for (usec i = 0; i < LATENCY_MAX; i++) {
		seen += load->latencies[i];
		if (seen * 1000 >= count * thousandth)
			return i;
	}
	return LATENCY_MAX;
}

/* `rate` a second, `burst` at a time and evenly; whoever is next sends them. */
static void pace(struct load *load, double rate, size_t burst, usec span)
{
	static size_t next;
	double interval = (double)burst * 1e6 / rate;
	usec begun = now_us(), now = begun;
	uint64_t bursts = 0;
	while (now < begun + span) {
		usec due = begun + (usec)((double)bursts * interval);
		/* A few at most before what has come is looked at. */
		for (int i = 0; i < EVENTS_MAX && due <= now; i++) {
			load_send(&load->connections[next], (uint64_t)due, burst);
			next = (next + 1) % (2 * (size_t)load->pairs);
			bursts++;
			due = begun + (usec)((double)bursts * interval);
		}
		(void)serve(load, STEP_NS);
		now = now_us();
	}
}

static struct relay measure_relay(struct load *load, double rate, size_t burst)
{
	struct relay relay;
	pace(load, rate, burst, WARM_UP);
	memset(load->latencies, 0, LATENCY_MAX * sizeof load->latencies[0]);
	usec begun = now_us(), cpu = cpu_us(load);
	uint64_t before = load->received;
	pace(load, rate, burst, load->seconds * USEC_PER_SEC);
	uint64_t count = load->received - before;
	if (count == 0)
		load_die("nothing is relayed at half load");
	relay.per_s = (double)count * 1e6 / (double)(now_us() - begun);
	relay.cpu_us = (double)(cpu_us(load) - cpu) / (double)count;
	relay.p50 = quantile(load, 500);
	relay.p99 = quantile(load, 990);
	settle(load);
	return relay;
}

static void measure_signals(struct load *load, struct result *result)
{
	result->signals_per_s = saturate(load, BURST, &result->signal_cpu_us);
	result->burst = measure_relay(load, result->signals_per_s / 2, BURST);
	result->lone_per_s = saturate(load, 1, &result->lone_cpu_us);
	result->lone = measure_relay(load, result->lone_per_s / 2, 1);
	result->half = measure_relay(load, result->signals_per_s / 2, 1);
}

static void measure_rest(struct load *load, struct result *result)
{
	struct load_socket *asking = &load->connections[load->sockets];
	load->is_loop = true;
	for (size_t i = 0; i < REST_CONNECTIONS; i++)
		begin(load, &asking[i], load->dialect->rest, i, false);
	serve_until(load, now_us() + WARM_UP);
	result->rest_per_s = count_for(load, load->seconds * USEC_PER_SEC, &result->rest_cpu_us);
	settle(load);
}

/* ---- The whole ---- */

static void print_relay(const char *name, const struct relay *relay)
{
	printf("\"%s_per_s\":%.0f,\"%s_cpu_us\":%.2f,\"%s_us_p50\":%lld,\"%s_us_p99\":%lld,", name,
		relay->per_s, name, relay->cpu_us, name, (long long)relay->p50, name,
		(long long)relay->p99);
}

static void print(const struct load *load, const struct result *r)
{
	printf("{\"sockets\":%u,\"kib_per_socket\":%.2f,\"connects_per_s\":%.0f,"
	       "\"connect_cpu_us\":%.1f,\"signals_per_s\":%.0f,\"signal_cpu_us\":%.2f,"
	       "\"lone_per_s\":%.0f,\"lone_cpu_us\":%.2f,",
		load->sockets, r->kib_per_socket, r->connects_per_s, r->connect_cpu_us,
		r->signals_per_s, r->signal_cpu_us, r->lone_per_s, r->lone_cpu_us);
	print_relay("burst_relay", &r->burst);
	print_relay("lone_relay", &r->lone);
	print_relay("relay", &r->half);
	printf("\"rest_per_s\":%.0f,\"rest_cpu_us\":%.1f}\n", r->rest_per_s, r->rest_cpu_us);
}

static void read_logins(struct load *load)
{
	load->logins = calloc(load->sockets, sizeof load->logins[0]);
	CHECK(load->logins);
	for (size_t i = 0; i < load->sockets; i++) {
		char line[sizeof(struct login)];
		struct login *login = &load->logins[i];
		size_t space;
		if (!fgets(line, sizeof line, stdin) ||
			(space = strcspn(line, " ")) == strlen(line))
			load_die("only %zu logins", i);
		line[strcspn(line, "\n")] = 0;
		line[space] = 0;
		if (!text_copy(login->id, sizeof login->id, line) ||
			!text_copy(login->token, sizeof login->token, line + space + 1))
			load_die("login %zu is too long", i);
	}
}

static void create(struct load *load)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->connections = calloc(load->sockets + REST_CONNECTIONS, sizeof load->connections[0]);
	load->latencies = calloc(LATENCY_MAX, sizeof load->latencies[0]);
	CHECK(load->epoll >= 0);
	CHECK(load->connections);
	CHECK(load->latencies);
	for (size_t i = 0; i < 2 * (size_t)load->pairs; i++)
		prepare_signal(load, i);
}

static void destroy(struct load *load)
{
	for (size_t i = 0; i < load->sockets + REST_CONNECTIONS; i++)
		load_close(&load->connections[i]);
	close(load->epoll);
	free(load->connections);
	free(load->latencies);
	free(load->logins);
}

int main(int argc, char **argv)
{
	struct load load = {0};
	struct result result = {0};
	for (size_t i = 0; argc == 7 && i < sizeof dialects / sizeof dialects[0]; i++)
		if (strcmp(argv[1], dialects[i].name) == 0)
			load.dialect = &dialects[i];
	if (!load.dialect || !text_to_u32(argv[2], &load.port) ||
		!text_to_u32(argv[3], &load.pid) || !text_to_u32(argv[4], &load.sockets) ||
		!text_to_u32(argv[5], &load.pairs) || !text_to_u32(argv[6], &load.seconds) ||
		load.port > UINT16_MAX || load.pairs == 0 || load.sockets < 2 * load.pairs ||
		load.sockets < REST_CONNECTIONS || load.seconds == 0) {
		fputs("usage: hub_load dpc|fastapi|peerjs PORT PID SOCKETS PAIRS SECONDS <LOGINS\n",
			stderr);
		return 2;
	}
	read_logins(&load);
	create(&load);
	open_all(&load, &result);
	measure_signals(&load, &result);
	measure_rest(&load, &result);
	print(&load, &result);
	destroy(&load);
	return 0;
}
