#include <stdio.h>

#include "ice_puppet.h"

static enum err add_host(struct puppet *p, const char *text)
{
	struct addr addr = puppet_addr(text);
	return ice_agent_add_host(p->agent, p->now, &addr);
}

static enum err add_reflexive(struct puppet *p, const char *base, const char *reflexive)
{
	struct addr a = puppet_addr(base), b = puppet_addr(reflexive);
	return ice_agent_add_reflexive(p->agent, p->now, &a, &b);
}

static void families_take_turns_and_narrow_addresses_come_last(void **state)
{
	(void)state;
	/* In the order of falling priority. */
	static const char *const addresses[] = {"[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1",
		"192.0.2.2:1", "[fe80::1%1]:1", "127.0.0.1:1"};
	struct puppet *p = puppet_create(true);
	size_t count = sizeof addresses / sizeof addresses[0];
	for (size_t i = 0; i < count; i++) {
		puppet_add_host(p, addresses[i]);
		if (i > 0)
			assert_true(ice_agent_local(p->agent, i - 1)->priority >
				    ice_agent_local(p->agent, i)->priority);
	}
	assert_int_equal(ice_agent_local_count(p->agent), count);
	puppet_destroy(p);
}

static void no_two_candidates_have_one_priority(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	static const char *const hosts[] = {"192.0.2.1:1", "[2001:db8::1]:1", "192.0.2.2:1",
		"127.0.0.1:1", "[fe80::1%1]:1", "[::1]:1", "169.254.0.1:1"};
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		puppet_add_host(p, hosts[i]);
	/* Servers need not see the same address, behind a NAT that maps each way anew. */
	for (unsigned i = 0; i < 12; i++) {
		char text[ADDR_TEXT_MAX];
		snprintf(text, sizeof text, "203.0.113.1:%u", i + 1);
		assert_ok(add_reflexive(p, i % 2 ? "192.0.2.1:1" : "192.0.2.2:1", text));
	}
	for (unsigned i = 0; i < 3; i++) {
		char text[ADDR_TEXT_MAX];
		snprintf(text, sizeof text, "198.51.100.1:%u", i + 1);
		struct addr relayed = puppet_addr(text);
		assert_ok(ice_agent_add_relayed(p->agent, p->now, &relayed));
	}
	for (size_t i = 0; i < ice_agent_local_count(p->agent); i++) {
		uint32_t priority = ice_agent_local(p->agent, i)->priority;
		assert_in_range(priority, 1, INT32_MAX);
		for (size_t other = 0; other < i; other++)
			assert_int_not_equal(priority, ice_agent_local(p->agent, other)->priority);
	}
	puppet_destroy(p);
}

static void foundations_are_of_type_and_base(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, "192.0.2.1:1");
	puppet_add_host(p, "192.0.2.1:2");
	puppet_add_host(p, "192.0.2.2:1");
	assert_ok(add_reflexive(p, "192.0.2.1:1", "203.0.113.1:1"));
	assert_ok(add_reflexive(p, "192.0.2.1:2", "203.0.113.1:2"));
	static const char *const foundations[] = {"1", "1", "3", "4", "4"};
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(ice_agent_local(p->agent, i)->foundation, foundations[i]);
	puppet_destroy(p);
}

static void a_second_reflexive_address_of_a_base_is_of_another_server(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, "192.0.2.1:1");
	assert_ok(add_reflexive(p, "192.0.2.1:1", "203.0.113.1:1"));
	assert_ok(add_reflexive(p, "192.0.2.1:1", "203.0.113.1:2"));
	static const char *const foundations[] = {"1", "2", "3"};
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(ice_agent_local(p->agent, i)->foundation, foundations[i]);
	puppet_destroy(p);
}

static void every_relayed_candidate_has_a_foundation_of_its_own(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct addr addr;
	/* Three allocations at one relay, over UDP, TCP and TLS. */
	for (unsigned i = 0; i < 3; i++) {
		addr = puppet_addr("203.0.113.20:49152");
		addr.port = (uint16_t)(addr.port + i);
		assert_ok(ice_agent_add_relayed(p->agent, p->now, &addr));
	}
	static const char *const foundations[] = {"1", "2", "3"};
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(ice_agent_local(p->agent, i)->foundation, foundations[i]);
	puppet_destroy(p);
}

static void redundant_candidates_change_nothing(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	assert_ok(add_host(p, "192.0.2.1:1"));
	assert_err(add_host(p, "192.0.2.1:1"), ERR_EXISTS);
	assert_err(add_reflexive(p, "192.0.2.9:1", "203.0.113.1:1"), ERR_NOT_FOUND);
	assert_ok(add_reflexive(p, "192.0.2.1:1", "203.0.113.1:1"));
	assert_err(add_reflexive(p, "192.0.2.1:1", "203.0.113.1:1"), ERR_EXISTS);
	/* Without a NAT the server sees the host address. */
	assert_err(add_reflexive(p, "192.0.2.1:1", "192.0.2.1:1"), ERR_EXISTS);
	/* And a relay on this machine may give the host address. */
	struct addr host = puppet_addr("192.0.2.1:1");
	assert_err(ice_agent_add_relayed(p->agent, p->now, &host), ERR_EXISTS);
	/* A reflexive address is no base. */
	assert_err(add_reflexive(p, "203.0.113.1:1", "203.0.113.2:1"), ERR_NOT_FOUND);
	assert_int_equal(ice_agent_local_count(p->agent), 2);
	puppet_destroy(p);
}

static void relayed_candidates_are_the_last_resort_and_show_nothing_else(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct addr relayed = puppet_addr("203.0.113.9:50000");
	puppet_add_host(p, "192.0.2.1:1");
	assert_ok(add_reflexive(p, "192.0.2.1:1", "198.51.100.1:1"));
	assert_ok(ice_agent_add_relayed(p->agent, p->now, &relayed));
	assert_err(ice_agent_add_relayed(p->agent, p->now, &relayed), ERR_EXISTS);
	const struct ice_candidate *candidate = ice_agent_local(p->agent, 2);
	assert_int_equal(candidate->type, ICE_RELAYED);
	assert_int_equal(candidate->priority >> 24, 0);
	assert_true(candidate->priority < ice_agent_local(p->agent, 1)->priority);
	char text[ICE_CANDIDATE_TEXT_MAX];
	ice_candidate_format(candidate, text);
	assert_non_null(strstr(text, "203.0.113.9 50000 typ relay raddr 0.0.0.0 rport 9"));
	assert_null(strstr(text, "198.51.100.1"));
	puppet_destroy(p);
}

static void candidates_stop_at_the_limit(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	for (unsigned i = 0; i < ICE_LOCAL_MAX; i++) {
		char text[ADDR_TEXT_MAX];
		snprintf(text, sizeof text, "192.0.2.%u:1", i + 1);
		assert_ok(add_host(p, text));
	}
	assert_err(add_host(p, "192.0.2.200:1"), ERR_LIMIT);
	assert_err(add_reflexive(p, "192.0.2.1:1", "203.0.113.1:1"), ERR_LIMIT);
	puppet_destroy(p);
}

static void after_failure_nothing_is_added(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_set_remote(p, false);
	puppet_wait(p, ICE_GIVE_UP_US);
	assert_int_equal(ice_agent_state(p->agent), ICE_FAILED);
	assert_err(add_host(p, "192.0.2.1:1"), ERR_STATE);
	puppet_destroy(p);
}

TESTS(TEST(families_take_turns_and_narrow_addresses_come_last),
	TEST(no_two_candidates_have_one_priority), TEST(foundations_are_of_type_and_base),
	TEST(a_second_reflexive_address_of_a_base_is_of_another_server),
	TEST(every_relayed_candidate_has_a_foundation_of_its_own),
	TEST(redundant_candidates_change_nothing),
	TEST(relayed_candidates_are_the_last_resort_and_show_nothing_else),
	TEST(candidates_stop_at_the_limit), TEST(after_failure_nothing_is_added))
