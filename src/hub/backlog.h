/* What waits for a node that reads slowly, by who sent it, without I/O: each sender has a share of
 * the queue and is told when it is over, so that nobody can have somebody else disconnected, or
 * keep others from reaching it.
 *
 * A queue is a stretch of all the bytes that a socket ever sends: those before `sent` have left it.
 * Of a sender's bytes it is known how many there are and where the last of them ends; so what
 * waits of them is at most what lies between. */
#ifndef HUB_BACKLOG_H
#define HUB_BACKLOG_H

#include "hub/admission.h"

struct backlog_share {
	struct contact_id sender;
	size_t bytes;
	uint64_t end; /* of the last of them */
};

/* Zeroed, it is empty. */
struct backlog {
	struct backlog_share *shares; /* BACKLOG_SENDERS_MAX of them; NULL while there is none */
	size_t count;
};

/* Whether so many bytes of this sender may wait behind `queued` others, of which `sent` went
 * before. False as well when memory is out. */
bool backlog_admit(struct backlog *backlog, const struct contact_id *sender, size_t size,
	uint64_t sent, size_t queued);
/* Accepts a zeroed one. */
void backlog_deinit(struct backlog *backlog);

#endif
