/* What in a certificate is believed, and in which order it is checked: certificate_check(). */
#include "crypto/certificate.h"
#include "crypto/openssl.h"

#include <ctype.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* The DER of a P-256 SubjectPublicKeyInfo with named curve and uncompressed point. */
#define P256_SPKI_SIZE 91

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

struct certificate {
	X509 *x509;
	struct certificate_info info;
	uint8_t *der;
	size_t der_size;
	char *pem;
	char *public_key_pem;
};

void certificate_destroy(struct certificate *c)
{
	if (!c)
		return;
	X509_free(c->x509);
	OPENSSL_free(c->der);
	free(c->pem);
	free(c->public_key_pem);
	free(c);
}

/* The text that `write` produced, on the heap; NULL when it failed. */
static char *text_of_bio(BIO *bio, int written)
{
	char *data = NULL;
	long size = bio && written == 1 ? BIO_get_mem_data(bio, &data) : 0;
	char *text = size > 0 ? strndup(data, (size_t)size) : NULL;
	BIO_free(bio);
	return text;
}

static bool fill_encodings(struct certificate *c, EVP_PKEY *key)
{
	int size = i2d_X509(c->x509, &c->der);
	if (size <= 0)
		return false;
	c->der_size = (size_t)size;
	BIO *bio = BIO_new(BIO_s_mem());
	c->pem = text_of_bio(bio, bio ? PEM_write_bio_X509(bio, c->x509) : 0);
	bio = BIO_new(BIO_s_mem());
	c->public_key_pem = text_of_bio(bio, bio ? PEM_write_bio_PUBKEY(bio, key) : 0);
	return c->pem && c->public_key_pem;
}

/* Whether the key stands in the certificate as we would write it ourselves. Otherwise one key could
 * appear under several ids (curves spelled out, compressed points). */
static bool is_canonical(X509 *x509, EVP_PKEY *key, size_t *ret_size)
{
	uint8_t *ours = NULL, *theirs = NULL;
	int ours_size = i2d_PUBKEY(key, &ours);
	int theirs_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &theirs);
	bool same = ours_size > 0 && ours_size == theirs_size &&
		    memcmp(ours, theirs, (size_t)ours_size) == 0;
	if (same)
		*ret_size = (size_t)ours_size;
	OPENSSL_free(ours);
	OPENSSL_free(theirs);
	return same;
}

/* A huge exponent would make each verification slow; one below 3 makes it void. */
static bool has_sane_exponent(EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool sane = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) &&
		    !BN_is_one(e) && BN_num_bits(e) <= 32;
	BN_free(e);
	return sane;
}

static enum certificate_key classify(X509 *x509, EVP_PKEY *key)
{
	char group[32] = "";
	size_t group_size, spki_size;
	if (!is_canonical(x509, key, &spki_size))
		return CERTIFICATE_KEY_OTHER;
	if (EVP_PKEY_is_a(key, "RSA"))
		return has_sane_exponent(key) ? CERTIFICATE_KEY_RSA : CERTIFICATE_KEY_OTHER;
	if (EVP_PKEY_is_a(key, "EC") && spki_size == P256_SPKI_SIZE &&
		EVP_PKEY_get_group_name(key, group, sizeof group, &group_size) == 1 &&
		strcmp(group, "prime256v1") == 0)
		return CERTIFICATE_KEY_P256;
	return CERTIFICATE_KEY_OTHER;
}

static bool unix_time_of(const ASN1_TIME *time, int64_t *ret_time)
{
	struct tm tm = {0};
	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret_time = timegm(&tm);
	return true;
}

/* Leaves the name empty unless there is exactly one, it fits, and it has no zero inside. */
static void fill_common_name(struct certificate_info *info, X509 *x509)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0)
		return;
	unsigned char *text = NULL;
	int size = ASN1_STRING_to_UTF8(
		&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
	if (size > 0 && size <= CERTIFICATE_COMMON_NAME_MAX && !memchr(text, 0, (size_t)size))
		memcpy(info->common_name, text, (size_t)size);
	OPENSSL_free(text);
}

static bool fill_info(struct certificate *c, EVP_PKEY *key)
{
	struct certificate_info *info = &c->info;
	hash_sha256(bytes_of_text(c->public_key_pem), info->pin.digest);
	node_id_of_pin(&info->pin, info->node_id);
	info->key = classify(c->x509, key);
	info->key_bits = (unsigned)EVP_PKEY_get_bits(key);
	fill_common_name(info, c->x509);
	return unix_time_of(X509_get0_notBefore(c->x509), &info->not_before) &&
	       unix_time_of(X509_get0_notAfter(c->x509), &info->not_after);
}

enum err certificate_of_x509(X509 *x509, struct certificate **ret_certificate)
{
	struct certificate *c = calloc(1, sizeof *c);
	if (!c)
		return ERR_NOMEM;
	CHECK(X509_up_ref(x509) == 1);
	c->x509 = x509;
	EVP_PKEY *key = X509_get0_pubkey(x509);
	if (!key || !fill_encodings(c, key) || !fill_info(c, key)) {
		certificate_destroy(c);
		return openssl_error(ERR_MALFORMED);
	}
	/* classify() may have asked for what the key does not have. */
	(void)openssl_error(ERR_OK);
	*ret_certificate = c;
	return ERR_OK;
}

static struct bytes trim(struct bytes b)
{
	while (b.size > 0 && isspace(b.data[b.size - 1]))
		b.size--;
	while (b.size > 0 && isspace(b.data[0]))
		b = bytes_of(b.data + 1, b.size - 1);
	return b;
}

static X509 *read_pem(struct bytes pem)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	char no_password[] = ""; /* keeps libcrypto from asking the terminal for one */
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, no_password) : NULL;
	if (x509 && BIO_pending(bio) > 0) {
		X509_free(x509);
		x509 = NULL;
	}
	BIO_free(bio);
	return x509;
}

static X509 *read_der(struct bytes der)
{
	const uint8_t *at = der.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)der.size);
	if (x509 && at != der.data + der.size) {
		X509_free(x509);
		x509 = NULL;
	}
	return x509;
}

enum err certificate_parse(struct bytes pem_or_der, struct certificate **ret_certificate)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static const uint8_t der_sequence = 0x30;
	if (pem_or_der.size > CERTIFICATE_SIZE_MAX)
		return ERR_TOO_LARGE;
	struct bytes pem = trim(pem_or_der);
	X509 *x509 = NULL;
	if (bytes_equal_text(bytes_slice(pem, 0, strlen(begin)), begin))
		x509 = read_pem(pem);
	else if (pem_or_der.size > 0 && pem_or_der.data[0] == der_sequence)
		x509 = read_der(pem_or_der);
	if (!x509)
		return openssl_error(ERR_MALFORMED);
	enum err err = certificate_of_x509(x509, ret_certificate);
	X509_free(x509);
	return err;
}

const struct certificate_info *certificate_info(const struct certificate *c)
{
	return &c->info;
}

struct bytes certificate_der(const struct certificate *c)
{
	return bytes_of(c->der, c->der_size);
}

const char *certificate_pem(const struct certificate *c)
{
	return c->pem;
}

const char *certificate_public_key_pem(const struct certificate *c)
{
	return c->public_key_pem;
}

X509 *certificate_x509(const struct certificate *c)
{
	return c->x509;
}

static bool is_self_signed(X509 *x509)
{
	bool is = X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) == 0 &&
		  X509_verify(x509, X509_get0_pubkey(x509)) == 1;
	(void)openssl_error(ERR_OK);
	return is;
}

/* The dear check, the signature, comes last. */
static enum err check(
	const struct certificate *c, int64_t unix_time, const char *node_id, const char **reason)
{
	const struct certificate_info *info = &c->info;
	*reason = "certificate is not X.509 version 3";
	if (X509_get_version(c->x509) != X509_VERSION_3)
		return ERR_MALFORMED;
	*reason = "certificate key is neither P-256 nor RSA";
	if (info->key == CERTIFICATE_KEY_OTHER)
		return ERR_UNSUPPORTED;
	*reason = "certificate key has not 2048 to 4096 bits";
	if (info->key == CERTIFICATE_KEY_RSA &&
		(info->key_bits < RSA_BITS_MIN || info->key_bits > RSA_BITS_MAX))
		return ERR_UNSUPPORTED;
	*reason = "certificate is not valid yet";
	if (unix_time < info->not_before)
		return ERR_EXPIRED;
	*reason = "certificate has expired";
	if (unix_time > info->not_after)
		return ERR_EXPIRED;
	*reason = "certificate name is not the node id of its key";
	if (!node_id_matches_pin(info->common_name, &info->pin))
		return ERR_MISMATCH;
	*reason = "certificate is another node's";
	if (node_id && strcmp(node_id, info->common_name) != 0)
		return ERR_MISMATCH;
	*reason = "certificate is not signed by its own key";
	if (!is_self_signed(c->x509))
		return ERR_UNTRUSTED;
	*reason = "";
	return ERR_OK;
}

enum err certificate_check(const struct certificate *c, int64_t unix_time, const char *node_id,
	const char **ret_reason)
{
	const char *reason;
	return check(c, unix_time, node_id, ret_reason ? ret_reason : &reason);
}

enum err certificate_verify(const struct certificate *c, const char *context, struct bytes message,
	struct bytes signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	if (!md)
		return openssl_error(ERR_NOMEM);
	EVP_PKEY *key = X509_get0_pubkey(c->x509);
	bool valid = EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
		     EVP_DigestVerifyUpdate(md, context, strlen(context)) == 1 &&
		     EVP_DigestVerifyUpdate(md, "\n", 1) == 1 &&
		     EVP_DigestVerifyUpdate(md, message.data, message.size) == 1 &&
		     EVP_DigestVerifyFinal(md, signature.data, signature.size) == 1;
	EVP_MD_CTX_free(md);
	return valid ? ERR_OK : openssl_error(ERR_UNTRUSTED);
}
