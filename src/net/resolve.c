#include "net/resolve.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"
#include "net/limits.h"

struct net_resolve {
	uv_getaddrinfo_t request;
	struct net_loop *loop;
	uint16_t port;
	void (*done)(enum err err, const struct addr *addrs, size_t count, void *user);
	void *user; /* `done` is NULL when nobody waits any more */
};

static size_t collect(const struct addrinfo *answer, uint16_t port, struct addr *addrs)
{
	size_t count = 0;
	for (const struct addrinfo *i = answer; i && count < NET_RESOLVE_ADDRS_MAX;
		i = i->ai_next) {
		if (!addr_of_sockaddr(i->ai_addr, &addrs[count]))
			continue;
		addrs[count++].port = port;
	}
	return count;
}

static enum err err_of_status(int status)
{
	switch (status) {
	case 0:
		return ERR_OK;
	case UV_EAI_AGAIN:
		return ERR_AGAIN;
	case UV_EAI_NONAME:
	case UV_EAI_NODATA:
	case UV_EAI_ADDRFAMILY:
	case UV_EAI_FAIL:
		return ERR_NOT_FOUND;
	default:
		return ERR_IO;
	}
}

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *answer)
{
	struct net_resolve *resolve = request->data;
	struct addr addrs[NET_RESOLVE_ADDRS_MAX];
	size_t count = 0;
	enum err err = err_of_status(status);
	if (!err) {
		count = collect(answer, resolve->port, addrs);
		if (count == 0)
			err = ERR_NOT_FOUND;
	}
	uv_freeaddrinfo(answer);
	resolve->loop->resolves_pending--;
	void (*done)(enum err, const struct addr *, size_t, void *) = resolve->done;
	void *user = resolve->user;
	free(resolve);
	if (done)
		done(err, addrs, count, user);
}

enum err net_resolve_start(struct net_loop *loop, const char *host, uint16_t port,
	void (*done)(enum err err, const struct addr *addrs, size_t count, void *user), void *user,
	struct net_resolve **ret_resolve)
{
	if (strlen(host) >= NET_HOST_MAX)
		return ERR_TOO_LARGE;
	if (loop->resolves_pending >= NET_RESOLVE_PENDING_MAX)
		return ERR_LIMIT;
	struct net_resolve *resolve = calloc(1, sizeof(*resolve));
	if (!resolve)
		return ERR_NOMEM;
	*resolve = (struct net_resolve){.loop = loop, .port = port, .done = done, .user = user};
	resolve->request.data = resolve;

	/* A service makes the answers sockets' addresses of one type, each only once. */
	char service[8];
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	int error = uv_getaddrinfo(&loop->uv, &resolve->request, on_answer, host, service, &hints);
	if (error) {
		free(resolve);
		/* libuv checks the form of the name (IDNA) before it asks. */
		return error == UV_ENOMEM ? ERR_NOMEM : ERR_TOO_LARGE;
	}
	loop->resolves_pending++;
	*ret_resolve = resolve;
	return ERR_OK;
}

void net_resolve_cancel(struct net_resolve *resolve)
{
	if (!resolve)
		return;
	resolve->done = NULL;
	/* Under way in another thread it cannot be stopped; its answer is then dropped. */
	(void)uv_cancel((uv_req_t *)&resolve->request);
}
