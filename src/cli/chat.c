/* dpc chat: a conversation in the terminal. Lines of stdin become messages, one request after the
 * other so that their order holds; what happens comes from the node's stream of events. It works on
 * a terminal and with pipes: at the end of stdin it waits a little for what is not delivered. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"
#include "message/json.h"
#include "net/loop.h"
#include "web/limits.h"

#define WAIT_SECONDS 5
#define CONNECT_TIMEOUT_MS 20000
#define OUTSTANDING_MAX 100000 /* messages whose delivery is followed; beyond, it is not shown */
#define SNIPPET_MAX 48

/* A message that was accepted, or delivered: the two come over different connections, in any order.
 */
struct outstanding {
	char id[80];
	char snippet[SNIPPET_MAX];
	bool accepted, delivered;
};

struct chat {
	const struct cli *cli;
	struct net_loop *loop;
	struct http_client *client;
	struct http_request *events, *post, *connect;
	struct net_watch *watch; /* of stdin; NULL: it is a file, read without waiting */
	struct net_defer read_soon;
	struct net_timer patience;
	usec wait;
	char node_id[64], name[NAME_TEXT_MAX];
	bool connected, terminal;
	struct buffer input;
	bool input_ended, skipping; /* skipping: the rest of a line that is too long */
	struct map outstanding;     /* id -> struct outstanding */
	size_t undelivered;
	int status;
};

static void note(const struct chat *chat, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(const struct chat *chat, const char *format, ...)
{
	va_list args;
	if (chat->cli->json)
		return;
	va_start(args, format);
	printf("%s-- ", colour(COLOUR_DIM));
	vprintf(format, args);
	printf("%s\n", colour(COLOUR_NONE));
	fflush(stdout);
	va_end(args);
}

static void stop(struct chat *chat, int status)
{
	if (chat->status == CLI_DONE)
		chat->status = status;
	net_loop_stop(chat->loop);
}

/* ---- What became of our messages ---- */

static struct outstanding *follow(struct chat *chat, const char *id)
{
	struct outstanding *found = map_get(&chat->outstanding, bytes_of_text(id));
	if (found)
		return found;
	found = calloc(1, sizeof(*found));
	if (!found || !text_copy(found->id, sizeof(found->id), id) ||
		map_insert(&chat->outstanding, bytes_of_text(found->id), found) != ERR_OK) {
		free(found);
		return NULL;
	}
	return found;
}

static void forget(struct chat *chat, struct outstanding *one)
{
	map_remove(&chat->outstanding, bytes_of_text(one->id));
	free(one);
}

static void stop_if_finished(struct chat *chat);

/* When it is known both that we sent it and that it arrived. */
static void settle(struct chat *chat, struct outstanding *one)
{
	if (!one->accepted || !one->delivered)
		return;
	note(chat, "%s\xe2\x9c\x93 delivered:%s %s", colour(COLOUR_GREEN), colour(COLOUR_NONE),
		one->snippet);
	chat->undelivered--;
	forget(chat, one);
	stop_if_finished(chat);
}

static void message_accepted(struct chat *chat, const json_t *message)
{
	struct outstanding *one = follow(chat, field_text(message, "id"));
	if (!chat->terminal && !chat->cli->json) {
		printf("%syou%s: ", colour(COLOUR_BOLD), colour(COLOUR_NONE));
		print_safe(stdout, field_text(message, "text"), true);
		putchar('\n');
		fflush(stdout);
	}
	if (!one)
		return;
	text_safe(field_text(message, "text"), one->snippet, sizeof(one->snippet));
	one->accepted = true;
	chat->undelivered++;
	settle(chat, one);
}

static void message_delivered(struct chat *chat, const char *id)
{
	struct outstanding *one = follow(chat, id);
	if (!one)
		return;
	one->delivered = true;
	settle(chat, one);
}

/* ---- Input ---- */

static void send_next_line(struct chat *chat);

static void stop_if_finished(struct chat *chat)
{
	if (!chat->input_ended || chat->post || chat->input.size > 0)
		return;
	if (chat->undelivered == 0)
		stop(chat, CLI_DONE);
	else if (!net_timer_is_set(&chat->patience))
		net_timer_set(&chat->patience, net_now() + chat->wait);
}

static void out_of_patience(void *user)
{
	struct chat *chat = user;
	note(chat, "%zu not delivered yet; the node keeps them for %s", chat->undelivered,
		chat->name);
	stop(chat, CLI_DONE);
}

static void on_posted(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	char problem[CLI_PROBLEM_MAX];
	json_t *message = NULL;
	chat->post = NULL;
	if (answer->err != ERR_OK || answer->status >= 300) {
		api_problem(chat->cli, answer, problem);
		chat->status = cli_fail("not sent: %s", problem);
		if (answer->err != ERR_OK) {
			stop(chat, CLI_FAILED);
			return;
		}
	} else if (json_parse_object(answer->body, WEB_CLIENT_ANSWER_MAX, &message) == ERR_OK) {
		message_accepted(chat, message);
		json_decref(message);
	}
	send_next_line(chat);
}

static void post(struct chat *chat, const char *path, json_t *body, unsigned timeout_ms,
	void (*done)(const struct http_answer *, void *), struct http_request **ret_request)
{
	struct api_request request = {.path = path, .body = body, .timeout_ms = timeout_ms};
	struct api_call call;
	if (!body || api_call_init(&call, chat->cli, &request) != CLI_DONE) {
		stop(chat, CLI_FAILED);
		return;
	}
	enum err err = http_client_start(chat->client, &call.ask, NULL, done, chat, ret_request);
	if (err != ERR_OK)
		stop(chat, cli_fail("cannot ask the node: %s", err_text(err)));
	api_call_deinit(&call);
}

/* Takes the first line off the input: false when there is none that is whole. */
static bool take_line(struct chat *chat, char **ret_line, size_t *ret_size)
{
	const uint8_t *end = memchr(buffer_text(&chat->input), '\n', chat->input.size);
	if (!end && !(chat->input_ended && chat->input.size > 0))
		return false;
	size_t size = end ? (size_t)(end - chat->input.data) : chat->input.size;
	*ret_line = text_duplicate_bytes(bytes_of(chat->input.data, size));
	*ret_size = size;
	buffer_consume(&chat->input, size + (end ? 1 : 0));
	return true;
}

/* Sends the next line that can be sent, unless one is on its way. */
static void send_next_line(struct chat *chat)
{
	char *line = NULL;
	size_t size = 0;
	while (!chat->post && take_line(chat, &line, &size)) {
		bool skip = chat->skipping || !line || size == 0;
		chat->skipping = false;
		if (!skip && (!utf8_is_valid(bytes_of_text(line)) || strlen(line) != size))
			cli_fail("a line that is not UTF-8 text was left out");
		else if (!skip)
			post(chat, "/messages",
				json_pack("{s:s, s:s}", "peer", chat->node_id, "text", line), 0,
				on_posted, &chat->post);
		free(line);
	}
	if (chat->watch)
		net_watch_set(chat->watch, chat->post || chat->input_ended ? 0 : NET_READABLE);
	else if (!chat->post && !chat->input_ended)
		net_defer_post(&chat->read_soon);
	stop_if_finished(chat);
}

static void read_input(struct chat *chat)
{
	uint8_t block[4096];
	ssize_t size = read(STDIN_FILENO, block, sizeof(block));
	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0)
		chat->input_ended = true;
	else if (buffer_append(&chat->input, bytes_of(block, (size_t)size)) != ERR_OK)
		stop(chat, cli_fail("out of memory"));
	bool has_line = memchr(buffer_text(&chat->input), '\n', chat->input.size) != NULL;
	if (!has_line && chat->input.size > CLI_LINE_MAX) {
		if (!chat->skipping)
			cli_fail("a line longer than %d bytes was left out", CLI_LINE_MAX);
		chat->skipping = true;
		buffer_clear(&chat->input);
	}
	send_next_line(chat);
}

static void on_readable(unsigned events, void *user)
{
	(void)events;
	read_input(user);
}

static void on_read_soon(void *user)
{
	read_input(user);
}

static void start_reading(struct chat *chat)
{
	enum err err = net_watch_create(
		chat->loop, STDIN_FILENO, NET_READABLE, on_readable, chat, &chat->watch);
	if (err != ERR_OK) {
		chat->watch = NULL;
		net_defer_post(&chat->read_soon);
	}
}

/* ---- Events ---- */

static void on_connected(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	char problem[CLI_PROBLEM_MAX];
	chat->connect = NULL;
	if (answer->err == ERR_OK && answer->status < 300)
		return; /* the event says it */
	api_problem(chat->cli, answer, problem);
	note(chat, "not connected: %s; messages wait", problem);
}

static void on_hello(struct chat *chat)
{
	note(chat, "talking to %s%s", chat->name,
		chat->terminal ? "; an empty line does nothing, Ctrl-D ends" : "");
	if (!chat->connected)
		post(chat, "/connect",
			json_pack("{s:s, s:i}", "peer", chat->node_id, "timeout_ms",
				CONNECT_TIMEOUT_MS),
			CONNECT_TIMEOUT_MS + 5000, on_connected, &chat->connect);
	start_reading(chat);
}

static void on_chat(struct chat *chat, const json_t *event)
{
	printf("%s%s%s: ", colour(COLOUR_BOLD), chat->name, colour(COLOUR_NONE));
	print_safe(stdout, field_text(json_object_get(event, "message"), "text"), true);
	putchar('\n');
	fflush(stdout);
}

/* A file that waits for an answer, or has come. */
static void on_file(struct chat *chat, const json_t *file)
{
	char name[LINK_TEXT_MAX];
	const char *state = field_text(file, "state");
	if (strcmp(field_text(file, "direction"), "in") != 0)
		return;
	text_safe(field_text(file, "file"), name, sizeof(name));
	if (strcmp(state, "offered") == 0)
		note(chat, "%s offers a file, %s: 'dpc file accept %.0f' takes it", chat->name,
			name, field_number(file, "id", 0));
	else if (strcmp(state, "done") == 0)
		note(chat, "a file has come, %s", name);
}

/* Something that happened between us and the peer. */
static void on_event(struct chat *chat, const char *kind, const json_t *event)
{
	char text[LINK_TEXT_MAX];
	if (strcmp(kind, "chat") == 0 && !chat->cli->json)
		on_chat(chat, event);
	else if (strcmp(kind, "chat_delivered") == 0)
		message_delivered(chat, field_text(event, "id"));
	else if (strcmp(kind, "link_up") == 0)
		note(chat, "connected %s", link_text(json_object_get(event, "link"), text));
	else if (strcmp(kind, "link_down") == 0)
		note(chat, "the link is closed: %s",
			text_safe(field_text(event, "reason"), text, sizeof(text)));
	else if (strcmp(kind, "key_changed") == 0)
		note(chat, "%s%s showed another key than before and was refused%s",
			colour(COLOUR_RED), chat->name, colour(COLOUR_NONE));
	else if (strcmp(kind, "access_asked") == 0)
		note(chat,
			"%s asks for what your rules leave to you: 'dpc access pending' shows it",
			chat->name);
	else if (strcmp(kind, "file") == 0)
		on_file(chat, json_object_get(event, "file"));
	else if (strcmp(kind, "error") == 0)
		note(chat, "error: %s",
			text_safe(field_text(event, "message"), text, sizeof(text)));
}

static void on_line(struct bytes line, void *user)
{
	struct chat *chat = user;
	json_t *event = NULL;
	if (line.size == 0 || json_parse_object(line, WEB_CLIENT_LINE_MAX, &event) != ERR_OK)
		return;
	const char *kind = field_text(event, "event");
	bool hello = strcmp(kind, "hello") == 0, overrun = strcmp(kind, "overrun") == 0;
	bool ours = strcmp(field_text(event, "peer"), chat->node_id) == 0;
	if (chat->cli->json && (hello || overrun || ours)) {
		print_json(event);
		fflush(stdout);
	}
	if (hello)
		on_hello(chat);
	else if (overrun)
		note(chat, "too much happened at once; 'dpc history %s' has what is missing here",
			chat->name);
	else if (ours)
		on_event(chat, kind, event);
	json_decref(event);
}

static void on_events_end(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	char problem[CLI_PROBLEM_MAX];
	chat->events = NULL;
	if (answer->err == ERR_OK && answer->status >= 300) {
		api_problem(chat->cli, answer, problem);
		stop(chat, cli_fail("%s", problem));
	} else {
		stop(chat, cli_fail("the node has stopped: start it with 'dpc up'"));
	}
}

/* ---- Beginning and end ---- */

static int find_peer(struct chat *chat)
{
	char path[CLI_API_PATH_MAX] = "/peers/";
	json_t *peer = NULL;
	if (!api_path_add_encoded(path, chat->cli->args[0]))
		return cli_wrong(chat->cli, "the peer's name is too long");
	int status = api_ask(chat->cli, &(struct api_request){.path = path}, &peer);
	if (status != CLI_DONE)
		return status;
	name_text(peer, chat->name);
	text_copy(chat->node_id, sizeof(chat->node_id), field_text(peer, "node_id"));
	chat->connected = json_is_object(json_object_get(peer, "link"));
	json_decref(peer);
	return CLI_DONE;
}

static int talk(struct chat *chat)
{
	struct api_call call;
	enum err err = net_loop_create(&chat->loop);
	if (err == ERR_OK)
		err = http_client_create(chat->loop, &chat->client);
	if (err == ERR_OK)
		err = net_timer_init(&chat->patience, chat->loop, out_of_patience, chat);
	if (err != ERR_OK)
		return cli_fail("cannot start: %s", err_text(err));
	net_defer_init(&chat->read_soon, chat->loop, on_read_soon, chat);
	int status = api_call_init(&call, chat->cli, &(struct api_request){.path = "/events"});
	if (status != CLI_DONE)
		return status;
	call.ask.timeout_ms = 0;
	err = http_client_start(
		chat->client, &call.ask, on_line, on_events_end, chat, &chat->events);
	api_call_deinit(&call);
	if (err != ERR_OK)
		return cli_fail("cannot ask the node: %s", err_text(err));
	net_loop_run(chat->loop);
	return chat->status;
}

static void chat_deinit(struct chat *chat)
{
	size_t cursor = 0;
	for (struct outstanding *one; (one = map_next(&chat->outstanding, &cursor));)
		free(one);
	map_deinit(&chat->outstanding);
	net_defer_cancel(&chat->read_soon);
	net_timer_deinit(&chat->patience);
	net_watch_destroy(chat->watch);
	http_client_destroy(chat->client);
	net_loop_destroy(chat->loop);
	buffer_deinit(&chat->input);
}

int command_chat(const struct cli *cli)
{
	const char *wait = cli_value(cli, "wait");
	struct rng rng = rng_system();
	uint32_t seconds = WAIT_SECONDS;
	struct chat chat = {
		.cli = cli,
		.input = buffer_with_max(2 * CLI_LINE_MAX),
		.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	if (wait && (!text_to_u32(wait, &seconds) || seconds > CLI_WAIT_SECONDS_MAX))
		return cli_wrong(cli, "'--wait' is a number of seconds");
	chat.wait = seconds * USEC_PER_SEC;
	int status = find_peer(&chat);
	if (status != CLI_DONE)
		return status;
	map_init(&chat.outstanding, OUTSTANDING_MAX, &rng);
	status = talk(&chat);
	chat_deinit(&chat);
	return status;
}
