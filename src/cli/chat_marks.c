/* What each side of a conversation at the terminal hears of the other: what was read, and that
 * something is being written. Nothing of it is worth a word when it does not get through. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/chat.h"
#include "cli/field.h"

/* As docs/local-api.md has it: said again in this, over without a word after that. */
#define TYPING_AGAIN (3 * USEC_PER_SEC)
#define TYPING_OVER (6 * USEC_PER_SEC)

/* ---- What we have read ---- */

static void on_read(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	(void)answer;
	chat->read = NULL;
	if (chat->read_again)
		chat_read(chat);
}

void chat_read(struct chat *chat)
{
	chat->read_again = chat->read != NULL;
	if (chat->read || !chat->terminal || strcmp(chat->last_read, chat->last_received) == 0)
		return;
	memcpy(chat->last_read, chat->last_received, sizeof(chat->last_read));
	chat_ask(chat,
		&(struct api_request){.method = "POST",
			.path = "/read",
			.body = json_pack(
				"{s:s, s:s}", "peer", chat->node_id, "id", chat->last_read)},
		on_read, &chat->read);
}

static bool is_received(const json_t *message)
{
	return strcmp(field_text(message, "direction"), "in") == 0 &&
	       !json_is_true(json_object_get(message, "deleted"));
}

void chat_show_message(struct chat *chat, const json_t *message)
{
	chat_print_message(chat, message);
	if (is_received(message))
		text_copy(chat->last_received, sizeof(chat->last_received),
			field_text(message, "id"));
}

/* ---- What came while nobody looked ---- */

static bool is_unread(const json_t *message)
{
	return is_received(message) && strcmp(field_text(message, "state"), "received") == 0;
}

static void on_unread(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	char problem[CLI_PROBLEM_MAX];
	json_t *history = NULL;
	chat->unread = NULL;
	if (!api_read(chat->cli, answer, &history, problem)) {
		chat_complain(chat, "%s", problem);
		return;
	}
	const json_t *messages = json_object_get(history, "messages");
	size_t first = 0, count = json_array_size(messages);
	while (first < count && !is_unread(json_array_get(messages, first)))
		first++;
	if (first == 0 && json_is_true(json_object_get(history, "more")))
		chat_note(chat, "there are older ones: 'dpc history %s' shows them", chat->name);
	for (size_t i = first; i < count; i++)
		chat_show_message(chat, json_array_get(messages, i));
	chat_show(chat);
	json_decref(history);
	chat_read(chat);
}

void chat_show_unread(struct chat *chat, size_t count)
{
	char path[CLI_API_PATH_MAX];
	if (count == 0 || !chat->terminal)
		return;
	chat_note(chat, "%zu unread", count);
	snprintf(path, sizeof(path), "/history?peer=%s&limit=%d", chat->node_id, CHAT_UNREAD_SHOWN);
	chat_ask(chat, &(struct api_request){.path = path}, on_unread, &chat->unread);
}

/* ---- Who is typing ---- */

static void on_told(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	(void)answer;
	chat->typing = NULL;
}

void chat_typing(struct chat *chat)
{
	if (chat->typing || net_now() < chat->typing_next)
		return;
	chat->typing_next = net_now() + TYPING_AGAIN;
	chat_ask(chat,
		&(struct api_request){.method = "POST",
			.path = "/typing",
			.body = json_pack("{s:s}", "peer", chat->node_id)},
		on_told, &chat->typing);
}

void chat_peer_types(struct chat *chat, bool active)
{
	if (!chat->terminal)
		return;
	if (active)
		net_timer_set(&chat->peer_typing, net_now() + TYPING_OVER);
	else
		net_timer_cancel(&chat->peer_typing);
	if (active != chat->peer_is_typing) {
		chat->peer_is_typing = active;
		chat_show_prompt(chat);
	}
}

void chat_peer_stopped(void *user)
{
	chat_peer_types(user, false);
}
