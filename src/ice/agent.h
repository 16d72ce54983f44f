/* A full ICE agent for one component of one data stream (RFC 8445), trickle (RFC 8838), with
 * regular nomination and consent freshness (RFC 7675).
 *
 * It does no I/O: datagrams and time come in through arguments, what is to be sent is pulled with
 * ice_agent_write(), what happened with ice_agent_next_event(). After a call that may change state
 * (receive, advance, set_remote, add_*), pull both until they are empty. Sockets are the caller's:
 * one of them serves every agent of a node, so a local candidate is just an address the caller can
 * send from. Malformed or unauthenticated input is dropped and counted. */
#ifndef ICE_AGENT_H
#define ICE_AGENT_H

#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/usec.h"
#include "ice/candidate.h"

#define ICE_UFRAG_MAX 256 /* RFC 8839 section 5.4: 4*256ice-char */
#define ICE_PWD_MAX 256   /* RFC 8839 section 5.4: 22*256ice-char */

/* RFC 8839 section 5.5: what we propose to keep between two checks, and what a peer that proposes
 * nothing does. */
#define ICE_PACING_MS 5
#define ICE_PACING_DEFAULT_MS 50
/* Longer ones are not believed: checks would take minutes. */
#define ICE_PACING_MAX_MS 1000

struct ice_agent;

enum ice_state {
	ICE_NEW, /* no remote credentials yet */
	ICE_CHECKING,
	ICE_CONNECTED,    /* a valid pair can carry data; nomination may be under way */
	ICE_COMPLETED,    /* a pair is nominated */
	ICE_DISCONNECTED, /* consent is late: checks unanswered for some seconds */
	ICE_FAILED,       /* no pair works, or consent expired */
};

struct ice_config {
	bool controlling; /* the offerer; a role conflict may change it */
	/* Addresses that the peer names as those of a relay are not talked to, and not answered
	 * when a check comes from there. */
	bool refuse_relayed;
	/* A peer that was not heard for so long is asked at once whether it is still there. 0: only
	 * as often as its consent has to be asked for, which is every 5 s (RFC 7675). */
	usec quiet_max;
	struct rng *rng; /* borrowed for the agent's life */
};

struct ice_stats {
	uint64_t checks_sent, checks_received, responses_received;
	uint64_t dropped_malformed, dropped_unauthenticated, dropped_unexpected;
	uint64_t role_conflicts;
	usec rtt; /* latest of the selected pair; 0 before the first */
};

/* An event says that something changed, not how often: what it is now is asked of the agent. */
enum ice_event_type {
	ICE_EVENT_STATE,    /* ice_agent_state() changed */
	ICE_EVENT_SELECTED, /* ice_agent_selected() changed */
};

struct ice_event {
	enum ice_event_type type;
	enum ice_state state; /* with ICE_EVENT_STATE */
};

struct ice_selected {
	struct path path; /* local: the base to send from */
	enum ice_type local_type, remote_type;
	bool nominated;
};

/* ERR_NOMEM. Draws user name, password and tie-breaker from the generator. */
MUST_CHECK enum err ice_agent_create(
	const struct ice_config *config, usec now, struct ice_agent **ret_agent);
void ice_agent_destroy(struct ice_agent *agent);

/* A new session in the place of this one (RFC 8445 section 9): new credentials, for which the
 * peer's new ones are to be set, and a new checklist; our candidates and the role stay. Until a
 * pair of the new session works, and if none ever does, data goes over the old one, whose consent
 * goes on; its checks are answered for some seconds more. ERR_EXISTS while this session has no
 * remote credentials: then nobody has used ours, which can be given again, and are waited for anew.
 * ERR_NOMEM. */
MUST_CHECK enum err ice_agent_restart(struct ice_agent *agent, usec now);
/* Whether the session before a restart is still kept: then the user name of old, else NULL. */
const char *ice_agent_former_ufrag(const struct ice_agent *agent);

/* Our credentials for the SDP; valid until a restart. */
const char *ice_agent_ufrag(const struct ice_agent *agent);
const char *ice_agent_pwd(const struct ice_agent *agent);
bool ice_agent_is_controlling(const struct ice_agent *agent);

/* Local candidates, at any time before failure (ERR_STATE). A redundant one (RFC 8445
 * section 5.1.3) is ERR_EXISTS and changes nothing; ERR_LIMIT. `base` of a reflexive one must be a
 * host candidate already added, else ERR_NOT_FOUND. */
/* Over TCP (RFC 6544) an address of ours with ICE_PORT_ACTIVE is an active candidate: what is to be
 * sent from it goes over a connection that the caller makes from this IP to the remote address,
 * when there is none yet. Any other port is that of a listener, a passive candidate: what is to be
 * sent from it goes over the connection that came from the remote address. */
MUST_CHECK enum err ice_agent_add_host(struct ice_agent *agent, usec now, const struct addr *addr);
MUST_CHECK enum err ice_agent_add_reflexive(
	struct ice_agent *agent, usec now, const struct addr *base, const struct addr *reflexive);
/* An address on a relay that the caller can send from as from one of its own (ice/turn.h): the last
 * resort, and all there is where nothing else may be shown. */
MUST_CHECK enum err ice_agent_add_relayed(
	struct ice_agent *agent, usec now, const struct addr *addr);
/* An address that cannot be sent from any more: it goes with its reflexive ones and its pairs, also
 * the selected one. ERR_NOT_FOUND. */
MUST_CHECK enum err ice_agent_remove_local(
	struct ice_agent *agent, usec now, const struct addr *addr);
/* No more will be added: with all checks done and none valid, the agent may fail. */
void ice_agent_end_of_local(struct ice_agent *agent, usec now);

size_t ice_agent_local_count(const struct ice_agent *agent);
const struct ice_candidate *ice_agent_local(const struct ice_agent *agent, size_t index);

/* The peer's, signalled or learned. */
size_t ice_agent_remote_count(const struct ice_agent *agent);
const struct ice_candidate *ice_agent_remote(const struct ice_agent *agent, size_t index);

/* The peer's credentials; once a session. Checks that arrived before were answered at once, and now
 * trigger ours (RFC 8445 section 7.3). Set after the candidates that came with them, they need not
 * be learned. ERR_MALFORMED when a length is outside RFC 8839's, ERR_STATE the second time. */
MUST_CHECK enum err ice_agent_set_remote(
	struct ice_agent *agent, usec now, struct bytes ufrag, struct bytes pwd, bool lite);
/* Whether these are the credentials that were set; or were before a restart that is not over, and
 * the peer has used them with ours of then. */
bool ice_agent_is_remote(const struct ice_agent *agent, struct bytes ufrag, struct bytes pwd);
bool ice_agent_was_remote(const struct ice_agent *agent, struct bytes ufrag, struct bytes pwd);
bool ice_agent_has_remote(const struct ice_agent *agent);
/* Whether a check of the peer has come. */
bool ice_agent_was_checked(const struct ice_agent *agent);
/* What the peer proposes as the time between two checks, which both sides take the longer of.
 * Without it, or with one beyond ICE_PACING_MAX_MS, it is ICE_PACING_DEFAULT_MS. */
void ice_agent_set_pacing(struct ice_agent *agent, unsigned ms);
/* ERR_EXISTS for a redundant one, which lets unanswered checks be repeated, once: see
 * docs/protocol.md. ERR_LIMIT, ERR_UNSUPPORTED for an address that is no single peer's (multicast,
 * port 0) or a service of this machine's surroundings (see ICE_DIAL_PORT_MIN), ERR_STATE after
 * failure. May come before set_remote(). An active TCP candidate is taken note of and not kept: it
 * cannot be connected to, and where it connects from is learned when it does. */
MUST_CHECK enum err ice_agent_add_remote(
	struct ice_agent *agent, usec now, const struct ice_candidate *candidate);
/* Whether the peer has told a passive TCP candidate, so that an active one of ours has a use. */
bool ice_agent_can_dial(const struct ice_agent *agent);
void ice_agent_end_of_remote(struct ice_agent *agent, usec now);

/* The TCP connection of a path could not be made, or has ended: what goes over it goes over another
 * way, or over a new connection. */
void ice_agent_lose_path(struct ice_agent *agent, usec now, const struct path *path);

/* A datagram whose first byte is 0 to 3 (RFC 7983), with the path it came on. An unspecified local
 * address stands for whichever of ours of its family and port is likeliest. */
void ice_agent_receive(
	struct ice_agent *agent, usec now, const struct path *path, struct bytes datagram);
/* Time passes: pull what is to be sent afterwards. Then the deadline lies in the future. */
void ice_agent_advance(struct ice_agent *agent, usec now);
usec ice_agent_deadline(const struct ice_agent *agent);

/* The next STUN message to send, written into `data`; its size, or 0 when there is none.
 * `capacity` is at least ICE_DATAGRAM_MAX. */
#define ICE_DATAGRAM_MAX 1200
size_t ice_agent_write(
	struct ice_agent *agent, usec now, uint8_t *data, size_t capacity, struct path *ret_path);

bool ice_agent_next_event(struct ice_agent *agent, struct ice_event *ret_event);

enum ice_state ice_agent_state(const struct ice_agent *agent);
/* The pair that data goes over; false before there is one and after failure. */
bool ice_agent_selected(const struct ice_agent *agent, struct ice_selected *ret_selected);
/* Whether data received on this path belongs to the session: it is that of a valid pair, or the
 * peer's authentic check came on it, whose answer lets the peer send before our own check is done.
 */
bool ice_agent_path_is_valid(const struct ice_agent *agent, const struct path *path);
/* Something authentic came from the peer on this path besides STUN. It shows that the peer is
 * there, not that it hears us: consent it is not, but silence neither. */
void ice_agent_note_heard(struct ice_agent *agent, usec now, const struct path *path);
/* The path in use may be gone: the peer is asked now, and not within the next seconds. */
void ice_agent_doubt(struct ice_agent *agent, usec now);
const struct ice_stats *ice_agent_stats(const struct ice_agent *agent);

const char *ice_state_name(enum ice_state state);

/* The first part of the USERNAME of a Binding request: the ufrag of the agent that it is for. Lets
 * a socket that serves many agents find the right one (RFC 8445 section 7.2.2). False when the
 * datagram is no Binding request with a user name. `ret_ufrag` borrows from `datagram`. */
bool ice_peek_ufrag(struct bytes datagram, struct bytes *ret_ufrag);

#endif
