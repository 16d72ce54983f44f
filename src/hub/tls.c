/* TLS in the hub itself: its certificate, which is read again when it is renewed. */
#include "hub/hub.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "net/tls_server.h"

static_assert(NET_TLS_PROBLEM_MAX <= HUB_PROBLEM_MAX, "what it says fits");

enum err hub_tls_open(struct hub *hub, char *problem)
{
	const struct config *config = hub->config;
	bool has_certificate = config->tls_certificate[0] != 0, has_key = config->tls_key[0] != 0;
	if (!has_certificate && !has_key)
		return ERR_OK;
	if (!has_certificate || !has_key) {
		snprintf(problem, HUB_PROBLEM_MAX,
			"tls_certificate and tls_key belong together: %s is missing",
			has_key ? "the first" : "the second");
		return ERR_MALFORMED;
	}
	return net_tls_server_create(config->tls_certificate, config->tls_key, problem, &hub->tls);
}

void hub_tls_reload(struct hub *hub)
{
	char problem[NET_TLS_PROBLEM_MAX];
	if (!hub->tls)
		return;
	if (net_tls_server_reload(hub->tls, problem) == ERR_OK)
		log_info("the certificate was read anew");
	else
		log_error("the certificate stays the old one: %s", problem);
}

void hub_tls_watch(struct hub *hub)
{
	if (hub->tls && net_tls_server_is_stale(hub->tls))
		hub_tls_reload(hub);
}
