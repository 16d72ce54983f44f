#include "sctp/reassembly.h"

#include <stdlib.h>

#include "base/serial.h"
#include "sctp/ordering.h"

struct sctp_fragment {
	struct sctp_data data;       /* its payload is `content` */
	uint64_t run_start, run_end; /* valid at the other end of the run: see join() */
	uint8_t content[];
};

void sctp_reassembly_init(
	struct sctp_reassembly *r, struct sctp_inbox *inbox, size_t message_max, struct rng *rng)
{
	*r = (struct sctp_reassembly){.inbox = inbox, .message_max = message_max};
	rng_fill(rng, r->messages.secret, sizeof r->messages.secret);
	rng_fill(rng, r->fragments.secret, sizeof r->fragments.secret);
}

static void drop_current(struct sctp_reassembly *r)
{
	if (!r->current)
		return;
	r->bytes -= r->current->size;
	r->items--;
	free(r->current);
	r->current = NULL;
}

void sctp_reassembly_deinit(struct sctp_reassembly *r)
{
	uint16_t id = 0;
	while (sctp_stream_table_next(&r->streams, id, &id))
		sctp_ordering_drop_stream(r, id);
	sctp_stream_table_deinit(&r->streams);
	free(r->spare);
	drop_current(r);
	struct sctp_fragment *fragment;
	while ((fragment = sctp_slots_take_any(&r->held)))
		free(fragment);
	*r = (struct sctp_reassembly){0};
}

/* A complete message, counted in `bytes` and `items`. Takes the item, except on an error. */
static enum err deliver(
	struct sctp_reassembly *r, const struct sctp_data *head, struct sctp_inbox_item *item)
{
	item->event = (struct sctp_event){
		.type = SCTP_EVENT_MESSAGE,
		.stream = head->stream,
		.message = {.stream = head->stream,
			.ppid = head->ppid,
			.unordered = head->flags & SCTP_DATA_UNORDERED},
	};
	struct sctp_in_stream *stream;
	enum err err = sctp_ordering_stream(r, head->stream, &stream);
	if (err)
		return err;
	return sctp_ordering_deliver(r, stream, serial16_unwrap(stream->next, head->ssn), item);
}

static bool is_whole(const struct sctp_data *data)
{
	return (data->flags & SCTP_DATA_BEGIN) && (data->flags & SCTP_DATA_END);
}

static bool same_message(const struct sctp_data *a, const struct sctp_data *b)
{
	uint8_t different = a->flags ^ b->flags;
	return a->stream == b->stream && !(different & SCTP_DATA_UNORDERED) &&
	       ((a->flags & SCTP_DATA_UNORDERED) || a->ssn == b->ssn);
}

/* Makes the first fragment the message in progress. */
static enum err begin(struct sctp_reassembly *r, const struct sctp_data *data)
{
	/* RFC 9260 section 6.9: the fragments of a message have consecutive TSNs. */
	if (r->may_break_off)
		drop_current(r);
	if (r->current || !(data->flags & SCTP_DATA_BEGIN))
		return ERR_MALFORMED;
	size_t expected = is_whole(data) ? data->payload.size
					 : max_size(r->size_hint, 2 * data->payload.size);
	r->current = sctp_inbox_item_new(min_size(expected, r->message_max));
	if (!r->current)
		return ERR_NOMEM;
	r->current_head = *data;
	r->current_head.payload = (struct bytes){0};
	r->items++;
	return ERR_OK;
}

static enum err finish(struct sctp_reassembly *r)
{
	if (!is_whole(&r->current_head))
		r->size_hint = r->current->size;
	r->current = sctp_inbox_item_fit(r->current);
	struct sctp_inbox_item *item = r->current;
	enum err err = deliver(r, &r->current_head, item);
	if (err == ERR_OK)
		r->current = NULL;
	return err;
}

enum err sctp_reassembly_append(struct sctp_reassembly *r, const struct sctp_data *data)
{
	bool begins = data->flags & SCTP_DATA_BEGIN;
	if (r->skipped && !begins && !r->current)
		return ERR_OK;
	r->skipped = false;
	enum err err = ERR_OK;
	if (begins || !r->current)
		err = begin(r, data);
	else if (!same_message(&r->current_head, data))
		err = ERR_MALFORMED;
	if (err)
		return err;
	size_t before = r->current->size;
	if (data->payload.size > r->message_max - before)
		return ERR_TOO_LARGE;
	err = sctp_inbox_item_append(&r->current, data->payload);
	if (err == ERR_OK) {
		r->bytes += data->payload.size;
		if (data->flags & SCTP_DATA_END)
			err = finish(r);
		if (err == ERR_NOMEM) {
			r->current->size = before;
			r->bytes -= data->payload.size;
		}
	}
	if (err == ERR_NOMEM && begins)
		drop_current(r);
	return err;
}

static struct sctp_fragment *held_at(const struct sctp_reassembly *r, uint64_t tsn)
{
	return sctp_slots_get(&r->held, tsn);
}

/* Joins the fragment with the runs on both sides, if they belong to its message. The first fragment
 * of a run knows its end and the last its start; those between know nothing. */
static enum err join(struct sctp_reassembly *r, uint64_t tsn, struct sctp_fragment *fragment)
{
	uint64_t start = tsn, end = tsn;
	struct sctp_fragment *before = held_at(r, tsn - 1), *after = held_at(r, tsn + 1);
	bool begins = fragment->data.flags & SCTP_DATA_BEGIN;
	bool ends = fragment->data.flags & SCTP_DATA_END;
	if (before) {
		bool before_ends = before->data.flags & SCTP_DATA_END;
		if (before_ends != begins && !(begins && r->may_break_off))
			return ERR_MALFORMED;
		if (!begins && !same_message(&before->data, &fragment->data))
			return ERR_MALFORMED;
		if (!begins)
			start = before->run_start;
	}
	if (after) {
		bool after_begins = after->data.flags & SCTP_DATA_BEGIN;
		if (after_begins != ends && !(after_begins && r->may_break_off))
			return ERR_MALFORMED;
		if (!after_begins && !same_message(&after->data, &fragment->data))
			return ERR_MALFORMED;
		if (!after_begins)
			end = after->run_end;
	}
	held_at(r, start)->run_end = end;
	held_at(r, end)->run_start = start;
	fragment->run_start = start;
	fragment->run_end = end;
	return ERR_OK;
}

static void drop_held(struct sctp_reassembly *r, uint64_t tsn)
{
	struct sctp_fragment *fragment = sctp_slots_take(&r->held, tsn);
	if (!fragment)
		return;
	r->bytes -= fragment->data.payload.size;
	r->items--;
	free(fragment);
}

/* Makes a message of a complete run. On ERR_NOMEM the run stays, and is taken when its turn comes.
 */
static enum err gather(struct sctp_reassembly *r, uint64_t start, uint64_t end)
{
	size_t size = 0;
	for (uint64_t tsn = start; tsn <= end; tsn++)
		size += held_at(r, tsn)->data.payload.size;
	if (size > r->message_max)
		return ERR_TOO_LARGE;
	struct sctp_inbox_item *item = sctp_inbox_item_new(size);
	if (!item)
		return ERR_NOMEM;
	for (uint64_t tsn = start; tsn <= end; tsn++) {
		enum err err = sctp_inbox_item_append(&item, held_at(r, tsn)->data.payload);
		CHECK(err == ERR_OK);
	}
	r->bytes += size;
	r->items++;
	enum err err = deliver(r, &held_at(r, start)->data, item);
	if (err) {
		r->bytes -= size;
		r->items--;
		free(item);
		return err;
	}
	for (uint64_t tsn = start; tsn <= end; tsn++)
		drop_held(r, tsn);
	return ERR_OK;
}

enum err sctp_reassembly_hold(
	struct sctp_reassembly *r, uint64_t cumulative, uint64_t tsn, const struct sctp_data *data)
{
	CHECK(tsn > cumulative);
	struct sctp_fragment *fragment = malloc(sizeof *fragment + data->payload.size);
	if (!fragment)
		return ERR_NOMEM;
	*fragment = (struct sctp_fragment){.data = *data};
	memcpy(fragment->content, data->payload.data, data->payload.size);
	fragment->data.payload = bytes_of(fragment->content, data->payload.size);
	enum err err = sctp_slots_put(&r->held, cumulative, SCTP_TSN_SPAN_MAX, tsn, fragment);
	if (err) {
		free(fragment);
		return ERR_NOMEM;
	}
	r->bytes += data->payload.size;
	r->items++;
	err = join(r, tsn, fragment);
	if (err)
		return err;
	uint64_t start = fragment->run_start, end = fragment->run_end;
	if (!(held_at(r, start)->data.flags & SCTP_DATA_BEGIN) ||
		!(held_at(r, end)->data.flags & SCTP_DATA_END))
		return ERR_OK;
	err = gather(r, start, end);
	return err == ERR_NOMEM ? ERR_OK : err;
}

enum err sctp_reassembly_release(struct sctp_reassembly *r, uint64_t tsn)
{
	struct sctp_fragment *fragment = held_at(r, tsn);
	if (!fragment && r->may_break_off)
		drop_current(r);
	if (!fragment) /* it went ahead, so the message in progress cannot go on */
		return r->current ? ERR_MALFORMED : ERR_OK;
	enum err err = sctp_reassembly_append(r, &fragment->data);
	drop_held(r, tsn);
	return err;
}

void sctp_reassembly_skip(struct sctp_reassembly *r, uint64_t from, uint64_t to)
{
	drop_current(r);
	r->skipped = true;
	for (uint64_t tsn = from + 1; tsn <= to && r->held.count > 0; tsn++)
		drop_held(r, tsn);
}

enum err sctp_reassembly_skip_messages(struct sctp_reassembly *r, uint16_t id, uint16_t ssn)
{
	struct sctp_in_stream *stream;
	enum err err = sctp_ordering_stream(r, id, &stream);
	if (!err)
		sctp_ordering_skip(r, stream, id, false, serial16_unwrap(stream->next, ssn));
	return err;
}

void sctp_reassembly_reset(struct sctp_reassembly *r, uint16_t id)
{
	sctp_ordering_drop_stream(r, id);
}
