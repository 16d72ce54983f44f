#include "node/ai_port.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "node/ai_port_internal.h"
#include "node/guard.h"
#include "node/internal.h"

/* ---- For its other files ---- */

void ai_port_reply(struct web_request *http, int status, json_t *body)
{
	char *text = json_take_text(body);
	if (text)
		web_request_reply_json(http, status, text);
	else
		web_request_reply_error(http, 500, "internal", "out of memory");
	free(text);
}

void ai_port_fail(struct web_request *http, const struct ai_dialect *dialect, int status,
	const char *code, const char *message)
{
	ai_port_reply(http, status, dialect->error(status, code, message));
}

json_t *ai_port_body(struct web_request *http, const struct ai_dialect *dialect)
{
	json_t *body = NULL;
	if (json_parse_object(web_request_body(http), NODE_API_BODY_MAX, &body) == ERR_OK)
		return body;
	ai_port_fail(http, dialect, 400, "malformed", "the body is no JSON object");
	return NULL;
}

int ai_port_status(enum failure_code code)
{
	if (code == FAILURE_NOT_CONNECTED)
		return 502;
	/* It shares none. */
	if (code == FAILURE_UNSUPPORTED || code == FAILURE_AMBIGUOUS_PEER)
		return 404;
	return failure_status(code);
}

/* ---- Who may ask ---- */

/* The dialect in which errors at a path are understood; paths that are not served, too. */
static const struct ai_dialect *dialect_of(const struct web_request *http)
{
	const char *path = web_request_path(http);
	return path && text_starts_with(path, "/v1/") ? &ai_dialect_openai : &ai_dialect_chat;
}

static void refuse(struct web_request *http, int status, const char *code, const char *message)
{
	bool is_path = status == 404 || status == 405;
	ai_port_fail(http, dialect_of(http), status, is_path ? "unknown_path" : code,
		is_path ? "no such path here: models of peers are listed and asked, and never "
			  "pulled, made, copied or deleted"
			: message);
}

/* Of every request, before anything is looked up or begun for it. */
static bool admit(struct web_request *http, void *user)
{
	static const struct {
		int status;
		const char *code, *message;
	} refusals[] = {
		[GUARD_HOST] = {403, "host",
			"this address is for programs on this machine: use 127.0.0.1"},
		[GUARD_ORIGIN] = {403, "origin",
			"pages of this origin may not ask; 'ai.origin' in config.ini names those "
			"that may"},
		[GUARD_TOKEN] = {401, "token",
			"the token of 'ai.token' in config.ini is needed as a bearer token (API "
			"key)"},
	};
	const struct ai_port *port = user;
	const struct config *config = &port->node->config;
	struct guard_rules rules = {.token = config->ai_token,
		.origins = config->ai_origins,
		.origin_count = config->ai_origin_count};
	struct guard_headers headers = guard_headers_of(http);
	enum guard_verdict verdict = guard_check(&rules, &headers);
	if (verdict == GUARD_FINE || verdict == GUARD_TOKEN)
		guard_allow_origin(http, &headers, "GET, POST");
	if (verdict != GUARD_FINE)
		ai_port_fail(http, dialect_of(http), refusals[verdict].status,
			refusals[verdict].code, refusals[verdict].message);
	else if (headers.is_preflight)
		web_request_reply(http, 204, NULL, (struct bytes){0});
	return verdict != GUARD_FINE || headers.is_preflight;
}

/* ---- The server ---- */

static void ask_openai(struct web_request *http, void *user)
{
	ai_port_ask(user, http, &ai_dialect_openai);
}

static void ask_chat(struct web_request *http, void *user)
{
	ai_port_ask(user, http, &ai_dialect_chat);
}

static void ask_generate(struct web_request *http, void *user)
{
	ai_port_ask(user, http, &ai_dialect_generate);
}

static void list_openai(struct web_request *http, void *user)
{
	ai_port_list(user, http, &ai_dialect_openai);
}

static void list_ollama(struct web_request *http, void *user)
{
	ai_port_list(user, http, &ai_dialect_chat);
}

static void show_openai(struct web_request *http, void *user)
{
	ai_port_show(user, http, &ai_dialect_openai, web_request_param(http, "model"));
}

static void show_ollama(struct web_request *http, void *user)
{
	json_t *body = ai_port_body(http, &ai_dialect_chat);
	if (!body)
		return;
	const char *model = json_string_value(json_object_get(body, "model"));
	/* What older programs call it. */
	const char *name = json_string_value(json_object_get(body, "name"));
	ai_port_show(user, http, &ai_dialect_chat, model ? model : name);
	json_decref(body);
}

static void embed_openai(struct web_request *http, void *user)
{
	ai_port_ask(user, http, &ai_dialect_openai_embed);
}

static void embed_ollama(struct web_request *http, void *user)
{
	ai_port_ask(user, http, &ai_dialect_embed);
}

static void embed_prompt(struct web_request *http, void *user)
{
	ai_port_ask(user, http, &ai_dialect_embed_prompt);
}

static void version(struct web_request *http, void *user)
{
	(void)user;
	ai_port_reply(http, 200, json_pack("{s:s}", "version", DPC_VERSION));
}

/* Programs look here whether anybody is there. */
static void root(struct web_request *http, void *user)
{
	(void)user;
	web_request_reply(http, 200, "text/plain", bytes_of_text("dpc is running\n"));
}

#define BODY NODE_API_BODY_MAX

static const struct web_route routes[] = {
	{"GET", "/", root, 0, 0},
	{"GET", "/v1/models", list_openai, 0, 0},
	{"GET", "/v1/models/{model}", show_openai, 0, 0},
	{"POST", "/v1/chat/completions", ask_openai, BODY, 0},
	{"POST", "/v1/embeddings", embed_openai, BODY, 0},
	{"GET", "/api/version", version, 0, 0},
	{"GET", "/api/tags", list_ollama, 0, 0},
	{"POST", "/api/show", show_ollama, BODY, 0},
	{"POST", "/api/chat", ask_chat, BODY, 0},
	{"POST", "/api/generate", ask_generate, BODY, 0},
	{"POST", "/api/embed", embed_ollama, BODY, 0},
	{"POST", "/api/embeddings", embed_prompt, BODY, 0},
};

enum err ai_port_create(struct node *node, struct ai_port **ret_port, struct fault *ret_fault)
{
	char listen[32];
	struct ai_port *port = calloc(1, sizeof *port);
	if (!port) {
		fault_set(ret_fault, "out of memory");
		return ERR_NOMEM;
	}
	port->node = node;
	snprintf(listen, sizeof listen, "127.0.0.1:%u", (unsigned)node->config.ai_port);
	struct web_server_options options = {.listen = listen,
		.routes = routes,
		.route_count = sizeof routes / sizeof *routes,
		.user = port,
		.prepare = admit,
		.refuse = refuse,
		.limits = {.connections = AI_PORT_CONNECTIONS_MAX}};
	enum err err = web_server_create(node->web, &options, &port->server);
	if (err) {
		fault_set(ret_fault,
			"cannot serve the models of peers at %s: %s; take another --ai-port",
			listen, err_text(err));
		free(port);
		return err;
	}
	*ret_port = port;
	return ERR_OK;
}

void ai_port_destroy(struct ai_port *port)
{
	if (!port)
		return;
	web_server_destroy(port->server);
	free(port);
}

const char *ai_port_address(const struct ai_port *port)
{
	return web_server_address(port->server);
}
