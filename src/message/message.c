/* Each type has a function that reads its fields and one that writes them. The rules are in the
 * reading ones only: what was written is read back before it counts as encoded. */
#include "message/message.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/node_id.h"
#include "message/attachments.h"
#include "message/fields.h"
#include "message/json.h"
#include "message/turns.h"

static_assert(MESSAGE_DEPTH_MAX == JSON_DEPTH_MAX, "the parser's cap is ours");
static_assert(MESSAGE_FEATURES_MAX <= MESSAGE_TEXTS_MAX, "a list fits");
static_assert(MESSAGE_KEYS_MAX <= MESSAGE_TEXTS_MAX, "a list fits");
static_assert(MESSAGE_MODELS_MAX <= MESSAGE_TEXTS_MAX, "a list fits");

bool message_id_is_valid(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:-+/=~";
	size_t size = strspn(id, allowed);
	return size > 0 && size <= MESSAGE_ID_MAX && !id[size];
}

/* What is shown on a terminal in one line must not hold control characters. */
static bool is_one_line(const char *text)
{
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	return true;
}

static void read_hello(struct fields_in *in, struct message *m)
{
	m->hello.node_id = fields_text(in, "node_id", NODE_ID_MAX);
	if (!node_id_is_valid(m->hello.node_id))
		fields_fail(in, "node_id");
	m->hello.name = fields_text_or(in, "name", MESSAGE_NAME_MAX, "");
	if (!is_one_line(m->hello.name))
		fields_fail(in, "name");
	m->hello.agent = fields_text_or(in, "agent", MESSAGE_AGENT_MAX, "");
	if (!is_one_line(m->hello.agent))
		fields_fail(in, "agent");
	m->hello.features.count = fields_texts_or_none(
		in, "features", MESSAGE_FEATURES_MAX, MESSAGE_FEATURE_MAX, m->hello.features.items);
}

static void write_hello(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "node_id", m->hello.node_id);
	fields_put_text(out, "name", m->hello.name);
	fields_put_text(out, "agent", m->hello.agent);
	fields_put_texts(out, "features", m->hello.features.items, m->hello.features.count);
}

static void read_chat(struct fields_in *in, struct message *m)
{
	m->chat.id = fields_id(in, "id");
	m->chat.text = fields_text_not_empty(in, "text", MESSAGE_CHAT_TEXT_MAX);
	m->chat.timestamp = fields_number(in, "timestamp");
	m->chat.reply_to = fields_id_or(in, "reply_to", NULL);
	m->chat.attachments = fields_any(in, "attachments");
	if (json_is_array(m->chat.attachments) && json_array_size(m->chat.attachments) == 0)
		m->chat.attachments = NULL;
	if (m->chat.attachments && !attachments_are_valid(m->chat.attachments))
		fields_fail(in, "attachments");
}

/* The tree is only read while the message is encoded; the cast lets it be part of another one. */
static json_t *shared(const json_t *value)
{
	return json_incref((json_t *)(uintptr_t)value);
}

static void write_chat(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->chat.id);
	fields_put_text(out, "text", m->chat.text);
	fields_put_number(out, "timestamp", m->chat.timestamp);
	fields_put_text(out, "reply_to", m->chat.reply_to);
	if (m->chat.attachments)
		fields_put(out, "attachments", shared(m->chat.attachments));
}

static void read_chat_ack(struct fields_in *in, struct message *m)
{
	m->chat_ack.id = fields_id(in, "id");
}

static void write_chat_ack(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->chat_ack.id);
}

static void read_chat_edit(struct fields_in *in, struct message *m)
{
	m->chat_edit.id = fields_id(in, "id");
	m->chat_edit.target = fields_id(in, "target");
	m->chat_edit.text = fields_text_not_empty(in, "text", MESSAGE_CHAT_TEXT_MAX);
	m->chat_edit.timestamp = fields_number(in, "timestamp");
	if (!(m->chat_edit.timestamp > 0))
		fields_fail(in, "timestamp");
}

static void write_chat_edit(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->chat_edit.id);
	fields_put_text(out, "target", m->chat_edit.target);
	fields_put_text(out, "text", m->chat_edit.text);
	fields_put_number(out, "timestamp", m->chat_edit.timestamp);
}

static void read_chat_delete(struct fields_in *in, struct message *m)
{
	m->chat_delete.id = fields_id(in, "id");
	m->chat_delete.target = fields_id(in, "target");
}

static void write_chat_delete(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->chat_delete.id);
	fields_put_text(out, "target", m->chat_delete.target);
}

static void read_chat_read(struct fields_in *in, struct message *m)
{
	m->chat_read.id = fields_id(in, "id");
}

static void write_chat_read(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->chat_read.id);
}

static void read_typing(struct fields_in *in, struct message *m)
{
	m->typing.active = fields_bool_or(in, "active", true);
}

static void write_typing(struct fields_out *out, const struct message *m)
{
	fields_put(out, "active", json_boolean(m->typing.active));
}

static void read_request_context(struct fields_in *in, struct message *m)
{
	m->request_context.request_id = fields_id(in, "request_id");
	struct fields_in rules = {.object = fields_object(in, "firewall_rules")};
	if (!fields_any(&rules, "allowed_keys"))
		fields_fail(&rules, "firewall_rules.allowed_keys");
	m->request_context.keys.count = fields_texts_or_none(&rules, "allowed_keys",
		MESSAGE_KEYS_MAX, MESSAGE_KEY_MAX, m->request_context.keys.items);
	if (rules.wrong)
		fields_fail(in, "firewall_rules.allowed_keys");
}

static void write_request_context(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "request_id", m->request_context.request_id);
	struct fields_out rules = fields_new();
	fields_put_texts(&rules, "allowed_keys", m->request_context.keys.items,
		m->request_context.keys.count);
	fields_put(out, "firewall_rules", rules.object);
	out->failed |= rules.failed;
}

static void read_context_response(struct fields_in *in, struct message *m)
{
	m->context_response.request_id = fields_id(in, "request_id");
	m->context_response.context = fields_object(in, "context");
	m->context_response.denied.count = fields_texts_or_none(
		in, "denied", MESSAGE_KEYS_MAX, MESSAGE_KEY_MAX, m->context_response.denied.items);
	m->context_response.pending.count = fields_texts_or_none(in, "pending", MESSAGE_KEYS_MAX,
		MESSAGE_KEY_MAX, m->context_response.pending.items);
}

static void write_context_response(struct fields_out *out, const struct message *m)
{
	const struct message_context_response *r = &m->context_response;
	fields_put_text(out, "request_id", r->request_id);
	fields_put(out, "context", shared(r->context));
	fields_put_texts(out, "denied", r->denied.items, r->denied.count);
	if (r->pending.count > 0)
		fields_put_texts(out, "pending", r->pending.items, r->pending.count);
}

static void read_ai_query(struct fields_in *in, struct message *m)
{
	m->ai_query.request_id = fields_id(in, "request_id");
	m->ai_query.turns = fields_any(in, "messages");
	m->ai_query.options = fields_any(in, "options");
	if (m->ai_query.turns && !turns_are_valid(m->ai_query.turns))
		fields_fail(in, "messages");
	if (m->ai_query.options && !turn_options_are_valid(m->ai_query.options))
		fields_fail(in, "options");
	m->ai_query.inputs = fields_any(in, "input");
	if (m->ai_query.inputs && !turn_inputs_are_valid(m->ai_query.inputs))
		fields_fail(in, "input");
	bool is_told = m->ai_query.turns || m->ai_query.inputs;
	m->ai_query.query = is_told && !fields_any(in, "query")
				    ? NULL
				    : fields_text_not_empty(in, "query", MESSAGE_QUERY_MAX);
	m->ai_query.model = fields_text_or(in, "model", MESSAGE_MODEL_MAX, NULL);
	m->ai_query.context = fields_object_or(in, "context", NULL);
	m->ai_query.stream = fields_bool_or(in, "stream", false);
}

static void write_ai_query(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "request_id", m->ai_query.request_id);
	fields_put_text(out, "query", m->ai_query.query);
	if (m->ai_query.inputs)
		fields_put(out, "input", shared(m->ai_query.inputs));
	if (m->ai_query.turns)
		fields_put(out, "messages", shared(m->ai_query.turns));
	if (m->ai_query.options)
		fields_put(out, "options", shared(m->ai_query.options));
	fields_put_text(out, "model", m->ai_query.model);
	if (m->ai_query.context)
		fields_put(out, "context", shared(m->ai_query.context));
	fields_put(out, "stream", json_boolean(m->ai_query.stream));
}

static void read_usage(struct fields_in *in, struct message_ai_response *r)
{
	struct fields_in usage = {.object = fields_object_or(in, "usage", NULL)};
	if (!usage.object)
		return;
	r->has_usage = true;
	r->usage.prompt_tokens = fields_integer_or(&usage, "prompt_tokens", 0, INT32_MAX, 0);
	r->usage.completion_tokens =
		fields_integer_or(&usage, "completion_tokens", 0, INT32_MAX, 0);
	if (usage.wrong)
		fields_fail(in, "usage");
}

static void read_ai_response(struct fields_in *in, struct message *m)
{
	struct message_ai_response *r = &m->ai_response;
	r->request_id = fields_id(in, "request_id");
	r->delta = fields_text_or(in, "delta", MESSAGE_ANSWER_MAX, NULL);
	r->text = fields_text_or(in, "text", MESSAGE_ANSWER_MAX, NULL);
	r->model = fields_text_or(in, "model", MESSAGE_MODEL_MAX, NULL);
	r->error = fields_text_or(in, "error", MESSAGE_ERROR_TEXT_MAX, NULL);
	r->code = fields_text_or(in, "code", MESSAGE_CODE_MAX, NULL);
	r->pending = fields_bool_or(in, "pending", false);
	r->expires_seconds =
		(unsigned)fields_integer_or(in, "expires_in", 0, MESSAGE_EXPIRES_MAX, 0);
	read_usage(in, r);
	/* A whole text and an error are the end, whether it says so or not. */
	r->done = fields_bool_or(in, "done", false) || r->text || r->error;
	if (!r->delta && !r->done)
		fields_fail(in, "delta");
}

static void write_ai_response(struct fields_out *out, const struct message *m)
{
	const struct message_ai_response *r = &m->ai_response;
	fields_put_text(out, "request_id", r->request_id);
	fields_put_text(out, "delta", r->delta);
	if (r->pending) {
		fields_put(out, "pending", json_true());
		fields_put(out, "expires_in", json_integer(r->expires_seconds));
	}
	fields_put_text(out, "text", r->text);
	fields_put(out, "done", json_boolean(r->done || r->text || r->error));
	fields_put_text(out, "model", r->model);
	if (r->has_usage)
		fields_put(out, "usage",
			json_pack("{s:I,s:I}", "prompt_tokens", (json_int_t)r->usage.prompt_tokens,
				"completion_tokens", (json_int_t)r->usage.completion_tokens));
	fields_put_text(out, "error", r->error);
	fields_put_text(out, "code", r->code);
}

static void read_ai_cancel(struct fields_in *in, struct message *m)
{
	m->ai_cancel.request_id = fields_id(in, "request_id");
}

static void write_ai_cancel(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "request_id", m->ai_cancel.request_id);
}

static void read_ai_models(struct fields_in *in, struct message *m)
{
	m->ai_models.request_id = fields_id(in, "request_id");
	m->ai_models.answer = fields_any(in, "models") != NULL;
	m->ai_models.models.count = fields_texts_or_none(
		in, "models", MESSAGE_MODELS_MAX, MESSAGE_MODEL_MAX, m->ai_models.models.items);
}

static void write_ai_models(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "request_id", m->ai_models.request_id);
	if (m->ai_models.answer)
		fields_put_texts(
			out, "models", m->ai_models.models.items, m->ai_models.models.count);
}

static void read_hash(struct fields_in *in, const char *hash)
{
	uint8_t digest[SHA256_SIZE];
	if (!hex_decode(hash, digest, sizeof digest))
		fields_fail(in, "hash");
}

/* The value -1 is none. */
static int64_t read_amount(struct fields_in *in, const char *key, int64_t max)
{
	int64_t amount = fields_integer_or(in, key, 0, max, -1);
	if (amount < 0)
		fields_fail(in, key);
	return amount;
}

static void read_file_offer(struct fields_in *in, struct message *m)
{
	m->file_offer.id = fields_id(in, "id");
	m->file_offer.name = fields_text_not_empty(in, "name", MESSAGE_FILE_NAME_MAX);
	m->file_offer.size = read_amount(in, "size", MESSAGE_FILE_SIZE_MAX);
	m->file_offer.hash = fields_text(in, "hash", 2 * SHA256_SIZE);
	read_hash(in, m->file_offer.hash);
}

static void write_file_offer(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->file_offer.id);
	fields_put_text(out, "name", m->file_offer.name);
	fields_put(out, "size", json_integer(m->file_offer.size));
	fields_put_text(out, "hash", m->file_offer.hash);
}

static void read_file_accept(struct fields_in *in, struct message *m)
{
	m->file_accept.id = fields_id(in, "id");
	m->file_accept.offset = read_amount(in, "offset", MESSAGE_FILE_SIZE_MAX);
	m->file_accept.hash = fields_text_or(in, "hash", 2 * SHA256_SIZE, NULL);
	if (m->file_accept.hash)
		read_hash(in, m->file_accept.hash);
	else if (m->file_accept.offset > 0)
		fields_fail(in, "hash");
	m->file_accept.stream = (uint32_t)read_amount(in, "stream", UINT32_MAX);
	m->file_accept.until = read_amount(in, "until", MESSAGE_FILE_SIZE_MAX);
}

static void write_file_accept(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->file_accept.id);
	fields_put(out, "offset", json_integer(m->file_accept.offset));
	fields_put_text(out, "hash", m->file_accept.hash);
	fields_put(out, "stream", json_integer(m->file_accept.stream));
	fields_put(out, "until", json_integer(m->file_accept.until));
}

static void read_file_more(struct fields_in *in, struct message *m)
{
	m->file_more.id = fields_id(in, "id");
	m->file_more.until = read_amount(in, "until", MESSAGE_FILE_SIZE_MAX);
}

static void write_file_more(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->file_more.id);
	fields_put(out, "until", json_integer(m->file_more.until));
}

static void read_file_end(
	struct fields_in *in, const char **id, const char **code, const char **message)
{
	*id = fields_id(in, "id");
	*code = fields_text_not_empty(in, "code", MESSAGE_CODE_MAX);
	*message = fields_text_or(in, "message", MESSAGE_ERROR_TEXT_MAX, "");
}

static void write_file_end(
	struct fields_out *out, const char *id, const char *code, const char *message)
{
	fields_put_text(out, "id", id);
	fields_put_text(out, "code", code);
	fields_put_text(out, "message", message);
}

static void read_file_reject(struct fields_in *in, struct message *m)
{
	struct message_file_reject *r = &m->file_reject;
	read_file_end(in, &r->id, &r->code, &r->message);
}

static void write_file_reject(struct fields_out *out, const struct message *m)
{
	const struct message_file_reject *r = &m->file_reject;
	write_file_end(out, r->id, r->code, r->message);
}

static void read_file_done(struct fields_in *in, struct message *m)
{
	m->file_done.id = fields_id(in, "id");
}

static void write_file_done(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "id", m->file_done.id);
}

static void read_file_cancel(struct fields_in *in, struct message *m)
{
	struct message_file_cancel *c = &m->file_cancel;
	read_file_end(in, &c->id, &c->code, &c->message);
}

static void write_file_cancel(struct fields_out *out, const struct message *m)
{
	const struct message_file_cancel *c = &m->file_cancel;
	write_file_end(out, c->id, c->code, c->message);
}

static void read_ping(struct fields_in *in, struct message *m)
{
	m->ping.timestamp = fields_number(in, "timestamp");
}

static void write_ping(struct fields_out *out, const struct message *m)
{
	fields_put_number(out, "timestamp", m->ping.timestamp);
}

static void read_pong(struct fields_in *in, struct message *m)
{
	m->pong.timestamp = fields_number(in, "timestamp");
}

static void write_pong(struct fields_out *out, const struct message *m)
{
	fields_put_number(out, "timestamp", m->pong.timestamp);
}

static void read_signal(struct fields_in *in, struct message *m)
{
	m->signal.payload = fields_object(in, "payload");
}

static void write_signal(struct fields_out *out, const struct message *m)
{
	fields_put(out, "payload", shared(m->signal.payload));
}

static void read_error(struct fields_in *in, struct message *m)
{
	m->error.request_id = fields_id_or(in, "request_id", NULL);
	m->error.code = fields_text_not_empty(in, "code", MESSAGE_CODE_MAX);
	m->error.message = fields_text_or(in, "message", MESSAGE_ERROR_TEXT_MAX, "");
}

static void write_error(struct fields_out *out, const struct message *m)
{
	fields_put_text(out, "request_id", m->error.request_id);
	fields_put_text(out, "code", m->error.code);
	fields_put_text(out, "message", m->error.message);
}

static const struct type {
	const char *name;
	size_t size_max;
	void (*read)(struct fields_in *in, struct message *m);
	void (*write)(struct fields_out *out, const struct message *m);
} types[MESSAGE_TYPE_COUNT] = {
#define X(id, member, text, bytes_max)                                                             \
	[MESSAGE_##id] = {text, bytes_max, read_##member, write_##member},
	MESSAGE_TYPES(X)
#undef X
};

const char *message_type_name(enum message_type type)
{
	CHECK(type < MESSAGE_TYPE_COUNT);
	return types[type].name;
}

static enum message_type find_type(const char *name)
{
	for (unsigned i = MESSAGE_NONE + 1; i < MESSAGE_TYPE_COUNT; i++) {
		if (strcmp(types[i].name, name) == 0)
			return i;
	}
	return MESSAGE_NONE;
}

/* A name that a peer chose, made fit for a log line. */
static void copy_shown(char *to, size_t capacity, const char *from)
{
	size_t size = 0;
	for (; from[size] && size + 1 < capacity; size++)
		to[size] = from[size] > 0x20 && from[size] < 0x7f ? from[size] : '?';
	to[size] = 0;
}

static void note_request_id(const json_t *root, struct message_fault *fault)
{
	static const char *const keys[] = {"request_id", "id"};
	for (size_t i = 0; i < 2; i++) {
		const char *id = NULL;
		if (!json_get_text(root, keys[i], MESSAGE_ID_MAX, &id) && message_id_is_valid(id)) {
			CHECK(text_copy(fault->request_id, sizeof fault->request_id, id));
			return;
		}
	}
}

/* Reads the object into a message that borrows from it. */
static enum err read_message(
	json_t *root, size_t size, struct message *ret_message, struct message_fault *fault)
{
	const char *name = NULL;
	note_request_id(root, fault);
	if (json_get_text(root, "type", MESSAGE_SIZE_MAX, &name)) {
		copy_shown(fault->field, sizeof fault->field, "type");
		return ERR_MALFORMED;
	}
	copy_shown(fault->type, sizeof fault->type, name);
	struct message m = {.type = find_type(name)};
	if (m.type == MESSAGE_NONE)
		return ERR_UNSUPPORTED;
	if (size > types[m.type].size_max)
		return ERR_TOO_LARGE;
	struct fields_in in = {.object = root};
	types[m.type].read(&in, &m);
	if (in.wrong) {
		copy_shown(fault->field, sizeof fault->field, in.wrong);
		return ERR_MALFORMED;
	}
	*ret_message = m;
	return ERR_OK;
}

enum err message_parse(
	struct bytes text, struct message *ret_message, struct message_fault *ret_fault)
{
	struct message_fault fault = {0};
	struct message m = {0};
	json_t *root = NULL;
	enum err err = json_parse_object(text, MESSAGE_SIZE_MAX, &root);
	if (err == ERR_LIMIT)
		err = ERR_TOO_LARGE; /* too deep */
	if (!err)
		err = read_message(root, text.size, &m, &fault);
	if (ret_fault)
		*ret_fault = fault;
	if (err) {
		json_decref(root);
		return err;
	}
	m.root = root;
	*ret_message = m;
	return ERR_OK;
}

enum err message_encode(const struct message *message, struct buffer *ret_text)
{
	CHECK(message->type != MESSAGE_NONE);
	CHECK(message->type < MESSAGE_TYPE_COUNT);
	const struct type *type = &types[message->type];
	struct message check;
	struct message_fault fault = {0};
	struct fields_out out = fields_new();
	fields_put_text(&out, "type", type->name);
	if (out.failed) {
		json_decref(out.object);
		return ERR_NOMEM;
	}
	type->write(&out, message);
	enum err err = out.failed ? ERR_MALFORMED : read_message(out.object, 0, &check, &fault);
	if (!err && json_is_deeper_than(out.object, MESSAGE_DEPTH_MAX))
		err = ERR_TOO_LARGE;
	if (err) {
		json_decref(out.object);
		return err;
	}
	char *text = json_take_text(out.object);
	if (!text)
		return ERR_NOMEM;
	err = strlen(text) > type->size_max ? ERR_TOO_LARGE : buffer_append_text(ret_text, text);
	free(text);
	return err;
}

void message_deinit(struct message *message)
{
	json_decref(message->root);
	*message = (struct message){0};
}
