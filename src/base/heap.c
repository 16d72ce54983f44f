#include "base/heap.h"

#include <stdlib.h>

#define HEAP_FIRST_CAPACITY 16

/* Four children are one cache line of deadlines and half as many levels as two. */
#define HEAP_CHILDREN 4

void heap_deinit(struct heap *heap)
{
	if (!heap)
		return;
	for (size_t i = 0; i < heap->count; i++)
		heap->entries[i].node->place = 0;
	free(heap->entries);
	*heap = (struct heap){0};
}

static void put(struct heap *heap, size_t index, struct heap_entry entry)
{
	heap->entries[index] = entry;
	entry.node->place = index + 1;
}

static void sift_up(struct heap *heap, size_t index, struct heap_entry entry)
{
	while (index > 0) {
		size_t parent = (index - 1) / HEAP_CHILDREN;
		if (heap->entries[parent].deadline <= entry.deadline)
			break;
		put(heap, index, heap->entries[parent]);
		index = parent;
	}
	put(heap, index, entry);
}

static size_t earliest_child(const struct heap *heap, size_t first)
{
	size_t end = first + HEAP_CHILDREN < heap->count ? first + HEAP_CHILDREN : heap->count;
	size_t earliest = first;
	for (size_t i = first + 1; i < end; i++) {
		if (heap->entries[i].deadline < heap->entries[earliest].deadline)
			earliest = i;
	}
	return earliest;
}

static void sift_down(struct heap *heap, size_t index, struct heap_entry entry)
{
	for (;;) {
		size_t first = HEAP_CHILDREN * index + 1;
		if (first >= heap->count)
			break;
		size_t child = earliest_child(heap, first);
		if (entry.deadline <= heap->entries[child].deadline)
			break;
		put(heap, index, heap->entries[child]);
		index = child;
	}
	put(heap, index, entry);
}

static void settle(struct heap *heap, size_t index, struct heap_entry entry)
{
	size_t parent = (index - 1) / HEAP_CHILDREN;
	if (index > 0 && entry.deadline < heap->entries[parent].deadline)
		sift_up(heap, index, entry);
	else
		sift_down(heap, index, entry);
}

enum err heap_set(struct heap *heap, struct heap_node *node, usec deadline)
{
	if (deadline == USEC_NEVER) {
		heap_remove(heap, node);
		return ERR_OK;
	}
	struct heap_entry entry = {.deadline = deadline, .node = node};
	if (node->place > 0) {
		if (node->deadline != deadline)
			settle(heap, node->place - 1, entry);
		node->deadline = deadline;
		return ERR_OK;
	}
	if (heap->count == heap->capacity) {
		size_t capacity = heap->capacity ? 2 * heap->capacity : HEAP_FIRST_CAPACITY;
		struct heap_entry *entries = realloc(heap->entries, capacity * sizeof(*entries));
		if (!entries)
			return ERR_NOMEM;
		heap->entries = entries;
		heap->capacity = capacity;
	}
	node->deadline = deadline;
	sift_up(heap, heap->count++, entry);
	return ERR_OK;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	if (node->place == 0)
		return;
	size_t index = node->place - 1;
	CHECK(heap->entries[index].node == node);
	node->place = 0;
	struct heap_entry last = heap->entries[--heap->count];
	if (last.node != node)
		settle(heap, index, last);
}

struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count > 0 ? heap->entries[0].node : NULL;
}

usec heap_deadline(const struct heap *heap)
{
	return heap->count > 0 ? heap->entries[0].deadline : USEC_NEVER;
}
