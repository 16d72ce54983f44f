/* Setting up (RFC 9260 section 5). In WebRTC both ends send INIT; since an association keeps one
 * tag and one initial TSN from its creation on, whichever cookie arrives first makes the same
 * association, and the collision of section 5.2.1 needs no case of its own.
 *
 * A peer that restarts (5.2.4 action A) has lost its data channels, so the association is not
 * continued but ended: the layers above set up a new one. */
#include <stdlib.h>

#include "sctp/internal.h"

#define INIT_ACK_MAX (128 + SCTP_COOKIE_SIZE + 2 * SCTP_UNKNOWN_PARAMETERS_MAX)

static uint32_t nonzero_u32(struct rng *rng)
{
	uint32_t value;
	do
		value = rng_u32(rng);
	while (value == 0);
	return value;
}

void sctp_connect_init(struct sctp_assoc *a)
{
	a->local_tag = nonzero_u32(a->config.rng);
	a->local_tsn = rng_u32(a->config.rng);
	rng_fill(a->config.rng, &a->cookie_key, sizeof a->cookie_key);
	a->streams_out = a->streams_in = a->config.streams;
}

struct sctp_init sctp_connect_our_init(const struct sctp_assoc *a)
{
	return (struct sctp_init){
		.tag = a->local_tag,
		.window = (uint32_t)a->config.receive_window,
		.outgoing = a->config.streams,
		.incoming = a->config.streams,
		.tsn = a->local_tsn,
		.reconfig = true,
		.forward_tsn = !a->config.no_partial_reliability,
		.interleaving = !a->config.no_interleaving,
		.i_forward_tsn = !a->config.no_partial_reliability && !a->config.no_interleaving,
		.zero_checksum = a->config.zero_checksum,
	};
}

void sctp_connect_write_init(struct sctp_assoc *a, usec now, struct writer *w)
{
	struct sctp_init init = sctp_connect_our_init(a);
	sctp_init_write(w, &init, NULL);
	a->told_zero_checksum = init.zero_checksum;
	sctp_timer_set(a, SCTP_TIMER_CONNECT, now + sctp_rto_current(&a->rto));
}

void sctp_connect_write_cookie_echo(struct sctp_assoc *a, usec now, struct writer *w)
{
	size_t place = sctp_chunk_begin(w, SCTP_COOKIE_ECHO, 0);
	write_bytes(w, bytes_of(a->peer_cookie, a->peer_cookie_size));
	sctp_chunk_end(w, place);
	sctp_timer_set(a, SCTP_TIMER_CONNECT, now + sctp_rto_current(&a->rto));
}

void sctp_connect_on_timer(struct sctp_assoc *a, usec now)
{
	(void)now;
	if (++a->connect_attempts > SCTP_MAX_INIT_RETRANSMITS) {
		sctp_assoc_end(a, SCTP_CLOSE_UNREACHABLE);
		return;
	}
	sctp_rto_back_off(&a->rto);
	a->pending |= a->state == SCTP_COOKIE_WAIT ? SCTP_PENDING_INIT : SCTP_PENDING_COOKIE_ECHO;
}

bool sctp_connect_is_acceptable(const struct sctp_init *init)
{
	return !init->host_name && init->tag != 0 && init->outgoing != 0 && init->incoming != 0 &&
	       init->window >= SCTP_INIT_WINDOW_MIN;
}

static struct sctp_cookie cookie_of(const struct sctp_init *peer)
{
	return (struct sctp_cookie){
		.peer_tag = peer->tag,
		.peer_tsn = peer->tsn,
		.peer_window = peer->window,
		.peer_outgoing = peer->outgoing,
		.peer_incoming = peer->incoming,
		.reconfig = peer->reconfig,
		.forward_tsn = peer->forward_tsn,
		.zero_checksum = peer->zero_checksum,
		.interleaving = peer->interleaving,
		.i_forward_tsn = peer->i_forward_tsn,
	};
}

/* Whether the INIT is that of the association we have: then the peer does not restart, but has not
 * noticed that the descriptions have set it up already (see snap.c). */
static bool is_of_this_association(const struct sctp_assoc *a, const struct sctp_init *peer)
{
	return a->snap && peer->tag == a->peer_tag && peer->tsn == a->peer_tsn;
}

/* Section 5.2.4: the tags that a cookie for this INIT carries. */
static struct sctp_cookie make_cookie(struct sctp_assoc *a, usec now, const struct sctp_init *peer)
{
	struct sctp_cookie cookie = cookie_of(peer);
	cookie.local_tag = a->local_tag;
	cookie.local_tsn = a->local_tsn;
	cookie.created = now - a->created;
	if (sctp_assoc_is_open(a) && !is_of_this_association(a, peer)) {
		/* Section 5.2.2: perhaps the peer restarts. The association is left as it is. */
		cookie.local_tie = a->local_tag;
		cookie.peer_tie = a->peer_tag;
		cookie.local_tag = nonzero_u32(a->config.rng);
		cookie.local_tsn = rng_u32(a->config.rng);
	}
	return cookie;
}

static void send_init_ack(struct sctp_assoc *a, usec now, const struct sctp_init *peer)
{
	struct sctp_cookie cookie = make_cookie(a, now, peer);
	uint8_t sealed[SCTP_COOKIE_SIZE], data[INIT_ACK_MAX];
	sctp_cookie_seal(&a->cookie_key, &cookie, sealed);
	struct sctp_init ack = sctp_connect_our_init(a);
	ack.tag = cookie.local_tag;
	/* Section 3.3.3: the outgoing streams are no more than the peer takes. */
	if (ack.outgoing > peer->incoming)
		ack.outgoing = peer->incoming;
	ack.tsn = cookie.local_tsn;
	ack.cookie = bytes_of(sealed, sizeof sealed);
	/* Whoever does not announce it makes no use of our announcement either, and may not even be
	 * able to read it: pion before 1.8.9 discards a packet with a parameter that it does not
	 * know, against RFC 9260 section 3.2.1. Our INIT it discards as well, but sends its own. */
	ack.zero_checksum = ack.zero_checksum && peer->zero_checksum;
	a->told_zero_checksum |= ack.zero_checksum;
	struct writer w =
		writer_of(data, min_size(sizeof data, a->config.packet_max - SCTP_HEADER_SIZE));
	sctp_init_write(&w, &ack, peer);
	CHECK(!w.failed);
	sctp_reply_solo(a, peer->tag, writer_bytes(&w));
}

void sctp_connect_receive_init(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	struct sctp_init init;
	if (sctp_init_parse(chunk, &init) || init.tag == 0) {
		a->stats.dropped_malformed++;
		return;
	}
	if (a->ended || !sctp_connect_is_acceptable(&init)) {
		sctp_reply_solo_empty(a, init.tag, SCTP_ABORT, 0);
		return;
	}
	if (a->state == SCTP_SHUTDOWN_ACK_SENT) {
		/* Section 9.2: the peer has closed already. */
		a->pending |= SCTP_PENDING_SHUTDOWN_ACK;
		return;
	}
	send_init_ack(a, now, &init);
}

/* What waits on streams that the peer does not have will never be sent. Streams are known before
 * the first chunk travels with COOKIE ECHO. */
static void drop_missing_streams(struct sctp_assoc *a)
{
	uint32_t from = a->streams_out;
	uint16_t id;
	struct sctp_out_stream *stream;
	while ((stream = sctp_stream_table_next(&a->queue.streams, from, &id))) {
		from = (uint32_t)id + 1;
		sctp_queue_drop_stream(&a->queue, stream);
		if (sctp_inbox_push_event(&a->inbox, SCTP_EVENT_RESET_FAILED, id))
			a->stats.dropped_malformed++;
	}
}

/* What the peer has announced, in INIT ACK or by way of our cookie, becomes the association. */
static void adopt(struct sctp_assoc *a, const struct sctp_cookie *peer)
{
	a->peer_tag = peer->peer_tag;
	a->peer_tsn = peer->peer_tsn;
	a->peer_window = peer->peer_window;
	a->peer_reconfig = peer->reconfig;
	/* RFC 8260 section 2.2.1: "if both endpoints have indicated I-DATA support". */
	a->interleaving = peer->interleaving && !a->config.no_interleaving;
	a->queue.interleaving = a->interleaving;
	a->queue.begun_max = a->interleaving ? peer->peer_window / 2 : SIZE_MAX;
	a->peer_forward_tsn = !a->config.no_partial_reliability &&
			      (a->interleaving ? peer->i_forward_tsn : peer->forward_tsn);
	a->reassembly.may_break_off = a->peer_forward_tsn;
	a->peer_zero_checksum = a->config.zero_checksum && peer->zero_checksum;
	a->streams_out =
		a->config.streams < peer->peer_incoming ? a->config.streams : peer->peer_incoming;
	a->streams_in =
		a->config.streams < peer->peer_outgoing ? a->config.streams : peer->peer_outgoing;
	sctp_tracker_deinit(&a->tracker);
	sctp_tracker_init(&a->tracker, (UINT64_C(1) << 32) + peer->peer_tsn - 1);
	a->reset.peer_request = peer->peer_tsn;
	if (sctp_outstanding_is_empty(&a->outstanding))
		drop_missing_streams(a);
}

void sctp_connect_adopt(struct sctp_assoc *a, const struct sctp_init *peer)
{
	struct sctp_cookie cookie = cookie_of(peer);
	adopt(a, &cookie);
}

static void forget_peer_cookie(struct sctp_assoc *a)
{
	free(a->peer_cookie);
	a->peer_cookie = NULL;
	a->peer_cookie_size = 0;
}

void sctp_connect_establish(struct sctp_assoc *a, usec now)
{
	sctp_timer_stop(a, SCTP_TIMER_CONNECT);
	a->pending &= ~(unsigned)(SCTP_PENDING_INIT | SCTP_PENDING_COOKIE_ECHO);
	forget_peer_cookie(a);
	a->error_count = 0;
	sctp_rto_recover(&a->rto);
	sctp_assoc_set_state(a, SCTP_ESTABLISHED);
	a->connected_event = true;
	sctp_heartbeat_start(a, now);
	if (a->shutdown_wanted)
		sctp_shutdown(a, now);
	sctp_reset_advance(a);
}

void sctp_connect(struct sctp_assoc *a, usec now)
{
	if (a->state != SCTP_CLOSED || a->ended)
		return;
	if (a->snap) {
		sctp_connect_establish(a, now);
		return;
	}
	sctp_assoc_set_state(a, SCTP_COOKIE_WAIT);
	a->pending |= SCTP_PENDING_INIT;
}

void sctp_connect_receive_init_ack(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	(void)now;
	if (a->state != SCTP_COOKIE_WAIT)
		return; /* section 5.2.3 */
	struct sctp_init init;
	if (sctp_init_parse(chunk, &init)) {
		a->stats.dropped_malformed++;
		return;
	}
	size_t room = a->config.packet_max - SCTP_HEADER_SIZE - SCTP_CHUNK_HEADER_SIZE;
	if (!sctp_connect_is_acceptable(&init) || init.cookie.size == 0 ||
		init.cookie.size > (room & ~(size_t)3)) {
		a->peer_tag = init.tag;
		sctp_assoc_abort(a, SCTP_CLOSE_PROTOCOL, SCTP_CAUSE_MISSING_PARAMETER, "");
		return;
	}
	a->peer_cookie = malloc(init.cookie.size);
	if (!a->peer_cookie)
		return;
	memcpy(a->peer_cookie, init.cookie.data, init.cookie.size);
	a->peer_cookie_size = init.cookie.size;
	sctp_connect_adopt(a, &init);
	if (init.unknown_size > 0)
		sctp_reply_error(a, SCTP_CAUSE_UNRECOGNISED_PARAMETERS,
			bytes_of(init.unknown, init.unknown_size));
	sctp_rto_recover(&a->rto);
	a->pending &= ~(unsigned)SCTP_PENDING_INIT;
	a->pending |= SCTP_PENDING_COOKIE_ECHO;
	sctp_timer_stop(a, SCTP_TIMER_CONNECT);
	sctp_assoc_set_state(a, SCTP_COOKIE_ECHOED);
}

/* Section 5.2.4, with the letters of its table 12; sections 5.1.5 for the first cookie. */
enum verdict {
	VERDICT_DISCARD,
	VERDICT_ESTABLISH, /* a new association, or B or D while it is being set up */
	VERDICT_NEW_TAG,   /* B: the peer drew another tag for its own INIT */
	VERDICT_DUPLICATE, /* D: our COOKIE ACK was lost */
	VERDICT_RESTART,   /* A */
};

static enum verdict judge(const struct sctp_assoc *a, const struct sctp_cookie *cookie)
{
	bool local = cookie->local_tag == a->local_tag;
	bool peer = cookie->peer_tag == a->peer_tag;
	if (!sctp_assoc_is_open(a))
		return local && !a->ended ? VERDICT_ESTABLISH : VERDICT_DISCARD;
	if (local)
		return peer ? VERDICT_DUPLICATE : VERDICT_NEW_TAG;
	if (!peer && cookie->local_tie == a->local_tag && cookie->peer_tie == a->peer_tag)
		return VERDICT_RESTART;
	return VERDICT_DISCARD;
}

/* RFC 9260 section 5.2.6: by how much it is too old. */
static void report_stale(struct sctp_assoc *a, const struct sctp_cookie *cookie, usec excess)
{
	uint8_t data[SCTP_CHUNK_HEADER_SIZE + 8];
	struct writer w = writer_of(data, sizeof data);
	size_t chunk = sctp_chunk_begin(&w, SCTP_ERROR, 0);
	size_t place = sctp_parameter_begin(&w, SCTP_CAUSE_STALE_COOKIE);
	write_u32(&w, (uint32_t)(excess < UINT32_MAX ? excess : UINT32_MAX));
	sctp_parameter_end(&w, place);
	sctp_chunk_end(&w, chunk);
	sctp_reply_solo(a, cookie->peer_tag, writer_bytes(&w));
}

/* Data or a request that came or left, be it answered or not, under what was agreed on before. */
static bool is_in_use(const struct sctp_assoc *a)
{
	bool received = a->tracker.count > 0 ||
			(uint32_t)(a->tracker.cumulative + 1) != a->peer_tsn ||
			a->reset.peer_request != a->peer_tsn;
	bool sent = (uint32_t)a->outstanding.next != a->local_tsn ||
		    a->reset.request != a->local_tsn || a->reset.stream_count > 0;
	return received || sent;
}

bool sctp_connect_receive_cookie_echo(
	struct sctp_assoc *a, usec now, uint32_t tag, struct sctp_chunk chunk)
{
	struct sctp_cookie cookie;
	if (sctp_cookie_open(&a->cookie_key, chunk.value, &cookie)) {
		a->stats.dropped_malformed++;
		return false;
	}
	if (cookie.local_tag != tag) {
		a->stats.dropped_tag++;
		return false;
	}
	enum verdict verdict = judge(a, &cookie);
	usec age = now - a->created - cookie.created;
	if (age > SCTP_COOKIE_LIFE && verdict != VERDICT_DUPLICATE) {
		report_stale(a, &cookie, age - SCTP_COOKIE_LIFE);
		return false;
	}
	switch (verdict) {
	case VERDICT_DISCARD:
		return false;
	case VERDICT_ESTABLISH:
		/* In COOKIE-ECHOED with the tag known from INIT ACK, all this is known already
		 * and data may be counted; otherwise it is taken from the cookie. */
		if (a->state != SCTP_COOKIE_ECHOED || cookie.peer_tag != a->peer_tag)
			adopt(a, &cookie);
		sctp_connect_establish(a, now);
		a->pending |= SCTP_PENDING_COOKIE_ACK;
		return true;
	case VERDICT_NEW_TAG:
		if (is_in_use(a))
			a->peer_tag = cookie.peer_tag;
		else
			adopt(a, &cookie);
		a->pending |= SCTP_PENDING_COOKIE_ACK;
		return true;
	case VERDICT_DUPLICATE:
		if (a->state == SCTP_SHUTDOWN_ACK_SENT)
			a->pending |= SCTP_PENDING_SHUTDOWN_ACK;
		else
			a->pending |= SCTP_PENDING_COOKIE_ACK;
		return true;
	case VERDICT_RESTART:
		if (a->state == SCTP_SHUTDOWN_ACK_SENT) {
			/* "... MUST NOT set up a new association but instead resend the SHUTDOWN
			 * ACK chunk and send an ERROR chunk". */
			a->pending |= SCTP_PENDING_SHUTDOWN_ACK;
			sctp_reply_error(a, SCTP_CAUSE_COOKIE_IN_SHUTDOWN, (struct bytes){0});
			return false;
		}
		a->peer_tag = cookie.peer_tag;
		sctp_assoc_abort(a, SCTP_CLOSE_PEER_ABORTED, SCTP_CAUSE_USER_ABORT,
			"an association is not restarted");
		return false;
	}
	UNREACHABLE();
}

void sctp_connect_receive_cookie_ack(struct sctp_assoc *a, usec now)
{
	if (a->state == SCTP_COOKIE_ECHOED)
		sctp_connect_establish(a, now);
}

void sctp_connect_receive_stale_cookie(struct sctp_assoc *a, usec now)
{
	if (a->state != SCTP_COOKIE_ECHOED)
		return;
	/* Section 5.2.6: begin anew. The attempts go on being counted. */
	forget_peer_cookie(a);
	sctp_assoc_set_state(a, SCTP_COOKIE_WAIT);
	a->pending &= ~(unsigned)SCTP_PENDING_COOKIE_ECHO;
	sctp_connect_on_timer(a, now);
}
