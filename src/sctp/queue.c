#include "sctp/queue.h"

#include <stdlib.h>

#include "sctp/chunk.h"

/* What a chunk costs besides its payload. */
#define CHUNK_COST SCTP_I_DATA_HEADER_SIZE

/* Puts a stream behind all that are not blocked. */
#define BLOCKED_START (INT64_MAX / 2)

void sctp_queue_init(struct sctp_queue *queue)
{
	*queue = (struct sctp_queue){0};
	queue->begun_max = SIZE_MAX;
	list_init(&queue->to_reset);
	list_init(&queue->blocked);
}

/* Whether the message may be sent now. What fits into one packet is never in the peer's way. */
static bool may_go_on(const struct sctp_queue *queue, const struct sctp_out_message *message)
{
	return message->sent > 0 || queue->begun == 0 || message->size <= SCTP_UNCUT_MAX ||
	       queue->begun + message->size <= queue->begun_max;
}

/* Sets the place of a stream that is in the heap. */
static void set_turn(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	int64_t later = list_is_linked(&stream->blocked) ? BLOCKED_START : 0;
	enum err err = heap_set(&queue->turns, &stream->turn, stream->start + later);
	CHECK(err == ERR_OK);
}

/* A message that was begun has ended, so others may begin. */
static void end_begun(struct sctp_queue *queue, const struct sctp_out_message *message)
{
	CHECK(queue->begun >= message->size);
	queue->begun -= message->size;
	LIST_FOREACH_SAFE (node, &queue->blocked) {
		struct sctp_out_stream *stream =
			CONTAINER_OF(node, struct sctp_out_stream, blocked);
		if (!may_go_on(queue, stream->first))
			return;
		list_remove(&stream->blocked);
		if (stream->start < queue->now)
			stream->start = queue->now;
		set_turn(queue, stream);
	}
}

static void drop_messages(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	while (stream->first) {
		struct sctp_out_message *message = stream->first;
		stream->first = message->next;
		if (message->sent > 0 && message->sent < message->size)
			end_begun(queue, message);
		queue->bytes -= message->size;
		queue->buffered -= message->size - message->sent;
		free(message);
	}
	stream->last = NULL;
	stream->buffered = 0;
}

void sctp_queue_drop_stream(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	if (list_is_linked(&stream->blocked))
		list_remove(&stream->blocked);
	heap_remove(&queue->turns, &stream->turn);
	drop_messages(queue, stream);
	if (stream->state == SCTP_OUT_DRAINING)
		sctp_queue_end_drain(queue, stream, SCTP_OUT_OPEN);
	if (queue->current == stream)
		queue->current = NULL;
	enum err err = sctp_stream_table_set(&queue->streams, stream->id, NULL);
	CHECK(err == ERR_OK);
	queue->stream_count--;
	free(stream);
}

void sctp_queue_deinit(struct sctp_queue *queue)
{
	uint16_t id = 0;
	struct sctp_out_stream *stream;
	while ((stream = sctp_stream_table_next(&queue->streams, id, &id)))
		sctp_queue_drop_stream(queue, stream);
	sctp_stream_table_deinit(&queue->streams);
	heap_deinit(&queue->turns);
	sctp_queue_init(queue);
}

struct sctp_out_stream *sctp_queue_stream(struct sctp_queue *queue, uint16_t id)
{
	struct sctp_out_stream *stream = sctp_stream_table_get(&queue->streams, id);
	if (stream)
		return stream;
	if (queue->stream_count >= SCTP_STREAMS_USED_MAX)
		return NULL;
	stream = calloc(1, sizeof *stream);
	if (!stream)
		return NULL;
	stream->id = id;
	stream->weight = SCTP_PRIORITY_NORMAL;
	stream->start = INT64_MIN / 2; /* it has sent nothing yet */
	if (sctp_stream_table_set(&queue->streams, id, stream)) {
		free(stream);
		return NULL;
	}
	queue->stream_count++;
	return stream;
}

void sctp_queue_drain(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	CHECK(stream->state == SCTP_OUT_OPEN);
	stream->state = SCTP_OUT_DRAINING;
	list_push_back(&queue->to_reset, &stream->draining);
	queue->draining++;
}

void sctp_queue_end_drain(
	struct sctp_queue *queue, struct sctp_out_stream *stream, enum sctp_out_state state)
{
	CHECK(stream->state == SCTP_OUT_DRAINING);
	stream->state = state;
	list_remove(&stream->draining);
	queue->draining--;
}

static struct sctp_out_message *copy_of(const struct sctp_message *message, usec now)
{
	struct sctp_out_message *copy = malloc(sizeof *copy + message->data.size);
	if (!copy)
		return NULL;
	*copy = (struct sctp_out_message){
		.ppid = message->ppid,
		.size = (uint32_t)message->data.size,
		.reliability = message->reliability,
		.limit = message->limit,
		.unordered = message->unordered,
		.uncounted = message->control || message->placeholder,
	};
	if (copy->reliability == SCTP_LIMITED_LIFETIME)
		copy->limit += now;
	memcpy(copy->data, message->data.data, message->data.size);
	return copy;
}

/* The stream's turn comes when its virtual start is the least. */
static enum err queue_up(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	/* Ahead of those that are as far as the one served last was. */
	if (stream->turn.place == 0 && stream->start <= queue->now)
		stream->start = queue->now - 1;
	return heap_set(&queue->turns, &stream->turn, stream->start);
}

enum err sctp_queue_push(struct sctp_queue *queue, usec now, const struct sctp_message *message)
{
	CHECK(message->data.size > 0);
	CHECK(message->data.size <= UINT32_MAX);
	struct sctp_out_stream *stream = sctp_queue_stream(queue, message->stream);
	if (!stream)
		return ERR_NOMEM;
	struct sctp_out_message *copy = copy_of(message, now);
	if (!copy || (!stream->first && queue_up(queue, stream))) {
		free(copy);
		return ERR_NOMEM;
	}
	copy->stream = stream;
	if (stream->last)
		stream->last->next = copy;
	else
		stream->first = copy;
	stream->last = copy;
	stream->unfinished++;
	stream->buffered += copy->uncounted ? 0 : copy->size;
	queue->buffered += copy->size;
	queue->bytes += copy->size;
	return ERR_OK;
}

static struct sctp_out_stream *next_stream(struct sctp_queue *queue)
{
	if (queue->current)
		return queue->current;
	struct heap_node *node;
	while ((node = heap_first(&queue->turns))) {
		struct sctp_out_stream *stream = CONTAINER_OF(node, struct sctp_out_stream, turn);
		if (may_go_on(queue, stream->first))
			return stream;
		/* One that was begun is in the heap, and is found before this one again. */
		CHECK(!list_is_linked(&stream->blocked));
		list_push_back(&queue->blocked, &stream->blocked);
		set_turn(queue, stream);
	}
	return NULL;
}

struct sctp_out_message *sctp_queue_next(struct sctp_queue *queue)
{
	const struct sctp_out_stream *stream = next_stream(queue);
	return stream ? stream->first : NULL;
}

size_t sctp_queue_next_size(struct sctp_queue *queue)
{
	const struct sctp_out_message *message = sctp_queue_next(queue);
	return message ? message->size - message->sent : 0;
}

/* Takes the first message out of its stream. */
static void unlink_first(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	stream->first = stream->first->next;
	if (!stream->first) {
		stream->last = NULL;
		heap_remove(&queue->turns, &stream->turn);
	}
	if (queue->current == stream)
		queue->current = NULL;
}

/* The stream pays for what it sends, and queues up again. */
static void charge(
	struct sctp_queue *queue, struct sctp_out_stream *stream, size_t size, bool begins_turn)
{
	if (begins_turn)
		queue->now = stream->start;
	stream->start += ((int64_t)size + CHUNK_COST) * UINT16_MAX / stream->weight;
	if (stream->turn.place > 0)
		set_turn(queue, stream);
}

static void begin_message(struct sctp_queue *queue, struct sctp_out_message *message)
{
	bool numbered = queue->interleaving || !message->unordered;
	uint32_t *next = &message->stream->next_mid[message->unordered];
	message->mid = numbered ? (*next)++ : 0;
}

bool sctp_queue_cut(struct sctp_queue *queue, size_t room, struct sctp_slice *ret_slice)
{
	struct sctp_out_message *message = sctp_queue_next(queue);
	if (!message)
		return false;
	size_t rest = message->size - message->sent;
	size_t size = rest;
	if (rest > room) {
		size = room & ~(size_t)3;
		if (size < SCTP_FRAGMENT_MIN)
			return false;
	}
	CHECK(size <= UINT16_MAX);
	struct sctp_out_stream *stream = message->stream;
	uint8_t flags = message->unordered ? SCTP_DATA_UNORDERED : 0;
	if (message->sent == 0) {
		flags |= SCTP_DATA_BEGIN;
		begin_message(queue, message);
	}
	if (size == rest)
		flags |= SCTP_DATA_END;
	*ret_slice = (struct sctp_slice){
		.message = message,
		.offset = message->sent,
		.fragment = message->fragments++,
		.size = (uint16_t)size,
		.flags = flags,
	};
	message->sent += (uint32_t)size;
	stream->buffered -= message->uncounted ? 0 : size;
	queue->buffered -= size;
	if (!queue->interleaving)
		queue->current = stream;
	if (size < rest && message->sent == size)
		queue->begun += message->size;
	if (size == rest)
		unlink_first(queue, stream);
	if (size == rest && size < message->size)
		end_begun(queue, message);
	charge(queue, stream, size, queue->interleaving || (flags & SCTP_DATA_BEGIN));
	return true;
}

static void free_message(struct sctp_queue *queue, struct sctp_out_message *message)
{
	CHECK(message->stream->unfinished > 0);
	message->stream->unfinished--;
	queue->bytes -= message->size;
	free(message);
}

void sctp_queue_finish(struct sctp_queue *queue, const struct sctp_slice *slice)
{
	if (slice->flags & SCTP_DATA_END)
		free_message(queue, slice->message);
}

bool sctp_queue_give_up(
	struct sctp_queue *queue, struct sctp_out_message *message, struct sctp_slice *ret_slice)
{
	struct sctp_out_stream *stream = message->stream;
	CHECK(message == stream->first);
	size_t rest = message->size - message->sent;
	stream->buffered -= message->uncounted ? 0 : rest;
	queue->buffered -= rest;
	unlink_first(queue, stream);
	if (message->sent == 0) {
		free_message(queue, message);
		return false;
	}
	end_begun(queue, message);
	*ret_slice = (struct sctp_slice){
		.message = message,
		.offset = message->sent,
		.fragment = message->fragments,
		.flags = (uint8_t)(SCTP_DATA_END | (message->unordered ? SCTP_DATA_UNORDERED : 0)),
	};
	message->sent = message->size;
	return true;
}
