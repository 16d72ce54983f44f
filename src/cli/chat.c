/* dpc chat: a conversation. At a terminal it has a line to type in, commands and marks; with pipes
 * each line of stdin is a message, and at its end it waits a little for what is not delivered. */
#include "cli/chat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "message/json.h"
#include "web/limits.h"

#define WAIT_SECONDS 5
#define CONNECT_TIMEOUT_MS 20000
#define WAITING_MAX (4 * CLI_LINE_MAX) /* bytes that were typed and are not sent yet */

void chat_stop(struct chat *chat, int status)
{
	if (chat->status == CLI_DONE)
		chat->status = status;
	net_loop_stop(chat->loop);
}

void chat_fail(struct chat *chat, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (chat->failure[0] == 0)
		vsnprintf(chat->failure, sizeof(chat->failure), format, args);
	va_end(args);
	chat_stop(chat, CLI_FAILED);
}

void chat_ask(struct chat *chat, const struct api_request *request,
	void (*done)(const struct http_answer *, void *), struct http_request **ret_request)
{
	struct api_call call;
	if (request->method && !request->body) {
		chat_fail(chat, "out of memory");
		return;
	}
	if (api_call_init(&call, chat->cli, request) != CLI_DONE) {
		chat_stop(chat, CLI_FAILED);
		return;
	}
	enum err err = http_client_start(chat->client, &call.ask, NULL, done, chat, ret_request);
	if (err != ERR_OK)
		chat_fail(chat, "cannot ask the node: %s", err_text(err));
	api_call_deinit(&call);
}

void chat_next(struct chat *chat)
{
	if (chat->terminal)
		chat_take_next_typed(chat);
	else
		chat_send_next_line(chat);
}

static void out_of_patience(void *user)
{
	struct chat *chat = user;
	chat_note(chat, "%zu not delivered yet; the node keeps them for %s", chat->undelivered,
		chat->name);
	chat_stop(chat, CLI_DONE);
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
	chat_note(chat, "not connected: %s; messages wait", problem);
}

static void on_hello(struct chat *chat)
{
	chat_note(chat, "talking to %s%s", chat->name,
		chat->terminal      ? "; /help lists the commands, Ctrl-D leaves"
		: chat->at_terminal ? "; an empty line does nothing, Ctrl-D ends"
				    : "");
	if (!chat->connected)
		chat_ask(chat,
			&(struct api_request){.method = "POST",
				.path = "/connect",
				.body = json_pack("{s:s, s:i}", "peer", chat->node_id, "timeout_ms",
					CONNECT_TIMEOUT_MS),
				.timeout_ms = CONNECT_TIMEOUT_MS + 5000},
			on_connected, &chat->connect);
	chat_show_unread(chat, chat->unread_before);
	if (!chat->terminal)
		chat_start_reading(chat);
}

static void on_chat(struct chat *chat, const json_t *event)
{
	chat_show_message(chat, json_object_get(event, "message"));
	chat_show(chat);
	chat_peer_types(chat, false);
	chat_read(chat);
}

/* A message that was edited or deleted, by either side: as it is now. */
static void on_changed(struct chat *chat, const json_t *event)
{
	const json_t *message = json_object_get(event, "message");
	if (json_is_true(json_object_get(message, "deleted")))
		chat_deleted(chat, field_text(message, "id"));
	if (!chat->terminal)
		return;
	chat_print_message(chat, message);
	chat_show(chat);
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
		chat_note(chat, "%s offers a file, %s: 'dpc file accept %.0f' takes it", chat->name,
			name, field_number(file, "id", 0));
	else if (strcmp(state, "done") == 0)
		chat_note(chat, "a file has come, %s", name);
}

static void on_link(struct chat *chat, const json_t *event, bool is_up)
{
	char text[LINK_TEXT_MAX];
	chat->connected = is_up;
	if (is_up)
		chat_note(chat, "connected %s", link_text(json_object_get(event, "link"), text));
	else
		chat_note(chat, "the link is closed: %s",
			text_safe(field_text(event, "reason"), text, sizeof(text)));
	if (!chat->terminal)
		return;
	chat_show_prompt(chat);
	if (is_up)
		chat_look_at_states(chat);
}

/* Something that happened between us and the peer. */
static void on_event(struct chat *chat, const char *kind, const json_t *event)
{
	char text[LINK_TEXT_MAX];
	if (strcmp(kind, "chat") == 0 && !chat->cli->json)
		on_chat(chat, event);
	else if (strcmp(kind, "chat_delivered") == 0)
		chat_delivered(chat, field_text(event, "id"));
	else if (strcmp(kind, "chat_changed") == 0)
		on_changed(chat, event);
	else if (strcmp(kind, "chat_read") == 0)
		chat_seen(chat, field_text(event, "id"));
	else if (strcmp(kind, "typing") == 0)
		chat_peer_types(chat, json_is_true(json_object_get(event, "active")));
	else if (strcmp(kind, "link_up") == 0)
		on_link(chat, event, true);
	else if (strcmp(kind, "link_down") == 0)
		on_link(chat, event, false);
	else if (strcmp(kind, "key_changed") == 0)
		chat_warn(chat, "%s showed another key than before and was refused", chat->name);
	else if (strcmp(kind, "access_asked") == 0)
		chat_note(chat,
			"%s asks for what your rules leave to you: 'dpc access pending' shows it",
			chat->name);
	else if (strcmp(kind, "file") == 0)
		on_file(chat, json_object_get(event, "file"));
	else if (strcmp(kind, "error") == 0)
		chat_note(chat, "error: %s",
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
		chat_note(chat,
			"too much happened at once; 'dpc history %s' has what is missing here",
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
		chat_fail(chat, "%s", problem);
	} else {
		chat_fail(chat, "the node has stopped: start it with 'dpc up'");
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
	chat->unread_before = (size_t)field_number(peer, "unread", 0);
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
	if (err == ERR_OK)
		err = net_timer_init(&chat->peer_typing, chat->loop, chat_peer_stopped, chat);
	if (err != ERR_OK)
		return cli_fail("cannot start: %s", err_text(err));
	if (chat_terminal_is_possible() && !chat->cli->json)
		err = chat_start_typing(chat);
	if (err != ERR_OK)
		return cli_fail("cannot use the terminal: %s", err_text(err));
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
	chat_terminal_destroy(chat->terminal);
	if (chat->failure[0])
		cli_fail("%s", chat->failure);
	if (chat->out != stdout)
		fclose(chat->out);
	free(chat->out_text);
	chat_forget_all(chat);
	net_defer_cancel(&chat->read_soon);
	net_timer_deinit(&chat->patience);
	net_timer_deinit(&chat->peer_typing);
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
		.out = stdout,
		.input = buffer_with_max(WAITING_MAX),
		.at_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	if (wait && (!text_to_u32(wait, &seconds) || seconds > CLI_WAIT_SECONDS_MAX))
		return cli_wrong(cli, "'--wait' is a number of seconds");
	chat.wait = seconds * USEC_PER_SEC;
	int status = find_peer(&chat);
	if (status != CLI_DONE)
		return status;
	map_init(&chat.outstanding, CHAT_OUTSTANDING_MAX, &rng);
	status = talk(&chat);
	chat_deinit(&chat);
	return status;
}
