#include <stdio.h>

#include "ice_puppet.h"

#define LOCAL "192.0.2.1:1000"
#define REMOTE "192.0.2.2:2000"

static void a_check_without_the_right_integrity_goes_unanswered(void **state)
{
	(void)state;
	static const struct puppet_check cases[] = {
		{.controlling = true, .pwd = "another-password-entirely"},
		{.controlling = true, .ufrag = "someoneelse"},
		{.controlling = true, .ufrag = ""},
		{.controlling = true, .with_sha256 = true, .pwd = "another-password-entirely"},
		{.controlling = true, .without_name = true},
		{.controlling = true, .without_integrity = true},
	};
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	struct path path = puppet_path(LOCAL, REMOTE);
	struct taken taken;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		puppet_check(p, &path, &cases[i]);
		assert_false(puppet_take(p, &taken));
		assert_int_equal(ice_agent_stats(p->agent)->dropped_unauthenticated, i + 1);
		assert_false(ice_agent_path_is_valid(p->agent, &path));
	}
	puppet_destroy(p);
}

static void an_answer_says_where_the_check_came_from(void **state)
{
	(void)state;
	static const char *const remotes[][2] = {
		{LOCAL, REMOTE}, {"[2001:db8::1]:1000", "[2001:db8::2]:2000"}};
	for (size_t i = 0; i < 2; i++) {
		struct puppet *p = puppet_create(false);
		puppet_add_host(p, remotes[i][0]);
		puppet_set_remote(p, false);
		struct path path = puppet_path(remotes[i][0], remotes[i][1]);
		puppet_check(p, &path, &(struct puppet_check){.controlling = true});
		struct taken taken;
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_SUCCESS);
		assert_true(path_equal(&taken.path, &path));
		assert_true(addr_equal(&taken.message.mapped, &path.remote));
		assert_bytes_equal(taken.message.id, bytes_of(p->check_id, sizeof p->check_id));
		assert_false(stun_has(&taken.message, STUN_USERNAME));
		assert_false(stun_has(&taken.message, STUN_MESSAGE_INTEGRITY_SHA256));
		assert_true(stun_check_integrity(
			&taken.message, bytes_of_text(ice_agent_pwd(p->agent))));
		/* And the triggered check follows at once. */
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_REQUEST);
		assert_true(path_equal(&taken.path, &path));
		/* The peer may send data on what it takes for valid now. */
		assert_true(ice_agent_path_is_valid(p->agent, &path));
		puppet_destroy(p);
	}
}

static void an_answer_has_the_integrity_of_the_request(void **state)
{
	(void)state;
	for (int both = 0; both < 2; both++) {
		struct puppet *p = puppet_create(false);
		puppet_add_host(p, LOCAL);
		puppet_set_remote(p, false);
		struct path path = puppet_path(LOCAL, REMOTE);
		puppet_check(p, &path,
			&(struct puppet_check){
				.controlling = true, .with_sha256 = true, .without_sha1 = !both});
		struct taken taken;
		struct bytes key = bytes_of_text(ice_agent_pwd(p->agent));
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_SUCCESS);
		assert_true(stun_check_integrity_sha256(&taken.message, key));
		assert_true(ice_agent_path_is_valid(p->agent, &path));
		puppet_destroy(p);
	}
}

static void a_repeated_check_is_answered_alike(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	struct path path = puppet_path(LOCAL, REMOTE);
	uint8_t first[ICE_DATAGRAM_MAX];
	struct taken taken;
	size_t size = 0;
	for (int i = 0; i < 3; i++) {
		p->rng = rng_seeded(7); /* so that its id is the same */
		puppet_check(p, &path, &(struct puppet_check){.controlling = true});
		assert_true(puppet_take(p, &taken));
		if (i == 0) {
			size = p->size;
			memcpy(first, p->data, size);
		}
		assert_bytes_equal(bytes_of(p->data, p->size), bytes_of(first, size));
	}
	assert_int_equal(p->agent->pairs.count, 1);
	assert_int_equal(p->agent->remote.count, 1);
	puppet_destroy(p);
}

static void wrong_requests_are_answered_with_their_error(void **state)
{
	(void)state;
	static const struct {
		struct puppet_check check;
		uint16_t code;
	} cases[] = {
		{{.controlling = true, .extra = 0x7ffe}, STUN_UNKNOWN_ATTRIBUTE},
		{{.controlling = true, .without_priority = true}, STUN_BAD_REQUEST},
		/* Our tie-breaker is above 0. */
		{{.controlling = true, .tie_breaker = 0}, STUN_ROLE_CONFLICT},
	};
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	struct path path = puppet_path(LOCAL, REMOTE);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		puppet_check(p, &path, &cases[i].check);
		struct taken taken;
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_ERROR);
		assert_int_equal(taken.message.error_code, cases[i].code);
		assert_bytes_equal(taken.message.id, bytes_of(p->check_id, sizeof p->check_id));
		assert_false(stun_has(&taken.message, STUN_USERNAME));
		if (cases[i].code == STUN_UNKNOWN_ATTRIBUTE)
			assert_bytes_equal(
				taken.message.unknown_attributes, bytes_of("\x7f\xfe", 2));
		assert_false(puppet_take(p, &taken));
	}
	assert_true(ice_agent_is_controlling(p->agent));
	puppet_destroy(p);
}

static void the_higher_tie_breaker_keeps_or_takes_control(void **state)
{
	(void)state;
	static const struct {
		bool controlling;
		uint64_t theirs;
		bool controls_after;
		uint16_t code;
	} cases[] = {
		{true, 0, true, 487},
		{true, UINT64_MAX, false, 0},
		{false, 0, true, 0},
		{false, UINT64_MAX, false, 487},
	};
	for (size_t i = 0; i < 4; i++) {
		struct puppet *p = puppet_create(cases[i].controlling);
		puppet_add_host(p, LOCAL);
		puppet_set_remote(p, false);
		struct path path = puppet_path(LOCAL, REMOTE);
		puppet_check(p, &path,
			&(struct puppet_check){.controlling = cases[i].controlling,
				.tie_breaker = cases[i].theirs});
		struct taken taken;
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.error_code, cases[i].code);
		assert_int_equal(ice_agent_is_controlling(p->agent), cases[i].controls_after);
		assert_int_equal(ice_agent_stats(p->agent)->role_conflicts, 1);
		puppet_destroy(p);
	}
}

static const char *numbered(size_t i)
{
	static char text[ADDR_TEXT_MAX];
	snprintf(text, sizeof text, "198.51.100.1:%zu", 1000 + i);
	return text;
}

static void early_checks_are_answered_and_remembered_up_to_the_limit(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	struct taken taken;
	for (size_t i = 0; i < ICE_EARLY_MAX; i++) {
		puppet_check_on(p, LOCAL, numbered(i), i == 3);
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_SUCCESS);
		assert_false(puppet_take(p, &taken));
	}
	puppet_check_on(p, LOCAL, numbered(ICE_EARLY_MAX), false);
	assert_false(puppet_take(p, &taken));
	assert_int_equal(ice_agent_stats(p->agent)->dropped_unexpected, 1);
	/* One that is known is no new one. */
	puppet_check_on(p, LOCAL, numbered(0), false);
	assert_true(puppet_take(p, &taken));
	puppet_set_remote(p, false);
	for (size_t i = 0; i < ICE_EARLY_MAX; i++) {
		struct addr remote = puppet_addr(numbered(i));
		puppet_take_request(p, &taken);
		assert_true(addr_equal(&taken.path.remote, &remote));
		puppet_answer(p, &taken);
		assert_int_equal(ice_agent_state(p->agent), i < 3 ? ICE_CONNECTED : ICE_COMPLETED);
		if (i == 3)
			break;
	}
	assert_true(puppet_selected_is(p, numbered(3), true));
	puppet_destroy(p);
}

static void learned_candidates_stop_at_their_limit(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	struct taken taken;
	for (size_t i = 0; i < ICE_PEER_REFLEXIVE_MAX + 3; i++) {
		puppet_check_on(p, LOCAL, numbered(i), i == 1);
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_SUCCESS);
		puppet_take_request(p, &taken);
		if (i == 1)
			puppet_answer(p, &taken);
		puppet_wait(p, ICE_PACE_US);
	}
	/* The oldest went, but the one in use: these are the first, the third and the fourth. */
	assert_int_equal(p->agent->remote.count, ICE_PEER_REFLEXIVE_MAX);
	assert_int_equal(p->agent->pairs.count, ICE_PEER_REFLEXIVE_MAX);
	for (size_t i = 0; i < ICE_PEER_REFLEXIVE_MAX + 3; i++) {
		struct path path = puppet_path(LOCAL, numbered(i));
		bool gone = i == 0 || i == 2 || i == 3;
		assert_int_equal(ice_agent_path_is_valid(p->agent, &path), !gone);
	}
	assert_true(puppet_selected_is(p, numbered(1), true));
	/* What is signalled still finds room. */
	puppet_add_remote(p, REMOTE, 1);
	puppet_destroy(p);
}

static void an_address_that_was_forgotten_can_be_learned_again(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	struct taken taken;
	/* A NAT that gives the peer a new port with every check, for long. */
	for (size_t i = 0; i < 10 * ICE_PEER_REFLEXIVE_MAX; i++) {
		puppet_check_on(p, LOCAL, numbered(i % (ICE_PEER_REFLEXIVE_MAX + 1)), false);
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_SUCCESS);
		puppet_take_request(p, &taken);
		assert_int_equal(taken.path.remote.port, 1000 + i % (ICE_PEER_REFLEXIVE_MAX + 1));
		puppet_wait(p, ICE_PACE_US);
	}
	/* One that is signalled after it was learned is the peer's, and stays. */
	assert_ok(puppet_try_remote(p, numbered(3), ICE_HOST, 1));
	for (size_t i = 0; i < 2 * ICE_PEER_REFLEXIVE_MAX; i++) {
		puppet_check_on(p, LOCAL, numbered(100 + i), false);
		while (puppet_take(p, &taken))
			;
	}
	struct path path = puppet_path(LOCAL, numbered(3));
	assert_true(ice_agent_path_is_valid(p->agent, &path));
	puppet_destroy(p);
}

static void undrained_responses_stop_at_their_limit(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	for (size_t i = 0; i <= ICE_RESPONSES_MAX; i++)
		puppet_check_on(p, LOCAL, REMOTE, false);
	assert_int_equal(ice_agent_stats(p->agent)->dropped_unexpected, 1);
	struct taken taken;
	for (size_t i = 0; i < ICE_RESPONSES_MAX; i++) {
		assert_true(puppet_take(p, &taken));
		assert_int_equal(taken.message.class, STUN_SUCCESS);
	}
	assert_true(puppet_take(p, &taken));
	assert_int_equal(taken.message.class, STUN_REQUEST);
	puppet_destroy(p);
}

static void a_check_to_an_address_that_is_none_of_ours_goes_unanswered(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	puppet_set_remote(p, false);
	struct taken taken;
	puppet_check_on(p, "192.0.2.77:1000", REMOTE, false);
	puppet_check_on(p, "192.0.2.1:1001", REMOTE, false);
	puppet_check_on(p, "0.0.0.0:1001", REMOTE, false);
	assert_false(puppet_take(p, &taken));
	assert_int_equal(ice_agent_stats(p->agent)->dropped_unexpected, 3);
	puppet_check_on(p, "0.0.0.0:1000", REMOTE, false);
	assert_true(puppet_take(p, &taken));
	puppet_destroy(p);
}

static void indications_are_silent(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, LOCAL);
	uint8_t data[STUN_HEADER_SIZE];
	struct writer w = writer_of(data, sizeof data);
	struct path path = puppet_path(LOCAL, REMOTE);
	stun_begin(&w, STUN_INDICATION, STUN_BINDING, (const uint8_t *)"twelve bytes");
	puppet_receive(p, &path, &w);
	struct taken taken;
	assert_false(puppet_take(p, &taken));
	puppet_destroy(p);
}

TESTS(TEST(a_check_without_the_right_integrity_goes_unanswered),
	TEST(an_answer_says_where_the_check_came_from),
	TEST(an_answer_has_the_integrity_of_the_request), TEST(a_repeated_check_is_answered_alike),
	TEST(wrong_requests_are_answered_with_their_error),
	TEST(the_higher_tie_breaker_keeps_or_takes_control),
	TEST(early_checks_are_answered_and_remembered_up_to_the_limit),
	TEST(learned_candidates_stop_at_their_limit),
	TEST(an_address_that_was_forgotten_can_be_learned_again),
	TEST(undrained_responses_stop_at_their_limit),
	TEST(a_check_to_an_address_that_is_none_of_ours_goes_unanswered),
	TEST(indications_are_silent))
