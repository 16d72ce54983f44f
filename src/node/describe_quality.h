/* The quality of links as the JSON objects of docs/local-api.md. New objects, or NULL when memory
 * is out. */
#ifndef NODE_DESCRIBE_QUALITY_H
#define NODE_DESCRIBE_QUALITY_H

#include <jansson.h>

#include "node/quality.h"
#include "node/store.h"

struct link;
struct node;

/* Now; counters as of now. */
json_t *describe_link_quality(struct link *link, const struct quality_counters *counters);
/* The last hour of a contact. */
json_t *describe_quality(struct node *node, const struct store_contact *contact);

#endif
