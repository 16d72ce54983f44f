/* How the hub is set up: defaults, then a file, then the environment, then the command line. */
#ifndef HUB_CONFIG_H
#define HUB_CONFIG_H

#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "hub/limits.h"

#define CONFIG_TEXT_MAX 1024
#define CONFIG_PROBLEM_MAX 1536

enum provider_type {
	PROVIDER_OIDC,
	PROVIDER_GITHUB, /* OAuth alone, with an interface of its own */
};

/* A URL of a provider. */
#define PROVIDER_URL_MAX 512

/* Whom a person may log in with: [provider NAME]. */
struct config_provider {
	char name[PROVIDER_NAME_MAX + 1];
	char label[64]; /* for a person */
	enum provider_type type;
	char issuer[PROVIDER_URL_MAX];
	char client_id[PROVIDER_URL_MAX];
	char client_secret[PROVIDER_URL_MAX]; /* "": a public client; never logged */
	char scopes[PROVIDER_URL_MAX];
	char domains[CONFIG_TEXT_MAX];     /* only people with a verified address there; "": all */
	char authorities[CONFIG_TEXT_MAX]; /* PEM file of who vouches for it; "": the machine's */
	char algorithms[64];               /* of signatures of id tokens that are taken */
};

struct config {
	char listen[CONFIG_TEXT_MAX];
	char data[CONFIG_TEXT_MAX];
	char store[CONFIG_TEXT_MAX]; /* url of a PostgreSQL database; "": a file in `data` */
	char tls_certificate[CONFIG_TEXT_MAX], tls_key[CONFIG_TEXT_MAX]; /* files; "": no TLS */
	char bus[CONFIG_TEXT_MAX];    /* urls of NATS servers, with spaces between; "": one hub */
	char origin[CONFIG_TEXT_MAX]; /* names of this hub, with spaces between; "": from `listen`
				       */
	char log[16];
	char log_format[8]; /* text or json */
	bool new_accounts;  /* a first login creates the account */
	bool public_metrics;
	unsigned drain_seconds; /* between SIGTERM and the end, while nodes are connected */
	char cors_origins[CONFIG_TEXT_MAX]; /* pages that may ask, with spaces between; "": none */
	unsigned token_key_days;            /* how old a key that signs tokens gets */
	char trusted_proxies[CONFIG_TEXT_MAX]; /* IP addresses, with spaces between */
	unsigned login_per_second, login_burst;
	unsigned requests_per_second, requests_burst;
	unsigned signals_per_second, signals_burst;
	unsigned connections, connections_per_address, nodes;
	char turn_servers[CONFIG_TEXT_MAX]; /* URIs of relays, with spaces between; "": none */
	char turn_secret[CONFIG_TEXT_MAX];  /* shared with them; never logged */
	unsigned turn_ttl;                  /* seconds that credentials for them are good */
	unsigned turn_per_second, turn_burst;
	struct config_provider providers[PROVIDERS_MAX];
	size_t provider_count;
};

/* Never fails; the data directory comes from XDG_DATA_HOME or HOME. */
void config_set_defaults(struct config *config);
/* Reads a file over what is there. ERR_NOT_FOUND, ERR_IO, ERR_MALFORMED; `problem`, with room for
 * CONFIG_PROBLEM_MAX, names file, line and cause. */
MUST_CHECK enum err config_read_file(struct config *config, const char *path, char *problem);
/* DPC_HUB_LISTEN for hub.listen, DPC_HUB_LIMITS_NODES for limits.nodes, and so on. ERR_MALFORMED.
 */
MUST_CHECK enum err config_read_environment(struct config *config, char *problem);
/* One setting by its name in the file, as "hub.listen". ERR_NOT_FOUND (no such setting),
 * ERR_MALFORMED. */
MUST_CHECK enum err config_set(struct config *config, const char *name, const char *value);
/* A setting of a provider, which is there from its first one on. ERR_NOT_FOUND, ERR_MALFORMED. */
MUST_CHECK enum err config_set_provider(
	struct config *config, const char *name, const char *key, const char *value);
/* Whether each provider has what it needs. ERR_MALFORMED; `problem` as above. */
MUST_CHECK enum err config_check_providers(const struct config *config, char *problem);
/* https, or http on this machine: secrets go there, and what comes from there is believed. */
bool provider_url_is_safe(const char *url);

#endif
