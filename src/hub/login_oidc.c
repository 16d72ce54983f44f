/* Who an OpenID provider says it is: its id token is checked, with keys that are fetched again once
 * when it names one that we do not know. */
#include "base/log.h"
#include "hub/id_token.h"
#include "hub/login_flow.h"
#include "net/loop.h"

static const struct refusal bad_token = {502, "bad_id_token",
	"what the provider says about you cannot be believed; its operator, or the hub's, has to "
	"look at it"};

static void on_keys(enum err err, void *user)
{
	struct login_flow *flow = user;
	(void)err; /* If there are none, the token is refused. */
	login_oidc_check(flow);
}

static bool fetch_keys(struct login_flow *flow)
{
	flow->has_fetched_keys = true;
	flow->waiter = (struct provider_waiter){.done = on_keys, .user = flow};
	return provider_load(flow->provider, true, net_now(), &flow->waiter) == ERR_AGAIN;
}

void login_oidc_check(struct login_flow *flow)
{
	const struct provider *provider = flow->provider;
	struct id_token token;
	const char *reason;
	struct id_token_wanted wanted = {
		.issuer = provider->config->issuer,
		.client_id = provider->config->client_id,
		.nonce = flow->secrets.nonce,
		.algorithms = provider->algorithms,
	};
	enum err err =
		id_token_check(flow->token, &provider->keys, &wanted, hub_now(), &token, &reason);
	if (err == ERR_NOT_FOUND && !flow->has_fetched_keys && fetch_keys(flow))
		return;
	if (err == ERR_NOMEM) {
		login_flow_fail(flow, err);
		return;
	}
	if (err != ERR_OK) {
		log_warn("provider '%s': an id token is refused: %s", provider->config->name,
			reason);
		login_flow_refuse(flow, &bad_token);
		return;
	}
	bool is_verified = token.email_state == EMAIL_VERIFIED;
	bool is_said = token.email_state != EMAIL_NONE;
	/* Where it says nothing about it, the address is as good as none. */
	if (login_flow_admit_email(flow, is_said ? token.email : "", is_verified))
		login_flow_succeed(flow, token.subject);
}
