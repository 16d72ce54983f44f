#include "node/network.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/iface_watch.h"
#include "net/wake.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/mapping.h"
#include "node/session.h"
#include "node/stun.h"

struct node_network {
	struct net_iface_watch *ifaces;
	struct net_wake *wake;
	usec doubted_at; /* when links were last asked whether they live, for a change of a route */
};

/* Those that still work make room for one another. */
static void tell_links(struct node *node, const struct network_change *change)
{
	size_t cursor = 0, told = 0;
	struct session *session;
	while ((session = map_next(&node->sessions, &cursor)))
		if (session->current)
			link_network_changed(
				session->current, change, (usec)told++ * NODE_RESTART_SPACING);
}

/* Sessions that wait may succeed now. */
static void hurry_sessions(struct node *node)
{
	session_hub_ready(node);
}

static void on_changed(void *user)
{
	struct node *node = user;
	struct network_change change;
	peer_io_network_changed(node->io, &change);
	if (change.removed_count + change.added_count > 0)
		log_info("the network changed: %zu addresses are gone, %zu are new",
			change.removed_count, change.added_count);
	struct network_advice advice =
		network_change_judge(&change, net_now(), &node->network->doubted_at);
	if (!advice.matters)
		return;
	hub_client_network_changed(node->hub, advice.lost);
	node_stun_network_changed(node);
	node_mapping_network_changed(node);
	tell_links(node, &change);
	if (advice.can_dial)
		hurry_sessions(node);
}

static void on_woke(usec slept, void *user)
{
	struct node *node = user;
	size_t cursor = 0;
	struct session *session;
	node->network->doubted_at = 0;
	log_info("awake after %lld s of sleep", (long long)(slept / USEC_PER_SEC));
	on_changed(node);
	hub_client_network_changed(node->hub, slept >= NODE_CONSENT_TIME);
	while ((session = map_next(&node->sessions, &cursor)))
		if (session->current)
			link_woke(session->current, slept);
	hurry_sessions(node);
}

void network_watch(struct node *node)
{
	struct node_network *network = calloc(1, sizeof(*network));
	struct net_iface_watch_config config = {.changed = on_changed, .user = node};
	enum err err =
		network ? net_iface_watch_create(node->loop, &config, &network->ifaces) : ERR_NOMEM;
	if (!err)
		err = net_wake_create(node->loop, on_woke, node, &network->wake);
	node->network = network;
	if (err)
		log_warn("changes of the network are noticed late: %s", err_text(err));
}

void network_unwatch(struct node *node)
{
	if (!node->network)
		return;
	net_iface_watch_destroy(node->network->ifaces);
	net_wake_destroy(node->network->wake);
	free(node->network);
	node->network = NULL;
}
