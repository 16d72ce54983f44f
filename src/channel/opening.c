/* How a channel comes to be: OPEN and ACK on its stream (RFC 8832). */
#include "channel/dcep.h"
#include "channel/internal.h"

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
enum err opening_start(struct channels *set, usec now, struct channel *c)
{
	size_t stream = set->even ? 0 : 1;
	while (stream < set->stream_capacity && set->by_stream[stream])
		stream += 2;
	if (stream >= CHANNELS_MAX)
		return ERR_LIMIT;
	enum err err = channel_take_stream(set, c, (uint16_t)stream);
	if (err)
		return err;
	err = send_open(set, now, c);
	if (err) {
		set->by_stream[stream] = NULL;
		c->stream = CHANNEL_NO_STREAM;
		return err;
	}
	c->state = CHANNEL_OPENING;
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
	set->by_stream[c->stream] = NULL;
	c->stream = CHANNEL_NO_STREAM;
	c->local_reset = true;
	closing_check(set, c);
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
	c->state = CHANNEL_OPEN;
	c->by_remote = true;
	c->stream_busy = busy;
	err = channel_take_stream(set, c, stream);
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
