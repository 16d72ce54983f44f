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

struct datagram_bio {
	struct bytes input;          /* borrowed; the next read takes all of it */
	struct datagram_queue queue; /* of what is to be sent */
	struct writer *direct;       /* where application records go, or NULL: the queue */
	size_t mtu;                  /* of the path */
	uint64_t lost;               /* for want of room in the queue */
	uint64_t next_sequence;      /* more than any of a record that was sealed and written */
	bool untracked;              /* something was written that is no record: never */
};

/* ERR_NOMEM. The BIO refers to `datagrams`, which outlives it. */
MUST_CHECK enum err datagram_bio_create(struct datagram_bio *datagrams, BIO **ret_bio);

#endif
