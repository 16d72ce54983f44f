#include "hub/possession.h"

#include "base/text.h"
#include "hub/limits.h"
#include "message/json.h"

/* ---- Parsing ---- */

static enum err parse_key(const json_t *body, struct possession *possession)
{
	enum err err = json_get_text(body, "node_id", NODE_ID_MAX - 1, &possession->node_id);
	if (err == ERR_OK)
		err = json_get_text(
			body, "certificate", CERTIFICATE_SIZE_MAX, &possession->certificate);
	return err;
}

static enum err parse_answer(const json_t *proof, struct possession *possession)
{
	enum err err =
		json_get_text(proof, "challenge", PROOF_CHALLENGE_MAX, &possession->challenge);
	if (err == ERR_OK)
		err = json_get_text(proof, "signature", SIGNATURE_TEXT_MAX, &possession->signature);
	return err;
}

enum err possession_parse_login(struct bytes text, struct possession *ret_possession)
{
	struct possession possession = {0};
	enum err err = json_parse_object(text, HUB_BODY_MAX, &possession.body);
	if (err == ERR_OK)
		err = parse_key(possession.body, &possession);
	if (err == ERR_OK)
		err = parse_answer(possession.body, &possession);
	if (err != ERR_OK) {
		possession_deinit(&possession);
		return err;
	}
	*ret_possession = possession;
	return ERR_OK;
}

enum err possession_parse_registration(struct bytes text, struct possession *ret_possession)
{
	struct possession possession = {0};
	json_t *proof;
	enum err err = json_parse_object(text, HUB_BODY_MAX, &possession.body);
	if (err == ERR_OK)
		err = parse_key(possession.body, &possession);
	if (err == ERR_OK)
		err = json_get_text(
			possession.body, "public_key", PUBLIC_KEY_MAX, &possession.public_key);
	if (err == ERR_OK)
		err = json_get_object(possession.body, "proof", &proof);
	if (err == ERR_OK)
		err = parse_answer(proof, &possession);
	if (err != ERR_OK) {
		possession_deinit(&possession);
		return err;
	}
	*ret_possession = possession;
	return ERR_OK;
}

void possession_deinit(struct possession *possession)
{
	json_decref(possession->body);
	*possession = (struct possession){0};
}

/* ---- Checking ---- */

static const struct refusal bad_node_id = {
	422, "bad_node_id", "node_id is not 'dpc-node-' and 16 or 32 hexadecimal digits"};
static const struct refusal bad_certificate = {
	422, "bad_certificate", "the certificate cannot be read; send the node's node.crt in PEM"};
static const struct refusal bad_public_key = {
	422, "bad_public_key", "the public key cannot be read, or is not the certificate's"};
static const struct refusal bad_key = {
	422, "unsupported_key", "the key is neither P-256 nor RSA of 2048 to 4096 bits"};
static const struct refusal bad_dates = {422, "expired_certificate",
	"the certificate is out of date, or not valid yet; renew it, and check the clock"};
static const struct refusal bad_name = {422, "node_id_mismatch",
	"node_id, the certificate's common name and the id derived from its key differ"};
static const struct refusal bad_self_signature = {
	422, "bad_certificate_signature", "the certificate is not signed by its own key"};
static const struct refusal bad_challenge = {
	403, "bad_challenge", "this challenge was not made for this; ask for one and answer it"};
static const struct refusal old_challenge = {
	403, "expired_challenge", "the challenge has expired; ask for another"};
static const struct refusal bad_proof = {403, "bad_proof",
	"the signature is not one by this node's key over this challenge for this hub's address"};
static const struct refusal no_memory = {500, "internal", "out of memory"};

static const struct refusal *refusal_of_certificate(enum err err)
{
	switch ((int)err) {
	case ERR_OK:
		return NULL;
	case ERR_UNSUPPORTED:
		return &bad_key;
	case ERR_EXPIRED:
		return &bad_dates;
	case ERR_MISMATCH:
		return &bad_name;
	case ERR_UNTRUSTED:
		return &bad_self_signature;
	case ERR_NOMEM:
		return &no_memory;
	default:
		return &bad_certificate;
	}
}

static const struct refusal *refusal_of_challenge(enum err err)
{
	switch ((int)err) {
	case ERR_OK:
		return NULL;
	case ERR_EXPIRED:
		return &old_challenge;
	default:
		return &bad_challenge;
	}
}

/* The signature is for whichever of our names the node knows us by. */
static bool is_proven(const struct possession *possession, const char *purpose,
	const struct certificate *certificate, const char *const *origins, size_t origin_count)
{
	uint8_t signature[IDENTITY_SIGNATURE_MAX];
	size_t size;
	if (!base64_decode(
		    bytes_of_text(possession->signature), signature, sizeof signature, &size))
		return false;
	for (size_t i = 0; i < origin_count; i++) {
		struct proof proof = {.purpose = purpose,
			.hub = origins[i],
			.node_id = possession->node_id,
			.challenge = bytes_of_text(possession->challenge)};
		if (proof_verify(certificate, &proof, bytes_of(signature, size)) == ERR_OK)
			return true;
	}
	return false;
}

static const struct refusal *check(const struct possession *possession, const char *purpose,
	const struct challenges *challenges, const char *const *origins, size_t origin_count,
	int64_t now, const struct certificate *certificate)
{
	const struct refusal *refusal = refusal_of_certificate(
		certificate_check(certificate, now, possession->node_id, NULL));
	if (refusal)
		return refusal;
	struct node_pin pin;
	if (possession->public_key &&
		(!node_pin_of_public_key(bytes_of_text(possession->public_key), &pin) ||
			!node_pin_equal(&pin, &certificate_info(certificate)->pin)))
		return &bad_public_key;
	refusal = refusal_of_challenge(challenge_check(
		challenges, purpose, possession->node_id, possession->challenge, now));
	if (refusal)
		return refusal;
	return is_proven(possession, purpose, certificate, origins, origin_count) ? NULL
										  : &bad_proof;
}

const struct refusal *possession_check(const struct possession *possession, const char *purpose,
	const struct challenges *challenges, const char *const *origins, size_t origin_count,
	int64_t now, struct certificate **ret_certificate)
{
	struct certificate *certificate;
	if (!node_id_is_valid(possession->node_id))
		return &bad_node_id;
	enum err err = certificate_parse(bytes_of_text(possession->certificate), &certificate);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? &no_memory : &bad_certificate;
	const struct refusal *refusal =
		check(possession, purpose, challenges, origins, origin_count, now, certificate);
	if (refusal)
		certificate_destroy(certificate);
	else
		*ret_certificate = certificate;
	return refusal;
}
