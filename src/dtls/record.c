#include "dtls/record.h"
#include "dtls/limits.h"

/* As the first hello has version 1.0 or 1.2. */
#define VERSION_MAJOR 0xfe
#define ALERT_FATAL 2

#define MESSAGE_HEADER_SIZE 12
#define MESSAGE_HELLO_REQUEST 0
#define MESSAGE_SERVER_HELLO_DONE 14

bool dtls_record_next(struct bytes *rest, struct dtls_record *ret_record)
{
	struct reader r = reader_of(*rest);
	struct dtls_record record = {.type = read_u8(&r)};
	record.version = read_u16(&r);
	record.epoch = read_u16(&r);
	record.sequence = read_big_endian(&r, 6);
	record.fragment = read_bytes(&r, read_u16(&r));
	if (r.failed || record.version >> 8 != VERSION_MAJOR)
		return false;
	record.whole = bytes_of(rest->data, DTLS_RECORD_HEADER_SIZE + record.fragment.size);
	*rest = bytes_slice(*rest, record.whole.size, rest->size);
	*ret_record = record;
	return true;
}

/* RFC 6347 section 4.2.2: a fragment lies within its message. */
static bool message_is_plausible(struct reader *r)
{
	uint8_t type = read_u8(r);
	size_t size = (size_t)read_big_endian(r, 3);
	uint16_t number = read_u16(r);
	size_t offset = (size_t)read_big_endian(r, 3);
	size_t fragment_size = (size_t)read_big_endian(r, 3);
	read_skip(r, fragment_size);
	if (r->failed || size > DTLS_MESSAGE_MAX || number > DTLS_MESSAGE_NUMBER_MAX ||
		offset + fragment_size > size)
		return false;
	if (size == 0)
		return type == MESSAGE_HELLO_REQUEST || type == MESSAGE_SERVER_HELLO_DONE;
	return fragment_size > 0 && type != MESSAGE_HELLO_REQUEST &&
	       type != MESSAGE_SERVER_HELLO_DONE;
}

static bool messages_are_plausible(struct bytes fragment)
{
	struct reader r = reader_of(fragment);
	while (!r.failed && r.rest.size > 0) {
		if (!message_is_plausible(&r))
			return false;
	}
	return fragment.size > 0;
}

bool dtls_record_is_plausible(const struct dtls_record *record)
{
	struct bytes fragment = record->fragment;
	/* The next epoch is encrypted; libssl keeps the record until it has the keys. */
	if (record->epoch == 1)
		return record->type >= DTLS_RECORD_CHANGE_CIPHER_SPEC &&
		       record->type <= DTLS_RECORD_APPLICATION_DATA;
	if (record->epoch != 0)
		return false;
	switch (record->type) {
	case DTLS_RECORD_CHANGE_CIPHER_SPEC:
		return fragment.size == 1 && fragment.data[0] == 1;
	case DTLS_RECORD_ALERT:
		/* A fatal one tells us early what a timeout would tell us late. */
		return fragment.size == 2 && fragment.data[0] == ALERT_FATAL;
	case DTLS_RECORD_HANDSHAKE:
		return messages_are_plausible(fragment);
	default:
		return false;
	}
}
