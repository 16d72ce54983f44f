#include "sctp/slots.h"

#include "test.h"

#define BASE (UINT64_C(1) << 32)

static void items_are_found_while_the_table_slides(void **state)
{
	(void)state;
	struct sctp_slots slots = {0};
	int items[1000];
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t base = BASE + (i >= 10 ? i - 10 : 0);
		assert_ok(sctp_slots_put(&slots, base, 100, BASE + i, &items[i]));
		if (i >= 10)
			assert_ptr_equal(sctp_slots_take(&slots, base), &items[i - 10]);
		assert_ptr_equal(sctp_slots_get(&slots, BASE + i), &items[i]);
		assert_null(sctp_slots_get(&slots, BASE + i + 1));
	}
	assert_in_range(slots.capacity, 11, 32);
	for (uint64_t i = 990; i < 1000; i++)
		assert_ptr_equal(sctp_slots_take(&slots, BASE + i), &items[i]);
	assert_null(slots.items);
	assert_null(sctp_slots_take(&slots, BASE));
}

static void numbers_beyond_the_span_are_refused(void **state)
{
	(void)state;
	struct sctp_slots slots = {0};
	int item;
	assert_err(sctp_slots_put(&slots, BASE, 100, BASE + 100, &item), ERR_LIMIT);
	assert_ok(sctp_slots_put(&slots, BASE, 100, BASE + 99, &item));
	assert_ok(sctp_slots_put(&slots, BASE, 100, BASE, &item));
	assert_ptr_equal(sctp_slots_get(&slots, BASE + 99), &item);
	assert_non_null(sctp_slots_take_any(&slots));
	assert_non_null(sctp_slots_take_any(&slots));
	assert_null(sctp_slots_take_any(&slots));
	sctp_slots_deinit(&slots);
}

TESTS(TEST(items_are_found_while_the_table_slides), TEST(numbers_beyond_the_span_are_refused))
