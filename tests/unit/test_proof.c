#include "crypto/proof.h"

#include "test.h"

#define NOW INT64_C(1800000000)

static void a_proof_is_for_one_hub_purpose_node_and_challenge(void **state)
{
	(void)state;
	struct identity *identity, *other;
	assert_ok(identity_create(IDENTITY_KEY_P256, NOW, &identity));
	assert_ok(identity_create(IDENTITY_KEY_P256, NOW, &other));
	const struct certificate *c = identity_certificate(identity);
	const struct proof good = {.purpose = PROOF_PURPOSE_LOGIN,
		.hub = "https://hub.example",
		.node_id = identity_node_id(identity),
		.challenge = bytes_of_text("challenge")};
	uint8_t signature[IDENTITY_SIGNATURE_MAX];
	size_t size;
	assert_ok(proof_make(identity, &good, signature, &size));
	struct bytes s = bytes_of(signature, size);
	assert_ok(proof_verify(c, &good, s));

	struct proof p = good;
	p.purpose = PROOF_PURPOSE_REGISTER;
	assert_err(proof_verify(c, &p, s), ERR_UNTRUSTED);
	p = good;
	p.hub = "https://hub.example.org";
	assert_err(proof_verify(c, &p, s), ERR_UNTRUSTED);
	p = good;
	p.challenge = bytes_of_text("challengf");
	assert_err(proof_verify(c, &p, s), ERR_UNTRUSTED);
	p = good;
	p.node_id = identity_node_id(other);
	assert_err(proof_verify(c, &p, s), ERR_MISMATCH);
	assert_err(proof_verify(identity_certificate(other), &p, s), ERR_UNTRUSTED);
	assert_err(proof_make(identity, &p, signature, &size), ERR_MISMATCH);
	identity_destroy(identity);
	identity_destroy(other);
}

static void fields_of_any_length_are_taken_up_to_their_limits(void **state)
{
	(void)state;
	struct identity *identity;
	assert_ok(identity_create(IDENTITY_KEY_P256, NOW, &identity));
	char hub[PROOF_HUB_MAX + 2], challenge[PROOF_CHALLENGE_MAX + 1] = {0};
	memset(hub, 'h', sizeof hub);
	hub[PROOF_HUB_MAX] = '\0';
	struct proof p = {.purpose = PROOF_PURPOSE_LOGIN,
		.hub = hub,
		.node_id = identity_node_id(identity),
		.challenge = bytes_of(challenge, PROOF_CHALLENGE_MAX)};
	uint8_t signature[IDENTITY_SIGNATURE_MAX];
	size_t size;
	assert_ok(proof_make(identity, &p, signature, &size));
	assert_ok(proof_verify(identity_certificate(identity), &p, bytes_of(signature, size)));
	p.challenge.size++;
	assert_err(proof_make(identity, &p, signature, &size), ERR_TOO_LARGE);
	p.challenge.size--;
	hub[PROOF_HUB_MAX] = 'h';
	hub[PROOF_HUB_MAX + 1] = '\0';
	assert_err(proof_make(identity, &p, signature, &size), ERR_TOO_LARGE);
	assert_err(proof_verify(identity_certificate(identity), &p, bytes_of(signature, size)),
		ERR_TOO_LARGE);
	identity_destroy(identity);
}

TESTS(TEST(a_proof_is_for_one_hub_purpose_node_and_challenge),
	TEST(fields_of_any_length_are_taken_up_to_their_limits))
