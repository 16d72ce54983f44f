#include "node/ai_queue.h"

void ai_queue_init(struct ai_queue *queue, size_t at_once)
{
	*queue = (struct ai_queue){.at_once = at_once};
	list_init(&queue->waiting);
}

enum err ai_queue_join(struct ai_queue *queue, struct ai_asker *asker, struct ai_ticket *ticket)
{
	CHECK(ticket->state == AI_TICKET_NONE);
	if (asker->waiting >= AI_WAITING_PER_PEER_MAX || queue->waiting_count >= AI_WAITING_MAX)
		return ERR_LIMIT;
	ticket->asker = asker;
	ticket->state = AI_TICKET_WAITING;
	list_push_back(&queue->waiting, &ticket->node);
	queue->waiting_count++;
	asker->waiting++;
	return ERR_OK;
}

static bool goes_before(const struct ai_asker *a, const struct ai_asker *b)
{
	return a->working != b->working ? a->working < b->working : a->last_turn < b->last_turn;
}

static void stop_waiting(struct ai_queue *queue, struct ai_ticket *ticket)
{
	list_remove(&ticket->node);
	queue->waiting_count--;
	ticket->asker->waiting--;
}

struct ai_ticket *ai_queue_next(struct ai_queue *queue)
{
	struct ai_ticket *best = NULL;
	if (queue->working >= queue->at_once)
		return NULL;
	LIST_FOREACH (node, &queue->waiting) {
		struct ai_ticket *ticket = CONTAINER_OF(node, struct ai_ticket, node);
		if (!best || goes_before(ticket->asker, best->asker))
			best = ticket;
	}
	if (!best)
		return NULL;
	stop_waiting(queue, best);
	best->state = AI_TICKET_WORKING;
	best->asker->working++;
	best->asker->last_turn = ++queue->turns;
	queue->working++;
	return best;
}

void ai_queue_leave(struct ai_queue *queue, struct ai_ticket *ticket)
{
	switch (ticket->state) {
	case AI_TICKET_NONE:
		return;
	case AI_TICKET_WAITING:
		stop_waiting(queue, ticket);
		break;
	case AI_TICKET_WORKING:
		queue->working--;
		ticket->asker->working--;
		break;
	}
	ticket->state = AI_TICKET_NONE;
}
