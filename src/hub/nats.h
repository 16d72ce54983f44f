/* The protocol of NATS, the side of a client, without I/O: lines of text, and payloads of so many
 * bytes (docs.nats.io/reference/reference-protocols/nats-protocol). What the hub needs of it, which
 * is publishing and subscribing; no JetStream, no TLS. */
#ifndef HUB_NATS_H
#define HUB_NATS_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"

enum nats_op {
	NATS_INFO,    /* `text` is JSON */
	NATS_MESSAGE, /* of a subscription */
	NATS_PING,
	NATS_PONG,
	NATS_OK,
	NATS_ERROR, /* `text` says why; the server closes after most of them */
};

/* Borrowed from the input. */
struct nats_frame {
	enum nats_op op;
	struct bytes text;
	struct bytes subject, reply; /* `reply` is empty when there is none */
	/* "NATS/1.0 503…" is the server's own word: nobody listens where it was published. */
	struct bytes headers;
	struct bytes payload;
	size_t size; /* of all of it in the input */
};

/* The first frame of the input. ERR_AGAIN: it has not come as a whole; ERR_MALFORMED,
 * ERR_UNSUPPORTED, ERR_TOO_LARGE (a line beyond NATS_LINE_MAX, a payload beyond NATS_PAYLOAD_MAX).
 */
MUST_CHECK enum err nats_parse(struct bytes input, struct nats_frame *ret_frame);

/* Each appends a frame. ERR_LIMIT, ERR_NOMEM: the text may end in a part of it. User, password and
 * token may be NULL. */
MUST_CHECK enum err nats_write_connect(struct buffer *text, const char *name, const char *user,
	const char *password, const char *token);
MUST_CHECK enum err nats_write_subscribe(struct buffer *text, const char *subject, unsigned number);
/* All or nothing. `reply` may be NULL. */
MUST_CHECK enum err nats_write_publish(
	struct buffer *text, const char *subject, const char *reply, struct bytes payload);

#endif
