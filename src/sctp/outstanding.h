/* DATA chunks sent and not yet acknowledged (RFC 9260 sections 6.2.1, 6.3 and 7.2.4): a ring
 * indexed by TSN, unwrapped to 64 bits. Those in flight are also linked in the order in which they
 * were sent, so that what is overdue is found at the list's head, be it sent for the first time or
 * again. Handling a SACK costs what it newly acknowledges or shows to be lost, plus its blocks;
 * what it repeats is skipped in runs. */
#ifndef SCTP_OUTSTANDING_H
#define SCTP_OUTSTANDING_H

#include "base/usec.h"
#include "sctp/chunk.h"
#include "sctp/delivery.h"
#include "sctp/queue.h"
#include "sctp/rack.h"

enum sctp_sent_state {
	SCTP_SENT_IN_FLIGHT,
	SCTP_SENT_LOST,      /* to be sent again */
	SCTP_SENT_ACKED,     /* by a gap block: may still be taken back */
	SCTP_SENT_ABANDONED, /* not to be sent again: partial.h */
};

struct sctp_sent {
	struct sctp_slice slice;
	usec sent;       /* the last time */
	uint64_t packet; /* the number of the packet it was last sent in */
	struct sctp_delivery_mark mark;
	uint32_t older, newer; /* TSNs, low bits, of what was sent before and after it, while
				  IN_FLIGHT; its own where there is none */
	uint32_t run;   /* acknowledged or abandoned chunks from here on, at least; valid while
			   one of them */
	uint8_t state;  /* enum sctp_sent_state */
	bool resent;    /* its round trip is not measured (Karn's rule) */
	bool timed_out; /* the timer took it for LOST the last time */
};

struct sctp_outstanding {
	struct sctp_sent *ring;
	size_t capacity;  /* 0 or a power of two */
	uint64_t first;   /* the lowest TSN that is not acknowledged cumulatively */
	uint64_t next;    /* the next new TSN */
	size_t in_flight; /* bytes */
	size_t in_flight_count;
	uint64_t oldest, newest; /* TSNs of the list of chunks in flight, when there are any */
	size_t lost;             /* chunks to be sent again */
	uint64_t lost_first;     /* none below is lost */
	uint64_t packet;         /* number of the packet that is being filled, */
	size_t packet_bytes;     /* and what it carries of chunks' data */
	uint64_t newest_acked;   /* packet */
	/* So soon after a retransmission the newest answer came, which was sooner than a round trip
	 * and so may have been the first copy's; 0: the newest one counts. And since when all
	 * answers have been of that kind. */
	usec soon, soon_since;
	struct sctp_delivery rate;
	/* Loss and what is told of it: once a round trip (RFC 9002 section 7.3.2). */
	uint64_t recovery_packet; /* the first that was sent after the last reduction */
	uint64_t doubt_tsn;       /* the lowest TSN that was taken for lost since, */
	size_t doubts;            /* and how many were, and were not shown to have arrived */
};

struct sctp_ack {
	bool valid;            /* false: acknowledges what was never sent */
	bool stale;            /* older than one seen before; nothing was done */
	bool advanced;         /* the cumulative TSN moved */
	bool recovering;       /* it acknowledges only what was sent before the last reduction */
	bool spurious;         /* everything taken for lost since the last reduction had arrived */
	bool reordered;        /* a chunk arrived after later ones */
	size_t bytes;          /* newly acknowledged */
	usec round_trip;       /* 0: none measured */
	usec answer_to_resent; /* from sending again to this, maybe of the first copy; 0: none */
	struct sctp_delivery_sample rate;
};

struct sctp_loss {
	bool begins;   /* the first one since a round trip */
	size_t bytes;  /* found lost now */
	usec deadline; /* when to look again; USEC_NEVER: not before the next SACK */
};

void sctp_outstanding_init(struct sctp_outstanding *o, uint64_t next);
/* Finishes all slices. */
void sctp_outstanding_deinit(struct sctp_outstanding *o, struct sctp_queue *queue);

static inline bool sctp_outstanding_is_empty(const struct sctp_outstanding *o)
{
	return o->first == o->next;
}

/* What is sent from now on is in a new packet. */
static inline void sctp_outstanding_begin_packet(struct sctp_outstanding *o)
{
	o->packet++;
	o->packet_bytes = 0;
}

/* Makes sure that one more can be added. ERR_NOMEM. */
MUST_CHECK enum err sctp_outstanding_reserve(struct sctp_outstanding *o);
/* Gives the ring back when it is empty: for now and then, as bulk empties it again and again. */
void sctp_outstanding_trim(struct sctp_outstanding *o);
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
void sctp_outstanding_resend(struct sctp_outstanding *o, usec now, uint64_t tsn);

/* `min_round_trip`: rates over less than that are not believed, nor are answers to retransmissions
 * that come sooner. */
struct sctp_ack sctp_outstanding_ack(struct sctp_outstanding *o, struct sctp_queue *queue, usec now,
	const struct sctp_sack *sack, usec min_round_trip);

/* Marks as lost what was sent `packets` before the newest that arrived, or before it and `age` ago
 * (sctp_rack_packets(), sctp_rack_age()). */
struct sctp_loss sctp_outstanding_detect(
	struct sctp_outstanding *o, usec now, uint64_t packets, usec age);

/* The chunk in flight that was sent last, and the one before another; NULL: there is none. */
struct sctp_sent *sctp_outstanding_last(const struct sctp_outstanding *o, uint64_t *ret_tsn);
struct sctp_sent *sctp_outstanding_before(
	const struct sctp_outstanding *o, uint64_t tsn, uint64_t *ret_tsn);
/* Takes back a chunk in flight, to send it again as a probe. */
void sctp_outstanding_take(struct sctp_outstanding *o, uint64_t tsn);

/* The retransmission timer expired: nothing is in flight any more. */
void sctp_outstanding_lose_all(struct sctp_outstanding *o);
/* It expired too early (`spurious` after it): what was not sent again is in flight after all. */
void sctp_outstanding_restore(struct sctp_outstanding *o);

#endif
