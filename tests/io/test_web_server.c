#include "web_fixture.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

static void assert_answer_of(struct fixture *f, const char *request, const char *wanted)
{
	struct buffer text = raw_ask(f, request, NULL);
	if (!strstr(buffer_text(&text), wanted))
		fail_msg("'%s' is not in '%s'", wanted, buffer_text(&text));
	buffer_deinit(&text);
}

static void a_request_is_answered(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	assert_answer_of(&f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"Content-Length: 14\r\nConnection: close\r\n\r\n{\"hello\":true}");
	assert_answer_of(&f, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\nServer: test\r\n");
	assert_answer_of(&f,
		"POST /echo/a%2Fb%20c?x=1&q=two+words HTTP/1.1\r\nHost: a\r\nX-Test:  spaces  \r\n"
		"Content-Length: 5\r\nConnection: close\r\n\r\nhello",
		"X-Answer: yes\r\n\r\na/b c|two words|spaces|hello");
	stop(&f);
}

static void a_connection_serves_many_requests_also_pipelined(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	struct buffer text = raw_ask(&f,
		"GET /echo/1 HTTP/1.1\r\nHost: a\r\n\r\n"
		"POST /echo/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy"
		"GET /echo/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		NULL);
	assert_non_null(strstr(buffer_text(&text), "1|-|-|HTTP/1.1 200"));
	assert_non_null(strstr(buffer_text(&text), "2|-|-|xyHTTP/1.1 200"));
	assert_non_null(strstr(buffer_text(&text), "3|-|-|"));
	assert_int_equal(web_server_stats(f.server)->requests, 3);
	buffer_deinit(&text);
	stop(&f);
}

static void what_is_not_http_or_too_large_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *request, *wanted;
	} cases[] = {
		{"\x16\x03\x01\x02", "HTTP/1.1 400 "},
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "},
		{"POST /echo/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"HTTP/1.1 501 "},
		{"POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n",
			"HTTP/1.1 413 "},
		{"POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4294967296\r\n\r\n",
			"HTTP/1.1 413 "},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 413 "},
		{"GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
			"{\"error\":{\"code\":\"not_found\""},
		{"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
			"HTTP/1.1 404 "},
		{"DELETE /echo/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
			"Allow: POST, GET\r\n"},
		{"GET /echo/%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
		{"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 426 "},
	};
	struct fixture f = {0};
	start(&f);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_answer_of(&f, cases[i].request, cases[i].wanted);
	stop(&f);
}

static void a_head_beyond_its_size_is_refused(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	char request[WEB_HEAD_SIZE_MAX + 64] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	memset(request + strlen(request), 'x', WEB_HEAD_SIZE_MAX);
	assert_answer_of(&f, request, "HTTP/1.1 431 ");
	stop(&f);
}

static void an_answer_can_come_later(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	struct buffer text = buffer_with_max(4096);
	int fd = raw_connect(&f);
	const char *request = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n";
	raw_say(fd, request);
	while (!f.waiting)
		run_for(&f, USEC_PER_MS);
	web_request_reply_json(f.waiting, 200, "{}");
	raw_receive(&f, fd, &text, "\r\n\r\n{}");
	close(fd);
	run_for(&f, 20 * USEC_PER_MS);
	assert_int_equal(f.cancelled, 0);
	buffer_deinit(&text);
	stop(&f);
}

static void a_handler_hears_that_its_client_left(void **state)
{
	(void)state;
	static const char *const requests[] = {"GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"};
	struct fixture f = {0};
	start(&f);
	for (size_t i = 0; i < 2; i++) {
		int fd = raw_connect(&f);
		raw_say(fd, requests[i]);
		while (!f.waiting)
			run_for(&f, USEC_PER_MS);
		close(fd);
		run_until(&f, &f.cancelled, i + 1);
	}
	stop(&f);
}

static void a_request_is_cancelled_when_the_server_ends(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	int fd = raw_connect(&f);
	raw_say(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	while (!f.waiting)
		run_for(&f, USEC_PER_MS);
	stop(&f);
	assert_int_equal(f.cancelled, 1);
	close(fd);
}

static void a_stream_comes_in_chunks_and_has_a_limit(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	struct buffer text = buffer_with_max(64 << 20);
	int fd = raw_connect(&f);
	raw_say(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_receive(&f, fd, &text, "b\r\n{\"line\":1}\n\r\n");
	/* The client does not read: the kernel's buffers fill, then the queue, and then it ends. */
	char block[4096];
	memset(block, 'x', sizeof block);
	size_t written = 0;
	enum err err;
	while ((err = web_stream_write(f.waiting, bytes_of(block, sizeof block))) == ERR_OK)
		written += sizeof block;
	assert_err(err, ERR_LIMIT);
	assert_true(web_stream_queued(f.waiting) <= WEB_STREAM_QUEUE_MAX + 65536);
	f.drained = 0;
	web_stream_end(f.waiting);
	raw_receive(&f, fd, &text, "\r\n0\r\n\r\n");
	assert_true(text.size > written);
	close(fd);
	buffer_deinit(&text);
	stop(&f);
}

static void a_stream_says_when_it_is_drained(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	struct buffer text = buffer_with_max(64 << 20);
	int fd = raw_connect(&f);
	raw_say(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_receive(&f, fd, &text, "b\r\n{\"line\":1}\n\r\n");
	char block[4096] = "";
	while (web_stream_write(f.waiting, bytes_of(block, sizeof block)) == ERR_OK)
		;
	usec deadline = net_now() + FIXTURE_WAIT;
	while (f.drained == 0 && net_now() < deadline) {
		uint8_t data[65536];
		(void)!recv(fd, data, sizeof data, MSG_DONTWAIT);
		net_loop_run_once(f.loop, net_now() + USEC_PER_MS);
	}
	assert_int_equal(f.drained, 1);
	assert_int_equal(web_stream_queued(f.waiting), 0);
	close(fd);
	buffer_deinit(&text);
	stop(&f);
}

static void a_large_answer_arrives_whole(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	struct buffer text =
		raw_ask(&f, "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL);
	assert_true(text.size > (8 << 20));
	buffer_deinit(&text);
	stop(&f);
}

static void a_silent_connection_makes_room_for_a_newer_one(void **state)
{
	(void)state;
	struct fixture f = {0};
	start_with(&f, (struct web_server_limits){.connections_silent = 8});
	int fds[50];
	for (size_t i = 0; i < 50; i++) {
		fds[i] = raw_connect(&f);
		run_for(&f, 0);
	}
	assert_answer_of(&f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "hello");
	assert_true(web_server_stats(f.server)->silent_now <= 8);
	assert_true(web_server_stats(f.server)->silent_evicted >= 42);
	for (size_t i = 0; i < 50; i++)
		close(fds[i]);
	stop(&f);
}

static void an_unfinished_body_makes_room_for_a_newer_connection(void **state)
{
	(void)state;
	struct fixture f = {0};
	start_with(&f, (struct web_server_limits){.connections = 12, .connections_silent = 8});
	int fds[50];
	for (size_t i = 0; i < 50; i++) {
		fds[i] = raw_connect(&f);
		raw_say(fds[i], "POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
		run_for(&f, USEC_PER_MS);
	}
	assert_answer_of(&f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "hello");
	assert_true(web_server_stats(f.server)->silent_now <= 8);
	assert_int_equal(web_server_stats(f.server)->refused_limit, 0);
	for (size_t i = 0; i < 50; i++)
		close(fds[i]);
	stop(&f);
}

static void a_full_server_gives_up_a_silent_connection_for_a_newer_one(void **state)
{
	(void)state;
	struct fixture f = {0};
	start_with(&f, (struct web_server_limits){.connections = 8});
	int fds[50];
	for (size_t i = 0; i < 50; i++) {
		fds[i] = raw_connect(&f);
		run_for(&f, 0);
	}
	assert_answer_of(&f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "hello");
	assert_true(web_server_stats(f.server)->silent_evicted >= 42);
	for (size_t i = 0; i < 50; i++)
		close(fds[i]);
	stop(&f);
}

/* What only one request in flight and its server have to share. */
static void assert_served_soon(struct fixture *f, rlim_t descriptors, size_t silent)
{
	struct rlimit before, low;
	int fds[300], reserve = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t i = 0; i < silent; i++)
		fds[i] = raw_connect(f);
	low = (struct rlimit){descriptors, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	run_for(f, 50 * USEC_PER_MS);
	close(reserve);
	assert_answer_of(f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "hello");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t i = 0; i < silent; i++)
		close(fds[i]);
}

static void silence_that_takes_all_descriptors_keeps_nobody_out(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	/* The clients are in this process, and have theirs already. */
	assert_served_soon(&f, 250, 200);
	assert_true(web_server_stats(f.server)->silent_evicted > 100);
	stop(&f);
}

static void connections_leave_descriptors_to_the_rest_of_the_process(void **state)
{
	(void)state;
	struct rlimit before, low;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){WEB_DESCRIPTORS_RESERVED + 10, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	struct fixture f = {0};
	start(&f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	int fds[50];
	for (size_t i = 0; i < 50; i++)
		fds[i] = raw_connect(&f);
	run_for(&f, 50 * USEC_PER_MS);
	assert_int_equal(web_server_stats(f.server)->connections_now, 10);
	for (size_t i = 0; i < 50; i++)
		close(fds[i]);
	stop(&f);
}

static void connections_of_one_address_have_a_limit(void **state)
{
	(void)state;
	struct fixture f = {0};
	start_with(&f, (struct web_server_limits){.connections_per_address = 3});
	int fds[5];
	for (size_t i = 0; i < 5; i++) {
		fds[i] = raw_connect(&f);
		run_for(&f, 5 * USEC_PER_MS);
	}
	assert_int_equal(web_server_stats(f.server)->refused_address, 2);
	for (size_t i = 0; i < 5; i++)
		close(fds[i]);
	run_for(&f, 20 * USEC_PER_MS);
	assert_int_equal(web_server_stats(f.server)->connections_now, 0);
	assert_answer_of(&f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "hello");
	stop(&f);
}

static void an_address_over_its_limit_pushes_nobody_out(void **state)
{
	(void)state;
	struct fixture f = {0};
	start_with(&f,
		(struct web_server_limits){.connections_silent = 3, .connections_per_address = 2});
	int other = raw_connect_from(&f, "127.0.0.2");
	run_for(&f, 5 * USEC_PER_MS);
	int fds[50];
	for (size_t i = 0; i < 50; i++) {
		fds[i] = raw_connect(&f);
		run_for(&f, USEC_PER_MS);
	}
	assert_int_equal(web_server_stats(f.server)->refused_address, 48);
	assert_int_equal(web_server_stats(f.server)->silent_evicted, 0);
	struct buffer text = buffer_with_max(4096);
	raw_say(other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	raw_receive(&f, other, &text, "hello");
	buffer_deinit(&text);
	close(other);
	for (size_t i = 0; i < 50; i++)
		close(fds[i]);
	stop(&f);
}

static void a_slow_sender_is_cut_off(void **state)
{
	(void)state;
	struct fixture f = {0};
	start_with(&f, (struct web_server_limits){.head_timeout_s = 1, .body_timeout_s = 1});
	assert_answer_of(&f, "GET / HTTP/1.1\r\nHos", "HTTP/1.1 408 ");
	assert_answer_of(&f, "POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
		"HTTP/1.1 408 ");
	assert_answer_of(&f, "", "");
	assert_int_equal(web_server_stats(f.server)->timeouts, 3);
	stop(&f);
}

static void a_unix_socket_is_for_its_user_alone(void **state)
{
	(void)state;
	char path[] = "/tmp/dpc-test-XXXXXX";
	assert_non_null(mkdtemp(path));
	char *file = text_format("%s/control.sock", path);
	struct net_loop *loop;
	struct web *web;
	struct web_server *server, *second;
	assert_ok(net_loop_create(&loop));
	assert_ok(web_create(loop, &web));
	struct web_server_options options = {.unix_path = file,
		.routes = routes,
		.route_count = sizeof routes / sizeof routes[0]};
	assert_ok(web_server_create(web, &options, &server));
	struct stat info;
	assert_int_equal(stat(file, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_err(web_server_create(web, &options, &second), ERR_ADDRESS_IN_USE);
	web_server_destroy(server);
	assert_int_not_equal(stat(file, &info), 0);
	web_destroy(web);
	net_loop_destroy(loop);
	free(file);
	rmdir(path);
}

static void a_socket_file_whose_owner_is_busy_is_in_use(void **state)
{
	(void)state;
	char path[] = "/tmp/dpc-test-XXXXXX";
	assert_non_null(mkdtemp(path));
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path, sizeof name.sun_path, "%s/control.sock", path);
	int owner = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(owner, (struct sockaddr *)(void *)&name, sizeof name), 0);
	assert_int_equal(listen(owner, 0), 0);
	int waiting[8];
	for (size_t i = 0; i < 8; i++) {
		waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(waiting[i], (struct sockaddr *)(void *)&name, sizeof name);
	}
	struct fixture f = {0};
	start(&f);
	struct web_server *second;
	assert_err(
		web_server_create(f.web,
			&(struct web_server_options){.unix_path = name.sun_path, .routes = routes},
			&second),
		ERR_ADDRESS_IN_USE);
	stop(&f);
	for (size_t i = 0; i < 8; i++)
		close(waiting[i]);
	close(owner);
	unlink(name.sun_path);
	rmdir(path);
}

static void an_address_in_use_is_named_so(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f);
	struct web_server *second;
	assert_err(web_server_create(f.web,
			   &(struct web_server_options){
				   .listen = web_server_address(f.server), .routes = routes},
			   &second),
		ERR_ADDRESS_IN_USE);
	assert_err(web_server_create(f.web,
			   &(struct web_server_options){.listen = "nowhere", .routes = routes},
			   &second),
		ERR_MALFORMED);
	stop(&f);
}

TESTS(TEST(a_request_is_answered), TEST(a_connection_serves_many_requests_also_pipelined),
	TEST(what_is_not_http_or_too_large_is_refused), TEST(a_head_beyond_its_size_is_refused),
	TEST(an_answer_can_come_later), TEST(a_handler_hears_that_its_client_left),
	TEST(a_request_is_cancelled_when_the_server_ends),
	TEST(a_stream_comes_in_chunks_and_has_a_limit), TEST(a_stream_says_when_it_is_drained),
	TEST(a_large_answer_arrives_whole), TEST(a_silent_connection_makes_room_for_a_newer_one),
	TEST(an_unfinished_body_makes_room_for_a_newer_connection),
	TEST(a_full_server_gives_up_a_silent_connection_for_a_newer_one),
	TEST(silence_that_takes_all_descriptors_keeps_nobody_out),
	TEST(connections_leave_descriptors_to_the_rest_of_the_process),
	TEST(connections_of_one_address_have_a_limit),
	TEST(an_address_over_its_limit_pushes_nobody_out), TEST(a_slow_sender_is_cut_off),
	TEST(a_unix_socket_is_for_its_user_alone),
	TEST(a_socket_file_whose_owner_is_busy_is_in_use), TEST(an_address_in_use_is_named_so))
