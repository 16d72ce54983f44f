/* A peer at the end of a pipe, for tests against other implementations: JSON lines on standard
 * input and output do the signalling and say what to do, real UDP sockets on loopback the rest.
 *
 *     dpc_peer --offer | --answer [--legacy] [--loss N] [--reorder N] [--seed N]
 *
 * Of the datagrams of both directions N in a thousand are lost or overtaken by others. Every peer
 * of these tests, of whatever implementation, understands these lines:
 *
 *     {"description": SDP}  {"candidate": TEXT}   (empty TEXT: no more)
 *     {"open": {"label": L, "ordered": B, "maxRetransmits": N, "maxPacketLifeTime": N}}
 *     {"send": {"label": L, "count": N, "max": BYTES, "tagged": B, "partial": B}}
 *     {"flood": {"label": L, "bytes": N}}         all at once; the other side only counts
 *     {"close_channel": L}  {"close": true}
 *     {"abort": true}                             only this one
 *
 * and writes the first two and:
 *
 *     {"state": NAME}  {"open": L, "remote": B, …}  {"channel_closed": L}  {"closed": WHY}
 *     {"echoed": L, "sent": N, "back": N, "bytes": N}  what was to be sent has come back
 *     {"low": L, "peak": N}    after a flood the buffered amount is low again
 *     {"sunk": L, "bytes": N}  a flood has arrived
 *     {"error": TEXT}
 *
 * What comes on a channel that sends nothing itself goes back as it came, but for channels whose
 * label begins with "sink". */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "dpc/peer.h"

#include "traffic.h"
#include "weather.h"

#define LINE_MAX 65536
#define SUMMARY_MAX 64
#define CHANNELS_MAX 128
#define BUFFERED_MAX (1 << 20) /* wait when more than this is queued */
#define FLOOD_MESSAGE 16384
#define FLOOD_LOW 65536
#define PROBE_US 20000

struct channel {
	bool used, by_remote;
	uint16_t handle;
	char label[DPC_LABEL_MAX + 1];
	struct traffic *traffic; /* NULL: it sends back what comes */
	int64_t probe_at;
	size_t flood_peak;
	uint64_t sunk;
};

struct program {
	struct dpc_peer *peer;
	struct weather weather;
	bool offerer, closed, failed;
	bool gone; /* nobody listens to us any more */
	struct channel channels[CHANNELS_MAX];
	char line[LINE_MAX];
	size_t line_size;
	char *echo; /* a message that could not be sent back yet */
	size_t echo_size;
	uint16_t echo_channel;
	bool echo_binary, echo_waits;
};

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* As json_pack() takes it. */
static void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	json_t *object = json_vpack_ex(NULL, 0, format, arguments);
	va_end(arguments);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

static void fail(struct program *p, const char *what)
{
	say("{s:s}", "error", what);
	p->failed = true;
	p->closed = true;
}

static void fail_with(struct program *p, enum dpc_err err)
{
	if (err)
		fail(p, dpc_peer_err_text(err));
}

/* What comes yet is read, but nothing is sent any more. */
static bool is_over(const struct program *p)
{
	return p->closed || dpc_peer_state(p->peer) >= DPC_CLOSING;
}

/* ---- Channels ---- */

static struct channel *find_handle(struct program *p, uint16_t handle)
{
	for (int i = 0; i < CHANNELS_MAX; i++)
		if (p->channels[i].used && p->channels[i].handle == handle)
			return &p->channels[i];
	return NULL;
}

static struct channel *find_label(struct program *p, const char *label)
{
	for (int i = 0; i < CHANNELS_MAX; i++)
		if (p->channels[i].used && strcmp(p->channels[i].label, label) == 0)
			return &p->channels[i];
	fail(p, "no such channel");
	return NULL;
}

static struct channel *add_channel(struct program *p, uint16_t handle, bool by_remote)
{
	for (int i = 0; i < CHANNELS_MAX; i++) {
		struct channel *c = &p->channels[i];
		if (c->used)
			continue;
		*c = (struct channel){.used = true, .by_remote = by_remote, .handle = handle};
		snprintf(c->label, sizeof c->label, "%s", dpc_peer_channel_label(p->peer, handle));
		return c;
	}
	fail(p, "too many channels");
	return NULL;
}

static void remove_channel(struct channel *c)
{
	free(c->traffic);
	*c = (struct channel){0};
}

/* ---- Messages ---- */

static void send_one(struct program *p, struct channel *c)
{
	static char data[DPC_MESSAGE_MAX_DEFAULT];
	struct traffic *t = c->traffic;
	if (t->sent == TRAFFIC_MESSAGES_MAX) {
		fail(p, "nothing comes back any more");
		return;
	}
	bool binary;
	size_t size = traffic_make(t, t->sent, data, &binary);
	enum dpc_err err = dpc_peer_send(p->peer, now_us(), c->handle, binary, data, size);
	if (err != DPC_ERR_AGAIN)
		fail_with(p, err);
	if (!err)
		t->sent++;
}

static void send_more(struct program *p, struct channel *c)
{
	struct traffic *t = c->traffic;
	uint32_t before;
	do {
		before = t->sent;
		if (t->sent < t->count && dpc_peer_buffered(p->peer, c->handle) < BUFFERED_MAX)
			send_one(p, c);
	} while (t->sent > before && !p->closed);
	if (!t->partial || t->done || t->sent < t->count || now_us() < c->probe_at)
		return;
	send_one(p, c);
	c->probe_at = now_us() + PROBE_US;
}

static void check_echo(struct program *p, struct channel *c, const struct dpc_event *event)
{
	struct traffic *t = c->traffic;
	bool was_done = t->done;
	const char *wrong = traffic_check(t, event->binary, event->data, event->size);
	if (wrong)
		fail(p, wrong);
	else if (t->done && !was_done)
		say("{s:s, s:i, s:i, s:I}", "echoed", c->label, "sent", (int)t->count, "back",
			(int)t->back, "bytes", (json_int_t)t->bytes);
}

static void sink(struct channel *c, const struct dpc_event *event)
{
	if (event->binary)
		c->sunk += event->size;
	else
		say("{s:s, s:I}", "sunk", c->label, "bytes", (json_int_t)c->sunk);
}

/* Sends back what is kept; true when nothing waits any more. */
static bool send_back(struct program *p)
{
	if (is_over(p))
		p->echo_waits = false;
	if (!p->echo_waits)
		return true;
	enum dpc_err err = dpc_peer_send(
		p->peer, now_us(), p->echo_channel, p->echo_binary, p->echo, p->echo_size);
	if (err == DPC_ERR_AGAIN)
		return false;
	fail_with(p, err);
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
	p->echo_channel = event->channel;
	p->echo_waits = true;
}

/* ---- Events ---- */

static void describe(struct program *p)
{
	static char sdp[DPC_SDP_MAX];
	enum dpc_err err = dpc_peer_local_description(p->peer, sdp, sizeof sdp);
	if (err)
		fail_with(p, err);
	else
		say("{s:s}", "description", sdp);
}

static void opened(struct program *p, const struct dpc_event *event)
{
	struct channel *c = find_handle(p, event->channel);
	if (!c)
		c = add_channel(p, event->channel, event->by_remote);
	if (c)
		say("{s:s, s:b, s:s, s:i}", "open", c->label, "remote", (int)event->by_remote,
			"protocol", dpc_peer_channel_protocol(p->peer, event->channel), "id",
			(int)dpc_peer_channel_id(p->peer, event->channel));
}

static void received(struct program *p, const struct dpc_event *event)
{
	struct channel *c = find_handle(p, event->channel);
	if (!c)
		fail(p, "a message on a channel that is not open");
	else if (strncmp(c->label, "sink", 4) == 0)
		sink(c, event);
	else if (c->traffic)
		check_echo(p, c, event);
	else
		keep_for_echo(p, event);
}

static void channel_closed(struct program *p, uint16_t handle)
{
	struct channel *c = find_handle(p, handle);
	if (!c)
		return; /* it never was open */
	say("{s:s}", "channel_closed", c->label);
	remove_channel(c);
}

static void closed(struct program *p, const char *why)
{
	struct dpc_stats stats;
	dpc_peer_stats(p->peer, &stats);
	say("{s:s, s:f, s:i, s:i, s:i, s:i}", "closed", why, "setup_ms",
		(double)stats.setup_us / 1000, "dropped", (int)stats.dropped, "retransmissions",
		(int)stats.retransmissions, "lost", (int)p->weather.lost, "reordered",
		(int)p->weather.reordered);
	p->closed = true;
}

static void handle_event(struct program *p, const struct dpc_event *event)
{
	struct channel *c;
	switch (event->type) {
	case DPC_EVENT_STATE:
		say("{s:s}", "state", dpc_peer_state_name(event->state));
		return;
	case DPC_EVENT_CANDIDATE:
		say("{s:s}", "candidate", event->text);
		return;
	case DPC_EVENT_CHANNEL_OPEN:
		opened(p, event);
		return;
	case DPC_EVENT_MESSAGE:
		received(p, event);
		return;
	case DPC_EVENT_CHANNEL_CLOSED:
		channel_closed(p, event->channel);
		return;
	case DPC_EVENT_BUFFERED_LOW:
		c = find_handle(p, event->channel);
		if (c && c->flood_peak > 0)
			say("{s:s, s:I}", "low", c->label, "peak", (json_int_t)c->flood_peak);
		return;
	case DPC_EVENT_CLOSED:
		closed(p, event->text);
		return;
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
		return;
	}
}

/* ---- Commands ---- */

static void set_description(struct program *p, const json_t *value)
{
	const char *sdp = json_string_value(value);
	enum dpc_err err = dpc_peer_set_remote_description(p->peer, now_us(), sdp, strlen(sdp));
	fail_with(p, err);
	if (!err && !p->offerer)
		describe(p);
}

static void add_candidate(struct program *p, const json_t *value)
{
	const char *text = json_string_value(value);
	enum dpc_err err = dpc_peer_add_remote_candidate(p->peer, now_us(), text, strlen(text));
	/* Candidates over TCP or with a host name are not for us, others may come twice. */
	if (err != DPC_ERR_UNSUPPORTED && err != DPC_ERR_EXISTS)
		fail_with(p, err);
}

static void open_channel(struct program *p, const json_t *value)
{
	const json_t *retransmits = json_object_get(value, "maxRetransmits");
	const json_t *lifetime = json_object_get(value, "maxPacketLifeTime");
	struct dpc_channel_config config = {
		.label = json_string_value(json_object_get(value, "label")),
		.protocol = json_string_value(json_object_get(value, "protocol")),
		.unordered = json_is_false(json_object_get(value, "ordered"))};
	if (retransmits || lifetime) {
		config.reliability = retransmits ? DPC_MAX_RETRANSMITS : DPC_MAX_LIFETIME;
		config.limit = (uint32_t)json_integer_value(retransmits ? retransmits : lifetime);
	}
	uint16_t handle;
	enum dpc_err err = dpc_peer_open_channel(p->peer, now_us(), &config, &handle);
	if (err)
		fail_with(p, err);
	else
		add_channel(p, handle, false);
}

static uint32_t number(const json_t *object, const char *key)
{
	return (uint32_t)json_integer_value(json_object_get(object, key));
}

static void begin_sending(struct program *p, const json_t *value)
{
	struct channel *c = find_label(p, json_string_value(json_object_get(value, "label")));
	struct traffic *t = calloc(1, sizeof *t);
	if (!c || !t) {
		free(t);
		return;
	}
	t->count = number(value, "count");
	t->size_max = number(value, "max");
	t->partial = json_is_true(json_object_get(value, "partial"));
	t->tagged = t->partial || json_is_true(json_object_get(value, "tagged"));
	t->ordered = json_is_true(json_object_get(value, "ordered"));
	free(c->traffic);
	c->traffic = t;
}

static void flood(struct program *p, const json_t *value)
{
	static char data[FLOOD_MESSAGE];
	struct channel *c = find_label(p, json_string_value(json_object_get(value, "label")));
	if (!c)
		return;
	size_t left = number(value, "bytes");
	enum dpc_err err = DPC_OK;
	dpc_peer_set_buffered_low(p->peer, c->handle, FLOOD_LOW);
	while (left > 0 && !err) {
		size_t size = left < sizeof data ? left : sizeof data;
		err = dpc_peer_send(p->peer, now_us(), c->handle, true, data, size);
		left -= size;
	}
	if (!err)
		err = dpc_peer_send(p->peer, now_us(), c->handle, false, "end", 3);
	fail_with(p, err);
	c->flood_peak = dpc_peer_buffered(p->peer, c->handle);
}

static void close_channel(struct program *p, const json_t *value)
{
	struct channel *c = find_label(p, json_string_value(value));
	if (c)
		fail_with(p, dpc_peer_close_channel(p->peer, now_us(), c->handle));
}

static void close_peer(struct program *p, const json_t *value)
{
	(void)value;
	dpc_peer_close(p->peer, now_us());
}

static void abort_peer(struct program *p, const json_t *value)
{
	(void)value;
	dpc_peer_abort(p->peer, now_us());
}

static void handle_line(struct program *p, const char *line)
{
	static const struct {
		const char *key;
		void (*handle)(struct program *, const json_t *);
	} commands[] = {{"description", set_description}, {"candidate", add_candidate},
		{"open", open_channel}, {"send", begin_sending}, {"flood", flood},
		{"close_channel", close_channel}, {"close", close_peer}, {"abort", abort_peer}};
	json_t *object = json_loads(line, 0, NULL);
	size_t i;
	for (i = 0; i < sizeof commands / sizeof *commands; i++) {
		const json_t *value = json_object_get(object, commands[i].key);
		if (!value)
			continue;
		commands[i].handle(p, value);
		break;
	}
	if (i == sizeof commands / sizeof *commands)
		fail(p, "a line that is none of the known");
	json_decref(object);
}

/* ---- The loop ---- */

static void read_lines(struct program *p)
{
	ssize_t n = read(STDIN_FILENO, p->line + p->line_size, LINE_MAX - 1 - p->line_size);
	if (n <= 0) {
		p->gone = true;
		if (!p->closed)
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

static void drain(struct program *p)
{
	struct dpc_event event;
	/* One message is kept until it went back: not pulling more is what slows the sender down.
	 */
	while (!p->closed && send_back(p) && dpc_peer_next_event(p->peer, &event))
		handle_event(p, &event);
	for (int i = 0; i < CHANNELS_MAX && !is_over(p); i++)
		if (p->channels[i].used && p->channels[i].traffic)
			send_more(p, &p->channels[i]);
	weather_send(&p->weather, p->peer, now_us());
}

static int64_t deadline(const struct program *p)
{
	int64_t peer = dpc_peer_deadline(p->peer), held = weather_deadline(&p->weather);
	int64_t earliest = peer < held ? peer : held;
	for (int i = 0; i < CHANNELS_MAX && !is_over(p); i++) {
		const struct channel *c = &p->channels[i];
		if (c->used && c->traffic && c->traffic->partial && !c->traffic->done &&
			c->traffic->sent >= c->traffic->count && c->probe_at < earliest)
			earliest = c->probe_at;
	}
	return earliest;
}

/* A closed peer goes on while somebody listens: it repeats its last words, which may be lost. */
static void run(struct program *p)
{
	while (!p->gone && !p->failed) {
		drain(p);
		if (p->failed)
			break;
		int64_t wait = deadline(p) - now_us();
		int timeout = wait < 0 ? 0 : wait > 1000000 ? 1000 : (int)((wait + 999) / 1000);
		struct pollfd fds[WEATHER_SOCKETS + 1];
		weather_poll(&p->weather, fds);
		fds[WEATHER_SOCKETS] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
		if (poll(fds, WEATHER_SOCKETS + 1, timeout) < 0 && errno != EINTR)
			fail(p, strerror(errno));
		if (fds[WEATHER_SOCKETS].revents)
			read_lines(p);
		weather_receive(&p->weather, p->peer, now_us());
		dpc_peer_advance(p->peer, now_us());
	}
	weather_send(&p->weather, p->peer, now_us());
}

int main(int argc, char **argv)
{
	static struct program p;
	static const struct option options[] = {{"offer", no_argument, NULL, 'o'},
		{"answer", no_argument, NULL, 'a'}, {"legacy", no_argument, NULL, 'l'},
		{"loss", required_argument, NULL, 'L'}, {"reorder", required_argument, NULL, 'R'},
		{"seed", required_argument, NULL, 'S'}, {"tcp", no_argument, NULL, 't'}, {0}};
	struct dpc_peer_config config = {.unix_time = time(NULL)};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			config.offerer = p.offerer = true;
		else if (option == 'l')
			config.legacy_sdp = true;
		else if (option == 't')
			p.weather.tcp.wanted = true;
		else if (option == 'L')
			p.weather.loss = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'R')
			p.weather.reorder = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'S')
			p.weather.seed = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option != 'a')
			return 2;
	}
	if (dpc_peer_create(&config, now_us(), &p.peer) != DPC_OK)
		return 2;
	if (!weather_open(&p.weather, p.peer, now_us()))
		fail(&p, "cannot open a socket");
	if (p.offerer && !p.failed)
		describe(&p);
	run(&p);
	weather_close(&p.weather);
	dpc_peer_destroy(p.peer);
	for (int i = 0; i < CHANNELS_MAX; i++)
		free(p.channels[i].traffic);
	free(p.echo);
	return p.failed;
}
