/* From DATA chunks to messages (RFC 9260 sections 6.5, 6.6 and 6.9).
 *
 * What arrives in the order of TSNs is appended to the message in progress, so its bytes are copied
 * once, into the place where the caller will read them. What arrives early is held as it is, and
 * joined with its neighbours: a message that is complete before an older gap is filled goes ahead
 * if it is unordered, or if its stream waits for nothing else. Consecutive fragments form runs
 * whose two ends know each other, so every step is O(1). */
#ifndef SCTP_REASSEMBLY_H
#define SCTP_REASSEMBLY_H

#include "base/rng.h"
#include "sctp/chunk.h"
#include "sctp/inbox.h"
#include "sctp/slots.h"
#include "sctp/stream_table.h"
#include "sctp/table.h"

/* SSNs and MIDs start here, so that those before the first one do not go below zero. */
#define SCTP_NUMBER_FIRST (UINT64_C(1) << 32)

struct sctp_reassembly {
	struct sctp_inbox *inbox;
	struct sctp_stream_table streams; /* of struct sctp_in_stream: ordering.h */
	size_t stream_count;
	struct sctp_table messages;      /* of struct sctp_in_message: ordering.h */
	struct sctp_table fragments;     /* I-DATA: interleave.c */
	struct sctp_in_message *spare;   /* the one freed last, for the next; or NULL */
	struct sctp_inbox_item *current; /* the message in progress, NULL: none */
	struct sctp_data current_head;   /* its first fragment, without payload */
	struct sctp_slots held;          /* of struct sctp_fragment, by TSN */
	size_t bytes;                    /* held, in progress, or waiting for an older message */
	size_t items;                    /* the same as a count */
	size_t message_max;
	uint64_t dropped_late; /* whole messages: see deliver_late() in ordering.c */
	size_t size_hint;      /* of the last message in fragments: the next is probably like it */
	bool skipped; /* the peer has abandoned something; the next fragment may be its rest */
	/* The peer may abandon a message of which it has sent the beginning (RFC 3758). The next
	 * one then follows at once, and comes here before the news does when that is lost or late.
	 */
	bool may_break_off;
};

void sctp_reassembly_init(
	struct sctp_reassembly *r, struct sctp_inbox *inbox, size_t message_max, struct rng *rng);
void sctp_reassembly_deinit(struct sctp_reassembly *r);

/* All of these return ERR_NOMEM, or ERR_MALFORMED, ERR_TOO_LARGE or ERR_LIMIT (streams) when the
 * peer broke the protocol; after an error of the peer's the association ends. */

/* The chunk that follows the cumulative TSN. On ERR_NOMEM nothing has happened. */
MUST_CHECK enum err sctp_reassembly_append(struct sctp_reassembly *r, const struct sctp_data *data);
/* A chunk beyond the gap after `cumulative`. On ERR_NOMEM it is not held. */
MUST_CHECK enum err sctp_reassembly_hold(
	struct sctp_reassembly *r, uint64_t cumulative, uint64_t tsn, const struct sctp_data *data);
/* The cumulative TSN has moved over one that was held, or gone ahead, before. On ERR_NOMEM its
 * content is lost: the association ends. */
MUST_CHECK enum err sctp_reassembly_release(struct sctp_reassembly *r, uint64_t tsn);

/* RFC 3758: the peer gives up all it sent in (from, to], ... */
void sctp_reassembly_skip(struct sctp_reassembly *r, uint64_t from, uint64_t to);
/* ... and on this stream all messages up to `ssn`. */
MUST_CHECK enum err sctp_reassembly_skip_messages(
	struct sctp_reassembly *r, uint16_t stream, uint16_t ssn);

/* I-DATA, in any order of TSNs: interleave.c. On ERR_NOMEM nothing has happened. */
MUST_CHECK enum err sctp_interleave_receive(
	struct sctp_reassembly *r, const struct sctp_data *data);
/* RFC 8260 section 2.3.1: the peer gives up these messages of a stream up to `mid`. */
MUST_CHECK enum err sctp_interleave_skip(
	struct sctp_reassembly *r, uint16_t stream, bool unordered, uint32_t mid);

/* RFC 6525: the next message of the stream has number 0. */
void sctp_reassembly_reset(struct sctp_reassembly *r, uint16_t stream);

#endif
