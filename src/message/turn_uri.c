#include "message/turn_uri.h"

#include <stdio.h>

#include "base/text.h"
#include "message/uri.h"

/* RFC 8656 section 4 and RFC 7065 section 3.2. */
#define PORT_DEFAULT 3478
#define PORT_TLS_DEFAULT 5349

enum err turn_uri_parse(const char *text, struct turn_uri *ret_uri)
{
	bool secure = text_starts_with(text, "turns:");
	if (!secure && !text_starts_with(text, "turn:"))
		return ERR_UNSUPPORTED;
	const char *host = strchr(text, ':') + 1;
	const char *query = host + strcspn(host, "?");
	struct turn_uri uri = {.transport = secure ? TURN_OVER_TLS : TURN_OVER_UDP};
	if (!secure && strcmp(query, "?transport=tcp") == 0)
		uri.transport = TURN_OVER_TCP;
	else if (*query && strcmp(query, secure ? "?transport=tcp" : "?transport=udp") != 0)
		return ERR_UNSUPPORTED;
	enum err err = uri_parse_host_port(bytes_of(host, (size_t)(query - host)),
		secure ? PORT_TLS_DEFAULT : PORT_DEFAULT, uri.host, sizeof uri.host, &uri.port);
	if (err || uri.port == 0)
		return ERR_MALFORMED;
	*ret_uri = uri;
	return ERR_OK;
}

char *turn_uri_text(const struct turn_uri *uri, char *text)
{
	static const char *const transports[] = {"udp", "tcp", "tls"};
	bool is_ipv6 = strchr(uri->host, ':') != NULL;
	(void)snprintf(text, TURN_URI_TEXT_MAX, "%s%s%s:%u/%s", is_ipv6 ? "[" : "", uri->host,
		is_ipv6 ? "]" : "", (unsigned)uri->port, transports[uri->transport]);
	return text;
}
