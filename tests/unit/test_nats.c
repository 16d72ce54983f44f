#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/limits.h"
#include "hub/nats.h"
#include "hub/nats_url.h"

static enum err parse(const char *text, struct nats_frame *frame)
{
	return nats_parse(bytes_of_text(text), frame);
}

static void frames_of_a_server_are_read(void **state)
{
	(void)state;
	struct nats_frame frame;
	assert_ok(parse("INFO {\"server_id\":\"x\"}\r\nPING\r\n", &frame));
	assert_int_equal(frame.op, NATS_INFO);
	assert_int_equal(frame.size, 24);
	assert_ok(parse("PING\r\n", &frame));
	assert_int_equal(frame.op, NATS_PING);
	assert_ok(parse("pong\r\n", &frame));
	assert_int_equal(frame.op, NATS_PONG);
	assert_ok(parse("+OK\r\n", &frame));
	assert_int_equal(frame.op, NATS_OK);
	assert_ok(parse("-ERR 'Authorization Violation'\r\n", &frame));
	assert_int_equal(frame.op, NATS_ERROR);
	assert_true(bytes_equal_text(frame.text, " 'Authorization Violation'"));
	assert_ok(parse("MSG dpc.all 1 5\r\nhe\r\no\r\n", &frame));
	assert_int_equal(frame.op, NATS_MESSAGE);
	assert_true(bytes_equal_text(frame.subject, "dpc.all"));
	assert_int_equal(frame.reply.size, 0);
	assert_int_equal(frame.headers.size, 0);
	assert_true(bytes_equal_text(frame.payload, "he\r\no"));
	assert_int_equal(frame.size, 24);
	assert_ok(parse("MSG\ta 12  b.c\t0\r\n\r\nMSG", &frame));
	assert_true(bytes_equal_text(frame.reply, "b.c"));
	assert_int_equal(frame.payload.size, 0);
	assert_int_equal(frame.size, 19);
	assert_ok(parse("HMSG m 3 16 18\r\nNATS/1.0 503\r\n\r\nhi\r\n", &frame));
	assert_true(bytes_equal_text(frame.headers, "NATS/1.0 503\r\n\r\n"));
	assert_true(bytes_equal_text(frame.payload, "hi"));
}

static void a_frame_that_is_not_whole_is_waited_for(void **state)
{
	(void)state;
	static const char whole[] = "HMSG m 3 r 16 18\r\nNATS/1.0 503\r\n\r\nhi\r\n";
	struct nats_frame frame;
	for (size_t size = 0; size < sizeof whole - 1; size++)
		assert_err(nats_parse(bytes_of(whole, size), &frame), ERR_AGAIN);
	assert_ok(parse(whole, &frame));
}

static void what_is_no_frame_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"\n", "PING\n", "MSG\r\n", "MSG a 1\r\n",
		"MSG a 1 b c 1\r\n", "MSG a 1 -1\r\n", "MSG a 1 x\r\n",
		"MSG a 1 99999999999999999999\r\n", "HMSG a 1 3 2\r\nhi\r\n",
		"HMSG a 1 2\r\nhi\r\n", "MSG a 1 2\r\nhiho", "MSG a 1 2\r\nhi\n\r"};
	struct nats_frame frame;
	char text[64];
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_err(parse(wrong[i], &frame), ERR_MALFORMED);
	assert_err(parse("HELLO\r\n", &frame), ERR_UNSUPPORTED);
	snprintf(text, sizeof text, "MSG a 1 %d\r\n", NATS_PAYLOAD_MAX + 1);
	assert_err(parse(text, &frame), ERR_TOO_LARGE);
	snprintf(text, sizeof text, "MSG a 1 %d\r\n", NATS_PAYLOAD_MAX);
	assert_err(parse(text, &frame), ERR_AGAIN);
	char *line = malloc(NATS_LINE_MAX + 1);
	memset(line, 'x', NATS_LINE_MAX + 1);
	assert_err(nats_parse(bytes_of(line, NATS_LINE_MAX), &frame), ERR_AGAIN);
	assert_err(nats_parse(bytes_of(line, NATS_LINE_MAX + 1), &frame), ERR_TOO_LARGE);
	free(line);
}

static void what_a_client_says_is_written(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(4096);
	assert_ok(nats_write_connect(&text, "hub", NULL, NULL, NULL));
	assert_non_null(strstr(buffer_text(&text), "CONNECT {"));
	assert_non_null(strstr(buffer_text(&text), "\"echo\":false"));
	assert_null(strstr(buffer_text(&text), "user"));
	buffer_clear(&text);
	assert_ok(nats_write_connect(&text, "hub", "u", "p\"", NULL));
	assert_non_null(strstr(buffer_text(&text), "\"user\":\"u\""));
	assert_non_null(strstr(buffer_text(&text), "\"pass\":\"p\\\"\""));
	buffer_clear(&text);
	assert_ok(nats_write_connect(&text, "hub", NULL, NULL, "t"));
	assert_non_null(strstr(buffer_text(&text), "\"auth_token\":\"t\""));
	buffer_clear(&text);
	assert_ok(nats_write_subscribe(&text, "dpc.all", 2));
	assert_ok(nats_write_publish(&text, "a", NULL, bytes_of_text("hi")));
	assert_ok(nats_write_publish(&text, "a", "b", bytes_of_text("")));
	assert_string_equal(
		buffer_text(&text), "SUB dpc.all 2\r\nPUB a 2\r\nhi\r\nPUB a b 0\r\n\r\n");
	buffer_deinit(&text);
}

static void a_full_queue_takes_no_half_message(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(600);
	char payload[80] = {0};
	assert_ok(nats_write_publish(&text, "a", NULL, bytes_of(payload, sizeof payload)));
	size_t size = text.size;
	assert_err(
		nats_write_publish(&text, "a", NULL, bytes_of(payload, sizeof payload)), ERR_LIMIT);
	assert_int_equal(text.size, size);
	buffer_deinit(&text);
}

static void urls_name_servers(void **state)
{
	(void)state;
	struct nats_url urls[NATS_URLS_MAX];
	size_t count;
	assert_true(nats_urls_parse(
		"nats://a nats://u:p@b.example:5222,nats://token@[::1]:6222 ", urls, &count));
	assert_int_equal(count, 3);
	assert_string_equal(urls[0].host, "a");
	assert_int_equal(urls[0].port, 4222);
	assert_string_equal(urls[1].host, "b.example");
	assert_string_equal(urls[1].user, "u");
	assert_string_equal(urls[1].password, "p");
	assert_int_equal(urls[1].port, 5222);
	assert_string_equal(urls[2].host, "::1");
	assert_string_equal(urls[2].user, "token");
	assert_string_equal(urls[2].password, "");
	static const char *const wrong[] = {"", " ", "a", "tls://a", "nats://", "nats://a:0",
		"nats://a:x", "nats://a/b", "nats://[::1", "nats://a:65536",
		"nats://a nats://a nats://a nats://a nats://a"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(nats_urls_are_valid(wrong[i]));
}

TESTS(TEST(frames_of_a_server_are_read), TEST(a_frame_that_is_not_whole_is_waited_for),
	TEST(what_is_no_frame_is_refused), TEST(what_a_client_says_is_written),
	TEST(a_full_queue_takes_no_half_message), TEST(urls_name_servers))
