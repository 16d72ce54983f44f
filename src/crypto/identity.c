#include "crypto/identity.h"
#include "crypto/internal.h"
#include "crypto/openssl.h"
#include "crypto/self_signed.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Clocks of two machines differ; a certificate made by the one that is ahead must do at once. */
#define BACKDATE_S 86400

static const struct {
	const char *name;
	size_t rsa_bits; /* 0: P-256 */
} keys[] = {
	[IDENTITY_KEY_P256] = {"p256", 0},
	[IDENTITY_KEY_RSA2048] = {"rsa2048", 2048},
	[IDENTITY_KEY_RSA3072] = {"rsa3072", 3072},
	[IDENTITY_KEY_RSA4096] = {"rsa4096", 4096},
};

#define KEYS_COUNT (sizeof keys / sizeof keys[0])

bool identity_key_parse(const char *name, enum identity_key *ret_key)
{
	for (size_t i = 0; i < KEYS_COUNT; i++) {
		if (strcmp(name, keys[i].name) == 0) {
			*ret_key = (enum identity_key)i;
			return true;
		}
	}
	return false;
}

static enum err generate(enum identity_key kind, EVP_PKEY **ret_key)
{
	CHECK((size_t)kind < KEYS_COUNT);
	if (keys[kind].rsa_bits == 0)
		return self_signed_p256_key(ret_key);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", keys[kind].rsa_bits);
	if (!key)
		return openssl_error(ERR_CRYPTO);
	*ret_key = key;
	return ERR_OK;
}

static enum err sign_own_certificate(
	EVP_PKEY *key, int64_t unix_time, const char *name, struct certificate **ret_certificate)
{
	X509 *x509;
	enum err err = self_signed_certificate(
		key, name, unix_time - BACKDATE_S, unix_time + IDENTITY_VALIDITY_S, &x509);
	if (err)
		return err;
	err = certificate_of_x509(x509, ret_certificate);
	X509_free(x509);
	return err;
}

/* The id, and so the name in the certificate, is known once the public key was written as PEM: a
 * first certificate without a name does that. */
static enum err certify(EVP_PKEY *key, int64_t unix_time, struct certificate **ret_certificate)
{
	struct certificate *unnamed;
	enum err err = sign_own_certificate(key, unix_time, "unnamed", &unnamed);
	if (err)
		return err;
	err = sign_own_certificate(
		key, unix_time, certificate_info(unnamed)->node_id, ret_certificate);
	certificate_destroy(unnamed);
	return err;
}

enum err identity_create(enum identity_key kind, int64_t unix_time, struct identity **ret_identity)
{
	struct identity *identity = calloc(1, sizeof *identity);
	if (!identity)
		return ERR_NOMEM;
	enum err err = generate(kind, &identity->key);
	if (!err)
		err = certify(identity->key, unix_time, &identity->certificate);
	if (err) {
		identity_destroy(identity);
		return err;
	}
	*ret_identity = identity;
	return ERR_OK;
}

void identity_destroy(struct identity *identity)
{
	if (!identity)
		return;
	EVP_PKEY_free(identity->key);
	certificate_destroy(identity->certificate);
	free(identity);
}

enum err identity_renew(struct identity *identity, int64_t unix_time)
{
	struct certificate *renewed;
	const char *name = certificate_info(identity->certificate)->common_name;
	enum err err = sign_own_certificate(identity->key, unix_time, name, &renewed);
	if (err)
		return err;
	certificate_destroy(identity->certificate);
	identity->certificate = renewed;
	return ERR_OK;
}

const char *identity_node_id(const struct identity *identity)
{
	return certificate_info(identity->certificate)->common_name;
}

const struct node_pin *identity_pin(const struct identity *identity)
{
	return &certificate_info(identity->certificate)->pin;
}

const struct certificate *identity_certificate(const struct identity *identity)
{
	return identity->certificate;
}

EVP_PKEY *identity_private_key(const struct identity *identity)
{
	return identity->key;
}

enum err identity_sign(const struct identity *identity, const char *context, struct bytes message,
	uint8_t *signature, size_t *ret_size)
{
	CHECK(strchr(context, '\n') == NULL);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	if (!md)
		return openssl_error(ERR_NOMEM);
	size_t size = IDENTITY_SIGNATURE_MAX;
	bool done = EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, identity->key) == 1 &&
		    EVP_DigestSignUpdate(md, context, strlen(context)) == 1 &&
		    EVP_DigestSignUpdate(md, "\n", 1) == 1 &&
		    EVP_DigestSignUpdate(md, message.data, message.size) == 1 &&
		    EVP_DigestSignFinal(md, signature, &size) == 1;
	EVP_MD_CTX_free(md);
	if (!done)
		return openssl_error(ERR_CRYPTO);
	*ret_size = size;
	return ERR_OK;
}

/* A damaged file can still be read: the private part may not belong to the public one. A signature
 * shows it. */
bool identity_is_consistent(const struct identity *identity)
{
	static const char context[] = "dpc-self-test-v1";
	uint8_t signature[IDENTITY_SIGNATURE_MAX];
	size_t size;
	X509 *x509 = certificate_x509(identity->certificate);
	if (X509_check_private_key(x509, identity->key) != 1) {
		(void)openssl_error(ERR_OK);
		return false;
	}
	return identity_sign(identity, context, (struct bytes){0}, signature, &size) == ERR_OK &&
	       certificate_verify(identity->certificate, context, (struct bytes){0},
		       bytes_of(signature, size)) == ERR_OK;
}
