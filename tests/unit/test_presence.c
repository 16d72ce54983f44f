#include "test.h"

#include <stdio.h>

#include "hub/presence.h"

static struct presence_entry entry_of(const char *node_id)
{
	struct presence_entry entry = {0};
	snprintf(entry.node_id, sizeof entry.node_id, "%s", node_id);
	return entry;
}

static void the_newest_connection_of_a_node_is_the_one(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct presence presence;
	struct presence_entry older = entry_of("a"), newer = entry_of("a"), other = entry_of("b");
	struct presence_entry *replaced;
	presence_init(&presence, 10, &rng);
	assert_ok(presence_enter(&presence, &older, &replaced));
	assert_null(replaced);
	assert_ok(presence_enter(&presence, &other, &replaced));
	assert_ok(presence_enter(&presence, &newer, &replaced));
	assert_ptr_equal(replaced, &older);
	assert_ptr_equal(presence_find(&presence, "a"), &newer);
	/* The older one leaving late does not take the newer one along. */
	presence_leave(&presence, &older);
	assert_ptr_equal(presence_find(&presence, "a"), &newer);
	assert_int_equal(presence_count(&presence), 2);
	presence_leave(&presence, &newer);
	presence_leave(&presence, &other);
	assert_null(presence_find(&presence, "a"));
	presence_deinit(&presence);
}

static void the_directory_has_a_limit(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct presence presence;
	struct presence_entry a = entry_of("a"), again = entry_of("a"), b = entry_of("b");
	struct presence_entry *replaced;
	presence_init(&presence, 1, &rng);
	assert_ok(presence_enter(&presence, &a, &replaced));
	assert_err(presence_enter(&presence, &b, &replaced), ERR_LIMIT);
	assert_ok(presence_enter(&presence, &again, &replaced));
	assert_ptr_equal(replaced, &a);
	presence_leave(&presence, &again);
	presence_deinit(&presence);
}

TESTS(TEST(the_newest_connection_of_a_node_is_the_one), TEST(the_directory_has_a_limit))
