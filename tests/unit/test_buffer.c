#include "base/buffer.h"

#include "test.h"

static void grows_to_its_maximum_and_no_further(void **state)
{
	(void)state;
	struct buffer b = buffer_with_max(100);
	for (int i = 0; i < 10; i++)
		assert_ok(buffer_append_text(&b, "0123456789"));
	assert_err(buffer_append_text(&b, "x"), ERR_LIMIT);
	assert_int_equal(b.size, 100);
	assert_string_equal(buffer_text(&b) + 90, "0123456789");
	buffer_deinit(&b);
	assert_int_equal(b.max, 100);
}

static void consumes_from_the_front(void **state)
{
	(void)state;
	struct buffer b = buffer_with_max(100);
	assert_string_equal(buffer_text(&b), "");
	assert_ok(buffer_append_format(&b, "%d-%s", 42, "abc"));
	buffer_consume(&b, 3);
	assert_string_equal(buffer_text(&b), "abc");
	buffer_consume(&b, 3);
	assert_string_equal(buffer_text(&b), "");
	buffer_deinit(&b);
}

TESTS(TEST(grows_to_its_maximum_and_no_further), TEST(consumes_from_the_front))
