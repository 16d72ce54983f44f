/* Each check of login by key and of registration, failing alone. */
#include "test.h"

#include <stdlib.h>

#include "base/text.h"
#include "certificates.h"
#include "crypto/identity.h"
#include "hub/limits.h"
#include "hub/possession.h"
#include "message/json.h"

#define NOW CERTIFICATES_TIME
#define HUB "https://hub.example"

struct world {
	struct rng rng;
	struct challenges challenges;
	struct identity *identity;
};

static void start(struct world *w)
{
	w->rng = rng_seeded(1);
	w->challenges = (struct challenges){.rng = &w->rng};
	rng_fill(&w->rng, w->challenges.key, sizeof w->challenges.key);
	assert_ok(identity_create(IDENTITY_KEY_P256, NOW, &w->identity));
}

static void stop(struct world *w)
{
	identity_destroy(w->identity);
}

/* A registration that is right, but for what the caller changes in the JSON. */
static json_t *registration(struct world *w, const char *purpose, const char *hub)
{
	const char *node_id = identity_node_id(w->identity);
	const struct certificate *certificate = identity_certificate(w->identity);
	char challenge[CHALLENGE_TEXT_MAX];
	uint8_t signature[IDENTITY_SIGNATURE_MAX];
	size_t size;
	assert_ok(challenge_issue(&w->challenges, purpose, node_id, NOW, challenge));
	struct proof proof = {.purpose = purpose,
		.hub = hub,
		.node_id = node_id,
		.challenge = bytes_of_text(challenge)};
	assert_ok(proof_make(w->identity, &proof, signature, &size));
	char *text = base64_encode(bytes_of(signature, size));
	json_t *body = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "node_id", node_id, "public_key",
		certificate_public_key_pem(certificate), "certificate",
		certificate_pem(certificate), "proof", "challenge", challenge, "signature", text);
	free(text);
	return body;
}

/* Takes the body. The code of the refusal, or "ok". */
static const char *check(struct world *w, json_t *body, int64_t now)
{
	static const char *const origins[] = {"http://127.0.0.1:8080", HUB};
	struct possession possession;
	struct certificate *certificate;
	char *text = json_take_text(body);
	enum err err = possession_parse_registration(bytes_of_text(text), &possession);
	free(text);
	if (err != ERR_OK)
		return err_name(err);
	const struct refusal *refusal = possession_check(
		&possession, PROOF_PURPOSE_REGISTER, &w->challenges, origins, 2, now, &certificate);
	if (!refusal)
		certificate_destroy(certificate);
	possession_deinit(&possession);
	return refusal ? refusal->code : "ok";
}

static const char *check_with(struct world *w, const char *field, const char *value)
{
	json_t *body = registration(w, PROOF_PURPOSE_REGISTER, HUB);
	json_object_set_new(body, field, json_string(value));
	return check(w, body, NOW);
}

static void what_is_right_passes(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	assert_string_equal(check(&w, registration(&w, PROOF_PURPOSE_REGISTER, HUB), NOW), "ok");
	assert_string_equal(
		check(&w, registration(&w, PROOF_PURPOSE_REGISTER, "http://127.0.0.1:8080"), NOW),
		"ok");
	stop(&w);
}

static void each_part_that_is_wrong_has_its_refusal(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	assert_string_equal(check_with(&w, "node_id", "bob"), "bad_node_id");
	assert_string_equal(
		check_with(&w, "node_id", "dpc-node-0123456789abcdef"), "node_id_mismatch");
	assert_string_equal(check_with(&w, "certificate", "x"), "bad_certificate");
	assert_string_equal(check_with(&w, "certificate", NODE_CRT), "node_id_mismatch");
	assert_string_equal(check_with(&w, "certificate", P384_CRT), "unsupported_key");
	assert_string_equal(check_with(&w, "certificate", RSA1024_CRT), "unsupported_key");
	assert_string_equal(check_with(&w, "public_key", "x"), "bad_public_key");
	assert_string_equal(
		check(&w, registration(&w, PROOF_PURPOSE_LOGIN, HUB), NOW), "bad_challenge");
	assert_string_equal(
		check(&w, registration(&w, PROOF_PURPOSE_REGISTER, "https://evil.example"), NOW),
		"bad_proof");
	assert_string_equal(check(&w, registration(&w, PROOF_PURPOSE_REGISTER, HUB),
				    NOW + CHALLENGE_LIFETIME_S),
		"expired_challenge");
	assert_string_equal(check(&w, registration(&w, PROOF_PURPOSE_REGISTER, HUB),
				    NOW + IDENTITY_VALIDITY_S + 86400),
		"expired_certificate");
	stop(&w);
}

static void certificates_that_are_not_the_nodes_own_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *certificate, *code;
	} cases[] = {{OTHER_NAME_CRT, "node_id_mismatch"}, {TWO_NAMES_CRT, "node_id_mismatch"},
		{FOREIGN_CRT, "bad_certificate_signature"}};
	struct world w;
	start(&w);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *body = registration(&w, PROOF_PURPOSE_REGISTER, HUB);
		json_object_set_new(body, "node_id", json_string(NODE_ID));
		json_object_set_new(body, "certificate", json_string(cases[i].certificate));
		assert_string_equal(check(&w, body, NOW), cases[i].code);
	}
	stop(&w);
}

static void another_key_proves_nothing(void **state)
{
	(void)state;
	struct world w, other;
	start(&w);
	start(&other);
	json_t *body = registration(&w, PROOF_PURPOSE_REGISTER, HUB);
	json_t *foreign = registration(&other, PROOF_PURPOSE_REGISTER, HUB);
	json_object_set(body, "public_key", json_object_get(foreign, "public_key"));
	assert_string_equal(check(&w, body, NOW), "bad_public_key");
	body = registration(&w, PROOF_PURPOSE_REGISTER, HUB);
	json_object_set(json_object_get(body, "proof"), "signature",
		json_object_get(json_object_get(foreign, "proof"), "signature"));
	assert_string_equal(check(&w, body, NOW), "bad_proof");
	json_decref(foreign);
	stop(&w);
	stop(&other);
}

static void a_body_without_a_field_is_malformed(void **state)
{
	(void)state;
	static const char *const fields[] = {"node_id", "public_key", "certificate", "proof"};
	struct world w;
	start(&w);
	for (size_t i = 0; i < 4; i++) {
		json_t *body = registration(&w, PROOF_PURPOSE_REGISTER, HUB);
		json_object_del(body, fields[i]);
		assert_string_equal(check(&w, body, NOW), "malformed");
	}
	json_t *body = registration(&w, PROOF_PURPOSE_REGISTER, HUB);
	json_object_del(json_object_get(body, "proof"), "signature");
	assert_string_equal(check(&w, body, NOW), "malformed");
	struct possession possession;
	assert_err(possession_parse_login(bytes_of_text("{\"node_id\":\"x\"}"), &possession),
		ERR_MALFORMED);
	stop(&w);
}

TESTS(TEST(what_is_right_passes), TEST(each_part_that_is_wrong_has_its_refusal),
	TEST(certificates_that_are_not_the_nodes_own_are_refused), TEST(another_key_proves_nothing),
	TEST(a_body_without_a_field_is_malformed))
