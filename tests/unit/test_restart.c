/* Sessions of one agent, the former and the new: what each of them answers, and which carries data
 * (RFC 8445 section 9). */
#include "ice/internal.h"
#include "ice_world.h"

static struct world *world_completed(uint64_t seed)
{
	struct world *w = world_create(seed, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	return w;
}

static void restart(struct world *w, size_t i)
{
	assert_ok(ice_agent_restart(w->sides[i].agent, w->now));
}

/* The address of a side, replaced as by another network. */
static void move(struct world *w, size_t i, const char *text)
{
	struct world_side *side = &w->sides[i];
	struct addr old = side->addresses[0];
	side->addresses[0] = world_addr(text);
	assert_ok(ice_agent_remove_local(side->agent, w->now, &old));
	assert_ok(ice_agent_add_host(side->agent, w->now, &side->addresses[0]));
}

static void assert_selected(const struct world *w, size_t i, const char *local, const char *remote)
{
	struct ice_selected selected = world_selected(w, i);
	struct addr ours = world_addr(local), theirs = world_addr(remote);
	assert_true(addr_equal(&selected.path.local, &ours));
	assert_true(addr_equal(&selected.path.remote, &theirs));
}

static void a_restart_has_new_credentials_and_the_role_of_old(void **state)
{
	(void)state;
	struct world *w = world_completed(1);
	for (size_t i = 0; i < 2; i++) {
		struct ice_agent *agent = w->sides[i].agent;
		char ufrag[ICE_UFRAG_MAX + 1], pwd[ICE_PWD_MAX + 1];
		snprintf(ufrag, sizeof ufrag, "%s", ice_agent_ufrag(agent));
		snprintf(pwd, sizeof pwd, "%s", ice_agent_pwd(agent));
		assert_null(ice_agent_former_ufrag(agent));
		restart(w, i);
		assert_string_not_equal(ice_agent_ufrag(agent), ufrag);
		assert_string_not_equal(ice_agent_pwd(agent), pwd);
		assert_string_equal(ice_agent_former_ufrag(agent), ufrag);
		assert_int_equal(ice_agent_is_controlling(agent), i == 0);
		assert_int_equal(ice_agent_local_count(agent), 1);
		/* They were told to nobody yet. */
		assert_int_equal(ice_agent_restart(agent, w->now), ERR_EXISTS);
	}
	world_signal_all(w);
	world_run(w, USEC_PER_SEC);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_state(w, i), ICE_COMPLETED);
		assert_int_equal(ice_agent_is_controlling(w->sides[i].agent), i == 0);
		assert_int_equal(ice_agent_stats(w->sides[i].agent)->role_conflicts, 0);
	}
	world_destroy(w);
}

static void the_old_pair_carries_data_until_the_new_one_can(void **state)
{
	(void)state;
	struct world *w = world_completed(2);
	restart(w, 0);
	/* Unanswered for minutes: consent of the old pair goes on. */
	world_run(w, 300 * USEC_PER_SEC);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(world_state(w, i), ICE_COMPLETED);
	assert_selected(w, 0, "192.0.2.1:1000", "192.0.2.2:2000");
	restart(w, 1);
	world_signal_all(w);
	for (usec end = w->now + USEC_PER_SEC; w->now < end;) {
		world_step(w, end);
		for (size_t i = 0; i < 2; i++)
			assert_selected(w, i, i == 0 ? "192.0.2.1:1000" : "192.0.2.2:2000",
				i == 0 ? "192.0.2.2:2000" : "192.0.2.1:1000");
	}
	assert_non_null(ice_agent_former_ufrag(w->sides[0].agent));
	world_run(w, ICE_FORMER_LINGER_US);
	assert_null(ice_agent_former_ufrag(w->sides[0].agent));
	assert_null(ice_agent_former_ufrag(w->sides[1].agent));
	world_destroy(w);
}

static void a_new_address_is_in_use_a_few_round_trips_after_the_answer(void **state)
{
	(void)state;
	for (size_t mover = 0; mover < 2; mover++) {
		struct world *w = world_completed(3);
		w->delay = 20 * USEC_PER_MS;
		move(w, mover, "198.51.100.7:3000");
		struct ice_selected selected;
		assert_false(ice_agent_selected(w->sides[mover].agent, &selected));
		restart(w, mover);
		usec start = w->now;
		restart(w, 1 - mover);
		world_signal_all(w);
		while (!ice_agent_selected(w->sides[mover].agent, &selected))
			world_step(w, start + USEC_PER_SEC);
		assert_in_range(w->now - start, 0, 3 * 2 * w->delay);
		assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
		assert_selected(w, mover, "198.51.100.7:3000",
			mover == 0 ? "192.0.2.2:2000" : "192.0.2.1:1000");
		world_destroy(w);
	}
}

static void a_restart_that_finds_no_pair_leaves_the_old_one_in_use(void **state)
{
	(void)state;
	struct world *w = world_completed(4);
	restart(w, 0);
	/* The peer has never heard of it: nobody answers these checks. */
	assert_ok(ice_agent_set_remote(w->sides[0].agent, w->now, bytes_of_text("nobody"),
		bytes_of_text("a password of nobody at all"), false));
	world_signal_candidates(w, 0);
	world_run(w, ICE_GIVE_UP_US + 20 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_COMPLETED);
	assert_int_equal(world_state(w, 1), ICE_COMPLETED);
	assert_selected(w, 0, "192.0.2.1:1000", "192.0.2.2:2000");
	/* And it can be tried again. */
	restart(w, 0);
	restart(w, 1);
	world_signal_all(w);
	world_run(w, 5 * USEC_PER_SEC);
	assert_null(ice_agent_former_ufrag(w->sides[0].agent));
	assert_int_equal(world_state(w, 0), ICE_COMPLETED);
	world_destroy(w);
}

static void a_restart_during_a_restart_keeps_the_pair_that_works(void **state)
{
	(void)state;
	struct world *w = world_completed(5);
	char first[ICE_UFRAG_MAX + 1];
	snprintf(first, sizeof first, "%s", ice_agent_ufrag(w->sides[0].agent));
	for (int i = 0; i < 3; i++) {
		restart(w, 0);
		assert_ok(ice_agent_set_remote(w->sides[0].agent, w->now, bytes_of_text("nobody"),
			bytes_of_text("a password of nobody at all"), false));
		assert_string_equal(ice_agent_former_ufrag(w->sides[0].agent), first);
		world_run(w, 10 * USEC_PER_SEC);
		assert_int_equal(world_state(w, 0), ICE_COMPLETED);
	}
	restart(w, 0);
	restart(w, 1);
	world_signal_all(w);
	world_run(w, 5 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_COMPLETED);
	assert_null(ice_agent_former_ufrag(w->sides[0].agent));
	world_destroy(w);
}

static void without_any_pair_an_unanswered_restart_ends(void **state)
{
	(void)state;
	struct world *w = world_completed(6);
	struct addr host = w->sides[0].addresses[0];
	restart(w, 0);
	assert_ok(ice_agent_remove_local(w->sides[0].agent, w->now, &host));
	assert_int_equal(ice_agent_remove_local(w->sides[0].agent, w->now, &host), ERR_NOT_FOUND);
	assert_int_equal(world_state(w, 0), ICE_NEW);
	world_run(w, ICE_GIVE_UP_US - USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_NEW);
	world_run(w, 2 * USEC_PER_SEC);
	assert_int_equal(world_state(w, 0), ICE_FAILED);
	assert_int_equal(world_state(w, 1), ICE_FAILED);
	world_destroy(w);
}

static void an_address_that_goes_leaves_the_pairs_of_the_others(void **state)
{
	(void)state;
	struct world *w = world_create(7, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 0, "198.51.100.1:1000");
	world_add_host(w, 1, "192.0.2.2:2000");
	struct addr base = world_addr("192.0.2.1:1000"), mapped = world_addr("203.0.113.9:9000");
	assert_ok(ice_agent_add_reflexive(w->sides[0].agent, w->now, &base, &mapped));
	world_signal_all(w);
	world_run(w, 10 * USEC_PER_SEC);
	assert_selected(w, 0, "192.0.2.1:1000", "192.0.2.2:2000");
	assert_ok(ice_agent_remove_local(w->sides[0].agent, w->now, &base));
	assert_int_equal(ice_agent_local_count(w->sides[0].agent), 1);
	struct addr left = world_addr("198.51.100.1:1000");
	assert_true(addr_equal(&ice_agent_local(w->sides[0].agent, 0)->addr, &left));
	restart(w, 0);
	restart(w, 1);
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	assert_selected(w, 0, "198.51.100.1:1000", "192.0.2.2:2000");
	/* The same address may come back; foundations stay different. */
	assert_ok(ice_agent_add_host(w->sides[0].agent, w->now, &base));
	assert_string_not_equal(ice_agent_local(w->sides[0].agent, 0)->foundation,
		ice_agent_local(w->sides[0].agent, 1)->foundation);
	world_destroy(w);
}

/* Losses, delays and moments of restarting drawn from the seed: in the end both agree. */
static void restarts_at_any_moment_end_in_one_pair_for_both(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 200; seed++) {
		struct world *w = world_completed(seed);
		w->loss_percent = (unsigned)rng_below(&w->rng, 30);
		w->delay = (usec)rng_below(&w->rng, 100) * USEC_PER_MS;
		for (int round = 0; round < 4; round++) {
			size_t mover = rng_below(&w->rng, 2);
			char text[32];
			snprintf(text, sizeof text, "198.51.100.%d:%d", round + 1, 3000 + round);
			move(w, mover, text);
			for (size_t i = 0; i < 2; i++)
				assert_true(ice_agent_restart(w->sides[i].agent, w->now) == ERR_OK);
			world_signal_all(w);
			world_run(w, (usec)rng_below(&w->rng, 2000) * USEC_PER_MS);
		}
		world_run(w, 60 * USEC_PER_SEC);
		for (size_t i = 0; i < 2; i++) {
			struct ice_selected ours = world_selected(w, i),
					    theirs = world_selected(w, 1 - i);
			assert_true(addr_equal(&ours.path.local, &theirs.path.remote));
			assert_null(ice_agent_former_ufrag(w->sides[i].agent));
		}
		world_destroy(w);
	}
}

TESTS(TEST(a_restart_has_new_credentials_and_the_role_of_old),
	TEST(the_old_pair_carries_data_until_the_new_one_can),
	TEST(a_new_address_is_in_use_a_few_round_trips_after_the_answer),
	TEST(a_restart_that_finds_no_pair_leaves_the_old_one_in_use),
	TEST(a_restart_during_a_restart_keeps_the_pair_that_works),
	TEST(without_any_pair_an_unanswered_restart_ends),
	TEST(an_address_that_goes_leaves_the_pairs_of_the_others),
	TEST(restarts_at_any_moment_end_in_one_pair_for_both))
