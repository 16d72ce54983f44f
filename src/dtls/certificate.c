/* The short-lived certificate of a connection. It says nothing about the node: that is told by the
 * assertion, beside the description that carries the fingerprint. */
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/self_signed.h"
#include "dtls/internal.h"

#include <assert.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#define DAY_S 86400
#define VALIDITY_S (30 * (int64_t)DAY_S)
#define NAME_BYTES 8

static_assert(DTLS_FINGERPRINT_TEXT_MAX == 3 * SHA256_SIZE, "pairs, colons and a final zero");

static enum err random_name(char name[2 * NAME_BYTES + 1])
{
	uint8_t random[NAME_BYTES];
	if (RAND_bytes(random, sizeof random) != 1)
		return openssl_error(ERR_CRYPTO);
	hex_encode(bytes_of(random, sizeof random), name);
	return ERR_OK;
}

static enum err fill_fingerprint(struct dtls_certificate *certificate)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size;
	if (X509_digest(certificate->x509, EVP_sha256(), digest, &size) != 1)
		return openssl_error(ERR_CRYPTO);
	for (size_t i = 0; i < size; i++)
		snprintf(certificate->fingerprint + 3 * i, 4, "%02X%s", digest[i],
			i + 1 < size ? ":" : "");
	return ERR_OK;
}

enum err dtls_certificate_create(int64_t unix_time, struct dtls_certificate **ret_certificate)
{
	struct dtls_certificate *certificate = calloc(1, sizeof *certificate);
	if (!certificate)
		return ERR_NOMEM;
	char name[2 * NAME_BYTES + 1];
	enum err err = random_name(name);
	if (!err)
		err = self_signed_p256_key(&certificate->key);
	if (!err)
		err = self_signed_certificate(certificate->key, name, unix_time - DAY_S,
			unix_time + VALIDITY_S, &certificate->x509);
	if (!err)
		err = fill_fingerprint(certificate);
	if (err) {
		dtls_certificate_destroy(certificate);
		return err;
	}
	*ret_certificate = certificate;
	return ERR_OK;
}

void dtls_certificate_forget_key(struct dtls_certificate *certificate)
{
	EVP_PKEY_free(certificate->key);
	X509_free(certificate->x509);
	certificate->key = NULL;
	certificate->x509 = NULL;
}

void dtls_certificate_destroy(struct dtls_certificate *certificate)
{
	if (!certificate)
		return;
	dtls_certificate_forget_key(certificate);
	free(certificate);
}

const char *dtls_certificate_fingerprint(const struct dtls_certificate *certificate)
{
	return certificate->fingerprint;
}
