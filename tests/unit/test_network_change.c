#include "test.h"

#include "base/text.h"
#include "node/limits.h"
#include "node/network_change.h"

#define NOW (1000 * USEC_PER_SEC)

static struct addr ip(const char *text)
{
	struct addr addr;
	assert_true(addr_parse_ip(text, 0, &addr));
	return addr;
}

/* The addresses that there are now, separated by blanks. */
static struct network_change note(struct network_addrs *told, const char *text)
{
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	struct network_change change;
	char words[256];
	size_t count = 0;
	assert_true(text_copy(words, sizeof(words), text));
	for (char *next = words, *word; (word = strtok_r(next, " ", &next));)
		addrs[count++] = ip(word);
	network_change_note(told, addrs, count, &change);
	return change;
}

static void what_came_and_what_went_is_told_once(void **state)
{
	(void)state;
	struct network_addrs told = {0};
	note(&told, "192.0.2.1 2001:db8::1");
	struct network_change change = note(&told, "192.0.2.2 2001:db8::1");
	assert_int_equal(change.removed_count, 1);
	assert_int_equal(change.added_count, 1);
	struct addr removed = ip("192.0.2.1"), added = ip("192.0.2.2");
	assert_true(addr_equal(&change.removed[0], &removed));
	assert_true(addr_equal(&change.added[0], &added));
	change = note(&told, "2001:db8::1 192.0.2.2");
	assert_int_equal(change.removed_count + change.added_count, 0);
}

static void all_addresses_may_go_and_as_many_come(void **state)
{
	(void)state;
	struct addr before[NET_IFACE_ADDRS_MAX], after[NET_IFACE_ADDRS_MAX];
	struct network_addrs told = {0};
	struct network_change change;
	for (size_t i = 0; i < NET_IFACE_ADDRS_MAX; i++) {
		before[i] = after[i] = ip("10.0.0.1");
		before[i].ip[3] = (uint8_t)i;
		after[i].ip[2] = (uint8_t)(i + 1);
	}
	network_change_note(&told, before, NET_IFACE_ADDRS_MAX, &change);
	assert_int_equal(change.added_count, NET_IFACE_ADDRS_MAX);
	network_change_note(&told, after, NET_IFACE_ADDRS_MAX, &change);
	assert_int_equal(change.removed_count, NET_IFACE_ADDRS_MAX);
	assert_int_equal(change.added_count, NET_IFACE_ADDRS_MAX);
	network_change_note(&told, NULL, 0, &change);
	assert_int_equal(change.removed_count, NET_IFACE_ADDRS_MAX);
	assert_int_equal(told.count, 0);
}

static void loopback_addresses_are_never_lost(void **state)
{
	(void)state;
	struct network_addrs told = {0};
	note(&told, "::1 127.0.0.1");
	struct network_change change = note(&told, "192.0.2.1");
	assert_int_equal(change.removed_count, 0);
	assert_int_equal(change.added_count, 1);
}

/* A laptop that gets another address, slowly: the kernel's news are looked at in between. */
static void an_address_that_is_replaced_is_dialled_from_when_it_is_there_and_has_a_route(
	void **state)
{
	(void)state;
	struct network_addrs told = {0};
	usec doubted_at = NOW - 1; /* something was up and down just before */
	note(&told, "192.0.2.1");

	struct network_change change = note(&told, "::1 127.0.0.1");
	struct network_advice advice = network_change_judge(&change, NOW, &doubted_at);
	assert_true(advice.matters);
	assert_true(advice.lost);
	assert_false(advice.can_dial);

	change = note(&told, "192.0.2.2");
	advice = network_change_judge(&change, NOW + 1, &doubted_at);
	assert_true(advice.matters);
	assert_false(advice.lost);
	assert_true(advice.can_dial);

	change = note(&told, "192.0.2.2");
	advice = network_change_judge(&change, NOW + 2, &doubted_at);
	assert_true(advice.matters);
	assert_true(advice.can_dial);
}

static void an_address_that_is_replaced_at_once_is_lost_and_can_be_dialled_from(void **state)
{
	(void)state;
	struct network_addrs told = {0};
	usec doubted_at = 0;
	note(&told, "192.0.2.1");
	struct network_change change = note(&told, "192.0.2.2");
	struct network_advice advice = network_change_judge(&change, NOW, &doubted_at);
	assert_true(advice.matters);
	assert_true(advice.lost);
	assert_true(advice.can_dial);
}

static void news_without_other_addresses_count_once_in_a_while(void **state)
{
	(void)state;
	const struct network_change nothing = {0};
	usec doubted_at = 0;
	assert_true(network_change_judge(&nothing, NOW, &doubted_at).matters);
	struct network_advice advice =
		network_change_judge(&nothing, NOW + NODE_DOUBT_INTERVAL - 1, &doubted_at);
	assert_false(advice.matters);
	assert_false(advice.can_dial);
	advice = network_change_judge(&nothing, NOW + NODE_DOUBT_INTERVAL, &doubted_at);
	assert_true(advice.matters);
	assert_true(advice.can_dial);
	assert_false(advice.lost);
}

TESTS(TEST(what_came_and_what_went_is_told_once), TEST(all_addresses_may_go_and_as_many_come),
	TEST(loopback_addresses_are_never_lost),
	TEST(an_address_that_is_replaced_is_dialled_from_when_it_is_there_and_has_a_route),
	TEST(an_address_that_is_replaced_at_once_is_lost_and_can_be_dialled_from),
	TEST(news_without_other_addresses_count_once_in_a_while))
