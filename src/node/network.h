/* The network under a node: when it changes, and when the machine wakes up, peers, links and the
 * hub client are told at once, and need not find out by waiting for answers. */
#ifndef NODE_NETWORK_H
#define NODE_NETWORK_H

struct node;

/* Where the kernel does not tell, a node finds out later. */
void network_watch(struct node *node);
/* Accepts a node that does not watch. */
void network_unwatch(struct node *node);

#endif
