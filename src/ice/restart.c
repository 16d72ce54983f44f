/* ICE restart (RFC 8445 section 9): "An ICE restart causes all previous states of the data streams,
 * excluding the roles of the agents, to be flushed. ... during the restart, data can continue to be
 * sent using existing data sessions".
 *
 * The state of the agent moves aside into one of its own, the former session, and the agent begins
 * anew. Both run by the same procedures, none of which knows of the other; here is decided which of
 * them a message is for, which of them data goes by, and how long the former is kept. */
#include <stdlib.h>

#include "crypto/hash.h"
#include "ice/internal.h"

static bool carries(const struct ice_agent *agent)
{
	return agent->selected != NONE;
}

/* The candidates of ours that a new session begins with. */
static enum err copy_local(const struct ice_agent *agent, struct candidates *ret_local)
{
	struct candidates copy = {0};
	for (size_t i = 0; i < agent->local.count; i++) {
		enum err err = candidates_append(&copy, &agent->local.items[i], ICE_LOCAL_MAX);
		if (err) {
			free(copy.items);
			return err;
		}
	}
	*ret_local = copy;
	return ERR_OK;
}

/* RFC 8445 section 9: "To restart ICE, an agent MUST change both the password and the username
 * fragment". Section 6.1.1 keeps the role; the tie-breaker, too, stays that of the whole. */
static void begin(struct ice_agent *agent, usec now, struct candidates local)
{
	struct ice_agent old = *agent;
	*agent = (struct ice_agent){
		.rng = old.rng,
		.controlling = old.controlling,
		.refuse_relayed = old.refuse_relayed,
		.quiet_max = old.quiet_max,
		.tie_breaker = old.tie_breaker,
		.reported = old.reported,
		.local = local,
		.foundations = old.foundations,
		.pace = old.pace,
		.next_check_at = now,
		.news_at = now,
		.selected = NONE,
		.nominating = NONE,
		.stats = old.stats,
		.former = old.former,
		.former_until = USEC_NEVER,
	};
	rng_text(agent->rng, agent->ufrag, sizeof agent->ufrag - 1);
	rng_text(agent->rng, agent->pwd, sizeof agent->pwd - 1);
	secret_cleanse(&old, sizeof old);
}

enum err ice_agent_restart(struct ice_agent *agent, usec now)
{
	if (!agent->remote_pwd) {
		agent->news_at = now;
		return ERR_EXISTS;
	}
	struct candidates local;
	enum err err = copy_local(agent, &local);
	if (err)
		return err;
	/* A restart during a restart: the session in between, over which nothing goes yet, is given
	 * up, and the one that carries data is kept. */
	if (agent->former && !carries(agent)) {
		agent_free_session(agent);
	} else {
		struct ice_agent *former = malloc(sizeof *former);
		if (!former) {
			free(local.items);
			return ERR_NOMEM;
		}
		ice_agent_destroy(agent->former);
		*former = *agent;
		former->former = NULL;
		agent->former = former;
	}
	begin(agent, now, local);
	return ERR_OK;
}

const char *ice_agent_former_ufrag(const struct ice_agent *agent)
{
	return agent->former ? agent->former->ufrag : NULL;
}

static bool is_named(const struct ice_agent *agent, struct bytes username)
{
	size_t size = strlen(agent->ufrag);
	return username.size > size && username.data[size] == ':' &&
	       memcmp(username.data, agent->ufrag, size) == 0;
}

struct ice_agent *restart_owner(struct ice_agent *agent, const struct stun_message *message)
{
	struct ice_agent *former = agent->former;
	if (!former)
		return agent;
	bool is_request = message->class == STUN_REQUEST;
	bool is_former = is_request ? is_named(former, message->username)
				    : pair_find_transaction(former, message->id) != NONE ||
					      consent_is_check(former, message->id);
	return is_former ? former : agent;
}

void restart_advance(struct ice_agent *agent, usec now)
{
	if (!agent->former)
		return;
	if (!agent->selected_nominated)
		agent->former_until = USEC_NEVER;
	else if (agent->former_until == USEC_NEVER)
		agent->former_until = now + ICE_FORMER_LINGER_US;
	if (now < agent->former_until)
		return;
	ice_agent_destroy(agent->former);
	agent->former = NULL;
}

const struct ice_agent *restart_carrier(const struct ice_agent *agent)
{
	bool use_former = agent->former && carries(agent->former) && !carries(agent);
	return use_former ? agent->former : agent;
}
