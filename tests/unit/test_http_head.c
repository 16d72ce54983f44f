#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "web/http_head.h"

static char text[65536];

static int parse(const char *request, struct http_head *head)
{
	size_t size = strlen(request), scanned = 0;
	memcpy(text, request, size + 1);
	assert_int_equal(http_head_size(bytes_of(text, size), &scanned), size);
	return http_head_parse(text, size, head);
}

static void a_request_is_taken_apart(void **state)
{
	(void)state;
	struct http_head head;
	assert_int_equal(parse("POST /a/b%20c?x=1&y HTTP/1.1\r\nHost: h\r\nX-One:  two words \t\r\n"
			       "Content-Length: 12\r\nExpect: 100-continue\r\n\r\n",
				 &head),
		0);
	assert_string_equal(head.method, "POST");
	assert_string_equal(head.path, "/a/b%20c");
	assert_string_equal(head.query, "x=1&y");
	assert_int_equal(head.content_length, 12);
	assert_int_equal(head.header_count, 4);
	assert_string_equal(http_head_find(&head, "x-ONE"), "two words");
	assert_null(http_head_find(&head, "x-two"));
	assert_true(head.wants_continue);
	assert_false(head.wants_close);
	assert_false(head.wants_upgrade);
}

static void what_is_malformed_has_its_status(void **state)
{
	(void)state;
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
		{"GET / HTTP/1.0\r\n\r\n", 0},
		{"GET http://h/path HTTP/1.1\r\nHost: h\r\n\r\n", 0},
		{"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
		{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
		{"GET / HTTP/1.1 x\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTP/2\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTP/1:1\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTPS\r\nHost: h\r\n\r\n", 400},
		{"GET /\r\nHost: h\r\n\r\n", 400},
		{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nX: a\x01z\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
		{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
			400},
		{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400},
	};
	struct http_head head;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (parse(cases[i].request, &head) != cases[i].status)
			fail_msg("case %zu: %s", i, cases[i].request);
}

static void headers_have_a_limit(void **state)
{
	(void)state;
	struct http_head head;
	char request[8192] = "GET / HTTP/1.1\r\nHost: h\r\n";
	size_t size = strlen(request);
	for (int i = 1; i < HTTP_HEADERS_MAX; i++)
		size += (size_t)snprintf(request + size, sizeof request - size, "X-%d: y\r\n", i);
	snprintf(request + size, sizeof request - size, "\r\n");
	assert_int_equal(parse(request, &head), 0);
	assert_int_equal(head.header_count, HTTP_HEADERS_MAX);
	snprintf(request + size, sizeof request - size, "One-more: y\r\n\r\n");
	assert_int_equal(parse(request, &head), 431);
}

static void the_end_is_found_however_it_arrives(void **state)
{
	(void)state;
	const char *request = "GET / HTTP/1.1\r\nHost: h\r\n\r\nbody";
	size_t whole = strlen(request) - 4, scanned = 0;
	for (size_t size = 0; size < whole; size++)
		assert_int_equal(http_head_size(bytes_of(request, size), &scanned), 0);
	assert_int_equal(http_head_size(bytes_of(request, whole + 4), &scanned), whole);
}

static void what_cannot_become_a_request_is_seen_early(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_hopeless;
	} cases[] = {{"", false}, {"G", false}, {"GET", false}, {"GET /", false}, {" GET", true},
		{"\x16\x03", true}, {"{\"a\"", true}, {"ABCDEFGHIJKLMNOPQ", true},
		{"ABCDEFGHIJKLMNOP", false}, {"G\r\n", true}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(
			http_head_is_hopeless(bytes_of_text(cases[i].text)), cases[i].is_hopeless);
}

static void a_connection_closes_or_stays_as_the_client_says(void **state)
{
	(void)state;
	struct http_head head;
	assert_int_equal(
		parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE\r\n\r\n", &head), 0);
	assert_true(head.wants_close);
	assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &head), 0);
	assert_false(head.wants_close);
	assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &head), 0);
	assert_true(head.wants_close);
}

static void an_upgrade_needs_everything(void **state)
{
	(void)state;
	static const char *const lines[] = {"Host: h\r\n", "Upgrade: WebSocket\r\n",
		"Connection: keep-alive, Upgrade\r\n", "Sec-WebSocket-Version: 13\r\n",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"};
	struct http_head head;
	for (size_t left_out = 1; left_out <= 5; left_out++) {
		char request[1024] = "GET /ws HTTP/1.1\r\n";
		for (size_t i = 0; i < 5; i++)
			if (i != left_out)
				snprintf(request + strlen(request),
					sizeof request - strlen(request), "%s", lines[i]);
		snprintf(request + strlen(request), sizeof request - strlen(request), "\r\n");
		assert_int_equal(parse(request, &head), 0);
		assert_int_equal(head.wants_upgrade, left_out == 5);
	}
	assert_int_equal(parse("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
			       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
			       "Sec-WebSocket-Key: short\r\n\r\n",
				 &head),
		0);
	assert_false(head.wants_upgrade);
}

static void percent_is_decoded_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path, *query;
	} cases[] = {{"", "", ""}, {"a+b", "a+b", "a b"},
		{"a%2Fb%c3%A9", "a/b\xc3\xa9", "a/b\xc3\xa9"}, {"%", NULL, NULL},
		{"%2", NULL, NULL}, {"%zz", NULL, NULL}, {"%00", NULL, NULL}, {"%ff", NULL, NULL}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *path = http_percent_decode(bytes_of_text(cases[i].text), false);
		char *query = http_percent_decode(bytes_of_text(cases[i].text), true);
		assert_int_equal(path != NULL, cases[i].path != NULL);
		if (path) {
			assert_string_equal(path, cases[i].path);
			assert_string_equal(query, cases[i].query);
		}
		free(path);
		free(query);
	}
}

static void a_query_is_searched_by_whole_names(void **state)
{
	(void)state;
	struct bytes value;
	const char *query = "ab=1&a=2&&c&d==&a=3";
	assert_true(http_query_find(query, "a", &value));
	assert_bytes_equal(value, bytes_of_text("2"));
	assert_true(http_query_find(query, "c", &value));
	assert_int_equal(value.size, 0);
	assert_true(http_query_find(query, "d", &value));
	assert_bytes_equal(value, bytes_of_text("="));
	assert_false(http_query_find(query, "b", &value));
	assert_false(http_query_find("", "a", &value));
}

static void a_list_is_searched_by_whole_tokens(void **state)
{
	(void)state;
	assert_true(http_list_has("a, Upgrade ,b", "upgrade"));
	assert_false(http_list_has("upgrades", "upgrade"));
	assert_false(http_list_has("", "upgrade"));
	assert_false(http_list_has(NULL, "upgrade"));
}

TESTS(TEST(a_request_is_taken_apart), TEST(what_is_malformed_has_its_status),
	TEST(headers_have_a_limit), TEST(the_end_is_found_however_it_arrives),
	TEST(what_cannot_become_a_request_is_seen_early),
	TEST(a_connection_closes_or_stays_as_the_client_says), TEST(an_upgrade_needs_everything),
	TEST(percent_is_decoded_strictly), TEST(a_query_is_searched_by_whole_names),
	TEST(a_list_is_searched_by_whole_tokens))
