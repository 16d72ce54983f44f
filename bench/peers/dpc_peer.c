/* dpc for bench/peers/peers.py: one side of a pair of processes, JSON lines on stdin and stdout.
 *
 *     dpc_peer offer|answer
 *
 * In: {"connect": LABEL, "size": N} makes the offering side connect: with the label "sink" it then
 * sends messages of N bytes without end, with "echo" one at a time, each when the last came back;
 * N = 0 sends none. {"signal": ...} is from the other side, {"count": true} asks, {"close": true}
 * ends the connection, the end of the input the process.
 * Out: {"signal": ...} for the other side, {"open": TIME, "begun": TIME}, {"counted": {...}} with
 * what was received and the round trips since the last count, {"closed": true}. Times are
 * microseconds on the monotonic clock. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "node/peer_io.h"

#define LINE_MAX 65536
/* The sender keeps less than this buffered. */
#define BUFFERED_MAX ((size_t)1024 * 1024)
#define MESSAGE_MAX ((size_t)DPC_MESSAGE_MAX_DEFAULT)
#define ROUND_TRIPS_MAX 1000000

struct side {
	bool offerer;
	struct net_loop *loop;
	struct peer_io *io;
	struct peer_io_peer *peer; /* NULL: not connected */
	uint16_t channel;
	bool open, echo;
	usec begun;

	size_t message_size;
	uint64_t bytes, messages; /* received */
	usec ping_sent;
	usec *round_trips;
	size_t round_trip_count;

	char line[LINE_MAX];
	size_t line_size;
};

static const uint8_t message[MESSAGE_MAX];

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	fprintf(stderr, "dpc_peer: %s: %s\n", what, why);
	exit(1);
}

static void must(enum err err, const char *what)
{
	if (err)
		die(what, err_text(err));
}

static void must_dpc(enum dpc_err err, const char *what)
{
	if (err)
		die(what, dpc_peer_err_text(err));
}

/* Takes the object. */
static void say(json_t *object)
{
	CHECK(object);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

/* ---- The connection ---- */

static void fill(struct side *side)
{
	struct dpc_peer *dpc = peer_io_peer_dpc(side->peer);
	usec now = net_now();
	while (dpc_peer_buffered(dpc, side->channel) + side->message_size <= BUFFERED_MAX) {
		enum dpc_err err =
			dpc_peer_send(dpc, now, side->channel, true, message, side->message_size);
		if (err == DPC_ERR_AGAIN)
			break;
		must_dpc(err, "cannot send");
	}
}

static void ping(struct side *side)
{
	side->ping_sent = net_now();
	must_dpc(dpc_peer_send(peer_io_peer_dpc(side->peer), side->ping_sent, side->channel, true,
			 message, side->message_size),
		"cannot send");
}

static void send_more(struct side *side)
{
	if (!side->offerer || !side->open || side->message_size == 0)
		return;
	if (side->echo)
		ping(side);
	else
		fill(side);
}

static void on_open(struct side *side, uint16_t channel)
{
	struct dpc_peer *dpc = peer_io_peer_dpc(side->peer);
	const char *label = dpc_peer_channel_label(dpc, channel);
	side->channel = channel;
	side->open = true;
	side->echo = label && strcmp(label, "echo") == 0;
	say(json_pack(
		"{s:I, s:I}", "open", (json_int_t)net_now(), "begun", (json_int_t)side->begun));
	dpc_peer_set_buffered_low(dpc, channel, BUFFERED_MAX / 2);
	send_more(side);
}

static void on_message(struct side *side, const struct dpc_event *event)
{
	side->messages++;
	side->bytes += event->size;
	if (side->offerer) {
		if (side->round_trip_count < ROUND_TRIPS_MAX)
			side->round_trips[side->round_trip_count++] = net_now() - side->ping_sent;
		ping(side);
	} else if (side->echo) {
		must_dpc(dpc_peer_send(peer_io_peer_dpc(side->peer), net_now(), event->channel,
				 event->binary, event->data, event->size),
			"cannot echo");
	}
}

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct side *side = user;
	(void)peer;
	switch (event->type) {
	case DPC_EVENT_CANDIDATE:
		say(json_pack("{s:{s:s}}", "signal", "candidate", event->text));
		break;
	case DPC_EVENT_CHANNEL_OPEN:
		on_open(side, event->channel);
		break;
	case DPC_EVENT_MESSAGE:
		on_message(side, event);
		break;
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
		if (!side->echo)
			send_more(side);
		break;
	case DPC_EVENT_CLOSED:
		if (side->offerer)
			die("the connection closed", event->text);
		break;
	case DPC_EVENT_STATE:
	case DPC_EVENT_PATH:
	case DPC_EVENT_CHANNEL_CLOSED:
		break;
	}
}

static void create(struct side *side)
{
	struct peer_io_peer_config config = {.peer.offerer = side->offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_host = true,
		.on_event = on_event,
		.user = side};
	side->begun = net_now();
	side->open = false;
	must(peer_io_peer_create(side->io, &config, &side->peer), "cannot create a peer");
}

static void describe(struct side *side)
{
	char sdp[DPC_SDP_MAX];
	must_dpc(dpc_peer_local_description(peer_io_peer_dpc(side->peer), sdp, sizeof(sdp)),
		"cannot describe");
	say(json_pack("{s:{s:s}}", "signal", "description", sdp));
}

static void offer(struct side *side, const char *label, json_int_t size)
{
	if (size < 0 || size > (json_int_t)MESSAGE_MAX)
		die("cannot connect", "the size of messages is out of range");
	side->message_size = (size_t)size;
	create(side);
	struct dpc_channel_config config = {.label = label};
	must_dpc(dpc_peer_open_channel(
			 peer_io_peer_dpc(side->peer), net_now(), &config, &side->channel),
		"cannot open a channel");
	describe(side);
	peer_io_kick(side->peer);
}

static void take_signal(struct side *side, json_t *signal)
{
	const char *sdp = json_string_value(json_object_get(signal, "description"));
	const char *candidate = json_string_value(json_object_get(signal, "candidate"));
	if (sdp && !side->peer)
		create(side);
	if (!side->peer)
		return; /* a candidate of a connection that is closed */
	struct dpc_peer *dpc = peer_io_peer_dpc(side->peer);
	if (sdp) {
		must_dpc(dpc_peer_set_remote_description(dpc, net_now(), sdp, strlen(sdp)),
			"cannot read the description");
		if (!side->offerer)
			describe(side);
	} else if (candidate) {
		(void)dpc_peer_add_remote_candidate(dpc, net_now(), candidate, strlen(candidate));
	}
	peer_io_kick(side->peer);
}

static void tell_counts(struct side *side)
{
	json_t *round_trips = json_array();
	for (size_t i = 0; i < side->round_trip_count; i++)
		json_array_append_new(round_trips, json_integer(side->round_trips[i]));
	side->round_trip_count = 0;
	say(json_pack("{s:{s:I, s:I, s:I, s:o}}", "counted", "at", (json_int_t)net_now(), "bytes",
		(json_int_t)side->bytes, "messages", (json_int_t)side->messages, "round_trips",
		round_trips));
}

/* ---- Lines ---- */

static void handle_line(struct side *side, const char *line)
{
	json_t *object = json_loads(line, 0, NULL);
	json_t *signal = json_object_get(object, "signal");
	const char *label = json_string_value(json_object_get(object, "connect"));
	if (signal) {
		take_signal(side, signal);
	} else if (label) {
		offer(side, label, json_integer_value(json_object_get(object, "size")));
	} else if (json_object_get(object, "count")) {
		tell_counts(side);
	} else if (json_object_get(object, "close")) {
		peer_io_peer_destroy(side->peer);
		side->peer = NULL;
		say(json_pack("{s:b}", "closed", true));
	} else {
		die("cannot read a line", line);
	}
	json_decref(object);
}

static void on_input(unsigned events, void *user)
{
	struct side *side = user;
	(void)events;
	ssize_t size =
		read(STDIN_FILENO, side->line + side->line_size, LINE_MAX - 1 - side->line_size);
	if (size <= 0) {
		net_loop_stop(side->loop);
		return;
	}
	side->line_size += (size_t)size;
	char *end;
	while ((end = memchr(side->line, '\n', side->line_size))) {
		*end = 0;
		handle_line(side, side->line);
		side->line_size -= (size_t)(end + 1 - side->line);
		memmove(side->line, end + 1, side->line_size);
	}
}

int main(int argc, char **argv)
{
	static struct side side;
	if (argc != 2 || (strcmp(argv[1], "offer") != 0 && strcmp(argv[1], "answer") != 0)) {
		fprintf(stderr, "usage: dpc_peer offer|answer\n");
		return 2;
	}
	side.offerer = strcmp(argv[1], "offer") == 0;
	side.round_trips = calloc(ROUND_TRIPS_MAX, sizeof(*side.round_trips));
	CHECK(side.round_trips);
	must(net_loop_create(&side.loop), "cannot make a loop");
	struct peer_io_config config = {.local4.family = ADDR_IPV4, .loopback = true};
	must(peer_io_create(side.loop, &config, &side.io), "cannot open a socket");
	struct net_watch *watch;
	must(net_watch_create(side.loop, STDIN_FILENO, NET_READABLE, on_input, &side, &watch),
		"cannot watch the input");
	net_loop_run(side.loop);
	net_watch_destroy(watch);
	peer_io_destroy(side.io);
	net_loop_destroy(side.loop);
	free(side.round_trips);
	return 0;
}
