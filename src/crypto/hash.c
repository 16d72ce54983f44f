#include "crypto/hash.h"
#include "crypto/openssl.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

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

/* ---- HMAC (RFC 2104) ----
 *
 * libcrypto's HMAC() looks the algorithm up by its name in every call, which takes four times as
 * long as the MAC of a STUN message; and each of ten thousand idle connections has those. */

#define HMAC_BLOCK 64
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

static CRYPTO_ONCE fetch_once = CRYPTO_ONCE_STATIC_INIT;
static EVP_MD *sha1, *sha256;

static void fetch(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static void digest_two(EVP_MD_CTX *context, const EVP_MD *md, struct bytes first,
	struct bytes second, uint8_t *digest)
{
	CHECK(EVP_DigestInit_ex(context, md, NULL) == 1);
	CHECK(EVP_DigestUpdate(context, first.data, first.size) == 1);
	CHECK(EVP_DigestUpdate(context, second.data, second.size) == 1);
	CHECK(EVP_DigestFinal_ex(context, digest, NULL) == 1);
}

static void hmac(
	const EVP_MD *md, size_t size, struct bytes key, struct bytes message, uint8_t *mac)
{
	uint8_t block[HMAC_BLOCK] = {0}, inner[SHA256_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	CHECK(context != NULL);
	CHECK(md != NULL);
	if (key.size > HMAC_BLOCK)
		CHECK(EVP_Digest(key.data, key.size, block, NULL, md, NULL) == 1);
	else if (key.size > 0)
		memcpy(block, key.data, key.size);
	for (size_t i = 0; i < HMAC_BLOCK; i++)
		block[i] ^= INNER_PAD;
	digest_two(context, md, bytes_of(block, HMAC_BLOCK), message, inner);
	for (size_t i = 0; i < HMAC_BLOCK; i++)
		block[i] ^= INNER_PAD ^ OUTER_PAD;
	digest_two(context, md, bytes_of(block, HMAC_BLOCK), bytes_of(inner, size), mac);
	EVP_MD_CTX_free(context);
	secret_cleanse(block, sizeof block);
	secret_cleanse(inner, sizeof inner);
}

void hash_hmac_sha256(struct bytes key, struct bytes message, uint8_t mac[SHA256_SIZE])
{
	CHECK(CRYPTO_THREAD_run_once(&fetch_once, fetch) == 1);
	hmac(sha256, SHA256_SIZE, key, message, mac);
}

void hash_hmac_sha1(struct bytes key, struct bytes message, uint8_t mac[SHA1_SIZE])
{
	CHECK(CRYPTO_THREAD_run_once(&fetch_once, fetch) == 1);
	hmac(sha1, SHA1_SIZE, key, message, mac);
}

void hash_sha1(struct bytes b, uint8_t digest[SHA1_SIZE])
{
	CHECK(CRYPTO_THREAD_run_once(&fetch_once, fetch) == 1);
	CHECK(EVP_Digest(b.data, b.size, digest, NULL, sha1, NULL) == 1);
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
