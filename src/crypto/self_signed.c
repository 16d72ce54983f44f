#include "crypto/self_signed.h"
#include "crypto/openssl.h"

#include <stdbool.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

/* RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
#define SERIAL_SIZE 16

enum err self_signed_p256_key(EVP_PKEY **ret_key)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (!key)
		return openssl_error(ERR_CRYPTO);
	*ret_key = key;
	return ERR_OK;
}

static bool set_serial(X509 *x509)
{
	uint8_t serial[SERIAL_SIZE];
	if (RAND_bytes(serial, sizeof serial) != 1)
		return false;
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
	bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
	BN_free(number);
	return done;
}

static bool set_name(X509 *x509, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x509);
	return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
		       (const unsigned char *)name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x509, subject) == 1;
}

static bool fill(X509 *x509, EVP_PKEY *key, const char *name, int64_t from, int64_t to)
{
	return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
	       set_name(x509, name) && ASN1_TIME_set(X509_getm_notBefore(x509), from) &&
	       ASN1_TIME_set(X509_getm_notAfter(x509), to) && X509_set_pubkey(x509, key) == 1 &&
	       X509_sign(x509, key, EVP_sha256()) > 0;
}

enum err self_signed_certificate(
	EVP_PKEY *key, const char *name, int64_t not_before, int64_t not_after, X509 **ret_x509)
{
	X509 *x509 = X509_new();
	if (!x509 || !fill(x509, key, name, not_before, not_after)) {
		X509_free(x509);
		return openssl_error(ERR_CRYPTO);
	}
	*ret_x509 = x509;
	return ERR_OK;
}
