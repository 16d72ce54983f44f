#include "crypto/openssl.h"

#include "hub/jwks.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/text.h"
#include "message/json.h"

/* RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used". */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_NUMBER_MAX (RSA_BITS_MAX / 8)
#define P256_SIZE 32

static const struct {
	const char *name;
	enum jws_algorithm algorithm;
	const char *key_type;
} algorithms[] = {
	{"RS256", JWS_RS256, "RSA"},
	{"PS256", JWS_PS256, "RSA"},
	{"ES256", JWS_ES256, "EC"},
};

#define ALGORITHM_COUNT (sizeof algorithms / sizeof algorithms[0])

bool jws_algorithm_parse(const char *name, enum jws_algorithm *ret_algorithm)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
		if (strcmp(algorithms[i].name, name) == 0) {
			*ret_algorithm = algorithms[i].algorithm;
			return true;
		}
	}
	return false;
}

/* ---- Keys ---- */

/* Makes a key of parameters, and checks it; NULL when it is none. Takes the builder. */
static EVP_PKEY *key_of(const char *type, OSSL_PARAM_BLD *builder)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (parameters && context && EVP_PKEY_fromdata_init(context) == 1 &&
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	context = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	if (key && (!context || EVP_PKEY_public_check(context) != 1)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static bool decode_field(
	const json_t *object, const char *name, uint8_t *data, size_t capacity, size_t *ret_size)
{
	const char *text;
	return json_get_text(object, name, 2 * RSA_NUMBER_MAX, &text) == ERR_OK &&
	       base64_decode(bytes_of_text(text), data, capacity, ret_size);
}

static EVP_PKEY *parse_rsa(const json_t *object)
{
	uint8_t modulus[RSA_NUMBER_MAX], exponent[RSA_NUMBER_MAX];
	size_t modulus_size, exponent_size;
	if (!decode_field(object, "n", modulus, sizeof modulus, &modulus_size) ||
		!decode_field(object, "e", exponent, sizeof exponent, &exponent_size))
		return NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, (int)modulus_size, NULL);
	BIGNUM *e = BN_bin2bn(exponent, (int)exponent_size, NULL);
	EVP_PKEY *key = NULL;
	bool is_good = builder && n && e && BN_num_bits(n) >= RSA_BITS_MIN && BN_is_odd(n) &&
		       BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= 64 &&
		       OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		       OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1;
	if (is_good)
		key = key_of("RSA", builder);
	else
		OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *parse_p256(const json_t *object)
{
	uint8_t point[1 + 2 * P256_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
	const char *curve;
	size_t x_size, y_size;
	if (json_get_text(object, "crv", 16, &curve) != ERR_OK || strcmp(curve, "P-256") != 0 ||
		!decode_field(object, "x", point + 1, P256_SIZE, &x_size) ||
		!decode_field(object, "y", point + 1 + P256_SIZE, P256_SIZE, &y_size) ||
		x_size != P256_SIZE || y_size != P256_SIZE)
		return NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	if (builder &&
		OSSL_PARAM_BLD_push_utf8_string(
			builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(
			builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
		return key_of("EC", builder);
	OSSL_PARAM_BLD_free(builder);
	return NULL;
}

/* What a key of this type, with this `alg` or none, may be used for. */
static unsigned algorithms_of(const char *key_type, const char *name)
{
	unsigned usable = 0;
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		if (strcmp(algorithms[i].key_type, key_type) == 0 &&
			(!name[0] || strcmp(algorithms[i].name, name) == 0))
			usable |= algorithms[i].algorithm;
	return usable;
}

/* False: this key is of no use to us. */
static bool parse_key(const json_t *object, struct jwk *ret_key)
{
	const char *type, *id = "", *use = "sig", *name = "";
	struct jwk key = {0};
	if (json_get_text(object, "kty", 16, &type) != ERR_OK ||
		json_get_text_if(object, "kid", JWK_ID_MAX, &id) != ERR_OK ||
		json_get_text_if(object, "use", 16, &use) != ERR_OK ||
		json_get_text_if(object, "alg", 16, &name) != ERR_OK || strcmp(use, "sig") != 0)
		return false;
	key.algorithms = algorithms_of(type, name);
	if (!key.algorithms)
		return false;
	key.key = strcmp(type, "RSA") == 0 ? parse_rsa(object) : parse_p256(object);
	if (!key.key)
		return false;
	CHECK(text_copy(key.id, sizeof key.id, id));
	*ret_key = key;
	return true;
}

enum err jwks_parse(struct bytes text, struct jwks *ret_keys)
{
	struct jwks keys = {0};
	json_t *object, *list;
	enum err err = json_parse_object(text, JWKS_SIZE_MAX, &object);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? err : ERR_MALFORMED;
	err = json_get_array(object, "keys", &list);
	for (size_t i = 0; err == ERR_OK && i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (keys.count < JWKS_KEYS_MAX && json_is_object(item))
			keys.count += parse_key(item, &keys.keys[keys.count]);
	}
	json_decref(object);
	/* What was no key has left its trace there. */
	(void)openssl_error(ERR_CRYPTO);
	if (err == ERR_OK && keys.count == 0)
		err = ERR_MALFORMED;
	if (err == ERR_OK)
		*ret_keys = keys;
	return err;
}

void jwks_deinit(struct jwks *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		EVP_PKEY_free(keys->keys[i].key);
	*keys = (struct jwks){0};
}

/* ---- Signatures ---- */

/* RFC 7518 section 3.4: the two numbers, 32 bytes each, which libcrypto wants in DER. */
static int signature_to_der(struct bytes signature, uint8_t **ret_der)
{
	if (signature.size != 2 * P256_SIZE)
		return 0;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature.data, P256_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(signature.data + P256_SIZE, P256_SIZE, NULL);
	int size = 0;
	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		size = i2d_ECDSA_SIG(pair, ret_der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(pair);
	return size;
}

static bool verify(
	EVP_PKEY *key, enum jws_algorithm algorithm, struct bytes message, struct bytes signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;
	uint8_t *der = NULL;
	if (algorithm == JWS_ES256) {
		int size = signature_to_der(signature, &der);
		signature = size > 0 ? bytes_of(der, (size_t)size) : (struct bytes){0};
	}
	bool is_good = context && signature.size > 0 &&
		       EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, key) == 1;
	if (is_good && algorithm == JWS_PS256)
		is_good = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
			  EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1;
	is_good = is_good && EVP_DigestVerify(context, signature.data, signature.size, message.data,
				     message.size) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(context);
	if (!is_good)
		(void)openssl_error(ERR_CRYPTO);
	return is_good;
}

enum err jwks_verify(const struct jwks *keys, const char *id, enum jws_algorithm algorithm,
	struct bytes message, struct bytes signature)
{
	enum err err = ERR_NOT_FOUND;
	for (size_t i = 0; i < keys->count; i++) {
		const struct jwk *key = &keys->keys[i];
		if (!(key->algorithms & algorithm) || (id && strcmp(key->id, id) != 0))
			continue;
		if (verify(key->key, algorithm, message, signature))
			return ERR_OK;
		err = ERR_UNTRUSTED;
	}
	return err;
}
