#include "ice/stun.h"

#include <assert.h>

#include "crypto/hash.h"

#define ATTRIBUTE_HEADER_SIZE 4
#define FINGERPRINT_SIZE 4
#define SHA256_SIZE_MIN 16
/* RFC 8489 section 14.7: "... XOR'ed with the 32-bit value 0x5354554e". */
#define FINGERPRINT_XOR UINT32_C(0x5354554e)
#define FAMILY_IPV4 1
#define FAMILY_IPV6 2
/* RFC 8489 section 14: types below are comprehension-required. */
#define COMPREHENSION_OPTIONAL 0x8000

enum kind {
	KIND_BYTES,
	KIND_FLAG,
	KIND_U32,
	KIND_U64,
	KIND_MAPPED,
	KIND_ADDR,
	KIND_ERROR,
	KIND_ADDRESS_ERROR,
	KIND_INTEGRITY,
	KIND_FINGERPRINT,
};

/* What is known of an attribute. `field` is where its value goes in struct stun_message; the order
 * gives the bits of `present`. */
static const struct attribute {
	uint16_t type;
	uint16_t size_min, size_max;
	enum kind kind;
	size_t field;
} attributes[] = {
#define FIELD(name) offsetof(struct stun_message, name)
	{STUN_MAPPED_ADDRESS, 8, 20, KIND_MAPPED, FIELD(mapped)},
	{STUN_USERNAME, 0, 763, KIND_BYTES, FIELD(username)},
	{STUN_MESSAGE_INTEGRITY, 20, 20, KIND_INTEGRITY, FIELD(integrity_offset)},
	{STUN_ERROR_CODE, 4, 767, KIND_ERROR, 0},
	{STUN_UNKNOWN_ATTRIBUTES, 0, UINT16_MAX, KIND_BYTES, FIELD(unknown_attributes)},
	{STUN_REALM, 0, 763, KIND_BYTES, FIELD(realm)},
	{STUN_NONCE, 0, 763, KIND_BYTES, FIELD(nonce)},
	{STUN_CHANNEL_NUMBER, 4, 4, KIND_FLAG, 0},
	{STUN_LIFETIME, 4, 4, KIND_U32, FIELD(lifetime)},
	{STUN_XOR_PEER_ADDRESS, 8, 20, KIND_ADDR, FIELD(peer)},
	{STUN_DATA, 0, STUN_MESSAGE_MAX, KIND_BYTES, FIELD(data)},
	{STUN_XOR_RELAYED_ADDRESS, 8, 20, KIND_ADDR, FIELD(relayed)},
	{STUN_REQUESTED_ADDRESS_FAMILY, 4, 4, KIND_FLAG, 0},
	{STUN_REQUESTED_TRANSPORT, 4, 4, KIND_FLAG, 0},
	{STUN_ALTERNATE_SERVER, 8, 20, KIND_ADDR, FIELD(alternate)},
	{STUN_CHANGE_REQUEST, 4, 4, KIND_FLAG, 0},
	{STUN_OTHER_ADDRESS, 8, 20, KIND_ADDR, FIELD(other)},
	{STUN_MESSAGE_INTEGRITY_SHA256, 16, 32, KIND_INTEGRITY, FIELD(integrity_sha256_offset)},
	{STUN_USERHASH, 32, 32, KIND_BYTES, FIELD(userhash)},
	{STUN_XOR_MAPPED_ADDRESS, 8, 20, KIND_MAPPED, FIELD(mapped)},
	{STUN_PRIORITY, 4, 4, KIND_U32, FIELD(priority)},
	{STUN_USE_CANDIDATE, 0, 0, KIND_FLAG, 0},
	{STUN_ADDITIONAL_ADDRESS_FAMILY, 4, 4, KIND_FLAG, 0},
	{STUN_ADDRESS_ERROR_CODE, 4, 767, KIND_ADDRESS_ERROR, 0},
	{STUN_ADDITIONAL_ADDRESS_FAMILY_DRAFT, 4, 4, KIND_FLAG, 0},
	{STUN_ADDRESS_ERROR_CODE_DRAFT, 4, 767, KIND_ADDRESS_ERROR, 0},
	{STUN_SOFTWARE, 0, 763, KIND_BYTES, FIELD(software)},
	{STUN_FINGERPRINT, 4, 4, KIND_FINGERPRINT, 0},
	{STUN_ICE_CONTROLLED, 8, 8, KIND_U64, FIELD(controlled)},
	{STUN_ICE_CONTROLLING, 8, 8, KIND_U64, FIELD(controlling)},
#undef FIELD
};
#define ATTRIBUTE_COUNT (sizeof attributes / sizeof attributes[0])
static_assert(ATTRIBUTE_COUNT <= 32, "a bit each in stun_message.present");

static const struct attribute *find_attribute(uint16_t type)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if (attributes[i].type == type)
			return &attributes[i];
	return NULL;
}

static size_t padding(size_t size)
{
	return (4 - size % 4) % 4;
}

static uint32_t bit_of(const struct attribute *attribute)
{
	return UINT32_C(1) << (attribute - attributes);
}

/* CRC-32 of ITU V.42 (reflected polynomial 0xedb88320), four bits at a time: messages are short and
 * rare, so a large table would only cost cache. */
static uint32_t crc32(struct bytes b)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < b.size; i++) {
		crc ^= b.data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

typedef void hmac_function(struct bytes key, struct bytes message, uint8_t *ret_mac);

/* The HMAC over a message up to an attribute at `offset`, as if it ended behind that attribute
 * (RFC 8489 section 14.5). */
static void message_hmac(hmac_function *hmac, struct bytes message, size_t offset,
	size_t value_size, struct bytes key, uint8_t ret_mac[SHA256_SIZE])
{
	uint8_t copy[STUN_MESSAGE_MAX];
	CHECK(offset >= STUN_HEADER_SIZE);
	CHECK(offset <= message.size && offset <= sizeof copy);
	memcpy(copy, message.data, offset);
	size_t length = offset + ATTRIBUTE_HEADER_SIZE + value_size - STUN_HEADER_SIZE;
	copy[2] = (uint8_t)(length >> 8);
	copy[3] = (uint8_t)length;
	hmac(key, bytes_of(copy, offset), ret_mac);
}

/* Whether an address is hidden from NATs that rewrite what looks like theirs. */
static bool is_xored(unsigned type)
{
	return type != STUN_MAPPED_ADDRESS && type != STUN_ALTERNATE_SERVER &&
	       type != STUN_OTHER_ADDRESS;
}

static bool parse_addr(struct bytes value, struct bytes id, bool xored, struct addr *ret_addr)
{
	struct reader r = reader_of(value);
	read_skip(&r, 1);
	uint8_t family = read_u8(&r);
	struct addr a = {.port = read_u16(&r)};
	if (family == FAMILY_IPV4)
		a.family = ADDR_IPV4;
	else if (family == FAMILY_IPV6)
		a.family = ADDR_IPV6;
	else
		return false;
	struct bytes ip = read_bytes(&r, addr_ip_size(&a));
	if (r.failed || r.rest.size > 0)
		return false;
	uint8_t mask[4 + STUN_ID_SIZE] = {0x21, 0x12, 0xa4, 0x42};
	memcpy(mask + 4, id.data, STUN_ID_SIZE);
	for (size_t i = 0; i < ip.size; i++)
		a.ip[i] = xored ? ip.data[i] ^ mask[i] : ip.data[i];
	if (xored)
		a.port ^= STUN_COOKIE >> 16;
	*ret_addr = a;
	return true;
}

static bool parse_error(struct bytes value, struct stun_message *m)
{
	struct reader r = reader_of(value);
	read_skip(&r, 2);
	uint8_t hundreds = read_u8(&r) & 7, rest = read_u8(&r);
	if (hundreds < 3 || hundreds > 6 || rest > 99)
		return false;
	m->error_code = (uint16_t)(hundreds * 100 + rest);
	m->reason = r.rest;
	return true;
}

/* RFC 8656 section 18.12: a family, then as in ERROR-CODE. */
static bool parse_address_error(struct bytes value, struct stun_message *m)
{
	struct reader r = reader_of(value);
	uint8_t family = read_u8(&r);
	read_skip(&r, 1);
	uint8_t hundreds = read_u8(&r) & 7, rest = read_u8(&r);
	if (hundreds < 3 || hundreds > 6 || rest > 99)
		return false;
	m->address_error_family = family == FAMILY_IPV4   ? ADDR_IPV4
				  : family == FAMILY_IPV6 ? ADDR_IPV6
							  : ADDR_NONE;
	m->address_error_code = (uint16_t)(hundreds * 100 + rest);
	return true;
}

/* The value of a known attribute, whose size was checked, at `offset` of the message. */
static bool parse_value(const struct attribute *attribute, struct bytes value, size_t offset,
	struct stun_message *m)
{
	struct reader r = reader_of(value);
	char *field = (char *)m + attribute->field;
	struct addr addr;
	switch (attribute->kind) {
	case KIND_BYTES:
		memcpy(field, &value, sizeof value);
		return attribute->type != STUN_UNKNOWN_ATTRIBUTES || value.size % 2 == 0;
	case KIND_FLAG:
		return true;
	case KIND_U32:
		memcpy(field, &(uint32_t){read_u32(&r)}, sizeof(uint32_t));
		return true;
	case KIND_U64:
		memcpy(field, &(uint64_t){read_u64(&r)}, sizeof(uint64_t));
		return true;
	case KIND_ADDR:
		if (!parse_addr(value, m->id, is_xored(attribute->type), &addr))
			return false;
		memcpy(field, &addr, sizeof addr);
		return true;
	case KIND_MAPPED:
		if (!parse_addr(value, m->id, attribute->type == STUN_XOR_MAPPED_ADDRESS, &addr))
			return false;
		/* The plain address may have been rewritten by a NAT on the way (RFC 8489 section
		 * 14.1), so it counts only where there is no other. */
		if (attribute->type == STUN_XOR_MAPPED_ADDRESS ||
			!stun_has(m, STUN_XOR_MAPPED_ADDRESS))
			m->mapped = addr;
		return true;
	case KIND_ERROR:
		return parse_error(value, m);
	case KIND_ADDRESS_ERROR:
		return parse_address_error(value, m);
	case KIND_INTEGRITY:
		memcpy(field, &offset, sizeof offset);
		return value.size % 4 == 0;
	case KIND_FINGERPRINT:
		return (crc32(bytes_slice(m->raw, 0, offset)) ^ FINGERPRINT_XOR) == read_u32(&r);
	}
	UNREACHABLE();
}

static void note_unknown(struct stun_message *m, uint16_t type)
{
	if (type < COMPREHENSION_OPTIONAL && m->unknown_count < STUN_UNKNOWN_MAX)
		m->unknown[m->unknown_count++] = type;
}

/* RFC 8489 sections 14.5 and 14.6: what may still count behind an integrity attribute. */
static bool is_ignored(const struct stun_message *m, uint16_t type)
{
	if (type == STUN_FINGERPRINT)
		return false;
	if (m->integrity_sha256_offset > 0)
		return true;
	return m->integrity_offset > 0 && type != STUN_MESSAGE_INTEGRITY_SHA256;
}

static bool parse_second_relayed(struct bytes value, struct stun_message *m)
{
	struct addr addr;
	if (!parse_addr(value, m->id, true, &addr))
		return false;
	if (m->relayed_second.family == ADDR_NONE)
		m->relayed_second = addr;
	return true;
}

static bool parse_attribute(struct reader *r, struct stun_message *m)
{
	size_t offset = m->raw.size - r->rest.size;
	uint16_t type = read_u16(r), size = read_u16(r);
	struct bytes value = read_bytes(r, size);
	read_skip(r, padding(size));
	if (r->failed)
		return false;
	const struct attribute *attribute = find_attribute(type);
	if (is_ignored(m, type))
		return true;
	if (!attribute) {
		note_unknown(m, type);
		return true;
	}
	if (m->present & bit_of(attribute))
		return type != STUN_XOR_RELAYED_ADDRESS || parse_second_relayed(value, m);
	if (size < attribute->size_min || size > attribute->size_max)
		return false;
	if (!parse_value(attribute, value, offset, m))
		return false;
	m->present |= bit_of(attribute);
	return type != STUN_FINGERPRINT || r->rest.size == 0;
}

bool stun_looks_like(struct bytes datagram)
{
	struct reader r = reader_of(datagram);
	bool zero_bits = read_u16(&r) < 0x4000;
	read_skip(&r, 2);
	bool cookie = read_u32(&r) == STUN_COOKIE;
	return zero_bits && cookie && datagram.size >= STUN_HEADER_SIZE;
}

enum err stun_parse(struct bytes datagram, struct stun_message *ret_message)
{
	if (!stun_looks_like(datagram) || datagram.size > STUN_MESSAGE_MAX)
		return ERR_MALFORMED;
	struct reader r = reader_of(datagram);
	uint16_t type = read_u16(&r), length = read_u16(&r);
	read_skip(&r, 4);
	/* RFC 8489 section 5: the two bits of the class lie between those of the method. */
	struct stun_message m = {
		.raw = datagram,
		.id = read_bytes(&r, STUN_ID_SIZE),
		.class = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1)),
		.method = (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x70) | (type & 0xf)),
	};
	if (length % 4 != 0 || length != r.rest.size)
		return ERR_MALFORMED;
	while (r.rest.size > 0)
		if (!parse_attribute(&r, &m))
			return ERR_MALFORMED;
	*ret_message = m;
	return ERR_OK;
}

bool stun_has(const struct stun_message *message, enum stun_attribute attribute)
{
	const struct attribute *known = find_attribute((uint16_t)attribute);
	CHECK(known != NULL);
	return message->present & bit_of(known);
}

static bool check_hmac(const struct stun_message *message, hmac_function *hmac, size_t offset,
	size_t size_min, struct bytes key)
{
	if (offset == 0)
		return false;
	struct reader r = reader_of(bytes_slice(message->raw, offset, message->raw.size));
	read_skip(&r, 2);
	struct bytes value = read_bytes(&r, read_u16(&r));
	CHECK(!r.failed);
	uint8_t mac[SHA256_SIZE];
	message_hmac(hmac, message->raw, offset, value.size, key, mac);
	return value.size >= size_min && secret_equal(value, bytes_of(mac, value.size));
}

bool stun_check_integrity(const struct stun_message *message, struct bytes key)
{
	return check_hmac(message, hash_hmac_sha1, message->integrity_offset, SHA1_SIZE, key);
}

bool stun_check_integrity_sha256(const struct stun_message *message, struct bytes key)
{
	return check_hmac(
		message, hash_hmac_sha256, message->integrity_sha256_offset, SHA256_SIZE_MIN, key);
}

void stun_begin(struct writer *w, enum stun_class class, uint16_t method, const uint8_t *id)
{
	CHECK(w->size == 0);
	CHECK(method <= 0xfff);
	unsigned type = (method & 0xf80u) << 2 | (method & 0x70u) << 1 | (method & 0xfu) |
			(class & 2u) << 7 | (class & 1u) << 4;
	write_u16(w, (uint16_t)type);
	write_u16(w, 0);
	write_u32(w, STUN_COOKIE);
	write_bytes(w, bytes_of(id, STUN_ID_SIZE));
}

/* The header and room for the value, padded with zeros; NULL when it does not fit. */
static uint8_t *add(struct writer *w, uint16_t attribute, size_t size)
{
	CHECK(size <= STUN_MESSAGE_MAX);
	write_u16(w, attribute);
	write_u16(w, (uint16_t)size);
	uint8_t *value = write_space(w, size);
	write_zeros(w, padding(size));
	write_u16_at(w, 2, (uint16_t)(w->size - STUN_HEADER_SIZE));
	return w->failed ? NULL : value;
}

void stun_add_bytes(struct writer *w, enum stun_attribute attribute, struct bytes value)
{
	uint8_t *at = add(w, (uint16_t)attribute, value.size);
	if (at && value.size > 0)
		memcpy(at, value.data, value.size);
}

void stun_add_flag(struct writer *w, enum stun_attribute attribute)
{
	(void)add(w, (uint16_t)attribute, 0);
}

void stun_add_u32(struct writer *w, enum stun_attribute attribute, uint32_t value)
{
	uint8_t data[sizeof value];
	struct writer value_writer = writer_of(data, sizeof data);
	write_u32(&value_writer, value);
	stun_add_bytes(w, attribute, writer_bytes(&value_writer));
}

void stun_add_u64(struct writer *w, enum stun_attribute attribute, uint64_t value)
{
	uint8_t data[sizeof value];
	struct writer value_writer = writer_of(data, sizeof data);
	write_u64(&value_writer, value);
	stun_add_bytes(w, attribute, writer_bytes(&value_writer));
}

void stun_add_addr(struct writer *w, enum stun_attribute attribute, const struct addr *addr)
{
	size_t size = addr_ip_size(addr);
	uint8_t *at = add(w, (uint16_t)attribute, 4 + size);
	if (!at)
		return;
	bool xored = is_xored(attribute);
	unsigned port = xored ? addr->port ^ (STUN_COOKIE >> 16) : addr->port;
	at[0] = 0;
	at[1] = addr->family == ADDR_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
	at[2] = (uint8_t)(port >> 8);
	at[3] = (uint8_t)port;
	/* The mask, cookie and id, stands in our own header (RFC 8489 section 14.2). */
	for (size_t i = 0; i < size; i++)
		at[4 + i] = xored ? addr->ip[i] ^ w->data[4 + i] : addr->ip[i];
}

void stun_add_error(struct writer *w, uint16_t code, const char *reason)
{
	CHECK(code >= 300 && code <= 699);
	size_t size = strlen(reason);
	uint8_t *at = add(w, STUN_ERROR_CODE, 4 + size);
	if (!at)
		return;
	at[0] = at[1] = 0;
	at[2] = (uint8_t)(code / 100);
	at[3] = (uint8_t)(code % 100);
	memcpy(at + 4, reason, size);
}

void stun_add_unknown(struct writer *w, const uint16_t *types, size_t count)
{
	uint8_t *at = add(w, STUN_UNKNOWN_ATTRIBUTES, 2 * count);
	for (size_t i = 0; at && i < count; i++) {
		at[2 * i] = (uint8_t)(types[i] >> 8);
		at[2 * i + 1] = (uint8_t)types[i];
	}
}

static void add_hmac(
	struct writer *w, uint16_t attribute, hmac_function *hmac, size_t size, struct bytes key)
{
	size_t offset = w->size;
	uint8_t *at = add(w, attribute, size);
	uint8_t mac[SHA256_SIZE];
	if (!at)
		return;
	message_hmac(hmac, writer_bytes(w), offset, size, key, mac);
	memcpy(at, mac, size);
}

void stun_add_integrity(struct writer *w, struct bytes key)
{
	add_hmac(w, STUN_MESSAGE_INTEGRITY, hash_hmac_sha1, SHA1_SIZE, key);
}

void stun_add_integrity_sha256(struct writer *w, struct bytes key)
{
	add_hmac(w, STUN_MESSAGE_INTEGRITY_SHA256, hash_hmac_sha256, SHA256_SIZE, key);
}

void stun_add_fingerprint(struct writer *w)
{
	size_t offset = w->size;
	uint8_t *at = add(w, STUN_FINGERPRINT, FINGERPRINT_SIZE);
	if (!at)
		return;
	uint32_t value = crc32(bytes_of(w->data, offset)) ^ FINGERPRINT_XOR;
	for (size_t i = 0; i < FINGERPRINT_SIZE; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}
