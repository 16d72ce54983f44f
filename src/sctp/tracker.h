/* Which TSNs have arrived (RFC 9260 section 6.2): the cumulative one and the runs beyond it, from
 * which a SACK is made. TSNs are unwrapped to 64 bits. */
#ifndef SCTP_TRACKER_H
#define SCTP_TRACKER_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "sctp/limits.h"

struct sctp_run {
	uint64_t start, end; /* inclusive */
};

struct sctp_tracker {
	uint64_t cumulative;   /* all up to here have arrived */
	struct sctp_run *runs; /* ascending, with at least one missing TSN before each */
	size_t count, capacity;
	uint32_t duplicates[SCTP_DUPLICATES_MAX]; /* since the last SACK */
	size_t duplicate_count;
};

void sctp_tracker_init(struct sctp_tracker *tracker, uint64_t cumulative);
void sctp_tracker_deinit(struct sctp_tracker *tracker);

bool sctp_tracker_has(const struct sctp_tracker *tracker, uint64_t tsn);
/* The highest TSN that has arrived. */
uint64_t sctp_tracker_highest(const struct sctp_tracker *tracker);

/* Notes that a TSN beyond those the tracker has arrived; the cumulative one moves as far as it
 * can. ERR_LIMIT: it would need one run too many; ERR_NOMEM. */
MUST_CHECK enum err sctp_tracker_add(struct sctp_tracker *tracker, uint64_t tsn);

/* The peer will not send anything up to `tsn` any more (RFC 3758). */
void sctp_tracker_forward(struct sctp_tracker *tracker, uint64_t tsn);

void sctp_tracker_note_duplicate(struct sctp_tracker *tracker, uint64_t tsn);

#endif
