/* HTTP requests against our own server: on the loop, and blocking with the server in a process of
 * its own. */
#include "web_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "web/http_client.h"

struct result {
	size_t done, lines;
	enum err err;
	int status;
	char body[256], line[256], reason[256];
	struct http_request *cancel_in_line;
	struct start_in_line *start_in_line;
};

struct start_in_line {
	struct http_client *client;
	const char *url;
	struct result *result;
	bool cancel;
};

static void on_done(const struct http_answer *answer, void *user)
{
	struct result *r = user;
	r->done++;
	r->err = answer->err;
	r->status = answer->status;
	(void)text_copy_bytes(r->body, sizeof r->body, bytes_slice(answer->body, 0, 255));
	snprintf(r->reason, sizeof r->reason, "%s", answer->reason);
}

static void on_line(struct bytes line, void *user)
{
	struct result *r = user;
	r->lines++;
	(void)text_copy_bytes(r->line, sizeof r->line, line);
	if (r->cancel_in_line)
		http_request_cancel(r->cancel_in_line);
	struct start_in_line *s = r->start_in_line;
	struct http_request *request;
	if (!s)
		return;
	assert_ok(http_client_start(
		s->client, &(struct http_ask){.url = s->url}, NULL, on_done, s->result, &request));
	if (s->cancel)
		http_request_cancel(request);
}

static char url_text[256];

static const char *url_of(struct fixture *f, const char *path)
{
	snprintf(url_text, sizeof url_text, "http://127.0.0.1:%u%s", f->port, path);
	return url_text;
}

static void a_whole_answer_comes_back(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct http_client *client;
	struct http_request *request;
	struct result get = {0}, post = {0}, none = {0};
	start(&f);
	assert_ok(http_client_create(f.loop, &client));
	assert_ok(http_client_start(
		client, &(struct http_ask){.url = url_of(&f, "/")}, NULL, on_done, &get, &request));
	assert_ok(http_client_start(client,
		&(struct http_ask){.url = url_of(&f, "/echo/x"), .body = bytes_of_text("body")},
		NULL, on_done, &post, &request));
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/none")}, NULL,
		on_done, &none, &request));
	assert_int_equal(get.done, 0);
	run_until(&f, &get.done, 1);
	run_until(&f, &post.done, 1);
	run_until(&f, &none.done, 1);
	assert_int_equal(get.status, 200);
	assert_string_equal(get.body, "{\"hello\":true}");
	assert_string_equal(post.body, "x|-|-|body");
	assert_int_equal(none.status, 404);
	assert_non_null(strstr(none.body, "not_found"));
	http_client_destroy(client);
	stop(&f);
}

static void a_stream_comes_line_by_line(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct http_client *client;
	struct http_request *request;
	struct result r = {0};
	start(&f);
	assert_ok(http_client_create(f.loop, &client));
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/stream")},
		on_line, on_done, &r, &request));
	run_until(&f, &r.lines, 1);
	assert_string_equal(r.line, "{\"line\":1}");
	assert_ok(web_stream_write(f.waiting, bytes_of_text("{\"li")));
	run_for(&f, 10 * USEC_PER_MS);
	assert_int_equal(r.lines, 1);
	assert_ok(web_stream_write(f.waiting, bytes_of_text("ne\":2}\r\n{\"line\":3}")));
	run_until(&f, &r.lines, 2);
	assert_string_equal(r.line, "{\"line\":2}");
	web_stream_end(f.waiting);
	run_until(&f, &r.done, 1);
	assert_int_equal(r.lines, 3);
	assert_string_equal(r.line, "{\"line\":3}");
	assert_string_equal(r.body, "");
	http_client_destroy(client);
	stop(&f);
}

static void cancelling_closes_the_connection_at_once(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct http_client *client;
	struct http_request *request;
	struct result r = {0}, s = {0}, t = {0};
	start(&f);
	assert_ok(http_client_create(f.loop, &client));
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/later")}, NULL,
		on_done, &r, &request));
	while (!f.waiting)
		run_for(&f, USEC_PER_MS);
	http_request_cancel(request);
	run_until(&f, &f.cancelled, 1);
	/* Before anything was done for it. */
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/later")}, NULL,
		on_done, &s, &request));
	http_request_cancel(request);
	/* From within its own callback. */
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/stream")},
		on_line, on_done, &t, &t.cancel_in_line));
	run_until(&f, &f.cancelled, 2);
	run_for(&f, 20 * USEC_PER_MS);
	assert_int_equal(r.done + s.done + t.done, 0);
	assert_int_equal(t.lines, 1);
	http_client_destroy(client);
	stop(&f);
}

static void a_line_can_start_another_request(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct http_client *client;
	struct http_request *request;
	struct result first = {0}, second = {0}, third = {0}, none = {0};
	start(&f);
	assert_ok(http_client_create(f.loop, &client));
	struct start_in_line then = {client, NULL, &third, false};
	struct start_in_line never = {client, NULL, &none, true};
	char *url = text_format("http://127.0.0.1:%u/", f.port);
	then.url = never.url = url;
	first.start_in_line = &then;
	second.start_in_line = &never;
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/stream")},
		on_line, on_done, &first, &request));
	run_until(&f, &third.done, 1);
	assert_ok(third.err);
	assert_string_equal(third.body, "{\"hello\":true}");
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/stream")},
		on_line, on_done, &second, &request));
	run_until(&f, &second.lines, 1);
	run_for(&f, 20 * USEC_PER_MS);
	assert_int_equal(none.done, 0);
	free(url);
	http_client_destroy(client);
	stop(&f);
}

static void what_goes_wrong_is_named(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct http_client *client;
	struct http_request *request;
	struct result large = {0}, slow = {0}, refused = {0};
	start(&f);
	assert_ok(http_client_create(f.loop, &client));
	assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/large")}, NULL,
		on_done, &large, &request));
	assert_ok(http_client_start(client,
		&(struct http_ask){.url = url_of(&f, "/later"), .timeout_ms = 50}, NULL, on_done,
		&slow, &request));
	assert_ok(http_client_start(client, &(struct http_ask){.url = "http://127.0.0.1:1/"}, NULL,
		on_done, &refused, &request));
	run_until(&f, &large.done, 1);
	run_until(&f, &slow.done, 1);
	run_until(&f, &refused.done, 1);
	assert_err(large.err, ERR_TOO_LARGE);
	assert_err(slow.err, ERR_TIMEOUT);
	assert_err(refused.err, ERR_UNREACHABLE);
	assert_true(refused.reason[0] != 0);
	static const char *const bad[] = {"file:///etc/passwd", "ftp://a/", "", "127.0.0.1"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_err(http_client_start(client, &(struct http_ask){.url = bad[i]}, NULL,
				   on_done, &refused, &request),
			ERR_MALFORMED);
	http_client_destroy(client);
	stop(&f);
}

static void requests_have_a_limit_and_end_with_their_client(void **state)
{
	(void)state;
	struct fixture f = {0};
	struct http_client *client;
	struct http_request *request;
	struct result r = {0};
	start(&f);
	assert_ok(http_client_create(f.loop, &client));
	for (size_t i = 0; i < WEB_CLIENT_REQUESTS_MAX; i++)
		assert_ok(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/later")},
			NULL, on_done, &r, &request));
	assert_err(http_client_start(client, &(struct http_ask){.url = url_of(&f, "/later")}, NULL,
			   on_done, &r, &request),
		ERR_LIMIT);
	run_for(&f, 50 * USEC_PER_MS);
	http_client_destroy(client);
	assert_int_equal(r.done, 0);
	stop(&f);
}

/* ---- Blocking ---- */

static bool stop_at_once(struct bytes line, void *user)
{
	struct result *r = user;
	on_line(line, r);
	return false;
}

static void a_blocking_request_works_over_a_unix_socket(void **state)
{
	(void)state;
	char path[] = "/tmp/dpc-test-XXXXXX";
	assert_non_null(mkdtemp(path));
	char *file = text_format("%s/s", path);
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		struct fixture f = {0};
		struct web_server *server;
		if (net_loop_create(&f.loop) != ERR_OK || web_create(f.loop, &f.web) != ERR_OK ||
			web_server_create(f.web,
				&(struct web_server_options){.unix_path = file,
					.routes = routes,
					.route_count = sizeof routes / sizeof routes[0],
					.user = &f},
				&server) != ERR_OK)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		net_loop_run(f.loop);
		_exit(0);
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	struct buffer storage;
	struct http_answer answer;
	struct http_ask ask = {
		.url = "http://dpc/echo/y?q=1", .unix_path = file, .body = bytes_of_text("data")};
	assert_ok(http_ask_now(&ask, NULL, NULL, &storage, &answer));
	assert_int_equal(answer.status, 200);
	assert_bytes_equal(answer.body, bytes_of_text("y|1|-|data"));
	buffer_deinit(&storage);
	struct result r = {0};
	ask = (struct http_ask){.url = "http://dpc/stream", .unix_path = file};
	assert_err(http_ask_now(&ask, stop_at_once, &r, &storage, &answer), ERR_CLOSED);
	assert_string_equal(r.line, "{\"line\":1}");
	buffer_deinit(&storage);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_err(http_ask_now(&ask, NULL, NULL, &storage, &answer), ERR_UNREACHABLE);
	assert_true(answer.reason[0] != 0);
	buffer_deinit(&storage);
	close(ready[0]);
	close(ready[1]);
	unlink(file);
	rmdir(path);
	free(file);
}

TESTS(TEST(a_whole_answer_comes_back), TEST(a_stream_comes_line_by_line),
	TEST(cancelling_closes_the_connection_at_once), TEST(a_line_can_start_another_request),
	TEST(what_goes_wrong_is_named), TEST(requests_have_a_limit_and_end_with_their_client),
	TEST(a_blocking_request_works_over_a_unix_socket))
