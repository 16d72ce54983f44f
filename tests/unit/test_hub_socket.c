/* What a hub that ends says of when to come back. */
#include "node/hub_socket.h"

#include "node/limits.h"
#include "test.h"

static void the_time_is_in_the_reason_of_a_restart(void **state)
{
	(void)state;
	static const struct {
		unsigned code;
		const char *reason;
		usec wait; /* -1: it says nothing */
	} cases[] = {
		{1012, "the hub ends; reconnect in 1234 ms", 1234 * USEC_PER_MS},
		{1002, "the hub ends; reconnect in 1234 ms", 1234 * USEC_PER_MS},
		{1012, "reconnect in 0 ms", 0},
		{1012, "reconnect in 60001 ms", NODE_HUB_RETURN_MAX},
		{1012, "reconnect in 18446744073709551615 ms", NODE_HUB_RETURN_MAX},
		{1012, "reconnect in 18446744073709551616 ms", -1},
		{1012, "reconnect in  ms", -1},
		{1012, "reconnect in -5 ms", -1},
		{1012, "reconnect in 5 s", -1},
		{1012, "reconnect in 5 ms or so", -1},
		{1012, "reconnect in ", -1},
		{1012, "", -1},
		{1001, "the hub ends; reconnect in 1234 ms", -1},
		{0, "reconnect in 5 ms", -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		usec wait = -1;
		bool says = hub_socket_parse_wait(cases[i].code, cases[i].reason, &wait);
		assert_int_equal(says, cases[i].wait >= 0);
		assert_int_equal(wait, cases[i].wait);
	}
}

TESTS(TEST(the_time_is_in_the_reason_of_a_restart))
