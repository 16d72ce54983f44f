/* HEARTBEAT (RFC 9260 section 8.3): answers the peer's, and sends one when nothing else has shown
 * for a while that the peer is there. One timer an association, so that an idle one costs little.
 */
#include "sctp/internal.h"

#define INFO_SIZE 16

/* Section 8.3: the interval is jittered, here by a quarter to both sides. */
static usec next_interval(struct sctp_assoc *a)
{
	usec quarter = SCTP_HEARTBEAT_INTERVAL / 4;
	usec jitter = (usec)rng_below(a->config.rng, (uint64_t)(2 * quarter));
	return SCTP_HEARTBEAT_INTERVAL - quarter + jitter;
}

void sctp_heartbeat_start(struct sctp_assoc *a, usec now)
{
	a->last_activity = now;
	a->heartbeat_nonce = 0;
	sctp_timer_set(a, SCTP_TIMER_HEARTBEAT, now + next_interval(a));
}

static void send(struct sctp_assoc *a)
{
	a->pending |= SCTP_PENDING_HEARTBEAT;
	do
		a->heartbeat_nonce = rng_u64(a->config.rng);
	while (a->heartbeat_nonce == 0);
}

void sctp_heartbeat_request(struct sctp_assoc *a)
{
	if (a->heartbeat_nonce == 0)
		send(a);
}

void sctp_heartbeat_on_timer(struct sctp_assoc *a, usec now)
{
	sctp_outstanding_trim(&a->outstanding);
	if (a->heartbeat_nonce != 0) {
		sctp_rto_back_off(&a->rto);
		if (!sctp_assoc_count_error(a))
			return;
	} else if (now - a->last_activity < SCTP_HEARTBEAT_INTERVAL / 2 ||
		   !sctp_outstanding_is_empty(&a->outstanding)) {
		/* DATA and its SACKs watch the path. */
		sctp_timer_set(a, SCTP_TIMER_HEARTBEAT, now + next_interval(a));
		return;
	}
	send(a);
}

void sctp_heartbeat_write_info(struct writer *w, uint64_t nonce, usec now)
{
	size_t chunk = sctp_chunk_begin(w, SCTP_HEARTBEAT, 0);
	size_t place = sctp_parameter_begin(w, SCTP_PARAMETER_HEARTBEAT_INFO);
	write_u64(w, nonce);
	write_u64(w, (uint64_t)now);
	sctp_parameter_end(w, place);
	sctp_chunk_end(w, chunk);
}

void sctp_heartbeat_write(struct sctp_assoc *a, usec now, struct writer *w)
{
	a->heartbeat_sent = now;
	sctp_heartbeat_write_info(w, a->heartbeat_nonce, now);
	sctp_timer_set(a, SCTP_TIMER_HEARTBEAT, now + sctp_rto_current(&a->rto));
}

void sctp_heartbeat_receive(struct sctp_assoc *a, struct sctp_chunk chunk)
{
	uint8_t data[SCTP_REPLIES_MAX];
	struct writer w = writer_of(data, sizeof data);
	size_t place = sctp_chunk_begin(&w, SCTP_HEARTBEAT_ACK, 0);
	write_bytes(&w, chunk.value);
	sctp_chunk_end(&w, place);
	if (w.failed)
		a->stats.dropped_malformed++;
	else
		sctp_reply(a, writer_bytes(&w));
}

void sctp_heartbeat_receive_ack(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	struct reader r = reader_of(chunk.value);
	struct sctp_parameter info;
	if (!sctp_parameter_next(&r, &info) || info.type != SCTP_PARAMETER_HEARTBEAT_INFO ||
		info.value.size != INFO_SIZE) {
		a->stats.dropped_malformed++;
		return;
	}
	struct reader value = reader_of(info.value);
	uint64_t nonce = read_u64(&value);
	usec sent = (usec)read_u64(&value);
	if (sctp_pmtu_receive_ack(a, now, nonce)) {
		a->error_count = 0;
		return;
	}
	/* An answer to an older one, or to none of ours, proves nothing. */
	if (a->heartbeat_nonce == 0 || nonce != a->heartbeat_nonce || sent != a->heartbeat_sent)
		return;
	a->error_count = 0;
	sctp_rto_measure(&a->rto, now, now - sent);
	sctp_heartbeat_start(a, now);
}

/* What was on its way when its path ended arrives no more: it is as lost as a time-out would say
 * later, and goes over the new one now. */
void sctp_path_replaced(struct sctp_assoc *a, usec now)
{
	if (a->ended)
		return;
	sctp_path_changed(a, now);
	if (sctp_outstanding_is_empty(&a->outstanding))
		return;
	sctp_outstanding_lose_all(&a->outstanding);
	a->probing = a->fast_retransmit = false;
	sctp_timer_stop(a, SCTP_TIMER_PROBE);
	sctp_timer_stop(a, SCTP_TIMER_LOSS);
}

/* After a silence the time-outs are as long as it was, and DATA would wait for the next: ten
 * seconds of nothing on a path that works. RFC 9260 section 6.3.2 knows no such news of the path.
 * What was measured is no better: one round trip that a process slept through makes the time-out
 * the longest there is. And what was sent into the silence holds up nothing. */
void sctp_path_is_back(struct sctp_assoc *a, usec now)
{
	static const enum sctp_timer waiting[] = {
		SCTP_TIMER_RETRANSMIT, SCTP_TIMER_RESET, SCTP_TIMER_SHUTDOWN};
	if (a->ended)
		return;
	sctp_rto_recover(&a->rto);
	usec soon = now + usec_min(sctp_rto_current(&a->rto), SCTP_RTO_INITIAL);
	a->one_packet = false;
	for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++)
		if (sctp_timer_is_set(a, waiting[i]))
			sctp_timer_set(a, waiting[i], usec_min(a->timers[waiting[i]], soon));
	/* What a SACK then shows to be missing need not wait for the timer at all. */
	sctp_transmit_on_probe_timer(a, now);
}
