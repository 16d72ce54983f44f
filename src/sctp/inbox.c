#include "sctp/inbox.h"

#include <stdlib.h>

#include "sctp/limits.h"

void sctp_inbox_deinit(struct sctp_inbox *inbox)
{
	free(inbox->borrowed);
	while (inbox->first) {
		struct sctp_inbox_item *item = inbox->first;
		inbox->first = item->next;
		free(item);
	}
	*inbox = (struct sctp_inbox){0};
}

struct sctp_inbox_item *sctp_inbox_item_new(size_t capacity)
{
	struct sctp_inbox_item *item = malloc(sizeof *item + capacity);
	if (item)
		*item = (struct sctp_inbox_item){.capacity = capacity};
	return item;
}

enum err sctp_inbox_item_append(struct sctp_inbox_item **item, struct bytes bytes)
{
	struct sctp_inbox_item *to = *item;
	if (bytes.size > to->capacity - to->size) {
		size_t capacity = max_size(2 * to->capacity, to->size + bytes.size);
		to = realloc(to, sizeof *to + capacity);
		if (!to)
			return ERR_NOMEM;
		to->capacity = capacity;
		*item = to;
	}
	memcpy(to->data + to->size, bytes.data, bytes.size);
	to->size += bytes.size;
	return ERR_OK;
}

struct sctp_inbox_item *sctp_inbox_item_fit(struct sctp_inbox_item *item)
{
	if (item->capacity <= 2 * item->size)
		return item;
	struct sctp_inbox_item *smaller = realloc(item, sizeof *item + item->size);
	if (!smaller)
		return item;
	smaller->capacity = smaller->size;
	return smaller;
}

void sctp_inbox_push(struct sctp_inbox *inbox, struct sctp_inbox_item *item)
{
	item->next = NULL;
	if (inbox->last)
		inbox->last->next = item;
	else
		inbox->first = item;
	inbox->last = item;
	if (item->event.type == SCTP_EVENT_MESSAGE) {
		item->event.message.data = bytes_of(item->data, item->size);
		inbox->messages++;
		inbox->bytes += item->size;
	} else {
		inbox->events++;
	}
}

enum err sctp_inbox_push_event(struct sctp_inbox *inbox, enum sctp_event_type type, uint16_t stream)
{
	if (inbox->events >= SCTP_EVENTS_MAX)
		return ERR_LIMIT;
	struct sctp_inbox_item *item = sctp_inbox_item_new(0);
	if (!item)
		return ERR_NOMEM;
	item->event = (struct sctp_event){.type = type, .stream = stream};
	sctp_inbox_push(inbox, item);
	return ERR_OK;
}

bool sctp_inbox_pop(struct sctp_inbox *inbox, struct sctp_event *ret_event)
{
	free(inbox->borrowed);
	inbox->borrowed = inbox->first;
	struct sctp_inbox_item *item = inbox->first;
	if (!item)
		return false;
	inbox->first = item->next;
	if (!inbox->first)
		inbox->last = NULL;
	if (item->event.type == SCTP_EVENT_MESSAGE) {
		inbox->messages--;
		inbox->bytes -= item->size;
	} else {
		inbox->events--;
	}
	*ret_event = item->event;
	return true;
}
