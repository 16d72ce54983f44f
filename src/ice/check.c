#include "ice/internal.h"

static usec pace_of(const struct ice_agent *agent)
{
	usec ours = agent->new_checks < ICE_PACE_FIRST_CHECKS ? ICE_PACE_FIRST_US : ICE_PACE_US;
	return usec_max(ours, agent->pace);
}

/* RFC 8445 section 14.2: "Both agents MUST use the higher value of the proposed values." */
void ice_agent_set_pacing(struct ice_agent *agent, unsigned ms)
{
	if (ms > ICE_PACING_MAX_MS)
		ms = ICE_PACING_DEFAULT_MS;
	agent->pace = usec_max(ms, ICE_PACING_MS) * USEC_PER_MS;
}

void check_start(struct ice_agent *agent, struct ice_pair *pair, usec now, bool use_candidate)
{
	CHECK(agent->remote_pwd != NULL);
	struct transaction *t = &pair->transaction;
	*t = (struct transaction){
		.active = true,
		.tie_breaker = agent->tie_breaker,
		.controlling = agent->controlling,
		.use_candidate = use_candidate,
		.due = usec_max(now, agent->next_check_at),
	};
	rng_fill(agent->rng, t->id, sizeof t->id);
	agent->new_checks++;
	agent->next_check_at = t->due + pace_of(agent);
	pair->triggered = 0;
	if (pair->state != PAIR_SUCCEEDED)
		pair->state = PAIR_IN_PROGRESS;
}

/* RFC 8445 section 7.3.1.4 replaces the check by a new one, because the first may have met a NAT
 * that the peer's own check has opened only now. A repetition of the first does the same, and a
 * late response still counts. On a short path the response is on its way already: give it the time
 * of a pace. */
void check_hasten(struct ice_agent *agent, struct ice_pair *pair, usec now)
{
	struct transaction *t = &pair->transaction;
	if (!t->active || t->transmissions == 0 || pair_is_tcp(agent, pair))
		return;
	t->transmissions = 1;
	t->due = usec_min(t->due, now + ICE_PACE_FIRST_US);
}

/* The checks of an answer are often ahead of it: until it has come to the offerer, nothing that the
 * offerer sends has opened its NAT or asked its relay to let us in, and a check that was lost there
 * is not repeated before half a second. When it is known that the offerer has the answer, they can
 * be expected to arrive. For the network it is one more round of checks at their ordinary pace. */
void check_all_again(struct ice_agent *agent, usec now)
{
	if (agent->checked_again || !agent->remote_pwd)
		return;
	const struct ice_pair *selected =
		agent->selected == NONE ? NULL : &agent->pairs.items[agent->selected];
	for (size_t i = 0; i < agent->pairs.count; i++) {
		struct ice_pair *pair = &agent->pairs.items[i];
		struct transaction *t = &pair->transaction;
		if (pair->state != PAIR_IN_PROGRESS || !t->active || t->transmissions == 0 ||
			pair_is_tcp(agent, pair))
			continue;
		if (selected && pair_priority(agent, pair) <= pair_priority(agent, selected))
			continue;
		agent->checked_again = true;
		t->transmissions = 1;
		t->due = usec_min(t->due, usec_max(now, agent->next_check_at));
		agent->next_check_at = usec_max(now, agent->next_check_at) + pace_of(agent);
	}
}

static void fail(struct ice_agent *agent, struct ice_pair *pair, usec now)
{
	pair->state = PAIR_FAILED;
	pair->nominated = false;
	pair->transaction.active = false;
	if (agent->nominating == (size_t)(pair - agent->pairs.items))
		agent->nominating = NONE;
	pair_unfreeze(agent);
	nomination_update(agent, now);
}

/* A check without an answer, or with none that counts. Of a pair that works already, it was only
 * the nomination, which is tried again, or stood in for a consent check: whether the pair still
 * works is for consent to say, and that waits longer. */
static void give_up(struct ice_agent *agent, struct ice_pair *pair, usec now)
{
	if (pair->state != PAIR_SUCCEEDED) {
		fail(agent, pair, now);
		return;
	}
	pair->transaction.active = false;
	if (agent->nominating == (size_t)(pair - agent->pairs.items))
		agent->nominating = NONE;
	nomination_update(agent, now);
}

void check_switch_role(struct ice_agent *agent, bool controlling)
{
	if (agent->controlling == controlling)
		return;
	agent->controlling = controlling;
	/* Checks under way keep the role they were started with; only the choice is undone. */
	if (agent->nominating != NONE)
		agent->pairs.items[agent->nominating].transaction.active = false;
	agent->nominating = NONE;
	for (size_t i = 0; i < agent->pairs.count; i++)
		agent->pairs.items[i].remote_nominated = false;
}

bool check_is_authentic(struct ice_agent *agent, const struct stun_message *message)
{
	bool is = stun_check_integrity(message, bytes_of_text(agent->remote_pwd));
	if (is)
		agent->stats.responses_received++;
	else
		agent->stats.dropped_unauthenticated++;
	return is;
}

/* RFC 8445 section 7.2.5.1: the role changes, and "the agent MUST change the tiebreaker value". Of
 * several checks that bring the same error, the first does it. */
void check_lose_conflict(struct ice_agent *agent, bool controlling)
{
	agent->stats.role_conflicts++;
	if (controlling != agent->controlling)
		return;
	check_switch_role(agent, !controlling);
	agent->tie_breaker = rng_u64(agent->rng);
}

static void handle_role_conflict(struct ice_agent *agent, usec now, struct ice_pair *pair)
{
	pair->transaction.active = false;
	check_lose_conflict(agent, pair->transaction.controlling);
	if (pair->state != PAIR_SUCCEEDED)
		pair_trigger(agent, pair);
	nomination_update(agent, now);
}

static uint32_t reflexive_priority(const struct ice_agent *agent, const struct ice_pair *pair)
{
	uint16_t preference = (uint16_t)(agent->local.items[pair->local].priority >> 8);
	return pair_is_tcp(agent, pair) ? ice_candidate_priority_tcp(ICE_PEER_REFLEXIVE, preference)
					: ice_candidate_priority(ICE_PEER_REFLEXIVE, preference);
}

/* RFC 8445 section 7.2.5.3: the address that the peer saw tells which of our candidates the valid
 * pair has; one it has not seen before is peer-reflexive. It is only remembered as what this pair
 * turned out to be, as it would be neither paired nor signalled. */
static void note_mapped(
	const struct ice_agent *agent, struct ice_pair *pair, const struct addr *mapped)
{
	const struct ice_candidate *base = &agent->local.items[pair->local];
	struct addr seen = *mapped;
	seen.transport = base->addr.transport;
	/* Each connection that we make has another port. */
	if (base->tcp == ICE_TCP_ACTIVE)
		seen.port = base->addr.port;
	pair->valid_type = ICE_PEER_REFLEXIVE;
	pair->local_priority = reflexive_priority(agent, pair);
	for (size_t i = 0; i < agent->local.count; i++) {
		const struct ice_candidate *c = &agent->local.items[i];
		if (addr_matches(&c->addr, &seen) && addr_equal(&c->base, &base->addr)) {
			pair->valid_type = c->type;
			pair->local_priority = c->priority;
			return;
		}
	}
}

static void succeed(struct ice_agent *agent, usec now, size_t index, const struct addr *mapped)
{
	struct ice_pair *pair = &agent->pairs.items[index];
	struct transaction *t = &pair->transaction;
	t->active = false;
	/* Which transmission an answer is to cannot be told; but when the second was only hastened,
	 * as it nearly always is where both sides check at once, the time since the first is an
	 * upper bound that is good enough to set timers by. */
	if (!t->repeated || now - t->sent_at < ICE_RTO_US)
		agent->stats.rtt = now - t->sent_at;
	pair->state = PAIR_SUCCEEDED;
	pair->triggered = 0;
	note_mapped(agent, pair, mapped);
	if (index == agent->selected)
		consent_renew(agent, now);
	if (index == agent->nominating)
		agent->nominating = NONE;
	if (agent->controlling ? t->use_candidate && t->controlling : pair->remote_nominated)
		nomination_accept(agent, pair);
	pair_unfreeze_like(agent, index);
	pair_unfreeze(agent);
	nomination_update(agent, now);
	nomination_leave_silent(agent, now);
}

void check_receive_response(struct ice_agent *agent, usec now, const struct path *path,
	const struct stun_message *message)
{
	size_t index = agent->remote_pwd ? pair_find_transaction(agent, message->id) : NONE;
	if (index == NONE) {
		if (!agent->remote_pwd || !consent_receive_response(agent, now, path, message))
			agent->stats.dropped_unexpected++;
		return;
	}
	if (!check_is_authentic(agent, message))
		return;
	struct ice_pair *pair = &agent->pairs.items[index];
	/* RFC 8445 section 7.2.5.2.1: addresses that are not symmetric fail the check. */
	bool is_ours = pair_is_path(agent, pair, path), is_error = message->class == STUN_ERROR;
	if (is_ours && is_error && message->error_code == STUN_ROLE_CONFLICT)
		handle_role_conflict(agent, now, pair);
	else if ((!is_ours || is_error) && pair->transaction.use_candidate)
		fail(agent, pair, now);
	else if (!is_ours || is_error)
		give_up(agent, pair, now);
	else if (message->mapped.family == ADDR_NONE)
		agent->stats.dropped_malformed++;
	else
		succeed(agent, now, index, &message->mapped);
}

size_t check_write_request(struct ice_agent *agent, const struct ice_pair *pair,
	const struct transaction *t, uint8_t *data, size_t capacity, struct path *ret_path)
{
	uint8_t name[ICE_UFRAG_MAX + 1 + sizeof agent->ufrag];
	struct writer name_writer = writer_of(name, sizeof name);
	write_text(&name_writer, agent->remote_ufrag);
	write_text(&name_writer, ":");
	write_text(&name_writer, agent->ufrag);
	struct writer w = writer_of(data, capacity);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, t->id);
	stun_add_bytes(&w, STUN_USERNAME, writer_bytes(&name_writer));
	stun_add_u64(
		&w, t->controlling ? STUN_ICE_CONTROLLING : STUN_ICE_CONTROLLED, t->tie_breaker);
	if (t->use_candidate)
		stun_add_flag(&w, STUN_USE_CANDIDATE);
	stun_add_u32(&w, STUN_PRIORITY, reflexive_priority(agent, pair));
	stun_add_integrity(&w, bytes_of_text(agent->remote_pwd));
	stun_add_fingerprint(&w);
	CHECK(!w.failed);
	agent->stats.checks_sent++;
	*ret_path = pair_path(agent, pair);
	return w.size;
}

static size_t transmit(struct ice_agent *agent, struct ice_pair *pair, usec now, uint8_t *data,
	size_t capacity, struct path *ret_path)
{
	struct transaction *t = &pair->transaction;
	if (t->transmissions == 0)
		t->sent_at = now;
	else
		t->repeated = true;
	t->transmissions++;
	if (pair_is_tcp(agent, pair)) {
		t->transmissions = ICE_TRANSMISSIONS_MAX;
		t->due = now + ICE_TCP_WAIT_US;
	} else if (t->transmissions < ICE_TRANSMISSIONS_MAX) {
		t->due = now + (ICE_RTO_US << (t->transmissions - 1));
	} else {
		t->due = now + ICE_LAST_WAIT_US;
	}
	/* What a stream has taken needs no repetition. */
	if (!pair_is_tcp(agent, pair))
		consent_hurry(agent, pair, now);
	return check_write_request(agent, pair, t, data, capacity, ret_path);
}

size_t check_write(
	struct ice_agent *agent, usec now, uint8_t *data, size_t capacity, struct path *ret_path)
{
	if (!agent->remote_pwd)
		return 0;
	struct ice_pair *next = now >= agent->next_check_at ? pair_next(agent, now) : NULL;
	if (next)
		check_start(agent, next, now, false);
	for (size_t i = 0; i < agent->pairs.count; i++) {
		struct ice_pair *pair = &agent->pairs.items[i];
		const struct transaction *t = &pair->transaction;
		if (t->active && t->due <= now && t->transmissions < ICE_TRANSMISSIONS_MAX)
			return transmit(agent, pair, now, data, capacity, ret_path);
	}
	return 0;
}

void check_advance(struct ice_agent *agent, usec now)
{
	/* A failure may drop pairs or start another, so the search begins anew after each. */
	bool again = true;
	while (again) {
		again = false;
		for (size_t i = 0; i < agent->pairs.count && !again; i++) {
			struct ice_pair *pair = &agent->pairs.items[i];
			const struct transaction *t = &pair->transaction;
			again = t->active && t->transmissions == ICE_TRANSMISSIONS_MAX &&
				t->due <= now;
			if (again)
				give_up(agent, pair, now);
		}
	}
}

usec check_deadline(const struct ice_agent *agent)
{
	if (!agent->remote_pwd)
		return USEC_NEVER;
	usec deadline = USEC_NEVER;
	if (pair_next(agent, agent->next_check_at))
		deadline = agent->next_check_at;
	else if (pair_next(agent, USEC_NEVER))
		deadline = agent->checking_since + ICE_TCP_HEAD_START_US;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct transaction *t = &agent->pairs.items[i].transaction;
		if (t->active)
			deadline = usec_min(deadline, t->due);
	}
	return deadline;
}
