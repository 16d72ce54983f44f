/* The records of an established connection: sealed and opened with AEAD (RFC 6347 section 4.1, RFC
 * 5246 section 6.2.3.3), in epoch 1 and no other, as nothing is ever renegotiated.
 *
 * A sequence number makes the nonce of the record that it is of, so it is taken before the cipher
 * is used and never given back. docs/decisions/0005-dtls-records.md says why no nonce that libssl
 * has used is used here. */
#ifndef DTLS_RECORD_LAYER_H
#define DTLS_RECORD_LAYER_H

#include "base/bytes.h"
#include "base/err.h"
#include "dtls/record.h"
#include "dtls/record_keys.h"
#include "dtls/replay_window.h"

#define RECORD_PLAINTEXT_MAX 16384

struct record_layer {
	const struct suite *suite; /* NULL: zeroed, without keys */
	EVP_CIPHER_CTX *sealer, *opener;
	uint8_t seal_salt[SUITE_IV_SIZE], open_salt[SUITE_IV_SIZE];
	uint64_t next; /* sequence number of the record that is sealed next */
	/* Of the explicit part of a nonce from the sequence number, modulo 2^64. */
	uint64_t nonce_offset;
	uint64_t blocks; /* sealed so far, of 16 bytes */
	uint64_t forged; /* records that did not open */
	struct replay_window window;
};

/* `sealing` is the key of what we write, `opening` that of what we read; both are copied.
 * ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err record_layer_init(struct record_layer *layer, const struct suite *suite,
	const struct record_key *sealing, const struct record_key *opening);
void record_layer_deinit(struct record_layer *layer);

/* Goes on behind another writer: the next record has this number and, if its nonce has an explicit
 * part, this one; both go up by one from there. */
void record_layer_continue(struct record_layer *layer, uint64_t sequence, uint64_t nonce);

/* What lies before the plaintext in a record, and what behind it. */
size_t record_headroom(const struct suite *suite);
#define RECORD_TAILROOM SUITE_TAG_SIZE

/* Seals `size` bytes that lie at record + record_headroom(), in place; RECORD_TAILROOM bytes behind
 * them are written too. ERR_LIMIT when the keys are used up, ERR_CRYPTO. */
MUST_CHECK enum err record_layer_seal(struct record_layer *layer, enum dtls_record_type type,
	uint8_t *record, size_t size, size_t *ret_size);

/* The plaintext into `data`, which may not overlap the record. False when it is not a record that
 * the peer has sealed with these keys, when it was opened before or is too old to tell, or when it
 * does not fit; the contents of `data` mean nothing then. */
bool record_layer_open(struct record_layer *layer, const struct dtls_record *record, uint8_t *data,
	size_t capacity, size_t *ret_size);

/* Whether so many forgeries were refused that the next may be lucky. */
bool record_layer_is_worn(const struct record_layer *layer);

#endif
