/* From I-DATA chunks to messages (RFC 8260 section 2.2.3): "use the SID to identify the stream,
 * consider the U bit (...), find the user message identified by the MID, and use the FSN for
 * reassembly of the message and not the TSN".
 *
 * A fragment that follows those before it is appended to the message's bytes, so it is copied once,
 * into the place where the caller will read it. One that comes early is kept in a table until its
 * turn. Nothing depends on the numbers that the peer chooses: every step is O(1). */
#include <stdlib.h>

#include "base/serial.h"
#include "sctp/ordering.h"

/* One that came early. */
struct sctp_early {
	struct sctp_table_node node; /* in reassembly.fragments */
	struct list of_message;
	size_t size;
	uint8_t content[];
};

void sctp_interleave_drop_fragment(
	struct sctp_reassembly *r, struct sctp_in_message *message, struct list *node)
{
	struct sctp_early *early = CONTAINER_OF(node, struct sctp_early, of_message);
	list_remove(node);
	sctp_table_remove(&r->fragments, &early->node);
	message->early_bytes -= early->size;
	r->bytes -= early->size;
	r->items--;
	free(early);
}

static bool is_unordered(const struct sctp_data *data)
{
	return data->flags & SCTP_DATA_UNORDERED;
}

static struct sctp_table_key key_of(const struct sctp_in_message *message, uint32_t fragment)
{
	return sctp_table_key(
		message->stream, message->unordered, (uint32_t)message->number, fragment);
}

static struct sctp_event event_of(const struct sctp_data *data, uint32_t ppid)
{
	return (struct sctp_event){
		.type = SCTP_EVENT_MESSAGE,
		.stream = data->stream,
		.message = {.stream = data->stream, .ppid = ppid, .unordered = is_unordered(data)},
	};
}

/* A message in one chunk, which needs no place of its own unless it has to wait. */
static enum err receive_whole(struct sctp_reassembly *r, struct sctp_in_stream *stream,
	uint64_t number, const struct sctp_data *data)
{
	if (data->payload.size > r->message_max)
		return ERR_TOO_LARGE;
	struct sctp_inbox_item *item = sctp_inbox_item_new(data->payload.size);
	if (!item)
		return ERR_NOMEM;
	enum err err = sctp_inbox_item_append(&item, data->payload);
	CHECK(err == ERR_OK);
	item->event = event_of(data, data->ppid);
	r->bytes += item->size;
	r->items++;
	err = sctp_ordering_deliver(r, stream, number, item);
	if (err) {
		r->bytes -= item->size;
		r->items--;
		free(item);
	}
	return err;
}

/* Whether the fragment contradicts what is known of its message. */
static bool contradicts(
	const struct sctp_in_message *message, const struct sctp_data *data, uint32_t fragment)
{
	bool begins = data->flags & SCTP_DATA_BEGIN, ends = data->flags & SCTP_DATA_END;
	if (message->complete || begins != (fragment == 0) || fragment < message->next_fragment)
		return true;
	if (message->has_end)
		return ends || fragment >= message->highest;
	return ends && fragment < message->highest;
}

static enum err keep_early(struct sctp_reassembly *r, struct sctp_in_message *message,
	const struct sctp_data *data, uint32_t fragment)
{
	struct sctp_early *early = malloc(sizeof *early + data->payload.size);
	if (!early)
		return ERR_NOMEM;
	*early = (struct sctp_early){.size = data->payload.size};
	memcpy(early->content, data->payload.data, data->payload.size);
	if (sctp_table_put(&r->fragments, &early->node, key_of(message, fragment))) {
		free(early);
		return ERR_NOMEM;
	}
	list_push_back(&message->fragments, &early->of_message);
	message->early_bytes += early->size;
	r->bytes += early->size;
	r->items++;
	return ERR_OK;
}

/* Room for what a message will probably need. The guess that it is as long as the one before is
 * made for one message at a time: a peer cannot make us reserve it for many. */
static enum err append(
	struct sctp_reassembly *r, struct sctp_in_message *message, struct bytes payload)
{
	if (!message->item) {
		size_t expected = 2 * payload.size;
		if (r->messages.count <= 1)
			expected = max_size(expected, r->size_hint);
		message->item = sctp_inbox_item_new(min_size(expected, r->message_max));
		if (!message->item)
			return ERR_NOMEM;
	}
	enum err err = sctp_inbox_item_append(&message->item, payload);
	if (err)
		return err;
	message->next_fragment++;
	r->bytes += payload.size;
	return ERR_OK;
}

/* Appends the early ones whose turn it is. ERR_LIMIT: out of memory, and no way back. */
static enum err append_early(struct sctp_reassembly *r, struct sctp_in_message *message)
{
	struct sctp_table_node *node;
	while (message->early_bytes > 0 &&
		(node = sctp_table_get(&r->fragments, key_of(message, message->next_fragment)))) {
		struct sctp_early *early = CONTAINER_OF(node, struct sctp_early, node);
		if (append(r, message, bytes_of(early->content, early->size)))
			return ERR_LIMIT;
		sctp_interleave_drop_fragment(r, message, &early->of_message);
	}
	return ERR_OK;
}

static void finish(struct sctp_reassembly *r, struct sctp_in_stream *stream,
	struct sctp_in_message *message, const struct sctp_data *data)
{
	r->size_hint = message->item->size;
	message->item = sctp_inbox_item_fit(message->item);
	message->item->event = event_of(data, message->ppid);
	sctp_ordering_complete(r, stream, message);
}

static enum err add_fragment(struct sctp_reassembly *r, struct sctp_in_message *message,
	const struct sctp_data *data, uint32_t fragment)
{
	size_t size = message->early_bytes + (message->item ? message->item->size : 0);
	if (data->payload.size > r->message_max - size)
		return ERR_TOO_LARGE;
	if (fragment != message->next_fragment)
		return keep_early(r, message, data, fragment);
	enum err err = append(r, message, data->payload);
	return err ? err : append_early(r, message);
}

static enum err receive_fragment(struct sctp_reassembly *r, struct sctp_in_stream *stream,
	struct sctp_in_message *message, const struct sctp_data *data)
{
	uint32_t fragment = data->flags & SCTP_DATA_BEGIN ? 0 : data->fsn;
	if (contradicts(message, data, fragment) ||
		sctp_table_get(&r->fragments, key_of(message, fragment)))
		return ERR_MALFORMED;
	enum err err = add_fragment(r, message, data, fragment);
	if (err)
		return err;
	if (fragment == 0)
		message->ppid = data->ppid;
	if (fragment > message->highest)
		message->highest = fragment;
	message->has_end |= (data->flags & SCTP_DATA_END) != 0;
	if (message->has_end && message->next_fragment > message->highest)
		finish(r, stream, message, data);
	return ERR_OK;
}

static uint64_t number_of(const struct sctp_in_stream *stream, bool unordered, uint32_t mid)
{
	return serial32_unwrap(unordered ? stream->newest : stream->next, mid);
}

enum err sctp_interleave_receive(struct sctp_reassembly *r, const struct sctp_data *data)
{
	struct sctp_in_stream *stream;
	enum err err = sctp_ordering_stream(r, data->stream, &stream);
	if (err)
		return err;
	bool unordered = is_unordered(data);
	bool whole = (data->flags & SCTP_DATA_BEGIN) && (data->flags & SCTP_DATA_END);
	uint64_t number = number_of(stream, unordered, data->mid);
	/* A late part of what the peer has given up. It is named again only if it did not arrive:
	 * so this must not begin a message that nothing will end. */
	if (unordered ? !whole && number <= stream->skipped : number < stream->next)
		return ERR_OK;
	if (!unordered && number - stream->next >= SCTP_TSN_SPAN_MAX)
		return ERR_MALFORMED;
	if (unordered && number > stream->newest)
		stream->newest = number;
	struct sctp_in_message *message = sctp_ordering_find(r, data->stream, unordered, number);
	if (whole)
		return message ? ERR_MALFORMED : receive_whole(r, stream, number, data);
	bool is_new = !message;
	if (is_new && stream->started[unordered] >= SCTP_STARTED_MAX)
		return ERR_NOMEM;
	if (is_new)
		err = sctp_ordering_add(r, stream, data->stream, unordered, number, &message);
	if (err)
		return err;
	err = receive_fragment(r, stream, message, data);
	if (err && is_new)
		sctp_ordering_drop(r, message);
	return err;
}

enum err sctp_interleave_skip(struct sctp_reassembly *r, uint16_t id, bool unordered, uint32_t mid)
{
	struct sctp_in_stream *stream;
	enum err err = sctp_ordering_stream(r, id, &stream);
	if (err)
		return err;
	uint64_t last = number_of(stream, unordered, mid);
	sctp_ordering_skip(r, stream, id, unordered, last);
	return ERR_OK;
}
