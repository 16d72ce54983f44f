/* The state of an agent, shared by the files of this layer, each of which is one procedure:
 *
 *   agent.c       life, what is received and sent, timers, events
 *   local.c       our candidates (RFC 8445 section 5.1)
 *   remote.c      the peer: its credentials and candidates
 *   pair.c        the checklist: pairs, their order, freezing, limits (RFC 8445 section 6.1.2)
 *   request.c     checks of the peer: role conflicts, learned candidates, triggered checks (7.3)
 *   check.c       checks of ours and their responses (7.2)
 *   nomination.c  which pair data goes over (8.1)
 *   consent.c     whether it may still go there (RFC 7675)
 *   tcp.c         what is different over TCP (RFC 6544)
 *   restart.c     a new session beside the one that carries data (9)
 *
 * Pairs are made of candidates of ours that are bases, host and relayed ones: a reflexive one is
 * replaced by its base before pairing, which always leaves a duplicate of its base's pair (RFC 8445
 * section 6.1.2.4). So a pair
 * is found by base and remote address, and those are its path. Pairs refer to candidates by index:
 * one of ours that is removed takes its pairs along and moves the indices of the others; those of
 * the peer stay. */
#ifndef ICE_INTERNAL_H
#define ICE_INTERNAL_H

#include <assert.h>

#include "ice/agent.h"
#include "ice/limits.h"
#include "ice/stun.h"

/* RFC 8445 section 14.2: between two checks lie Ta = 50 ms, unless both sides propose less, and at
 * least 5 ms. Where both do, the first checks go out at that least interval, so that a set-up where
 * one of the first few pairs works, which is nearly every one, is not the time of waiting for it;
 * at about 130 bytes each they stay below 30 kB/s. A long checklist then continues at a calmer
 * pace. */
#define ICE_PACE_FIRST_US (5 * USEC_PER_MS)
#define ICE_PACE_FIRST_CHECKS 20
#define ICE_PACE_US (20 * USEC_PER_MS)

/* RFC 8445 section 14.3: "... MUST NOT use an RTO value smaller than 500 ms". RFC 8489
 * section 6.2.1 doubles it with each of Rc transmissions and waits Rm times the first after the
 * last: here at 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s, failed at 23.5 s. */
#define ICE_RTO_US (500 * USEC_PER_MS)
#define ICE_TRANSMISSIONS_MAX 6
#define ICE_LAST_WAIT_US (16 * ICE_RTO_US)
#define ICE_TRANSACTION_MAX_US (31 * ICE_RTO_US + ICE_LAST_WAIT_US)

/* RFC 8489 section 6.2.2: over TCP a request is sent once, and given up after Ti = 39.5 s unless it
 * is configured to another value: this has the patience of one over UDP, the time to connect
 * included. */
#define ICE_TCP_WAIT_US ICE_TRANSACTION_MAX_US
/* Where UDP works, it does so before a connection is made for nothing. */
#define ICE_TCP_HEAD_START_US (100 * USEC_PER_MS)

/* RFC 8863: even with all pairs failed, a check of the peer may still come and find a way; only
 * after the time a check can take is that hopeless. */
#define ICE_PATIENCE_US ICE_TRANSACTION_MAX_US
/* Without end-of-candidates from both sides, waiting ends this long after the last news. */
#define ICE_GIVE_UP_US (40 * USEC_PER_SEC)

/* How long the controlling side lets better pairs catch up before it nominates. Data flows
 * meanwhile, over the best there is. A relay, or TCP, answers soon where hole punching needs a
 * retransmission, so it waits for two of them, and for a slow answer. */
#define ICE_NOMINATION_WAIT_US (50 * USEC_PER_MS)
#define ICE_NOMINATION_WAIT_RELAYED_US (3 * ICE_RTO_US + 500 * USEC_PER_MS)

/* RFC 7675 section 5.1: every 5 s, randomised by 0.8 to 1.2; no consent for 30 s: stop. */
#define ICE_CONSENT_INTERVAL_US (5 * USEC_PER_SEC)
#define ICE_CONSENT_EXPIRY_US (30 * USEC_PER_SEC)
/* An answer that takes longer than twice the latest round trip is not waited for. */
#define ICE_CONSENT_WAIT_MIN_US ICE_RTO_US
/* While nothing is answered, a check is repeated at least this often, first to tell loss from
 * silence, and then so that the end of the silence is noticed as soon as its beginning. */
#define ICE_CONSENT_REPEAT_US (500 * USEC_PER_MS)
#define ICE_CONSENT_REPEAT_SILENT_US USEC_PER_SEC
/* A check and three more unanswered, half a second apart: reason enough to follow the peer to
 * another pair that it was heard on since, none to call the path silent. */
#define ICE_CONSENT_DOUBT_US (2 * USEC_PER_SEC)
/* From the first check that is not answered until the path counts as silent. A peer that is heard
 * is not silent: its answers may be late or lost one after the other, so as long as its last word
 * is younger than QUIET they have until HEARD. */
#define ICE_CONSENT_LATE_US (3 * USEC_PER_SEC)
#define ICE_CONSENT_QUIET_US (1500 * USEC_PER_MS)
#define ICE_CONSENT_LATE_HEARD_US (10 * USEC_PER_SEC)
/* As many checks as can be younger than the expiry. */
#define ICE_CONSENT_CHECKS 8
static_assert(ICE_CONSENT_CHECKS * (ICE_CONSENT_INTERVAL_US * 4 / 5) >= ICE_CONSENT_EXPIRY_US,
	"a response within the expiry finds its check");

/* RFC 8445 section 8.3: "The agent SHOULD wait an additional three seconds ... and then it can
 * cease responding to checks ... and may free the candidate". So long the session before a restart
 * goes on to answer what is in flight, when the new one has nominated its pair. */
#define ICE_FORMER_LINGER_US (3 * USEC_PER_SEC)

enum pair_state { /* RFC 8445 section 6.1.2.6 */
	PAIR_FROZEN,
	PAIR_WAITING,
	PAIR_IN_PROGRESS,
	PAIR_SUCCEEDED,
	PAIR_FAILED,
};

/* A Binding request on its way. What it says is fixed when it starts, so that a retransmission
 * repeats it to the byte, also when a role conflict has changed us meanwhile. */
struct transaction {
	uint64_t tie_breaker;
	uint8_t id[STUN_ID_SIZE];
	uint8_t transmissions; /* since the patience with it began anew */
	bool active : 1;
	bool repeated : 1; /* so its answer tells no round trip */
	bool controlling : 1, use_candidate : 1;
	usec sent_at; /* the first */
	usec due;     /* next transmission, or failure after the last */
};

struct ice_pair {
	uint8_t local, remote; /* indices of candidates */
	enum pair_state state : 8;
	enum ice_type
		valid_type : 8; /* of the local candidate once it succeeded, as the peer saw it */
	bool heard : 1;         /* an authenticated check of the peer came on it, */
	bool tried : 1;         /* one that did not nominate it, when the peer controls */
	bool remote_nominated : 1; /* with USE-CANDIDATE, when we are controlled */
	bool nominated : 1;
	uint8_t redials;         /* over TCP: connections made after one that broke */
	usec heard_at;           /* the latest then */
	uint32_t local_priority; /* of that local candidate */
	uint32_t triggered;      /* place in the queue of triggered checks; 0: not in it */
	struct transaction transaction;
};

struct early_check {
	struct path path;
	uint32_t priority;
	bool use_candidate;
};

struct response {
	struct path path;
	uint8_t id[STUN_ID_SIZE];
	uint16_t error; /* 0: success */
	bool sha256;    /* which integrity the request had */
	uint8_t unknown_count;
	uint16_t unknown[STUN_UNKNOWN_MAX];
};

struct consent_check {
	uint8_t id[STUN_ID_SIZE];
	bool active; /* sent and not answered */
	bool controlling;
	usec sent_at;
};

struct candidates {
	struct ice_candidate *items;
	size_t count, capacity;
};

struct pairs {
	struct ice_pair *items;
	size_t count, capacity;
};

/* No index. */
#define NONE SIZE_MAX

struct ice_agent {
	struct rng *rng;
	bool controlling;
	bool refuse_relayed;
	usec quiet_max;
	bool checked_again; /* see check_all_again() */
	bool local_ended, remote_ended;
	bool can_dial;         /* the peer has told a passive TCP candidate */
	bool selected_changed; /* an event to be pulled */
	enum ice_state state;
	enum ice_state reported; /* as the last event said */
	uint64_t tie_breaker;
	char ufrag[9], pwd[25]; /* RFC 8445 section 5.3: 24 and 128 bits of randomness at least */
	char *remote_ufrag, *remote_pwd; /* NULL before set_remote() */

	struct candidates local, remote;
	unsigned foundations; /* candidates of ours so far, also those that are gone */
	struct pairs pairs;
	/* Those of the remote candidates that were learned and not signalled, the oldest first. */
	uint8_t learned[ICE_PEER_REFLEXIVE_MAX];
	size_t learned_count;
	struct early_check *early; /* until set_remote() */
	size_t early_count;
	struct response responses[ICE_RESPONSES_MAX];
	size_t response_count;

	uint32_t triggered_last; /* the place given last */
	size_t new_checks;       /* started so far */
	usec pace;               /* agreed on: no two checks are closer */
	usec next_check_at;      /* pacing */
	usec checking_since, news_at;

	size_t selected;         /* NONE: no pair */
	bool selected_nominated; /* as the last event said */
	size_t nominating;       /* the pair whose transaction carries USE-CANDIDATE, or NONE */
	usec valid_since;        /* since when there is a valid pair */

	struct consent_check consent[ICE_CONSENT_CHECKS];
	size_t consent_next;   /* place of the next in the ring */
	usec consent_at;       /* latest proof of consent */
	usec consent_check_at; /* the next check */
	usec consent_again_at; /* when the latest is given up, if it is not answered */
	usec consent_asked_at; /* the first check since that proof; USEC_NEVER: none yet */
	usec heard_at;         /* the peer's latest authentic word on the selected path */
	usec consent_doubt_at; /* when doubts begin, if none is answered; */
	bool consent_in_doubt; /* they have */

	struct ice_stats stats;

	/* The session before a restart, which carries data until this one can. It is an agent by
	 * itself, that is given what is for it, and has no former. NULL: none. */
	struct ice_agent *former;
	usec former_until; /* USEC_NEVER: until this session has nominated a pair */
};

/* agent.c */
void agent_set_state(struct ice_agent *agent, enum ice_state state);
/* Whether they are one address but for scopes, which are numbers of one host. */
bool addr_matches(const struct addr *a, const struct addr *b);
/* Room for one more of `size` bytes; doubles up to `limit`. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err array_grow(
	void **items, size_t size, size_t count, size_t *capacity, size_t limit);
/* Whether new candidates are still paired. */
bool agent_is_pairing(const struct ice_agent *agent);
/* ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err candidates_append(
	struct candidates *list, const struct ice_candidate *candidate, size_t limit);

/* Of one session, as ice_agent_receive() is of both. */
void agent_free_session(struct ice_agent *agent);

/* local.c */
/* Whether datagrams are sent from it. */
bool candidate_is_base(const struct ice_candidate *candidate);

/* restart.c */
/* Which session a message belongs to. */
struct ice_agent *restart_owner(struct ice_agent *agent, const struct stun_message *message);
/* Follows every input: gives the former session up when it is not needed any more. */
void restart_advance(struct ice_agent *agent, usec now);
/* The session that data goes by: that with a selected pair, the new one first. */
const struct ice_agent *restart_carrier(const struct ice_agent *agent);

/* remote.c */
/* The remote candidate with this address, or NONE. */
size_t agent_find_remote(const struct ice_agent *agent, const struct addr *addr);
/* Whether the peer has named it as the address of a relay, and such are not wanted. */
bool agent_refuses_remote(const struct ice_agent *agent, size_t remote);
/* A candidate learned from a check: ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err agent_learn_remote(
	struct ice_agent *agent, const struct addr *addr, uint32_t priority, size_t *ret_index);

/* pair.c */
struct path pair_path(const struct ice_agent *agent, const struct ice_pair *pair);
/* Whether a datagram came on the pair's path, as far as its local address is known. */
bool pair_is_path(
	const struct ice_agent *agent, const struct ice_pair *pair, const struct path *path);
uint64_t pair_priority(const struct ice_agent *agent, const struct ice_pair *pair);
bool pair_is_pending(const struct ice_pair *pair); /* its check may still succeed */
size_t pair_find(const struct ice_agent *agent, size_t local, size_t remote);
size_t pair_find_transaction(const struct ice_agent *agent, struct bytes id);
/* The index of our candidate that a datagram on this path came to, or NONE. */
size_t pair_find_local(const struct ice_agent *agent, const struct path *path);
/* A new frozen pair. NONE when impossible, or of too low a priority where the limit is reached.
 * May move pairs in memory. */
size_t pair_add(struct ice_agent *agent, size_t local, size_t remote);
void pair_add_all_of_local(struct ice_agent *agent, size_t local);
void pair_add_all_of_remote(struct ice_agent *agent, size_t remote);
/* Frozen pairs whose foundation nobody is checking become waiting. Whenever a pair is added or
 * leaves its check, this follows, so a frozen pair never needs looking at. */
void pair_unfreeze(struct ice_agent *agent);
/* All frozen pairs of the foundation of one that succeeded become waiting. */
void pair_unfreeze_like(struct ice_agent *agent, size_t index);
void pair_trigger(struct ice_agent *agent, struct ice_pair *pair);
/* The pair to check next: the first triggered, else the best that waits and may begin; or NULL. */
struct ice_pair *pair_next(const struct ice_agent *agent, usec now);
/* Forgets all pairs with a remote candidate, none of which is in use. */
void pair_forget_remote(struct ice_agent *agent, size_t remote);
/* Whether data goes over a pair with this remote candidate, or shall. */
bool pair_uses_remote(const struct ice_agent *agent, size_t remote);
/* Forgets all pairs with a local candidate, which is removed: data goes elsewhere then. */
void pair_forget_local(struct ice_agent *agent, usec now, size_t local);
/* With a pair nominated: forgets those that lose (section 8.1.2). */
void pair_drop_losers(struct ice_agent *agent);

/* tcp.c */
/* Over TCP: its request is not repeated, since TCP does that. */
bool pair_is_tcp(const struct ice_agent *agent, const struct ice_pair *pair);
/* Whether the transports of two candidates go together. */
bool tcp_fits(const struct ice_candidate *ours, const struct ice_candidate *theirs);
/* Whether only a check of the peer makes a pair with this candidate of ours. */
bool tcp_is_pruned(const struct ice_agent *agent, size_t local);
/* Whether the pair's check is not to begin yet. */
bool tcp_must_wait(const struct ice_agent *agent, const struct ice_pair *pair, usec now);

/* request.c */
void request_receive(struct ice_agent *agent, usec now, const struct path *path,
	const struct stun_message *message);
void request_handle_early(struct ice_agent *agent, usec now);
size_t request_write_response(
	struct ice_agent *agent, uint8_t *data, size_t capacity, struct path *ret_path);

/* check.c */
/* Starts a check; the first transmission has its turn when `due` comes. */
void check_start(struct ice_agent *agent, struct ice_pair *pair, usec now, bool use_candidate);
/* Lets an unanswered check be repeated soon, with its patience anew. */
void check_hasten(struct ice_agent *agent, struct ice_pair *pair, usec now);
/* Lets all unanswered checks for something better than there is be repeated soon. Once. */
void check_all_again(struct ice_agent *agent, usec now);
void check_switch_role(struct ice_agent *agent, bool controlling);
/* The peer refused a check for the role that we had when it began. */
void check_lose_conflict(struct ice_agent *agent, bool controlling);
/* Whether a response carries the peer's integrity; counts it when not. */
bool check_is_authentic(struct ice_agent *agent, const struct stun_message *message);
void check_receive_response(struct ice_agent *agent, usec now, const struct path *path,
	const struct stun_message *message);
size_t check_write_request(struct ice_agent *agent, const struct ice_pair *pair,
	const struct transaction *transaction, uint8_t *data, size_t capacity,
	struct path *ret_path);
size_t check_write(
	struct ice_agent *agent, usec now, uint8_t *data, size_t capacity, struct path *ret_path);
void check_advance(struct ice_agent *agent, usec now);
usec check_deadline(const struct ice_agent *agent);

/* nomination.c */
/* The peer nominates this pair, valid or not yet. */
void nomination_receive(struct ice_agent *agent, struct ice_pair *pair);
/* The peer or our own nominating check chose this valid pair. */
void nomination_accept(struct ice_agent *agent, struct ice_pair *pair);
/* Goes on with the pair on which the peer was heard last, if the one in use has fallen silent
 * since. When a NAT takes another port, the side behind it sees no difference: it hears the other
 * as before on what is the same pair to it, and has no reason to nominate anything. So the
 * controlling side nominates what is another pair to it, and for the controlled one the check is as
 * good as a nomination. */
void nomination_leave_silent(struct ice_agent *agent, usec now);
/* Follows every change of what is valid or nominated, and of the role. */
void nomination_update(struct ice_agent *agent, usec now);
usec nomination_deadline(const struct ice_agent *agent);

/* consent.c */
void consent_begin(struct ice_agent *agent, usec now);
/* The peer has answered on the selected pair. */
void consent_renew(struct ice_agent *agent, usec now);
/* The peer has said something on this path: it is there, though whether it hears us is for its
 * answers to say. */
void consent_note_heard(struct ice_agent *agent, usec now, const struct path *path);
/* A check was sent: the next follows sooner when it is one that stands in for consent. */
void consent_hurry(const struct ice_agent *agent, struct ice_pair *pair, usec now);
/* Asks now and not when the next check is due. */
void consent_ask(struct ice_agent *agent, usec now);
void consent_advance(struct ice_agent *agent, usec now);
/* Whether the selected pair, if there is one, seems to have fallen silent. */
bool consent_is_in_doubt(const struct ice_agent *agent);
usec consent_deadline(const struct ice_agent *agent);
size_t consent_write(
	struct ice_agent *agent, usec now, uint8_t *data, size_t capacity, struct path *ret_path);
/* Whether a response with this id is to a consent check. */
bool consent_is_check(const struct ice_agent *agent, struct bytes id);
/* False when the response is to no consent check. */
bool consent_receive_response(struct ice_agent *agent, usec now, const struct path *path,
	const struct stun_message *message);

#endif
