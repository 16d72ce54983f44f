#include <stdio.h>

#include "ice_puppet.h"

static void priorities_follow_the_formula(void **state)
{
	(void)state;
	for (int controlling = 0; controlling < 2; controlling++) {
		struct puppet *p = puppet_create(controlling);
		puppet_add_host(p, "192.0.2.1:1");
		puppet_add_remote(p, "192.0.2.2:1", 1);
		uint64_t ours = ice_agent_local(p->agent, 0)->priority;
		uint64_t theirs = ice_candidate_priority(ICE_HOST, 1);
		assert_true(ours > theirs);
		uint64_t expected = (theirs << 32) + 2 * ours + (controlling ? 1 : 0);
		assert_true(pair_priority(p->agent, &p->agent->pairs.items[0]) == expected);
		puppet_destroy(p);
	}
}

static void only_addresses_that_reach_each_other_are_paired(void **state)
{
	(void)state;
	static const struct {
		const char *local, *remote;
		bool paired;
	} cases[] = {
		{"192.0.2.1:1", "192.0.2.2:1", true},
		{"192.0.2.1:1", "[2001:db8::1]:1", false},
		{"[2001:db8::2]:1", "[2001:db8::1]:1", true},
		{"[2001:db8::2]:1", "[fe80::1]:1", false},
		{"[fe80::2%3]:1", "[fe80::1]:1", true},
		{"[fe80::2%3]:1", "[2001:db8::1]:1", false},
		{"192.0.2.1:1", "127.0.0.1:1", false},
		{"127.0.0.1:1", "127.0.0.1:2", true},
		{"127.0.0.1:1", "192.0.2.2:1", true},
		{"[2001:db8::2]:1", "[::1]:1", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct puppet *p = puppet_create(true);
		puppet_add_host(p, cases[i].local);
		puppet_add_remote(p, cases[i].remote, 1);
		assert_int_equal(p->agent->pairs.count, cases[i].paired);
		puppet_destroy(p);
	}
}

static void a_link_local_peer_is_on_our_link(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct taken taken;
	puppet_add_host(p, "[fe80::2%3]:1");
	puppet_add_remote(p, "[fe80::1]:1", 1);
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	struct addr expected = puppet_addr("[fe80::1%3]:1");
	assert_true(addr_equal(&taken.path.remote, &expected));
	puppet_answer_as(p, &taken, &taken.path, "[fe80::2]:1");
	assert_true(puppet_selected_is(p, "[fe80::1%3]:1", false));
	assert_int_equal(p->agent->pairs.items[0].valid_type, ICE_HOST);
	puppet_destroy(p);
}

static void of_one_foundation_one_pair_is_checked_first(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct taken first, taken;
	puppet_add_host(p, "192.0.2.1:1");
	puppet_add_remote(p, "192.0.2.2:1", 1);
	puppet_add_remote(p, "192.0.2.2:2", 2);
	puppet_add_remote(p, "192.0.2.2:3", 3);
	/* Added alone, the first had no better one to wait for. */
	const struct ice_pair *pairs = p->agent->pairs.items;
	assert_int_equal(pairs[0].state, PAIR_WAITING);
	assert_int_equal(pairs[1].state, PAIR_FROZEN);
	assert_int_equal(pairs[2].state, PAIR_FROZEN);
	puppet_set_remote(p, false);
	puppet_take_request(p, &first);
	assert_false(puppet_take_within(p, STUN_REQUEST, 400 * USEC_PER_MS, &taken));
	/* It fails: the best of the others has its turn. */
	puppet_refuse(p, &first, STUN_BAD_REQUEST);
	puppet_take_request(p, &taken);
	assert_int_equal(taken.path.remote.port, 3);
	assert_int_equal(p->agent->pairs.items[1].state, PAIR_FROZEN);
	puppet_destroy(p);
}

static void success_wakes_all_of_the_foundation(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	struct taken taken;
	puppet_add_host(p, "192.0.2.1:1");
	puppet_add_remote(p, "192.0.2.2:1", 1);
	puppet_add_remote(p, "192.0.2.2:2", 2);
	puppet_add_remote(p, "192.0.2.2:3", 3);
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_int_equal(p->agent->pairs.items[1].state, PAIR_WAITING);
	assert_int_equal(p->agent->pairs.items[2].state, PAIR_WAITING);
	puppet_destroy(p);
}

static void a_check_of_the_peer_thaws_its_pair(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	struct taken taken;
	puppet_add_host(p, "192.0.2.1:1");
	puppet_add_remote(p, "192.0.2.2:1", 3);
	puppet_add_remote(p, "192.0.2.2:2", 2);
	puppet_add_remote(p, "192.0.2.2:3", 1);
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	assert_int_equal(taken.path.remote.port, 1);
	assert_int_equal(p->agent->pairs.items[2].state, PAIR_FROZEN);
	puppet_check_on(p, "192.0.2.1:1", "192.0.2.2:3", false);
	assert_int_equal(p->agent->pairs.items[2].state, PAIR_WAITING);
	/* Twice is once. */
	puppet_check_on(p, "192.0.2.1:1", "192.0.2.2:3", false);
	puppet_take_request(p, &taken);
	assert_int_equal(taken.path.remote.port, 3);
	assert_int_equal(p->agent->pairs.items[1].state, PAIR_FROZEN);
	puppet_destroy(p);
}

static void a_reflexive_candidate_is_checked_from_its_base(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct addr base = puppet_addr("192.0.2.1:1"), mapped = puppet_addr("203.0.113.1:1");
	struct taken taken;
	puppet_add_host(p, "192.0.2.1:1");
	assert_ok(ice_agent_add_reflexive(p->agent, p->now, &base, &mapped));
	puppet_add_remote(p, "192.0.2.2:1", 1);
	assert_int_equal(p->agent->pairs.count, 1);
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	assert_true(addr_equal(&taken.path.local, &base));
	assert_false(puppet_take_within(p, STUN_REQUEST, 400 * USEC_PER_MS, &taken));
	puppet_destroy(p);
}

static void pairs_stop_at_the_limit_and_the_least_gives_way(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	char text[ADDR_TEXT_MAX];
	puppet_add_host(p, "192.0.2.1:1");
	puppet_add_host(p, "192.0.2.2:1");
	for (unsigned i = 0; i < ICE_PAIRS_MAX / 2; i++) {
		snprintf(text, sizeof text, "198.51.100.%u:1", i + 1);
		puppet_add_remote(p, text, (uint16_t)(1000 + i));
	}
	assert_int_equal(p->agent->pairs.count, ICE_PAIRS_MAX);
	puppet_add_remote(p, "198.51.100.200:1", 1);
	assert_int_equal(p->agent->pairs.count, ICE_PAIRS_MAX);
	size_t worst = agent_find_remote(p->agent,
		&(struct addr){.family = ADDR_IPV4, .ip = {198, 51, 100, 200}, .port = 1});
	assert_true(worst != NONE);
	assert_true(pair_find(p->agent, 0, worst) == NONE);
	puppet_add_remote(p, "198.51.100.201:1", 5000);
	size_t best = worst + 1;
	assert_true(pair_find(p->agent, 0, best) != NONE);
	assert_true(pair_find(p->agent, 1, best) != NONE);
	assert_true(pair_find(p->agent, 0, 0) == NONE || pair_find(p->agent, 1, 0) == NONE);
	assert_int_equal(p->agent->pairs.count, ICE_PAIRS_MAX);
	puppet_destroy(p);
}

static void an_unspecified_address_is_matched_by_plausibility(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, "127.0.0.1:1");
	puppet_add_host(p, "192.0.2.1:1");
	puppet_add_host(p, "[fe80::1%2]:1");
	puppet_add_host(p, "[2001:db8::1]:1");
	static const struct {
		const char *local, *remote;
		size_t expected;
	} cases[] = {
		{"0.0.0.0:1", "127.0.0.1:9", 0},
		{"0.0.0.0:1", "192.0.2.9:9", 1},
		{"[::]:1", "[fe80::9%2]:9", 2},
		{"[::]:1", "[2001:db8::9]:9", 3},
		{"0.0.0.0:2", "192.0.2.9:9", NONE},
		{"192.0.2.1:1", "127.0.0.1:9", 1},
		{"192.0.2.3:1", "192.0.2.9:9", NONE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct path path = puppet_path(cases[i].local, cases[i].remote);
		assert_true(pair_find_local(p->agent, &path) == cases[i].expected);
	}
	puppet_destroy(p);
}

static void an_agent_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct ice_agent) <= 1024);
	assert_true(sizeof(struct ice_pair) <= 64);
}

TESTS(TEST(a_check_of_the_peer_thaws_its_pair),
	TEST(a_reflexive_candidate_is_checked_from_its_base), TEST(priorities_follow_the_formula),
	TEST(only_addresses_that_reach_each_other_are_paired),
	TEST(a_link_local_peer_is_on_our_link), TEST(of_one_foundation_one_pair_is_checked_first),
	TEST(success_wakes_all_of_the_foundation),
	TEST(pairs_stop_at_the_limit_and_the_least_gives_way),
	TEST(an_unspecified_address_is_matched_by_plausibility), TEST(an_agent_is_small))
