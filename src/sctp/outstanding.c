#include "sctp/outstanding.h"

#include <stdlib.h>

#include "base/serial.h"

/* A few for who sends now and then. */
#define CAPACITY_MIN 4

static struct sctp_sent *at(const struct sctp_outstanding *o, uint64_t tsn)
{
	return &o->ring[(size_t)tsn & (o->capacity - 1)];
}

static size_t count(const struct sctp_outstanding *o)
{
	return (size_t)(o->next - o->first);
}

void sctp_outstanding_init(struct sctp_outstanding *o, uint64_t next)
{
	*o = (struct sctp_outstanding){.first = next, .next = next};
}

void sctp_outstanding_deinit(struct sctp_outstanding *o, struct sctp_queue *queue)
{
	for (; o->first < o->next; o->first++)
		sctp_queue_finish(queue, &at(o, o->first)->slice);
	free(o->ring);
	*o = (struct sctp_outstanding){.first = o->next, .next = o->next};
}

static enum err resize(struct sctp_outstanding *o, size_t capacity)
{
	struct sctp_outstanding other = *o;
	other.capacity = capacity;
	other.ring = calloc(capacity, sizeof *other.ring);
	if (!other.ring)
		return ERR_NOMEM;
	for (uint64_t tsn = o->first; tsn < o->next; tsn++)
		*at(&other, tsn) = *at(o, tsn);
	free(o->ring);
	*o = other;
	return ERR_OK;
}

enum err sctp_outstanding_reserve(struct sctp_outstanding *o)
{
	if (count(o) < o->capacity)
		return ERR_OK;
	return resize(o, o->capacity ? 2 * o->capacity : CAPACITY_MIN);
}

void sctp_outstanding_trim(struct sctp_outstanding *o)
{
	if (count(o) > 0)
		return;
	free(o->ring);
	o->ring = NULL;
	o->capacity = 0;
}

/* ---- The list of what is in flight ---- */

/* The TSN of which the ring's links keep the low bits. */
static uint64_t whole(const struct sctp_outstanding *o, uint32_t low)
{
	return o->first + (uint32_t)(low - (uint32_t)o->first);
}

/* Behind `before`, in the list; with `before` == tsn at its head. */
static void link_after(struct sctp_outstanding *o, uint64_t before, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	bool is_head = before == tsn;
	uint64_t after = is_head ? o->oldest : whole(o, at(o, before)->newer);
	bool is_tail = o->in_flight_count == 0 || (!is_head && after == before);
	sent->older = (uint32_t)before;
	sent->newer = is_tail ? (uint32_t)tsn : (uint32_t)after;
	if (is_head)
		o->oldest = tsn;
	else
		at(o, before)->newer = (uint32_t)tsn;
	if (is_tail)
		o->newest = tsn;
	else
		at(o, after)->older = (uint32_t)tsn;
	o->in_flight_count++;
	o->in_flight += sent->slice.size;
}

static void link_newest(struct sctp_outstanding *o, uint64_t tsn)
{
	link_after(o, o->in_flight_count > 0 ? o->newest : tsn, tsn);
}

static void unlink_sent(struct sctp_outstanding *o, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	uint64_t older = whole(o, sent->older), newer = whole(o, sent->newer);
	bool is_head = older == tsn, is_tail = newer == tsn;
	if (is_head)
		o->oldest = newer;
	else
		at(o, older)->newer = is_tail ? (uint32_t)older : (uint32_t)newer;
	if (is_tail)
		o->newest = older;
	else
		at(o, newer)->older = is_head ? (uint32_t)newer : (uint32_t)older;
	o->in_flight_count--;
	o->in_flight -= sent->slice.size;
}

/* ---- Sending ---- */

static void stamp(struct sctp_outstanding *o, usec now, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	link_newest(o, tsn);
	sent->state = SCTP_SENT_IN_FLIGHT;
	sent->sent = now;
	sent->packet = o->packet;
	o->packet_bytes += sent->slice.size;
	sent->mark = sctp_delivery_on_send(&o->rate, now, sent->slice.size, o->in_flight);
}

uint64_t sctp_outstanding_add(struct sctp_outstanding *o, usec now, const struct sctp_slice *slice)
{
	CHECK(count(o) < o->capacity);
	uint64_t tsn = o->next++;
	*at(o, tsn) = (struct sctp_sent){.slice = *slice};
	stamp(o, now, tsn);
	return tsn;
}

static void mark_lost(struct sctp_outstanding *o, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	CHECK(sent->state == SCTP_SENT_IN_FLIGHT);
	unlink_sent(o, tsn);
	sent->state = SCTP_SENT_LOST;
	if (o->lost++ == 0 || tsn < o->lost_first)
		o->lost_first = tsn;
}

uint64_t sctp_outstanding_add_abandoned(struct sctp_outstanding *o, const struct sctp_slice *slice)
{
	CHECK(count(o) < o->capacity);
	uint64_t tsn = o->next++;
	*at(o, tsn) = (struct sctp_sent){.slice = *slice, .state = SCTP_SENT_ABANDONED, .run = 1};
	return tsn;
}

void sctp_outstanding_abandon(struct sctp_outstanding *o, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	if (sent->state == SCTP_SENT_IN_FLIGHT)
		mark_lost(o, tsn);
	if (sent->state == SCTP_SENT_LOST) {
		o->lost--;
		sent->run = 1;
	}
	sent->state = SCTP_SENT_ABANDONED;
}

struct sctp_sent *sctp_outstanding_lost(struct sctp_outstanding *o, uint64_t *ret_tsn)
{
	if (o->lost == 0)
		return NULL;
	if (o->lost_first < o->first)
		o->lost_first = o->first;
	while (at(o, o->lost_first)->state != SCTP_SENT_LOST) {
		o->lost_first++;
		CHECK(o->lost_first < o->next);
	}
	*ret_tsn = o->lost_first;
	return at(o, o->lost_first);
}

void sctp_outstanding_resend(struct sctp_outstanding *o, usec now, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	CHECK(sent->state == SCTP_SENT_LOST);
	sent->resent = true;
	o->lost--;
	stamp(o, now, tsn);
}

struct sctp_sent *sctp_outstanding_last(const struct sctp_outstanding *o, uint64_t *ret_tsn)
{
	if (o->in_flight_count == 0)
		return NULL;
	*ret_tsn = o->newest;
	return at(o, o->newest);
}

struct sctp_sent *sctp_outstanding_before(
	const struct sctp_outstanding *o, uint64_t tsn, uint64_t *ret_tsn)
{
	uint64_t older = whole(o, at(o, tsn)->older);
	if (older == tsn)
		return NULL;
	*ret_tsn = older;
	return at(o, older);
}

void sctp_outstanding_take(struct sctp_outstanding *o, uint64_t tsn)
{
	mark_lost(o, tsn);
}

/* ---- Acknowledgements ---- */

/* What a SACK has told so far. */
struct telling {
	struct sctp_ack *ack;
	usec now, min_round_trip;
	usec soon; /* the longest time in which a retransmission was answered too soon */
	bool any, resent, late;
	uint64_t packet; /* the newest it acknowledges, and of it: */
	usec sent;
	struct sctp_delivery_mark mark;
};

/* One doubt less: what was taken for lost had arrived. */
static void settle(struct sctp_outstanding *o, struct sctp_ack *ack)
{
	if (o->doubts > 0 && --o->doubts == 0)
		ack->spurious = true;
}

static void acknowledge(struct sctp_outstanding *o, uint64_t tsn, struct telling *t)
{
	struct sctp_sent *sent = at(o, tsn);
	t->ack->bytes += sent->slice.size;
	if (sent->state == SCTP_SENT_IN_FLIGHT) {
		unlink_sent(o, tsn);
	} else {
		/* It was not sent again yet, so it is the first one that arrived. */
		o->lost--;
		if (!sent->timed_out)
			settle(o, t->ack);
	}
	sent->state = SCTP_SENT_ACKED;
	sctp_delivery_on_delivered(&o->rate, t->now, sent->slice.size);
	/* RFC 8985 section 6.2 step 1: what answers a retransmission sooner than a round trip
	 * answers the first copy, and says nothing of what was sent when the second was. */
	usec since = t->now - sent->sent;
	bool ambiguous = sent->resent && since < t->min_round_trip;
	if (ambiguous) {
		t->soon = usec_max(t->soon, usec_max(since, 1));
		return;
	}
	if (!t->any || sent->packet > t->packet) {
		t->packet = sent->packet;
		t->sent = sent->sent;
		t->mark = sent->mark;
		t->resent = sent->resent;
		t->any = true;
	} else if (sent->packet == t->packet) {
		t->resent |= sent->resent;
	}
	if (!sent->resent && sent->packet < o->newest_acked)
		t->late = true;
}

/* Sooner than a round trip after it was sent again: that is the first copy's answer. */
static bool answers_first(const struct telling *t, const struct sctp_sent *sent)
{
	return sent->resent && t->now - sent->sent < t->min_round_trip - t->min_round_trip / 4;
}

static void acknowledge_cumulatively(struct sctp_outstanding *o, struct sctp_queue *queue,
	uint64_t cumulative, struct telling *t)
{
	t->ack->advanced = cumulative >= o->first;
	for (; o->first <= cumulative; o->first++) {
		struct sctp_sent *sent = at(o, o->first);
		if (sent->state != SCTP_SENT_ACKED && sent->state != SCTP_SENT_ABANDONED) {
			/* In the manner of RFC 5682 (F-RTO) and RFC 3522 (Eifel): the timer was
			 * wrong when a copy arrived that was sent before it expired. */
			if (sent->timed_out &&
				(sent->state == SCTP_SENT_LOST || answers_first(t, sent)))
				t->ack->spurious = true;
			acknowledge(o, o->first, t);
		}
		sctp_queue_finish(queue, &sent->slice);
	}
}

static void acknowledge_block(
	struct sctp_outstanding *o, uint64_t start, uint64_t end, struct telling *t)
{
	uint64_t tsn = start;
	while (tsn <= end) {
		struct sctp_sent *sent = at(o, tsn);
		if (sent->state == SCTP_SENT_ACKED || sent->state == SCTP_SENT_ABANDONED) {
			tsn += sent->run;
			continue;
		}
		acknowledge(o, tsn++, t);
		sent->run = 1;
	}
	/* `tsn` is one past the run. All that were looked at know it now, so that a peer that
	 * repeats the block a little shorter each time does not make us walk through it each time.
	 */
	for (uint64_t passed = start; passed < tsn;) {
		struct sctp_sent *sent = at(o, passed);
		uint32_t step = sent->run;
		sent->run = (uint32_t)(tsn - passed);
		passed += step;
	}
}

struct blocks {
	struct reader rest;
	uint64_t cumulative, end, limit;
};

/* The next block that makes sense: ascending, apart from the one before, and of what was sent. */
static bool next_block(struct blocks *blocks, uint64_t *ret_start, uint64_t *ret_end)
{
	while (blocks->rest.rest.size >= 4) {
		uint64_t start = blocks->cumulative + read_u16(&blocks->rest);
		uint64_t end = blocks->cumulative + read_u16(&blocks->rest);
		if (start <= blocks->end + 1 || end < start || end >= blocks->limit)
			continue;
		blocks->end = end;
		*ret_start = start;
		*ret_end = end;
		return true;
	}
	return false;
}

static struct blocks blocks_of(
	const struct sctp_outstanding *o, const struct sctp_sack *sack, uint64_t cumulative)
{
	return (struct blocks){
		.rest = reader_of(sack->blocks),
		.cumulative = cumulative,
		.end = cumulative,
		.limit = o->next,
	};
}

static void handle_gaps(struct sctp_outstanding *o, const struct sctp_sack *sack,
	uint64_t cumulative, struct telling *t)
{
	uint64_t start, end;
	struct blocks blocks = blocks_of(o, sack, cumulative);
	while (next_block(&blocks, &start, &end))
		acknowledge_block(o, start, end, t);
}

/* RFC 9260 section 6.2.1: the receiver may take a gap block back. Then its first TSN is the one
 * that blocks the cumulative one; nothing that was told of gaps holds any more. */
static void take_back_gap_blocks(struct sctp_outstanding *o)
{
	for (uint64_t tsn = o->first; tsn < o->next; tsn++) {
		struct sctp_sent *sent = at(o, tsn);
		sent->run = 1; /* of those abandoned, too: what follows them is not acknowledged */
		if (sent->state != SCTP_SENT_ACKED)
			continue;
		sent->state = SCTP_SENT_LOST;
		sent->resent = true;
		o->lost++;
	}
	o->lost_first = o->first;
}

/* A TSN that arrived twice, of those that were sent again (RFC 9260 section 3.3.4): each settles
 * one doubt. What the network doubled looks the same; it cannot settle more than there are. */
static void handle_duplicates(
	struct sctp_outstanding *o, const struct sctp_sack *sack, struct sctp_ack *ack)
{
	struct reader r = reader_of(sack->duplicates);
	while (o->doubts > 0 && r.rest.size >= 4) {
		uint64_t tsn = serial32_unwrap(o->next, read_u32(&r));
		if (tsn >= o->doubt_tsn && tsn < o->next)
			settle(o, ack);
	}
}

static void conclude(struct sctp_outstanding *o, struct telling *t)
{
	struct sctp_ack *ack = t->ack;
	if (!t->any) {
		if (t->soon > 0) {
			if (o->soon == 0)
				o->soon_since = t->now;
			o->soon = t->soon;
		}
		return;
	}
	o->soon = 0;
	ack->reordered = t->late;
	ack->recovering = t->packet < o->recovery_packet;
	if (t->packet > o->newest_acked)
		o->newest_acked = t->packet;
	usec answer = usec_max(t->now - t->sent, 1);
	if (t->resent)
		ack->answer_to_resent = answer;
	else
		ack->round_trip = answer;
	ack->rate = sctp_delivery_take(&o->rate, t->now, t->sent, &t->mark, t->min_round_trip);
}

struct sctp_ack sctp_outstanding_ack(struct sctp_outstanding *o, struct sctp_queue *queue, usec now,
	const struct sctp_sack *sack, usec min_round_trip)
{
	uint64_t cumulative = serial32_unwrap(o->first - 1, sack->cumulative);
	struct sctp_ack ack = {.valid = cumulative < o->next};
	ack.stale = cumulative + 1 < o->first;
	if (!ack.valid || ack.stale)
		return ack;
	struct telling t = {.ack = &ack, .now = now, .min_round_trip = min_round_trip};
	acknowledge_cumulatively(o, queue, cumulative, &t);
	handle_gaps(o, sack, cumulative, &t);
	handle_duplicates(o, sack, &ack);
	if (o->first < o->next && at(o, o->first)->state == SCTP_SENT_ACKED)
		take_back_gap_blocks(o);
	conclude(o, &t);
	if (ack.spurious)
		o->doubts = 0;
	return ack;
}

/* ---- Loss ---- */

/* Whether a loss of what was sent in `packet` is news, and not of the flight that was already
 * reduced for. */
static bool begins_recovery(struct sctp_outstanding *o, uint64_t packet, uint64_t tsn)
{
	bool begins = packet >= o->recovery_packet;
	if (begins) {
		o->recovery_packet = o->packet + 1;
		o->doubts = 0;
		o->doubt_tsn = tsn;
	}
	if (tsn < o->doubt_tsn)
		o->doubt_tsn = tsn;
	o->doubts++;
	return begins;
}

struct sctp_loss sctp_outstanding_detect(
	struct sctp_outstanding *o, usec now, uint64_t packets, usec age)
{
	struct sctp_loss loss = {.deadline = USEC_NEVER};
	while (o->in_flight_count > 0) {
		uint64_t tsn = o->oldest;
		const struct sctp_sent *sent = at(o, tsn);
		if (sent->packet >= o->newest_acked)
			break;
		if (o->newest_acked - sent->packet < packets && now - sent->sent < age) {
			loss.deadline = sent->sent + age;
			break;
		}
		loss.bytes += sent->slice.size;
		o->rate.lost += sent->slice.size;
		loss.begins |= begins_recovery(o, sent->packet, tsn);
		at(o, tsn)->timed_out = false;
		mark_lost(o, tsn);
	}
	return loss;
}

void sctp_outstanding_lose_all(struct sctp_outstanding *o)
{
	while (o->in_flight_count > 0) {
		uint64_t tsn = o->oldest;
		at(o, tsn)->timed_out = true;
		mark_lost(o, tsn);
	}
	o->recovery_packet = o->packet + 1;
	o->doubts = 0;
}

/* Where it was: in the order of sending. `near`, which is in the list when anything is, was put
 * back just before: neighbours were mostly sent one after the other, so its place is not far. */
static void relink(struct sctp_outstanding *o, uint64_t near, uint64_t tsn)
{
	uint64_t packet = at(o, tsn)->packet;
	if (o->in_flight_count == 0 || at(o, o->oldest)->packet > packet) {
		link_after(o, tsn, tsn);
		return;
	}
	uint64_t before = near;
	while (at(o, before)->packet > packet)
		before = whole(o, at(o, before)->older);
	while (before != o->newest && at(o, whole(o, at(o, before)->newer))->packet <= packet)
		before = whole(o, at(o, before)->newer);
	link_after(o, before, tsn);
}

void sctp_outstanding_restore(struct sctp_outstanding *o)
{
	uint64_t near = o->oldest;
	for (uint64_t tsn = o->first; tsn < o->next; tsn++) {
		struct sctp_sent *sent = at(o, tsn);
		if (sent->state != SCTP_SENT_LOST || !sent->timed_out)
			continue;
		sent->timed_out = false;
		sent->state = SCTP_SENT_IN_FLIGHT;
		o->lost--;
		relink(o, near, tsn);
		near = tsn;
	}
}
