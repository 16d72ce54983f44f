/* Whole messages on their way to the caller in the order of their streams (RFC 9260 section 6.6),
 * for DATA by SSN and for I-DATA (RFC 8260) by MID: what reassembly.c and interleave.c share.
 *
 * An ordered message that comes before its turn waits in a table with those that are still being
 * put together, so what the peer can make us keep follows from what it has sent, not from the
 * numbers it chose. */
#ifndef SCTP_ORDERING_H
#define SCTP_ORDERING_H

#include "base/list.h"
#include "sctp/reassembly.h"

struct sctp_in_stream {
	uint64_t next;           /* the ordered message whose turn it is */
	uint64_t handed_over;    /* ordered messages from here on were not; less than `next` only
				    where the peer gave some up */
	uint64_t given_up;       /* ordered messages before this one need not be waited for */
	uint64_t newest;         /* unordered message: what the numbers of others are near to */
	uint64_t skipped;        /* unordered messages up to here are given up or complete */
	struct list messages[2]; /* of struct sctp_in_message: ordered ones as they came, unordered
				    ones by number */
	size_t started[2];       /* of these, how many are not complete */
	size_t waiting;          /* ordered and complete */
};

/* One that is being put together, or that waits for its turn. */
struct sctp_in_message {
	struct sctp_table_node node; /* in reassembly.messages */
	struct list of_stream;
	uint64_t number;
	uint16_t stream;
	bool unordered, complete;
	struct sctp_inbox_item *item; /* the bytes so far; NULL: none */
	/* I-DATA: see interleave.c. */
	uint32_t ppid;
	uint32_t next_fragment; /* the first that is not in `item` */
	uint32_t highest;       /* fragment seen */
	bool has_end;           /* `highest` is the last */
	size_t early_bytes;     /* of `fragments` */
	struct list fragments;  /* beyond next_fragment */
};

/* The stream, made if need be. ERR_NOMEM; ERR_LIMIT: too many are in use. */
MUST_CHECK enum err sctp_ordering_stream(
	struct sctp_reassembly *r, uint16_t id, struct sctp_in_stream **ret_stream);

/* NULL: none such. */
struct sctp_in_message *sctp_ordering_find(
	const struct sctp_reassembly *r, uint16_t stream, bool unordered, uint64_t number);
/* A new one, without bytes. ERR_NOMEM. */
MUST_CHECK enum err sctp_ordering_add(struct sctp_reassembly *r, struct sctp_in_stream *stream,
	uint16_t id, bool unordered, uint64_t number, struct sctp_in_message **ret_message);
/* Frees it with its bytes and fragments. */
void sctp_ordering_drop(struct sctp_reassembly *r, struct sctp_in_message *message);

void sctp_ordering_drop_stream(struct sctp_reassembly *r, uint16_t id);

/* A whole message, counted in `bytes` and `items`, with its event: to the inbox, or to its place
 * among those that wait. Takes the item, except on an error: ERR_NOMEM, ERR_MALFORMED. */
MUST_CHECK enum err sctp_ordering_deliver(struct sctp_reassembly *r, struct sctp_in_stream *stream,
	uint64_t number, struct sctp_inbox_item *item);
/* The same for one that was put together in its place: its item has its event. */
void sctp_ordering_complete(
	struct sctp_reassembly *r, struct sctp_in_stream *stream, struct sctp_in_message *message);
/* To the inbox. */
void sctp_ordering_hand_over(struct sctp_reassembly *r, struct sctp_inbox_item *item);

/* Gives up the messages of a stream up to and including `last`, as the peer has: ordered ones that
 * are complete are delivered, in their order. */
void sctp_ordering_skip(struct sctp_reassembly *r, struct sctp_in_stream *stream, uint16_t id,
	bool unordered, uint64_t last);

/* interleave.c: frees a fragment that is not in its message's item yet. */
void sctp_interleave_drop_fragment(
	struct sctp_reassembly *r, struct sctp_in_message *message, struct list *node);

#endif
