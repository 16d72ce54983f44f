/* Who may ask: rates, bans, tokens, registrations. */
#include "hub/hub.h"

#include "base/addr.h"
#include "base/text.h"

struct addr hub_client(const struct hub *hub, struct web_request *request)
{
	struct addr addr = {0};
	if (!addr_parse_ip(web_request_address(request), 0, &addr))
		return addr;
	return forwarded_client(
		&hub->proxies, &addr, web_request_header(request, "x-forwarded-for"));
}

bool hub_admit(struct hub *hub, struct web_request *request, struct ratelimit *limit)
{
	/* An IPv6 client has a /64 to itself, so that is what counts. */
	uint8_t key[9] = {0};
	struct addr addr = hub_client(hub, request);
	if (bans_have_address(&hub->bans, &addr)) {
		hub_refuse_banned(hub, request);
		return false;
	}
	key[0] = (uint8_t)addr.family;
	memcpy(key + 1, addr.ip, sizeof key - 1);
	if (ratelimit_take(limit, bytes_of(key, sizeof key), net_now()))
		return true;
	hub->stats.rate_limited++;
	web_request_add_header(request, "Retry-After", "1");
	web_request_reply_error(
		request, 429, "rate_limited", "too many requests; try again in a second");
	return false;
}

bool hub_admit_operator(struct hub *hub, struct web_request *request)
{
	struct addr addr = hub_client(hub, request), peer = {0};
	/* A proxy on this machine stands for whomever it serves, unless it says for whom. */
	bool is_forwarded = web_request_header(request, "x-forwarded-for") &&
			    addr_parse_ip(web_request_address(request), 0, &peer) &&
			    addr_same_ip(&peer, &addr);
	if (hub->config->public_metrics || (addr_is_loopback(&addr) && !is_forwarded))
		return true;
	web_request_reply_error(request, 403, "forbidden",
		"metrics are for this machine alone; 'public_metrics = yes' shows them to all");
	return false;
}

enum err hub_check_token(struct hub *hub, const char *token, struct token_claims *ret_claims)
{
	struct token_claims claims;
	int64_t now = hub_now();
	enum err err = token_check(&hub->keys, token, now, &claims);
	/* Another hub may have made a key; who tries names of keys is given one look a second. */
	if (err == ERR_NOT_FOUND && hub->keys.loaded != now) {
		err = token_keys_load(&hub->keys, hub->store, now);
		if (err == ERR_OK)
			err = token_check(&hub->keys, token, now, &claims);
	}
	if (err == ERR_OK)
		err = store_session_check(hub->store, claims.session.id);
	if (err == ERR_OK)
		*ret_claims = claims;
	return err;
}

const char *hub_bearer_token(struct web_request *request)
{
	const char *authorization = web_request_header(request, "authorization");
	bool is_bearer = authorization &&
			 bytes_equal_text_ignoring_case(
				 bytes_slice(bytes_of_text(authorization), 0, 7), "bearer ");
	return is_bearer ? authorization + 7 : NULL;
}

bool hub_is_banned(const struct hub *hub, const struct store_session *session)
{
	return bans_have_account(&hub->bans, session->user_id) ||
	       (session->node_id[0] && bans_have_node(&hub->bans, session->node_id));
}

bool hub_authorize(struct hub *hub, struct web_request *request, struct token_claims *ret_claims)
{
	const char *token = hub_bearer_token(request);
	/* RFC 6750 section 2.3: what is in a url is "logged", and stays in the histories of
	 * browsers. */
	if (web_request_query(request, "token") || web_request_query(request, "access_token")) {
		web_request_reply_error(request, 400, "token_in_url",
			"a token does not belong into a url; send it as 'Authorization: Bearer'");
		return false;
	}
	enum err err = token ? hub_check_token(hub, token, ret_claims) : ERR_NOT_FOUND;
	if (err == ERR_OK && !hub_is_banned(hub, &ret_claims->session))
		return true;
	if (err == ERR_OK) {
		hub_refuse_banned(hub, request);
		return false;
	}
	if (hub_is_failure(err)) {
		hub_fail(request, err);
		return false;
	}
	web_request_add_header(request, "WWW-Authenticate", "Bearer");
	if (err == ERR_EXPIRED)
		web_request_reply_error(request, 401, "expired_token",
			"the access token has expired; ask for another at /refresh");
	else
		web_request_reply_error(
			request, 401, "unauthorized", "no good access token; log in");
	return false;
}

bool hub_admit_user(struct hub *hub, struct web_request *request, struct ratelimit *limit,
	struct token_claims *ret_claims)
{
	return hub_admit(hub, request, limit) && hub_authorize(hub, request, ret_claims);
}

enum err hub_check_registered(struct hub *hub, const struct store_session *session)
{
	struct store_node node;
	if (!session->node_id[0])
		return ERR_NOT_FOUND;
	enum err err = store_node_get(hub->store, session->node_id, &node);
	return err == ERR_OK && node.user_id != session->user_id ? ERR_NOT_FOUND : err;
}
