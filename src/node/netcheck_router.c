/* The router: whether it would map ports. */
#include "node/netcheck_internal.h"

static void on_changed(void *user)
{
	struct netcheck *check = user;
	net_defer_post(&check->settle);
}

void netcheck_start_router(struct netcheck *check)
{
	struct net_portmap_config config = {
		.rng = check->config.rng, .changed = on_changed, .user = check};
	check->facts.router.is_asked =
		check->config.config->port_mapping &&
		net_portmap_create(check->config.loop, &config, &check->router) == ERR_OK;
}

bool netcheck_is_router_settled(const struct netcheck *check)
{
	return !check->router || net_portmap_is_known(check->router);
}

void netcheck_stop_router(struct netcheck *check)
{
	if (!check->router)
		return;
	check->facts.router.protocol = net_portmap_protocol(check->router);
	check->facts.router.external = net_portmap_router(check->router);
	net_portmap_destroy(check->router);
	check->router = NULL;
}
