/* ai_response: what comes back to a query of ours, piece by piece. */
#include "node/dispatch.h"

#include "node/request.h"
#include "node/session.h"

static void end(struct request *request, const struct message_ai_response *response)
{
	json_t *line = json_pack("{s:b, s:s?}", "done", 1, "model", response->model);
	if (line && response->has_usage)
		json_object_set_new(line, "usage",
			json_pack("{s:I, s:I}", "prompt_tokens",
				(json_int_t)response->usage.prompt_tokens, "completion_tokens",
				(json_int_t)response->usage.completion_tokens));
	(void)request_stream(request, line, true);
}

void handle_ai_response(struct session *session, struct link *link, const struct message *message)
{
	const struct message_ai_response *response = &message->ai_response;
	struct request *request = request_find(session, REQUEST_AI, response->request_id);
	const char *text = response->delta ? response->delta : response->text;
	(void)link;
	if (!request)
		return;
	if (response->error) {
		struct failure failure;
		enum failure_code code =
			response->code ? failure_of_name(response->code) : FAILURE_AI;
		failure_set(&failure, code, "the model of '%s' failed: %s", session->name,
			response->error);
		request_fail(request, &failure);
		return;
	}
	if (response->pending && !request_owner_asked(request, response->expires_seconds))
		return;
	if (text && text[0]) {
		request->owner_is_asked = false;
		if (!request_stream(request, json_pack("{s:s}", "delta", text), false))
			return;
	}
	if (response->done)
		end(request, response);
}
