/* Messages accepted for sending, by stream, and the turn of the streams: round-robin by message,
 * since the fragments of one message go out back to back (RFC 9260 section 6.9: "consecutive"
 * TSNs). A message's bytes are stored once; what is sent are slices of them, cut when a packet is
 * made, and the message is freed when its last slice was acknowledged. */
#ifndef SCTP_QUEUE_H
#define SCTP_QUEUE_H

#include "base/list.h"
#include "sctp/sctp.h"
#include "sctp/stream_table.h"

enum sctp_out_state {
	SCTP_OUT_OPEN,
	SCTP_OUT_DRAINING,  /* to be reset once all of it was acknowledged */
	SCTP_OUT_RESETTING, /* named in a reset request */
};

struct sctp_out_stream {
	struct list active; /* linked while messages wait and it is not the current one */
	struct sctp_out_message *first, *last;
	size_t buffered;   /* bytes not yet cut into slices, of those that count */
	size_t unfinished; /* messages not yet acknowledged whole */
	uint16_t id;
	uint16_t next_ssn;
	uint16_t weight; /* among the streams that have something to send */
	enum sctp_out_state state;
};

struct sctp_out_message {
	struct sctp_out_message *next;
	struct sctp_out_stream *stream;
	uint32_t ppid, size, sent;
	uint16_t ssn;
	bool unordered;
	bool uncounted; /* in the stream's `buffered` */
	uint8_t data[];
};

struct sctp_slice {
	struct sctp_out_message *message;
	uint32_t offset;
	uint16_t size;
	uint8_t flags; /* of the DATA chunk */
};

struct sctp_queue {
	struct sctp_stream_table streams;
	struct list turns;               /* of streams with messages, in the order of their turns */
	struct sctp_out_stream *current; /* in the middle of a message */
	size_t buffered;                 /* bytes not yet cut into slices */
	size_t bytes;                    /* of all messages, acknowledged ones excluded */
	size_t draining;                 /* streams in SCTP_OUT_DRAINING */
};

void sctp_queue_init(struct sctp_queue *queue);
/* Frees the messages that wait. Those whose last slice was cut belong to their slices, which have
 * to be finished before. */
void sctp_queue_deinit(struct sctp_queue *queue);

/* Copies the message. ERR_NOMEM. */
MUST_CHECK enum err sctp_queue_push(struct sctp_queue *queue, const struct sctp_message *message);

/* Bytes left of the message whose turn it is; 0: nothing waits. */
size_t sctp_queue_next_size(struct sctp_queue *queue);

/* Cuts the next slice: all that is left of a message when that fits into `room` bytes, else a part
 * of `room` rounded down to a multiple of 4, unless that is too little to be worth a chunk. */
bool sctp_queue_cut(struct sctp_queue *queue, size_t room, struct sctp_slice *ret_slice);

/* The slice was acknowledged; the last one of a message frees it. */
void sctp_queue_finish(struct sctp_queue *queue, const struct sctp_slice *slice);

/* The stream, made if need be; NULL: no memory. */
struct sctp_out_stream *sctp_queue_stream(struct sctp_queue *queue, uint16_t id);

/* Drops what waits on a stream that does not exist, and the stream. */
void sctp_queue_drop_stream(struct sctp_queue *queue, struct sctp_out_stream *stream);

#endif
