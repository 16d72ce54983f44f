#include "web/websocket_frame.h"

#include "web/limits.h"

void websocket_reader_init(struct websocket_reader *reader, size_t message_max)
{
	*reader = (struct websocket_reader){
		.message_max = message_max,
		.message.max = message_max,
		.control.max = WEBSOCKET_CONTROL_MAX,
	};
}

void websocket_reader_deinit(struct websocket_reader *reader)
{
	buffer_deinit(&reader->message);
	buffer_deinit(&reader->control);
}

bool websocket_is_half_read(const struct websocket_reader *reader)
{
	return reader->header_size > 0 || reader->message_opcode != 0;
}

static bool is_control(uint8_t opcode)
{
	return (opcode & 8) != 0;
}

/* ---- What ends the reading ---- */

static bool fail(struct websocket_reader *reader, unsigned code, const char *reason,
	struct websocket_event *event)
{
	reader->is_over = true;
	*event = (struct websocket_event){
		.kind = WEBSOCKET_EVENT_FAILED, .code = code, .reason = reason};
	return true;
}

static bool fail_protocol(
	struct websocket_reader *reader, const char *reason, struct websocket_event *event)
{
	return fail(reader, WEBSOCKET_PROTOCOL_ERROR, reason, event);
}

/* ---- Headers ---- */

/* What is wrong with the first two bytes, or NULL. */
static const char *check_start(const struct websocket_reader *reader)
{
	uint8_t first = reader->header[0], second = reader->header[1], opcode = first & 0xf;
	/* Section 5.2: "MUST be 0 unless an extension is negotiated that defines meanings for
	 * non-zero values." */
	if (first & 0x70)
		return "reserved bits are set";
	if (opcode > WEBSOCKET_BINARY && (opcode < WEBSOCKET_CLOSE || opcode > WEBSOCKET_PONG))
		return "reserved opcode";
	/* Section 5.1: "The server MUST close the connection upon receiving a frame that is not
	 * masked." */
	if (!(second & 0x80))
		return "a frame is not masked";
	if (is_control(opcode) && !(first & 0x80))
		return "a control frame is fragmented";
	if (is_control(opcode) && (second & 0x7f) > WEBSOCKET_CONTROL_MAX)
		return "a control frame is too large";
	if (opcode == WEBSOCKET_CONTINUATION && reader->message_opcode == 0)
		return "a continuation of nothing";
	if (opcode != WEBSOCKET_CONTINUATION && !is_control(opcode) && reader->message_opcode != 0)
		return "a message within another";
	return NULL;
}

static size_t header_size(const struct websocket_reader *reader)
{
	uint8_t size = reader->header_size < 2 ? 0 : reader->header[1] & 0x7f;
	if (reader->header_size < 2)
		return 2;
	return size == 127 ? 14 : size == 126 ? 8 : 6;
}

/* The header is whole: what it says. Returns what is wrong with it, or NULL. */
static const char *take_header(struct websocket_reader *reader)
{
	struct reader r = reader_of(bytes_of(reader->header, reader->header_size));
	uint8_t first = read_u8(&r), least = 0;
	uint64_t size = read_u8(&r) & 0x7f;
	if (size == 126) {
		size = read_u16(&r);
		least = 126;
	} else if (size == 127) {
		size = read_u64(&r);
		/* Section 5.2: "the most significant bit MUST be 0". */
		if (size > INT64_MAX)
			return "a length of 64 bits";
		least = 127;
	}
	/* "in all cases, the minimal number of bytes MUST be used to encode the length" */
	if (size < least || (least == 127 && size <= UINT16_MAX))
		return "a length in more bytes than it needs";
	struct bytes mask = read_bytes(&r, sizeof reader->mask);
	CHECK(!r.failed);
	memcpy(reader->mask, mask.data, sizeof reader->mask);
	reader->is_final = first & 0x80;
	reader->opcode = first & 0xf;
	reader->left = size;
	reader->is_in_payload = true;
	if (reader->opcode == WEBSOCKET_TEXT || reader->opcode == WEBSOCKET_BINARY)
		reader->message_opcode = reader->opcode;
	return NULL;
}

/* As much of a header as there is. Returns what is wrong with it, or NULL. */
static const char *read_header(struct websocket_reader *reader, struct websocket_input *in)
{
	const char *problem = NULL;
	while (!problem && in->size > 0 && !reader->is_in_payload) {
		reader->header[reader->header_size++] = *in->data++;
		in->size--;
		if (reader->header_size == 2)
			problem = check_start(reader);
		if (!problem && reader->header_size == header_size(reader) &&
			reader->header_size > 2)
			problem = take_header(reader);
	}
	return problem;
}

/* ---- Payloads ---- */

/* Section 5.3; eight bytes at a time. The mask is turned for what comes next. */
static void unmask(uint8_t mask[4], uint8_t *data, size_t size)
{
	uint8_t turned[4];
	uint64_t eight, two_masks;
	size_t i = 0;
	memcpy(&two_masks, mask, 4);
	memcpy((uint8_t *)&two_masks + 4, mask, 4);
	for (; i + sizeof eight <= size; i += sizeof eight) {
		memcpy(&eight, data + i, sizeof eight);
		eight ^= two_masks;
		memcpy(data + i, &eight, sizeof eight);
	}
	for (; i < size; i++)
		data[i] ^= mask[i & 3];
	for (i = 0; i < 4; i++)
		turned[i] = mask[(size + i) & 3];
	memcpy(mask, turned, sizeof turned);
}

/* Whether a close frame may have this code (section 7.4, and the registry that it founds). */
static bool is_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static bool on_close(
	struct websocket_reader *reader, struct bytes payload, struct websocket_event *event)
{
	struct reader r = reader_of(payload);
	unsigned code = payload.size > 0 ? read_u16(&r) : WEBSOCKET_NO_CODE;
	if (payload.size > 0 && (r.failed || !is_code(code)))
		return fail_protocol(reader, "no such close code", event);
	struct utf8 utf8 = {0};
	if (!utf8_goes_on(&utf8, r.rest) || utf8.missing > 0)
		return fail(reader, WEBSOCKET_INVALID_DATA, "a reason that is no utf-8", event);
	reader->is_over = true;
	*event = (struct websocket_event){
		.kind = WEBSOCKET_EVENT_CLOSE, .payload = payload, .code = code};
	return true;
}

/* The payload of a control frame, as far as it came. */
static bool read_control(
	struct websocket_reader *reader, struct bytes piece, struct websocket_event *event)
{
	bool is_whole = reader->left == 0;
	if (!is_whole || reader->control.size > 0) {
		if (buffer_append(&reader->control, piece) != ERR_OK)
			return fail(reader, WEBSOCKET_INTERNAL, "out of memory", event);
		piece = buffer_bytes(&reader->control);
	}
	if (!is_whole)
		return false;
	if (reader->opcode == WEBSOCKET_CLOSE)
		return on_close(reader, piece, event);
	*event = (struct websocket_event){.kind = reader->opcode == WEBSOCKET_PING
							  ? WEBSOCKET_EVENT_PING
							  : WEBSOCKET_EVENT_PONG,
		.payload = piece};
	return true;
}

/* Above the limit: nothing of the message is kept. */
static bool skip(struct websocket_reader *reader, size_t size, struct websocket_event *event)
{
	reader->skipped += reader->message.size + size;
	buffer_deinit(&reader->message);
	if (reader->skipped + reader->left > WEB_SOCKET_SKIP_MAX)
		return fail(reader, WEBSOCKET_TOO_LARGE, "message too large", event);
	return false;
}

/* The payload of a frame that belongs to a message, as far as it came. */
static bool read_data(
	struct websocket_reader *reader, struct bytes piece, struct websocket_event *event)
{
	bool is_last = reader->left == 0 && reader->is_final;
	bool is_text = reader->message_opcode == WEBSOCKET_TEXT;
	bool is_skipped = reader->skipped > 0 ||
			  reader->left + piece.size + reader->message.size > reader->message_max;
	if (is_skipped && skip(reader, piece.size, event))
		return true;
	if (is_text && !is_skipped &&
		(!utf8_goes_on(&reader->utf8, piece) || (is_last && reader->utf8.missing > 0)))
		return fail(reader, WEBSOCKET_INVALID_DATA, "a text that is no utf-8", event);
	if (!is_skipped && (!is_last || reader->message.size > 0)) {
		if (buffer_append(&reader->message, piece) != ERR_OK)
			return fail(reader, WEBSOCKET_INTERNAL, "out of memory", event);
		piece = buffer_bytes(&reader->message);
	}
	if (!is_last)
		return false;
	if (is_skipped)
		*event = (struct websocket_event){.kind = WEBSOCKET_EVENT_TOO_LARGE};
	else
		*event = (struct websocket_event){
			.kind = WEBSOCKET_EVENT_MESSAGE, .is_text = is_text, .payload = piece};
	return true;
}

/* What the last event borrowed, and what its message was. */
static void begin_anew(struct websocket_reader *reader)
{
	if (reader->is_in_payload || reader->header_size > 0)
		return;
	if (reader->control.data)
		buffer_deinit(&reader->control);
	if (reader->message_opcode == 0 && reader->message.data)
		buffer_deinit(&reader->message);
}

/* The frame is whole. */
static void end_frame(struct websocket_reader *reader)
{
	reader->is_in_payload = false;
	reader->header_size = 0;
	if (is_control(reader->opcode) || !reader->is_final)
		return;
	reader->message_opcode = 0;
	reader->utf8 = (struct utf8){0};
	reader->skipped = 0;
}

bool websocket_read(struct websocket_reader *reader, struct websocket_input *in,
	struct websocket_event *ret_event)
{
	begin_anew(reader);
	while (!reader->is_over) {
		const char *problem = reader->is_in_payload ? NULL : read_header(reader, in);
		if (problem)
			return fail_protocol(reader, problem, ret_event);
		if (!reader->is_in_payload || (in->size == 0 && reader->left > 0))
			return false;
		size_t size = in->size < reader->left ? in->size : (size_t)reader->left;
		unmask(reader->mask, in->data, size);
		struct bytes piece = bytes_of(in->data, size);
		in->data += size;
		in->size -= size;
		reader->left -= size;
		bool is_event = is_control(reader->opcode) ? read_control(reader, piece, ret_event)
							   : read_data(reader, piece, ret_event);
		if (reader->left == 0)
			end_frame(reader);
		if (is_event)
			return true;
	}
	in->size = 0;
	return false;
}

/* ---- Out ---- */

size_t websocket_put_header(
	uint8_t to[WEBSOCKET_HEADER_MAX], enum websocket_opcode opcode, size_t size)
{
	struct writer w = writer_of(to, WEBSOCKET_HEADER_MAX);
	write_u8(&w, (uint8_t)(0x80 | opcode));
	if (size <= WEBSOCKET_CONTROL_MAX) {
		write_u8(&w, (uint8_t)size);
	} else if (size <= UINT16_MAX) {
		write_u8(&w, 126);
		write_u16(&w, (uint16_t)size);
	} else {
		write_u8(&w, 127);
		write_u64(&w, size);
	}
	return w.size;
}
