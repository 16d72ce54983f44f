#include "ice/candidate.h"

#include <stdio.h>

#include "base/text.h"

#define COMPONENT 1
/* Longer than any of ours could be; what is longer is no token that we know. */
#define TOKEN_MAX 64

static const struct {
	const char *name;
	/* RFC 8445 section 5.1.2.2, its recommended values. */
	uint8_t preference;
} types[] = {
	[ICE_HOST] = {"host", 126},
	[ICE_SERVER_REFLEXIVE] = {"srflx", 100},
	[ICE_PEER_REFLEXIVE] = {"prflx", 110},
	[ICE_RELAYED] = {"relay", 0},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

const char *ice_type_name(enum ice_type type)
{
	CHECK((size_t)type < TYPE_COUNT);
	return types[type].name;
}

uint32_t ice_candidate_priority(enum ice_type type, uint16_t local_preference)
{
	CHECK((size_t)type < TYPE_COUNT);
	return (uint32_t)types[type].preference << 24 | (uint32_t)local_preference << 8 |
	       (256 - COMPONENT);
}

/* The characters up to the next space or the end, and the spaces behind them. */
static struct bytes read_token(struct reader *r)
{
	size_t size = 0;
	while (size < r->rest.size && r->rest.data[size] != ' ')
		size++;
	struct bytes token = read_bytes(r, size);
	while (r->rest.size > 0 && r->rest.data[0] == ' ')
		read_skip(r, 1);
	if (size == 0)
		r->failed = true;
	return token;
}

static uint64_t read_number(struct reader *r, uint64_t min, uint64_t max)
{
	uint64_t value = 0;
	struct bytes token = read_token(r);
	if (r->failed || !bytes_to_u64(token, &value) || value < min || value > max)
		r->failed = true;
	return value;
}

static bool is_ice_text(struct bytes b)
{
	for (size_t i = 0; i < b.size; i++) {
		uint8_t c = b.data[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
		if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '/')
			return false;
	}
	return b.size > 0;
}

static void read_foundation(struct reader *r, char foundation[ICE_FOUNDATION_MAX + 1])
{
	struct bytes token = read_token(r);
	if (!is_ice_text(token) || !text_copy_bytes(foundation, ICE_FOUNDATION_MAX + 1, token))
		r->failed = true;
}

static bool read_type(struct reader *r, enum ice_type *ret_type)
{
	struct bytes token = read_token(r);
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (bytes_equal_text(token, types[i].name)) {
			*ret_type = (enum ice_type)i;
			return true;
		}
	}
	return false;
}

static bool parse_ip(struct bytes token, uint16_t port, struct addr *ret_addr)
{
	char ip[TOKEN_MAX];
	return text_copy_bytes(ip, sizeof ip, token) && addr_parse_ip(ip, port, ret_addr);
}

/* The pairs of name and value behind the type (RFC 8839 section 5.1); those that are not known,
 * such as generation, ufrag and network-id of browsers, mean nothing here. */
static void read_extensions(struct reader *r, struct addr *ret_related)
{
	struct bytes related_ip = {0};
	uint64_t related_port = 0;
	while (r->rest.size > 0 && !r->failed) {
		struct bytes name = read_token(r);
		if (bytes_equal_text(name, "raddr"))
			related_ip = read_token(r);
		else if (bytes_equal_text(name, "rport"))
			related_port = read_number(r, 0, UINT16_MAX);
		else
			(void)read_token(r);
	}
	/* Browsers may hide it as a name or as zeros; it is only information. */
	struct addr related;
	if (parse_ip(related_ip, (uint16_t)related_port, &related))
		*ret_related = related;
}

enum err ice_candidate_parse(struct bytes text, struct ice_candidate *ret_candidate)
{
	if (text.size >= ICE_CANDIDATE_TEXT_MAX)
		return ERR_MALFORMED;
	struct reader r = reader_of(text);
	if (bytes_equal_text(bytes_slice(text, 0, 2), "a="))
		read_skip(&r, 2);
	if (!bytes_equal_text(read_bytes(&r, strlen("candidate:")), "candidate:"))
		return ERR_MALFORMED;
	struct ice_candidate c = {0};
	read_foundation(&r, c.foundation);
	uint64_t component = read_number(&r, 1, 256);
	struct bytes transport = read_token(&r);
	c.priority = (uint32_t)read_number(&r, 1, INT32_MAX);
	struct bytes ip = read_token(&r);
	uint16_t port = (uint16_t)read_number(&r, 0, UINT16_MAX);
	if (!bytes_equal_text(read_token(&r), "typ"))
		return ERR_MALFORMED;
	bool type_is_known = read_type(&r, &c.type);
	read_extensions(&r, &c.base);
	if (r.failed)
		return ERR_MALFORMED;
	if (component != COMPONENT || !bytes_equal_text_ignoring_case(transport, "udp"))
		return ERR_UNSUPPORTED;
	if (!type_is_known || !parse_ip(ip, port, &c.addr) || port == 0)
		return ERR_UNSUPPORTED;
	*ret_candidate = c;
	return ERR_OK;
}

void ice_candidate_format(const struct ice_candidate *candidate, char *text)
{
	char ip[ADDR_TEXT_MAX];
	struct addr addr = candidate->addr;
	/* A scope is a number of this host, without meaning to the peer. */
	addr.scope = 0;
	int size = snprintf(text, ICE_CANDIDATE_TEXT_MAX, "candidate:%s %d udp %u %s %u typ %s",
		candidate->foundation, COMPONENT, candidate->priority, addr_ip_text(&addr, ip),
		(unsigned)addr.port, ice_type_name(candidate->type));
	CHECK(size > 0 && size < ICE_CANDIDATE_TEXT_MAX);
	if (candidate->type == ICE_HOST || candidate->base.family == ADDR_NONE)
		return;
	addr = candidate->base;
	addr.scope = 0;
	/* RFC 8839 section 5.1: what would be ours as the relay sees it may be left out, as zeros
	 * with port 9. It helps nobody, and where only a relay may be shown it would show more. */
	if (candidate->type == ICE_RELAYED) {
		memset(addr.ip, 0, sizeof addr.ip);
		addr.port = 9;
	}
	size_t room = ICE_CANDIDATE_TEXT_MAX - (size_t)size;
	int more = snprintf(text + size, room, " raddr %s rport %u", addr_ip_text(&addr, ip),
		(unsigned)addr.port);
	CHECK(more > 0 && (size_t)more < room);
}
