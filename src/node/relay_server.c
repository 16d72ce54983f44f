#include "node/relay_server.h"

#include <stdio.h>

#include "base/text.h"
#include "message/uri.h"

/* RFC 8656 section 4 and RFC 7065 section 3.2. */
#define PORT_DEFAULT 3478
#define PORT_TLS_DEFAULT 5349

enum err relay_server_parse(const char *uri, struct relay_server *ret_server)
{
	bool secure = text_starts_with(uri, "turns:");
	if (!secure && !text_starts_with(uri, "turn:"))
		return ERR_UNSUPPORTED;
	const char *host = strchr(uri, ':') + 1;
	const char *query = host + strcspn(host, "?");
	struct relay_server server = {.transport = secure ? RELAY_TLS : RELAY_UDP};
	if (!secure && strcmp(query, "?transport=tcp") == 0)
		server.transport = RELAY_TCP;
	else if (*query && strcmp(query, secure ? "?transport=tcp" : "?transport=udp") != 0)
		return ERR_UNSUPPORTED;
	enum err err = uri_parse_host_port(bytes_of(host, (size_t)(query - host)),
		secure ? PORT_TLS_DEFAULT : PORT_DEFAULT, server.host, sizeof server.host,
		&server.port);
	if (err || server.port == 0)
		return ERR_MALFORMED;
	*ret_server = server;
	return ERR_OK;
}

char *relay_server_text(const struct relay_server *server, char *text)
{
	static const char *const transports[] = {"udp", "tcp", "tls"};
	bool brackets = strchr(server->host, ':') != NULL;
	(void)snprintf(text, RELAY_SERVER_TEXT_MAX, "%s%s%s:%u/%s", brackets ? "[" : "",
		server->host, brackets ? "]" : "", (unsigned)server->port,
		transports[server->transport]);
	return text;
}
