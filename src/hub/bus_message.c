#include "hub/bus_message.h"

#define VERSION 1

/* ---- Nodes ---- */

static bool size_is_good(uint8_t size)
{
	return size == 8 || size == 16;
}

/* All ids take the same room, so that entries do. */
static void write_node(struct writer *w, const struct contact_id *node)
{
	write_u8(w, node->size);
	write_bytes(w, bytes_of(node->bytes, sizeof node->bytes));
}

static struct contact_id read_node(struct reader *r)
{
	struct contact_id node = {.size = read_u8(r)};
	struct bytes bytes = read_bytes(r, sizeof node.bytes);
	if (!size_is_good(node.size))
		r->failed = true;
	if (!r->failed)
		memcpy(node.bytes, bytes.data, node.size);
	return node;
}

void bus_entry_write(uint8_t entry[BUS_ENTRY_SIZE], const struct contact_id *node, uint64_t stamp)
{
	struct writer w = writer_of(entry, BUS_ENTRY_SIZE);
	write_node(&w, node);
	write_u64(&w, stamp);
	CHECK(!w.failed);
	CHECK(w.size == BUS_ENTRY_SIZE);
}

bool bus_entry_next(struct bytes *entries, struct contact_id *ret_node, uint64_t *ret_stamp)
{
	struct reader r = reader_of(*entries);
	struct contact_id node = read_node(&r);
	uint64_t stamp = read_u64(&r);
	if (r.failed)
		return false;
	*entries = r.rest;
	*ret_node = node;
	*ret_stamp = stamp;
	return true;
}

/* ---- Messages ---- */

static void read_rest(struct reader *r, struct bus_message *message)
{
	switch (message->kind) {
	case BUS_BEAT:
	case BUS_WANT:
	case BUS_END:
	case BUS_SHARED:
		break;
	case BUS_ENTER:
	case BUS_LEAVE:
		message->node = read_node(r);
		message->stamp = read_u64(r);
		break;
	case BUS_SNAPSHOT:
		message->part = read_u32(r);
		message->is_last = read_u8(r) == 1;
		message->entries = read_bytes(r, r->rest.size);
		break;
	case BUS_SIGNAL:
		message->node = read_node(r);
		message->target = read_node(r);
		message->is_forwarded = read_u8(r) == 1;
		message->text = read_bytes(r, r->rest.size);
		break;
	case BUS_RECHECK:
		message->node = read_node(r);
		break;
	}
}

enum err bus_message_parse(struct bytes data, struct bus_message *ret_message)
{
	struct reader r = reader_of(data);
	struct bus_message message = {0};
	uint8_t version = read_u8(&r), kind = read_u8(&r);
	if (r.failed)
		return ERR_MALFORMED;
	if (version != VERSION || kind < BUS_BEAT || kind > BUS_SHARED)
		return ERR_UNSUPPORTED;
	message.kind = (enum bus_kind)kind;
	message.hub = read_u64(&r);
	message.number = read_u64(&r);
	read_rest(&r, &message);
	if (r.failed || message.text.size > BUS_SIGNAL_MAX)
		return ERR_MALFORMED;
	*ret_message = message;
	return ERR_OK;
}

static void write_rest(struct writer *w, const struct bus_message *message)
{
	switch (message->kind) {
	case BUS_BEAT:
	case BUS_WANT:
	case BUS_END:
	case BUS_SHARED:
		break;
	case BUS_ENTER:
	case BUS_LEAVE:
		write_node(w, &message->node);
		write_u64(w, message->stamp);
		break;
	case BUS_SNAPSHOT:
		write_u32(w, message->part);
		write_u8(w, message->is_last);
		break;
	case BUS_SIGNAL:
		write_node(w, &message->node);
		write_node(w, &message->target);
		write_u8(w, message->is_forwarded);
		break;
	case BUS_RECHECK:
		write_node(w, &message->node);
		break;
	}
}

enum err bus_message_write(struct buffer *data, const struct bus_message *message)
{
	uint8_t head[BUS_MESSAGE_HEAD_MAX];
	struct writer w = writer_of(head, sizeof head);
	write_u8(&w, VERSION);
	write_u8(&w, (uint8_t)message->kind);
	write_u64(&w, message->hub);
	write_u64(&w, message->number);
	write_rest(&w, message);
	CHECK(!w.failed);
	enum err err = buffer_append(data, writer_bytes(&w));
	if (err == ERR_OK)
		err = buffer_append(
			data, message->kind == BUS_SNAPSHOT ? message->entries : message->text);
	return err;
}
