#include "node/peer_io.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "ice/stun.h"
#include "net/udp.h"
#include "test.h"

/* One end of a connection: its peer and what it saw. */
struct end {
	struct peer_io *io;
	struct peer_io_peer *peer;
	struct end *other; /* where descriptions and candidates go */
	uint16_t channel;
	bool open, echo, described, closed, candidates_ended, destroy_on_message;
	size_t messages, bytes, size_expected;
	int reflexive_candidates;
};

static struct net_loop *loop;
static struct peer_io *offerer_io, *answerer_io;
static struct end a, b, c, d;
static struct addr reflexive;

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 20 * USEC_PER_SEC;                                       \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, limit_);                                           \
		assert_true(condition);                                                            \
	} while (0)

#define assert_dpc(expression)                                                                     \
	assert_string_equal(dpc_peer_err_text(expression), dpc_peer_err_text(DPC_OK))

static struct dpc_peer *dpc(struct end *end)
{
	return peer_io_peer_dpc(end->peer);
}

static void on_message(struct end *end, const struct dpc_event *event)
{
	end->messages++;
	end->bytes += event->size;
	if (end->size_expected > 0)
		assert_int_equal(event->size, end->size_expected);
	if (end->destroy_on_message) {
		peer_io_peer_destroy(end->peer);
		end->peer = NULL;
	} else if (end->echo) {
		assert_dpc(dpc_peer_send(dpc(end), net_now(), event->channel, event->binary,
			event->data, event->size));
	}
}

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct end *end = user;
	assert_ptr_equal(peer, end->peer);
	switch (event->type) {
	case DPC_EVENT_CANDIDATE:
		if (strstr(event->text, "srflx"))
			end->reflexive_candidates++;
		if (!*event->text)
			end->candidates_ended = true;
		if (end->other && end->other->described && end->other->peer) {
			(void)dpc_peer_add_remote_candidate(
				dpc(end->other), net_now(), event->text, strlen(event->text));
			peer_io_kick(end->other->peer);
		}
		break;
	case DPC_EVENT_CHANNEL_OPEN:
		end->channel = event->channel;
		end->open = true;
		break;
	case DPC_EVENT_MESSAGE:
		on_message(end, event);
		break;
	case DPC_EVENT_CLOSED:
		end->closed = true;
		break;
	case DPC_EVENT_STATE:
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
	case DPC_EVENT_CHANNEL_CLOSED:
		break;
	}
}

static void create(struct end *end, struct peer_io *io, bool offerer)
{
	struct peer_io_peer_config config = {.peer.offerer = offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_host = true,
		.with_reflexive = true,
		.on_event = on_event,
		.user = end};
	*end = (struct end){.io = io};
	assert_ok(peer_io_peer_create(io, &config, &end->peer));
}

static void give_description(struct end *from, struct end *to)
{
	char sdp[DPC_SDP_MAX];
	assert_dpc(dpc_peer_local_description(dpc(from), sdp, sizeof(sdp)));
	assert_dpc(dpc_peer_set_remote_description(dpc(to), net_now(), sdp, strlen(sdp)));
	to->described = true;
	peer_io_kick(to->peer);
}

static void begin_between(struct end *offerer, struct peer_io *offerers, struct end *answerer,
	struct peer_io *answerers)
{
	create(offerer, offerers, true);
	create(answerer, answerers, false);
	offerer->other = answerer;
	answerer->other = offerer;
	struct dpc_channel_config config = {.label = "test"};
	assert_dpc(dpc_peer_open_channel(dpc(offerer), net_now(), &config, &offerer->channel));
	give_description(offerer, answerer);
	give_description(answerer, offerer);
}

static void begin(struct end *offerer, struct end *answerer)
{
	begin_between(offerer, offerer_io, answerer, answerer_io);
}

static void open_sockets(const char *ip4, const char *ip6, unsigned avoid)
{
	struct peer_io_config config = {.loopback = true, .udp_avoid = avoid};
	if (ip4)
		assert_true(addr_parse_ip(ip4, 0, &config.local4));
	if (ip6)
		assert_true(addr_parse_ip(ip6, 0, &config.local6));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	assert_ok(peer_io_create(loop, &config, &answerer_io));
}

static int set_up(void **state)
{
	(void)state;
	a = b = c = d = (struct end){0};
	offerer_io = answerer_io = NULL;
	reflexive = (struct addr){0};
	return net_loop_create(&loop) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	peer_io_destroy(offerer_io);
	peer_io_destroy(answerer_io);
	net_loop_destroy(loop);
	return 0;
}

static void send_and_get_back(struct end *from, struct end *to, size_t count, size_t size)
{
	uint8_t *message = calloc(1, size);
	assert_non_null(message);
	to->echo = true;
	from->size_expected = to->size_expected = size;
	size_t expected = from->messages + count;
	for (size_t i = 0; i < count; i++)
		assert_dpc(dpc_peer_send(dpc(from), net_now(), from->channel, true, message, size));
	peer_io_kick(from->peer);
	RUN_UNTIL(from->messages == expected);
	free(message);
}

static void two_peers_talk_over(const char *ip4, const char *ip6, unsigned avoid)
{
	open_sockets(ip4, ip6, avoid);
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	send_and_get_back(&a, &b, 100, 10000);
	send_and_get_back(&b, &a, 10, 1);
}

static void two_peers_talk_over_ipv4(void **state)
{
	(void)state;
	two_peers_talk_over("127.0.0.1", NULL, 0);
	struct peer_io_stats stats;
	peer_io_stats(offerer_io, &stats);
	assert_int_equal(stats.peers, 1);
	assert_true(stats.routes > 0);
	assert_int_equal(stats.lost_out, 0);
	/* Whole flights went out and came in. */
	assert_true(stats.calls_out < stats.datagrams_out);
}

static void two_peers_talk_over_ipv6(void **state)
{
	(void)state;
	two_peers_talk_over(NULL, "::1", 0);
}

static void two_peers_talk_over_wildcard_sockets_of_both_families(void **state)
{
	(void)state;
	two_peers_talk_over("0.0.0.0", "::", 0);
}

static void two_peers_talk_where_the_kernel_refuses_batches(void **state)
{
	(void)state;
	two_peers_talk_over(
		"127.0.0.1", NULL, NET_UDP_AVOID_GSO | NET_UDP_AVOID_SENDMMSG | NET_UDP_AVOID_GRO);
}

/* Checks find a peer by the name of before, and by that of now. */
static void a_restart_goes_on_under_another_name(void **state)
{
	(void)state;
	open_sockets("127.0.0.1", NULL, 0);
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	send_and_get_back(&a, &b, 20, 1000);
	char user[2][64];
	for (int i = 0; i < 2; i++)
		snprintf(user[i], sizeof user[i], "%s", dpc_peer_user(dpc(i == 0 ? &a : &b)));
	assert_int_equal(dpc_peer_restart_ice(dpc(&b), net_now()), DPC_OK);
	give_description(&b, &a);
	give_description(&a, &b);
	for (int i = 0; i < 2; i++)
		assert_string_not_equal(dpc_peer_user(dpc(i == 0 ? &a : &b)), user[i]);
	send_and_get_back(&a, &b, 20, 1000);
	/* The session of before ends after some seconds, when checks of the new one were answered.
	 */
	RUN_UNTIL(!dpc_peer_former_user(dpc(&a)) && !dpc_peer_former_user(dpc(&b)));
	send_and_get_back(&b, &a, 20, 1000);
}

static void a_graceful_close_reaches_both_ends(void **state)
{
	(void)state;
	open_sockets("127.0.0.1", NULL, 0);
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	dpc_peer_close(dpc(&a), net_now());
	peer_io_kick(a.peer);
	RUN_UNTIL(a.closed && b.closed);
	peer_io_peer_destroy(a.peer);
	peer_io_peer_destroy(b.peer);
	struct peer_io_stats stats;
	peer_io_stats(answerer_io, &stats);
	assert_int_equal(stats.peers, 0);
	assert_int_equal(stats.routes, 0);
}

static void a_second_connection_on_the_same_path_works_and_the_first_goes_on(void **state)
{
	(void)state;
	open_sockets("127.0.0.1", NULL, 0);
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	send_and_get_back(&a, &b, 10, 1000);
	begin(&c, &d);
	RUN_UNTIL(c.open && d.open);
	send_and_get_back(&c, &d, 10, 2000);
	send_and_get_back(&a, &b, 10, 1000);
	/* An abort of the newer leaves the older alone. */
	dpc_peer_abort(dpc(&c), net_now());
	peer_io_peer_destroy(c.peer);
	c.peer = NULL;
	RUN_UNTIL(d.closed);
	peer_io_peer_destroy(d.peer);
	d.peer = NULL;
	send_and_get_back(&a, &b, 10, 1000);
}

/* By the same side, and by both (glare). */
static void two_connections_begun_at_once_on_one_path_both_open(void **state)
{
	(void)state;
	for (int crossed = 0; crossed < 2; crossed++) {
		open_sockets("127.0.0.1", NULL, 0);
		begin(&a, &b);
		if (crossed)
			begin_between(&c, answerer_io, &d, offerer_io);
		else
			begin(&c, &d);
		RUN_UNTIL(a.open && b.open && c.open && d.open);
		send_and_get_back(&a, &b, 10, 1000);
		send_and_get_back(&c, &d, 10, 2000);
		peer_io_destroy(offerer_io);
		peer_io_destroy(answerer_io);
		offerer_io = answerer_io = NULL;
	}
}

static void a_peer_can_be_destroyed_in_its_event(void **state)
{
	(void)state;
	open_sockets("127.0.0.1", NULL, 0);
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	b.destroy_on_message = true;
	for (int i = 0; i < 5; i++)
		assert_dpc(dpc_peer_send(dpc(&a), net_now(), a.channel, false, "x", 1));
	peer_io_kick(a.peer);
	RUN_UNTIL(b.messages > 0);
	net_loop_run_once(loop, net_now() + 1000);
	assert_int_equal(b.messages, 1);
	assert_null(b.peer);
}

static void on_stray(const struct path *path, struct bytes datagram, usec now, void *user)
{
	(void)path;
	(void)datagram;
	(void)now;
	(void)user;
}

static void garbage_is_counted_and_a_connection_notices_nothing(void **state)
{
	(void)state;
	open_sockets("127.0.0.1", NULL, 0);
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	struct addr local;
	assert_true(addr_parse_ip("127.0.0.1", 0, &local));
	struct net_udp_handler handler = {.receive = on_stray};
	struct net_udp *stranger;
	assert_ok(net_udp_create(loop, &local, 0, &handler, &stranger));
	struct rng rng = rng_seeded(11);
	struct path path = {.local = local, .remote = *peer_io_local(answerer_io, ADDR_IPV4)};
	for (int i = 0; i < 500; i++) {
		uint8_t garbage[200];
		rng_fill(&rng, garbage, sizeof(garbage));
		garbage[0] = (uint8_t)(i % 80);
		assert_ok(net_udp_send(stranger, &path, bytes_of(garbage, 1 + rng_below(&rng, 200)),
			sizeof(garbage)));
	}
	struct peer_io_stats stats;
	do {
		net_loop_run_once(loop, net_now() + USEC_PER_SEC);
		peer_io_stats(answerer_io, &stats);
	} while (stats.unknown_in < 500);
	send_and_get_back(&a, &b, 50, 5000);
	net_udp_destroy(stranger);
}

/* ---- STUN ---- */

static struct net_udp *stun_server;
static int stun_requests;

/* Says that everybody comes from 192.0.2.55. */
static void on_stun_request(const struct path *path, struct bytes datagram, usec now, void *user)
{
	(void)now;
	(void)user;
	struct stun_message request;
	assert_ok(stun_parse(datagram, &request));
	stun_requests++;
	struct addr mapped;
	assert_true(addr_parse_ip("192.0.2.55", path->remote.port, &mapped));
	uint8_t answer[200];
	struct writer w = writer_of(answer, sizeof(answer));
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, request.id.data);
	stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &mapped);
	stun_add_fingerprint(&w);
	assert_false(w.failed);
	assert_ok(net_udp_send(stun_server, path, writer_bytes(&w), w.size));
}

static void on_reflexive(const struct addr *addr, void *user)
{
	(void)user;
	reflexive = *addr;
}

static void what_a_stun_server_sees_becomes_a_candidate(void **state)
{
	(void)state;
	struct net_udp_handler handler = {.receive = on_stun_request};
	struct peer_io_config config = {.loopback = true, .on_reflexive = on_reflexive};
	struct addr local;
	assert_true(addr_parse_ip("127.0.0.1", 0, &local));
	assert_true(addr_parse_ip("0.0.0.0", 0, &config.local4));
	assert_ok(net_udp_create(loop, &local, 0, &handler, &stun_server));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	stun_requests = 0;
	assert_ok(peer_io_set_stun_servers(offerer_io, net_udp_local(stun_server), 1));
	assert_null(peer_io_reflexive(offerer_io, ADDR_IPV4));

	/* One that was there before the answer, told to trickle it, and one that came after. */
	char sdp[DPC_SDP_MAX];
	create(&a, offerer_io, true);
	assert_dpc(dpc_peer_local_description(dpc(&a), sdp, sizeof(sdp)));
	assert_null(strstr(sdp, "srflx"));
	RUN_UNTIL(reflexive.family == ADDR_IPV4);
	assert_int_equal(stun_requests, 1);
	char text[ADDR_TEXT_MAX];
	assert_string_equal(addr_ip_text(&reflexive, text), "192.0.2.55");
	assert_true(addr_equal(peer_io_reflexive(offerer_io, ADDR_IPV4), &reflexive));
	RUN_UNTIL(a.reflexive_candidates == 1 && a.candidates_ended);

	/* Named again, as when its name was looked up again, it is not silent meanwhile. */
	assert_ok(peer_io_set_stun_servers(offerer_io, net_udp_local(stun_server), 1));
	create(&b, offerer_io, true);
	assert_dpc(dpc_peer_local_description(dpc(&b), sdp, sizeof(sdp)));
	assert_non_null(strstr(sdp, "192.0.2.55"));
	assert_non_null(strstr(sdp, "end-of-candidates"));
	net_udp_destroy(stun_server);
}

static void a_silent_stun_server_delays_the_end_of_candidates_only_so_long(void **state)
{
	(void)state;
	struct net_udp_handler handler = {.receive = on_stray};
	struct addr local;
	assert_true(addr_parse_ip("127.0.0.1", 0, &local));
	assert_ok(net_udp_create(loop, &local, 0, &handler, &stun_server));
	open_sockets("127.0.0.1", NULL, 0);
	assert_ok(peer_io_set_stun_servers(offerer_io, net_udp_local(stun_server), 1));
	char sdp[DPC_SDP_MAX];
	usec begun = net_now();
	create(&a, offerer_io, true);
	assert_dpc(dpc_peer_local_description(dpc(&a), sdp, sizeof(sdp)));
	RUN_UNTIL(a.candidates_ended);
	assert_true(net_now() >= begun + PEER_IO_GATHER_TIME);
	assert_true(net_now() < begun + 3 * PEER_IO_GATHER_TIME);
	struct addr many[PEER_IO_STUN_SERVERS_MAX + 1] = {0};
	assert_err(peer_io_set_stun_servers(offerer_io, many, PEER_IO_STUN_SERVERS_MAX + 1),
		ERR_LIMIT);
	net_udp_destroy(stun_server);
}

static void one_more_peer_than_configured_is_refused(void **state)
{
	(void)state;
	struct peer_io_config config = {.loopback = true, .peers_max = 3};
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local4));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	create(&a, offerer_io, true);
	create(&b, offerer_io, true);
	create(&c, offerer_io, true);
	struct peer_io_peer_config one_more = {.on_event = on_event, .user = &d};
	assert_err(peer_io_peer_create(offerer_io, &one_more, &d.peer), ERR_LIMIT);
	peer_io_peer_destroy(a.peer);
	create(&d, offerer_io, true);
}

static void as_many_peers_as_the_limit_says_and_no_more(void **state)
{
	(void)state;
	struct peer_io_config config = {.loopback = true};
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local4));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	struct peer_io_peer_config idle = {.on_event = on_event, .user = &a};
	struct peer_io_peer *peer;
	for (size_t i = 0; i < PEER_IO_PEERS_MAX; i++)
		assert_ok(peer_io_peer_create(offerer_io, &idle, &peer));
	assert_err(peer_io_peer_create(offerer_io, &idle, &peer), ERR_LIMIT);
	struct peer_io_stats stats;
	peer_io_stats(offerer_io, &stats);
	assert_int_equal(stats.peers, PEER_IO_PEERS_MAX);
}

static void a_taken_port_is_told(void **state)
{
	(void)state;
	open_sockets("127.0.0.1", NULL, 0);
	struct peer_io_config config = {.local4 = *peer_io_local(offerer_io, ADDR_IPV4)};
	struct peer_io *io;
	assert_err(peer_io_create(loop, &config, &io), ERR_ADDRESS_IN_USE);
	assert_null(peer_io_local(offerer_io, ADDR_IPV6));
}

static size_t mtu_of(struct end *end)
{
	struct dpc_stats stats;
	dpc_peer_stats(dpc(end), &stats);
	return stats.mtu;
}

static void the_peers_of_a_process_share_its_memory(void **state)
{
	(void)state;
	struct peer_io_config config = {.loopback = true, .memory_max = 100000};
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local4));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	assert_ok(peer_io_create(loop, &config, &answerer_io));
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	begin(&c, &d);
	RUN_UNTIL(c.open && d.open);
	static const uint8_t zeros[80000];
	struct peer_io_stats stats;
	for (int i = 0; i < 2; i++) {
		struct end *end = i == 0 ? &a : &c;
		usec now = net_now();
		assert_dpc(dpc_peer_send(dpc(end), now, end->channel, true, zeros, 80000));
		assert_int_equal(dpc_peer_send(dpc(end), now, end->channel, true, zeros, 80000),
			DPC_ERR_AGAIN);
	}
	peer_io_stats(offerer_io, &stats);
	assert_int_equal(stats.memory, 160000);
	peer_io_kick(a.peer);
	peer_io_kick(c.peer);
	RUN_UNTIL(b.bytes == 80000 && d.bytes == 80000);
	do {
		net_loop_run_once(loop, net_now() + USEC_PER_MS);
		peer_io_stats(offerer_io, &stats);
	} while (stats.memory > 0);
	peer_io_stats(answerer_io, &stats);
	assert_int_equal(stats.memory, 0);
	assert_true(PEER_IO_MEMORY_MAX >= 64 * 1024 * 1024);
}

static void bulk_finds_the_mtu_of_the_interface(void **state)
{
	(void)state;
	static const uint8_t block[100000];
	struct peer_io_config config = {.loopback = true, .search_mtu = true};
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local4));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	assert_ok(peer_io_create(loop, &config, &answerer_io));
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	assert_in_range(mtu_of(&a), 1197, 1200);
	for (int i = 0; i < 20; i++)
		assert_dpc(
			dpc_peer_send(dpc(&a), net_now(), a.channel, true, block, sizeof(block)));
	peer_io_kick(a.peer);
	RUN_UNTIL(b.messages == 20);
	/* Loopback has 65,536 bytes, a record of DTLS 16,384. */
	assert_in_range(mtu_of(&a), 16000, 16384);
	assert_in_range(mtu_of(&b), 1197, 1200);
}

static size_t lingering(const struct peer_io *io)
{
	struct peer_io_stats stats;
	peer_io_stats(io, &stats);
	return stats.lingering;
}

static void a_destroyed_peer_stays_until_its_last_words_are_heard(void **state)
{
	(void)state;
	struct peer_io_stats stats;
	open_sockets("127.0.0.1", NULL, 0);
	begin(&a, &b);
	RUN_UNTIL(a.open && b.open);
	dpc_peer_abort(dpc(&a), net_now());
	peer_io_peer_destroy(a.peer);
	peer_io_stats(offerer_io, &stats);
	assert_int_equal(stats.peers, 0);
	assert_int_equal(stats.lingering, 1);
	RUN_UNTIL(b.closed);
	RUN_UNTIL(lingering(offerer_io) == 0);
	peer_io_stats(offerer_io, &stats);
	assert_int_equal(stats.routes, 0);
}

static void of_too_many_that_stay_the_oldest_go(void **state)
{
	(void)state;
	static struct end pairs[PEER_IO_LINGERING_MAX + 1][2];
	const size_t count = sizeof pairs / sizeof pairs[0];
	open_sockets("127.0.0.1", NULL, 0);
	for (size_t i = 0; i < count; i++) {
		begin(&pairs[i][0], &pairs[i][1]);
		RUN_UNTIL(pairs[i][0].open && pairs[i][1].open);
	}
	/* All at once, before the first has stayed for long enough. */
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(lingering(offerer_io), i);
		/* It says nothing and will not answer. */
		peer_io_peer_destroy(pairs[i][1].peer);
		dpc_peer_abort(dpc(&pairs[i][0]), net_now());
		peer_io_peer_destroy(pairs[i][0].peer);
	}
	assert_int_equal(lingering(offerer_io), PEER_IO_LINGERING_MAX);
}

static struct peer_io_relay_config relay_at(const char *uri, const char *username)
{
	struct peer_io_relay_config relay = {.username = username, .password = "p"};
	assert_ok(turn_uri_parse(uri, &relay.server));
	return relay;
}

static void assert_relays(const char *expected)
{
	char text[400] = "", server[TURN_URI_TEXT_MAX];
	for (size_t i = 0; i < peer_io_relay_count(offerer_io); i++) {
		size_t size = strlen(text);
		snprintf(text + size, sizeof text - size, "%s%s ",
			peer_io_relay_is_from_hub(offerer_io, i) ? "hub:" : "",
			turn_uri_text(relay_server(peer_io_relay(offerer_io, i)), server));
	}
	assert_string_equal(text, expected);
}

static void the_relays_of_the_hub_replace_their_own_kind(void **state)
{
	(void)state;
	struct peer_io_config config = {0};
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local4));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	struct peer_io_relay_config own = relay_at("turn:a", "u");
	assert_ok(peer_io_add_relay(offerer_io, &own));
	struct peer_io_relay_config first[] = {relay_at("turns:b", "1:u"),
		relay_at("turn:A", "1:u"), relay_at("turn:b?transport=tcp", "1:u")};
	/* One that is configured is not taken from the hub, however its name is written. */
	assert_ok(peer_io_set_hub_relays(offerer_io, first, 3));
	assert_relays("a:3478/udp hub:b:5349/tls hub:b:3478/tcp ");
	const struct relay *kept = peer_io_relay(offerer_io, 2);
	struct peer_io_relay_config second[] = {
		relay_at("turn:c", "2:u"), relay_at("turn:b?transport=tcp", "2:u")};
	assert_ok(peer_io_set_hub_relays(offerer_io, second, 2));
	assert_relays("a:3478/udp hub:b:3478/tcp hub:c:3478/udp ");
	assert_ptr_equal(peer_io_relay(offerer_io, 1), kept);
	assert_ok(peer_io_set_hub_relays(offerer_io, NULL, 0));
	assert_relays("a:3478/udp ");
}

static void more_relays_than_the_limit_are_left_out(void **state)
{
	(void)state;
	struct peer_io_config config = {0};
	struct peer_io_relay_config relays[PEER_IO_RELAYS_MAX + 1];
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local4));
	assert_ok(peer_io_create(loop, &config, &offerer_io));
	for (size_t i = 0; i < PEER_IO_RELAYS_MAX + 1; i++) {
		char uri[40];
		snprintf(uri, sizeof uri, "turn:relay-%zu", i);
		relays[i] = relay_at(uri, "u");
	}
	assert_err(peer_io_set_hub_relays(offerer_io, relays, PEER_IO_RELAYS_MAX + 1), ERR_LIMIT);
	assert_int_equal(peer_io_relay_count(offerer_io), PEER_IO_RELAYS_MAX);
	assert_err(peer_io_add_relay(offerer_io, &relays[PEER_IO_RELAYS_MAX]), ERR_LIMIT);
}

#define PEER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TESTS(PEER_TEST(the_relays_of_the_hub_replace_their_own_kind),
	PEER_TEST(more_relays_than_the_limit_are_left_out), PEER_TEST(two_peers_talk_over_ipv4),
	PEER_TEST(two_peers_talk_over_ipv6),
	PEER_TEST(two_peers_talk_over_wildcard_sockets_of_both_families),
	PEER_TEST(two_peers_talk_where_the_kernel_refuses_batches),
	PEER_TEST(a_restart_goes_on_under_another_name),
	PEER_TEST(a_graceful_close_reaches_both_ends),
	PEER_TEST(a_second_connection_on_the_same_path_works_and_the_first_goes_on),
	PEER_TEST(two_connections_begun_at_once_on_one_path_both_open),
	PEER_TEST(the_peers_of_a_process_share_its_memory),
	PEER_TEST(bulk_finds_the_mtu_of_the_interface),
	PEER_TEST(a_destroyed_peer_stays_until_its_last_words_are_heard),
	PEER_TEST(of_too_many_that_stay_the_oldest_go),
	PEER_TEST(a_peer_can_be_destroyed_in_its_event),
	PEER_TEST(garbage_is_counted_and_a_connection_notices_nothing),
	PEER_TEST(what_a_stun_server_sees_becomes_a_candidate),
	PEER_TEST(a_silent_stun_server_delays_the_end_of_candidates_only_so_long),
	PEER_TEST(one_more_peer_than_configured_is_refused),
	PEER_TEST(as_many_peers_as_the_limit_says_and_no_more), PEER_TEST(a_taken_port_is_told))
