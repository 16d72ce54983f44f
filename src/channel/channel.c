#include "channel/channel.h"

#include <stdlib.h>

#include "base/text.h"
#include "channel/dcep.h"
#include "channel/internal.h"

/* RFC 8831 section 6.6: an empty message is sent as one zero byte under its own PPID. */
static const uint8_t empty_placeholder[1] = {0};

enum err channels_create(struct channels **ret_channels)
{
	struct channels *set = calloc(1, sizeof *set);
	if (!set)
		return ERR_NOMEM;
	list_init(&set->above);
	list_init(&set->to_report);
	list_init(&set->waiting);
	*ret_channels = set;
	return ERR_OK;
}

void channels_destroy(struct channels *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->handle_capacity; i++)
		free(set->by_handle[i]);
	free(set->by_handle);
	free(set->by_stream);
	free(set);
}

void channels_attach(
	struct channels *set, usec now, struct sctp_assoc *sctp, bool even, size_t message_max)
{
	CHECK(set->sctp == NULL);
	set->sctp = sctp;
	set->even = even;
	set->message_max = message_max;
	for (size_t i = 0; i < set->handle_capacity; i++) {
		struct channel *c = set->by_handle[i];
		if (c && c->state == CHANNEL_WAITING && opening_start(set, now, c) != ERR_OK)
			channel_report(set, c, CHANNEL_EVENT_CLOSED);
	}
}

enum err channels_open(
	struct channels *set, usec now, const struct channel_config *config, uint16_t *ret_handle)
{
	if (config->label.size > CHANNEL_LABEL_MAX || config->protocol.size > CHANNEL_LABEL_MAX)
		return ERR_TOO_LARGE;
	if (!utf8_is_valid(config->label) || !utf8_is_valid(config->protocol))
		return ERR_MALFORMED;
	if (config->negotiated && config->id > CHANNEL_ID_MAX)
		return ERR_MALFORMED;
	if (config->negotiated && channel_find_stream(set, config->id))
		return ERR_EXISTS;
	struct channel *c;
	enum err err = channel_create(set, config, &c);
	if (err)
		return err;
	if (c->priority == 0)
		c->priority = SCTP_PRIORITY_NORMAL;
	if (config->negotiated)
		err = channel_take_stream(set, c, config->id);
	if (!err && set->sctp)
		err = opening_start(set, now, c);
	if (err) {
		channel_destroy(set, c);
		return err;
	}
	*ret_handle = c->handle;
	return ERR_OK;
}

static bool is_low(const struct channels *set, const struct channel *c)
{
	return channels_buffered(set, c->handle) <= c->low_bytes;
}

/* Watches for the fall to the threshold from the moment that the amount is above it. */
static void watch_buffered(struct channels *set, struct channel *c)
{
	if (c->above_low || is_low(set, c))
		return;
	c->above_low = true;
	list_push_back(&set->above, &c->above);
}

/* Before the amount rises: a fall that was not told yet will be all the same. */
static void note_fall(struct channels *set, struct channel *c)
{
	c->low_due |= c->above_low && is_low(set, c);
}

/* RFC 3758: the limit of a message, in the units of the association. */
static void set_reliability(const struct channel *c, struct sctp_message *message)
{
	switch (c->reliability) {
	case CHANNEL_RELIABLE:
		return;
	case CHANNEL_MAX_RETRANSMITS:
		message->reliability = SCTP_LIMITED_RETRANSMITS;
		message->limit = c->limit;
		return;
	case CHANNEL_MAX_LIFETIME:
		message->reliability = SCTP_LIMITED_LIFETIME;
		message->limit = (int64_t)c->limit * USEC_PER_MS;
		return;
	}
}

enum err channels_send(
	struct channels *set, usec now, uint16_t handle, bool binary, struct bytes data)
{
	struct channel *c = channel_find(set, handle);
	if (!c)
		return ERR_NOT_FOUND;
	if (c->state == CHANNEL_CLOSING)
		return ERR_STATE;
	if (c->state == CHANNEL_WAITING || c->stream_busy)
		return ERR_AGAIN;
	if (data.size > set->message_max)
		return ERR_TOO_LARGE;
	struct sctp_message message = {
		.stream = (uint16_t)c->stream,
		.ppid = binary ? PPID_BINARY : PPID_STRING,
		.unordered = c->unordered && c->state == CHANNEL_OPEN,
		.data = data,
	};
	if (data.size == 0) {
		message.ppid = binary ? PPID_BINARY_EMPTY : PPID_STRING_EMPTY;
		message.data = bytes_of(empty_placeholder, sizeof empty_placeholder);
		message.placeholder = true;
	}
	set_reliability(c, &message);
	note_fall(set, c);
	enum err err = sctp_send(set->sctp, now, &message);
	if (!err)
		watch_buffered(set, c);
	return err;
}

enum err channels_close(struct channels *set, usec now, uint16_t handle)
{
	struct channel *c = channel_find(set, handle);
	if (!c)
		return ERR_NOT_FOUND;
	if (c->state == CHANNEL_WAITING) {
		c->state = CHANNEL_CLOSING;
		c->local_reset = c->remote_reset = true;
	} else {
		closing_begin(set, now, c);
	}
	closing_check(set, c);
	return ERR_OK;
}

static bool receive_message(struct channels *set, usec now, const struct sctp_message *message,
	struct channel_event *ret_event)
{
	if (message->ppid == PPID_DCEP) {
		opening_receive(set, now, message);
		return false;
	}
	struct channel *c = channel_find_stream(set, message->stream);
	bool binary = message->ppid == PPID_BINARY || message->ppid == PPID_BINARY_EMPTY;
	bool empty = message->ppid == PPID_STRING_EMPTY || message->ppid == PPID_BINARY_EMPTY;
	bool known = binary || empty || message->ppid == PPID_STRING;
	if (!c || !known || c->state == CHANNEL_WAITING) {
		set->stats.dropped++;
		/* RFC 8832 section 6: "receiving a message containing user data on an unused stream
		 * indicates an error. In that case, the corresponding data channel MUST be closed".
		 */
		if (!c)
			opening_refuse(set, now, message->stream);
		return false;
	}
	c->heard = true;
	/* On an unordered channel the peer's data may overtake its ACK; it is delivered all the
	 * same. */
	*ret_event = (struct channel_event){
		.type = CHANNEL_EVENT_MESSAGE,
		.handle = c->handle,
		.binary = binary,
		.data = empty ? (struct bytes){0} : message->data,
	};
	return true;
}

bool channels_translate(struct channels *set, usec now, const struct sctp_event *event,
	struct channel_event *ret_event)
{
	switch (event->type) {
	case SCTP_EVENT_MESSAGE:
		return receive_message(set, now, &event->message, ret_event);
	case SCTP_EVENT_STREAM_RESET:
		closing_peer_reset(set, now, event->stream);
		return false;
	case SCTP_EVENT_RESET_DONE:
		closing_reset_done(set, now, event->stream);
		return false;
	case SCTP_EVENT_RESET_FAILED:
		closing_reset_failed(set, event->stream);
		return false;
	case SCTP_EVENT_CONNECTED:
		opening_connected(set);
		return false;
	case SCTP_EVENT_SENDABLE:
	case SCTP_EVENT_CLOSED:
		return false;
	}
	UNREACHABLE();
}

bool channels_next_event(struct channels *set, struct channel_event *ret_event)
{
	struct list *node = list_pop_front(&set->to_report);
	if (node) {
		struct channel *c = CONTAINER_OF(node, struct channel, pending);
		*ret_event = (struct channel_event){
			.type = c->pending_event, .handle = c->handle, .by_remote = c->by_remote};
		if (c->pending_event == CHANNEL_EVENT_CLOSED)
			channel_destroy(set, c);
		return true;
	}
	LIST_FOREACH_SAFE (above, &set->above) {
		struct channel *c = CONTAINER_OF(above, struct channel, above);
		bool low = is_low(set, c);
		if (!low && !c->low_due)
			continue;
		c->low_due = false;
		if (low) {
			c->above_low = false;
			list_remove(&c->above);
		}
		*ret_event = (struct channel_event){
			.type = CHANNEL_EVENT_BUFFERED_LOW, .handle = c->handle};
		return true;
	}
	return false;
}

int32_t channels_id(const struct channels *set, uint16_t handle)
{
	const struct channel *c = channel_find(set, handle);
	return c && c->stream != CHANNEL_NO_STREAM ? (int32_t)c->stream : -1;
}

size_t channels_buffered(const struct channels *set, uint16_t handle)
{
	const struct channel *c = channel_find(set, handle);
	if (!c || !set->sctp || c->stream == CHANNEL_NO_STREAM)
		return 0;
	return sctp_stream_buffered(set->sctp, (uint16_t)c->stream);
}

void channels_set_buffered_low(struct channels *set, uint16_t handle, size_t bytes)
{
	struct channel *c = channel_find(set, handle);
	if (!c)
		return;
	/* A fall is one of the amount, never of the threshold: what had happened by the former is
	 * told, and that the latter rises over the amount is none. */
	note_fall(set, c);
	c->low_bytes = bytes;
	if (!c->low_due && c->above_low && is_low(set, c)) {
		c->above_low = false;
		list_remove(&c->above);
	}
	watch_buffered(set, c);
}

const char *channels_label(const struct channels *set, uint16_t handle)
{
	const struct channel *c = channel_find(set, handle);
	return c ? c->label : NULL;
}

const char *channels_protocol(const struct channels *set, uint16_t handle)
{
	const struct channel *c = channel_find(set, handle);
	return c ? c->protocol : NULL;
}

const struct channels_stats *channels_stats(const struct channels *set)
{
	return &set->stats;
}
