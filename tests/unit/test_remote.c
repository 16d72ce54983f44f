#include <stdio.h>

#include "ice_puppet.h"

#define LOCAL "192.0.2.1:1000"
#define REMOTE "192.0.2.2:2000"

static void credentials_are_of_the_right_length_and_come_once(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	static char longest[ICE_PWD_MAX + 1];
	memset(longest, 'a', sizeof longest);
	static const struct {
		size_t ufrag, pwd;
	} wrong[] = {{3, 22}, {4, 21}, {ICE_UFRAG_MAX + 1, 22}, {4, ICE_PWD_MAX + 1}};
	for (size_t i = 0; i < 4; i++)
		assert_err(ice_agent_set_remote(p->agent, p->now, bytes_of(longest, wrong[i].ufrag),
				   bytes_of(longest, wrong[i].pwd), false),
			ERR_MALFORMED);
	assert_err(ice_agent_set_remote(
			   p->agent, p->now, bytes_of("a\0bc", 4), bytes_of(longest, 22), false),
		ERR_MALFORMED);
	assert_int_equal(ice_agent_state(p->agent), ICE_NEW);
	struct bytes ufrag = bytes_of(longest, ICE_UFRAG_MAX), pwd = bytes_of(longest, ICE_PWD_MAX);
	assert_ok(ice_agent_set_remote(p->agent, p->now, ufrag, pwd, false));
	assert_err(ice_agent_set_remote(p->agent, p->now, ufrag, pwd, false), ERR_STATE);
	assert_int_equal(ice_agent_state(p->agent), ICE_CHECKING);
	/* The longest fits into a check. */
	puppet_add_host(p, LOCAL);
	puppet_add_remote(p, REMOTE, 1);
	struct taken taken;
	assert_true(puppet_take(p, &taken));
	assert_true(stun_check_integrity(&taken.message, pwd));
	puppet_destroy(p);
}

static void addresses_that_are_no_ones_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {"0.0.0.0:1", "0.1.2.3:1", "224.0.0.1:1",
		"255.255.255.255:1", "192.0.2.1:0", "[::]:1", "[ff02::1]:1"};
	struct puppet *p = puppet_create(true);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_err(puppet_try_remote(p, cases[i], ICE_HOST, 1), ERR_UNSUPPORTED);
	puppet_destroy(p);
}

static void candidates_stop_at_the_limit(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	char text[ADDR_TEXT_MAX];
	for (unsigned i = 0; i <= ICE_REMOTE_MAX; i++) {
		snprintf(text, sizeof text, "198.51.100.%u:1", i + 1);
		assert_err(puppet_try_remote(p, text, ICE_HOST, 1),
			i < ICE_REMOTE_MAX ? ERR_OK : ERR_LIMIT);
	}
	assert_err(puppet_try_remote(p, "198.51.100.1:1", ICE_HOST, 1), ERR_EXISTS);
	puppet_destroy(p);
}

static void what_is_signalled_completes_what_was_learned(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	puppet_check_on(p, LOCAL, REMOTE, false);
	assert_int_equal(p->agent->remote.items[0].type, ICE_PEER_REFLEXIVE);
	assert_ok(puppet_try_remote(p, REMOTE, ICE_HOST, 5));
	assert_int_equal(p->agent->remote.count, 1);
	assert_int_equal(p->agent->pairs.count, 1);
	assert_int_equal(p->agent->remote.items[0].type, ICE_HOST);
	assert_int_equal(p->agent->remote.items[0].priority, ice_candidate_priority(ICE_HOST, 5));
	assert_int_equal(p->agent->learned_count, 0);
	assert_err(puppet_try_remote(p, REMOTE, ICE_HOST, 5), ERR_EXISTS);
	puppet_destroy(p);
}

static void candidates_may_come_before_credentials(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct taken taken;
	puppet_add_remote(p, REMOTE, 1);
	puppet_add_host(p, LOCAL);
	assert_false(puppet_take(p, &taken));
	assert_true(ice_agent_deadline(p->agent) == USEC_NEVER);
	puppet_set_remote(p, false);
	assert_true(puppet_take(p, &taken));
	puppet_destroy(p);
}

TESTS(TEST(credentials_are_of_the_right_length_and_come_once),
	TEST(addresses_that_are_no_ones_are_refused), TEST(candidates_stop_at_the_limit),
	TEST(what_is_signalled_completes_what_was_learned),
	TEST(candidates_may_come_before_credentials))
