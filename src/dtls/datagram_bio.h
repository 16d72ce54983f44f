/* What libssl reads from and writes to: datagrams, not a stream.
 *
 * One read gives one datagram whole, or "try again"; each write is one datagram. It answers the
 * questions about the mtu that libssl's own datagram BIO asks of a socket, so that flights are cut
 * to fit. Application records can be written straight into the caller's memory. */
#ifndef DTLS_DATAGRAM_BIO_H
#define DTLS_DATAGRAM_BIO_H

#include "crypto/openssl.h"
#include "dtls/datagram_queue.h"

#include <openssl/bio.h>

/* What libssl has used up of the numbers of epoch 1, seen from the records that it wrote. */
struct sealed_by_libssl {
	uint64_t count; /* of records */
	uint64_t next_sequence;
	uint64_t next_nonce; /* of the explicit part, where a record has one */
	bool sequence_leaps; /* they were not in a row, which should not be */
	bool nonce_leaps;    /* likewise; always, where they are not explicit */
};

struct datagram_bio {
	struct bytes input;          /* borrowed; the next read takes all of it */
	struct datagram_queue queue; /* of what is to be sent */
	struct writer *direct;       /* where application records go, or NULL: the queue */
	size_t mtu;                  /* of the path */
	uint64_t lost;               /* for want of room in the queue */
	struct sealed_by_libssl sealed;
};

/* ERR_NOMEM. The BIO refers to `datagrams`, which outlives it. */
MUST_CHECK enum err datagram_bio_create(struct datagram_bio *datagrams, BIO **ret_bio);

#endif
