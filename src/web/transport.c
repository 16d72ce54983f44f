#include "web/transport.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/tls_server.h"

enum err transport_init(struct transport *transport, int fd, struct net_tls_server *server)
{
	struct net_tls_stream *tls = NULL;
	enum err err = server ? net_tls_stream_create(server, fd, &tls) : ERR_OK;
	if (err == ERR_OK)
		*transport = (struct transport){.fd = fd, .tls = tls};
	return err;
}

void transport_deinit(struct transport *transport)
{
	net_tls_stream_destroy(transport->tls);
	if (transport->fd >= 0)
		close(transport->fd);
	*transport = (struct transport){.fd = -1};
}

static enum err err_of_socket(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? ERR_AGAIN : ERR_IO;
}

enum err transport_read(
	struct transport *transport, uint8_t *data, size_t capacity, size_t *ret_size)
{
	if (transport->tls)
		return net_tls_stream_read(transport->tls, data, capacity, ret_size);
	ssize_t size = recv(transport->fd, data, capacity, MSG_DONTWAIT);
	if (size < 0)
		return err_of_socket();
	if (size == 0)
		return ERR_CLOSED;
	*ret_size = (size_t)size;
	return ERR_OK;
}

enum err transport_peek(struct transport *transport)
{
	uint8_t byte;
	if (transport->tls)
		return net_tls_stream_peek(transport->tls);
	ssize_t size = recv(transport->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	if (size < 0)
		return err_of_socket();
	return size == 0 ? ERR_CLOSED : ERR_OK;
}

enum err transport_write(struct transport *transport, struct bytes bytes, size_t *ret_size)
{
	ssize_t size;
	if (transport->tls)
		return net_tls_stream_write(transport->tls, bytes, ret_size);
	do
		size = send(transport->fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return err_of_socket();
	*ret_size = (size_t)size;
	return ERR_OK;
}

void transport_end(struct transport *transport)
{
	if (transport->tls)
		net_tls_stream_end(transport->tls);
	(void)shutdown(transport->fd, SHUT_WR);
}

unsigned transport_events(const struct transport *transport, unsigned events)
{
	bool wants_write = transport->tls && net_tls_stream_wants_write(transport->tls);
	return wants_write && events ? events | NET_WRITABLE : events;
}

bool transport_has_pending(const struct transport *transport)
{
	return transport->tls && net_tls_stream_has_pending(transport->tls);
}
