#include "ice/internal.h"

void nomination_accept(struct ice_agent *agent, struct ice_pair *pair)
{
	CHECK(pair->state == PAIR_SUCCEEDED);
	/* Of several nominated pairs that of highest priority wins, which is what peers that
	 * nominate aggressively (RFC 5245) rely on. But when the one in use has fallen silent, a
	 * new nomination is the peer's way out of it. */
	if (agent->state == ICE_DISCONNECTED && agent->selected != NONE)
		agent->pairs.items[agent->selected].nominated = false;
	pair->nominated = true;
}

/* The nominated pair of highest priority, else the valid one, or NONE. Data may flow over a valid
 * pair before nomination (RFC 8445 section 12.1). */
static size_t find_best(const struct ice_agent *agent)
{
	size_t best = NONE;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->state != PAIR_SUCCEEDED)
			continue;
		const struct ice_pair *other = best == NONE ? NULL : &agent->pairs.items[best];
		bool better = !other || (pair->nominated == other->nominated
							? pair_priority(agent, pair) >
								  pair_priority(agent, other)
							: pair->nominated);
		if (better)
			best = i;
	}
	return best;
}

static bool better_is_pending(const struct ice_agent *agent)
{
	uint64_t priority = pair_priority(agent, &agent->pairs.items[agent->selected]);
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *pair = &agent->pairs.items[i];
		if (pair_is_pending(pair) && pair_priority(agent, pair) > priority)
			return true;
	}
	return false;
}

static bool selected_is(const struct ice_agent *agent, enum ice_type local, enum ice_type remote)
{
	const struct ice_pair *pair = &agent->pairs.items[agent->selected];
	return pair->valid_type == local || agent->remote.items[pair->remote].type == remote;
}

static usec wait_until(const struct ice_agent *agent)
{
	bool relayed = selected_is(agent, ICE_RELAYED, ICE_RELAYED);
	return agent->valid_since +
	       (relayed ? ICE_NOMINATION_WAIT_RELAYED_US : ICE_NOMINATION_WAIT_US);
}

static bool may_nominate(const struct ice_agent *agent)
{
	return agent->controlling && agent->remote_pwd && agent->selected != NONE &&
	       agent->nominating == NONE && !agent->pairs.items[agent->selected].nominated;
}

/* Regular nomination: at once when nothing better can be expected, that is when no better check is
 * under way and no better candidate to come, else after a short wait. */
static bool should_nominate(const struct ice_agent *agent, usec now)
{
	if (!may_nominate(agent))
		return false;
	if (now >= wait_until(agent))
		return true;
	const struct ice_pair *pair = &agent->pairs.items[agent->selected];
	bool is_direct =
		pair->valid_type == ICE_HOST && agent->remote.items[pair->remote].type == ICE_HOST;
	return (is_direct || agent->remote_ended) && !better_is_pending(agent);
}

static void follow_state(struct ice_agent *agent, bool changed)
{
	/* Whether consent is late stays as it is for the same pair. */
	if (agent->state == ICE_DISCONNECTED && !changed)
		return;
	if (agent->selected == NONE) {
		if (agent->state != ICE_NEW)
			agent_set_state(agent, ICE_CHECKING);
		return;
	}
	bool nominated = agent->pairs.items[agent->selected].nominated;
	agent_set_state(agent, nominated ? ICE_COMPLETED : ICE_CONNECTED);
}

void nomination_update(struct ice_agent *agent, usec now)
{
	size_t best = find_best(agent);
	bool nominated = best != NONE && agent->pairs.items[best].nominated;
	bool changed = best != agent->selected;
	if (changed && best != NONE) {
		if (agent->selected == NONE)
			agent->valid_since = now;
		consent_begin(agent, now);
	}
	agent->selected = best;
	if (changed || nominated != agent->selected_nominated)
		agent->selected_changed = true;
	agent->selected_nominated = nominated;
	follow_state(agent, changed);
	if (nominated)
		pair_drop_losers(agent);
	if (should_nominate(agent, now)) {
		agent->nominating = agent->selected;
		check_start(agent, &agent->pairs.items[agent->selected], now, true);
	}
}

usec nomination_deadline(const struct ice_agent *agent)
{
	return may_nominate(agent) ? wait_until(agent) : USEC_NEVER;
}
