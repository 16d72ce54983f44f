#include "net/udp.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "net/limits.h"
#include "net/udp_internal.h"
#include "test.h"

/* One end: a socket and what it received. */
struct end {
	struct net_udp *udp;
	size_t datagrams, bytes, batches;
	size_t sizes[256];
	uint8_t *data; /* all of it, one after the other */
	struct path last;
	bool destroy_at_first;
	int writable;
};

#define DATA_MAX (1024 * 1024)

static struct net_loop *loop;
static struct end a, b;

static void on_receive(const struct path *path, struct bytes datagram, usec now, void *user)
{
	(void)now;
	struct end *end = user;
	assert_true(end->bytes + datagram.size <= DATA_MAX);
	if (datagram.size > 0)
		memcpy(end->data + end->bytes, datagram.data, datagram.size);
	end->sizes[end->datagrams % 256] = datagram.size;
	end->bytes += datagram.size;
	end->datagrams++;
	end->last = *path;
	if (end->destroy_at_first) {
		net_udp_destroy(end->udp);
		end->udp = NULL;
	}
}

static void on_batch_end(usec now, void *user)
{
	(void)now;
	((struct end *)user)->batches++;
}

static void on_writable(void *user)
{
	((struct end *)user)->writable++;
}

static void open_end(struct end *end, const char *ip, unsigned avoid)
{
	*end = (struct end){.data = malloc(DATA_MAX)};
	assert_non_null(end->data);
	struct addr local;
	assert_true(addr_parse_ip(ip, 0, &local));
	struct net_udp_handler handler = {.receive = on_receive,
		.batch_end = on_batch_end,
		.writable = on_writable,
		.user = end};
	assert_ok(net_udp_create(loop, &local, avoid, &handler, &end->udp));
	assert_true(net_udp_local(end->udp)->port != 0);
}

static void open_both(const char *ip, unsigned avoid)
{
	assert_ok(net_loop_create(&loop));
	open_end(&a, ip, avoid);
	open_end(&b, ip, avoid);
}

static void close_both(void)
{
	net_udp_destroy(a.udp);
	net_udp_destroy(b.udp);
	free(a.data);
	free(b.data);
	net_loop_destroy(loop);
}

static struct path path_to(const struct end *end, const char *ip)
{
	struct path path = {0};
	assert_true(addr_parse_ip(ip, net_udp_local(end->udp)->port, &path.remote));
	path.local.family = path.remote.family;
	return path;
}

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 5 * USEC_PER_SEC;                                        \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, limit_);                                           \
		assert_true(condition);                                                            \
	} while (0)

/* A flight of 40 datagrams and a shorter one arrives the same, whichever way it takes. */
static void send_a_flight(const char *ip, unsigned avoid)
{
	open_both(ip, avoid);
	enum { SEGMENT = 1200, SIZE = 40 * SEGMENT + 77 };
	static uint8_t flight[SIZE];
	struct rng rng = rng_seeded(7);
	rng_fill(&rng, flight, SIZE);
	struct path path = path_to(&b, ip);
	assert_ok(net_udp_send(a.udp, &path, bytes_of(flight, SIZE), SEGMENT));
	RUN_UNTIL(b.datagrams == 41);
	for (size_t i = 0; i < 40; i++)
		assert_int_equal(b.sizes[i], SEGMENT);
	assert_int_equal(b.sizes[40], 77);
	assert_bytes_equal(bytes_of(b.data, b.bytes), bytes_of(flight, SIZE));
	assert_true(b.batches > 0);
	assert_true(addr_same_ip(&b.last.remote, &path.remote));
	assert_int_equal(b.last.remote.port, net_udp_local(a.udp)->port);
	assert_int_equal(net_udp_stats(a.udp)->datagrams_out, 41);
	assert_int_equal(net_udp_stats(b.udp)->datagrams_in, 41);
	assert_int_equal(net_udp_stats(b.udp)->bytes_in, SIZE);
}

static void a_flight_is_one_call_with_segmentation(void **state)
{
	(void)state;
	send_a_flight("127.0.0.1", 0);
	assert_int_equal(net_udp_stats(a.udp)->calls_out, 1);
	assert_true(net_udp_stats(b.udp)->calls_in <= 3);
	close_both();
}

static void a_flight_is_split_on_arrival_without_grouping(void **state)
{
	(void)state;
	send_a_flight("127.0.0.1", NET_UDP_AVOID_GRO);
	assert_int_equal(net_udp_stats(a.udp)->calls_out, 1);
	assert_true(net_udp_stats(b.udp)->calls_in >= 41 / NET_UDP_BATCH);
	close_both();
}

static void a_flight_is_one_call_with_sendmmsg(void **state)
{
	(void)state;
	send_a_flight("127.0.0.1", NET_UDP_AVOID_GSO);
	assert_int_equal(net_udp_stats(a.udp)->calls_out, 1);
	close_both();
}

static void a_flight_is_a_call_a_datagram_when_nothing_else_works(void **state)
{
	(void)state;
	send_a_flight("127.0.0.1", NET_UDP_AVOID_GSO | NET_UDP_AVOID_SENDMMSG | NET_UDP_AVOID_GRO);
	assert_int_equal(net_udp_stats(a.udp)->calls_out, 41);
	close_both();
}

static void ipv6_works_the_same(void **state)
{
	(void)state;
	send_a_flight("::1", 0);
	assert_int_equal(net_udp_stats(a.udp)->calls_out, 1);
	close_both();
	send_a_flight("::1", NET_UDP_AVOID_GSO);
	close_both();
}

static void a_wildcard_socket_tells_where_a_datagram_arrived_and_answers_from_there(void **state)
{
	(void)state;
	assert_ok(net_loop_create(&loop));
	open_end(&a, "0.0.0.0", 0);
	open_end(&b, "0.0.0.0", 0);
	struct path path = path_to(&b, "127.0.0.3");
	assert_true(addr_parse_ip("127.0.0.2", 0, &path.local));
	assert_ok(net_udp_send(a.udp, &path, bytes_of_text("to three"), 100));
	RUN_UNTIL(b.datagrams == 1);
	char text[ADDR_TEXT_MAX];
	assert_string_equal(addr_ip_text(&b.last.local, text), "127.0.0.3");
	assert_int_equal(b.last.local.port, net_udp_local(b.udp)->port);
	assert_string_equal(addr_ip_text(&b.last.remote, text), "127.0.0.2");

	path = b.last;
	assert_ok(net_udp_send(b.udp, &path, bytes_of_text("from three"), 100));
	RUN_UNTIL(a.datagrams == 1);
	assert_string_equal(addr_ip_text(&a.last.local, text), "127.0.0.2");
	assert_string_equal(addr_ip_text(&a.last.remote, text), "127.0.0.3");
	close_both();
}

static void the_largest_send_and_many_segments_are_cut_into_what_the_kernel_takes(void **state)
{
	(void)state;
	open_both("127.0.0.1", 0);
	static uint8_t flight[NET_UDP_PAYLOAD_MAX];
	struct path path = path_to(&b, "127.0.0.1");
	assert_ok(net_udp_send(a.udp, &path, bytes_of(flight, sizeof(flight)), sizeof(flight)));
	RUN_UNTIL(b.datagrams == 1);
	assert_int_equal(b.sizes[0], NET_UDP_PAYLOAD_MAX);
	/* 100 segments of 10 bytes are more than one call may hold. */
	assert_ok(net_udp_send(a.udp, &path, bytes_of(flight, 1000), 10));
	RUN_UNTIL(b.datagrams == 101);
	assert_int_equal(b.bytes, NET_UDP_PAYLOAD_MAX + 1000);
	close_both();
}

static void an_empty_datagram_arrives(void **state)
{
	(void)state;
	open_both("127.0.0.1", 0);
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(net_udp_local(b.udp)->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(sendto(fd, "", 0, 0, (struct sockaddr *)&to, sizeof(to)), 0);
	RUN_UNTIL(b.datagrams == 1);
	assert_int_equal(b.bytes, 0);
	close(fd);
	close_both();
}

static void nobody_listening_disturbs_nothing(void **state)
{
	(void)state;
	open_both("127.0.0.1", 0);
	struct path path = path_to(&b, "127.0.0.1");
	net_udp_destroy(b.udp);
	b.udp = NULL;
	for (int i = 0; i < 10; i++) {
		assert_ok(net_udp_send(a.udp, &path, bytes_of_text("anybody?"), 100));
		net_loop_run_once(loop, net_now() + 1000);
	}
	assert_int_equal(net_udp_stats(a.udp)->datagrams_out, 10);
	close_both();
}

static void a_wrong_family_or_a_foreign_source_is_an_error_and_not_a_lasting_one(void **state)
{
	(void)state;
	open_both("0.0.0.0", 0);
	static const uint8_t flight[2400];
	struct path wrong = path_to(&b, "::1");
	assert_err(net_udp_send(a.udp, &wrong, bytes_of_text("x"), 1), ERR_UNSUPPORTED);
	struct path path = path_to(&b, "127.0.0.1");
	assert_true(addr_parse_ip("192.0.2.1", 0, &path.local));
	assert_true(net_udp_send(a.udp, &path, bytes_of(flight, 2400), 1200) != ERR_OK);
	assert_int_equal(net_udp_stats(a.udp)->errors_out, 2);
	/* The fast way is still the one taken. */
	uint64_t calls = net_udp_stats(a.udp)->calls_out;
	path = path_to(&b, "127.0.0.1");
	assert_ok(net_udp_send(a.udp, &path, bytes_of(flight, 2400), 1200));
	assert_int_equal(net_udp_stats(a.udp)->calls_out, calls + 1);
	RUN_UNTIL(b.datagrams == 2);
	close_both();
}

static void a_socket_can_be_destroyed_while_it_delivers(void **state)
{
	(void)state;
	open_both("127.0.0.1", 0);
	static const uint8_t flight[12000];
	struct path path = path_to(&b, "127.0.0.1");
	b.destroy_at_first = true;
	assert_ok(net_udp_send(a.udp, &path, bytes_of(flight, sizeof(flight)), 1200));
	RUN_UNTIL(b.datagrams > 0);
	net_loop_run_once(loop, net_now() + 1000);
	assert_int_equal(b.datagrams, 1);
	assert_int_equal(b.batches, 0);
	close_both();
}

static void a_taken_port_and_a_foreign_address_are_told_apart(void **state)
{
	(void)state;
	open_both("127.0.0.1", 0);
	struct net_udp_handler handler = {.receive = on_receive, .user = &a};
	struct net_udp *udp;
	assert_err(
		net_udp_create(loop, net_udp_local(a.udp), 0, &handler, &udp), ERR_ADDRESS_IN_USE);
	struct addr foreign;
	assert_true(addr_parse_ip("192.0.2.1", 0, &foreign));
	assert_err(net_udp_create(loop, &foreign, 0, &handler, &udp), ERR_UNREACHABLE);
	close_both();
}

/* On loopback a send moves straight into the receiver's buffer, so the sender's is never full: what
 * waits is put there by hand, and the way out of it is the one under test. test_udp_kernel.c has
 * the way into it. */
static void the_rest_of_a_send_waits_until_the_socket_is_writable(void **state)
{
	(void)state;
	open_both("127.0.0.1", NET_UDP_AVOID_GSO);
	static uint8_t flight[3000];
	flight[0] = 'w';
	a.udp->waiting = (struct udp_waiting){.path = path_to(&b, "127.0.0.1"),
		.data = malloc(NET_UDP_PAYLOAD_MAX),
		.size = sizeof(flight),
		.segment = 1200};
	assert_non_null(a.udp->waiting.data);
	memcpy(a.udp->waiting.data, flight, sizeof(flight));
	assert_true(net_udp_is_blocked(a.udp));
	struct path path = path_to(&b, "127.0.0.1");
	assert_err(net_udp_send(a.udp, &path, bytes_of_text("x"), 1), ERR_AGAIN);
	net_watch_set(a.udp->watch, NET_READABLE | NET_WRITABLE);
	RUN_UNTIL(a.writable == 1);
	assert_false(net_udp_is_blocked(a.udp));
	RUN_UNTIL(b.datagrams == 3);
	assert_bytes_equal(bytes_of(b.data, b.bytes), bytes_of(flight, sizeof(flight)));
	net_loop_run_once(loop, net_now() + 1000);
	assert_int_equal(a.writable, 1);
	close_both();
}

TESTS(TEST(a_flight_is_one_call_with_segmentation),
	TEST(a_flight_is_split_on_arrival_without_grouping),
	TEST(a_flight_is_one_call_with_sendmmsg),
	TEST(a_flight_is_a_call_a_datagram_when_nothing_else_works), TEST(ipv6_works_the_same),
	TEST(a_wildcard_socket_tells_where_a_datagram_arrived_and_answers_from_there),
	TEST(the_largest_send_and_many_segments_are_cut_into_what_the_kernel_takes),
	TEST(an_empty_datagram_arrives), TEST(nobody_listening_disturbs_nothing),
	TEST(a_wrong_family_or_a_foreign_source_is_an_error_and_not_a_lasting_one),
	TEST(a_socket_can_be_destroyed_while_it_delivers),
	TEST(a_taken_port_and_a_foreign_address_are_told_apart),
	TEST(the_rest_of_a_send_waits_until_the_socket_is_writable))
