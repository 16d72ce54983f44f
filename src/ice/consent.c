#include "ice/internal.h"

/* Uniform in 0.8 to 1.2 times the interval. */
static usec draw_interval(struct ice_agent *agent)
{
	const usec least = ICE_CONSENT_INTERVAL_US * 4 / 5;
	const usec spread = ICE_CONSENT_INTERVAL_US * 2 / 5;
	return least + (usec)rng_below(agent->rng, (uint64_t)spread + 1);
}

void consent_begin(struct ice_agent *agent, usec now)
{
	memset(agent->consent, 0, sizeof agent->consent);
	agent->consent_at = now;
	agent->consent_check_at = now + draw_interval(agent);
}

void consent_advance(struct ice_agent *agent, usec now)
{
	if (agent->selected == NONE)
		return;
	if (now >= agent->consent_at + ICE_CONSENT_EXPIRY_US)
		agent_set_state(agent, ICE_FAILED);
	else if (now >= agent->consent_at + ICE_CONSENT_LATE_US)
		agent_set_state(agent, ICE_DISCONNECTED);
}

usec consent_deadline(const struct ice_agent *agent)
{
	if (agent->selected == NONE)
		return USEC_NEVER;
	usec next = agent->consent_at + (agent->state == ICE_DISCONNECTED ? ICE_CONSENT_EXPIRY_US
									  : ICE_CONSENT_LATE_US);
	return usec_min(next, agent->consent_check_at);
}

/* RFC 7675 section 5.1: each check is a transaction of its own and is never retransmitted. */
size_t consent_write(
	struct ice_agent *agent, usec now, uint8_t *data, size_t capacity, struct path *ret_path)
{
	if (agent->selected == NONE || now < agent->consent_check_at)
		return 0;
	struct consent_check *check = &agent->consent[agent->consent_next];
	agent->consent_next = (agent->consent_next + 1) % ICE_CONSENT_CHECKS;
	agent->consent_check_at = now + draw_interval(agent);
	struct transaction t = {.active = true, .controlling = agent->controlling};
	rng_fill(agent->rng, t.id, sizeof t.id);
	*check = (struct consent_check){.active = true, .sent_at = now};
	memcpy(check->id, t.id, sizeof t.id);
	const struct ice_pair *pair = &agent->pairs.items[agent->selected];
	return check_write_request(agent, pair, &t, data, capacity, ret_path);
}

static struct consent_check *find(struct ice_agent *agent, struct bytes id)
{
	for (size_t i = 0; i < ICE_CONSENT_CHECKS; i++) {
		struct consent_check *check = &agent->consent[i];
		if (check->active && bytes_equal(bytes_of(check->id, sizeof check->id), id))
			return check;
	}
	return NULL;
}

bool consent_receive_response(struct ice_agent *agent, usec now, const struct path *path,
	const struct stun_message *message)
{
	struct consent_check *check = agent->selected == NONE ? NULL : find(agent, message->id);
	if (!check)
		return false;
	if (!check_is_authentic(agent, message))
		return true;
	const struct ice_pair *pair = &agent->pairs.items[agent->selected];
	check->active = false;
	/* An error is no consent, and neither is an answer from elsewhere. */
	if (message->class != STUN_SUCCESS || !pair_is_path(agent, pair, path))
		return true;
	agent->consent_at = now;
	agent->stats.rtt = now - check->sent_at;
	if (agent->state == ICE_DISCONNECTED)
		agent_set_state(agent, pair->nominated ? ICE_COMPLETED : ICE_CONNECTED);
	return true;
}
