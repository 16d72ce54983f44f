#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "message/uri.h"
#include "node/ai_port.h"
#include "node/dispatch.h"
#include "node/events.h"
#include "node/files.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/listen.h"
#include "node/local_api.h"
#include "node/mapping.h"
#include "node/network.h"
#include "node/quality_watch.h"
#include "node/session.h"
#include "node/store_ai.h"

double node_unix_time(void)
{
	return (double)net_unix_now() / USEC_PER_SEC;
}

double node_next_stamp(struct node *node)
{
	double stamp = node_unix_time();
	if (stamp < node->ping_stamp + 1e-6)
		stamp = node->ping_stamp + 1e-6;
	node->ping_stamp = stamp;
	return stamp;
}

char *node_new_id(struct node *node, char *id)
{
	uint8_t random[16];
	rng_fill(&node->rng, random, sizeof(random));
	hex_encode(bytes_of(random, sizeof(random)), id);
	return id;
}

enum err node_contact_of_pin(
	struct node *node, const struct node_pin *pin, struct store_contact *ret_contact)
{
	static const char prefix[] = "dpc-node-";
	char text[NODE_PIN_TEXT_MAX], id[NODE_ID_MAX];
	node_pin_text(pin, text);
	snprintf(id, sizeof(id), "%s%.16s", prefix, text);
	enum err err = store_contact_get(node->store, id, ret_contact);
	if (err != ERR_NOT_FOUND)
		return err;
	snprintf(id, sizeof(id), "%s%.32s", prefix, text);
	return store_contact_get(node->store, id, ret_contact);
}

/* ---- Opening, file by file: each fails with one line for the person ---- */

static char *path_in(const char *home, const char *name, char path[CONFIG_TEXT_MAX])
{
	snprintf(path, CONFIG_TEXT_MAX, "%s/%s", home, name);
	return path;
}

static bool lock_home(struct node *node, struct fault *fault)
{
	char path[CONFIG_TEXT_MAX];
	path_in(node->home, "node.lock", path);
	node->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (node->lock < 0) {
		fault_set(
			fault, "cannot open '%s': %s; run 'dpc init' first", path, strerror(errno));
		return false;
	}
	if (flock(node->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	fault_set(fault, "a node runs already in '%s'; stop it, or use another --home", node->home);
	return false;
}

/* Paths of transfers are kept, and must be the same where the node is started next. */
static bool find_downloads(struct node *node, struct fault *fault)
{
	char *directory = node->config.file_directory;
	if (directory[0])
		return true;
	char *home = realpath(node->home, NULL);
	int size =
		snprintf(directory, CONFIG_TEXT_MAX + 1, "%s/downloads", home ? home : node->home);
	free(home);
	if (size > 0 && size <= CONFIG_TEXT_MAX)
		return true;
	fault_set(fault, "the path of '%s' is too long; use a shorter --home", node->home);
	return false;
}

static bool configure(struct node *node, const struct node_options *options, struct fault *fault)
{
	char path[CONFIG_TEXT_MAX];
	config_init(&node->config);
	if (config_load(&node->config, path_in(node->home, "config.ini", path), fault) != ERR_OK)
		return false;
	if (options->hub_url &&
		config_set(&node->config, "hub.url", options->hub_url, fault) != ERR_OK)
		return false;
	if (options->listen &&
		config_set(&node->config, "node.listen", options->listen, fault) != ERR_OK)
		return false;
	if (options->ai_port &&
		config_set(&node->config, "ai.port", options->ai_port, fault) != ERR_OK)
		return false;
	if (options->api_port &&
		config_set(&node->config, "api.port", options->api_port, fault) != ERR_OK)
		return false;
	log_set_level(node->config.log);
	return find_downloads(node, fault);
}

/* A certificate outlives ten years only by being made anew; id and pin stay. */
static void renew_certificate(struct node *node)
{
	char problem[IDENTITY_PROBLEM_MAX];
	int64_t now = net_unix_now() / USEC_PER_SEC;
	const struct certificate *certificate = identity_certificate(node->identity);
	if (certificate_check(certificate, now, NULL, NULL) != ERR_EXPIRED)
		return;
	if (identity_renew(node->identity, now) != ERR_OK ||
		identity_save(node->identity, node->home, problem) != ERR_OK)
		log_warn("the certificate of this node has run out and cannot be renewed");
}

static bool load_identity(struct node *node, struct fault *fault)
{
	char problem[IDENTITY_PROBLEM_MAX];
	enum err err = identity_load(node->home, problem, &node->identity);
	if (err == ERR_NOT_FOUND)
		fault_set(fault, "there is no node in '%s'; make one with 'dpc init'", node->home);
	else if (err)
		fault_set(fault,
			"%s; restore it from a backup, or make a new identity with "
			"'dpc init' in another --home",
			problem[0] ? problem : err_text(err));
	if (err)
		return false;
	renew_certificate(node);
	node->id = identity_node_id(node->identity);
	node_pin_text(identity_pin(node->identity), node->pin);
	return true;
}

static bool open_files(struct node *node, struct fault *fault)
{
	char path[CONFIG_TEXT_MAX];
	struct fault problem;
	if (store_open(node->home, &node->store, fault) != ERR_OK)
		return false;
	if (store_ai_recover(node->store) != ERR_OK) {
		fault_set(fault, "%s", store_fault_text(node->store));
		return false;
	}
	/* A broken one of these denies everything until it is mended. */
	enum err err =
		access_open(path_in(node->home, "access.ini", path), &node->access, &problem);
	if (err && err != ERR_NOMEM)
		log_error("%s", problem.text);
	if (err != ERR_NOMEM)
		err = context_open(
			path_in(node->home, "context.json", path), &node->context, &problem);
	if (err && err != ERR_NOMEM)
		log_error("%s", problem.text);
	if (err == ERR_NOMEM)
		fault_set(fault, "out of memory");
	return err != ERR_NOMEM;
}

static void complain(struct node *node, const struct fault *fault)
{
	log_warn("%s", fault->text);
	event_emit(node, "error",
		json_pack("{s:s, s:s}", "code", "broken_file", "message", fault->text));
}

void node_reload_files(struct node *node)
{
	struct fault fault;
	if (access_refresh(node->access, &fault) != ERR_OK)
		complain(node, &fault);
	if (context_refresh(node->context, &fault) != ERR_OK)
		complain(node, &fault);
}

static bool failed(enum err err, const char *what, struct fault *fault)
{
	if (err)
		fault_set(fault, "cannot start %s: %s", what, err_text(err));
	return err != ERR_OK;
}

static void on_timeout(void *user)
{
	struct node *node = user;
	log_warn("some links did not close in time");
	net_loop_stop(node->loop);
}

static bool start_engines(struct node *node, struct fault *fault)
{
	if (failed(net_loop_create(&node->loop), "the event loop", fault) ||
		failed(net_timer_init(&node->stop_timer, node->loop, on_timeout, node),
			"the event loop", fault) ||
		failed(quality_watch_init(node), "the event loop", fault) ||
		failed(web_create(node->loop, &node->web), "the web engine", fault) ||
		failed(http_client_create(node->loop, &node->http), "the web client", fault) ||
		failed(net_tls_create(node->loop, node->identity, &node->tls), "tls", fault))
		return false;
	if (files_create(node, &node->files) != ERR_OK) {
		fault_set(fault, "cannot take up the files under way: %s",
			store_fault_text(node->store));
		return false;
	}
	ai_queue_init(&node->ai_queue, node->config.ai_at_once);
	net_defer_init(&node->ai_next, node->loop, handle_ai_next, node);
	enum err err = ai_pool_create(&node->config, node->http, &node->ai, fault);
	return !err || err == ERR_NOT_FOUND;
}

static void on_signal(int signal, void *user)
{
	(void)signal;
	node_stop(user);
}

static bool start_services(struct node *node, struct fault *fault)
{
	if (failed(hub_client_create(node, &node->hub), "the hub client", fault) ||
		!listen_start(node, fault))
		return false;
	if (node->config.ai_port > 0 && ai_port_create(node, &node->ai_port, fault) != ERR_OK)
		return false;
	enum err err = local_api_create(node, &node->api);
	if (err == ERR_TOO_LARGE)
		fault_set(fault,
			"the path '%s/control.sock' is too long for a socket; use a "
			"shorter --home",
			node->home);
	else if (err)
		fault_set(fault, "cannot serve '%s/control.sock': %s", node->home, err_text(err));
	if (!err && node->config.api_port > 0)
		err = local_api_listen(node->api, fault);
	return !err && !failed(net_loop_on_signal(node->loop, on_signal, node), "signals", fault);
}

/* ---- Life ---- */

static bool start(struct node *node, const struct node_options *options, struct fault *fault)
{
	if (!lock_home(node, fault) || !configure(node, options, fault) ||
		!load_identity(node, fault) || !open_files(node, fault) ||
		!start_engines(node, fault) || !start_services(node, fault))
		return false;
	network_watch(node);
	hub_client_start(node->hub);
	node_mapping_start(node);
	session_resume_all(node);
	return true;
}

static void finish(struct node *node)
{
	size_t cursor = 0;
	struct session *session;
	struct local_api *api = node->api;
	node->api = NULL;
	node->stopping = true;
	network_unwatch(node);
	local_api_destroy(api);
	ai_port_destroy(node->ai_port);
	files_destroy(node->files);
	node->files = NULL;
	while ((session = map_next(&node->sessions, &cursor))) {
		session_destroy(session);
		cursor = 0;
	}
	questions_deinit(&node->questions);
	strangers_deinit(&node->strangers);
	hub_client_destroy(node->hub);
	ai_pool_destroy(node->ai);
	net_defer_cancel(&node->ai_next);
	http_client_destroy(node->http);
	node_mapping_destroy(node);
	listen_stop(node);
	net_tls_destroy(node->tls);
	web_destroy(node->web);
	net_timer_deinit(&node->stop_timer);
	quality_watch_deinit(node);
	net_loop_destroy(node->loop);
	context_destroy(node->context);
	access_destroy(node->access);
	store_close(node->store);
	identity_destroy(node->identity);
	map_deinit(&node->sessions);
	buffer_deinit(&node->scratch);
	if (node->lock >= 0)
		close(node->lock);
}

static void say_up(const struct node *node)
{
	const char *name = node->config.name[0] ? node->config.name : "this node";
	char text[ADDR_TEXT_MAX];
	printf("%s is up as %s\n", name, node->id);
	for (size_t i = 0; i < node->listener_count; i++)
		printf("direct links at %s\n",
			addr_text(net_tls_listener_local(node->listeners[i]), text));
	if (node->ai_port)
		printf("models of peers at http://%s\n", ai_port_address(node->ai_port));
	if (local_api_address(node->api))
		printf("local api at http://%s, with the token in '%s/api.token'\n",
			local_api_address(node->api), node->home);
	if (node->config.hub_url[0])
		printf("hub %s\n", node->config.hub_url);
	fflush(stdout);
}

int node_run(const struct node_options *options)
{
	struct fault fault = {0};
	struct node *node = calloc(1, sizeof(*node));
	if (!node) {
		fprintf(stderr, "dpc: out of memory\n");
		return 1;
	}
	node->home = options->home;
	node->lock = -1;
	node->rng = rng_system();
	node->started = net_now();
	node->scratch = buffer_with_max(MESSAGE_SIZE_MAX);
	map_init(&node->sessions, STORE_CONTACTS_MAX, &node->rng);
	questions_init(&node->questions);
	strangers_init(&node->strangers);
	web_raise_descriptor_limit();
	bool up = start(node, options, &fault);
	if (up && !options->quiet)
		say_up(node);
	if (up)
		net_loop_run(node->loop);
	else
		fprintf(stderr, "dpc: %s\n", fault.text);
	finish(node);
	free(node);
	return up ? 0 : 1;
}

void node_stop(struct node *node)
{
	size_t cursor = 0;
	struct session *session;
	if (node->stopping)
		return;
	log_info("stopping");
	while ((session = map_next(&node->sessions, &cursor))) {
		LIST_FOREACH_SAFE (link, &session->links)
			link_close(CONTAINER_OF(link, struct link, node), "shutdown");
	}
	node->stopping = true;
	node_mapping_stop(node);
	net_timer_set(&node->stop_timer, net_now() + NODE_SHUTDOWN_TIMEOUT);
	node_link_gone(node);
}

void node_link_gone(struct node *node)
{
	if (node->stopping && node->link_count == 0 && !node_mapping_is_stopping(node))
		net_loop_stop(node->loop);
}
