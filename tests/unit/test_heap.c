#include "base/heap.h"

#include "base/rng.h"
#include "test.h"

#define NODES 200

static void pops_in_order_whatever_was_moved_or_removed(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(7);
	struct heap heap = {0};
	struct heap_node nodes[NODES] = {0};
	for (int step = 0; step < 5000; step++) {
		struct heap_node *node = &nodes[rng_below(&rng, NODES)];
		bool remove = rng_below(&rng, 4) == 0;
		assert_ok(heap_set(&heap, node, remove ? USEC_NEVER : (usec)rng_below(&rng, 1000)));
		usec earliest = USEC_NEVER;
		for (size_t i = 0; i < NODES; i++)
			if (nodes[i].place > 0)
				earliest = usec_min(earliest, nodes[i].deadline);
		assert_true(heap_deadline(&heap) == earliest);
	}
	usec last = 0;
	while (heap_first(&heap)) {
		struct heap_node *node = heap_first(&heap);
		assert_true(node->deadline >= last);
		last = node->deadline;
		heap_remove(&heap, node);
	}
	heap_deinit(&heap);
}

TESTS(TEST(pops_in_order_whatever_was_moved_or_removed))
