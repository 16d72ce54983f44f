/* The little of multicast DNS (RFC 6762) that tells the address behind the name by which a browser
 * hides it (draft-ietf-mmusic-mdns-ice-candidates): questions for one name, and the addresses in
 * answers. Everything else is skipped, names of any other form first of all: nobody on the network
 * is to be believed about those. */
#ifndef NET_MDNS_MESSAGE_H
#define NET_MDNS_MESSAGE_H

#include "base/addr.h"
#include "base/bytes.h"

/* "5f7a4a2e-7c1b-4b2e-9d52-0123456789ab.local" */
#define MDNS_NAME_SIZE 42

enum mdns_type {
	MDNS_A = 1,
	MDNS_AAAA = 28,
};

/* Whether a name is a version 4 or other UUID and ".local", in any case. */
bool mdns_is_candidate_name(struct bytes name);

/* One question for such a name. */
#define MDNS_QUERY_MAX 64
void mdns_write_query(struct writer *w, struct bytes name, enum mdns_type type);

struct mdns_reader {
	struct bytes message;
	struct reader rest;
	size_t records; /* still to come */
};

struct mdns_record {
	char name[MDNS_NAME_SIZE + 1];
	struct addr addr; /* port 0 */
};

/* False when it is no answer. Borrows the message. */
bool mdns_reader_init(struct mdns_reader *reader, struct bytes message);
/* The next address of such a name; false at the end, or where the rest cannot be read. */
bool mdns_reader_next(struct mdns_reader *reader, struct mdns_record *ret_record);

#endif
