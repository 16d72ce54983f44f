/* The STUN codec (RFC 8489; the attributes of ICE from RFC 8445 section 16.1, those of TURN from
 * RFC 8656 section 18).
 *
 * Parsing gives a view into the datagram and checks everything that needs no key: lengths of all
 * attributes, their order, and the FINGERPRINT where there is one. Integrity is checked apart with
 * the key. Messages are built attribute by attribute into a struct writer, whose failure is sticky.
 *
 * A client that asks a server for its reflexive address needs four calls: stun_begin(STUN_REQUEST,
 * STUN_BINDING, random id) and stun_add_fingerprint(); then stun_parse() on what comes back, the
 * comparison of `id`, and `mapped` of a STUN_SUCCESS. */
#ifndef ICE_STUN_H
#define ICE_STUN_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "ice/limits.h"

#define STUN_HEADER_SIZE 20
#define STUN_ID_SIZE 12
#define STUN_COOKIE UINT32_C(0x2112a442)
#define STUN_BINDING 0x001

enum stun_class {
	STUN_REQUEST = 0,
	STUN_INDICATION = 1,
	STUN_SUCCESS = 2,
	STUN_ERROR = 3,
};

/* The attributes that are understood. */
enum stun_attribute {
	STUN_MAPPED_ADDRESS = 0x0001,
	STUN_CHANGE_REQUEST = 0x0003,
	STUN_USERNAME = 0x0006,
	STUN_MESSAGE_INTEGRITY = 0x0008,
	STUN_ERROR_CODE = 0x0009,
	STUN_UNKNOWN_ATTRIBUTES = 0x000a,
	STUN_CHANNEL_NUMBER = 0x000c,
	STUN_LIFETIME = 0x000d,
	STUN_XOR_PEER_ADDRESS = 0x0012,
	STUN_DATA = 0x0013,
	STUN_REALM = 0x0014,
	STUN_NONCE = 0x0015,
	STUN_XOR_RELAYED_ADDRESS = 0x0016,
	STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
	STUN_REQUESTED_TRANSPORT = 0x0019,
	STUN_MESSAGE_INTEGRITY_SHA256 = 0x001c,
	STUN_USERHASH = 0x001e,
	STUN_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_PRIORITY = 0x0024,
	STUN_USE_CANDIDATE = 0x0025,
	STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
	STUN_ADDRESS_ERROR_CODE = 0x8001,
	/* Both as the drafts of RFC 8656 numbered them, and as servers have them to this day. */
	STUN_ADDITIONAL_ADDRESS_FAMILY_DRAFT = 0x8032,
	STUN_ADDRESS_ERROR_CODE_DRAFT = 0x8033,
	STUN_SOFTWARE = 0x8022,
	STUN_ALTERNATE_SERVER = 0x8023,
	STUN_OTHER_ADDRESS = 0x802c,
	STUN_FINGERPRINT = 0x8028,
	STUN_ICE_CONTROLLED = 0x8029,
	STUN_ICE_CONTROLLING = 0x802a,
};

/* RFC 8489 section 14.8, RFC 8445 section 16.2. */
enum stun_error_code {
	STUN_BAD_REQUEST = 400,
	STUN_UNAUTHENTICATED = 401,
	STUN_UNKNOWN_ATTRIBUTE = 420,
	STUN_ROLE_CONFLICT = 487,
	STUN_SERVER_ERROR = 500,
};

/* All views borrow from the datagram; an absent attribute is empty or zero, and stun_has() tells
 * absent from empty. */
struct stun_message {
	struct bytes raw;
	struct bytes id; /* STUN_ID_SIZE bytes */
	enum stun_class class;
	uint16_t method;
	uint16_t error_code;
	uint32_t present; /* a bit for each known attribute, see stun_has() */
	struct bytes username, software, realm, nonce, userhash, reason;
	struct addr mapped; /* XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS, else ADDR_NONE */
	struct addr relayed, peer, alternate; /* XOR-RELAYED-, XOR-PEER-ADDRESS, ALTERNATE-SERVER */
	struct addr relayed_second;           /* of the second XOR-RELAYED-ADDRESS */
	enum addr_family address_error_family; /* ADDRESS-ERROR-CODE; ADDR_NONE: another */
	uint16_t address_error_code;
	struct addr other; /* OTHER-ADDRESS */
	struct bytes data;
	uint32_t lifetime; /* seconds */
	uint32_t priority;
	uint64_t controlled, controlling; /* tie-breakers */
	struct bytes unknown_attributes;  /* of a 420 response: 16 bits each */
	/* Comprehension-required attributes that are not known, the first few of them. */
	uint16_t unknown[STUN_UNKNOWN_MAX];
	size_t unknown_count;
	/* Where the attribute begins; 0 when it is absent. */
	size_t integrity_offset, integrity_sha256_offset;
};

/* Whether the datagram begins as a STUN message does: two zero bits and the magic cookie. */
bool stun_looks_like(struct bytes datagram);

/* ERR_MALFORMED for whatever breaks a rule: lengths, padding beyond the end, a wrong fingerprint,
 * anything behind it; longer than STUN_MESSAGE_MAX. As RFC 8489 section 14.5 demands, attributes
 * behind the integrity are ignored, other than a second integrity and the fingerprint; of an
 * attribute given twice, the first counts, but for XOR-RELAYED-ADDRESS, which RFC 8656 section 7.3
 * gives once for each family. */
MUST_CHECK enum err stun_parse(struct bytes datagram, struct stun_message *ret_message);

bool stun_has(const struct stun_message *message, enum stun_attribute attribute);

/* Constant-time; false also when the attribute is absent. */
bool stun_check_integrity(const struct stun_message *message, struct bytes key);
/* Also for values truncated to 16 to 28 bytes (RFC 8489 section 14.6). */
bool stun_check_integrity_sha256(const struct stun_message *message, struct bytes key);

/* `w` is empty; `id` has STUN_ID_SIZE bytes. The length in the header follows each addition. */
void stun_begin(struct writer *w, enum stun_class class, uint16_t method, const uint8_t *id);
void stun_add_bytes(struct writer *w, enum stun_attribute attribute, struct bytes value);
void stun_add_flag(struct writer *w, enum stun_attribute attribute);
void stun_add_u32(struct writer *w, enum stun_attribute attribute, uint32_t value);
void stun_add_u64(struct writer *w, enum stun_attribute attribute, uint64_t value);
/* MAPPED-ADDRESS and ALTERNATE-SERVER plainly, others XORed (RFC 8489 section 14.2). */
void stun_add_addr(struct writer *w, enum stun_attribute attribute, const struct addr *addr);
void stun_add_error(struct writer *w, uint16_t code, const char *reason);
void stun_add_unknown(struct writer *w, const uint16_t *attributes, size_t count);
/* Covers all that was added before; only a fingerprint (or the other integrity) may follow. */
void stun_add_integrity(struct writer *w, struct bytes key);
void stun_add_integrity_sha256(struct writer *w, struct bytes key);
/* The last. */
void stun_add_fingerprint(struct writer *w);

#endif
