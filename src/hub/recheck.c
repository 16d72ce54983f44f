#include "hub/recheck.h"

#include <stdlib.h>

#include "hub/hub.h"

static void forget(struct recheck *recheck)
{
	free(recheck->nodes);
	recheck->nodes = NULL;
}

static void on_timer(void *user)
{
	struct recheck *recheck = user;
	char node_id[NODE_ID_MAX];
	for (int i = 0; i < BUS_RECHECK_NODES && recheck->at < recheck->count; i++) {
		contact_id_text(&recheck->nodes[recheck->at++], node_id);
		signal_socket_recheck_here(recheck->hub, node_id);
	}
	if (recheck->at < recheck->count)
		net_timer_set(&recheck->timer, net_now() + BUS_RECHECK_INTERVAL);
	else
		forget(recheck);
}

enum err recheck_init(struct recheck *recheck, struct hub *hub)
{
	*recheck = (struct recheck){.hub = hub};
	return net_timer_init(&recheck->timer, hub->loop, on_timer, recheck);
}

void recheck_deinit(struct recheck *recheck)
{
	net_timer_deinit(&recheck->timer);
	forget(recheck);
}

void recheck_start(struct recheck *recheck)
{
	const struct presence *presence = &recheck->hub->presence;
	size_t cursor = 0, count = 0, max = presence_count(presence);
	const struct presence_entry *entry;
	forget(recheck);
	recheck->count = recheck->at = 0;
	recheck->nodes = max > 0 ? calloc(max, sizeof recheck->nodes[0]) : NULL;
	if (!recheck->nodes)
		return;
	while ((entry = presence_next(presence, &cursor)))
		recheck->nodes[count++] = contact_id_of(entry->node_id);
	recheck->count = count;
	net_timer_set(&recheck->timer, net_now());
}
