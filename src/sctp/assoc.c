/* The association: its life, the way of a packet to the procedures (RFC 9260 section 8.5: which tag
 * it must carry), its timers and what the caller asks of it. */
#include <stdlib.h>

#include "sctp/internal.h"

static size_t or_default(size_t value, size_t fallback)
{
	return value ? value : fallback;
}

static struct sctp_config complete(const struct sctp_config *config)
{
	struct sctp_config c = *config;
	c.packet_max = or_default(c.packet_max, SCTP_PACKET_MAX_DEFAULT);
	c.packet_max = min_size(max_size(c.packet_max, SCTP_PACKET_MAX_MIN), SCTP_PACKET_MAX_MAX);
	/* Packets are whole words. */
	c.packet_max &= ~(size_t)3;
	c.packet_limit = min_size(c.packet_limit, SCTP_PACKET_MAX_MAX) & ~(size_t)3;
	c.message_max = or_default(c.message_max, SCTP_MESSAGE_MAX_DEFAULT);
	c.receive_window = or_default(c.receive_window, SCTP_RECEIVE_WINDOW_DEFAULT);
	/* A message in progress must never be what keeps the window closed. */
	c.receive_window = max_size(c.receive_window,
		max_size(SCTP_RECEIVE_WINDOW_MIN, c.message_max + SCTP_WINDOW_SLACK));
	c.receive_window = min_size(c.receive_window, UINT32_MAX);
	c.send_queue_max = or_default(c.send_queue_max, SCTP_SEND_QUEUE_MAX_DEFAULT);
	c.streams = c.streams ? c.streams : SCTP_STREAMS_DEFAULT;
	return c;
}

enum err sctp_create(const struct sctp_config *config, usec now, struct sctp_assoc **ret_assoc)
{
	CHECK(config->rng != NULL);
	struct sctp_assoc *a = calloc(1, sizeof *a);
	if (!a)
		return ERR_NOMEM;
	a->config = complete(config);
	a->created = a->last_activity = now;
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		a->timers[i] = USEC_NEVER;
	sctp_connect_init(a);
	sctp_queue_init(&a->queue);
	sctp_outstanding_init(&a->outstanding, (UINT64_C(1) << 32) + a->local_tsn);
	sctp_congestion_init(&a->congestion, a->config.congestion, a->config.packet_max);
	sctp_pmtu_init(&a->pmtu, a->config.packet_max, a->config.packet_limit);
	sctp_rto_init(&a->rto);
	sctp_reassembly_init(&a->reassembly, &a->inbox, a->config.message_max, a->config.rng);
	sctp_reset_init(a);
	sctp_window_init(&a->window, a->config.receive_window,
		config->receive_window ? 0 : SCTP_RECEIVE_WINDOW_MAX);
	a->advertised = a->config.receive_window;
	*ret_assoc = a;
	return ERR_OK;
}

/* Everything that is not about the last packet and the last events. */
static void release(struct sctp_assoc *a)
{
	sctp_outstanding_deinit(&a->outstanding, &a->queue);
	sctp_queue_deinit(&a->queue);
	sctp_reassembly_deinit(&a->reassembly);
	sctp_tracker_deinit(&a->tracker);
	sctp_reset_deinit(a);
	buffer_deinit(&a->replies);
	free(a->peer_cookie);
	a->peer_cookie = NULL;
	a->peer_cookie_size = 0;
	sctp_budget_settle(a);
}

void sctp_destroy(struct sctp_assoc *a)
{
	if (!a)
		return;
	release(a);
	sctp_budget_leave(a);
	buffer_deinit(&a->solo);
	sctp_inbox_deinit(&a->inbox);
	free(a);
}

void sctp_assoc_set_state(struct sctp_assoc *a, enum sctp_state state)
{
	CHECK(!a->ended);
	a->state = state;
}

void sctp_assoc_end(struct sctp_assoc *a, enum sctp_close_reason reason)
{
	if (a->ended)
		return;
	sctp_assoc_set_state(a, SCTP_CLOSED);
	a->ended = true;
	a->closed_event = true;
	a->close_reason = reason;
	a->pending = 0;
	a->send_refused = 0;
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		a->timers[i] = USEC_NEVER;
	release(a);
}

void sctp_assoc_abort(struct sctp_assoc *a, enum sctp_close_reason reason, enum sctp_cause cause,
	const char *text)
{
	if (a->ended)
		return;
	uint8_t data[SCTP_ABORT_TEXT_MAX + 16];
	struct writer w = writer_of(data, sizeof data);
	size_t chunk = sctp_chunk_begin(&w, SCTP_ABORT, 0);
	size_t place = sctp_parameter_begin(&w, (uint16_t)cause);
	write_bytes(&w, bytes_slice(bytes_of_text(text), 0, SCTP_ABORT_TEXT_MAX));
	sctp_parameter_end(&w, place);
	sctp_chunk_end(&w, chunk);
	CHECK(!w.failed);
	if (a->peer_tag != 0)
		sctp_reply_solo(a, a->peer_tag, writer_bytes(&w));
	sctp_assoc_end(a, reason);
}

void sctp_abort(struct sctp_assoc *a, usec now)
{
	(void)now;
	sctp_assoc_abort(a, SCTP_CLOSE_ABORTED, SCTP_CAUSE_USER_ABORT, "");
}

bool sctp_assoc_count_error(struct sctp_assoc *a)
{
	if (++a->error_count <= SCTP_ASSOCIATION_MAX_RETRANS)
		return true;
	sctp_assoc_end(a, SCTP_CLOSE_UNREACHABLE);
	return false;
}

bool sctp_assoc_can_receive_data(const struct sctp_assoc *a)
{
	return a->state == SCTP_ESTABLISHED || a->state == SCTP_SHUTDOWN_PENDING ||
	       a->state == SCTP_SHUTDOWN_SENT;
}

/* RFC 9260 sections 8.4 and 8.5: the first chunk decides which tag is right. */
static bool tag_is_right(const struct sctp_assoc *a, uint32_t tag, struct sctp_chunk first)
{
	switch (first.type) {
	case SCTP_INIT:
		return tag == 0;
	case SCTP_COOKIE_ECHO:
		return tag != 0; /* the cookie knows */
	case SCTP_ABORT:
	case SCTP_SHUTDOWN_COMPLETE:
		if (first.flags & SCTP_TAG_REFLECTED)
			return tag != 0 && tag == a->peer_tag;
		return tag == a->local_tag;
	default:
		return tag == a->local_tag;
	}
}

/* RFC 9260 section 8.4: what comes for an association that is over. The peer may have missed our
 * last packet, so it is told again. */
static void receive_after_end(struct sctp_assoc *a, uint32_t tag, struct sctp_chunk first)
{
	switch (first.type) {
	case SCTP_ABORT:
	case SCTP_SHUTDOWN_COMPLETE:
	case SCTP_COOKIE_ACK:
	case SCTP_ERROR:
		return;
	case SCTP_SHUTDOWN_ACK:
		sctp_reply_solo_empty(a, tag, SCTP_SHUTDOWN_COMPLETE, SCTP_TAG_REFLECTED);
		return;
	default:
		if (a->solo.size == 0)
			sctp_reply_solo_empty(a, tag, SCTP_ABORT, SCTP_TAG_REFLECTED);
	}
}

static void receive_abort(struct sctp_assoc *a)
{
	if (a->state != SCTP_CLOSED)
		sctp_assoc_end(a, SCTP_CLOSE_PEER_ABORTED);
}

static void receive_error(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	struct reader r = reader_of(chunk.value);
	struct sctp_parameter cause;
	while (sctp_parameter_next(&r, &cause))
		if (cause.type == SCTP_CAUSE_STALE_COOKIE)
			sctp_connect_receive_stale_cookie(a, now);
	if (r.failed)
		a->stats.dropped_malformed++;
}

/* RFC 9260 section 3.2. */
static bool receive_unknown(struct sctp_assoc *a, struct sctp_chunk chunk)
{
	if (chunk.type & SCTP_CHUNK_UNKNOWN_REPORT)
		sctp_reply_error(a, SCTP_CAUSE_UNRECOGNISED_CHUNK, chunk.whole);
	return chunk.type & SCTP_CHUNK_UNKNOWN_GO_ON;
}

/* A chunk of an established association; false when the rest of the packet is not to be read. */
static bool receive_open(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	switch (chunk.type) {
	case SCTP_DATA:
	case SCTP_I_DATA:
		if (sctp_assoc_can_receive_data(a))
			sctp_receive_data(a, now, chunk);
		return true;
	case SCTP_SACK:
		sctp_receive_sack(a, now, chunk);
		return true;
	case SCTP_FORWARD_TSN:
	case SCTP_I_FORWARD_TSN:
		if (a->config.no_partial_reliability)
			return receive_unknown(a, chunk);
		if (sctp_assoc_can_receive_data(a))
			sctp_receive_forward_tsn(a, now, chunk);
		return true;
	case SCTP_HEARTBEAT:
		sctp_heartbeat_receive(a, chunk);
		return true;
	case SCTP_HEARTBEAT_ACK:
		sctp_heartbeat_receive_ack(a, now, chunk);
		return true;
	case SCTP_PAD:
		return true; /* RFC 4820 section 3: "MUST discard this chunk and continue" */
	case SCTP_RE_CONFIG:
		sctp_reset_receive(a, now, chunk);
		return true;
	case SCTP_SHUTDOWN:
		sctp_shutdown_receive(a, now, chunk);
		return true;
	default:
		return receive_unknown(a, chunk);
	}
}

static bool receive_chunk(struct sctp_assoc *a, usec now, uint32_t tag, struct sctp_chunk chunk)
{
	switch (chunk.type) {
	case SCTP_INIT:
	case SCTP_INIT_ACK:
	case SCTP_SHUTDOWN_COMPLETE:
		/* Section 6.10: never bundled, see receive_alone(). */
		a->stats.dropped_malformed++;
		return false;
	case SCTP_COOKIE_ECHO:
		return sctp_connect_receive_cookie_echo(a, now, tag, chunk);
	case SCTP_COOKIE_ACK:
		sctp_connect_receive_cookie_ack(a, now);
		return true;
	case SCTP_ABORT:
		receive_abort(a);
		return false;
	case SCTP_ERROR:
		receive_error(a, now, chunk);
		return true;
	case SCTP_SHUTDOWN_ACK:
		/* Section 8.5.1 E: of an association before this one. */
		if (!sctp_assoc_is_open(a))
			sctp_reply_solo_empty(a, tag, SCTP_SHUTDOWN_COMPLETE, SCTP_TAG_REFLECTED);
		else
			sctp_shutdown_receive_ack(a);
		return true;
	default:
		return sctp_assoc_is_open(a) && receive_open(a, now, chunk);
	}
}

/* The chunks that come alone in their packet; false when it is none of them. */
static bool receive_alone(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	switch (chunk.type) {
	case SCTP_INIT:
		sctp_connect_receive_init(a, now, chunk);
		return true;
	case SCTP_INIT_ACK:
		sctp_connect_receive_init_ack(a, now, chunk);
		return true;
	case SCTP_SHUTDOWN_COMPLETE:
		sctp_shutdown_receive_complete(a);
		return true;
	default:
		return false;
	}
}

static void receive_chunks(
	struct sctp_assoc *a, usec now, const struct sctp_header *header, struct reader chunks)
{
	struct sctp_chunk chunk;
	if (!sctp_chunk_next(&chunks, &chunk)) {
		a->stats.dropped_malformed++;
		return;
	}
	if (a->ended) {
		receive_after_end(a, header->tag, chunk);
		return;
	}
	if (!tag_is_right(a, header->tag, chunk)) {
		a->stats.dropped_tag++;
		return;
	}
	if (chunks.rest.size == 0 && receive_alone(a, now, chunk))
		return;
	do {
		if (!receive_chunk(a, now, header->tag, chunk))
			break;
	} while (!a->ended && sctp_chunk_next(&chunks, &chunk));
	if (chunks.failed)
		a->stats.dropped_malformed++;
	sctp_receive_end_packet(a, now);
	sctp_budget_settle(a);
}

void sctp_receive(struct sctp_assoc *a, usec now, struct bytes packet)
{
	struct sctp_header header;
	struct reader chunks;
	a->stats.packets_in++;
	a->stats.bytes_in += packet.size;
	/* RFC 9653 section 5.3: "If an endpoint has sent the Zero Checksum Acceptable Chunk
	 * Parameter (...), it MUST accept SCTP packets that have an incorrect checksum value of
	 * zero (...). Otherwise, the endpoint MUST drop all SCTP packets with an incorrect CRC32c
	 * checksum." */
	enum err err = sctp_packet_open(packet, a->told_zero_checksum, &header, &chunks);
	if (err == ERR_MISMATCH) {
		a->stats.dropped_checksum++;
	} else if (err || header.source != a->config.remote_port ||
		   header.destination != a->config.local_port) {
		a->stats.dropped_malformed++;
	} else {
		receive_chunks(a, now, &header, chunks);
	}
}

usec sctp_deadline(const struct sctp_assoc *a)
{
	usec deadline = USEC_NEVER;
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		deadline = usec_min(deadline, a->timers[i]);
	return deadline;
}

/* Once they are put off, not again before they expire or something is acknowledged. */
static void excuse_lateness(struct sctp_assoc *a, usec now)
{
	static const enum sctp_timer timers[] = {
		SCTP_TIMER_RETRANSMIT, SCTP_TIMER_LOSS, SCTP_TIMER_PROBE};
	usec due = USEC_NEVER;
	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
		due = usec_min(due, a->timers[timers[i]]);
	if (due > now)
		return;
	a->excused = !a->excused && now - due >= SCTP_TIMER_LATE;
	for (size_t i = 0; a->excused && i < sizeof timers / sizeof *timers; i++)
		if (a->timers[timers[i]] <= now)
			sctp_timer_set(a, timers[i], now + SCTP_TIMER_GRANULARITY);
}

void sctp_advance(struct sctp_assoc *a, usec now)
{
	static void (*const handlers[SCTP_TIMER_COUNT])(struct sctp_assoc *, usec) = {
		[SCTP_TIMER_CONNECT] = sctp_connect_on_timer,
		[SCTP_TIMER_SHUTDOWN] = sctp_shutdown_on_timer,
		[SCTP_TIMER_RETRANSMIT] = sctp_transmit_on_timer,
		[SCTP_TIMER_GUARD] = sctp_shutdown_on_guard,
		[SCTP_TIMER_SACK] = sctp_receive_on_sack_timer,
		[SCTP_TIMER_HEARTBEAT] = sctp_heartbeat_on_timer,
		[SCTP_TIMER_RESET] = sctp_reset_on_timer,
		[SCTP_TIMER_PMTU] = sctp_pmtu_on_timer,
		[SCTP_TIMER_LOSS] = sctp_transmit_on_loss_timer,
		[SCTP_TIMER_PROBE] = sctp_transmit_on_probe_timer,
		[SCTP_TIMER_PACE] = sctp_transmit_on_pace_timer,
		[SCTP_TIMER_BUDGET] = sctp_budget_on_timer,
	};
	excuse_lateness(a, now);
	for (size_t i = 0; i < SCTP_TIMER_COUNT; i++)
		if (a->timers[i] <= now) {
			a->timers[i] = USEC_NEVER;
			handlers[i](a, now);
		}
	sctp_budget_settle(a);
}

/* Room for what was refused, and enough of it that the caller is not woken for every packet. */
static bool is_sendable_again(const struct sctp_assoc *a)
{
	size_t limit = min_size(
		a->config.send_queue_max / 2, sat_sub(a->config.send_queue_max, a->send_refused));
	return a->send_refused > 0 && a->queue.bytes <= limit &&
	       sctp_budget_accepts_sending(a, a->send_refused);
}

bool sctp_next_event(struct sctp_assoc *a, struct sctp_event *ret_event)
{
	if (a->connected_event) {
		a->connected_event = false;
		*ret_event = (struct sctp_event){.type = SCTP_EVENT_CONNECTED};
		return true;
	}
	bool popped = sctp_inbox_pop(&a->inbox, ret_event);
	sctp_budget_settle(a);
	if (popped) {
		if (ret_event->type == SCTP_EVENT_MESSAGE) {
			sctp_window_take(&a->window, ret_event->message.data.size);
			sctp_receive_update_window(a);
		}
		return true;
	}
	if (is_sendable_again(a)) {
		a->send_refused = 0;
		*ret_event = (struct sctp_event){.type = SCTP_EVENT_SENDABLE};
		return true;
	}
	if (a->closed_event) {
		a->closed_event = false;
		*ret_event =
			(struct sctp_event){.type = SCTP_EVENT_CLOSED, .reason = a->close_reason};
		return true;
	}
	return false;
}

enum err sctp_send(struct sctp_assoc *a, usec now, const struct sctp_message *message)
{
	if (message->data.size == 0)
		return ERR_MALFORMED;
	if (a->ended || a->shutdown_wanted || a->state >= SCTP_SHUTDOWN_PENDING)
		return ERR_STATE;
	if (message->stream >= a->streams_out)
		return ERR_NOT_FOUND;
	if (message->data.size > a->config.send_queue_max || message->data.size > UINT32_MAX)
		return ERR_TOO_LARGE;
	const struct sctp_out_stream *stream =
		sctp_stream_table_get(&a->queue.streams, message->stream);
	if (stream && stream->state != SCTP_OUT_OPEN)
		return ERR_STATE;
	size_t room = sat_sub(a->config.send_queue_max, a->queue.bytes);
	bool fits =
		message->data.size <= room && sctp_budget_accepts_sending(a, message->data.size);
	if (!fits && !message->control) {
		a->send_refused = message->data.size;
		return ERR_AGAIN;
	}
	enum err err = sctp_queue_push(&a->queue, now, message);
	sctp_budget_settle(a);
	return err;
}

enum err sctp_set_priority(struct sctp_assoc *a, uint16_t id, uint16_t priority)
{
	struct sctp_out_stream *stream = sctp_queue_stream(&a->queue, id);
	if (!stream)
		return ERR_NOMEM;
	stream->weight = priority ? priority : SCTP_PRIORITY_NORMAL;
	return ERR_OK;
}

uint16_t sctp_streams(const struct sctp_assoc *a)
{
	return a->streams_out;
}

size_t sctp_stream_buffered(const struct sctp_assoc *a, uint16_t id)
{
	const struct sctp_out_stream *stream = sctp_stream_table_get(&a->queue.streams, id);
	return stream ? stream->buffered : 0;
}

enum sctp_state sctp_state(const struct sctp_assoc *a)
{
	return a->state;
}

const struct sctp_stats *sctp_stats(struct sctp_assoc *a)
{
	a->stats.packet_size = a->pmtu.size;
	a->stats.interleaving = a->interleaving;
	a->stats.cwnd = a->congestion.cwnd;
	a->stats.peer_window = a->peer_window;
	a->stats.in_flight = a->outstanding.in_flight;
	a->stats.send_queue_bytes = a->queue.bytes;
	a->stats.receive_queue_bytes = sctp_receive_queued(a);
	a->stats.dropped_late = a->reassembly.dropped_late;
	a->stats.srtt = a->rto.srtt;
	a->stats.rttvar = a->rto.rttvar;
	a->stats.rtt_min = a->rto.min;
	a->stats.rto = sctp_rto_current(&a->rto);
	return &a->stats;
}

const char *sctp_state_name(enum sctp_state state)
{
	static const char *const names[] = {
		[SCTP_CLOSED] = "closed",
		[SCTP_COOKIE_WAIT] = "cookie-wait",
		[SCTP_COOKIE_ECHOED] = "cookie-echoed",
		[SCTP_ESTABLISHED] = "established",
		[SCTP_SHUTDOWN_PENDING] = "shutdown-pending",
		[SCTP_SHUTDOWN_SENT] = "shutdown-sent",
		[SCTP_SHUTDOWN_RECEIVED] = "shutdown-received",
		[SCTP_SHUTDOWN_ACK_SENT] = "shutdown-ack-sent",
	};
	CHECK((size_t)state < sizeof names / sizeof names[0]);
	return names[state];
}

const char *sctp_close_reason_name(enum sctp_close_reason reason)
{
	static const char *const names[] = {
		[SCTP_CLOSE_SHUTDOWN] = "shutdown",
		[SCTP_CLOSE_ABORTED] = "aborted",
		[SCTP_CLOSE_PEER_ABORTED] = "aborted by the peer",
		[SCTP_CLOSE_UNREACHABLE] = "peer unreachable",
		[SCTP_CLOSE_PROTOCOL] = "protocol violation",
	};
	CHECK((size_t)reason < sizeof names / sizeof names[0]);
	return names[reason];
}
