#include "ice/internal.h"

/* RFC 8445 section 8.1.1 leaves the choice to the controlling side. A pair that it checks first and
 * nominates afterwards is its choice, whatever it nominated before. One that nominates with the
 * first check of a pair does so with every pair (RFC 5245, aggressive nomination), of which both
 * sides "MUST ... use the pairs with the highest priority". */
static bool is_choice(const struct ice_agent *agent, const struct ice_pair *pair)
{
	return !agent->controlling && pair->tried;
}

void nomination_receive(struct ice_agent *agent, struct ice_pair *pair)
{
	CHECK(!agent->controlling);
	if (is_choice(agent, pair))
		for (size_t i = 0; i < agent->pairs.count; i++)
			agent->pairs.items[i].remote_nominated = false;
	pair->remote_nominated = true;
}

/* Nominates this valid pair, unless one is being nominated. */
static void nominate(struct ice_agent *agent, usec now, size_t index)
{
	CHECK(agent->controlling);
	if (agent->nominating != NONE)
		return;
	agent->nominating = index;
	check_start(agent, &agent->pairs.items[index], now, true);
}

void nomination_accept(struct ice_agent *agent, struct ice_pair *pair)
{
	CHECK(pair->state == PAIR_SUCCEEDED);
	for (size_t i = 0; i < agent->pairs.count && is_choice(agent, pair); i++)
		agent->pairs.items[i].nominated = false;
	/* When the pair in use has fallen silent, any new nomination is the way out of it. */
	if (consent_is_in_doubt(agent))
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
	bool last_resort = selected_is(agent, ICE_RELAYED, ICE_RELAYED) ||
			   pair_is_tcp(agent, &agent->pairs.items[agent->selected]);
	return agent->valid_since +
	       (last_resort ? ICE_NOMINATION_WAIT_RELAYED_US : ICE_NOMINATION_WAIT_US);
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
	bool moved = best != agent->selected;
	bool changed = moved || nominated != agent->selected_nominated;
	if (moved && best != NONE) {
		if (agent->selected == NONE)
			agent->valid_since = now;
		consent_begin(agent, now);
	}
	agent->selected = best;
	agent->selected_changed |= changed;
	agent->selected_nominated = nominated;
	follow_state(agent, moved);
	/* Not again for what a check of the peer begins afterwards: it may choose that next. */
	if (nominated && changed)
		pair_drop_losers(agent);
	if (should_nominate(agent, now))
		nominate(agent, now, agent->selected);
}

/* Of the valid pairs that on which the peer was heard last, after it was last heard on the one in
 * use; or NONE. */
static size_t find_heard(const struct ice_agent *agent)
{
	size_t latest = NONE;
	usec latest_at = agent->consent_at;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *pair = &agent->pairs.items[i];
		if (i == agent->selected || pair->state != PAIR_SUCCEEDED ||
			pair->heard_at <= latest_at)
			continue;
		latest = i;
		latest_at = pair->heard_at;
	}
	return latest;
}

void nomination_leave_silent(struct ice_agent *agent, usec now)
{
	size_t index = consent_is_in_doubt(agent) ? find_heard(agent) : NONE;
	if (index == NONE)
		return;
	if (agent->controlling) {
		nominate(agent, now, index);
		return;
	}
	nomination_receive(agent, &agent->pairs.items[index]);
	nomination_accept(agent, &agent->pairs.items[index]);
	nomination_update(agent, now);
}

usec nomination_deadline(const struct ice_agent *agent)
{
	return may_nominate(agent) ? wait_until(agent) : USEC_NEVER;
}
