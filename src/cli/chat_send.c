/* Messages of ours: sent one after the other, and followed until they are delivered. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/chat.h"
#include "cli/field.h"
#include "message/json.h"
#include "web/limits.h"

#define SNIPPET_MAX 48
#define STATES_MAX 500 /* of the node, in one answer */

/* A message that was accepted, or delivered: the two come over different connections, in any order.
 */
struct chat_outstanding {
	char id[80];
	char snippet[SNIPPET_MAX];
	bool accepted, delivered, queued, settled; /* settled: shown as delivered, not as read */
	size_t where;                              /* on the terminal */
};

static struct chat_outstanding *follow(struct chat *chat, const char *id)
{
	struct chat_outstanding *found = map_get(&chat->outstanding, bytes_of_text(id));
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

static void forget(struct chat *chat, struct chat_outstanding *one)
{
	map_remove(&chat->outstanding, bytes_of_text(one->id));
	free(one);
}

void chat_forget_all(struct chat *chat)
{
	size_t cursor = 0;
	for (struct chat_outstanding *one; (one = map_next(&chat->outstanding, &cursor));)
		free(one);
	map_deinit(&chat->outstanding);
}

static void note_delivered(struct chat *chat, const char *snippet)
{
	if (chat->terminal)
		chat_note(chat, "\xe2\x9c\x93\xe2\x9c\x93 delivered: %s", snippet);
	else
		chat_note(chat, "%s\xe2\x9c\x93 delivered:%s %s", colour(COLOUR_GREEN),
			colour(COLOUR_NONE), snippet);
}

/* When it is known both that we sent it and that it arrived. */
static void settle(struct chat *chat, struct chat_outstanding *one)
{
	if (!one->accepted || !one->delivered || one->settled)
		return;
	one->settled = chat_mark(chat, one->where, "delivered");
	if (!one->settled)
		note_delivered(chat, one->snippet);
	chat->undelivered--;
	if (!one->settled)
		forget(chat, one);
	if (!chat->terminal)
		chat_next(chat);
}

static void message_accepted(struct chat *chat, const json_t *message)
{
	struct chat_outstanding *one = follow(chat, field_text(message, "id"));
	size_t where = 0;
	if (chat->terminal || (!chat->at_terminal && !chat->cli->json)) {
		chat_print_message(chat, message);
		where = chat_show(chat);
	}
	if (!one)
		return;
	text_safe(field_text(message, "text"), one->snippet, sizeof(one->snippet));
	one->accepted = true;
	one->queued = strcmp(field_text(message, "state"), "queued") == 0;
	one->where = where;
	chat->undelivered++;
	settle(chat, one);
}

void chat_delivered(struct chat *chat, const char *id)
{
	struct chat_outstanding *one = follow(chat, id);
	if (!one)
		return;
	one->delivered = true;
	settle(chat, one);
}

void chat_deleted(struct chat *chat, const char *id)
{
	struct chat_outstanding *one = map_get(&chat->outstanding, bytes_of_text(id));
	if (!one)
		return;
	if (one->accepted && !one->delivered)
		chat->undelivered--;
	forget(chat, one);
	if (!chat->terminal)
		chat_next(chat);
}

/* One that is settled, up to that row, or NULL. */
static struct chat_outstanding *find_settled(const struct chat *chat, size_t where)
{
	size_t cursor = 0;
	struct chat_outstanding *one;
	while ((one = map_next(&chat->outstanding, &cursor)))
		if (one->settled && one->where <= where)
			return one;
	return NULL;
}

void chat_seen(struct chat *chat, const char *id)
{
	struct chat_outstanding *last = map_get(&chat->outstanding, bytes_of_text(id)), *one;
	if (!last || !last->settled)
		return;
	size_t where = last->where;
	while ((one = find_settled(chat, where))) {
		chat_mark(chat, one->where, "read");
		forget(chat, one);
	}
}

static void on_posted(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	char problem[CLI_PROBLEM_MAX];
	json_t *message = NULL;
	chat->post = NULL;
	if (answer->err != ERR_OK) {
		api_problem(chat->cli, answer, problem);
		chat_fail(chat, "not sent: %s", problem);
		return;
	}
	if (answer->status >= 300) {
		api_problem(chat->cli, answer, problem);
		chat_complain(chat, "not sent: %s", problem);
		chat->status = CLI_FAILED;
	} else if (json_parse_object(answer->body, WEB_CLIENT_ANSWER_MAX, &message) == ERR_OK) {
		message_accepted(chat, message);
		json_decref(message);
	}
	chat_next(chat);
}

void chat_send(struct chat *chat, const char *text, const char *reply_to)
{
	chat_ask(chat,
		&(struct api_request){.method = "POST",
			.path = "/messages",
			.body = json_pack("{s:s, s:s, s:s*}", "peer", chat->node_id, "text", text,
				"reply_to", reply_to)},
		on_posted, &chat->post);
}

/* ---- What is on its way since there is a link ---- */

static void on_states(const struct http_answer *answer, void *user)
{
	struct chat *chat = user;
	json_t *history = NULL;
	char problem[CLI_PROBLEM_MAX];
	chat->states = NULL;
	if (!api_read(chat->cli, answer, &history, problem))
		return; /* the next event shows more */
	const json_t *messages = json_object_get(history, "messages");
	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *message = json_array_get(messages, i);
		struct chat_outstanding *one =
			map_get(&chat->outstanding, bytes_of_text(field_text(message, "id")));
		if (!one || !one->queued || strcmp(field_text(message, "state"), "sent") != 0)
			continue;
		one->queued = false;
		chat_mark(chat, one->where, "sent");
	}
	json_decref(history);
}

void chat_look_at_states(struct chat *chat)
{
	char path[CLI_API_PATH_MAX];
	if (!chat->terminal || chat->states || chat->undelivered == 0)
		return;
	snprintf(path, sizeof(path), "/history?peer=%s&limit=%d", chat->node_id, STATES_MAX);
	chat_ask(chat, &(struct api_request){.path = path}, on_states, &chat->states);
}
