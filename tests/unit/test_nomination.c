#include "ice_puppet.h"

#define LOCAL "192.0.2.1:1000"
#define BEST "192.0.2.9:2000"
#define WORSE "192.0.2.2:2000"

/* A pair with BEST and one with WORSE, whose checks are under way. */
static struct puppet *puppet_with_two_pairs(
	bool controlling, struct taken *ret_best, struct taken *ret_worse)
{
	struct puppet *p = puppet_create(controlling);
	puppet_add_host(p, LOCAL);
	assert_ok(puppet_try_remote(p, BEST, ICE_HOST, 9));
	assert_ok(puppet_try_remote(p, WORSE, ICE_SERVER_REFLEXIVE, 2));
	puppet_set_remote(p, false);
	/* The views into the datagram are overwritten by the next; keep the ids apart. */
	static uint8_t ids[2][STUN_ID_SIZE];
	struct taken *const both[] = {ret_best, ret_worse};
	for (size_t i = 0; i < 2; i++) {
		puppet_take_request(p, both[i]);
		memcpy(ids[i], both[i]->message.id.data, STUN_ID_SIZE);
		both[i]->message.id.data = ids[i];
	}
	return p;
}

static void the_best_pair_is_nominated_at_once(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &best);
	assert_true(puppet_selected_is(p, BEST, false));
	assert_int_equal(ice_agent_state(p->agent), ICE_CONNECTED);
	usec start = p->now;
	puppet_take_request(p, &taken);
	assert_true(p->now - start <= ICE_PACE_FIRST_US);
	assert_true(stun_has(&taken.message, STUN_USE_CANDIDATE));
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, BEST, true));
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	/* The loser is forgotten, with its check. */
	assert_int_equal(p->agent->pairs.count, 1);
	assert_false(puppet_take_within(p, STUN_REQUEST, 3 * USEC_PER_SEC, &taken));
	puppet_destroy(p);
}

static void a_better_pair_gets_a_short_time_to_catch_up(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &worse);
	assert_true(puppet_selected_is(p, WORSE, false));
	assert_false(
		puppet_take_within(p, STUN_REQUEST, ICE_NOMINATION_WAIT_US - USEC_PER_MS, &taken));
	puppet_answer(p, &best);
	assert_true(puppet_selected_is(p, BEST, false));
	puppet_take_request(p, &taken);
	assert_true(stun_has(&taken.message, STUN_USE_CANDIDATE));
	assert_true(addr_equal(&taken.path.remote, &best.path.remote));
	puppet_destroy(p);
}

static void after_the_wait_what_is_valid_is_nominated(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &worse);
	usec start = p->now;
	puppet_take_request(p, &taken);
	assert_true(p->now - start == ICE_NOMINATION_WAIT_US);
	assert_true(stun_has(&taken.message, STUN_USE_CANDIDATE));
	assert_true(addr_equal(&taken.path.remote, &worse.path.remote));
	puppet_destroy(p);
}

static void a_relay_waits_longer(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct taken taken;
	puppet_add_host(p, LOCAL);
	assert_ok(puppet_try_remote(p, BEST, ICE_RELAYED, 1));
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_false(puppet_take_within(
		p, STUN_REQUEST, ICE_NOMINATION_WAIT_RELAYED_US - USEC_PER_MS, &taken));
	puppet_take_request(p, &taken);
	assert_true(stun_has(&taken.message, STUN_USE_CANDIDATE));
	puppet_destroy(p);
}

static void data_leaves_the_relay_for_a_direct_way_that_works_only_at_the_third_try(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct taken taken;
	puppet_add_host(p, LOCAL);
	puppet_add_remote(p, BEST, 2);
	assert_ok(puppet_try_remote(p, WORSE, ICE_RELAYED, 1));
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, WORSE, false));
	for (int i = 0; i < 2; i++) {
		puppet_take_request(p, &taken);
		assert_false(stun_has(&taken.message, STUN_USE_CANDIDATE));
	}
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, BEST, false));
	puppet_take_request(p, &taken);
	assert_true(stun_has(&taken.message, STUN_USE_CANDIDATE));
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_destroy(p);
}

static void a_refused_nomination_falls_back_to_the_next_pair(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &best);
	puppet_answer(p, &worse);
	puppet_take_request(p, &taken);
	assert_true(addr_equal(&taken.path.remote, &best.path.remote));
	puppet_refuse(p, &taken, STUN_SERVER_ERROR);
	assert_true(puppet_selected_is(p, WORSE, false));
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, WORSE, true));
	puppet_destroy(p);
}

static void the_controlled_side_waits_for_the_peer(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &best);
	assert_true(puppet_selected_is(p, BEST, false));
	/* No nomination of ours; the consent checks that come carry none. */
	puppet_take_within(p, STUN_REQUEST, 3 * USEC_PER_SEC, &taken);
	assert_false(stun_has(&taken.message, STUN_USE_CANDIDATE));
	puppet_check_on(p, LOCAL, BEST, true);
	assert_true(puppet_selected_is(p, BEST, true));
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	puppet_destroy(p);
}

static void a_nomination_before_our_check_is_done_counts_when_it_is(void **state)
{
	(void)state;
	struct taken best, worse;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_check_on(p, LOCAL, WORSE, true);
	assert_int_equal(ice_agent_state(p->agent), ICE_CHECKING);
	puppet_answer(p, &worse);
	assert_true(puppet_selected_is(p, WORSE, true));
	puppet_destroy(p);
}

static void of_many_nominations_the_best_wins(void **state)
{
	(void)state;
	/* As a peer does that nominates every pair (RFC 5245). */
	struct taken best, worse;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_check_on(p, LOCAL, WORSE, true);
	puppet_answer(p, &worse);
	assert_true(puppet_selected_is(p, WORSE, true));
	/* The better check is still under way, because it may win. */
	puppet_check_on(p, LOCAL, BEST, true);
	puppet_answer(p, &best);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_check_on(p, LOCAL, WORSE, true);
	assert_true(puppet_selected_is(p, BEST, true));
	/* Data is taken from either. */
	assert_true(ice_agent_path_is_valid(p->agent, &best.path));
	assert_true(ice_agent_path_is_valid(p->agent, &worse.path));
	puppet_destroy(p);
}

static void a_peer_that_chooses_is_followed_at_once(void **state)
{
	(void)state;
	/* It checks first and nominates afterwards, so what it nominates last is its choice, as
	 * when its better network goes away. */
	struct taken best, worse;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &best);
	puppet_answer(p, &worse);
	puppet_check_on(p, LOCAL, BEST, false);
	puppet_check_on(p, LOCAL, WORSE, false);
	puppet_check_on(p, LOCAL, BEST, true);
	assert_true(puppet_selected_is(p, BEST, true));
	struct taken taken;
	while (puppet_take(p, &taken))
		;
	puppet_check_on(p, LOCAL, WORSE, true);
	assert_true(puppet_selected_is(p, WORSE, true));
	puppet_check_on(p, LOCAL, BEST, true);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_destroy(p);
}

static void a_way_that_the_peer_finds_later_can_be_chosen(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &best);
	puppet_check_on(p, LOCAL, BEST, true);
	assert_true(puppet_selected_is(p, BEST, true));
	/* The peer has got another network, and with it an address that we learn. */
	puppet_check_on(p, LOCAL, "198.51.100.7:7", false);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_check_on(p, LOCAL, "198.51.100.7:7", true);
	assert_true(puppet_selected_is(p, "198.51.100.7:7", true));
	puppet_destroy(p);
}

static void the_last_choice_counts_though_our_checks_are_late(void **state)
{
	(void)state;
	struct taken best, worse;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_check_on(p, LOCAL, BEST, false);
	puppet_check_on(p, LOCAL, WORSE, false);
	puppet_check_on(p, LOCAL, BEST, true);
	puppet_check_on(p, LOCAL, WORSE, true);
	puppet_answer(p, &worse);
	assert_true(puppet_selected_is(p, WORSE, true));
	puppet_answer(p, &best);
	assert_true(puppet_selected_is(p, WORSE, true));
	puppet_destroy(p);
}

static void when_the_pair_in_use_is_silent_a_new_nomination_wins(void **state)
{
	(void)state;
	struct taken best, worse;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &worse);
	puppet_answer(p, &best);
	puppet_check_on(p, LOCAL, BEST, true);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_wait_until_silent(p);
	assert_int_equal(ice_agent_state(p->agent), ICE_DISCONNECTED);
	puppet_check_on(p, LOCAL, WORSE, true);
	assert_true(puppet_selected_is(p, WORSE, true));
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	puppet_destroy(p);
}

/* The NAT of a controlling peer takes another port: to the peer it is the pair it had. */
static void when_the_pair_in_use_is_silent_a_check_on_another_is_enough(void **state)
{
	(void)state;
	struct taken best, worse;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &worse);
	puppet_answer(p, &best);
	puppet_check_on(p, LOCAL, BEST, true);
	puppet_check_on(p, LOCAL, WORSE, false);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_wait_until_silent(p);
	assert_int_equal(ice_agent_state(p->agent), ICE_DISCONNECTED);
	puppet_check_on(p, LOCAL, WORSE, false);
	assert_true(puppet_selected_is(p, WORSE, true));
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	/* Now that it works again, only the peer's word counts. */
	puppet_check_on(p, LOCAL, BEST, false);
	assert_true(puppet_selected_is(p, WORSE, true));
	puppet_destroy(p);
}

/* And that of a controlled one. */
static void when_the_pair_in_use_is_silent_the_controlling_side_nominates_another(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &worse);
	puppet_answer(p, &best);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_check_on(p, LOCAL, WORSE, false);
	puppet_wait_until_silent(p);
	assert_int_equal(ice_agent_state(p->agent), ICE_DISCONNECTED);
	while (puppet_take(p, &taken)) {}
	puppet_check_on(p, LOCAL, WORSE, false);
	bool nominates = false;
	while (!nominates && puppet_take_within(p, STUN_REQUEST, USEC_PER_SEC, &taken))
		nominates = stun_has(&taken.message, STUN_USE_CANDIDATE);
	assert_true(nominates);
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, WORSE, true));
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	puppet_destroy(p);
}

/* Long before consent is late, when the peer was heard on another pair since it was last heard on
 * the one in use: its NAT has changed. */
static void a_pair_in_doubt_is_left_for_one_that_the_peer_was_heard_on_since(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &worse);
	puppet_answer(p, &best);
	puppet_check_on(p, LOCAL, BEST, true);
	puppet_wait(p, USEC_PER_SEC);
	puppet_check_on(p, LOCAL, WORSE, false);
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	assert_true(addr_equal(&taken.path.remote, &best.path.remote));
	puppet_lose_all(p, ICE_CONSENT_DOUBT_US - 1);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_lose_all(p, 1);
	assert_true(puppet_selected_is(p, WORSE, true));
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	puppet_destroy(p);
}

static void a_pair_in_doubt_is_kept_when_the_peer_was_heard_elsewhere_before(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &worse);
	puppet_answer(p, &best);
	puppet_check_on(p, LOCAL, BEST, true);
	puppet_wait(p, USEC_PER_SEC);
	puppet_check_on(p, LOCAL, WORSE, false);
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	puppet_answer(p, &taken);
	puppet_lose_all(p, 6 * USEC_PER_SEC + ICE_CONSENT_DOUBT_US);
	assert_true(consent_is_in_doubt(p->agent));
	assert_true(puppet_selected_is(p, BEST, true));
	/* But a check now is enough. */
	puppet_check_on(p, LOCAL, WORSE, false);
	assert_true(puppet_selected_is(p, WORSE, true));
	assert_false(consent_is_in_doubt(p->agent));
	puppet_destroy(p);
}

static void the_controlling_side_nominates_its_way_out_of_a_pair_in_doubt(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &worse);
	puppet_answer(p, &best);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_wait(p, USEC_PER_SEC);
	puppet_check_on(p, LOCAL, WORSE, false);
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	puppet_lose_all(p, ICE_CONSENT_DOUBT_US - 1);
	puppet_wait(p, 1);
	bool nominates = false;
	while (!nominates && puppet_take_within(p, STUN_REQUEST, USEC_PER_MS, &taken))
		nominates = stun_has(&taken.message, STUN_USE_CANDIDATE);
	assert_true(nominates);
	assert_true(addr_equal(&taken.path.remote, &worse.path.remote));
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, WORSE, true));
	puppet_destroy(p);
}

static void a_nomination_whose_check_fails_is_none(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(false, &best, &worse);
	puppet_answer(p, &worse);
	puppet_check_on(p, LOCAL, BEST, false);
	puppet_check_on(p, LOCAL, BEST, true);
	puppet_refuse(p, &best, STUN_BAD_REQUEST);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_FAILED);
	assert_true(puppet_selected_is(p, WORSE, false));
	while (puppet_take(p, &taken))
		;
	assert_int_equal(ice_agent_state(p->agent), ICE_CONNECTED);
	puppet_destroy(p);
}

static void after_a_nomination_checks_are_answered_and_none_nominates(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &worse);
	puppet_wait(p, ICE_NOMINATION_WAIT_US);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, WORSE, true));
	/* On the pair in use, on a better one that was given up, and from where nothing came yet.
	 */
	static const char *const from[] = {WORSE, BEST, "192.0.2.77:77"};
	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		puppet_check_on(p, LOCAL, from[i], false);
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_SUCCESS);
		struct addr remote = puppet_addr(from[i]);
		assert_true(addr_equal(&taken.path.remote, &remote));
	}
	for (int i = 0; i < 10; i++) {
		assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
		assert_false(stun_has(&taken.message, STUN_USE_CANDIDATE));
		puppet_answer(p, &taken);
		assert_true(puppet_selected_is(p, WORSE, true));
	}
	puppet_destroy(p);
}

static void candidates_after_nomination_are_not_paired(void **state)
{
	(void)state;
	struct taken best, worse, taken;
	struct puppet *p = puppet_with_two_pairs(true, &best, &worse);
	puppet_answer(p, &best);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	puppet_add_remote(p, "192.0.2.50:1", 50);
	puppet_add_host(p, "192.0.2.3:1000");
	assert_int_equal(p->agent->pairs.count, 1);
	puppet_destroy(p);
}

static void a_lite_peer_is_controlled(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	struct taken taken;
	puppet_add_host(p, LOCAL);
	puppet_add_remote(p, BEST, 1);
	puppet_set_remote(p, true);
	assert_true(ice_agent_is_controlling(p->agent));
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	puppet_take_request(p, &taken);
	assert_true(stun_has(&taken.message, STUN_USE_CANDIDATE));
	puppet_answer(p, &taken);
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	puppet_destroy(p);
}

static void unanswered_nomination_is_repeated_while_consent_lasts(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	struct taken taken;
	puppet_add_host(p, LOCAL);
	assert_ok(puppet_try_remote(p, BEST, ICE_HOST, 9));
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	/* The network takes every nomination, and nothing else, for a minute. */
	usec until = p->now + 60 * USEC_PER_SEC;
	while (p->now < until) {
		assert_true(puppet_take_within(p, STUN_REQUEST, 20 * USEC_PER_SEC, &taken));
		if (!stun_has(&taken.message, STUN_USE_CANDIDATE))
			puppet_answer(p, &taken);
		assert_true(puppet_selected_is(p, BEST, false));
	}
	while (!stun_has(&taken.message, STUN_USE_CANDIDATE))
		assert_true(puppet_take_within(p, STUN_REQUEST, 20 * USEC_PER_SEC, &taken));
	puppet_answer(p, &taken);
	assert_true(puppet_selected_is(p, BEST, true));
	puppet_destroy(p);
}

TESTS(TEST(a_nomination_whose_check_fails_is_none),
	TEST(after_a_nomination_checks_are_answered_and_none_nominates),
	TEST(unanswered_nomination_is_repeated_while_consent_lasts),
	TEST(the_best_pair_is_nominated_at_once), TEST(a_better_pair_gets_a_short_time_to_catch_up),
	TEST(after_the_wait_what_is_valid_is_nominated), TEST(a_relay_waits_longer),
	TEST(data_leaves_the_relay_for_a_direct_way_that_works_only_at_the_third_try),
	TEST(a_refused_nomination_falls_back_to_the_next_pair),
	TEST(the_controlled_side_waits_for_the_peer),
	TEST(a_nomination_before_our_check_is_done_counts_when_it_is),
	TEST(of_many_nominations_the_best_wins), TEST(a_peer_that_chooses_is_followed_at_once),
	TEST(a_way_that_the_peer_finds_later_can_be_chosen),
	TEST(the_last_choice_counts_though_our_checks_are_late),
	TEST(when_the_pair_in_use_is_silent_a_new_nomination_wins),
	TEST(when_the_pair_in_use_is_silent_a_check_on_another_is_enough),
	TEST(when_the_pair_in_use_is_silent_the_controlling_side_nominates_another),
	TEST(a_pair_in_doubt_is_left_for_one_that_the_peer_was_heard_on_since),
	TEST(a_pair_in_doubt_is_kept_when_the_peer_was_heard_elsewhere_before),
	TEST(the_controlling_side_nominates_its_way_out_of_a_pair_in_doubt),
	TEST(candidates_after_nomination_are_not_paired), TEST(a_lite_peer_is_controlled))
