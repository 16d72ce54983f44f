/* Peers over TCP: descriptions without their UDP candidates are what a network that blocks UDP
 * leaves of them. */
#include "node/peer_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ice/stun.h"
#include "net/packet.h"
#include "test.h"

struct end {
	struct peer_io *io;
	struct peer_io_peer *peer;
	uint16_t channel;
	bool open, closed;
	size_t bytes, disconnects;
};

static struct net_loop *loop;
static struct peer_io *ios[2];
static struct end ends[2];

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 40 * USEC_PER_SEC;                                       \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, net_now() + 10 * USEC_PER_MS);                     \
		assert_true(condition);                                                            \
	} while (0)

static struct dpc_peer *dpc(struct end *end)
{
	return peer_io_peer_dpc(end->peer);
}

static void on_event(struct peer_io_peer *peer, const struct dpc_event *event, void *user)
{
	struct end *end = user;
	(void)peer;
	if (event->type == DPC_EVENT_CHANNEL_OPEN) {
		end->channel = event->channel;
		end->open = true;
	} else if (event->type == DPC_EVENT_MESSAGE) {
		end->bytes += event->size;
	} else if (event->type == DPC_EVENT_CLOSED) {
		end->closed = true;
	} else if (event->type == DPC_EVENT_STATE && event->state == DPC_DISCONNECTED) {
		end->disconnects++;
	}
}

static void create(size_t i, bool with_host)
{
	struct peer_io_peer_config config = {.peer.offerer = i == 0,
		.peer.unix_time = net_unix_now() / USEC_PER_SEC,
		.with_host = with_host,
		.with_relayed = !with_host,
		.on_event = on_event,
		.user = &ends[i]};
	ends[i] = (struct end){.io = ios[i]};
	assert_ok(peer_io_peer_create(ios[i], &config, &ends[i].peer));
}

/* Without the lines that have this in them. */
static void remove_lines(char *sdp, const char *text)
{
	char *found;
	while ((found = strstr(sdp, text))) {
		char *begin = found, *end = strstr(found, "\r\n");
		while (begin > sdp && begin[-1] != '\n')
			begin--;
		assert_non_null(end);
		memmove(begin, end + 2, strlen(end + 2) + 1);
	}
}

static void describe(size_t from, char *sdp)
{
	assert_int_equal(dpc_peer_local_description(dpc(&ends[from]), sdp, DPC_SDP_MAX), DPC_OK);
}

/* What is left of one end's description at the other: `waits` says whose passive candidate is. */
static void signal_tcp(size_t from, size_t waits)
{
	char sdp[DPC_SDP_MAX];
	struct end *to = &ends[1 - from];
	describe(from, sdp);
	remove_lines(sdp, " udp ");
	if (from != waits)
		remove_lines(sdp, "tcptype");
	assert_int_equal(
		dpc_peer_set_remote_description(dpc(to), net_now(), sdp, strlen(sdp)), DPC_OK);
	peer_io_kick(to->peer);
}

static void open_ios(const char *ip)
{
	struct peer_io_config config = {.loopback = true, .tcp = true};
	bool is_ipv4 = strchr(ip, '.');
	assert_true(addr_parse_ip(ip, 0, is_ipv4 ? &config.local4 : &config.local6));
	for (size_t i = 0; i < 2; i++)
		assert_ok(peer_io_create(loop, &config, &ios[i]));
}

static void connect_over_tcp(size_t waits)
{
	struct dpc_channel_config channel = {.label = "test"};
	create(0, true);
	create(1, true);
	assert_int_equal(
		dpc_peer_open_channel(dpc(&ends[0]), net_now(), &channel, &ends[0].channel),
		DPC_OK);
	signal_tcp(0, waits);
	signal_tcp(1, waits);
	RUN_UNTIL(ends[0].open && ends[1].open);
}

static void send_messages(size_t from, size_t count, size_t size)
{
	static uint8_t message[100000];
	struct end *here = &ends[from], *there = &ends[1 - from];
	size_t expected = there->bytes + count * size;
	assert_true(size <= sizeof message);
	for (size_t i = 0; i < count; i++) {
		enum dpc_err err;
		while ((err = dpc_peer_send(dpc(here), net_now(), here->channel, true, message,
				size)) == DPC_ERR_AGAIN) {
			peer_io_kick(here->peer);
			net_loop_run_once(loop, net_now() + USEC_PER_MS);
		}
		assert_int_equal(err, DPC_OK);
	}
	peer_io_kick(here->peer);
	RUN_UNTIL(there->bytes == expected);
}

static void assert_over_tcp(size_t i)
{
	struct dpc_stats stats;
	dpc_peer_stats(dpc(&ends[i]), &stats);
	assert_true(stats.has_path);
	assert_int_equal(stats.path.local.transport, DPC_TCP);
	assert_int_equal(stats.path.remote.transport, DPC_TCP);
}

static int set_up(void **state)
{
	(void)state;
	memset(ends, 0, sizeof ends);
	ios[0] = ios[1] = NULL;
	return net_loop_create(&loop) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	peer_io_destroy(ios[0]);
	peer_io_destroy(ios[1]);
	net_loop_destroy(loop);
	return 0;
}

static void either_side_dials_and_nothing_is_lost(void **state)
{
	(void)state;
	static const char *const ips[] = {"127.0.0.1", "::1"};
	for (size_t waits = 0; waits < 2; waits++) {
		open_ios(ips[waits]);
		connect_over_tcp(waits);
		assert_over_tcp(0);
		assert_over_tcp(1);
		send_messages(0, 20, 10000);
		send_messages(1, 200, 100000);
		send_messages(0, 200, 100000);
		for (size_t i = 0; i < 2; i++) {
			struct peer_io_stats stats;
			peer_io_stats(ios[i], &stats);
			assert_int_equal(stats.lost_out, 0);
			assert_int_equal(stats.tcp_strangers, 0);
			peer_io_destroy(ios[i]);
			ios[i] = NULL;
		}
	}
}

/* The end of TCP connections of this process to the port: as a middlebox that has forgotten them.
 */
static size_t break_connections(uint16_t port)
{
	size_t count = 0;
	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_in name;
		socklen_t size = sizeof name;
		int type = 0;
		socklen_t type_size = sizeof type;
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 ||
			type != SOCK_STREAM ||
			getpeername(fd, (struct sockaddr *)&name, &size) != 0 ||
			name.sin_family != AF_INET || ntohs(name.sin_port) != port)
			continue;
		assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
		count++;
	}
	return count;
}

static void a_connection_that_breaks_is_made_anew_under_the_channels(void **state)
{
	(void)state;
	open_ios("127.0.0.1");
	connect_over_tcp(0);
	send_messages(0, 10, 1000);
	for (size_t i = 1; i <= 2; i++) {
		assert_int_equal(break_connections(peer_io_local_tcp(ios[0], ADDR_IPV4)->port), 1);
		RUN_UNTIL(ends[0].disconnects == i && ends[1].disconnects == i);
		RUN_UNTIL(dpc_peer_state(dpc(&ends[0])) == DPC_CONNECTED &&
			  dpc_peer_state(dpc(&ends[1])) == DPC_CONNECTED);
		send_messages(0, 10, 1000);
		send_messages(1, 10, 1000);
	}
	assert_false(ends[0].closed);
}

/* ---- Strangers ---- */

static int dial(const char *from, uint16_t port)
{
	struct sockaddr_in name = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, from, &name.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &name.sin_addr), 1);
	name.sin_port = htons(port);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* Nothing but the end has come. */
static bool is_ended(int fd)
{
	uint8_t byte;
	ssize_t size = recv(fd, &byte, 1, 0);
	assert_true(size <= 0);
	return size == 0 || errno == ECONNRESET;
}

static void send_packet(int fd, struct bytes packet)
{
	struct buffer framed = buffer_with_max(100000);
	assert_ok(net_packet_append(&framed, packet, max_size(packet.size, 1)));
	assert_int_equal(send(fd, framed.data, framed.size, MSG_NOSIGNAL), framed.size);
	buffer_deinit(&framed);
}

/* As of one who is controlled by our offerer. */
static size_t make_check(uint8_t *data, const char *user, const char *pwd)
{
	char name[100];
	uint8_t id[STUN_ID_SIZE] = "0123456789a";
	struct writer w = writer_of(data, 300);
	snprintf(name, sizeof name, "%s:else", user);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
	stun_add_bytes(&w, STUN_USERNAME, bytes_of_text(name));
	stun_add_u64(&w, STUN_ICE_CONTROLLED, 1);
	stun_add_u32(&w, STUN_PRIORITY, 1);
	stun_add_integrity(&w, bytes_of_text(pwd));
	stun_add_fingerprint(&w);
	assert_false(w.failed);
	return w.size;
}

static void who_says_anything_else_is_sent_away(void **state)
{
	(void)state;
	open_ios("127.0.0.1");
	create(0, true);
	uint16_t port = peer_io_local_tcp(ios[0], ADDR_IPV4)->port;
	static uint8_t zeros[3000];
	uint8_t check[300], unknown[300];
	size_t unknown_size = make_check(unknown, "nobodyknows", "password-of-somebody-else");
	size_t size = make_check(check, dpc_peer_user(dpc(&ends[0])), "password-of-somebody-else");
	const struct bytes packets[] = {
		bytes_of(zeros, 0),
		bytes_of_text("GET / HTTP/1.1\r\n\r\n"),
		bytes_of(zeros, 1),
		bytes_of(zeros, 1501),
		bytes_of(unknown, unknown_size),
		bytes_of(check, 40),
	};
	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		int fd = dial("127.0.0.1", port);
		send_packet(fd, packets[i]);
		RUN_UNTIL(is_ended(fd));
		close(fd);
	}
	/* Text without framing, whose first letters are a length. */
	int fd = dial("127.0.0.1", port);
	assert_int_equal(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
	RUN_UNTIL(is_ended(fd));
	close(fd);
	/* One who knows a name and not its password has no answer, and the time of those who say
	 * nothing, or half of it. */
	int knows = dial("127.0.0.1", port), silent = dial("127.0.0.1", port);
	int half = dial("127.0.0.1", port);
	usec begun = net_now();
	send_packet(knows, bytes_of(check, size));
	assert_int_equal(send(half, "\0", 1, MSG_NOSIGNAL), 1);
	RUN_UNTIL(is_ended(knows));
	RUN_UNTIL(is_ended(silent));
	RUN_UNTIL(is_ended(half));
	assert_true(net_now() - begun >= PEER_IO_TCP_STRANGER_TIME - USEC_PER_SEC);
	close(knows);
	close(silent);
	close(half);
	struct peer_io_stats stats;
	peer_io_stats(ios[0], &stats);
	assert_int_equal(stats.tcp_refused, 10);
	assert_int_equal(stats.tcp_strangers, 0);
}

/* At once are kept what the limits say, and friends still come through. */
static void ten_thousand_silent_ones_stay_few(void **state)
{
	(void)state;
	enum { KEPT = 300, ALL = 10000 };
	int fds[KEPT];
	size_t most = 0;
	open_ios("127.0.0.1");
	uint16_t port = peer_io_local_tcp(ios[0], ADDR_IPV4)->port;
	memset(fds, 0, sizeof fds);
	for (size_t i = 0; i < ALL; i++) {
		char from[ADDR_TEXT_MAX];
		/* From one place at first. */
		snprintf(from, sizeof from, "127.0.%zu.%zu", i < 1000 ? 0 : i / 8 / 200,
			i < 1000 ? 2 : 1 + i / 8 % 200);
		if (fds[i % KEPT] > 0)
			close(fds[i % KEPT]);
		fds[i % KEPT] = dial(from, port);
		net_loop_run_once(loop, net_now());
		struct peer_io_stats stats;
		peer_io_stats(ios[0], &stats);
		most = max_size(most, stats.tcp_strangers);
		assert_true(stats.tcp_strangers <= PEER_IO_TCP_STRANGERS_MAX);
		if (i < 1000)
			assert_true(most <= PEER_IO_TCP_STRANGERS_PER_PLACE_MAX);
	}
	assert_int_equal(most, PEER_IO_TCP_STRANGERS_MAX);
	connect_over_tcp(0);
	for (size_t i = 0; i < KEPT; i++)
		close(fds[i]);
}

/* A policy that shows no address of ours has none over TCP, and answers nobody there. */
static void what_is_relayed_only_has_no_tcp(void **state)
{
	(void)state;
	char sdp[DPC_SDP_MAX];
	open_ios("127.0.0.1");
	create(0, false);
	describe(0, sdp);
	assert_null(strstr(sdp, "a=candidate"));
	const char *pwd = strstr(sdp, "a=ice-pwd:");
	assert_non_null(pwd);
	char text[100];
	assert_int_equal(sscanf(pwd, "a=ice-pwd:%99[^\r]", text), 1);
	uint8_t check[300];
	size_t size = make_check(check, dpc_peer_user(dpc(&ends[0])), text);
	int fd = dial("127.0.0.1", peer_io_local_tcp(ios[0], ADDR_IPV4)->port);
	send_packet(fd, bytes_of(check, size));
	RUN_UNTIL(is_ended(fd));
	close(fd);
}

/* RFC 6544 leaves it to us: no listener, no candidates. */
static void it_can_be_switched_off(void **state)
{
	(void)state;
	struct peer_io_config config = {.loopback = true};
	char sdp[DPC_SDP_MAX];
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local4));
	assert_ok(peer_io_create(loop, &config, &ios[0]));
	assert_null(peer_io_local_tcp(ios[0], ADDR_IPV4));
	create(0, true);
	describe(0, sdp);
	assert_null(strstr(sdp, "tcptype"));
}

#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IO_TEST(either_side_dials_and_nothing_is_lost),
		IO_TEST(a_connection_that_breaks_is_made_anew_under_the_channels),
		IO_TEST(who_says_anything_else_is_sent_away),
		IO_TEST(ten_thousand_silent_ones_stay_few),
		IO_TEST(what_is_relayed_only_has_no_tcp),
		IO_TEST(it_can_be_switched_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
