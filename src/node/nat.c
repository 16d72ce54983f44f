#include "node/nat.h"

#include "base/log.h"
#include "node/internal.h"

static size_t index_of(enum addr_family family)
{
	return family == ADDR_IPV6 ? 1 : 0;
}

void node_nat_learn(struct node *node, const struct nat_probe_result results[2])
{
	for (size_t i = 0; i < 2; i++) {
		if (results[i].mapping != DISCOVERY_UNKNOWN)
			node->nat.results[i] = results[i];
	}
}

bool node_nat_is_known(const struct node *node, const struct addr *seen)
{
	return node->nat.probe ||
	       addr_same_ip(&node->nat.results[index_of(seen->family)].mapped, seen);
}

void node_nat_forget_others(struct node *node, const struct addr *seen)
{
	struct nat_probe_result *result = &node->nat.results[index_of(seen->family)];
	if (!addr_same_ip(&result->mapped, seen))
		*result = (struct nat_probe_result){0};
}

static void on_probed(void *user)
{
	struct node *node = user;
	struct nat_probe_result results[] = {nat_probe_result(node->nat.probe, ADDR_IPV4),
		nat_probe_result(node->nat.probe, ADDR_IPV6)};
	node_nat_learn(node, results);
	node_nat_stop(node);
	log_info("nat: mapping %s by IPv4, %s by IPv6",
		discovery_behaviour_name(node_nat_mapping(node, ADDR_IPV4)),
		discovery_behaviour_name(node_nat_mapping(node, ADDR_IPV6)));
}

void node_nat_start(struct node *node, const struct addr *servers, size_t count)
{
	node_nat_stop(node);
	enum err err = nat_probe_create(
		node->loop, &node->rng, servers, count, on_probed, node, &node->nat.probe);
	if (err)
		log_warn("cannot find out what the NAT does: %s", err_text(err));
}

void node_nat_stop(struct node *node)
{
	nat_probe_destroy(node->nat.probe);
	node->nat.probe = NULL;
}

enum discovery_behaviour node_nat_mapping(const struct node *node, enum addr_family family)
{
	return node->nat.results[index_of(family)].mapping;
}
