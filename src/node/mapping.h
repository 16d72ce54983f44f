/* The ports of this node that the home router lets in (net/portmap.h): the peers' UDP port becomes
 * one more candidate, and the addresses of direct links one more in `dpc status`. */
#ifndef NODE_MAPPING_H
#define NODE_MAPPING_H

#include <jansson.h>

#include "base/addr.h"

struct node;
struct node_mapping;

/* Begins where the configuration wants it and this machine has a private address; what does not
 * work is logged. */
void node_mapping_start(struct node *node);
/* Begins where it has not; where this machine has another address now, its router is asked anew. */
void node_mapping_network_changed(struct node *node);
/* Gives the ports back; node_link_gone() is called when that is done. */
void node_mapping_stop(struct node *node);
bool node_mapping_is_stopping(const struct node *node);
/* At once. Without one too. */
void node_mapping_destroy(struct node *node);

/* Where the internet reaches the port of the listener with this index; NULL: it is not mapped. */
const struct addr *node_mapping_of_listener(const struct node *node, size_t index);
/* As in docs/local-api.md; null where no router is asked. */
json_t *node_mapping_describe(const struct node *node);

#endif
