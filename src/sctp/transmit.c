/* Writing packets (RFC 9260 sections 6.1, 6.3 and 6.10): control chunks first, then what was lost,
 * then new data, until the packet is full or a window is. */
#include "sctp/internal.h"

/* A window below this is treated as closed. */
#define WINDOW_WORTH_USING 256

static size_t window_room(const struct sctp_assoc *a)
{
	return sat_sub(a->peer_window, a->outstanding.in_flight);
}

bool sctp_transmit_is_done(const struct sctp_assoc *a)
{
	return sctp_outstanding_is_empty(&a->outstanding) && a->queue.buffered == 0;
}

static void start_timer(struct sctp_assoc *a, usec now)
{
	sctp_timer_set(a, SCTP_TIMER_RETRANSMIT, now + sctp_rto_current(&a->rto));
}

/* RFC 8985 section 7.2: the loss of the last packets of a flight is not seen from later ones. One
 * probe for a silence; after that it is T3's turn, and no sooner when that comes first. */
static void start_probe_timer(struct sctp_assoc *a, usec now)
{
	const struct sctp_outstanding *o = &a->outstanding;
	bool lone = o->in_flight <= a->congestion.mtu;
	usec delay = sctp_rack_probe_delay(&a->rto, lone);
	/* See learn_from_silence(): such an answer is followed by others, or it says how long one
	 * takes. */
	if (o->soon > 0)
		delay = usec_min(delay, usec_max(2 * o->soon, SCTP_RTO_MIN));
	usec at = now + delay;
	if (a->probing || a->one_packet || o->in_flight == 0 ||
		at >= a->timers[SCTP_TIMER_RETRANSMIT])
		sctp_timer_stop(a, SCTP_TIMER_PROBE);
	else
		sctp_timer_set(a, SCTP_TIMER_PROBE, at);
}

void sctp_transmit_set_timers(struct sctp_assoc *a, usec now, bool progress)
{
	if (sctp_outstanding_is_empty(&a->outstanding)) {
		/* While the peer's window is closed it is the timer of the probe. */
		if (progress || window_room(a) > 0)
			sctp_timer_stop(a, SCTP_TIMER_RETRANSMIT);
		sctp_timer_stop(a, SCTP_TIMER_PROBE);
		sctp_timer_stop(a, SCTP_TIMER_LOSS);
		return;
	}
	/* RFC 9260 section 6.3.2 R3 restarts T3 when the cumulative TSN moves. Here, as in RFC
	 * 6298 (5.3), any progress does: a retransmission that was lost as well is noticed without
	 * it. */
	if (progress || !sctp_timer_is_set(a, SCTP_TIMER_RETRANSMIT))
		start_timer(a, now);
	if (progress)
		start_probe_timer(a, now);
}

void sctp_transmit_hurry(struct sctp_assoc *a, usec now)
{
	if (a->rto.backoff == 0 || !sctp_timer_is_set(a, SCTP_TIMER_RETRANSMIT))
		return;
	sctp_rto_recover(&a->rto);
	sctp_timer_set(a, SCTP_TIMER_RETRANSMIT,
		usec_min(a->timers[SCTP_TIMER_RETRANSMIT], now + sctp_rto_current(&a->rto)));
}

/* Were a retransmission answered so soon because the first copy arrived, so would have what was
 * sent with that. Nothing did: the answer was the second's, and a round trip takes no longer. While
 * it is believed to, no such answer counts, and none but such may come. */
static void learn_from_silence(struct sctp_assoc *a)
{
	if (a->outstanding.soon > 0)
		sctp_rto_correct(&a->rto, a->outstanding.soon);
	a->outstanding.soon = 0;
}

/* First copies are answered one after the other, over no more time than it took to send them: a
 * round trip, or little more. Answers that go on for longer are not theirs. */
void sctp_transmit_learn_from_answers(struct sctp_assoc *a, usec now)
{
	const struct sctp_outstanding *o = &a->outstanding;
	if (o->soon > 0 && now - o->soon_since >= 2 * a->rto.min)
		learn_from_silence(a);
}

void sctp_transmit_on_timer(struct sctp_assoc *a, usec now)
{
	learn_from_silence(a);
	sctp_rto_back_off(&a->rto);
	if (sctp_outstanding_is_empty(&a->outstanding)) {
		a->window_probe = true;
		return;
	}
	a->stats.timeouts++;
	if (!sctp_assoc_count_error(a))
		return;
	/* A chunk that the peer had no room for says nothing about the network. */
	if (a->peer_window >= a->congestion.mtu) {
		sctp_congestion_on_timeout(&a->congestion, now);
		a->one_packet = true;
	}
	sctp_pmtu_note_timeout(a);
	sctp_outstanding_lose_all(&a->outstanding);
	sctp_partial_on_timeout(a);
	a->fast_retransmit = false;
	sctp_timer_stop(a, SCTP_TIMER_PROBE);
	sctp_timer_stop(a, SCTP_TIMER_LOSS);
}

struct sctp_loss sctp_transmit_find_lost(struct sctp_assoc *a, usec now)
{
	struct sctp_loss loss = sctp_outstanding_detect(&a->outstanding, now,
		sctp_rack_packets(&a->rack), sctp_rack_age(&a->rack, &a->rto));
	/* A little later, so that those which come of age one after the other are seen together. */
	usec at = loss.deadline;
	if (at != USEC_NEVER)
		at += usec_max(a->rto.min / 16, SCTP_TIMER_GRANULARITY);
	sctp_timer_set(a, SCTP_TIMER_LOSS, at);
	return loss;
}

void sctp_transmit_on_loss(struct sctp_assoc *a, usec now, const struct sctp_loss *loss)
{
	if (!loss->begins)
		return;
	sctp_rack_on_loss(&a->rack);
	sctp_congestion_on_loss(&a->congestion, now);
	a->fast_retransmit = true;
	a->stats.fast_retransmits++;
}

void sctp_transmit_on_loss_timer(struct sctp_assoc *a, usec now)
{
	struct sctp_loss loss = sctp_transmit_find_lost(a, now);
	if (loss.bytes > 0)
		sctp_congestion_on_late_loss(&a->congestion, loss.bytes);
	sctp_transmit_on_loss(a, now, &loss);
}

/* Silence is no verdict: a chunk that may not be sent again is not given up for a probe. The last
 * one that may be is sent in its place; where there is none T3 has the word. */
static bool take_probe(struct sctp_assoc *a, usec now)
{
	uint64_t tsn;
	const struct sctp_sent *sent = sctp_outstanding_last(&a->outstanding, &tsn);
	while (sent && !sctp_partial_may_resend(a, now, &sent->slice))
		sent = sctp_outstanding_before(&a->outstanding, tsn, &tsn);
	if (sent)
		sctp_outstanding_take(&a->outstanding, tsn);
	return sent;
}

void sctp_transmit_on_probe_timer(struct sctp_assoc *a, usec now)
{
	learn_from_silence(a);
	/* RFC 8985 section 7.3: new data if there is any, else the last that was sent. */
	bool new_data = a->queue.buffered > 0 && a->outstanding.lost == 0 &&
			window_room(a) >= a->congestion.mtu;
	if (!new_data && a->outstanding.lost == 0 && !take_probe(a, now))
		return;
	a->probing = a->fast_retransmit = true;
	a->stats.probes++;
	/* T3 goes on, but waits for the answer. */
	usec answer = now + sctp_rack_probe_delay(&a->rto, false);
	sctp_timer_set(
		a, SCTP_TIMER_RETRANSMIT, usec_max(a->timers[SCTP_TIMER_RETRANSMIT], answer));
}

void sctp_transmit_on_path_changed(struct sctp_assoc *a, usec now)
{
	sctp_rto_init(&a->rto);
	a->rack = (struct sctp_rack){0};
	a->pace = (struct sctp_pace){0};
	a->probing = a->one_packet = false;
	a->outstanding.soon = 0;
	if (sctp_outstanding_is_empty(&a->outstanding))
		return;
	start_timer(a, now);
	sctp_transmit_on_probe_timer(a, now);
}

/* sctp_write() asks the pacer again. */
void sctp_transmit_on_pace_timer(struct sctp_assoc *a, usec now)
{
	(void)a;
	(void)now;
}

/* RFC 7053 section 4: ask for a SACK at once when we can do nothing before it comes. */
static bool waits_for_sack(const struct sctp_assoc *a)
{
	if (a->outstanding.in_flight >= a->congestion.cwnd || window_room(a) < a->congestion.mtu)
		return true;
	return a->queue.buffered == 0 && (a->state != SCTP_ESTABLISHED || a->queue.draining > 0);
}

static void write_slice(struct sctp_assoc *a, uint64_t tsn, const struct sctp_slice *slice,
	bool immediate, struct writer *w)
{
	struct sctp_data data = {
		.flags = slice->flags,
		.tsn = (uint32_t)tsn,
		.stream = slice->message->stream->id,
		.ssn = (uint16_t)slice->message->mid,
		.mid = slice->message->mid,
		.fsn = slice->fragment,
		.ppid = slice->message->ppid,
		.payload = bytes_of(slice->message->data + slice->offset, slice->size),
	};
	if (immediate || waits_for_sack(a))
		data.flags |= SCTP_DATA_IMMEDIATE;
	if (a->interleaving)
		sctp_i_data_write(w, &data);
	else
		sctp_data_write(w, &data);
	a->stats.data_chunks_out++;
}

static size_t room_for_data(const struct sctp_assoc *a, const struct writer *w)
{
	size_t header = a->interleaving ? SCTP_I_DATA_HEADER_SIZE : SCTP_DATA_HEADER_SIZE;
	return sat_sub(w->capacity - w->size, header) & ~(size_t)3;
}

/* The lost ones, lowest TSN first; false when there is none, or no room for the next. */
static bool write_lost(struct sctp_assoc *a, usec now, struct writer *w)
{
	uint64_t tsn;
	struct sctp_sent *sent;
	do
		sent = sctp_outstanding_lost(&a->outstanding, &tsn);
	while (sent && sctp_partial_gives_up_lost(a, now, tsn));
	if (!sent || sent->slice.size > room_for_data(a, w))
		return false;
	bool alone = a->outstanding.in_flight == 0;
	bool congested = a->outstanding.in_flight >= a->congestion.cwnd && !a->fast_retransmit;
	if (!alone && (congested || window_room(a) < sent->slice.size))
		return false;
	sctp_outstanding_resend(&a->outstanding, now, tsn);
	a->stats.retransmitted_chunks++;
	if (sent->slice.resends < UINT16_MAX)
		sent->slice.resends++;
	write_slice(a, tsn, &sent->slice, alone || a->probing, w);
	/* Section 6.3.2 R1, and 7.2.4: the timer belongs to the lowest TSN. */
	if (tsn == a->outstanding.first || !sctp_timer_is_set(a, SCTP_TIMER_RETRANSMIT))
		start_timer(a, now);
	return true;
}

/* How much of `room` the peer's window leaves for the next slice, 0 when it has to wait. Small
 * pieces are not sent to use up a nearly closed window (RFC 9260 section 6.1), unless nothing else
 * is on its way. */
static size_t allowed(struct sctp_assoc *a, usec now, size_t room)
{
	size_t next = min_size(sctp_queue_next_size(&a->queue), room);
	size_t window = window_room(a);
	if (next <= window)
		return room;
	if (!sctp_outstanding_is_empty(&a->outstanding))
		return 0;
	if (window >= WINDOW_WORTH_USING)
		return min_size(room, window);
	if (a->window_probe)
		return room;
	/* Section 6.1 rule A: a closed window is probed after an RTO, less and less often. */
	if (!sctp_timer_is_set(a, SCTP_TIMER_RETRANSMIT))
		sctp_timer_set(a, SCTP_TIMER_RETRANSMIT, now + sctp_rto_current(&a->rto));
	return 0;
}

static bool write_new(struct sctp_assoc *a, usec now, struct writer *w)
{
	sctp_partial_expire(a, now);
	size_t room = room_for_data(a, w);
	if (a->queue.buffered == 0 || room == 0 || a->outstanding.lost > 0)
		return false;
	/* RFC 9260 section 6.1: a stream has at most 2^16 - 1 ordered messages in the window, and
	 * gap blocks reach as far. */
	if (a->outstanding.next - a->outstanding.first >= SCTP_TSN_SPAN_MAX)
		return false;
	if (sctp_outstanding_is_empty(&a->outstanding)) {
		sctp_congestion_on_send(&a->congestion, now, sctp_rto_current(&a->rto));
		sctp_pmtu_note_progress(a, now);
	}
	if (a->outstanding.in_flight >= a->congestion.cwnd && !a->fast_retransmit)
		return false;
	room = allowed(a, now, sctp_pmtu_fragment_room(a, room));
	struct sctp_slice slice;
	if (room == 0 || sctp_outstanding_reserve(&a->outstanding) ||
		!sctp_queue_cut(&a->queue, room, &slice))
		return false;
	uint64_t tsn = sctp_outstanding_add(&a->outstanding, now, &slice);
	if (slice.flags & SCTP_DATA_BEGIN)
		slice.message->first_tsn = tsn;
	slice.message->last_tsn = tsn;
	write_slice(a, tsn, &slice, a->window_probe || a->fast_retransmit, w);
	a->congestion.last_sent = now;
	a->last_activity = now;
	a->window_probe = false;
	if (slice.flags & SCTP_DATA_END)
		a->stats.messages_out++;
	if (tsn == a->outstanding.first || !sctp_timer_is_set(a, SCTP_TIMER_RETRANSMIT))
		start_timer(a, now);
	return true;
}

/* There is room in the congestion window and nothing, or nothing that may be sent. */
static void note_idle(struct sctp_assoc *a)
{
	if (a->outstanding.in_flight < a->congestion.cwnd)
		sctp_delivery_limit(&a->outstanding.rate, a->outstanding.in_flight);
}

/* What the pacer works with: nothing on paths that are shorter than its timer. */
static uint64_t pacing_rate(const struct sctp_assoc *a)
{
	return a->rto.min >= SCTP_PACE_ROUND_TRIP_MIN ? a->congestion.pacing_rate : 0;
}

static bool has_data(const struct sctp_assoc *a)
{
	return a->queue.buffered > 0 || a->outstanding.lost > 0;
}

static bool is_paced_out(struct sctp_assoc *a, usec now)
{
	uint64_t rate = pacing_rate(a);
	if (sctp_pace_allows(&a->pace, now, rate, a->congestion.mtu)) {
		sctp_timer_stop(a, SCTP_TIMER_PACE);
		return false;
	}
	sctp_timer_set(a, SCTP_TIMER_PACE, sctp_pace_deadline(&a->pace, rate, a->congestion.mtu));
	return true;
}

static bool is_congested(const struct sctp_assoc *a)
{
	return a->outstanding.in_flight >= a->congestion.cwnd && !a->fast_retransmit;
}

/* RFC 9260 section 6.1: "Before an endpoint transmits a DATA chunk, if any received DATA chunks
 * have not been acknowledged (e.g., due to delayed ack), the sender SHOULD create a SACK chunk and
 * bundle it with the outbound DATA chunk". */
static void bundle_sack(struct sctp_assoc *a, usec now)
{
	if (a->unacknowledged == 0 || !has_data(a) || is_congested(a))
		return;
	if (window_room(a) >= a->congestion.mtu && !is_paced_out(a, now))
		a->pending |= SCTP_PENDING_SACK;
}

static void write_data(struct sctp_assoc *a, usec now, struct writer *w)
{
	sctp_partial_expire(a, now);
	if (!has_data(a)) {
		note_idle(a);
		return;
	}
	/* RFC 9260 section 7.2.1, after a time-out: "only one packet is allowed to be in flight
	 * until successful acknowledgement", however short. */
	if (a->one_packet && a->outstanding.in_flight > 0)
		return;
	bool in_window = a->outstanding.in_flight < a->congestion.cwnd;
	if (!a->fast_retransmit && (!in_window || is_paced_out(a, now)))
		return;
	sctp_outstanding_begin_packet(&a->outstanding);
	while (write_lost(a, now, w)) {}
	while (write_new(a, now, w)) {}
	if (a->outstanding.packet_bytes == 0) {
		note_idle(a);
		return;
	}
	a->fast_retransmit = false;
	/* In the bytes that rates are measured in: of messages, without headers. */
	sctp_pace_on_send(&a->pace, a->outstanding.packet_bytes);
	start_probe_timer(a, now);
}

/* The next of the chunks that pend, in the order of their bits, unless there is no room for it. */
static bool write_pending(struct sctp_assoc *a, usec now, struct writer *w)
{
	/* Upper bounds; COOKIE ECHO comes first and was checked when the cookie came. */
	static const struct {
		enum sctp_pending bit;
		size_t size;
	} order[] = {
		{SCTP_PENDING_COOKIE_ECHO, 0},
		{SCTP_PENDING_COOKIE_ACK, 4},
		{SCTP_PENDING_SACK, 32},
		{SCTP_PENDING_HEARTBEAT, 24},
		{SCTP_PENDING_RESET_RESPONSE, 28},
		{SCTP_PENDING_RESET_REQUEST, 20 + 2 * SCTP_RESET_STREAMS_MAX},
		{SCTP_PENDING_SHUTDOWN, 8},
		{SCTP_PENDING_SHUTDOWN_ACK, 4},
		{SCTP_PENDING_FORWARD_TSN, SCTP_FORWARD_TSN_MIN},
	};
	size_t i = 0;
	while (!(a->pending & order[i].bit))
		i++;
	if (w->capacity - w->size < order[i].size)
		return false;
	a->pending &= ~(unsigned)order[i].bit;
	switch (order[i].bit) {
	case SCTP_PENDING_INIT:
		UNREACHABLE();
	case SCTP_PENDING_COOKIE_ECHO:
		sctp_connect_write_cookie_echo(a, now, w);
		break;
	case SCTP_PENDING_COOKIE_ACK:
		sctp_chunk_write_empty(w, SCTP_COOKIE_ACK, 0);
		break;
	case SCTP_PENDING_SACK:
		sctp_receive_write_sack(a, w);
		break;
	case SCTP_PENDING_HEARTBEAT:
		sctp_heartbeat_write(a, now, w);
		break;
	case SCTP_PENDING_RESET_RESPONSE:
		sctp_reset_write_response(a, w);
		break;
	case SCTP_PENDING_RESET_REQUEST:
		sctp_reset_write_request(a, now, w);
		break;
	case SCTP_PENDING_SHUTDOWN:
		sctp_shutdown_write(a, now, w);
		break;
	case SCTP_PENDING_SHUTDOWN_ACK:
		sctp_shutdown_write_ack(a, now, w);
		break;
	case SCTP_PENDING_FORWARD_TSN:
		sctp_partial_write(a, now, w);
		break;
	}
	return true;
}

/* Whole chunks of the replies, as many as fit. */
static void write_replies(struct sctp_assoc *a, struct writer *w)
{
	struct reader r = reader_of(buffer_bytes(&a->replies));
	struct sctp_chunk chunk;
	size_t written = 0;
	while (sctp_chunk_next(&r, &chunk)) {
		size_t size = a->replies.size - written - r.rest.size;
		if (size > w->capacity - w->size)
			break;
		write_bytes(w, bytes_of(chunk.whole.data, size));
		written += size;
	}
	CHECK(!r.failed);
	buffer_consume(&a->replies, written);
	if (a->replies.size == 0)
		buffer_deinit(&a->replies);
}

static size_t finish(struct sctp_assoc *a, const struct writer *w)
{
	a->stats.packets_out++;
	a->stats.bytes_out += w->size;
	return w->size;
}

static size_t seal(struct sctp_assoc *a, struct writer *w)
{
	sctp_packet_seal(w);
	return finish(a, w);
}

static struct sctp_header header_of(const struct sctp_assoc *a, uint32_t tag)
{
	return (struct sctp_header){
		.source = a->config.local_port, .destination = a->config.remote_port, .tag = tag};
}

/* INIT travels alone, and under no tag (section 8.5.1). */
static size_t write_init(struct sctp_assoc *a, usec now, struct writer *w)
{
	a->pending &= ~(unsigned)SCTP_PENDING_INIT;
	sctp_packet_begin(w, header_of(a, 0));
	sctp_connect_write_init(a, now, w);
	return seal(a, w);
}

/* Always with a checksum: it may answer a packet that is not of the association (RFC 9653 section
 * 5.2), and there are few. */
static size_t write_solo(struct sctp_assoc *a, struct writer *w)
{
	write_bytes(w, buffer_bytes(&a->solo));
	buffer_deinit(&a->solo);
	return seal(a, w);
}

/* Alone, and of a size that no other packet has. */
static size_t write_probe(struct sctp_assoc *a, usec now, uint8_t *data)
{
	struct writer w = writer_of(data, a->pmtu.target);
	sctp_packet_begin(&w, header_of(a, a->peer_tag));
	sctp_pmtu_write_probe(a, now, &w);
	return a->peer_zero_checksum ? finish(a, &w) : seal(a, &w);
}

size_t sctp_write(struct sctp_assoc *a, usec now, uint8_t *data, size_t capacity)
{
	sctp_pmtu_watch(a, now);
	CHECK(capacity >= a->pmtu.size);
	struct writer w = writer_of(data, a->pmtu.size);
	if (a->solo.size > 0)
		return write_solo(a, &w);
	if (a->pending & SCTP_PENDING_INIT)
		return write_init(a, now, &w);
	/* Until the handshake is over, nothing but COOKIE ECHO and what is bundled with it. */
	if (!sctp_assoc_is_open(a) && !(a->pending & SCTP_PENDING_COOKIE_ECHO))
		return 0;
	/* RFC 9653 section 5.2: not with COOKIE ECHO, before which the peer keeps no state that
	 * would tell it to accept that. */
	if (sctp_pmtu_wants_probe(a, capacity))
		return write_probe(a, now, data);
	bool zero_checksum = a->peer_zero_checksum && !(a->pending & SCTP_PENDING_COOKIE_ECHO);
	sctp_packet_begin(&w, header_of(a, a->peer_tag));
	bundle_sack(a, now);
	while (a->pending && write_pending(a, now, &w)) {}
	if (a->replies.size > 0)
		write_replies(a, &w);
	/* What did not fit goes first into the next packet. */
	size_t controls = w.size;
	if (!a->pending && a->replies.size == 0)
		write_data(a, now, &w);
	/* What follows from a message that was given up instead; in the next packet if DATA is in
	 * this one: "an endpoint MUST place control chunks first" (RFC 9260 section 6.10). */
	while (w.size == controls && a->pending && write_pending(a, now, &w)) {}
	CHECK(!w.failed);
	if (w.size == SCTP_HEADER_SIZE)
		return 0;
	return zero_checksum ? finish(a, &w) : seal(a, &w);
}
