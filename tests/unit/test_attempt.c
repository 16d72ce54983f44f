#include "test.h"

#include "node/attempt.h"
#include "node/limits.h"

#define NOW (1000 * USEC_PER_SEC)

static const struct attempt_means both = {.direct = true, .webrtc = true};
static const struct attempt_means only_direct = {.direct = true};
static const struct attempt_means only_webrtc = {.webrtc = true};
static const struct attempt_means nothing = {0};

static struct rng rng;

static int seed(void **state)
{
	(void)state;
	rng = rng_seeded(1);
	return 0;
}

static void known_addresses_are_tried_first_and_the_hub_after_a_head_start(void **state)
{
	(void)state;
	struct attempt a = {0};
	struct attempt_step step = attempt_start(&a, NOW, VIA_AUTO, both, &rng);
	assert_true(step.direct);
	assert_false(step.webrtc);
	assert_int_equal(a.deadline, NOW + NODE_DIRECT_HEAD_START);
	step = attempt_advance(&a, a.deadline - 1, both, &rng);
	assert_false(step.direct || step.webrtc || step.failed);
	step = attempt_advance(&a, a.deadline, both, &rng);
	assert_true(step.webrtc);
	assert_int_equal(a.state, ATTEMPT_TRYING);
	assert_int_equal(a.deadline, USEC_NEVER);
}

static void a_failed_dial_brings_the_hub_at_once(void **state)
{
	(void)state;
	struct attempt a = {0};
	attempt_start(&a, NOW, VIA_AUTO, both, &rng);
	struct attempt_step step = attempt_failed(&a, NOW + 1, true, both, &rng);
	assert_true(step.webrtc);
	step = attempt_failed(&a, NOW + 2, false, both, &rng);
	assert_true(step.failed);
	assert_int_equal(a.state, ATTEMPT_IDLE);
}

static void a_round_fails_only_when_all_ways_failed(void **state)
{
	(void)state;
	struct attempt a = {0};
	attempt_start(&a, NOW, VIA_AUTO, both, &rng);
	attempt_advance(&a, a.deadline, both, &rng);
	struct attempt_step step = attempt_failed(&a, NOW, true, both, &rng);
	assert_false(step.failed);
	step = attempt_failed(&a, NOW, false, both, &rng);
	assert_true(step.failed);
}

static void a_forced_way_tries_nothing_else(void **state)
{
	(void)state;
	struct attempt a = {0};
	struct attempt_step step = attempt_start(&a, NOW, VIA_WEBRTC, both, &rng);
	assert_true(step.webrtc);
	assert_false(step.direct);
	step = attempt_failed(&a, NOW, false, both, &rng);
	assert_true(step.failed);
	step = attempt_start(&a, NOW, VIA_DIRECT, both, &rng);
	assert_true(step.direct);
	assert_int_equal(a.deadline, USEC_NEVER);
	step = attempt_failed(&a, NOW, true, both, &rng);
	assert_true(step.failed);
	assert_false(step.webrtc);
}

static void what_cannot_be_tried_fails_at_once(void **state)
{
	(void)state;
	static const struct {
		enum via via;
		struct attempt_means means;
	} cases[] = {
		{VIA_AUTO, {0}},
		{VIA_DIRECT, {.webrtc = true}},
		{VIA_WEBRTC, {.direct = true}},
	};
	for (size_t i = 0; i < 3; i++) {
		struct attempt a = {0};
		struct attempt_step step =
			attempt_start(&a, NOW, cases[i].via, cases[i].means, &rng);
		assert_true(step.failed);
		assert_false(step.direct || step.webrtc);
		assert_int_equal(a.state, ATTEMPT_IDLE);
	}
}

static void a_hub_that_went_away_meanwhile_is_not_tried(void **state)
{
	(void)state;
	struct attempt a = {0};
	attempt_start(&a, NOW, VIA_AUTO, both, &rng);
	struct attempt_step step = attempt_advance(&a, a.deadline, only_direct, &rng);
	assert_false(step.webrtc || step.failed);
	step = attempt_failed(&a, NOW, true, only_direct, &rng);
	assert_true(step.failed);
}

static void a_wanted_connection_is_tried_again_with_growing_waits(void **state)
{
	(void)state;
	struct attempt a = {.wanted = true};
	usec now = NOW, longest = 0;
	for (int round = 0; round < 20; round++) {
		struct attempt_step step = attempt_start(&a, now, VIA_AUTO, only_webrtc, &rng);
		assert_true(step.webrtc);
		step = attempt_failed(&a, now, false, only_webrtc, &rng);
		assert_true(step.failed);
		assert_int_equal(a.state, ATTEMPT_WAITING);
		assert_true(a.deadline > now);
		assert_true(a.deadline - now <= NODE_BACKOFF_MAX);
		longest = usec_max(longest, a.deadline - now);
		now = a.deadline;
	}
	assert_true(longest > NODE_BACKOFF_MAX / 2);
	assert_int_equal(a.failures, 20);
	attempt_linked(&a);
	assert_int_equal(a.failures, 0);
	assert_int_equal(a.deadline, USEC_NEVER);
}

static void a_lost_link_is_dialled_again_soon_if_wanted(void **state)
{
	(void)state;
	struct attempt a = {.wanted = true};
	attempt_linked(&a);
	attempt_lost(&a, NOW, &rng);
	assert_int_equal(a.state, ATTEMPT_WAITING);
	assert_true(a.deadline - NOW <= NODE_BACKOFF_FIRST);
	struct attempt_step step = attempt_advance(&a, a.deadline, both, &rng);
	assert_true(step.direct);

	struct attempt unwanted = {0};
	attempt_linked(&unwanted);
	attempt_lost(&unwanted, NOW, &rng);
	assert_int_equal(unwanted.state, ATTEMPT_IDLE);
	assert_int_equal(unwanted.deadline, USEC_NEVER);
}

static void a_waiting_session_hurries_when_the_hub_comes_back(void **state)
{
	(void)state;
	struct attempt a = {.wanted = true};
	for (int i = 0; i < 10; i++)
		attempt_start(&a, NOW, VIA_AUTO, nothing, &rng);
	assert_true(a.deadline - NOW > 10 * USEC_PER_SEC);
	attempt_hurry(&a, NOW, USEC_PER_SEC, &rng);
	assert_true(a.deadline - NOW <= USEC_PER_SEC);
	attempt_unwant(&a);
	assert_int_equal(a.state, ATTEMPT_IDLE);
	attempt_hurry(&a, NOW, USEC_PER_SEC, &rng);
	assert_int_equal(a.deadline, USEC_NEVER);
}

static void the_backoff_is_drawn_from_its_upper_half(void **state)
{
	(void)state;
	for (unsigned failures = 1; failures < 40; failures++) {
		usec wait = attempt_backoff(failures, 1000, 64000, &rng);
		usec full = failures < 7 ? (usec)1000 << (failures - 1) : 64000;
		assert_true(wait >= full / 2);
		assert_true(wait <= full);
	}
}

#define NODES 1000

/* The most of a thousand nodes that come back within one second, when their hub is away for so many
 * tries. */
static unsigned busiest_second(unsigned tries)
{
	unsigned seconds[600] = {0}, most = 0;
	for (size_t node = 0; node < NODES; node++) {
		usec at = 0;
		for (unsigned failures = 1; failures <= tries; failures++)
			at += attempt_spread(
				failures, NODE_HUB_BACKOFF_FIRST, NODE_HUB_BACKOFF_MAX, &rng);
		size_t second = (size_t)(at / USEC_PER_SEC);
		assert_true(second < sizeof(seconds) / sizeof(seconds[0]));
		most = ++seconds[second] > most ? seconds[second] : most;
	}
	return most;
}

static void a_thousand_nodes_come_back_to_their_hub_one_after_the_other(void **state)
{
	(void)state;
	assert_in_range(busiest_second(1), 125, 160);
	assert_in_range(busiest_second(2), 50, 110);
	assert_in_range(busiest_second(8), 1, 40);
}

/* And so do the sessions of one node, when it has its hub back. */
static void sessions_that_wait_for_the_hub_share_the_window(void **state)
{
	(void)state;
	unsigned tenths[100] = {0}, most = 0;
	usec window = 500 * NODE_HUB_READY_SPACING;
	for (size_t i = 0; i < 500; i++) {
		struct attempt a = {.wanted = true};
		for (int round = 0; round < 10; round++)
			attempt_start(&a, NOW, VIA_AUTO, nothing, &rng);
		attempt_hurry(&a, NOW, window, &rng);
		size_t tenth = (size_t)((a.deadline - NOW) / (USEC_PER_SEC / 10));
		assert_true(tenth < 100);
		most = ++tenths[tenth] > most ? tenths[tenth] : most;
	}
	assert_true(most <= 20);
}

static void both_ends_agree_whose_offer_stands(void **state)
{
	(void)state;
	const char *a = "dpc-node-0000000000000001", *b = "dpc-node-f000000000000000";
	assert_true(glare_ours_wins(b, a));
	assert_false(glare_ours_wins(a, b));
}

static void exactly_one_end_closes_a_duplicate(void **state)
{
	(void)state;
	const char *a = "dpc-node-0000000000000001", *b = "dpc-node-f000000000000000";
	assert_int_equal(duplicate_decide(b, a), DUPLICATE_CLOSE_OLD);
	assert_int_equal(duplicate_decide(a, b), DUPLICATE_KEEP_BOTH);
}

static void the_names_of_ways_are_read_back(void **state)
{
	(void)state;
	enum via via;
	for (enum via each = VIA_AUTO; each <= VIA_WEBRTC; each++) {
		assert_true(via_parse(via_name(each), &via));
		assert_int_equal(via, each);
	}
	assert_false(via_parse("carrier pigeon", &via));
	assert_false(via_parse("", &via));
}

#define SEEDED(name) cmocka_unit_test_setup(name, seed)

TESTS(SEEDED(known_addresses_are_tried_first_and_the_hub_after_a_head_start),
	SEEDED(a_failed_dial_brings_the_hub_at_once),
	SEEDED(a_round_fails_only_when_all_ways_failed), SEEDED(a_forced_way_tries_nothing_else),
	SEEDED(what_cannot_be_tried_fails_at_once),
	SEEDED(a_hub_that_went_away_meanwhile_is_not_tried),
	SEEDED(a_wanted_connection_is_tried_again_with_growing_waits),
	SEEDED(a_lost_link_is_dialled_again_soon_if_wanted),
	SEEDED(a_waiting_session_hurries_when_the_hub_comes_back),
	SEEDED(the_backoff_is_drawn_from_its_upper_half),
	SEEDED(a_thousand_nodes_come_back_to_their_hub_one_after_the_other),
	SEEDED(sessions_that_wait_for_the_hub_share_the_window),
	TEST(both_ends_agree_whose_offer_stands), TEST(exactly_one_end_closes_a_duplicate),
	TEST(the_names_of_ways_are_read_back))
