/* The limits of a peer. */
#ifndef PEER_LIMITS_H
#define PEER_LIMITS_H

#include "base/usec.h"

/* A remote description with more lines, or a longer name of its media section, is refused; of more
 * candidates, the first ones count. */
#define SDP_LINES_MAX 512
#define SDP_CANDIDATES_MAX 64
#define SDP_MID_MAX 32
/* In base64, SCTP_INIT_MAX bytes. */
#define SDP_SCTP_INIT_MAX 684
/* RFC 8842 section 4. */
#define SDP_TLS_ID_MIN 20
#define SDP_TLS_ID_MAX 255
/* Ours, in hexadecimal digits: RFC 8842 section 4 asks for 120 bits of randomness. */
#define PEER_TLS_ID_SIZE 32

/* RFC 8841 section 6: what a peer accepts that does not say. */
#define SDP_MESSAGE_MAX_ABSENT 65536
/* 0 stands for "any size"; we still send no more than this in one message. */
#define SDP_MESSAGE_MAX_ANY (256 * 1024 * 1024)

/* Of SCTP inside DTLS; RFC 8841 section 5.1. */
#define SCTP_PORT 5000

/* DTLS datagrams kept that arrive before the description they need, or ahead of the peer's check on
 * their path: a ClientHello that is dropped costs a retransmission timeout. */
#define PEER_EARLY_DATAGRAMS_MAX 4

/* How long a graceful close may go without any progress until the peer is closed all the same. */
#define PEER_CLOSE_TIMEOUT (15 * USEC_PER_SEC)

/* A closed peer repeats its last words: for how long, how much of them is kept (an ABORT or
 * SHUTDOWN COMPLETE, and a close_notify), how often unasked, how often in all, and how far apart at
 * first. Two of the other side's checks of consent fall into the time: what is lost at 30 % is
 * heard. */
#define PEER_LINGER (13 * USEC_PER_SEC)
#define PEER_FAREWELL_MAX 256
#define PEER_FAREWELL_UNASKED 3
#define PEER_FAREWELL_REPEATS_MAX 16
#define PEER_FAREWELL_INTERVAL_MIN (100 * USEC_PER_MS)

/* How long everything from the remote description to the association may take. */
#define PEER_SETUP_TIMEOUT (40 * USEC_PER_SEC)

/* How often a STUN server is asked: NATs keep a UDP binding for 30 s and more (RFC 4787 asks for
 * two minutes, many give less); one that does not answer is left alone for longer. */
#define REFLEXIVE_REFRESH (25 * USEC_PER_SEC)
#define REFLEXIVE_RETRY (120 * USEC_PER_SEC)

/* The shortest quiet after which the configuration may have the other side asked. */
#define PEER_QUIET_MIN USEC_PER_SEC

/* Segments of one write: what Linux takes in one UDP_SEGMENT (UDP_MAX_SEGMENTS). */
#define PEER_SEGMENTS_MAX 64

/* Smallest and largest UDP payload that the configuration may ask for. */
#define PEER_MTU_MIN 576
#define PEER_MTU_MAX 9000
/* Where the search for a larger one ends at the latest: a DTLS record holds 16 KiB. */
#define PEER_MTU_SEARCH_MAX 16384

#endif
