/* A connection, from ClientHello to close_notify: who gets which record. */
#include "dtls/dtls.h"
#include "base/text.h"
#include "dtls/internal.h"
#include "dtls/limits.h"

/* libssl does not count what AEAD adds to the one encrypted message of a flight. */
#define FLIGHT_RESERVE 24

#define ALERT_SIZE 2
#define ALERT_WARNING 1
#define ALERT_FATAL 2
#define ALERT_CLOSE_NOTIFY 0
#define ALERT_ROOM (ALERT_SIZE + DTLS_OVERHEAD_MAX)

static bool owns_records(enum dtls_records records)
{
	switch (records) {
	case DTLS_RECORDS_DEFAULT:
		return !DPC_LIBSSL_RECORDS;
	case DTLS_RECORDS_OWN:
		return true;
	case DTLS_RECORDS_LIBSSL:
		return false;
	}
	return false;
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
	dtls->ahead = buffer_with_max(DTLS_AHEAD_BYTES_MAX);
	dtls->client = config->client;
	dtls->own_records = owns_records(config->records);
	dtls->deadline = USEC_NEVER;
	dtls->timeout_first = DTLS_TIMEOUT_DEFAULT_US;
	enum err err = handshake_prepare(dtls, config->certificate);
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
	record_layer_deinit(&dtls->layer);
	datagram_queue_deinit(&dtls->datagrams.queue);
	datagram_queue_deinit(&dtls->early);
	buffer_deinit(&dtls->ahead);
	free(dtls);
}

static usec clamp(usec value, usec low, usec high)
{
	return usec_min(usec_max(value, low), high);
}

void dtls_set_round_trip(struct dtls *dtls, usec round_trip)
{
	CHECK(round_trip >= 0);
	/* Capped before it is doubled, as whoever measured it may have measured anything. */
	usec capped = usec_min(round_trip, DTLS_TIMEOUT_FIRST_MAX_US);
	dtls->timeout_first = clamp(2 * capped, DTLS_TIMEOUT_MIN_US, DTLS_TIMEOUT_FIRST_MAX_US);
}

void dtls_fail(struct dtls *dtls, const char *what, const char *reason)
{
	snprintf(dtls->error, sizeof dtls->error, "%s: %s", what, reason);
	dtls->state = DTLS_FAILED;
}

static void set_deadline(struct dtls *dtls, usec now)
{
	usec left;
	dtls->deadline = USEC_NEVER;
	if (dtls->state == DTLS_HANDSHAKE && handshake_timeout(dtls, &left))
		dtls->deadline = now + left;
}

void dtls_start(struct dtls *dtls, usec now)
{
	CHECK(dtls->state == DTLS_NEW);
	CHECK(dtls->expected_hash != NULL);
	dtls->state = DTLS_HANDSHAKE;
	handshake_step(dtls);
	struct datagram_queue early = dtls->early;
	dtls->early = datagram_queue_with_max(0);
	struct bytes datagram;
	while (datagram_queue_peek(&early, &datagram)) {
		dtls_receive(dtls, now, datagram);
		datagram_queue_pop(&early);
	}
	datagram_queue_deinit(&early);
	dtls->input = (struct bytes){0};
	set_deadline(dtls, now);
}

/* ---- Our own records, and alerts ---- */

static void send_alert(struct dtls *dtls, uint8_t level, uint8_t description)
{
	uint8_t record[ALERT_ROOM];
	size_t headroom = record_headroom(dtls->suite), size;
	record[headroom] = level;
	record[headroom + 1] = description;
	/* When it cannot be sealed or queued it is lost, as it may be on its way. */
	if (record_layer_seal(&dtls->layer, DTLS_RECORD_ALERT, record, ALERT_SIZE, &size) == ERR_OK)
		(void)datagram_queue_push(&dtls->datagrams.queue, bytes_of(record, size));
}

static bool open_own(struct dtls *dtls, const struct dtls_record *record, uint8_t *data,
	size_t capacity, size_t *ret_size)
{
	if (record_layer_open(&dtls->layer, record, data, capacity, ret_size))
		return true;
	if (record_layer_is_worn(&dtls->layer))
		dtls_fail(dtls, "connection failed", "too many forged records");
	return false;
}

static void receive_alert(struct dtls *dtls, const struct dtls_record *record)
{
	uint8_t alert[ALERT_ROOM];
	size_t size;
	if (!open_own(dtls, record, alert, sizeof alert, &size) || size != ALERT_SIZE) {
		dtls->stats.dropped++;
		return;
	}
	/* RFC 5246 section 7.2.1: close_notify is answered with one. The other warnings are about
	 * what we neither ask for nor do. */
	if (alert[1] == ALERT_CLOSE_NOTIFY)
		dtls_close(dtls);
	else if (alert[0] == ALERT_FATAL)
		dtls_fail(dtls, "connection failed: peer's alert",
			SSL_alert_desc_string_long(alert[1]));
}

/* ---- Input ---- */

static bool is_application_data(const struct dtls_record *record)
{
	return record->type == DTLS_RECORD_APPLICATION_DATA && record->epoch == 1;
}

/* The record that is next, and remains so until skip_record(). */
static bool peek_record(const struct dtls *dtls, struct dtls_record *ret_record)
{
	struct bytes rest = bytes_slice(buffer_bytes(&dtls->ahead), dtls->ahead_read, SIZE_MAX);
	if (rest.size == 0)
		rest = dtls->input;
	return dtls_record_next(&rest, ret_record);
}

static void skip_record(struct dtls *dtls, const struct dtls_record *record)
{
	size_t size = record->whole.size;
	if (dtls->ahead_read == dtls->ahead.size) {
		dtls->input = bytes_slice(dtls->input, size, SIZE_MAX);
		dtls->input_unread -= is_application_data(record);
		return;
	}
	dtls->ahead_read += size;
	if (dtls->ahead_read == dtls->ahead.size) {
		buffer_deinit(&dtls->ahead);
		dtls->ahead_read = 0;
	}
}

/* One that is not application data. Nothing is renegotiated: what is left of handshakes once libssl
 * is gone are repetitions, or a HelloRequest, which RFC 5246 section 7.4.1.1 lets a client ignore.
 */
static void receive_other(struct dtls *dtls, const struct dtls_record *record)
{
	if (dtls->ssl)
		handshake_receive_late(dtls, record);
	else if (record->type == DTLS_RECORD_ALERT)
		receive_alert(dtls, record);
	else
		dtls->stats.dropped++;
}

/* Deals with all that is before the next application record; false when there is none. */
static bool find_application_data(struct dtls *dtls, struct dtls_record *ret_record)
{
	while (dtls->state == DTLS_OPEN && peek_record(dtls, ret_record)) {
		if (is_application_data(ret_record))
			return true;
		receive_other(dtls, ret_record);
		skip_record(dtls, ret_record);
	}
	return false;
}

/* Records to be read now or later; what is behind the last whole one is dropped. */
static void set_input(struct dtls *dtls, struct bytes datagram)
{
	struct dtls_record record;
	dtls->input = datagram;
	dtls->input_unread = 0;
	while (dtls_record_next(&datagram, &record))
		dtls->input_unread += is_application_data(&record);
	if (datagram.size > 0)
		dtls->stats.dropped++;
}

static void receive_handshake(struct dtls *dtls, struct bytes datagram)
{
	struct dtls_record record;
	while (dtls->state == DTLS_HANDSHAKE && dtls_record_next(&datagram, &record))
		handshake_receive(dtls, &record);
	if (dtls->state == DTLS_OPEN)
		set_input(dtls, datagram);
	else if (datagram.size > 0)
		dtls->stats.dropped++;
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
	struct dtls_record record;
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
		dtls->stats.dropped += dtls->input_unread;
		set_input(dtls, datagram);
		break;
	case DTLS_CLOSED:
	case DTLS_FAILED:
		dtls->stats.dropped++;
		break;
	}
	(void)find_application_data(dtls, &record);
	set_deadline(dtls, now);
}

/* An authentic one shows that the peer's handshake is done: RFC 5246 section 7.4.9 has it wait for
 * our Finished before it sends any. */
static bool open_record(struct dtls *dtls, const struct dtls_record *record, uint8_t *data,
	size_t capacity, size_t *ret_size)
{
	if (!dtls->own_records)
		return handshake_open(dtls, record, data, capacity, ret_size);
	if (!open_own(dtls, record, data, capacity, ret_size))
		return false;
	handover_finish(dtls);
	return true;
}

bool dtls_read(struct dtls *dtls, uint8_t *data, size_t capacity, size_t *ret_size)
{
	struct dtls_record record;
	while (find_application_data(dtls, &record)) {
		size_t size;
		bool is_open = open_record(dtls, &record, data, capacity, &size);
		dtls->stats.dropped += !is_open;
		skip_record(dtls, &record);
		if (is_open && size > 0) {
			/* An alert behind it takes effect at once. */
			(void)find_application_data(dtls, &record);
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
	if (dtls->state == DTLS_HANDSHAKE)
		handshake_advance(dtls);
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

size_t dtls_headroom(const struct dtls *dtls)
{
	return dtls->suite ? record_headroom(dtls->suite) : 0;
}

static enum err seal(struct dtls *dtls, uint8_t *record, size_t size, size_t *ret_size)
{
	if (dtls->ssl)
		return handshake_seal(dtls, record, size, ret_size);
	enum err err = record_layer_seal(
		&dtls->layer, DTLS_RECORD_APPLICATION_DATA, record, size, ret_size);
	if (err == ERR_LIMIT) {
		send_alert(dtls, ALERT_WARNING, ALERT_CLOSE_NOTIFY);
		dtls_fail(dtls, "connection failed", "its keys have sealed all that they may");
	}
	return err;
}

enum err dtls_seal(
	struct dtls *dtls, uint8_t *record, size_t capacity, size_t size, size_t *ret_size)
{
	CHECK(size > 0);
	if (dtls->state != DTLS_OPEN)
		return ERR_STATE;
	if (size > RECORD_PLAINTEXT_MAX || capacity < size + DTLS_OVERHEAD_MAX)
		return ERR_TOO_LARGE;
	enum err err = seal(dtls, record, size, ret_size);
	dtls->stats.records_out += !err;
	return err;
}

void dtls_close(struct dtls *dtls)
{
	if (dtls->state == DTLS_CLOSED || dtls->state == DTLS_FAILED)
		return;
	/* Before the handshake is done there is nobody to tell: an alert would not be authentic. */
	if (dtls->state == DTLS_OPEN && dtls->ssl)
		handshake_close(dtls);
	else if (dtls->state == DTLS_OPEN)
		send_alert(dtls, ALERT_WARNING, ALERT_CLOSE_NOTIFY);
	dtls->state = DTLS_CLOSED;
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
