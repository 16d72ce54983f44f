#include "hub/cors.h"

#include "base/text.h"
#include "hub/hub.h"

/* Seconds for which a browser need not ask again. */
#define MAX_AGE "600"

/* "scheme://host[:port]", all that a browser puts into Origin. */
static bool is_origin(struct bytes text)
{
	char copy[PROOF_HUB_MAX + 1];
	if (!text_copy_bytes(copy, sizeof copy, text))
		return false;
	const char *host = strstr(copy, "://");
	if (!text_starts_with(copy, "http://") && !text_starts_with(copy, "https://"))
		return false;
	return host[3] != 0 && !strpbrk(host + 3, "/?#@*");
}

/* The next of a list, which moves on; empty at the end. */
static struct bytes next_origin(const char **list)
{
	*list += strspn(*list, " ,");
	struct bytes origin = bytes_of(*list, strcspn(*list, " ,"));
	*list += origin.size;
	return origin;
}

bool cors_origins_are_good(const char *list)
{
	struct bytes origin;
	size_t count = 0;
	while ((origin = next_origin(&list)).size > 0)
		if (!is_origin(origin) || ++count > ORIGINS_MAX)
			return false;
	return true;
}

static bool is_allowed(const struct hub *hub, const char *origin)
{
	const char *list = hub->config->cors_origins;
	struct bytes allowed;
	while ((allowed = next_origin(&list)).size > 0)
		if (bytes_equal_text(allowed, origin))
			return true;
	return false;
}

/* A page of the hub's own asks as it likes. */
static bool is_own(const struct hub *hub, const char *origin)
{
	for (size_t i = 0; i < hub->origin_count; i++)
		if (strcmp(hub->origins[i], origin) == 0)
			return true;
	return false;
}

static void answer_preflight(struct web_request *request)
{
	web_request_add_header(request, "Access-Control-Allow-Methods", "GET, PUT, POST, DELETE");
	web_request_add_header(
		request, "Access-Control-Allow-Headers", "Authorization, Content-Type");
	web_request_add_header(request, "Access-Control-Max-Age", MAX_AGE);
	web_request_reply(request, 204, NULL, (struct bytes){0});
}

bool cors_prepare(struct web_request *request, void *user)
{
	struct hub *hub = user;
	const char *origin = web_request_header(request, "origin");
	web_request_add_header(request, "Referrer-Policy", "no-referrer");
	/* What somebody gets for a token is nobody else's. */
	if (web_request_header(request, "authorization"))
		web_request_add_header(request, "Cache-Control", "no-store");
	if (!hub->config->cors_origins[0])
		return false;
	/* So that no cache gives one page what was said to another. */
	web_request_add_header(request, "Vary", "Origin");
	if (!origin || !is_allowed(hub, origin))
		return false;
	/* Never "*", and never with credentials: a token is sent by the page, or not at all. */
	web_request_add_header(request, "Access-Control-Allow-Origin", origin);
	web_request_add_header(
		request, "Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate");
	bool is_preflight = strcmp(web_request_method(request), "OPTIONS") == 0 &&
			    web_request_header(request, "access-control-request-method");
	if (is_preflight)
		answer_preflight(request);
	return is_preflight;
}

bool cors_admit_socket(struct hub *hub, struct web_request *request)
{
	const char *origin = web_request_header(request, "origin");
	if (!origin || is_own(hub, origin) || is_allowed(hub, origin))
		return true;
	web_request_reply_error(request, 403, "origin",
		"pages of this origin may not use the hub; its operator names them in "
		"cors_origins");
	return false;
}
