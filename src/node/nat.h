/* What the node knows of the NATs in front of it: found out in the background when its STUN
 * servers answer and when they see another address of ours, and by every check of the network. */
#ifndef NODE_NAT_H
#define NODE_NAT_H

#include "node/nat_probe.h"

struct node;

struct node_nat {
	struct nat_probe *probe;            /* under way */
	struct nat_probe_result results[2]; /* IPv4, IPv6 */
};

/* Asks these servers; replaces what is under way. */
void node_nat_start(struct node *node, const struct addr *servers, size_t count);
void node_nat_stop(struct node *node);

/* Whether it is known how the NAT maps through which a server sees this address of ours, or being
 * found out. */
bool node_nat_is_known(const struct node *node, const struct addr *seen);
/* We are seen at this address: what is known of another NAT of its family holds no more. */
void node_nat_forget_others(struct node *node, const struct addr *seen);

/* The results of IPv4 and IPv6; of one that could not be told, what was known stays. */
void node_nat_learn(struct node *node, const struct nat_probe_result results[2]);

/* How the NAT of a family maps; DISCOVERY_UNKNOWN: nobody could say. */
enum discovery_behaviour node_nat_mapping(const struct node *node, enum addr_family family);

#endif
