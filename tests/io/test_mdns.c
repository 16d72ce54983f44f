/* On loopback alone: what is asked there nobody else hears. */
#include "net/mdns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/limits.h"
#include "net/mdns_message.h"
#include "test.h"

#define PORT 5353

static struct net_loop *loop;
static struct net_mdns *mdns;
static int responder = -1;
static struct sockaddr_in group;

struct asked {
	char name[MDNS_NAME_SIZE + 1];
	struct net_mdns_query *query;
	bool over, found;
	struct addr addr;
};

static int open_responder(uint16_t port)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct ip_mreq membership = {0};
	struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	group = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT)};
	assert_int_equal(inet_pton(AF_INET, "224.0.0.251", &group.sin_addr), 1);
	membership.imr_multiaddr = group.sin_addr;
	membership.imr_interface = loopback;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
	assert_int_equal(
		setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership), 0);
	assert_int_equal(
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback), 0);
	return fd;
}

static int set_up(void **state)
{
	(void)state;
	responder = open_responder(PORT);
	assert_ok(net_loop_create(&loop));
	assert_ok(net_mdns_create(loop, true, &mdns));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	net_mdns_destroy(mdns);
	net_loop_destroy(loop);
	close(responder);
	return 0;
}

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 20 * USEC_PER_SEC;                                       \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, net_now() + 10 * USEC_PER_MS);                     \
		assert_true(condition);                                                            \
	} while (0)

static void on_done(const struct addr *addr, void *user)
{
	struct asked *asked = user;
	assert_false(asked->over);
	asked->over = true;
	asked->found = addr != NULL;
	if (addr)
		asked->addr = *addr;
}

/* Other tests may be at it at the same time: each has its names. */
static enum err ask(struct asked *asked, unsigned number)
{
	*asked = (struct asked){0};
	snprintf(asked->name, sizeof asked->name, "%08x-0000-4000-8000-%012x.local",
		(unsigned)getpid(), number);
	return net_mdns_ask(mdns, bytes_of_text(asked->name), on_done, asked, &asked->query);
}

/* How often the name was asked for, by what waits to be read. */
static unsigned questions(const struct asked *asked, uint8_t type)
{
	uint8_t data[2000];
	ssize_t size;
	unsigned count = 0;
	while ((size = recv(responder, data, sizeof data, 0)) > 0)
		count += size > 50 && memcmp(data + 13, asked->name, 36) == 0 && data[3] == 0 &&
			 data[size - 3] == type;
	return count;
}

static void wait_for_question(const struct asked *asked, uint8_t type)
{
	bool came = false;
	RUN_UNTIL(came = came || questions(asked, type) > 0);
}

static void answer(int fd, const struct asked *asked, uint8_t last)
{
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	write_u32(&w, 0x8400);
	write_u32(&w, 1);
	write_u32(&w, 0);
	write_u8(&w, 36);
	write_bytes(&w, bytes_of(asked->name, 36));
	write_u8(&w, 5);
	write_text(&w, "local");
	write_u8(&w, 0);
	write_u32(&w, 0x00018001);
	write_u32(&w, 120);
	write_u16(&w, 4);
	write_u32(&w, 0xc0000200 | last);
	assert_int_equal(sendto(fd, data, w.size, 0, (struct sockaddr *)&group, sizeof group),
		(ssize_t)w.size);
}

static void a_name_that_is_answered_has_an_address(void **state)
{
	(void)state;
	struct asked a, b;
	struct addr expected;
	assert_ok(ask(&a, 1));
	assert_ok(ask(&b, 2));
	wait_for_question(&a, MDNS_A);
	answer(responder, &b, 8);
	RUN_UNTIL(b.over);
	assert_false(a.over);
	answer(responder, &a, 7);
	RUN_UNTIL(a.over);
	assert_true(a.found && b.found);
	assert_true(addr_parse_ip("192.0.2.7", 0, &expected));
	assert_true(addr_equal(&a.addr, &expected));
	/* The socket is gone with the last query, and is there again. */
	assert_ok(ask(&a, 3));
	wait_for_question(&a, MDNS_AAAA);
	answer(responder, &a, 9);
	RUN_UNTIL(a.over && a.found);
}

static void a_name_that_nobody_answers_is_asked_twice_and_given_up(void **state)
{
	(void)state;
	struct asked a;
	usec begun = net_now();
	assert_ok(ask(&a, 4));
	RUN_UNTIL(a.over);
	assert_false(a.found);
	assert_true(net_now() >= begun + NET_MDNS_TIMEOUT);
	assert_int_equal(questions(&a, MDNS_A), 2);
}

/* RFC 6762 section 6: it comes from port 5353, and to the group. */
static void answers_from_elsewhere_are_not_believed(void **state)
{
	(void)state;
	struct asked a;
	int other = open_responder(0);
	assert_ok(ask(&a, 5));
	answer(other, &a, 66);
	struct sockaddr_in to_group = group;
	group.sin_addr.s_addr = htonl(INADDR_LOOPBACK); /* not by multicast */
	answer(responder, &a, 66);
	group = to_group;
	RUN_UNTIL(a.over);
	assert_false(a.found);
	close(other);
}

static void only_so_many_are_asked_for_at_once(void **state)
{
	(void)state;
	static struct asked asked[NET_MDNS_QUERIES_MAX];
	struct asked more;
	for (unsigned i = 0; i < NET_MDNS_QUERIES_MAX; i++)
		assert_ok(ask(&asked[i], 100 + i));
	assert_err(ask(&more, 99), ERR_LIMIT);
	net_mdns_cancel(asked[7].query);
	assert_ok(ask(&more, 99));
	net_mdns_cancel(more.query);
	for (unsigned i = 0; i < NET_MDNS_QUERIES_MAX; i++)
		if (i != 7)
			net_mdns_cancel(asked[i].query);
	assert_false(asked[0].over);
}

static void other_names_are_never_asked_for(void **state)
{
	(void)state;
	struct net_mdns_query *query;
	static const char *const names[] = {"printer.local", "localhost", "example.org", ""};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_err(net_mdns_ask(mdns, bytes_of_text(names[i]), on_done, NULL, &query),
			ERR_UNSUPPORTED);
}

#define MDNS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TESTS(MDNS_TEST(a_name_that_is_answered_has_an_address),
	MDNS_TEST(a_name_that_nobody_answers_is_asked_twice_and_given_up),
	MDNS_TEST(answers_from_elsewhere_are_not_believed),
	MDNS_TEST(only_so_many_are_asked_for_at_once), MDNS_TEST(other_names_are_never_asked_for))
