#include "hub/nats.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "hub/limits.h"
#include "message/json.h"

/* ---- Parsing ---- */

/* Of a message that is published: its line, and the end of its payload. */
#define PUBLISH_HEAD_MAX 512
/* Arguments of a message: subject, number, reply, sizes. */
#define ARGUMENTS_MAX 5

/* Words between spaces and tabs; false: more than there may be. */
static bool split(struct bytes line, struct bytes words[ARGUMENTS_MAX], size_t *ret_count)
{
	size_t count = 0, at = 0;
	while (at < line.size) {
		size_t begin = at;
		while (at < line.size && line.data[at] != ' ' && line.data[at] != '\t')
			at++;
		if (at > begin && count == ARGUMENTS_MAX)
			return false;
		if (at > begin)
			words[count++] = bytes_slice(line, begin, at - begin);
		at++;
	}
	*ret_count = count;
	return true;
}

static bool parse_size(struct bytes text, size_t *ret_size)
{
	uint64_t size;
	if (!bytes_to_u64(text, &size) || size > SIZE_MAX)
		return false;
	*ret_size = (size_t)size;
	return true;
}

/* MSG subject number [reply] size, or HMSG subject number [reply] size-of-headers size; what comes
 * in that size follows the line. */
static enum err parse_message(struct bytes input, struct bytes line, size_t head, bool has_headers,
	struct nats_frame *frame)
{
	struct bytes words[ARGUMENTS_MAX];
	size_t count, size, headers = 0, sizes = has_headers ? 2 : 1;
	if (!split(line, words, &count) || count < 2 + sizes || count > 3 + sizes ||
		!parse_size(words[count - 1], &size) ||
		(has_headers && !parse_size(words[count - 2], &headers)) || headers > size)
		return ERR_MALFORMED;
	if (size > NATS_PAYLOAD_MAX)
		return ERR_TOO_LARGE;
	if (input.size < head + size + 2)
		return ERR_AGAIN;
	if (!bytes_equal_text(bytes_slice(input, head + size, 2), "\r\n"))
		return ERR_MALFORMED;
	*frame = (struct nats_frame){
		.op = NATS_MESSAGE,
		.subject = words[0],
		.reply = count == 3 + sizes ? words[2] : (struct bytes){0},
		.headers = bytes_slice(input, head, headers),
		.payload = bytes_slice(input, head + headers, size - headers),
		.size = head + size + 2,
	};
	return ERR_OK;
}

static const struct {
	const char *name;
	enum nats_op op;
	bool has_headers;
} operations[] = {
	{"INFO", NATS_INFO, false},
	{"MSG", NATS_MESSAGE, false},
	{"HMSG", NATS_MESSAGE, true},
	{"PING", NATS_PING, false},
	{"PONG", NATS_PONG, false},
	{"+OK", NATS_OK, false},
	{"-ERR", NATS_ERROR, false},
};

enum err nats_parse(struct bytes input, struct nats_frame *ret_frame)
{
	const uint8_t *feed = input.size ? memchr(input.data, '\n', input.size) : NULL;
	size_t size = feed ? (size_t)(feed - input.data) + 1 : input.size;
	if (size > NATS_LINE_MAX)
		return ERR_TOO_LARGE;
	if (!feed)
		return ERR_AGAIN;
	if (size < 2 || input.data[size - 2] != '\r')
		return ERR_MALFORMED;
	struct bytes line = bytes_slice(input, 0, size - 2);
	size_t name = 0;
	while (name < line.size && line.data[name] != ' ' && line.data[name] != '\t')
		name++;
	struct bytes rest = bytes_slice(line, name, line.size);
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
		if (!bytes_equal_text_ignoring_case(bytes_slice(line, 0, name), operations[i].name))
			continue;
		if (operations[i].op == NATS_MESSAGE)
			return parse_message(
				input, rest, size, operations[i].has_headers, ret_frame);
		*ret_frame =
			(struct nats_frame){.op = operations[i].op, .text = rest, .size = size};
		return ERR_OK;
	}
	return ERR_UNSUPPORTED;
}

/* ---- Writing ---- */

enum err nats_write_connect(struct buffer *text, const char *name, const char *user,
	const char *password, const char *token)
{
	/* Without an echo of our own messages; with word of subjects that nobody listens to. */
	json_t *options =
		json_pack("{s:b, s:b, s:b, s:b, s:b, s:s, s:s, s:s, s:i, s:s*, s:s*, s:s*}",
			"verbose", 0, "pedantic", 0, "echo", 0, "headers", 1, "no_responders", 1,
			"name", name, "lang", "C", "version", DPC_VERSION, "protocol", 1, "user",
			user, "pass", password, "auth_token", token);
	char *options_text = json_take_text(options);
	if (!options_text)
		return ERR_NOMEM;
	enum err err = buffer_append_format(text, "CONNECT %s\r\n", options_text);
	secret_cleanse(options_text, strlen(options_text));
	free(options_text);
	return err;
}

enum err nats_write_subscribe(struct buffer *text, const char *subject, unsigned number)
{
	return buffer_append_format(text, "SUB %s %u\r\n", subject, number);
}

enum err nats_write_publish(
	struct buffer *text, const char *subject, const char *reply, struct bytes payload)
{
	CHECK(payload.size <= NATS_PAYLOAD_MAX);
	enum err err = buffer_reserve(text, payload.size + PUBLISH_HEAD_MAX);
	if (err == ERR_OK)
		err = buffer_append_format(text, "PUB %s %s%s%zu\r\n", subject, reply ? reply : "",
			reply ? " " : "", payload.size);
	if (err == ERR_OK)
		err = buffer_append(text, payload);
	return err == ERR_OK ? buffer_append_text(text, "\r\n") : err;
}
