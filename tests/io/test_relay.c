/* The TURN client against coturn, over UDP, TCP and TLS. */
#include "node/relay.h"

#include "node/peer_io.h"
#include "test.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/udp.h"
#include "node/limits.h"

#define WAIT (30 * USEC_PER_SEC)
/* A longer flight may overflow the server's buffers, and datagrams are lost, as they may be. */
#define FLIGHT_SEGMENTS 12
#define SEGMENT 1200
/* How STUN begins, and DTLS. */
#define CHECK_BYTE 1
#define DATA_BYTE 23

struct end {
	struct relay *relay;
	unsigned checks, received;
	struct addr from;
	uint8_t last[SEGMENT];
	size_t last_size;
};

struct world {
	struct net_loop *loop;
	struct rng rng;
	pid_t child;
	int input;
	unsigned port, tls_port;
	char certificate[200];
	struct end ends[2];
};

static bool is_skipped;

static int setup(void **state)
{
	int in[2], out[2], status;
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	w->child = fork();
	assert_true(w->child >= 0);
	if (w->child == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]), close(in[1]), close(out[0]), close(out[1]);
		execlp("python3", "python3", getenv("COTURN"), (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	w->input = in[1];
	w->rng = rng_system();
	FILE *first = fdopen(out[0], "r");
	assert_non_null(first);
	int fields = fscanf(first, "%u %u %199s", &w->port, &w->tls_port, w->certificate);
	fclose(first);
	if (fields != 3) {
		waitpid(w->child, &status, 0);
		is_skipped = WIFEXITED(status) && WEXITSTATUS(status) == 77;
		assert_true(is_skipped);
	}
	assert_ok(net_loop_create(&w->loop));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < 2; i++)
		relay_destroy(w->ends[i].relay);
	net_loop_destroy(w->loop);
	close(w->input);
	waitpid(w->child, NULL, 0);
	free(w);
	return 0;
}

#define RUN_UNTIL(w, condition)                                                                    \
	do {                                                                                       \
		usec limit_ = net_now() + WAIT;                                                    \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once((w)->loop, limit_);                                      \
		assert_true(condition);                                                            \
	} while (0)

static void on_changed(struct relay *relay, void *user)
{
	(void)relay;
	(void)user;
}

static void on_received(
	struct relay *relay, const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct end *end = user;
	(void)now;
	assert_true(addr_equal(&path->local, relay_addr(relay)));
	end->from = path->remote;
	assert_true(datagram.size > 0 && datagram.size <= sizeof end->last);
	if (datagram.data[0] == CHECK_BYTE) {
		end->checks++;
		return;
	}
	end->received++;
	end->last_size = datagram.size;
	memcpy(end->last, datagram.data, datagram.size);
}

static struct relay *make(struct world *w, size_t i, const char *uri, const char *password)
{
	struct relay_config config = {
		.family = ADDR_IPV4,
		.username = "alice",
		.password = password,
		.authorities = w->certificate,
		.rng = &w->rng,
		.changed = on_changed,
		.received = on_received,
		.user = &w->ends[i],
	};
	assert_ok(turn_uri_parse(uri, &config.server));
	assert_ok(relay_create(w->loop, &config, &w->ends[i].relay));
	assert_int_equal(relay_state(w->ends[i].relay), RELAY_IDLE);
	relay_want(w->ends[i].relay, true);
	return w->ends[i].relay;
}

static char *uri_of(struct world *w, const char *format, char *text)
{
	unsigned port = strncmp(format, "turns", 5) == 0 ? w->tls_port : w->port;
	const char *query = strchr(format, '?');
	snprintf(text, 100, "%.*s127.0.0.1:%u%s", (int)(strchr(format, ':') - format + 1), format,
		port, query ? query : "");
	return text;
}

static void send_flight(struct end *from, struct end *to, uint8_t first, size_t size)
{
	static uint8_t data[FLIGHT_SEGMENTS * SEGMENT];
	for (size_t i = 0; i < size; i++)
		data[i] = i % SEGMENT == 0 ? first : (uint8_t)i;
	assert_ok(relay_send(
		from->relay, relay_addr(to->relay), bytes_of(data, size), SEGMENT, net_now()));
}

/* First what ICE would send, so that both have permissions; then data, which gets channels. */
static void exchange(struct world *w)
{
	struct end *a = &w->ends[0], *b = &w->ends[1];
	RUN_UNTIL(w, relay_addr(a->relay) && relay_addr(b->relay));
	usec limit = net_now() + WAIT;
	while ((a->checks == 0 || b->checks == 0) && net_now() < limit) {
		send_flight(a, b, CHECK_BYTE, 100);
		send_flight(b, a, CHECK_BYTE, 100);
		net_loop_run_once(w->loop, net_now() + 50 * USEC_PER_MS);
	}
	assert_true(addr_equal(&a->from, relay_addr(b->relay)));
	assert_true(addr_equal(&b->from, relay_addr(a->relay)));
	for (size_t round = 0; round < 20; round++) {
		size_t size = round * 1700 % (FLIGHT_SEGMENTS * SEGMENT) + 1;
		unsigned expected = b->received + (unsigned)((size + SEGMENT - 1) / SEGMENT);
		send_flight(a, b, DATA_BYTE, size);
		RUN_UNTIL(w, b->received >= expected);
		assert_int_equal(b->last_size, (size - 1) % SEGMENT + 1);
		assert_int_equal(b->last[0], DATA_BYTE);
	}
	struct relay_stats stats;
	relay_stats(a->relay, &stats);
	assert_int_equal(stats.dropped_in, 0);
	assert_int_equal(stats.lost_out, 0);
}

static void over(void **state, const char *first, const char *second)
{
	struct world *w = *state;
	char text[100];
	if (is_skipped)
		skip();
	make(w, 0, uri_of(w, first, text), "secret");
	make(w, 1, uri_of(w, second, text), "secret");
	exchange(w);
}

static void datagrams_cross_two_relays_over_udp(void **state)
{
	over(state, "turn:", "turn:?transport=udp");
}

static void datagrams_cross_two_relays_over_tcp(void **state)
{
	over(state, "turn:?transport=tcp", "turn:?transport=tcp");
}

static void datagrams_cross_two_relays_over_tls(void **state)
{
	over(state, "turns:", "turns:");
}

static void the_two_sides_may_reach_the_relay_differently(void **state)
{
	over(state, "turn:", "turns:");
}

static void wrong_credentials_are_told_and_tried_again_later(void **state)
{
	struct world *w = *state;
	char text[100];
	if (is_skipped)
		skip();
	struct relay *relay = make(w, 0, uri_of(w, "turn:", text), "wrong");
	RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
	assert_non_null(strstr(relay_reason(relay), "refuses our credentials"));
	assert_null(relay_addr(relay));
	assert_err(relay_send(relay, &(struct addr){.family = ADDR_IPV4, .port = 1},
			   bytes_of("x", 1), 1, net_now()),
		ERR_STATE);
	RUN_UNTIL(w, relay_state(relay) == RELAY_OPENING);
	RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
}

static void new_credentials_are_tried_at_once_and_leave_an_allocation_alone(void **state)
{
	struct world *w = *state;
	char text[100];
	if (is_skipped)
		skip();
	struct relay *relay = make(w, 0, uri_of(w, "turn:", text), "wrong");
	/* By now it would wait for longer and longer. */
	for (int i = 0; i < 3; i++) {
		RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
		RUN_UNTIL(w, relay_state(relay) == RELAY_OPENING);
	}
	RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
	usec before = net_now();
	assert_ok(relay_set_credentials(relay, "alice", "secret"));
	RUN_UNTIL(w, relay_state(relay) == RELAY_READY);
	assert_true(net_now() < before + RELAY_RETRY_MIN);
	assert_string_equal(relay_reason(relay), "");
	struct addr addr = *relay_addr(relay);
	assert_ok(relay_set_credentials(relay, "alice", "wrong again"));
	make(w, 1, uri_of(w, "turn:", text), "secret");
	exchange(w);
	assert_true(addr_equal(relay_addr(relay), &addr));
}

static void a_server_that_is_not_there_is_told(void **state)
{
	struct world *w = *state;
	if (is_skipped)
		skip();
	struct relay *relay = make(w, 0, "turn:127.0.0.1:1?transport=tcp", "secret");
	RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
	assert_non_null(strstr(relay_reason(relay), "127.0.0.1:1/tcp"));
}

static void a_certificate_for_somebody_else_is_told(void **state)
{
	struct world *w = *state;
	char text[100];
	if (is_skipped)
		skip();
	snprintf(text, sizeof text, "turns:localhost:%u", w->tls_port);
	struct relay *relay = make(w, 0, text, "secret");
	RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
	assert_non_null(strstr(relay_reason(relay), "localhost"));
}

/* A listening socket of ours. */
static int listen_somewhere(unsigned *ret_port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static uint64_t dropped_in(const struct relay *relay)
{
	struct relay_stats stats;
	relay_stats(relay, &stats);
	return stats.dropped_in;
}

/* Whoever may send to a relayed address can make the server bring a frame of 64 KiB, and the reads
 * end where they like. */
static void the_largest_frames_are_waited_for(void **state)
{
	enum { SMALL = 100, LARGE = 4 + 65536, COUNT = 8 };
	struct world *w = *state;
	char text[100];
	unsigned port;
	size_t size = SMALL + COUNT * LARGE, sent = 0;
	uint8_t *frames = calloc(size, 1);
	assert_non_null(frames);
	struct writer writer = writer_of(frames, size);
	for (int i = 0; i <= COUNT; i++) {
		size_t length = i == 0 ? SMALL - 4 : LARGE - 5;
		write_u16(&writer, 0x4000);
		write_u16(&writer, (uint16_t)length);
		write_zeros(&writer, i == 0 ? length : length + 1);
	}
	assert_int_equal(writer.size, size);
	int listener = listen_somewhere(&port), fd = -1;
	snprintf(text, sizeof text, "turn:127.0.0.1:%u?transport=tcp", port);
	struct relay *relay = make(w, 0, text, "secret");
	usec limit = net_now() + WAIT;
	while ((fd = accept(listener, NULL, NULL)) < 0 && net_now() < limit)
		net_loop_run_once(w->loop, net_now() + USEC_PER_MS);
	assert_true(fd >= 0);
	while (dropped_in(relay) <= COUNT && net_now() < limit) {
		ssize_t written = send(fd, frames + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += written > 0 ? (size_t)written : 0;
		net_loop_run_once(w->loop, net_now() + USEC_PER_MS);
		assert_int_equal(relay_state(relay), RELAY_OPENING);
	}
	assert_int_equal(dropped_in(relay), COUNT + 1);
	close(fd);
	close(listener);
	free(frames);
}

/* The quota of a user is 12 at this server. Over UDP it takes its time to see that there is room.
 */
static void an_allocation_is_given_back(void **state)
{
	struct world *w = *state;
	char text[100];
	if (is_skipped)
		skip();
	for (int i = 0; i < 30; i++) {
		struct relay *relay = make(
			w, 0, uri_of(w, i % 2 ? "turn:?transport=tcp" : "turns:", text), "secret");
		RUN_UNTIL(w,
			relay_state(relay) == RELAY_READY || relay_state(relay) == RELAY_WAITING);
		assert_string_equal(relay_reason(relay), "");
		relay_destroy(relay);
		w->ends[0].relay = NULL;
	}
}

static void a_quota_that_is_used_up_is_told(void **state)
{
	struct world *w = *state;
	char text[100];
	struct relay *relays[13];
	if (is_skipped)
		skip();
	for (size_t i = 0; i < 13; i++) {
		relays[i] = make(w, 0, uri_of(w, "turn:", text), "secret");
		RUN_UNTIL(w, relay_state(relays[i]) == RELAY_READY ||
				     relay_state(relays[i]) == RELAY_WAITING);
		if (i < 12)
			assert_int_equal(relay_state(relays[i]), RELAY_READY);
	}
	assert_non_null(strstr(relay_reason(relays[12]), "quota"));
	for (size_t i = 0; i < 13; i++)
		relay_destroy(relays[i]);
	w->ends[0].relay = NULL;
}

/* ---- Peers ---- */

struct side {
	struct peer_io *io;
	struct peer_io_peer *peer;
	struct side *other;
	bool described, open, closed;
	uint16_t channel;
	size_t received;
	unsigned host_candidates;
};

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct side *side = user;
	(void)peer;
	if (event->type == DPC_EVENT_CANDIDATE) {
		side->host_candidates += strstr(event->text, "typ host") != NULL;
		if (side->other->described) {
			(void)dpc_peer_add_remote_candidate(peer_io_peer_dpc(side->other->peer),
				net_now(), event->text, strlen(event->text));
			peer_io_kick(side->other->peer);
		}
	} else if (event->type == DPC_EVENT_CHANNEL_OPEN) {
		side->open = true;
		side->channel = event->channel;
	} else if (event->type == DPC_EVENT_MESSAGE) {
		side->received += event->size;
	} else if (event->type == DPC_EVENT_CLOSED) {
		side->closed = true;
	}
}

static void create_side(
	struct world *w, struct side *side, bool offerer, bool with_host, const char *uri)
{
	char text[100];
	struct peer_io_config io_config = {.loopback = true};
	struct peer_io_relay_config relay = {
		.username = "alice", .password = "secret", .authorities = w->certificate};
	struct peer_io_peer_config config = {.peer.offerer = offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_host = with_host,
		.with_relayed = true,
		.on_event = on_event,
		.user = side};
	assert_true(addr_parse_ip("127.0.0.1", 0, &io_config.local4));
	assert_ok(turn_uri_parse(uri_of(w, uri, text), &relay.server));
	assert_ok(peer_io_create(w->loop, &io_config, &side->io));
	assert_ok(peer_io_add_relay(side->io, &relay));
	assert_int_equal(relay_state(peer_io_relay(side->io, 0)), RELAY_IDLE);
	assert_ok(peer_io_peer_create(side->io, &config, &side->peer));
	assert_int_equal(relay_state(peer_io_relay(side->io, 0)), RELAY_OPENING);
}

static void describe(struct side *from, struct side *to)
{
	char sdp[DPC_SDP_MAX];
	assert_int_equal(
		dpc_peer_local_description(peer_io_peer_dpc(from->peer), sdp, sizeof sdp), DPC_OK);
	from->host_candidates += strstr(sdp, "typ host") != NULL;
	assert_int_equal(dpc_peer_set_remote_description(
				 peer_io_peer_dpc(to->peer), net_now(), sdp, strlen(sdp)),
		DPC_OK);
	to->described = true;
	peer_io_kick(to->peer);
}

static void connect_sides(struct world *w, struct side *a, struct side *b)
{
	struct dpc_channel_config channel = {.label = "test"};
	a->other = b;
	b->other = a;
	assert_int_equal(
		dpc_peer_open_channel(peer_io_peer_dpc(a->peer), net_now(), &channel, &a->channel),
		DPC_OK);
	describe(a, b);
	describe(b, a);
	RUN_UNTIL(w, a->open && b->open);
}

static const char *path_types(struct side *side)
{
	static char text[40];
	struct dpc_stats stats;
	dpc_peer_stats(peer_io_peer_dpc(side->peer), &stats);
	snprintf(text, sizeof text, "%s %s", stats.local_type, stats.remote_type);
	return text;
}

static void end_sides(struct world *w, struct side *a, struct side *b)
{
	dpc_peer_close(peer_io_peer_dpc(a->peer), net_now());
	peer_io_kick(a->peer);
	RUN_UNTIL(w, a->closed && b->closed);
	peer_io_destroy(a->io);
	peer_io_destroy(b->io);
}

static void two_peers_talk_over(void **state, const char *first, const char *second)
{
	struct world *w = *state;
	struct side a = {0}, b = {0};
	static uint8_t data[100000];
	if (is_skipped)
		skip();
	create_side(w, &a, true, false, first);
	create_side(w, &b, false, false, second);
	connect_sides(w, &a, &b);
	assert_string_equal(path_types(&a), "relay relay");
	assert_string_equal(path_types(&b), "relay relay");
	for (int i = 0; i < 20; i++)
		assert_int_equal(dpc_peer_send(peer_io_peer_dpc(a.peer), net_now(), a.channel, true,
					 data, sizeof data),
			DPC_OK);
	peer_io_kick(a.peer);
	RUN_UNTIL(w, b.received == 20 * sizeof data);
	/* Where only a relay may be shown, nothing else was. */
	assert_int_equal(a.host_candidates + b.host_candidates, 0);
	end_sides(w, &a, &b);
}

static void two_peers_talk_over_relays_alone(void **state)
{
	two_peers_talk_over(state, "turn:", "turn:");
	two_peers_talk_over(state, "turn:?transport=tcp", "turns:");
}

static void a_relay_is_not_used_where_a_direct_way_works(void **state)
{
	struct world *w = *state;
	struct side a = {0}, b = {0};
	if (is_skipped)
		skip();
	create_side(w, &a, true, true, "turn:");
	create_side(w, &b, false, true, "turn:");
	connect_sides(w, &a, &b);
	RUN_UNTIL(w, strcmp(path_types(&a), "host host") == 0 &&
			     strcmp(path_types(&b), "host host") == 0);
	end_sides(w, &a, &b);
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

TESTS(WORLD(datagrams_cross_two_relays_over_udp), WORLD(datagrams_cross_two_relays_over_tcp),
	WORLD(datagrams_cross_two_relays_over_tls),
	WORLD(the_two_sides_may_reach_the_relay_differently),
	WORLD(wrong_credentials_are_told_and_tried_again_later),
	WORLD(new_credentials_are_tried_at_once_and_leave_an_allocation_alone),
	WORLD(the_largest_frames_are_waited_for), WORLD(a_server_that_is_not_there_is_told),
	WORLD(a_certificate_for_somebody_else_is_told), WORLD(two_peers_talk_over_relays_alone),
	WORLD(a_relay_is_not_used_where_a_direct_way_works), WORLD(an_allocation_is_given_back),
	WORLD(a_quota_that_is_used_up_is_told))
