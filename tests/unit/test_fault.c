#include "test.h"

#include "base/text.h"
#include "node/fault.h"

static void a_fault_is_one_line(void **state)
{
	(void)state;
	struct fault fault;
	fault_set(&fault, "cannot open '%s': %s", "a", "first\nsecond\r\x1b[2J\x7f");
	assert_string_equal(fault.text, "cannot open 'a': first second  [2J ");
}

static void a_long_fault_is_cut_between_characters(void **state)
{
	(void)state;
	char text[2048] = "";
	struct fault fault;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'x', shift);
		text[shift] = 0;
		while (strlen(text) + 5 < sizeof text)
			memcpy(text + strlen(text), "\xf0\x9f\x98\x80", 5);
		fault_set(&fault, "%s", text);
		assert_true(utf8_is_valid(bytes_of_text(fault.text)));
		assert_true(strlen(fault.text) >= sizeof fault.text - 4);
	}
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	struct fault fault;
	fault_set(&fault, "cannot open '%s'", "\xff\xc3");
	assert_string_equal(fault.text, "cannot open '?\?'");
	fault_set(&fault, "cannot open '%s'", "\xc3\xbc");
	assert_string_equal(fault.text, "cannot open '\xc3\xbc'");
	fault_set(NULL, "nobody wants to know");
}

TESTS(TEST(a_fault_is_one_line), TEST(a_long_fault_is_cut_between_characters),
	TEST(bytes_that_are_no_text_are_replaced))
