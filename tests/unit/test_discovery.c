#include "ice/discovery.h"

#include "ice/stun.h"
#include "test.h"

#define START (1000 * USEC_PER_SEC)

/* A server with two addresses and two ports behind a NAT whose behaviour is set. */
struct world {
	struct rng rng;
	struct discovery d;
	usec now;
	enum discovery_behaviour mapping, filtering;
	bool hairpin, is_old, silent;
	bool other_is_dead;             /* the server has no second address, and says that it has */
	struct addr claimed;            /* what it says, if it is set */
	struct addr local, sent_to[16]; /* whom the NAT lets in: those that were sent to */
	size_t sent_count;
};

static struct addr addr4(uint8_t a, uint8_t last, uint16_t port)
{
	return (struct addr){.family = ADDR_IPV4, .port = port, .ip = {a, 0, 2, last}};
}

static struct addr server(bool other_ip, bool other_port)
{
	return addr4(198, other_ip ? 2 : 1, other_port ? 3479 : 3478);
}

static void setup(
	struct world *w, enum discovery_behaviour mapping, enum discovery_behaviour filtering)
{
	*w = (struct world){
		.rng = rng_seeded(1), .now = START, .mapping = mapping, .filtering = filtering};
	w->local = addr4(192, 1, 5000);
	struct addr target = server(false, false);
	discovery_init(&w->d, &w->local, &target, &w->rng, w->now);
}

static struct addr mapped_for(const struct world *w, const struct addr *to)
{
	struct addr mapped = addr4(203, 1, 6000);
	switch (w->mapping) {
	case DISCOVERY_NONE:
		return w->local;
	case DISCOVERY_ADDRESS_AND_PORT_DEPENDENT:
		mapped.port = (uint16_t)(mapped.port + to->port);
		mapped.ip[3] = to->ip[3];
		return mapped;
	case DISCOVERY_ADDRESS_DEPENDENT:
		mapped.port = (uint16_t)(mapped.port + to->ip[3]);
		return mapped;
	case DISCOVERY_UNKNOWN:
	case DISCOVERY_ENDPOINT_INDEPENDENT:
		return mapped;
	}
	return mapped;
}

static bool lets_in(const struct world *w, const struct addr *from)
{
	for (size_t i = 0; i < w->sent_count; i++) {
		bool same_ip = addr_same_ip(from, &w->sent_to[i]);
		if (w->filtering <= DISCOVERY_ENDPOINT_INDEPENDENT ||
			(w->filtering == DISCOVERY_ADDRESS_DEPENDENT && same_ip) ||
			addr_equal(from, &w->sent_to[i]))
			return true;
	}
	return false;
}

static void answer(struct world *w, struct bytes request, const struct addr *to)
{
	struct stun_message m;
	uint8_t data[200];
	assert_ok(stun_parse(request, &m));
	bool other_ip = to->ip[3] == 2, other_port = to->port == 3479;
	/* CHANGE-REQUEST is the first attribute where it is one. */
	if (stun_has(&m, STUN_CHANGE_REQUEST)) {
		if (w->is_old)
			return;
		other_ip ^= (request.data[27] & 4) != 0;
		other_port ^= (request.data[27] & 2) != 0;
	}
	if (w->other_is_dead && (other_ip || other_port))
		return;
	struct addr from = server(other_ip, other_port), other = server(true, true),
		    mapped = mapped_for(w, to);
	if (w->claimed.family != ADDR_NONE)
		other = w->claimed;
	if (!lets_in(w, &from))
		return;
	struct writer out = writer_of(data, sizeof data);
	stun_begin(&out, STUN_SUCCESS, STUN_BINDING, m.id.data);
	stun_add_addr(&out, STUN_XOR_MAPPED_ADDRESS, &mapped);
	if (!w->is_old)
		stun_add_addr(&out, STUN_OTHER_ADDRESS, &other);
	w->now += 20 * USEC_PER_MS;
	discovery_receive(&w->d, w->now, &from, writer_bytes(&out));
}

static void run(struct world *w)
{
	uint8_t data[DISCOVERY_DATAGRAM_MAX];
	struct addr to;
	bool second;
	size_t size;
	for (int i = 0; i < 100 && !discovery_is_done(&w->d); i++) {
		while ((size = discovery_write(&w->d, w->now, data, &to, &second)) > 0) {
			if (w->silent)
				continue;
			if (second) {
				struct addr from = addr4(203, 1, 6001);
				if (w->hairpin)
					discovery_receive(
						&w->d, w->now, &from, bytes_of(data, size));
				continue;
			}
			w->sent_to[w->sent_count++ % 16] = to;
			answer(w, bytes_of(data, size), &to);
		}
		if (discovery_is_done(&w->d))
			break;
		assert_true(discovery_deadline(&w->d) > w->now);
		w->now = discovery_deadline(&w->d);
		discovery_advance(&w->d, w->now);
	}
	assert_true(discovery_is_done(&w->d));
	assert_int_equal(discovery_deadline(&w->d), USEC_NEVER);
}

static void each_behaviour_is_told_apart(void **state)
{
	(void)state;
	static const enum discovery_behaviour kinds[] = {DISCOVERY_ENDPOINT_INDEPENDENT,
		DISCOVERY_ADDRESS_DEPENDENT, DISCOVERY_ADDRESS_AND_PORT_DEPENDENT};
	for (size_t mapping = 0; mapping < 3; mapping++) {
		for (size_t filtering = 0; filtering < 3; filtering++) {
			for (int hairpin = 0; hairpin < 2; hairpin++) {
				struct world w;
				setup(&w, kinds[mapping], kinds[filtering]);
				w.hairpin = hairpin;
				run(&w);
				assert_string_equal(discovery_behaviour_name(w.d.mapping),
					discovery_behaviour_name(kinds[mapping]));
				assert_string_equal(discovery_behaviour_name(w.d.filtering),
					discovery_behaviour_name(kinds[filtering]));
				assert_true(w.d.hairpin_known);
				assert_int_equal(w.d.hairpin, hairpin);
				assert_int_equal(w.d.round_trip, 20 * USEC_PER_MS);
			}
		}
	}
}

static void no_nat_is_told(void **state)
{
	(void)state;
	struct world w;
	setup(&w, DISCOVERY_NONE, DISCOVERY_NONE);
	run(&w);
	assert_int_equal(w.d.mapping, DISCOVERY_NONE);
	assert_int_equal(w.d.filtering, DISCOVERY_NONE);
	assert_false(w.d.hairpin_known);
}

static void a_server_with_one_address_leaves_it_unknown(void **state)
{
	(void)state;
	struct world w;
	setup(&w, DISCOVERY_ENDPOINT_INDEPENDENT, DISCOVERY_ENDPOINT_INDEPENDENT);
	w.is_old = true;
	run(&w);
	assert_true(w.d.has_answer);
	assert_int_equal(w.d.mapping, DISCOVERY_UNKNOWN);
	assert_int_equal(w.d.filtering, DISCOVERY_UNKNOWN);
	assert_true(w.d.hairpin_known);
}

static void a_dead_second_address_is_not_taken_for_a_filter(void **state)
{
	(void)state;
	static const enum discovery_behaviour kinds[] = {
		DISCOVERY_NONE, DISCOVERY_ENDPOINT_INDEPENDENT};
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		setup(&w, kinds[i], kinds[i]);
		w.other_is_dead = true;
		run(&w);
		assert_true(w.d.has_answer);
		assert_int_equal(w.d.mapping,
			kinds[i] == DISCOVERY_NONE ? DISCOVERY_NONE : DISCOVERY_UNKNOWN);
		assert_int_equal(w.d.filtering, DISCOVERY_UNKNOWN);
	}
}

static void a_firewall_without_a_nat_is_told(void **state)
{
	(void)state;
	struct world w;
	setup(&w, DISCOVERY_NONE, DISCOVERY_ADDRESS_AND_PORT_DEPENDENT);
	run(&w);
	assert_int_equal(w.d.mapping, DISCOVERY_NONE);
	assert_int_equal(w.d.filtering, DISCOVERY_ADDRESS_AND_PORT_DEPENDENT);
}

static void nothing_is_sent_to_an_address_that_makes_no_sense(void **state)
{
	(void)state;
	struct addr claims[] = {server(false, true), server(true, false), addr4(127, 1, 9),
		{.family = ADDR_IPV4, .port = 3479}, {.family = ADDR_IPV6, .port = 1, .ip = {1}},
		addr4(198, 2, 0)};
	for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
		struct world w;
		setup(&w, DISCOVERY_ENDPOINT_INDEPENDENT, DISCOVERY_ENDPOINT_INDEPENDENT);
		w.claimed = claims[i];
		run(&w);
		assert_true(w.d.has_answer);
		assert_int_equal(w.sent_count, 1);
		assert_int_equal(w.d.mapping, DISCOVERY_UNKNOWN);
	}
}

static void silence_is_told_sooner_where_the_server_is_near(void **state)
{
	(void)state;
	struct world w;
	setup(&w, DISCOVERY_ENDPOINT_INDEPENDENT, DISCOVERY_ADDRESS_AND_PORT_DEPENDENT);
	run(&w);
	/* Two tests of the filter and the hairpin end in silence; 20 ms are far below the least
	 * RTO. */
	assert_int_equal(w.now - START, 3 * 5 * 200 * USEC_PER_MS + 2 * 20 * USEC_PER_MS);
}

static void a_silent_server_ends_after_three_requests(void **state)
{
	(void)state;
	struct world w;
	setup(&w, DISCOVERY_ENDPOINT_INDEPENDENT, DISCOVERY_ENDPOINT_INDEPENDENT);
	w.silent = true;
	run(&w);
	assert_false(w.d.has_answer);
	assert_int_equal(w.now - START, 2500 * USEC_PER_MS);
}

static void answers_from_elsewhere_or_of_others_are_nothing(void **state)
{
	(void)state;
	struct world w;
	uint8_t data[200], request[DISCOVERY_DATAGRAM_MAX];
	struct addr to, wrong = server(true, false), right = server(false, false),
			mapped = addr4(203, 1, 1);
	bool second;
	setup(&w, DISCOVERY_ENDPOINT_INDEPENDENT, DISCOVERY_ENDPOINT_INDEPENDENT);
	assert_true(discovery_write(&w.d, w.now, request, &to, &second) > 0);
	struct writer out = writer_of(data, sizeof data);
	stun_begin(&out, STUN_SUCCESS, STUN_BINDING, w.d.id);
	stun_add_addr(&out, STUN_XOR_MAPPED_ADDRESS, &mapped);
	discovery_receive(&w.d, w.now, &wrong, writer_bytes(&out));
	assert_false(w.d.has_answer);
	data[10] ^= 1; /* another transaction */
	discovery_receive(&w.d, w.now, &right, writer_bytes(&out));
	assert_false(w.d.has_answer);
	discovery_receive(&w.d, w.now, &right, bytes_of("garbage", 7));
	data[10] ^= 1;
	discovery_receive(&w.d, w.now, &right, writer_bytes(&out));
	assert_true(w.d.has_answer);
}

static void two_servers_tell_the_mapping_too(void **state)
{
	(void)state;
	struct discovery a = {.has_answer = true,
				 .mapped = addr4(203, 1, 1),
				 .local = addr4(192, 1, 1)},
			 b = a;
	assert_int_equal(discovery_compare(&a, &b), DISCOVERY_ENDPOINT_INDEPENDENT);
	b.mapped.port = 2;
	assert_int_equal(discovery_compare(&a, &b), DISCOVERY_ADDRESS_AND_PORT_DEPENDENT);
	b.has_answer = false;
	assert_int_equal(discovery_compare(&a, &b), DISCOVERY_UNKNOWN);
	a.mapped = a.local;
	b = a;
	assert_int_equal(discovery_compare(&a, &b), DISCOVERY_NONE);
}

TESTS(TEST(each_behaviour_is_told_apart), TEST(no_nat_is_told),
	TEST(a_server_with_one_address_leaves_it_unknown),
	TEST(a_dead_second_address_is_not_taken_for_a_filter),
	TEST(a_firewall_without_a_nat_is_told),
	TEST(nothing_is_sent_to_an_address_that_makes_no_sense),
	TEST(silence_is_told_sooner_where_the_server_is_near),
	TEST(a_silent_server_ends_after_three_requests),
	TEST(answers_from_elsewhere_or_of_others_are_nothing),
	TEST(two_servers_tell_the_mapping_too))
