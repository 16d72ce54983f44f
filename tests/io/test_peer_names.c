/* Peers that hide their addresses as browsers do. On loopback alone. */
#include "node/peer_io.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/limits.h"
#include "test.h"

#define MDNS_PORT 5353
#define NAME_TEXT_SIZE 43

struct end {
	struct peer_io *io;
	struct peer_io_peer *peer;
	char name[NAME_TEXT_SIZE];
	bool open;
	uint16_t channel;
};

static struct net_loop *loop;
static struct end a, b;
static int responder = -1;
static struct sockaddr_in group;

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 20 * USEC_PER_SEC;                                       \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, net_now() + 10 * USEC_PER_MS);                     \
		assert_true(condition);                                                            \
	} while (0)

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct end *end = user;
	(void)peer;
	if (event->type == DPC_EVENT_CHANNEL_OPEN)
		end->open = true;
}

static void create(struct end *end, unsigned number, bool with_host)
{
	struct peer_io_config io_config = {.loopback = true};
	struct peer_io_peer_config config = {.peer.offerer = number == 1,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_host = with_host,
		.with_relayed = true,
		.on_event = on_event,
		.user = end};
	/* Other tests may be at it at the same time. */
	snprintf(end->name, sizeof end->name, "%08x-0000-4000-8000-%012x.local", (unsigned)getpid(),
		number);
	assert_true(addr_parse_ip("127.0.0.1", 0, &io_config.local4));
	assert_ok(peer_io_create(loop, &io_config, &end->io));
	assert_ok(peer_io_peer_create(end->io, &config, &end->peer));
}

static int set_up(void **state)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
	struct ip_mreq membership = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;
	(void)state;
	a = b = (struct end){0};
	group = local;
	assert_int_equal(inet_pton(AF_INET, "224.0.0.251", &group.sin_addr), 1);
	membership.imr_multiaddr = group.sin_addr;
	responder = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(responder >= 0);
	assert_int_equal(setsockopt(responder, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	assert_int_equal(bind(responder, (struct sockaddr *)&local, sizeof local), 0);
	assert_int_equal(setsockopt(responder, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership,
				 sizeof membership),
		0);
	assert_int_equal(setsockopt(responder, IPPROTO_IP, IP_MULTICAST_IF,
				 &membership.imr_interface, sizeof membership.imr_interface),
		0);
	return net_loop_create(&loop) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	peer_io_destroy(a.io);
	peer_io_destroy(b.io);
	net_loop_destroy(loop);
	close(responder);
	return 0;
}

/* The description as a browser would write it: its address in the candidates is a name. */
static void hide(const char *sdp, const char *name, char *hidden, size_t capacity)
{
	struct writer w = writer_of(hidden, capacity - 1);
	for (const char *line = sdp; *line;) {
		const char *end = strchr(line, '\n') + 1;
		const char *ip = strstr(line, " 127.0.0.1 ");
		if (strncmp(line, "a=candidate:", 12) == 0 && ip && ip < end) {
			write_bytes(&w, bytes_of(line, (size_t)(ip + 1 - line)));
			write_text(&w, name);
			line = ip + strlen(" 127.0.0.1");
		}
		write_bytes(&w, bytes_of(line, (size_t)(end - line)));
		line = end;
	}
	assert_false(w.failed);
	hidden[w.size] = 0;
}

static void describe(struct end *from, struct end *to, bool hidden)
{
	static char sdp[DPC_SDP_MAX], shown[DPC_SDP_MAX];
	struct dpc_peer *dpc = peer_io_peer_dpc(to->peer);
	assert_int_equal(
		dpc_peer_local_description(peer_io_peer_dpc(from->peer), sdp, sizeof sdp), DPC_OK);
	hide(sdp, hidden ? from->name : "127.0.0.1", shown, sizeof shown);
	assert_true(!hidden || strstr(shown, from->name));
	assert_int_equal(
		dpc_peer_set_remote_description(dpc, net_now(), shown, strlen(shown)), DPC_OK);
	peer_io_ask_names(to->peer, shown);
	peer_io_kick(to->peer);
}

static void begin(bool a_hidden, bool b_hidden)
{
	const struct dpc_channel_config channel = {.label = "test"};
	create(&a, 1, true);
	create(&b, 2, true);
	assert_int_equal(
		dpc_peer_open_channel(peer_io_peer_dpc(a.peer), net_now(), &channel, &a.channel),
		DPC_OK);
	describe(&a, &b, a_hidden);
	describe(&b, &a, b_hidden);
}

/* That the name is that of 127.0.0.1. */
static void answer(const char *name)
{
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	write_u32(&w, 0x8400);
	write_u32(&w, 1);
	write_u32(&w, 0);
	write_u8(&w, 36);
	write_bytes(&w, bytes_of(name, 36));
	write_u8(&w, 5);
	write_text(&w, "local");
	write_u8(&w, 0);
	write_u32(&w, 0x00018001);
	write_u32(&w, 120);
	write_u16(&w, 4);
	write_u32(&w, INADDR_LOOPBACK);
	assert_int_equal(
		sendto(responder, data, w.size, 0, (struct sockaddr *)&group, sizeof group),
		(ssize_t)w.size);
}

static struct peer_io_stats stats_of(const struct end *end)
{
	struct peer_io_stats stats;
	peer_io_stats(end->io, &stats);
	return stats;
}

static void two_that_hide_meet_when_their_names_are_answered(void **state)
{
	(void)state;
	begin(true, true);
	assert_int_equal(stats_of(&a).names_asked, 1);
	answer(a.name);
	answer(b.name);
	RUN_UNTIL(a.open && b.open);
	assert_int_equal(stats_of(&a).names_answered, 1);
	assert_int_equal(stats_of(&b).names_answered, 1);
}

static void one_that_hides_is_reached_by_its_own_checks(void **state)
{
	(void)state;
	begin(false, true);
	RUN_UNTIL(a.open && b.open);
	assert_int_equal(stats_of(&a).names_answered, 0);
	RUN_UNTIL(stats_of(&a).names_unanswered == 1);
}

static void a_trickled_candidate_may_hide_too(void **state)
{
	(void)state;
	char text[200];
	begin(false, false);
	RUN_UNTIL(a.open && b.open);
	snprintf(text, sizeof text, "candidate:7 1 udp 2130706431 %s 4000 typ host generation 0",
		b.name);
	assert_int_equal(peer_io_add_remote_candidate(a.peer, text, strlen(text)), DPC_OK);
	answer(b.name);
	RUN_UNTIL(stats_of(&a).names_answered == 1);
	/* It is not asked for over TCP, and other names never are. */
	snprintf(text, sizeof text, "candidate:8 1 tcp 2130706431 %s 9 typ host tcptype active",
		b.name);
	(void)peer_io_add_remote_candidate(a.peer, text, strlen(text));
	snprintf(text, sizeof text, "candidate:9 1 udp 2130706431 printer.local 4000 typ host");
	assert_int_equal(
		peer_io_add_remote_candidate(a.peer, text, strlen(text)), DPC_ERR_UNSUPPORTED);
	assert_int_equal(stats_of(&a).names_asked, 1);
}

static void one_peer_has_only_so_many_names(void **state)
{
	(void)state;
	char text[200];
	create(&a, 1, true);
	for (unsigned i = 0; i < PEER_IO_NAMES_MAX + 3; i++) {
		snprintf(text, sizeof text,
			"candidate:%u 1 udp 2130706431 %08x-0000-4000-8000-%012x.local 4000 typ "
			"host",
			i, (unsigned)getpid(), 100 + i);
		assert_int_equal(peer_io_add_remote_candidate(a.peer, text, strlen(text)), DPC_OK);
	}
	assert_int_equal(stats_of(&a).names_asked, PEER_IO_NAMES_MAX);
	assert_int_equal(stats_of(&a).names_unanswered, 3);
	/* Nobody waits any more. */
	peer_io_peer_destroy(a.peer);
	assert_int_equal(stats_of(&a).names_answered, 0);
}

/* A question would say on the network that we are here. */
static void where_only_a_relay_may_be_shown_nobody_is_asked(void **state)
{
	(void)state;
	char text[200];
	uint8_t data[1000];
	create(&a, 1, false);
	snprintf(text, sizeof text, "candidate:7 1 udp 2130706431 %s 4000 typ host", a.name);
	assert_int_not_equal(peer_io_add_remote_candidate(a.peer, text, strlen(text)), DPC_OK);
	assert_int_equal(stats_of(&a).names_asked, 0);
	ssize_t size;
	while ((size = recv(responder, data, sizeof data, 0)) > 0)
		assert_true(size < 50 || memcmp(data + 13, a.name, 36) != 0);
}

#define NAMES_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TESTS(NAMES_TEST(two_that_hide_meet_when_their_names_are_answered),
	NAMES_TEST(one_that_hides_is_reached_by_its_own_checks),
	NAMES_TEST(a_trickled_candidate_may_hide_too), NAMES_TEST(one_peer_has_only_so_many_names),
	NAMES_TEST(where_only_a_relay_may_be_shown_nobody_is_asked))
