#include "channel/channel.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/text.h"
#include "channel/dcep.h"

/* RFC 8831 section 6.6: an empty message is sent as one zero byte under its own PPID. */
static const uint8_t empty_placeholder[1] = {0};

#define NO_STREAM UINT32_MAX

enum state {
	WAITING, /* opened by us, without a stream yet */
	OPENING, /* DATA_CHANNEL_OPEN sent, no ACK yet: all is sent ordered meanwhile */
	OPEN,
	CLOSING, /* our stream's reset was asked for */
};

struct channel {
	enum state state;
	uint16_t handle;
	uint32_t stream; /* or NO_STREAM */
	bool unordered, by_remote;
	bool local_reset, remote_reset; /* done in this direction */
	/* Ours of the stream is still being reset for the channel that had it before, so nothing
	 * can be sent on it, nor can it be reset for this one. */
	bool stream_busy;
	size_t low_bytes;
	bool above_low;      /* the buffered amount was above low_bytes: tell when it falls */
	struct list above;   /* in set->above, while above_low */
	struct list pending; /* in set->to_report, while its event was not pulled */
	enum channel_event_type pending_event;
	char *protocol; /* points behind label's zero */
	char label[];
};

struct channels {
	struct sctp_assoc *sctp; /* NULL until attached */
	size_t message_max;
	bool even;
	struct channel **by_handle, **by_stream; /* NULL where there is none */
	size_t handle_capacity, stream_capacity;
	size_t count;
	struct list above, to_report;
	struct channels_stats stats;
};

enum err channels_create(struct channels **ret_channels)
{
	struct channels *set = calloc(1, sizeof *set);
	if (!set)
		return ERR_NOMEM;
	list_init(&set->above);
	list_init(&set->to_report);
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

/* Grows a table of pointers so that `index` is inside. */
static enum err table_reserve(struct channel ***table, size_t *capacity, size_t index)
{
	if (index < *capacity)
		return ERR_OK;
	size_t wanted = *capacity ? *capacity : 4;
	while (wanted <= index)
		wanted *= 2;
	struct channel **grown = realloc(*table, wanted * sizeof(struct channel *));
	if (!grown)
		return ERR_NOMEM;
	for (size_t i = *capacity; i < wanted; i++)
		grown[i] = NULL;
	*table = grown;
	*capacity = wanted;
	return ERR_OK;
}

static struct channel *find(const struct channels *set, uint16_t handle)
{
	return handle < set->handle_capacity ? set->by_handle[handle] : NULL;
}

static struct channel *find_stream(const struct channels *set, uint16_t stream)
{
	return stream < set->stream_capacity ? set->by_stream[stream] : NULL;
}

static enum err channel_create(
	struct channels *set, const struct channel_config *config, struct channel **ret_channel)
{
	if (set->count >= CHANNELS_MAX)
		return ERR_LIMIT;
	size_t handle = 0;
	while (handle < set->handle_capacity && set->by_handle[handle])
		handle++;
	enum err err = table_reserve(&set->by_handle, &set->handle_capacity, handle);
	if (err)
		return err;
	size_t texts = config->label.size + 1 + config->protocol.size + 1;
	struct channel *c = calloc(1, sizeof *c + texts);
	if (!c)
		return ERR_NOMEM;
	CHECK(text_copy_bytes(c->label, config->label.size + 1, config->label));
	c->protocol = c->label + config->label.size + 1;
	CHECK(text_copy_bytes(c->protocol, config->protocol.size + 1, config->protocol));
	c->handle = (uint16_t)handle;
	c->stream = NO_STREAM;
	c->unordered = config->unordered;
	set->by_handle[handle] = c;
	set->count++;
	*ret_channel = c;
	return ERR_OK;
}

static void channel_destroy(struct channels *set, struct channel *c)
{
	if (list_is_linked(&c->above))
		list_remove(&c->above);
	if (list_is_linked(&c->pending))
		list_remove(&c->pending);
	set->by_handle[c->handle] = NULL;
	if (c->stream != NO_STREAM)
		set->by_stream[c->stream] = NULL;
	CHECK(set->count > 0);
	set->count--;
	free(c);
}

static void report(struct channels *set, struct channel *c, enum channel_event_type type)
{
	c->pending_event = type;
	if (!list_is_linked(&c->pending))
		list_push_back(&set->to_report, &c->pending);
}

static enum err take_stream(struct channels *set, struct channel *c, uint16_t stream)
{
	enum err err = table_reserve(&set->by_stream, &set->stream_capacity, stream);
	if (err)
		return err;
	CHECK(set->by_stream[stream] == NULL);
	set->by_stream[stream] = c;
	c->stream = stream;
	return ERR_OK;
}

/* RFC 8832 section 5.1: OPEN goes first on the stream, ordered and reliable. */
static enum err send_open(struct channels *set, usec now, const struct channel *c)
{
	uint8_t data[DCEP_OPEN_MAX];
	struct writer w = writer_of(data, sizeof data);
	dcep_open_write(&w, &(struct dcep_open){
				    .reliability = DCEP_RELIABLE,
				    .unordered = c->unordered,
				    .priority = DCEP_PRIORITY_NORMAL,
				    .label = bytes_of_text(c->label),
				    .protocol = bytes_of_text(c->protocol),
			    });
	CHECK(!w.failed);
	return sctp_send(set->sctp, now,
		&(struct sctp_message){.stream = (uint16_t)c->stream,
			.ppid = PPID_DCEP,
			.control = true,
			.data = writer_bytes(&w)});
}

/* Gives a waiting channel the lowest free stream of our parity, and sends OPEN. */
static enum err start(struct channels *set, usec now, struct channel *c)
{
	size_t stream = set->even ? 0 : 1;
	while (stream < set->stream_capacity && set->by_stream[stream])
		stream += 2;
	if (stream >= CHANNELS_MAX)
		return ERR_LIMIT;
	enum err err = take_stream(set, c, (uint16_t)stream);
	if (err)
		return err;
	err = send_open(set, now, c);
	if (err) {
		set->by_stream[stream] = NULL;
		c->stream = NO_STREAM;
		return err;
	}
	c->state = OPENING;
	return ERR_OK;
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
		if (c && c->state == WAITING && start(set, now, c) != ERR_OK)
			report(set, c, CHANNEL_EVENT_CLOSED);
	}
}

enum err channels_open(
	struct channels *set, usec now, const struct channel_config *config, uint16_t *ret_handle)
{
	if (config->label.size > CHANNEL_LABEL_MAX || config->protocol.size > CHANNEL_LABEL_MAX)
		return ERR_TOO_LARGE;
	if (!utf8_is_valid(config->label) || !utf8_is_valid(config->protocol))
		return ERR_MALFORMED;
	struct channel *c;
	enum err err = channel_create(set, config, &c);
	if (err)
		return err;
	if (set->sctp) {
		err = start(set, now, c);
		if (err) {
			channel_destroy(set, c);
			return err;
		}
	}
	*ret_handle = c->handle;
	return ERR_OK;
}

/* Watches for the fall to the threshold from the moment that the amount is above it. */
static void watch_buffered(struct channels *set, struct channel *c)
{
	if (c->above_low || channels_buffered(set, c->handle) <= c->low_bytes)
		return;
	c->above_low = true;
	list_push_back(&set->above, &c->above);
}

enum err channels_send(
	struct channels *set, usec now, uint16_t handle, bool binary, struct bytes data)
{
	struct channel *c = find(set, handle);
	if (!c)
		return ERR_NOT_FOUND;
	if (c->state == CLOSING)
		return ERR_STATE;
	if (c->state == WAITING || c->stream_busy)
		return ERR_AGAIN;
	if (data.size > set->message_max)
		return ERR_TOO_LARGE;
	struct sctp_message message = {
		.stream = (uint16_t)c->stream,
		.ppid = binary ? PPID_BINARY : PPID_STRING,
		.unordered = c->unordered && c->state == OPEN,
		.data = data,
	};
	if (data.size == 0) {
		message.ppid = binary ? PPID_BINARY_EMPTY : PPID_STRING_EMPTY;
		message.data = bytes_of(empty_placeholder, sizeof empty_placeholder);
	}
	enum err err = sctp_send(set->sctp, now, &message);
	if (!err)
		watch_buffered(set, c);
	return err;
}

static void reset_ours(struct channels *set, usec now, struct channel *c)
{
	enum err err = sctp_reset_stream(set->sctp, now, (uint16_t)c->stream);
	if (err)
		c->local_reset = true;
	/* A peer that cannot reset streams will not reset its own. */
	if (err == ERR_UNSUPPORTED)
		c->remote_reset = true;
}

/* Begins our half of the closing (RFC 8831 section 6.7). */
static void begin_closing(struct channels *set, usec now, struct channel *c)
{
	if (c->state == CLOSING)
		return;
	c->state = CLOSING;
	if (!c->stream_busy)
		reset_ours(set, now, c);
}

static void close_if_done(struct channels *set, struct channel *c)
{
	if (c->state == CLOSING && c->local_reset && c->remote_reset)
		report(set, c, CHANNEL_EVENT_CLOSED);
}

enum err channels_close(struct channels *set, usec now, uint16_t handle)
{
	struct channel *c = find(set, handle);
	if (!c)
		return ERR_NOT_FOUND;
	if (c->state == WAITING) {
		c->state = CLOSING;
		c->local_reset = c->remote_reset = true;
	} else {
		begin_closing(set, now, c);
	}
	close_if_done(set, c);
	return ERR_OK;
}

/* Refuses a stream that the peer opened: resetting ours asks it to reset its own. */
static void refuse(struct channels *set, usec now, uint16_t stream)
{
	set->stats.refused++;
	/* Nothing was ever sent on it; a refusal that cannot be sent now changes nothing for us. */
	if (sctp_reset_stream(set->sctp, now, stream) != ERR_OK)
		set->stats.dropped++;
}

static enum err send_ack(struct channels *set, usec now, const struct channel *c)
{
	static const uint8_t ack = DCEP_ACK;
	return sctp_send(set->sctp, now,
		&(struct sctp_message){.stream = (uint16_t)c->stream,
			.ppid = PPID_DCEP,
			.control = true,
			.data = bytes_of(&ack, 1)});
}

/* The peer may use a stream again once both directions are reset. That ours is, it knows before we
 * do when its answer to our request is lost or late: then its OPEN tells us. */
static bool is_used_again(const struct channel *c)
{
	return c->state == CLOSING && c->remote_reset && !c->local_reset && !c->stream_busy;
}

static void leave_stream(struct channels *set, struct channel *c)
{
	set->by_stream[c->stream] = NULL;
	c->stream = NO_STREAM;
	c->local_reset = true;
	close_if_done(set, c);
}

static enum err accept_open(
	struct channels *set, usec now, uint16_t stream, const struct dcep_open *open, bool busy)
{
	const struct channel_config config = {
		.label = open->label, .protocol = open->protocol, .unordered = open->unordered};
	struct channel *c;
	enum err err = channel_create(set, &config, &c);
	if (err)
		return err;
	c->state = OPEN;
	c->by_remote = true;
	c->stream_busy = busy;
	err = take_stream(set, c, stream);
	if (!err && !busy)
		err = send_ack(set, now, c);
	if (err)
		channel_destroy(set, c);
	else
		report(set, c, CHANNEL_EVENT_OPEN);
	return err;
}

static void receive_open(struct channels *set, usec now, const struct sctp_message *message)
{
	struct dcep_open open;
	enum err err = dcep_open_parse(message->data, &open);
	bool of_our_parity = (message->stream % 2 == 0) == set->even;
	struct channel *former = find_stream(set, message->stream);
	if (former && !is_used_again(former)) {
		set->stats.dropped++;
		return;
	}
	if (former)
		leave_stream(set, former);
	if (err || of_our_parity || message->stream >= CHANNELS_MAX ||
		accept_open(set, now, message->stream, &open, former != NULL) != ERR_OK)
		refuse(set, now, message->stream);
}

static void receive_dcep(struct channels *set, usec now, const struct sctp_message *message)
{
	enum dcep_type type;
	struct channel *c = find_stream(set, message->stream);
	if (dcep_type(message->data, &type) != ERR_OK) {
		set->stats.dropped++;
		return;
	}
	switch (type) {
	case DCEP_OPEN:
		receive_open(set, now, message);
		return;
	case DCEP_ACK:
		if (!c || c->state != OPENING) {
			set->stats.dropped++;
			return;
		}
		c->state = OPEN;
		report(set, c, CHANNEL_EVENT_OPEN);
		return;
	}
}

static bool receive_message(struct channels *set, usec now, const struct sctp_message *message,
	struct channel_event *ret_event)
{
	if (message->ppid == PPID_DCEP) {
		receive_dcep(set, now, message);
		return false;
	}
	struct channel *c = find_stream(set, message->stream);
	bool binary = message->ppid == PPID_BINARY || message->ppid == PPID_BINARY_EMPTY;
	bool empty = message->ppid == PPID_STRING_EMPTY || message->ppid == PPID_BINARY_EMPTY;
	bool known = binary || empty || message->ppid == PPID_STRING;
	if (!c || !known || c->state == WAITING) {
		set->stats.dropped++;
		return false;
	}
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

static void stream_was_reset(struct channels *set, usec now, uint16_t stream)
{
	struct channel *c = find_stream(set, stream);
	if (!c)
		return;
	c->remote_reset = true;
	begin_closing(set, now, c);
	close_if_done(set, c);
}

/* What had to wait for the reset of the channel that had the stream before. */
static void begin_on_stream(struct channels *set, usec now, struct channel *c)
{
	c->stream_busy = false;
	enum err err = send_ack(set, now, c);
	if (c->state == CLOSING)
		reset_ours(set, now, c);
	else if (err)
		begin_closing(set, now, c);
	close_if_done(set, c);
}

static void our_reset_is_done(struct channels *set, usec now, uint16_t stream)
{
	struct channel *c = find_stream(set, stream);
	if (c && c->stream_busy) {
		begin_on_stream(set, now, c);
	} else if (c && c->state == CLOSING) {
		c->local_reset = true;
		close_if_done(set, c);
	}
}

/* The peer does not have the stream, or does not let go of it: there is nothing to wait for. */
static void our_reset_failed(struct channels *set, uint16_t stream)
{
	struct channel *c = find_stream(set, stream);
	if (!c)
		return;
	c->state = CLOSING;
	c->stream_busy = false;
	c->local_reset = c->remote_reset = true;
	close_if_done(set, c);
}

bool channels_translate(struct channels *set, usec now, const struct sctp_event *event,
	struct channel_event *ret_event)
{
	switch (event->type) {
	case SCTP_EVENT_MESSAGE:
		return receive_message(set, now, &event->message, ret_event);
	case SCTP_EVENT_STREAM_RESET:
		stream_was_reset(set, now, event->stream);
		return false;
	case SCTP_EVENT_RESET_DONE:
		our_reset_is_done(set, now, event->stream);
		return false;
	case SCTP_EVENT_RESET_FAILED:
		our_reset_failed(set, event->stream);
		return false;
	case SCTP_EVENT_CONNECTED:
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
		if (channels_buffered(set, c->handle) > c->low_bytes)
			continue;
		c->above_low = false;
		list_remove(&c->above);
		*ret_event = (struct channel_event){
			.type = CHANNEL_EVENT_BUFFERED_LOW, .handle = c->handle};
		return true;
	}
	return false;
}

size_t channels_buffered(const struct channels *set, uint16_t handle)
{
	const struct channel *c = find(set, handle);
	if (!c || c->stream == NO_STREAM)
		return 0;
	return sctp_stream_buffered(set->sctp, (uint16_t)c->stream);
}

void channels_set_buffered_low(struct channels *set, uint16_t handle, size_t bytes)
{
	struct channel *c = find(set, handle);
	if (!c)
		return;
	c->low_bytes = bytes;
	watch_buffered(set, c);
}

const char *channels_label(const struct channels *set, uint16_t handle)
{
	const struct channel *c = find(set, handle);
	return c ? c->label : NULL;
}

const char *channels_protocol(const struct channels *set, uint16_t handle)
{
	const struct channel *c = find(set, handle);
	return c ? c->protocol : NULL;
}

const struct channels_stats *channels_stats(const struct channels *set)
{
	return &set->stats;
}
