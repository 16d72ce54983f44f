#include "base/text.h"

#include <stdlib.h>

#include "test.h"

static void numbers_are_strict(void **state)
{
	(void)state;
	uint32_t small;
	uint64_t large;
	assert_true(text_to_u32("4294967295", &small));
	assert_true(small == UINT32_MAX);
	assert_true(text_to_u64("18446744073709551615", &large));
	assert_true(large == UINT64_MAX);
	static const char *const bad[] = {
		"", " 1", "1 ", "+1", "-1", "0x1", "1a", "18446744073709551616"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(text_to_u64(bad[i], &large));
	assert_false(text_to_u32("4294967296", &small));
}

static void base64_round_trips_at_every_length(void **state)
{
	(void)state;
	uint8_t data[64], back[64];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 37 + 200);
	for (size_t size = 0; size <= sizeof data; size++) {
		char *plain = base64_encode(bytes_of(data, size));
		char *url = base64url_encode(bytes_of(data, size));
		size_t got;
		assert_true(base64_decode(bytes_of_text(plain), back, sizeof back, &got));
		assert_bytes_equal(bytes_of(back, got), bytes_of(data, size));
		assert_true(base64_decode(bytes_of_text(url), back, sizeof back, &got));
		assert_bytes_equal(bytes_of(back, got), bytes_of(data, size));
		free(plain);
		free(url);
	}
}

static void base64_refuses_what_it_would_not_write(void **state)
{
	(void)state;
	uint8_t out[8];
	size_t size;
	static const char *const bad[] = {"A", "AB!=", "AB=C", "QQ=", "QR==", "AAAAAAAAAAAAAAAA"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(base64_decode(bytes_of_text(bad[i]), out, sizeof out, &size));
	assert_true(base64_decode(bytes_of_text("QQ=="), out, sizeof out, &size));
	assert_int_equal(size, 1);
}

static void hex_round_trips(void **state)
{
	(void)state;
	static const uint8_t data[] = {0x00, 0x7f, 0x80, 0xff};
	char text[9];
	uint8_t back[4];
	hex_encode(bytes_of(data, sizeof data), text);
	assert_string_equal(text, "007f80ff");
	assert_true(hex_decode("007F80ff", back, sizeof back));
	assert_memory_equal(back, data, sizeof data);
	assert_false(hex_decode("007f80f", back, sizeof back));
	assert_false(hex_decode("007f80fg", back, sizeof back));
}

static void utf8_refuses_what_rfc_3629_forbids(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"", true},
		{"plain", true},
		{"gr\xc3\xbc\xc3\x9f", true},
		{"\xe2\x82\xac", true},
		{"\xf0\x9f\x98\x80", true},
		{"\xc0\xaf", false},         /* overlong */
		{"\xe0\x80\xaf", false},     /* overlong */
		{"\xed\xa0\x80", false},     /* surrogate */
		{"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
		{"\xe2\x82", false},         /* cut off */
		{"\x80", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(utf8_is_valid(bytes_of_text(cases[i].text)), cases[i].valid);
	assert_false(utf8_is_valid(bytes_of("a\0b", 3)));
}

static void copies_say_when_they_do_not_fit(void **state)
{
	(void)state;
	char to[4];
	assert_true(text_copy(to, sizeof to, "abc"));
	assert_string_equal(to, "abc");
	assert_false(text_copy(to, sizeof to, "abcd"));
	assert_string_equal(to, "");
}

TESTS(TEST(numbers_are_strict), TEST(base64_round_trips_at_every_length),
	TEST(base64_refuses_what_it_would_not_write), TEST(hex_round_trips),
	TEST(utf8_refuses_what_rfc_3629_forbids), TEST(copies_say_when_they_do_not_fit))
