/* Challenges for proofs of possession: fresh, for one node and one purpose, without I/O.
 *
 * The hub remembers none that it gave out: a challenge carries its own time and a MAC over what it
 * is for, under a key that all hubs of a store share. Only those that were answered rightly are
 * remembered, in the store, until they expire, so that each is good for one answer. So nobody can
 * push others' challenges out of a table by asking for many. */
#ifndef HUB_CHALLENGE_H
#define HUB_CHALLENGE_H

#include "base/err.h"
#include "base/rng.h"
#include "hub/limits.h"

/* Text and final zero: 8 bytes of time, 16 random ones, 24 of MAC, in base64url. */
#define CHALLENGE_TEXT_MAX 65

struct challenges {
	uint8_t key[CHALLENGE_KEY_SIZE];
	struct rng *rng;
};

/* `now` in unix seconds; `text` has room for CHALLENGE_TEXT_MAX. ERR_NOMEM. */
MUST_CHECK enum err challenge_issue(struct challenges *challenges, const char *purpose,
	const char *node_id, int64_t now, char *text);
/* Whether we gave it out for this, and it is still fresh. ERR_UNTRUSTED, ERR_EXPIRED. */
MUST_CHECK enum err challenge_check(const struct challenges *challenges, const char *purpose,
	const char *node_id, const char *text, int64_t now);

#endif
