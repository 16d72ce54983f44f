#include "node/guard.h"

#include <string.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "web/server.h"

#define PORT_OF_HTTP 80

/* Behind a host: nothing, or the port. */
static bool is_port(const char *text, uint16_t port)
{
	uint64_t number;
	if (*text == 0)
		return port == 0 || port == PORT_OF_HTTP;
	if (*text != ':')
		return false;
	return port == 0 || (bytes_to_u64(bytes_of_text(text + 1), &number) && number == port);
}

/* Whether "host" or "host:port" names this machine as such. After a rebinding of names a browser
 * sends the name of the page, which does not. */
static bool is_loopback(const char *host, uint16_t port)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
		size_t size = strlen(names[i]);
		if (bytes_equal_text_ignoring_case(
			    bytes_slice(bytes_of_text(host), 0, size), names[i]) &&
			is_port(host + size, port))
			return true;
	}
	return false;
}

static bool is_allowed_origin(const struct guard_rules *rules, const char *origin)
{
	static const char scheme[] = "http://";
	for (size_t i = 0; i < rules->origin_count; i++) {
		if (strcmp(rules->origins[i], origin) == 0)
			return true;
	}
	return rules->port != 0 && text_starts_with(origin, scheme) &&
	       is_loopback(origin + sizeof scheme - 1, rules->port);
}

/* Fetch Metadata Request Headers: what a page fetches without an Origin, such as an image, says so
 * here. "none" is what the person typed. */
static bool is_of_a_page(const char *fetch_site)
{
	return fetch_site && strcmp(fetch_site, "none") != 0 &&
	       strcmp(fetch_site, "same-origin") != 0;
}

enum guard_verdict guard_check(const struct guard_rules *rules, const struct guard_headers *headers)
{
	if (!is_loopback(headers->host, rules->port))
		return GUARD_HOST;
	if (headers->origin ? !is_allowed_origin(rules, headers->origin)
			    : is_of_a_page(headers->fetch_site))
		return GUARD_ORIGIN;
	if (headers->is_preflight || !rules->token[0])
		return GUARD_FINE;
	return headers->token && secret_equal(
					 bytes_of_text(headers->token), bytes_of_text(rules->token))
		       ? GUARD_FINE
		       : GUARD_TOKEN;
}

const char *guard_bearer(const char *authorization)
{
	static const char scheme[] = "Bearer ";
	return authorization && text_starts_with(authorization, scheme)
		       ? authorization + sizeof scheme - 1
		       : NULL;
}

struct guard_headers guard_headers_of(struct web_request *http)
{
	return (struct guard_headers){
		.host = web_request_header(http, "host"),
		.origin = web_request_header(http, "origin"),
		.fetch_site = web_request_header(http, "sec-fetch-site"),
		.token = guard_bearer(web_request_header(http, "authorization")),
		.is_preflight = strcmp(web_request_method(http), "OPTIONS") == 0,
	};
}

void guard_allow_origin(
	struct web_request *http, const struct guard_headers *headers, const char *methods)
{
	if (!headers->origin)
		return;
	web_request_add_header(http, "Access-Control-Allow-Origin", headers->origin);
	web_request_add_header(http, "Vary", "Origin");
	if (!headers->is_preflight)
		return;
	web_request_add_header(http, "Access-Control-Allow-Methods", methods);
	/* Programs of pages send headers of their own about themselves. */
	const char *asked = web_request_header(http, "access-control-request-headers");
	web_request_add_header(http, "Access-Control-Allow-Headers",
		asked ? asked : "Authorization, Content-Type");
}
