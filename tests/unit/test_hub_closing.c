#include "hub/closing.h"

#include "test.h"

static void a_reason_is_counted_under_one_name(void **state)
{
	(void)state;
	static const struct {
		const char *reason, *name;
	} cases[] = {{"closed by the other side (1000)", "closed"}, {"connection lost", "lost"},
		{"slow reader", "slow_reader"}, {"no answer to a ping", "no_pong"},
		{"replaced by a newer connection of this node", "replaced"},
		{"logged out", "logged_out"}, {"not registered", "not_registered"},
		{"banned", "banned"}, {"too many invalid frames", "invalid_frames"},
		{"the hub ends; reconnect in 5 ms", "restart"}, {"out of memory", "other"},
		{"", "other"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(closing_names[closing_of(cases[i].reason)], cases[i].name);
}

TESTS(TEST(a_reason_is_counted_under_one_name))
