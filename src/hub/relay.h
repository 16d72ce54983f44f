/* Frames on the signalling socket, as text, without I/O.
 *
 * The hub does not look inside a payload and does not write it anew: what is relayed are the
 * sender's own bytes, member by member, with the sender's node id put in by the hub. */
#ifndef HUB_RELAY_H
#define HUB_RELAY_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/usec.h"
#include "crypto/node_id.h"
#include "message/json_scan.h"

enum relay_kind {
	RELAY_SIGNAL,
	RELAY_PING,
};

/* The codes of errors, as in docs/hub-api.md. */
#define RELAY_TARGET_OFFLINE "target_offline"
#define RELAY_MISSING_TARGET "missing_target"
#define RELAY_UNKNOWN_TYPE "unknown_message_type"
#define RELAY_INVALID_JSON "invalid_json"
#define RELAY_TOO_LARGE "too_large"
#define RELAY_RATE_LIMITED "rate_limited"
#define RELAY_NOT_REGISTERED "not_registered"
/* All of them, for counting. */
#define RELAY_CODE_COUNT 7
extern const char *const relay_codes[RELAY_CODE_COUNT];

/* How long relaying took, in a histogram; the last bucket has no bound. */
#define RELAY_LATENCY_BUCKETS 13
extern const usec relay_latency_bounds[RELAY_LATENCY_BUCKETS - 1];

struct relay_frame {
	enum relay_kind kind;
	struct bytes text;                /* the whole frame, borrowed */
	struct json_scan scan;            /* its members; none: it is to be searched for them */
	char target_node_id[NODE_ID_MAX]; /* of a relay */
	struct bytes timestamp;           /* of a ping, as it was written; empty: none */
};

/* ERR_OK, or the frame is to be answered with `*ret_code` and `*ret_message`: ERR_MALFORMED,
 * ERR_UNSUPPORTED (type), ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err relay_parse(struct bytes text, struct relay_frame *ret_frame,
	const char **ret_code, const char **ret_message);

/* What the target gets. Appends; ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err relay_write(
	const struct relay_frame *frame, const char *sender_node_id, struct buffer *text);
MUST_CHECK enum err relay_write_pong(const struct relay_frame *frame, struct buffer *text);
/* `target_node_id` may be NULL. */
MUST_CHECK enum err relay_write_error(
	const char *code, const char *message, const char *target_node_id, struct buffer *text);

#endif
