#include "sctp/partial.h"

#include "sctp/internal.h"

static bool is_over(const struct sctp_assoc *a, usec now, const struct sctp_slice *lost,
	const struct sctp_out_message *message)
{
	if (!a->peer_forward_tsn)
		return false;
	switch (message->reliability) {
	case SCTP_RELIABLE:
		return false;
	case SCTP_LIMITED_RETRANSMITS:
		return lost && lost->resends >= message->limit;
	case SCTP_LIMITED_LIFETIME:
		return now > message->limit;
	}
	UNREACHABLE();
}

/* Whether the peer has a message in fragments that goes before this one on its stream, is not
 * acknowledged cumulatively, and was passed on the way here. */
static bool follows_fragments(
	const struct sctp_outstanding *o, uint64_t tsn, const struct sctp_out_message *message)
{
	uint64_t passed = message->stream->fragment_passed;
	return !message->unordered && passed >= o->first && passed < tsn;
}

static void note_fragment(const struct sctp_slice *acked, uint64_t tsn)
{
	bool whole = (acked->flags & SCTP_DATA_BEGIN) && (acked->flags & SCTP_DATA_END);
	if (!whole && !acked->message->unordered)
		acked->message->stream->fragment_passed = tsn;
}

/* The highest TSN that the peer can be told to go on to: RFC 3758 section 3.5 C2 moves the
 * Advanced.Peer.Ack.Point "up as long as the chunk next in the out-queue space is marked as
 * 'abandoned'". It also moves over what the peer has, if an abandoned chunk follows: else every
 * such island would take a round trip. The fragments of a message in DATA have TSNs in a row, so
 * when something else was abandoned behind one that the peer has, it has the message whole.
 *
 * That message may wait for its turn, and there are peers that throw away whatever is in fragments
 * and not behind the number skipped on its stream (usrsctp): its stream is skipped no further than
 * to its beginning until it is acknowledged cumulatively. With I-DATA the TSN says nothing about a
 * message. */
static uint64_t advanced(const struct sctp_assoc *a)
{
	const struct sctp_outstanding *o = &a->outstanding;
	uint64_t point = o->first - 1;
	for (uint64_t tsn = o->first; tsn < o->next;) {
		const struct sctp_sent *sent = sctp_outstanding_at(o, tsn);
		if (sent->state == SCTP_SENT_ABANDONED) {
			if (!a->interleaving && follows_fragments(o, tsn, sent->slice.message))
				break;
			point = tsn++;
		} else if (sent->state != SCTP_SENT_ACKED) {
			break;
		} else if (a->interleaving) {
			tsn += sent->run;
		} else {
			note_fragment(&sent->slice, tsn++);
		}
	}
	return point;
}

/* The first one outstanding is never one that a gap block acknowledges, so it alone tells whether
 * the peer can be told of anything. */
static bool has_to_tell(const struct sctp_assoc *a)
{
	const struct sctp_outstanding *o = &a->outstanding;
	return !sctp_outstanding_is_empty(o) &&
	       sctp_outstanding_at(o, o->first)->state == SCTP_SENT_ABANDONED;
}

/* Whether the peer was told of as much, and cannot have answered yet. */
static bool was_told(const struct sctp_assoc *a, usec now)
{
	usec interval = SCTP_FORWARD_TSN_INTERVAL;
	if (a->rto.srtt > 0)
		interval = usec_min(interval, a->rto.srtt);
	return now < a->forward.at + interval && a->outstanding.first <= a->forward.told &&
	       advanced(a) <= a->forward.point;
}

/* RFC 3758 section 3.5 C3 sends one for each SACK that is behind. Those that were on their way when
 * the last one left say nothing about it. */
static void tell_peer(struct sctp_assoc *a, usec now)
{
	if (has_to_tell(a) && !was_told(a, now))
		a->pending |= SCTP_PENDING_FORWARD_TSN;
}

/* What was never sent leaves no trace. Of what was sent in part, one more TSN stands for the rest:
 * when all that was sent is acknowledged already, it is the one the peer is told to go on to. */
static void give_up_unsent(struct sctp_assoc *a, struct sctp_out_message *message)
{
	struct sctp_slice rest;
	if (sctp_queue_give_up(&a->queue, message, &rest))
		message->last_tsn = sctp_outstanding_add_abandoned(&a->outstanding, &rest);
}

/* False when memory is out: then it is sent after all. */
static bool give_up(struct sctp_assoc *a, usec now, struct sctp_out_message *message)
{
	bool was_sent = message->sent > 0;
	if (message->sent < message->size) {
		if (was_sent && sctp_outstanding_reserve(&a->outstanding))
			return false;
		give_up_unsent(a, message);
	}
	a->stats.messages_abandoned++;
	if (!was_sent)
		return true;
	struct sctp_outstanding *o = &a->outstanding;
	uint64_t tsn = message->first_tsn > o->first ? message->first_tsn : o->first;
	for (; tsn <= message->last_tsn; tsn++)
		if (sctp_outstanding_at(o, tsn)->slice.message == message)
			sctp_outstanding_abandon(o, tsn);
	tell_peer(a, now);
	return true;
}

bool sctp_partial_gives_up_lost(struct sctp_assoc *a, usec now, uint64_t tsn)
{
	const struct sctp_slice *lost = &sctp_outstanding_at(&a->outstanding, tsn)->slice;
	return is_over(a, now, lost, lost->message) && give_up(a, now, lost->message);
}

bool sctp_partial_may_resend(const struct sctp_assoc *a, usec now, const struct sctp_slice *slice)
{
	return !is_over(a, now, slice, slice->message);
}

void sctp_partial_expire(struct sctp_assoc *a, usec now)
{
	bool any = false;
	struct sctp_out_message *message;
	while ((message = sctp_queue_next(&a->queue)) && is_over(a, now, NULL, message) &&
		give_up(a, now, message))
		any = true;
	if (any) {
		sctp_reset_advance(a);
		sctp_shutdown_advance(a);
	}
}

void sctp_partial_on_ack(struct sctp_assoc *a, usec now)
{
	tell_peer(a, now);
}

void sctp_partial_on_timeout(struct sctp_assoc *a)
{
	if (has_to_tell(a))
		a->pending |= SCTP_PENDING_FORWARD_TSN;
}

struct skip {
	uint16_t stream;
	bool unordered;
	uint32_t mid;
};

struct skips {
	struct skip items[SCTP_SKIPS_MAX];
	size_t count, max;
};

/* The message's stream is told with its last message. False when one more stream is too many. */
static bool add_skip(struct skips *skips, const struct sctp_out_message *message)
{
	struct sctp_out_stream *stream = message->stream;
	uint16_t *place = &stream->skip_place[message->unordered];
	bool known = *place < skips->count && skips->items[*place].stream == stream->id &&
		     skips->items[*place].unordered == message->unordered;
	if (!known && skips->count == skips->max)
		return false;
	if (!known)
		*place = (uint16_t)skips->count++;
	skips->items[*place] = (struct skip){
		.stream = stream->id, .unordered = message->unordered, .mid = message->mid};
	return true;
}

/* The streams up to the new cumulative TSN, which is `end` or as far as they fit. */
static uint64_t collect(const struct sctp_assoc *a, uint64_t end, struct skips *skips)
{
	uint64_t told = a->outstanding.first - 1;
	for (uint64_t tsn = told + 1; tsn <= end; tsn++) {
		const struct sctp_sent *sent = sctp_outstanding_at(&a->outstanding, tsn);
		if (sent->state != SCTP_SENT_ABANDONED)
			continue;
		const struct sctp_out_message *message = sent->slice.message;
		/* RFC 3758 section 3.2: FORWARD-TSN names no unordered messages. */
		bool named = a->interleaving || !message->unordered;
		if (named && !add_skip(skips, message))
			break;
		told = tsn;
	}
	return told;
}

void sctp_partial_write(struct sctp_assoc *a, usec now, struct writer *w)
{
	if (sctp_outstanding_is_empty(&a->outstanding))
		return;
	size_t entry = a->interleaving ? 8 : 4;
	struct skips skips = {
		.max = min_size((w->capacity - w->size - SCTP_CHUNK_HEADER_SIZE - 4) / entry,
			SCTP_SKIPS_MAX)};
	uint64_t point = advanced(a), to = collect(a, point, &skips);
	if (to < a->outstanding.first)
		return;
	a->forward = (struct sctp_forward){.at = now, .point = point, .told = to};
	size_t place =
		sctp_chunk_begin(w, a->interleaving ? SCTP_I_FORWARD_TSN : SCTP_FORWARD_TSN, 0);
	write_u32(w, (uint32_t)to);
	for (size_t i = 0; i < skips.count; i++) {
		const struct skip *skip = &skips.items[i];
		write_u16(w, skip->stream);
		if (a->interleaving) {
			write_u16(w, skip->unordered ? SCTP_SKIP_UNORDERED : 0);
			write_u32(w, skip->mid);
		} else {
			write_u16(w, (uint16_t)skip->mid);
		}
	}
	sctp_chunk_end(w, place);
	/* RFC 3758 section 3.5 C5: it is repeated when T3 expires. */
	if (!sctp_timer_is_set(a, SCTP_TIMER_RETRANSMIT))
		sctp_timer_set(a, SCTP_TIMER_RETRANSMIT, now + sctp_rto_current(&a->rto));
}
