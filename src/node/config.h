/* The configuration of a node: `$DPC_HOME/config.ini`, then the command line.
 *
 *     [node]
 *     name = alice
 *     listen = 0.0.0.0:8888        or "none"; may be given several times
 *     strangers = ask              ask, allow, deny
 *     log = info                   error, warn, info, debug
 *     udp_port = 0                 of WebRTC; 0: any
 *     port_mapping = yes           ask the router to let peers in; or "no"
 *     tcp = yes                    WebRTC over TCP too, where UDP is blocked: yes, no
 *     [hub]
 *     url = https://hub.example
 *     authorities = /etc/ca.pem    who vouches for its certificate; else those of this machine
 *     [stun]
 *     server = stun.example:3478   may be given several times
 *     [turn]
 *     server = turns:turn.example:443?transport=tcp   may be given several times
 *     username = alice             of all of them
 *     password = secret
 *     authorities = /etc/ca.pem    who vouches for their certificates; else those of this machine
 *     [access]
 *     ask_seconds = 300            how long the user has to answer where the rules say "ask"
 *     [ai]
 *     provider = auto              what answers on this machine; or ollama, openai, anthropic, none
 *     url = http://127.0.0.1:11434
 *     key_file = /home/alice/key   that the provider asks for, in its first line
 *     model = llama3               for who names none
 *     patience = 300               seconds for which a model may say nothing
 *     at_once = 2                  queries of peers that are worked on at once; others wait
 *     requests_per_day = 100       of each peer; 0: any number
 *     tokens_per_day = 100000      of each peer, read and written; 0: any number
 *     hours = 08:00-22:30          when peers may ask, by the clock of this machine
 *     port = 11435                 models of peers for programs here, on 127.0.0.1; 0: not
 *     token = secret               that such programs must have; without it any may
 *     origin = http://page.example whose pages may ask there; may be given several times
 *     keep_prompts = no            whether the log has the text of what peers ask
 *
 *     [api]
 *     port = 11436                 the local API for pages here, on loopback, with a token; 0: not
 *     origin = http://page.example whose pages may use it; may be given several times
 *
 *     [chat]
 *     read_marks = yes             tell peers which of their messages were read: yes, no
 *     typing = yes                 and when a message to them is being written
 *
 *     [files]
 *     directory = /home/alice/in   where files of peers are put; else `downloads` in the home
 *     size_max = 1G                of one that a peer offers; 0: any
 *
 * An unknown key is an error: a mistyped one must not be taken for the default. */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "message/turn_uri.h"
#include "node/fault.h"
#include "node/limits.h"

enum config_strangers {
	CONFIG_STRANGERS_ASK,
	CONFIG_STRANGERS_ALLOW,
	CONFIG_STRANGERS_DENY,
};

enum config_ai {
	CONFIG_AI_NONE,
	CONFIG_AI_OLLAMA,
	CONFIG_AI_OPENAI,
	CONFIG_AI_ANTHROPIC,
	CONFIG_AI_AUTO,
};

#define CONFIG_TEXT_MAX 512
#define CONFIG_HOST_MAX 253
#define CONFIG_LISTEN_MAX 4
#define CONFIG_ORIGINS_MAX 4

struct config_server {
	char host[CONFIG_HOST_MAX + 1];
	uint16_t port;
};

/* Minutes since midnight, the last not included; from a later to an earlier one is over midnight,
 * and from one to the same all day. */
struct config_hours {
	uint16_t from, to;
};

struct config {
	char name[STORE_NAME_MAX + 1];                  /* "" : the node id is shown */
	struct config_server listen[CONFIG_LISTEN_MAX]; /* direct TLS; port 0: any */
	size_t listen_count;                            /* 0: does not listen. Default: [::]:8888 */
	enum config_strangers strangers;
	enum log_level log;
	uint16_t udp_port;
	bool port_mapping;
	bool tcp;
	char hub_url[CONFIG_TEXT_MAX + 1]; /* "": none; else http(s)://…, no final slash */
	char hub_authorities[CONFIG_TEXT_MAX + 1]; /* "": those of this machine */
	struct config_server stun[CONFIG_STUN_MAX];
	size_t stun_count;
	struct turn_uri turn[CONFIG_TURN_MAX];
	size_t turn_count;
	char turn_username[CONFIG_TEXT_MAX + 1], turn_password[CONFIG_TEXT_MAX + 1];
	char turn_authorities[CONFIG_TEXT_MAX + 1]; /* "": those of this machine */
	uint32_t ask_seconds;
	enum config_ai ai_provider;
	char ai_url[CONFIG_TEXT_MAX + 1];      /* no final slash; "": where its kind usually is */
	char ai_key_file[CONFIG_TEXT_MAX + 1]; /* "": it asks for none */
	char ai_model[CONFIG_TEXT_MAX + 1];    /* the default; "": the asker has to name one */
	uint32_t ai_patience_seconds;
	uint32_t ai_at_once;
	uint32_t ai_requests_per_day, ai_tokens_per_day; /* 0: any number */
	struct config_hours ai_hours;
	bool ai_keep_prompts;
	uint16_t ai_port; /* 0: nothing is served */
	char ai_token[CONFIG_TEXT_MAX + 1];
	char ai_origins[CONFIG_ORIGINS_MAX][CONFIG_HOST_MAX + 1];
	size_t ai_origin_count;
	uint16_t api_port; /* 0: the local API is on its socket alone */
	char api_origins[CONFIG_ORIGINS_MAX][CONFIG_HOST_MAX + 1];
	size_t api_origin_count;
	bool read_marks, typing;                  /* are told */
	char file_directory[CONFIG_TEXT_MAX + 1]; /* absolute; "": not said */
	uint64_t file_size_max;                   /* 0: any */
	uint64_t from_command;                    /* which keys config_set() has set: its own */
};

void config_init(struct config *config);

/* Reads the file over the defaults; a file that does not exist is ERR_OK. ERR_MALFORMED,
 * ERR_TOO_LARGE, ERR_IO, ERR_NOMEM: the fault names file, line and key, and
 * *config is as it was. */
MUST_CHECK enum err config_load(struct config *config, const char *path, struct fault *ret_fault);

/* One value from the command line, by its name "section.key" ("hub.url", "node.listen"). The first
 * value of a list from there replaces the file's list; the following are added. The fault names the
 * key. */
MUST_CHECK enum err config_set(
	struct config *config, const char *name, const char *value, struct fault *ret_fault);

const char *config_strangers_name(enum config_strangers strangers);
const char *config_ai_name(enum config_ai ai); /* "none", "ollama", … */
/* Where the provider is; "" for those that are none or not one. */
const char *config_ai_url(const struct config *config);

bool config_hours_contain(const struct config_hours *hours, unsigned minute);

/* As requests and sockets take it: NULL for those of this machine. */
static inline const char *config_hub_authorities(const struct config *config)
{
	return config->hub_authorities[0] ? config->hub_authorities : NULL;
}

#endif
