/* Lines at the terminal: messages, and commands that begin with a slash. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cli/chat.h"

/* What is typed to a peer is kept for the chats with that peer alone: an arrow key and Enter are
 * not to send somebody's words to somebody else. */
#define TYPED_FOLDER "typed"

void chat_show_prompt(struct chat *chat)
{
	char prompt[CHAT_PROMPT_MAX];
	const char *state = !chat->connected ? " (away)" : chat->peer_is_typing ? " (typing)" : "";
	snprintf(prompt, sizeof(prompt), "%s%s> ", chat->name, state);
	chat_terminal_prompt(chat->terminal, prompt);
}

static void obey(struct chat *chat, char *line)
{
	struct chat_parsed parsed = chat_parse(chat_commands, line);
	char name[CLI_COMMAND_NAME_MAX];
	switch (parsed.line) {
	case CHAT_LINE_MESSAGE:
		chat_send(chat, parsed.text, NULL);
		break;
	case CHAT_LINE_COMMAND:
		parsed.command->run(chat, parsed.text);
		break;
	case CHAT_LINE_UNKNOWN:
		line[1 + strcspn(line + 1, " \t\n")] = 0;
		chat_complain(chat,
			"there is no command '%s': /help lists them; a message that begins with a "
			"slash is typed with two",
			text_safe(line, name, sizeof(name)));
		break;
	case CHAT_LINE_WRONG:
		chat_complain(
			chat, "usage: /%s %s", parsed.command->name, parsed.command->arguments);
		break;
	}
}

void chat_take_next_typed(struct chat *chat)
{
	while (!chat->post && chat->input.size > 0 && chat->failure[0] == 0) {
		char *line = text_duplicate(buffer_text(&chat->input));
		buffer_consume(&chat->input, strlen(buffer_text(&chat->input)) + 1);
		if (line)
			obey(chat, line);
		free(line);
	}
	if (!chat->input_ended || chat->post)
		return;
	if (chat->undelivered > 0)
		chat_note(chat, "%zu not delivered yet; the node keeps them for %s",
			chat->undelivered, chat->name);
	chat_stop(chat, CLI_DONE);
}

static void on_entered(const char *line, void *user)
{
	struct chat *chat = user;
	if (chat->input_ended)
		return;
	if (buffer_append(&chat->input, bytes_of(line, strlen(line) + 1)) != ERR_OK)
		chat_complain(chat, "too much waits to be sent; not sent, the arrow up has it");
	chat_take_next_typed(chat);
}

void chat_leave(struct chat *chat)
{
	/* Who asks twice does not want to wait for what was typed before. */
	if (chat->input_ended)
		chat_stop(chat, CLI_DONE);
	chat->input_ended = true;
	chat_take_next_typed(chat);
}

static void on_left(void *user)
{
	chat_leave(user);
}

/* A command is nobody's business. */
static void on_changed(const char *line, void *user)
{
	struct chat *chat = user;
	if (line[0] && (line[0] != '/' || line[1] == '/'))
		chat_typing(chat);
}

static void on_full(void *user)
{
	chat_complain(user, "a message has at most %d bytes", CLI_LINE_MAX);
}

static void on_complete(const char *typed, struct buffer *insert, void *user)
{
	struct chat *chat = user;
	struct buffer candidates = buffer_with_max(CLI_CANDIDATES_MAX * CLI_PATH_MAX);
	if (chat_complete(chat_commands, typed, insert, &candidates) == ERR_OK &&
		candidates.size > 0)
		chat_note(chat, "%s", buffer_text(&candidates));
	buffer_deinit(&candidates);
}

static void on_signal(int signal, void *user)
{
	(void)signal;
	chat_stop(user, CLI_DONE);
}

static void on_hangup(void *user)
{
	chat_stop(user, CLI_DONE);
}

/* Where it cannot be made, the chat goes without. */
static void history_path(const struct chat *chat, char *path)
{
	char name[CLI_PROBLEM_MAX];
	if (cli_path(chat->cli, TYPED_FOLDER, path))
		mkdir(path, 0700);
	snprintf(name, sizeof(name), "%s/%s", TYPED_FOLDER, chat->node_id);
	if (!cli_path(chat->cli, name, path))
		path[0] = 0;
}

enum err chat_start_typing(struct chat *chat)
{
	static const struct chat_terminal_uses uses = {
		.entered = on_entered,
		.left = on_left,
		.changed = on_changed,
		.full = on_full,
		.complete = on_complete,
	};
	char path[CLI_PATH_MAX];
	struct chat_terminal_uses own = uses;
	own.user = chat;
	history_path(chat, path);
	FILE *out = open_memstream(&chat->out_text, &chat->out_size);
	if (!out)
		return ERR_NOMEM;
	chat->out = out;
	enum err err = net_loop_on_signal(chat->loop, on_signal, chat);
	if (!err)
		err = net_loop_on_hangup(chat->loop, on_hangup, chat);
	if (!err)
		err = chat_terminal_create(chat->loop, path, &own, &chat->terminal);
	if (!err)
		chat_show_prompt(chat);
	return err;
}
