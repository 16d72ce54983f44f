#include "sctp/ordering.h"

#include <stdlib.h>

enum err sctp_ordering_stream(
	struct sctp_reassembly *r, uint16_t id, struct sctp_in_stream **ret_stream)
{
	struct sctp_in_stream *stream = sctp_stream_table_get(&r->streams, id);
	if (!stream) {
		if (r->stream_count >= SCTP_STREAMS_USED_MAX)
			return ERR_LIMIT;
		stream = calloc(1, sizeof *stream);
		if (!stream)
			return ERR_NOMEM;
		stream->next = stream->newest = SCTP_NUMBER_FIRST;
		stream->handed_over = stream->given_up = SCTP_NUMBER_FIRST;
		list_init(&stream->messages[0]);
		list_init(&stream->messages[1]);
		if (sctp_stream_table_set(&r->streams, id, stream)) {
			free(stream);
			return ERR_NOMEM;
		}
		r->stream_count++;
	}
	*ret_stream = stream;
	return ERR_OK;
}

struct sctp_in_message *sctp_ordering_find(
	const struct sctp_reassembly *r, uint16_t stream, bool unordered, uint64_t number)
{
	struct sctp_table_node *node = sctp_table_get(
		&r->messages, sctp_table_key(stream, unordered, (uint32_t)number, 0));
	return node ? CONTAINER_OF(node, struct sctp_in_message, node) : NULL;
}

/* Unordered ones are in the order of their numbers, which is nearly that of their coming; ordered
 * ones wait in numbers that would make a search of it. */
static void put_in_place(struct sctp_in_stream *stream, struct sctp_in_message *message)
{
	struct list *before = stream->messages[message->unordered].prev;
	while (message->unordered && before != &stream->messages[1] &&
		CONTAINER_OF(before, struct sctp_in_message, of_stream)->number > message->number)
		before = before->prev;
	list_insert_before(before->next, &message->of_stream);
}

enum err sctp_ordering_add(struct sctp_reassembly *r, struct sctp_in_stream *stream, uint16_t id,
	bool unordered, uint64_t number, struct sctp_in_message **ret_message)
{
	struct sctp_in_message *message = r->spare ? r->spare : malloc(sizeof *message);
	if (!message)
		return ERR_NOMEM;
	r->spare = NULL;
	*message = (struct sctp_in_message){.number = number, .stream = id, .unordered = unordered};
	list_init(&message->fragments);
	if (sctp_table_put(&r->messages, &message->node,
		    sctp_table_key(id, unordered, (uint32_t)number, 0))) {
		free(message);
		return ERR_NOMEM;
	}
	put_in_place(stream, message);
	stream->started[unordered]++;
	r->items++;
	*ret_message = message;
	return ERR_OK;
}

/* Takes it out of the table, and leaves its item to the caller. */
static void forget(
	struct sctp_reassembly *r, struct sctp_in_stream *stream, struct sctp_in_message *message)
{
	if (message->complete)
		stream->waiting--;
	else
		stream->started[message->unordered]--;
	sctp_table_remove(&r->messages, &message->node);
	list_remove(&message->of_stream);
	/* The next packet is likely to end in the midst of a message, too. */
	free(r->spare);
	r->spare = message;
}

void sctp_ordering_drop(struct sctp_reassembly *r, struct sctp_in_message *message)
{
	struct sctp_in_stream *stream = sctp_stream_table_get(&r->streams, message->stream);
	CHECK(stream != NULL);
	LIST_FOREACH_SAFE (node, &message->fragments)
		sctp_interleave_drop_fragment(r, message, node);
	if (message->item) {
		r->bytes -= message->item->size;
		free(message->item);
	}
	r->items--;
	forget(r, stream, message);
}

void sctp_ordering_drop_stream(struct sctp_reassembly *r, uint16_t id)
{
	struct sctp_in_stream *stream = sctp_stream_table_get(&r->streams, id);
	if (!stream)
		return;
	for (int kind = 0; kind < 2; kind++)
		LIST_FOREACH_SAFE (node, &stream->messages[kind])
			sctp_ordering_drop(
				r, CONTAINER_OF(node, struct sctp_in_message, of_stream));
	enum err err = sctp_stream_table_set(&r->streams, id, NULL);
	CHECK(err == ERR_OK);
	r->stream_count--;
	free(stream);
}

void sctp_ordering_hand_over(struct sctp_reassembly *r, struct sctp_inbox_item *item)
{
	r->bytes -= item->size;
	r->items--;
	sctp_inbox_push(r->inbox, item);
}

static void hand_over_message(
	struct sctp_reassembly *r, struct sctp_in_stream *stream, struct sctp_in_message *message)
{
	struct sctp_inbox_item *item = message->item;
	if (!message->unordered)
		stream->handed_over = message->number + 1;
	forget(r, stream, message);
	sctp_ordering_hand_over(r, item);
}

static void hand_over_waiting(struct sctp_reassembly *r, struct sctp_in_stream *stream, uint16_t id)
{
	while (stream->waiting > 0) {
		struct sctp_in_message *message = sctp_ordering_find(r, id, false, stream->next);
		if (!message || !message->complete)
			return;
		stream->next++;
		hand_over_message(r, stream, message);
	}
}

void sctp_ordering_complete(
	struct sctp_reassembly *r, struct sctp_in_stream *stream, struct sctp_in_message *message)
{
	if (message->unordered) {
		hand_over_message(r, stream, message);
		return;
	}
	uint16_t id = message->stream;
	stream->started[0]--;
	message->complete = true;
	stream->waiting++;
	hand_over_waiting(r, stream, id);
}

/* An ordered message that the peer has given up, and sends all the same: pion (sctp 1.8) names in a
 * FORWARD-TSN the numbers of unordered messages, though RFC 3758 section 3.2 says "This field MUST
 * NOT report TSN's corresponding to DATA chunks that are marked as unordered", and so passes over
 * ordered messages that it has still to send. It is as good as any other unless one that is behind
 * it is with the caller: RFC 9260 section 6.6 lets no message overtake another. */
static void deliver_late(struct sctp_reassembly *r, struct sctp_in_stream *stream, uint64_t number,
	struct sctp_inbox_item *item)
{
	if (number >= stream->handed_over) {
		stream->handed_over = number + 1;
		sctp_ordering_hand_over(r, item);
		return;
	}
	r->dropped_late++;
	r->bytes -= item->size;
	r->items--;
	free(item);
}

enum err sctp_ordering_deliver(struct sctp_reassembly *r, struct sctp_in_stream *stream,
	uint64_t number, struct sctp_inbox_item *item)
{
	uint16_t id = item->event.stream;
	if (item->event.message.unordered) {
		sctp_ordering_hand_over(r, item);
		return ERR_OK;
	}
	if (number == stream->next) {
		stream->handed_over = ++stream->next;
		sctp_ordering_hand_over(r, item);
		hand_over_waiting(r, stream, id);
		return ERR_OK;
	}
	if (number < stream->given_up) {
		deliver_late(r, stream, number, item);
		return ERR_OK;
	}
	if (number < stream->next || number - stream->next >= SCTP_TSN_SPAN_MAX ||
		sctp_ordering_find(r, id, false, number))
		return ERR_MALFORMED;
	struct sctp_in_message *message;
	enum err err = sctp_ordering_add(r, stream, id, false, number, &message);
	if (err)
		return err;
	r->items--; /* the item is counted already */
	message->item = item;
	sctp_ordering_complete(r, stream, message);
	return ERR_OK;
}

/* The first of them, up to `last`; NULL: none. */
static struct sctp_in_message *lowest_ordered(const struct sctp_in_stream *stream, uint64_t last)
{
	struct sctp_in_message *lowest = NULL;
	LIST_FOREACH (node, &stream->messages[0]) {
		struct sctp_in_message *m = CONTAINER_OF(node, struct sctp_in_message, of_stream);
		if (m->number <= last && (!lowest || m->number < lowest->number))
			lowest = m;
	}
	return lowest;
}

static void skip_one(
	struct sctp_reassembly *r, struct sctp_in_stream *stream, struct sctp_in_message *message)
{
	if (message->complete)
		hand_over_message(r, stream, message);
	else
		sctp_ordering_drop(r, message);
}

/* From message to message when these are few, else from number to number: what one entry of the
 * peer's costs stays in proportion to what it has sent. */
static void skip_ordered(
	struct sctp_reassembly *r, struct sctp_in_stream *stream, uint16_t id, uint64_t last)
{
	struct sctp_in_message *message;
	if (stream->waiting + stream->started[0] < SCTP_SKIP_SEARCH_MAX) {
		while ((message = lowest_ordered(stream, last)))
			skip_one(r, stream, message);
	} else {
		uint64_t end = stream->next + SCTP_TSN_SPAN_MAX;
		for (uint64_t number = stream->next; number <= last && number < end; number++) {
			message = sctp_ordering_find(r, id, false, number);
			if (message)
				skip_one(r, stream, message);
		}
	}
	if (stream->next <= last)
		stream->next = stream->given_up = last + 1;
	hand_over_waiting(r, stream, id);
}

void sctp_ordering_skip(struct sctp_reassembly *r, struct sctp_in_stream *stream, uint16_t id,
	bool unordered, uint64_t last)
{
	if (!unordered) {
		skip_ordered(r, stream, id, last);
		return;
	}
	if (last <= stream->skipped)
		return;
	stream->skipped = last;
	LIST_FOREACH_SAFE (node, &stream->messages[1]) {
		struct sctp_in_message *m = CONTAINER_OF(node, struct sctp_in_message, of_stream);
		if (m->number > last)
			return;
		sctp_ordering_drop(r, m);
	}
}
