/* Set-up without a handshake: the SCTP Negotiation Acceleration Protocol (draft-hancke-tsvwg-snap).
 *
 * The four packets of RFC 9260 section 5.1 tell each side the other's INIT and protect it from
 * half-open associations. Here each INIT travels in a description (the layer above does that), and
 * DTLS lets nobody in who is not the described peer. So with both INITs known there is nothing left
 * to exchange: the association is established when DTLS is, and the first flight carries data.
 *
 * The tags, initial TSNs, stream counts and extensions are those of the two INITs, as if they had
 * crossed. There is no INIT ACK: parameters that ask to be reported are not. The INIT is not under
 * the protection of DTLS, so whoever carries the descriptions may change it; docs/decisions/
 * 0007-snap.md says what that gains him (nothing but what dropping it would).
 *
 * A peer may miss that the descriptions were enough, for instance when ours lost the attribute on
 * its way. It then sends the same INIT over the association, and is answered with our tag and TSN
 * as in a collision (section 5.2.1), not as one that restarts: see connect.c. */
#include "sctp/internal.h"

#include "base/err.h"

void sctp_set_remote_port(struct sctp_assoc *a, uint16_t port)
{
	CHECK(a->state == SCTP_CLOSED);
	a->config.remote_port = port;
}

size_t sctp_local_init(struct sctp_assoc *a, uint8_t *data, size_t capacity)
{
	struct writer w = writer_of(data, capacity);
	struct sctp_init init = sctp_connect_our_init(a);
	sctp_init_write(&w, &init, NULL);
	CHECK(!w.failed);
	a->told_zero_checksum = init.zero_checksum;
	return w.size;
}

static void forget(struct sctp_assoc *a)
{
	a->snap = false;
	a->peer_tag = 0;
	a->streams_out = a->streams_in = a->config.streams;
}

enum err sctp_set_remote_init(struct sctp_assoc *a, struct bytes bytes)
{
	if (a->state != SCTP_CLOSED || a->ended)
		return ERR_STATE;
	forget(a);
	if (bytes.size == 0)
		return ERR_OK;
	struct reader r = reader_of(bytes);
	struct sctp_chunk chunk;
	struct sctp_init init;
	if (bytes.size > SCTP_INIT_MAX || !sctp_chunk_next(&r, &chunk) || r.rest.size > 0 ||
		chunk.type != SCTP_INIT || sctp_init_parse(chunk, &init) ||
		!sctp_connect_is_acceptable(&init))
		return ERR_MALFORMED;
	/* Some stacks answer with every attribute that they do not know as it came. */
	if (init.tag == a->local_tag && init.tsn == a->local_tsn)
		return ERR_EXISTS;
	sctp_connect_adopt(a, &init);
	a->snap = true;
	return ERR_OK;
}
