/* Keys of a provider, its published set, and id tokens with any header and claims. */
#ifndef TESTS_JWT_FORGE_H
#define TESTS_JWT_FORGE_H

#include "crypto/openssl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/text.h"

static char *number_of(EVP_PKEY *key, const char *name, int size)
{
	uint8_t data[1024];
	BIGNUM *number = NULL;
	CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
	int real = size ? size : BN_num_bytes(number);
	CHECK(BN_bn2binpad(number, data, real) == real);
	BN_free(number);
	return base64url_encode(bytes_of(data, (size_t)real));
}

/* The public half of an RSA or P-256 key as a JWK, with further members. */
static char *jwk_of(EVP_PKEY *key, const char *more)
{
	bool is_rsa = EVP_PKEY_is_a(key, "RSA");
	char *a = number_of(
		key, is_rsa ? OSSL_PKEY_PARAM_RSA_N : OSSL_PKEY_PARAM_EC_PUB_X, is_rsa ? 0 : 32);
	char *b = number_of(
		key, is_rsa ? OSSL_PKEY_PARAM_RSA_E : OSSL_PKEY_PARAM_EC_PUB_Y, is_rsa ? 0 : 32);
	char *text =
		is_rsa ? text_format("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", a, b, more)
		       : text_format("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":"
				     "\"%s\"%s}",
				 a, b, more);
	free(a);
	free(b);
	return text;
}

/* RFC 7518: RS256, PS256 or ES256, whatever the key is. */
static size_t jws_sign(EVP_PKEY *key, const char *algorithm, struct bytes message, uint8_t *out)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	uint8_t der[1024];
	const uint8_t *at = der;
	size_t size = sizeof der;
	CHECK(EVP_DigestSignInit(context, &options, EVP_sha256(), NULL, key) == 1);
	if (algorithm[0] == 'P') {
		CHECK(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
		CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
	}
	CHECK(EVP_DigestSign(context, der, &size, message.data, message.size) == 1);
	EVP_MD_CTX_free(context);
	if (EVP_PKEY_is_a(key, "RSA")) {
		memcpy(out, der, size);
		return size;
	}
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
	CHECK(pair != NULL);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
	ECDSA_SIG_free(pair);
	return 64;
}

/* A token with this header and payload; `key` NULL: it ends in an empty signature. */
static inline char *jwt_make(
	EVP_PKEY *key, const char *algorithm, const char *header, const char *payload)
{
	uint8_t signature[1024];
	char *first = base64url_encode(bytes_of_text(header));
	char *second = base64url_encode(bytes_of_text(payload));
	char *signed_text = text_format("%s.%s", first, second);
	size_t size = key ? jws_sign(key, algorithm, bytes_of_text(signed_text), signature) : 0;
	char *third = base64url_encode(bytes_of(signature, size));
	char *token = text_format("%s.%s", signed_text, third);
	free(first);
	free(second);
	free(third);
	free(signed_text);
	return token;
}

#endif
