#include "hub/relay.h"

#include "base/text.h"
#include "hub/limits.h"
#include "message/json.h"

/* ---- Finding members in a text that the JSON parser has accepted ----
 *
 * As json_scan() does, but where keys may be written with escapes. */

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_space(struct bytes text, size_t at)
{
	while (at < text.size && is_space(text.data[at]))
		at++;
	return at;
}

/* Behind the string that begins at `at`. */
static size_t skip_string(struct bytes text, size_t at)
{
	for (at++; at < text.size && text.data[at] != '"'; at++)
		if (text.data[at] == '\\')
			at++;
	return at < text.size ? at + 1 : text.size;
}

/* Behind the value that begins at `at`: at the comma or brace that follows, or at the space before
 * it. */
static size_t skip_value(struct bytes text, size_t at)
{
	size_t depth = 0;
	while (at < text.size) {
		uint8_t c = text.data[at];
		if (c == '"') {
			at = skip_string(text, at);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_space(c)))
			break;
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		at++;
	}
	return at;
}

/* The member at or behind *at, which moves on; it starts at 0. False at the end. */
static bool next_member(struct bytes text, size_t *at, struct json_member *ret_member)
{
	size_t place = skip_space(text, *at);
	if (place < text.size && (text.data[place] == '{' || text.data[place] == ','))
		place = skip_space(text, place + 1);
	if (place >= text.size || text.data[place] != '"')
		return false;
	size_t key_end = skip_string(text, place);
	size_t colon = skip_space(text, key_end);
	size_t value = skip_space(text, colon + 1);
	size_t end = skip_value(text, value);
	if (end <= value || end > text.size)
		return false;
	*ret_member = (struct json_member){
		.whole = bytes_slice(text, place, end - place),
		.key = bytes_slice(text, place + 1, key_end - place - 2),
		.value = bytes_slice(text, value, end - value),
	};
	*at = skip_space(text, end);
	return true;
}

static struct bytes find_value(struct bytes text, const char *key)
{
	struct json_member member;
	for (size_t at = 0; next_member(text, &at, &member);)
		if (bytes_equal_text(member.key, key))
			return member.value;
	return (struct bytes){0};
}

/* ---- Parsing ---- */

static enum err refuse(const char *code, const char *message, enum err err, const char **ret_code,
	const char **ret_message)
{
	*ret_code = code;
	*ret_message = message;
	return err;
}

static enum err parse_relay(const json_t *object, struct relay_frame *frame, const char **ret_code,
	const char **ret_message)
{
	const char *target = NULL;
	json_t *payload;
	if (json_get_text(object, "target_node_id", NODE_ID_MAX - 1, &target) != ERR_OK ||
		!node_id_is_valid(target))
		return refuse(RELAY_MISSING_TARGET, "target_node_id is missing or no node id",
			ERR_MALFORMED, ret_code, ret_message);
	if (json_get_object(object, "payload", &payload) != ERR_OK)
		return refuse(RELAY_INVALID_JSON, "payload is missing or no object", ERR_MALFORMED,
			ret_code, ret_message);
	frame->kind = RELAY_SIGNAL;
	CHECK(text_copy(frame->target_node_id, sizeof frame->target_node_id, target));
	return ERR_OK;
}

static enum err parse_ping(const json_t *object, struct relay_frame *frame, const char **ret_code,
	const char **ret_message)
{
	double timestamp;
	if (json_get_number_if(object, "timestamp", &timestamp) != ERR_OK)
		return refuse(RELAY_INVALID_JSON, "timestamp is no number", ERR_MALFORMED, ret_code,
			ret_message);
	frame->kind = RELAY_PING;
	frame->timestamp = find_value(frame->text, "timestamp");
	return ERR_OK;
}

static enum err parse_type(const json_t *object, struct relay_frame *frame, const char **ret_code,
	const char **ret_message)
{
	const char *type;
	if (json_get_text(object, "type", 64, &type) != ERR_OK)
		return refuse(RELAY_UNKNOWN_TYPE, "type is missing", ERR_UNSUPPORTED, ret_code,
			ret_message);
	if (strcmp(type, "signal") == 0)
		return parse_relay(object, frame, ret_code, ret_message);
	if (strcmp(type, "ping") == 0)
		return parse_ping(object, frame, ret_code, ret_message);
	return refuse(RELAY_UNKNOWN_TYPE, "the hub takes 'signal' and 'ping'", ERR_UNSUPPORTED,
		ret_code, ret_message);
}

/* What nearly every frame is, without building a tree of it: a signal in which everything is as it
 * should be. False: that is not sure. */
static bool parse_plain(struct bytes text, struct relay_frame *frame)
{
	struct bytes inside;
	if (text.size > RELAY_SIZE_MAX || !json_scan(text, &frame->scan))
		return false;
	const struct json_member *type = json_scan_find(&frame->scan, "type"),
				 *target = json_scan_find(&frame->scan, "target_node_id"),
				 *payload = json_scan_find(&frame->scan, "payload");
	if (!type || !bytes_equal_text(type->value, "\"signal\"") || !target || !payload ||
		payload->value.data[0] != '{' || !json_scan_text(target->value, &inside) ||
		!text_copy_bytes(frame->target_node_id, sizeof frame->target_node_id, inside))
		return false;
	frame->text = text;
	frame->kind = RELAY_SIGNAL;
	frame->timestamp = (struct bytes){0};
	return node_id_is_valid(frame->target_node_id);
}

enum err relay_parse(struct bytes text, struct relay_frame *ret_frame, const char **ret_code,
	const char **ret_message)
{
	if (parse_plain(text, ret_frame))
		return ERR_OK;
	json_t *object;
	enum err err = json_parse_object(text, RELAY_SIZE_MAX, &object);
	if (err == ERR_TOO_LARGE)
		return refuse(RELAY_TOO_LARGE, "a frame has at most 65536 bytes", err, ret_code,
			ret_message);
	if (err != ERR_OK)
		return refuse(RELAY_INVALID_JSON, "the frame is not one json object",
			err == ERR_NOMEM ? err : ERR_MALFORMED, ret_code, ret_message);
	struct relay_frame frame = {.text = text};
	err = parse_type(object, &frame, ret_code, ret_message);
	json_decref(object);
	if (err == ERR_OK)
		*ret_frame = frame;
	return err;
}

/* ---- Writing ---- */

const char *const relay_codes[RELAY_CODE_COUNT] = {RELAY_TARGET_OFFLINE, RELAY_MISSING_TARGET,
	RELAY_UNKNOWN_TYPE, RELAY_INVALID_JSON, RELAY_TOO_LARGE, RELAY_RATE_LIMITED,
	RELAY_NOT_REGISTERED};

const usec relay_latency_bounds[RELAY_LATENCY_BUCKETS - 1] = {25, 50, 100, 250, 500,
	1 * USEC_PER_MS, 2500, 5 * USEC_PER_MS, 10 * USEC_PER_MS, 25 * USEC_PER_MS,
	100 * USEC_PER_MS, 1000 * USEC_PER_MS};

/* A sender id is the hub's to say. A key written with escapes might be that one, for the target's
 * parser, so none with escapes is passed on. */
static enum err pass_on(const struct json_member *member, struct buffer *text)
{
	if (bytes_equal_text(member->key, "sender_node_id") ||
		(member->key.size && memchr(member->key.data, '\\', member->key.size)))
		return ERR_OK;
	enum err err = buffer_append(text, bytes_of(",", 1));
	return err == ERR_OK ? buffer_append(text, member->whole) : err;
}

enum err relay_write(
	const struct relay_frame *frame, const char *sender_node_id, struct buffer *text)
{
	struct json_member member;
	enum err err = buffer_append_text(text, "{\"sender_node_id\":\"");
	if (err == ERR_OK)
		err = buffer_append_text(text, sender_node_id);
	if (err == ERR_OK)
		err = buffer_append_text(text, "\"");
	for (size_t i = 0; err == ERR_OK && i < frame->scan.count; i++)
		err = pass_on(&frame->scan.members[i], text);
	size_t at = frame->scan.count > 0 ? frame->text.size : 0;
	while (err == ERR_OK && next_member(frame->text, &at, &member))
		err = pass_on(&member, text);
	if (err == ERR_OK)
		err = buffer_append(text, bytes_of("}", 1));
	return err;
}

enum err relay_write_pong(const struct relay_frame *frame, struct buffer *text)
{
	enum err err = buffer_append_text(text, "{\"type\":\"pong\"");
	if (err == ERR_OK && frame->timestamp.size > 0)
		err = buffer_append_text(text, ",\"timestamp\":");
	if (err == ERR_OK)
		err = buffer_append(text, frame->timestamp);
	if (err == ERR_OK)
		err = buffer_append_text(text, "}");
	return err;
}

enum err relay_write_error(
	const char *code, const char *message, const char *target_node_id, struct buffer *text)
{
	enum err err = buffer_append_format(
		text, "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"%s\"", code, message);
	if (err == ERR_OK && target_node_id)
		err = buffer_append_format(text, ",\"target_node_id\":\"%s\"", target_node_id);
	if (err == ERR_OK)
		err = buffer_append_text(text, "}");
	return err;
}
