#include "sctp/table.h"

#include <stdlib.h>

#include "base/rng.h"
#include "test.h"

#define NODES 5000

static void what_was_put_is_found_until_it_is_removed(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(3);
	struct sctp_table table = {0};
	rng_fill(&rng, table.secret, sizeof table.secret);
	struct sctp_table_node *nodes = calloc(NODES, sizeof *nodes);
	assert_non_null(nodes);
	for (uint32_t i = 0; i < NODES; i++) {
		struct sctp_table_key key =
			sctp_table_key((uint16_t)(i % 7), i % 2, i / 14 * 1000003, i % 3);
		assert_null(sctp_table_get(&table, key));
		assert_ok(sctp_table_put(&table, &nodes[i], key));
		assert_ptr_equal(sctp_table_get(&table, key), &nodes[i]);
	}
	assert_int_equal(table.count, NODES);
	for (uint32_t i = 0; i < NODES; i++) {
		assert_ptr_equal(sctp_table_get(&table, nodes[i].key), &nodes[i]);
		sctp_table_remove(&table, &nodes[i]);
		assert_null(sctp_table_get(&table, nodes[i].key));
	}
	/* And its memory was given back. */
	assert_null(table.buckets);
	free(nodes);
}

static void every_part_of_a_key_counts(void **state)
{
	(void)state;
	struct sctp_table table = {0};
	struct sctp_table_node node = {0};
	assert_ok(sctp_table_put(&table, &node, sctp_table_key(1, false, 2, 3)));
	assert_null(sctp_table_get(&table, sctp_table_key(2, false, 2, 3)));
	assert_null(sctp_table_get(&table, sctp_table_key(1, true, 2, 3)));
	assert_null(sctp_table_get(&table, sctp_table_key(1, false, 3, 3)));
	assert_null(sctp_table_get(&table, sctp_table_key(1, false, 2, 4)));
	assert_non_null(sctp_table_get(&table, sctp_table_key(1, false, 2, 3)));
	sctp_table_remove(&table, &node);
}

TESTS(TEST(what_was_put_is_found_until_it_is_removed), TEST(every_part_of_a_key_counts))
