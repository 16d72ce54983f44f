/* The providers of the configuration, from the hub's start to its end. */
#include "hub/login_flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"

enum err login_providers_check(const struct config *config, char *problem)
{
	enum err err = config_check_providers(config, problem);
	for (size_t i = 0; err == ERR_OK && i < config->provider_count; i++) {
		struct provider provider;
		err = provider_init(&provider, &config->providers[i], NULL);
		if (err != ERR_OK)
			snprintf(problem, HUB_PROBLEM_MAX,
				"provider '%s': issuer is too long, or algorithms are not of "
				"RS256, PS256 and ES256",
				config->providers[i].name);
	}
	return err;
}

enum err login_providers_create(struct hub *hub)
{
	const struct config *config = hub->config;
	if (config->provider_count == 0)
		return ERR_OK;
	hub->providers = calloc(1, sizeof *hub->providers);
	if (!hub->providers)
		return ERR_NOMEM;
	struct login_providers *providers = hub->providers;
	enum err err = http_client_create(hub->loop, &providers->http);
	for (size_t i = 0; err == ERR_OK && i < config->provider_count; i++) {
		err = provider_init(&providers->list[i], &config->providers[i], providers->http);
		providers->count = i + 1;
	}
	/* That of challenges is the same for all hubs at the store, as this one has to be: a
	 * browser may come back to another than sent it away. No challenge begins like this. */
	hash_hmac_sha256(bytes_of(hub->challenges.key, sizeof hub->challenges.key),
		bytes_of_text("pending logins"), providers->key);
	return err;
}

void login_providers_destroy(struct hub *hub)
{
	struct login_providers *providers = hub->providers;
	if (!providers)
		return;
	for (size_t i = 0; i < providers->count; i++)
		provider_deinit(&providers->list[i]);
	http_client_destroy(providers->http);
	secret_cleanse(providers->key, sizeof providers->key);
	free(providers);
	hub->providers = NULL;
}
