/* A sliding table of pointers, indexed by a 64-bit number: held fragments by TSN, waiting messages
 * by SSN. Access is O(1); memory is one pointer for each number between the first and the last in
 * use, and none when empty. Zero-initialised it is empty. */
#ifndef SCTP_SLOTS_H
#define SCTP_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sctp_slots {
	void **items;
	size_t capacity; /* 0 or a power of two */
	size_t count;    /* occupied */
	uint64_t first;  /* no number below is occupied; the table covers [first, first + capacity)
			  */
};

/* Frees the table, not what it points to. */
void sctp_slots_deinit(struct sctp_slots *slots);

/* The item, or NULL. */
void *sctp_slots_get(const struct sctp_slots *slots, uint64_t number);

/* Puts an item at a free number in [base, base + span_max); numbers below `base` are no longer
 * occupied. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err sctp_slots_put(
	struct sctp_slots *slots, uint64_t base, size_t span_max, uint64_t number, void *item);

/* Removes and returns the item, or NULL. */
void *sctp_slots_take(struct sctp_slots *slots, uint64_t number);

/* Removes and returns any item, for clean-up; NULL when empty. */
void *sctp_slots_take_any(struct sctp_slots *slots);

#endif
