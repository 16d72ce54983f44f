/* What the clients of this process share: the libwebsockets context on our loop. */
#include "web/internal.h"

#include "crypto/openssl.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/text.h"

/* What is read, or written as a handshake, at once. */
#define SERVICE_BUFFER_SIZE 16384
/* Kept by libwebsockets for every websocket: pieces of this size are delivered. */
#define RECEIVE_BUFFER_SIZE 2048
/* Offered to the kernel at once; libwebsockets would cut by the size above. */
#define SEND_SIZE (1024 * 1024)
/* Unused, but without it libwebsockets does not tell of a connection's end. */
#define SESSION_SIZE sizeof(void *)
/* Turns of the loop until the last handle of libwebsockets is closed: three suffice. */
#define CLOSING_TURNS 20

static int client_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in, size_t size)
{
	return web_client_socket_callback(wsi, (int)reason, session, in, size);
}

static const struct lws_protocols protocols[] = {
	{.name = "dpc",
		.callback = client_callback,
		.per_session_data_size = SESSION_SIZE,
		.rx_buffer_size = RECEIVE_BUFFER_SIZE,
		.tx_packet_size = SEND_SIZE},
	{0},
};

static const lws_retry_bo_t idle_policy = {
	.secs_since_valid_ping = WEB_SOCKET_PING_AFTER_S,
	.secs_since_valid_hangup = WEB_SOCKET_CLOSE_AFTER_S,
};

/* What libwebsockets has to say is of use to nobody but us. */
static void on_log(int level, const char *line)
{
	(void)level;
	log_debug("libwebsockets: %s", line);
}

enum err web_create(struct net_loop *loop, struct web **ret_web)
{
	struct web *web = calloc(1, sizeof *web);
	if (!web)
		return ERR_NOMEM;
	web->loop = loop;
	*ret_web = web;
	return ERR_OK;
}

/* ---- libwebsockets, for clients ---- */

static struct lws_context *create_context(struct web *web)
{
	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
	void *uv_loop = net_loop_uv(web->loop);
	void *loops[] = {uv_loop};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.foreign_loops = loops,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.user = web,
		.pcontext = &web->context,
		.pt_serv_buf_size = SERVICE_BUFFER_SIZE,
		.timeout_secs = WEB_CONNECT_TIMEOUT_S,
		.connect_timeout_secs = WEB_CONNECT_TIMEOUT_S,
		.gid = -1,
		.uid = -1,
	};
	return lws_create_context(&info);
}

static struct lws_vhost *create_vhost(struct web *web, const char *authorities)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.vhost_name = "client",
		.protocols = protocols,
		.retry_and_idle_policy = &idle_policy,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_VALIDATE_UTF8 |
			   (authorities ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
		.client_ssl_ca_filepath = authorities,
		.connect_timeout_secs = WEB_CONNECT_TIMEOUT_S,
		.timeout_secs = WEB_CONNECT_TIMEOUT_S,
	};
	return lws_create_vhost(web->context, &info);
}

struct lws_vhost *web_client_vhost(struct web *web, const char *authorities)
{
	if (web->client_vhost) {
		const char *known = web->client_authorities;
		CHECK(!authorities == !known);
		CHECK(!known || strcmp(authorities, known) == 0);
		return web->client_vhost;
	}
	char *copy = authorities ? text_duplicate(authorities) : NULL;
	if (authorities && !copy)
		return NULL;
	if (!web->context)
		web->context = create_context(web);
	if (web->context)
		web->client_vhost = create_vhost(web, copy);
	if (web->client_vhost) {
		web->client_authorities = copy;
	} else {
		log_error("libwebsockets does not start; its plug-in for libuv is a package of its "
			  "own");
		free(copy);
	}
	return web->client_vhost;
}

/* libwebsockets closes its handles, and then the context, in turns of the loop; when it runs on a
 * loop that is not its own it wants to be asked a second time. */
static void destroy_context(struct web *web)
{
	lws_context_destroy(web->context);
	for (int i = 0; i < CLOSING_TURNS && web->context; i++)
		net_loop_run_once(web->loop, net_now());
	if (web->context)
		lws_context_destroy(web->context);
	for (int i = 0; i < CLOSING_TURNS; i++)
		net_loop_run_once(web->loop, net_now());
}

void web_destroy(struct web *web)
{
	if (!web)
		return;
	if (web->context)
		destroy_context(web);
	free(web->client_authorities);
	free(web);
}

unsigned web_raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	rlim_t wanted = limit.rlim_max < WEB_DESCRIPTORS_MAX ? limit.rlim_max : WEB_DESCRIPTORS_MAX;
	/* A soft limit without bound would make libwebsockets' tables as large. */
	if (limit.rlim_cur != wanted) {
		limit.rlim_cur = wanted;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return (unsigned)limit.rlim_cur;
}
