/* Messages and events on their way to the caller, in order. A message's bytes are stored here from
 * its first fragment on and handed out where they are. */
#ifndef SCTP_INBOX_H
#define SCTP_INBOX_H

#include "sctp/sctp.h"

struct sctp_inbox_item {
	struct sctp_inbox_item *next;
	struct sctp_event event;
	size_t size, capacity; /* of data, bytes */
	uint8_t data[];
};

struct sctp_inbox {
	struct sctp_inbox_item *first, *last;
	struct sctp_inbox_item *borrowed; /* handed out by the last pop */
	size_t messages;                  /* waiting */
	size_t events;                    /* waiting, other than messages */
	size_t bytes;                     /* of waiting messages */
};

void sctp_inbox_deinit(struct sctp_inbox *inbox);

/* A new item with room for `capacity` bytes, owned by the caller until pushed; NULL: no memory. */
struct sctp_inbox_item *sctp_inbox_item_new(size_t capacity);

/* Appends to the item, which may move: *item is then the new place. ERR_NOMEM. */
MUST_CHECK enum err sctp_inbox_item_append(struct sctp_inbox_item **item, struct bytes bytes);

/* Gives back memory that was reserved in vain; the item may move. */
struct sctp_inbox_item *sctp_inbox_item_fit(struct sctp_inbox_item *item);

/* Takes a complete message, or an event without data. */
void sctp_inbox_push(struct sctp_inbox *inbox, struct sctp_inbox_item *item);

/* An event about a stream. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err sctp_inbox_push_event(
	struct sctp_inbox *inbox, enum sctp_event_type type, uint16_t stream);

/* The next one; what it points to is borrowed until the next pop. */
bool sctp_inbox_pop(struct sctp_inbox *inbox, struct sctp_event *ret_event);

#endif
