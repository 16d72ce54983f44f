#include "ice_puppet.h"

#define LOCAL "192.0.2.1:1000"
#define REMOTE "192.0.2.2:2000"

static struct puppet *puppet_completed(void)
{
	struct puppet *p = puppet_create(true);
	struct taken taken;
	puppet_add_host(p, LOCAL);
	puppet_add_remote(p, REMOTE, 1);
	puppet_set_remote(p, false);
	for (int i = 0; i < 2; i++) {
		puppet_take_request(p, &taken);
		puppet_answer(p, &taken);
	}
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	return p;
}

static void checks_come_every_five_seconds_more_or_less(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	usec last = p->now, least = USEC_NEVER, most = 0;
	for (int i = 0; i < 100; i++) {
		struct taken taken;
		assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
		least = usec_min(least, p->now - last);
		most = usec_max(most, p->now - last);
		last = p->now;
		puppet_answer(p, &taken);
		/* Never repeated, each an id of its own. */
		assert_int_equal(ice_agent_stats(p->agent)->dropped_unexpected, 0);
	}
	assert_in_range(least, 4 * USEC_PER_SEC - 10 * USEC_PER_MS, 4200 * USEC_PER_MS);
	assert_in_range(most, 5800 * USEC_PER_MS, 6 * USEC_PER_SEC);
	puppet_destroy(p);
}

static usec time_until(struct puppet *p, enum ice_state state, size_t *ret_requests)
{
	usec start = p->now;
	struct taken taken;
	*ret_requests = 0;
	while (ice_agent_state(p->agent) != state) {
		assert_true(p->now - start < 60 * USEC_PER_SEC);
		*ret_requests += puppet_take_within(p, STUN_REQUEST, 10 * USEC_PER_MS, &taken);
	}
	return p->now - start;
}

static void three_seconds_after_an_unanswered_check_it_is_silent(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	struct taken taken;
	size_t requests;
	usec start = p->now;
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	usec time = time_until(p, ICE_DISCONNECTED, &requests);
	assert_in_range(time, ICE_CONSENT_LATE_US, ICE_CONSENT_LATE_US + 20 * USEC_PER_MS);
	/* Every half second: a few losses are no silence. */
	assert_in_range(requests, 5, 6);
	assert_int_equal(ice_agent_state(p->agent), ICE_DISCONNECTED);
	/* RFC 7675 section 5.1: and after half a minute nothing more may be sent. */
	time_until(p, ICE_FAILED, &requests);
	assert_in_range(p->now - start, ICE_CONSENT_EXPIRY_US - 10 * USEC_PER_MS,
		ICE_CONSENT_EXPIRY_US + 20 * USEC_PER_MS);
	/* Once a second, and the consent checks of their own. */
	assert_in_range(requests, 20, 32);
	assert_false(puppet_take(p, &taken));
	puppet_destroy(p);
}

/* The side that controls asks first, so that the other one need not. */
static void a_quiet_peer_is_asked_and_its_silence_is_known_three_seconds_later(void **state)
{
	(void)state;
	const usec quiet = 2 * USEC_PER_SEC;
	for (int controlling = 0; controlling < 2; controlling++) {
		struct puppet *p = puppet_completed();
		struct path path = puppet_path(LOCAL, REMOTE);
		struct taken taken;
		size_t requests;
		p->agent->quiet_max = quiet;
		p->agent->controlling = controlling;
		ice_agent_note_heard(p->agent, p->now, &path);
		usec patience = controlling ? quiet * 4 / 5 : quiet;
		int in_time = 0;
		for (int i = 0; i < 10; i++) {
			usec start = p->now;
			assert_true(puppet_take_within(p, STUN_REQUEST, patience, &taken));
			/* Now and then a consent check is due before. */
			in_time += p->now - start >= patience - 10 * USEC_PER_MS;
			puppet_answer(p, &taken);
		}
		assert_in_range(in_time, 5, 8);
		/* Who is heard is not asked, but for his consent. */
		for (int i = 0; i < 38; i++) {
			ice_agent_note_heard(p->agent, p->now, &path);
			assert_false(
				puppet_take_within(p, STUN_REQUEST, 100 * USEC_PER_MS, &taken));
		}
		ice_agent_note_heard(p->agent, p->now, &path);
		usec time = time_until(p, ICE_DISCONNECTED, &requests);
		assert_in_range(time, ICE_CONSENT_LATE_US,
			patience + ICE_CONSENT_LATE_US + 20 * USEC_PER_MS);
		assert_in_range(requests, 6, 8);
		puppet_destroy(p);
	}
}

static void doubt_asks_at_once_and_only_once(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	struct taken taken;
	size_t requests;
	puppet_wait(p, USEC_PER_SEC);
	assert_false(puppet_take(p, &taken));
	ice_agent_doubt(p->agent, p->now);
	puppet_take_request(p, &taken);
	ice_agent_doubt(p->agent, p->now);
	assert_false(puppet_take(p, &taken));
	/* RFC 7675 allows no consent check yet: it is an ordinary one, whose answer is as good. */
	puppet_wait(p, 30 * USEC_PER_MS);
	usec before = p->agent->consent_at;
	ice_agent_doubt(p->agent, p->now);
	puppet_answer(p, &taken);
	assert_true(p->agent->consent_at == p->now && p->now > before);
	/* With nobody there, silence is known in time. */
	ice_agent_doubt(p->agent, p->now);
	usec time = time_until(p, ICE_DISCONNECTED, &requests);
	assert_in_range(time, ICE_CONSENT_LATE_US, ICE_CONSENT_LATE_US + 20 * USEC_PER_MS);
	assert_in_range(requests, 5, 8);
	puppet_destroy(p);
}

/* Its answers are lost, or behind a queue of seconds. */
static void a_peer_that_is_heard_is_not_silent_so_soon(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct puppet *p = puppet_completed();
		struct path path = puppet_path(LOCAL, REMOTE);
		struct taken taken;
		assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
		usec start = p->now;
		while (ice_agent_state(p->agent) != ICE_DISCONNECTED) {
			assert_true(p->now - start < 20 * USEC_PER_SEC);
			if (kind == 0)
				ice_agent_note_heard(p->agent, p->now, &path);
			else
				puppet_check_on(p, LOCAL, REMOTE, false);
			puppet_take_within(p, STUN_ERROR, 200 * USEC_PER_MS, &taken);
		}
		assert_in_range(p->now - start, ICE_CONSENT_LATE_HEARD_US,
			ICE_CONSENT_LATE_HEARD_US + 200 * USEC_PER_MS);
		puppet_destroy(p);
	}
}

static void what_is_heard_elsewhere_does_not_count(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	struct path path = puppet_path(LOCAL, "192.0.2.66:6");
	struct taken taken;
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	usec start = p->now;
	while (ice_agent_state(p->agent) != ICE_DISCONNECTED) {
		ice_agent_note_heard(p->agent, p->now, &path);
		puppet_take_within(p, STUN_ERROR, 100 * USEC_PER_MS, &taken);
	}
	assert_in_range(
		p->now - start, ICE_CONSENT_LATE_US, ICE_CONSENT_LATE_US + 100 * USEC_PER_MS);
	puppet_destroy(p);
}

static void a_late_answer_to_any_check_of_the_last_half_minute_counts(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	struct taken first, taken;
	uint8_t id[STUN_ID_SIZE];
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &first));
	memcpy(id, first.message.id.data, sizeof id);
	first.message.id.data = id;
	while (p->now < 28 * USEC_PER_SEC)
		puppet_take_within(p, STUN_ERROR, USEC_PER_SEC, &taken);
	assert_int_equal(ice_agent_state(p->agent), ICE_DISCONNECTED);
	puppet_answer(p, &first);
	assert_int_equal(ice_agent_state(p->agent), ICE_COMPLETED);
	/* Once. */
	puppet_answer(p, &first);
	assert_int_equal(ice_agent_stats(p->agent)->dropped_unexpected, 1);
	puppet_destroy(p);
}

/* RFC 7675 section 5.1 sends a consent check once, and the next after 4 s at the earliest. */
static void an_unanswered_check_is_followed_by_checks_that_are_repeated(void **state)
{
	(void)state;
	static const usec times[] = {500, 1000, 1500};
	struct puppet *p = puppet_completed();
	struct taken taken;
	uint8_t id[STUN_ID_SIZE];
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	memcpy(id, taken.message.id.data, sizeof id);
	usec start = p->now;
	for (size_t i = 0; i < 3; i++) {
		assert_true(puppet_take_within(p, STUN_REQUEST, 3 * USEC_PER_SEC, &taken));
		assert_true(p->now - start == times[i] * USEC_PER_MS);
		assert_false(stun_has(&taken.message, STUN_USE_CANDIDATE));
		/* A transaction of its own. */
		assert_memory_not_equal(taken.message.id.data, id, sizeof id);
	}
	usec before = p->agent->consent_at;
	puppet_answer(p, &taken);
	assert_true(p->agent->consent_at == p->now && p->now > before);
	assert_true(puppet_selected_is(p, REMOTE, true));
	/* Answered, so that nothing more comes before the next is due. */
	assert_false(puppet_take_within(
		p, STUN_REQUEST, start + 4 * USEC_PER_SEC - USEC_PER_MS - p->now, &taken));
	assert_true(puppet_take_within(p, STUN_REQUEST, 3 * USEC_PER_SEC, &taken));
	puppet_destroy(p);
}

static void a_refused_check_of_the_pair_in_use_leaves_it_in_use(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	struct taken taken;
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	assert_true(puppet_take_within(p, STUN_REQUEST, USEC_PER_SEC, &taken));
	usec before = p->agent->consent_at;
	puppet_refuse(p, &taken, STUN_SERVER_ERROR);
	assert_true(puppet_selected_is(p, REMOTE, true));
	assert_true(p->agent->consent_at == before);
	puppet_destroy(p);
}

static void a_role_conflict_that_a_consent_check_meets_is_settled(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	struct taken taken;
	uint64_t before = p->agent->tie_breaker;
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	puppet_refuse(p, &taken, STUN_ROLE_CONFLICT);
	assert_false(ice_agent_is_controlling(p->agent));
	assert_true(p->agent->tie_breaker != before);
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	assert_true(stun_has(&taken.message, STUN_ICE_CONTROLLED));
	puppet_answer(p, &taken);
	assert_true(p->agent->consent_at == p->now);
	assert_true(puppet_selected_is(p, REMOTE, true));
	puppet_destroy(p);
}

static void errors_and_strangers_give_no_consent(void **state)
{
	(void)state;
	struct puppet *p = puppet_completed();
	usec before = p->agent->consent_at;
	struct taken taken;
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	puppet_refuse(p, &taken, STUN_SERVER_ERROR);
	assert_true(p->agent->consent_at == before);
	assert_true(puppet_take_within(p, STUN_REQUEST, 7 * USEC_PER_SEC, &taken));
	struct path elsewhere = puppet_path(LOCAL, "192.0.2.66:6");
	puppet_answer_as(p, &taken, &elsewhere, LOCAL);
	assert_true(p->agent->consent_at == before);
	puppet_destroy(p);
}

TESTS(TEST(checks_come_every_five_seconds_more_or_less),
	TEST(three_seconds_after_an_unanswered_check_it_is_silent),
	TEST(a_quiet_peer_is_asked_and_its_silence_is_known_three_seconds_later),
	TEST(doubt_asks_at_once_and_only_once), TEST(a_peer_that_is_heard_is_not_silent_so_soon),
	TEST(what_is_heard_elsewhere_does_not_count),
	TEST(a_late_answer_to_any_check_of_the_last_half_minute_counts),
	TEST(an_unanswered_check_is_followed_by_checks_that_are_repeated),
	TEST(a_refused_check_of_the_pair_in_use_leaves_it_in_use),
	TEST(a_role_conflict_that_a_consent_check_meets_is_settled),
	TEST(errors_and_strangers_give_no_consent))
