/* The local API: a check of the network, as a stream of what it does and then what it found. */
#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "node/api.h"
#include "node/describe.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "node/netcheck.h"

struct run {
	struct node *node;
	struct web_request *http;
	struct netcheck *check;
};

static void release(struct run *run)
{
	netcheck_destroy(run->check);
	run->node->netcheck_count--;
	free(run);
}

/* A reader that does not keep up misses lines. */
static void write_line(struct run *run, json_t *line)
{
	char *text = json_take_text(line);
	struct buffer out = buffer_with_max(NODE_API_BODY_MAX);
	if (text && buffer_append_text(&out, text) == ERR_OK &&
		buffer_append_text(&out, "\n") == ERR_OK &&
		web_stream_write(run->http, buffer_bytes(&out)) != ERR_OK)
		buffer_clear(&out);
	buffer_deinit(&out);
	free(text);
}

static void on_progress(const char *what, void *user)
{
	write_line(user, json_pack("{s:s}", "progress", what));
}

static void on_done(const struct netcheck_facts *facts, void *user)
{
	struct run *run = user;
	struct web_request *http = run->http;
	write_line(run, netcheck_describe(facts));
	node_nat_learn(run->node, facts->nat);
	release(run);
	web_stream_end(http);
}

static void on_cancel(void *user)
{
	release(user);
}

/* ---- What is asked ---- */

static bool take_stun(struct web_request *http, const json_t *body, struct config_server *servers,
	size_t *ret_count)
{
	json_t *list = NULL;
	if (json_get_array_if(body, "stun", &list) != ERR_OK ||
		json_array_size(list) > NETCHECK_STUN_ASKED_MAX) {
		api_fail(http, FAILURE_MALFORMED, "'stun' is no list of at most %d servers",
			NETCHECK_STUN_ASKED_MAX);
		return false;
	}
	*ret_count = json_array_size(list);
	for (size_t i = 0; i < *ret_count; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		if (text && netcheck_parse_stun(text, &servers[i]))
			continue;
		api_fail(http, FAILURE_MALFORMED, "'%.300s' is no STUN server; take host:port",
			text ? text : "");
		return false;
	}
	return true;
}

static size_t take_hub_relays(const struct node *node, struct netcheck_login *logins)
{
	size_t count = 0;
	for (size_t i = 0; i < peer_io_relay_count(node->io); i++) {
		const struct relay *relay = peer_io_relay(node->io, i);
		if (!peer_io_relay_is_from_hub(node->io, i))
			continue;
		logins[count].server = *relay_server(relay);
		relay_credentials(relay, &logins[count].username, &logins[count].password);
		count++;
	}
	return count;
}

static enum err start(
	struct node *node, struct run *run, const struct config_server *stun, size_t stun_count)
{
	struct netcheck_login logins[PEER_IO_RELAYS_MAX];
	struct netcheck_config config = {.loop = node->loop,
		.http = node->http,
		.rng = &node->rng,
		.config = &node->config,
		.hub_url = hub_client_url(node->hub),
		.stun = stun,
		.stun_count = stun_count,
		.hub_relays = logins,
		.hub_relay_count = take_hub_relays(node, logins),
		.is_node_running = true,
		.progress = on_progress,
		.done = on_done,
		.user = run};
	return netcheck_start(&config, &run->check);
}

void api_netcheck(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct config_server stun[NETCHECK_STUN_ASKED_MAX];
	size_t stun_count;
	json_t *body;
	if (!api_body(http, &body))
		return;
	bool ok = take_stun(http, body, stun, &stun_count);
	json_decref(body);
	if (!ok)
		return;
	if (node->netcheck_count == NETCHECK_RUNS_MAX) {
		api_fail(http, FAILURE_LIMIT,
			"the network is being checked already; try again "
			"in some seconds");
		return;
	}
	struct run *run = calloc(1, sizeof(*run));
	if (!run) {
		api_fail(http, FAILURE_INTERNAL, "out of memory");
		return;
	}
	run->node = node;
	run->http = http;
	node->netcheck_count++;
	web_stream_start(http, 200, "application/x-ndjson");
	web_request_on_cancel(http, on_cancel, run);
	enum err err = start(node, run, stun, stun_count);
	if (!err)
		return;
	struct failure failure;
	failure_set(&failure, FAILURE_INTERNAL, "cannot check the network: %s", err_text(err));
	write_line(run, describe_failure(&failure));
	release(run);
	web_stream_end(http);
}
