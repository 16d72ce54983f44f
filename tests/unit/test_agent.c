#include "ice/internal.h"

#include "ice/agent.h"

#include <stdio.h>

#include "ice_world.h"

static void two_hosts_connect_in_a_few_round_trips(void **state)
{
	(void)state;
	struct world *w = world_create(1, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	usec start = w->now;
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	assert_true(w->now - start <= 10 * USEC_PER_MS);
	for (size_t i = 0; i < 2; i++) {
		struct ice_selected selected = world_selected(w, i);
		assert_true(selected.nominated);
		assert_int_equal(selected.local_type, ICE_HOST);
		assert_int_equal(selected.remote_type, ICE_HOST);
		assert_true(addr_equal(&selected.path.local, &w->sides[i].addresses[0]));
		assert_true(addr_equal(&selected.path.remote, &w->sides[1 - i].addresses[0]));
		assert_true(ice_agent_path_is_valid(w->sides[i].agent, &selected.path));
		selected.path.remote.port++;
		assert_false(ice_agent_path_is_valid(w->sides[i].agent, &selected.path));
		assert_true(ice_agent_stats(w->sides[i].agent)->rtt == 2 * w->delay);
	}
	world_destroy(w);
}

static void credentials_are_new_and_long_enough(void **state)
{
	(void)state;
	/* RFC 8445 section 5.3: 24 and 128 bits; a character of 64 has 6. */
	struct rng rng = rng_seeded(1);
	struct ice_config config = {.rng = &rng};
	char ufrags[50][ICE_UFRAG_MAX + 1], pwds[50][ICE_PWD_MAX + 1];
	bool seen[256] = {0};
	size_t characters = 0;
	for (size_t i = 0; i < 50; i++) {
		struct ice_agent *agent;
		assert_ok(ice_agent_create(&config, 0, &agent));
		snprintf(ufrags[i], sizeof ufrags[i], "%s", ice_agent_ufrag(agent));
		snprintf(pwds[i], sizeof pwds[i], "%s", ice_agent_pwd(agent));
		assert_true(strlen(ufrags[i]) * 6 >= 24);
		assert_true(strlen(pwds[i]) * 6 >= 128);
		for (const char *c = pwds[i]; *c; c++) {
			characters += !seen[(uint8_t)*c];
			seen[(uint8_t)*c] = true;
		}
		for (size_t other = 0; other < i; other++) {
			assert_string_not_equal(ufrags[i], ufrags[other]);
			assert_string_not_equal(pwds[i], pwds[other]);
		}
		ice_agent_destroy(agent);
	}
	assert_int_equal(characters, 64);
}

static void events_tell_of_state_and_selection(void **state)
{
	(void)state;
	struct world *w = world_create(2, true, false);
	struct ice_agent *agent = w->sides[0].agent;
	struct ice_event event;
	assert_false(ice_agent_next_event(agent, &event));
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_signal_all(w);
	assert_true(ice_agent_next_event(agent, &event));
	assert_int_equal(event.type, ICE_EVENT_STATE);
	assert_int_equal(event.state, ICE_CHECKING);
	assert_false(ice_agent_next_event(agent, &event));
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	assert_true(ice_agent_next_event(agent, &event));
	assert_int_equal(event.type, ICE_EVENT_SELECTED);
	assert_true(ice_agent_next_event(agent, &event));
	assert_int_equal(event.state, ICE_COMPLETED);
	assert_false(ice_agent_next_event(agent, &event));
	assert_string_equal(ice_state_name(event.state), "completed");
	world_destroy(w);
}

static void a_role_conflict_leaves_one_of_each(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = world_create(seed, seed % 2, seed % 2);
		world_add_host(w, 0, "192.0.2.1:1000");
		world_add_host(w, 1, "192.0.2.2:2000");
		/* The one that knows the other first decides who meets the conflict. */
		world_signal_candidates(w, seed / 2 % 2);
		world_signal_credentials(w, seed / 2 % 2);
		world_run(w, 5 * USEC_PER_MS * (usec)(seed % 3));
		world_signal_candidates(w, 1 - seed / 2 % 2);
		world_signal_credentials(w, 1 - seed / 2 % 2);
		assert_true(world_run_until(w, ICE_COMPLETED, 2 * USEC_PER_SEC));
		assert_int_not_equal(ice_agent_is_controlling(w->sides[0].agent),
			ice_agent_is_controlling(w->sides[1].agent));
		assert_true(ice_agent_stats(w->sides[0].agent)->role_conflicts +
				    ice_agent_stats(w->sides[1].agent)->role_conflicts >
			    0);
		world_destroy(w);
	}
}

static bool both_are_nominated(const struct world *w)
{
	struct ice_selected a = {0}, b = {0};
	(void)ice_agent_selected(w->sides[0].agent, &a);
	(void)ice_agent_selected(w->sides[1].agent, &b);
	return a.nominated && b.nominated;
}

static void many_addresses_connect_over_the_best_pair_despite_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world *w = world_create(seed, true, false);
		w->loss_percent = 30;
		w->delay = 20 * USEC_PER_MS;
		w->wildcard = seed % 2;
		for (size_t i = 0; i < 2; i++) {
			world_add_host(w, i, i ? "10.0.0.2:2000" : "10.0.0.1:1000");
			world_add_host(w, i, i ? "192.0.2.2:2000" : "192.0.2.1:1000");
			world_add_host(w, i, i ? "[2001:db8::2]:2000" : "[2001:db8::1]:1000");
		}
		world_signal_all(w);
		/* A nomination whose answer is lost again and again waits longer each time. */
		for (int i = 0; i < 400 && !both_are_nominated(w); i++)
			world_run(w, 100 * USEC_PER_MS);
		assert_true(both_are_nominated(w));
		/* And it lasts. */
		world_run(w, 300 * USEC_PER_SEC);
		assert_true(world_state(w, 0) != ICE_FAILED);
		assert_true(world_state(w, 1) != ICE_FAILED);
		struct ice_selected a = world_selected(w, 0), b = world_selected(w, 1);
		/* Of unbound sockets nobody knows from which address they really send. */
		if (!w->wildcard) {
			assert_true(addr_equal(&a.path.local, &b.path.remote));
			assert_true(addr_equal(&a.path.remote, &b.path.local));
		}
		world_destroy(w);
	}
}

static void ipv6_is_preferred_where_both_work(void **state)
{
	(void)state;
	struct world *w = world_create(3, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 0, "[2001:db8::1]:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_add_host(w, 1, "[2001:db8::2]:2000");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	assert_int_equal(world_selected(w, 0).path.local.family, ADDR_IPV6);
	assert_int_equal(world_selected(w, 1).path.local.family, ADDR_IPV6);
	world_destroy(w);
}

static void a_nat_makes_peer_reflexive_candidates(void **state)
{
	(void)state;
	struct world *w = world_create(4, true, false);
	w->sides[0].outside = world_addr("203.0.113.9:4321");
	world_add_host(w, 0, "10.0.0.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	struct ice_selected inside = world_selected(w, 0), outside = world_selected(w, 1);
	assert_int_equal(inside.local_type, ICE_PEER_REFLEXIVE);
	assert_true(addr_equal(&inside.path.local, &w->sides[0].addresses[0]));
	assert_int_equal(outside.remote_type, ICE_PEER_REFLEXIVE);
	assert_true(addr_equal(&outside.path.remote, &w->sides[0].outside));
	/* It is not offered to anyone. */
	assert_int_equal(ice_agent_local_count(w->sides[0].agent), 1);
	world_destroy(w);
}

static void two_nats_are_crossed_with_reflexive_candidates(void **state)
{
	(void)state;
	struct world *w = world_create(5, true, false);
	w->delay = 30 * USEC_PER_MS;
	for (size_t i = 0; i < 2; i++) {
		struct world_side *side = &w->sides[i];
		side->outside = world_addr(i ? "203.0.113.9:4321" : "198.51.100.7:1234");
		world_add_host(w, i, i ? "10.0.0.1:1000" : "192.168.0.1:2000");
		assert_ok(ice_agent_add_reflexive(
			side->agent, w->now, &side->addresses[0], &side->outside));
	}
	usec start = w->now;
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, 2 * USEC_PER_SEC));
	/* The peer's check opens the way for ours at once, without waiting for a timeout. */
	assert_true(w->now - start < 400 * USEC_PER_MS);
	assert_int_equal(world_selected(w, 0).local_type, ICE_SERVER_REFLEXIVE);
	assert_int_equal(world_selected(w, 0).remote_type, ICE_SERVER_REFLEXIVE);
	assert_int_equal(world_selected(w, 1).local_type, ICE_SERVER_REFLEXIVE);
	world_destroy(w);
}

/* Each letter is a step 30 ms after the one before: A, B: that side hears the other's credentials;
 * a, b: its candidates. */
/* Without reflexive candidates, as behind NATs that give each target another port. */
static void connect_over_relays(bool first_has_one, bool second_has_one)
{
	struct world *w = world_create(12, true, false);
	for (size_t i = 0; i < 2; i++) {
		world_add_host(w, i, i == 0 ? "10.0.0.1:1000" : "10.0.1.1:1000");
		w->sides[i].outside =
			world_addr(i == 0 ? "198.51.100.1:5000" : "198.51.100.2:5000");
	}
	if (first_has_one)
		world_add_relayed(w, 0, "203.0.113.9:50000");
	if (second_has_one)
		world_add_relayed(w, 1, "203.0.113.9:50001");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, 3 * USEC_PER_SEC));
	for (size_t i = 0; i < 2; i++) {
		struct ice_selected selected;
		assert_true(ice_agent_selected(w->sides[i].agent, &selected));
		assert_true(
			selected.local_type == ICE_RELAYED || selected.remote_type == ICE_RELAYED);
		if (selected.local_type == ICE_RELAYED)
			assert_true(addr_equal(&selected.path.local, &w->sides[i].relayed));
	}
	/* And stays up. */
	world_run(w, 60 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_COMPLETED);
	assert_int_equal(world_state(w, 1), ICE_COMPLETED);
	world_destroy(w);
}

static void a_relay_connects_what_no_other_way_does(void **state)
{
	(void)state;
	connect_over_relays(true, true);
	connect_over_relays(true, false);
	connect_over_relays(false, true);
}

static void a_refused_relay_is_not_talked_to_whenever_it_is_named(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		struct world *w = world_create(14, true, false);
		w->sides[1].agent->refuse_relayed = true;
		world_add_relayed(w, 0, "203.0.113.9:50000");
		world_add_host(w, 1, "192.0.2.2:1000");
		world_signal_candidates(w, 0);
		world_signal_credentials(w, 0);
		world_signal_credentials(w, 1);
		if (late) {
			/* It looks like any address behind a NAT as long as nothing is said of it.
			 */
			assert_true(world_run_until(w, ICE_COMPLETED, 3 * USEC_PER_SEC));
			world_signal_candidates(w, 1);
			assert_int_equal(world_state(w, 1), ICE_CHECKING);
		} else {
			world_signal_candidates(w, 1);
		}
		struct ice_selected selected;
		world_run(w, 20 * USEC_PER_SEC);
		assert_false(ice_agent_selected(w->sides[1].agent, &selected));
		assert_true(world_state(w, 1) == ICE_CHECKING || world_state(w, 1) == ICE_FAILED);
		world_destroy(w);
	}
}

static void a_relay_is_left_alone_where_a_direct_way_works(void **state)
{
	(void)state;
	struct world *w = world_create(13, true, false);
	for (size_t i = 0; i < 2; i++) {
		world_add_relayed(w, i, i == 0 ? "203.0.113.9:50000" : "203.0.113.9:50001");
		world_add_host(w, i, i == 0 ? "192.0.2.1:1000" : "192.0.2.2:1000");
	}
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	for (size_t i = 0; i < 2; i++) {
		struct ice_selected selected;
		assert_true(ice_agent_selected(w->sides[i].agent, &selected));
		assert_int_equal(selected.local_type, ICE_HOST);
		assert_int_equal(selected.remote_type, ICE_HOST);
	}
	world_destroy(w);
}

static void any_order_of_signals_connects(void **state)
{
	(void)state;
	static const char *const orders[] = {
		"ABab", "AaBb", "BbAa", "abAB", "aAbB", "AB", "ABa", "BAb", "AaB", "BbA", "bBaA"};
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		for (unsigned loss = 0; loss <= 20; loss += 20) {
			struct world *w = world_create(100 + i, true, false);
			w->loss_percent = loss;
			world_add_host(w, 0, "192.0.2.1:1000");
			world_add_host(w, 1, "192.0.2.2:2000");
			for (const char *step = orders[i]; *step; step++) {
				size_t side = *step == 'B' || *step == 'b';
				if (*step == 'A' || *step == 'B')
					world_signal_credentials(w, side);
				else
					world_signal_candidates(w, side);
				world_run(w, 30 * USEC_PER_MS);
			}
			/* Of two sides that know no address, none can begin. */
			bool possible = strchr(orders[i], 'a') || strchr(orders[i], 'b');
			assert_int_equal(
				world_run_until(w, ICE_COMPLETED, 20 * USEC_PER_SEC), possible);
			world_destroy(w);
		}
	}
}

static void a_check_that_overtakes_the_answer_saves_its_wait(void **state)
{
	(void)state;
	struct world *w = world_create(6, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_signal_candidates(w, 1);
	world_signal_credentials(w, 1);
	world_run(w, 50 * USEC_PER_MS);
	/* The answerer has a valid pair before the offerer has heard the answer. */
	assert_int_equal(world_state(w, 0), ICE_NEW);
	assert_int_equal(world_state(w, 1), ICE_CONNECTED);
	usec start = w->now;
	world_signal_credentials(w, 0);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	assert_true(w->now - start < 100 * USEC_PER_MS);
	world_destroy(w);
}

static void silence_is_noticed_and_healed_or_final(void **state)
{
	(void)state;
	struct world *w = world_create(7, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	world_run(w, 100 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_COMPLETED);
	w->cut = true;
	assert_true(world_run_until(w, ICE_DISCONNECTED, 20 * USEC_PER_SEC));
	w->cut = false;
	assert_true(world_run_until(w, ICE_COMPLETED, 7 * USEC_PER_SEC));
	w->cut = true;
	assert_true(world_run_until(w, ICE_FAILED, 31 * USEC_PER_SEC));
	struct ice_selected selected;
	assert_false(ice_agent_selected(w->sides[0].agent, &selected));
	/* After that nothing is sent, whatever comes. */
	w->cut = false;
	size_t sent = w->sides[0].sent + w->sides[1].sent;
	world_run(w, 60 * USEC_PER_SEC);
	assert_int_equal(w->sides[0].sent + w->sides[1].sent, sent);
	world_destroy(w);
}

static void an_idle_pair_costs_one_check_in_five_seconds(void **state)
{
	(void)state;
	struct world *w = world_create(8, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	uint64_t checks = ice_agent_stats(w->sides[0].agent)->checks_sent;
	world_run(w, 600 * USEC_PER_SEC);
	checks = ice_agent_stats(w->sides[0].agent)->checks_sent - checks;
	assert_in_range(checks, 600 / 6, 600 / 4);
	world_destroy(w);
}

static void without_a_way_it_fails_after_the_patience(void **state)
{
	(void)state;
	struct world *w = world_create(9, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	w->cut = true;
	world_signal_all(w);
	world_run(w, 23 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_CHECKING);
	assert_true(world_run_until(w, ICE_FAILED, USEC_PER_SEC));
	assert_int_equal(w->sides[0].sent, 6);
	world_destroy(w);
}

static void without_end_of_candidates_it_waits_for_more_and_gives_up_at_last(void **state)
{
	(void)state;
	struct world *w = world_create(10, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_signal_credentials(w, 0);
	world_signal_credentials(w, 1);
	world_run(w, 39 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_CHECKING);
	/* A candidate that comes late is news to one side. */
	world_add_host(w, 1, "192.0.2.2:2000");
	w->cut = true;
	world_signal_candidates(w, 0);
	world_run(w, 2 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_CHECKING);
	assert_int_equal(world_state(w, 1), ICE_FAILED);
	world_run(w, 40 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_FAILED);
	world_destroy(w);
}

static void garbage_is_dropped_and_counted(void **state)
{
	(void)state;
	struct world *w = world_create(11, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	struct ice_agent *agent = w->sides[0].agent;
	struct path path = {
		.local = world_addr("192.0.2.1:1000"), .remote = world_addr("192.0.2.9:9")};
	uint8_t data[64] = {0};
	for (size_t size = 0; size < sizeof data; size++) {
		rng_fill(&w->rng, data, size);
		data[0] &= 3;
		ice_agent_receive(agent, w->now, &path, bytes_of(data, size));
	}
	assert_int_equal(ice_agent_stats(agent)->dropped_malformed, sizeof data);
	struct path to;
	uint8_t out[ICE_DATAGRAM_MAX];
	assert_int_equal(ice_agent_write(agent, w->now, out, sizeof out, &to), 0);
	world_destroy(w);
}

static void the_user_name_of_a_check_is_peeked(void **state)
{
	(void)state;
	struct world *w = world_create(12, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_signal_candidates(w, 0);
	world_signal_credentials(w, 0);
	uint8_t data[ICE_DATAGRAM_MAX];
	struct path path;
	size_t size = ice_agent_write(w->sides[0].agent, w->now, data, sizeof data, &path);
	struct bytes ufrag;
	assert_true(ice_peek_ufrag(bytes_of(data, size), &ufrag));
	assert_bytes_equal(ufrag, bytes_of_text(ice_agent_ufrag(w->sides[1].agent)));
	for (size_t cut = 0; cut < 20 + 8 + 8; cut++)
		assert_false(ice_peek_ufrag(bytes_of(data, cut), &ufrag));
	data[0] = 1;
	assert_false(ice_peek_ufrag(bytes_of(data, size), &ufrag));
	world_destroy(w);
}

TESTS(TEST(two_hosts_connect_in_a_few_round_trips), TEST(events_tell_of_state_and_selection),
	TEST(credentials_are_new_and_long_enough), TEST(a_role_conflict_leaves_one_of_each),
	TEST(many_addresses_connect_over_the_best_pair_despite_loss),
	TEST(ipv6_is_preferred_where_both_work), TEST(a_nat_makes_peer_reflexive_candidates),
	TEST(two_nats_are_crossed_with_reflexive_candidates),
	TEST(a_relay_connects_what_no_other_way_does),
	TEST(a_refused_relay_is_not_talked_to_whenever_it_is_named),
	TEST(a_relay_is_left_alone_where_a_direct_way_works), TEST(any_order_of_signals_connects),
	TEST(a_check_that_overtakes_the_answer_saves_its_wait),
	TEST(silence_is_noticed_and_healed_or_final),
	TEST(an_idle_pair_costs_one_check_in_five_seconds),
	TEST(without_a_way_it_fails_after_the_patience),
	TEST(without_end_of_candidates_it_waits_for_more_and_gives_up_at_last),
	TEST(garbage_is_dropped_and_counted), TEST(the_user_name_of_a_check_is_peeked))
