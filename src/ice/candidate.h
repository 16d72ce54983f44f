/* ICE candidates and their textual form (RFC 8445 section 5.1, RFC 8839 section 5.1). */
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

#define ICE_FOUNDATION_MAX 32 /* RFC 8839 section 5.1: 1*32ice-char */
/* A candidate line of ours is shorter; a longer one of a peer is refused. */
#define ICE_CANDIDATE_TEXT_MAX 512

struct ice_candidate {
	enum ice_type type;
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

/* Parses "candidate:…" with or without "a=" in front. ERR_MALFORMED; ERR_UNSUPPORTED for what is
 * well formed but not ours (another component, TCP, a host name): skip it and go on. */
MUST_CHECK enum err ice_candidate_parse(struct bytes text, struct ice_candidate *ret_candidate);

/* Writes "candidate:…" (no "a=", no line end) with a final zero into ICE_CANDIDATE_TEXT_MAX
 * characters. */
void ice_candidate_format(const struct ice_candidate *candidate, char *text);

#endif
