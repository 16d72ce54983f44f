#include "crypto/assertion.h"

#include "certificates.h"
#include "test.h"

#define NOW CERTIFICATES_TIME
#define PRINT                                                                                      \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                         \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define PRINT_LOWER                                                                                \
	"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"                                         \
	"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
#define PRINT_OTHER                                                                                \
	"01:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                         \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define TARGET "dpc-node-fedcba9876543210"
#define STRANGER "dpc-node-0000000000000000"

/* The sender and its certificate live as long as the program. */
static struct identity *sender, *stranger;

static int make_identities(void **state)
{
	(void)state;
	return identity_create(IDENTITY_KEY_P256, NOW, &sender) ||
	       identity_create(IDENTITY_KEY_P256, NOW, &stranger);
}

static int destroy_identities(void **state)
{
	(void)state;
	identity_destroy(sender);
	identity_destroy(stranger);
	return 0;
}

static struct assertion answer(void)
{
	return (struct assertion){.type = ASSERTION_ANSWER,
		.session_id = "session",
		.sender = identity_node_id(sender),
		.target = TARGET,
		.fingerprint = PRINT,
		.expiry = NOW + ASSERTION_LIFETIME_S,
		.sdp_hash = {1, 2, 3}};
}

static struct assertion offer(void)
{
	struct assertion a = answer();
	a.type = ASSERTION_OFFER;
	memset(a.sdp_hash, 0, sizeof a.sdp_hash);
	return a;
}

struct signature {
	uint8_t data[IDENTITY_SIGNATURE_MAX];
	size_t size;
};

static struct signature sign(const struct assertion *a)
{
	struct signature s;
	assert_ok(assertion_sign(sender, a, s.data, &s.size));
	return s;
}

static void assert_verifies(const struct assertion *claimed, const struct assertion *expected,
	const struct signature *s, int64_t now, enum err err, const char *expected_reason)
{
	const char *reason = "unset";
	struct bytes signature = bytes_of(s->data, s->size);
	const struct certificate *c = identity_certificate(sender);
	assert_err(assertion_verify(claimed, expected, c, signature, now, &reason), err);
	assert_string_equal(reason, expected_reason);
	assert_err(assertion_verify(claimed, expected, c, signature, now, NULL), err);
}

static void offers_and_answers_verify(void **state)
{
	(void)state;
	struct assertion o = offer(), a = answer();
	struct signature so = sign(&o), sa = sign(&a);
	assert_verifies(&o, &o, &so, NOW, ERR_OK, "");
	assert_verifies(&a, &a, &sa, NOW, ERR_OK, "");
	struct assertion expected = a;
	expected.sender = NULL;
	expected.fingerprint = PRINT_LOWER;
	assert_verifies(&a, &expected, &sa, NOW, ERR_OK, "");
}

/* It is the description as a whole that its sender stands for. */
static void restarts_verify_with_their_own_description_alone(void **state)
{
	(void)state;
	static const enum assertion_type types[] = {ASSERTION_RESTART, ASSERTION_RESTART_ANSWER};
	for (size_t i = 0; i < 2; i++) {
		struct assertion a = answer();
		a.type = types[i];
		struct signature s = sign(&a);
		assert_verifies(&a, &a, &s, NOW, ERR_OK, "");
		struct assertion other = a;
		other.sdp_hash[0] ^= 1;
		assert_verifies(&other, &other, &s, NOW, ERR_UNTRUSTED,
			"assertion is not signed by its sender");
		assert_verifies(
			&a, &other, &s, NOW, ERR_MISMATCH, "assertion is for another description");
		other = a;
		other.type = types[1 - i];
		assert_verifies(&other, &other, &s, NOW, ERR_UNTRUSTED,
			"assertion is not signed by its sender");
		/* A first offer, which a hub may have kept, restarts nothing. */
		other.type = ASSERTION_OFFER;
		assert_verifies(
			&other, &a, &s, NOW, ERR_MISMATCH, "assertion is of the wrong type");
	}
}

/* A field that the hub changed in the message alone: what was expected shows it. */
static void a_claim_that_is_not_what_was_expected(void **state)
{
	(void)state;
	const struct assertion good = answer();
	struct assertion expected = good;
	struct signature s = sign(&good);
	expected.type = ASSERTION_OFFER;
	assert_verifies(&good, &expected, &s, NOW, ERR_MISMATCH, "assertion is of the wrong type");
	expected = good;
	expected.session_id = "sessioN";
	assert_verifies(
		&good, &expected, &s, NOW, ERR_MISMATCH, "assertion is for another session");
	expected = good;
	expected.sender = STRANGER;
	assert_verifies(&good, &expected, &s, NOW, ERR_MISMATCH, "assertion is another node's");
	expected = good;
	expected.target = STRANGER;
	assert_verifies(&good, &expected, &s, NOW, ERR_MISMATCH, "assertion is for another node");
	expected = good;
	expected.fingerprint = PRINT_OTHER;
	assert_verifies(&good, &expected, &s, NOW, ERR_MISMATCH,
		"assertion has not the fingerprint of the description");
	expected.fingerprint = "";
	assert_verifies(&good, &expected, &s, NOW, ERR_MISMATCH,
		"assertion has not the fingerprint of the description");
	expected = good;
	expected.sdp_hash[31] ^= 1;
	assert_verifies(&good, &expected, &s, NOW, ERR_MISMATCH, "assertion answers another offer");
}

/* A field changed both in the claim and in what is expected: the signature shows it. */
static void a_signature_covers_every_field(void **state)
{
	(void)state;
	const struct assertion good = answer();
	struct signature s = sign(&good);
	static const char unsigned_text[] = "assertion is not signed by its sender";
	struct assertion a = good;
	a.type = ASSERTION_OFFER;
	assert_verifies(&a, &a, &s, NOW, ERR_UNTRUSTED, unsigned_text);
	a = good;
	a.session_id = "sessioN";
	assert_verifies(&a, &a, &s, NOW, ERR_UNTRUSTED, unsigned_text);
	a = good;
	a.target = STRANGER;
	assert_verifies(&a, &a, &s, NOW, ERR_UNTRUSTED, unsigned_text);
	a = good;
	a.fingerprint = PRINT_OTHER;
	assert_verifies(&a, &a, &s, NOW, ERR_UNTRUSTED, unsigned_text);
	a = good;
	a.expiry++;
	assert_verifies(&a, &a, &s, NOW, ERR_UNTRUSTED, unsigned_text);
	a = good;
	a.sdp_hash[0] ^= 1;
	assert_verifies(&a, &a, &s, NOW, ERR_UNTRUSTED, unsigned_text);
	a = good;
	a.sender = STRANGER;
	assert_verifies(&a, &a, &s, NOW, ERR_MISMATCH, "certificate is another node's");
	s.data[s.size - 1] ^= 1;
	assert_verifies(&good, &good, &s, NOW, ERR_UNTRUSTED, unsigned_text);
}

static void another_nodes_certificate_does_not_help(void **state)
{
	(void)state;
	const struct assertion good = answer();
	struct signature s = sign(&good);
	const char *reason;
	assert_err(assertion_verify(&good, &good, identity_certificate(stranger),
			   bytes_of(s.data, s.size), NOW, &reason),
		ERR_MISMATCH);
	assert_string_equal(reason, "certificate is another node's");
	struct assertion a = good;
	a.sender = identity_node_id(stranger);
	assert_err(assertion_verify(&a, &a, identity_certificate(stranger),
			   bytes_of(s.data, s.size), NOW, &reason),
		ERR_UNTRUSTED);
	assert_string_equal(reason, "assertion is not signed by its sender");
	assert_err(assertion_sign(sender, &a, s.data, &s.size), ERR_MISMATCH);
}

static void time_limits(void **state)
{
	(void)state;
	struct assertion a = answer();
	struct signature s = sign(&a);
	assert_verifies(&a, &a, &s, a.expiry, ERR_OK, "");
	assert_verifies(&a, &a, &s, a.expiry + 1, ERR_EXPIRED, "assertion has expired");
	assert_verifies(&a, &a, &s, a.expiry - ASSERTION_LIFETIME_MAX_S, ERR_OK, "");
	assert_verifies(&a, &a, &s, a.expiry - ASSERTION_LIFETIME_MAX_S - 1, ERR_EXPIRED,
		"assertion lasts too long");
	a.expiry = INT64_MAX;
	s = sign(&a);
	assert_verifies(&a, &a, &s, NOW, ERR_EXPIRED, "assertion lasts too long");
	/* The certificate counts from a day before NOW. */
	a.expiry = NOW - 100000;
	s = sign(&a);
	assert_verifies(&a, &a, &s, a.expiry, ERR_EXPIRED, "certificate is not valid yet");
}

static void malformed_fields_are_refused_on_both_sides(void **state)
{
	(void)state;
	const struct assertion good = answer();
	struct signature s = sign(&good);
	char session_id[ASSERTION_SESSION_ID_MAX + 2];
	memset(session_id, 's', sizeof session_id);
	session_id[ASSERTION_SESSION_ID_MAX + 1] = '\0';
	struct assertion cases[] = {good, good, good, good, good, good, good};
	cases[0].session_id = session_id;
	cases[1].session_id = "";
	cases[2].sender = "alice";
	cases[3].target = "";
	cases[4].fingerprint = PRINT "0";
	cases[5].fingerprint = "00";
	cases[6].expiry = -1;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_verifies(&cases[i], &cases[i], &s, NOW, ERR_MALFORMED,
			"assertion has a malformed field");
		uint8_t signature[IDENTITY_SIGNATURE_MAX];
		size_t size;
		assert_err(assertion_sign(sender, &cases[i], signature, &size), ERR_MALFORMED);
	}
	session_id[ASSERTION_SESSION_ID_MAX] = '\0';
	assert_ok(assertion_sign(sender, &cases[0], s.data, &s.size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(offers_and_answers_verify),
		TEST(restarts_verify_with_their_own_description_alone),
		TEST(a_claim_that_is_not_what_was_expected), TEST(a_signature_covers_every_field),
		TEST(another_nodes_certificate_does_not_help), TEST(time_limits),
		TEST(malformed_fields_are_refused_on_both_sides)};
	return cmocka_run_group_tests(tests, make_identities, destroy_identities);
}
