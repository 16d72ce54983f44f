/* What all connections share: ciphers, groups, and the rule that the peer's certificate is trusted
 * for its fingerprint and nothing else (RFC 8827 section 6.5, RFC 8122).
 *
 * One SSL_CTX serves both roles and all threads. It is made once and never changed, and it is the
 * only state of the process in this layer beside the BIO's method: each costs as much as making a
 * connection, or more. */
#include "dtls/internal.h"
#include "dtls/limits.h"
#include "dtls/session_id.h"
#include "dtls/suite.h"

#include <openssl/x509.h>

#define GROUPS "X25519:P-256"
/* RFC 5764 section 4.1.2 and RFC 7714. No key of theirs is ever used, but some implementations
 * (pion) refuse a handshake that does not offer to carry media. */
#define SRTP_PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
#define SIGNATURES                                                                                 \
	"ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384:"           \
	"ECDSA+SHA512:RSA-PSS+SHA512:RSA+SHA512"

static struct dtls *dtls_of_store(X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	return SSL_get_app_data(ssl);
}

/* In place of all that libcrypto would check: names, dates and issuers of these certificates mean
 * nothing. The error makes libssl send the alert bad_certificate. */
static int verify_fingerprint(X509_STORE_CTX *store, void *user)
{
	(void)user;
	struct dtls *dtls = dtls_of_store(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	uint8_t *der = NULL;
	int size = leaf ? i2d_X509(leaf, &der) : 0;
	bool is_expected = size > 0 && dtls_is_expected(dtls, bytes_of(der, (size_t)size));
	OPENSSL_free(der);
	if (is_expected)
		return 1;
	dtls->impostor = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

/* libssl's list: names with colons between them. */
static bool set_suites(SSL_CTX *context)
{
	char names[512] = "";
	size_t size = 0;
	for (size_t i = 0; i < suite_count; i++)
		size += (size_t)snprintf(
			names + size, sizeof names - size, "%s%s", i ? ":" : "", suites[i].name);
	CHECK(size < sizeof names);
	return SSL_CTX_set_cipher_list(context, names) == 1;
}

static bool configure(SSL_CTX *context)
{
	/* Not constant, as libssl's macros cast constness away. */
	char groups[] = GROUPS, signatures[] = SIGNATURES;
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					     SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context, verify_fingerprint, NULL);
	SSL_CTX_set_max_cert_list(context, DTLS_CERTIFICATE_LIST_MAX);
	return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
	       set_suites(context) && SSL_CTX_set1_groups_list(context, groups) == 1 &&
	       SSL_CTX_set_tlsext_use_srtp(context, SRTP_PROFILES) == 0 && /* 0 is success */
	       SSL_CTX_set1_sigalgs_list(context, signatures) == 1 && session_id_configure(context);
}

static CRYPTO_ONCE context_once = CRYPTO_ONCE_STATIC_INIT;
static SSL_CTX *shared_context;

static void make_context(void)
{
	SSL_CTX *context = SSL_CTX_new(DTLS_method());
	if (context && configure(context)) {
		shared_context = context;
		return;
	}
	SSL_CTX_free(context);
	(void)openssl_error(ERR_CRYPTO);
}

SSL_CTX *dtls_context(void)
{
	CHECK(CRYPTO_THREAD_run_once(&context_once, make_context) == 1);
	return shared_context;
}
