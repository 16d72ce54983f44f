#include "node/questions.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/dispatch.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/session.h"

void questions_init(struct questions *questions)
{
	list_init(&questions->list);
}

static void release(struct question *question)
{
	list_remove(&question->node);
	question->owner->questions.count--;
	net_timer_deinit(&question->timer);
	for (size_t i = 0; i < question->key_count; i++)
		free(question->keys[i]);
	free(question);
}

void questions_deinit(struct questions *questions)
{
	if (!questions->list.next)
		return;
	LIST_FOREACH_SAFE (node, &questions->list)
		release(CONTAINER_OF(node, struct question, node));
}

void questions_drop_peer(struct questions *questions, const char *peer)
{
	LIST_FOREACH_SAFE (node, &questions->list) {
		struct question *question = CONTAINER_OF(node, struct question, node);
		if (strcmp(question->peer, peer) == 0)
			release(question);
	}
}

/* ---- Finding ---- */

static bool is_same(const struct question *question, const struct message_request_context *asked)
{
	if (question->key_count != asked->keys.count)
		return false;
	for (size_t i = 0; i < question->key_count; i++) {
		if (strcmp(question->keys[i], asked->keys.items[i]) != 0)
			return false;
	}
	return true;
}

struct question *questions_find_same(
	struct session *session, const struct message_request_context *asked)
{
	LIST_FOREACH (node, &session->node->questions.list) {
		struct question *question = CONTAINER_OF(node, struct question, node);
		if (strcmp(question->peer, session->id) == 0 && !question->model[0] &&
			is_same(question, asked))
			return question;
	}
	return NULL;
}

struct question *questions_find_model(struct session *session, const char *model)
{
	LIST_FOREACH (node, &session->node->questions.list) {
		struct question *question = CONTAINER_OF(node, struct question, node);
		if (strcmp(question->peer, session->id) == 0 && question->model[0] &&
			strcmp(question->model, model) == 0)
			return question;
	}
	return NULL;
}

struct question *questions_find(struct questions *questions, const char *id)
{
	uint64_t wanted;
	if (!text_to_u64(id, &wanted))
		return NULL;
	LIST_FOREACH (node, &questions->list) {
		struct question *question = CONTAINER_OF(node, struct question, node);
		if (question->id == wanted && question->state == QUESTION_WAITS)
			return question;
	}
	return NULL;
}

size_t question_keys(const struct question *question, const char *ret_keys[CONTEXT_KEYS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < question->key_count; i++) {
		if (question->asks[i])
			ret_keys[count++] = question->keys[i];
	}
	return count;
}

size_t question_paths(
	const struct question *question, char ret_paths[CONTEXT_KEYS_MAX][ACCESS_PATH_MAX + 1])
{
	const char *keys[CONTEXT_KEYS_MAX];
	/* Only what is well-formed is asked about. */
	if (question->model[0]) {
		CHECK(access_model_path(question->model, ret_paths[0]));
		return 1;
	}
	size_t count = question_keys(question, keys);
	for (size_t i = 0; i < count; i++)
		CHECK(context_key_path(keys[i], ret_paths[i]));
	return count;
}

unsigned question_seconds_left(const struct question *question)
{
	return (unsigned)(usec_max(question->expires - net_now(), 0) / USEC_PER_SEC);
}

/* ---- Asking ---- */

static void expired(void *user)
{
	struct question *question = user;
	if (question->state == QUESTION_WAITS)
		question_answer(question, false, "timeout");
	release(question);
}

/* One that is decided makes room for one that is not. */
static bool make_room(struct questions *questions)
{
	if (questions->count < NODE_QUESTIONS_MAX)
		return true;
	LIST_FOREACH (node, &questions->list) {
		struct question *question = CONTAINER_OF(node, struct question, node);
		if (question->state == QUESTION_WAITS)
			continue;
		release(question);
		return true;
	}
	return false;
}

static bool may_ask(struct session *session)
{
	size_t waiting = 0;
	LIST_FOREACH (node, &session->node->questions.list) {
		struct question *question = CONTAINER_OF(node, struct question, node);
		waiting += question->state == QUESTION_WAITS &&
			   strcmp(question->peer, session->id) == 0;
	}
	return waiting < NODE_QUESTIONS_PER_PEER_MAX &&
	       rate_take(&session->question_rate, net_now(), NODE_QUESTIONS_PER_MINUTE) &&
	       make_room(&session->node->questions);
}

static bool copy_keys(struct question *question, const struct message_request_context *asked,
	const struct context_selection *selection)
{
	size_t next = 0;
	for (size_t i = 0; i < asked->keys.count; i++) {
		const char *key = asked->keys.items[i];
		question->keys[i] = text_duplicate(key);
		if (!question->keys[i])
			return false;
		question->key_count++;
		/* They are in the same order, and the same texts. */
		question->asks[i] = next < selection->ask_count && selection->asks[next] == key;
		next += question->asks[i];
	}
	return true;
}

static enum err create(struct session *session, struct question **ret_question)
{
	struct node *node = session->node;
	if (!may_ask(session))
		return ERR_LIMIT;
	struct question *question = calloc(1, sizeof(*question));
	if (!question)
		return ERR_NOMEM;
	enum err err = net_timer_init(&question->timer, node->loop, expired, question);
	if (err) {
		free(question);
		return err;
	}
	question->owner = node;
	question->id = ++node->questions.serial;
	question->since_unix = node_unix_time();
	question->expires = net_now() + node->config.ask_seconds * USEC_PER_SEC;
	CHECK(text_copy(question->peer, sizeof(question->peer), session->id));
	list_push_back(&node->questions.list, &question->node);
	node->questions.count++;
	net_timer_set(&question->timer, question->expires);
	*ret_question = question;
	return ERR_OK;
}

enum err questions_add(struct session *session, const struct message_request_context *asked,
	const struct context_selection *selection, struct question **ret_question)
{
	struct question *question;
	enum err err = create(session, &question);
	if (err)
		return err;
	if (!copy_keys(question, asked, selection)) {
		release(question);
		return ERR_NOMEM;
	}
	*ret_question = question;
	return ERR_OK;
}

enum err questions_add_model(
	struct session *session, const char *model, struct question **ret_question)
{
	enum err err = create(session, ret_question);
	if (!err)
		CHECK(text_copy((*ret_question)->model, sizeof((*ret_question)->model), model));
	return err;
}

void question_renew(struct question *question, const char *request_id)
{
	CHECK(text_copy(question->request_id, sizeof(question->request_id), request_id));
}

static void tell_answered(const struct question *question, bool allow, const char *by)
{
	struct node *node = question->owner;
	const struct session *session = session_find(node, question->peer);
	const char *name = session ? session->name : NULL;
	log_info("question %llu of '%s' is answered by the %s: %s",
		(unsigned long long)question->id, name ? name : question->peer, by,
		allow ? "allowed" : "denied");
	event_of_peer(node, "access_answered", question->peer, name,
		json_pack("{s:s, s:b, s:s}", "id", question_id(question).text, "allowed",
			(int)allow, "by", by));
}

void question_withdraw(struct question *question)
{
	tell_answered(question, false, "peer");
	release(question);
}

void question_use_up(struct question *question)
{
	release(question);
}

bool question_answer(struct question *question, bool allow, const char *by)
{
	struct session *session = session_find(question->owner, question->peer);
	question->state = allow ? QUESTION_ALLOWED : QUESTION_DENIED;
	tell_answered(question, allow, by);
	if (!session || !session_is_connected(session, VIA_AUTO))
		return false;
	return question->model[0] ? handle_ai_answered(session, question)
				  : handle_context_answered(session, question);
}

/* ---- Showing ---- */

/* What the peer would get. */
static json_t *would_give(const struct question *question, const struct store_contact *contact)
{
	const char *keys[CONTEXT_KEYS_MAX];
	bool consent[CONTEXT_KEYS_MAX];
	struct context_selection selection;
	struct node *node = question->owner;
	struct context_request request = {
		.keys = keys, .key_count = question_keys(question, keys), .consent = consent};
	struct access_peer peer = {
		.node_id = question->peer, .name = contact->name, .verified = contact->verified};
	memset(consent, true, sizeof(consent));
	if (context_select(node->context, node->access, &peer, &request, &selection) != ERR_OK)
		return NULL;
	json_t *allowed = json_incref(selection.allowed);
	context_selection_deinit(&selection);
	return allowed;
}

struct question_text question_id(const struct question *question)
{
	struct question_text id;
	snprintf(id.text, sizeof(id.text), "%llu", (unsigned long long)question->id);
	return id;
}

/* As a rule would name them, but that context goes without saying. */
static json_t *describe_keys(const struct question *question)
{
	const char *keys[CONTEXT_KEYS_MAX];
	char path[ACCESS_PATH_MAX + 1];
	size_t count = question_keys(question, keys);
	json_t *names = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(names, json_string(keys[i]));
	if (question->model[0] && access_model_path(question->model, path))
		json_array_append_new(names, json_string(path));
	return names;
}

json_t *question_describe(const struct question *question)
{
	struct store_contact contact = {0};
	bool is_ai = question->model[0] != '\0';
	if (store_contact_get(question->owner->store, question->peer, &contact) != ERR_OK)
		contact.name[0] = 0;
	usec left = usec_max(question->expires - net_now(), 0);
	return json_pack("{s:s, s:s, s:s, s:s?, s:o, s:s?, s:f, s:f, s:o?}", "id",
		question_id(question).text, "kind", is_ai ? "ai" : "context", "peer",
		question->peer, "name", contact.name[0] ? contact.name : NULL, "keys",
		describe_keys(question), "model", is_ai ? question->model : NULL, "since",
		question->since_unix, "expires_in_seconds", (double)left / USEC_PER_SEC,
		"would_give", is_ai ? NULL : would_give(question, &contact));
}
