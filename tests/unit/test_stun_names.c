#include "test.h"

#include "node/stun_names.h"

#define NOW (1000 * USEC_PER_SEC)

static struct rng rng;
static struct stun_names names;

static int seed(void **state)
{
	(void)state;
	rng = rng_seeded(1);
	return 0;
}

static struct addr addr_of(const char *text)
{
	struct addr addr;
	assert_true(addr_parse_ip(text, 3478, &addr));
	return addr;
}

static void all_are_looked_up_at_once_and_each_only_once(void **state)
{
	(void)state;
	stun_names_init(&names, 2, &rng, NOW);
	assert_int_equal(stun_names_deadline(&names), NOW);
	assert_int_equal(stun_names_next(&names, NOW), 0);
	assert_int_equal(stun_names_next(&names, NOW), 1);
	assert_true(stun_names_next(&names, NOW) == STUN_NAMES_NONE);
	assert_true(stun_names_is_asking(&names));
	assert_int_equal(stun_names_deadline(&names), USEC_NEVER);
	stun_names_init(&names, 0, &rng, NOW);
	assert_true(stun_names_next(&names, NOW) == STUN_NAMES_NONE);
	assert_int_equal(stun_names_deadline(&names), USEC_NEVER);
}

/* A node that comes up before its network. */
static void one_that_is_not_found_is_looked_up_again_less_and_less_often(void **state)
{
	(void)state;
	usec now = NOW, wait = NODE_STUN_BACKOFF_FIRST;
	stun_names_init(&names, 1, &rng, now);
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(stun_names_next(&names, now), 0);
		assert_int_equal(stun_names_failed(&names, 0, now), i == 0);
		assert_false(stun_names_is_asking(&names));
		usec due = stun_names_deadline(&names);
		assert_in_range(due - now, wait / 2, wait);
		assert_true(stun_names_next(&names, due - 1) == STUN_NAMES_NONE);
		now = due;
		wait = usec_min(2 * wait, NODE_STUN_BACKOFF_MAX);
	}
	struct addr found = addr_of("192.0.2.7");
	assert_int_equal(stun_names_next(&names, now), 0);
	assert_true(stun_names_found(&names, 0, &found, 1, now));
	assert_int_equal(stun_names_deadline(&names), now + NODE_STUN_REFRESH);
}

static void another_network_brings_the_next_try_at_once(void **state)
{
	(void)state;
	struct addr found = addr_of("192.0.2.7");
	stun_names_init(&names, 3, &rng, NOW);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(stun_names_next(&names, NOW), i);
	assert_true(stun_names_found(&names, 0, &found, 1, NOW));
	(void)stun_names_failed(&names, 1, NOW);
	stun_names_hurry(&names, NOW + 1);
	/* Not the one that was found, nor the one that is under way. */
	assert_int_equal(stun_names_next(&names, NOW + 1), 1);
	assert_true(stun_names_next(&names, NOW + 1) == STUN_NAMES_NONE);
}

static void old_addresses_hold_until_there_are_others(void **state)
{
	(void)state;
	struct addr found[] = {addr_of("192.0.2.7"), addr_of("192.0.2.8")}, out[8];
	struct addr turned[] = {found[1], found[0]}, moved = addr_of("192.0.2.9");
	usec now = NOW;
	stun_names_init(&names, 1, &rng, now);
	assert_int_equal(stun_names_next(&names, now), 0);
	assert_true(stun_names_found(&names, 0, found, 2, now));
	now = stun_names_deadline(&names);
	assert_int_equal(stun_names_next(&names, now), 0);
	assert_true(stun_names_failed(&names, 0, now));
	assert_int_equal(stun_names_addrs(&names, out, 8), 2);
	now = stun_names_deadline(&names);
	assert_int_equal(stun_names_next(&names, now), 0);
	assert_false(stun_names_found(&names, 0, turned, 2, now));
	assert_true(addr_equal(&out[0], &found[0]));
	now = stun_names_deadline(&names);
	assert_int_equal(stun_names_next(&names, now), 0);
	assert_true(stun_names_found(&names, 0, &moved, 1, now));
	assert_int_equal(stun_names_addrs(&names, out, 8), 1);
	assert_true(addr_equal(&out[0], &moved));
}

/* One with many addresses of IPv6 leaves the others, and IPv4, their place. */
static void every_server_and_family_has_its_turn(void **state)
{
	(void)state;
	struct addr many[] = {addr_of("2001:db8::1"), addr_of("2001:db8::2"),
		addr_of("2001:db8::3"), addr_of("192.0.2.7"), addr_of("192.0.2.8"),
		addr_of("192.0.2.9")};
	struct addr one[] = {addr_of("198.51.100.1")}, out[8];
	stun_names_init(&names, 3, &rng, NOW);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(stun_names_next(&names, NOW), i);
	assert_true(stun_names_found(&names, 0, many, 6, NOW));
	assert_true(stun_names_found(&names, 1, one, 1, NOW));
	/* A second name of the first. */
	assert_true(stun_names_found(&names, 2, many, 6, NOW));
	assert_int_equal(stun_names_addrs(&names, out, 8), 5);
	assert_true(addr_equal(&out[0], &many[0]));
	assert_true(addr_equal(&out[1], &one[0]));
	assert_true(addr_equal(&out[2], &many[1]));
	assert_true(addr_equal(&out[3], &many[3]));
	assert_true(addr_equal(&out[4], &many[4]));
	assert_int_equal(stun_names_addrs(&names, out, 2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_are_looked_up_at_once_and_each_only_once, seed),
		cmocka_unit_test_setup(
			one_that_is_not_found_is_looked_up_again_less_and_less_often, seed),
		cmocka_unit_test_setup(another_network_brings_the_next_try_at_once, seed),
		cmocka_unit_test_setup(old_addresses_hold_until_there_are_others, seed),
		cmocka_unit_test_setup(every_server_and_family_has_its_turn, seed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
