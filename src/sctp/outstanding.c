#include "sctp/outstanding.h"

#include <stdlib.h>

#include "base/serial.h"

#define CAPACITY_MIN 16

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

/* A ring that grew for a burst is given back when it has run empty. */
static void shrink(struct sctp_outstanding *o)
{
	if (count(o) == 0 && o->capacity > CAPACITY_MIN) {
		free(o->ring);
		o->ring = NULL;
		o->capacity = 0;
	}
}

uint64_t sctp_outstanding_add(struct sctp_outstanding *o, usec now, const struct sctp_slice *slice)
{
	CHECK(count(o) < o->capacity);
	uint64_t tsn = o->next++;
	*at(o, tsn) = (struct sctp_sent){.slice = *slice, .edge = o->next};
	o->in_flight += slice->size;
	if (o->probe_tsn == 0) {
		o->probe_tsn = tsn;
		o->probe_sent = now;
	}
	return tsn;
}

static void mark_lost(struct sctp_outstanding *o, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	CHECK(sent->state == SCTP_SENT_IN_FLIGHT);
	sent->state = SCTP_SENT_LOST;
	sent->misses = 0;
	o->in_flight -= sent->slice.size;
	if (o->lost++ == 0 || tsn < o->lost_first)
		o->lost_first = tsn;
	if (o->probe_tsn == tsn)
		o->probe_tsn = 0;
}

uint64_t sctp_outstanding_add_abandoned(struct sctp_outstanding *o, const struct sctp_slice *slice)
{
	CHECK(count(o) < o->capacity);
	uint64_t tsn = o->next++;
	*at(o, tsn) = (struct sctp_sent){
		.slice = *slice, .edge = o->next, .state = SCTP_SENT_ABANDONED, .run = 1};
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

void sctp_outstanding_resend(struct sctp_outstanding *o, uint64_t tsn)
{
	struct sctp_sent *sent = at(o, tsn);
	CHECK(sent->state == SCTP_SENT_LOST);
	sent->state = SCTP_SENT_IN_FLIGHT;
	sent->resent = true;
	sent->edge = o->next;
	o->in_flight += sent->slice.size;
	o->lost--;
}

/* Notes that a chunk was acknowledged, and its round trip if it is the one being measured. */
static void acknowledge(struct sctp_outstanding *o, uint64_t tsn, struct sctp_sent *sent, usec now,
	struct sctp_ack *ack)
{
	ack->bytes += sent->slice.size;
	if (sent->state == SCTP_SENT_IN_FLIGHT)
		o->in_flight -= sent->slice.size;
	else
		o->lost--;
	sent->state = SCTP_SENT_ACKED;
	if (tsn == o->probe_tsn) {
		ack->round_trip = usec_max(now - o->probe_sent, 1);
		o->probe_tsn = 0;
	}
}

static void acknowledge_cumulatively(struct sctp_outstanding *o, struct sctp_queue *queue, usec now,
	uint64_t cumulative, struct sctp_ack *ack)
{
	ack->advanced = cumulative >= o->first;
	for (; o->first <= cumulative; o->first++) {
		struct sctp_sent *sent = at(o, o->first);
		if (sent->state != SCTP_SENT_ACKED && sent->state != SCTP_SENT_ABANDONED)
			acknowledge(o, o->first, sent, now, ack);
		sctp_queue_finish(queue, &sent->slice);
	}
}

/* Acknowledges a block; returns the highest TSN in it that had not been so before, or 0. */
static uint64_t acknowledge_block(
	struct sctp_outstanding *o, uint64_t start, uint64_t end, usec now, struct sctp_ack *ack)
{
	uint64_t highest = 0;
	uint64_t tsn = start;
	while (tsn <= end) {
		struct sctp_sent *sent = at(o, tsn);
		if (sent->state == SCTP_SENT_ACKED || sent->state == SCTP_SENT_ABANDONED) {
			tsn += sent->run;
			continue;
		}
		acknowledge(o, tsn, sent, now, ack);
		sent->run = 1;
		highest = tsn++;
	}
	/* `tsn` is one past the run; only its first member has to know. */
	at(o, start)->run = (uint32_t)(tsn - start);
	return highest;
}

/* Everything in [from, to) that is in flight was overtaken by what was sent up to `judge`. */
static bool count_misses(struct sctp_outstanding *o, uint64_t from, uint64_t to, uint64_t judge)
{
	bool lost = false;
	for (uint64_t tsn = from; tsn < to && tsn < judge; tsn++) {
		struct sctp_sent *sent = at(o, tsn);
		if (sent->state != SCTP_SENT_IN_FLIGHT || sent->edge > judge)
			continue;
		if (++sent->misses >= SCTP_MISSES_TO_RETRANSMIT) {
			mark_lost(o, tsn);
			lost = true;
		}
	}
	return lost;
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

/* RFC 9260 section 6.2.1: the receiver may take a gap block back. Then its first TSN is the one
 * that blocks the cumulative one; nothing that was told of gaps holds any more. */
static void take_back_gap_blocks(struct sctp_outstanding *o)
{
	for (uint64_t tsn = o->first; tsn < o->next; tsn++) {
		struct sctp_sent *sent = at(o, tsn);
		if (sent->state != SCTP_SENT_ACKED)
			continue;
		sent->state = SCTP_SENT_IN_FLIGHT;
		sent->resent = true;
		o->in_flight += sent->slice.size;
		mark_lost(o, tsn);
	}
}

static void handle_gaps(struct sctp_outstanding *o, usec now, const struct sctp_sack *sack,
	uint64_t cumulative, struct sctp_ack *ack)
{
	uint64_t highest_new = 0, start, end;
	struct blocks blocks = blocks_of(o, sack, cumulative);
	while (next_block(&blocks, &start, &end)) {
		uint64_t highest = acknowledge_block(o, start, end, now, ack);
		if (highest > 0)
			highest_new = highest;
	}
	/* RFC 9260 section 7.2.4: only TSNs below the highest newly acknowledged one are judged
	 * missing, in fast recovery all below the highest reported one when the cumulative TSN
	 * moved. */
	uint64_t judge = o->recovering && ack->advanced ? blocks.end : highest_new;
	bool lost = false;
	uint64_t from = o->first;
	blocks = blocks_of(o, sack, cumulative);
	while (judge > 0 && next_block(&blocks, &start, &end)) {
		lost |= count_misses(o, from, start, judge);
		from = end + 1;
	}
	if (lost && !o->recovering) {
		o->recovering = true;
		o->recovery_exit = o->next - 1;
		ack->loss = true;
	}
}

struct sctp_ack sctp_outstanding_ack(struct sctp_outstanding *o, struct sctp_queue *queue, usec now,
	const struct sctp_sack *sack)
{
	uint64_t cumulative = serial32_unwrap(o->first - 1, sack->cumulative);
	struct sctp_ack ack = {.valid = cumulative < o->next};
	ack.stale = cumulative + 1 < o->first;
	ack.recovering = o->recovering;
	if (!ack.valid || ack.stale)
		return ack;
	acknowledge_cumulatively(o, queue, now, cumulative, &ack);
	if (o->recovering && cumulative >= o->recovery_exit)
		o->recovering = false;
	handle_gaps(o, now, sack, cumulative, &ack);
	if (o->first < o->next && at(o, o->first)->state == SCTP_SENT_ACKED)
		take_back_gap_blocks(o);
	shrink(o);
	return ack;
}

void sctp_outstanding_lose_all(struct sctp_outstanding *o)
{
	for (uint64_t tsn = o->first; tsn < o->next; tsn++)
		if (at(o, tsn)->state == SCTP_SENT_IN_FLIGHT)
			mark_lost(o, tsn);
	o->recovering = false;
	o->probe_tsn = 0;
}
