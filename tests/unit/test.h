/* What every unit test starts with: cmocka and its prerequisites. A test is `static void
 * name_is_a_sentence(void **state)`; `TESTS(TEST(a), TEST(b))` at the end makes main(). */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"

#define TEST(name) cmocka_unit_test(name)
#define TESTS(...)                                                                                 \
	int main(void)                                                                             \
	{                                                                                          \
		const struct CMUnitTest tests[] = {__VA_ARGS__};                                   \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}

#define assert_ok(expression) assert_string_equal(err_name(expression), "ok")
#define assert_err(expression, expected)                                                           \
	assert_string_equal(err_name(expression), err_name(expected))
#define assert_bytes_equal(a, b)                                                                   \
	do {                                                                                       \
		struct bytes bytes_a_ = (a), bytes_b_ = (b);                                       \
		assert_int_equal(bytes_a_.size, bytes_b_.size);                                    \
		assert_memory_equal(bytes_a_.data, bytes_b_.data, bytes_a_.size);                  \
	} while (0)

#endif
