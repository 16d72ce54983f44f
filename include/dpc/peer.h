/* libdpc-peer: WebRTC data channels without I/O.
 *
 * A peer is one end of one WebRTC connection: ICE, DTLS, SCTP and data channels (RFC 8445, 8838,
 * 7675, 6347, 8261, 9260, 8831, 8832). It owns no socket, clock, thread or callback. The caller
 *
 *     gives it datagrams        dpc_peer_receive()
 *     gives it time             dpc_peer_advance(), no later than dpc_peer_deadline()
 *     sends what it has to send dpc_peer_write(), until it returns 0
 *     learns what happened      dpc_peer_next_event(), until it returns false
 *
 * and does the last two after every call that takes a time. Times are microseconds on any monotonic
 * clock. Malformed input from the network never fails the caller: it is dropped and counted. One
 * UDP socket can serve any number of peers: find a datagram's peer by its remote address, else by
 * dpc_peer_peek_user(); for several peers on one path there is dpc_peer_claims(). No object may be
 * used by two threads at once; different peers share nothing but the budget that they may be given.
 */
#ifndef DPC_PEER_H
#define DPC_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Addresses ---- */

/* A TCP connection carries datagrams with a length of 16 bits in front of each (RFC 4571): framing,
 * like the connection, is the caller's. */
enum dpc_transport {
	DPC_UDP = 0,
	DPC_TCP = 1,
};

struct dpc_addr {
	int family;        /* 0 none, 4, 6 */
	uint16_t port;     /* host order */
	uint8_t transport; /* enum dpc_transport */
	uint32_t scope;    /* interface index of an IPv6 link-local address, else 0 */
	uint8_t ip[16];    /* the first 4 bytes for IPv4; the rest is zero */
};

struct dpc_path {
	struct dpc_addr local, remote;
};

/* ---- Errors ---- */

enum dpc_err {
	DPC_OK,
	DPC_ERR_MALFORMED,   /* a description or candidate that cannot be read */
	DPC_ERR_UNSUPPORTED, /* well formed, but not for us: skip it, or tell the other side */
	DPC_ERR_MISMATCH,    /* the description does not fit what was agreed before */
	DPC_ERR_STATE,       /* not now */
	DPC_ERR_AGAIN,       /* a queue is full: wait for DPC_EVENT_SENDABLE */
	DPC_ERR_TOO_LARGE,   /* more than the peer accepts, or than the buffer holds */
	DPC_ERR_NOT_FOUND,   /* no such channel */
	DPC_ERR_EXISTS,      /* already known: nothing changed */
	DPC_ERR_LIMIT,       /* a named limit is reached */
	DPC_ERR_NOMEM,
	DPC_ERR_CRYPTO,
};

const char *dpc_peer_err_text(enum dpc_err err);

/* ---- Life ---- */

struct dpc_peer;
struct dpc_peer_budget;

#define DPC_MESSAGE_MAX_DEFAULT 262144
#define DPC_MTU_DEFAULT 1200

/* How fast to send; the default may change with what is measured. */
enum dpc_congestion {
	DPC_CONGESTION_DEFAULT,
	DPC_CONGESTION_CUBIC,
	DPC_CONGESTION_BBR,
	DPC_CONGESTION_NEWRENO, /* as RFC 9260 has it */
};

struct dpc_peer_config {
	bool offerer;            /* makes the offer, and controls ICE */
	int64_t unix_time;       /* seconds; for the dates of the certificate */
	uint32_t message_max;    /* largest message accepted; 0: DPC_MESSAGE_MAX_DEFAULT */
	uint32_t mtu;            /* largest UDP payload that every path is taken to carry, 576 to
				  * 9,000, else DPC_ERR_LIMIT; 0: DPC_MTU_DEFAULT */
	uint32_t mtu_max;        /* up to this one, paths are searched for more (RFC 8899): what
				  * the interface carries, less 28; at most 16,384. 0: not searched */
	uint32_t receive_window; /* bytes; 0: 1 MiB, and up to 16 as the path needs it */
	uint32_t send_queue_max; /* bytes; 0: 16 MiB */
	struct dpc_peer_budget *budget; /* borrowed for the peer's life; NULL: each for itself */
	enum dpc_congestion congestion;
	int64_t quiet_max; /* not heard for so long, the other side is asked whether it is there, so
			    * that a dead path is known some three seconds later; less than 1 s is
			    * DPC_ERR_LIMIT. 0: asked every 5 s (RFC 7675), which costs least */
	bool no_snap;      /* leave the SCTP handshake to SCTP: no a=sctp-init */
	bool refuse_relayed; /* never through what the other side names as the address of a relay */
	bool legacy_sdp;     /* offer in the form of old drafts ("DTLS/SCTP 5000", a=sctpmap) */
	bool no_interleaving; /* do not offer I-DATA (RFC 8260): a large message then holds up
			       * those of other channels until it is sent */
	bool no_partial_reliability; /* do not offer to give up messages (RFC 3758): all channels
				      * are reliable */
	uint64_t seed; /* not 0: every random choice follows from it. For simulations only:
			* such a peer is not secure */
};

enum dpc_err dpc_peer_create(
	const struct dpc_peer_config *config, int64_t now, struct dpc_peer **ret_peer);
/* Frees everything at once and tells the other side nothing. Accepts NULL. */
void dpc_peer_destroy(struct dpc_peer *peer);

/* Graceful: delivers what was accepted, shuts the association down, says goodbye to DTLS. Ends in
 * DPC_EVENT_CLOSED, at the latest when nothing was confirmed for some seconds. */
void dpc_peer_close(struct dpc_peer *peer, int64_t now);
/* At once: an ABORT and a close_notify are left to write, then the peer is closed. */
void dpc_peer_abort(struct dpc_peer *peer, int64_t now);

/* After DPC_EVENT_CLOSED: whether the other side knows too, as far as can be told. Until then, for
 * some seconds at most, a peer that is still given datagrams and time repeats its last words, so
 * that losing them does not leave the other side waiting for half a minute. One that is destroyed
 * sooner has said them once. */
bool dpc_peer_is_done(const struct dpc_peer *peer);

/* A ceiling for the memory of all peers that are created with it: the data they have received and
 * not handed out, and what they were given to send and was not confirmed. Near it their receive
 * windows shrink; at it peers receive one after the other, each may queue one message, and a peer
 * that begins a message and does not end it in its turn of 30 s is closed. At most what one
 * connection may hold comes on top, and those single messages. NULL: memory is out. */
struct dpc_peer_budget *dpc_peer_budget_create(size_t max);
/* After the peers. Accepts NULL. */
void dpc_peer_budget_destroy(struct dpc_peer_budget *budget);
/* Bytes now. */
size_t dpc_peer_budget_used(const struct dpc_peer_budget *budget);

/* ---- Candidates and descriptions ---- */

/* An address that the caller can send from and receive on. DPC_ERR_EXISTS, DPC_ERR_LIMIT.
 *
 * For networks without UDP there is TCP (RFC 6544), in two kinds, each optional:
 *
 *     DPC_TCP with the port of a listener    passive: the other side may connect to it
 *     DPC_TCP with DPC_PORT_DIALS            active: the caller will connect from this IP, once
 *                                            dpc_peer_can_dial(); the other side is not told
 *
 * A path over TCP names a connection of this peer: what dpc_peer_write() gives for one whose local
 * port is DPC_PORT_DIALS goes over the connection from that IP to the remote address, which the
 * caller makes when there is none (and keeps that first datagram until it is there). Any other goes
 * over the connection that the remote address has made to the local one. What comes is received on
 * a path with the same names, so that the port which the system drew for a connection of ours
 * appears nowhere. On the stream each datagram (each segment of what was written) has its length in
 * front, 16 bits in network order (RFC 4571). Whoever connects is a stranger until the peer that
 * his first datagram names (dpc_peer_peek_user()) writes on that path: until then he has had no
 * answer, and should have little time and memory. */
#define DPC_PORT_DIALS 9
enum dpc_err dpc_peer_add_host(struct dpc_peer *peer, int64_t now, const struct dpc_addr *addr);
/* Whether the other side can be connected to by TCP, as far as is known. */
bool dpc_peer_can_dial(const struct dpc_peer *peer);
/* The TCP connection of a path could not be made, or has ended. */
void dpc_peer_lose_path(struct dpc_peer *peer, int64_t now, const struct dpc_path *path);
/* What a STUN server sees of the host candidate `base`. DPC_ERR_NOT_FOUND when that was not added.
 */
enum dpc_err dpc_peer_add_reflexive(struct dpc_peer *peer, int64_t now, const struct dpc_addr *base,
	const struct dpc_addr *reflexive);
/* An address on a relay, for which the caller wraps and unwraps what is sent from it. */
enum dpc_err dpc_peer_add_relayed(struct dpc_peer *peer, int64_t now, const struct dpc_addr *addr);
/* Candidates added after a description was made are to be trickled: each comes as a
 * DPC_EVENT_CANDIDATE, the end of them as one with an empty text. With an answer that is ahead of
 * every check of the other side, the first comes once more: send it like any other. */
void dpc_peer_end_of_candidates(struct dpc_peer *peer, int64_t now);
/* An address that was added and cannot be sent from any more: what goes over it goes over another
 * way, or waits for one. DPC_ERR_NOT_FOUND. */
enum dpc_err dpc_peer_remove_host(struct dpc_peer *peer, int64_t now, const struct dpc_addr *addr);

#define DPC_SDP_MAX 16384
/* Writes our offer or answer with a final zero, with all candidates so far. `capacity` of
 * DPC_SDP_MAX always suffices. DPC_ERR_STATE: an offer by the answerer, or an answer before the
 * offer was set. */
enum dpc_err dpc_peer_local_description(struct dpc_peer *peer, char *sdp, size_t capacity);
/* The other side's offer or answer. One that repeats the latest is DPC_ERR_EXISTS; only the
 * candidates in it that are new are taken. An offer with new ICE credentials is an ICE restart, see
 * below: answer it with dpc_peer_local_description(), also when it is repeated. DPC_ERR_STATE: an
 * answer to an offer that is not open, or a description from before a restart. DPC_ERR_MISMATCH:
 * another fingerprint, tls-id or DTLS role asks for a new DTLS connection, so for a new peer. */
enum dpc_err dpc_peer_set_remote_description(
	struct dpc_peer *peer, int64_t now, const char *sdp, size_t size);
/* One trickled "candidate:…" line; empty text is the end of candidates. Before the remote
 * description is set, DPC_ERR_STATE. */
enum dpc_err dpc_peer_add_remote_candidate(
	struct dpc_peer *peer, int64_t now, const char *text, size_t size);

/* ICE restart (RFC 8445 section 9): looks for a path anew, when the addresses of this side have
 * changed or the path is silent, while everything above stays as it is: channels, and messages on
 * their way. Either side may ask for it, whoever made the first offer. The next
 * dpc_peer_local_description() is the offer for the other side, whose answer goes to
 * dpc_peer_set_remote_description(). Data goes over the old path as long as that works, and over
 * the new one as soon as that does. Addresses added before are kept, unless they are removed; more
 * may be added, and dpc_peer_end_of_candidates() is to be said again, by the side that answers too.
 *
 * When both sides ask at once, each takes the other's offer, and that serves as the answer; real
 * answers are DPC_ERR_EXISTS then. While an offer is not answered, another restart renews nothing:
 * the next description repeats the offer with the addresses of now, as it may have been lost.
 * DPC_ERR_STATE: before the first remote description, and when closed. */
enum dpc_err dpc_peer_restart_ice(struct dpc_peer *peer, int64_t now);

/* The caller has a reason to believe that the path may be gone: its network has changed, it has
 * slept. The other side is asked at once, and if it does not answer the state is DPC_DISCONNECTED
 * after some three seconds. Without this, silence is noticed as fast while there is something to
 * send, and when there is not, within ten seconds, or three more than `quiet_max`. */
void dpc_peer_check_path(struct dpc_peer *peer, int64_t now);

/* The ICE user name fragment by which dpc_peer_peek_user() finds this peer. A restart, by either
 * side, changes it; the one before is former_user as long as datagrams for it are to be received,
 * some seconds after the restart is complete, then NULL. */
const char *dpc_peer_user(const struct dpc_peer *peer);
const char *dpc_peer_former_user(const struct dpc_peer *peer);
/* "AB:CD:…": SHA-256 of our DTLS certificate, and the fingerprint in the remote description (""
 * before; only sha-256 ones are shown). For signing and checking who the other side is. */
const char *dpc_peer_fingerprint(const struct dpc_peer *peer);
const char *dpc_peer_remote_fingerprint(const struct dpc_peer *peer);

/* ---- Input, output, time ---- */

void dpc_peer_receive(struct dpc_peer *peer, int64_t now, const struct dpc_path *path,
	const void *datagram, size_t size);
void dpc_peer_advance(struct dpc_peer *peer, int64_t now);
/* INT64_MAX: nothing to wait for. */
int64_t dpc_peer_deadline(const struct dpc_peer *peer);

/* Fills `data` with datagrams for one path, all `*ret_segment` bytes long but the last, which may
 * be shorter: as one sendmsg() with UDP_SEGMENT takes them. Returns the bytes in all, 0 when there
 * is nothing to send. `capacity` is at least DPC_WRITE_MIN and the configured mtu and mtu_max; with
 * DPC_WRITE_BEST a whole flight fits. The sockets must not fragment (IP_PMTUDISC_PROBE): a datagram
 * that is larger than the interface carries is one of the search, and counts as lost. */
#define DPC_WRITE_MIN 2048
#define DPC_WRITE_BEST 65000
size_t dpc_peer_write(struct dpc_peer *peer, int64_t now, void *data, size_t capacity,
	struct dpc_path *ret_path, size_t *ret_segment);

/* The user name fragment of the peer that a STUN Binding request is for; points into the datagram.
 */
bool dpc_peer_peek_user(const void *datagram, size_t size, const char **ret_user, size_t *ret_size);

/* Whether a datagram may be for this one of the peers that send on one path, where two sockets
 * carry several connections: it goes to the one that is CERTAIN, else to all that it is SHARED by,
 * else to one that can only GUESS, the newest being the likeliest. */
enum dpc_claim {
	DPC_CLAIM_NONE,
	DPC_CLAIM_GUESS,
	DPC_CLAIM_SHARED,
	DPC_CLAIM_CERTAIN,
};
enum dpc_claim dpc_peer_claims(const struct dpc_peer *peer, const void *datagram, size_t size);

/* ---- Events ---- */

enum dpc_state {
	DPC_NEW,
	DPC_CONNECTING,   /* ICE checks, DTLS and SCTP handshakes */
	DPC_CONNECTED,    /* channels can be used */
	DPC_DISCONNECTED, /* the path is silent; it may come back */
	DPC_CLOSING,      /* gracefully, by either side: nothing more can be sent */
	DPC_CLOSED,
};

enum dpc_event_type {
	DPC_EVENT_STATE,        /* dpc_peer_state() changed */
	DPC_EVENT_CANDIDATE,    /* text: trickle it to the other side; empty: no more */
	DPC_EVENT_PATH,         /* the path in dpc_peer_stats() changed */
	DPC_EVENT_CHANNEL_OPEN, /* channel: one that we opened is confirmed, or the other side
				   opened it */
	DPC_EVENT_MESSAGE,      /* channel, binary, data, size */
	DPC_EVENT_SENDABLE,     /* a send that was refused with DPC_ERR_AGAIN may be tried again */
	DPC_EVENT_BUFFERED_LOW, /* channel: its buffered amount fell to its threshold */
	DPC_EVENT_CHANNEL_CLOSED, /* channel: both directions are closed; its id may be used again
				   */
	DPC_EVENT_CLOSED,         /* the last one: text says why, in words */
};

struct dpc_event {
	enum dpc_event_type type;
	enum dpc_state state;
	uint16_t channel;
	bool by_remote; /* with CHANNEL_OPEN: the other side opened it */
	bool binary;
	const void *data; /* borrowed until the next call with this peer */
	size_t size;
	const char *text; /* likewise */
};

bool dpc_peer_next_event(struct dpc_peer *peer, struct dpc_event *ret_event);
enum dpc_state dpc_peer_state(const struct dpc_peer *peer);
const char *dpc_peer_state_name(enum dpc_state state);

/* ---- Channels ---- */

#define DPC_LABEL_MAX 256
#define DPC_CHANNELS_MAX 1024

/* How hard a message is tried. What is given up is counted in dpc_stats.messages_abandoned. With a
 * peer that cannot skip messages (RFC 3758) every channel is reliable. */
enum dpc_reliability {
	DPC_RELIABLE,
	DPC_MAX_RETRANSMITS, /* `limit`: how often it is sent again; 0 never */
	DPC_MAX_LIFETIME,    /* `limit`: milliseconds after dpc_peer_send() in which it is sent */
};

/* What RFC 8831 section 6.4 names; others are weights between them. A channel gets its share of the
 * connection in proportion, and what one leaves the others use. */
#define DPC_PRIORITY_BELOW_NORMAL 128
#define DPC_PRIORITY_NORMAL 256
#define DPC_PRIORITY_HIGH 512
#define DPC_PRIORITY_EXTRA_HIGH 1024

#define DPC_CHANNEL_ID_MAX 65534

/* Zero is an ordered, reliable channel of normal priority that is told to the other side. */
struct dpc_channel_config {
	const char *label;    /* UTF-8, at most DPC_LABEL_MAX bytes */
	const char *protocol; /* likewise; NULL: empty */
	bool unordered;
	enum dpc_reliability reliability;
	uint32_t limit;    /* of the reliability */
	uint16_t priority; /* 0: DPC_PRIORITY_NORMAL */
	bool negotiated;   /* both sides open it with the same `id`, and nothing is told */
	uint16_t id;       /* of a negotiated channel: at most DPC_CHANNEL_ID_MAX */
};

/* Opens a channel. Once the remote description is set it may be sent on at once, before the
 * connection is up; until then a send is DPC_ERR_AGAIN. Its id is known only
 * when DTLS has decided who takes even ids, so this is a handle of ours: the same that events
 * carry. DPC_ERR_EXISTS: a negotiated channel's id is in use. DPC_ERR_NOT_FOUND: the peer has no
 * such id. DPC_ERR_LIMIT. */
enum dpc_err dpc_peer_open_channel(struct dpc_peer *peer, int64_t now,
	const struct dpc_channel_config *config, uint16_t *ret_channel);
enum dpc_err dpc_peer_close_channel(struct dpc_peer *peer, int64_t now, uint16_t channel);
/* Label and protocol of a channel, of either side's making; valid until it is closed. NULL: none
 * such. */
const char *dpc_peer_channel_label(const struct dpc_peer *peer, uint16_t channel);
const char *dpc_peer_channel_protocol(const struct dpc_peer *peer, uint16_t channel);

/* The id on the wire; -1 while it has none, and for no channel. */
int32_t dpc_peer_channel_id(const struct dpc_peer *peer, uint16_t channel);

/* Copies the message. DPC_ERR_TOO_LARGE: more than dpc_peer_stats().remote_message_max.
 * DPC_ERR_AGAIN: nothing was taken. */
enum dpc_err dpc_peer_send(struct dpc_peer *peer, int64_t now, uint16_t channel, bool binary,
	const void *data, size_t size);
/* Bytes accepted on the channel and not yet handed to the network. */
size_t dpc_peer_buffered(const struct dpc_peer *peer, uint16_t channel);
/* DPC_EVENT_BUFFERED_LOW comes when the amount falls to `bytes` from above; 0 at first. */
void dpc_peer_set_buffered_low(struct dpc_peer *peer, uint16_t channel, size_t bytes);

/* ---- Numbers ---- */

struct dpc_stats {
	bool has_path;
	struct dpc_path path;
	const char *local_type, *remote_type; /* "host", "srflx", "prflx", "relay" */
	/* Why the path is what it is. `searching`: it is not the last word, better ones are still
	 * tried. Addresses that are no relay's, of ours and of the peer's as far as it showed any
	 * or was heard from them; `common_family`: some of both are IPv4, or IPv6. */
	bool searching, common_family;
	unsigned own_addresses, peer_addresses;
	int64_t rtt_us;     /* smoothed (by 1/8), of the association; the latest of the checks where
			       that has none, as after a change of the path; 0 unknown */
	int64_t rtt_min_us; /* the smallest of the last 10 to 20 s in which some were measured; 0
			       unknown */
	int64_t jitter_us;  /* mean deviation of the round trips from rtt_us, smoothed by 1/4: the
			       RTTVAR of RFC 9260 section 6.3.1; 0 where rtt_us is of the checks */
	int64_t setup_us;   /* from creation to connected; 0 before */
	uint32_t remote_message_max;
	uint64_t bytes_in, bytes_out, messages_in, messages_out;
	/* Pieces of messages that were sent, which fill a datagram each where there is much to
	 * send, and how many of them were sent again since they seemed lost. Every repetition is in
	 * both: over any interval the loss is the growth of the second by that of the first, as far
	 * as what was taken for lost was. */
	uint64_t pieces_out, retransmissions;
	uint64_t messages_abandoned; /* given up because of their channel's reliability */
	uint64_t dropped; /* datagrams, records, packets and messages that were malformed or not for
			     us */
	size_t cwnd, send_queue_bytes, receive_queue_bytes;
	size_t mtu;        /* the largest UDP payload that is sent now */
	bool interleaving; /* I-DATA was agreed on: a large message holds up no other channel */
	uint64_t interleaved_in; /* chunks of it that came */
};

void dpc_peer_stats(struct dpc_peer *peer, struct dpc_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
