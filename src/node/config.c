#include "node/config.h"

#include <assert.h>

#include "base/ini.h"
#include "base/text.h"
#include "message/limits.h"
#include "message/uri.h"
#include "node/store.h"
#include "node/watched_file.h"

static_assert(CONFIG_HOST_MAX == URI_HOST_MAX, "a host that can be dialled can be listened on");

#define STUN_PORT_DEFAULT 3478

static const char *const strangers_names[] = {
	[CONFIG_STRANGERS_ASK] = "ask",
	[CONFIG_STRANGERS_ALLOW] = "allow",
	[CONFIG_STRANGERS_DENY] = "deny",
};

static const char *const ai_names[] = {
	[CONFIG_AI_NONE] = "none",
	[CONFIG_AI_OLLAMA] = "ollama",
	[CONFIG_AI_OPENAI] = "openai",
	[CONFIG_AI_ANTHROPIC] = "anthropic",
	[CONFIG_AI_AUTO] = "auto",
};

const char *config_strangers_name(enum config_strangers strangers)
{
	return strangers_names[strangers];
}

const char *config_ai_name(enum config_ai ai)
{
	return ai_names[ai];
}

const char *config_ai_url(const struct config *config)
{
	static const char *const usual[] = {
		[CONFIG_AI_NONE] = "",
		[CONFIG_AI_OLLAMA] = "http://127.0.0.1:11434",
		[CONFIG_AI_OPENAI] = "http://127.0.0.1:8080",
		[CONFIG_AI_ANTHROPIC] = "https://api.anthropic.com",
		[CONFIG_AI_AUTO] = "",
	};
	const char *url = usual[config->ai_provider];
	return url[0] && config->ai_url[0] ? config->ai_url : url;
}

bool config_hours_contain(const struct config_hours *hours, unsigned minute)
{
	if (hours->from < hours->to)
		return minute >= hours->from && minute < hours->to;
	return hours->from == hours->to || minute >= hours->from || minute < hours->to;
}

void config_init(struct config *config)
{
	*config = (struct config){
		.listen = {{.host = "::", .port = URI_PORT_DEFAULT}},
		.listen_count = 1,
		.strangers = CONFIG_STRANGERS_ASK,
		.log = LOG_INFO,
		.port_mapping = true,
		.tcp = true,
		.read_marks = true,
		.typing = true,
		.ask_seconds = NODE_QUESTION_SECONDS,
		.ai_provider = CONFIG_AI_AUTO,
		.ai_patience_seconds = AI_PATIENCE_SECONDS,
		.ai_at_once = AI_AT_ONCE,
	};
}

/* ---- Values. Each returns NULL, or what is wrong. ---- */

static const char *set_name(struct config *config, const char *value)
{
	if (*value && !store_name_is_valid(value))
		return "a name has 1 to 64 bytes without control characters and brackets";
	CHECK(text_copy(config->name, sizeof config->name, value));
	return NULL;
}

static const char *add_server(struct config_server *servers, size_t *count, size_t count_max,
	const char *value, uint16_t port_default)
{
	struct config_server server;
	if (*count == count_max)
		return "there are too many of these";
	if (uri_parse_host_port(bytes_of_text(value), port_default, server.host, sizeof server.host,
		    &server.port))
		return "expected 'host:port', with an IPv6 address in brackets";
	servers[(*count)++] = server;
	return NULL;
}

static const char *set_listen(struct config *config, const char *value)
{
	if (strcmp(value, "none") == 0)
		return config->listen_count ? "'none' stands alone" : NULL;
	return add_server(
		config->listen, &config->listen_count, CONFIG_LISTEN_MAX, value, URI_PORT_DEFAULT);
}

static const char *set_stun(struct config *config, const char *value)
{
	const char *problem = add_server(
		config->stun, &config->stun_count, CONFIG_STUN_MAX, value, STUN_PORT_DEFAULT);
	if (!problem && config->stun[config->stun_count - 1].port == 0)
		return "the port of a server is not 0";
	return problem;
}

static const char *set_turn(struct config *config, const char *value)
{
	if (config->turn_count == CONFIG_TURN_MAX)
		return "there are too many of these";
	if (turn_uri_parse(value, &config->turn[config->turn_count]))
		return "expected turn:host:port, turn:host:port?transport=tcp or turns:host:port";
	config->turn_count++;
	return NULL;
}

static const char *set_text(char *text, const char *value)
{
	return text_copy(text, CONFIG_TEXT_MAX + 1, value) ? NULL : "the text is too long";
}

static const char *set_turn_username(struct config *config, const char *value)
{
	return set_text(config->turn_username, value);
}

static const char *set_turn_password(struct config *config, const char *value)
{
	return set_text(config->turn_password, value);
}

static const char *set_turn_authorities(struct config *config, const char *value)
{
	return set_text(config->turn_authorities, value);
}

static const char *set_strangers(struct config *config, const char *value)
{
	for (unsigned i = 0; i < sizeof strangers_names / sizeof *strangers_names; i++) {
		if (strcmp(strangers_names[i], value) == 0) {
			config->strangers = i;
			return NULL;
		}
	}
	return "expected 'ask', 'allow' or 'deny'";
}

static const char *set_log(struct config *config, const char *value)
{
	return log_level_parse(value, &config->log) ? NULL
						    : "expected 'error', 'warn', 'info' or 'debug'";
}

static const char *set_udp_port(struct config *config, const char *value)
{
	uint32_t port;
	if (!text_to_u32(value, &port) || port > UINT16_MAX)
		return "expected a port, or 0 for any";
	config->udp_port = (uint16_t)port;
	return NULL;
}

static const char *set_yes_or_no(bool *yes, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return "expected 'yes' or 'no'";
	*yes = value[0] == 'y';
	return NULL;
}

static const char *set_port_mapping(struct config *config, const char *value)
{
	return set_yes_or_no(&config->port_mapping, value);
}

static const char *set_read_marks(struct config *config, const char *value)
{
	return set_yes_or_no(&config->read_marks, value);
}

static const char *set_typing(struct config *config, const char *value)
{
	return set_yes_or_no(&config->typing, value);
}

static const char *set_tcp(struct config *config, const char *value)
{
	return set_yes_or_no(&config->tcp, value);
}

static const char *set_ask_seconds(struct config *config, const char *value)
{
	uint32_t seconds;
	if (!text_to_u32(value, &seconds) || seconds == 0 || seconds > NODE_QUESTION_SECONDS_MAX)
		return "expected a number from 1 to 86400";
	config->ask_seconds = seconds;
	return NULL;
}

static const char *set_file_directory(struct config *config, const char *value)
{
	return value[0] == '/' ? set_text(config->file_directory, value)
			       : "expected a path that begins with '/'";
}

static const char *set_file_size_max(struct config *config, const char *value)
{
	uint64_t max = (uint64_t)MESSAGE_FILE_SIZE_MAX;
	return bytes_to_size(bytes_of_text(value), max, &config->file_size_max)
		       ? NULL
		       : "expected a number of bytes, or one with k, M or G behind it";
}

/* http or https with a host, without its final slashes. */
static const char *set_url(char *url, const char *value)
{
	struct bytes text = bytes_of_text(value);
	struct bytes rest =
		bytes_slice(text, text_starts_with(value, "https://") ? 8 : 7, text.size);
	bool is_http = text_starts_with(value, "http://") || text_starts_with(value, "https://");
	while (text.size > 0 && text.data[text.size - 1] == '/')
		text.size--;
	if (*value && (!is_http || rest.size == 0 || rest.data[0] == '/' || rest.data[0] == ':'))
		return "expected http://host:port or https://host";
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c <= 0x20 || c >= 0x7f || c == '?' || c == '#' || c == '@')
			return "an address has no spaces, user, query or fragment";
	}
	return text_copy_bytes(url, CONFIG_TEXT_MAX + 1, text) ? NULL : "the address is too long";
}

static const char *set_hub_url(struct config *config, const char *value)
{
	return set_url(config->hub_url, value);
}

static const char *set_hub_authorities(struct config *config, const char *value)
{
	return set_text(config->hub_authorities, value);
}

static const char *set_ai_provider(struct config *config, const char *value)
{
	for (unsigned i = 0; i < sizeof ai_names / sizeof *ai_names; i++) {
		if (strcmp(ai_names[i], value) == 0) {
			config->ai_provider = i;
			return NULL;
		}
	}
	return "expected 'auto', 'ollama', 'openai', 'anthropic' or 'none'";
}

static const char *set_ai_url(struct config *config, const char *value)
{
	const char *problem = *value ? set_url(config->ai_url, value) : "expected http://host:port";
	/* Other programs want it with the version, and the paths here have one. */
	size_t size = strlen(config->ai_url);
	if (!problem && size > 3 && strcmp(config->ai_url + size - 3, "/v1") == 0)
		config->ai_url[size - 3] = 0;
	return problem;
}

static const char *set_ai_key_file(struct config *config, const char *value)
{
	return set_text(config->ai_key_file, value);
}

static const char *set_ai_patience(struct config *config, const char *value)
{
	uint32_t seconds;
	if (!text_to_u32(value, &seconds) || seconds == 0 || seconds > AI_ANSWER_SECONDS)
		return "expected a number of seconds up to 900";
	config->ai_patience_seconds = seconds;
	return NULL;
}

static const char *set_ai_model(struct config *config, const char *value)
{
	return strlen(value) <= MESSAGE_MODEL_MAX &&
			       text_copy(config->ai_model, sizeof config->ai_model, value)
		       ? NULL
		       : "the name of the model is too long";
}

static const char *set_ai_at_once(struct config *config, const char *value)
{
	uint32_t count;
	if (!text_to_u32(value, &count) || count == 0 || count > AI_AT_ONCE_MAX)
		return "expected a number from 1 to 8";
	config->ai_at_once = count;
	return NULL;
}

static const char *set_ai_requests(struct config *config, const char *value)
{
	return text_to_u32(value, &config->ai_requests_per_day) ? NULL : "expected a number";
}

static const char *set_ai_tokens(struct config *config, const char *value)
{
	return text_to_u32(value, &config->ai_tokens_per_day) ? NULL : "expected a number";
}

/* "08:30": minutes, up to 24:00. */
static bool read_clock(struct bytes text, uint16_t *ret_minutes)
{
	uint64_t hours, minutes;
	if (text.size != 5 || text.data[2] != ':' ||
		!bytes_to_u64(bytes_slice(text, 0, 2), &hours) ||
		!bytes_to_u64(bytes_slice(text, 3, 2), &minutes) || minutes > 59 ||
		hours * 60 + minutes > 24 * 60)
		return false;
	*ret_minutes = (uint16_t)(hours * 60 + minutes);
	return true;
}

static const char *set_ai_hours(struct config *config, const char *value)
{
	struct bytes text = bytes_of_text(value);
	if (text.size != 11 || text.data[5] != '-' ||
		!read_clock(bytes_slice(text, 0, 5), &config->ai_hours.from) ||
		!read_clock(bytes_slice(text, 6, 5), &config->ai_hours.to))
		return "expected hours like 08:00-22:30";
	return NULL;
}

static const char *set_ai_keep_prompts(struct config *config, const char *value)
{
	return set_yes_or_no(&config->ai_keep_prompts, value);
}

static const char *set_port(uint16_t *ret_port, const char *value)
{
	uint32_t port;
	if (!text_to_u32(value, &port) || port > UINT16_MAX)
		return "expected a port, or 0 for none";
	*ret_port = (uint16_t)port;
	return NULL;
}

static const char *set_ai_port(struct config *config, const char *value)
{
	return set_port(&config->ai_port, value);
}

static const char *set_api_port(struct config *config, const char *value)
{
	return set_port(&config->api_port, value);
}

static const char *set_ai_token(struct config *config, const char *value)
{
	return set_text(config->ai_token, value);
}

static const char *add_origin(
	char origins[CONFIG_ORIGINS_MAX][CONFIG_HOST_MAX + 1], size_t *count, const char *value)
{
	if (*count == CONFIG_ORIGINS_MAX)
		return "there are too many of these";
	if (!text_copy(origins[*count], CONFIG_HOST_MAX + 1, value))
		return "the text is too long";
	(*count)++;
	return NULL;
}

static const char *add_ai_origin(struct config *config, const char *value)
{
	return add_origin(config->ai_origins, &config->ai_origin_count, value);
}

static void clear_ai_origins(struct config *config)
{
	config->ai_origin_count = 0;
}

static const char *add_api_origin(struct config *config, const char *value)
{
	return add_origin(config->api_origins, &config->api_origin_count, value);
}

static void clear_api_origins(struct config *config)
{
	config->api_origin_count = 0;
}

static void clear_listen(struct config *config)
{
	config->listen_count = 0;
}

static void clear_stun(struct config *config)
{
	config->stun_count = 0;
}

static void clear_turn(struct config *config)
{
	config->turn_count = 0;
}

/* ---- The table ---- */

static const struct key {
	const char *name;
	const char *(*set)(struct config *config, const char *value);
	void (*clear)(struct config *config); /* of a list; NULL: one value */
} keys[] = {
	{"node.name", set_name, NULL},
	{"node.listen", set_listen, clear_listen},
	{"node.strangers", set_strangers, NULL},
	{"node.log", set_log, NULL},
	{"node.udp_port", set_udp_port, NULL},
	{"node.port_mapping", set_port_mapping, NULL},
	{"node.tcp", set_tcp, NULL},
	{"hub.url", set_hub_url, NULL},
	{"hub.authorities", set_hub_authorities, NULL},
	{"stun.server", set_stun, clear_stun},
	{"turn.server", set_turn, clear_turn},
	{"turn.username", set_turn_username, NULL},
	{"turn.password", set_turn_password, NULL},
	{"turn.authorities", set_turn_authorities, NULL},
	{"access.ask_seconds", set_ask_seconds, NULL},
	{"chat.read_marks", set_read_marks, NULL},
	{"chat.typing", set_typing, NULL},
	{"files.directory", set_file_directory, NULL},
	{"files.size_max", set_file_size_max, NULL},
	{"ai.provider", set_ai_provider, NULL},
	{"ai.url", set_ai_url, NULL},
	{"ai.key_file", set_ai_key_file, NULL},
	{"ai.model", set_ai_model, NULL},
	{"ai.patience", set_ai_patience, NULL},
	{"ai.at_once", set_ai_at_once, NULL},
	{"ai.requests_per_day", set_ai_requests, NULL},
	{"ai.tokens_per_day", set_ai_tokens, NULL},
	{"ai.hours", set_ai_hours, NULL},
	{"ai.port", set_ai_port, NULL},
	{"ai.token", set_ai_token, NULL},
	{"ai.origin", add_ai_origin, clear_ai_origins},
	{"ai.keep_prompts", set_ai_keep_prompts, NULL},
	{"api.port", set_api_port, NULL},
	{"api.origin", add_api_origin, clear_api_origins},
};

#define KEY_COUNT (sizeof keys / sizeof *keys)

static_assert(KEY_COUNT <= 64, "one bit each");

/* Sets a value from a source whose earlier values are marked in *seen: the first value of a list
 * replaces the list of other sources, and a single value comes once. */
static const char *set_value(
	struct config *config, const char *name, const char *value, uint64_t *seen, bool once)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		bool first = !(*seen & UINT64_C(1) << i);
		if (!first && !keys[i].clear && once)
			return "this is set already";
		if (first && keys[i].clear)
			keys[i].clear(config);
		*seen |= UINT64_C(1) << i;
		return keys[i].set(config, value);
	}
	return "there is no such key";
}

enum err config_set(
	struct config *config, const char *name, const char *value, struct fault *ret_fault)
{
	struct config changed = *config;
	const char *problem = "the value is not UTF-8 text";
	if (utf8_is_valid(bytes_of_text(value)))
		problem = set_value(&changed, name, value, &changed.from_command, false);
	if (problem) {
		fault_set(ret_fault, "'%s' for %s: %s", value, name, problem);
		return ERR_MALFORMED;
	}
	*config = changed;
	return ERR_OK;
}

static enum err read_entry(struct config *config, const char *path, const struct ini_entry *entry,
	uint64_t *seen, struct fault *ret_fault)
{
	char name[128] = "", value[INI_LINE_MAX + 1];
	struct writer w = writer_of(name, sizeof name - 1);
	write_bytes(&w, entry->section);
	write_u8(&w, '.');
	write_bytes(&w, entry->key);
	CHECK(text_copy_bytes(value, sizeof value, entry->value));
	name[w.size] = 0;
	const char *problem =
		w.failed ? "there is no such key" : set_value(config, name, value, seen, true);
	if (!problem)
		return ERR_OK;
	fault_set(ret_fault, "%s:%u: %s: %s", path, entry->line, name, problem);
	return ERR_MALFORMED;
}

static enum err read_text(
	struct config *config, const char *path, struct bytes text, struct fault *ret_fault)
{
	struct ini_reader reader = ini_reader_of(text);
	struct ini_entry entry;
	uint64_t seen = 0;
	enum err err;
	while (!(err = ini_next(&reader, &entry))) {
		if (entry.is_section)
			continue;
		err = read_entry(config, path, &entry, &seen, ret_fault);
		if (err)
			return err;
	}
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	fault_set(ret_fault, "%s:%u: %s", path, reader.line, reader.problem);
	return err;
}

enum err config_load(struct config *config, const char *path, struct fault *ret_fault)
{
	struct buffer text = buffer_with_max(CONFIG_FILE_MAX);
	struct config changed = *config;
	enum err err = text_file_read(path, &text, ret_fault);
	if (!err)
		err = read_text(&changed, path, buffer_bytes(&text), ret_fault);
	buffer_deinit(&text);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (!err)
		*config = changed;
	return err;
}
