/* The commands of a conversation at the terminal. A new one is a row of the table below. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/chat.h"
#include "cli/field.h"
#include "cli/path_complete.h"
#include "cli/status_peers.h"

#define HISTORY_DEFAULT 20
#define FOUND_DEFAULT "20"
#define LIMIT_MAX 500 /* of the node */

/* The answer's object, or NULL after the line that says why there is none. */
static json_t *read_answer(struct chat *chat, const struct http_answer *answer)
{
	char problem[CLI_PROBLEM_MAX];
	json_t *object = NULL;
	chat->post = NULL;
	if (!api_read(chat->cli, answer, &object, problem))
		chat_complain(chat, "%s", problem);
	return object;
}

static void finish(struct chat *chat, json_t *object)
{
	chat_show(chat);
	json_decref(object);
	chat_next(chat);
}

/* ---- /help, /quit ---- */

static void help(struct chat *chat, const char *argument)
{
	(void)argument;
	for (const struct chat_command *command = chat_commands; command->name; command++) {
		char usage[2 * CLI_COMMAND_NAME_MAX];
		snprintf(usage, sizeof(usage), "/%s %s", command->name, command->arguments);
		fprintf(chat->out, "%s%-15s%s %s\n", colour(COLOUR_BOLD), usage,
			colour(COLOUR_NONE), command->help);
	}
	fputs("//TEXT          a message that begins with a slash\n"
	      "Alt-Enter       another line in the message\n"
	      "up, down        what was typed before\n"
	      "Tab             completes a command or a path\n"
	      "Ctrl-L          clears the screen\n"
	      "Ctrl-D, Ctrl-C  leave\n"
	      "\xe2\x8b\xaf  waits for a link   \xe2\x9c\x93  sent   \xe2\x9c\x93\xe2\x9c\x93 "
	      "delivered   \xe2\x97\x8f  read\n",
		chat->out);
	chat_show(chat);
}

static void quit(struct chat *chat, const char *argument)
{
	(void)argument;
	buffer_clear(&chat->input);
	chat->input_ended = true;
}

/* ---- /who ---- */

static void on_who(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	json_t *peer = read_answer(chat, answer), *peers = json_array();
	double queued = field_number(peer, "queued", 0);
	if (peer && peers && json_array_append(peers, peer) == 0)
		print_peer_table(chat->out, peers, chat_terminal_columns(chat->terminal));
	if (queued > 0)
		fprintf(chat->out, "%.0f not delivered yet\n", queued);
	json_decref(peers);
	finish(chat, peer);
}

static void who(struct chat *chat, const char *argument)
{
	char path[CLI_API_PATH_MAX];
	(void)argument;
	snprintf(path, sizeof(path), "/peers/%s", chat->node_id);
	chat_ask(chat, &(struct api_request){.path = path}, on_who, &chat->post);
}

/* ---- /history, /search ---- */

static void on_history(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	json_t *history = read_answer(chat, answer);
	const json_t *messages = json_object_get(history, "messages");
	for (size_t i = 0; i < json_array_size(messages); i++)
		chat_show_message(chat, json_array_get(messages, i));
	if (history && json_array_size(messages) == 0)
		chat_note(chat, "nothing was said yet");
	finish(chat, history);
}

static void history(struct chat *chat, const char *argument)
{
	char path[CLI_API_PATH_MAX];
	uint32_t count = HISTORY_DEFAULT;
	if (*argument && (!text_to_u32(argument, &count) || count == 0 || count > LIMIT_MAX)) {
		chat_complain(chat, "/history takes a number from 1 to %d", LIMIT_MAX);
		return;
	}
	snprintf(path, sizeof(path), "/history?peer=%s&limit=%u", chat->node_id, (unsigned)count);
	chat_ask(chat, &(struct api_request){.path = path}, on_history, &chat->post);
}

/* The newest stands last, as everywhere above the line. */
static void on_search(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	json_t *found = read_answer(chat, answer);
	const json_t *messages = json_object_get(found, "messages");
	for (size_t i = json_array_size(messages); i > 0; i--)
		chat_print_found(chat, json_array_get(messages, i - 1));
	if (found && json_array_size(messages) == 0)
		chat_note(chat, "no message has all of these words; 'begin*' also finds what "
				"begins so");
	if (json_is_true(json_object_get(found, "more")))
		chat_note(chat, "there are older ones: 'dpc search --peer' shows them");
	finish(chat, found);
}

static void search(struct chat *chat, const char *argument)
{
	char path[CLI_API_PATH_MAX] = "/history/search?limit=" FOUND_DEFAULT "&peer=";
	if (!api_path_add(path, chat->node_id) || !api_path_add(path, "&q=") ||
		!api_path_add_encoded(path, argument)) {
		chat_complain(chat, "that is too much to look for");
		return;
	}
	chat_ask(chat, &(struct api_request){.path = path}, on_search, &chat->post);
}

/* ---- /reply, /edit, /delete ---- */

static void reply(struct chat *chat, const char *argument)
{
	if (chat->last_received[0])
		chat_send(chat, argument, chat->last_received);
	else
		chat_complain(chat,
			"no message of %s's is shown here: '/history' shows the last ones",
			chat->name);
}

/* What came of it is an event. */
static void on_change(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	finish(chat, read_answer(chat, answer));
}

static void change(struct chat *chat, const char *path, json_t *body)
{
	chat_ask(chat, &(struct api_request){.method = "POST", .path = path, .body = body},
		on_change, &chat->post);
}

static void edit(struct chat *chat, const char *argument)
{
	change(chat, "/messages/last/edit",
		json_pack("{s:s, s:s}", "peer", chat->node_id, "text", argument));
}

static void delete_last(struct chat *chat, const char *argument)
{
	(void)argument;
	change(chat, "/messages/last/delete", json_pack("{s:s}", "peer", chat->node_id));
}

/* ---- /file ---- */

static void on_file(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	char name[LINK_TEXT_MAX];
	json_t *file = read_answer(chat, answer);
	if (file)
		chat_note(chat, "file %.0f, %s, is under way", field_number(file, "id", 0),
			text_safe(field_text(file, "file"), name, sizeof(name)));
	finish(chat, file);
}

static void file(struct chat *chat, const char *argument)
{
	char path[CLI_PATH_MAX];
	char *absolute = path_expand(argument, path, sizeof(path)) ? realpath(path, NULL) : NULL;
	if (!absolute) {
		char safe[CLI_PROBLEM_MAX / 2];
		chat_complain(chat, "cannot find '%s'", text_safe(argument, safe, sizeof(safe)));
		return;
	}
	json_t *body = json_pack("{s:s, s:s}", "peer", chat->node_id, "path", absolute);
	if (body)
		chat_ask(chat,
			&(struct api_request){.method = "POST", .path = "/files", .body = body},
			on_file, &chat->post);
	else
		chat_complain(chat, "the path is not UTF-8");
	free(absolute);
}

const struct chat_command chat_commands[] = {
	{"help", "", "this text", CHAT_ARGUMENT_NONE, false, help},
	{"quit", "", "leave", CHAT_ARGUMENT_NONE, false, quit},
	{"who", "", "how the link is", CHAT_ARGUMENT_NONE, false, who},
	{"history", "[N]", "the last N messages (20)", CHAT_ARGUMENT_MAY, false, history},
	{"search", "WORDS", "messages that have all of the words", CHAT_ARGUMENT_MUST, false,
		search},
	{"reply", "TEXT", "to the last message of the other side", CHAT_ARGUMENT_MUST, false,
		reply},
	{"edit", "TEXT", "what your last message is to say", CHAT_ARGUMENT_MUST, false, edit},
	{"delete", "", "your last message", CHAT_ARGUMENT_NONE, false, delete_last},
	{"file", "PATH", "send a file", CHAT_ARGUMENT_MUST, true, file},
	{.name = NULL},
};
