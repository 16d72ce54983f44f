/* A STUN client that asks one server, again and again, under which address it sees one of our
 * sockets (RFC 8489 section 6.2.1): what keeps a node's server-reflexive address known, and its NAT
 * binding open, between connections. Sans-IO; the socket is the one that the peers use. */
#ifndef PEER_REFLEXIVE_H
#define PEER_REFLEXIVE_H

#include "base/addr.h"
#include "base/rng.h"
#include "base/usec.h"
#include "peer/limits.h"

#define REFLEXIVE_ID_SIZE 12
#define REFLEXIVE_DATAGRAM_MAX 64

struct reflexive {
	struct path path; /* from the socket's address to the server */
	struct addr
		mapped; /* what the server saw last; ADDR_NONE: nothing, or it does not answer */
	uint8_t id[REFLEXIVE_ID_SIZE];
	unsigned attempts; /* requests of the transaction under way; 0: none is */
	usec deadline;
};

/* The first request is due at once. */
void reflexive_init(struct reflexive *r, const struct path *path, usec now);

/* The answer may be another one now: asks again at once. What was seen last counts until then. */
void reflexive_ask(struct reflexive *r, usec now);

usec reflexive_deadline(const struct reflexive *r);

/* The request that is due by `now`, written into REFLEXIVE_DATAGRAM_MAX bytes; its size, or 0. */
size_t reflexive_write(struct reflexive *r, struct rng *rng, usec now, uint8_t *data);

/* True when the datagram was the answer that is waited for; `mapped` may have changed. */
bool reflexive_receive(
	struct reflexive *r, usec now, const struct path *path, struct bytes datagram);

#endif
