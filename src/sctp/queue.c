#include "sctp/queue.h"

#include <stdlib.h>

#include "sctp/chunk.h"

void sctp_queue_init(struct sctp_queue *queue)
{
	*queue = (struct sctp_queue){0};
	list_init(&queue->turns);
}

static void drop_messages(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	while (stream->first) {
		struct sctp_out_message *message = stream->first;
		stream->first = message->next;
		queue->bytes -= message->size;
		queue->buffered -= message->size - message->sent;
		free(message);
	}
	stream->last = NULL;
	stream->buffered = 0;
}

void sctp_queue_drop_stream(struct sctp_queue *queue, struct sctp_out_stream *stream)
{
	drop_messages(queue, stream);
	if (list_is_linked(&stream->active))
		list_remove(&stream->active);
	if (queue->current == stream)
		queue->current = NULL;
	enum err err = sctp_stream_table_set(&queue->streams, stream->id, NULL);
	CHECK(err == ERR_OK);
	free(stream);
}

void sctp_queue_deinit(struct sctp_queue *queue)
{
	uint16_t id = 0;
	struct sctp_out_stream *stream;
	while ((stream = sctp_stream_table_next(&queue->streams, id, &id)))
		sctp_queue_drop_stream(queue, stream);
	sctp_stream_table_deinit(&queue->streams);
	sctp_queue_init(queue);
}

struct sctp_out_stream *sctp_queue_stream(struct sctp_queue *queue, uint16_t id)
{
	struct sctp_out_stream *stream = sctp_stream_table_get(&queue->streams, id);
	if (stream)
		return stream;
	stream = calloc(1, sizeof *stream);
	if (!stream)
		return NULL;
	stream->id = id;
	stream->weight = SCTP_PRIORITY_NORMAL;
	if (sctp_stream_table_set(&queue->streams, id, stream)) {
		free(stream);
		return NULL;
	}
	return stream;
}

enum err sctp_queue_push(struct sctp_queue *queue, const struct sctp_message *message)
{
	CHECK(message->data.size > 0);
	CHECK(message->data.size <= UINT32_MAX);
	struct sctp_out_stream *stream = sctp_queue_stream(queue, message->stream);
	if (!stream)
		return ERR_NOMEM;
	struct sctp_out_message *copy = malloc(sizeof *copy + message->data.size);
	if (!copy)
		return ERR_NOMEM;
	*copy = (struct sctp_out_message){
		.stream = stream,
		.ppid = message->ppid,
		.size = (uint32_t)message->data.size,
		.unordered = message->unordered,
		.uncounted = message->control || message->placeholder,
	};
	memcpy(copy->data, message->data.data, message->data.size);
	if (stream->last)
		stream->last->next = copy;
	else
		stream->first = copy;
	stream->last = copy;
	if (stream != queue->current && !list_is_linked(&stream->active))
		list_push_back(&queue->turns, &stream->active);
	stream->unfinished++;
	stream->buffered += copy->uncounted ? 0 : copy->size;
	queue->buffered += copy->size;
	queue->bytes += copy->size;
	return ERR_OK;
}

/* The stream whose turn it is, NULL when nothing waits. */
static struct sctp_out_stream *take_turn(struct sctp_queue *queue)
{
	if (!queue->current) {
		struct list *node = list_pop_front(&queue->turns);
		if (node)
			queue->current = CONTAINER_OF(node, struct sctp_out_stream, active);
	}
	return queue->current;
}

/* The whole message was cut: the next stream's turn. */
static void end_turn(struct sctp_queue *queue)
{
	struct sctp_out_stream *stream = queue->current;
	stream->first = stream->first->next;
	if (stream->first)
		list_push_back(&queue->turns, &stream->active);
	else
		stream->last = NULL;
	queue->current = NULL;
}

size_t sctp_queue_next_size(struct sctp_queue *queue)
{
	struct sctp_out_stream *stream = take_turn(queue);
	return stream ? stream->first->size - stream->first->sent : 0;
}

bool sctp_queue_cut(struct sctp_queue *queue, size_t room, struct sctp_slice *ret_slice)
{
	struct sctp_out_stream *stream = take_turn(queue);
	if (!stream)
		return false;
	struct sctp_out_message *message = stream->first;
	size_t rest = message->size - message->sent;
	size_t size = rest;
	if (rest > room) {
		size = room & ~(size_t)3;
		if (size < SCTP_FRAGMENT_MIN)
			return false;
	}
	CHECK(size <= UINT16_MAX);
	uint8_t flags = message->unordered ? SCTP_DATA_UNORDERED : 0;
	if (message->sent == 0) {
		flags |= SCTP_DATA_BEGIN;
		message->ssn = message->unordered ? 0 : stream->next_ssn++;
	}
	if (size == rest)
		flags |= SCTP_DATA_END;
	*ret_slice = (struct sctp_slice){
		.message = message,
		.offset = message->sent,
		.size = (uint16_t)size,
		.flags = flags,
	};
	message->sent += (uint32_t)size;
	stream->buffered -= message->uncounted ? 0 : size;
	queue->buffered -= size;
	if (size == rest)
		end_turn(queue);
	return true;
}

void sctp_queue_finish(struct sctp_queue *queue, const struct sctp_slice *slice)
{
	if (!(slice->flags & SCTP_DATA_END))
		return;
	CHECK(slice->message->stream->unfinished > 0);
	slice->message->stream->unfinished--;
	queue->bytes -= slice->message->size;
	free(slice->message);
}
