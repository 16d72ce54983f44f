/* Our things as the JSON objects of docs/local-api.md. Every function returns a new object, or NULL
 * when memory is out. */
#ifndef NODE_DESCRIBE_H
#define NODE_DESCRIBE_H

#include <jansson.h>

#include "crypto/node_id.h"
#include "node/failure.h"
#include "node/store.h"

struct node;
struct stranger;

json_t *describe_status(struct node *node);
json_t *describe_contact(struct node *node, const struct store_contact *contact);
/* The number that two people compare; false while no key of the contact is known. */
bool describe_safety_number(const struct node *node, const struct store_contact *contact,
	char number[NODE_SAFETY_NUMBER_MAX]);
/* {"peer": Peer}, of a contact that exists. */
json_t *describe_peer_answer(struct node *node, const char *node_id);
json_t *describe_message(struct node *node, const struct store_message *message, const char *name);
json_t *describe_stranger(struct node *node, const struct stranger *stranger);
json_t *describe_failure(const struct failure *failure);

#endif
