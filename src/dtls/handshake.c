/* The handshake, by libssl, and the records that are libssl's.
 *
 * Input goes to libssl record by record. During the handshake plaintext ones are looked at first
 * (record.h), and those of the next epoch wait here until libssl has changed to it: it would keep
 * them in buffers larger than they are. libssl copies a record before it returns, so nothing stays
 * borrowed.
 *
 * libssl reads the time of day itself for its retransmission timer;
 * docs/decisions/0001-dtls-clock.md says what follows from that. A lost last flight is answered by
 * libssl when the peer repeats its own, within SSL_peek(). */
#include "base/text.h"
#include "dtls/internal.h"
#include "dtls/limits.h"
#include "dtls/suite.h"

/* A call that left no error and asks for nothing has dropped something and can go on. There are no
 * more messages in a record than this. */
#define STEPS_MAX 64

static const char impostor_text[] = "peer certificate does not have the expected fingerprint";

/* libssl asks for the length of the next timeout: the last one is 0 for the first of a flight. */
static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	struct dtls *dtls = SSL_get_app_data(ssl);
	if (last_us == 0)
		return (unsigned)dtls->timeout_first;
	dtls->stats.retransmissions++;
	return (unsigned)usec_min(2 * (usec)last_us, DTLS_TIMEOUT_MAX_US);
}

enum err handshake_prepare(struct dtls *dtls, const struct dtls_certificate *certificate)
{
	CHECK(certificate->key != NULL);
	SSL_CTX *context = dtls_context();
	dtls->ssl = context ? SSL_new(context) : NULL;
	if (!dtls->ssl)
		return openssl_error(ERR_CRYPTO);
	SSL_set_app_data(dtls->ssl, dtls);
	BIO *bio;
	enum err err = datagram_bio_create(&dtls->datagrams, &bio);
	if (err)
		return err;
	SSL_set_bio(dtls->ssl, bio, bio);
	DTLS_set_timer_cb(dtls->ssl, next_timeout);
	if (SSL_use_certificate(dtls->ssl, certificate->x509) != 1 ||
		SSL_use_PrivateKey(dtls->ssl, certificate->key) != 1)
		return openssl_error(ERR_CRYPTO);
	if (dtls->client)
		SSL_set_connect_state(dtls->ssl);
	else
		SSL_set_accept_state(dtls->ssl);
	return ERR_OK;
}

/* ---- Going on ---- */

/* From what libssl left in its queue of errors, which is emptied. */
static void fail(struct dtls *dtls)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	bool was_open = dtls->state == DTLS_OPEN;
	dtls_fail(dtls, was_open ? "connection failed" : "handshake failed",
		reason ? reason : "no cause given");
	if (dtls->impostor)
		text_copy(dtls->error, sizeof dtls->error, impostor_text);
	ERR_clear_error();
}

/* What follows from a call that did not succeed; true when libssl waits for input. */
static bool is_waiting(struct dtls *dtls, int result)
{
	switch (SSL_get_error(dtls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return true;
	case SSL_ERROR_ZERO_RETURN:
		/* RFC 5246 section 7.2.1: close_notify is answered with one. */
		dtls_close(dtls);
		return false;
	case SSL_ERROR_SSL:
		fail(dtls);
		return false;
	default:
		/* Dropped without an error: a message out of order that makes no sense. */
		return false;
	}
}

static void become_open(struct dtls *dtls)
{
	enum err err = handover_begin(dtls);
	if (err)
		dtls_fail(dtls, "handshake failed", err_text(err));
	else
		dtls->state = DTLS_OPEN;
}

void handshake_step(struct dtls *dtls)
{
	for (int i = 0; i < STEPS_MAX && dtls->state == DTLS_HANDSHAKE; i++) {
		ERR_clear_error();
		int result = SSL_do_handshake(dtls->ssl);
		if (result == 1) {
			become_open(dtls);
			return;
		}
		if (is_waiting(dtls, result))
			return;
	}
}

/* ---- Input ---- */

static void give(struct dtls *dtls, const struct dtls_record *record)
{
	dtls->datagrams.input = record->whole;
	handshake_step(dtls);
	dtls->datagrams.input = (struct bytes){0};
}

/* Whether libssl has changed to the next epoch, and waits for Finished. */
static bool has_changed(const struct dtls *dtls)
{
	OSSL_HANDSHAKE_STATE at = SSL_get_state(dtls->ssl);
	return at == TLS_ST_SR_CHANGE || at == TLS_ST_CR_CHANGE;
}

/* Whether a record of the next epoch can hold what its cipher adds. From 3.0.19 on libssl ends the
 * connection over a shorter one, which anybody can have sent. RFC 6347 section 4.1.2.7: "invalid
 * records SHOULD be silently discarded". */
static bool is_long_enough(const struct dtls *dtls, const struct dtls_record *record)
{
	const struct suite *suite = dtls->suite;
	const SSL_CIPHER *cipher = suite ? NULL : SSL_get_pending_cipher(dtls->ssl);
	if (cipher)
		suite = suite_find(SSL_CIPHER_get_protocol_id(cipher));
	return suite && record->fragment.size >= suite->explicit_size + SUITE_TAG_SIZE;
}

static void keep_ahead(struct dtls *dtls, const struct dtls_record *record)
{
	if (buffer_append(&dtls->ahead, record->whole) != ERR_OK)
		dtls->stats.dropped++;
}

static void receive_next_epoch(struct dtls *dtls, const struct dtls_record *record)
{
	if (record->type == DTLS_RECORD_APPLICATION_DATA || !has_changed(dtls))
		keep_ahead(dtls, record);
	else if (is_long_enough(dtls, record))
		give(dtls, record);
	else
		dtls->stats.dropped++;
}

/* What was kept ahead of the change. Application records are kept on, for when it is all done. */
static void receive_ahead(struct dtls *dtls)
{
	struct buffer kept = dtls->ahead;
	struct bytes rest = buffer_bytes(&kept);
	struct dtls_record record;
	dtls->ahead = buffer_with_max(DTLS_AHEAD_BYTES_MAX);
	while (dtls_record_next(&rest, &record)) {
		if (dtls->state == DTLS_HANDSHAKE)
			receive_next_epoch(dtls, &record);
		else
			keep_ahead(dtls, &record);
	}
	buffer_deinit(&kept);
}

void handshake_receive(struct dtls *dtls, const struct dtls_record *record)
{
	if (!dtls_record_is_plausible(record)) {
		dtls->stats.dropped++;
		return;
	}
	if (record->epoch > 0) {
		receive_next_epoch(dtls, record);
		return;
	}
	give(dtls, record);
	if (dtls->state == DTLS_HANDSHAKE && dtls->ahead.size > 0 && has_changed(dtls))
		receive_ahead(dtls);
}

void handshake_receive_late(struct dtls *dtls, const struct dtls_record *record)
{
	uint8_t first;
	size_t size;
	if (!dtls_record_is_plausible(record) ||
		(record->epoch > 0 && !is_long_enough(dtls, record))) {
		dtls->stats.dropped++;
		return;
	}
	dtls->datagrams.input = record->whole;
	ERR_clear_error();
	if (SSL_peek_ex(dtls->ssl, &first, 1, &size) != 1)
		(void)is_waiting(dtls, 0);
	dtls->datagrams.input = (struct bytes){0};
}

/* ---- Time ---- */

void handshake_advance(struct dtls *dtls)
{
	ERR_clear_error();
	if (DTLSv1_handle_timeout(dtls->ssl) < 0)
		fail(dtls);
}

bool handshake_timeout(struct dtls *dtls, usec *ret_left)
{
	struct timeval left;
	if (DTLSv1_get_timeout(dtls->ssl, &left) != 1)
		return false;
	*ret_left = (usec)left.tv_sec * USEC_PER_SEC + (usec)left.tv_usec;
	return true;
}

/* ---- Records ---- */

enum err handshake_seal(struct dtls *dtls, uint8_t *record, size_t size, size_t *ret_size)
{
	size_t headroom = record_headroom(dtls->suite), written;
	/* libssl has copied the plaintext when it writes the record over it. */
	struct writer w = writer_of(record, headroom + size + RECORD_TAILROOM);
	ERR_clear_error();
	dtls->datagrams.direct = &w;
	int result = SSL_write_ex(dtls->ssl, record + headroom, size, &written);
	dtls->datagrams.direct = NULL;
	if (result != 1) {
		fail(dtls);
		return ERR_STATE;
	}
	CHECK(!w.failed);
	*ret_size = w.size;
	return ERR_OK;
}

bool handshake_open(struct dtls *dtls, const struct dtls_record *record, uint8_t *data,
	size_t capacity, size_t *ret_size)
{
	uint8_t scratch[RECORD_PLAINTEXT_MAX];
	size_t size = 0;
	if (!is_long_enough(dtls, record))
		return false;
	dtls->datagrams.input = record->whole;
	ERR_clear_error();
	int result = SSL_read_ex(dtls->ssl, scratch, sizeof scratch, &size);
	dtls->datagrams.input = (struct bytes){0};
	if (result != 1) {
		(void)is_waiting(dtls, result);
		return false;
	}
	if (size > capacity)
		return false;
	memcpy(data, scratch, size);
	*ret_size = size;
	return true;
}

void handshake_close(struct dtls *dtls)
{
	(void)SSL_shutdown(dtls->ssl);
	ERR_clear_error();
}
