#include "node/stun.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/resolve.h"
#include "node/internal.h"
#include "node/stun_names.h"

struct lookup {
	struct node *node;
	struct net_resolve *resolve;
};

struct node_stun {
	struct lookup lookups[CONFIG_STUN_MAX];
	struct stun_names names;
	struct net_timer timer; /* of the next look-up */
	struct addr addrs[PEER_IO_STUN_SERVERS_MAX];
	size_t count;
	bool nat_due; /* there is news by which the NAT may be told */
};

/* ---- What they are for ---- */

/* Once there is a network, and no name that is still being looked up could tell more. */
static void look_at_nat(struct node *node)
{
	struct node_stun *stun = node->stun;
	if (!stun->nat_due || stun_names_is_asking(&stun->names))
		return;
	stun->nat_due = false;
	for (size_t i = 0; i < 2; i++) {
		const struct addr *seen =
			peer_io_reflexive(node->io, i == 0 ? ADDR_IPV4 : ADDR_IPV6);
		if (!seen || node_nat_is_known(node, seen))
			continue;
		node_nat_start(node, stun->addrs, stun->count);
		return;
	}
}

void node_stun_on_reflexive(const struct addr *reflexive, void *user)
{
	struct node *node = user;
	node_nat_forget_others(node, reflexive);
	node->stun->nat_due = true;
	look_at_nat(node);
}

/* ---- Names ---- */

static void take(struct node *node)
{
	struct node_stun *stun = node->stun;
	stun->count = stun_names_addrs(&stun->names, stun->addrs, PEER_IO_STUN_SERVERS_MAX);
	stun->nat_due = true;
	if (peer_io_set_stun_servers(node->io, stun->addrs, stun->count) != ERR_OK)
		log_warn("the stun servers cannot be asked");
}

static void tell_failure(struct node *node, size_t index, enum err err)
{
	log_warn("the stun server '%s' cannot be found, and is looked up again: %s",
		node->config.stun[index].host,
		err == ERR_AGAIN ? "the name server does not answer" : err_text(err));
}

static void on_resolved(enum err err, const struct addr *addrs, size_t count, void *user)
{
	struct lookup *lookup = user;
	struct node *node = lookup->node;
	struct node_stun *stun = node->stun;
	size_t index = (size_t)(lookup - stun->lookups);
	lookup->resolve = NULL;
	if (!err) {
		if (stun_names_found(&stun->names, index, addrs, count, net_now()))
			take(node);
	} else if (stun_names_failed(&stun->names, index, net_now())) {
		tell_failure(node, index, err);
	}
	net_timer_set(&stun->timer, stun_names_deadline(&stun->names));
	look_at_nat(node);
}

static void on_timer(void *user)
{
	struct node *node = user;
	struct node_stun *stun = node->stun;
	size_t i;
	while ((i = stun_names_next(&stun->names, net_now())) != STUN_NAMES_NONE) {
		struct lookup *lookup = &stun->lookups[i];
		const struct config_server *server = &node->config.stun[i];
		enum err err = net_resolve_start(node->loop, server->host, server->port,
			on_resolved, lookup, &lookup->resolve);
		if (err && stun_names_failed(&stun->names, i, net_now()))
			tell_failure(node, i, err);
	}
	net_timer_set(&stun->timer, stun_names_deadline(&stun->names));
}

void node_stun_network_changed(struct node *node)
{
	struct node_stun *stun = node->stun;
	stun_names_hurry(&stun->names, net_now());
	net_timer_set(&stun->timer, stun_names_deadline(&stun->names));
}

/* ---- Life ---- */

bool node_stun_start(struct node *node)
{
	struct node_stun *stun = calloc(1, sizeof(*stun));
	if (!stun || net_timer_init(&stun->timer, node->loop, on_timer, node) != ERR_OK) {
		free(stun);
		return false;
	}
	for (size_t i = 0; i < CONFIG_STUN_MAX; i++)
		stun->lookups[i].node = node;
	stun_names_init(&stun->names, node->config.stun_count, &node->rng, net_now());
	net_timer_set(&stun->timer, stun_names_deadline(&stun->names));
	node->stun = stun;
	return true;
}

void node_stun_stop(struct node *node)
{
	struct node_stun *stun = node->stun;
	if (!stun)
		return;
	for (size_t i = 0; i < CONFIG_STUN_MAX; i++)
		net_resolve_cancel(stun->lookups[i].resolve);
	net_timer_deinit(&stun->timer);
	free(stun);
	node->stun = NULL;
}
