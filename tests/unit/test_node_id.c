#include "crypto/node_id.h"

#include "certificates.h"
#include "test.h"

#define OTHER_PIN "0000000000000000000000000000000000000000000000000000000000000001"

static void ids_have_16_or_32_digits(void **state)
{
	(void)state;
	static const struct {
		const char *id;
		bool valid;
	} cases[] = {
		{"dpc-node-0123456789abcdef", true},
		{"dpc-node-0123456789abcdef0123456789abcdef", true},
		{"dpc-node-0123456789abcde", false},
		{"dpc-node-0123456789abcdef0", false},
		{"dpc-node-0123456789abcdef0123456789abcdef0", false},
		{"dpc-node-0123456789ABCDEF", false},
		{"dpc-node-0123456789abcdeg", false},
		{"dpc-node-0123456789abcde\n", false},
		{"0123456789abcdef", false},
		{"dpc-node-", false},
		{"", false},
		{NULL, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(node_id_is_valid(cases[i].id), cases[i].valid);
}

static void an_id_is_the_beginning_of_its_pin(void **state)
{
	(void)state;
	struct node_pin pin;
	assert_true(node_pin_parse(NODE_PIN, &pin));
	char id[NODE_ID_MAX];
	assert_string_equal(node_id_of_pin(&pin, id), NODE_ID);
	assert_true(node_id_matches_pin(NODE_ID, &pin));
	assert_true(node_id_matches_pin("dpc-node-756c79d26b827803205e4394aa07b56e", &pin));
	assert_false(node_id_matches_pin("dpc-node-756c79d26b827803205e4394aa07b56f", &pin));
	assert_false(node_id_matches_pin("dpc-node-756c79d26b827804", &pin));
	assert_false(node_id_matches_pin("dpc-node-", &pin));
	assert_false(node_id_matches_pin(NULL, &pin));
}

static void pins_are_hexadecimal(void **state)
{
	(void)state;
	struct node_pin pin, other;
	char text[NODE_PIN_TEXT_MAX];
	assert_true(node_pin_parse(NODE_PIN, &pin));
	assert_string_equal(node_pin_text(&pin, text), NODE_PIN);
	assert_true(node_pin_parse(OTHER_PIN, &other));
	assert_false(node_pin_equal(&pin, &other));
	assert_false(node_pin_parse("756c79d2", &other));
	assert_false(node_pin_parse(NODE_PIN "00", &other));
	assert_true(node_pin_parse(NODE_PIN, &other));
	assert_true(node_pin_equal(&pin, &other));
}

static void line_ends_of_a_public_key_do_not_matter(void **state)
{
	(void)state;
	/* openssl x509 -in node.crt -noout -pubkey */
	static const char lines[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPInASrjjr19DreYHHT3d/8h6wLTM\n"
		"el3q9boFc6+NtyCzyXSvAQhRa/mj336/KtZFYKQzXDUZaViYE5sH4UrsCA==\n"
		"-----END PUBLIC KEY-----\n";
	static const char crlf[] =
		"-----BEGIN PUBLIC KEY-----\r\n"
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPInASrjjr19DreYHHT3d/8h6wLTM\r\n"
		"el3q9boFc6+NtyCzyXSvAQhRa/mj336/KtZFYKQzXDUZaViYE5sH4UrsCA==\r\n"
		"-----END PUBLIC KEY-----";
	struct node_pin pin, expected;
	assert_true(node_pin_parse(NODE_PIN, &expected));
	assert_true(node_pin_of_public_key(bytes_of_text(lines), &pin));
	assert_true(node_pin_equal(&pin, &expected));
	assert_true(node_pin_of_public_key(bytes_of_text(crlf), &pin));
	assert_true(node_pin_equal(&pin, &expected));
	assert_false(node_pin_of_public_key(bytes_of_text("nonsense"), &pin));
	assert_false(node_pin_of_public_key(bytes_of_text(NODE_CRT), &pin));
	assert_false(node_pin_of_public_key((struct bytes){0}, &pin));
}

static void both_people_see_one_safety_number(void **state)
{
	(void)state;
	struct node_pin a, b, c;
	assert_true(node_pin_parse(NODE_PIN, &a));
	assert_true(node_pin_parse(OTHER_PIN, &b));
	c = b;
	c.digest[0] ^= 1;
	char ab[NODE_SAFETY_NUMBER_MAX], ba[NODE_SAFETY_NUMBER_MAX], ac[NODE_SAFETY_NUMBER_MAX];
	node_safety_number(&a, &b, ab);
	node_safety_number(&b, &a, ba);
	node_safety_number(&a, &c, ac);
	assert_string_equal(ab, ba);
	assert_string_not_equal(ab, ac);
	assert_int_equal(strlen(ab), 71);
	for (size_t i = 0; i < 71; i++)
		assert_true(i % 6 == 5 ? ab[i] == ' ' : ab[i] >= '0' && ab[i] <= '9');
	assert_string_equal(
		ab, "05551 37808 88341 35063 73318 35518 26413 96229 48877 80183 80690 17688");
}

static void blanks_in_a_safety_number_do_not_matter(void **state)
{
	(void)state;
	static const char number[] = "05551 37808 88341";
	static const struct {
		const char *typed;
		bool same;
	} cases[] = {
		{"05551 37808 88341", true},
		{"055513780888341", true},
		{" 0 5551\t37808\r\n88341 \n", true},
		{"", false},
		{"05551 37808 8834", false},
		{"05551 37808 88342", false},
		{"05551 37808 883410", false},
		{"05551-37808-88341", false},
		{"5551 37808 88341", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(node_safety_number_is(number, cases[i].typed), cases[i].same);
}

TESTS(TEST(ids_have_16_or_32_digits), TEST(an_id_is_the_beginning_of_its_pin),
	TEST(pins_are_hexadecimal), TEST(line_ends_of_a_public_key_do_not_matter),
	TEST(both_people_see_one_safety_number), TEST(blanks_in_a_safety_number_do_not_matter))
