/* ICE candidates and their textual form (RFC 8445 section 5.1, RFC 8839 section 5.1; of those over
 * TCP, RFC 6544 sections 4 and 4.5). */
#ifndef ICE_CANDIDATE_H
#define ICE_CANDIDATE_H

#include "base/addr.h"
#include "base/err.h"

enum ice_type {
	ICE_HOST,
	ICE_SERVER_REFLEXIVE,
	ICE_PEER_REFLEXIVE,
	ICE_RELAYED,
};

/* Who connects (RFC 6544 section 4). The third kind, in which both do at once, is left out: NATs
 * that let such a connection through are those that let UDP through. */
enum ice_tcp {
	ICE_TCP_NONE, /* UDP */
	ICE_TCP_ACTIVE,
	ICE_TCP_PASSIVE,
};
/* RFC 6544 section 4.5 gives active candidates the port of discard, as nobody can connect to them.
 * The local address of a path with this port is that of a connection which we make. */
#define ICE_PORT_ACTIVE 9

#define ICE_FOUNDATION_MAX 32 /* RFC 8839 section 5.1: 1*32ice-char */
/* A candidate line of ours is shorter; a longer one of a peer is refused. */
#define ICE_CANDIDATE_TEXT_MAX 512

struct ice_candidate {
	enum ice_type type;
	enum ice_tcp tcp; /* not ICE_TCP_NONE where the address is one of TCP */
	struct addr addr;
	struct addr
		base; /* of local ones; what raddr and rport show for the others, or ADDR_NONE */
	uint32_t priority;
	char foundation[ICE_FOUNDATION_MAX + 1];
};

/* "host", "srflx", "prflx", "relay". */
const char *ice_type_name(enum ice_type type);

/* RFC 8445 section 5.1.2.1 with component 1. `local_preference` tells interfaces apart. */
uint32_t ice_candidate_priority(enum ice_type type, uint16_t local_preference);
/* The same over TCP (RFC 6544 section 4.2): below all of UDP but what is relayed. */
uint32_t ice_candidate_priority_tcp(enum ice_type type, uint16_t local_preference);
/* RFC 6544 section 4.2: its local preference, of which `other`, at most ICE_TCP_OTHER_MAX, is left
 * to us. */
#define ICE_TCP_OTHER_MAX 8191
uint16_t ice_tcp_local_preference(enum ice_tcp tcp, uint16_t other);

/* Parses "candidate:…" with or without "a=" in front. ERR_MALFORMED; ERR_UNSUPPORTED for what is
 * well formed but not ours (another component, a simultaneous-open of TCP, a host name): skip it
 * and go on. */
MUST_CHECK enum err ice_candidate_parse(struct bytes text, struct ice_candidate *ret_candidate);

/* Writes "candidate:…" (no "a=", no line end) with a final zero into ICE_CANDIDATE_TEXT_MAX
 * characters. */
void ice_candidate_format(const struct ice_candidate *candidate, char *text);

#endif
