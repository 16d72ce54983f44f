/* Messages accepted for sending, by stream, and the turn of the streams: weighted fair queueing
 * (RFC 8260 section 3.6), see docs/decisions/0009-scheduling.md. With I-DATA the turn passes on
 * after every chunk; with DATA after every message, since its fragments go out back to back (RFC
 * 9260 section 6.9: "consecutive" TSNs).
 *
 * The streams that have something to send are in a heap, by their virtual start: the bytes they
 * have sent, divided by their weight. The least is next. One that comes anew starts just before
 * where the one served last had started, so it goes first, and what it did not use before is not
 * owed to it.
 *
 * With I-DATA the peer keeps a part of every message that was begun. They must fit into its window
 * all together, or none would ever be whole: a message that would be one too many waits until
 * another ends.
 *
 * A message's bytes are stored once; what is sent are slices of them, cut when a packet is made,
 * and the message is freed when its last slice was acknowledged. */
#ifndef SCTP_QUEUE_H
#define SCTP_QUEUE_H

#include "base/heap.h"
#include "base/list.h"
#include "sctp/sctp.h"
#include "sctp/stream_table.h"

enum sctp_out_state {
	SCTP_OUT_OPEN,
	SCTP_OUT_DRAINING,  /* to be reset once all of it was acknowledged */
	SCTP_OUT_RESETTING, /* named in a reset request */
};

struct sctp_out_stream {
	struct heap_node turn; /* in queue->turns while messages wait; its "deadline" is the
				  virtual start */
	struct list blocked;   /* in queue->blocked while its next message must not begin */
	struct list draining;  /* in queue->to_reset while DRAINING */
	struct sctp_out_message *first, *last;
	int64_t start;            /* virtual, of the next chunk */
	size_t buffered;          /* bytes not yet cut into slices, of those that count */
	size_t unfinished;        /* messages not yet acknowledged whole */
	uint32_t next_mid[2];     /* ordered, unordered; DATA counts the ordered ones */
	uint64_t fragment_passed; /* TSN; scratch of partial.c, and so is */
	uint16_t skip_place[2];
	uint16_t id;
	uint16_t weight; /* among the streams that have something to send */
	enum sctp_out_state state;
};

struct sctp_out_message {
	struct sctp_out_message *next;
	struct sctp_out_stream *stream;
	int64_t limit;                /* of the reliability; of a lifetime the end of it */
	uint64_t first_tsn, last_tsn; /* once something of it was sent */
	uint32_t ppid, size, sent;
	uint32_t mid, fragments; /* fragments: cut so far */
	enum sctp_reliability reliability;
	bool unordered;
	bool uncounted; /* in the stream's `buffered` */
	uint8_t data[];
};

struct sctp_slice {
	struct sctp_out_message *message;
	uint32_t offset;
	uint32_t fragment; /* which of the message's */
	uint16_t size;     /* 0: stands for the rest of a message that was given up */
	uint16_t resends;  /* stops at its maximum */
	uint8_t flags;     /* of the DATA chunk */
};

struct sctp_queue {
	struct sctp_stream_table streams;
	size_t stream_count;
	struct heap turns;
	struct sctp_out_stream
		*current;     /* in the middle of a message that must not be interrupted */
	int64_t now;          /* the virtual start of what was cut last */
	bool interleaving;    /* I-DATA */
	size_t begun_max;     /* bytes of messages begun and not sent whole, */
	size_t begun;         /* and what they are now */
	struct list blocked;  /* streams */
	size_t buffered;      /* bytes not yet cut into slices */
	size_t bytes;         /* of all messages, acknowledged ones excluded */
	size_t draining;      /* streams in SCTP_OUT_DRAINING, */
	struct list to_reset; /* and these */
};

void sctp_queue_init(struct sctp_queue *queue);
/* Frees the messages that wait. Those whose last slice was cut belong to their slices, which have
 * to be finished before. */
void sctp_queue_deinit(struct sctp_queue *queue);

/* Copies the message. ERR_NOMEM. */
MUST_CHECK enum err sctp_queue_push(
	struct sctp_queue *queue, usec now, const struct sctp_message *message);

/* The message whose turn it is; NULL: nothing waits. */
struct sctp_out_message *sctp_queue_next(struct sctp_queue *queue);

/* Bytes left of it; 0: nothing waits. */
size_t sctp_queue_next_size(struct sctp_queue *queue);

/* Cuts the next slice: all that is left of a message when that fits into `room` bytes, else a part
 * of `room` rounded down to a multiple of 4, unless that is too little to be worth a chunk. */
bool sctp_queue_cut(struct sctp_queue *queue, size_t room, struct sctp_slice *ret_slice);

/* The slice was acknowledged; the last one of a message frees it. */
void sctp_queue_finish(struct sctp_queue *queue, const struct sctp_slice *slice);

/* Gives up what was not cut of a message. When some was, true, and the slice that stands for the
 * rest and frees the message when it is finished; else the message is freed. */
bool sctp_queue_give_up(
	struct sctp_queue *queue, struct sctp_out_message *message, struct sctp_slice *ret_slice);

/* The stream, made if need be; NULL: no memory, or too many are in use. */
struct sctp_out_stream *sctp_queue_stream(struct sctp_queue *queue, uint16_t id);

/* Marks an open stream for its reset, or takes that back. */
void sctp_queue_drain(struct sctp_queue *queue, struct sctp_out_stream *stream);
void sctp_queue_end_drain(
	struct sctp_queue *queue, struct sctp_out_stream *stream, enum sctp_out_state state);

/* Drops what waits on a stream that does not exist, and the stream. */
void sctp_queue_drop_stream(struct sctp_queue *queue, struct sctp_out_stream *stream);

#endif
