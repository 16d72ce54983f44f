#include "base/heap.h"

#include <stdlib.h>

#define HEAP_FIRST_CAPACITY 16

void heap_deinit(struct heap *heap)
{
	if (!heap)
		return;
	for (size_t i = 0; i < heap->count; i++)
		heap->nodes[i]->place = 0;
	free(heap->nodes);
	*heap = (struct heap){0};
}

static void put(struct heap *heap, size_t index, struct heap_node *node)
{
	heap->nodes[index] = node;
	node->place = index + 1;
}

static void sift_up(struct heap *heap, size_t index, struct heap_node *node)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;
		if (heap->nodes[parent]->deadline <= node->deadline)
			break;
		put(heap, index, heap->nodes[parent]);
		index = parent;
	}
	put(heap, index, node);
}

static void sift_down(struct heap *heap, size_t index, struct heap_node *node)
{
	for (;;) {
		size_t child = 2 * index + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
			heap->nodes[child + 1]->deadline < heap->nodes[child]->deadline)
			child++;
		if (node->deadline <= heap->nodes[child]->deadline)
			break;
		put(heap, index, heap->nodes[child]);
		index = child;
	}
	put(heap, index, node);
}

static void settle(struct heap *heap, size_t index, struct heap_node *node)
{
	if (index > 0 && node->deadline < heap->nodes[(index - 1) / 2]->deadline)
		sift_up(heap, index, node);
	else
		sift_down(heap, index, node);
}

enum err heap_set(struct heap *heap, struct heap_node *node, usec deadline)
{
	if (deadline == USEC_NEVER) {
		heap_remove(heap, node);
		return ERR_OK;
	}
	if (node->place > 0) {
		node->deadline = deadline;
		settle(heap, node->place - 1, node);
		return ERR_OK;
	}
	if (heap->count == heap->capacity) {
		size_t capacity = heap->capacity ? 2 * heap->capacity : HEAP_FIRST_CAPACITY;
		struct heap_node **nodes =
			realloc(heap->nodes, capacity * sizeof(struct heap_node *));
		if (!nodes)
			return ERR_NOMEM;
		heap->nodes = nodes;
		heap->capacity = capacity;
	}
	node->deadline = deadline;
	sift_up(heap, heap->count++, node);
	return ERR_OK;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	if (node->place == 0)
		return;
	size_t index = node->place - 1;
	CHECK(heap->nodes[index] == node);
	node->place = 0;
	struct heap_node *last = heap->nodes[--heap->count];
	if (last != node)
		settle(heap, index, last);
}

struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count > 0 ? heap->nodes[0] : NULL;
}

usec heap_deadline(const struct heap *heap)
{
	return heap->count > 0 ? heap->nodes[0]->deadline : USEC_NEVER;
}
