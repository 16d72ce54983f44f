/* Challenges for proofs of possession: fresh, for one node and one purpose, good for one answer.
 *
 * The hub remembers none that it gave out: a challenge carries its own time and a MAC over what it
 * is for. Only those that were answered rightly are remembered, until they expire. So nobody can
 * push others' challenges out of a table by asking for many. */
#ifndef HUB_CHALLENGE_H
#define HUB_CHALLENGE_H

#include "base/list.h"
#include "base/map.h"

/* Text and final zero: 8 bytes of time, 16 random ones, 24 of MAC, in base64url. */
#define CHALLENGE_TEXT_MAX 65

struct challenges {
	uint8_t key[32];
	struct rng *rng;
	struct map spent;
	struct list by_expiry; /* of the spent ones */
};

void challenges_init(struct challenges *challenges, size_t spent_max, struct rng *rng);
void challenges_deinit(struct challenges *challenges);

/* `now` in unix seconds; `text` has room for CHALLENGE_TEXT_MAX. ERR_NOMEM. */
MUST_CHECK enum err challenge_issue(struct challenges *challenges, const char *purpose,
	const char *node_id, int64_t now, char *text);
/* Whether we gave it out for this, it is still fresh, and was not answered yet. ERR_UNTRUSTED,
 * ERR_EXPIRED, ERR_EXISTS. */
MUST_CHECK enum err challenge_check(const struct challenges *challenges, const char *purpose,
	const char *node_id, const char *text, int64_t now);
/* It was answered rightly. ERR_LIMIT: too many were, lately; ERR_NOMEM; ERR_EXISTS. */
MUST_CHECK enum err challenge_spend(struct challenges *challenges, const char *text, int64_t now);

#endif
