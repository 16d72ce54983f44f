/* The TURN client against coturn, over UDP, TCP and TLS. */
#include "node/relay.h"

#include "node/peer_io.h"
#include "test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ice/stun.h"
#include "net/udp.h"
#include "node/limits.h"

#include "child.h"

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
	struct child child;
	unsigned port, tls_port;
	char certificate[200];
	const char *host;        /* of its URIs */
	enum addr_family family; /* of the relayed addresses that datagrams cross */
	struct end ends[2];
};

static bool is_skipped;

/* A coturn at loopback addresses, one or two. */
static int setup_at(void **state, const char *first, const char *second)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	child_start(
		&w->child, "COTURN", (const char *const[]){"--listen", first, second, NULL}, false);
	w->rng = rng_system();
	int fields = sscanf(w->child.line, "%u %u %199s", &w->port, &w->tls_port, w->certificate);
	if (fields != 3) {
		int status = child_end(&w->child);
		is_skipped = WIFEXITED(status) && WEXITSTATUS(status) == 77;
		assert_true(is_skipped);
	}
	assert_ok(net_loop_create(&w->loop));
	w->host = strcmp(first, "::1") == 0 ? "[::1]" : first;
	w->family = ADDR_IPV4;
	*state = w;
	return 0;
}

/* For servers that the test is itself. */
static int setup_alone(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->rng = rng_system();
	assert_ok(net_loop_create(&w->loop));
	*state = w;
	return 0;
}

static int setup(void **state)
{
	return setup_at(state, "127.0.0.1", NULL);
}

static int setup_both_families(void **state)
{
	return setup_at(state, "127.0.0.1", "::1");
}

static int setup_ipv6(void **state)
{
	return setup_at(state, "::1", NULL);
}

static int teardown(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < 2; i++)
		relay_destroy(w->ends[i].relay);
	net_loop_destroy(w->loop);
	if (w->child.pid > 0)
		child_end(&w->child);
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
	assert_true(addr_equal(&path->local, relay_addr(relay, path->remote.family)));
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
		.username = "alice",
		.password = password,
		.authorities = w->certificate[0] ? w->certificate : NULL,
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
	snprintf(text, 100, "%.*s%s:%u%s", (int)(strchr(format, ':') - format + 1), format, w->host,
		port, query ? query : "");
	return text;
}

static void send_flight(
	struct world *w, struct end *from, struct end *to, uint8_t first, size_t size)
{
	static uint8_t data[FLIGHT_SEGMENTS * SEGMENT];
	for (size_t i = 0; i < size; i++)
		data[i] = i % SEGMENT == 0 ? first : (uint8_t)i;
	assert_ok(relay_send(from->relay, relay_addr(to->relay, w->family), bytes_of(data, size),
		SEGMENT, net_now()));
}

/* First what ICE would send, so that both have permissions; then data, which gets channels. */
static void exchange(struct world *w)
{
	struct end *a = &w->ends[0], *b = &w->ends[1];
	enum addr_family family = w->family;
	a->checks = b->checks = 0;
	RUN_UNTIL(w, relay_addr(a->relay, family) && relay_addr(b->relay, family));
	usec limit = net_now() + WAIT;
	while ((a->checks == 0 || b->checks == 0) && net_now() < limit) {
		send_flight(w, a, b, CHECK_BYTE, 100);
		send_flight(w, b, a, CHECK_BYTE, 100);
		net_loop_run_once(w->loop, net_now() + 50 * USEC_PER_MS);
	}
	assert_true(addr_equal(&a->from, relay_addr(b->relay, family)));
	assert_true(addr_equal(&b->from, relay_addr(a->relay, family)));
	for (size_t round = 0; round < 20; round++) {
		size_t size = round * 1700 % (FLIGHT_SEGMENTS * SEGMENT) + 1;
		unsigned expected = b->received + (unsigned)((size + SEGMENT - 1) / SEGMENT);
		send_flight(w, a, b, DATA_BYTE, size);
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
	assert_null(relay_addr(relay, ADDR_IPV4));
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
	struct addr addr = *relay_addr(relay, ADDR_IPV4);
	assert_ok(relay_set_credentials(relay, "alice", "wrong again"));
	make(w, 1, uri_of(w, "turn:", text), "secret");
	exchange(w);
	assert_true(addr_equal(relay_addr(relay, ADDR_IPV4), &addr));
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

/* ---- Two families ---- */

static void an_allocation_has_an_address_of_each_family(void **state)
{
	struct world *w = *state;
	over(state, "turn:", "turn:?transport=tcp");
	assert_non_null(relay_addr(w->ends[0].relay, ADDR_IPV6));
	assert_non_null(relay_addr(w->ends[1].relay, ADDR_IPV6));
	w->family = ADDR_IPV6;
	exchange(w);
}

static void a_relay_of_ipv6_alone_is_of_use(void **state)
{
	struct world *w = *state;
	w->family = ADDR_IPV6;
	over(state, "turn:", "turns:");
	assert_null(relay_addr(w->ends[0].relay, ADDR_IPV4));
}

static void a_relay_of_ipv4_alone_is_of_use(void **state)
{
	struct world *w = *state;
	over(state, "turn:", "turns:");
	assert_null(relay_addr(w->ends[0].relay, ADDR_IPV6));
}

/* ---- Servers that say no ---- */

/* One that answers every request with an error, and where it sends us on to. */
struct refusing {
	struct net_udp *udp;
	struct net_udp *answers_by; /* NULL: itself */
	uint16_t code;
	struct addr alternate;
	unsigned requests;
};

static void on_refused(const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct refusing *server = user;
	struct stun_message request;
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	(void)now;
	assert_ok(stun_parse(datagram, &request));
	server->requests++;
	if (server->code == 0)
		return;
	stun_begin(&w, STUN_ERROR, request.method, request.id.data);
	stun_add_error(&w, server->code, "no");
	if (server->code == 300)
		stun_add_addr(&w, STUN_ALTERNATE_SERVER, &server->alternate);
	struct net_udp *udp = server->answers_by ? server->answers_by : server->udp;
	struct path back = {.local = *net_udp_local(udp), .remote = path->remote};
	assert_ok(net_udp_send(udp, &back, writer_bytes(&w), w.size));
}

static const struct addr *start_refusing(struct world *w, struct refusing *server, uint16_t code)
{
	struct addr local;
	struct net_udp_handler handler = {.receive = on_refused, .user = server};
	*server = (struct refusing){.code = code};
	assert_true(addr_parse_ip("127.0.0.1", 0, &local));
	assert_ok(net_udp_create(w->loop, &local, 0, &handler, &server->udp));
	return net_udp_local(server->udp);
}

static void asked_at(struct world *w, const struct addr *server, const char *reason)
{
	char text[100];
	snprintf(text, sizeof text, "turn:127.0.0.1:%u", (unsigned)server->port);
	struct relay *relay = make(w, 0, text, "secret");
	RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
	if (!strstr(relay_reason(relay), reason))
		fail_msg("'%s' is not '%s'", relay_reason(relay), reason);
	relay_destroy(relay);
	w->ends[0].relay = NULL;
}

static void each_refusal_is_told(void **state)
{
	static const struct {
		uint16_t code;
		const char *reason;
	} table[] = {{300, "cannot be one (300)"}, {400, "the relay refuses (400)"},
		{401, "refuses our credentials (401)"}, {403, "forbids it (403)"},
		{420, "cannot do what we ask for (420)"},
		{437, "does not know our allocation (437)"}, {438, "refuses our credentials (438)"},
		{440, "no addresses of this family (440)"}, {441, "refuses our credentials (441)"},
		{442, "cannot do what we ask for (442)"},
		{443, "no addresses of this family (443)"}, {446, "the relay refuses (446)"},
		{447, "the relay refuses (447)"}, {486, "quota at the relay is used up (486)"},
		{500, "the relay refuses (500)"}, {508, "no capacity left (508)"}};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct refusing server;
		const struct addr *at = start_refusing(w, &server, table[i].code);
		server.alternate =
			(struct addr){.family = ADDR_IPV4, .port = 0, .ip = {192, 0, 2, 1}};
		asked_at(w, at, table[i].reason);
		net_udp_destroy(server.udp);
	}
}

static void relays_that_send_us_in_a_circle_are_left(void **state)
{
	struct world *w = *state;
	struct refusing a, b;
	a.alternate = *start_refusing(w, &a, 300); /* itself */
	asked_at(w, &a.alternate, "from one to the other");
	assert_int_equal(a.requests, 1);
	struct addr at = *net_udp_local(a.udp);
	a.alternate = *start_refusing(w, &b, 300);
	b.alternate = at;
	asked_at(w, &at, "from one to the other");
	assert_int_equal(a.requests, 2);
	assert_int_equal(b.requests, 1);
	net_udp_destroy(a.udp);
	net_udp_destroy(b.udp);
}

static void only_so_many_relays_in_a_row_are_followed(void **state)
{
	enum { COUNT = RELAY_REDIRECTS_MAX + 2 };
	struct world *w = *state;
	struct refusing servers[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		start_refusing(w, &servers[i], 300);
	for (size_t i = 0; i + 1 < COUNT; i++)
		servers[i].alternate = *net_udp_local(servers[i + 1].udp);
	asked_at(w, net_udp_local(servers[0].udp), "from one to the other");
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(servers[i].requests, i <= RELAY_REDIRECTS_MAX);
		net_udp_destroy(servers[i].udp);
	}
}

static void a_relay_sends_us_to_no_other_kind_of_address(void **state)
{
	static const char *const ips[] = {"::1", "0.0.0.0", "224.0.0.1", "255.255.255.255"};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof ips / sizeof ips[0]; i++) {
		struct refusing server;
		const struct addr *at = start_refusing(w, &server, 300);
		assert_true(addr_parse_ip(ips[i], 3478, &server.alternate));
		asked_at(w, at, "cannot be one");
		net_udp_destroy(server.udp);
	}
}

/* Somebody who knows the transaction and writes from elsewhere. */
static void answers_from_another_address_are_dropped(void **state)
{
	struct world *w = *state;
	struct refusing server, stranger;
	char text[100];
	snprintf(text, sizeof text, "turn:127.0.0.1:%u",
		(unsigned)start_refusing(w, &server, 0)->port);
	start_refusing(w, &stranger, 500);
	server.answers_by = stranger.udp;
	server.code = 403;
	struct relay *relay = make(w, 0, text, "secret");
	RUN_UNTIL(w, server.requests >= 2);
	assert_int_equal(relay_state(relay), RELAY_OPENING);
	server.answers_by = NULL;
	RUN_UNTIL(w, relay_state(relay) == RELAY_WAITING);
	net_udp_destroy(server.udp);
	net_udp_destroy(stranger.udp);
}

/* RELAY_FULL_WAIT; others are tried again within one and a half seconds. */
static void a_relay_that_is_full_is_left_alone_for_a_minute(void **state)
{
	struct world *w = *state;
	struct refusing full, broken;
	char text[100];
	snprintf(text, sizeof text, "turn:127.0.0.1:%u",
		(unsigned)start_refusing(w, &full, 486)->port);
	make(w, 0, text, "secret");
	RUN_UNTIL(w, full.requests == 1);
	snprintf(text, sizeof text, "turn:127.0.0.1:%u",
		(unsigned)start_refusing(w, &broken, 500)->port);
	make(w, 1, text, "secret");
	RUN_UNTIL(w, broken.requests == 3);
	assert_int_equal(full.requests, 1);
	net_udp_destroy(full.udp);
	net_udp_destroy(broken.udp);
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

/* ---- A NAT before the server ---- */

struct nat {
	struct net_loop *loop;
	struct net_udp *inside, *outside;
	struct addr server, client;
};

static void pass_on(struct net_udp *udp, const struct addr *remote, struct bytes datagram)
{
	struct path path = {.local = *net_udp_local(udp), .remote = *remote};
	assert_ok(net_udp_send(udp, &path, datagram, datagram.size));
}

static void on_inside(const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct nat *nat = user;
	(void)now;
	nat->client = path->remote;
	pass_on(nat->outside, &nat->server, datagram);
}

static void on_outside(const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct nat *nat = user;
	(void)path;
	(void)now;
	pass_on(nat->inside, &nat->client, datagram);
}

/* What was mapped is forgotten: the server sees another port. */
static void rebind(struct nat *nat)
{
	struct net_udp *former = nat->outside;
	struct addr local;
	struct net_udp_handler handler = {.receive = on_outside, .user = nat};
	assert_true(addr_parse_ip("127.0.0.1", 0, &local));
	assert_ok(net_udp_create(nat->loop, &local, 0, &handler, &nat->outside));
	net_udp_destroy(former);
}

static struct relay *make_behind(struct world *w, struct nat *nat)
{
	struct addr local;
	struct net_udp_handler handler = {.receive = on_inside, .user = nat};
	char text[100];
	*nat = (struct nat){.loop = w->loop};
	assert_true(addr_parse_ip("127.0.0.1", (uint16_t)w->port, &nat->server));
	assert_true(addr_parse_ip("127.0.0.1", 0, &local));
	assert_ok(net_udp_create(w->loop, &local, 0, &handler, &nat->inside));
	rebind(nat);
	snprintf(
		text, sizeof text, "turn:127.0.0.1:%u", (unsigned)net_udp_local(nat->inside)->port);
	struct relay *relay = make(w, 0, text, "secret");
	RUN_UNTIL(w, relay_state(relay) == RELAY_READY);
	return relay;
}

static bool has_another(const struct relay *relay, const struct addr *former)
{
	const struct addr *addr = relay_addr(relay, ADDR_IPV4);
	return addr && !addr_equal(addr, former);
}

static void end_nat(struct world *w, struct nat *nat)
{
	relay_destroy(w->ends[0].relay);
	w->ends[0].relay = NULL;
	net_udp_destroy(nat->inside);
	net_udp_destroy(nat->outside);
}

/* Nothing is sent through it: that it is needed again is reason enough to ask. */
static void a_kept_allocation_that_a_nat_has_cut_off_is_made_anew(void **state)
{
	struct world *w = *state;
	struct nat nat;
	if (is_skipped)
		skip();
	struct relay *relay = make_behind(w, &nat);
	struct addr former = *relay_addr(relay, ADDR_IPV4);
	relay_want(relay, false);
	usec limit = net_now() + RELAY_RETRY_MIN;
	while (net_now() < limit)
		net_loop_run_once(w->loop, limit);
	assert_true(addr_equal(relay_addr(relay, ADDR_IPV4), &former));
	rebind(&nat);
	relay_want(relay, true);
	assert_true(addr_equal(relay_addr(relay, ADDR_IPV4), &former));
	RUN_UNTIL(w, relay_state(relay) != RELAY_READY);
	assert_int_equal(relay_state(relay), RELAY_OPENING); /* at once */
	RUN_UNTIL(w, has_another(relay, &former));
	end_nat(w, &nat);
}

/* coturn calls our request for a permission malformed then. */
static void an_allocation_in_use_that_a_nat_has_cut_off_is_made_anew(void **state)
{
	struct world *w = *state;
	struct nat nat;
	struct addr peer;
	uint8_t check[] = {CHECK_BYTE};
	if (is_skipped)
		skip();
	struct relay *relay = make_behind(w, &nat);
	struct addr former = *relay_addr(relay, ADDR_IPV4);
	assert_true(addr_parse_ip("127.0.0.1", 9, &peer));
	rebind(&nat);
	assert_ok(relay_send(relay, &peer, bytes_of(check, sizeof check), sizeof check, net_now()));
	RUN_UNTIL(w, has_another(relay, &former));
	end_nat(w, &nat);
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

/* ---- UDP first ---- */

static void add_relay(struct world *w, struct peer_io *io, const char *uri)
{
	struct peer_io_relay_config relay = {
		.username = "alice", .password = "secret", .authorities = w->certificate};
	assert_ok(turn_uri_parse(uri, &relay.server));
	assert_ok(peer_io_add_relay(io, &relay));
}

static enum relay_state state_of(struct side *side, size_t index)
{
	return relay_state(peer_io_relay(side->io, index));
}

/* One server, and no allocation but over UDP; and none once the way is direct. */
static void udp_spares_the_relay_tcp_and_tls(void **state)
{
	struct world *w = *state;
	struct side a = {0}, b = {0};
	char text[100];
	usec setup_time;
	if (is_skipped)
		skip();
	/* A machine with other things to do may take longer. */
	for (;;) {
		a = b = (struct side){0};
		create_side(w, &a, true, true, "turn:");
		add_relay(w, a.io, uri_of(w, "turn:?transport=tcp", text));
		add_relay(w, a.io, uri_of(w, "turns:", text));
		assert_int_equal(state_of(&a, 0), RELAY_OPENING);
		assert_int_equal(state_of(&a, 1), RELAY_IDLE);
		assert_int_equal(state_of(&a, 2), RELAY_IDLE);
		RUN_UNTIL(w, state_of(&a, 0) == RELAY_READY);
		setup_time = relay_setup_time(peer_io_relay(a.io, 0));
		if (setup_time < RELAY_HEAD_START / 2)
			break;
		peer_io_destroy(a.io);
	}
	usec limit = net_now() + RELAY_HEAD_START;
	while (net_now() < limit)
		net_loop_run_once(w->loop, limit);
	assert_int_equal(state_of(&a, 1), RELAY_IDLE);
	assert_int_equal(state_of(&a, 2), RELAY_IDLE);
	assert_true(relay_is_wanted(peer_io_relay(a.io, 0)));
	create_side(w, &b, false, true, "turn:");
	connect_sides(w, &a, &b);
	RUN_UNTIL(w, !relay_is_wanted(peer_io_relay(a.io, 0)) &&
			     !relay_is_wanted(peer_io_relay(b.io, 0)));
	assert_string_equal(path_types(&a), "host host");
	end_sides(w, &a, &b);
}

static void where_udp_is_silent_the_others_have_their_turn(void **state)
{
	struct world *w = *state;
	struct side a = {0};
	struct refusing silent;
	struct peer_io_config io_config = {.loopback = true};
	struct peer_io_peer_config config = {.peer.offerer = true,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_relayed = true,
		.on_event = on_event,
		.user = &a};
	char text[100];
	if (is_skipped)
		skip();
	a.other = &a;
	assert_true(addr_parse_ip("127.0.0.1", 0, &io_config.local4));
	assert_ok(peer_io_create(w->loop, &io_config, &a.io));
	snprintf(text, sizeof text, "turn:127.0.0.1:%u",
		(unsigned)start_refusing(w, &silent, 0)->port);
	/* In any order. */
	add_relay(w, a.io, uri_of(w, "turns:", text));
	snprintf(text, sizeof text, "turn:127.0.0.1:%u", (unsigned)net_udp_local(silent.udp)->port);
	add_relay(w, a.io, text);
	usec begun = net_now();
	assert_ok(peer_io_peer_create(a.io, &config, &a.peer));
	assert_int_equal(state_of(&a, 0), RELAY_IDLE);
	RUN_UNTIL(w, state_of(&a, 0) != RELAY_IDLE);
	assert_true(net_now() >= begun + RELAY_HEAD_START);
	RUN_UNTIL(w, state_of(&a, 0) == RELAY_READY);
	assert_int_equal(state_of(&a, 1), RELAY_OPENING);
	assert_true(silent.requests > 0);
	peer_io_destroy(a.io);
	net_udp_destroy(silent.udp);
}

/* It need not be silence. */
static void where_udp_fails_the_others_do_not_wait(void **state)
{
	struct world *w = *state;
	struct side a = {0};
	struct refusing broken;
	struct peer_io_config io_config = {.loopback = true};
	struct peer_io_peer_config config = {.peer.offerer = true,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_relayed = true,
		.on_event = on_event,
		.user = &a};
	char text[100];
	if (is_skipped)
		skip();
	a.other = &a;
	assert_true(addr_parse_ip("127.0.0.1", 0, &io_config.local4));
	assert_ok(peer_io_create(w->loop, &io_config, &a.io));
	snprintf(text, sizeof text, "turn:127.0.0.1:%u",
		(unsigned)start_refusing(w, &broken, 500)->port);
	add_relay(w, a.io, text);
	add_relay(w, a.io, uri_of(w, "turn:?transport=tcp", text));
	assert_ok(peer_io_peer_create(a.io, &config, &a.peer));
	RUN_UNTIL(w, state_of(&a, 0) == RELAY_WAITING);
	assert_int_not_equal(state_of(&a, 1), RELAY_IDLE);
	RUN_UNTIL(w, state_of(&a, 1) == RELAY_READY);
	peer_io_destroy(a.io);
	net_udp_destroy(broken.udp);
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define WORLD_OF(name, families) cmocka_unit_test_setup_teardown(name, setup_##families, teardown)

TESTS(WORLD_OF(an_allocation_has_an_address_of_each_family, both_families),
	WORLD_OF(a_relay_of_ipv6_alone_is_of_use, ipv6), WORLD(a_relay_of_ipv4_alone_is_of_use),
	WORLD_OF(each_refusal_is_told, alone),
	WORLD_OF(relays_that_send_us_in_a_circle_are_left, alone),
	WORLD_OF(only_so_many_relays_in_a_row_are_followed, alone),
	WORLD_OF(a_relay_sends_us_to_no_other_kind_of_address, alone),
	WORLD_OF(answers_from_another_address_are_dropped, alone),
	WORLD_OF(a_relay_that_is_full_is_left_alone_for_a_minute, alone),
	WORLD(udp_spares_the_relay_tcp_and_tls),
	WORLD(where_udp_is_silent_the_others_have_their_turn),
	WORLD(where_udp_fails_the_others_do_not_wait), WORLD(datagrams_cross_two_relays_over_udp),
	WORLD(datagrams_cross_two_relays_over_tcp), WORLD(datagrams_cross_two_relays_over_tls),
	WORLD(the_two_sides_may_reach_the_relay_differently),
	WORLD(wrong_credentials_are_told_and_tried_again_later),
	WORLD(new_credentials_are_tried_at_once_and_leave_an_allocation_alone),
	WORLD_OF(the_largest_frames_are_waited_for, alone),
	WORLD(a_server_that_is_not_there_is_told), WORLD(a_certificate_for_somebody_else_is_told),
	WORLD(a_kept_allocation_that_a_nat_has_cut_off_is_made_anew),
	WORLD(an_allocation_in_use_that_a_nat_has_cut_off_is_made_anew),
	WORLD(two_peers_talk_over_relays_alone),
	WORLD(a_relay_is_not_used_where_a_direct_way_works), WORLD(an_allocation_is_given_back),
	WORLD(a_quota_that_is_used_up_is_told))
