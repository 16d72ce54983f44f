/* Websockets: the server's side, by raw bytes and by our own client; and the client's. */
#include "web_fixture.h"

#include "web/websocket_client.h"

#define UPGRADE                                                                                    \
	"Host: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"                     \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* One frame from a client, masked with zeros. */
static void raw_frame(int fd, uint8_t first, const void *payload, size_t size)
{
	uint8_t *frame = calloc(1, size + 14);
	struct writer w = writer_of(frame, size + 14);
	write_u8(&w, first);
	if (size < 126) {
		write_u8(&w, (uint8_t)(0x80 | size));
	} else if (size <= UINT16_MAX) {
		write_u8(&w, 0x80 | 126);
		write_u16(&w, (uint16_t)size);
	} else {
		write_u8(&w, 0x80 | 127);
		write_u64(&w, size);
	}
	write_u32(&w, 0);
	write_bytes(&w, bytes_of(payload, size));
	raw_send(fd, frame, w.size);
	free(frame);
}

static int raw_upgrade(struct fixture *f, struct buffer *text, const char *head)
{
	int fd = raw_connect(f);
	raw_say(fd, head);
	raw_receive(f, fd, text, "\r\n\r\n");
	assert_non_null(strstr(buffer_text(text), "HTTP/1.1 101 "));
	assert_non_null(strstr(buffer_text(text), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	return fd;
}

#define GOOD "GET /ws?token=good HTTP/1.1\r\n" UPGRADE "\r\n"

static void a_bad_token_is_answered_before_the_upgrade(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	struct buffer text =
		raw_ask(&f, "GET /ws?token=bad HTTP/1.1\r\n" UPGRADE "\r\n", "bad token\"}}");
	assert_non_null(strstr(buffer_text(&text), "HTTP/1.1 401 "));
	buffer_deinit(&text);
	stop(&f);
	assert_int_equal(f.opened, 0);
	assert_int_equal(f.closed, 0);
}

static void a_token_can_come_in_three_ways(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	start(&f);
	close(raw_upgrade(&f, &text, GOOD));
	buffer_clear(&text);
	close(raw_upgrade(
		&f, &text, "GET /ws HTTP/1.1\r\nAuthorization: Bearer good\r\n" UPGRADE "\r\n"));
	assert_null(strstr(buffer_text(&text), "Sec-WebSocket-Protocol"));
	buffer_clear(&text);
	/* As long as a token makes it. */
	char head[2048], token[600] = "dpc.bearer.good";
	memset(token + strlen(token), 'x', 500);
	snprintf(head, sizeof head,
		"GET /ws HTTP/1.1\r\nSec-WebSocket-Protocol: other, %s\r\n" UPGRADE "\r\n", token);
	close(raw_upgrade(&f, &text, head));
	snprintf(head, sizeof head, "Sec-WebSocket-Protocol: %s\r\n", token);
	assert_non_null(strstr(buffer_text(&text), head));
	buffer_deinit(&text);
	run_until(&f, &f.closed, 3);
	assert_int_equal(f.opened, 3);
	stop(&f);
}

static void a_message_is_received_and_sent_whole(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(1 << 20);
	start(&f);
	/* The first frame comes together with the upgrade. */
	char first[512];
	memcpy(first, GOOD, sizeof GOOD);
	size_t size = strlen(first);
	memcpy(first + size, "\x81\x82\0\0\0\0hi", 8);
	int fd = raw_connect(&f);
	raw_send(fd, first, size + 8);
	raw_receive(&f, fd, &text, "\x81\x02hi");
	/* In fragments, with a ping in between. */
	raw_frame(fd, 0x01, "ab", 2);
	raw_frame(fd, 0x89, "!", 1);
	raw_frame(fd, 0x00, "cd", 2);
	raw_frame(fd, 0x80, "ef", 2);
	raw_receive(&f, fd, &text, "\x8a\x01!");
	raw_receive(&f, fd, &text,
		"\x81\x06"
		"abcdef");
	/* As large as may be. */
	char *large = calloc(1, 100000);
	memset(large, 'L', 100000);
	raw_frame(fd, 0x81, large, 100000);
	run_until(&f, &f.messages, 3);
	buffer_clear(&text);
	raw_frame(fd, 0x81, "end", 3);
	raw_receive(&f, fd, &text,
		"\x81\x03"
		"end");
	free(large);
	close(fd);
	run_until(&f, &f.closed, 1);
	buffer_deinit(&text);
	stop(&f);
}

static void a_message_that_is_too_large_is_skipped_and_told(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(1 << 20);
	start(&f);
	int fd = raw_upgrade(&f, &text, GOOD);
	char *large = calloc(1, 100001);
	memset(large, 'L', 100001);
	raw_frame(fd, 0x81, large, 100001);
	raw_receive(&f, fd, &text, "too large");
	assert_int_equal(f.messages, 0);
	raw_frame(fd, 0x81, "fine", 4);
	raw_receive(&f, fd, &text,
		"\x81\x04"
		"fine");
	/* One that never ends is not waited for. */
	uint8_t header[14] = {0x81, 0x80 | 127, 0, 0, 0, 1, 0, 0, 0, 0};
	raw_send(fd, header, sizeof header);
	usec deadline = net_now() + FIXTURE_WAIT;
	while (f.closed == 0 && net_now() < deadline) {
		(void)!send(fd, large, 100000, MSG_DONTWAIT | MSG_NOSIGNAL);
		net_loop_run_once(f.loop, net_now() + USEC_PER_MS);
	}
	assert_int_equal(f.closed, 1);
	assert_string_equal(f.last_reason, "message too large");
	free(large);
	close(fd);
	buffer_deinit(&text);
	stop(&f);
}

static void frames_against_the_rules_end_the_socket(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{"\x81\x02hi", 4},                                /* not masked */
		{"\xf1\x82\0\0\0\0hi", 8},                        /* reserved bits */
		{"\x83\x82\0\0\0\0hi", 8},                        /* reserved opcode */
		{"\x81\x82\0\0\0\0\xff\xfe", 8},                  /* not UTF-8 */
		{"\x80\x82\0\0\0\0hi", 8},                        /* continues nothing */
		{"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10}, /* 2^64 - 1 bytes */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f = {0};
		struct buffer text = buffer_with_max(65536);
		start(&f);
		int fd = raw_upgrade(&f, &text, GOOD);
		raw_send(fd, cases[i].bytes, cases[i].size);
		run_until(&f, &f.closed, 1);
		assert_int_equal(f.messages, 0);
		close(fd);
		buffer_deinit(&text);
		stop(&f);
	}
}

static void half_a_frame_and_then_nothing_costs_nobody_anything(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	start(&f);
	int half = raw_upgrade(&f, &text, GOOD);
	raw_send(half, "\x81\xfe", 2);
	buffer_clear(&text);
	int fd = raw_upgrade(&f, &text, GOOD);
	raw_frame(fd, 0x81, "honest", 6);
	raw_receive(&f, fd, &text, "\x81\x06honest");
	close(half);
	close(fd);
	run_until(&f, &f.closed, 2);
	buffer_deinit(&text);
	stop(&f);
}

static void a_message_that_does_not_get_finished_ends_the_socket(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	char piece[5000];
	memset(piece, 'x', sizeof piece);
	start_with(&f, (struct web_server_limits){.body_timeout_s = 1});
	int slow = raw_upgrade(&f, &text, GOOD);
	raw_frame(slow, 0x01, piece, sizeof piece);
	buffer_clear(&text);
	int fd = raw_upgrade(&f, &text, GOOD);
	raw_frame(fd, 0x01, piece, sizeof piece);
	run_for(&f, 500 * USEC_PER_MS);
	/* Further pieces do not give it more time, and its end does. */
	raw_frame(slow, 0x00, piece, sizeof piece);
	raw_frame(fd, 0x80, "end", 3);
	run_until(&f, &f.messages, 1);
	run_until(&f, &f.closed, 1);
	assert_string_equal(f.last_reason, "a message came too slowly");
	assert_int_equal(web_server_stats(f.server)->timeouts, 1);
	run_for(&f, 700 * USEC_PER_MS);
	buffer_clear(&text);
	raw_frame(fd, 0x81, "honest", 6);
	raw_receive(&f, fd, &text, "\x81\x06honest");
	assert_int_equal(f.closed, 1);
	close(slow);
	close(fd);
	buffer_deinit(&text);
	stop(&f);
}

static void closing_is_told_once_and_sends_the_code(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	start(&f);
	int fd = raw_upgrade(&f, &text, GOOD);
	run_until(&f, &f.opened, 1);
	buffer_clear(&text);
	web_socket_close(f.sockets[0], 4000, "replaced");
	assert_err(web_socket_send(f.sockets[0], bytes_of_text("x")), ERR_CLOSED);
	assert_int_equal(f.closed, 0);
	run_until(&f, &f.closed, 1);
	raw_receive(&f, fd, &text, NULL);
	assert_bytes_equal(buffer_bytes(&text), bytes_of("\x88\x0a\x0f\xa0replaced", 12));
	assert_string_equal(f.last_reason, "replaced");
	close(fd);
	stop(&f);
	assert_int_equal(f.closed, 1);
	buffer_deinit(&text);
}

static void a_slow_reader_is_closed_with_that_reason(void **state)
{
	(void)state;
	struct fixture f = {.send_much = true};
	struct buffer text = buffer_with_max(65536);
	start(&f);
	int fd = raw_connect(&f);
	raw_say(fd, GOOD);
	run_until(&f, &f.closed, 1);
	assert_string_equal(f.last_reason, "slow reader");
	close(fd);
	buffer_deinit(&text);
	stop(&f);
}

/* Sends until something waits for the reader, then until `bytes` do; the last result. */
static enum err fill(struct web_socket *socket, size_t bytes)
{
	static const char text[1000];
	enum err err = ERR_OK;
	while (err == ERR_OK && web_socket_queued(socket) < bytes)
		err = web_socket_send(socket, bytes_of(text, sizeof text));
	return err;
}

static void slow_readers_together_have_a_limit(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	start_with(&f, (struct web_server_limits){.sockets_queue_bytes = 100000});
	int fds[3];
	for (size_t i = 0; i < 3; i++) {
		buffer_clear(&text);
		fds[i] = raw_upgrade(&f, &text, GOOD);
	}
	run_until(&f, &f.opened, 3);
	assert_ok(fill(f.sockets[0], 60000));
	assert_err(fill(f.sockets[1], 60000), ERR_LIMIT);
	run_until(&f, &f.closed, 1);
	assert_int_equal(
		web_server_stats(f.server)->sockets_queued, web_socket_queued(f.sockets[0]));
	assert_string_equal(f.last_reason, "slow reader");
	/* Who keeps up is served all the same, and there is room again. */
	buffer_clear(&text);
	raw_frame(fds[2], 0x81, "honest", 6);
	raw_receive(&f, fds[2], &text, "\x81\x06honest");
	assert_ok(fill(f.sockets[2], 30000));
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	run_until(&f, &f.closed, 3);
	assert_int_equal(web_server_stats(f.server)->sockets_queued, 0);
	buffer_deinit(&text);
	stop(&f);
}

static void a_reader_that_stands_still_is_closed_after_a_while(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(16 << 20);
	start_with(&f, (struct web_server_limits){.stall_s = 1});
	int slow = raw_upgrade(&f, &text, GOOD);
	buffer_clear(&text);
	int fd = raw_upgrade(&f, &text, GOOD);
	run_until(&f, &f.opened, 2);
	assert_ok(fill(f.sockets[0], 100000));
	assert_ok(fill(f.sockets[1], 100000));
	/* One of them reads on, at last. */
	run_for(&f, 500 * USEC_PER_MS);
	raw_frame(fd, 0x81, "honest", 6);
	raw_receive(&f, fd, &text, "\x81\x06honest");
	run_until(&f, &f.closed, 1);
	assert_string_equal(f.last_reason, "slow reader");
	assert_int_equal(web_server_stats(f.server)->slow_readers, 1);
	assert_int_equal(web_socket_queued(f.sockets[1]), 0);
	/* Of that one its user hears, once, and of the other nothing. */
	assert_int_equal(f.drained, 1);
	assert_int_equal(web_server_stats(f.server)->sockets_queued, 0);
	close(slow);
	close(fd);
	buffer_deinit(&text);
	stop(&f);
}

static void a_quiet_socket_is_pinged_and_one_that_is_dead_is_closed(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	start_with(&f, (struct web_server_limits){.ping_after_s = 1, .close_after_s = 2});
	int fd = raw_upgrade(&f, &text, GOOD);
	buffer_clear(&text);
	int dead = raw_upgrade(&f, &text, GOOD);
	buffer_clear(&text);
	raw_receive(&f, fd, &text, "\x89\x00");
	raw_frame(fd, 0x8a, "", 0);
	raw_receive(&f, fd, &text, "\x89\x00\x89\x00");
	run_until(&f, &f.closed, 1);
	assert_string_equal(f.last_reason, "no answer to a ping");
	assert_int_equal(web_server_stats(f.server)->dead_sockets, 1);
	raw_frame(fd, 0x81, "alive", 5);
	raw_receive(&f, fd, &text,
		"\x81\x05"
		"alive");
	close(fd);
	close(dead);
	buffer_deinit(&text);
	stop(&f);
}

static void who_closes_gets_an_answer_and_then_the_end(void **state)
{
	(void)state;
	static const struct {
		const char *said, *answer, *reason;
		size_t said_size, answer_size;
	} cases[] = {
		{"\x03\xe8"
		 "bye",
			"\x88\x02\x03\xe8", "closed by the other side (1000)", 5, 4},
		{"\x0f\xa0", "\x88\x02\x0f\xa0", "closed by the other side (4000)", 2, 4},
		{"", "\x88\x00", "closed by the other side (1005)", 0, 2},
		{"\x03\xed", "\x88\x14\x03\xeano such close code", "no such close code", 2, 22},
		{"\x03", "\x88\x14\x03\xeano such close code", "no such close code", 1, 22},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f = {0};
		struct buffer text = buffer_with_max(65536);
		start(&f);
		int fd = raw_upgrade(&f, &text, GOOD);
		run_until(&f, &f.opened, 1);
		buffer_clear(&text);
		raw_frame(fd, 0x88, cases[i].said, cases[i].said_size);
		/* Nothing of what is said behind it counts. */
		if (cases[i].reason[0] == 'n')
			raw_frame(fd, 0x81, "late", 4);
		raw_receive(&f, fd, &text, NULL);
		assert_bytes_equal(
			buffer_bytes(&text), bytes_of(cases[i].answer, cases[i].answer_size));
		assert_int_equal(f.closed, 1);
		assert_string_equal(f.last_reason, cases[i].reason);
		assert_int_equal(f.messages, 0);
		close(fd);
		buffer_deinit(&text);
		stop(&f);
	}
}

static void who_is_closed_and_answers_is_not_waited_for(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	/* Longer than the test would wait. */
	start_with(&f, (struct web_server_limits){.linger_s = 3600});
	int fd = raw_upgrade(&f, &text, GOOD);
	run_until(&f, &f.opened, 1);
	web_socket_close(f.sockets[0], 4000, "replaced");
	raw_receive(&f, fd, &text, "replaced");
	assert_int_equal(web_server_stats(f.server)->sockets_now, 1);
	raw_frame(fd, 0x81, "late", 4);
	raw_frame(fd, 0x88, "\x0f\xa0", 2);
	raw_receive(&f, fd, &text, NULL);
	assert_int_equal(web_server_stats(f.server)->sockets_now, 0);
	assert_int_equal(f.messages, 0);
	close(fd);
	buffer_deinit(&text);
	stop(&f);
}

static void what_one_burst_makes_the_server_say_goes_out_in_order(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(1 << 20), wanted = buffer_with_max(1 << 20),
		      burst = buffer_with_max(1 << 20);
	start(&f);
	int fd = raw_upgrade(&f, &text, GOOD);
	run_until(&f, &f.opened, 1);
	buffer_clear(&text);
	for (int i = 0; i < 1000; i++) {
		char number[8];
		snprintf(number, sizeof number, "%04d", i);
		assert_ok(buffer_append(&burst, bytes_of("\x81\x84\0\0\0\0", 6)));
		assert_ok(buffer_append_text(&burst, number));
		assert_ok(buffer_append_format(&wanted, "\x81\x04%s", number));
	}
	raw_send(fd, burst.data, burst.size);
	raw_receive(&f, fd, &text, "0999");
	assert_bytes_equal(buffer_bytes(&text), buffer_bytes(&wanted));
	close(fd);
	buffer_deinit(&text);
	buffer_deinit(&wanted);
	buffer_deinit(&burst);
	stop(&f);
}

static void a_socket_ends_with_its_server(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct buffer text = buffer_with_max(65536);
	start(&f);
	int fd = raw_upgrade(&f, &text, GOOD);
	run_until(&f, &f.opened, 1);
	stop(&f);
	assert_int_equal(f.closed, 1);
	/* 1001: going away. */
	uint8_t frame[5];
	assert_int_equal(recv(fd, frame, sizeof frame, MSG_WAITALL), 4);
	assert_memory_equal(frame, "\x88\x02\x03\xe9", 4);
	close(fd);
	buffer_deinit(&text);
}

/* ---- The client ---- */

struct client {
	struct websocket_client *socket;
	size_t opened, messages, closed;
	size_t last_size;
	int status;
	unsigned code;
	char reason[128];
	bool destroy_in_message;
};

static void client_opened(struct websocket_client *socket, void *user)
{
	struct client *c = user;
	c->opened++;
	assert_true(websocket_client_is_open(socket));
}

static void client_message(struct websocket_client *socket, struct bytes message, void *user)
{
	struct client *c = user;
	c->messages++;
	c->last_size = message.size;
	if (c->destroy_in_message) {
		websocket_client_destroy(socket);
		c->socket = NULL;
	}
}

static void client_closed(struct websocket_client *socket, int http_status, unsigned code,
	const char *reason, void *user)
{
	(void)socket;
	struct client *c = user;
	c->closed++;
	c->status = http_status;
	c->code = code;
	snprintf(c->reason, sizeof c->reason, "%s", reason);
}

static const struct websocket_client_handler client_handler = {
	.opened = client_opened,
	.message = client_message,
	.closed = client_closed,
};

static void client_start(struct fixture *f, struct client *c, const char *path, const char *bearer)
{
	char url[256];
	snprintf(url, sizeof url, "ws://localhost:%u%s", f->port, path);
	assert_ok(websocket_client_create(f->web, f->loop,
		&(struct websocket_client_options){.url = url,
			.bearer = bearer,
			.handler = &client_handler,
			.user = c,
			.message_max = 200000},
		&c->socket));
	assert_err(websocket_client_send(c->socket, bytes_of_text("early")), ERR_STATE);
}

static void a_client_talks_to_a_server(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct client c = {0};
	start(&f);
	client_start(&f, &c, "/ws", "good");
	run_until(&f, &c.opened, 1);
	char *large = calloc(1, 100000);
	memset(large, 'L', 100000);
	assert_ok(websocket_client_send(c.socket, bytes_of_text("hello")));
	assert_ok(websocket_client_send(c.socket, bytes_of(large, 100000)));
	run_until(&f, &c.messages, 2);
	assert_int_equal(c.last_size, 100000);
	free(large);
	websocket_client_destroy(c.socket);
	run_until(&f, &f.closed, 1);
	assert_string_equal(f.last_reason, "closed by the other side (1000)");
	stop(&f);
	assert_int_equal(c.closed, 0);
}

static void a_client_hears_why_it_was_closed(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct client c = {0};
	start(&f);
	client_start(&f, &c, "/ws", "good");
	run_until(&f, &f.opened, 1);
	run_until(&f, &c.opened, 1);
	web_socket_close(f.sockets[0], 4000, "replaced");
	run_until(&f, &c.closed, 1);
	assert_int_equal(c.code, 4000);
	assert_string_equal(c.reason, "replaced");
	websocket_client_destroy(c.socket);
	stop(&f);
}

static void a_client_hears_that_it_was_refused(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct client c = {0}, d = {0};
	start(&f);
	client_start(&f, &c, "/ws", "bad");
	client_start(&f, &d, "/none", NULL);
	run_until(&f, &c.closed, 1);
	run_until(&f, &d.closed, 1);
	assert_int_equal(c.status, 401);
	assert_int_equal(d.status, 404);
	websocket_client_destroy(c.socket);
	websocket_client_destroy(d.socket);
	stop(&f);
}

static void a_client_hears_that_nobody_listens_or_that_the_server_died(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct client c = {0}, d = {0};
	start(&f);
	client_start(&f, &d, "/ws", "good");
	run_until(&f, &d.opened, 1);
	web_server_destroy(f.server);
	f.server = NULL;
	run_until(&f, &d.closed, 1);
	client_start(&f, &c, "/ws", "good");
	run_until(&f, &c.closed, 1);
	assert_int_equal(c.status, 0);
	assert_int_equal(c.opened, 0);
	websocket_client_destroy(c.socket);
	websocket_client_destroy(d.socket);
	stop(&f);
}

/* libwebsockets forgets the handle of a socket that cannot be connected at once, and the loop is
 * never done with it. */
static void a_client_hears_that_no_way_leads_there_and_nothing_is_left(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct client c = {0};
	start(&f);
	assert_ok(websocket_client_create(f.web, f.loop,
		&(struct websocket_client_options){
			.url = "ws://255.255.255.255:9/ws", .handler = &client_handler, .user = &c},
		&c.socket));
	run_until(&f, &c.closed, 1);
	assert_string_equal(c.reason, "cannot connect");
	websocket_client_destroy(c.socket);
	stop(&f);
}

static void a_client_may_be_destroyed_at_any_time(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	for (int turns = 0; turns < 12; turns++) {
		struct client c = {0};
		client_start(&f, &c, "/ws", "bad");
		for (int i = 0; i < turns; i++)
			net_loop_run_once(f.loop, net_now() + 200);
		websocket_client_destroy(c.socket);
	}
	struct client c = {.destroy_in_message = true};
	client_start(&f, &c, "/ws", "good");
	run_until(&f, &c.opened, 1);
	assert_ok(websocket_client_send(c.socket, bytes_of_text("hello")));
	run_until(&f, &c.messages, 1);
	run_until(&f, &f.closed, 1);
	stop(&f);
}

static void a_url_that_is_none_is_refused(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct websocket_client *socket;
	start(&f);
	assert_err(websocket_client_create(f.web, f.loop,
			   &(struct websocket_client_options){
				   .url = "ftp://a/", .handler = &client_handler},
			   &socket),
		ERR_MALFORMED);
	stop(&f);
}

TESTS(TEST(a_bad_token_is_answered_before_the_upgrade), TEST(a_token_can_come_in_three_ways),
	TEST(a_message_is_received_and_sent_whole),
	TEST(a_message_that_is_too_large_is_skipped_and_told),
	TEST(frames_against_the_rules_end_the_socket),
	TEST(half_a_frame_and_then_nothing_costs_nobody_anything),
	TEST(a_message_that_does_not_get_finished_ends_the_socket),
	TEST(closing_is_told_once_and_sends_the_code),
	TEST(a_slow_reader_is_closed_with_that_reason), TEST(slow_readers_together_have_a_limit),
	TEST(a_reader_that_stands_still_is_closed_after_a_while),
	TEST(a_quiet_socket_is_pinged_and_one_that_is_dead_is_closed),
	TEST(who_closes_gets_an_answer_and_then_the_end),
	TEST(who_is_closed_and_answers_is_not_waited_for),
	TEST(what_one_burst_makes_the_server_say_goes_out_in_order),
	TEST(a_socket_ends_with_its_server), TEST(a_client_talks_to_a_server),
	TEST(a_client_hears_why_it_was_closed), TEST(a_client_hears_that_it_was_refused),
	TEST(a_client_hears_that_nobody_listens_or_that_the_server_died),
	TEST(a_client_hears_that_no_way_leads_there_and_nothing_is_left),
	TEST(a_client_may_be_destroyed_at_any_time), TEST(a_url_that_is_none_is_refused))
