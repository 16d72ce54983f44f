#include "crypto/hash.h"
#include "crypto/openssl.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void hash_sha256(struct bytes b, uint8_t digest[SHA256_SIZE])
{
	CHECK(EVP_Digest(b.data, b.size, digest, NULL, EVP_sha256(), NULL) == 1);
}

void hash_sha256_parts(const struct bytes *parts, size_t count, uint8_t digest[SHA256_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	CHECK(context != NULL);
	CHECK(EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
	for (size_t i = 0; i < count; i++)
		CHECK(EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1);
	CHECK(EVP_DigestFinal_ex(context, digest, NULL) == 1);
	EVP_MD_CTX_free(context);
}

static void hmac(const EVP_MD *md, struct bytes key, struct bytes message, uint8_t *mac)
{
	/* A key of NULL would mean "the one from before" to libcrypto. */
	CHECK(key.size <= INT_MAX);
	CHECK(HMAC(md, key.size > 0 ? (const void *)key.data : "", (int)key.size, message.data,
		      message.size, mac, NULL) != NULL);
}

void hash_hmac_sha256(struct bytes key, struct bytes message, uint8_t mac[SHA256_SIZE])
{
	hmac(EVP_sha256(), key, message, mac);
}

void hash_hmac_sha1(struct bytes key, struct bytes message, uint8_t mac[SHA1_SIZE])
{
	hmac(EVP_sha1(), key, message, mac);
}

void hash_md5(struct bytes b, uint8_t digest[MD5_SIZE])
{
	CHECK(EVP_Digest(b.data, b.size, digest, NULL, EVP_md5(), NULL) == 1);
}

bool secret_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.data, b.data, a.size) == 0);
}

void secret_cleanse(void *data, size_t size)
{
	OPENSSL_cleanse(data, size);
}
