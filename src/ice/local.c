#include <stdio.h>

#include "ice/internal.h"

/* RFC 8445 section 5.1.2.1 leaves the local preference to us: the first address of each family is
 * the best, families take turns with IPv6 first (RFC 8421), and addresses that reach no further
 * than the link or the host come last. */
static uint16_t local_preference(
	const struct ice_agent *agent, const struct addr *addr, enum ice_tcp tcp)
{
	unsigned rank = addr->family == ADDR_IPV4, most = tcp ? ICE_TCP_OTHER_MAX : UINT16_MAX;
	for (size_t i = 0; i < agent->local.count; i++) {
		const struct ice_candidate *c = &agent->local.items[i];
		if (c->type == ICE_HOST && c->addr.family == addr->family && c->tcp == tcp)
			rank += 2;
	}
	if (addr_is_loopback(addr))
		rank += (most + 1) / 2;
	else if (addr_is_link_local(addr))
		rank += (most + 1) / 4;
	uint16_t preference = (uint16_t)(most - rank);
	return tcp ? ice_tcp_local_preference(tcp, preference) : preference;
}

static bool has_priority(const struct ice_agent *agent, uint32_t priority)
{
	for (size_t i = 0; i < agent->local.count; i++)
		if (agent->local.items[i].priority == priority)
			return true;
	return false;
}

/* RFC 8445 section 5.1.1.3: one for each type, transport, IP of a base, and server. A second
 * reflexive address of one base is of another server, or of a router that has mapped the port;
 * relayed ones are each of another server, or reached over another transport. What goes nowhere
 * must not hold up the checks of the next. */
static void set_foundation(const struct ice_agent *agent, struct ice_candidate *candidate)
{
	for (size_t i = 0; i < agent->local.count; i++) {
		const struct ice_candidate *c = &agent->local.items[i];
		bool is_other_server =
			c->type == ICE_RELAYED ||
			(c->type == ICE_SERVER_REFLEXIVE && addr_equal(&c->base, &candidate->base));
		if (c->type == candidate->type && c->tcp == candidate->tcp && !is_other_server &&
			addr_same_ip(&c->base, &candidate->base)) {
			memcpy(candidate->foundation, c->foundation, sizeof c->foundation);
			return;
		}
	}
	snprintf(candidate->foundation, sizeof candidate->foundation, "%u", agent->foundations + 1);
}

/* RFC 8445 section 5.1.3: redundant is what has the same address and the same base. */
static enum err add_local(struct ice_agent *agent, struct ice_candidate *candidate)
{
	if (agent->state == ICE_FAILED)
		return ERR_STATE;
	for (size_t i = 0; i < agent->local.count; i++) {
		const struct ice_candidate *c = &agent->local.items[i];
		if (addr_equal(&c->addr, &candidate->addr) &&
			addr_equal(&c->base, &candidate->base))
			return ERR_EXISTS;
	}
	/* RFC 8445 section 5.1.2: "Each candidate ... MUST have a unique priority", though two
	 * servers see two addresses of one base, or give two: the local preference, which begins at
	 * bit 8, is the next that is free. */
	while (has_priority(agent, candidate->priority))
		candidate->priority -= 1 << 8;
	set_foundation(agent, candidate);
	enum err err = candidates_append(&agent->local, candidate, ICE_LOCAL_MAX);
	if (!err)
		agent->foundations++;
	return err;
}

static enum err add_base(struct ice_agent *agent, struct ice_candidate *candidate)
{
	enum err err = add_local(agent, candidate);
	if (err)
		return err;
	if (agent_is_pairing(agent))
		pair_add_all_of_local(agent, agent->local.count - 1);
	return ERR_OK;
}

enum err ice_agent_add_host(struct ice_agent *agent, usec now, const struct addr *addr)
{
	(void)now;
	CHECK(addr->family != ADDR_NONE);
	struct ice_candidate candidate = {.type = ICE_HOST, .addr = *addr, .base = *addr};
	if (addr->transport == ADDR_TCP)
		candidate.tcp = addr->port == ICE_PORT_ACTIVE ? ICE_TCP_ACTIVE : ICE_TCP_PASSIVE;
	uint16_t preference = local_preference(agent, addr, candidate.tcp);
	candidate.priority = candidate.tcp ? ice_candidate_priority_tcp(ICE_HOST, preference)
					   : ice_candidate_priority(ICE_HOST, preference);
	return add_base(agent, &candidate);
}

static const struct ice_candidate *find_host(const struct ice_agent *agent, const struct addr *addr)
{
	for (size_t i = 0; i < agent->local.count; i++) {
		const struct ice_candidate *c = &agent->local.items[i];
		if (c->type == ICE_HOST && addr_equal(&c->addr, addr))
			return c;
	}
	return NULL;
}

enum err ice_agent_add_reflexive(
	struct ice_agent *agent, usec now, const struct addr *base, const struct addr *reflexive)
{
	(void)now;
	const struct ice_candidate *host = find_host(agent, base);
	if (!host)
		return ERR_NOT_FOUND;
	struct ice_candidate candidate = {
		.type = ICE_SERVER_REFLEXIVE,
		.addr = *reflexive,
		.base = *base,
		.priority = ice_candidate_priority(
			ICE_SERVER_REFLEXIVE, (uint16_t)(host->priority >> 8)),
	};
	return add_local(agent, &candidate);
}

/* RFC 8445 section 5.1.1.2: its base is the relayed address itself. */
enum err ice_agent_add_relayed(struct ice_agent *agent, usec now, const struct addr *addr)
{
	(void)now;
	CHECK(addr->family != ADDR_NONE);
	struct ice_candidate candidate = {
		.type = ICE_RELAYED,
		.addr = *addr,
		.base = *addr,
		.priority = ice_candidate_priority(
			ICE_RELAYED, local_preference(agent, addr, ICE_TCP_NONE)),
	};
	return add_base(agent, &candidate);
}

bool candidate_is_base(const struct ice_candidate *candidate)
{
	return candidate->type == ICE_HOST || candidate->type == ICE_RELAYED;
}

static void remove_at(struct ice_agent *agent, usec now, size_t index)
{
	struct candidates *local = &agent->local;
	pair_forget_local(agent, now, index);
	local->count--;
	memmove(local->items + index, local->items + index + 1,
		(local->count - index) * sizeof *local->items);
}

static bool remove_base(struct ice_agent *agent, usec now, const struct addr *addr)
{
	size_t before = agent->local.count;
	for (size_t i = before; i-- > 0;)
		if (addr_equal(&agent->local.items[i].base, addr))
			remove_at(agent, now, i);
	return agent->local.count < before;
}

enum err ice_agent_remove_local(struct ice_agent *agent, usec now, const struct addr *addr)
{
	bool removed = remove_base(agent, now, addr);
	if (agent->former)
		removed |= remove_base(agent->former, now, addr);
	if (removed)
		agent->news_at = now;
	return removed ? ERR_OK : ERR_NOT_FOUND;
}

void ice_agent_end_of_local(struct ice_agent *agent, usec now)
{
	(void)now;
	agent->local_ended = true;
}

size_t ice_agent_local_count(const struct ice_agent *agent)
{
	return agent->local.count;
}

const struct ice_candidate *ice_agent_local(const struct ice_agent *agent, size_t index)
{
	CHECK(index < agent->local.count);
	return &agent->local.items[index];
}
