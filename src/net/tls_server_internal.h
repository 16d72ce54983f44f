/* What tls_server.c does for tls_stream.c; nobody else includes it. */
#ifndef NET_TLS_SERVER_INTERNAL_H
#define NET_TLS_SERVER_INTERNAL_H

#include "crypto/openssl.h"

#include <openssl/ssl.h>

#include "net/tls_server.h"

/* A session with the certificate of now; NULL when memory is out. */
SSL *tls_server_session(struct net_tls_server *server);

#endif
