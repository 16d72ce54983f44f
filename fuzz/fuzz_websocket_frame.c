/* Frames of a websocket client: however the bytes are cut into pieces, the same comes of them, and
 * nothing is longer than it may be. */
#include <stdlib.h>

#include "web/limits.h"
#include "web/websocket_frame.h"

#include "fuzz.h"

#define MESSAGE_MAX 1000

/* A fingerprint of what happened. */
static uint64_t mix(uint64_t sum, struct bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		sum = (sum ^ bytes.data[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static void check_event(const struct websocket_event *event)
{
	switch (event->kind) {
	case WEBSOCKET_EVENT_MESSAGE:
		CHECK(event->payload.size <= MESSAGE_MAX);
		if (event->is_text && !memchr(event->payload.data, 0, event->payload.size))
			CHECK(utf8_is_valid(event->payload));
		break;
	case WEBSOCKET_EVENT_PING:
	case WEBSOCKET_EVENT_PONG:
		CHECK(event->payload.size <= WEBSOCKET_CONTROL_MAX);
		break;
	case WEBSOCKET_EVENT_CLOSE:
		CHECK(event->code >= 1000);
		CHECK(event->code < 5000);
		break;
	case WEBSOCKET_EVENT_FAILED:
		CHECK(event->reason);
		break;
	case WEBSOCKET_EVENT_TOO_LARGE:
		break;
	}
}

static uint64_t read_piece(struct websocket_reader *reader, struct bytes piece, uint64_t sum)
{
	uint8_t *copy = malloc(piece.size + 1);
	CHECK(copy);
	if (piece.size > 0)
		memcpy(copy, piece.data, piece.size);
	struct websocket_input in = {copy, piece.size};
	struct websocket_event event;
	while (websocket_read(reader, &in, &event)) {
		uint8_t head[] = {(uint8_t)event.kind, event.is_text, (uint8_t)event.code};
		check_event(&event);
		sum = mix(mix(sum, bytes_of(head, sizeof head)), event.payload);
		/* What is half there is no more than the limit allows. */
		CHECK(reader->message.size <= MESSAGE_MAX);
	}
	CHECK(in.size == 0);
	free(copy);
	return sum;
}

static uint64_t read_in_steps(struct bytes bytes, size_t step)
{
	struct websocket_reader reader;
	uint64_t sum = 0;
	websocket_reader_init(&reader, MESSAGE_MAX);
	for (size_t i = 0; i < bytes.size; i += step)
		sum = read_piece(&reader, bytes_slice(bytes, i, step), sum);
	websocket_reader_deinit(&reader);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = bytes_of(data, size);
	uint64_t whole = read_in_steps(bytes, size + 1);
	CHECK(read_in_steps(bytes, 1) == whole);
	CHECK(read_in_steps(bytes, 7) == whole);
	return 0;
}
