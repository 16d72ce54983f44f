#include "crypto/assertion.h"

#include <ctype.h>
#include <string.h>

#define CONTEXT "dpc-assertion-v1"

/* 32 pairs of digits with colons between them. */
#define FINGERPRINT_SIZE (3 * SHA256_SIZE - 1)
#define TYPE_MAX 14
#define SIGNED_MAX                                                                                 \
	(14 + TYPE_MAX + ASSERTION_SESSION_ID_MAX + 2 * NODE_ID_MAX + FINGERPRINT_SIZE +           \
		sizeof(uint64_t) + SHA256_SIZE)

static const char *type_text(enum assertion_type type)
{
	switch (type) {
	case ASSERTION_OFFER:
		return "offer";
	case ASSERTION_ANSWER:
		return "answer";
	case ASSERTION_RESTART:
		return "restart";
	case ASSERTION_RESTART_ANSWER:
		return "restart-answer";
	}
	UNREACHABLE();
}

/* Upper case, since SDP allows either (RFC 8122 section 5); false if it is no SHA-256. */
static bool canonical_fingerprint(const char *text, char ret_text[FINGERPRINT_SIZE + 1])
{
	char canonical[FINGERPRINT_SIZE + 1];
	if (strlen(text) != FINGERPRINT_SIZE)
		return false;
	for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
		unsigned char c = (unsigned char)text[i];
		if (i % 3 == 2 ? c != ':' : !isxdigit(c))
			return false;
		canonical[i] = (char)toupper(c);
	}
	canonical[FINGERPRINT_SIZE] = '\0';
	memcpy(ret_text, canonical, sizeof canonical);
	return true;
}

static void write_field(struct writer *w, struct bytes field)
{
	write_u16(w, (uint16_t)field.size);
	write_bytes(w, field);
}

/* False if a field cannot be right: then there is nothing that could have been signed. */
static bool serialise(const struct assertion *a, struct writer *w)
{
	char fingerprint[FINGERPRINT_SIZE + 1];
	size_t session_size = strlen(a->session_id);
	if (session_size == 0 || session_size > ASSERTION_SESSION_ID_MAX || a->expiry < 0 ||
		!node_id_is_valid(a->sender) || !node_id_is_valid(a->target) ||
		!canonical_fingerprint(a->fingerprint, fingerprint))
		return false;
	write_field(w, bytes_of_text(type_text(a->type)));
	write_field(w, bytes_of_text(a->session_id));
	write_field(w, bytes_of_text(a->sender));
	write_field(w, bytes_of_text(a->target));
	write_field(w, bytes_of_text(fingerprint));
	write_u16(w, sizeof(uint64_t));
	write_u64(w, (uint64_t)a->expiry);
	write_field(w, a->type == ASSERTION_OFFER ? (struct bytes){0}
						  : bytes_of(a->sdp_hash, sizeof a->sdp_hash));
	CHECK(!w->failed);
	return true;
}

enum err assertion_sign(const struct identity *identity, const struct assertion *assertion,
	uint8_t *signature, size_t *ret_size)
{
	uint8_t data[SIGNED_MAX];
	struct writer w = writer_of(data, sizeof data);
	if (!serialise(assertion, &w))
		return ERR_MALFORMED;
	if (strcmp(assertion->sender, identity_node_id(identity)) != 0)
		return ERR_MISMATCH;
	return identity_sign(identity, CONTEXT, writer_bytes(&w), signature, ret_size);
}

static bool fingerprints_equal(const char *a, const char *b)
{
	char canonical_a[FINGERPRINT_SIZE + 1], canonical_b[FINGERPRINT_SIZE + 1];
	return canonical_fingerprint(a, canonical_a) && canonical_fingerprint(b, canonical_b) &&
	       strcmp(canonical_a, canonical_b) == 0;
}

/* The claim against what we know: all of it without a look at the signature. */
static enum err compare(const struct assertion *claimed, const struct assertion *expected,
	int64_t unix_time, const char **reason)
{
	*reason = "assertion is of the wrong type";
	if (claimed->type != expected->type)
		return ERR_MISMATCH;
	*reason = "assertion is for another session";
	if (strcmp(claimed->session_id, expected->session_id) != 0)
		return ERR_MISMATCH;
	*reason = "assertion is another node's";
	if (expected->sender && strcmp(claimed->sender, expected->sender) != 0)
		return ERR_MISMATCH;
	*reason = "assertion is for another node";
	if (strcmp(claimed->target, expected->target) != 0)
		return ERR_MISMATCH;
	*reason = "assertion has not the fingerprint of the description";
	if (!fingerprints_equal(claimed->fingerprint, expected->fingerprint))
		return ERR_MISMATCH;
	*reason = claimed->type == ASSERTION_ANSWER ? "assertion answers another offer"
						    : "assertion is for another description";
	if (claimed->type != ASSERTION_OFFER &&
		memcmp(claimed->sdp_hash, expected->sdp_hash, SHA256_SIZE) != 0)
		return ERR_MISMATCH;
	*reason = "assertion has expired";
	if (claimed->expiry < unix_time)
		return ERR_EXPIRED;
	*reason = "assertion lasts too long";
	if (claimed->expiry - unix_time > ASSERTION_LIFETIME_MAX_S)
		return ERR_EXPIRED;
	*reason = "";
	return ERR_OK;
}

static enum err verify(const struct assertion *claimed, const struct assertion *expected,
	const struct certificate *certificate, struct bytes signature, int64_t unix_time,
	const char **reason)
{
	uint8_t data[SIGNED_MAX];
	struct writer w = writer_of(data, sizeof data);
	*reason = "assertion has a malformed field";
	if (!serialise(claimed, &w))
		return ERR_MALFORMED;
	enum err err = compare(claimed, expected, unix_time, reason);
	if (!err)
		err = certificate_check(certificate, unix_time, claimed->sender, reason);
	if (err)
		return err;
	*reason = "assertion is not signed by its sender";
	err = certificate_verify(certificate, CONTEXT, writer_bytes(&w), signature);
	if (!err)
		*reason = "";
	return err;
}

enum err assertion_verify(const struct assertion *claimed, const struct assertion *expected,
	const struct certificate *certificate, struct bytes signature, int64_t unix_time,
	const char **ret_reason)
{
	const char *reason;
	return verify(claimed, expected, certificate, signature, unix_time,
		ret_reason ? ret_reason : &reason);
}
