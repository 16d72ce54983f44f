/* The other hubs, and which of them a node is connected to, as their messages tell it; without I/O.
 *
 * Each hub counts the changes of its nodes. Whoever has missed one sees it by the number, in the
 * next change or at the latest in the next beat, and asks for a snapshot, which replaces all that
 * was known of that hub. A hub that says nothing for BUS_SILENCE_MAX is gone with all its nodes.
 *
 * Of two hubs that say that they have a node, the one to which it connected last is right. Stamps
 * are microseconds since 1970, but never below one that was known for the node, so that a clock
 * that is wrong does not make an older connection the newer one. */
#ifndef HUB_ROSTER_H
#define HUB_ROSTER_H

#include "base/list.h"
#include "base/map.h"
#include "hub/bus_message.h"

struct roster_hub {
	struct list node; /* of the roster's hubs */
	uint64_t id;
	uint64_t number; /* of the last change that is known */
	bool is_whole;   /* nothing before that is missing */
	usec heard;
	usec asked;     /* when a snapshot was asked for; 0: never */
	uint32_t part;  /* of a snapshot that is coming: the next */
	unsigned round; /* counts snapshots */
	struct list nodes;
	size_t node_count;
	/* Signals that came: the greatest number, and a bit for each of the 64 up to it. */
	uint64_t signal_last, signals_seen;
};

struct roster {
	struct map nodes;
	struct list hubs;
	size_t hub_count, hubs_max;
};

void roster_init(struct roster *roster, size_t hubs_max, size_t nodes_max, struct rng *rng);
void roster_deinit(struct roster *roster);

/* The hub, which has been heard; NULL: there are too many, or memory is out. */
struct roster_hub *roster_hear(struct roster *roster, uint64_t hub, usec now);
/* Forgets a hub and its nodes. */
void roster_drop(struct roster *roster, struct roster_hub *hub);
/* The first hub that has said nothing for too long, or NULL. */
struct roster_hub *roster_silent(struct roster *roster, usec now);

/* Takes in a message of kind BUS_BEAT, BUS_ENTER, BUS_LEAVE or BUS_SNAPSHOT. Afterwards the hub is
 * asked for a snapshot when roster_hub_needs_snapshot() says so. */
void roster_take(struct roster *roster, struct roster_hub *hub, const struct bus_message *message);
/* Whether to ask now: something is missing, and it was not asked just now. Takes it for asked. */
bool roster_hub_needs_snapshot(struct roster_hub *hub, usec now);
/* Whether this signal of the hub came for the first time, and not long after later ones. */
bool roster_hub_take_signal(struct roster_hub *hub, uint64_t number);

/* The hub that a node is connected to; false: to none that is known. */
bool roster_find(const struct roster *roster, const struct contact_id *node, uint64_t *ret_hub,
	uint64_t *ret_stamp);
size_t roster_node_count(const struct roster *roster);

/* Whether a connection is newer than another one of the same node. */
bool roster_is_newer(uint64_t stamp, uint64_t hub, uint64_t other_stamp, uint64_t other_hub);

#endif
