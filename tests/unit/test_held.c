#include "test.h"

#include <stdlib.h>

#include "hub/held.h"

static const struct contact_id alice = {{1}, 8}, bob = {{2}, 8}, carol = {{2}, 16};

static void assert_taken(
	struct held *held, const struct contact_id *target, usec now, const char *text)
{
	struct held_signal *signal = held_take(held, target, now);
	if (!text) {
		assert_null(signal);
		return;
	}
	assert_non_null(signal);
	assert_true(bytes_equal_text(bytes_of(signal->text, signal->size), text));
	assert_memory_equal(&signal->sender, &alice, sizeof alice);
	free(signal);
}

static void signals_wait_for_their_target_in_their_order(void **state)
{
	(void)state;
	struct held held;
	held_init(&held);
	assert_true(held_deadline(&held) == USEC_NEVER);
	assert_ok(held_add(&held, &alice, &bob, bytes_of_text("1"), 100));
	assert_ok(held_add(&held, &alice, &carol, bytes_of_text("2"), 200));
	assert_ok(held_add(&held, &alice, &bob, bytes_of_text("3"), 300));
	assert_true(held_deadline(&held) == 100 + BUS_HELD_TIME);
	assert_taken(&held, &alice, 0, NULL);
	assert_taken(&held, &bob, 0, "1");
	assert_taken(&held, &bob, 0, "3");
	assert_taken(&held, &bob, 0, NULL);
	assert_taken(&held, NULL, 200 + BUS_HELD_TIME - 1, NULL);
	assert_taken(&held, NULL, 200 + BUS_HELD_TIME, "2");
	assert_taken(&held, NULL, 1000 + BUS_HELD_TIME, NULL);
	assert_int_equal(held.bytes, 0);
	held_deinit(&held);
}

static void count_and_bytes_have_limits(void **state)
{
	(void)state;
	struct held held;
	static uint8_t half[BUS_HELD_BYTES_MAX / 2];
	held_init(&held);
	for (int i = 0; i < BUS_HELD_MAX; i++)
		assert_ok(held_add(&held, &alice, &bob, bytes_of_text(""), 0));
	assert_err(held_add(&held, &alice, &bob, bytes_of_text(""), 0), ERR_LIMIT);
	held_deinit(&held);
	held_init(&held);
	assert_ok(held_add(&held, &alice, &bob, bytes_of(half, sizeof half), 0));
	assert_ok(held_add(&held, &alice, &bob, bytes_of(half, sizeof half), 0));
	assert_err(held_add(&held, &alice, &bob, bytes_of_text("x"), 0), ERR_LIMIT);
	held_deinit(&held);
}

TESTS(TEST(signals_wait_for_their_target_in_their_order), TEST(count_and_bytes_have_limits))
