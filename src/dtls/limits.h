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

/* Records of the next epoch that are ahead of the change to it, kept during the handshake: data of
 * a server that is done first. libssl would keep a hundred of any size, at 17 KiB each. */
#define DTLS_AHEAD_BYTES_MAX 8192

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

/* RFC 6347 section 4.1.2.6: how far behind the newest record one may be and is still told from a
 * repetition. On a fast path that reorders, 64 is a millisecond's worth. */
#define DTLS_REPLAY_WINDOW 960

/* RFC 6347 section 4.1: "Implementations SHOULD NOT allow the sequence number to wrap", and with
 * AEAD must not, as it makes the nonce. The connection is over before that; the last numbers are
 * for saying so. */
#define DTLS_SEQUENCE_MAX ((UINT64_C(1) << 48) - 1)
#define DTLS_SEQUENCE_RESERVE 16

/* What may be sealed with one AES-GCM key, in blocks of 16 bytes and one more a record. TLS 1.2 has
 * no such limit; this one keeps the advantage of who tells the cipher from chance below 2^-57 as
 * RFC 8446 section 5.5 does, which is s^2 / 2^129 for s blocks: a terabyte. There is no other key
 * to change to, so the connection is over then. */
#define DTLS_SEALED_BLOCKS_MAX (UINT64_C(1) << 36)

/* RFC 9147 section 4.5.3: of AES-GCM and ChaCha20-Poly1305 records no more than 2^36 may fail to
 * open under one key. */
#define DTLS_FORGERIES_MAX (UINT64_C(1) << 36)

#endif
