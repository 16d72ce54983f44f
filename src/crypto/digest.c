#include "crypto/digest.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct digest {
	EVP_MD_CTX *context;
	EVP_MD_CTX *last; /* where a value is taken, so that the other one goes on */
};

struct digest *digest_create(void)
{
	struct digest *digest = calloc(1, sizeof *digest);
	if (!digest)
		return NULL;
	digest->context = EVP_MD_CTX_new();
	digest->last = EVP_MD_CTX_new();
	if (!digest->context || !digest->last) {
		digest_destroy(digest);
		return NULL;
	}
	digest_reset(digest);
	return digest;
}

void digest_destroy(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	EVP_MD_CTX_free(digest->last);
	free(digest);
}

void digest_add(struct digest *digest, struct bytes b)
{
	CHECK(EVP_DigestUpdate(digest->context, b.data, b.size) == 1);
}

void digest_value(const struct digest *digest, uint8_t value[SHA256_SIZE])
{
	CHECK(EVP_MD_CTX_copy_ex(digest->last, digest->context) == 1);
	CHECK(EVP_DigestFinal_ex(digest->last, value, NULL) == 1);
}

void digest_reset(struct digest *digest)
{
	CHECK(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) == 1);
}

void digest_copy(struct digest *digest, const struct digest *from)
{
	CHECK(EVP_MD_CTX_copy_ex(digest->context, from->context) == 1);
}
