/* Who the other side must be: the fingerprint in its description (RFC 8122), against the
 * certificate in the handshake. */
#include "base/text.h"
#include "crypto/hash.h"
#include "dtls/internal.h"

static const struct {
	const char *name;
	const EVP_MD *(*hash)(void);
} hashes[] = {{"sha-256", EVP_sha256}, {"sha-384", EVP_sha384}, {"sha-512", EVP_sha512}};

/* The text of a description; `ret_digest` has room for EVP_MAX_MD_SIZE bytes. */
static enum err parse(
	struct bytes hash, struct bytes fingerprint, const EVP_MD **ret_hash, uint8_t *ret_digest)
{
	const EVP_MD *md = NULL;
	for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
		if (bytes_equal_text_ignoring_case(hash, hashes[i].name))
			md = hashes[i].hash();
	}
	if (!md)
		return ERR_UNSUPPORTED;
	/* RFC 8122 section 5: pairs of digits with a colon between them. */
	size_t size = (size_t)EVP_MD_get_size(md);
	uint8_t digest[EVP_MAX_MD_SIZE];
	if (fingerprint.size != 3 * size - 1)
		return ERR_MALFORMED;
	for (size_t i = 0; i < size; i++) {
		const uint8_t *at = fingerprint.data + 3 * i;
		char pair[3] = {(char)at[0], (char)at[1], '\0'};
		if (!hex_decode(pair, &digest[i], 1) || (i + 1 < size && at[2] != ':'))
			return ERR_MALFORMED;
	}
	memcpy(ret_digest, digest, size);
	*ret_hash = md;
	return ERR_OK;
}

enum err dtls_expect(struct dtls *dtls, struct bytes hash, struct bytes fingerprint)
{
	CHECK(dtls->state == DTLS_NEW);
	return parse(hash, fingerprint, &dtls->expected_hash, dtls->expected);
}

bool dtls_expects(const struct dtls *dtls, struct bytes hash, struct bytes fingerprint)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	const EVP_MD *md;
	if (parse(hash, fingerprint, &md, digest) || md != dtls->expected_hash)
		return false;
	return memcmp(digest, dtls->expected, (size_t)EVP_MD_get_size(md)) == 0;
}

bool dtls_is_expected(const struct dtls *dtls, struct bytes certificate)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	CHECK(dtls->expected_hash != NULL);
	return EVP_Digest(certificate.data, certificate.size, digest, &size, dtls->expected_hash,
		       NULL) == 1 &&
	       secret_equal(bytes_of(digest, size), bytes_of(dtls->expected, size));
}
