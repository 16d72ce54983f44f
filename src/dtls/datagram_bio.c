#include "dtls/datagram_bio.h"
#include "dtls/limits.h"
#include "dtls/record.h"

#include <openssl/bio.h>

/* Below IP and UDP, which do not count here: the mtu is that of the UDP payload. */
#define MTU_OVERHEAD 0

/* One that libssl has sealed. Its numbers go up by one from record to record, and so does the
 * explicit part of its nonces, from a random beginning; if they do not, then nobody can tell which
 * are free. */
static void note_sealed(struct sealed_by_libssl *sealed, const struct dtls_record *record)
{
	struct reader r = reader_of(record->fragment);
	uint64_t nonce = read_u64(&r);
	if (sealed->count > 0 && record->sequence != sealed->next_sequence)
		sealed->sequence_leaps = true;
	if (r.failed || (sealed->count > 0 && nonce != sealed->next_nonce))
		sealed->nonce_leaps = true;
	sealed->count++;
	sealed->next_sequence = record->sequence + 1;
	sealed->next_nonce = nonce + 1;
}

/* Every record passes here, whether it is sent or not. */
static void note_records(struct datagram_bio *datagrams, struct bytes datagram)
{
	struct dtls_record record;
	while (dtls_record_next(&datagram, &record)) {
		if (record.epoch == 1)
			note_sealed(&datagrams->sealed, &record);
		else if (record.epoch > 1)
			datagrams->sealed.sequence_leaps = true;
	}
	if (datagram.size > 0)
		datagrams->sealed.sequence_leaps = true;
}

static int write_datagram(BIO *bio, const char *data, int size)
{
	struct datagram_bio *datagrams = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (size <= 0)
		return size;
	struct bytes datagram = bytes_of(data, (size_t)size);
	note_records(datagrams, datagram);
	if (datagrams->direct && datagram.data[0] == DTLS_RECORD_APPLICATION_DATA)
		write_bytes(datagrams->direct, datagram);
	else if (!datagram_queue_push(&datagrams->queue, datagram))
		datagrams->lost++;
	/* libssl is told that all went well: it sends again when its timer runs out. */
	return size;
}

static int read_datagram(BIO *bio, char *data, int capacity)
{
	struct datagram_bio *datagrams = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (datagrams->input.size == 0 || capacity <= 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t size = min_size((size_t)capacity, datagrams->input.size);
	memcpy(data, datagrams->input.data, size);
	datagrams->input = (struct bytes){0};
	return (int)size;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	const struct datagram_bio *datagrams = BIO_get_data(bio);
	(void)number, (void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DUP:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
		return (long)datagrams->mtu;
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return (long)min_size(datagrams->mtu, DTLS_MTU_FALLBACK);
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
		return MTU_OVERHEAD;
	default:
		/* Also "pending" and "write pending", of which there is nothing. */
		return 0;
	}
}

static int create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *method; /* the same for all, for the life of the process; NULL: no memory */

static void make_method(void)
{
	int index = BIO_get_new_index();
	BIO_METHOD *made =
		index < 0 ? NULL : BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "dpc datagrams");
	if (made && BIO_meth_set_write(made, write_datagram) &&
		BIO_meth_set_read(made, read_datagram) && BIO_meth_set_ctrl(made, control) &&
		BIO_meth_set_create(made, create))
		method = made;
	else
		BIO_meth_free(made);
}

enum err datagram_bio_create(struct datagram_bio *datagrams, BIO **ret_bio)
{
	CHECK(CRYPTO_THREAD_run_once(&method_once, make_method) == 1);
	BIO *bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return openssl_error(ERR_NOMEM);
	BIO_set_data(bio, datagrams);
	*ret_bio = bio;
	return ERR_OK;
}
