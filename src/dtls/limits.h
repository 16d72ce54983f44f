/* The named limits of dtls/. */
#ifndef DTLS_LIMITS_H
#define DTLS_LIMITS_H

#include "base/usec.h"

/* Datagrams that wait to be pulled with dtls_write(): a flight has three or four, and a second may
 * be started before the first was pulled. Beyond, they are lost as on a network, and the timer
 * brings them back. */
#define DTLS_QUEUE_BYTES_MAX 32768

/* What arrives before dtls_start() and is kept until then: the other side's ClientHello and a
 * repetition of it or two. Without that, its first flight would be lost and cost a timeout. */
#define DTLS_EARLY_BYTES_MAX 4096

/* A peer's certificate message. Certificates for WebRTC have 300 to 1,500 bytes. */
#define DTLS_CERTIFICATE_LIST_MAX 8192

/* A handshake message that we let libssl see. It allocates what the header announces. */
#define DTLS_MESSAGE_MAX 16384

/* Handshake messages are numbered from 0; a full mutual handshake needs numbers up to 6, and
 * renegotiation does not exist. */
#define DTLS_MESSAGE_NUMBER_MAX 16

/* The smallest mtu that may be configured, and what a flight is cut to after two timeouts, when the
 * path may be narrower than was thought (RFC 6347 section 4.1.1.1). */
#define DTLS_MTU_MIN 512
#define DTLS_MTU_FALLBACK 540

/* The first timeout of a flight when the round trip is not known, and its bounds. RFC 6347 section
 * 4.2.4.1 has one second for want of knowledge; like other WebRTC stacks we know from ICE that the
 * path works and how long it is, and a handshake is a few datagrams. libssl takes anything below 15
 * ms for zero. */
#define DTLS_TIMEOUT_DEFAULT_US (100 * USEC_PER_MS)
#define DTLS_TIMEOUT_MIN_US (50 * USEC_PER_MS)
#define DTLS_TIMEOUT_FIRST_MAX_US (1 * USEC_PER_SEC)
/* Doubled each time up to this. libssl gives up after twelve, that is after half a minute. */
#define DTLS_TIMEOUT_MAX_US (3 * USEC_PER_SEC)

#endif
