#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "ice/internal.h"

static bool is_credential(struct bytes b, size_t min, size_t max)
{
	return b.size >= min && b.size <= max && !memchr(b.data, 0, b.size);
}

enum err ice_agent_set_remote(
	struct ice_agent *agent, usec now, struct bytes ufrag, struct bytes pwd, bool lite)
{
	if (agent->remote_pwd)
		return ERR_STATE;
	if (!is_credential(ufrag, 4, ICE_UFRAG_MAX) || !is_credential(pwd, 22, ICE_PWD_MAX))
		return ERR_MALFORMED;
	char *ufrag_copy = text_duplicate_bytes(ufrag), *pwd_copy = text_duplicate_bytes(pwd);
	if (!ufrag_copy || !pwd_copy) {
		free(ufrag_copy);
		free(pwd_copy);
		return ERR_NOMEM;
	}
	agent->remote_ufrag = ufrag_copy;
	agent->remote_pwd = pwd_copy;
	/* RFC 8445 section 6.1.1: beside a lite peer, which checks nothing, we control. */
	if (lite)
		check_switch_role(agent, true);
	agent->checking_since = agent->news_at = now;
	agent_set_state(agent, ICE_CHECKING);
	request_handle_early(agent, now);
	return ERR_OK;
}

/* Credentials that the peer had only offered, when our answer was lost, can be its answer to our
 * own restart. That a check of its came to ours of then says that it had the answer. */
bool ice_agent_was_remote(const struct ice_agent *agent, struct bytes ufrag, struct bytes pwd)
{
	const struct ice_agent *former = agent->former;
	if (!former || !ice_agent_is_remote(former, ufrag, pwd))
		return false;
	for (size_t i = 0; i < former->pairs.count; i++)
		if (former->pairs.items[i].heard)
			return true;
	return false;
}

bool ice_agent_was_checked(const struct ice_agent *agent)
{
	if (agent->early_count > 0)
		return true;
	for (size_t i = 0; i < agent->pairs.count; i++)
		if (agent->pairs.items[i].heard)
			return true;
	return false;
}

bool ice_agent_has_remote(const struct ice_agent *agent)
{
	return agent->remote_pwd != NULL;
}

bool ice_agent_is_remote(const struct ice_agent *agent, struct bytes ufrag, struct bytes pwd)
{
	return agent->remote_pwd && bytes_equal_text(ufrag, agent->remote_ufrag) &&
	       bytes_equal_text(pwd, agent->remote_pwd);
}

size_t agent_find_remote(const struct ice_agent *agent, const struct addr *addr)
{
	for (size_t i = 0; i < agent->remote.count; i++)
		if (addr_matches(&agent->remote.items[i].addr, addr))
			return i;
	return NONE;
}

/* An address that one peer can have: checks must not go to whole networks. */
static bool is_unicast(const struct addr *a)
{
	if (addr_is_unspecified(a) || a->port == 0)
		return false;
	return a->family == ADDR_IPV4 ? a->ip[0] > 0 && a->ip[0] < 224 : a->ip[0] != 0xff;
}

/* What a peer may have us connect to. */
static bool may_dial(const struct addr *a)
{
	return a->port >= ICE_DIAL_PORT_MIN || a->port == 80 || a->port == 443;
}

static void drop_learned(struct ice_agent *agent, size_t place)
{
	CHECK(place < agent->learned_count);
	agent->learned_count--;
	memmove(agent->learned + place, agent->learned + place + 1, agent->learned_count - place);
}

/* Makes room for another learned candidate: the index of the oldest that data does not go to, which
 * is forgotten with its pairs. A NAT that gives the peer one address after the other leaves many
 * that are never heard of again. NONE: all are in use. */
static size_t forget_oldest(struct ice_agent *agent)
{
	for (size_t place = 0; place < agent->learned_count; place++) {
		size_t index = agent->learned[place];
		if (pair_uses_remote(agent, index))
			continue;
		drop_learned(agent, place);
		pair_forget_remote(agent, index);
		return index;
	}
	return NONE;
}

/* RFC 8445 section 7.3.1.3: with a foundation different from all others. A hyphen is in none of the
 * peer's. */
static struct ice_candidate learned_candidate(
	const struct addr *addr, uint32_t priority, size_t index)
{
	struct ice_candidate candidate = {.type = ICE_PEER_REFLEXIVE,
		/* RFC 6544 section 7.2: who has connected to us is active. */
		.tcp = addr->transport == ADDR_TCP ? ICE_TCP_ACTIVE : ICE_TCP_NONE,
		.addr = *addr,
		.priority = priority};
	candidate.addr.scope = 0;
	snprintf(candidate.foundation, sizeof candidate.foundation, "-%zu", index);
	return candidate;
}

enum err agent_learn_remote(
	struct ice_agent *agent, const struct addr *addr, uint32_t priority, size_t *ret_index)
{
	if (!is_unicast(addr))
		return ERR_UNSUPPORTED;
	size_t index = agent->remote.count;
	if (agent->learned_count == ICE_PEER_REFLEXIVE_MAX) {
		index = forget_oldest(agent);
		if (index == NONE)
			return ERR_LIMIT;
		agent->remote.items[index] = learned_candidate(addr, priority, index);
	} else {
		struct ice_candidate candidate = learned_candidate(addr, priority, index);
		enum err err = candidates_append(&agent->remote, &candidate, ICE_REMOTE_MAX);
		if (err)
			return err;
	}
	agent->learned[agent->learned_count++] = (uint8_t)index;
	*ret_index = index;
	return ERR_OK;
}

bool agent_refuses_remote(const struct ice_agent *agent, size_t remote)
{
	return agent->refuse_relayed && agent->remote.items[remote].type == ICE_RELAYED;
}

/* It was talked to before it was known for what it is. */
static void leave(struct ice_agent *agent, usec now, size_t remote)
{
	for (size_t i = 0; i < agent->pairs.count; i++) {
		struct ice_pair *pair = &agent->pairs.items[i];
		if (pair->remote != remote)
			continue;
		pair->state = PAIR_FAILED;
		pair->transaction.active = false;
		pair->triggered = 0;
		pair->heard = pair->nominated = pair->remote_nominated = false;
		if (agent->nominating == i)
			agent->nominating = NONE;
	}
	nomination_update(agent, now);
}

/* A candidate that is signalled after it was learned from a check: what the peer says of it is more
 * than could be learned. */
static enum err complete_learned(
	struct ice_agent *agent, usec now, size_t index, const struct ice_candidate *signalled)
{
	struct ice_candidate *known = &agent->remote.items[index];
	if (known->type != ICE_PEER_REFLEXIVE || signalled->type == ICE_PEER_REFLEXIVE)
		return ERR_EXISTS;
	known->type = signalled->type;
	known->priority = signalled->priority;
	known->base = signalled->base;
	memcpy(known->foundation, signalled->foundation, sizeof known->foundation);
	for (size_t place = 0; place < agent->learned_count; place++)
		if (agent->learned[place] == index)
			drop_learned(agent, place);
	if (agent_refuses_remote(agent, index)) {
		leave(agent, now, index);
	} else if (agent_is_pairing(agent)) {
		for (size_t local = 0; local < agent->local.count; local++)
			if (pair_find(agent, local, index) == NONE)
				(void)pair_add(agent, local, index);
		pair_unfreeze(agent);
		nomination_update(agent, now);
	}
	return ERR_OK;
}

enum err ice_agent_add_remote(
	struct ice_agent *agent, usec now, const struct ice_candidate *candidate)
{
	if (agent->state == ICE_FAILED)
		return ERR_STATE;
	if (!is_unicast(&candidate->addr))
		return ERR_UNSUPPORTED;
	if (candidate->tcp == ICE_TCP_PASSIVE && !may_dial(&candidate->addr))
		return ERR_UNSUPPORTED;
	agent->news_at = now;
	if (candidate->tcp == ICE_TCP_ACTIVE)
		return ERR_OK;
	size_t known = agent_find_remote(agent, &candidate->addr);
	if (known != NONE && agent->remote.items[known].tcp != candidate->tcp)
		return ERR_EXISTS;
	if (known != NONE) {
		enum err err = complete_learned(agent, now, known, candidate);
		if (err == ERR_EXISTS)
			check_all_again(agent, now);
		return err;
	}
	struct ice_candidate copy = *candidate;
	copy.addr.scope = 0;
	enum err err = candidates_append(&agent->remote, &copy, ICE_REMOTE_MAX);
	if (err)
		return err;
	agent->can_dial |= copy.tcp == ICE_TCP_PASSIVE;
	if (agent_is_pairing(agent))
		pair_add_all_of_remote(agent, agent->remote.count - 1);
	return ERR_OK;
}

void ice_agent_end_of_remote(struct ice_agent *agent, usec now)
{
	agent->remote_ended = true;
	if (agent_is_pairing(agent))
		nomination_update(agent, now);
}

size_t ice_agent_remote_count(const struct ice_agent *agent)
{
	return agent->remote.count;
}

const struct ice_candidate *ice_agent_remote(const struct ice_agent *agent, size_t index)
{
	CHECK(index < agent->remote.count);
	return &agent->remote.items[index];
}
