/* An SCTP association (RFC 9260) over DTLS (RFC 8261), as data channels use it (RFC 8831).
 *
 * It does no I/O: packets come in with sctp_receive(), go out with sctp_write(), what happened is
 * pulled with sctp_next_event(), time is an argument. After a call that may change state, drain:
 * pull events and packets until there are none. Malformed packets are dropped and counted. There is
 * one path: its addresses are DTLS's business. */
#ifndef SCTP_SCTP_H
#define SCTP_SCTP_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/usec.h"

struct sctp_assoc;

enum sctp_state {
	SCTP_CLOSED,
	SCTP_COOKIE_WAIT,
	SCTP_COOKIE_ECHOED,
	SCTP_ESTABLISHED,
	SCTP_SHUTDOWN_PENDING,
	SCTP_SHUTDOWN_SENT,
	SCTP_SHUTDOWN_RECEIVED,
	SCTP_SHUTDOWN_ACK_SENT,
};

/* How fast to send; docs/decisions/0006-congestion.md says how the default was chosen. */
enum sctp_congestion_algorithm {
	SCTP_CONGESTION_DEFAULT,
	SCTP_CUBIC,
	SCTP_BBR,
	SCTP_NEWRENO,
};

/* Memory that several associations share: received and not pulled, or accepted by sctp_send() and
 * not yet acknowledged. Near `max` their windows shrink, at it nothing more is received, but for
 * one association at a time, which may end what it has begun; and each may queue one message. Begin
 * with `max` alone. All of them belong to one thread, and it outlives them. */
struct sctp_budget {
	size_t max, used;              /* bytes */
	const struct sctp_assoc *turn; /* whose turn it is; NULL: nobody's */
};

struct sctp_config {
	uint16_t local_port, remote_port; /* 5000 unless the descriptions say otherwise */
	size_t packet_max;     /* bytes of one SCTP packet, which every path is taken to carry; 0:
				  1,163 = 1,200 - DTLS */
	size_t packet_limit;   /* up to which the path is searched for more (RFC 8899); 0: not */
	size_t message_max;    /* largest message accepted from the peer; 0: 262,144 */
	size_t receive_window; /* bytes; 0: 1 MiB, and up to 16 as the path needs it */
	size_t send_queue_max; /* bytes accepted by sctp_send() and not yet acknowledged; 0: 16 MiB
				*/
	struct sctp_budget *budget; /* borrowed for the association's life; NULL: none */
	enum sctp_congestion_algorithm congestion;
	uint16_t streams;     /* in each direction; 0: 65,535 */
	bool zero_checksum;   /* DTLS carries the packets and finds errors: checksums are left away
				 when the peer agrees (RFC 9653) */
	bool no_interleaving; /* I-DATA (RFC 8260) is neither offered nor used */
	bool no_partial_reliability; /* FORWARD-TSN (RFC 3758) is neither offered nor used */
	struct rng *rng;             /* borrowed for the association's life */
};

/* RFC 3758 section 4, RFC 7496 section 3: what is given up is told to the peer, which goes on
 * without it. With a peer that cannot, every message is reliable. */
enum sctp_reliability {
	SCTP_RELIABLE,
	SCTP_LIMITED_RETRANSMITS, /* when a part of it is lost that was resent `limit` times */
	SCTP_LIMITED_LIFETIME,    /* when it would be sent, or resent, `limit` us after sctp_send()
				   */
};

#define SCTP_PRIORITY_NORMAL 256 /* RFC 8831 section 6.4 */

struct sctp_message {
	uint16_t stream;
	uint32_t ppid;
	bool unordered;
	bool control; /* a channel's own few bytes, never data: accepted beyond send_queue_max, and
			 not counted by sctp_stream_buffered() */
	bool placeholder; /* stands for an empty message (RFC 8831 section 6.6): not counted */
	enum sctp_reliability reliability;
	int64_t limit;
	struct bytes data; /* at least one byte: RFC 8831 sends a placeholder for empty messages */
};

enum sctp_event_type {
	SCTP_EVENT_CONNECTED,
	SCTP_EVENT_MESSAGE,      /* `message`: whole, in order; borrowed until the next call */
	SCTP_EVENT_STREAM_RESET, /* `stream`: the peer has reset its outgoing stream; all before it
				    was delivered */
	SCTP_EVENT_RESET_DONE,   /* `stream`: our outgoing stream was reset, because of
				    sctp_reset_stream() or because the peer asked for it */
	SCTP_EVENT_RESET_FAILED, /* `stream`: the peer refused it for good, or has no such stream;
				    what was queued on it before the handshake is dropped */
	SCTP_EVENT_SENDABLE, /* the send queue was full when sctp_send() was last called, and has
				room now */
	SCTP_EVENT_CLOSED,   /* the last one: `reason` */
};

enum sctp_close_reason {
	SCTP_CLOSE_SHUTDOWN, /* graceful, asked for by either side */
	SCTP_CLOSE_ABORTED,  /* by us */
	SCTP_CLOSE_PEER_ABORTED,
	SCTP_CLOSE_UNREACHABLE, /* too many retransmissions */
	SCTP_CLOSE_PROTOCOL,    /* the peer broke the protocol, for instance a message beyond
				   message_max */
};

struct sctp_event {
	enum sctp_event_type type;
	struct sctp_message message;
	uint16_t stream;
	enum sctp_close_reason reason;
};

struct sctp_stats {
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	uint64_t messages_in, messages_out;
	uint64_t bytes_acked; /* of messages, by the peer */
	uint64_t messages_abandoned;
	uint64_t data_chunks_out; /* the first time and again, those in the next counter */
	uint64_t retransmitted_chunks, fast_retransmits, timeouts, duplicate_tsns;
	uint64_t probes, spurious_losses;
	uint64_t dropped_checksum, dropped_tag, dropped_malformed;
	uint64_t dropped_late; /* messages that the peer gave up, and sent after later ones */
	size_t cwnd, peer_window, in_flight; /* bytes now */
	size_t send_queue_bytes;             /* accepted, not yet acknowledged */
	size_t receive_queue_bytes;          /* received, not yet pulled */
	bool interleaving;                   /* I-DATA was agreed on */
	uint64_t interleaved_in;             /* chunks of it that came */
	size_t packet_size;                  /* see sctp_packet_size() */
	usec srtt, rttvar, rto;
	usec rtt_min; /* the smallest of the last 10 to 20 s of measurements; 0: none yet */
};

/* ERR_NOMEM. */
MUST_CHECK enum err sctp_create(
	const struct sctp_config *config, usec now, struct sctp_assoc **ret_assoc);
void sctp_destroy(struct sctp_assoc *assoc);

/* For a port that was not known at creation. Before sctp_connect(). */
void sctp_set_remote_port(struct sctp_assoc *assoc, uint16_t port);

/* Set-up without a handshake (SNAP, draft-hancke-tsvwg-snap): each side's INIT chunk travels in its
 * description. Ours, of at most SCTP_INIT_MAX bytes; it is the same for the association's life. */
#define SCTP_INIT_MAX 512
size_t sctp_local_init(struct sctp_assoc *assoc, uint8_t *data, size_t capacity);
/* The peer's, before sctp_connect(), which then establishes the association at once. The peer must
 * have ours. A later one replaces it, an empty one takes it back. ERR_MALFORMED: no INIT chunk, or
 * one to be refused. ERR_EXISTS: it is our own, sent back by somebody who does not know what it is.
 * ERR_STATE: connecting already. */
MUST_CHECK enum err sctp_set_remote_init(struct sctp_assoc *assoc, struct bytes chunk);

/* Sends INIT. In WebRTC both sides call it, and the collision makes one association (RFC 9260
 * section 5.2.1). Messages queued before travel with the handshake's third packet. */
void sctp_connect(struct sctp_assoc *assoc, usec now);

void sctp_receive(struct sctp_assoc *assoc, usec now, struct bytes packet);
void sctp_advance(struct sctp_assoc *assoc, usec now);
usec sctp_deadline(const struct sctp_assoc *assoc);

/* The size of the largest packets that are sent now, probes apart. */
size_t sctp_packet_size(const struct sctp_assoc *assoc);
/* Somebody else knows that the path carries packets again: what waits for a time-out that grew with
 * the silence waits no longer than for a first one. */
void sctp_path_is_back(struct sctp_assoc *assoc, usec now);
/* Packets take another way now, of which nothing is known. */
void sctp_path_changed(struct sctp_assoc *assoc, usec now);
/* Likewise, and what was on its way on the old one, which is no more, is lost. */
void sctp_path_replaced(struct sctp_assoc *assoc, usec now);

/* The next packet to send, written into `data`; its size, or 0 when there is none now. `capacity`
 * is at least sctp_packet_size(); a probe of the path, which is larger than any other packet, is
 * written only where it fits. While bulk data waits, packets are filled to that size exactly where
 * they can be, so that a flight can go out in equal segments. */
size_t sctp_write(struct sctp_assoc *assoc, usec now, uint8_t *data, size_t capacity);

bool sctp_next_event(struct sctp_assoc *assoc, struct sctp_event *ret_event);

/* Queues a copy of the message; accepted from creation on, sent once established. ERR_AGAIN: the
 * send queue is full (SCTP_EVENT_SENDABLE comes). ERR_STATE: closing or closed, or the stream is
 * being reset. ERR_NOT_FOUND: no such stream. ERR_MALFORMED: empty. ERR_TOO_LARGE: it would never
 * fit into the send queue. ERR_NOMEM. */
MUST_CHECK enum err sctp_send(
	struct sctp_assoc *assoc, usec now, const struct sctp_message *message);

/* The stream's weight among those that have something to send (RFC 8260 section 3.6), until it is
 * reset; 0: SCTP_PRIORITY_NORMAL. ERR_NOMEM. */
MUST_CHECK enum err sctp_set_priority(struct sctp_assoc *assoc, uint16_t stream, uint16_t priority);

/* Streams in our direction: as configured, from the handshake on as agreed. */
uint16_t sctp_streams(const struct sctp_assoc *assoc);

/* Bytes of messages queued on a stream and not yet handed to the network (the data channel's
 * bufferedAmount). */
size_t sctp_stream_buffered(const struct sctp_assoc *assoc, uint16_t stream);

/* Resets our outgoing stream once everything queued on it was acknowledged (RFC 6525, RFC 8831
 * section 6.7). Further sends on it are ERR_STATE until SCTP_EVENT_RESET_DONE. ERR_STATE: closing,
 * or asked for already. ERR_NOT_FOUND: no such stream. ERR_UNSUPPORTED: by the peer. ERR_NOMEM. */
MUST_CHECK enum err sctp_reset_stream(struct sctp_assoc *assoc, usec now, uint16_t stream);

/* Graceful: everything accepted is delivered first. */
void sctp_shutdown(struct sctp_assoc *assoc, usec now);
void sctp_abort(struct sctp_assoc *assoc, usec now);

enum sctp_state sctp_state(const struct sctp_assoc *assoc);
const struct sctp_stats *sctp_stats(struct sctp_assoc *assoc);
const char *sctp_state_name(enum sctp_state state);
const char *sctp_close_reason_name(enum sctp_close_reason reason);

#endif
