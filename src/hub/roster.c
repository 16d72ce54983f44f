#include "hub/roster.h"

#include <stdlib.h>

/* One for each connected node of the whole cluster, so it is small. */
struct roster_node {
	struct list by_hub;
	struct roster_hub *hub;
	uint64_t stamp;
	struct contact_id id;
	unsigned char round; /* of the snapshot that named it last, in its last bits */
};

static struct bytes key_of(const struct contact_id *id)
{
	return bytes_of(id->bytes, id->size);
}

bool roster_is_newer(uint64_t stamp, uint64_t hub, uint64_t other_stamp, uint64_t other_hub)
{
	return stamp != other_stamp ? stamp > other_stamp : hub > other_hub;
}

/* ---- Nodes ---- */

static void forget(struct roster *roster, struct roster_node *node)
{
	CHECK(map_remove(&roster->nodes, key_of(&node->id)) == node);
	list_remove(&node->by_hub);
	node->hub->node_count--;
	free(node);
}

static struct roster_node *find_or_add(
	struct roster *roster, struct roster_hub *hub, const struct contact_id *id)
{
	struct roster_node *node = map_get(&roster->nodes, key_of(id));
	if (node)
		return node;
	node = calloc(1, sizeof *node);
	if (!node)
		return NULL;
	node->id = *id;
	node->hub = hub;
	if (map_insert(&roster->nodes, key_of(&node->id), node) != ERR_OK) {
		free(node);
		return NULL;
	}
	list_push_back(&hub->nodes, &node->by_hub);
	hub->node_count++;
	return node;
}

/* What does not fit in is as if it were away. */
static void enter(
	struct roster *roster, struct roster_hub *hub, const struct contact_id *id, uint64_t stamp)
{
	struct roster_node *node = find_or_add(roster, hub, id);
	if (!node)
		return;
	if (node->hub != hub) {
		if (!roster_is_newer(stamp, hub->id, node->stamp, node->hub->id))
			return;
		list_remove(&node->by_hub);
		node->hub->node_count--;
		node->hub = hub;
		list_push_back(&hub->nodes, &node->by_hub);
		hub->node_count++;
	}
	node->stamp = stamp;
	node->round = (unsigned char)hub->round;
}

static void leave(
	struct roster *roster, struct roster_hub *hub, const struct contact_id *id, uint64_t stamp)
{
	struct roster_node *node = map_get(&roster->nodes, key_of(id));
	if (node && node->hub == hub && node->stamp <= stamp)
		forget(roster, node);
}

bool roster_find(const struct roster *roster, const struct contact_id *node, uint64_t *ret_hub,
	uint64_t *ret_stamp)
{
	const struct roster_node *found = map_get(&roster->nodes, key_of(node));
	if (!found)
		return false;
	*ret_hub = found->hub->id;
	*ret_stamp = found->stamp;
	return true;
}

size_t roster_node_count(const struct roster *roster)
{
	return roster->nodes.count;
}

/* ---- Hubs ---- */

void roster_init(struct roster *roster, size_t hubs_max, size_t nodes_max, struct rng *rng)
{
	*roster = (struct roster){.hubs_max = hubs_max};
	map_init(&roster->nodes, nodes_max, rng);
	list_init(&roster->hubs);
}

void roster_deinit(struct roster *roster)
{
	while (roster->hubs.next && !list_is_empty(&roster->hubs))
		roster_drop(roster, CONTAINER_OF(roster->hubs.next, struct roster_hub, node));
	map_deinit(&roster->nodes);
}

struct roster_hub *roster_hear(struct roster *roster, uint64_t id, usec now)
{
	LIST_FOREACH (node, &roster->hubs) {
		struct roster_hub *hub = CONTAINER_OF(node, struct roster_hub, node);
		if (hub->id == id) {
			hub->heard = now;
			return hub;
		}
	}
	struct roster_hub *hub =
		roster->hub_count < roster->hubs_max ? calloc(1, sizeof *hub) : NULL;
	if (!hub)
		return NULL;
	hub->id = id;
	hub->heard = now;
	list_init(&hub->nodes);
	list_push_back(&roster->hubs, &hub->node);
	roster->hub_count++;
	return hub;
}

void roster_drop(struct roster *roster, struct roster_hub *hub)
{
	while (!list_is_empty(&hub->nodes))
		forget(roster, CONTAINER_OF(hub->nodes.next, struct roster_node, by_hub));
	list_remove(&hub->node);
	roster->hub_count--;
	free(hub);
}

struct roster_hub *roster_silent(struct roster *roster, usec now)
{
	LIST_FOREACH (node, &roster->hubs) {
		struct roster_hub *hub = CONTAINER_OF(node, struct roster_hub, node);
		if (now - hub->heard > BUS_SILENCE_MAX)
			return hub;
	}
	return NULL;
}

/* ---- Messages ---- */

static void forget_unnamed(struct roster *roster, struct roster_hub *hub)
{
	LIST_FOREACH_SAFE (at, &hub->nodes) {
		struct roster_node *node = CONTAINER_OF(at, struct roster_node, by_hub);
		if (node->round != (unsigned char)hub->round)
			forget(roster, node);
	}
}

/* Parts come one after the other, without changes between them; where one is missing, another
 * snapshot is asked for. */
static void take_snapshot(
	struct roster *roster, struct roster_hub *hub, const struct bus_message *message)
{
	struct bytes entries = message->entries;
	struct contact_id node;
	uint64_t stamp;
	/* From before a change that we know. */
	if (message->number < hub->number)
		return;
	if (message->part == 0) {
		hub->round++;
		hub->part = 0;
	}
	if (message->part != hub->part) {
		hub->is_whole = false;
		return;
	}
	hub->part++;
	while (bus_entry_next(&entries, &node, &stamp))
		enter(roster, hub, &node, stamp);
	if (!message->is_last)
		return;
	forget_unnamed(roster, hub);
	hub->number = message->number;
	hub->is_whole = true;
}

static void take_change(
	struct roster *roster, struct roster_hub *hub, const struct bus_message *message)
{
	/* What the last snapshot had already. */
	if (message->number <= hub->number)
		return;
	if (message->number != hub->number + 1)
		hub->is_whole = false;
	hub->number = message->number;
	if (message->kind == BUS_ENTER)
		enter(roster, hub, &message->node, message->stamp);
	else
		leave(roster, hub, &message->node, message->stamp);
}

void roster_take(struct roster *roster, struct roster_hub *hub, const struct bus_message *message)
{
	switch (message->kind) {
	case BUS_BEAT:
		if (message->number != hub->number)
			hub->is_whole = false;
		break;
	case BUS_ENTER:
	case BUS_LEAVE:
		take_change(roster, hub, message);
		break;
	case BUS_SNAPSHOT:
		take_snapshot(roster, hub, message);
		break;
	case BUS_WANT:
	case BUS_END:
	case BUS_SIGNAL:
	case BUS_RECHECK:
	case BUS_SHARED:
		break;
	}
}

bool roster_hub_needs_snapshot(struct roster_hub *hub, usec now)
{
	if (hub->is_whole || (hub->asked && now - hub->asked < BUS_WANT_INTERVAL))
		return false;
	hub->asked = now;
	return true;
}

bool roster_hub_take_signal(struct roster_hub *hub, uint64_t number)
{
	if (number > hub->signal_last) {
		uint64_t step = number - hub->signal_last;
		hub->signals_seen = (step < 64 ? hub->signals_seen << step : 0) | 1;
		hub->signal_last = number;
		return true;
	}
	uint64_t age = hub->signal_last - number;
	if (age >= 64 || (hub->signals_seen >> age & 1))
		return false;
	hub->signals_seen |= UINT64_C(1) << age;
	return true;
}
