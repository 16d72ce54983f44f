#include "net/resolve.h"

#include "net/limits.h"
#include "test.h"

struct answer {
	int calls;
	enum err err;
	size_t count;
	struct addr first;
};

static void on_answer(enum err err, const struct addr *addrs, size_t count, void *user)
{
	struct answer *answer = user;
	answer->calls++;
	answer->err = err;
	answer->count = count;
	if (count > 0)
		answer->first = addrs[0];
}

static void wait_for(struct net_loop *loop, const struct answer *answer, int calls)
{
	usec limit = net_now() + 20 * USEC_PER_SEC;
	while (answer->calls < calls && net_now() < limit)
		net_loop_run_once(loop, limit);
	assert_int_equal(answer->calls, calls);
}

static void numbers_and_names_become_addresses_with_the_port(void **state)
{
	(void)state;
	struct net_loop *loop;
	struct net_resolve *resolve;
	assert_ok(net_loop_create(&loop));
	static const char *const hosts[] = {"127.0.0.1", "::1", "localhost"};
	for (size_t i = 0; i < 3; i++) {
		struct answer answer = {0};
		assert_ok(net_resolve_start(loop, hosts[i], 8888, on_answer, &answer, &resolve));
		assert_int_equal(answer.calls, 0);
		wait_for(loop, &answer, 1);
		assert_ok(answer.err);
		assert_true(answer.count > 0);
		assert_true(addr_is_loopback(&answer.first));
		assert_int_equal(answer.first.port, 8888);
	}
	net_loop_destroy(loop);
}

static void what_is_no_name_is_not_found(void **state)
{
	(void)state;
	struct net_loop *loop;
	struct net_resolve *resolve;
	struct answer answer = {0};
	assert_ok(net_loop_create(&loop));
	assert_ok(net_resolve_start(loop, "1.2.3.4.5.invalid.", 1, on_answer, &answer, &resolve));
	wait_for(loop, &answer, 1);
	assert_true(answer.err == ERR_NOT_FOUND || answer.err == ERR_AGAIN);
	assert_int_equal(answer.count, 0);

	char name[NET_HOST_MAX + 1];
	memset(name, 'a', NET_HOST_MAX);
	name[NET_HOST_MAX] = 0;
	assert_err(net_resolve_start(loop, name, 1, on_answer, &answer, &resolve), ERR_TOO_LARGE);
	net_loop_destroy(loop);
}

static void a_cancelled_look_up_says_nothing_and_the_cap_holds(void **state)
{
	(void)state;
	struct net_loop *loop;
	struct net_resolve *resolves[NET_RESOLVE_PENDING_MAX], *more;
	struct answer answer = {0}, last = {0};
	assert_ok(net_loop_create(&loop));
	for (size_t i = 0; i < NET_RESOLVE_PENDING_MAX; i++)
		assert_ok(
			net_resolve_start(loop, "127.0.0.1", 1, on_answer, &answer, &resolves[i]));
	assert_err(net_resolve_start(loop, "127.0.0.1", 1, on_answer, &last, &more), ERR_LIMIT);
	for (size_t i = 0; i < NET_RESOLVE_PENDING_MAX - 1; i++)
		net_resolve_cancel(resolves[i]);
	wait_for(loop, &answer, 1);
	usec limit = net_now() + 5 * USEC_PER_SEC;
	while (net_resolve_start(loop, "127.0.0.1", 1, on_answer, &last, &more) == ERR_LIMIT &&
		net_now() < limit)
		net_loop_run_once(loop, limit);
	wait_for(loop, &last, 1);
	net_loop_destroy(loop);
	assert_int_equal(answer.calls, 1);
}

TESTS(TEST(numbers_and_names_become_addresses_with_the_port), TEST(what_is_no_name_is_not_found),
	TEST(a_cancelled_look_up_says_nothing_and_the_cap_holds))
