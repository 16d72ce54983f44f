/* Credentials for a relay that shares a secret with the hub, good until a time and made without
 * asking the relay: coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00).
 *
 * The user name is "EXPIRY:NODE_ID", EXPIRY in unix seconds, and the password
 * base64(HMAC-SHA1(secret, user name)). The relay computes the same, so the user name cannot be
 * changed, and counts its quota by what is behind the colon. */
#ifndef HUB_TURN_SECRET_H
#define HUB_TURN_SECRET_H

#include "base/err.h"
#include "crypto/hash.h"
#include "crypto/node_id.h"

/* 20 digits at most, the colon, and a node id with its zero. */
#define TURN_SECRET_USERNAME_SIZE (20 + 1 + NODE_ID_MAX)
/* 20 bytes in base64, and a zero. */
#define TURN_SECRET_PASSWORD_SIZE ((SHA1_SIZE + 2) / 3 * 4 + 1)

struct turn_credentials {
	char username[TURN_SECRET_USERNAME_SIZE], password[TURN_SECRET_PASSWORD_SIZE];
};

/* Good until `expiry`, unix seconds, at or after 0. ERR_NOMEM. */
MUST_CHECK enum err turn_secret_make(const char *secret, int64_t expiry, const char *node_id,
	struct turn_credentials *ret_credentials);

#endif
