/* What handlers answer. */
#include "hub/hub.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"

void hub_reply(struct web_request *request, int status, json_t *object)
{
	char *text = json_take_text(object);
	if (text)
		web_request_reply_json(request, status, text);
	else
		hub_fail(request, ERR_NOMEM);
	if (text)
		secret_cleanse(text, strlen(text));
	free(text);
}

void hub_refuse(struct web_request *request, const struct refusal *refusal)
{
	web_request_reply_error(request, refusal->status, refusal->code, refusal->message);
}

void hub_refuse_banned(struct hub *hub, struct web_request *request)
{
	hub->stats.banned++;
	web_request_reply_error(
		request, 403, "banned", "whoever runs this hub has shut you out; ask them");
}

void hub_refuse_draining(struct web_request *request)
{
	web_request_add_header(request, "Retry-After", "5");
	web_request_reply_error(request, 503, "draining", "the hub ends; try again in a moment");
}

bool hub_is_failure(enum err err)
{
	return err == ERR_IO || err == ERR_CORRUPT || err == ERR_NOMEM || err == ERR_UNREACHABLE;
}

void hub_fail(struct web_request *request, enum err err)
{
	if (err == ERR_UNREACHABLE) {
		web_request_add_header(request, "Retry-After", "1");
		web_request_reply_error(request, 503, "database",
			"the hub's database does not answer; nothing was changed, try again");
		return;
	}
	web_request_reply_error(request, 500, "internal",
		err == ERR_NOMEM ? "the hub is out of memory"
				 : "the hub's database failed; its log says more");
}

void hub_refuse_body(struct web_request *request, enum err err)
{
	if (err == ERR_NOMEM)
		hub_fail(request, err);
	else
		web_request_reply_error(request, 400, "malformed",
			"the body is not a json object with the fields of this request");
}

json_t *hub_body(struct web_request *request)
{
	json_t *body;
	enum err err = json_parse_object(web_request_body(request), HUB_BODY_MAX, &body);
	if (err == ERR_OK)
		return body;
	hub_refuse_body(request, err);
	return NULL;
}
