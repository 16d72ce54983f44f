/* Receiving DATA and SACK (RFC 9260 section 6.2), and FORWARD TSN (RFC 3758). */
#include "base/serial.h"
#include "sctp/internal.h"

/* Below this, the window is advertised as zero: no small pieces (section 6.2, "silly window"). */
#define WINDOW_WORTH_TELLING 1500

size_t sctp_receive_queued(const struct sctp_assoc *a)
{
	return a->reassembly.bytes + a->inbox.bytes;
}

static size_t queued_items(const struct sctp_assoc *a)
{
	return a->reassembly.items + a->inbox.messages;
}

/* What may be queued. Nobody can make room by reading when parts of messages fill the window. */
static size_t limit_of(const struct sctp_assoc *a)
{
	if (!a->interleaving || a->inbox.messages > 0)
		return a->window.size;
	return a->window.size + min_size(a->reassembly.bytes, SCTP_PARTS_MAX);
}

size_t sctp_receive_window(const struct sctp_assoc *a)
{
	size_t room = sctp_budget_window(a, sat_sub(limit_of(a), sctp_receive_queued(a)));
	if (room < WINDOW_WORTH_TELLING || queued_items(a) > SCTP_RECEIVE_ITEMS_MAX / 2)
		return 0;
	return room;
}

/* Whether all that is held waits for this one: to refuse it would block everything for good. It
 * does not go on for ever either: when it completes a message the application has to read first,
 * and one in parts grows to message_max. Interleaved messages, of which many may grow, have room of
 * their own. */
static bool is_awaited(const struct sctp_assoc *a, uint64_t tsn)
{
	return !a->interleaving && tsn == a->tracker.cumulative + 1 &&
	       tsn < sctp_tracker_highest(&a->tracker) && a->inbox.messages == 0;
}

/* Anything within the window, and a little more for what fills a gap. */
static bool is_within_window(const struct sctp_assoc *a, uint64_t tsn, size_t size)
{
	if (tsn > a->tracker.cumulative + SCTP_TSN_SPAN_MAX - 1)
		return false;
	if (queued_items(a) >= SCTP_RECEIVE_ITEMS_MAX)
		return false;
	size_t limit = limit_of(a);
	if (tsn < sctp_tracker_highest(&a->tracker))
		limit += SCTP_WINDOW_SLACK;
	return sctp_receive_queued(a) + size <= limit;
}

/* Whether there is room for it. Data that is refused is not acknowledged, so it comes again. */
static bool fits(struct sctp_assoc *a, usec now, uint64_t tsn, size_t size)
{
	return (is_within_window(a, tsn, size) || is_awaited(a, tsn)) &&
	       sctp_budget_accepts(a, now, size);
}

static bool tracker_has_room(const struct sctp_assoc *a, uint64_t tsn)
{
	return a->tracker.count < SCTP_GAP_BLOCKS_MAX || tsn == a->tracker.cumulative + 1 ||
	       sctp_tracker_has(&a->tracker, tsn - 1) || sctp_tracker_has(&a->tracker, tsn + 1);
}

/* An error of reassembly that is the peer's fault, or leaves no way on. */
static void fail(struct sctp_assoc *a, enum err err)
{
	const char *text = err == ERR_TOO_LARGE                   ? "message too large"
			   : err == ERR_LIMIT || err == ERR_NOMEM ? "out of memory"
								  : "fragments do not fit";
	sctp_assoc_abort(a, SCTP_CLOSE_PROTOCOL, SCTP_CAUSE_PROTOCOL, text);
}

/* Puts what was held into order, after the cumulative TSN has moved from `from`. */
static void release(struct sctp_assoc *a, uint64_t from)
{
	for (uint64_t tsn = from + 1; !a->interleaving && tsn <= a->tracker.cumulative; tsn++) {
		enum err err = sctp_reassembly_release(&a->reassembly, tsn);
		if (err) {
			fail(a, err);
			return;
		}
	}
	sctp_reset_on_received(a);
}

/* Stores the chunk and notes its TSN; ERR_NOMEM when it has to come again. */
static enum err store(struct sctp_assoc *a, uint64_t tsn, const struct sctp_data *data)
{
	uint64_t cumulative = a->tracker.cumulative;
	bool in_order = tsn == cumulative + 1;
	enum err err = ERR_OK;
	if (data->stream >= a->streams_in) {
		/* Section 6.5: acknowledged, reported, and not delivered. */
		uint8_t value[4] = {(uint8_t)(data->stream >> 8), (uint8_t)data->stream};
		sctp_reply_error(a, SCTP_CAUSE_INVALID_STREAM, bytes_of(value, sizeof value));
		if (in_order && a->reassembly.current)
			err = ERR_MALFORMED;
	} else if (a->interleaving) {
		err = sctp_interleave_receive(&a->reassembly, data);
	} else if (in_order) {
		err = sctp_reassembly_append(&a->reassembly, data);
	} else {
		err = sctp_reassembly_hold(&a->reassembly, cumulative, tsn, data);
	}
	if (err)
		return err;
	err = sctp_tracker_add(&a->tracker, tsn);
	if (err)
		return ERR_MALFORMED; /* out of memory in the middle: no way on */
	if (in_order)
		release(a, tsn);
	return ERR_OK;
}

/* RFC 8260 section 2.2.3: with I-DATA negotiated, "the receiver of the DATA chunk MUST abort the
 * association (...). The same applies if I-DATA support has not been negotiated for an association
 * and an I-DATA chunk is received." Section 2.3.1 says so of FORWARD-TSN and I-FORWARD-TSN. */
static bool fits_association(struct sctp_assoc *a, bool interleaving)
{
	if (a->interleaving == interleaving)
		return true;
	sctp_assoc_abort(a, SCTP_CLOSE_PROTOCOL, SCTP_CAUSE_PROTOCOL, "not the chunks agreed on");
	return false;
}

void sctp_receive_data(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	if (!fits_association(a, chunk.type == SCTP_I_DATA))
		return;
	struct sctp_data data;
	if (a->interleaving ? sctp_i_data_parse(chunk, &data) : sctp_data_parse(chunk, &data)) {
		a->stats.dropped_malformed++;
		return;
	}
	if (data.payload.size == 0) {
		sctp_assoc_abort(a, SCTP_CLOSE_PROTOCOL, SCTP_CAUSE_NO_USER_DATA, "");
		return;
	}
	uint64_t tsn = serial32_unwrap(a->tracker.cumulative, data.tsn);
	a->packet_has_data = true;
	a->stats.interleaved_in += a->interleaving;
	/* RFC 9260 section 5.1: "After the reception of the first DATA chunk in an association, the
	 * endpoint MUST immediately respond with a SACK chunk". */
	if ((data.flags & SCTP_DATA_IMMEDIATE) || data.tsn == a->peer_tsn)
		a->sack_now = true;
	if (sctp_tracker_has(&a->tracker, tsn)) {
		a->stats.duplicate_tsns++;
		sctp_tracker_note_duplicate(&a->tracker, tsn);
		a->sack_now = true;
		return;
	}
	if (!tracker_has_room(a, tsn) || !fits(a, now, tsn, data.payload.size)) {
		a->sack_now = true;
		if (a->reassembly.bytes > SCTP_PARTS_MAX + a->window.size / 2)
			sctp_assoc_abort(a, SCTP_CLOSE_PROTOCOL, SCTP_CAUSE_OUT_OF_RESOURCE,
				"too many messages at once");
		return;
	}
	size_t messages = a->inbox.messages;
	enum err err = store(a, tsn, &data);
	if (err == ERR_NOMEM)
		return;
	if (err) {
		fail(a, err);
		return;
	}
	a->stats.messages_in += a->inbox.messages - messages;
	if (a->tracker.count > 0)
		a->sack_now = true;
}

/* The messages that a FORWARD-TSN or I-FORWARD-TSN names, by stream. */
static enum err skip_messages(struct sctp_assoc *a, struct reader r)
{
	enum err err = ERR_OK;
	while (!err && r.rest.size >= (a->interleaving ? 8 : 4)) {
		uint16_t stream = read_u16(&r), ssn_or_flags = read_u16(&r);
		uint32_t mid = a->interleaving ? read_u32(&r) : 0;
		if (stream >= a->streams_in)
			continue;
		if (a->interleaving)
			err = sctp_interleave_skip(
				&a->reassembly, stream, ssn_or_flags & SCTP_SKIP_UNORDERED, mid);
		else
			err = sctp_reassembly_skip_messages(&a->reassembly, stream, ssn_or_flags);
	}
	return err;
}

void sctp_receive_forward_tsn(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	(void)now;
	if (!fits_association(a, chunk.type == SCTP_I_FORWARD_TSN))
		return;
	struct reader r = reader_of(chunk.value);
	uint64_t tsn = serial32_unwrap(a->tracker.cumulative, read_u32(&r));
	if (r.failed) {
		a->stats.dropped_malformed++;
		return;
	}
	a->packet_has_data = true;
	a->sack_now = true;
	if (tsn <= a->tracker.cumulative)
		return;
	size_t messages = a->inbox.messages;
	if (!a->interleaving)
		sctp_reassembly_skip(&a->reassembly, a->tracker.cumulative, tsn);
	sctp_tracker_forward(&a->tracker, tsn);
	enum err err = skip_messages(a, r);
	if (err) {
		fail(a, err);
		return;
	}
	release(a, tsn);
	if (!a->ended)
		a->stats.messages_in += a->inbox.messages - messages;
}

/* Who only receives measures no round trip: a HEARTBEAT does, once there is something to adapt. */
static void adapt_window(struct sctp_assoc *a, usec now)
{
	if (!sctp_window_can_grow(&a->window) || !sctp_budget_is_ample(a))
		return;
	if (a->rto.srtt > 0)
		sctp_window_update(&a->window, now, a->rto.srtt);
	else if (a->window.taken > SCTP_WINDOW_SLACK)
		sctp_heartbeat_request(a);
}

void sctp_receive_end_packet(struct sctp_assoc *a, usec now)
{
	if (!a->packet_has_data || a->ended)
		return;
	a->packet_has_data = false;
	a->unacknowledged++;
	adapt_window(a, now);
	sctp_budget_watch(a, now);
	/* Section 9.2: in SHUTDOWN-SENT every packet with DATA is answered with SACK and SHUTDOWN.
	 */
	if (a->state == SCTP_SHUTDOWN_SENT) {
		a->sack_now = true;
		a->pending |= SCTP_PENDING_SHUTDOWN;
	}
	if (a->sack_now || a->unacknowledged >= SCTP_SACK_PACKETS) {
		a->pending |= SCTP_PENDING_SACK;
		sctp_timer_stop(a, SCTP_TIMER_SACK);
	} else if (!sctp_timer_is_set(a, SCTP_TIMER_SACK)) {
		sctp_timer_set(a, SCTP_TIMER_SACK, now + SCTP_SACK_DELAY);
	}
}

void sctp_receive_on_sack_timer(struct sctp_assoc *a, usec now)
{
	(void)now;
	a->pending |= SCTP_PENDING_SACK;
}

/* While data flows its SACKs tell the window. An own one is worth it when the peer may be waiting:
 * the window has grown by half of its whole size since it was last told. */
void sctp_receive_update_window(struct sctp_assoc *a)
{
	if (!sctp_assoc_can_receive_data(a))
		return;
	if (sctp_receive_window(a) >= a->advertised + a->window.size / 2)
		a->pending |= SCTP_PENDING_SACK;
}

void sctp_receive_write_sack(struct sctp_assoc *a, struct writer *w)
{
	const struct sctp_tracker *t = &a->tracker;
	size_t place = sctp_chunk_begin(w, SCTP_SACK, 0);
	size_t room = (w->capacity - w->size) / 4;
	CHECK(room >= 3);
	size_t blocks = min_size(t->count, room - 3);
	size_t duplicates = min_size(t->duplicate_count, room - 3 - blocks);
	a->advertised = sctp_receive_window(a);
	write_u32(w, (uint32_t)t->cumulative);
	write_u32(w, (uint32_t)a->advertised);
	write_u16(w, (uint16_t)blocks);
	write_u16(w, (uint16_t)duplicates);
	/* SCTP_TSN_SPAN_MAX keeps the offsets within 16 bits. */
	for (size_t i = 0; i < blocks; i++) {
		write_u16(w, (uint16_t)(t->runs[i].start - t->cumulative));
		write_u16(w, (uint16_t)(t->runs[i].end - t->cumulative));
	}
	for (size_t i = 0; i < duplicates; i++)
		write_u32(w, t->duplicates[i]);
	sctp_chunk_end(w, place);
	a->tracker.duplicate_count = 0;
	a->unacknowledged = 0;
	a->sack_now = false;
	sctp_timer_stop(a, SCTP_TIMER_SACK);
}

/* The reduction, if there was one, was for nothing. */
static void take_back_loss(struct sctp_assoc *a, usec now)
{
	a->stats.spurious_losses++;
	sctp_rack_on_spurious(&a->rack);
	sctp_congestion_on_spurious(&a->congestion, now);
	if (a->outstanding.lost > 0)
		sctp_outstanding_restore(&a->outstanding);
}

/* What is sent again is not measured (RFC 9260 section 6.3.1 C5), but how soon it is answered says
 * how fast it may go on: by a round trip of when something stood still, hundreds of lost chunks
 * would leave one in a second. */
static usec paced_round_trip(const struct sctp_assoc *a, const struct sctp_ack *ack)
{
	return ack->answer_to_resent > 0 ? usec_min(a->rto.srtt, ack->answer_to_resent)
					 : a->rto.srtt;
}

static void adapt(struct sctp_assoc *a, usec now, const struct sctp_ack *ack, size_t in_flight)
{
	if (ack->round_trip > 0)
		sctp_rto_measure(&a->rto, now, ack->round_trip);
	if (ack->reordered)
		sctp_rack_on_reordering(&a->rack);
	if (ack->spurious)
		take_back_loss(a, now);
	/* Of what was given up the SACK says nothing but that the peer has gone on: an answer. */
	if (ack->bytes > 0 || ack->advanced) {
		a->last_activity = now;
		a->probing = a->one_packet = a->excused = false;
		sctp_rto_recover(&a->rto);
	}
	if (ack->bytes == 0)
		return;
	struct sctp_loss loss = sctp_transmit_find_lost(a, now);
	sctp_congestion_on_ack(
		&a->congestion, &(struct sctp_congestion_ack){
					.now = now,
					.acked = ack->bytes,
					.lost = loss.bytes,
					.in_flight_before = in_flight,
					.in_flight = a->outstanding.in_flight,
					.recovering = ack->recovering,
					.round_trip = ack->round_trip,
					.round_trip_smoothed = paced_round_trip(a, ack),
					.rate = ack->rate,
				});
	sctp_transmit_on_loss(a, now, &loss);
}

static void handle_ack(
	struct sctp_assoc *a, usec now, const struct sctp_sack *sack, bool tells_window)
{
	size_t in_flight = a->outstanding.in_flight;
	struct sctp_ack ack =
		sctp_outstanding_ack(&a->outstanding, &a->queue, now, sack, a->rto.min);
	if (!ack.valid) {
		sctp_assoc_abort(a, SCTP_CLOSE_PROTOCOL, SCTP_CAUSE_PROTOCOL,
			"acknowledges what was not sent");
		return;
	}
	if (ack.stale)
		return;
	a->stats.bytes_acked += ack.bytes;
	sctp_transmit_learn_from_answers(a, now);
	if (tells_window)
		a->peer_window = sack->window;
	adapt(a, now, &ack, in_flight);
	/* RFC 9260 section 8.1: "The counter used for endpoint failure detection MUST be reset each
	 * time a DATA chunk sent to that peer endpoint is acknowledged", beyond a gap as well.
	 * Section 6.1: a peer that answers with a closed window is alive. */
	bool progress = ack.bytes > 0 || ack.advanced;
	if (progress || a->peer_window < a->congestion.mtu)
		a->error_count = 0;
	sctp_transmit_set_timers(a, now, progress);
	sctp_partial_on_ack(a, now);
	if (ack.advanced) {
		sctp_pmtu_note_progress(a, now);
		sctp_reset_advance(a);
		sctp_shutdown_advance(a);
	}
}

void sctp_receive_sack(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	struct sctp_sack sack;
	if (sctp_sack_parse(chunk, &sack)) {
		a->stats.dropped_malformed++;
		return;
	}
	handle_ack(a, now, &sack, true);
}

void sctp_receive_cumulative(struct sctp_assoc *a, usec now, uint32_t cumulative)
{
	struct sctp_sack sack = {.cumulative = cumulative};
	handle_ack(a, now, &sack, false);
}
