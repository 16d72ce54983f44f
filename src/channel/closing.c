/* How a channel ends: each side resets its stream, and it is closed when both have (RFC 8831
 * section 6.7). */
#include "channel/internal.h"

/* Ours is done. RFC 8831 section 6.7: the peer then resets its own, but one that never opened a
 * negotiated channel has nothing to reset. */
static void await_peer(struct channels *set, usec now, struct channel *c)
{
	c->local_reset = true;
	if (!c->negotiated || c->heard || c->remote_reset)
		return;
	c->given_up = now + CHANNEL_ANSWER_WAIT_US;
	list_push_back(&set->waiting, &c->waiting);
}

static void reset_ours(struct channels *set, usec now, struct channel *c)
{
	enum err err = sctp_reset_stream(set->sctp, now, (uint16_t)c->stream);
	if (err)
		await_peer(set, now, c);
	/* A peer that cannot reset streams will not reset its own. */
	if (err == ERR_UNSUPPORTED)
		c->remote_reset = true;
}

/* Begins our half of the closing (RFC 8831 section 6.7). */
void closing_begin(struct channels *set, usec now, struct channel *c)
{
	if (c->state == CHANNEL_CLOSING)
		return;
	c->state = CHANNEL_CLOSING;
	if (!c->stream_busy)
		reset_ours(set, now, c);
}

void closing_check(struct channels *set, struct channel *c)
{
	if (c->state == CHANNEL_CLOSING && c->local_reset && c->remote_reset)
		channel_report(set, c, CHANNEL_EVENT_CLOSED);
}

void closing_peer_reset(struct channels *set, usec now, uint16_t stream)
{
	struct channel *c = channel_find_stream(set, stream);
	if (!c)
		return;
	c->remote_reset = true;
	closing_begin(set, now, c);
	closing_check(set, c);
}

/* What had to wait for the reset of the channel that had the stream before. */
static void begin_on_stream(struct channels *set, usec now, struct channel *c)
{
	c->stream_busy = false;
	enum err err = sctp_set_priority(set->sctp, (uint16_t)c->stream, c->priority);
	if (!err)
		err = opening_send_ack(set, now, c);
	if (c->state == CHANNEL_CLOSING)
		reset_ours(set, now, c);
	else if (err)
		closing_begin(set, now, c);
	closing_check(set, c);
}

void closing_reset_done(struct channels *set, usec now, uint16_t stream)
{
	struct channel *c = channel_find_stream(set, stream);
	if (c && c->stream_busy) {
		begin_on_stream(set, now, c);
	} else if (c && c->state == CHANNEL_CLOSING) {
		await_peer(set, now, c);
		closing_check(set, c);
	}
}

usec channels_deadline(const struct channels *set)
{
	if (list_is_empty(&set->waiting))
		return USEC_NEVER;
	return CONTAINER_OF(set->waiting.next, struct channel, waiting)->given_up;
}

void channels_advance(struct channels *set, usec now)
{
	while (channels_deadline(set) <= now) {
		struct channel *c = CONTAINER_OF(set->waiting.next, struct channel, waiting);
		list_remove(&c->waiting);
		if (c->heard)
			continue;
		c->remote_reset = true;
		closing_check(set, c);
	}
}

/* The peer does not have the stream, or does not let go of it: there is nothing to wait for. */
void closing_reset_failed(struct channels *set, uint16_t stream)
{
	struct channel *c = channel_find_stream(set, stream);
	if (!c)
		return;
	c->state = CHANNEL_CLOSING;
	c->stream_busy = false;
	c->local_reset = c->remote_reset = true;
	closing_check(set, c);
}
