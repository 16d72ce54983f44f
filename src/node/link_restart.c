/* A WebRTC link that looks for another path while it is up: ICE restart (dpc_peer_restart_ice()).
 *
 * It begins when the path has fallen silent, and when addresses of this machine come and go. The
 * offer goes over the link itself as long as that carries anything, and through the hub when it
 * does not, signed like the first, together with its own SDP. Without an answer it is repeated,
 * with the addresses of then, and after some seconds given up. Then a new link is made beside this
 * one, which stays until the new one is up or consent has run out; the outbox sees to it that
 * nothing is lost or comes twice. Both sides may begin at once: see include/dpc/peer.h. */
#include "node/link_rtc.h"

#include <stdlib.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "node/events.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/session.h"
#include "node/signalling.h"

static struct node *node_of(const struct link_rtc *rtc)
{
	return rtc->link.session->node;
}

/* One that is being replaced, or is not sent over, is left alone. */
static bool is_in_use(const struct link_rtc *rtc)
{
	return rtc->link.state == LINK_UP && rtc->link.session->current == &rtc->link &&
	       !node_of(rtc)->stopping;
}

static bool is_silent(const struct link_rtc *rtc)
{
	return dpc_peer_state(rtc_peer(rtc)) == DPC_DISCONNECTED;
}

static void set_timer(struct link_rtc *rtc)
{
	const struct link_restart *r = &rtc->restart;
	usec at = usec_min(r->due, r->offered ? r->retry_at : USEC_NEVER);
	if (r->silent_since && !r->replacing)
		at = usec_min(at, r->silent_since + NODE_RESTART_PATIENCE);
	net_timer_set(&rtc->restart.timer, at);
}

/* ---- Sending ---- */

static enum err send_inside(struct link_rtc *rtc, const struct signal *signal)
{
	json_t *payload;
	enum err err = signal_encode(signal, &payload);
	if (err)
		return err;
	struct message message = {.type = MESSAGE_SIGNAL, .signal = {.payload = payload}};
	err = link_send(&rtc->link, &message);
	json_decref(payload);
	return err;
}

/* False when it went nowhere. */
static bool send_description(struct link_rtc *rtc, enum signal_type type)
{
	struct session *session = rtc->link.session;
	struct link_restart *r = &rtc->restart;
	char *sdp = malloc(DPC_SDP_MAX);
	bool sent = false;
	if (!sdp || dpc_peer_local_description(rtc_peer(rtc), sdp, DPC_SDP_MAX) != DPC_OK)
		goto done;
	struct signal signal = {
		.type = type, .session_id = rtc->session_id, .sdp = sdp, .sdp_mline_index = -1};
	if (r->by_link)
		sent = send_inside(rtc, &signal) == ERR_OK;
	if (r->by_hub &&
		signalling_send_description(node_of(rtc), session->id, type, rtc->session_id, sdp,
			dpc_peer_fingerprint(rtc_peer(rtc)), NULL) == ERR_OK)
		sent = true;

done:
	free(sdp);
	peer_io_kick(rtc->io);
	return sent;
}

void link_restart_candidate(struct link_rtc *rtc, const char *text)
{
	struct session *session = rtc->link.session;
	const struct signal signal = {.type = SIGNAL_CANDIDATE,
		.session_id = rtc->session_id,
		.candidate = text,
		.sdp_mid = "0"};
	if (rtc->restart.by_link && send_inside(rtc, &signal) != ERR_OK)
		log_debug("cannot tell '%s' a candidate over the link", session->name);
	if (rtc->restart.by_hub && signalling_send_candidate(session->node, session->id,
					   rtc->session_id, text) != ERR_OK)
		log_debug("cannot trickle a candidate to '%s'", session->name);
}

/* ---- Ours ---- */

static void replace(struct link_rtc *rtc)
{
	struct link_restart *r = &rtc->restart;
	r->offered = false;
	r->due = USEC_NEVER;
	if (r->replacing || !is_silent(rtc))
		return;
	log_debug("the path to '%s' does not come back: a new link", rtc->link.session->name);
	r->replacing = true;
	session_replace_link(rtc->link.session);
}

static void offer(struct link_rtc *rtc, usec now)
{
	struct link_restart *r = &rtc->restart;
	bool silent = is_silent(rtc);
	r->by_link = !silent;
	/* What goes over the link has not arrived; or it has, and the answer is lost. */
	r->by_hub = silent || r->tries > 0;
	r->retry_at = now + (NODE_RESTART_RETRY << r->tries);
	if (send_description(rtc, SIGNAL_RESTART))
		r->tries++;
	else if (silent)
		/* With the hub back it is sent again; until then there may be a direct way. */
		session_replace_link(rtc->link.session);
}

static void begin(struct link_rtc *rtc, usec now)
{
	struct link_restart *r = &rtc->restart;
	r->due = USEC_NEVER;
	if (!is_in_use(rtc))
		return;
	if (!rtc->link.can_restart || !rtc->session_id[0] ||
		peer_io_peer_restart(rtc->io) != DPC_OK) {
		replace(rtc);
		return;
	}
	log_debug("another path to '%s' is looked for", rtc->link.session->name);
	r->offered = true;
	r->tries = 0;
	offer(rtc, now);
}

static void on_timer(void *user)
{
	struct link_rtc *rtc = user;
	struct link_restart *r = &rtc->restart;
	usec now = net_now();
	bool late = r->silent_since && now >= r->silent_since + NODE_RESTART_PATIENCE;
	if (!is_in_use(rtc))
		return;
	if (late || (r->offered && now >= r->retry_at && r->tries >= NODE_RESTART_TRIES))
		replace(rtc);
	else if (now >= r->due)
		begin(rtc, now);
	else if (r->offered && now >= r->retry_at && peer_io_peer_restart(rtc->io) == DPC_OK)
		offer(rtc, now);
	set_timer(rtc);
}

static void begin_at(struct link_rtc *rtc, usec at)
{
	rtc->restart.due = usec_min(rtc->restart.due, at);
	set_timer(rtc);
}

/* ---- Why ---- */

static void fell_silent(struct link_rtc *rtc, usec now)
{
	struct session *session = rtc->link.session;
	struct link_restart *r = &rtc->restart;
	r->silent_since = now;
	r->replacing = false;
	if (!is_in_use(rtc))
		return;
	log_info("the path to '%s' is silent; another is looked for", session->name);
	event_of_session(
		session, "reconnecting", json_pack("{s:o}", "link", link_describe(&rtc->link)));
	hub_client_check(node_of(rtc)->hub);
	/* Both notice; the one who made the link begins, and the other one only if it does not. */
	begin_at(rtc, rtc->link.initiator ? now : now + NODE_RESTART_DEFER);
}

void link_restart_follow(struct link_rtc *rtc, enum dpc_state state)
{
	struct link_restart *r = &rtc->restart;
	if (state == DPC_DISCONNECTED && !r->silent_since)
		fell_silent(rtc, net_now());
	if (state != DPC_CONNECTED || !r->silent_since)
		return;
	r->silent_since = 0;
	r->replacing = false;
	set_timer(rtc);
	if (is_in_use(rtc))
		event_of_session(rtc->link.session, "link_changed",
			json_pack("{s:o}", "link", link_describe(&rtc->link)));
}

void link_network_changed(struct link *link, const struct network_change *change, usec delay)
{
	struct session *session = link->session;
	if (session->current != link || link->state != LINK_UP)
		return;
	if (link->path == LINK_DIRECT) {
		struct failure failure;
		/* TCP would notice after seconds; and nothing else can be dialled from there. */
		if (!link_tls_is_from(link, change->removed, change->removed_count))
			return;
		failure_set(&failure, FAILURE_UNREACHABLE,
			"the address of the link to '%s' is gone", session->name);
		link_ended(link, &failure);
		return;
	}
	struct link_rtc *rtc = rtc_of(link);
	usec now = net_now();
	if (change->added_count + change->removed_count == 0) {
		dpc_peer_check_path(rtc_peer(rtc), now);
		peer_io_kick(rtc->io);
		return;
	}
	/* Where the path is gone it hurries; else it is to see whether there is a better one. */
	begin_at(rtc, is_silent(rtc) ? now : now + delay);
}

void link_woke(struct link *link, usec slept)
{
	if (link->session->current != link || link->state != LINK_UP)
		return;
	if (link->path == LINK_DIRECT) {
		link_ping(link);
		return;
	}
	struct link_rtc *rtc = rtc_of(link);
	dpc_peer_check_path(rtc_peer(rtc), net_now());
	peer_io_kick(rtc->io);
	/* RFC 7675: the other side has given up. */
	if (slept >= NODE_CONSENT_TIME)
		session_replace_link(link->session);
}

void link_hub_ready(struct link *link)
{
	struct link_rtc *rtc = rtc_of(link);
	struct link_restart *r = &rtc->restart;
	if (link->path != LINK_WEBRTC || !is_in_use(rtc))
		return;
	if (r->silent_since) {
		r->replacing = false;
		r->silent_since = net_now();
		begin_at(rtc, net_now());
	} else if (r->offered) {
		/* Over the link alone so far, as the hub was away. A path through a relay looks
		 * alive when our address is gone, and carries nothing. */
		r->tries = 1;
		r->retry_at = net_now();
		set_timer(rtc);
	}
}

bool link_is_silent(const struct link *link)
{
	return link->path == LINK_WEBRTC && link->state == LINK_UP &&
	       rtc_of((struct link *)(uintptr_t)link)->restart.silent_since > 0;
}

/* ---- Theirs ---- */

/* Through the hub it is to be proved that the other side has made it. */
static bool is_believed(struct link_rtc *rtc, const struct signal *signal)
{
	struct session *session = rtc->link.session;
	struct node_pin pin;
	struct failure failure;
	const char *reason = "";
	enum err err = signalling_verify(session->node, signal, session->id,
		dpc_peer_remote_fingerprint(rtc_peer(rtc)), NULL, &pin, &reason);
	if (!err && link_check_pin(&rtc->link, &pin, &failure))
		return true;
	session->node->counters.refused++;
	log_debug("a restart by '%s' is not believed: %s", session->name,
		reason[0] ? reason : err_text(err));
	return false;
}

static void answered(struct link_rtc *rtc)
{
	struct link_restart *r = &rtc->restart;
	r->offered = false;
	r->due = USEC_NEVER;
	r->count++;
	/* What was exchanged has as long as the silence had. */
	if (r->silent_since)
		r->silent_since = net_now();
	set_timer(rtc);
}

void link_restart_receive(struct link_rtc *rtc, const struct signal *signal, bool inside)
{
	struct link_restart *r = &rtc->restart;
	if (rtc->link.state != LINK_UP || !rtc->verified || rtc->link.hub_vouched ||
		!(inside || is_believed(rtc, signal)))
		return;
	enum dpc_err err = dpc_peer_set_remote_description(
		rtc_peer(rtc), net_now(), signal->sdp, strlen(signal->sdp));
	if (err != DPC_OK && err != DPC_ERR_EXISTS) {
		log_debug("a restart by '%s' is not taken: %s", rtc->link.session->name,
			dpc_peer_err_text(err));
		return;
	}
	bool is_offer = signal->type == SIGNAL_RESTART;
	if (err == DPC_OK) {
		answered(rtc);
		if (is_offer)
			peer_io_peer_restarted(rtc->io);
	}
	if (is_offer) {
		r->by_link = inside;
		r->by_hub = !inside;
		if (!send_description(rtc, SIGNAL_RESTART_ANSWER))
			log_debug("cannot answer a restart by '%s'", rtc->link.session->name);
	}
	peer_io_kick(rtc->io);
}

void link_restart_unknown(struct link_rtc *rtc)
{
	if (!is_in_use(rtc) || !rtc->restart.offered)
		return;
	replace(rtc);
	set_timer(rtc);
}

/* ---- Life ---- */

enum err link_restart_init(struct link_rtc *rtc)
{
	rtc->restart.due = USEC_NEVER;
	return net_timer_init(&rtc->restart.timer, node_of(rtc)->loop, on_timer, rtc);
}

void link_restart_deinit(struct link_rtc *rtc)
{
	net_timer_deinit(&rtc->restart.timer);
}
