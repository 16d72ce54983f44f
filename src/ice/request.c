#include "ice/internal.h"

#include <stdlib.h>

static void respond(struct ice_agent *agent, const struct path *path,
	const struct stun_message *message, uint16_t error)
{
	CHECK(agent->response_count < ICE_RESPONSES_MAX);
	struct response *response = &agent->responses[agent->response_count++];
	*response = (struct response){.path = *path,
		.error = error,
		.sha256 = stun_has(message, STUN_MESSAGE_INTEGRITY_SHA256)};
	memcpy(response->id, message->id.data, STUN_ID_SIZE);
	if (error != STUN_UNKNOWN_ATTRIBUTE)
		return;
	response->unknown_count = (uint8_t)message->unknown_count;
	memcpy(response->unknown, message->unknown, sizeof response->unknown);
}

/* RFC 8445 section 7.2.2: the first part of the user name is ours. What the peer calls itself in
 * the second is not looked at; the integrity says who it is. */
static bool is_authentic(const struct ice_agent *agent, const struct stun_message *message)
{
	struct bytes ours = bytes_of_text(agent->ufrag), name = message->username;
	if (!bytes_equal(bytes_slice(name, 0, ours.size), ours) || name.size <= ours.size ||
		name.data[ours.size] != ':')
		return false;
	struct bytes key = bytes_of_text(agent->pwd);
	/* RFC 8489 section 9.1.3: where both are, the stronger counts. */
	return stun_has(message, STUN_MESSAGE_INTEGRITY_SHA256)
		       ? stun_check_integrity_sha256(message, key)
		       : stun_check_integrity(message, key);
}

/* RFC 8445 section 7.3.1.1. True when the peer shall yield: it gets an error 487. Else we do, where
 * both claimed one role. */
static bool peer_must_switch(struct ice_agent *agent, const struct stun_message *message)
{
	if (agent->controlling && stun_has(message, STUN_ICE_CONTROLLING)) {
		agent->stats.role_conflicts++;
		if (agent->tie_breaker >= message->controlling)
			return true;
		check_switch_role(agent, false);
	} else if (!agent->controlling && stun_has(message, STUN_ICE_CONTROLLED)) {
		agent->stats.role_conflicts++;
		if (agent->tie_breaker < message->controlled)
			return true;
		check_switch_role(agent, true);
	}
	return false;
}

/* What a check of the peer sets off (RFC 8445 sections 7.3.1.3 to 7.3.1.5). False when a limit does
 * not let it: then it goes unanswered, so the peer does not take the pair for valid. */
static bool trigger(struct ice_agent *agent, usec now, const struct early_check *check)
{
	size_t local = pair_find_local(agent, &check->path);
	size_t remote = agent_find_remote(agent, &check->path.remote);
	if (local == NONE || (remote != NONE && agent_refuses_remote(agent, remote)))
		return false;
	if (remote == NONE &&
		agent_learn_remote(agent, &check->path.remote, check->priority, &remote))
		return false;
	size_t index = pair_find(agent, local, remote);
	if (index == NONE)
		index = pair_add(agent, local, remote);
	if (index == NONE)
		return false;
	struct ice_pair *pair = &agent->pairs.items[index];
	pair->heard = true;
	pair->heard_at = now;
	if (!agent->controlling && !check->use_candidate)
		pair->tried = true;
	if (!agent->controlling && check->use_candidate)
		nomination_receive(agent, pair);
	if (pair->state == PAIR_IN_PROGRESS)
		check_hasten(agent, pair, now);
	else if (pair->state != PAIR_SUCCEEDED)
		pair_trigger(agent, pair);
	else if (pair->remote_nominated)
		nomination_accept(agent, pair);
	nomination_update(agent, now);
	nomination_leave_silent(agent, now);
	return true;
}

/* RFC 8445 section 7.3: a check that overtook the peer's credentials is answered now, which needs
 * our password alone, and triggers ours when they are known. */
static bool remember_early(struct ice_agent *agent, const struct early_check *check)
{
	if (pair_find_local(agent, &check->path) == NONE)
		return false;
	for (size_t i = 0; i < agent->early_count; i++) {
		struct early_check *known = &agent->early[i];
		if (path_equal(&known->path, &check->path)) {
			known->use_candidate |= check->use_candidate;
			return true;
		}
	}
	if (!agent->early)
		agent->early = calloc(ICE_EARLY_MAX, sizeof *agent->early);
	if (!agent->early || agent->early_count == ICE_EARLY_MAX)
		return false;
	agent->early[agent->early_count++] = *check;
	return true;
}

void request_handle_early(struct ice_agent *agent, usec now)
{
	for (size_t i = 0; i < agent->early_count; i++)
		if (!trigger(agent, now, &agent->early[i]))
			agent->stats.dropped_unexpected++;
	free(agent->early);
	agent->early = NULL;
	agent->early_count = 0;
}

void request_receive(struct ice_agent *agent, usec now, const struct path *path,
	const struct stun_message *message)
{
	if (!is_authentic(agent, message)) {
		agent->stats.dropped_unauthenticated++;
		return;
	}
	if (agent->response_count == ICE_RESPONSES_MAX) {
		agent->stats.dropped_unexpected++;
		return;
	}
	agent->stats.checks_received++;
	consent_note_heard(agent, now, path);
	if (message->unknown_count > 0) {
		respond(agent, path, message, STUN_UNKNOWN_ATTRIBUTE);
		return;
	}
	if (!stun_has(message, STUN_PRIORITY)) {
		respond(agent, path, message, STUN_BAD_REQUEST);
		return;
	}
	if (peer_must_switch(agent, message)) {
		respond(agent, path, message, STUN_ROLE_CONFLICT);
		return;
	}
	struct early_check check = {
		.path = *path,
		.priority = message->priority,
		.use_candidate = stun_has(message, STUN_USE_CANDIDATE),
	};
	bool accepted =
		agent->remote_pwd ? trigger(agent, now, &check) : remember_early(agent, &check);
	if (accepted)
		respond(agent, path, message, 0);
	else
		agent->stats.dropped_unexpected++;
}

static const char *reason_of(uint16_t error)
{
	switch (error) {
	case STUN_BAD_REQUEST:
		return "Bad Request";
	case STUN_UNKNOWN_ATTRIBUTE:
		return "Unknown Attribute";
	case STUN_ROLE_CONFLICT:
		return "Role Conflict";
	}
	UNREACHABLE();
}

size_t request_write_response(
	struct ice_agent *agent, uint8_t *data, size_t capacity, struct path *ret_path)
{
	if (agent->response_count == 0)
		return 0;
	struct response response = agent->responses[0];
	agent->response_count--;
	memmove(agent->responses, agent->responses + 1,
		agent->response_count * sizeof agent->responses[0]);
	struct writer w = writer_of(data, capacity);
	stun_begin(&w, response.error ? STUN_ERROR : STUN_SUCCESS, STUN_BINDING, response.id);
	if (response.error)
		stun_add_error(&w, response.error, reason_of(response.error));
	else
		stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &response.path.remote);
	if (response.unknown_count > 0)
		stun_add_unknown(&w, response.unknown, response.unknown_count);
	/* RFC 8489 section 9.1.3: with that of the request. */
	if (response.sha256)
		stun_add_integrity_sha256(&w, bytes_of_text(agent->pwd));
	else
		stun_add_integrity(&w, bytes_of_text(agent->pwd));
	stun_add_fingerprint(&w);
	CHECK(!w.failed);
	*ret_path = response.path;
	return w.size;
}
