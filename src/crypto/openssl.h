/* Included before every header of OpenSSL, or of a library that includes them (libwebsockets does):
 * OpenSSL has a type ERR_STATE that nobody uses any more, and we have an error of that name. */
#ifndef CRYPTO_OPENSSL_H
#define CRYPTO_OPENSSL_H

#define ERR_STATE openssl_err_state
#include <openssl/types.h>
#include <openssl/err.h>
#undef ERR_STATE

#include "base/err.h"

/* libcrypto's queue of errors belongs to the thread, and libssl looks at it to tell "try again"
 * from "broken". So whoever makes libcrypto fail empties it with this. ERR_NOMEM when that is what
 * the queue says, else `otherwise`. */
enum err openssl_error(enum err otherwise);

#endif
