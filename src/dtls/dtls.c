/* A connection, from ClientHello to close_notify.
 *
 * Input goes to libssl record by record during the handshake, after a look at the plaintext ones
 * (record.h), and datagram by datagram afterwards, when all that is not authenticated is dropped by
 * libssl itself. libssl copies a datagram before it returns, so nothing stays borrowed.
 *
 * libssl reads the time of day itself for its retransmission timer;
 * docs/decisions/0001-dtls-clock.md says what follows from that. A lost last flight is answered by
 * libssl when the peer repeats its own, within SSL_peek() or SSL_read(). */
#include "dtls/dtls.h"
#include "base/text.h"
#include "dtls/internal.h"
#include "dtls/limits.h"
#include "dtls/record.h"

/* libssl does not count what AEAD adds to the one encrypted message of a flight. */
#define FLIGHT_RESERVE 24

/* A call that left no error and asks for nothing has dropped something and can go on. There are no
 * more messages in a record than this. */
#define HANDSHAKE_STEPS_MAX 64

static const char impostor_text[] = "peer certificate does not have the expected fingerprint";

static usec clamp(usec value, usec low, usec high)
{
	return usec_min(usec_max(value, low), high);
}

/* libssl asks for the length of the next timeout: the last one is 0 for the first of a flight. */
static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	struct dtls *dtls = SSL_get_app_data(ssl);
	if (last_us == 0)
		return (unsigned)dtls->timeout_first;
	dtls->stats.retransmissions++;
	return (unsigned)usec_min(2 * (usec)last_us, DTLS_TIMEOUT_MAX_US);
}

static enum err prepare(struct dtls *dtls, const struct dtls_config *config)
{
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
	if (SSL_use_certificate(dtls->ssl, config->certificate->x509) != 1 ||
		SSL_use_PrivateKey(dtls->ssl, config->certificate->key) != 1)
		return openssl_error(ERR_CRYPTO);
	if (dtls->client)
		SSL_set_connect_state(dtls->ssl);
	else
		SSL_set_accept_state(dtls->ssl);
	return ERR_OK;
}

enum err dtls_create(const struct dtls_config *config, struct dtls **ret_dtls)
{
	size_t mtu = config->mtu ? config->mtu : DTLS_MTU_DEFAULT;
	CHECK(mtu >= DTLS_MTU_MIN);
	struct dtls *dtls = calloc(1, sizeof *dtls);
	if (!dtls)
		return ERR_NOMEM;
	dtls->datagrams =
		(struct datagram_bio){.queue = datagram_queue_with_max(DTLS_QUEUE_BYTES_MAX),
			.mtu = mtu - FLIGHT_RESERVE};
	dtls->early = datagram_queue_with_max(DTLS_EARLY_BYTES_MAX);
	dtls->client = config->client;
	dtls->deadline = USEC_NEVER;
	dtls->timeout_first = DTLS_TIMEOUT_DEFAULT_US;
	enum err err = prepare(dtls, config);
	if (err) {
		dtls_destroy(dtls);
		return err;
	}
	*ret_dtls = dtls;
	return ERR_OK;
}

void dtls_destroy(struct dtls *dtls)
{
	if (!dtls)
		return;
	SSL_free(dtls->ssl);
	datagram_queue_deinit(&dtls->datagrams.queue);
	datagram_queue_deinit(&dtls->early);
	free(dtls);
}

void dtls_set_round_trip(struct dtls *dtls, usec round_trip)
{
	CHECK(round_trip >= 0);
	/* Capped before it is doubled, as whoever measured it may have measured anything. */
	usec capped = usec_min(round_trip, DTLS_TIMEOUT_FIRST_MAX_US);
	dtls->timeout_first = clamp(2 * capped, DTLS_TIMEOUT_MIN_US, DTLS_TIMEOUT_FIRST_MAX_US);
}

/* ---- State ---- */

static void set_deadline(struct dtls *dtls, usec now)
{
	struct timeval left;
	dtls->deadline = USEC_NEVER;
	if (dtls->state == DTLS_HANDSHAKE && DTLSv1_get_timeout(dtls->ssl, &left) == 1)
		dtls->deadline = now + (usec)left.tv_sec * USEC_PER_SEC + (usec)left.tv_usec;
}

/* From what libssl left in its queue of errors, which is emptied. */
static void fail(struct dtls *dtls)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	bool was_open = dtls->state == DTLS_OPEN;
	if (dtls->impostor)
		text_copy(dtls->error, sizeof dtls->error, impostor_text);
	else
		snprintf(dtls->error, sizeof dtls->error, "%s: %s",
			was_open ? "connection failed" : "handshake failed",
			reason ? reason : "no cause given");
	ERR_clear_error();
	dtls->state = DTLS_FAILED;
	dtls->readable = false;
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

static void step_handshake(struct dtls *dtls)
{
	for (int i = 0; i < HANDSHAKE_STEPS_MAX && dtls->state == DTLS_HANDSHAKE; i++) {
		ERR_clear_error();
		int result = SSL_do_handshake(dtls->ssl);
		if (result == 1) {
			dtls->state = DTLS_OPEN;
			return;
		}
		if (is_waiting(dtls, result))
			return;
	}
}

void dtls_start(struct dtls *dtls, usec now)
{
	CHECK(dtls->state == DTLS_NEW);
	CHECK(dtls->expected_hash != NULL);
	dtls->state = DTLS_HANDSHAKE;
	step_handshake(dtls);
	struct datagram_queue early = dtls->early;
	dtls->early = datagram_queue_with_max(0);
	struct bytes datagram;
	while (datagram_queue_peek(&early, &datagram)) {
		dtls_receive(dtls, now, datagram);
		datagram_queue_pop(&early);
	}
	datagram_queue_deinit(&early);
	set_deadline(dtls, now);
}

/* ---- Input ---- */

/* Brings the next record out of libssl if there is one. Two cases are one to libssl's caller: what
 * it was given was no good, or there was nothing. */
static void look_for_plaintext(struct dtls *dtls)
{
	uint8_t first;
	size_t size;
	ERR_clear_error();
	dtls->readable = SSL_peek_ex(dtls->ssl, &first, 1, &size) == 1;
	if (dtls->readable)
		return;
	(void)is_waiting(dtls, 0);
	dtls->stats.dropped += dtls->awaiting;
	dtls->awaiting = 0;
}

/* A record that was found, whole; 0 when it is empty or does not fit, or when libssl failed. */
static size_t take_plaintext(struct dtls *dtls, uint8_t *data, size_t capacity)
{
	uint8_t scratch[SSL3_RT_MAX_PLAIN_LENGTH];
	bool direct = capacity >= sizeof scratch;
	size_t size = 0;
	dtls->awaiting -= dtls->awaiting > 0;
	ERR_clear_error();
	if (SSL_read_ex(dtls->ssl, direct ? data : scratch, sizeof scratch, &size) != 1)
		return 0;
	if (direct)
		return size;
	if (size > capacity) {
		dtls->stats.dropped++;
		return 0;
	}
	memcpy(data, scratch, size);
	return size;
}

/* After one was taken. Most datagrams hold one record, and then there is nothing to look for. */
static void look_further(struct dtls *dtls)
{
	if (dtls->alone)
		dtls->readable = false;
	else
		look_for_plaintext(dtls);
}

/* The caller did not read them. */
static void discard_plaintext(struct dtls *dtls)
{
	uint8_t scratch[SSL3_RT_MAX_PLAIN_LENGTH];
	while (dtls->readable) {
		if (take_plaintext(dtls, scratch, sizeof scratch) > 0)
			dtls->stats.dropped++;
		look_further(dtls);
	}
}

static void receive_handshake_record(struct dtls *dtls, const struct dtls_record *record)
{
	if (!dtls_record_is_plausible(record)) {
		dtls->stats.dropped++;
		return;
	}
	if (record->type == DTLS_RECORD_APPLICATION_DATA)
		dtls->awaiting++;
	dtls->datagrams.input = record->whole;
	step_handshake(dtls);
	dtls->datagrams.input = (struct bytes){0};
}

static void receive_open(struct dtls *dtls, struct bytes datagram)
{
	struct bytes rest = datagram;
	struct dtls_record record;
	size_t records = 0;
	for (; dtls_record_next(&rest, &record); records++) {
		if (record.type == DTLS_RECORD_APPLICATION_DATA)
			dtls->awaiting++;
	}
	if (rest.size > 0)
		dtls->stats.dropped++;
	dtls->alone = records == 1 && dtls->awaiting == 1;
	dtls->datagrams.input = datagram;
	look_for_plaintext(dtls);
	dtls->datagrams.input = (struct bytes){0};
}

static void receive_handshake(struct dtls *dtls, struct bytes datagram)
{
	struct dtls_record record;
	while (dtls->state == DTLS_HANDSHAKE && dtls_record_next(&datagram, &record))
		receive_handshake_record(dtls, &record);
	if (dtls->state == DTLS_OPEN) {
		/* With nothing left too: libssl may have kept records that came too early. */
		receive_open(dtls, datagram);
	} else if (datagram.size > 0) {
		dtls->stats.dropped++;
	}
}

/* Only the start of a handshake is worth keeping. */
static void receive_early(struct dtls *dtls, struct bytes datagram)
{
	struct bytes rest = datagram;
	struct dtls_record record;
	if (!dtls_record_next(&rest, &record) || record.type != DTLS_RECORD_HANDSHAKE ||
		!dtls_record_is_plausible(&record) || !datagram_queue_push(&dtls->early, datagram))
		dtls->stats.dropped++;
}

void dtls_receive(struct dtls *dtls, usec now, struct bytes datagram)
{
	if (datagram.size == 0 || datagram.size > DTLS_DATAGRAM_MAX) {
		dtls->stats.dropped++;
		return;
	}
	switch (dtls->state) {
	case DTLS_NEW:
		receive_early(dtls, datagram);
		break;
	case DTLS_HANDSHAKE:
		receive_handshake(dtls, datagram);
		break;
	case DTLS_OPEN:
		discard_plaintext(dtls);
		if (dtls->state == DTLS_OPEN)
			receive_open(dtls, datagram);
		break;
	case DTLS_CLOSED:
	case DTLS_FAILED:
		dtls->stats.dropped++;
		break;
	}
	set_deadline(dtls, now);
}

bool dtls_read(struct dtls *dtls, uint8_t *data, size_t capacity, size_t *ret_size)
{
	while (dtls->readable) {
		size_t size = take_plaintext(dtls, data, capacity);
		look_further(dtls);
		if (size > 0) {
			dtls->stats.records_in++;
			*ret_size = size;
			return true;
		}
	}
	return false;
}

/* ---- Time ---- */

void dtls_advance(struct dtls *dtls, usec now)
{
	if (dtls->state == DTLS_HANDSHAKE) {
		ERR_clear_error();
		if (DTLSv1_handle_timeout(dtls->ssl) < 0)
			fail(dtls);
	}
	set_deadline(dtls, now);
}

usec dtls_deadline(const struct dtls *dtls)
{
	return dtls->deadline;
}

/* ---- Output ---- */

size_t dtls_write(struct dtls *dtls, uint8_t *data, size_t capacity)
{
	struct bytes datagram;
	if (!datagram_queue_peek(&dtls->datagrams.queue, &datagram))
		return 0;
	size_t size = datagram.size;
	CHECK(size <= capacity);
	memcpy(data, datagram.data, size);
	datagram_queue_pop(&dtls->datagrams.queue);
	return size;
}

enum err dtls_seal(
	struct dtls *dtls, struct bytes plaintext, uint8_t *data, size_t capacity, size_t *ret_size)
{
	CHECK(plaintext.size > 0);
	if (dtls->state != DTLS_OPEN)
		return ERR_STATE;
	if (plaintext.size > SSL3_RT_MAX_PLAIN_LENGTH ||
		capacity < plaintext.size + DTLS_OVERHEAD_MAX)
		return ERR_TOO_LARGE;
	struct writer w = writer_of(data, capacity);
	size_t written;
	ERR_clear_error();
	dtls->datagrams.direct = &w;
	int result = SSL_write_ex(dtls->ssl, plaintext.data, plaintext.size, &written);
	dtls->datagrams.direct = NULL;
	if (result != 1) {
		fail(dtls);
		return ERR_STATE;
	}
	CHECK(!w.failed);
	dtls->stats.records_out++;
	*ret_size = w.size;
	return ERR_OK;
}

void dtls_close(struct dtls *dtls)
{
	if (dtls->state == DTLS_CLOSED || dtls->state == DTLS_FAILED)
		return;
	/* Before the handshake is done there is nobody to tell: an alert would not be authentic. */
	if (dtls->state == DTLS_OPEN) {
		(void)SSL_shutdown(dtls->ssl);
		ERR_clear_error();
	}
	dtls->state = DTLS_CLOSED;
	dtls->readable = false;
	dtls->deadline = USEC_NEVER;
}

/* ---- What is going on ---- */

enum dtls_state dtls_state(const struct dtls *dtls)
{
	return dtls->state;
}

const char *dtls_error(const struct dtls *dtls)
{
	return dtls->error;
}

const struct dtls_stats *dtls_stats(const struct dtls *dtls)
{
	return &dtls->stats;
}
