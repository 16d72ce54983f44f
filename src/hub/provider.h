/* Whom people log in with: a provider of the configuration, its description (OpenID Connect
 * Discovery 1.0), and its keys.
 *
 * Both are fetched when somebody needs them, by one request whoever waits, and count for an hour.
 * Where that fails, those that wait hear it, what was known before stays, and for some seconds
 * nobody asks again. Of GitHub all is known beforehand. */
#ifndef HUB_PROVIDER_H
#define HUB_PROVIDER_H

#include "base/list.h"
#include "base/usec.h"
#include "hub/config.h"
#include "hub/jwks.h"
#include "web/http_client.h"

struct provider {
	const struct config_provider *config;
	struct http_client *http;
	unsigned algorithms; /* of enum jws_algorithm */
	char authorization_url[PROVIDER_URL_MAX], token_url[PROVIDER_URL_MAX];
	char keys_url[PROVIDER_URL_MAX], user_url[PROVIDER_URL_MAX]; /* the latter of GitHub */
	bool secret_in_body; /* and not in the header, when the token is asked for */
	struct jwks keys;
	bool is_known; /* all of the above */
	usec known_at, failed_at;
	usec renewed_at; /* when a missing key last led to a fetch */
	struct http_request *request;
	struct list waiters;
};

/* Somebody who waits; zeroed before. */
struct provider_waiter {
	struct list node;
	void (*done)(enum err err, void *user);
	void *user;
};

/* Borrows both. ERR_MALFORMED (an algorithm); ERR_TOO_LARGE (a URL). */
MUST_CHECK enum err provider_init(
	struct provider *provider, const struct config_provider *config, struct http_client *http);
/* Accepts a zeroed one. Nobody waits any more. */
void provider_deinit(struct provider *provider);

/* ERR_OK: all is there. ERR_AGAIN: it is fetched, and `done` will come, unless it is cancelled.
 * ERR_UNREACHABLE: it could not be, just now. With `anew` the keys are fetched again, since one is
 * missing; ERR_NOT_FOUND: they just were. */
MUST_CHECK enum err provider_load(
	struct provider *provider, bool anew, usec now, struct provider_waiter *waiter);
/* For questions to it; NULL: those of this machine. */
const char *provider_authorities(const struct provider *provider);
void provider_waiter_cancel(struct provider_waiter *waiter);

#endif
