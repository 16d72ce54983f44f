/* The token of the local API on loopback, in `api.token` of the home: made at the first use, and
 * the same ever after, so that a page that has it need not be given another. Who deletes the file
 * and starts the node again takes it from all who have it. */
#ifndef NODE_API_TOKEN_H
#define NODE_API_TOKEN_H

#include "base/err.h"
#include "base/rng.h"
#include "node/fault.h"

/* 32 bytes in base64url, and a final zero: it may stand in a header as it is, and be the end of a
 * subprotocol's name. */
#define API_TOKEN_BYTES 32
#define API_TOKEN_SIZE 44

/* Reads it, or makes it where there is none: mode 0600, whole or not there. ERR_DENIED (the file is
 * not a file of the user's alone), ERR_CORRUPT (no token in it), ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err api_token_load(
	const char *home, struct rng *rng, char token[API_TOKEN_SIZE], struct fault *ret_fault);

#endif
