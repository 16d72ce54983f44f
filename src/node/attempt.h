/* How a session tries to reach its peer, without I/O: which ways are tried now, when to begin the
 * next, when to give up and when to try again (ARCHITECTURE.md, "Links").
 *
 * A round tries the known addresses and, after a head start or when they fail, WebRTC through the
 * hub. The first that authenticates wins. Each way has a time limit of its own (link.h) and reports
 * its failure here. A round that fails is followed by another one after a growing, jittered wait,
 * as long as the connection is wanted. */
#ifndef NODE_ATTEMPT_H
#define NODE_ATTEMPT_H

#include <stdbool.h>

#include "base/rng.h"
#include "base/usec.h"

enum via {
	VIA_AUTO,
	VIA_DIRECT,
	VIA_WEBRTC,
};

const char *via_name(enum via via);
/* "auto", "direct", "webrtc". */
bool via_parse(const char *name, enum via *ret_via);

enum attempt_state {
	ATTEMPT_IDLE,    /* nobody wants this connection */
	ATTEMPT_TRYING,  /* a round is under way */
	ATTEMPT_WAITING, /* for the next round */
	ATTEMPT_LINKED,  /* there is a link */
};

/* What could be tried at this moment. */
struct attempt_means {
	bool direct; /* an address is known */
	bool webrtc; /* the hub is connected */
};

/* What the caller has to do now: begin these, or nothing. */
struct attempt_step {
	bool direct, webrtc;
	bool failed; /* the round is over without a link */
};

struct attempt {
	enum attempt_state state;
	enum via via;
	bool wanted;                         /* dial again after a failure or a loss */
	bool direct_running, webrtc_running; /* of this round */
	bool webrtc_due;                     /* not begun yet in this round */
	unsigned failures;                   /* rounds without a link since the last one */
	usec deadline;                       /* when attempt_advance() is to be called */
};

/* Begins a round, or a new one in place of the present one, whose remains the caller has dropped.
 */
struct attempt_step attempt_start(
	struct attempt *a, usec now, enum via via, struct attempt_means means, struct rng *rng);
/* The deadline has passed. */
struct attempt_step attempt_advance(
	struct attempt *a, usec now, struct attempt_means means, struct rng *rng);
/* One of the ways that were begun has failed, with the time and means of now. */
struct attempt_step attempt_failed(
	struct attempt *a, usec now, bool direct, struct attempt_means means, struct rng *rng);
/* A link is up, whoever began it. */
void attempt_linked(struct attempt *a);
/* The last link is gone: the next round soon, if wanted. */
void attempt_lost(struct attempt *a, usec now, struct rng *rng);
/* The hub or an address has become available: a waiting session need not wait on, but for a moment
 * of this window, which it shares with others. */
void attempt_hurry(struct attempt *a, usec now, usec window, struct rng *rng);
/* Nobody wants it any more: stops waiting; a round that is under way ends by itself. */
void attempt_unwant(struct attempt *a);

/* The wait after `failures` rounds without a link (at least 1): from the upper half of what doubles
 * with each. For two that lost each other. */
usec attempt_backoff(unsigned failures, usec first, usec max, struct rng *rng);
/* The same, from the whole of it: for many that lost the same. */
usec attempt_spread(unsigned failures, usec first, usec max, struct rng *rng);

/* ---- Two decisions that both ends take alike ---- */

/* Two offers crossed: "the one of the lexicographically greater node id wins". */
bool glare_ours_wins(const char *our_id, const char *their_id);

/* A second link to the same peer is up. The node with the greater id decides, by closing one: the
 * other keeps both open until then, so that both ends agree without a word. */
enum duplicate_verdict {
	DUPLICATE_KEEP_BOTH, /* the other side decides; use the newer one */
	DUPLICATE_CLOSE_OLD,
};
enum duplicate_verdict duplicate_decide(const char *our_id, const char *their_id);

#endif
