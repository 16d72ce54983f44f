/* The server's side of WebSocket framing (RFC 6455 sections 5 to 8), without I/O: what a client's
 * bytes are as messages and control frames, and the headers of what is sent to it.
 *
 * A frame that breaks a rule ends the reading, with the code to close with; nothing is negotiated,
 * so reserved bits are refused, and so are frames without a mask. Bytes are unmasked where they
 * are: a message that came whole is not copied. Between messages nothing is held. */
#ifndef WEB_WEBSOCKET_FRAME_H
#define WEB_WEBSOCKET_FRAME_H

#include "base/buffer.h"
#include "base/text.h"

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

/* RFC 6455 section 7.4.1; those from 4000 on are private. */
#define WEBSOCKET_GOING_AWAY 1001
#define WEBSOCKET_PROTOCOL_ERROR 1002
#define WEBSOCKET_NO_CODE 1005 /* the close frame had none */
#define WEBSOCKET_INVALID_DATA 1007
#define WEBSOCKET_POLICY 1008
#define WEBSOCKET_TOO_LARGE 1009
#define WEBSOCKET_INTERNAL 1011

/* "All control frames MUST have a payload length of 125 bytes or less" (section 5.5). */
#define WEBSOCKET_CONTROL_MAX 125
/* A header of a client: two bytes, eight of length, four of mask. */
#define WEBSOCKET_HEADER_MAX 14

enum websocket_event_kind {
	WEBSOCKET_EVENT_MESSAGE,   /* whole */
	WEBSOCKET_EVENT_TOO_LARGE, /* the end of one that was above the limit, and is lost */
	WEBSOCKET_EVENT_PING,
	WEBSOCKET_EVENT_PONG,
	WEBSOCKET_EVENT_CLOSE,  /* the other side's; the last one */
	WEBSOCKET_EVENT_FAILED, /* it broke a rule, or memory is out; the last one */
};

struct websocket_event {
	enum websocket_event_kind kind;
	bool is_text;
	struct bytes payload; /* of message, ping and pong; borrowed */
	unsigned code;        /* to close with; of a close, that of the other side */
	const char *reason;   /* of a failure; static */
};

struct websocket_reader {
	size_t message_max;
	/* The frame that is being read. */
	uint8_t header[WEBSOCKET_HEADER_MAX];
	uint8_t header_size; /* so much of it is there */
	bool is_in_payload, is_final, is_over;
	uint8_t opcode;
	uint8_t mask[4];       /* turned so that the next byte takes the first */
	uint64_t left;         /* of its payload */
	struct buffer control; /* the payload of a control frame */
	/* The message that is being put together. */
	uint8_t message_opcode; /* 0: none */
	struct utf8 utf8;
	struct buffer message;
	size_t skipped; /* bytes of one above the limit */
};

/* Bytes that came, to be read and changed. */
struct websocket_input {
	uint8_t *data;
	size_t size;
};

void websocket_reader_init(struct websocket_reader *reader, size_t message_max);
void websocket_reader_deinit(struct websocket_reader *reader);

/* The next thing that happens in the input, which moves on behind it; false when all of it is read.
 * What an event borrows stays until the next call. */
bool websocket_read(struct websocket_reader *reader, struct websocket_input *in,
	struct websocket_event *ret_event);

/* Something has begun whose end is still to come. */
bool websocket_is_half_read(const struct websocket_reader *reader);

/* The header of a frame that goes to a client, whole and not masked; its size. */
size_t websocket_put_header(
	uint8_t to[WEBSOCKET_HEADER_MAX], enum websocket_opcode opcode, size_t size);

#endif
