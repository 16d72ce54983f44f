#include "base/percent.h"

#include "test.h"

static void everything_else_is_written_in_hexadecimal(void **state)
{
	(void)state;
	static const struct {
		const char *text, *encoded;
	} cases[] = {{"", ""}, {"AZaz09-._~", "AZaz09-._~"},
		{"a b&c=d/e?f#g%+", "a%20b%26c%3Dd%2Fe%3Ff%23g%25%2B"},
		{"\xc3\xa9\x01\x7f\xff", "%C3%A9%01%7F%FF"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[64] = "";
		struct writer w = writer_of(text, sizeof text - 1);
		percent_encode(&w, cases[i].text);
		assert_false(w.failed);
		assert_string_equal(text, cases[i].encoded);
	}
	uint8_t small[2];
	struct writer w = writer_of(small, sizeof small);
	percent_encode(&w, "/");
	assert_true(w.failed);
}

TESTS(TEST(everything_else_is_written_in_hexadecimal))
