/* The traffic keys of a connection, from what its handshake has agreed (RFC 5246 section 6.3). */
#ifndef DTLS_RECORD_KEYS_H
#define DTLS_RECORD_KEYS_H

#include "base/bytes.h"
#include "base/err.h"
#include "dtls/suite.h"

#define MASTER_SECRET_SIZE 48
#define HELLO_RANDOM_SIZE 32

/* Of the records that one side writes. Whoever holds one cleanses it. */
struct record_key {
	uint8_t key[SUITE_KEY_MAX];
	uint8_t salt[SUITE_IV_SIZE];
};

struct record_keys {
	struct record_key client, server;
};

struct record_secret {
	uint8_t master[MASTER_SECRET_SIZE];
	uint8_t client_random[HELLO_RANDOM_SIZE], server_random[HELLO_RANDOM_SIZE];
};

/* ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err record_keys_derive(const struct suite *suite,
	const struct record_secret *secret, struct record_keys *ret_keys);

#endif
