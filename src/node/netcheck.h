/* A check of the network: what it allows, and what each server does for us. It asks by sockets of
 * its own, disturbs no link, and ends within NETCHECK_TIME_MAX whatever the servers do. */
#ifndef NODE_NETCHECK_H
#define NODE_NETCHECK_H

#include <jansson.h>

#include "node/netcheck_facts.h"
#include "node/netcheck_verdict.h"

struct http_client;
struct netcheck;

/* A relay that the hub names. */
struct netcheck_login {
	struct turn_uri server;
	const char *username, *password;
};

struct netcheck_config {
	struct net_loop *loop;
	struct http_client *http;
	struct rng *rng; /* these three are borrowed for the object's life */
	const struct config
		*config;     /* servers and relays; copied as far as needed, as is the rest */
	const char *hub_url; /* "": none */
	const struct config_server *stun; /* asked besides those of the configuration */
	size_t stun_count;                /* at most NETCHECK_STUN_ASKED_MAX */
	const struct netcheck_login *hub_relays;
	size_t hub_relay_count;
	bool is_node_running;
	/* What is being done, for a person who waits. */
	void (*progress)(const char *what, void *user);
	/* Once, from the loop; the facts are borrowed. Anything may be done in it. */
	void (*done)(const struct netcheck_facts *facts, void *user);
	void *user;
};

/* ERR_LIMIT (servers), ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err netcheck_start(
	const struct netcheck_config *config, struct netcheck **ret_check);
/* Without `done`, if it has not come. Accepts NULL. */
void netcheck_destroy(struct netcheck *check);

/* "host:port" of a STUN server, as a person types it. */
MUST_CHECK bool netcheck_parse_stun(const char *text, struct config_server *ret_server);

/* The answer of docs/local-api.md, a new object; NULL: memory is out. */
json_t *netcheck_describe(const struct netcheck_facts *facts);

#endif
