/* After this hub was cut off from the bus or the store: all its nodes are looked up in the store
 * again, a few at a time, for nobody could tell it what has changed meanwhile. */
#ifndef HUB_RECHECK_H
#define HUB_RECHECK_H

#include "hub/admission.h"
#include "net/loop.h"

struct hub;

struct recheck {
	struct hub *hub;
	struct net_timer timer;
	struct contact_id *nodes; /* that are to be looked up, or NULL */
	size_t count, at;
};

/* ERR_NOMEM. */
MUST_CHECK enum err recheck_init(struct recheck *recheck, struct hub *hub);
/* Accepts a zeroed one. */
void recheck_deinit(struct recheck *recheck);
/* From the beginning, if it was under way. */
void recheck_start(struct recheck *recheck);

#endif
