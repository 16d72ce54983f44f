/* A link over WebRTC: one dpc_peer on the node's UDP sockets, set up by offer and answer through
 * the hub. Messages are text on the channel "dpc-data"; pieces of files go over "dpc-file", which
 * who sends them opens. Nothing is sent on it before the assertion
 * in the other side's description was verified. */
#include "node/link_rtc.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/events.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/session.h"
#include "node/signalling.h"

#define CHANNEL_LABEL "dpc-data"
#define FILE_LABEL "dpc-file"

/* ---- The transport ---- */

static enum err send_on(struct link_rtc *rtc, uint16_t channel, bool binary, struct bytes message)
{
	enum dpc_err err = dpc_peer_send(
		rtc_peer(rtc), net_now(), channel, binary, message.data, message.size);
	switch (err) {
	case DPC_OK:
		peer_io_kick(rtc->io);
		return ERR_OK;
	case DPC_ERR_AGAIN:
		return ERR_AGAIN;
	case DPC_ERR_TOO_LARGE:
		return ERR_TOO_LARGE;
	case DPC_ERR_NOMEM:
		return ERR_NOMEM;
	default:
		return ERR_CLOSED;
	}
}

static enum err rtc_send(struct link *link, struct bytes text)
{
	struct link_rtc *rtc = rtc_of(link);
	return send_on(rtc, rtc->channel, false, text);
}

/* Files have what chat leaves. */
static enum err open_file_channel(struct link_rtc *rtc)
{
	struct dpc_channel_config config = {
		.label = FILE_LABEL, .priority = DPC_PRIORITY_BELOW_NORMAL};
	if (rtc->has_file_channel)
		return ERR_OK;
	if (dpc_peer_open_channel(rtc_peer(rtc), net_now(), &config, &rtc->file_channel) != DPC_OK)
		return ERR_LIMIT;
	dpc_peer_set_buffered_low(rtc_peer(rtc), rtc->file_channel, NODE_FILE_QUEUE_MAX / 2);
	rtc->has_file_channel = true;
	return ERR_OK;
}

static enum err rtc_send_piece(struct link *link, struct bytes piece)
{
	struct link_rtc *rtc = rtc_of(link);
	enum err err = open_file_channel(rtc);
	if (err)
		return err;
	if (dpc_peer_buffered(rtc_peer(rtc), rtc->file_channel) >= NODE_FILE_QUEUE_MAX)
		return ERR_AGAIN;
	return send_on(rtc, rtc->file_channel, true, piece);
}

static void rtc_close(struct link *link, const char *reason)
{
	struct link_rtc *rtc = rtc_of(link);
	(void)reason;
	dpc_peer_close(rtc_peer(rtc), net_now());
	peer_io_kick(rtc->io);
}

static void rtc_destroy(struct link *link)
{
	struct link_rtc *rtc = rtc_of(link);
	peer_io_peer_destroy(rtc->io);
	for (size_t i = 0; i < rtc->candidate_count; i++)
		free(rtc->candidates[i]);
	free(rtc->offer_sdp);
	link_restart_deinit(rtc);
	link_deinit(link);
	free(rtc);
}

static struct addr addr_of(const struct dpc_addr *from)
{
	struct addr addr = {.family = from->family == 6   ? ADDR_IPV6
				      : from->family == 4 ? ADDR_IPV4
							  : ADDR_NONE,
		.port = from->port,
		.transport = from->transport == DPC_TCP ? ADDR_TCP : ADDR_UDP,
		.scope = from->scope};
	memcpy(addr.ip, from->ip, sizeof(addr.ip));
	return addr;
}

static void rtc_describe(struct link *link, json_t *description)
{
	const struct link_rtc *rtc = rtc_of(link);
	struct dpc_stats stats;
	dpc_peer_stats(rtc_peer(rtc), &stats);
	json_object_set_new(description, "restarts", json_integer(rtc->restart.count));
	json_object_set_new(description, "bytes_in", json_integer((json_int_t)stats.bytes_in));
	json_object_set_new(description, "bytes_out", json_integer((json_int_t)stats.bytes_out));
	if (!stats.has_path)
		return;
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	struct addr addr = addr_of(&stats.path.local);
	json_object_set_new(description, "local", json_string(addr_text(&addr, local)));
	addr = addr_of(&stats.path.remote);
	json_object_set_new(description, "remote", json_string(addr_text(&addr, remote)));
	json_object_set_new(description, "local_type", json_string(stats.local_type));
	json_object_set_new(description, "remote_type", json_string(stats.remote_type));
	bool is_tcp = stats.path.remote.transport == DPC_TCP;
	json_object_set_new(description, "transport", json_string(is_tcp ? "tcp" : "udp"));
}

static void rtc_count(struct link *link, struct quality_counters *ret_counters)
{
	struct dpc_stats stats;
	dpc_peer_stats(rtc_peer(rtc_of(link)), &stats);
	*ret_counters = (struct quality_counters){
		.rtt = stats.rtt_us,
		.rtt_min = stats.rtt_min_us,
		.jitter = stats.jitter_us,
		.cwnd = stats.cwnd,
		.bytes_in = stats.bytes_in,
		.bytes_out = stats.bytes_out,
		.sent = stats.pieces_out,
		.lost = stats.retransmissions,
	};
}

static void rtc_route(struct link *link, struct link_route_facts *ret_facts)
{
	const struct link_rtc *rtc = rtc_of(link);
	const struct node *node = link->session->node;
	const struct peer_io *io = node->io;
	struct dpc_stats stats;
	dpc_peer_stats(rtc_peer(rtc), &stats);
	struct addr remote = addr_of(&stats.path.remote);
	*ret_facts = (struct link_route_facts){
		.known = stats.has_path,
		.remote = remote,
		.local_type = stats.local_type,
		.remote_type = stats.remote_type,
		.policy = rtc->policy,
		.relay = peer_io_peer_relay(rtc->io),
		.searching = stats.searching,
		.common_family = stats.common_family,
		.own_addresses = stats.own_addresses,
		.peer_addresses = stats.peer_addresses,
		.asks_stun = peer_io_asks_stun(io),
		.stun_answers =
			peer_io_reflexive(io, ADDR_IPV4) || peer_io_reflexive(io, ADDR_IPV6),
		.nat = node_nat_mapping(node, remote.family),
	};
}

static const struct link_transport transport = {
	.send = rtc_send,
	.send_piece = rtc_send_piece,
	.close = rtc_close,
	.destroy = rtc_destroy,
	.describe = rtc_describe,
	.count = rtc_count,
	.route = rtc_route,
};

/* ---- Events of the peer ---- */

static void on_channel_open(struct link_rtc *rtc, uint16_t channel)
{
	const char *label = dpc_peer_channel_label(rtc_peer(rtc), channel);
	if (!label || strcmp(label, CHANNEL_LABEL) != 0 || rtc->link.state != LINK_CONNECTING)
		return;
	if (rtc->has_channel && rtc->channel != channel)
		return;
	CHECK(rtc->verified);
	rtc->has_channel = true;
	rtc->channel = channel;
	link_authenticated(&rtc->link, false);
}

/* The offerer waits neither for the channel to be confirmed, which RFC 8832 section 6 leaves open
 * ("MAY start sending messages containing user data without waiting for the reception of the
 * corresponding DATA_CHANNEL_ACK message"), nor for the peer's hello: who answers has accepted us,
 * and signed that. So what there is to say arrives a round trip earlier. */
static void on_connected(struct link_rtc *rtc)
{
	if (!rtc->link.initiator || rtc->link.state != LINK_CONNECTING)
		return;
	CHECK(rtc->verified);
	CHECK(rtc->has_channel);
	link_authenticated(&rtc->link, true);
}

static void on_peer_closed(struct link_rtc *rtc, const char *why)
{
	struct failure failure = {0};
	if (rtc->link.state == LINK_CONNECTING)
		failure_set(&failure, FAILURE_UNREACHABLE, "no connection to '%s' came about: %s",
			rtc->link.session->name, why);
	else if (rtc->link.state != LINK_CLOSING)
		failure_set(&failure, FAILURE_UNREACHABLE, "the link to '%s' ended: %s",
			rtc->link.session->name, why);
	link_ended(&rtc->link, &failure);
}

static void on_channel_closed(struct link_rtc *rtc, uint16_t channel)
{
	if (rtc->has_file_channel && channel == rtc->file_channel) {
		rtc->has_file_channel = false;
		link_pieces_lost(&rtc->link);
	}
	if (!rtc->has_channel || channel != rtc->channel)
		return;
	if (rtc->link.state == LINK_CONNECTING)
		on_peer_closed(rtc, "the peer closed the channel");
	else
		link_close(&rtc->link, "closed");
}

static void on_message(struct link_rtc *rtc, const struct dpc_event *event)
{
	struct bytes message = bytes_of(event->data, event->size);
	if (rtc->has_channel && event->channel == rtc->channel) {
		if (!event->binary)
			link_received(&rtc->link, message);
		return;
	}
	const char *label = dpc_peer_channel_label(rtc_peer(rtc), event->channel);
	if (event->binary && label && strcmp(label, FILE_LABEL) == 0)
		link_piece_received(&rtc->link, message);
}

static void on_candidate(struct link_rtc *rtc, const char *text)
{
	struct session *session = rtc->link.session;
	if (rtc->link.state == LINK_UP)
		link_restart_candidate(rtc, text);
	if (rtc->link.state == LINK_CONNECTING &&
		signalling_send_candidate(session->node, session->id,
			rtc->session_id[0] ? rtc->session_id : NULL, text) != ERR_OK)
		log_debug("cannot trickle a candidate to '%s'", session->name);
}

static void on_event(struct peer_io_peer *io, const struct dpc_event *event, void *user)
{
	struct link_rtc *rtc = user;
	(void)io;
	switch (event->type) {
	case DPC_EVENT_STATE:
		log_debug("webrtc to '%s': %s", rtc->link.session->name,
			dpc_peer_state_name(event->state));
		link_restart_follow(rtc, event->state);
		if (event->state == DPC_CONNECTED)
			on_connected(rtc);
		break;
	case DPC_EVENT_CANDIDATE:
		on_candidate(rtc, event->text);
		break;
	case DPC_EVENT_PATH:
		link_path_changed(&rtc->link);
		break;
	case DPC_EVENT_CHANNEL_OPEN:
		on_channel_open(rtc, event->channel);
		break;
	case DPC_EVENT_MESSAGE:
		on_message(rtc, event);
		break;
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
		link_writable(&rtc->link);
		break;
	case DPC_EVENT_CHANNEL_CLOSED:
		on_channel_closed(rtc, event->channel);
		break;
	case DPC_EVENT_CLOSED:
		on_peer_closed(rtc, event->text ? event->text : "closed");
		break;
	}
}

/* ---- Making one ---- */

static enum err create(struct session *session, bool offerer, struct link_rtc **ret_rtc)
{
	struct store_contact contact;
	enum err err = session_contact(session, &contact);
	if (err)
		return err;
	struct link_rtc *rtc = calloc(1, sizeof(*rtc));
	if (!rtc)
		return ERR_NOMEM;
	/* A policy shows no candidate that it forbids, and takes none. */
	rtc->policy = contact.policy;
	bool direct = contact.policy != STORE_POLICY_RELAY_ONLY;
	bool relay = contact.policy != STORE_POLICY_DIRECT_ONLY;
	struct peer_io_peer_config config = {.peer = {.offerer = offerer,
						     .unix_time = net_unix_now() / USEC_PER_SEC,
						     .refuse_relayed = !relay,
						     .quiet_max = NODE_QUIET_MAX},
		.with_host = direct,
		.with_reflexive = direct,
		.with_relayed = relay,
		.on_event = on_event,
		.user = rtc};
	err = peer_io_peer_create(session->node->io, &config, &rtc->io);
	if (err)
		goto fail_rtc;
	err = link_init(&rtc->link, session, LINK_WEBRTC, offerer, &transport);
	if (err)
		goto fail_peer;
	err = link_restart_init(rtc);
	if (err)
		goto fail_link;
	*ret_rtc = rtc;
	return ERR_OK;

fail_link:
	link_deinit(&rtc->link);
fail_peer:
	peer_io_peer_destroy(rtc->io);
fail_rtc:
	free(rtc);
	return err;
}

enum err link_offer(struct session *session, struct failure *failure)
{
	struct node *node = session->node;
	struct link_rtc *rtc;
	if (hub_client_state(node->hub) != HUB_CONNECTED) {
		hub_client_failure(node->hub, failure);
		return ERR_STATE;
	}
	enum err err = create(session, true, &rtc);
	if (err)
		goto fail;
	rtc->link.attempt = true;
	node_new_id(node, rtc->session_id);
	/* Chat is never behind what is sent in bulk on other channels. */
	struct dpc_channel_config channel = {.label = CHANNEL_LABEL, .priority = DPC_PRIORITY_HIGH};
	rtc->offer_sdp = malloc(DPC_SDP_MAX);
	rtc->has_channel = true;
	err = ERR_NOMEM;
	if (!rtc->offer_sdp ||
		dpc_peer_open_channel(rtc_peer(rtc), net_now(), &channel, &rtc->channel) !=
			DPC_OK ||
		dpc_peer_local_description(rtc_peer(rtc), rtc->offer_sdp, DPC_SDP_MAX) != DPC_OK)
		goto fail_link;
	err = signalling_send_description(node, session->id, SIGNAL_OFFER, rtc->session_id,
		rtc->offer_sdp, dpc_peer_fingerprint(rtc_peer(rtc)), NULL);
	if (err)
		goto fail_link;
	peer_io_kick(rtc->io);
	return ERR_OK;

fail_link:
	link_destroy(&rtc->link);
fail:
	failure_set(failure, FAILURE_INTERNAL, "cannot make an offer for '%s': %s", session->name,
		err_text(err));
	return err;
}

/* Whether the contact may be taken on the hub's word: never once its key is known. */
static bool is_hub_vouched(struct session *session)
{
	struct store_contact contact;
	return session_contact(session, &contact) == ERR_OK && contact.hub_vouched &&
	       contact.pin[0] == 0;
}

/* Sets the remote description and checks who made it. */
static enum err take_description(
	struct link_rtc *rtc, const struct signal *signal, struct failure *failure)
{
	struct session *session = rtc->link.session;
	struct node_pin pin;
	const char *reason = "";
	if (dpc_peer_set_remote_description(
		    rtc_peer(rtc), net_now(), signal->sdp, strlen(signal->sdp)) != DPC_OK) {
		failure_set(failure, FAILURE_UNTRUSTED,
			"'%s' sent a description that cannot be read; is its program up to date?",
			session->name);
		return ERR_MALFORMED;
	}
	enum err err = signalling_verify(session->node, signal, session->id,
		dpc_peer_remote_fingerprint(rtc_peer(rtc)), rtc->offer_sdp, &pin, &reason);
	if (err == ERR_NOT_FOUND && is_hub_vouched(session)) {
		rtc->link.hub_vouched = true;
	} else if (err) {
		failure_set(failure, FAILURE_UNTRUSTED,
			"'%s' could not prove who it is through the hub: %s; "
			"do not trust this hub; connect with 'dpc connect %s --direct'",
			session->name, reason[0] ? reason : err_text(err), session->name);
		return ERR_UNTRUSTED;
	} else if (!link_check_pin(&rtc->link, &pin, failure)) {
		return ERR_MISMATCH;
	}
	rtc->verified = true;
	peer_io_ask_names(rtc->io, signal->sdp);
	peer_io_kick(rtc->io);
	return ERR_OK;
}

enum err link_rtc_accept(
	struct session *session, const struct signal *offer, struct failure *failure)
{
	struct node *node = session->node;
	struct link_rtc *rtc;
	enum err err = create(session, false, &rtc);
	if (err) {
		failure_set(failure, FAILURE_LIMIT, "cannot answer '%s': %s", session->name,
			err_text(err));
		return err;
	}
	if (offer->session_id)
		(void)text_copy(rtc->session_id, sizeof(rtc->session_id), offer->session_id);
	err = take_description(rtc, offer, failure);
	if (err)
		goto fail;
	char *answer = malloc(DPC_SDP_MAX);
	err = ERR_NOMEM;
	if (answer && dpc_peer_local_description(rtc_peer(rtc), answer, DPC_SDP_MAX) == DPC_OK)
		err = signalling_send_description(node, session->id, SIGNAL_ANSWER,
			offer->session_id, answer, dpc_peer_fingerprint(rtc_peer(rtc)), offer->sdp);
	free(answer);
	if (err) {
		failure_set(failure, FAILURE_INTERNAL, "cannot answer '%s': %s", session->name,
			err_text(err));
		goto fail;
	}
	return ERR_OK;

fail:
	link_destroy(&rtc->link);
	return err;
}

/* ---- Signals for one that exists ---- */

struct link *link_rtc_find(struct session *session, const char *session_id)
{
	LIST_FOREACH (node, &session->links) {
		struct link *link = CONTAINER_OF(node, struct link, node);
		if (link->path != LINK_WEBRTC)
			continue;
		struct link_rtc *rtc = rtc_of(link);
		bool waits = link->state == LINK_CONNECTING;
		if (session_id ? strcmp(rtc->session_id, session_id) == 0 : waits)
			return link;
	}
	return NULL;
}

struct link *link_rtc_pending_offer(struct session *session)
{
	LIST_FOREACH (node, &session->links) {
		struct link *link = CONTAINER_OF(node, struct link, node);
		if (link->path == LINK_WEBRTC && link->initiator && !rtc_of(link)->verified)
			return link;
	}
	return NULL;
}

static void add_candidate(struct link_rtc *rtc, const char *text)
{
	enum dpc_err err = peer_io_add_remote_candidate(rtc->io, text, strlen(text));
	if (err != DPC_OK && err != DPC_ERR_EXISTS)
		log_debug("a candidate of '%s' is not used: %s", rtc->link.session->name,
			dpc_peer_err_text(err));
	peer_io_kick(rtc->io);
}

static void on_answer(struct link_rtc *rtc, const struct signal *signal)
{
	struct failure failure;
	if (!rtc->link.initiator || rtc->verified)
		return;
	if (take_description(rtc, signal, &failure) != ERR_OK) {
		link_ended(&rtc->link, &failure);
		return;
	}
	for (size_t i = 0; i < rtc->candidate_count; i++) {
		add_candidate(rtc, rtc->candidates[i]);
		free(rtc->candidates[i]);
	}
	rtc->candidate_count = 0;
}

static void on_remote_candidate(struct link_rtc *rtc, const char *text)
{
	if (rtc->verified) {
		add_candidate(rtc, text);
	} else if (rtc->candidate_count < NODE_EARLY_CANDIDATES_MAX) {
		char *copy = text_duplicate(text);
		if (copy)
			rtc->candidates[rtc->candidate_count++] = copy;
	}
}

void link_rtc_signal(struct link *link, const struct signal *signal, bool inside)
{
	struct link_rtc *rtc = rtc_of(link);
	struct failure failure;
	if (link->path != LINK_WEBRTC)
		return;
	switch (signal->type) {
	case SIGNAL_ANSWER:
		on_answer(rtc, signal);
		break;
	case SIGNAL_CANDIDATE:
		on_remote_candidate(rtc, signal->candidate);
		break;
	case SIGNAL_RESTART:
	case SIGNAL_RESTART_ANSWER:
		link_restart_receive(rtc, signal, inside);
		break;
	case SIGNAL_BYE:
		/* Nobody has signed it: once the link is up it says for itself when it ends. */
		if (link->state != LINK_CONNECTING) {
			link_restart_unknown(rtc);
			break;
		}
		failure_set(&failure, FAILURE_REFUSED, "'%s' refuses the connection: %s",
			link->session->name, signal->reason);
		link_ended(link, &failure);
		break;
	case SIGNAL_NONE:
	case SIGNAL_OFFER:
	case SIGNAL_TYPE_COUNT:
		break;
	}
}

void link_rtc_hub_error(struct link *link, const struct failure *failure)
{
	if (link->state == LINK_CONNECTING && !rtc_of(link)->verified)
		link_ended(link, failure);
}
