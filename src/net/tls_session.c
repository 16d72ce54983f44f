/* What is asked of OpenSSL: TLS 1.3, ALPN, both certificates, nothing remembered between sessions.
 */
#include "net/tls_internal.h"

#include <openssl/x509.h>
#include <stdlib.h>

static const uint8_t alpn[] = {5, 'd', 'p', 'c', '/', '1'};

static enum err judge(struct net_tls_conn *conn, const char **ret_reason)
{
	const struct certificate_info *info = certificate_info(conn->certificate);
	enum err err = certificate_check(
		conn->certificate, net_unix_now() / USEC_PER_SEC, NULL, ret_reason);
	if (err)
		return err;
	if (conn->expected_id[0] && !node_id_matches_pin(conn->expected_id, &info->pin)) {
		*ret_reason = "another node answered";
		return ERR_MISMATCH;
	}
	if (conn->has_expected_pin && !node_pin_equal(&conn->expected_pin, &info->pin)) {
		*ret_reason = "the key is not the one known";
		return ERR_UNTRUSTED;
	}
	return ERR_OK;
}

/* Takes the place of a chain's verification: there are no authorities. That the other side holds
 * the key is proved by TLS afterwards. */
static int verify(X509_STORE_CTX *store, void *user)
{
	(void)user;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct net_tls_conn *conn = SSL_get_app_data(ssl);
	X509 *x509 = X509_STORE_CTX_get0_cert(store);
	certificate_destroy(conn->certificate);
	conn->certificate = NULL;
	conn->verify_reason = "the certificate cannot be read";
	conn->verify_err = x509 ? certificate_of_x509(x509, &conn->certificate) : ERR_MALFORMED;
	if (!conn->verify_err)
		conn->verify_err = judge(conn, &conn->verify_reason);
	if (!conn->verify_err)
		return 1;
	X509_STORE_CTX_set_error(store, conn->verify_err == ERR_EXPIRED
						? X509_V_ERR_CERT_HAS_EXPIRED
						: X509_V_ERR_CERT_REJECTED);
	return 0;
}

static int select_alpn(SSL *ssl, const unsigned char **ret_out, unsigned char *ret_size,
	const unsigned char *offered, unsigned offered_size, void *user)
{
	(void)ssl;
	(void)user;
	struct reader r = reader_of(bytes_of(offered, offered_size));
	while (!r.failed && r.rest.size > 0) {
		struct bytes name = read_bytes(&r, read_u8(&r));
		if (bytes_equal(name, bytes_of(alpn + 1, alpn[0]))) {
			*ret_out = name.data;
			*ret_size = alpn[0];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool configure(SSL_CTX *ctx, const struct identity *identity)
{
	static const uint8_t context[] = "dpc/1";
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	SSL_CTX_set_max_cert_list(ctx, CERTIFICATE_SIZE_MAX);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, context, sizeof(context) - 1) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
					     "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
	       SSL_CTX_use_certificate(ctx, certificate_x509(identity_certificate(identity))) ==
		       1 &&
	       SSL_CTX_use_PrivateKey(ctx, identity_private_key(identity)) == 1;
}

enum err net_tls_create(
	struct net_loop *loop, const struct identity *identity, struct net_tls **ret_tls)
{
	struct net_tls *tls = malloc(sizeof(*tls));
	if (!tls)
		return ERR_NOMEM;
	tls->loop = loop;
	ERR_clear_error();
	tls->ctx = SSL_CTX_new(TLS_method());
	if (!tls->ctx || !configure(tls->ctx, identity)) {
		net_tls_destroy(tls);
		return ERR_CRYPTO;
	}
	*ret_tls = tls;
	return ERR_OK;
}

void net_tls_destroy(struct net_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

enum err tls_session_create(struct net_tls_conn *conn)
{
	conn->ssl = SSL_new(conn->tls->ctx);
	conn->in = BIO_new(BIO_s_mem());
	conn->out = BIO_new(BIO_s_mem());
	if (!conn->ssl || !conn->in || !conn->out) {
		BIO_free(conn->in);
		BIO_free(conn->out);
		conn->in = conn->out = NULL;
		return ERR_NOMEM;
	}
	/* An empty BIO is one that has to wait, not an end. */
	BIO_set_mem_eof_return(conn->in, -1);
	BIO_set_mem_eof_return(conn->out, -1);
	SSL_set_bio(conn->ssl, conn->in, conn->out);
	SSL_set_app_data(conn->ssl, conn);
	if (conn->server) {
		SSL_set_accept_state(conn->ssl);
		return ERR_OK;
	}
	SSL_set_connect_state(conn->ssl);
	return SSL_set_alpn_protos(conn->ssl, alpn, sizeof(alpn)) == 0 ? ERR_OK : ERR_NOMEM;
}

static bool alpn_agreed(SSL *ssl)
{
	const unsigned char *name;
	unsigned size;
	SSL_get0_alpn_selected(ssl, &name, &size);
	return bytes_equal(bytes_of(name, size), bytes_of(alpn + 1, alpn[0]));
}

enum err tls_session_handshake(struct net_tls_conn *conn, const char **ret_reason)
{
	ERR_clear_error();
	int result = SSL_do_handshake(conn->ssl);
	if (result == 1) {
		*ret_reason = "the other side does not speak dpc/1";
		return alpn_agreed(conn->ssl) && conn->certificate ? ERR_OK : ERR_CRYPTO;
	}
	int error = SSL_get_error(conn->ssl, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return ERR_AGAIN;
	if (conn->verify_err) {
		*ret_reason = conn->verify_reason;
		return conn->verify_err;
	}
	const char *text = ERR_reason_error_string(ERR_peek_error());
	*ret_reason = text ? text : "the TLS handshake failed";
	return ERR_CRYPTO;
}
