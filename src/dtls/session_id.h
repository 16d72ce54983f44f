#ifndef DTLS_SESSION_ID_H
#define DTLS_SESSION_ID_H

#include "base/bytes.h"
#include "crypto/openssl.h"

#include <openssl/ssl.h>

#define SESSION_ID_EXTENSION 56

/* Of all handshakes made with the context. */
bool session_id_configure(SSL_CTX *context);

/* What the extension says. */
bool session_id_parse(struct bytes extension, struct bytes *ret_id);

#endif
