/* A UDP socket under a kernel that refuses things: bulk arrives whole, in order and as it was cut,
 * by whatever way is left. The system calls are wrapped at link time; what they let through is
 * done by the real kernel, on loopback. */
#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include "base/rng.h"
#include "net/limits.h"
#include "net/udp_internal.h"
#include "test.h"

/* What the kernel does not do. Zeros: it does everything. */
static struct {
	int gso_error, sendmmsg_error, recvmmsg_error; /* errno */
	unsigned gso_works;                            /* so many calls before it does not */
	bool no_gro;
	int interruption;  /* errno of every third send, which then was not done */
	unsigned take_max; /* messages of a sendmmsg that it takes */
	int refuse_size;   /* a datagram of this size is EPERM */
	unsigned sends, segmented, batches, singles;
} kernel;

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __real_recvmmsg(
	int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_recvmmsg(
	int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);

static int refuse(int error)
{
	errno = error;
	return -1;
}

static bool is_segmented(const struct msghdr *message)
{
	for (const struct cmsghdr *c = CMSG_FIRSTHDR(message); c;
		c = CMSG_NXTHDR(
			(struct msghdr *)(uintptr_t)message, (struct cmsghdr *)(uintptr_t)c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
			return true;
	return false;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	bool segmented = is_segmented(message);
	if (kernel.interruption && ++kernel.sends % 3 == 0)
		return refuse(kernel.interruption);
	if (kernel.refuse_size && message->msg_iov->iov_len == (size_t)kernel.refuse_size)
		return refuse(EPERM);
	if (segmented && kernel.gso_error && kernel.segmented >= kernel.gso_works)
		return refuse(kernel.gso_error);
	if (segmented)
		kernel.segmented++;
	else
		kernel.singles++;
	return __real_sendmsg(fd, message, flags);
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (kernel.interruption && ++kernel.sends % 3 == 0)
		return refuse(kernel.interruption);
	if (kernel.sendmmsg_error)
		return refuse(kernel.sendmmsg_error);
	kernel.batches++;
	for (unsigned i = 0; kernel.refuse_size && i < count; i++) {
		if (messages[i].msg_hdr.msg_iov->iov_len != (size_t)kernel.refuse_size)
			continue;
		if (i == 0)
			return refuse(EPERM);
		count = i;
	}
	if (kernel.take_max && count > kernel.take_max)
		count = kernel.take_max;
	return __real_sendmmsg(fd, messages, count, flags);
}

int __wrap_recvmmsg(
	int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	if (kernel.recvmmsg_error)
		return refuse(kernel.recvmmsg_error);
	return __real_recvmmsg(fd, messages, count, flags, timeout);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	if (kernel.no_gro && level == IPPROTO_UDP && name == UDP_GRO)
		return refuse(ENOPROTOOPT);
	return __real_setsockopt(fd, level, name, value, size);
}

/* ---- Bulk ---- */

enum { FLIGHTS = 150, FLIGHT_MAX = 60000, SIZES_MAX = 16384 };

static struct net_loop *loop;
static struct net_udp *sender, *receiver;
static struct path path;
/* What was sent, and how much of it came. */
static size_t sizes[SIZES_MAX], sent_count, received_count;
static unsigned writable;

/* The content follows from the number, so that a datagram of another place or flight differs. */
static uint8_t content(size_t number, size_t at)
{
	return (uint8_t)(number * 31 + at + (number >> 8));
}

static void on_receive(const struct path *from, struct bytes datagram, usec now, void *user)
{
	(void)now;
	(void)user;
	assert_int_equal(from->remote.port, net_udp_local(sender)->port);
	assert_true(received_count < sent_count);
	assert_int_equal(datagram.size, sizes[received_count]);
	for (size_t i = 0; i < datagram.size; i++)
		assert_int_equal(datagram.data[i], content(received_count, i));
	received_count++;
}

static void on_nothing(const struct path *from, struct bytes datagram, usec now, void *user)
{
	(void)from;
	(void)datagram;
	(void)now;
	(void)user;
}

static void on_writable(void *user)
{
	(void)user;
	writable++;
}

static int set_up(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	sent_count = received_count = writable = 0;
	return net_loop_create(&loop) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	net_udp_destroy(sender);
	net_udp_destroy(receiver);
	net_loop_destroy(loop);
	return 0;
}

static void open_both(void)
{
	struct addr local;
	assert_true(addr_parse_ip("127.0.0.1", 0, &local));
	struct net_udp_handler out = {.receive = on_nothing, .writable = on_writable};
	struct net_udp_handler in = {.receive = on_receive};
	assert_ok(net_udp_create(loop, &local, 0, &out, &sender));
	assert_ok(net_udp_create(loop, &local, 0, &in, &receiver));
	path = (struct path){.local = local, .remote = *net_udp_local(receiver)};
}

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 10 * USEC_PER_SEC;                                       \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, limit_);                                           \
		assert_true(condition);                                                            \
	} while (0)

/* Sends a flight as soon as the socket takes it. */
static void send_flight(size_t size, size_t segment)
{
	static uint8_t flight[FLIGHT_MAX];
	for (size_t at = 0; at < size; at += segment) {
		size_t length = min_size(segment, size - at);
		assert_true(sent_count < SIZES_MAX);
		sizes[sent_count] = length;
		for (size_t i = 0; i < length; i++)
			flight[at + i] = content(sent_count, i);
		sent_count++;
	}
	RUN_UNTIL(!net_udp_is_blocked(sender));
	assert_ok(net_udp_send(sender, &path, bytes_of(flight, size), segment));
}

/* Flights of all shapes, and small datagrams between them that wait for each other. */
static void send_bulk(void)
{
	struct rng rng = rng_seeded(5);
	open_both();
	for (size_t i = 0; i < FLIGHTS; i++) {
		size_t segment = 600 + rng_below(&rng, 800);
		size_t size = 1 + rng_below(&rng, 40 * segment);
		net_udp_cork(sender);
		for (size_t smalls = rng_below(&rng, 100); smalls > 0; smalls--) {
			size_t small = 1 + rng_below(&rng, NET_UDP_OUTBOX_DATAGRAM_MAX);
			send_flight(small, small);
		}
		send_flight(size, segment);
		net_udp_uncork(sender);
		RUN_UNTIL(received_count == sent_count);
	}
	const struct net_udp_stats *stats = net_udp_stats(sender);
	assert_int_equal(stats->datagrams_out, sent_count);
	assert_int_equal(stats->errors_out, 0);
	assert_int_equal(net_udp_stats(receiver)->datagrams_in, sent_count);
	assert_int_equal(net_udp_stats(receiver)->bytes_in, stats->bytes_out);
}

static void bulk_takes_a_call_a_flight_where_the_kernel_does_everything(void **state)
{
	(void)state;
	send_bulk();
	/* A flight, and two batches of small ones: those before it and those that found it full. */
	assert_true(net_udp_stats(sender)->calls_out <= 3 * FLIGHTS);
	assert_true(kernel.segmented > FLIGHTS / 2);
	assert_int_equal(sender->avoid, 0);
}

static void bulk_arrives_where_segmentation_is_refused(void **state)
{
	(void)state;
	kernel.gso_error = EINVAL;
	send_bulk();
	assert_int_equal(kernel.segmented, 0);
	assert_true(kernel.batches > FLIGHTS / 2);
	assert_int_equal(sender->avoid, NET_UDP_AVOID_GSO);
}

/* As on a device without checksum offload, to which the route has changed. */
static void bulk_arrives_where_segmentation_begins_to_fail_in_the_midst(void **state)
{
	(void)state;
	kernel.gso_error = EIO;
	kernel.gso_works = 20;
	send_bulk();
	assert_int_equal(kernel.segmented, 20);
	assert_int_equal(sender->avoid, NET_UDP_AVOID_GSO);
}

static void bulk_arrives_where_batches_are_unknown_too(void **state)
{
	(void)state;
	kernel.gso_error = ENOPROTOOPT;
	kernel.sendmmsg_error = ENOSYS;
	send_bulk();
	assert_int_equal(kernel.batches, 0);
	assert_int_equal(kernel.singles, sent_count);
	assert_int_equal(sender->avoid, NET_UDP_AVOID_GSO | NET_UDP_AVOID_SENDMMSG);
}

static void bulk_arrives_where_a_batch_is_taken_in_part(void **state)
{
	(void)state;
	kernel.gso_error = EINVAL;
	kernel.take_max = 3;
	send_bulk();
	assert_true(kernel.batches > sent_count / 4);
}

static void bulk_arrives_where_nothing_groups_what_comes_in(void **state)
{
	(void)state;
	kernel.no_gro = true;
	send_bulk();
	assert_true(net_udp_stats(receiver)->calls_in >= sent_count / NET_UDP_BATCH);
}

static void bulk_arrives_where_it_comes_in_one_by_one(void **state)
{
	(void)state;
	kernel.no_gro = true;
	kernel.recvmmsg_error = ENOSYS;
	send_bulk();
	assert_int_equal(receiver->avoid, NET_UDP_AVOID_RECVMMSG);
	assert_true(net_udp_stats(receiver)->calls_in >= sent_count);
}

static void bulk_waits_when_the_buffer_is_full_and_loses_nothing(void **state)
{
	(void)state;
	kernel.interruption = EAGAIN;
	send_bulk();
	assert_true(net_udp_stats(sender)->blocked > FLIGHTS / 2);
	assert_true(writable > FLIGHTS / 2);
}

static void bulk_waits_when_the_buffer_is_full_without_segmentation(void **state)
{
	(void)state;
	kernel.interruption = EAGAIN;
	kernel.gso_error = EINVAL;
	kernel.take_max = 5;
	send_bulk();
	assert_true(net_udp_stats(sender)->blocked > FLIGHTS);
}

static void bulk_waits_when_the_queue_of_the_device_is_full(void **state)
{
	(void)state;
	kernel.interruption = ENOBUFS;
	send_bulk();
	assert_true(net_udp_stats(sender)->blocked > FLIGHTS / 2);
	assert_true(writable > FLIGHTS / 2);
}

static void bulk_goes_on_after_what_earlier_datagrams_met(void **state)
{
	(void)state;
	kernel.interruption = ECONNREFUSED;
	send_bulk();
	assert_int_equal(net_udp_stats(sender)->blocked, 0);
}

static void a_small_datagram_that_is_refused_takes_no_other_with_it(void **state)
{
	(void)state;
	open_both();
	kernel.refuse_size = 77;
	net_udp_cork(sender);
	for (size_t i = 0; i < 10; i++) {
		static const uint8_t bad[77];
		send_flight(10 + i, 10 + i);
		assert_ok(net_udp_send(sender, &path, bytes_of(bad, 77), 77));
	}
	assert_int_equal(net_udp_stats(sender)->datagrams_out, 0);
	net_udp_uncork(sender);
	RUN_UNTIL(received_count == 10);
	assert_int_equal(net_udp_stats(sender)->errors_out, 10);
	assert_int_equal(net_udp_stats(sender)->datagrams_out, 10);
}

static void small_datagrams_wait_for_each_other_up_to_the_limit(void **state)
{
	(void)state;
	open_both();
	net_udp_cork(sender);
	for (size_t i = 0; i < NET_UDP_OUTBOX_MAX; i++)
		send_flight(100, 100);
	assert_int_equal(net_udp_stats(sender)->calls_out, 0);
	send_flight(NET_UDP_OUTBOX_DATAGRAM_MAX, NET_UDP_OUTBOX_DATAGRAM_MAX);
	assert_int_equal(net_udp_stats(sender)->datagrams_out, NET_UDP_OUTBOX_MAX);
	/* One that is too large to wait goes at once, behind those that do. */
	send_flight(NET_UDP_OUTBOX_DATAGRAM_MAX + 1, NET_UDP_OUTBOX_DATAGRAM_MAX + 1);
	assert_int_equal(net_udp_stats(sender)->datagrams_out, NET_UDP_OUTBOX_MAX + 2);
	assert_int_equal(net_udp_stats(sender)->calls_out, 3);
	net_udp_uncork(sender);
	assert_int_equal(net_udp_stats(sender)->calls_out, 3);
	RUN_UNTIL(received_count == sent_count);
}

/* The kernel takes nothing: as much as there is room for is kept, the rest is for later. */
static void a_blocked_socket_says_so_and_keeps_what_it_took(void **state)
{
	(void)state;
	open_both();
	kernel.interruption = EAGAIN;
	kernel.sends = 2;
	send_flight(5000, 1000);
	assert_true(net_udp_is_blocked(sender));
	assert_err(net_udp_send(sender, &path, bytes_of_text("x"), 1), ERR_AGAIN);
	RUN_UNTIL(writable == 1);
	kernel.sends = 2;
	net_udp_cork(sender);
	send_flight(50, 50);
	net_udp_uncork(sender);
	assert_true(net_udp_is_blocked(sender));
	assert_err(net_udp_send(sender, &path, bytes_of_text("x"), 1), ERR_AGAIN);
	RUN_UNTIL(writable == 2);
	RUN_UNTIL(received_count == sent_count);
}

#define KERNEL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TESTS(KERNEL_TEST(bulk_takes_a_call_a_flight_where_the_kernel_does_everything),
	KERNEL_TEST(bulk_arrives_where_segmentation_is_refused),
	KERNEL_TEST(bulk_arrives_where_segmentation_begins_to_fail_in_the_midst),
	KERNEL_TEST(bulk_arrives_where_batches_are_unknown_too),
	KERNEL_TEST(bulk_arrives_where_a_batch_is_taken_in_part),
	KERNEL_TEST(bulk_arrives_where_nothing_groups_what_comes_in),
	KERNEL_TEST(bulk_arrives_where_it_comes_in_one_by_one),
	KERNEL_TEST(bulk_waits_when_the_buffer_is_full_and_loses_nothing),
	KERNEL_TEST(bulk_waits_when_the_buffer_is_full_without_segmentation),
	KERNEL_TEST(bulk_waits_when_the_queue_of_the_device_is_full),
	KERNEL_TEST(bulk_goes_on_after_what_earlier_datagrams_met),
	KERNEL_TEST(a_small_datagram_that_is_refused_takes_no_other_with_it),
	KERNEL_TEST(small_datagrams_wait_for_each_other_up_to_the_limit),
	KERNEL_TEST(a_blocked_socket_says_so_and_keeps_what_it_took))
