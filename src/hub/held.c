#include "hub/held.h"

#include <stdlib.h>

void held_init(struct held *held)
{
	*held = (struct held){0};
	list_init(&held->signals);
}

static struct held_signal *first_of(const struct held *held)
{
	return list_is_empty(&held->signals)
		       ? NULL
		       : CONTAINER_OF(held->signals.next, struct held_signal, node);
}

static struct held_signal *take_out(struct held *held, struct held_signal *signal)
{
	list_remove(&signal->node);
	held->count--;
	held->bytes -= signal->size;
	return signal;
}

void held_deinit(struct held *held)
{
	while (held->signals.next && first_of(held))
		free(take_out(held, first_of(held)));
}

enum err held_add(struct held *held, const struct contact_id *sender,
	const struct contact_id *target, struct bytes text, usec now)
{
	if (held->count >= BUS_HELD_MAX || text.size > BUS_HELD_BYTES_MAX - held->bytes)
		return ERR_LIMIT;
	struct held_signal *signal = malloc(sizeof *signal + text.size);
	if (!signal)
		return ERR_NOMEM;
	*signal = (struct held_signal){.sender = *sender,
		.target = *target,
		.deadline = now + BUS_HELD_TIME,
		.size = text.size};
	if (text.size > 0)
		memcpy(signal->text, text.data, text.size);
	list_push_back(&held->signals, &signal->node);
	held->count++;
	held->bytes += text.size;
	return ERR_OK;
}

struct held_signal *held_take(struct held *held, const struct contact_id *target, usec now)
{
	if (!target) {
		struct held_signal *first = first_of(held);
		return first && first->deadline <= now ? take_out(held, first) : NULL;
	}
	LIST_FOREACH (node, &held->signals) {
		struct held_signal *signal = CONTAINER_OF(node, struct held_signal, node);
		if (contact_id_equal(&signal->target, target))
			return take_out(held, signal);
	}
	return NULL;
}

usec held_deadline(const struct held *held)
{
	return list_is_empty(&held->signals) ? USEC_NEVER : first_of(held)->deadline;
}
