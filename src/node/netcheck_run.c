/* A check of the network without a running node, for `dpc netcheck`: a loop of its own, which ends
 * with the check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "message/json.h"
#include "node/hub_memory.h"
#include "node/netcheck.h"
#include "node/node.h"
#include "node/store.h"
#include "web/http_client.h"

/* Of the resolver, so that the end of the process waits no longer for a name server that does not
 * answer than the check does. */
#define RESOLVER_OPTIONS "timeout:1 attempts:2"

struct run {
	const struct node_netcheck_options *options;
	struct net_loop *loop;
	struct http_client *http;
	struct netcheck *check;
	struct rng rng;
	struct config config;
	char hub_url[CONFIG_TEXT_MAX + 1];
	struct config_server stun[NETCHECK_STUN_ASKED_MAX];
};

static void tell(struct run *run, json_t *line)
{
	char *text = json_take_text(line);
	if (text)
		run->options->line(bytes_of_text(text), run->options->user);
	free(text);
}

static void on_progress(const char *what, void *user)
{
	tell(user, json_pack("{s:s}", "progress", what));
}

static void on_done(const struct netcheck_facts *facts, void *user)
{
	struct run *run = user;
	tell(run, netcheck_describe(facts));
	net_loop_stop(run->loop);
}

/* Where the configuration names no hub, the one of the last login. Without a database there was
 * none; it is not made for this. */
static void find_hub(struct run *run)
{
	char path[CONFIG_TEXT_MAX];
	struct stat there;
	struct fault fault;
	struct store *store = NULL;
	snprintf(path, sizeof path, "%s/" STORE_FILE, run->options->home);
	if (stat(path, &there) == 0 && store_open(run->options->home, &store, &fault) != ERR_OK) {
		log_warn("%s", fault.text);
		store = NULL;
	}
	hub_memory_url(store, &run->config, run->hub_url);
	store_close(store);
}

static bool configure(struct run *run, struct fault *fault)
{
	char path[CONFIG_TEXT_MAX];
	const struct node_netcheck_options *options = run->options;
	config_init(&run->config);
	snprintf(path, sizeof path, "%s/config.ini", options->home);
	if (config_load(&run->config, path, fault) != ERR_OK)
		return false;
	log_set_level(LOG_ERROR);
	for (size_t i = 0; i < options->stun_count; i++) {
		if (i < NETCHECK_STUN_ASKED_MAX &&
			netcheck_parse_stun(options->stun[i], &run->stun[i]))
			continue;
		fault_set(fault, "'%s' is no STUN server to ask: at most %d of the form host:port",
			options->stun[i], NETCHECK_STUN_ASKED_MAX);
		return false;
	}
	find_hub(run);
	return true;
}

static enum err start(struct run *run)
{
	enum err err = net_loop_create(&run->loop);
	if (!err)
		err = http_client_create(run->loop, &run->http);
	struct netcheck_config config = {.loop = run->loop,
		.http = run->http,
		.rng = &run->rng,
		.config = &run->config,
		.hub_url = run->hub_url,
		.stun = run->stun,
		.stun_count = run->options->stun_count,
		.progress = on_progress,
		.done = on_done,
		.user = run};
	if (!err)
		err = netcheck_start(&config, &run->check);
	return err;
}

bool node_netcheck(const struct node_netcheck_options *options)
{
	struct fault fault = {0};
	struct run *run = calloc(1, sizeof(*run));
	if (!run) {
		fprintf(stderr, "dpc: out of memory\n");
		return false;
	}
	run->options = options;
	run->rng = rng_system();
	setenv("RES_OPTIONS", RESOLVER_OPTIONS, false);
	bool ok = configure(run, &fault);
	enum err err = ok ? start(run) : ERR_OK;
	if (err)
		fault_set(&fault, "cannot check the network: %s", err_text(err));
	ok = ok && !err;
	if (ok)
		net_loop_run(run->loop);
	else
		fprintf(stderr, "dpc: %s\n", fault.text);
	netcheck_destroy(run->check);
	http_client_destroy(run->http);
	net_loop_destroy(run->loop);
	secret_cleanse(&run->config, sizeof run->config);
	free(run);
	return ok;
}
