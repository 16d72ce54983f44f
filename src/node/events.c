#include "node/events.h"

#include "base/log.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/local_api.h"
#include "node/session.h"

void event_emit(struct node *node, const char *event, json_t *fields)
{
	json_t *object = json_pack("{s:s, s:f}", "event", event, "time", node_unix_time());
	if (object && fields)
		json_object_update(object, fields);
	json_decref(fields);
	if (object && node->api)
		local_api_publish(node->api, object);
	else
		json_decref(object);
}

void event_of_peer(
	struct node *node, const char *event, const char *node_id, const char *name, json_t *fields)
{
	json_t *object = json_pack("{s:s, s:s?}", "peer", node_id, "name", name);
	if (object && fields)
		json_object_update(object, fields);
	json_decref(fields);
	event_emit(node, event, object);
}

void event_of_session(struct session *session, const char *event, json_t *fields)
{
	event_of_peer(session->node, event, session->id, session->name, fields);
}

void event_refused(struct node *node, const char *node_id, const char *name, const char *via,
	const char *reason)
{
	node->counters.refused++;
	if (!rate_take(&node->refusals_rate, net_now(), NODE_REFUSALS_PER_MINUTE))
		return;
	log_info("refused '%s' over %s: %s", name ? name : node_id, via, reason);
	event_of_peer(node, "refused", node_id, name,
		json_pack("{s:s, s:s}", "via", via, "reason", reason));
}
