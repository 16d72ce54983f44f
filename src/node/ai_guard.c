#include "node/ai_guard.h"

#include <string.h>

#include "base/text.h"
#include "crypto/hash.h"

/* Whether "host" or "host:port" names this machine as such. After a rebinding of names a browser
 * sends the name of the page, which does not. */
static bool is_loopback_host(const char *host)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
		size_t size = strlen(names[i]);
		if (bytes_equal_text_ignoring_case(
			    bytes_slice(bytes_of_text(host), 0, size), names[i]) &&
			(host[size] == 0 || host[size] == ':'))
			return true;
	}
	return false;
}

static bool is_allowed_origin(const struct config *config, const char *origin)
{
	for (size_t i = 0; i < config->ai_origin_count; i++) {
		if (strcmp(config->ai_origins[i], origin) == 0)
			return true;
	}
	return false;
}

/* Fetch Metadata Request Headers: what a page fetches without an Origin, such as an image, says so
 * here. "none" is what the person typed. */
static bool is_of_a_page(const char *fetch_site)
{
	return fetch_site && strcmp(fetch_site, "none") != 0 &&
	       strcmp(fetch_site, "same-origin") != 0;
}

static bool has_token(const char *authorization, const char *token)
{
	static const char scheme[] = "Bearer ";
	return authorization && text_starts_with(authorization, scheme) &&
	       secret_equal(bytes_of_text(authorization + sizeof scheme - 1), bytes_of_text(token));
}

struct ai_guard_refusal ai_guard_check(
	const struct config *config, const struct ai_guard_headers *headers)
{
	struct ai_guard_refusal fine = {0};
	if (!is_loopback_host(headers->host))
		return (struct ai_guard_refusal){
			403, "host", "this address is for programs on this machine: use 127.0.0.1"};
	if (headers->origin ? !is_allowed_origin(config, headers->origin)
			    : is_of_a_page(headers->fetch_site))
		return (struct ai_guard_refusal){403, "origin",
			"pages of this origin may not ask; 'ai.origin' in config.ini names those "
			"that may"};
	if (!headers->is_preflight && config->ai_token[0] &&
		!has_token(headers->authorization, config->ai_token))
		return (struct ai_guard_refusal){401, "token",
			"the token of 'ai.token' in config.ini is needed as a bearer token (API "
			"key)"};
	return fine;
}
