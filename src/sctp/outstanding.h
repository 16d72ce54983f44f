/* DATA chunks sent and not yet acknowledged (RFC 9260 sections 6.2.1, 6.3 and 7.2.4): a ring
 * indexed by TSN, unwrapped to 64 bits. Handling a SACK costs what it newly acknowledges, plus its
 * blocks, plus what is missing between them; what it repeats is skipped in runs. */
#ifndef SCTP_OUTSTANDING_H
#define SCTP_OUTSTANDING_H

#include "base/usec.h"
#include "sctp/chunk.h"
#include "sctp/queue.h"

enum sctp_sent_state {
	SCTP_SENT_IN_FLIGHT,
	SCTP_SENT_LOST,      /* to be sent again */
	SCTP_SENT_ACKED,     /* by a gap block: may still be taken back */
	SCTP_SENT_ABANDONED, /* not to be sent again: partial.h */
};

struct sctp_sent {
	struct sctp_slice slice;
	uint64_t edge; /* the next new TSN when this was last sent: it can be judged missing only
			  by what was sent after it */
	uint32_t run;  /* acknowledged or abandoned chunks from here on, at least; valid while one
			  of them */
	uint8_t state; /* enum sctp_sent_state */
	uint8_t misses;
	bool resent; /* its round trip is not measured (Karn's rule) */
};

struct sctp_outstanding {
	struct sctp_sent *ring;
	size_t capacity;     /* 0 or a power of two */
	uint64_t first;      /* the lowest TSN that is not acknowledged cumulatively */
	uint64_t next;       /* the next new TSN */
	size_t in_flight;    /* bytes */
	size_t lost;         /* chunks to be sent again */
	uint64_t lost_first; /* none below is lost */
	bool recovering;     /* fast recovery, until recovery_exit is acknowledged */
	uint64_t recovery_exit;
	uint64_t probe_tsn; /* whose round trip is being measured; 0: none */
	usec probe_sent;
};

struct sctp_ack {
	bool valid;      /* false: acknowledges what was never sent */
	bool stale;      /* older than one seen before; nothing was done */
	bool advanced;   /* the cumulative TSN moved */
	bool loss;       /* fast recovery begins */
	bool recovering; /* fast recovery was on when it came */
	size_t bytes;    /* newly acknowledged */
	usec round_trip; /* 0: none measured */
};

void sctp_outstanding_init(struct sctp_outstanding *o, uint64_t next);
/* Finishes all slices. */
void sctp_outstanding_deinit(struct sctp_outstanding *o, struct sctp_queue *queue);

static inline bool sctp_outstanding_is_empty(const struct sctp_outstanding *o)
{
	return o->first == o->next;
}

/* Makes sure that one more can be added. ERR_NOMEM. */
MUST_CHECK enum err sctp_outstanding_reserve(struct sctp_outstanding *o);
/* Adds a slice that is being sent and returns its TSN. */
uint64_t sctp_outstanding_add(struct sctp_outstanding *o, usec now, const struct sctp_slice *slice);

/* One that is outstanding. */
static inline struct sctp_sent *sctp_outstanding_at(const struct sctp_outstanding *o, uint64_t tsn)
{
	return &o->ring[(size_t)tsn & (o->capacity - 1)];
}

/* Takes a TSN for a slice that will never be sent. There is room for it. */
uint64_t sctp_outstanding_add_abandoned(struct sctp_outstanding *o, const struct sctp_slice *slice);
/* The chunk will not be sent again. */
void sctp_outstanding_abandon(struct sctp_outstanding *o, uint64_t tsn);

/* The lowest lost chunk, or NULL. */
struct sctp_sent *sctp_outstanding_lost(struct sctp_outstanding *o, uint64_t *ret_tsn);
/* It is being sent again. */
void sctp_outstanding_resend(struct sctp_outstanding *o, uint64_t tsn);

struct sctp_ack sctp_outstanding_ack(struct sctp_outstanding *o, struct sctp_queue *queue, usec now,
	const struct sctp_sack *sack);

/* The retransmission timer expired: nothing is in flight any more. */
void sctp_outstanding_lose_all(struct sctp_outstanding *o);

#endif
