/* The association, as the procedures of RFC 9260 share it. Each file owns the fields named after
 * it; others change them through its functions. */
#ifndef SCTP_INTERNAL_H
#define SCTP_INTERNAL_H

#include "base/buffer.h"
#include "sctp/chunk.h"
#include "sctp/congestion.h"
#include "sctp/cookie.h"
#include "sctp/inbox.h"
#include "sctp/outstanding.h"
#include "sctp/pace.h"
#include "sctp/partial.h"
#include "sctp/pmtu.h"
#include "sctp/queue.h"
#include "sctp/reassembly.h"
#include "sctp/rto.h"
#include "sctp/sctp.h"
#include "sctp/tracker.h"
#include "sctp/window.h"

enum sctp_timer {
	SCTP_TIMER_CONNECT,    /* T1: INIT or COOKIE ECHO */
	SCTP_TIMER_SHUTDOWN,   /* T2: SHUTDOWN or SHUTDOWN ACK */
	SCTP_TIMER_RETRANSMIT, /* T3: DATA, and the probe of a closed window */
	SCTP_TIMER_GUARD,      /* T5: the whole shutdown sequence */
	SCTP_TIMER_SACK,       /* the delayed SACK */
	SCTP_TIMER_HEARTBEAT,
	SCTP_TIMER_RESET,  /* the RE-CONFIG request */
	SCTP_TIMER_PMTU,   /* a probe of the path MTU, and the pause between searches */
	SCTP_TIMER_LOSS,   /* what was overtaken counts as lost */
	SCTP_TIMER_PROBE,  /* nothing was heard of the last packets: a probe */
	SCTP_TIMER_PACE,   /* the next packets may leave */
	SCTP_TIMER_BUDGET, /* the end of a turn, or a look whether others have made room */
	SCTP_TIMER_COUNT,
};

/* Chunks to be written, in this order, from the state at that time. */
enum sctp_pending {
	SCTP_PENDING_INIT = 1 << 0,
	SCTP_PENDING_COOKIE_ECHO = 1 << 1,
	SCTP_PENDING_COOKIE_ACK = 1 << 2,
	SCTP_PENDING_SACK = 1 << 3,
	SCTP_PENDING_HEARTBEAT = 1 << 4,
	SCTP_PENDING_RESET_RESPONSE = 1 << 5,
	SCTP_PENDING_RESET_REQUEST = 1 << 6,
	SCTP_PENDING_SHUTDOWN = 1 << 7,
	SCTP_PENDING_SHUTDOWN_ACK = 1 << 8,
	SCTP_PENDING_FORWARD_TSN = 1 << 9,
};

/* RFC 6525. */
enum sctp_reset_result {
	SCTP_RESET_NOTHING_TO_DO = 0,
	SCTP_RESET_PERFORMED = 1,
	SCTP_RESET_DENIED = 2,
	SCTP_RESET_WRONG_SSN = 3,
	SCTP_RESET_OTHER_IN_PROGRESS = 4,
	SCTP_RESET_BAD_SEQUENCE = 5,
	SCTP_RESET_IN_PROGRESS = 6,
};

struct sctp_reset {
	/* Our request. */
	uint16_t streams[SCTP_RESET_STREAMS_MAX];
	size_t stream_count; /* 0: none is outstanding */
	uint32_t request;    /* number of the request outstanding, or of the next */
	uint32_t last_tsn;   /* when it was first sent */
	bool in_progress;    /* as the peer says, which is there then */
	/* The peer's. */
	uint32_t peer_request;                        /* the number of the next */
	uint32_t responses[SCTP_RESET_RESPONSES_MAX]; /* numbers of the last ones */
	uint8_t results[SCTP_RESET_RESPONSES_MAX];    /* enum sctp_reset_result */
	size_t response_count;
	uint8_t last_result; /* of request peer_request - 1 */
	/* The peer's outgoing reset that waits for data still missing ... */
	uint16_t *deferred;
	size_t deferred_count;
	uint64_t deferred_tsn;
	uint32_t deferred_request;
	bool is_deferred;
	bool may_repeat; /* ... or did, and the peer may ask once more, not knowing so */
	/* Those whose turn has not come, by number; all the streams in them. */
	struct sctp_reset_kept *kept;
	size_t kept_streams;
};

struct sctp_assoc {
	struct sctp_config config; /* without zeros */
	enum sctp_state state;
	usec created;
	bool ended; /* closed for good: only the last packet and the last events are left */
	bool shutdown_wanted;
	bool connected_event, closed_event; /* to be pulled */
	enum sctp_close_reason close_reason;

	/* connect.c */
	uint32_t local_tag, peer_tag;
	uint32_t local_tsn, peer_tsn; /* the initial ones */
	struct sctp_cookie_key cookie_key;
	uint8_t *peer_cookie; /* to be echoed */
	size_t peer_cookie_size;
	unsigned connect_attempts;
	bool snap; /* snap.c: the descriptions carried both INITs */
	bool peer_reconfig;
	bool interleaving;       /* I-DATA and I-FORWARD-TSN in place of DATA and FORWARD-TSN */
	bool peer_forward_tsn;   /* the one or the other can be sent */
	bool peer_zero_checksum; /* and we may make use of it */
	bool told_zero_checksum; /* so may the peer */
	uint16_t streams_out, streams_in; /* negotiated; config.streams before */

	/* Sending: transmit.c */
	struct sctp_queue queue;
	struct sctp_outstanding outstanding;
	struct sctp_congestion congestion;
	struct sctp_rto rto;
	struct sctp_rack rack;
	struct sctp_pace pace;
	struct sctp_forward forward;
	size_t peer_window;   /* as the peer last advertised it; what is in flight uses it up */
	bool window_probe;    /* send one chunk into the closed window */
	bool fast_retransmit; /* send one packet whatever the congestion window says */
	bool excused;         /* the timers of loss were late, and have waited for what waited */
	bool probing;         /* a probe was sent since something was acknowledged */
	bool one_packet;      /* T3 expired, and nothing was acknowledged since */
	size_t send_refused;  /* size of the message that was refused; 0: none */
	unsigned error_count; /* time-outs since the peer was last heard to be alive */
	unsigned pending;     /* enum sctp_pending */
	usec timers[SCTP_TIMER_COUNT];
	struct buffer replies; /* chunks to be written as they are, each padded */
	struct buffer solo;    /* a packet of its own without checksum, see sctp_reply_solo() */

	/* receive.c */
	struct sctp_tracker tracker;
	struct sctp_reassembly reassembly;
	struct sctp_inbox inbox;
	struct sctp_window window;
	size_t advertised;       /* the window of the last SACK */
	unsigned unacknowledged; /* packets with DATA since the last SACK */
	bool packet_has_data, sack_now;

	/* budget.c */
	size_t charged;         /* of config.budget->used */
	uint64_t turn_messages; /* stats.messages_in and reassembly.bytes when its turn began, */
	size_t turn_bytes;
	usec turn_until; /* and when it ends */

	struct sctp_reset reset;

	/* heartbeat.c */
	uint64_t heartbeat_nonce; /* of the one that is not answered; 0: none */
	usec heartbeat_sent;
	usec last_activity;

	struct sctp_pmtu pmtu;

	struct sctp_stats stats;
};

/* assoc.c */
void sctp_assoc_set_state(struct sctp_assoc *a, enum sctp_state state);
/* Ends the association: what was not sent or not acknowledged is dropped; events that wait stay. */
void sctp_assoc_end(struct sctp_assoc *a, enum sctp_close_reason reason);
/* Ends it and tells the peer why; `text` is for its log. */
void sctp_assoc_abort(struct sctp_assoc *a, enum sctp_close_reason reason, enum sctp_cause cause,
	const char *text);
/* One more time-out in a row; false when it was one too many and the association has ended. */
bool sctp_assoc_count_error(struct sctp_assoc *a);
bool sctp_assoc_can_receive_data(const struct sctp_assoc *a);

static inline bool sctp_assoc_is_open(const struct sctp_assoc *a)
{
	return a->state >= SCTP_ESTABLISHED;
}

static inline void sctp_timer_set(struct sctp_assoc *a, enum sctp_timer timer, usec at)
{
	a->timers[timer] = at;
}

static inline void sctp_timer_stop(struct sctp_assoc *a, enum sctp_timer timer)
{
	a->timers[timer] = USEC_NEVER;
}

static inline bool sctp_timer_is_set(const struct sctp_assoc *a, enum sctp_timer timer)
{
	return a->timers[timer] != USEC_NEVER;
}

/* connect.c */
/* Draws the tag, the initial TSN and the key of cookies. */
void sctp_connect_init(struct sctp_assoc *a);
struct sctp_init sctp_connect_our_init(const struct sctp_assoc *a);
/* RFC 9260 section 3.3.2: what makes an INIT or INIT ACK one that has to be refused. */
bool sctp_connect_is_acceptable(const struct sctp_init *init);
/* What the peer announces becomes the association's. */
void sctp_connect_adopt(struct sctp_assoc *a, const struct sctp_init *peer);
void sctp_connect_establish(struct sctp_assoc *a, usec now);
void sctp_connect_write_init(struct sctp_assoc *a, usec now, struct writer *w);
void sctp_connect_write_cookie_echo(struct sctp_assoc *a, usec now, struct writer *w);
void sctp_connect_receive_init(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
void sctp_connect_receive_init_ack(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
/* False when the cookie was not accepted: the rest of the packet is not for us. */
bool sctp_connect_receive_cookie_echo(
	struct sctp_assoc *a, usec now, uint32_t tag, struct sctp_chunk chunk);
void sctp_connect_receive_cookie_ack(struct sctp_assoc *a, usec now);
void sctp_connect_receive_stale_cookie(struct sctp_assoc *a, usec now);
void sctp_connect_on_timer(struct sctp_assoc *a, usec now);

/* receive.c */
/* Also I-DATA, and I-FORWARD-TSN below. */
void sctp_receive_data(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
void sctp_receive_sack(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
void sctp_receive_forward_tsn(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
/* A cumulative acknowledgement without window and blocks, as SHUTDOWN carries it. */
void sctp_receive_cumulative(struct sctp_assoc *a, usec now, uint32_t cumulative);
/* At the end of a packet: decides whether a SACK is due. */
void sctp_receive_end_packet(struct sctp_assoc *a, usec now);
/* The caller has pulled messages: tells the peer of the room, when that is worth a packet. */
void sctp_receive_update_window(struct sctp_assoc *a);
size_t sctp_receive_window(const struct sctp_assoc *a);
size_t sctp_receive_queued(const struct sctp_assoc *a);
void sctp_receive_write_sack(struct sctp_assoc *a, struct writer *w);
void sctp_receive_on_sack_timer(struct sctp_assoc *a, usec now);

/* transmit.c */
/* Something was acknowledged. */
void sctp_transmit_learn_from_answers(struct sctp_assoc *a, usec now);
void sctp_transmit_on_timer(struct sctp_assoc *a, usec now);
/* After a SACK: stops, restarts or leaves T3 and the probe; `progress`: it acknowledged something.
 */
void sctp_transmit_set_timers(struct sctp_assoc *a, usec now, bool progress);
/* Marks what is overdue, and sets the timer for what may be next. */
struct sctp_loss sctp_transmit_find_lost(struct sctp_assoc *a, usec now);
void sctp_transmit_on_loss(struct sctp_assoc *a, usec now, const struct sctp_loss *loss);
void sctp_transmit_on_loss_timer(struct sctp_assoc *a, usec now);
/* Nothing that was measured holds any more; what is outstanding is probed for at once. */
void sctp_transmit_on_path_changed(struct sctp_assoc *a, usec now);
void sctp_transmit_on_probe_timer(struct sctp_assoc *a, usec now);
/* The association is to close: what the silence of the network has put off is tried soon. */
void sctp_transmit_hurry(struct sctp_assoc *a, usec now);
void sctp_transmit_on_pace_timer(struct sctp_assoc *a, usec now);
/* Whether everything accepted was acknowledged. */
bool sctp_transmit_is_done(const struct sctp_assoc *a);

/* reply.c: chunks that answer something, written as soon as there is room. */
void sctp_reply(struct sctp_assoc *a, struct bytes chunk);
void sctp_reply_error(struct sctp_assoc *a, enum sctp_cause cause, struct bytes value);
/* A packet of its own under another tag (INIT ACK, ABORT, SHUTDOWN COMPLETE): one waits at most, a
 * later one replaces it. */
void sctp_reply_solo(struct sctp_assoc *a, uint32_t tag, struct bytes chunk);
void sctp_reply_solo_empty(
	struct sctp_assoc *a, uint32_t tag, enum sctp_chunk_type type, uint8_t flags);

/* shutdown.c */
/* Moves on when everything was acknowledged. */
void sctp_shutdown_advance(struct sctp_assoc *a);
void sctp_shutdown_receive(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
void sctp_shutdown_receive_ack(struct sctp_assoc *a);
void sctp_shutdown_receive_complete(struct sctp_assoc *a);
void sctp_shutdown_write(struct sctp_assoc *a, usec now, struct writer *w);
void sctp_shutdown_write_ack(struct sctp_assoc *a, usec now, struct writer *w);
void sctp_shutdown_on_timer(struct sctp_assoc *a, usec now);
void sctp_shutdown_on_guard(struct sctp_assoc *a, usec now);

/* reset.c */
void sctp_reset_init(struct sctp_assoc *a);
void sctp_reset_deinit(struct sctp_assoc *a);
/* Something was acknowledged: perhaps a stream is ready for its reset. */
void sctp_reset_advance(struct sctp_assoc *a);
/* The cumulative TSN moved: perhaps a deferred request can be performed. */
void sctp_reset_on_received(struct sctp_assoc *a);
void sctp_reset_receive(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
void sctp_reset_write_request(struct sctp_assoc *a, usec now, struct writer *w);
void sctp_reset_write_response(struct sctp_assoc *a, struct writer *w);
void sctp_reset_on_timer(struct sctp_assoc *a, usec now);

/* heartbeat.c */
void sctp_heartbeat_start(struct sctp_assoc *a, usec now);
/* One more, now, unless one is on its way. */
void sctp_heartbeat_request(struct sctp_assoc *a);
/* The chunk itself: what comes back unchanged. */
void sctp_heartbeat_write_info(struct writer *w, uint64_t nonce, usec now);
void sctp_heartbeat_receive(struct sctp_assoc *a, struct sctp_chunk chunk);
void sctp_heartbeat_receive_ack(struct sctp_assoc *a, usec now, struct sctp_chunk chunk);
void sctp_heartbeat_write(struct sctp_assoc *a, usec now, struct writer *w);
void sctp_heartbeat_on_timer(struct sctp_assoc *a, usec now);

/* budget.c: of config.budget, and nothing where that is NULL. */
/* After what may have changed what the association holds. */
void sctp_budget_settle(struct sctp_assoc *a);
/* For good. */
void sctp_budget_leave(struct sctp_assoc *a);
/* Of the window, what the peer is told. */
size_t sctp_budget_window(const struct sctp_assoc *a, size_t window);
/* Whether this much may be received; may give the association its turn. */
bool sctp_budget_accepts(struct sctp_assoc *a, usec now, size_t size);
/* Whether a message may be queued. One always may: it is what is acknowledged that makes room. */
bool sctp_budget_accepts_sending(const struct sctp_assoc *a, size_t size);
/* Whether windows may grow. */
bool sctp_budget_is_ample(const struct sctp_assoc *a);
/* After a packet: a closed window has to be opened when others have made room. */
void sctp_budget_watch(struct sctp_assoc *a, usec now);
void sctp_budget_on_timer(struct sctp_assoc *a, usec now);

/* pmtu.c */
/* Of the room in a packet, what a chunk may take up: so much that it always fits again. */
size_t sctp_pmtu_fragment_room(const struct sctp_assoc *a, size_t room);
/* The cumulative TSN moved, or data is sent after a pause. */
void sctp_pmtu_note_progress(struct sctp_assoc *a, usec now);
void sctp_pmtu_note_timeout(struct sctp_assoc *a);
/* Before a packet is written: perhaps large ones do not arrive any more. */
void sctp_pmtu_watch(struct sctp_assoc *a, usec now);
/* Whether a probe is to be sent that fits `capacity`. */
bool sctp_pmtu_wants_probe(const struct sctp_assoc *a, size_t capacity);
/* The chunks of the probe, behind the packet's header. */
void sctp_pmtu_write_probe(struct sctp_assoc *a, usec now, struct writer *w);
/* False when it answers no probe. */
bool sctp_pmtu_receive_ack(struct sctp_assoc *a, usec now, uint64_t nonce);
void sctp_pmtu_on_timer(struct sctp_assoc *a, usec now);

#endif
