/* Peers whose addresses come and go while they talk: in a network namespace of its own, on aliases
 * of the loopback interface. */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/peer_io.h"
#include "test.h"

struct end {
	struct peer_io *io;
	struct peer_io_peer *peer;
	struct end *other;
	uint16_t channel;
	bool open, described;
	uint32_t sent, received;
};

static struct net_loop *loop;
static struct end a, b;

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 20 * USEC_PER_SEC;                                       \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, limit_);                                           \
		assert_true(condition);                                                            \
	} while (0)

#define assert_dpc(expression)                                                                     \
	assert_string_equal(dpc_peer_err_text(expression), dpc_peer_err_text(DPC_OK))

static struct dpc_peer *dpc(const struct end *end)
{
	return peer_io_peer_dpc(end->peer);
}

/* ---- Addresses ---- */

static void set_ip(int fd, unsigned long what, const char *alias, const char *ip)
{
	struct ifreq request = {0};
	struct sockaddr_in name = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, ip, &name.sin_addr), 1);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", alias);
	memcpy(&request.ifr_addr, &name, sizeof(name));
	assert_int_equal(ioctl(fd, what, &request), 0);
}

static void set_up_or_down(int fd, const char *alias, bool up)
{
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", alias);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
}

static void add_address(const char *alias, const char *ip)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	set_ip(fd, SIOCSIFADDR, alias, ip);
	set_ip(fd, SIOCSIFNETMASK, alias, "255.255.255.255");
	set_up_or_down(fd, alias, true);
	close(fd);
}

static void remove_address(const char *alias)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	set_up_or_down(fd, alias, false);
	close(fd);
}

/* ---- Two peers ---- */

static void on_message(struct end *end, const struct dpc_event *event)
{
	uint32_t number;
	assert_int_equal(event->size, sizeof(number));
	memcpy(&number, event->data, sizeof(number));
	/* Each once, and in order. */
	assert_int_equal(number, end->received);
	end->received++;
}

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct end *end = user;
	(void)peer;
	switch (event->type) {
	case DPC_EVENT_CANDIDATE:
		if (end->other->described) {
			(void)dpc_peer_add_remote_candidate(
				dpc(end->other), net_now(), event->text, strlen(event->text));
			peer_io_kick(end->other->peer);
		}
		break;
	case DPC_EVENT_CHANNEL_OPEN:
		end->channel = event->channel;
		end->open = true;
		break;
	case DPC_EVENT_MESSAGE:
		on_message(end, event);
		break;
	case DPC_EVENT_CLOSED:
		fail_msg("closed: %s", event->text);
		break;
	case DPC_EVENT_STATE:
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
	case DPC_EVENT_CHANNEL_CLOSED:
		break;
	}
}

static void create(struct end *end, struct end *other, bool offerer)
{
	struct peer_io_config io_config = {.local4 = {.family = ADDR_IPV4}};
	struct peer_io_peer_config config = {.peer.offerer = offerer,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_host = true,
		.on_event = on_event,
		.user = end};
	*end = (struct end){.other = other};
	assert_ok(peer_io_create(loop, &io_config, &end->io));
	assert_ok(peer_io_peer_create(end->io, &config, &end->peer));
}

static void give_description(struct end *from, struct end *to)
{
	char sdp[DPC_SDP_MAX];
	assert_dpc(dpc_peer_local_description(dpc(from), sdp, sizeof(sdp)));
	assert_dpc(dpc_peer_set_remote_description(dpc(to), net_now(), sdp, strlen(sdp)));
	to->described = true;
	peer_io_kick(to->peer);
}

/* A network of its own, with one address. */
static void enter(void)
{
	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		skip();
	add_address("lo", "127.0.0.1");
	add_address("lo:1", "192.0.2.1");
	assert_ok(net_loop_create(&loop));
}

static void begin(void)
{
	enter();
	create(&a, &b, true);
	create(&b, &a, false);
	struct dpc_channel_config config = {.label = "test"};
	assert_dpc(dpc_peer_open_channel(dpc(&a), net_now(), &config, &a.channel));
	give_description(&a, &b);
	give_description(&b, &a);
	RUN_UNTIL(a.open && b.open);
}

static void end(void)
{
	peer_io_destroy(a.io);
	peer_io_destroy(b.io);
	net_loop_destroy(loop);
}

/* A few messages each way, and what the loop does meanwhile. */
static void talk(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		for (int side = 0; side < 2; side++) {
			struct end *from = side ? &b : &a;
			enum dpc_err err = dpc_peer_send(dpc(from), net_now(), from->channel, true,
				&from->sent, sizeof(from->sent));
			from->sent += err == DPC_OK;
			peer_io_kick(from->peer);
		}
		net_loop_run_once(loop, net_now() + USEC_PER_MS);
	}
}

static void assert_path_is_from(const struct end *end, const char *ip)
{
	struct dpc_stats stats;
	struct in_addr expected;
	dpc_peer_stats(dpc(end), &stats);
	assert_true(stats.has_path);
	assert_int_equal(inet_pton(AF_INET, ip, &expected), 1);
	assert_memory_equal(stats.path.local.ip, &expected, sizeof(expected));
}

static void tell_both(size_t removed, size_t added)
{
	struct end *const ends[] = {&a, &b};
	for (size_t i = 0; i < 2; i++) {
		struct network_change change;
		peer_io_network_changed(ends[i]->io, &change);
		assert_int_equal(change.removed_count, removed);
		assert_int_equal(change.added_count, added);
	}
}

static void restart(void)
{
	assert_dpc(peer_io_peer_restart(a.peer));
	give_description(&a, &b);
	peer_io_peer_restarted(b.peer);
	give_description(&b, &a);
}

static void an_address_that_is_replaced_under_load_loses_nothing(void **state)
{
	(void)state;
	begin();
	assert_path_is_from(&a, "192.0.2.1");
	talk(50);
	/* Both live on this machine, and both lose the only one they had. */
	remove_address("lo:1");
	talk(20);
	add_address("lo:2", "192.0.2.2");
	tell_both(1, 1);
	restart();
	talk(50);
	RUN_UNTIL(a.received == b.sent && b.received == a.sent);
	assert_path_is_from(&a, "192.0.2.2");
	assert_path_is_from(&b, "192.0.2.2");
	assert_true(a.sent > 60);
	end();
}

static void a_better_address_is_found_while_the_old_one_works(void **state)
{
	(void)state;
	begin();
	talk(10);
	add_address("lo:2", "192.0.2.2");
	tell_both(0, 1);
	restart();
	remove_address("lo:1");
	/* The old one goes before the kernel's word of it is looked at. */
	talk(50);
	tell_both(1, 0);
	talk(10);
	RUN_UNTIL(a.received == b.sent && b.received == a.sent);
	assert_path_is_from(&a, "192.0.2.2");
	end();
}

/* As a node that has only direct links, which end with their address. */
static void what_went_is_told_without_any_peer_that_had_it(void **state)
{
	struct peer_io_config config = {.local4 = {.family = ADDR_IPV4}};
	struct network_change change;
	struct peer_io *io;
	(void)state;
	enter();
	assert_ok(peer_io_create(loop, &config, &io));
	remove_address("lo:1");
	add_address("lo:2", "192.0.2.2");
	peer_io_network_changed(io, &change);
	assert_int_equal(change.removed_count, 1);
	assert_int_equal(change.added_count, 1);
	peer_io_destroy(io);
	net_loop_destroy(loop);
}

static void what_stays_the_same_is_no_change(void **state)
{
	(void)state;
	begin();
	tell_both(0, 0);
	talk(10);
	RUN_UNTIL(a.received == b.sent && b.received == a.sent);
	assert_path_is_from(&a, "192.0.2.1");
	end();
}

TESTS(TEST(an_address_that_is_replaced_under_load_loses_nothing),
	TEST(a_better_address_is_found_while_the_old_one_works),
	TEST(what_went_is_told_without_any_peer_that_had_it),
	TEST(what_stays_the_same_is_no_change))
