/* The STUN servers of the configuration: their names are looked up (stun_names.h), the peers'
 * sockets ask them, and what they see tells when the NAT in front of us is to be looked at. */
#ifndef NODE_STUN_H
#define NODE_STUN_H

#include <stdbool.h>

#include "base/addr.h"

struct node;

/* False: memory is out. The node has its peer_io. */
bool node_stun_start(struct node *node);
void node_stun_stop(struct node *node);

/* Servers that were not found may be now. */
void node_stun_network_changed(struct node *node);
/* One of them sees another address of ours than before. `user` is the node. */
void node_stun_on_reflexive(const struct addr *reflexive, void *user);

#endif
