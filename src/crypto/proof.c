#include "crypto/proof.h"

#include <string.h>

#define CONTEXT "dpc-proof-v1"
#define PURPOSE_MAX 32
#define SIGNED_MAX (8 + PURPOSE_MAX + PROOF_HUB_MAX + NODE_ID_MAX + PROOF_CHALLENGE_MAX)

static void write_field(struct writer *w, struct bytes field, size_t max)
{
	if (field.size > max)
		w->failed = true;
	write_u16(w, (uint16_t)field.size);
	write_bytes(w, field);
}

static struct bytes serialise(const struct proof *proof, struct writer *w)
{
	write_field(w, bytes_of_text(proof->purpose), PURPOSE_MAX);
	write_field(w, bytes_of_text(proof->hub), PROOF_HUB_MAX);
	write_field(w, bytes_of_text(proof->node_id), NODE_ID_MAX);
	write_field(w, proof->challenge, PROOF_CHALLENGE_MAX);
	return writer_bytes(w);
}

enum err proof_make(const struct identity *identity, const struct proof *proof, uint8_t *signature,
	size_t *ret_size)
{
	uint8_t data[SIGNED_MAX];
	struct writer w = writer_of(data, sizeof data);
	struct bytes message = serialise(proof, &w);
	if (w.failed)
		return ERR_TOO_LARGE;
	if (strcmp(proof->node_id, identity_node_id(identity)) != 0)
		return ERR_MISMATCH;
	return identity_sign(identity, CONTEXT, message, signature, ret_size);
}

enum err proof_verify(
	const struct certificate *certificate, const struct proof *proof, struct bytes signature)
{
	uint8_t data[SIGNED_MAX];
	struct writer w = writer_of(data, sizeof data);
	struct bytes message = serialise(proof, &w);
	if (w.failed)
		return ERR_TOO_LARGE;
	if (!node_id_matches_pin(proof->node_id, &certificate_info(certificate)->pin))
		return ERR_MISMATCH;
	return certificate_verify(certificate, CONTEXT, message, signature);
}
