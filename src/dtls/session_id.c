/* The extension external_session_id (RFC 8844 section 4.3): each hello says the tls-id of its
 * side's description. A handshake of another session is refused then, even where an attacker has
 * made that use a certificate that we expect; and where several connections share a path their
 * hellos can be told apart (claim.c). */
#include "dtls/session_id.h"
#include "dtls/internal.h"

#include <stdlib.h>

/* struct { opaque session_id<20..255>; } ExternalSessionId */
static int add(SSL *ssl, unsigned type, unsigned context, const unsigned char **ret_data,
	size_t *ret_size, X509 *x509, size_t chain_index, int *ret_alert, void *user)
{
	(void)type;
	(void)context;
	(void)x509;
	(void)chain_index;
	(void)user;
	const struct dtls *dtls = SSL_get_app_data(ssl);
	size_t size = 1 + dtls->id.size;
	if (dtls->id.size == 0)
		return 0;
	uint8_t *data = malloc(size);
	if (!data) {
		*ret_alert = SSL_AD_INTERNAL_ERROR;
		return -1;
	}
	struct writer w = writer_of(data, size);
	write_u8(&w, (uint8_t)dtls->id.size);
	write_bytes(&w, dtls->id);
	CHECK(!w.failed);
	*ret_data = data;
	*ret_size = size;
	return 1;
}

static void free_added(
	SSL *ssl, unsigned type, unsigned context, const unsigned char *data, void *user)
{
	(void)ssl;
	(void)type;
	(void)context;
	(void)user;
	free((void *)(uintptr_t)data);
}

bool session_id_parse(struct bytes extension, struct bytes *ret_id)
{
	struct reader r = reader_of(extension);
	struct bytes id = read_bytes(&r, read_u8(&r));
	if (r.failed || r.rest.size > 0)
		return false;
	*ret_id = id;
	return true;
}

/* RFC 8844 section 4.3 has another value than the peer's tls-id end the handshake with the alert
 * illegal_parameter, and lets the extension be missing. */
static int parse(SSL *ssl, unsigned type, unsigned context, const unsigned char *data, size_t size,
	X509 *x509, size_t chain_index, int *ret_alert, void *user)
{
	(void)type;
	(void)context;
	(void)x509;
	(void)chain_index;
	(void)user;
	const struct dtls *dtls = SSL_get_app_data(ssl);
	struct bytes id;
	if (!session_id_parse(bytes_of(data, size), &id)) {
		*ret_alert = SSL_AD_DECODE_ERROR;
		return 0;
	}
	*ret_alert = SSL_AD_ILLEGAL_PARAMETER;
	return dtls->remote_id.size == 0 || bytes_equal(id, dtls->remote_id);
}

bool session_id_configure(SSL_CTX *context)
{
	return SSL_CTX_add_custom_ext(context, SESSION_ID_EXTENSION,
		       SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, add, free_added, NULL,
		       parse, NULL) == 1;
}

void dtls_set_ids(struct dtls *dtls, struct bytes ours, struct bytes theirs)
{
	CHECK(dtls->state == DTLS_NEW);
	CHECK(ours.size <= UINT8_MAX);
	dtls->id = ours;
	dtls->remote_id = theirs;
}
