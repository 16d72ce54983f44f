/* What is different with candidates over TCP (RFC 6544): who can be paired with whom, when a
 * connection is worth making, and that one can end.
 *
 * Left out are simultaneous-open candidates and server-reflexive ones, which need a NAT that keeps
 * the port of TCP connections and lets one in that comes as another goes out; and TLS, as DTLS runs
 * inside. */
#include "ice/internal.h"

bool pair_is_tcp(const struct ice_agent *agent, const struct ice_pair *pair)
{
	return agent->local.items[pair->local].tcp != ICE_TCP_NONE;
}

/* RFC 6544 section 6.2: active with passive. */
bool tcp_fits(const struct ice_candidate *ours, const struct ice_candidate *theirs)
{
	if (!ours->tcp || !theirs->tcp)
		return ours->tcp == theirs->tcp;
	return ours->tcp != theirs->tcp;
}

/* RFC 6544 section 6.2: pairs with a passive candidate of ours are pruned, as there is nothing to
 * send a check over. One comes back when the peer's check does (request.c). */
bool tcp_is_pruned(const struct ice_agent *agent, size_t local)
{
	return agent->local.items[local].tcp == ICE_TCP_PASSIVE;
}

bool ice_agent_can_dial(const struct ice_agent *agent)
{
	return agent->can_dial;
}

/* A connection is not made where it will not be needed: when something better works, or UDP has not
 * had its time. */
bool tcp_must_wait(const struct ice_agent *agent, const struct ice_pair *pair, usec now)
{
	if (!pair_is_tcp(agent, pair) || pair->triggered > 0)
		return false;
	if (agent->selected != NONE && pair_priority(agent, &agent->pairs.items[agent->selected]) >
					       pair_priority(agent, pair))
		return true;
	if (now >= agent->checking_since + ICE_TCP_HEAD_START_US)
		return false;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *other = &agent->pairs.items[i];
		if (!pair_is_tcp(agent, other) && pair_is_pending(other))
			return true;
	}
	return false;
}

static void lose(struct ice_agent *agent, usec now, size_t index)
{
	struct ice_pair *pair = &agent->pairs.items[index];
	bool used = index == agent->selected, tried = pair->state == PAIR_IN_PROGRESS;
	bool again = (used || tried) && agent->local.items[pair->local].tcp == ICE_TCP_ACTIVE &&
		     pair->redials < ICE_REDIALS_MAX;
	pair->redials += again;
	pair->state = again ? PAIR_WAITING : PAIR_FAILED;
	pair->heard = pair->nominated = pair->remote_nominated = false;
	pair->triggered = 0;
	pair->transaction.active = false;
	if (agent->nominating == index)
		agent->nominating = NONE;
	/* Looking for another begins now. */
	if (used)
		agent->checking_since = agent->news_at = now;
	nomination_update(agent, now);
	pair_unfreeze(agent);
}

void ice_agent_lose_path(struct ice_agent *agent, usec now, const struct path *path)
{
	CHECK(path->remote.transport == ADDR_TCP);
	if (agent->former)
		ice_agent_lose_path(agent->former, now, path);
	for (size_t i = 0; i < agent->pairs.count && agent->state != ICE_FAILED; i++)
		if (pair_is_path(agent, &agent->pairs.items[i], path)) {
			lose(agent, now, i);
			return;
		}
}
