#include "net/resolve.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"
#include "net/limits.h"

struct net_resolve {
	uv_getaddrinfo_t request;
	struct net_loop *loop;
	struct net_timer timer; /* while somebody waits */
	bool is_number;         /* `addr` is the answer, and nobody is asked */
	struct addr addr;
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
	if (done)
		net_timer_deinit(&resolve->timer);
	free(resolve);
	if (done)
		done(err, addrs, count, user);
}

/* Nobody waits for the answer any more. Under way in another thread it cannot be stopped; it counts
 * as pending until it is there, and is then dropped. */
static void abandon(struct net_resolve *resolve)
{
	net_timer_deinit(&resolve->timer);
	resolve->done = NULL;
	if (resolve->is_number) {
		resolve->loop->resolves_pending--;
		free(resolve);
	} else {
		(void)uv_cancel((uv_req_t *)&resolve->request);
	}
}

static void on_timeout(void *user)
{
	struct net_resolve *resolve = user;
	void (*done)(enum err, const struct addr *, size_t, void *) = resolve->done;
	void *done_user = resolve->user;
	bool is_number = resolve->is_number;
	struct addr addr = resolve->addr;
	abandon(resolve);
	if (is_number)
		done(ERR_OK, &addr, 1, done_user);
	else
		done(ERR_AGAIN, NULL, 0, done_user);
}

static enum err ask(struct net_resolve *resolve, const char *host)
{
	/* A service makes the answers sockets' addresses of one type, each only once. */
	char service[8];
	snprintf(service, sizeof(service), "%u", (unsigned)resolve->port);
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	int error = uv_getaddrinfo(
		&resolve->loop->uv, &resolve->request, on_answer, host, service, &hints);
	/* libuv checks the form of the name (IDNA) before it asks. */
	return error == 0 ? ERR_OK : error == UV_ENOMEM ? ERR_NOMEM : ERR_TOO_LARGE;
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
	/* A number waits for nobody: not for a thread that waits for a name server either. */
	resolve->is_number = addr_parse_ip(host, port, &resolve->addr);
	enum err err = net_timer_init(&resolve->timer, loop, on_timeout, resolve);
	if (err)
		goto fail_resolve;
	if (!resolve->is_number)
		err = ask(resolve, host);
	if (err)
		goto fail_timer;
	usec wait = resolve->is_number ? 0 : NET_RESOLVE_TIMEOUT;
	net_timer_set(&resolve->timer, net_now() + wait);
	loop->resolves_pending++;
	*ret_resolve = resolve;
	return ERR_OK;

fail_timer:
	net_timer_deinit(&resolve->timer);
fail_resolve:
	free(resolve);
	return err;
}

void net_resolve_cancel(struct net_resolve *resolve)
{
	if (resolve)
		abandon(resolve);
}
