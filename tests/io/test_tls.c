#include "net/tls.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "net/tls_internal.h"
#include "test.h"

/* What one end of a connection saw. */
struct seen {
	struct net_tls_conn *conn;
	int frames, drained, closed;
	size_t bytes;
	uint16_t channel;
	uint8_t kind;
	char text[64];
	enum err err;
	char reason[256];
	bool destroy_on_frame;
};

static struct net_loop *loop;
static struct identity *alice, *bob;
static struct net_tls *alice_tls, *bob_tls;
static struct net_tls_listener *listener;
static struct seen server, client;
static struct net_tls_dial *dial;
static int arrivals, dials;
static enum err dial_err;
static char dial_reason[256];
static bool start_on_arrival;

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 8 * USEC_PER_SEC;                                        \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, limit_);                                           \
		assert_true(condition);                                                            \
	} while (0)

static void run_for(usec duration)
{
	usec limit = net_now() + duration;
	while (net_now() < limit)
		net_loop_run_once(loop, limit);
}

static void on_frame(struct net_tls_conn *conn, const struct net_frame *frame, void *user)
{
	struct seen *seen = user;
	assert_ptr_equal(conn, seen->conn);
	seen->frames++;
	seen->bytes += frame->payload.size;
	seen->channel = frame->channel;
	seen->kind = frame->kind;
	size_t size = min_size(frame->payload.size, sizeof(seen->text) - 1);
	if (size > 0)
		memcpy(seen->text, frame->payload.data, size);
	seen->text[size] = 0;
	if (seen->destroy_on_frame) {
		net_tls_conn_destroy(conn);
		seen->conn = NULL;
	}
}

static void on_drained(struct net_tls_conn *conn, void *user)
{
	(void)conn;
	((struct seen *)user)->drained++;
}

static void on_closed(struct net_tls_conn *conn, enum err err, const char *reason, void *user)
{
	struct seen *seen = user;
	seen->closed++;
	seen->err = err;
	snprintf(seen->reason, sizeof(seen->reason), "%s", reason);
	net_tls_conn_destroy(conn);
	seen->conn = NULL;
}

static void start(struct seen *seen)
{
	struct net_tls_handler handler = {
		.frame = on_frame, .drained = on_drained, .closed = on_closed, .user = seen};
	net_tls_conn_start(seen->conn, &handler);
}

static void on_arrived(struct net_tls_conn *conn, void *user)
{
	(void)user;
	arrivals++;
	net_tls_conn_destroy(server.conn);
	server.conn = conn;
	if (start_on_arrival)
		start(&server);
}

static void on_dialed(enum err err, const char *reason, struct net_tls_conn *conn, void *user)
{
	(void)user;
	dials++;
	dial = NULL;
	dial_err = err;
	snprintf(dial_reason, sizeof(dial_reason), "%s", reason);
	client.conn = conn;
}

static int group_set_up(void **state)
{
	(void)state;
	int64_t now = net_unix_now() / USEC_PER_SEC;
	return identity_create(IDENTITY_KEY_P256, now, &alice) == ERR_OK &&
			       identity_create(IDENTITY_KEY_RSA2048, now, &bob) == ERR_OK
		       ? 0
		       : -1;
}

static int group_tear_down(void **state)
{
	(void)state;
	identity_destroy(alice);
	identity_destroy(bob);
	return 0;
}

static void listen_with(usec timeout, size_t pending_max, size_t per_ip_max)
{
	struct net_tls_listener_config config = {.handshake_timeout = timeout,
		.pending_max = pending_max,
		.pending_per_ip_max = per_ip_max,
		.arrived = on_arrived};
	assert_true(addr_parse_ip("127.0.0.1", 0, &config.local));
	assert_ok(net_tls_listener_create(alice_tls, &config, &listener));
}

static void dial_to(
	const struct addr *addrs, size_t count, const char *id, const struct node_pin *pin)
{
	struct net_tls_dial_config config = {
		.addrs = addrs, .addr_count = count, .node_id = id, .pin = pin, .done = on_dialed};
	dials = 0;
	assert_ok(net_tls_dial_start(bob_tls, &config, &dial));
}

static int set_up(void **state)
{
	(void)state;
	server = client = (struct seen){0};
	arrivals = dials = 0;
	start_on_arrival = true;
	if (net_loop_create(&loop) != ERR_OK)
		return -1;
	return net_tls_create(loop, alice, &alice_tls) == ERR_OK &&
			       net_tls_create(loop, bob, &bob_tls) == ERR_OK
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	(void)state;
	net_tls_dial_cancel(dial);
	dial = NULL;
	net_tls_conn_destroy(client.conn);
	net_tls_conn_destroy(server.conn);
	net_tls_listener_destroy(listener);
	listener = NULL;
	/* What was closed goes in the loop's own time; the contexts must outlive it. */
	net_loop_run_once(loop, net_now() + 1000);
	net_tls_destroy(alice_tls);
	net_tls_destroy(bob_tls);
	net_loop_destroy(loop);
	return 0;
}

static void connect_both(void)
{
	listen_with(0, 0, 0);
	dial_to(net_tls_listener_local(listener), 1, identity_node_id(alice), identity_pin(alice));
	RUN_UNTIL(dials == 1 && arrivals == 1);
	assert_ok(dial_err);
	start(&client);
}

static struct net_frame text_frame(const char *text)
{
	return (struct net_frame){
		.channel = 7, .kind = NET_FRAME_TEXT, .payload = bytes_of_text(text)};
}

static void both_sides_learn_who_the_other_is_before_any_frame(void **state)
{
	(void)state;
	start_on_arrival = false;
	connect_both();
	const struct certificate_info *of_server =
		certificate_info(net_tls_conn_certificate(client.conn));
	const struct certificate_info *of_client =
		certificate_info(net_tls_conn_certificate(server.conn));
	assert_string_equal(of_server->node_id, identity_node_id(alice));
	assert_string_equal(of_client->node_id, identity_node_id(bob));
	assert_true(node_pin_equal(&of_client->pin, identity_pin(bob)));
	assert_true(addr_equal(net_tls_conn_remote(client.conn), net_tls_conn_local(server.conn)));

	struct net_frame frame = text_frame("hello");
	assert_ok(net_tls_conn_send(client.conn, &frame));
	run_for(20 * USEC_PER_MS);
	assert_int_equal(server.frames, 0);
	start(&server);
	RUN_UNTIL(server.frames == 1);
	assert_string_equal(server.text, "hello");
	assert_int_equal(server.channel, 7);
	assert_int_equal(server.kind, NET_FRAME_TEXT);
	frame = text_frame("and back");
	assert_ok(net_tls_conn_send(server.conn, &frame));
	RUN_UNTIL(client.frames == 1);
	assert_string_equal(client.text, "and back");
	assert_int_equal(net_tls_listener_stats(listener)->arrived, 1);
	assert_int_equal(net_tls_listener_stats(listener)->pending, 0);
}

static void the_kernel_tells_how_the_connection_does(void **state)
{
	(void)state;
	struct net_tcp_stats before = {0}, after = {0};
	static char text[60000];
	memset(text, 'x', sizeof(text) - 1);
	connect_both();
	assert_true(net_tls_conn_tcp(client.conn, &before));
	struct net_frame frame = text_frame(text);
	for (int i = 0; i < 3; i++)
		assert_ok(net_tls_conn_send(client.conn, &frame));
	RUN_UNTIL(server.frames == 3);
	assert_true(net_tls_conn_tcp(client.conn, &after));
	/* Whatever the handshake took, loopback has no second. */
	assert_in_range(after.rtt, 1, USEC_PER_SEC);
	assert_in_range(after.rtt_min, 1, USEC_PER_SEC);
	assert_in_range(after.jitter, 0, USEC_PER_SEC);
	/* No segment of loopback holds more than 64 KiB. */
	assert_true(after.segments_out >= before.segments_out + 3);
	assert_true(after.retransmissions <= after.segments_out);
	assert_true(after.cwnd >= 1000);
	assert_true(after.delivery_rate > 0);
}

static void what_is_no_connection_has_no_figures(void **state)
{
	(void)state;
	struct net_tcp_stats stats;
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	assert_false(net_tcp_stats_read(fds[0], &stats));
	close(fds[0]);
	close(fds[1]);
	assert_false(net_tcp_stats_read(-1, &stats));
}

static void a_close_arrives_behind_the_last_frame_with_its_reason(void **state)
{
	(void)state;
	connect_both();
	struct net_frame frame = text_frame("last words");
	assert_ok(net_tls_conn_send(client.conn, &frame));
	net_tls_conn_close(client.conn, "going \x01home");
	assert_err(net_tls_conn_send(client.conn, &frame), ERR_CLOSED);
	RUN_UNTIL(server.closed && client.closed);
	assert_int_equal(server.frames, 1);
	assert_ok(server.err);
	assert_string_equal(server.reason, "going ?home");
	assert_ok(client.err);
}

static void both_may_close_at_once(void **state)
{
	(void)state;
	connect_both();
	net_tls_conn_close(client.conn, "one");
	net_tls_conn_close(server.conn, "two");
	usec before = net_now();
	RUN_UNTIL(server.closed && client.closed);
	assert_true(net_now() < before + NET_TLS_CLOSE_TIMEOUT / 2);
}

static void a_full_queue_refuses_and_says_when_it_has_drained(void **state)
{
	(void)state;
	connect_both();
	uint8_t *payload = calloc(1, NET_FRAME_PAYLOAD_MAX);
	assert_non_null(payload);
	struct net_frame frame = {
		.kind = NET_FRAME_BINARY, .payload = bytes_of(payload, NET_FRAME_PAYLOAD_MAX)};
	net_tls_conn_pause(server.conn, true);
	int sent = 0;
	/* What the kernel takes differs; in the end the queue is full. */
	for (int i = 0; i < 200; i++) {
		enum err err;
		while ((err = net_tls_conn_send(client.conn, &frame)) == ERR_OK)
			sent++;
		assert_err(err, ERR_AGAIN);
		assert_true(net_tls_conn_buffered(client.conn) <=
			    NET_TLS_QUEUE_MAX + CERTIFICATE_SIZE_MAX + 2 * NET_TLS_IN_FLIGHT_MAX);
		if (i < 199)
			net_loop_run_once(loop, net_now() + 500);
	}
	assert_int_equal(server.frames, 0);
	int drained = client.drained;
	net_tls_conn_pause(server.conn, false);
	RUN_UNTIL(client.drained > drained);
	RUN_UNTIL(server.frames == sent);
	assert_int_equal(server.bytes, (size_t)sent * NET_FRAME_PAYLOAD_MAX);
	assert_int_equal(net_tls_conn_buffered(client.conn), 0);
	free(payload);
}

static void bulk_stops_early_and_leaves_room_for_the_rest(void **state)
{
	(void)state;
	connect_both();
	uint8_t payload[16 * 1024] = {0};
	struct net_frame frame = {
		.kind = NET_FRAME_BINARY, .payload = bytes_of(payload, sizeof(payload))};
	struct net_frame small = text_frame("urgent");
	int sent = 0;
	net_tls_conn_pause(server.conn, true);
	for (int i = 0; i < 400; i++) {
		enum err err;
		while ((err = net_tls_conn_send_bulk(client.conn, &frame)) == ERR_OK)
			sent++;
		assert_err(err, ERR_AGAIN);
		assert_true(net_tls_conn_buffered(client.conn) <
			    NET_TLS_BULK_MAX + 2 * sizeof(payload));
		net_loop_run_once(loop, net_now() + 500);
	}
	assert_ok(net_tls_conn_send(client.conn, &small));
	int drained = client.drained;
	net_tls_conn_pause(server.conn, false);
	RUN_UNTIL(client.drained > drained);
	assert_true(net_tls_conn_buffered(client.conn) <= NET_TLS_BULK_LOW);
	RUN_UNTIL(server.frames == sent + 1);
	assert_ok(net_tls_conn_send_bulk(client.conn, &frame));
}

static void many_small_frames_arrive_in_order(void **state)
{
	(void)state;
	connect_both();
	for (int i = 0; i < 20000;) {
		char text[16];
		snprintf(text, sizeof(text), "%d", i);
		struct net_frame frame = text_frame(text);
		if (net_tls_conn_send(client.conn, &frame) == ERR_OK)
			i++;
		else
			net_loop_run_once(loop, net_now() + USEC_PER_SEC);
	}
	RUN_UNTIL(server.frames == 20000);
	assert_string_equal(server.text, "19999");
}

static void another_key_is_refused_by_the_dialer_before_it_shows_itself(void **state)
{
	(void)state;
	listen_with(0, 0, 0);
	dial_to(net_tls_listener_local(listener), 1, identity_node_id(alice), identity_pin(bob));
	RUN_UNTIL(dials == 1);
	assert_err(dial_err, ERR_UNTRUSTED);
	assert_non_null(strstr(dial_reason, "the key is not the one known"));
	assert_null(client.conn);
	dial_to(net_tls_listener_local(listener), 1, identity_node_id(bob), NULL);
	RUN_UNTIL(dials == 1);
	assert_err(dial_err, ERR_MISMATCH);
	RUN_UNTIL(net_tls_listener_stats(listener)->failed == 2);
	assert_int_equal(arrivals, 0);
}

static void an_old_tls_version_and_a_missing_certificate_are_refused(void **state)
{
	(void)state;
	listen_with(0, 0, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(bob_tls->ctx, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(bob_tls->ctx, TLS1_2_VERSION), 1);
	dial_to(net_tls_listener_local(listener), 1, NULL, NULL);
	RUN_UNTIL(dials == 1 && net_tls_listener_stats(listener)->failed == 1);
	assert_err(dial_err, ERR_CRYPTO);

	SSL_CTX_free(bob_tls->ctx);
	bob_tls->ctx = SSL_CTX_new(TLS_method());
	assert_non_null(bob_tls->ctx);
	dial_to(net_tls_listener_local(listener), 1, NULL, NULL);
	RUN_UNTIL(dials == 1 && net_tls_listener_stats(listener)->failed == 2);
	assert_int_equal(arrivals, 0);
}

static void too_long_a_frame_and_half_a_frame_end_the_connection(void **state)
{
	(void)state;
	static const uint8_t too_long[] = {255, 255, 255, 255, 0, 0, 1, 0};
	static const uint8_t half[] = {0, 0, 0, 9, 0, 0, 1, 0, 'h'};
	connect_both();
	assert_ok(buffer_append(&client.conn->queue, bytes_of(too_long, sizeof(too_long))));
	net_defer_post(&client.conn->defer);
	RUN_UNTIL(server.closed && client.closed);
	assert_err(server.err, ERR_TOO_LARGE);
	assert_int_equal(server.frames, 0);

	server = client = (struct seen){0};
	dial_to(net_tls_listener_local(listener), 1, NULL, NULL);
	RUN_UNTIL(dials == 1 && arrivals == 2);
	start(&client);
	assert_ok(buffer_append(&client.conn->queue, bytes_of(half, sizeof(half))));
	run_for(10 * USEC_PER_MS);
	SSL_shutdown(client.conn->ssl);
	net_defer_post(&client.conn->defer);
	RUN_UNTIL(server.closed);
	assert_err(server.err, ERR_MALFORMED);
}

static void frames_of_unknown_kinds_are_handed_over_and_counted(void **state)
{
	(void)state;
	connect_both();
	struct net_frame frame = {.kind = 77, .flags = 255, .payload = bytes_of_text("?")};
	assert_ok(net_tls_conn_send(client.conn, &frame));
	RUN_UNTIL(server.frames == 1);
	assert_int_equal(server.kind, 77);
	assert_int_equal(net_tls_conn_stats(server.conn)->unknown_in, 1);
}

static int connect_raw(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(net_tls_listener_local(listener)->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void garbage_is_refused_and_the_honest_peer_notices_nothing(void **state)
{
	(void)state;
	connect_both();
	struct rng rng = rng_seeded(3);
	for (int i = 0; i < 50; i++) {
		uint8_t garbage[600];
		rng_fill(&rng, garbage, sizeof(garbage));
		/* Half of it looks like the beginning of a handshake record. */
		if (i % 2)
			memcpy(garbage, (uint8_t[]){22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, 11);
		int fd = connect_raw();
		assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
		close(fd);
		net_loop_run_once(loop, net_now() + 2000);
	}
	RUN_UNTIL(net_tls_listener_stats(listener)->failed == 50);
	struct net_frame frame = text_frame("still here");
	assert_ok(net_tls_conn_send(client.conn, &frame));
	RUN_UNTIL(server.frames == 1);
	assert_int_equal(arrivals, 1);
}

static void an_endless_handshake_is_cut_off(void **state)
{
	(void)state;
	listen_with(0, 0, 0);
	int fd = connect_raw();
	/* A ClientHello of 2^24 - 1 bytes, in records of 16 KiB. */
	static uint8_t record[5 + 16384] = {22, 3, 1, 0x40, 0, 1, 255, 255, 255};
	for (int i = 0; i < 64; i++) {
		if (send(fd, record, sizeof(record), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		net_loop_run_once(loop, net_now() + 1000);
	}
	RUN_UNTIL(net_tls_listener_stats(listener)->failed == 1);
	close(fd);
}

static void who_says_nothing_is_cut_off_in_time(void **state)
{
	(void)state;
	listen_with(100 * USEC_PER_MS, 0, 0);
	int silent = connect_raw(), slow = connect_raw();
	usec begin = net_now();
	for (int i = 0; net_tls_listener_stats(listener)->timed_out < 2 && i < 100; i++) {
		static const uint8_t record[] = {22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3};
		if (i < (int)sizeof(record))
			(void)!write(slow, record + i, 1);
		run_for(20 * USEC_PER_MS);
	}
	assert_int_equal(net_tls_listener_stats(listener)->timed_out, 2);
	assert_true(net_now() < begin + USEC_PER_SEC);
	assert_int_equal(net_tls_listener_stats(listener)->pending, 0);
	close(silent);
	close(slow);
}

static void the_newest_from_one_place_and_the_oldest_of_all_are_turned_away(void **state)
{
	(void)state;
	int fds[8];
	listen_with(0, 0, 5);
	for (int i = 0; i < 8; i++)
		fds[i] = connect_raw();
	RUN_UNTIL(net_tls_listener_stats(listener)->accepted == 8);
	assert_int_equal(net_tls_listener_stats(listener)->refused, 3);
	assert_int_equal(net_tls_listener_stats(listener)->pending, 5);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	RUN_UNTIL(net_tls_listener_stats(listener)->pending == 0);
	net_tls_listener_destroy(listener);

	listen_with(0, 4, 100);
	for (int i = 0; i < 8; i++)
		fds[i] = connect_raw();
	RUN_UNTIL(net_tls_listener_stats(listener)->accepted == 8);
	assert_int_equal(net_tls_listener_stats(listener)->crowded_out, 4);
	assert_int_equal(net_tls_listener_stats(listener)->pending, 4);
	/* An honest one still gets in. */
	dial_to(net_tls_listener_local(listener), 1, NULL, NULL);
	RUN_UNTIL(dials == 1 && arrivals == 1);
	assert_ok(dial_err);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
}

static void the_default_limits_hold(void **state)
{
	(void)state;
	int fds[NET_TLS_PENDING_PER_IP_MAX + 1];
	listen_with(0, 0, 0);
	for (int i = 0; i <= NET_TLS_PENDING_PER_IP_MAX; i++)
		fds[i] = connect_raw();
	RUN_UNTIL(net_tls_listener_stats(listener)->refused == 1);
	assert_int_equal(net_tls_listener_stats(listener)->pending, NET_TLS_PENDING_PER_IP_MAX);
	for (int i = 0; i <= NET_TLS_PENDING_PER_IP_MAX; i++)
		close(fds[i]);
}

/* A socket that listens and never answers. */
static int listen_raw(struct addr *ret_addr)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	assert_true(addr_parse_ip("127.0.0.1", ntohs(in.sin_port), ret_addr));
	return fd;
}

static void the_first_address_that_completes_tls_wins(void **state)
{
	(void)state;
	listen_with(0, 0, 0);
	struct addr addrs[3];
	int deaf = listen_raw(&addrs[1]);
	int gone = listen_raw(&addrs[0]);
	close(gone);
	addrs[2] = *net_tls_listener_local(listener);
	usec begin = net_now();
	dial_to(addrs, 3, identity_node_id(alice), NULL);
	RUN_UNTIL(dials == 1);
	assert_ok(dial_err);
	assert_true(addr_equal(net_tls_conn_remote(client.conn), &addrs[2]));
	/* The one that refused cost nothing, the one that is silent its head start. */
	assert_true(net_now() >= begin + NET_TLS_DIAL_INTERVAL);
	assert_true(net_now() < begin + 3 * NET_TLS_DIAL_INTERVAL);
	close(deaf);
}

static void when_nothing_answers_the_reason_names_the_address(void **state)
{
	(void)state;
	struct addr addrs[2];
	close(listen_raw(&addrs[0]));
	close(listen_raw(&addrs[1]));
	dial_to(addrs, 2, NULL, NULL);
	assert_int_equal(dials, 0);
	RUN_UNTIL(dials == 1);
	assert_err(dial_err, ERR_REFUSED);
	char text[ADDR_TEXT_MAX];
	assert_non_null(strstr(dial_reason, addr_text(&addrs[0], text)));
	struct net_tls_dial_config none = {.done = on_dialed};
	assert_err(net_tls_dial_start(bob_tls, &none, &dial), ERR_NOT_FOUND);
	dial = NULL;
}

static void a_dial_can_be_cancelled_at_any_time(void **state)
{
	(void)state;
	struct addr deaf_addr;
	int deaf = listen_raw(&deaf_addr);
	for (int turns = 0; turns < 4; turns++) {
		dial_to(&deaf_addr, 1, NULL, NULL);
		for (int i = 0; i < turns; i++)
			net_loop_run_once(loop, net_now() + 1000);
		net_tls_dial_cancel(dial);
		dial = NULL;
	}
	run_for(5 * USEC_PER_MS);
	assert_int_equal(dials, 0);
	close(deaf);
}

static void a_connection_can_be_destroyed_in_its_callback(void **state)
{
	(void)state;
	connect_both();
	server.destroy_on_frame = true;
	struct net_frame frame = text_frame("bang");
	for (int i = 0; i < 5; i++)
		assert_ok(net_tls_conn_send(client.conn, &frame));
	RUN_UNTIL(client.closed == 1);
	assert_int_equal(server.frames, 1);
	assert_int_equal(server.closed, 0);
	assert_true(client.err != ERR_OK);
}

static void who_does_not_take_a_close_is_cut_off(void **state)
{
	(void)state;
	start_on_arrival = false;
	connect_both();
	usec begin = net_now();
	net_tls_conn_close(client.conn, "bye");
	RUN_UNTIL(client.closed == 1);
	assert_true(net_now() >= begin + NET_TLS_CLOSE_TIMEOUT);
	assert_ok(client.err);
}

static void a_taken_port_is_told(void **state)
{
	(void)state;
	listen_with(0, 0, 0);
	struct net_tls_listener_config config = {
		.local = *net_tls_listener_local(listener), .arrived = on_arrived};
	struct net_tls_listener *second;
	assert_err(net_tls_listener_create(bob_tls, &config, &second), ERR_ADDRESS_IN_USE);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(both_sides_learn_who_the_other_is_before_any_frame),
		TLS_TEST(the_kernel_tells_how_the_connection_does),
		TLS_TEST(what_is_no_connection_has_no_figures),
		TLS_TEST(a_close_arrives_behind_the_last_frame_with_its_reason),
		TLS_TEST(both_may_close_at_once),
		TLS_TEST(a_full_queue_refuses_and_says_when_it_has_drained),
		TLS_TEST(bulk_stops_early_and_leaves_room_for_the_rest),
		TLS_TEST(many_small_frames_arrive_in_order),
		TLS_TEST(another_key_is_refused_by_the_dialer_before_it_shows_itself),
		TLS_TEST(an_old_tls_version_and_a_missing_certificate_are_refused),
		TLS_TEST(too_long_a_frame_and_half_a_frame_end_the_connection),
		TLS_TEST(frames_of_unknown_kinds_are_handed_over_and_counted),
		TLS_TEST(garbage_is_refused_and_the_honest_peer_notices_nothing),
		TLS_TEST(an_endless_handshake_is_cut_off),
		TLS_TEST(who_says_nothing_is_cut_off_in_time),
		TLS_TEST(the_newest_from_one_place_and_the_oldest_of_all_are_turned_away),
		TLS_TEST(the_default_limits_hold),
		TLS_TEST(the_first_address_that_completes_tls_wins),
		TLS_TEST(when_nothing_answers_the_reason_names_the_address),
		TLS_TEST(a_dial_can_be_cancelled_at_any_time),
		TLS_TEST(a_connection_can_be_destroyed_in_its_callback),
		TLS_TEST(who_does_not_take_a_close_is_cut_off),
		TLS_TEST(a_taken_port_is_told),
	};
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
