#include "hub/config.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/ini.h"
#include "base/text.h"

#define FILE_SIZE_MAX 65536
#define VARIABLE_MAX 64
/* Above any sensible rate or number. */
#define NUMBER_MAX 10000000

enum setting_kind {
	SETTING_TEXT,
	SETTING_NUMBER,
	SETTING_YES_NO,
};

static const struct setting {
	const char *name;
	enum setting_kind kind;
	size_t offset, size;
	uint32_t max; /* of a number */
} settings[] = {
#define TEXT(name, member)                                                                         \
	{                                                                                          \
		name, SETTING_TEXT, offsetof(struct config, member),                               \
			sizeof((struct config *)NULL)->member, 0                                   \
	}
#define NUMBER_UP_TO(name, member, max)                                                            \
	{                                                                                          \
		name, SETTING_NUMBER, offsetof(struct config, member), 0, max                      \
	}
#define NUMBER(name, member) NUMBER_UP_TO(name, member, NUMBER_MAX)
	TEXT("hub.listen", listen),
	TEXT("hub.data", data),
	TEXT("hub.store", store),
	TEXT("hub.bus", bus),
	TEXT("hub.tls_certificate", tls_certificate),
	TEXT("hub.tls_key", tls_key),
	TEXT("hub.origin", origin),
	TEXT("hub.log", log),
	TEXT("hub.log_format", log_format),
	TEXT("hub.trusted_proxies", trusted_proxies),
	TEXT("hub.cors_origins", cors_origins),
	{"hub.new_accounts", SETTING_YES_NO, offsetof(struct config, new_accounts), 0, 0},
	NUMBER("hub.drain_seconds", drain_seconds),
	NUMBER_UP_TO("hub.token_key_days", token_key_days, 3650),
	{"hub.public_metrics", SETTING_YES_NO, offsetof(struct config, public_metrics), 0, 0},
	NUMBER("limits.login_per_second", login_per_second),
	NUMBER("limits.login_burst", login_burst),
	NUMBER("limits.requests_per_second", requests_per_second),
	NUMBER("limits.requests_burst", requests_burst),
	NUMBER("limits.signals_per_second", signals_per_second),
	NUMBER("limits.signals_burst", signals_burst),
	NUMBER("limits.connections", connections),
	NUMBER("limits.connections_per_address", connections_per_address),
	NUMBER("limits.nodes", nodes),
	TEXT("turn.servers", turn_servers),
	TEXT("turn.secret", turn_secret),
	NUMBER_UP_TO("turn.ttl", turn_ttl, TURN_TTL_MAX_S),
	NUMBER("limits.turn_per_second", turn_per_second),
	NUMBER("limits.turn_burst", turn_burst),
#undef TEXT
#undef NUMBER
#undef NUMBER_UP_TO
};

void config_set_defaults(struct config *config)
{
	const char *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	*config = (struct config){
		.listen = "127.0.0.1:8080",
		.log = "info",
		.log_format = "text",
		.drain_seconds = DRAIN_TIME_S,
		.token_key_days = TOKEN_KEY_DAYS,
		.new_accounts = true,
		.login_per_second = RATE_LOGIN_PER_S,
		.login_burst = RATE_LOGIN_BURST,
		.requests_per_second = RATE_REQUEST_PER_S,
		.requests_burst = RATE_REQUEST_BURST,
		.signals_per_second = RATE_SIGNAL_PER_S,
		.signals_burst = RATE_SIGNAL_BURST,
		.nodes = PRESENCE_MAX,
		.turn_ttl = TURN_TTL_DEFAULT_S,
		.turn_per_second = RATE_TURN_PER_S,
		.turn_burst = RATE_TURN_BURST,
	};
	if (share && share[0] == '/')
		snprintf(config->data, sizeof config->data, "%s/dpc-hub", share);
	else
		snprintf(config->data, sizeof config->data, "%s/.local/share/dpc-hub",
			home ? home : "");
}

static enum err set(struct config *config, const struct setting *setting, const char *value)
{
	char *place = (char *)config + setting->offset;
	uint32_t number;
	switch (setting->kind) {
	case SETTING_TEXT:
		return value[0] && text_copy(place, setting->size, value) ? ERR_OK : ERR_MALFORMED;
	case SETTING_NUMBER:
		if (!text_to_u32(value, &number) || number == 0 || number > setting->max)
			return ERR_MALFORMED;
		memcpy(place, &(unsigned){number}, sizeof(unsigned));
		return ERR_OK;
	case SETTING_YES_NO:
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return ERR_MALFORMED;
		memcpy(place, &(bool){value[0] == 'y'}, sizeof(bool));
		return ERR_OK;
	}
	UNREACHABLE();
}

/* "provider NAME.KEY"; no name has a dot. */
static enum err set_of_provider(struct config *config, const char *name, const char *value)
{
	char provider[PROVIDER_NAME_MAX + 1];
	size_t size = strcspn(name, ".");
	if (!name[size] || !text_copy_bytes(provider, sizeof provider, bytes_of(name, size)))
		return ERR_MALFORMED;
	return config_set_provider(config, provider, name + size + 1, value);
}

enum err config_set(struct config *config, const char *name, const char *value)
{
	static const char provider[] = "provider ";
	if (text_starts_with(name, provider))
		return set_of_provider(config, name + strlen(provider), value);
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (strcmp(settings[i].name, name) == 0)
			return set(config, &settings[i], value);
	return ERR_NOT_FOUND;
}

static enum err read_whole(const char *path, struct buffer *text)
{
	FILE *file = fopen(path, "rb");
	char block[4096];
	size_t size;
	enum err err = ERR_OK;
	if (!file)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	while (err == ERR_OK && (size = fread(block, 1, sizeof block, file)) > 0)
		err = buffer_append(text, bytes_of(block, size));
	if (err == ERR_OK && ferror(file))
		err = ERR_IO;
	fclose(file);
	return err == ERR_LIMIT ? ERR_TOO_LARGE : err;
}

static enum err set_entry(struct config *config, const struct ini_entry *entry)
{
	char name[128], value[CONFIG_TEXT_MAX];
	if (!text_copy_bytes(value, sizeof value, entry->value))
		return ERR_MALFORMED;
	int size = snprintf(name, sizeof name, "%.*s.%.*s", (int)entry->section.size,
		(const char *)entry->section.data, (int)entry->key.size,
		(const char *)entry->key.data);
	if (size < 0 || (size_t)size >= sizeof name)
		return ERR_NOT_FOUND;
	return config_set(config, name, value);
}

static enum err read_entries(
	struct config *config, const char *path, struct bytes text, char *problem)
{
	struct ini_reader reader = ini_reader_of(text);
	struct ini_entry entry;
	enum err err;
	while ((err = ini_next(&reader, &entry)) == ERR_OK) {
		err = entry.is_section ? ERR_OK : set_entry(config, &entry);
		if (err == ERR_OK)
			continue;
		snprintf(problem, CONFIG_PROBLEM_MAX, "'%s' line %u: %s '%.*s'", path, entry.line,
			err == ERR_NOT_FOUND ? "there is no setting" : "bad value for",
			(int)min_size(entry.key.size, 64), (const char *)entry.key.data);
		return ERR_MALFORMED;
	}
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	snprintf(
		problem, CONFIG_PROBLEM_MAX, "'%s' line %u: %s", path, reader.line, reader.problem);
	return ERR_MALFORMED;
}

enum err config_read_file(struct config *config, const char *path, char *problem)
{
	struct buffer text = buffer_with_max(FILE_SIZE_MAX);
	enum err err = read_whole(path, &text);
	if (err == ERR_OK)
		err = read_entries(config, path, buffer_bytes(&text), problem);
	else
		snprintf(problem, CONFIG_PROBLEM_MAX, "cannot read configuration '%s': %s", path,
			err_text(err));
	buffer_deinit(&text);
	return err;
}

/* "DPC_HUB_LISTEN" of "hub.listen", "DPC_HUB_TURN_SECRET" of "turn.secret". */
static void variable_of(const char *name, char *variable)
{
	const char *hub = "hub.";
	if (text_starts_with(name, hub))
		name += strlen(hub);
	size_t size = (size_t)snprintf(variable, VARIABLE_MAX, "DPC_HUB_%s", name);
	CHECK(size < VARIABLE_MAX);
	for (char *c = variable; *c; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

enum err config_read_environment(struct config *config, char *problem)
{
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		char variable[VARIABLE_MAX];
		variable_of(settings[i].name, variable);
		const char *value = getenv(variable);
		if (!value || !value[0])
			continue;
		if (set(config, &settings[i], value) != ERR_OK) {
			snprintf(problem, CONFIG_PROBLEM_MAX,
				"bad value in environment variable '%s'", variable);
			return ERR_MALFORMED;
		}
	}
	return ERR_OK;
}
