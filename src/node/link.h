/* A link: one connection to one peer over which messages go, direct TLS (link_tls.c) or WebRTC
 * (link_rtc.c).
 *
 *     CONNECTING  until the transport has authenticated the peer: the key is the contact's
 *     GREETING    our hello is sent; until the peer's came, or it is known to be on its way
 *     UP          messages go both ways
 *     CLOSING     we said goodbye; messages that still come are handled
 *
 * A link belongs to its session from the beginning; incoming connections become links only when
 * their key is a contact's. It tells its session what happens (session_link_*), never from within a
 * call of the session's, and is destroyed after it has told that it failed or is lost. */
#ifndef NODE_LINK_H
#define NODE_LINK_H

#include <jansson.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/list.h"
#include "crypto/node_id.h"
#include "message/message.h"
#include "net/loop.h"
#include "node/failure.h"
#include "node/link_route.h"
#include "node/quality.h"
#include "node/store.h"

struct node;
struct session;
struct link;

enum link_path {
	LINK_DIRECT,
	LINK_WEBRTC,
};

enum link_state {
	LINK_CONNECTING,
	LINK_GREETING,
	LINK_UP,
	LINK_CLOSING,
};

/* What a transport does for a link. */
struct link_transport {
	/* Takes a whole text message. ERR_AGAIN: the queue is full, link_writable() will follow;
	 * ERR_CLOSED, ERR_TOO_LARGE, ERR_NOMEM. */
	enum err (*send)(struct link *link, struct bytes text);
	/* Takes a message of the channel of files, behind which none of the above waits. As send();
	 * ERR_AGAIN comes much sooner. */
	enum err (*send_piece)(struct link *link, struct bytes piece);
	/* Delivers what was taken, says goodbye, then link_ended(). */
	void (*close)(struct link *link, const char *reason);
	/* Frees the transport and the link's memory, at once. */
	void (*destroy)(struct link *link);
	/* Adds local, remote, types and byte counts. */
	void (*describe)(struct link *link, json_t *description);
	/* Its counters, and round trips as far as it measures them; `link` is not its affair. */
	void (*count)(struct link *link, struct quality_counters *ret_counters);
	/* Which way it goes. */
	void (*route)(struct link *link, struct link_route_facts *ret_facts);
};

struct link {
	struct list node; /* in the session's list, oldest first */
	struct session *session;
	const struct link_transport *transport;
	enum link_path path;
	enum link_state state;
	bool initiator;       /* we dialled, or made the offer */
	bool attempt;         /* belongs to the session's present round */
	bool hub_vouched;     /* no assertion: the hub's word is all there is */
	bool can_restart;     /* the other side can restart ICE: said in its hello */
	bool can_change;      /* it knows edits and deletions of messages: said there too */
	bool told_of_changes; /* that it does not: the user has heard it */
	bool can_mark;        /* it wants to hear what is read, and who is typing */
	bool heard;           /* the peer's first message has come, its hello */
	uint64_t serial;
	usec started, up_at;
	double up_unix_time;
	char agent[MESSAGE_AGENT_MAX + 1]; /* what its hello said */
	struct net_timer timer;            /* of the state */
	usec rtt;                          /* of our last ping over it; 0 unknown */
	usec ping_sent;                    /* 0: none is under way */
	double ping_stamp;
};

const char *link_path_name(enum link_path path);
/* "direct" or "webrtc", addresses, set-up time, round trip: the Link of docs/local-api.md. */
json_t *link_describe(struct link *link);
/* As of now; without a figure of the transport the round trip is that of our last ping. */
void link_count(struct link *link, struct quality_counters *ret_counters);
void link_route(struct link *link, struct link_route *ret_route);

/* ---- For sessions ---- */

/* Begin a link of the session, which reports success or failure later. ERR_LIMIT and the like are
 * told in `failure`. */
MUST_CHECK enum err link_dial(
	struct session *session, const struct store_contact *contact, struct failure *failure);
MUST_CHECK enum err link_offer(struct session *session, struct failure *failure);

/* Encodes and sends. ERR_AGAIN: the queue is full. ERR_STATE: it is not up. */
MUST_CHECK enum err link_send(struct link *link, const struct message *message);
/* A piece of a file, on the channel for those. ERR_AGAIN: link_writable() will follow. */
MUST_CHECK enum err link_send_piece(struct link *link, struct bytes piece);
/* Sends a ping of our own, to measure the round trip. */
void link_ping(struct link *link);
/* Says why ("disconnected", "shutdown", "duplicate") and goodbye; what is only in the making is
 * destroyed. */
void link_close(struct link *link, const char *code);
/* The network of this machine has changed, it has slept, the hub is back: whether the link needs
 * another path (link_restart.c). One that works is left alone for `delay`. */
struct network_change;
void link_network_changed(struct link *link, const struct network_change *change, usec delay);
void link_woke(struct link *link, usec slept);
void link_hub_ready(struct link *link);
/* Whether it is up and carries nothing just now. */
bool link_is_silent(const struct link *link);
/* At once and without telling the session. */
void link_destroy(struct link *link);

/* ---- For transports ---- */

/* Puts a new link, embedded in the transport's memory, into the session. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err link_init(struct link *link, struct session *session, enum link_path path,
	bool initiator, const struct link_transport *transport);
/* Takes it out again; the transport then frees its memory. */
void link_deinit(struct link *link);
/* The key that the transport has proved is the contact's, or becomes it on first use. False: it is
 * another, `failure` says so, an event was emitted, and the link must be given up. */
bool link_check_pin(struct link *link, const struct node_pin *pin, struct failure *failure);
/* Messages can be sent. Sends hello and waits for the peer's, unless `accepted`: the peer has said
 * otherwise that it wants the link, so messages go right behind our hello. */
void link_authenticated(struct link *link, bool accepted);
void link_received(struct link *link, struct bytes text);
/* A message came on the channel of files; the channel was closed with what was on it. */
void link_piece_received(struct link *link, struct bytes piece);
void link_pieces_lost(struct link *link);
void link_writable(struct link *link);
/* What goes over it goes another way now. */
void link_path_changed(struct link *link);
/* It failed or ended, for this reason; destroys the link. NONE: closed in good order. */
void link_ended(struct link *link, const struct failure *failure);

/* ---- The two transports (link_tls.c, link_rtc.c) ---- */

struct net_tls_conn;
struct signal;

/* An incoming connection that showed the contact's key. Takes the connection. */
void link_tls_accept(struct session *session, struct net_tls_conn *conn);
/* Whether what is sent over this direct link leaves from one of these addresses. */
bool link_tls_is_from(struct link *link, const struct addr *locals, size_t count);

/* Answers a contact's offer. ERR_UNTRUSTED and the like: refused, `failure` says why. */
MUST_CHECK enum err link_rtc_accept(
	struct session *session, const struct signal *offer, struct failure *failure);
/* The link of this session id, or NULL. An empty id, of older peers, is any that waits. */
struct link *link_rtc_find(struct session *session, const char *session_id);
/* Our offer that has no answer yet, or NULL. */
struct link *link_rtc_pending_offer(struct session *session);
/* What came from the peer for a WebRTC link, through the hub, or `inside` the link itself. May end
 * and destroy it. */
void link_rtc_signal(struct link *link, const struct signal *signal, bool inside);
/* The hub said that the peer is offline, or refused our signal otherwise. */
void link_rtc_hub_error(struct link *link, const struct failure *failure);

#endif
