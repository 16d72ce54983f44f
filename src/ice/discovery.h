/* What the NAT in front of us does (RFC 5780): how it maps what we send, and whom it lets in.
 *
 * One discovery asks one STUN server from one local address, and a second local address of ours
 * listens for what comes back by a hairpin. It does no I/O: requests are pulled with
 * discovery_write(), and everything that comes to either of the two is given to
 * discovery_receive(). Where the server has no second address, mapping and filtering stay unknown;
 * what two servers see of us then tells the mapping too (discovery_compare()). */
#ifndef ICE_DISCOVERY_H
#define ICE_DISCOVERY_H

#include "base/addr.h"
#include "base/rng.h"
#include "base/usec.h"

/* RFC 4787 sections 4.1 and 5. */
enum discovery_behaviour {
	DISCOVERY_UNKNOWN,
	DISCOVERY_NONE, /* no NAT: the server sees our own address; no filter */
	DISCOVERY_ENDPOINT_INDEPENDENT,
	DISCOVERY_ADDRESS_DEPENDENT,
	DISCOVERY_ADDRESS_AND_PORT_DEPENDENT,
};

enum discovery_step {
	DISCOVERY_BINDING,
	DISCOVERY_FILTERING_ADDRESS, /* test II of RFC 5780 section 4.4: an answer from elsewhere */
	DISCOVERY_FILTERING_PORT,    /* test III: from another port */
	DISCOVERY_MAPPING_OTHER_ADDRESS, /* test II of section 4.3 */
	DISCOVERY_MAPPING_OTHER_PORT,    /* test III */
	DISCOVERY_HAIRPIN,
	DISCOVERY_DONE,
};

struct discovery {
	struct rng *rng;
	struct addr local, server;
	enum discovery_step step;
	uint8_t id[12];
	unsigned transmissions;
	bool to_write;
	usec sent_at, due, rto;

	struct addr mapped, other, second; /* `second`: as test II saw us */
	bool has_answer;                   /* the server is there */
	usec round_trip;                   /* 0: an answer was lost, or there is none */
	enum discovery_behaviour mapping, filtering;
	bool hairpin_known, hairpin;
};

/* `local` is what the socket is bound to, as far as the routing tells; the generator is borrowed.
 */
void discovery_init(struct discovery *d, const struct addr *local, const struct addr *server,
	struct rng *rng, usec now);

/* The next request, into DISCOVERY_DATAGRAM_MAX bytes, and where it goes; 0: none now. It leaves
 * from the first socket; for a hairpin (*ret_second) from the second. */
#define DISCOVERY_DATAGRAM_MAX 64
size_t discovery_write(
	struct discovery *d, usec now, uint8_t *data, struct addr *ret_to, bool *ret_second);
/* What came to either socket. */
void discovery_receive(
	struct discovery *d, usec now, const struct addr *from, struct bytes datagram);
void discovery_advance(struct discovery *d, usec now);
usec discovery_deadline(const struct discovery *d);
static inline bool discovery_is_done(const struct discovery *d)
{
	return d->step == DISCOVERY_DONE;
}

/* The mapping as two servers' answers from one local address tell it, where neither could. */
enum discovery_behaviour discovery_compare(const struct discovery *a, const struct discovery *b);

/* "endpoint-independent" and so on; "none"; "unknown". */
const char *discovery_behaviour_name(enum discovery_behaviour behaviour);

#endif
