#include <stdio.h>

#include "ice_puppet.h"

#define LOCAL "192.0.2.1:1000"
#define REMOTE "192.0.2.2:2000"

static struct puppet *puppet_with_one_pair(bool controlling)
{
	struct puppet *p = puppet_create(controlling);
	puppet_add_host(p, LOCAL);
	puppet_add_remote(p, REMOTE, 1);
	puppet_set_remote(p, false);
	return p;
}

static void a_check_says_who_we_are(void **state)
{
	(void)state;
	for (int controlling = 0; controlling < 2; controlling++) {
		struct puppet *p = puppet_with_one_pair(controlling);
		struct taken taken;
		char name[64];
		puppet_take_request(p, &taken);
		snprintf(name, sizeof name, PUPPET_UFRAG ":%s", ice_agent_ufrag(p->agent));
		assert_bytes_equal(taken.message.username, bytes_of_text(name));
		assert_int_equal(stun_has(&taken.message, STUN_ICE_CONTROLLING), controlling);
		assert_int_equal(stun_has(&taken.message, STUN_ICE_CONTROLLED), !controlling);
		assert_false(stun_has(&taken.message, STUN_USE_CANDIDATE));
		/* RFC 8445 section 7.1.1: the priority of a peer-reflexive candidate. */
		assert_int_equal(taken.message.priority >> 24, 110);
		puppet_destroy(p);
	}
}

static void an_unanswered_check_is_repeated_to_the_byte_and_fails(void **state)
{
	(void)state;
	static const usec times[] = {0, 500, 1500, 3500, 7500, 15500};
	struct puppet *p = puppet_with_one_pair(true);
	ice_agent_end_of_local(p->agent, p->now);
	ice_agent_end_of_remote(p->agent, p->now);
	usec start = p->now;
	uint8_t first[ICE_DATAGRAM_MAX];
	struct taken taken;
	for (size_t i = 0; i < 6; i++) {
		assert_true(puppet_take_within(p, STUN_REQUEST, 9 * USEC_PER_SEC, &taken));
		assert_true(p->now - start == times[i] * USEC_PER_MS);
		if (i == 0)
			memcpy(first, p->data, p->size);
		assert_memory_equal(first, p->data, p->size);
	}
	assert_false(puppet_take_within(p, STUN_REQUEST, 60 * USEC_PER_SEC, &taken));
	assert_int_equal(ice_agent_state(p->agent), ICE_FAILED);
	assert_true(ice_agent_deadline(p->agent) == USEC_NEVER);
	puppet_destroy(p);
}

static void checks_are_paced(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, LOCAL);
	for (unsigned i = 0; i < 30; i++) {
		char text[ADDR_TEXT_MAX];
		snprintf(text, sizeof text, "198.51.100.%u:1000", i + 1);
		struct ice_candidate candidate = {.type = ICE_HOST,
			.addr = puppet_addr(text),
			.priority = ice_candidate_priority(ICE_HOST, (uint16_t)(1000 - i))};
		snprintf(candidate.foundation, sizeof candidate.foundation, "%u", i);
		assert_ok(ice_agent_add_remote(p->agent, p->now, &candidate));
	}
	puppet_set_remote(p, false);
	usec start = p->now;
	for (usec i = 0; i < 30; i++) {
		struct taken taken;
		puppet_take_request(p, &taken);
		/* In the order of priority. */
		assert_int_equal(taken.path.remote.ip[3], i + 1);
		usec expected = i < ICE_PACE_FIRST_CHECKS
					? i * ICE_PACE_FIRST_US
					: (ICE_PACE_FIRST_CHECKS - 1) * ICE_PACE_FIRST_US +
						  (i - ICE_PACE_FIRST_CHECKS + 1) * ICE_PACE_US;
		assert_true(p->now - start == expected);
	}
	puppet_destroy(p);
}

static void what_comes_from_elsewhere_fails_the_check(void **state)
{
	(void)state;
	static const char *const elsewhere[][2] = {{LOCAL, "192.0.2.99:2000"},
		{LOCAL, "192.0.2.2:2001"}, {"192.0.2.3:1000", REMOTE}, {"192.0.2.1:1001", REMOTE}};
	for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
		struct puppet *p = puppet_with_one_pair(true);
		struct taken taken;
		struct ice_selected selected;
		puppet_take_request(p, &taken);
		struct path path = puppet_path(elsewhere[i][0], elsewhere[i][1]);
		puppet_answer_as(p, &taken, &path, LOCAL);
		assert_int_equal(p->agent->pairs.items[0].state, PAIR_FAILED);
		assert_false(ice_agent_selected(p->agent, &selected));
		puppet_destroy(p);
	}
}

static void a_response_to_no_check_of_ours_changes_nothing(void **state)
{
	(void)state;
	struct puppet *p = puppet_with_one_pair(true);
	struct taken taken;
	puppet_take_request(p, &taken);
	uint8_t id[STUN_ID_SIZE];
	memcpy(id, taken.message.id.data, sizeof id);
	for (size_t i = 0; i < sizeof id; i++) {
		id[i] ^= 1;
		taken.message.id.data = id;
		puppet_answer(p, &taken);
		puppet_refuse(p, &taken, STUN_ROLE_CONFLICT);
		id[i] ^= 1;
	}
	assert_int_equal(ice_agent_stats(p->agent)->dropped_unexpected, 2 * sizeof id);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_IN_PROGRESS);
	assert_true(ice_agent_is_controlling(p->agent));
	puppet_answer(p, &taken);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_SUCCEEDED);
	puppet_destroy(p);
}

static void every_check_has_an_id_of_its_own(void **state)
{
	(void)state;
	static uint8_t ids[200][STUN_ID_SIZE];
	struct puppet *p = puppet_with_one_pair(true);
	struct taken taken;
	for (size_t i = 0; i < 200; i++) {
		assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
		memcpy(ids[i], taken.message.id.data, STUN_ID_SIZE);
		for (size_t other = 0; other < i; other++)
			assert_memory_not_equal(ids[i], ids[other], STUN_ID_SIZE);
		puppet_answer(p, &taken);
	}
	puppet_destroy(p);
}

static void without_a_fingerprint_it_is_no_message(void **state)
{
	(void)state;
	struct puppet *p = puppet_with_one_pair(true);
	struct taken taken;
	puppet_take_request(p, &taken);
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	struct addr mapped = puppet_addr(LOCAL);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, taken.message.id.data);
	stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &mapped);
	stun_add_integrity(&w, bytes_of_text(PUPPET_PWD));
	puppet_receive(p, &taken.path, &w);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_IN_PROGRESS);
	struct puppet_check check = {.without_fingerprint = true};
	puppet_check(p, &taken.path, &check);
	assert_false(puppet_take(p, &taken));
	assert_int_equal(ice_agent_stats(p->agent)->dropped_malformed, 2);
	puppet_destroy(p);
}

static void both_sides_keep_the_longer_pace(void **state)
{
	(void)state;
	static const struct {
		unsigned theirs, pace;
	} cases[] = {{1, 5}, {5, 5}, {20, 20}, {50, 50}, {200, 200},
		{ICE_PACING_MAX_MS + 1, ICE_PACING_DEFAULT_MS}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct puppet *p = puppet_create(true);
		puppet_add_host(p, LOCAL);
		assert_ok(puppet_try_remote(p, REMOTE, ICE_HOST, 9));
		assert_ok(puppet_try_remote(p, "192.0.2.3:2000", ICE_SERVER_REFLEXIVE, 2));
		ice_agent_set_pacing(p->agent, cases[i].theirs);
		puppet_set_remote(p, false);
		struct taken taken;
		puppet_take_request(p, &taken);
		usec start = p->now;
		puppet_take_request(p, &taken);
		assert_true(p->now - start == cases[i].pace * USEC_PER_MS);
		puppet_destroy(p);
	}
}

static void without_a_proposal_of_the_peer_the_pace_is_the_default(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(3);
	struct ice_config config = {.controlling = true, .rng = &rng};
	struct ice_agent *agent;
	assert_ok(ice_agent_create(&config, USEC_PER_SEC, &agent));
	assert_true(agent->pace == ICE_PACING_DEFAULT_MS * USEC_PER_MS);
	ice_agent_destroy(agent);
}

static void a_response_without_the_peers_integrity_changes_nothing(void **state)
{
	(void)state;
	struct puppet *p = puppet_with_one_pair(true);
	struct taken taken;
	puppet_take_request(p, &taken);
	for (int with_wrong_key = 0; with_wrong_key < 2; with_wrong_key++) {
		uint8_t data[200];
		struct writer w = writer_of(data, sizeof data);
		stun_begin(&w, STUN_ERROR, STUN_BINDING, taken.message.id.data);
		stun_add_error(&w, STUN_ROLE_CONFLICT, "");
		if (with_wrong_key)
			stun_add_integrity(&w, bytes_of_text("not the password"));
		stun_add_fingerprint(&w);
		puppet_receive(p, &taken.path, &w);
	}
	assert_int_equal(ice_agent_stats(p->agent)->dropped_unauthenticated, 2);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_IN_PROGRESS);
	puppet_answer(p, &taken);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_SUCCEEDED);
	/* Once answered, a second answer is to nothing. */
	puppet_answer(p, &taken);
	assert_int_equal(ice_agent_stats(p->agent)->dropped_unexpected, 1);
	puppet_destroy(p);
}

static void a_success_must_carry_the_mapped_address(void **state)
{
	(void)state;
	struct puppet *p = puppet_with_one_pair(true);
	struct taken taken;
	puppet_take_request(p, &taken);
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, taken.message.id.data);
	stun_add_integrity(&w, bytes_of_text(PUPPET_PWD));
	stun_add_fingerprint(&w);
	puppet_receive(p, &taken.path, &w);
	assert_int_equal(ice_agent_stats(p->agent)->dropped_malformed, 1);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_IN_PROGRESS);
	puppet_destroy(p);
}

static void a_role_conflict_repeats_the_check_in_the_other_role(void **state)
{
	(void)state;
	for (int controlling = 0; controlling < 2; controlling++) {
		struct puppet *p = puppet_with_one_pair(controlling);
		struct taken taken;
		puppet_take_request(p, &taken);
		uint64_t before = p->agent->tie_breaker;
		puppet_refuse(p, &taken, STUN_ROLE_CONFLICT);
		assert_int_equal(ice_agent_is_controlling(p->agent), !controlling);
		assert_true(p->agent->tie_breaker != before);
		puppet_take_request(p, &taken);
		assert_int_equal(stun_has(&taken.message, STUN_ICE_CONTROLLING), !controlling);
		puppet_answer(p, &taken);
		assert_int_equal(p->agent->pairs.items[0].state, PAIR_SUCCEEDED);
		puppet_destroy(p);
	}
}

static void a_check_that_began_before_a_role_conflict_keeps_its_words(void **state)
{
	(void)state;
	/* With the new tie-breaker under the old role it could win a conflict that was settled. */
	struct puppet *p = puppet_create(true);
	struct taken first, second, taken;
	uint8_t ids[2][STUN_ID_SIZE];
	puppet_add_host(p, LOCAL);
	assert_ok(puppet_try_remote(p, REMOTE, ICE_HOST, 9));
	assert_ok(puppet_try_remote(p, "192.0.2.3:2000", ICE_SERVER_REFLEXIVE, 2));
	puppet_set_remote(p, false);
	puppet_take_request(p, &first);
	memcpy(ids[0], first.message.id.data, STUN_ID_SIZE);
	first.message.id.data = ids[0];
	puppet_take_request(p, &second);
	uint64_t before = second.message.controlling;
	memcpy(ids[1], second.message.id.data, STUN_ID_SIZE);
	puppet_refuse(p, &first, STUN_ROLE_CONFLICT);
	assert_true(p->agent->tie_breaker != before);
	do
		puppet_take_request(p, &taken);
	while (memcmp(taken.message.id.data, ids[1], STUN_ID_SIZE) != 0);
	assert_true(stun_has(&taken.message, STUN_ICE_CONTROLLING));
	assert_true(taken.message.controlling == before);
	/* Its conflict is the one that is settled: it changes nothing, and the check comes again.
	 */
	uint64_t after = p->agent->tie_breaker;
	puppet_refuse(p, &taken, STUN_ROLE_CONFLICT);
	assert_false(ice_agent_is_controlling(p->agent));
	assert_true(p->agent->tie_breaker == after);
	puppet_take_request(p, &taken);
	assert_true(taken.message.controlled == after);
	puppet_destroy(p);
}

static void another_error_fails_the_check(void **state)
{
	(void)state;
	/* 300 names another server, which is not for checks. */
	static const uint16_t codes[] = {300, STUN_BAD_REQUEST, STUN_UNAUTHENTICATED,
		STUN_UNKNOWN_ATTRIBUTE, STUN_SERVER_ERROR, 699};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		struct puppet *p = puppet_with_one_pair(true);
		struct taken taken;
		puppet_take_request(p, &taken);
		puppet_refuse(p, &taken, codes[i]);
		assert_int_equal(p->agent->pairs.items[0].state, PAIR_FAILED);
		assert_false(puppet_take_within(p, STUN_REQUEST, 30 * USEC_PER_SEC, &taken));
		/* A check of the peer revives it. */
		puppet_check_on(p, LOCAL, REMOTE, false);
		puppet_take_request(p, &taken);
		puppet_destroy(p);
	}
}

static void a_check_of_the_peer_hastens_ours(void **state)
{
	(void)state;
	struct puppet *p = puppet_with_one_pair(true);
	struct taken first, second;
	puppet_take_request(p, &first);
	puppet_wait(p, 20 * USEC_PER_MS);
	puppet_check_on(p, LOCAL, REMOTE, false);
	usec start = p->now;
	uint8_t id[STUN_ID_SIZE];
	memcpy(id, first.message.id.data, sizeof id);
	puppet_take_request(p, &second);
	assert_true(p->now - start == ICE_PACE_FIRST_US);
	assert_bytes_equal(second.message.id, bytes_of(id, sizeof id));
	puppet_destroy(p);
}

static void a_candidate_that_comes_again_repeats_unanswered_checks_once_and_paced(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	struct taken taken;
	uint8_t first[2][ICE_DATAGRAM_MAX];
	puppet_add_host(p, LOCAL);
	puppet_add_remote(p, REMOTE, 2);
	assert_ok(puppet_try_remote(p, "192.0.2.3:3000", ICE_RELAYED, 1));
	puppet_set_remote(p, false);
	for (int i = 0; i < 2; i++) {
		puppet_take_request(p, &taken);
		memcpy(first[i], p->data, p->size);
	}
	puppet_wait(p, 30 * USEC_PER_MS);
	assert_false(puppet_take(p, &taken));
	/* The peer says so that it has our answer: its NAT lets us in from now on. */
	assert_err(puppet_try_remote(p, REMOTE, ICE_HOST, 2), ERR_EXISTS);
	usec start = p->now;
	for (int i = 0; i < 2; i++) {
		puppet_take_request(p, &taken);
		assert_memory_equal(first[i], p->data, p->size);
		assert_true(p->now - start == i * ICE_PACE_FIRST_US);
	}
	/* Only once: what it says again and again makes us send no more. */
	assert_err(puppet_try_remote(p, REMOTE, ICE_HOST, 2), ERR_EXISTS);
	assert_false(puppet_take_within(p, STUN_REQUEST, ICE_RTO_US - 10 * USEC_PER_MS, &taken));
	puppet_destroy(p);
}

static void a_candidate_that_comes_again_repeats_no_check_that_could_only_find_worse(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	struct taken taken;
	puppet_add_host(p, LOCAL);
	puppet_add_remote(p, REMOTE, 2);
	assert_ok(puppet_try_remote(p, "192.0.2.3:3000", ICE_RELAYED, 1));
	puppet_set_remote(p, false);
	puppet_take_request(p, &taken);
	puppet_answer(p, &taken);
	puppet_take_request(p, &taken);
	assert_err(puppet_try_remote(p, REMOTE, ICE_HOST, 2), ERR_EXISTS);
	assert_false(puppet_take_within(p, STUN_REQUEST, 100 * USEC_PER_MS, &taken));
	puppet_destroy(p);
}

static void a_repeated_check_measures_no_round_trip(void **state)
{
	(void)state;
	struct puppet *p = puppet_with_one_pair(true);
	struct taken taken;
	puppet_take_request(p, &taken);
	puppet_take_request(p, &taken);
	/* The answer may be to either of two that were sent half a second apart. */
	puppet_check_on(p, LOCAL, REMOTE, false);
	puppet_answer(p, &taken);
	assert_int_equal(ice_agent_state(p->agent), ICE_CONNECTED);
	assert_true(ice_agent_stats(p->agent)->rtt == 0);
	puppet_destroy(p);
}

TESTS(TEST(a_response_to_no_check_of_ours_changes_nothing), TEST(every_check_has_an_id_of_its_own),
	TEST(without_a_fingerprint_it_is_no_message), TEST(both_sides_keep_the_longer_pace),
	TEST(without_a_proposal_of_the_peer_the_pace_is_the_default), TEST(a_check_says_who_we_are),
	TEST(an_unanswered_check_is_repeated_to_the_byte_and_fails), TEST(checks_are_paced),
	TEST(what_comes_from_elsewhere_fails_the_check),
	TEST(a_response_without_the_peers_integrity_changes_nothing),
	TEST(a_success_must_carry_the_mapped_address),
	TEST(a_role_conflict_repeats_the_check_in_the_other_role),
	TEST(a_check_that_began_before_a_role_conflict_keeps_its_words),
	TEST(another_error_fails_the_check), TEST(a_check_of_the_peer_hastens_ours),
	TEST(a_candidate_that_comes_again_repeats_unanswered_checks_once_and_paced),
	TEST(a_candidate_that_comes_again_repeats_no_check_that_could_only_find_worse),
	TEST(a_repeated_check_measures_no_round_trip))
