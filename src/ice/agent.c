#include "ice/agent.h"

#include <stdlib.h>

#include "crypto/hash.h"
#include "ice/internal.h"

static_assert(ICE_LOCAL_MAX <= UINT8_MAX && ICE_REMOTE_MAX <= UINT8_MAX,
	"pairs refer to candidates with 8 bits");

enum err ice_agent_create(const struct ice_config *config, usec now, struct ice_agent **ret_agent)
{
	CHECK(config->rng != NULL);
	struct ice_agent *agent = calloc(1, sizeof *agent);
	if (!agent)
		return ERR_NOMEM;
	agent->rng = config->rng;
	agent->controlling = config->controlling;
	agent->refuse_relayed = config->refuse_relayed;
	agent->quiet_max = usec_min(config->quiet_max, ICE_CONSENT_EXPIRY_US);
	agent->tie_breaker = rng_u64(agent->rng);
	agent->selected = agent->nominating = NONE;
	agent->next_check_at = now;
	agent->pace = ICE_PACING_DEFAULT_MS * USEC_PER_MS;
	rng_text(agent->rng, agent->ufrag, sizeof agent->ufrag - 1);
	rng_text(agent->rng, agent->pwd, sizeof agent->pwd - 1);
	*ret_agent = agent;
	return ERR_OK;
}

void agent_free_session(struct ice_agent *agent)
{
	free(agent->local.items);
	free(agent->remote.items);
	free(agent->pairs.items);
	free(agent->early);
	free(agent->remote_ufrag);
	if (agent->remote_pwd)
		secret_cleanse(agent->remote_pwd, strlen(agent->remote_pwd));
	free(agent->remote_pwd);
	secret_cleanse(agent->pwd, sizeof agent->pwd);
}

void ice_agent_destroy(struct ice_agent *agent)
{
	if (!agent)
		return;
	ice_agent_destroy(agent->former);
	agent_free_session(agent);
	free(agent);
}

const char *ice_agent_ufrag(const struct ice_agent *agent)
{
	return agent->ufrag;
}

const char *ice_agent_pwd(const struct ice_agent *agent)
{
	return agent->pwd;
}

bool ice_agent_is_controlling(const struct ice_agent *agent)
{
	return agent->controlling;
}

bool addr_matches(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->port == b->port && a->transport == b->transport &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

enum err array_grow(void **items, size_t size, size_t count, size_t *capacity, size_t limit)
{
	if (count >= limit)
		return ERR_LIMIT;
	if (count < *capacity)
		return ERR_OK;
	size_t more = min_size(max_size(2 * *capacity, 2), limit);
	void *grown = realloc(*items, more * size);
	if (!grown)
		return ERR_NOMEM;
	*items = grown;
	*capacity = more;
	return ERR_OK;
}

enum err candidates_append(struct candidates *list, const struct ice_candidate *c, size_t limit)
{
	void *items = list->items;
	enum err err = array_grow(&items, sizeof *c, list->count, &list->capacity, limit);
	if (err)
		return err;
	list->items = items;
	list->items[list->count++] = *c;
	return ERR_OK;
}

/* After nomination the checklist is done (section 8.1.2); what comes late is not paired any more.
 */
bool agent_is_pairing(const struct ice_agent *agent)
{
	return agent->state != ICE_FAILED && !agent->selected_nominated;
}

void ice_agent_receive(
	struct ice_agent *agent, usec now, const struct path *path, struct bytes datagram)
{
	struct stun_message message;
	if (stun_parse(datagram, &message)) {
		agent->stats.dropped_malformed++;
		return;
	}
	struct ice_agent *owner = restart_owner(agent, &message);
	if (message.method != STUN_BINDING || owner->state == ICE_FAILED) {
		agent->stats.dropped_unexpected++;
		return;
	}
	/* RFC 8445 sections 7.2.4 and 7.3 "MUST" use the fingerprint, without which RFC 8489
	 * section 6.3 discards what looks like a check. */
	if (message.class != STUN_INDICATION && !stun_has(&message, STUN_FINGERPRINT)) {
		agent->stats.dropped_malformed++;
		return;
	}
	switch (message.class) {
	case STUN_REQUEST:
		request_receive(owner, now, path, &message);
		break;
	case STUN_INDICATION:
		/* A keepalive (RFC 8445 section 11): it has done its work in the NATs. */
		break;
	case STUN_SUCCESS:
	case STUN_ERROR:
		check_receive_response(owner, now, path, &message);
		break;
	}
	restart_advance(agent, now);
}

static bool any_pending(const struct ice_agent *agent)
{
	for (size_t i = 0; i < agent->pairs.count; i++)
		if (pair_is_pending(&agent->pairs.items[i]))
			return true;
	return false;
}

/* When looking for a valid pair ends in vain. */
static usec hopeless_at(const struct ice_agent *agent)
{
	/* A restart that the peer never answers is waited for as long as there is the old way. */
	bool unanswered = agent->state == ICE_NEW && agent->former;
	if (unanswered && agent->former->selected == NONE)
		return agent->news_at + ICE_GIVE_UP_US;
	if (agent->state != ICE_CHECKING)
		return USEC_NEVER;
	usec at = agent->news_at + ICE_GIVE_UP_US;
	if (agent->local_ended && agent->remote_ended && !any_pending(agent))
		at = usec_min(at, agent->checking_since + ICE_PATIENCE_US);
	return at;
}

static bool is_checking(const struct ice_agent *agent)
{
	return agent->state != ICE_FAILED && agent->state != ICE_NEW;
}

void ice_agent_advance(struct ice_agent *agent, usec now)
{
	if (agent->former)
		ice_agent_advance(agent->former, now);
	if (is_checking(agent)) {
		check_advance(agent, now);
		nomination_update(agent, now);
		consent_advance(agent, now);
	}
	if (now >= hopeless_at(agent))
		agent_set_state(agent, ICE_FAILED);
	restart_advance(agent, now);
}

static usec session_deadline(const struct ice_agent *agent)
{
	if (!is_checking(agent))
		return hopeless_at(agent);
	usec deadline = usec_min(check_deadline(agent), nomination_deadline(agent));
	deadline = usec_min(deadline, consent_deadline(agent));
	return usec_min(deadline, hopeless_at(agent));
}

usec ice_agent_deadline(const struct ice_agent *agent)
{
	usec deadline = session_deadline(agent);
	if (!agent->former)
		return deadline;
	deadline = usec_min(deadline, session_deadline(agent->former));
	return usec_min(deadline, agent->former_until);
}

static size_t write_session(
	struct ice_agent *agent, usec now, uint8_t *data, size_t capacity, struct path *ret_path)
{
	if (agent->state == ICE_FAILED)
		return 0;
	size_t size = request_write_response(agent, data, capacity, ret_path);
	if (size == 0)
		size = check_write(agent, now, data, capacity, ret_path);
	if (size == 0)
		size = consent_write(agent, now, data, capacity, ret_path);
	return size;
}

size_t ice_agent_write(
	struct ice_agent *agent, usec now, uint8_t *data, size_t capacity, struct path *ret_path)
{
	CHECK(capacity >= ICE_DATAGRAM_MAX);
	size_t size = write_session(agent, now, data, capacity, ret_path);
	if (size == 0 && agent->former)
		size = write_session(agent->former, now, data, capacity, ret_path);
	return size;
}

void agent_set_state(struct ice_agent *agent, enum ice_state state)
{
	if (agent->state == state)
		return;
	agent->state = state;
	if (state == ICE_FAILED && agent->selected != NONE) {
		agent->selected = NONE;
		agent->selected_changed = true;
	}
}

bool ice_agent_next_event(struct ice_agent *agent, struct ice_event *ret_event)
{
	bool former_changed = agent->former && agent->former->selected_changed;
	if (agent->selected_changed || former_changed) {
		agent->selected_changed = false;
		if (agent->former)
			agent->former->selected_changed = false;
		*ret_event = (struct ice_event){.type = ICE_EVENT_SELECTED};
		return true;
	}
	enum ice_state state = ice_agent_state(agent);
	if (agent->reported != state) {
		agent->reported = state;
		*ret_event = (struct ice_event){.type = ICE_EVENT_STATE, .state = state};
		return true;
	}
	return false;
}

enum ice_state ice_agent_state(const struct ice_agent *agent)
{
	return restart_carrier(agent)->state;
}

bool ice_agent_selected(const struct ice_agent *of_both, struct ice_selected *ret_selected)
{
	const struct ice_agent *agent = restart_carrier(of_both);
	if (agent->selected == NONE)
		return false;
	const struct ice_pair *pair = &agent->pairs.items[agent->selected];
	*ret_selected = (struct ice_selected){
		.path = pair_path(agent, pair),
		.local_type = pair->valid_type,
		.remote_type = agent->remote.items[pair->remote].type,
		.nominated = pair->nominated,
	};
	return true;
}

bool ice_agent_path_is_valid(const struct ice_agent *agent, const struct path *path)
{
	if (agent->former && ice_agent_path_is_valid(agent->former, path))
		return true;
	if (agent->state == ICE_FAILED)
		return false;
	/* Those that overtook the peer's credentials were authentic, too. */
	for (size_t i = 0; i < agent->early_count; i++)
		if (path_equal(&agent->early[i].path, path))
			return true;
	for (size_t i = 0; i < agent->pairs.count; i++) {
		const struct ice_pair *pair = &agent->pairs.items[i];
		if ((pair->state == PAIR_SUCCEEDED || pair->heard) &&
			pair_is_path(agent, pair, path))
			return true;
	}
	return false;
}

void ice_agent_note_heard(struct ice_agent *agent, usec now, const struct path *path)
{
	consent_note_heard(agent, now, path);
	if (agent->former)
		consent_note_heard(agent->former, now, path);
}

void ice_agent_doubt(struct ice_agent *agent, usec now)
{
	consent_ask(agent, now);
	if (agent->former)
		consent_ask(agent->former, now);
}

const struct ice_stats *ice_agent_stats(const struct ice_agent *agent)
{
	return &agent->stats;
}

const char *ice_state_name(enum ice_state state)
{
	switch (state) {
	case ICE_NEW:
		return "new";
	case ICE_CHECKING:
		return "checking";
	case ICE_CONNECTED:
		return "connected";
	case ICE_COMPLETED:
		return "completed";
	case ICE_DISCONNECTED:
		return "disconnected";
	case ICE_FAILED:
		return "failed";
	}
	UNREACHABLE();
}

bool ice_peek_ufrag(struct bytes datagram, struct bytes *ret_ufrag)
{
	struct reader r = reader_of(datagram);
	/* The type of a Binding request, in front of everything else. */
	if (!stun_looks_like(datagram) || read_u16(&r) != STUN_BINDING)
		return false;
	read_skip(&r, STUN_HEADER_SIZE - 2);
	while (!r.failed && r.rest.size > 0) {
		uint16_t type = read_u16(&r), size = read_u16(&r);
		struct bytes value = read_bytes(&r, size);
		read_skip(&r, (4 - (size & 3u)) & 3u);
		if (type != STUN_USERNAME || r.failed)
			continue;
		const uint8_t *colon = value.size > 0 ? memchr(value.data, ':', value.size) : NULL;
		if (!colon || colon == value.data)
			return false;
		*ret_ufrag = bytes_slice(value, 0, (size_t)(colon - value.data));
		return true;
	}
	return false;
}
