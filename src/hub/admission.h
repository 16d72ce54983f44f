/* Whom a node lets through to its signalling socket, without I/O: strangers or not, and contacts
 * that it allows or blocks. Whoever is not let through is told what is told of nodes that are not
 * connected.
 *
 * Small, since a hub holds one for each connected node that has said something; who has not, lets
 * everybody through. */
#ifndef HUB_ADMISSION_H
#define HUB_ADMISSION_H

#include <jansson.h>

#include "base/bytes.h"
#include "hub/possession.h"

/* A node id as bytes; of one with 16 digits the second half is zero. */
struct contact_id {
	uint8_t bytes[16];
	uint8_t size;
};

struct admission_contact {
	struct contact_id id;
	bool is_blocked;
};

/* Zeroed, it lets everybody through. */
struct admission {
	struct admission_contact *contacts; /* sorted by id */
	size_t count;
	bool no_strangers;
};

/* {"strangers":bool,"contacts":{ID:"allow"|"block"}}. NULL: it is good, and to be deinitialised;
 * else what is wrong with it. */
const struct refusal *admission_parse(struct bytes text, struct admission *ret_admission);
/* Accepts a zeroed one. */
void admission_deinit(struct admission *admission);
/* As it was given, with all that was left out; NULL when memory is out. */
json_t *admission_describe(const struct admission *admission);

bool contact_id_equal(const struct contact_id *a, const struct contact_id *b);
/* The id is valid. */
struct contact_id contact_id_of(const char *node_id);
/* "dpc-node-…"; `node_id` has room for NODE_ID_MAX. */
void contact_id_text(const struct contact_id *id, char *node_id);

/* May this node send to the one whose admission it is? */
bool admission_allows(const struct admission *admission, const struct contact_id *sender);
/* Is it a contact that is allowed by name? */
bool admission_names(const struct admission *admission, const struct contact_id *other);

#endif
