/* A heap of deadlines: the earliest in O(1), a change in O(log n), and no change in O(1). Nodes are
 * embedded in what they wake up; a zeroed node is in no heap. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>

#include "base/err.h"
#include "base/usec.h"

struct heap_node {
	usec deadline;
	size_t place; /* 1-based position in the heap; 0: in none */
};

/* Deadlines stand beside the nodes: a comparison does not go and look at the node. */
struct heap_entry {
	usec deadline;
	struct heap_node *node;
};

struct heap {
	struct heap_entry *entries;
	size_t count, capacity;
};

void heap_deinit(struct heap *heap);

/* Sets, moves or (with USEC_NEVER) removes the deadline of a node. ERR_NOMEM on a first insertion.
 */
MUST_CHECK enum err heap_set(struct heap *heap, struct heap_node *node, usec deadline);
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the earliest deadline, or NULL. */
struct heap_node *heap_first(const struct heap *heap);

/* USEC_NEVER when empty. */
usec heap_deadline(const struct heap *heap);

#endif
