#include "crypto/certificate.h"
#include "crypto/identity.h"

#include "certificates.h"
#include "test.h"

static struct certificate *parse(const char *pem)
{
	struct certificate *c;
	assert_ok(certificate_parse(bytes_of_text(pem), &c));
	return c;
}

static void says_what_is_in_a_certificate(void **state)
{
	(void)state;
	struct certificate *c = parse(NODE_CRT);
	const struct certificate_info *info = certificate_info(c);
	char text[NODE_PIN_TEXT_MAX];
	assert_string_equal(node_pin_text(&info->pin, text), NODE_PIN);
	assert_string_equal(info->node_id, NODE_ID);
	assert_string_equal(info->common_name, NODE_ID);
	assert_int_equal(info->key, CERTIFICATE_KEY_P256);
	assert_int_equal(info->key_bits, 256);
	assert_true(info->not_before < CERTIFICATES_TIME);
	assert_int_equal(info->not_after - info->not_before, INT64_C(36500) * 86400);
	assert_string_equal(certificate_pem(c), NODE_CRT);
	struct node_pin pin;
	assert_true(node_pin_of_public_key(bytes_of_text(certificate_public_key_pem(c)), &pin));
	assert_true(node_pin_equal(&pin, &info->pin));
	certificate_destroy(c);
}

static void der_and_pem_and_x509_are_the_same_certificate(void **state)
{
	(void)state;
	struct certificate *a = parse("\n " NODE_CRT "\n\r\n"), *b, *c;
	assert_ok(certificate_parse(certificate_der(a), &b));
	assert_ok(certificate_of_x509(certificate_x509(a), &c));
	assert_bytes_equal(certificate_der(a), certificate_der(b));
	assert_string_equal(certificate_pem(a), certificate_pem(c));
	certificate_destroy(a);
	certificate_destroy(b);
	certificate_destroy(c);
}

static void refuses_what_is_no_certificate(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "x", "0", "\x30\x03\x02\x01\x01", NODE_KEY,
		"junk\n" NODE_CRT, NODE_CRT "junk", NODE_CRT NODE_CRT,
		"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMIIBnjCCAUWgAwIBAgIUQ\n-----END CERTIFICATE-----\n"};
	struct certificate *c = NULL;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_err(certificate_parse(bytes_of_text(cases[i]), &c), ERR_MALFORMED);
	struct certificate *good = parse(NODE_CRT);
	uint8_t der[CERTIFICATE_SIZE_MAX + 1] = {0};
	struct bytes b = certificate_der(good);
	memcpy(der, b.data, b.size);
	assert_err(certificate_parse(bytes_of(der, b.size - 1), &c), ERR_MALFORMED);
	assert_err(certificate_parse(bytes_of(der, b.size + 1), &c), ERR_MALFORMED);
	assert_err(certificate_parse(bytes_of(der, sizeof der), &c), ERR_TOO_LARGE);
	assert_null(c);
	certificate_destroy(good);
}

static void checks_every_part(void **state)
{
	(void)state;
	static const struct {
		const char *pem;
		int64_t time;
		const char *node_id;
		enum err err;
		const char *reason;
	} cases[] = {
		{NODE_CRT, CERTIFICATES_TIME, NODE_ID, ERR_OK, ""},
		{NODE_CRT, CERTIFICATES_TIME, NULL, ERR_OK, ""},
		{NODE_LONG_CRT, CERTIFICATES_TIME, "dpc-node-756c79d26b827803205e4394aa07b56e",
			ERR_OK, ""},
		{RSA_CRT, CERTIFICATES_TIME, RSA_ID, ERR_OK, ""},
		{NODE_CRT, 1700000000, NODE_ID, ERR_EXPIRED, "certificate is not valid yet"},
		{NODE_CRT, 5000000000, NODE_ID, ERR_EXPIRED, "certificate has expired"},
		{NODE_CRT, CERTIFICATES_TIME, RSA_ID, ERR_MISMATCH,
			"certificate is another node's"},
		{OTHER_NAME_CRT, CERTIFICATES_TIME, NULL, ERR_MISMATCH,
			"certificate name is not the node id of its key"},
		{TWO_NAMES_CRT, CERTIFICATES_TIME, NULL, ERR_MISMATCH,
			"certificate name is not the node id of its key"},
		{FOREIGN_CRT, CERTIFICATES_TIME, NODE_ID, ERR_UNTRUSTED,
			"certificate is not signed by its own key"},
		{VERSION1_CRT, CERTIFICATES_TIME, NODE_ID, ERR_MALFORMED,
			"certificate is not X.509 version 3"},
		{RSA1024_CRT, CERTIFICATES_TIME, NULL, ERR_UNSUPPORTED,
			"certificate key has not 2048 to 4096 bits"},
		{P384_CRT, CERTIFICATES_TIME, NULL, ERR_UNSUPPORTED,
			"certificate key is neither P-256 nor RSA"},
		{ED25519_CRT, CERTIFICATES_TIME, NULL, ERR_UNSUPPORTED,
			"certificate key is neither P-256 nor RSA"},
		{COMPRESSED_CRT, CERTIFICATES_TIME, NULL, ERR_UNSUPPORTED,
			"certificate key is neither P-256 nor RSA"},
		{EXPLICIT_CRT, CERTIFICATES_TIME, NULL, ERR_UNSUPPORTED,
			"certificate key is neither P-256 nor RSA"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct certificate *c = parse(cases[i].pem);
		const char *reason = "unset";
		assert_err(certificate_check(c, cases[i].time, cases[i].node_id, &reason),
			cases[i].err);
		assert_string_equal(reason, cases[i].reason);
		assert_err(
			certificate_check(c, cases[i].time, cases[i].node_id, NULL), cases[i].err);
		certificate_destroy(c);
	}
}

static void every_changed_byte_is_noticed(void **state)
{
	(void)state;
	struct certificate *good = parse(NODE_CRT);
	struct bytes der = certificate_der(good);
	uint8_t changed[1024];
	for (size_t i = 0; i < der.size; i++) {
		memcpy(changed, der.data, der.size);
		changed[i] ^= 0x01;
		struct certificate *c;
		if (certificate_parse(bytes_of(changed, der.size), &c) != ERR_OK)
			continue;
		assert_int_not_equal(
			certificate_check(c, CERTIFICATES_TIME, NODE_ID, NULL), ERR_OK);
		certificate_destroy(c);
	}
	certificate_destroy(good);
}

TESTS(TEST(says_what_is_in_a_certificate), TEST(der_and_pem_and_x509_are_the_same_certificate),
	TEST(refuses_what_is_no_certificate), TEST(checks_every_part),
	TEST(every_changed_byte_is_noticed))
