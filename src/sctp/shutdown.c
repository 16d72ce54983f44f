/* Closing (RFC 9260 section 9): SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE once everything accepted
 * was acknowledged. ABORT is sctp_assoc_abort(). */
#include "sctp/internal.h"

void sctp_shutdown(struct sctp_assoc *a, usec now)
{
	switch (a->state) {
	case SCTP_CLOSED:
		if (a->ended)
			return;
		/* What was accepted is delivered first: sctp_connect() may still come. */
		if (sctp_transmit_is_done(a))
			sctp_assoc_end(a, SCTP_CLOSE_SHUTDOWN);
		else
			a->shutdown_wanted = true;
		return;
	case SCTP_COOKIE_WAIT:
	case SCTP_COOKIE_ECHOED:
		/* Likewise, so the handshake goes on for its sake. */
		if (sctp_transmit_is_done(a))
			sctp_assoc_abort(a, SCTP_CLOSE_SHUTDOWN, SCTP_CAUSE_USER_ABORT, "");
		else
			a->shutdown_wanted = true;
		return;
	case SCTP_ESTABLISHED:
		sctp_assoc_set_state(a, SCTP_SHUTDOWN_PENDING);
		sctp_transmit_hurry(a, now);
		sctp_shutdown_advance(a);
		return;
	case SCTP_SHUTDOWN_PENDING:
	case SCTP_SHUTDOWN_SENT:
	case SCTP_SHUTDOWN_RECEIVED:
	case SCTP_SHUTDOWN_ACK_SENT:
		return;
	}
}

static void start_guard(struct sctp_assoc *a, usec now)
{
	if (!sctp_timer_is_set(a, SCTP_TIMER_GUARD))
		sctp_timer_set(a, SCTP_TIMER_GUARD, now + SCTP_SHUTDOWN_GUARD);
}

void sctp_shutdown_advance(struct sctp_assoc *a)
{
	if (!sctp_transmit_is_done(a))
		return;
	if (a->state == SCTP_SHUTDOWN_PENDING) {
		sctp_assoc_set_state(a, SCTP_SHUTDOWN_SENT);
		a->pending |= SCTP_PENDING_SHUTDOWN;
	} else if (a->state == SCTP_SHUTDOWN_RECEIVED) {
		sctp_assoc_set_state(a, SCTP_SHUTDOWN_ACK_SENT);
		a->pending |= SCTP_PENDING_SHUTDOWN_ACK;
	}
}

void sctp_shutdown_receive(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	struct reader r = reader_of(chunk.value);
	uint32_t cumulative = read_u32(&r);
	if (r.failed) {
		a->stats.dropped_malformed++;
		return;
	}
	if (a->state == SCTP_SHUTDOWN_ACK_SENT) {
		a->pending |= SCTP_PENDING_SHUTDOWN_ACK;
		return;
	}
	if (!sctp_assoc_is_open(a))
		return;
	sctp_receive_cumulative(a, now, cumulative);
	if (a->ended)
		return;
	/* Both sides shut down: section 9.2 goes on with the acknowledgement. */
	if (a->state != SCTP_SHUTDOWN_RECEIVED && a->state != SCTP_SHUTDOWN_ACK_SENT) {
		sctp_assoc_set_state(a, SCTP_SHUTDOWN_RECEIVED);
		sctp_transmit_hurry(a, now);
	}
	a->pending &= ~(unsigned)SCTP_PENDING_SHUTDOWN;
	sctp_timer_stop(a, SCTP_TIMER_SHUTDOWN);
	sctp_shutdown_advance(a);
}

void sctp_shutdown_receive_ack(struct sctp_assoc *a)
{
	if (a->state != SCTP_SHUTDOWN_SENT && a->state != SCTP_SHUTDOWN_ACK_SENT)
		return;
	sctp_reply_solo_empty(a, a->peer_tag, SCTP_SHUTDOWN_COMPLETE, 0);
	sctp_assoc_end(a, SCTP_CLOSE_SHUTDOWN);
}

void sctp_shutdown_receive_complete(struct sctp_assoc *a)
{
	if (a->state == SCTP_SHUTDOWN_ACK_SENT)
		sctp_assoc_end(a, SCTP_CLOSE_SHUTDOWN);
}

void sctp_shutdown_write(struct sctp_assoc *a, usec now, struct writer *w)
{
	size_t place = sctp_chunk_begin(w, SCTP_SHUTDOWN, 0);
	write_u32(w, (uint32_t)a->tracker.cumulative);
	sctp_chunk_end(w, place);
	start_guard(a, now);
	sctp_timer_set(a, SCTP_TIMER_SHUTDOWN, now + sctp_rto_current(&a->rto));
}

void sctp_shutdown_write_ack(struct sctp_assoc *a, usec now, struct writer *w)
{
	sctp_chunk_write_empty(w, SCTP_SHUTDOWN_ACK, 0);
	start_guard(a, now);
	sctp_timer_set(a, SCTP_TIMER_SHUTDOWN, now + sctp_rto_current(&a->rto));
}

void sctp_shutdown_on_timer(struct sctp_assoc *a, usec now)
{
	(void)now;
	sctp_rto_back_off(&a->rto);
	if (!sctp_assoc_count_error(a))
		return;
	a->pending |=
		a->state == SCTP_SHUTDOWN_SENT ? SCTP_PENDING_SHUTDOWN : SCTP_PENDING_SHUTDOWN_ACK;
}

void sctp_shutdown_on_guard(struct sctp_assoc *a, usec now)
{
	(void)now;
	sctp_assoc_abort(
		a, SCTP_CLOSE_UNREACHABLE, SCTP_CAUSE_USER_ABORT, "shutdown took too long");
}
