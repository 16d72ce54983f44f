#include "node/session.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/dispatch.h"
#include "node/events.h"
#include "node/hub_client.h"
#include "node/files.h"
#include "node/internal.h"
#include "node/quality_watch.h"
#include "node/request.h"

/* ---- Life ---- */

static void attempt_due(void *user);

static enum err create(
	struct node *node, const struct store_contact *contact, struct session **ret_session)
{
	struct session *session = calloc(1, sizeof(*session));
	if (!session)
		return ERR_NOMEM;
	session->node = node;
	list_init(&session->links);
	list_init(&session->requests);
	list_init(&session->ai_served);
	session->attempt.deadline = USEC_NEVER;
	CHECK(text_copy(session->id, sizeof(session->id), contact->node_id));
	session_rename(session, contact->name);
	enum err err = net_timer_init(&session->timer, node->loop, attempt_due, session);
	if (err)
		goto fail_session;
	err = net_timer_init(&session->ack_timer, node->loop, session_chat_timeout, session);
	if (err)
		goto fail_timer;
	err = map_insert(&node->sessions, bytes_of_text(session->id), session);
	if (err)
		goto fail_ack_timer;
	*ret_session = session;
	return ERR_OK;

fail_ack_timer:
	net_timer_deinit(&session->ack_timer);
fail_timer:
	net_timer_deinit(&session->timer);
fail_session:
	free(session);
	return err;
}

enum err session_get(struct node *node, const char *node_id, struct session **ret_session)
{
	struct store_contact contact;
	struct session *session = session_find(node, node_id);
	if (session && !session->forgotten) {
		*ret_session = session;
		return ERR_OK;
	}
	enum err err = store_contact_get(node->store, node_id, &contact);
	if (err)
		return err;
	if (!session)
		return create(node, &contact, ret_session);
	/* Removed and added again before the goodbye was over. */
	session->forgotten = false;
	session_rename(session, contact.name);
	*ret_session = session;
	return ERR_OK;
}

struct session *session_find(struct node *node, const char *node_id)
{
	return map_get(&node->sessions, bytes_of_text(node_id));
}

enum err session_contact(struct session *session, struct store_contact *ret_contact)
{
	return store_contact_get(session->node->store, session->id, ret_contact);
}

void session_rename(struct session *session, const char *name)
{
	CHECK(text_copy(session->name, sizeof(session->name), name));
}

void session_destroy(struct session *session)
{
	struct failure failure;
	failure_set(&failure, FAILURE_NOT_CONNECTED, "the session with '%s' ended", session->name);
	session->current = NULL;
	LIST_FOREACH_SAFE (node, &session->links)
		link_destroy(CONTAINER_OF(node, struct link, node));
	handle_ai_stop_all(session);
	requests_fail_all(session, &failure);
	/* What failed may have looked at it. */
	json_decref(session->ai_models);
	map_remove(&session->node->sessions, bytes_of_text(session->id));
	net_timer_deinit(&session->ack_timer);
	net_timer_deinit(&session->timer);
	quality_destroy(session->quality);
	free(session);
}

void session_link_gone(struct session *session)
{
	if (session->forgotten && list_is_empty(&session->links))
		session_destroy(session);
}

const char *session_state_name(const struct session *session)
{
	if (session_is_connected(session, VIA_AUTO))
		return link_is_silent(session->current) ? "reconnecting" : "connected";
	return session->attempt.state == ATTEMPT_TRYING || !list_is_empty(&session->links)
		       ? "connecting"
		       : "away";
}

bool session_is_connected(const struct session *session, enum via via)
{
	if (!session->current || session->current->state != LINK_UP)
		return false;
	switch (via) {
	case VIA_AUTO:
		return true;
	case VIA_DIRECT:
		return session->current->path == LINK_DIRECT;
	case VIA_WEBRTC:
		return session->current->path == LINK_WEBRTC;
	}
	UNREACHABLE();
}

/* ---- Connecting ---- */

static void drop_attempts(struct session *session)
{
	LIST_FOREACH_SAFE (node, &session->links) {
		struct link *link = CONTAINER_OF(node, struct link, node);
		if (link->attempt &&
			(link->state == LINK_CONNECTING || link->state == LINK_GREETING))
			link_destroy(link);
	}
}

/* What was said of a wrong key is not covered by "unreachable" afterwards. */
static void remember_failure(struct session *session, const struct failure *failure)
{
	bool severe = session->last.code == FAILURE_KEY_CHANGED ||
		      session->last.code == FAILURE_UNTRUSTED;
	if (!severe)
		session->last = *failure;
}

static struct attempt_means means_of(struct session *session, const struct store_contact *contact)
{
	enum store_policy policy = contact->policy;
	if (contact->blocked)
		return (struct attempt_means){0};
	/* Within one's own network an address is dialled; what a hub brings may be anywhere. */
	bool relay = policy == STORE_POLICY_RELAY_ONLY;
	bool direct = !relay;
	bool webrtc = policy != STORE_POLICY_LAN_ONLY &&
		      (!relay || peer_io_relay_count(session->node->io) > 0);
	return (struct attempt_means){
		.direct = direct && contact->address_count > 0,
		.webrtc = webrtc && hub_client_state(session->node->hub) == HUB_CONNECTED,
	};
}

static void tell_round_failed(struct session *session)
{
	if (session->last.code == FAILURE_NONE)
		failure_set(
			&session->last, FAILURE_UNREACHABLE, "cannot reach '%s'", session->name);
	requests_round_failed(session, &session->last);
}

/* Does what the attempt says; a way that cannot even begin is a failure of it. */
static void follow(struct session *session, struct attempt_step step)
{
	struct node *node = session->node;
	struct store_contact contact = {0};
	struct failure failure = {0};
	enum err err = session_contact(session, &contact);
	if (err)
		failure_set(&failure, FAILURE_INTERNAL, "cannot read contact '%s': %s",
			session->name, store_fault_text(node->store));
	while (step.direct || step.webrtc) {
		bool direct = step.direct;
		event_of_session(session, "connecting",
			json_pack("{s:s}", "via", direct ? "direct" : "webrtc"));
		if (!err)
			err = direct ? link_dial(session, &contact, &failure)
				     : link_offer(session, &failure);
		if (!err)
			break;
		remember_failure(session, &failure);
		struct attempt_means means = means_of(session, &contact);
		step = attempt_failed(&session->attempt, net_now(), direct, means, &node->rng);
		err = ERR_OK;
	}
	/* What was meant to replace a link came to nothing: it stays. */
	if (step.failed && session_is_connected(session, VIA_AUTO))
		attempt_linked(&session->attempt);
	net_timer_set(&session->timer, session->attempt.deadline);
	if (step.failed)
		tell_round_failed(session);
}

static void explain_no_means(
	struct session *session, enum via via, const struct store_contact *contact)
{
	struct failure failure;
	if (contact->blocked)
		failure_set(&failure, FAILURE_BLOCKED,
			"'%s' is blocked; lift it with 'dpc accept %s'", session->name,
			session->name);
	else if (contact->policy == STORE_POLICY_RELAY_ONLY &&
		 peer_io_relay_count(session->node->io) == 0)
		failure_set(&failure, FAILURE_UNREACHABLE,
			"'%s' may only be connected through a relay, and neither the hub names one "
			"nor [turn] in config.ini",
			session->name);
	else if (contact->policy == STORE_POLICY_RELAY_ONLY && via == VIA_DIRECT)
		failure_set(&failure, FAILURE_UNREACHABLE,
			"'%s' may only be connected through a relay; 'dpc policy %s auto' lifts "
			"that",
			session->name, session->name);
	else if (contact->policy == STORE_POLICY_LAN_ONLY && via == VIA_WEBRTC)
		failure_set(&failure, FAILURE_UNREACHABLE,
			"'%s' may only be connected in one's own network; 'dpc policy %s auto' "
			"lifts that",
			session->name, session->name);
	else if (via == VIA_DIRECT)
		failure_set(&failure, FAILURE_UNREACHABLE,
			"no address of '%s' is known; add one with 'dpc add "
			"dpc://HOST:PORT?node_id=%s'",
			session->name, session->id);
	else
		hub_client_failure(session->node->hub, &failure);
	remember_failure(session, &failure);
}

void session_connect(struct session *session, enum via via)
{
	struct node *node = session->node;
	struct attempt *attempt = &session->attempt;
	struct store_contact contact;
	if (attempt->state == ATTEMPT_TRYING && (via == attempt->via || via == VIA_AUTO))
		return;
	enum err err = session_contact(session, &contact);
	if (err) {
		failure_set(&session->last, FAILURE_INTERNAL, "cannot read contact '%s': %s",
			session->name, store_fault_text(node->store));
		tell_round_failed(session);
		return;
	}
	drop_attempts(session);
	session->last = (struct failure){0};
	struct attempt_means means = means_of(session, &contact);
	struct attempt_step step = attempt_start(attempt, net_now(), via, means, &node->rng);
	if (step.failed)
		explain_no_means(session, via, &contact);
	follow(session, step);
}

void session_need_link(struct session *session)
{
	session->attempt.wanted = true;
	if (!session_is_connected(session, VIA_AUTO) && session->attempt.state != ATTEMPT_TRYING)
		session_connect(session, VIA_AUTO);
}

static void attempt_due(void *user)
{
	struct session *session = user;
	struct node *node = session->node;
	struct store_contact contact;
	if (node->stopping || session_contact(session, &contact) != ERR_OK)
		return;
	if (session->attempt.state == ATTEMPT_WAITING)
		session->last = (struct failure){0};
	struct attempt_means means = means_of(session, &contact);
	struct attempt_step step = attempt_advance(&session->attempt, net_now(), means, &node->rng);
	if (step.failed)
		explain_no_means(session, VIA_AUTO, &contact);
	follow(session, step);
}

/* Whether to dial again by itself after a restart of the node. */
static void keep_connected(struct session *session, bool keep)
{
	struct store_contact contact;
	if (session->forgotten || session_contact(session, &contact) != ERR_OK ||
		contact.keep_connected == keep)
		return;
	if (store_contact_keep(session->node->store, session->id, keep) != ERR_OK)
		log_warn("%s", store_fault_text(session->node->store));
}

void session_disconnect(struct session *session)
{
	attempt_unwant(&session->attempt);
	keep_connected(session, false);
	drop_attempts(session);
	session->attempt.state = ATTEMPT_IDLE;
	session->attempt.deadline = USEC_NEVER;
	net_timer_cancel(&session->timer);
	LIST_FOREACH_SAFE (node, &session->links)
		link_close(CONTAINER_OF(node, struct link, node), "disconnected");
}

void session_forget(struct session *session)
{
	struct failure failure;
	failure_set(&failure, FAILURE_UNKNOWN_PEER, "contact '%s' was removed", session->name);
	requests_fail_all(session, &failure);
	questions_drop_peer(&session->node->questions, session->id);
	files_drop_peer(session);
	session_disconnect(session);
	session->forgotten = true;
	session_link_gone(session);
}

void session_peer_left(struct session *session)
{
	attempt_unwant(&session->attempt);
	keep_connected(session, false);
	net_timer_set(&session->timer, session->attempt.deadline);
}

/* ---- Coming back ---- */

static void resume(struct node *node, const char *node_id)
{
	struct session *session;
	struct store_contact contact;
	if (store_contact_get(node->store, node_id, &contact) != ERR_OK || contact.blocked ||
		session_get(node, node_id, &session) != ERR_OK || session->attempt.wanted)
		return;
	session->attempt.wanted = true;
	attempt_lost(&session->attempt, net_now(), &node->rng);
	net_timer_set(&session->timer, session->attempt.deadline);
}

#define RESUME_PAGE 16

void session_resume_all(struct node *node)
{
	struct store_contact contacts[RESUME_PAGE];
	char peers[RESUME_PAGE][STORE_NODE_ID_MAX + 1];
	char after[STORE_NAME_MAX + 1] = "";
	size_t count = RESUME_PAGE;
	while (count == RESUME_PAGE &&
		store_contact_list(node->store, after, contacts, RESUME_PAGE, &count) == ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			if (contacts[i].keep_connected)
				resume(node, contacts[i].node_id);
			(void)text_copy(after, sizeof(after), contacts[i].name);
		}
	}
	after[0] = '\0';
	count = RESUME_PAGE;
	while (count == RESUME_PAGE &&
		store_outbox_peers(node->store, after, peers, RESUME_PAGE, &count) == ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			resume(node, peers[i]);
			(void)text_copy(after, sizeof(after), peers[i]);
		}
	}
}

static usec ready_window(const struct node *node)
{
	size_t cursor = 0, waiting = 0;
	const struct session *session;
	while ((session = map_next(&node->sessions, &cursor)))
		waiting += session->attempt.state == ATTEMPT_WAITING;
	usec window = (usec)waiting * NODE_HUB_READY_SPACING;
	return usec_min(usec_max(window, NODE_HUB_READY_MIN), NODE_HUB_READY_MAX);
}

void session_hub_ready(struct node *node)
{
	size_t cursor = 0;
	struct session *session;
	usec window = ready_window(node);
	while ((session = map_next(&node->sessions, &cursor))) {
		attempt_hurry(&session->attempt, net_now(), window, &node->rng);
		net_timer_set(&session->timer, session->attempt.deadline);
		if (session->current)
			link_hub_ready(session->current);
	}
}

void session_replace_link(struct session *session)
{
	if (session->current && session->attempt.state != ATTEMPT_TRYING &&
		!session->node->stopping && !session->forgotten)
		session_connect(session, VIA_AUTO);
}

/* ---- What links tell ---- */

/* The other links that are up: at most one of us closes the older ones, once the peer is known to
 * have the new one. */
static void settle_duplicates(struct session *session, struct link *link)
{
	bool ours = duplicate_decide(session->node->id, session->id) == DUPLICATE_CLOSE_OLD;
	LIST_FOREACH_SAFE (node, &session->links) {
		struct link *other = CONTAINER_OF(node, struct link, node);
		if (other == link || other->state != LINK_UP || !ours)
			continue;
		log_debug("two links to '%s': the older is closed", session->name);
		link_close(other, "duplicate");
	}
}

void session_link_up(struct session *session, struct link *link)
{
	bool replaces = session->current != NULL;
	link->attempt = false;
	session->current = link;
	session->last = (struct failure){0};
	attempt_linked(&session->attempt);
	session->attempt.wanted = true;
	net_timer_cancel(&session->timer);
	drop_attempts(session);
	keep_connected(session, true);
	if (link->heard)
		settle_duplicates(session, link);
	session->links_up++;
	quality_watch_note(session);
	log_info("linked with '%s' over %s", session->name, link_path_name(link->path));
	event_of_session(session, replaces ? "link_changed" : "link_up",
		json_pack("{s:o}", "link", link_describe(link)));
	link_ping(link);
	session_chat_restart(session);
	session_chat_tell_read(session);
	requests_link_up(session);
	files_link_up(session);
}

void session_link_heard(struct session *session, struct link *link)
{
	if (session->current == link)
		settle_duplicates(session, link);
	if (session->current != link)
		return;
	session_chat_flush(session);
	session_chat_tell_read(session);
}

void session_link_failed(struct session *session, struct link *link, const struct failure *failure)
{
	if (!link->attempt || session->node->stopping)
		return;
	struct node *node = session->node;
	bool direct = link->path == LINK_DIRECT;
	remember_failure(session, failure);
	event_of_session(session, "connect_failed",
		json_pack("{s:s, s:s, s:s}", "via", link_path_name(link->path), "code",
			failure_name(failure->code), "message", failure->fault.text));
	/* Without the contact there are no other means; the round ends all the same. */
	struct store_contact contact;
	struct attempt_means means = {0};
	if (session_contact(session, &contact) == ERR_OK)
		means = means_of(session, &contact);
	follow(session, attempt_failed(&session->attempt, net_now(), direct, means, &node->rng));
}

static struct link *newest_up(const struct session *session)
{
	struct link *newest = NULL;
	LIST_FOREACH (node, &session->links) {
		struct link *link = CONTAINER_OF(node, struct link, node);
		if (link->state == LINK_UP)
			newest = link;
	}
	return newest;
}

void session_link_lost(struct session *session, struct link *link, const struct failure *failure)
{
	struct node *node = session->node;
	bool was_current = session->current == link;
	if (was_current) {
		quality_watch_note(session);
		session->current = newest_up(session);
		quality_watch_note(session);
	}
	requests_link_gone(session, link);
	handle_ai_link_gone(session, link);
	files_link_gone(session, link);
	if (session->current) {
		if (was_current) {
			session_chat_restart(session);
			session_chat_tell_read(session);
		}
		return;
	}
	if (!was_current)
		return;
	const char *reason = failure->code == FAILURE_NONE ? "closed" : failure->fault.text;
	log_info("link with '%s' is gone: %s", session->name, reason);
	event_of_session(session, "link_down",
		json_pack("{s:s, s:s}", "path", link_path_name(link->path), "reason", reason));
	session_chat_restart(session);
	if (failure->code != FAILURE_NONE)
		session->last = *failure;
	/* A round that is under way already, for instance over another path, goes on. */
	if (node->stopping || session->forgotten || session->attempt.state == ATTEMPT_TRYING)
		return;
	attempt_lost(&session->attempt, net_now(), &node->rng);
	net_timer_set(&session->timer, session->attempt.deadline);
}
