/* Certificate and key of a server, and what is asked of OpenSSL for its sessions. */
#include "net/tls_server.h"

#include "crypto/openssl.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "net/tls_server_internal.h"

/* What tells one state of a file from another. */
struct file_mark {
	struct timespec modified, changed;
	ino_t inode;
	off_t size;
};

struct net_tls_server {
	SSL_CTX *ctx;
	char *certificate_path, *key_path;
	struct file_mark certificate_mark, key_mark; /* when they were last read, or tried to be */
	int64_t expires;
};

/* ---- Files ---- */

/* Zeroed where there is none. */
static struct file_mark mark_of(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return (struct file_mark){0};
	return (struct file_mark){.modified = status.st_mtim,
		.changed = status.st_ctim,
		.inode = status.st_ino,
		.size = status.st_size};
}

static bool is_same(const struct file_mark *a, const struct file_mark *b)
{
	return a->modified.tv_sec == b->modified.tv_sec &&
	       a->modified.tv_nsec == b->modified.tv_nsec &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->inode == b->inode && a->size == b->size;
}

bool net_tls_server_is_stale(const struct net_tls_server *server)
{
	struct file_mark certificate = mark_of(server->certificate_path);
	struct file_mark key = mark_of(server->key_path);
	return !is_same(&certificate, &server->certificate_mark) ||
	       !is_same(&key, &server->key_mark);
}

/* ---- Contexts ---- */

static int select_alpn(SSL *ssl, const unsigned char **ret_out, unsigned char *ret_size,
	const unsigned char *offered, unsigned offered_size, void *user)
{
	(void)ssl;
	(void)user;
	struct reader r = reader_of(bytes_of(offered, offered_size));
	while (!r.failed && r.rest.size > 0) {
		struct bytes name = read_bytes(&r, read_u8(&r));
		if (bytes_equal_text(name, "http/1.1")) {
			*ret_out = name.data;
			*ret_size = (unsigned char)name.size;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool configure(SSL_CTX *ctx)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* What waits to be sent lies in buffers that grow, and may be sent in parts. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

/* Only what is secret is read without asking for a pass phrase on the terminal. */
static int no_pass_phrase(char *text, int size, int writing, void *user)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)user;
	return -1;
}

static void say(char *problem, const char *path, const char *what)
{
	const char *cause = ERR_reason_error_string(ERR_peek_last_error());
	snprintf(problem, NET_TLS_PROBLEM_MAX, "cannot use '%.400s' as %s: %s", path, what,
		cause ? cause : "not in PEM");
}

static enum err load(const struct net_tls_server *server, SSL_CTX *ctx, char *problem)
{
	SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, server->certificate_path) != 1) {
		say(problem, server->certificate_path, "a certificate");
		return ERR_CRYPTO;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, server->key_path, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_check_private_key(ctx) != 1) {
		say(problem, server->key_path, "the certificate's key");
		return ERR_CRYPTO;
	}
	return ERR_OK;
}

static int64_t expiry_of(SSL_CTX *ctx)
{
	struct tm tm = {0};
	const X509 *certificate = SSL_CTX_get0_certificate(ctx);
	if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

enum err net_tls_server_reload(struct net_tls_server *server, char *problem)
{
	/* Before they are read: what changes meanwhile is read once more. */
	server->certificate_mark = mark_of(server->certificate_path);
	server->key_mark = mark_of(server->key_path);
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	enum err err = ctx && configure(ctx) ? ERR_OK : ERR_NOMEM;
	if (err == ERR_OK)
		err = load(server, ctx, problem);
	else
		snprintf(problem, NET_TLS_PROBLEM_MAX, "out of memory");
	ERR_clear_error();
	if (err != ERR_OK) {
		SSL_CTX_free(ctx);
		return err;
	}
	/* Sessions that are open keep the context that they began with. */
	SSL_CTX_free(server->ctx);
	server->ctx = ctx;
	server->expires = expiry_of(ctx);
	return ERR_OK;
}

int64_t net_tls_server_expires(const struct net_tls_server *server)
{
	return server->expires;
}

SSL *tls_server_session(struct net_tls_server *server)
{
	return SSL_new(server->ctx);
}

/* ---- Life ---- */

enum err net_tls_server_create(const char *certificate_path, const char *key_path, char *problem,
	struct net_tls_server **ret_server)
{
	struct net_tls_server *server = calloc(1, sizeof(*server));
	snprintf(problem, NET_TLS_PROBLEM_MAX, "out of memory");
	if (!server)
		return ERR_NOMEM;
	server->certificate_path = text_duplicate(certificate_path);
	server->key_path = text_duplicate(key_path);
	enum err err = server->certificate_path && server->key_path
			       ? net_tls_server_reload(server, problem)
			       : ERR_NOMEM;
	if (err != ERR_OK) {
		net_tls_server_destroy(server);
		return err;
	}
	*ret_server = server;
	return ERR_OK;
}

void net_tls_server_destroy(struct net_tls_server *server)
{
	if (!server)
		return;
	SSL_CTX_free(server->ctx);
	free(server->certificate_path);
	free(server->key_path);
	free(server);
}
