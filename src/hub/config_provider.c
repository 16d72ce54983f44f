/* [provider NAME] of the configuration: whom a person may log in with. */
#include "hub/config.h"

#include <stddef.h>
#include <stdio.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "web/http_head.h"

/* A line in the file of a secret. */
#define SECRET_LINE_MAX 512

static const struct {
	const char *name;
	size_t offset, size;
} settings[] = {
#define TEXT(name, member)                                                                         \
	{                                                                                          \
		name, offsetof(struct config_provider, member),                                    \
			sizeof((struct config_provider *)NULL)->member                             \
	}
	TEXT("label", label),
	TEXT("issuer", issuer),
	TEXT("client_id", client_id),
	TEXT("client_secret", client_secret),
	TEXT("scopes", scopes),
	TEXT("domains", domains),
	TEXT("algorithms", algorithms),
	TEXT("authorities", authorities),
#undef TEXT
};

/* What is known of some by their name alone. */
static const struct config_provider presets[] = {
	{.name = "google", .label = "Google", .issuer = "https://accounts.google.com"},
	{.name = "github",
		.label = "GitHub",
		.type = PROVIDER_GITHUB,
		.issuer = "https://github.com",
		.scopes = "read:user"},
};

static bool name_is_valid(const char *name)
{
	size_t size = strlen(name);
	return size > 0 && size <= PROVIDER_NAME_MAX && strcmp(name, "key") != 0 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

static enum err provider_of(
	struct config *config, const char *name, struct config_provider **ret_provider)
{
	for (size_t i = 0; i < config->provider_count; i++) {
		if (strcmp(config->providers[i].name, name) == 0) {
			*ret_provider = &config->providers[i];
			return ERR_OK;
		}
	}
	if (!name_is_valid(name) || config->provider_count == PROVIDERS_MAX)
		return ERR_MALFORMED;
	struct config_provider *provider = &config->providers[config->provider_count++];
	*provider = (struct config_provider){
		.scopes = "openid email", .algorithms = "RS256 PS256 ES256"};
	CHECK(text_copy(provider->name, sizeof provider->name, name));
	CHECK(text_copy(provider->label, sizeof provider->label, name));
	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
		const struct config_provider *preset = &presets[i];
		if (strcmp(preset->name, name) != 0)
			continue;
		provider->type = preset->type;
		CHECK(text_copy(provider->label, sizeof provider->label, preset->label));
		CHECK(text_copy(provider->issuer, sizeof provider->issuer, preset->issuer));
		if (preset->scopes[0])
			CHECK(text_copy(provider->scopes, sizeof provider->scopes, preset->scopes));
	}
	*ret_provider = provider;
	return ERR_OK;
}

/* The first line of a file, so that the configuration itself need not be kept secret. */
static enum err read_secret(struct config_provider *provider, const char *path)
{
	char line[SECRET_LINE_MAX];
	FILE *file = fopen(path, "r");
	if (!file)
		return ERR_MALFORMED;
	bool is_read = fgets(line, sizeof line, file) != NULL;
	fclose(file);
	if (!is_read)
		return ERR_MALFORMED;
	line[strcspn(line, "\r\n")] = 0;
	bool is_good =
		line[0] && text_copy(provider->client_secret, sizeof provider->client_secret, line);
	secret_cleanse(line, sizeof line);
	return is_good ? ERR_OK : ERR_MALFORMED;
}

enum err config_set_provider(
	struct config *config, const char *name, const char *key, const char *value)
{
	struct config_provider *provider;
	enum err err = provider_of(config, name, &provider);
	if (err != ERR_OK)
		return err;
	if (strcmp(key, "client_secret_file") == 0)
		return read_secret(provider, value);
	if (strcmp(key, "type") == 0) {
		bool is_github = strcmp(value, "github") == 0;
		if (!is_github && strcmp(value, "oidc") != 0)
			return ERR_MALFORMED;
		provider->type = is_github ? PROVIDER_GITHUB : PROVIDER_OIDC;
		return ERR_OK;
	}
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		if (strcmp(settings[i].name, key) != 0)
			continue;
		char *place = (char *)provider + settings[i].offset;
		return value[0] && text_copy(place, settings[i].size, value) ? ERR_OK
									     : ERR_MALFORMED;
	}
	return ERR_NOT_FOUND;
}

static bool is_loopback(const char *host)
{
	static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char after = text_starts_with(host, names[i]) ? host[strlen(names[i])] : 'x';
		if (after == 0 || after == ':' || after == '/')
			return true;
	}
	return false;
}

bool provider_url_is_safe(const char *url)
{
	static const char secure[] = "https://", plain[] = "http://";
	/* A user name in front of the host would make another host of it. */
	size_t size = strcspn(url, "@\\ \t\r\n\"<>#");
	if (url[size] || size >= PROVIDER_URL_MAX)
		return false;
	return (text_starts_with(url, secure) && url[strlen(secure)]) ||
	       (text_starts_with(url, plain) && is_loopback(url + strlen(plain)));
}

static const char *problem_of(const struct config_provider *provider)
{
	if (!provider->client_id[0])
		return "needs client_id";
	if (!provider->issuer[0])
		return "needs issuer";
	if (!provider_url_is_safe(provider->issuer))
		return "needs an issuer with https (http on this machine alone)";
	if (provider->type == PROVIDER_GITHUB && !provider->client_secret[0])
		return "needs client_secret, or client_secret_file";
	if (provider->type == PROVIDER_OIDC && !http_list_has(provider->scopes, "openid"))
		return "needs 'openid' among its scopes";
	return NULL;
}

enum err config_check_providers(const struct config *config, char *problem)
{
	for (size_t i = 0; i < config->provider_count; i++) {
		const char *what = problem_of(&config->providers[i]);
		if (!what)
			continue;
		snprintf(problem, CONFIG_PROBLEM_MAX, "provider '%s' %s", config->providers[i].name,
			what);
		return ERR_MALFORMED;
	}
	return ERR_OK;
}
