/* Records as they lie in a datagram (RFC 6347 section 4.1), and a look at those that are not
 * encrypted yet.
 *
 * libssl ends a handshake when a plaintext handshake message is malformed. Nobody has authenticated
 * it at that point, so anyone who can send to the port could end every handshake with one datagram.
 * RFC 6347 section 4.1.2.7 lets us discard instead, which dtls_record_is_plausible() decides. What
 * it cannot see is a message with sound framing and a senseless body. */
#ifndef DTLS_RECORD_H
#define DTLS_RECORD_H

#include "base/bytes.h"

#define DTLS_RECORD_HEADER_SIZE 13
#define DTLS_VERSION_1_2 0xfefd

enum dtls_record_type {
	DTLS_RECORD_CHANGE_CIPHER_SPEC = 20,
	DTLS_RECORD_ALERT = 21,
	DTLS_RECORD_HANDSHAKE = 22,
	DTLS_RECORD_APPLICATION_DATA = 23,
};

struct dtls_record {
	uint8_t type;
	uint16_t version, epoch;
	uint64_t sequence;
	struct bytes whole;    /* with its header */
	struct bytes fragment; /* without */
};

/* Takes the next record off the front of a datagram. False at the end, or when what is left is not
 * a whole record: then `rest` is not empty. */
bool dtls_record_next(struct bytes *rest, struct dtls_record *ret_record);

/* Whether a record that arrives during the handshake may go to libssl. */
bool dtls_record_is_plausible(const struct dtls_record *record);

#endif
