/* A peer at the end of a pipe that looks names of browsers up on its real networks: what a node has
 * between the stack and the sockets, with JSON lines on standard input and output for signalling.
 *
 *     names_peer --offer | --answer
 *
 * It understands {"description": SDP} and {"candidate": TEXT} as dpc_peer.c does, and {"tell":
 * true}, and writes the first two and:
 *
 *     {"state": NAME}
 *     {"back": TEXT}                     what was said on a channel of ours has come back
 *     {"asked": N, "answered": N, "unanswered": N, "path": TYPE, "address": IP}
 *
 * The last is what is to be told: names, and the remote end of the path, empty where there is none.
 * The end of its input is its end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "net/loop.h"
#include "node/peer_io.h"

#define LINE_SIZE_MAX 65536
#define HELLO "hello"

struct program {
	struct net_loop *loop;
	struct net_watch *input;
	struct peer_io *io;
	struct peer_io_peer *peer;
	bool offerer;
	char line[LINE_SIZE_MAX];
	size_t line_size;
};

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

static void expect_ok(enum dpc_err err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "names_peer: %s: %s\n", what, dpc_peer_err_text(err));
	exit(1);
}

static void describe(struct program *p)
{
	static char sdp[DPC_SDP_MAX];
	expect_ok(dpc_peer_local_description(peer_io_peer_dpc(p->peer), sdp, sizeof sdp),
		"our description");
	say("{s:s}", "description", sdp);
}

/* ---- What the peer tells ---- */

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct dpc_peer *dpc = peer_io_peer_dpc(peer);
	(void)user;
	switch (event->type) {
	case DPC_EVENT_STATE:
		say("{s:s}", "state", dpc_peer_state_name(event->state));
		return;
	case DPC_EVENT_CANDIDATE:
		say("{s:s}", "candidate", event->text);
		return;
	case DPC_EVENT_CHANNEL_OPEN:
		if (!event->by_remote)
			expect_ok(dpc_peer_send(dpc, net_now(), event->channel, false, HELLO,
					  strlen(HELLO)),
				"a message");
		return;
	case DPC_EVENT_MESSAGE:
		say("{s:s%}", "back", event->data, event->size);
		return;
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
	case DPC_EVENT_CHANNEL_CLOSED:
	case DPC_EVENT_CLOSED:
		return;
	}
}

/* ---- What it is told ---- */

static void take_description(struct program *p, const char *sdp)
{
	struct dpc_peer *dpc = peer_io_peer_dpc(p->peer);
	expect_ok(dpc_peer_set_remote_description(dpc, net_now(), sdp, strlen(sdp)),
		"its description");
	peer_io_ask_names(p->peer, sdp);
	if (!p->offerer)
		describe(p);
}

static void take_candidate(struct program *p, const char *text)
{
	enum dpc_err err = peer_io_add_remote_candidate(p->peer, text, strlen(text));
	/* Those over TCP are not for us. */
	if (err != DPC_ERR_UNSUPPORTED && err != DPC_ERR_EXISTS)
		expect_ok(err, "its candidate");
}

static void tell(const struct program *p)
{
	struct peer_io_stats io;
	struct dpc_stats stats;
	struct addr remote = {0};
	char ip[ADDR_TEXT_MAX];
	peer_io_stats(p->io, &io);
	dpc_peer_stats(peer_io_peer_dpc(p->peer), &stats);
	if (stats.has_path) {
		remote.family = stats.path.remote.family == 4 ? ADDR_IPV4 : ADDR_IPV6;
		memcpy(remote.ip, stats.path.remote.ip, addr_ip_size(&remote));
	}
	say("{s:I, s:I, s:I, s:s, s:s}", "asked", (json_int_t)io.names_asked, "answered",
		(json_int_t)io.names_answered, "unanswered", (json_int_t)io.names_unanswered,
		"path", stats.has_path ? stats.remote_type : "", "address",
		stats.has_path ? addr_ip_text(&remote, ip) : "");
}

static void take_line(struct program *p, const char *line)
{
	json_t *object = json_loads(line, 0, NULL);
	const char *sdp = json_string_value(json_object_get(object, "description"));
	const char *candidate = json_string_value(json_object_get(object, "candidate"));
	if (sdp)
		take_description(p, sdp);
	else if (candidate)
		take_candidate(p, candidate);
	else
		tell(p);
	json_decref(object);
	peer_io_kick(p->peer);
}

static void on_input(unsigned events, void *user)
{
	struct program *p = user;
	char *end;
	ssize_t got = read(STDIN_FILENO, p->line + p->line_size, sizeof p->line - 1 - p->line_size);
	(void)events;
	if (got <= 0) {
		net_loop_stop(p->loop);
		return;
	}
	p->line_size += (size_t)got;
	while ((end = memchr(p->line, '\n', p->line_size))) {
		*end = 0;
		take_line(p, p->line);
		p->line_size -= (size_t)(end + 1 - p->line);
		memmove(p->line, end + 1, p->line_size);
	}
}

/* ---- Begin and end ---- */

static enum err open_all(struct program *p)
{
	const struct peer_io_config io_config = {
		.local4.family = ADDR_IPV4, .local6.family = ADDR_IPV6};
	const struct peer_io_peer_config config = {.peer.offerer = p->offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_host = true,
		.on_event = on_event,
		.user = p};
	enum err err = net_loop_create(&p->loop);
	if (!err)
		err = peer_io_create(p->loop, &io_config, &p->io);
	if (!err)
		err = peer_io_peer_create(p->io, &config, &p->peer);
	if (!err)
		err = net_watch_create(p->loop, STDIN_FILENO, NET_READABLE, on_input, p, &p->input);
	return err;
}

int main(int argc, char **argv)
{
	static struct program p;
	const struct dpc_channel_config channel = {.label = "names"};
	uint16_t handle;
	if (argc != 2)
		return 2;
	p.offerer = strcmp(argv[1], "--offer") == 0;
	enum err err = open_all(&p);
	if (err) {
		fprintf(stderr, "names_peer: %s\n", err_text(err));
		return 1;
	}
	expect_ok(dpc_peer_open_channel(peer_io_peer_dpc(p.peer), net_now(), &channel, &handle),
		"a channel");
	if (p.offerer)
		describe(&p);
	net_loop_run(p.loop);
	net_watch_destroy(p.input);
	peer_io_destroy(p.io);
	net_loop_destroy(p.loop);
	return 0;
}
