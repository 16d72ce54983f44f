/* When the names of the STUN servers are looked up, without I/O: at the start, and again with a
 * growing wait where one was not found, as when the node comes up before its network. What was
 * found is looked up again after a while, for servers move; until then, and where the name server
 * is silent, the old addresses hold. */
#ifndef NODE_STUN_NAMES_H
#define NODE_STUN_NAMES_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/rng.h"
#include "base/usec.h"
#include "node/limits.h"

/* Addresses kept of one server: the first two of each family, as far as there are any. */
#define STUN_NAME_ADDRS_MAX 4

struct stun_name {
	struct addr addrs[STUN_NAME_ADDRS_MAX];
	size_t count;
	bool asking;
	unsigned failures; /* in a row */
	usec due;          /* while it is not asked for */
};

struct stun_names {
	struct stun_name names[CONFIG_STUN_MAX];
	size_t count;
	struct rng *rng; /* borrowed */
};

/* All are due at once. */
void stun_names_init(struct stun_names *names, size_t count, struct rng *rng, usec now);

#define STUN_NAMES_NONE SIZE_MAX
/* One that is to be looked up now, and is taken as being so; or STUN_NAMES_NONE. */
size_t stun_names_next(struct stun_names *names, usec now);
/* USEC_NEVER: none is due before another answer. */
usec stun_names_deadline(const struct stun_names *names);

/* The answer for one. Whether its addresses are other ones than before. */
bool stun_names_found(
	struct stun_names *names, size_t index, const struct addr *addrs, size_t count, usec now);
/* Whether this is the first time in a row, and so worth telling. */
bool stun_names_failed(struct stun_names *names, size_t index, usec now);

/* The network is another one: those that were not found are due now. */
void stun_names_hurry(struct stun_names *names, usec now);

bool stun_names_is_asking(const struct stun_names *names);
/* The addresses of all, at most `max`: the first of each before the second of any. */
size_t stun_names_addrs(const struct stun_names *names, struct addr *addrs, size_t max);

#endif
