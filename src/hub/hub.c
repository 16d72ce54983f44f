#include "hub/hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "net/tls_server.h"

int64_t hub_now(void)
{
	return net_unix_now() / USEC_PER_SEC;
}

/* ---- For the handlers ---- */

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
	enum err err = token_check(&hub->secret, token, hub_now(), &claims);
	if (err == ERR_OK)
		err = store_session_check(hub->store, claims.session.id);
	if (err == ERR_OK)
		*ret_claims = claims;
	return err;
}

bool hub_authorize(struct hub *hub, struct web_request *request, struct token_claims *ret_claims)
{
	const char *authorization = web_request_header(request, "authorization");
	const char *token = NULL;
	if (authorization && bytes_equal_text_ignoring_case(
				     bytes_slice(bytes_of_text(authorization), 0, 7), "bearer "))
		token = authorization + 7;
	enum err err = token ? hub_check_token(hub, token, ret_claims) : ERR_NOT_FOUND;
	if (err == ERR_OK)
		return true;
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

enum err hub_check_registered(struct hub *hub, const struct store_session *session)
{
	struct store_node node;
	if (!session->node_id[0])
		return ERR_NOT_FOUND;
	enum err err = store_node_get(hub->store, session->node_id, &node);
	return err == ERR_OK && node.user_id != session->user_id ? ERR_NOT_FOUND : err;
}

void hub_reply(struct web_request *request, int status, json_t *object)
{
	char *text = json_take_text(object);
	if (text)
		web_request_reply_json(request, status, text);
	else
		hub_fail(request, ERR_NOMEM);
	if (text)
		secret_cleanse(text, strlen(text));
	free(text);
}

void hub_refuse(struct web_request *request, const struct refusal *refusal)
{
	web_request_reply_error(request, refusal->status, refusal->code, refusal->message);
}

void hub_refuse_draining(struct web_request *request)
{
	web_request_add_header(request, "Retry-After", "5");
	web_request_reply_error(request, 503, "draining", "the hub ends; try again in a moment");
}

bool hub_is_failure(enum err err)
{
	return err == ERR_IO || err == ERR_CORRUPT || err == ERR_NOMEM || err == ERR_UNREACHABLE;
}

void hub_fail(struct web_request *request, enum err err)
{
	if (err == ERR_UNREACHABLE) {
		web_request_add_header(request, "Retry-After", "1");
		web_request_reply_error(request, 503, "database",
			"the hub's database does not answer; nothing was changed, try again");
		return;
	}
	web_request_reply_error(request, 500, "internal",
		err == ERR_NOMEM ? "the hub is out of memory"
				 : "the hub's database failed; its log says more");
}

void hub_refuse_body(struct web_request *request, enum err err)
{
	if (err == ERR_NOMEM)
		hub_fail(request, err);
	else
		web_request_reply_error(request, 400, "malformed",
			"the body is not a json object with the fields of this request");
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

static void on_cleanup(void *user)
{
	struct hub *hub = user;
	/* What it says of a failure, the store has logged; the next time may be better. */
	enum err err = store_cleanup(hub->store, hub_now());
	(void)err;
	net_timer_set(&hub->cleanup, net_now() + STORE_CLEANUP_INTERVAL_S * USEC_PER_SEC);
}

static void on_upkeep(void *user)
{
	struct hub *hub = user;
	hub_tls_watch(hub);
	net_timer_set(&hub->upkeep, net_now() + UPKEEP_INTERVAL_S * USEC_PER_SEC);
}

/* As `mkdir -p`, with the last one closed to others. */
static bool make_directory(const char *path)
{
	char *copy = text_duplicate(path);
	bool is_good = copy != NULL;
	for (char *c = copy + 1; is_good && *c; c++) {
		if (*c != '/')
			continue;
		*c = 0;
		is_good = mkdir(copy, 0755) == 0 || errno == EEXIST;
		*c = '/';
	}
	is_good = is_good && (mkdir(path, 0700) == 0 || errno == EEXIST);
	free(copy);
	return is_good;
}

static enum err open_data(struct hub *hub, char *problem)
{
	const char *directory = hub->config->data;
	if (!make_directory(directory)) {
		snprintf(problem, HUB_PROBLEM_MAX,
			"cannot make data directory '%s': %s; choose another with --data",
			directory, strerror(errno));
		return ERR_IO;
	}
	enum err err = hub->config->store[0] ? store_open_postgres(hub->config->store, hub->loop,
						       problem, &hub->store)
					     : store_open(directory, problem, &hub->store);
	if (err != ERR_OK)
		return err;
	uint8_t fresh[CHALLENGE_KEY_SIZE];
	rng_fill(&hub->rng, fresh, sizeof fresh);
	err = store_challenge_key(hub->store, fresh, hub->challenges.key);
	if (err != ERR_OK) {
		snprintf(problem, HUB_PROBLEM_MAX, "cannot read the database: %s", err_text(err));
		return err;
	}
	err = token_secret_load(directory, &hub->secret);
	if (err != ERR_OK)
		snprintf(problem, HUB_PROBLEM_MAX,
			"cannot use '%s/token.secret': %s; move it away and all nodes log in anew",
			directory, err_text(err));
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

static enum err check_store(const struct config *config, char *problem)
{
	if (!config->store[0] || text_starts_with(config->store, "postgresql://") ||
		text_starts_with(config->store, "postgres://"))
		return ERR_OK;
	snprintf(problem, HUB_PROBLEM_MAX,
		"bad store: it is a url as 'postgresql://user@host/database'");
	return ERR_MALFORMED;
}

/* The settings that are lists in themselves, or urls. */
static enum err read_lists(struct hub *hub, char *problem)
{
	enum err err = check_store(hub->config, problem);
	if (err == ERR_OK)
		err = read_proxies(hub, problem);
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
	hub->challenges.rng = &hub->rng;
	presence_init(&hub->presence, config->nodes, &hub->rng);
	ratelimit_init(&hub->login_rate, config->login_per_second, config->login_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	ratelimit_init(&hub->request_rate, config->requests_per_second, config->requests_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	ratelimit_init(&hub->signal_rate, config->signals_per_second, config->signals_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	ratelimit_init(&hub->turn_rate, config->turn_per_second, config->turn_burst,
		RATE_ENTRIES_MAX, &hub->rng);
	enum err err = read_lists(hub, problem);
	if (err == ERR_OK)
		err = hub_tls_open(hub, problem);
	if (err == ERR_OK)
		err = net_loop_create(&hub->loop);
	if (err == ERR_OK)
		err = open_data(hub, problem);
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
	web_server_destroy(hub->server);
	net_tls_server_destroy(hub->tls);
	net_timer_deinit(&hub->cleanup);
	net_timer_deinit(&hub->upkeep);
	net_timer_deinit(&hub->drain);
	web_destroy(hub->web);
	store_close(hub->store);
	net_loop_destroy(hub->loop);
	json_decref(hub->turn_uris);
	ratelimit_deinit(&hub->turn_rate);
	ratelimit_deinit(&hub->signal_rate);
	ratelimit_deinit(&hub->request_rate);
	ratelimit_deinit(&hub->login_rate);
	presence_deinit(&hub->presence);
	secret_cleanse(&hub->challenges, sizeof hub->challenges);
	secret_cleanse(&hub->secret, sizeof hub->secret);
	free(hub);
}
