/* HTTP requests on the loop: libcurl's multi interface, told of descriptors and time by ours. */
#include "web/http_client.h"

#include <stdlib.h>

#include "base/list.h"
#include "net/loop.h"
#include "web/curl.h"

struct http_client {
	struct net_loop *loop;
	CURLM *multi;
	struct net_timer timer;
	struct net_defer finish; /* looks for requests that ended */
	struct list requests;
	size_t request_count;
	bool is_in_curl; /* libcurl is on the stack: it may be told nothing but through its results
			  */
};

struct http_request {
	struct list node;
	struct http_client *client;
	struct curl_transfer transfer;
	struct buffer body;
	void (*line)(struct bytes line, void *user);
	void (*done)(const struct http_answer *answer, void *user);
	void *user;
	bool is_waiting;   /* started within libcurl: it is told as soon as it returns */
	bool is_cancelled; /* within libcurl: freed as soon as it returns */
};

/* One descriptor of libcurl's. */
struct client_watch {
	struct http_client *client;
	struct net_watch *watch;
	curl_socket_t fd;
};

/* ---- Ends of requests ---- */

static void request_free(struct http_request *request)
{
	struct http_client *client = request->client;
	client->is_in_curl = true;
	curl_multi_remove_handle(client->multi, request->transfer.easy);
	curl_transfer_deinit(&request->transfer);
	client->is_in_curl = false;
	buffer_deinit(&request->body);
	list_remove(&request->node);
	client->request_count--;
	free(request);
}

static struct http_request *find_cancelled(struct http_client *client)
{
	LIST_FOREACH (node, &client->requests) {
		struct http_request *request = CONTAINER_OF(node, struct http_request, node);
		if (request->is_cancelled)
			return request;
	}
	return NULL;
}

/* The request that ended, with libcurl's verdict; NULL when there is none. */
static struct http_request *find_ended(struct http_client *client, CURLcode *ret_code)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(client->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		char *private = NULL;
		*ret_code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		struct curl_transfer *transfer = (struct curl_transfer *)(void *)private;
		return CONTAINER_OF(transfer, struct http_request, transfer);
	}
	return NULL;
}

/* Hands libcurl what was started within it. The first that it does not take, or NULL. */
static struct http_request *add_waiting(struct http_client *client)
{
	LIST_FOREACH (node, &client->requests) {
		struct http_request *request = CONTAINER_OF(node, struct http_request, node);
		if (!request->is_waiting)
			continue;
		request->is_waiting = false;
		if (curl_multi_add_handle(client->multi, request->transfer.easy) != CURLM_OK)
			return request;
	}
	return NULL;
}

/* The answer borrows from the request, which must look gone to the callback. */
static void conclude(struct http_request *request, struct http_answer answer)
{
	struct http_request gone = *request;
	request->body = (struct buffer){0};
	char problem[CURL_ERROR_SIZE];
	memcpy(problem, request->transfer.problem, sizeof problem);
	if (answer.reason == request->transfer.problem)
		answer.reason = problem;
	if (answer.redirect == request->transfer.redirect)
		answer.redirect = gone.transfer.redirect;
	request_free(request);
	gone.done(&answer, gone.user);
	buffer_deinit(&gone.body);
}

/* One at a time: the callback may cancel others, start some, or destroy the client. */
static void on_finish(void *user)
{
	struct http_client *client = user;
	struct http_request *request;
	while ((request = find_cancelled(client)))
		request_free(request);
	request = add_waiting(client);
	if (request) {
		net_defer_post(&client->finish);
		conclude(request,
			(struct http_answer){.err = ERR_NOMEM, .reason = "", .redirect = ""});
		return;
	}
	CURLcode code = CURLE_OK;
	request = find_ended(client, &code);
	if (!request)
		return;
	net_defer_post(&client->finish);
	/* The last line of a stream may be handed over here, and it may cancel. */
	client->is_in_curl = true;
	struct http_answer answer = curl_transfer_answer(&request->transfer, code);
	client->is_in_curl = false;
	if (request->is_cancelled) {
		request_free(request);
		return;
	}
	conclude(request, answer);
}

/* ---- Between libcurl and the loop ---- */

static void act(struct http_client *client, curl_socket_t fd, int events)
{
	int running;
	client->is_in_curl = true;
	curl_multi_socket_action(client->multi, fd, events, &running);
	client->is_in_curl = false;
	net_defer_post(&client->finish);
}

static void on_timer(void *user)
{
	act(user, CURL_SOCKET_TIMEOUT, 0);
}

static void on_event(unsigned events, void *user)
{
	struct client_watch *watch = user;
	act(watch->client, watch->fd,
		(events & NET_READABLE ? CURL_CSELECT_IN : 0) |
			(events & NET_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *user)
{
	(void)multi;
	struct http_client *client = user;
	net_timer_set(
		&client->timer, timeout_ms < 0 ? USEC_NEVER : net_now() + timeout_ms * USEC_PER_MS);
	return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	(void)easy;
	struct http_client *client = user;
	struct client_watch *watch = socket_user;
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(client->multi, fd, NULL);
		if (watch)
			net_watch_destroy(watch->watch);
		free(watch);
		return 0;
	}
	unsigned events = (what & CURL_POLL_IN ? NET_READABLE : 0) |
			  (what & CURL_POLL_OUT ? NET_WRITABLE : 0);
	if (watch) {
		net_watch_set(watch->watch, events);
		return 0;
	}
	watch = calloc(1, sizeof *watch);
	if (!watch)
		return -1;
	watch->client = client;
	watch->fd = fd;
	if (net_watch_create(client->loop, fd, events, on_event, watch, &watch->watch) != ERR_OK) {
		free(watch);
		return -1;
	}
	curl_multi_assign(client->multi, fd, watch);
	return 0;
}

/* ---- Requests ---- */

static bool on_line(struct bytes line, void *user)
{
	struct http_request *request = user;
	if (!request->is_cancelled)
		request->line(line, request->user);
	return !request->is_cancelled;
}

enum err http_client_start(struct http_client *client, const struct http_ask *ask,
	void (*line)(struct bytes line, void *user),
	void (*done)(const struct http_answer *answer, void *user), void *user,
	struct http_request **ret_request)
{
	if (client->request_count >= WEB_CLIENT_REQUESTS_MAX)
		return ERR_LIMIT;
	struct http_request *request = calloc(1, sizeof *request);
	if (!request)
		return ERR_NOMEM;
	request->client = client;
	request->line = line;
	request->done = done;
	request->user = user;
	request->transfer.body = &request->body;
	request->transfer.line = line ? on_line : NULL;
	request->transfer.user = request;
	enum err err = curl_transfer_init(&request->transfer, ask);
	if (err != ERR_OK) {
		free(request);
		return err;
	}
	request->is_waiting = client->is_in_curl;
	if (request->is_waiting) {
		net_defer_post(&client->finish);
	} else if (curl_multi_add_handle(client->multi, request->transfer.easy) != CURLM_OK) {
		curl_transfer_deinit(&request->transfer);
		free(request);
		return ERR_NOMEM;
	}
	list_push_back(&client->requests, &request->node);
	client->request_count++;
	*ret_request = request;
	return ERR_OK;
}

void http_request_cancel(struct http_request *request)
{
	if (!request)
		return;
	struct http_client *client = request->client;
	if (client->is_in_curl) {
		request->is_cancelled = true;
		net_defer_post(&client->finish);
	} else {
		request_free(request);
	}
}

/* ---- The client ---- */

enum err http_client_create(struct net_loop *loop, struct http_client **ret_client)
{
	struct http_client *client = calloc(1, sizeof *client);
	if (!client)
		return ERR_NOMEM;
	client->loop = loop;
	list_init(&client->requests);
	net_defer_init(&client->finish, loop, on_finish, client);
	enum err err = net_timer_init(&client->timer, loop, on_timer, client);
	client->multi = curl_multi_init();
	if (err == ERR_OK &&
		(!client->multi ||
			curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) ||
			curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) ||
			curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) ||
			curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client)))
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		http_client_destroy(client);
		return err;
	}
	*ret_client = client;
	return ERR_OK;
}

void http_client_destroy(struct http_client *client)
{
	if (!client)
		return;
	CHECK(!client->is_in_curl);
	while (!list_is_empty(&client->requests))
		request_free(CONTAINER_OF(client->requests.next, struct http_request, node));
	curl_multi_cleanup(client->multi);
	net_defer_cancel(&client->finish);
	net_timer_deinit(&client->timer);
	free(client);
}
