/* The upgrade of a request to a websocket (RFC 6455 section 4.2): what the client offers, and the
 * answer behind which the socket takes the connection over. */
#include "web/internal.h"

#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"

#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

const char *web_request_subprotocol(struct web_request *request, const char *prefix)
{
	const char *list = http_head_find(&request->head, "sec-websocket-protocol");
	while (list && *list) {
		list += strspn(list, " \t,");
		size_t size = strcspn(list, " \t,");
		if (size >= strlen(prefix) && size > 0 && text_starts_with(list, prefix))
			return request_keep(request, text_duplicate_bytes(bytes_of(list, size)));
		list += size;
	}
	return NULL;
}

bool web_request_wants_upgrade(const struct web_request *request)
{
	return request->head.wants_upgrade;
}

enum err web_request_upgrade(struct web_request *request, const struct web_socket_options *options,
	struct web_socket **ret_socket)
{
	struct web_connection *connection = connection_of_request(request);
	if (connection->state != CONNECTION_HANDLING || !request->head.wants_upgrade ||
		request->upgrade)
		return ERR_STATE;
	if (options->subprotocol) {
		request->subprotocol = request_keep(request, text_duplicate(options->subprotocol));
		if (!request->subprotocol)
			return ERR_NOMEM;
	}
	request->upgrade = socket_create(connection->server, options);
	if (!request->upgrade)
		return ERR_NOMEM;
	request->cancelled = NULL;
	net_defer_post(&connection->advance);
	*ret_socket = request->upgrade;
	return ERR_OK;
}

/* RFC 6455 section 4.2.2. */
static enum err write_accept(const struct http_head *head, struct buffer *text)
{
	uint8_t digest[SHA1_SIZE];
	enum err err = buffer_append_format(
		text, "%s" ACCEPT_GUID, http_head_find(head, "sec-websocket-key"));
	if (err != ERR_OK)
		return err;
	hash_sha1(buffer_bytes(text), digest);
	buffer_clear(text);
	char *accept = base64_encode(bytes_of(digest, sizeof digest));
	err = !accept ? ERR_NOMEM
		      : buffer_append_format(text,
				"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
				"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
				accept);
	free(accept);
	return err;
}

static enum err write_handshake(const struct web_request *request, struct buffer *text)
{
	enum err err = write_accept(&request->head, text);
	if (err == ERR_OK && request->subprotocol)
		err = buffer_append_format(
			text, "Sec-WebSocket-Protocol: %s\r\n", request->subprotocol);
	return err == ERR_OK ? buffer_append_text(text, "\r\n") : err;
}

void connection_upgrade(struct web_connection *connection)
{
	struct web_request *request = &connection->request;
	struct web_socket *socket = request->upgrade;
	struct buffer text = buffer_with_max(WEB_HEAD_SIZE_MAX);
	request->upgrade = NULL;
	buffer_consume(&connection->in, request->body.size);
	if (write_handshake(request, &text) == ERR_OK)
		socket_adopt(socket, connection, buffer_bytes(&text));
	else
		socket_abandon(socket, "the upgrade failed");
	buffer_deinit(&text);
	connection_destroy(connection);
}
