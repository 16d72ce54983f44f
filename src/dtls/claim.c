/* Whose datagram it is, where several connections share a path. What is encrypted is for whoever
 * can open it; a handshake says in the clear whom it is of: in its hellos by the extension
 * external_session_id, and by the certificate. Nothing here is authentic yet: who forges a datagram
 * chooses which connection it is given to, as it could before. */
#include "dtls/internal.h"
#include "dtls/session_id.h"

#define RANDOM_SIZE 32

enum message {
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	CERTIFICATE = 11,
	SERVER_KEY_EXCHANGE = 12,
	CERTIFICATE_REQUEST = 13,
	SERVER_HELLO_DONE = 14,
	CERTIFICATE_VERIFY = 15,
	CLIENT_KEY_EXCHANGE = 16,
};

/* What is in front of a hello's extensions. */
static void skip_hello(struct reader *r, enum message type)
{
	read_skip(r, 2 + RANDOM_SIZE);
	read_skip(r, read_u8(r)); /* session */
	if (type == SERVER_HELLO) {
		read_skip(r, 2 + 1);
		return;
	}
	read_skip(r, read_u8(r));  /* cookie */
	read_skip(r, read_u16(r)); /* ciphers */
	read_skip(r, read_u8(r));  /* compressions */
}

static enum dtls_claim claim_hello(const struct dtls *dtls, enum message type, struct bytes body)
{
	struct reader r = reader_of(body);
	skip_hello(&r, type);
	struct reader extensions = reader_of(read_bytes(&r, read_u16(&r)));
	while (!r.failed && !extensions.failed && extensions.rest.size > 0) {
		uint16_t extension = read_u16(&extensions);
		struct bytes value = read_bytes(&extensions, read_u16(&extensions)), id;
		if (extension != SESSION_ID_EXTENSION || dtls->remote_id.size == 0 ||
			!session_id_parse(value, &id))
			continue;
		return bytes_equal(id, dtls->remote_id) ? DTLS_CLAIM_CERTAIN : DTLS_CLAIM_NONE;
	}
	return DTLS_CLAIM_GUESS;
}

static enum dtls_claim claim_certificate(const struct dtls *dtls, struct bytes body)
{
	struct reader r = reader_of(body);
	read_skip(&r, 3);
	struct bytes leaf = read_bytes(&r, (size_t)read_big_endian(&r, 3));
	if (r.failed || !dtls->expected_hash)
		return DTLS_CLAIM_GUESS;
	return dtls_is_expected(dtls, leaf) ? DTLS_CLAIM_CERTAIN : DTLS_CLAIM_NONE;
}

static enum dtls_claim claim_message(const struct dtls *dtls, uint8_t type, struct bytes body)
{
	switch (type) {
	case CLIENT_HELLO:
		return dtls->client ? DTLS_CLAIM_NONE : claim_hello(dtls, CLIENT_HELLO, body);
	case SERVER_HELLO:
		return dtls->client ? claim_hello(dtls, SERVER_HELLO, body) : DTLS_CLAIM_NONE;
	case CERTIFICATE:
		return claim_certificate(dtls, body);
	case SERVER_KEY_EXCHANGE:
	case CERTIFICATE_REQUEST:
	case SERVER_HELLO_DONE:
		return dtls->client ? DTLS_CLAIM_GUESS : DTLS_CLAIM_NONE;
	case CERTIFICATE_VERIFY:
	case CLIENT_KEY_EXCHANGE:
		return dtls->client ? DTLS_CLAIM_NONE : DTLS_CLAIM_GUESS;
	default:
		return DTLS_CLAIM_GUESS;
	}
}

/* The first of the messages that is not a guess; parts of a message are. */
static enum dtls_claim claim_messages(const struct dtls *dtls, struct bytes fragment)
{
	struct reader r = reader_of(fragment);
	while (r.rest.size > 0) {
		uint8_t type = read_u8(&r);
		size_t size = (size_t)read_big_endian(&r, 3);
		read_skip(&r, 2);
		size_t offset = (size_t)read_big_endian(&r, 3);
		struct bytes body = read_bytes(&r, (size_t)read_big_endian(&r, 3));
		if (r.failed)
			break;
		bool is_whole = offset == 0 && body.size == size;
		enum dtls_claim claim =
			is_whole ? claim_message(dtls, type, body) : DTLS_CLAIM_GUESS;
		if (claim != DTLS_CLAIM_GUESS)
			return claim;
	}
	return DTLS_CLAIM_GUESS;
}

static bool is_encrypted(const struct dtls_record *record)
{
	return record->epoch > 0 || record->type == DTLS_RECORD_APPLICATION_DATA ||
	       /* Says nothing, and what it announces is. */
	       record->type == DTLS_RECORD_CHANGE_CIPHER_SPEC;
}

enum dtls_claim dtls_claims(const struct dtls *dtls, struct bytes datagram)
{
	struct dtls_record record;
	if (!dtls_record_next(&datagram, &record))
		return DTLS_CLAIM_NONE;
	if (is_encrypted(&record))
		return DTLS_CLAIM_SHARED;
	/* Without libssl no handshake goes on, not even to repeat its end. */
	if (!dtls->ssl || dtls->state > DTLS_OPEN)
		return DTLS_CLAIM_NONE;
	do {
		if (record.type != DTLS_RECORD_HANDSHAKE || record.epoch > 0)
			break;
		enum dtls_claim claim = claim_messages(dtls, record.fragment);
		if (claim != DTLS_CLAIM_GUESS)
			return claim;
	} while (dtls_record_next(&datagram, &record));
	return dtls->state < DTLS_OPEN ? DTLS_CLAIM_GUESS : DTLS_CLAIM_NONE;
}
