#include "hub/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/text.h"
#include "hub/admin.h"
#include "hub/cors.h"
#include "hub/data.h"
#include "hub/nats_url.h"
#include "message/json.h"
#include "net/tls_server.h"

int64_t hub_now(void)
{
	return net_unix_now() / USEC_PER_SEC;
}

size_t hub_nodes_connected(const struct hub *hub)
{
	return presence_count(&hub->presence) + bus_stats(hub->bus).nodes;
}

/* ---- Names of the hub ---- */

static bool add_origin(struct hub *hub, const char *text, size_t size)
{
	/* "https://hub.example" and "https://hub.example/" are one. */
	while (size > 0 && text[size - 1] == '/')
		size--;
	if (hub->origin_count == ORIGINS_MAX ||
		!(text_starts_with(text, "http://") || text_starts_with(text, "https://")) ||
		!text_copy_bytes(hub->origin_texts[hub->origin_count], PROOF_HUB_MAX + 1,
			bytes_of(text, size)))
		return false;
	hub->origins[hub->origin_count] = hub->origin_texts[hub->origin_count];
	hub->origin_count++;
	return true;
}

static const char *scheme_of(const struct hub *hub)
{
	return hub->tls ? "https" : "http";
}

static bool add_formatted_origin(struct hub *hub, const char *host, uint16_t port)
{
	char text[PROOF_HUB_MAX + 1];
	int size = snprintf(text, sizeof text, "%s://%s:%u", scheme_of(hub), host, port);
	return size > 0 && (size_t)size < sizeof text && add_origin(hub, text, (size_t)size);
}

/* Where nothing is configured, the address that is listened on is the name; an unspecified one is
 * nobody's. */
static bool derive_origins(struct hub *hub)
{
	const char *address = web_server_address(hub->server);
	struct addr addr;
	char text[PROOF_HUB_MAX + 1];
	if (!addr_parse(address, &addr) || addr_is_unspecified(&addr))
		return false;
	int size = snprintf(text, sizeof text, "%s://%s", scheme_of(hub), address);
	if (size < 0 || (size_t)size >= sizeof text || !add_origin(hub, text, (size_t)size))
		return false;
	return !addr_is_loopback(&addr) || add_formatted_origin(hub, "localhost", addr.port);
}

static enum err read_origins(struct hub *hub, char *problem)
{
	const char *list = hub->config->origin;
	bool is_good = true;
	while (is_good && *list) {
		list += strspn(list, " ,");
		size_t size = strcspn(list, " ,");
		if (size > 0)
			is_good = add_origin(hub, list, size);
		list += size;
	}
	if (is_good && hub->origin_count > 0)
		return ERR_OK;
	snprintf(problem, HUB_PROBLEM_MAX,
		"bad origin in '%s': at most %d urls as 'https://hub.example'", hub->config->origin,
		ORIGINS_MAX);
	return ERR_MALFORMED;
}

static enum err set_origins(struct hub *hub, char *problem)
{
	if (hub->config->origin[0])
		return read_origins(hub, problem);
	if (derive_origins(hub))
		return ERR_OK;
	snprintf(problem, HUB_PROBLEM_MAX,
		"listening on '%s' needs 'origin' in the configuration, or --origin: the "
		"url by which nodes reach this hub",
		web_server_address(hub->server));
	return ERR_MALFORMED;
}

/* ---- Life ---- */

/* Keys do not get older than they are to; hubs that share a store look there first. */
static void rotate_old_key(struct hub *hub)
{
	int64_t now = hub_now();
	enum err err = token_keys_load(&hub->keys, hub->store, now);
	if (err == ERR_OK && token_keys_are_old(&hub->keys, now, hub->config->token_key_days)) {
		err = token_keys_rotate(&hub->keys, hub->store, now, false);
		if (err == ERR_OK)
			log_info("tokens are signed with a new key, '%s'",
				token_keys_newest(&hub->keys)->id);
	}
}

static void on_cleanup(void *user)
{
	struct hub *hub = user;
	/* What it says of a failure, the store has logged; the next time may be better. */
	enum err err = store_cleanup(hub->store, hub_now());
	(void)err;
	rotate_old_key(hub);
	net_timer_set(&hub->cleanup, net_now() + STORE_CLEANUP_INTERVAL_S * USEC_PER_SEC);
}

/* Another hub's operator may have changed them. What the store says of a failure, it has logged;
 * what was known holds. */
void hub_look_at_shared(struct hub *hub)
{
	enum err err = token_keys_load(&hub->keys, hub->store, hub_now());
	if (err == ERR_OK)
		err = bans_load(&hub->bans, hub->store);
	if (err == ERR_OK)
		signal_sockets_close_banned(hub);
	hub->shared_at = net_now() + SHARED_INTERVAL_S * USEC_PER_SEC;
}

static void on_upkeep(void *user)
{
	struct hub *hub = user;
	hub_tls_watch(hub);
	/* What the store says of a failure, it has logged; the next time may be better. */
	enum err err = store_seen_write(hub->store);
	(void)err;
	if (hub->config->store[0] && net_now() >= hub->shared_at)
		hub_look_at_shared(hub);
	net_timer_set(&hub->upkeep, net_now() + UPKEEP_INTERVAL_S * USEC_PER_SEC);
}

static enum err open_data(struct hub *hub, char *problem)
{
	const char *directory = hub->config->data;
	enum err err = data_hold(directory, problem, &hub->data_lock);
	if (err != ERR_OK)
		return err;
	err = hub->config->store[0]
		      ? store_open_postgres(hub->config->store, hub->loop, problem, &hub->store)
		      : store_open(directory, problem, &hub->store);
	if (err != ERR_OK)
		return err;
	uint8_t fresh[CHALLENGE_KEY_SIZE];
	rng_fill(&hub->rng, fresh, sizeof fresh);
	err = store_challenge_key(hub->store, fresh, hub->challenges.key);
	if (err == ERR_OK)
		err = token_keys_load(&hub->keys, hub->store, hub_now());
	if (err == ERR_OK)
		err = bans_load(&hub->bans, hub->store);
	if (err != ERR_OK)
		snprintf(problem, HUB_PROBLEM_MAX,
			"cannot read keys and bans from the database: %s", err_text(err));
	return err;
}

static void on_drained(void *user)
{
	struct hub *hub = user;
	net_loop_stop(hub->loop);
}

void hub_drain(struct hub *hub)
{
	bool is_alone = presence_count(&hub->presence) == 0;
	if (hub->is_draining || is_alone) {
		net_loop_stop(hub->loop);
		return;
	}
	log_info("ending: %zu nodes are told to come back", presence_count(&hub->presence));
	hub->is_draining = true;
	signal_sockets_drain(hub);
	net_timer_set(&hub->drain, net_now() + hub->config->drain_seconds * USEC_PER_SEC);
}

static enum err read_proxies(struct hub *hub, char *problem)
{
	if (trusted_proxies_parse(hub->config->trusted_proxies, &hub->proxies))
		return ERR_OK;
	snprintf(problem, HUB_PROBLEM_MAX, "bad trusted_proxies '%s': at most %d ip addresses",
		hub->config->trusted_proxies, TRUSTED_PROXIES_MAX);
	return ERR_MALFORMED;
}

static enum err listen_on(struct hub *hub, char *problem)
{
	const struct config *config = hub->config;
	enum err err = web_server_create(hub->web,
		&(struct web_server_options){
			.listen = config->listen,
			.routes = hub_routes,
			.route_count = hub_route_count,
			.user = hub,
			.prepare = cors_prepare,
			.server_name = "dpc-hub/" DPC_VERSION,
			.tls = hub->tls,
			.limits = {.connections = config->connections,
				.connections_per_address = config->connections_per_address},
		},
		&hub->server);
	if (err == ERR_OK)
		return set_origins(hub, problem);
	snprintf(problem, HUB_PROBLEM_MAX,
		"cannot listen on '%s': %s; choose another with --listen", config->listen,
		err == ERR_MALFORMED ? "not an ip address and port" : err_text(err));
	return err;
}

/* What hubs share. */
static enum err check_store(const struct config *config, char *problem)
{
	bool is_shared = text_starts_with(config->store, "postgresql://") ||
			 text_starts_with(config->store, "postgres://");
	if (config->store[0] && !is_shared)
		snprintf(problem, HUB_PROBLEM_MAX,
			"bad store: it is a url as 'postgresql://user@host/database'");
	else if (config->bus[0] && !is_shared)
		snprintf(problem, HUB_PROBLEM_MAX,
			"several hubs on a bus need a store that they share; set 'store'");
	else if (config->bus[0] && !nats_urls_are_valid(config->bus))
		snprintf(problem, HUB_PROBLEM_MAX, "bad bus: at most %d urls as 'nats://host:4222'",
			NATS_URLS_MAX);
	else
		return ERR_OK;
	return ERR_MALFORMED;
}

/* The settings that are lists in themselves, or urls. */
static enum err read_lists(struct hub *hub, char *problem)
{
	if (!cors_origins_are_good(hub->config->cors_origins)) {
		snprintf(problem, HUB_PROBLEM_MAX,
			"bad cors_origins '%s': at most %d origins as 'https://chat.example'",
			hub->config->cors_origins, ORIGINS_MAX);
		return ERR_MALFORMED;
	}
	enum err err = check_store(hub->config, problem);
	if (err == ERR_OK)
		err = read_proxies(hub, problem);
	if (err == ERR_OK)
		err = login_providers_check(hub->config, problem);
	return err == ERR_OK ? turn_credentials_init(hub, problem) : err;
}

enum err hub_check_config(const struct config *config, char *problem)
{
	struct hub hub = {.config = config};
	struct addr addr;
	enum err err = read_lists(&hub, problem);
	if (err == ERR_OK && config->origin[0])
		err = read_origins(&hub, problem);
	if (err == ERR_OK)
		err = hub_tls_open(&hub, problem);
	net_tls_server_destroy(hub.tls);
	json_decref(hub.turn_uris);
	if (err != ERR_OK || text_starts_with(config->listen, "localhost:") ||
		addr_parse(config->listen, &addr))
		return err;
	snprintf(problem, HUB_PROBLEM_MAX, "cannot listen on '%s': not an ip address and port",
		config->listen);
	return ERR_MALFORMED;
}

enum err hub_create(const struct config *config, char *problem, struct hub **ret_hub)
{
	struct hub *hub = calloc(1, sizeof *hub);
	snprintf(problem, HUB_PROBLEM_MAX, "out of memory");
	if (!hub)
		return ERR_NOMEM;
	hub->config = config;
	hub->rng = rng_system();
	hub->started = net_now();
	hub->data_lock = -1;
	hub->challenges.rng = &hub->rng;
	bans_init(&hub->bans, &hub->rng);
	presence_init(&hub->presence, config->nodes, &hub->rng);
	hub->frame = buffer_with_max(RELAY_OUT_SIZE_MAX);
	ratelimit_init(&hub->login_rate, config->login_per_second, config->login_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	ratelimit_init(&hub->request_rate, config->requests_per_second, config->requests_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	ratelimit_init(&hub->signal_rate, config->signals_per_second, config->signals_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	ratelimit_init(&hub->turn_rate, config->turn_per_second, config->turn_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	ratelimit_init(
		&hub->guess_rate, RATE_GUESS_PER_S, RATE_GUESS_BURST, RATE_ENTRIES_MAX, &hub->rng);
	enum err err = read_lists(hub, problem);
	if (err == ERR_OK)
		err = hub_tls_open(hub, problem);
	if (err == ERR_OK)
		err = net_loop_create(&hub->loop);
	if (err == ERR_OK)
		err = open_data(hub, problem);
	if (err == ERR_OK)
		err = login_providers_create(hub);
	if (err == ERR_OK)
		err = net_timer_init(&hub->cleanup, hub->loop, on_cleanup, hub);
	if (err == ERR_OK)
		err = net_timer_init(&hub->upkeep, hub->loop, on_upkeep, hub);
	if (err == ERR_OK)
		err = net_timer_init(&hub->drain, hub->loop, on_drained, hub);
	if (err == ERR_OK)
		err = web_create(hub->loop, &hub->web);
	if (err == ERR_OK)
		err = listen_on(hub, problem);
	if (err == ERR_OK)
		err = admin_open(hub, problem);
	if (err == ERR_OK && config->bus[0])
		err = bus_create(hub, config->bus, &hub->bus);
	if (err != ERR_OK) {
		hub_destroy(hub);
		return err;
	}
	on_cleanup(hub);
	on_upkeep(hub);
	*ret_hub = hub;
	return ERR_OK;
}

void hub_destroy(struct hub *hub)
{
	if (!hub)
		return;
	web_server_destroy(hub->admin);
	web_server_destroy(hub->server);
	bus_destroy(hub->bus);
	net_tls_server_destroy(hub->tls);
	net_timer_deinit(&hub->cleanup);
	net_timer_deinit(&hub->upkeep);
	net_timer_deinit(&hub->drain);
	login_providers_destroy(hub);
	web_destroy(hub->web);
	store_close(hub->store);
	net_loop_destroy(hub->loop);
	json_decref(hub->turn_uris);
	ratelimit_deinit(&hub->guess_rate);
	ratelimit_deinit(&hub->turn_rate);
	ratelimit_deinit(&hub->signal_rate);
	ratelimit_deinit(&hub->request_rate);
	ratelimit_deinit(&hub->login_rate);
	presence_deinit(&hub->presence);
	buffer_deinit(&hub->frame);
	secret_cleanse(&hub->challenges, sizeof hub->challenges);
	token_keys_forget(&hub->keys);
	bans_deinit(&hub->bans);
	if (hub->data_lock >= 0)
		close(hub->data_lock);
	free(hub);
}
