/* An intrusive hash table: what is being put together of messages, by stream, message and fragment.
 * The peer chooses the keys, so they are hashed under a secret. Memory is two pointers for each
 * node, and none beyond the first few: numbers far apart cost no more than neighbours, and the one
 * message that the end of a packet cuts in two costs no allocation. Zero-initialised but for the
 * secret it is empty. */
#ifndef SCTP_TABLE_H
#define SCTP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sctp_table_key {
	uint64_t message;  /* see sctp_table_key() */
	uint32_t fragment; /* 0 in a table of messages */
};

struct sctp_table_node {
	struct sctp_table_node *next;
	struct sctp_table_key key;
};

#define SCTP_TABLE_FEW 4

struct sctp_table {
	struct sctp_table_node *few[SCTP_TABLE_FEW]; /* in use while `buckets` is NULL */
	struct sctp_table_node **buckets;
	size_t capacity; /* of `buckets`: 0 or a power of two */
	size_t count;
	uint8_t secret[16];
};

static inline struct sctp_table_key sctp_table_key(
	uint16_t stream, bool unordered, uint32_t number, uint32_t fragment)
{
	uint64_t message = (uint64_t)stream << 33 | (uint64_t)unordered << 32 | number;
	return (struct sctp_table_key){.message = message, .fragment = fragment};
}

/* Frees the table, not its nodes, and leaves it empty with its secret. */
void sctp_table_deinit(struct sctp_table *table);

/* The node, or NULL. */
struct sctp_table_node *sctp_table_get(const struct sctp_table *table, struct sctp_table_key key);

/* Links the node, whose key is not in the table. ERR_NOMEM. */
MUST_CHECK enum err sctp_table_put(
	struct sctp_table *table, struct sctp_table_node *node, struct sctp_table_key key);

/* Unlinks a node that is in the table. */
void sctp_table_remove(struct sctp_table *table, struct sctp_table_node *node);

#endif
