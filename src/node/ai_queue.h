/* Whose AI query is worked on next: at most so many at once, and fair among peers. Of those who
 * wait, one who has the fewest at work goes first, and of several such the one whose last turn is
 * the longest ago; each one's own queries go in their order. Without I/O and time. */
#ifndef NODE_AI_QUEUE_H
#define NODE_AI_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "node/limits.h"

/* A peer, in the session's memory. Zeroed it has nothing. */
struct ai_asker {
	size_t waiting, working;
	uint64_t last_turn; /* 0: it had none */
};

/* A query, in its owner's memory. Zeroed it is in no queue. */
struct ai_ticket {
	struct list node; /* of those that wait */
	struct ai_asker *asker;
	enum { AI_TICKET_NONE, AI_TICKET_WAITING, AI_TICKET_WORKING } state;
};

struct ai_queue {
	struct list waiting; /* in the order in which they came */
	size_t waiting_count, working;
	size_t at_once;
	uint64_t turns;
};

void ai_queue_init(struct ai_queue *queue, size_t at_once);

/* ERR_LIMIT: the peer has AI_WAITING_PER_PEER_MAX that wait, or AI_WAITING_MAX wait in all. */
MUST_CHECK enum err ai_queue_join(
	struct ai_queue *queue, struct ai_asker *asker, struct ai_ticket *ticket);
/* The next one, which is at work from now on; NULL: none now. */
struct ai_ticket *ai_queue_next(struct ai_queue *queue);
/* It has ended, or waits no more. Accepts one that is in no queue. */
void ai_queue_leave(struct ai_queue *queue, struct ai_ticket *ticket);

#endif
