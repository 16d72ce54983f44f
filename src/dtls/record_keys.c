#include "dtls/record_keys.h"
#include "crypto/openssl.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>

#define LABEL "key expansion"
#define LABEL_SIZE (sizeof LABEL - 1)
#define SEED_SIZE (LABEL_SIZE + 2 * HELLO_RANDOM_SIZE)
#define KEY_BLOCK_MAX (2 * (SUITE_KEY_MAX + SUITE_IV_SIZE))

/* RFC 5246 section 5: PRF(secret, label, seed), where the label is the beginning of the seed. */
static enum err expand(const struct suite *suite, const struct record_secret *secret,
	uint8_t seed[SEED_SIZE], uint8_t *block, size_t size)
{
	/* Not constant, as a parameter that is read has the type of one that is written. */
	uint8_t master[MASTER_SECRET_SIZE];
	char hash[16];
	memcpy(master, secret->master, sizeof master);
	snprintf(hash, sizeof hash, "%s", suite->hash);
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof master),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, SEED_SIZE),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	enum err err = ERR_OK;
	if (!context || EVP_KDF_derive(context, block, size, parameters) != 1)
		err = openssl_error(ERR_CRYPTO);
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	OPENSSL_cleanse(master, sizeof master);
	return err;
}

/* RFC 5246 section 6.3: "key_block = PRF(SecurityParameters.master_secret, "key expansion",
 * SecurityParameters.server_random + SecurityParameters.client_random)", cut into the MAC keys,
 * which AEAD has none of, then the write keys and the write IVs, the client's first. */
enum err record_keys_derive(
	const struct suite *suite, const struct record_secret *secret, struct record_keys *ret_keys)
{
	uint8_t seed[SEED_SIZE], block[KEY_BLOCK_MAX];
	struct writer w = writer_of(seed, sizeof seed);
	write_text(&w, LABEL);
	write_bytes(&w, bytes_of(secret->server_random, HELLO_RANDOM_SIZE));
	write_bytes(&w, bytes_of(secret->client_random, HELLO_RANDOM_SIZE));
	CHECK(!w.failed);
	size_t size = 2 * (suite->key_size + suite->salt_size);
	CHECK(size <= sizeof block);
	enum err err = expand(suite, secret, seed, block, size);
	if (!err) {
		const uint8_t *salts = block + 2 * suite->key_size;
		*ret_keys = (struct record_keys){0};
		memcpy(ret_keys->client.key, block, suite->key_size);
		memcpy(ret_keys->server.key, block + suite->key_size, suite->key_size);
		memcpy(ret_keys->client.salt, salts, suite->salt_size);
		memcpy(ret_keys->server.salt, salts + suite->salt_size, suite->salt_size);
	}
	OPENSSL_cleanse(block, sizeof block);
	return err;
}
