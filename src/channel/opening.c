/* How a channel comes to be: OPEN and ACK on its stream (RFC 8832). */
#include "channel/dcep.h"
#include "channel/internal.h"

static const enum dcep_reliability reliabilities[] = {
	[CHANNEL_RELIABLE] = DCEP_RELIABLE,
	[CHANNEL_MAX_RETRANSMITS] = DCEP_REXMIT,
	[CHANNEL_MAX_LIFETIME] = DCEP_TIMED,
};

/* RFC 8832 section 5.1: OPEN goes first on the stream, ordered and reliable. */
static enum err send_open(struct channels *set, usec now, const struct channel *c)
{
	uint8_t data[DCEP_OPEN_MAX];
	struct writer w = writer_of(data, sizeof data);
	dcep_open_write(&w, &(struct dcep_open){
				    .reliability = reliabilities[c->reliability],
				    .unordered = c->unordered,
				    .priority = c->priority,
				    /* RFC 8832 section 5.1: "For reliable data channels, this
				     * field MUST be set to 0". */
				    .parameter = c->reliability == CHANNEL_RELIABLE ? 0 : c->limit,
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

static enum err start_negotiated(struct channels *set, struct channel *c)
{
	if (c->stream >= sctp_streams(set->sctp))
		return ERR_NOT_FOUND;
	enum err err = sctp_set_priority(set->sctp, (uint16_t)c->stream, c->priority);
	if (err)
		return err;
	c->state = CHANNEL_OPEN;
	if (set->connected)
		channel_report(set, c, CHANNEL_EVENT_OPEN);
	return ERR_OK;
}

enum err opening_start(struct channels *set, usec now, struct channel *c)
{
	if (c->negotiated)
		return start_negotiated(set, c);
	uint32_t stream = channel_free_stream(set);
	if (stream >= sctp_streams(set->sctp))
		return ERR_LIMIT;
	enum err err = channel_take_stream(set, c, (uint16_t)stream);
	if (err)
		return err;
	err = sctp_set_priority(set->sctp, (uint16_t)stream, c->priority);
	if (!err)
		err = send_open(set, now, c);
	if (err) {
		channel_leave_stream(set, c);
		return err;
	}
	c->state = CHANNEL_OPENING;
	return ERR_OK;
}

void opening_connected(struct channels *set)
{
	set->connected = true;
	for (size_t i = 0; i < set->stream_count; i++) {
		struct channel *c = set->by_stream[i];
		if (!c->negotiated || c->state != CHANNEL_OPEN)
			continue;
		if (c->stream < sctp_streams(set->sctp))
			channel_report(set, c, CHANNEL_EVENT_OPEN);
		else
			closing_reset_failed(set, (uint16_t)c->stream);
	}
}

/* Refuses a stream that the peer opened: resetting ours asks it to reset its own. */
void opening_refuse(struct channels *set, usec now, uint16_t stream)
{
	set->stats.refused++;
	/* Nothing was ever sent on it; a refusal that cannot be sent now changes nothing for us. */
	if (sctp_reset_stream(set->sctp, now, stream) != ERR_OK)
		set->stats.dropped++;
}

enum err opening_send_ack(struct channels *set, usec now, const struct channel *c)
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
	return c->state == CHANNEL_CLOSING && c->remote_reset && !c->local_reset && !c->stream_busy;
}

static void leave_stream(struct channels *set, struct channel *c)
{
	channel_leave_stream(set, c);
	c->local_reset = true;
	closing_check(set, c);
}

static enum channel_reliability reliability_of(enum dcep_reliability reliability)
{
	switch (reliability) {
	case DCEP_REXMIT:
		return CHANNEL_MAX_RETRANSMITS;
	case DCEP_TIMED:
		return CHANNEL_MAX_LIFETIME;
	case DCEP_RELIABLE:
	case DCEP_UNORDERED:
		return CHANNEL_RELIABLE;
	}
	UNREACHABLE();
}

static enum err accept_open(
	struct channels *set, usec now, uint16_t stream, const struct dcep_open *open, bool busy)
{
	const struct channel_config config = {
		.label = open->label,
		.protocol = open->protocol,
		.unordered = open->unordered,
		.reliability = reliability_of(open->reliability),
		.limit = open->parameter,
		/* Some stacks send no priority. */
		.priority = open->priority ? open->priority : SCTP_PRIORITY_NORMAL,
	};
	struct channel *c;
	enum err err = channel_create(set, &config, &c);
	if (err)
		return err;
	c->state = CHANNEL_OPEN;
	c->by_remote = true;
	c->stream_busy = busy;
	err = channel_take_stream(set, c, stream);
	if (!err && !busy)
		err = sctp_set_priority(set->sctp, stream, c->priority);
	if (!err && !busy)
		err = opening_send_ack(set, now, c);
	if (err)
		channel_destroy(set, c);
	else
		channel_report(set, c, CHANNEL_EVENT_OPEN);
	return err;
}

static void receive_open(struct channels *set, usec now, const struct sctp_message *message)
{
	struct dcep_open open;
	enum err err = dcep_open_parse(message->data, &open);
	bool of_our_parity = (message->stream % 2 == 0) == set->even;
	struct channel *former = channel_find_stream(set, message->stream);
	/* RFC 8832 section 6: "on an already used stream ... MUST close the corresponding data
	 * channel". */
	if (former && !is_used_again(former)) {
		set->stats.dropped++;
		closing_begin(set, now, former);
		return;
	}
	if (former)
		leave_stream(set, former);
	if (err || of_our_parity ||
		accept_open(set, now, message->stream, &open, former != NULL) != ERR_OK)
		opening_refuse(set, now, message->stream);
}

void opening_receive(struct channels *set, usec now, const struct sctp_message *message)
{
	enum dcep_type type;
	struct channel *c = channel_find_stream(set, message->stream);
	if (dcep_type(message->data, &type) != ERR_OK) {
		set->stats.dropped++;
		return;
	}
	switch (type) {
	case DCEP_OPEN:
		receive_open(set, now, message);
		return;
	case DCEP_ACK:
		if (!c || c->state != CHANNEL_OPENING) {
			set->stats.dropped++;
			return;
		}
		c->state = CHANNEL_OPEN;
		channel_report(set, c, CHANNEL_EVENT_OPEN);
		return;
	}
}
