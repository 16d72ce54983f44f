#include "net/resolve.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* ---- A name server that says nothing ---- */

#define EXIT_SKIPPED 77

/* In a network of its own, whose name server takes every question and answers none. The descriptor
 * of its socket; -1 where this machine lets nobody have such a network. */
static int enter_silent_network(void)
{
	char path[] = "/tmp/dpc-resolv-XXXXXX";
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct sockaddr_in server = {.sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int spaces = CLONE_NEWNS | CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER);
	if (unshare(spaces) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -1;
	int file = mkstemp(path), fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (file < 0 || fd < 0)
		return -1;
	FILE *config = fdopen(file, "w");
	if (!config)
		return -1;
	fprintf(config, "nameserver 127.0.0.1\n");
	fclose(config);
	bool ok = ioctl(fd, SIOCSIFFLAGS, &lo) == 0 &&
		  mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0 &&
		  bind(fd, (struct sockaddr *)&server, sizeof server) == 0;
	unlink(path);
	return ok ? fd : -1;
}

/* More names than there are threads for them, and a number behind them. */
static int look_up_in_silence(void)
{
	enum { NAMES = 6 };
	struct net_loop *loop;
	struct net_resolve *resolves[NAMES], *more;
	struct answer name = {0}, number = {0};
	if (enter_silent_network() < 0)
		return EXIT_SKIPPED;
	usec begun = net_now();
	if (net_loop_create(&loop) != ERR_OK)
		return 1;
	for (size_t i = 0; i < NAMES; i++) {
		char host[40];
		snprintf(host, sizeof host, "relay%zu.example", i);
		if (net_resolve_start(loop, host, 3478, on_answer, &name, &resolves[i]) != ERR_OK)
			return 2;
	}
	if (net_resolve_start(loop, "192.0.2.1", 3478, on_answer, &number, &more) != ERR_OK)
		return 3;
	while (number.calls == 0 && net_now() < begun + 20 * USEC_PER_SEC)
		net_loop_run_once(loop, begun + 20 * USEC_PER_SEC);
	if (number.err != ERR_OK || number.count != 1 || name.calls > 0)
		return 4;
	while (name.calls < NAMES && net_now() < begun + 20 * USEC_PER_SEC)
		net_loop_run_once(loop, begun + 20 * USEC_PER_SEC);
	if (name.calls != NAMES || name.err != ERR_AGAIN || name.count > 0)
		return 5;
	return net_now() >= begun + NET_RESOLVE_TIMEOUT ? 0 : 6;
}

static void a_silent_name_server_is_waited_for_only_so_long(void **state)
{
	(void)state;
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(look_up_in_silence());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == EXIT_SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

TESTS(TEST(a_silent_name_server_is_waited_for_only_so_long),
	TEST(numbers_and_names_become_addresses_with_the_port), TEST(what_is_no_name_is_not_found),
	TEST(a_cancelled_look_up_says_nothing_and_the_cap_holds))
