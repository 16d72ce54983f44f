/* The providers of the configuration, from the hub's start to its end. */
#include "hub/login_flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

/* Longer than any hub. */
#define KEY_LIFETIME_S (INT64_C(100) * 365 * 86400)
#define KEY_TICKET "login-key"

/* The key is made by the first hub at the store, and is the same for all: a browser may come back
 * to another than sent it away. */
static enum err load_key(struct hub *hub, uint8_t key[PENDING_KEY_SIZE])
{
	char hex[2 * PENDING_KEY_SIZE + 1], *text;
	rng_fill(&hub->rng, key, PENDING_KEY_SIZE);
	hex_encode(bytes_of(key, PENDING_KEY_SIZE), hex);
	struct store_ticket ticket = {.key = KEY_TICKET,
		.owner = "hub",
		.text = hex,
		.expires = hub_now() + KEY_LIFETIME_S};
	enum err err = store_ticket_put(hub->store, &ticket, TICKETS_PER_OWNER_MAX, hub_now());
	secret_cleanse(hex, sizeof hex);
	if (err != ERR_EXISTS)
		return err;
	err = store_ticket_get(hub->store, KEY_TICKET, hub_now(), &text);
	if (err != ERR_OK)
		return err;
	if (!hex_decode(text, key, PENDING_KEY_SIZE))
		err = ERR_CORRUPT;
	secret_cleanse(text, strlen(text));
	free(text);
	return err;
}

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
	return err == ERR_OK ? load_key(hub, providers->key) : err;
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
