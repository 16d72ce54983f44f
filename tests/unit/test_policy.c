/* What a policy forbids is never sent to, and never shown, whatever the other side signals: runs of
 * random candidates, and checks that come from where they should not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "dpc/peer.h"
#include "test.h"

#define RUNS 60
#define CANDIDATES 24
#define SECONDS 12
#define START INT64_C(1000000000)
/* Bytes of the addresses that only a direct link may show: they are in no other address here. */
#define SECRET_IP "10.77.66.55"
#define SECRET_REFLEXIVE "198.51.100.77"

struct world {
	struct rng rng;
	int64_t now;
	struct dpc_peer *ours, *theirs;
	struct dpc_addr host, reflexive, relayed[2], their_host;
	struct dpc_addr forbidden[CANDIDATES]; /* remote addresses not to be sent to */
	size_t forbidden_count, sent;
	bool relay_only;
};

static struct dpc_addr addr4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return (struct dpc_addr){.family = 4, .port = port, .ip = {a, b, c, d}};
}

static struct dpc_addr addr6(uint8_t first, uint8_t last, uint16_t port)
{
	return (struct dpc_addr){.family = 6, .port = port, .ip = {first, 0x01, [15] = last}};
}

static bool same(const struct dpc_addr *a, const struct dpc_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static void assert_shown(const struct world *w, const char *text)
{
	if (w->relay_only) {
		assert_null(strstr(text, "typ host"));
		assert_null(strstr(text, "typ srflx"));
		assert_null(strstr(text, "typ prflx"));
		assert_null(strstr(text, SECRET_IP));
		assert_null(strstr(text, SECRET_REFLEXIVE));
	} else {
		assert_null(strstr(text, "typ relay"));
		assert_null(strstr(text, "203.0.113.200"));
	}
}

static void assert_path(struct world *w, const struct dpc_path *path)
{
	w->sent++;
	if (w->relay_only)
		assert_true(
			same(&path->local, &w->relayed[0]) || same(&path->local, &w->relayed[1]));
	else
		assert_true(same(&path->local, &w->host));
	for (size_t i = 0; i < w->forbidden_count; i++)
		assert_false(same(&path->remote, &w->forbidden[i]));
}

static void drain(struct world *w)
{
	uint8_t data[DPC_WRITE_BEST];
	struct dpc_path path;
	struct dpc_event event;
	size_t segment;
	while (dpc_peer_write(w->ours, w->now, data, sizeof data, &path, &segment) > 0)
		assert_path(w, &path);
	while (dpc_peer_next_event(w->ours, &event))
		if (event.type == DPC_EVENT_CANDIDATE)
			assert_shown(w, event.text);
}

/* What the other side sends goes to an address of ours that was never shown. */
static void drain_theirs(struct world *w)
{
	uint8_t data[DPC_WRITE_BEST];
	struct dpc_path path;
	struct dpc_event event;
	size_t size, segment;
	while ((size = dpc_peer_write(w->theirs, w->now, data, sizeof data, &path, &segment)) > 0) {
		struct dpc_path arrived = {.local = w->host, .remote = path.local};
		dpc_peer_receive(w->ours, w->now, &arrived, data, size < segment ? size : segment);
		drain(w);
	}
	while (dpc_peer_next_event(w->theirs, &event)) {}
}

static void run(struct world *w)
{
	int64_t end = w->now + SECONDS * INT64_C(1000000);
	while (w->now < end) {
		drain(w);
		drain_theirs(w);
		w->now += 20000;
		dpc_peer_advance(w->ours, w->now);
		dpc_peer_advance(w->theirs, w->now);
	}
}

static struct dpc_addr random_addr(struct world *w, size_t index)
{
	uint8_t last = (uint8_t)(index + 1);
	uint16_t port = (uint16_t)(1024 + rng_below(&w->rng, 60000));
	switch (rng_below(&w->rng, 8)) {
	case 0:
		return addr4(127, 0, 0, last, port);
	case 1:
		return addr4(192, 168, 1, last, port);
	case 2:
		return addr4(169, 254, 9, last, port);
	case 3:
		return addr4(10, 1, 2, last, port);
	case 4:
		return addr6(0x20, last, port);
	case 5:
		return addr6(0xfd, last, port);
	default:
		return addr4(192, 0, 2, last, port);
	}
}

static void add_random(struct world *w, size_t index)
{
	static const char *const types[] = {"host", "srflx", "prflx", "relay"};
	const char *type = types[rng_below(&w->rng, 4)];
	struct dpc_addr addr = random_addr(w, index);
	char text[200], ip[60];
	if (addr.family == 4)
		snprintf(ip, sizeof ip, "%u.%u.%u.%u", addr.ip[0], addr.ip[1], addr.ip[2],
			addr.ip[3]);
	else
		snprintf(ip, sizeof ip, "%02x01::%x", addr.ip[0], addr.ip[15]);
	snprintf(text, sizeof text, "candidate:%zu 1 udp %u %s %u typ %s", index,
		(unsigned)rng_below(&w->rng, 2000000000) + 1, ip, (unsigned)addr.port, type);
	if (dpc_peer_add_remote_candidate(w->ours, w->now, text, strlen(text)) == DPC_OK &&
		!w->relay_only && strcmp(type, "relay") == 0)
		w->forbidden[w->forbidden_count++] = addr;
}

static void describe(struct world *w, struct dpc_peer *from, struct dpc_peer *to)
{
	static char sdp[DPC_SDP_MAX];
	assert_int_equal(dpc_peer_local_description(from, sdp, sizeof sdp), DPC_OK);
	if (from == w->ours)
		assert_shown(w, sdp);
	assert_int_equal(dpc_peer_set_remote_description(to, w->now, sdp, strlen(sdp)), DPC_OK);
}

static void begin(struct world *w, uint64_t seed, bool relay_only)
{
	*w = (struct world){.rng = rng_seeded(seed),
		.now = START,
		.relay_only = relay_only,
		.host = addr4(10, 77, 66, 55, 4000),
		.reflexive = addr4(198, 51, 100, 77, 4000),
		.relayed = {addr4(203, 0, 113, 200, 50000), addr6(0x2a, 200, 50001)},
		.their_host = addr4(192, 0, 2, 250, 5000)};
	bool offerer = seed % 2;
	struct dpc_peer_config config = {
		.offerer = offerer, .unix_time = 1800000000, .refuse_relayed = !relay_only};
	struct dpc_peer_config their_config = {.offerer = !offerer, .unix_time = 1800000000};
	assert_int_equal(dpc_peer_create(&config, w->now, &w->ours), DPC_OK);
	assert_int_equal(dpc_peer_create(&their_config, w->now, &w->theirs), DPC_OK);
	assert_int_equal(dpc_peer_add_host(w->theirs, w->now, &w->their_host), DPC_OK);
	if (relay_only) {
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(
				dpc_peer_add_relayed(w->ours, w->now, &w->relayed[i]), DPC_OK);
	} else {
		assert_int_equal(dpc_peer_add_host(w->ours, w->now, &w->host), DPC_OK);
		assert_int_equal(
			dpc_peer_add_reflexive(w->ours, w->now, &w->host, &w->reflexive), DPC_OK);
	}
	struct dpc_peer *first = offerer ? w->ours : w->theirs;
	describe(w, first, first == w->ours ? w->theirs : w->ours);
	describe(w, first == w->ours ? w->theirs : w->ours, first);
}

static void end(struct world *w)
{
	dpc_peer_destroy(w->ours);
	dpc_peer_destroy(w->theirs);
}

/* A guess of where we are, or what somebody knows of old. */
static void tell_them_where_we_are(struct world *w)
{
	static const char text[] = "candidate:9 1 udp 2130706431 " SECRET_IP " 4000 typ host";
	assert_int_equal(
		dpc_peer_add_remote_candidate(w->theirs, w->now, text, sizeof text - 1), DPC_OK);
}

static void relay_only_sends_from_relays_alone(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct world w;
		begin(&w, seed, true);
		tell_them_where_we_are(&w);
		for (size_t i = 0; i < CANDIDATES; i++)
			add_random(&w, i);
		run(&w);
		assert_true(w.sent > 0);
		assert_int_not_equal(dpc_peer_state(w.ours), DPC_CONNECTED);
		end(&w);
	}
}

static void relay_only_shows_what_is_trickled_of_relays_alone(void **state)
{
	(void)state;
	struct world w;
	begin(&w, 1, true);
	struct dpc_addr another = addr4(203, 0, 113, 201, 50002);
	drain(&w);
	assert_int_equal(dpc_peer_add_relayed(w.ours, w.now, &another), DPC_OK);
	dpc_peer_end_of_candidates(w.ours, w.now);
	drain(&w);
	end(&w);
}

static void direct_only_sends_to_no_relay(void **state)
{
	(void)state;
	size_t forbidden = 0;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct world w;
		begin(&w, seed, false);
		for (size_t i = 0; i < CANDIDATES; i++)
			add_random(&w, i);
		run(&w);
		assert_true(w.sent > 0);
		forbidden += w.forbidden_count;
		end(&w);
	}
	assert_true(forbidden > RUNS);
}

TESTS(TEST(relay_only_sends_from_relays_alone),
	TEST(relay_only_shows_what_is_trickled_of_relays_alone),
	TEST(direct_only_sends_to_no_relay))
