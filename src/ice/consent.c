/* Whether the peer is still there and wants what we send (RFC 7675), which is asked on the pair
 * that data goes over. Idle, that is one request in five seconds. Only when one is not answered, or
 * when somebody doubts that the path works, there are more, until the path counts as silent; after
 * half a minute without an answer nothing may be sent on it any more. */
#include "ice/internal.h"

/* Uniform in 0.8 to 1.2 times the interval. */
static usec draw_interval(struct ice_agent *agent)
{
	const usec least = ICE_CONSENT_INTERVAL_US * 4 / 5;
	const usec spread = ICE_CONSENT_INTERVAL_US * 2 / 5;
	return least + (usec)rng_below(agent->rng, (uint64_t)spread + 1);
}

static void have_consent(struct ice_agent *agent, usec now)
{
	agent->consent_at = agent->heard_at = now;
	agent->consent_asked_at = agent->consent_again_at = agent->consent_doubt_at = USEC_NEVER;
	agent->consent_in_doubt = false;
}

void consent_begin(struct ice_agent *agent, usec now)
{
	memset(agent->consent, 0, sizeof agent->consent);
	agent->consent_check_at = now + draw_interval(agent);
	have_consent(agent, now);
}

void consent_renew(struct ice_agent *agent, usec now)
{
	CHECK(agent->selected != NONE);
	have_consent(agent, now);
	if (agent->state == ICE_DISCONNECTED)
		agent_set_state(agent, agent->pairs.items[agent->selected].nominated
					       ? ICE_COMPLETED
					       : ICE_CONNECTED);
}

void consent_note_heard(struct ice_agent *agent, usec now, const struct path *path)
{
	if (agent->selected == NONE)
		return;
	if (pair_is_path(agent, &agent->pairs.items[agent->selected], path))
		agent->heard_at = now;
}

/* RFC 7675 section 5.1: a consent check "is transmitted once only", and the next may not come
 * before 4 s. Where every third datagram is lost, six of them in the 30 s of consent are too few. A
 * connectivity check is answered by the same peer with the same credentials and RFC 8489 repeats it
 * at 0.5 s, so an ordinary one follows a consent check that was not answered. */
static void check_instead(struct ice_agent *agent, usec now)
{
	struct ice_pair *pair = &agent->pairs.items[agent->selected];
	agent->consent_again_at = USEC_NEVER;
	if (!pair->transaction.active)
		check_start(agent, pair, now, false);
}

void consent_hurry(const struct ice_agent *agent, struct ice_pair *pair, usec now)
{
	struct transaction *t = &pair->transaction;
	bool is_selected = agent->selected == (size_t)(pair - agent->pairs.items);
	if (!is_selected || agent->consent_asked_at == USEC_NEVER || t->use_candidate)
		return;
	usec repeat = agent->state == ICE_DISCONNECTED ? ICE_CONSENT_REPEAT_SILENT_US
						       : ICE_CONSENT_REPEAT_US;
	t->due = usec_min(t->due, now + repeat);
	/* As long as there is consent there is patience. */
	if (t->transmissions == ICE_TRANSMISSIONS_MAX)
		t->transmissions--;
}

static void begin_to_ask(struct ice_agent *agent, usec now)
{
	agent->consent_asked_at = now;
	agent->consent_doubt_at = now + usec_max(ICE_CONSENT_DOUBT_US, 4 * agent->stats.rtt);
}

void consent_ask(struct ice_agent *agent, usec now)
{
	if (agent->selected == NONE || agent->consent_asked_at != USEC_NEVER)
		return;
	begin_to_ask(agent, now);
	check_instead(agent, now);
}

static usec late_at(const struct ice_agent *agent)
{
	usec asked = agent->consent_asked_at;
	if (asked == USEC_NEVER)
		return USEC_NEVER;
	usec quiet =
		usec_min(agent->heard_at + ICE_CONSENT_QUIET_US, asked + ICE_CONSENT_LATE_HEARD_US);
	usec late = asked + usec_max(ICE_CONSENT_LATE_US, 6 * agent->stats.rtt);
	return usec_max(late, quiet);
}

/* Both sides measure the same quiet, but one question is enough to end it for both: the side that
 * controls is the first to put it. */
static usec too_quiet_at(const struct ice_agent *agent)
{
	if (!agent->quiet_max || agent->consent_asked_at != USEC_NEVER)
		return USEC_NEVER;
	return agent->heard_at + (agent->controlling ? agent->quiet_max * 4 / 5 : agent->quiet_max);
}

void consent_advance(struct ice_agent *agent, usec now)
{
	if (agent->selected == NONE)
		return;
	if (now >= too_quiet_at(agent))
		consent_ask(agent, now);
	if (now >= agent->consent_check_at && agent->consent_asked_at == USEC_NEVER)
		begin_to_ask(agent, now);
	if (now >= agent->consent_again_at)
		check_instead(agent, now);
	if (now >= agent->consent_at + ICE_CONSENT_EXPIRY_US)
		agent_set_state(agent, ICE_FAILED);
	else if (now >= late_at(agent))
		agent_set_state(agent, ICE_DISCONNECTED);
	if (now >= agent->consent_doubt_at) {
		agent->consent_doubt_at = USEC_NEVER;
		agent->consent_in_doubt = true;
		nomination_leave_silent(agent, now);
	}
}

bool consent_is_in_doubt(const struct ice_agent *agent)
{
	return agent->selected != NONE &&
	       (agent->consent_in_doubt || agent->state == ICE_DISCONNECTED);
}

usec consent_deadline(const struct ice_agent *agent)
{
	if (agent->selected == NONE)
		return USEC_NEVER;
	usec next = agent->consent_at + ICE_CONSENT_EXPIRY_US;
	if (agent->state != ICE_DISCONNECTED)
		next = usec_min(next, late_at(agent));
	next = usec_min(next, usec_min(agent->consent_check_at, agent->consent_again_at));
	next = usec_min(next, too_quiet_at(agent));
	return usec_min(next, agent->consent_doubt_at);
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
	agent->consent_again_at = now + usec_max(ICE_CONSENT_WAIT_MIN_US, 2 * agent->stats.rtt);
	if (agent->consent_asked_at == USEC_NEVER)
		begin_to_ask(agent, now);
	struct transaction t = {.active = true,
		.controlling = agent->controlling,
		.tie_breaker = agent->tie_breaker};
	rng_fill(agent->rng, t.id, sizeof t.id);
	*check = (struct consent_check){
		.active = true, .controlling = agent->controlling, .sent_at = now};
	memcpy(check->id, t.id, sizeof t.id);
	const struct ice_pair *pair = &agent->pairs.items[agent->selected];
	return check_write_request(agent, pair, &t, data, capacity, ret_path);
}

static size_t find(const struct ice_agent *agent, struct bytes id)
{
	for (size_t i = 0; i < ICE_CONSENT_CHECKS; i++) {
		const struct consent_check *check = &agent->consent[i];
		if (check->active && bytes_equal(bytes_of(check->id, sizeof check->id), id))
			return i;
	}
	return NONE;
}

bool consent_is_check(const struct ice_agent *agent, struct bytes id)
{
	return agent->selected != NONE && find(agent, id) != NONE;
}

bool consent_receive_response(struct ice_agent *agent, usec now, const struct path *path,
	const struct stun_message *message)
{
	if (!consent_is_check(agent, message->id))
		return false;
	struct consent_check *check = &agent->consent[find(agent, message->id)];
	if (!check_is_authentic(agent, message))
		return true;
	const struct ice_pair *pair = &agent->pairs.items[agent->selected];
	check->active = false;
	/* An error is no consent, and neither is an answer from elsewhere. */
	if (!pair_is_path(agent, pair, path))
		return true;
	if (message->class == STUN_ERROR && message->error_code == STUN_ROLE_CONFLICT) {
		check_lose_conflict(agent, check->controlling);
		nomination_update(agent, now);
	}
	if (message->class != STUN_SUCCESS)
		return true;
	agent->stats.rtt = now - check->sent_at;
	/* A connection that has lasted so long was no false hope. */
	agent->pairs.items[agent->selected].redials = 0;
	consent_renew(agent, now);
	return true;
}
