#include "ice/internal.h"

#include <stdlib.h>

static const struct ice_candidate *local_of(
	const struct ice_agent *agent, const struct ice_pair *pair)
{
	return &agent->local.items[pair->local];
}

static const struct ice_candidate *remote_of(
	const struct ice_agent *agent, const struct ice_pair *pair)
{
	return &agent->remote.items[pair->remote];
}

struct path pair_path(const struct ice_agent *agent, const struct ice_pair *pair)
{
	struct path path = {
		.local = local_of(agent, pair)->addr,
		.remote = remote_of(agent, pair)->addr,
	};
	/* What a link-local address of the peer is reached through is known from ours alone. */
	if (addr_is_link_local(&path.remote))
		path.remote.scope = path.local.scope;
	return path;
}

bool pair_is_path(
	const struct ice_agent *agent, const struct ice_pair *pair, const struct path *path)
{
	const struct addr *local = &local_of(agent, pair)->addr;
	if (!addr_matches(&remote_of(agent, pair)->addr, &path->remote))
		return false;
	if (addr_is_unspecified(&path->local))
		return path->local.port == local->port;
	return addr_matches(local, &path->local);
}

/* RFC 8445 section 6.1.2.3. */
uint64_t pair_priority(const struct ice_agent *agent, const struct ice_pair *pair)
{
	uint64_t ours = pair->local_priority, theirs = remote_of(agent, pair)->priority;
	uint64_t controlling = agent->controlling ? ours : theirs;
	uint64_t controlled = agent->controlling ? theirs : ours;
	uint64_t low = controlling < controlled ? controlling : controlled;
	uint64_t high = controlling < controlled ? controlled : controlling;
	return (low << 32) + 2 * high + (controlling > controlled);
}

bool pair_is_pending(const struct ice_pair *pair)
{
	return pair->state != PAIR_SUCCEEDED && pair->state != PAIR_FAILED;
}

size_t pair_find(const struct ice_agent *agent, size_t local, size_t remote)
{
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->local == local && pair->remote == remote)
			return i;
	}
	return NONE;
}

size_t pair_find_transaction(const struct ice_agent *agent, struct bytes id)
{
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct transaction *t = &agent->pairs.items[i].transaction;
		if (t->active && t->transmissions > 0 &&
			bytes_equal(bytes_of(t->id, sizeof t->id), id))
			return i;
	}
	return NONE;
}

/* With an unspecified local address several candidates can share the port: the one that already
 * talks to this remote address is likeliest, then one of the same kind of network. */
static unsigned plausibility(const struct ice_agent *agent, size_t local, const struct addr *remote)
{
	const struct addr *addr = &agent->local.items[local].addr;
	size_t known = agent_find_remote(agent, remote);
	unsigned points = 1;
	if (known != NONE && pair_find(agent, local, known) != NONE)
		points += 4;
	if (addr_is_loopback(addr) == addr_is_loopback(remote))
		points += 2;
	if (addr_is_link_local(addr) == addr_is_link_local(remote))
		points += 1;
	return points;
}

size_t pair_find_local(const struct ice_agent *agent, const struct path *path)
{
	size_t best = NONE;
	unsigned best_points = 0;
	for (size_t i = 0; i < agent->local.count; i++) {
		const struct ice_candidate *c = &agent->local.items[i];
		if (!candidate_is_base(c) || c->addr.family != path->local.family ||
			c->addr.port != path->local.port ||
			c->addr.transport != path->local.transport)
			continue;
		if (!addr_is_unspecified(&path->local)) {
			if (addr_matches(&c->addr, &path->local))
				return i;
			continue;
		}
		/* Which address of a relay it came to is always known. */
		if (c->type == ICE_RELAYED)
			continue;
		unsigned points = plausibility(agent, i, &path->remote);
		if (points > best_points) {
			best = i;
			best_points = points;
		}
	}
	return best;
}

/* RFC 8445 section 6.1.2.2: one family; link-local with link-local alone. And nobody but this host
 * answers on its loopback addresses: a peer must not aim our checks at services there. */
static bool is_possible(const struct ice_agent *agent, size_t local, size_t remote)
{
	const struct ice_candidate *ours = &agent->local.items[local];
	const struct addr *theirs = &agent->remote.items[remote].addr;
	if (agent_refuses_remote(agent, remote))
		return false;
	if (!candidate_is_base(ours) || ours->addr.family != theirs->family ||
		!tcp_fits(ours, &agent->remote.items[remote]))
		return false;
	if (theirs->family == ADDR_IPV6 &&
		addr_is_link_local(&ours->addr) != addr_is_link_local(theirs))
		return false;
	return !addr_is_loopback(theirs) || addr_is_loopback(&ours->addr);
}

/* The place of the pair with the lowest priority of those that nothing depends on yet. */
static size_t find_least(const struct ice_agent *agent)
{
	size_t least = NONE;
	uint64_t least_priority = UINT64_MAX;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *pair = &agent->pairs.items[i];
		bool idle = pair->state == PAIR_FROZEN || pair->state == PAIR_WAITING ||
			    pair->state == PAIR_FAILED;
		uint64_t priority = pair_priority(agent, pair);
		if (idle && !pair->heard && priority < least_priority) {
			least = i;
			least_priority = priority;
		}
	}
	return least;
}

size_t pair_add(struct ice_agent *agent, size_t local, size_t remote)
{
	struct pairs *pairs = &agent->pairs;
	if (!is_possible(agent, local, remote))
		return NONE;
	struct ice_pair pair = {
		.local = (uint8_t)local,
		.remote = (uint8_t)remote,
		.local_priority = agent->local.items[local].priority,
	};
	size_t place = pairs->count;
	if (place < ICE_PAIRS_MAX) {
		void *items = pairs->items;
		if (array_grow(&items, sizeof pair, place, &pairs->capacity, ICE_PAIRS_MAX))
			return NONE;
		pairs->items = items;
		pairs->count++;
	} else {
		place = find_least(agent);
		if (place == NONE ||
			pair_priority(agent, &pair) <= pair_priority(agent, &pairs->items[place]))
			return NONE;
	}
	pairs->items[place] = pair;
	return place;
}

void pair_add_all_of_local(struct ice_agent *agent, size_t local)
{
	for (size_t remote = 0; remote < agent->remote.count && !tcp_is_pruned(agent, local);
		remote++)
		(void)pair_add(agent, local, remote);
	pair_unfreeze(agent);
}

void pair_add_all_of_remote(struct ice_agent *agent, size_t remote)
{
	for (size_t local = 0; local < agent->local.count; local++)
		if (!tcp_is_pruned(agent, local))
			(void)pair_add(agent, local, remote);
	pair_unfreeze(agent);
}

static bool same_foundation(
	const struct ice_agent *agent, const struct ice_pair *a, const struct ice_pair *b)
{
	return strcmp(local_of(agent, a)->foundation, local_of(agent, b)->foundation) == 0 &&
	       strcmp(remote_of(agent, a)->foundation, remote_of(agent, b)->foundation) == 0;
}

/* RFC 8445 section 6.1.4.2: whether another pair of its foundation is being checked, or waits for
 * that, or is a better one to begin with. */
static bool must_stay_frozen(const struct ice_agent *agent, size_t index)
{
	const struct ice_pair *pair = &agent->pairs.items[index];
	uint64_t priority = pair_priority(agent, pair);
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *other = &agent->pairs.items[i];
		if (i == index || !pair_is_pending(other) || !same_foundation(agent, pair, other))
			continue;
		if (other->state != PAIR_FROZEN)
			return true;
		uint64_t other_priority = pair_priority(agent, other);
		if (other_priority > priority || (other_priority == priority && i < index))
			return true;
	}
	return false;
}

void pair_unfreeze(struct ice_agent *agent)
{
	for (size_t i = 0; i < agent->pairs.count; i++)
		if (agent->pairs.items[i].state == PAIR_FROZEN && !must_stay_frozen(agent, i))
			agent->pairs.items[i].state = PAIR_WAITING;
}

void pair_unfreeze_like(struct ice_agent *agent, size_t index)
{
	for (size_t i = 0; i < agent->pairs.count; i++) {
		struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->state == PAIR_FROZEN &&
			same_foundation(agent, pair, &agent->pairs.items[index]))
			pair->state = PAIR_WAITING;
	}
}

void pair_trigger(struct ice_agent *agent, struct ice_pair *pair)
{
	pair->state = PAIR_WAITING;
	if (pair->triggered == 0)
		pair->triggered = ++agent->triggered_last;
}

struct ice_pair *pair_next(const struct ice_agent *agent, usec now)
{
	struct ice_pair *best = NULL;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->state != PAIR_WAITING || tcp_must_wait(agent, pair, now))
			continue;
		bool first = !best;
		if (best && (pair->triggered > 0) != (best->triggered > 0))
			first = pair->triggered > 0;
		else if (best && pair->triggered > 0)
			first = pair->triggered < best->triggered;
		else if (best)
			first = pair_priority(agent, pair) > pair_priority(agent, best);
		if (first)
			best = pair;
	}
	return best;
}

/* Valid pairs stay, because the peer may send on any of them; those that it checked too, because
 * it may take our answer for valid and send. On the controlled side a better pair may still be
 * nominated by a peer that nominates aggressively. */
static bool is_loser(const struct ice_agent *agent, const struct ice_pair *pair, bool is_worse)
{
	if (pair->state == PAIR_SUCCEEDED || pair->heard)
		return false;
	return agent->controlling || is_worse || !pair_is_pending(pair);
}

static void remove_pair(struct ice_agent *agent, size_t index)
{
	struct pairs *pairs = &agent->pairs;
	CHECK(index < pairs->count);
	CHECK(index != agent->selected);
	if (agent->selected != NONE && agent->selected > index)
		agent->selected--;
	if (agent->nominating == index)
		agent->nominating = NONE;
	else if (agent->nominating != NONE && agent->nominating > index)
		agent->nominating--;
	pairs->count--;
	memmove(pairs->items + index, pairs->items + index + 1,
		(pairs->count - index) * sizeof *pairs->items);
}

bool pair_uses_remote(const struct ice_agent *agent, size_t remote)
{
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->remote == remote && (i == agent->selected || i == agent->nominating ||
						      pair->nominated || pair->remote_nominated))
			return true;
	}
	return false;
}

void pair_forget_remote(struct ice_agent *agent, size_t remote)
{
	for (size_t i = agent->pairs.count; i-- > 0;)
		if (agent->pairs.items[i].remote == remote)
			remove_pair(agent, i);
	pair_unfreeze(agent);
}

void pair_forget_local(struct ice_agent *agent, usec now, size_t local)
{
	bool selected =
		agent->selected != NONE && agent->pairs.items[agent->selected].local == local;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->local != local)
			continue;
		pair->state = PAIR_FAILED;
		pair->nominated = pair->remote_nominated = false;
		pair->triggered = 0;
		pair->transaction.active = false;
		if (agent->nominating == i)
			agent->nominating = NONE;
	}
	/* Looking for another begins now. */
	if (selected)
		agent->checking_since = agent->news_at = now;
	nomination_update(agent, now);
	for (size_t i = agent->pairs.count; i-- > 0;) {
		struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->local == local)
			remove_pair(agent, i);
		else if (pair->local > local)
			pair->local--;
	}
	pair_unfreeze(agent);
}

void pair_drop_losers(struct ice_agent *agent)
{
	struct pairs *pairs = &agent->pairs;
	CHECK(agent->selected < pairs->count);
	uint64_t selected_priority = pair_priority(agent, &pairs->items[agent->selected]);
	for (size_t i = pairs->count; i-- > 0;) {
		struct ice_pair *pair = &pairs->items[i];
		bool is_worse = pair_priority(agent, pair) <= selected_priority;
		if (is_loser(agent, pair, is_worse)) {
			remove_pair(agent, i);
		} else if (pair_is_pending(pair) && (is_worse || agent->controlling)) {
			pair->state = PAIR_FAILED;
			pair->triggered = 0;
			pair->transaction.active = false;
		}
	}
	size_t kept = pairs->count;
	void *items = realloc(pairs->items, kept * sizeof *pairs->items);
	if (items) {
		pairs->items = items;
		pairs->capacity = kept;
	}
}
