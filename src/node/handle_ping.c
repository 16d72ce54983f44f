/* ping, answered at once with its own timestamp; pong, by which we know the round trip. */
#include "node/dispatch.h"

#include "base/log.h"
#include "node/describe.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/request.h"
#include "node/session.h"

void handle_ping(struct session *session, struct link *link, const struct message *message)
{
	struct message pong = {
		.type = MESSAGE_PONG, .pong = {.timestamp = message->ping.timestamp}};
	if (link_send(link, &pong) != ERR_OK)
		log_debug("cannot answer a ping of '%s'", session->name);
}

/* Timestamps are ours and come back unchanged, so they are compared as they are; only the JSON text
 * may have rounded them. */
static bool is_same_stamp(double a, double b)
{
	double distance = a > b ? a - b : b - a;
	return distance < 4e-7;
}

static void answer(struct request *request, struct link *link)
{
	struct session *session = request->session;
	double rtt_ms = (double)(net_now() - request->sent_at) / USEC_PER_MS;
	struct link_route route;
	link_route(link, &route);
	json_t *body = json_pack("{s:f, s:s, s:o}", "rtt_ms", rtt_ms, "path",
		link_path_name(link->path), "route", link_route_describe(&route));
	json_t *peer = describe_peer_answer(session->node, session->id);
	if (body && peer)
		json_object_update(body, peer);
	json_decref(peer);
	request_reply(request, 200, body);
}

void handle_pong(struct session *session, struct link *link, const struct message *message)
{
	double stamp = message->pong.timestamp;
	if (link->ping_sent > 0 && is_same_stamp(stamp, link->ping_stamp)) {
		bool is_first = link->rtt == 0;
		link->rtt = usec_max(net_now() - link->ping_sent, 1);
		link->ping_sent = 0;
		if (is_first)
			event_of_session(session, "link_changed",
				json_pack("{s:o}", "link", link_describe(link)));
		return;
	}
	LIST_FOREACH (node, &session->requests) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		if (request->kind == REQUEST_PING && request->link &&
			is_same_stamp(stamp, request->stamp)) {
			link->rtt = usec_max(net_now() - request->sent_at, 1);
			answer(request, link);
			return;
		}
	}
}
