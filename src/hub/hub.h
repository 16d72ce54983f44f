/* The hub as a whole: everything that a request may need, in one place. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "hub/bus.h"
#include "hub/challenge.h"
#include "hub/closing.h"
#include "hub/forwarded.h"
#include "hub/relay.h"
#include "hub/config.h"
#include "hub/admission.h"
#include "hub/bans.h"
#include "hub/possession.h"
#include "hub/presence.h"
#include "hub/ratelimit.h"
#include "hub/store.h"
#include "hub/token.h"
#include "net/loop.h"
#include "web/server.h"

#define HUB_PROBLEM_MAX 2048

struct hub_stats {
	uint64_t logins, signals_relayed, frames_invalid, rate_limited, banned;
	uint64_t closings[CLOSING_COUNT];   /* of signalling sockets, as in closing_names */
	uint64_t refused[RELAY_CODE_COUNT]; /* as in relay_codes */
	/* Signals that were relayed, by how long they took, and the sum of that. */
	uint64_t relay_latency[RELAY_LATENCY_BUCKETS];
	usec relay_time;
};

struct hub {
	const struct config *config;
	struct net_loop *loop;
	struct web *web;
	struct web_server *server;
	struct web_server *admin;   /* of the operator (admin.h); NULL: there is none */
	int data_lock;              /* descriptor that holds the data directory */
	struct net_tls_server *tls; /* NULL: TLS is somebody else's */
	struct store *store;
	struct token_keys keys;
	struct bans bans;
	usec shared_at; /* when to look again at what is shared with other hubs */
	struct rng rng;
	struct challenges challenges;
	struct presence presence;
	struct buffer frame; /* the one that is being relayed */
	struct bus *bus;     /* to the other hubs; NULL: there are none */
	struct ratelimit login_rate, request_rate, signal_rate;
	struct ratelimit turn_rate;        /* by node id */
	struct ratelimit guess_rate;       /* of codes that people type */
	struct login_providers *providers; /* NULL: none is configured */
	json_t *turn_uris;                 /* of the relays: an array of text */
	struct trusted_proxies proxies;
	struct net_timer cleanup;
	struct net_timer upkeep; /* what may have been changed from outside */
	struct net_timer drain;  /* until the loop stops */
	bool is_draining;
	char origin_texts[ORIGINS_MAX][PROOF_HUB_MAX + 1];
	const char *origins[ORIGINS_MAX]; /* how nodes name this hub; signed in proofs */
	size_t origin_count;
	usec started;
	struct hub_stats stats;
};

/* Opens everything and listens. On failure `problem`, with room for HUB_PROBLEM_MAX, says in one
 * line what and why and what to do. `config` is borrowed. */
MUST_CHECK enum err hub_create(const struct config *config, char *problem, struct hub **ret_hub);
/* Whether hub_create() would take these settings; opens nothing. `problem` as there. */
MUST_CHECK enum err hub_check_config(const struct config *config, char *problem);
/* Accepts NULL. */
void hub_destroy(struct hub *hub);

/* Tells the nodes when to come back, and stops the loop when they had time to hear it; at once when
 * it is called again. */
void hub_drain(struct hub *hub);

/* The certificate and key of the configuration, if it names some. ERR_MALFORMED, ERR_CRYPTO,
 * ERR_NOMEM: `problem` says what. */
MUST_CHECK enum err hub_tls_open(struct hub *hub, char *problem);
/* Reads them anew; what is wrong with them is logged, and the old ones stay. */
void hub_tls_reload(struct hub *hub);
/* The same if the files have changed. */
void hub_tls_watch(struct hub *hub);

/* Unix seconds. */
int64_t hub_now(void);

/* ---- For the handlers ---- */

/* False: the client is over its rate, and was answered. */
bool hub_admit(struct hub *hub, struct web_request *request, struct ratelimit *limit);
/* Where the client is: behind proxies that are trusted, too. */
struct addr hub_client(const struct hub *hub, struct web_request *request);
/* False: the client is not one who may see how the hub does, and was answered. */
bool hub_admit_operator(struct hub *hub, struct web_request *request);
/* Whom the bearer token in the Authorization header stands for; false: there is none or it does not
 * count, and the client was answered. */
bool hub_authorize(struct hub *hub, struct web_request *request, struct token_claims *ret_claims);
/* Both: the head of a handler for those who have logged in. */
bool hub_admit_user(struct hub *hub, struct web_request *request, struct ratelimit *limit,
	struct token_claims *ret_claims);
bool hub_is_banned(const struct hub *hub, const struct store_session *session);
/* The token in the Authorization header (RFC 6750 section 2.1); NULL: there is none. */
const char *hub_bearer_token(struct web_request *request);
/* The same for any token, banned or not; does not answer. */
MUST_CHECK enum err hub_check_token(
	struct hub *hub, const char *token, struct token_claims *ret_claims);

/* ERR_NOT_FOUND: no node made this login, or it is not registered by its account. */
MUST_CHECK enum err hub_check_registered(struct hub *hub, const struct store_session *session);

/* Answers; takes the object (NULL: memory is out). */
void hub_reply(struct web_request *request, int status, json_t *object);
void hub_refuse(struct web_request *request, const struct refusal *refusal);
void hub_refuse_banned(struct hub *hub, struct web_request *request);
/* 503: the hub is about to end. */
void hub_refuse_draining(struct web_request *request);
/* Whether it is an error of the store or of memory, and none that the client has made. */
bool hub_is_failure(enum err err);
/* Answers such an error: 503 when it is over soon, as that of a database that is away. */
void hub_fail(struct web_request *request, enum err err);
/* A body that could not be parsed. */
void hub_refuse_body(struct web_request *request, enum err err);
/* The object in the body, which the caller releases; NULL: refused. */
json_t *hub_body(struct web_request *request);

/* Reads keys and bans again, which others may have changed in the store. */
void hub_look_at_shared(struct hub *hub);

/* Closes the node's socket if it belongs to this login. */
void signal_socket_log_out(struct hub *hub, const struct store_session *session);
/* Closes those sockets of the account's nodes whose login has ended. */
void signal_sockets_recheck(struct hub *hub, int64_t user_id);
/* Closes all of them, each with a time at which to come back. */
void signal_sockets_drain(struct hub *hub);
/* Closes those of whom the operator has shut out. */
void signal_sockets_close_banned(struct hub *hub);
/* Closes the node's socket: it is registered no more. */
void signal_socket_remove(struct hub *hub, const char *node_id);
/* From now on its socket, if there is one, lets these through. Takes the admission. */
void signal_socket_set_admission(struct hub *hub, const char *node_id, struct admission *admission);
/* Where the node is that is connected; false: it is not. */
bool signal_socket_client(const struct hub *hub, const char *node_id, struct addr *ret_addr);
/* Whether this node is connected and allows that one by name. */
bool signal_socket_names(struct hub *hub, const char *node_id, const struct contact_id *other);

/* Whether the node is connected, to this hub or another. */
bool signal_socket_is_connected(const struct hub *hub, const char *node_id);
/* What the store says of this node has changed: its socket, if it is here, follows. */
void signal_socket_recheck_here(struct hub *hub, const char *node_id);
/* The other hubs know that the node is here. */
void signal_socket_greet(struct hub *hub, const char *node_id);
/* A signal from another hub. ERR_NOT_FOUND: the target is not here, or does not let it through;
 * ERR_AGAIN: it reads slowly; and others. */
MUST_CHECK enum err signal_socket_deliver(struct hub *hub, const struct contact_id *sender,
	const struct contact_id *target, struct bytes text);
/* A signal of a node of ours did not arrive: its target is nowhere, or reads slowly. */
void signal_socket_missed(
	struct hub *hub, const char *sender_node_id, const char *target_node_id, bool is_slow);
/* The node has connected to another hub since. */
void signal_socket_replaced_elsewhere(struct hub *hub, const char *node_id);
/* Nodes connected to this hub and all others. */
size_t hub_nodes_connected(const struct hub *hub);

/* What the node said last; everybody may pass when it never did. */
MUST_CHECK enum err hub_admission_load(
	struct hub *hub, const char *node_id, struct admission *ret_admission);

/* What a browser sees of the hub (page.c). */
void page_reply(struct hub *hub, struct web_request *request);

/* One file a noun; see routes.c. */
void handle_openapi(struct web_request *request, void *user);
void handle_metrics(struct web_request *request, void *user);
void handle_challenge(struct web_request *request, void *user);
void handle_login_key(struct web_request *request, void *user);
void handle_login_css(struct web_request *request, void *user);
void handle_login_provider(struct web_request *request, void *user);
void handle_auth_callback(struct web_request *request, void *user);
void handle_token(struct web_request *request, void *user);
void handle_device_code(struct web_request *request, void *user);
void handle_device_token(struct web_request *request, void *user);
void handle_device_page(struct web_request *request, void *user);
void handle_device_entered(struct web_request *request, void *user);
void handle_device_login(struct web_request *request, void *user);
void handle_device_deny(struct web_request *request, void *user);
void handle_refresh(struct web_request *request, void *user);
void handle_logout(struct web_request *request, void *user);
void handle_users_me(struct web_request *request, void *user);
void handle_register(struct web_request *request, void *user);
void handle_profile_get(struct web_request *request, void *user);
void handle_profile_put(struct web_request *request, void *user);
void handle_profile_delete(struct web_request *request, void *user);
void handle_profile_of_node(struct web_request *request, void *user);
void handle_devices(struct web_request *request, void *user);
void handle_device_put(struct web_request *request, void *user);
void handle_device_delete(struct web_request *request, void *user);
void handle_contacts_get(struct web_request *request, void *user);
void handle_contacts_put(struct web_request *request, void *user);
void handle_contacts_delete(struct web_request *request, void *user);
void handle_presence(struct web_request *request, void *user);
void handle_search(struct web_request *request, void *user);
void handle_turn_credentials(struct web_request *request, void *user);
void handle_signal_socket(struct web_request *request, void *user);

/* Reads [turn] of the configuration. ERR_MALFORMED: `problem` says what; ERR_NOMEM. */
MUST_CHECK enum err turn_credentials_init(struct hub *hub, char *problem);

/* possession_check(), and each challenge once. */
const struct refusal *login_check_possession(struct hub *hub, const struct possession *possession,
	const char *purpose, struct certificate **ret_certificate);
/* The node that proves itself in a body as that of /login/key; false: the client was answered. */
bool login_check_node(struct hub *hub, struct web_request *request, char node_id[NODE_ID_MAX]);

/* Whether the providers of the configuration are well-described; `problem` as in hub_create(). */
MUST_CHECK enum err login_providers_check(const struct config *config, char *problem);
MUST_CHECK enum err login_providers_create(struct hub *hub);
void login_providers_destroy(struct hub *hub);

/* Answers with tokens for a new login of this account. */
void login_succeed(
	struct hub *hub, struct web_request *request, int64_t user_id, const char *node_id);

extern const struct web_route hub_routes[];
extern const size_t hub_route_count;

#endif
