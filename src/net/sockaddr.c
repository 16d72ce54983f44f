#include <errno.h>
#include <netinet/in.h>

#include "net/internal.h"

bool addr_of_sockaddr(const struct sockaddr *sockaddr, struct addr *ret_addr)
{
	struct addr addr = {0};
	if (sockaddr->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sockaddr, sizeof(in));
		addr.family = ADDR_IPV4;
		addr.port = ntohs(in.sin_port);
		memcpy(addr.ip, &in.sin_addr, 4);
	} else if (sockaddr->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sockaddr, sizeof(in6));
		addr.port = ntohs(in6.sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			addr.family = ADDR_IPV4;
			memcpy(addr.ip, &in6.sin6_addr.s6_addr[12], 4);
		} else {
			addr.family = ADDR_IPV6;
			memcpy(addr.ip, &in6.sin6_addr, 16);
			if (addr_is_link_local(&addr))
				addr.scope = in6.sin6_scope_id;
		}
	} else {
		return false;
	}
	*ret_addr = addr;
	return true;
}

socklen_t sockaddr_of_addr(const struct addr *addr, struct sockaddr_storage *storage)
{
	memset(storage, 0, sizeof(*storage));
	if (addr->family == ADDR_IPV4) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
		memcpy(&in.sin_addr, addr->ip, 4);
		memcpy(storage, &in, sizeof(in));
		return sizeof(in);
	}
	CHECK(addr->family == ADDR_IPV6);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(addr->port),
		.sin6_scope_id = addr->scope};
	memcpy(&in6.sin6_addr, addr->ip, 16);
	memcpy(storage, &in6, sizeof(in6));
	return sizeof(in6);
}

enum err err_of_errno(int error)
{
	switch (error < 0 ? -error : error) {
	case 0:
		return ERR_OK;
	case EAGAIN:
		return ERR_AGAIN;
	case ENOMEM:
	case ENOBUFS:
		return ERR_NOMEM;
	case EMFILE:
	case ENFILE:
		return ERR_LIMIT;
	case EADDRINUSE:
		return ERR_ADDRESS_IN_USE;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case EADDRNOTAVAIL:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENODEV:
		return ERR_UNREACHABLE;
	case ECONNREFUSED:
		return ERR_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return ERR_CLOSED;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case EMSGSIZE:
		return ERR_TOO_LARGE;
	case EEXIST:
		return ERR_EXISTS;
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
	case ENOPROTOOPT:
	case EPROTONOSUPPORT:
		return ERR_UNSUPPORTED;
	default:
		return ERR_IO;
	}
}
