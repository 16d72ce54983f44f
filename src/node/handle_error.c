/* error: the answer to something of ours that failed, a goodbye, or a complaint. It is never
 * answered. */
#include "node/dispatch.h"

#include "base/log.h"
#include "node/events.h"
#include "node/files.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/request.h"
#include "node/session.h"

/* The last word on a link that is closed in good order. */
static bool is_goodbye(const char *code)
{
	static const char *const codes[] = {"disconnected", "shutdown", "duplicate", "closed"};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strcmp(code, codes[i]) == 0)
			return true;
	}
	return false;
}

static struct request *find_any(struct session *session, const char *id)
{
	LIST_FOREACH (node, &session->requests) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		if (request->kind != REQUEST_DELIVERY && request->kind != REQUEST_CONNECT &&
			strcmp(request->id, id) == 0)
			return request;
	}
	return NULL;
}

void handle_error(struct session *session, struct link *link, const struct message *message)
{
	const struct message_error *error = &message->error;
	(void)link;
	if (is_goodbye(error->code)) {
		if (strcmp(error->code, "disconnected") == 0)
			session_peer_left(session);
		return;
	}
	struct request *request = error->request_id ? find_any(session, error->request_id) : NULL;
	if (request) {
		struct failure failure;
		failure_set(&failure, failure_of_name(error->code), "'%s' refuses: %s",
			session->name, error->message[0] ? error->message : error->code);
		request_fail(request, &failure);
		return;
	}
	if (files_refused(session, error) || session_chat_refused(session, error))
		return;
	if (!rate_take(&session->complaints_rate, net_now(), NODE_COMPLAINTS_PER_MINUTE))
		return;
	log_info("'%s' reports an error: %s: %s", session->name, error->code, error->message);
	event_of_session(session, "error",
		json_pack("{s:s, s:s}", "code", error->code, "message", error->message));
}
