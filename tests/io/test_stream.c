/* Byte streams against tests/tools/echo_server.py. */
#include "net/stream.h"

#include "test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "net/limits.h"

#include "child.h"

#define WAIT (20 * USEC_PER_SEC)
#define BULK ((size_t)20 * 1000 * 1000)

struct world {
	struct net_loop *loop;
	struct net_stream *stream;
	struct child child;
	unsigned plain_port, tls_port;
	char certificate[200];

	struct buffer received;
	bool opened, closed, destroy_when_opened, destroy_when_received;
	enum err err;
	char reason[200];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	child_start(&w->child, "ECHO_SERVER", NULL, false);
	assert_int_equal(
		sscanf(w->child.line, "%u %u %199s", &w->plain_port, &w->tls_port, w->certificate),
		3);
	w->received = buffer_with_max(2 * BULK);
	assert_ok(net_loop_create(&w->loop));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	net_stream_destroy(w->stream);
	net_loop_destroy(w->loop);
	child_end(&w->child);
	buffer_deinit(&w->received);
	free(w);
	return 0;
}

static void destroy(struct world *w)
{
	net_stream_destroy(w->stream);
	w->stream = NULL;
}

static void on_opened(void *user)
{
	struct world *w = user;
	w->opened = true;
	if (w->destroy_when_opened)
		destroy(w);
}

static void on_received(struct bytes bytes, void *user)
{
	struct world *w = user;
	assert_ok(buffer_append(&w->received, bytes));
	if (w->destroy_when_received)
		destroy(w);
}

static void on_closed(enum err err, const char *reason, void *user)
{
	struct world *w = user;
	assert_false(w->closed);
	w->closed = true;
	w->err = err;
	snprintf(w->reason, sizeof w->reason, "%s", reason);
	destroy(w);
}

static enum err open_stream(
	struct world *w, unsigned port, const char *tls_name, const char *authorities)
{
	struct net_stream_config config = {
		.remote = {.family = ADDR_IPV4, .port = (uint16_t)port, .ip = {127, 0, 0, 1}},
		.tls_name = tls_name,
		.authorities = authorities,
		.opened = on_opened,
		.received = on_received,
		.closed = on_closed,
		.user = w,
	};
	w->opened = w->closed = false;
	buffer_clear(&w->received);
	return net_stream_create(w->loop, &config, &w->stream);
}

#define RUN_UNTIL(w, condition)                                                                    \
	do {                                                                                       \
		usec limit_ = net_now() + WAIT;                                                    \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once((w)->loop, limit_);                                      \
		assert_true(condition);                                                            \
	} while (0)

/* More than any socket buffer holds, so that the queue fills and empties many times. */
static void send_and_compare(struct world *w)
{
	static uint8_t data[BULK];
	size_t sent = 0;
	bool refused = false;
	for (size_t i = 0; i < BULK; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	usec limit = net_now() + WAIT;
	while (w->received.size < BULK && net_now() < limit) {
		while (sent < BULK) {
			struct bytes piece = bytes_slice(bytes_of(data, BULK), sent, 50000);
			enum err err = net_stream_send(w->stream, piece);
			refused |= err == ERR_AGAIN;
			if (err == ERR_AGAIN)
				break;
			assert_ok(err);
			sent += piece.size;
		}
		net_loop_run_once(w->loop, limit);
	}
	assert_true(refused);
	assert_bytes_equal(buffer_bytes(&w->received), bytes_of(data, BULK));
}

static void bytes_cross_tcp_in_order(void **state)
{
	struct world *w = *state;
	assert_ok(open_stream(w, w->plain_port, NULL, NULL));
	assert_err(net_stream_send(w->stream, bytes_of("x", 1)), ERR_STATE);
	RUN_UNTIL(w, w->opened);
	send_and_compare(w);
	assert_false(w->closed);
}

static void bytes_cross_tls_in_order(void **state)
{
	struct world *w = *state;
	assert_ok(open_stream(w, w->tls_port, "127.0.0.1", w->certificate));
	RUN_UNTIL(w, w->opened);
	send_and_compare(w);
	destroy(w);
	assert_ok(open_stream(w, w->tls_port, "localhost", w->certificate));
	RUN_UNTIL(w, w->opened);
}

static void a_certificate_of_another_name_or_unknown_is_refused(void **state)
{
	struct world *w = *state;
	assert_ok(open_stream(w, w->tls_port, "relay.example", w->certificate));
	RUN_UNTIL(w, w->closed);
	assert_err(w->err, ERR_UNTRUSTED);
	assert_false(w->opened);
	assert_ok(open_stream(w, w->tls_port, "localhost", NULL));
	RUN_UNTIL(w, w->closed);
	assert_err(w->err, ERR_UNTRUSTED);
	assert_false(w->opened);
}

static void what_speaks_no_tls_is_refused(void **state)
{
	struct world *w = *state;
	assert_ok(open_stream(w, w->plain_port, "localhost", w->certificate));
	RUN_UNTIL(w, w->closed);
	assert_err(w->err, ERR_CRYPTO);
	assert_true(strlen(w->reason) > 0);
}

static void the_end_of_the_server_is_told(void **state)
{
	struct world *w = *state;
	for (int tls = 0; tls < 2; tls++) {
		assert_ok(open_stream(w, tls ? w->tls_port : w->plain_port,
			tls ? "localhost" : NULL, tls ? w->certificate : NULL));
		RUN_UNTIL(w, w->opened);
		assert_ok(net_stream_send(w->stream, bytes_of("quit", 4)));
		RUN_UNTIL(w, w->closed);
		assert_err(w->err, ERR_CLOSED);
	}
}

static void a_closed_port_is_refused_and_a_silent_one_times_out(void **state)
{
	struct world *w = *state;
	/* Bound but not listening. */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof in;
	assert_int_equal(bind(fd, (struct sockaddr *)&in, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	enum err err = open_stream(w, ntohs(in.sin_port), NULL, NULL);
	if (!err) {
		RUN_UNTIL(w, w->closed);
		err = w->err;
	}
	assert_err(err, ERR_REFUSED);
	/* Listening, but nobody answers with TLS. */
	assert_int_equal(listen(fd, 1), 0);
	assert_ok(open_stream(w, ntohs(in.sin_port), "localhost", w->certificate));
	usec begin = net_now();
	RUN_UNTIL(w, w->closed);
	assert_err(w->err, ERR_TIMEOUT);
	assert_true(net_now() - begin >= NET_STREAM_OPEN_TIMEOUT);
	close(fd);
}

static void a_stream_may_be_destroyed_in_its_callbacks(void **state)
{
	struct world *w = *state;
	w->destroy_when_opened = true;
	assert_ok(open_stream(w, w->tls_port, "localhost", w->certificate));
	RUN_UNTIL(w, w->opened);
	assert_null(w->stream);
	w->destroy_when_opened = false;
	w->destroy_when_received = true;
	assert_ok(open_stream(w, w->plain_port, NULL, NULL));
	RUN_UNTIL(w, w->opened);
	assert_ok(net_stream_send(w->stream, bytes_of("hello", 5)));
	RUN_UNTIL(w, w->received.size > 0);
	assert_null(w->stream);
}

static void a_name_that_is_no_name_and_authorities_that_are_not_there(void **state)
{
	struct world *w = *state;
	char name[NET_HOST_MAX + 1];
	memset(name, 'a', NET_HOST_MAX);
	name[NET_HOST_MAX] = 0;
	assert_err(open_stream(w, w->tls_port, name, NULL), ERR_TOO_LARGE);
	assert_err(open_stream(w, w->tls_port, "localhost", "/nowhere/at/all.pem"), ERR_NOT_FOUND);
	w->stream = NULL;
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

TESTS(WORLD(bytes_cross_tcp_in_order), WORLD(bytes_cross_tls_in_order),
	WORLD(a_certificate_of_another_name_or_unknown_is_refused),
	WORLD(what_speaks_no_tls_is_refused), WORLD(the_end_of_the_server_is_told),
	WORLD(a_closed_port_is_refused_and_a_silent_one_times_out),
	WORLD(a_stream_may_be_destroyed_in_its_callbacks),
	WORLD(a_name_that_is_no_name_and_authorities_that_are_not_there))
