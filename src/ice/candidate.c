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
	/* RFC 6544 section 4.2: where the transport matters more than the type, "all the preferred
	 * transport protocol candidates SHOULD have type-preference higher than the other transport
	 * protocol candidates. However, it is RECOMMENDED that the relayed candidates are still
	 * preferred lower". */
	uint8_t preference_tcp;
} types[] = {
	[ICE_HOST] = {"host", 126, 90},
	[ICE_SERVER_REFLEXIVE] = {"srflx", 100, 70},
	[ICE_PEER_REFLEXIVE] = {"prflx", 110, 80},
	[ICE_RELAYED] = {"relay", 0, 0},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

const char *ice_type_name(enum ice_type type)
{
	CHECK((size_t)type < TYPE_COUNT);
	return types[type].name;
}

static uint32_t priority_of(uint8_t type_preference, uint16_t local_preference)
{
	return (uint32_t)type_preference << 24 | (uint32_t)local_preference << 8 |
	       (256 - COMPONENT);
}

uint32_t ice_candidate_priority(enum ice_type type, uint16_t local_preference)
{
	CHECK((size_t)type < TYPE_COUNT);
	return priority_of(types[type].preference, local_preference);
}

uint32_t ice_candidate_priority_tcp(enum ice_type type, uint16_t local_preference)
{
	CHECK((size_t)type < TYPE_COUNT);
	return priority_of(types[type].preference_tcp, local_preference);
}

/* "local preference = (2^13) * direction-pref + other-pref", and of host candidates: "6 active, 4
 * passive". */
uint16_t ice_tcp_local_preference(enum ice_tcp tcp, uint16_t other)
{
	CHECK(tcp != ICE_TCP_NONE);
	CHECK(other <= ICE_TCP_OTHER_MAX);
	return (uint16_t)((tcp == ICE_TCP_ACTIVE ? 6u : 4u) << 13 | other);
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
static void read_extensions(struct reader *r, struct addr *ret_related, struct bytes *ret_tcp)
{
	struct bytes related_ip = {0};
	uint64_t related_port = 0;
	while (r->rest.size > 0 && !r->failed) {
		struct bytes name = read_token(r);
		if (bytes_equal_text(name, "raddr"))
			related_ip = read_token(r);
		else if (bytes_equal_text(name, "rport"))
			related_port = read_number(r, 0, UINT16_MAX);
		else if (bytes_equal_text(name, "tcptype"))
			*ret_tcp = read_token(r);
		else
			(void)read_token(r);
	}
	/* Browsers may hide it as a name or as zeros; it is only information. */
	struct addr related;
	if (parse_ip(related_ip, (uint16_t)related_port, &related))
		*ret_related = related;
}

/* "tcptype" of a TCP candidate. False for what is not ours. */
static bool read_transport(struct bytes transport, struct bytes tcp, struct ice_candidate *c)
{
	if (bytes_equal_text_ignoring_case(transport, "udp"))
		return true;
	if (!bytes_equal_text_ignoring_case(transport, "tcp"))
		return false;
	if (bytes_equal_text(tcp, "active"))
		c->tcp = ICE_TCP_ACTIVE;
	else if (bytes_equal_text(tcp, "passive"))
		c->tcp = ICE_TCP_PASSIVE;
	c->addr.transport = ADDR_TCP;
	return c->tcp != ICE_TCP_NONE;
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
	struct bytes tcp = {0};
	read_extensions(&r, &c.base, &tcp);
	if (r.failed)
		return ERR_MALFORMED;
	if (component != COMPONENT || !type_is_known || port == 0 || !parse_ip(ip, port, &c.addr))
		return ERR_UNSUPPORTED;
	if (!read_transport(transport, tcp, &c))
		return ERR_UNSUPPORTED;
	*ret_candidate = c;
	return ERR_OK;
}

/* RFC 8839 section 5.1: what would be ours as the relay sees it may be left out, as zeros with port
 * 9. It helps nobody, and where only a relay may be shown it would show more. */
static struct addr related_of(const struct ice_candidate *candidate)
{
	struct addr related = candidate->base;
	related.scope = 0;
	if (candidate->type == ICE_RELAYED) {
		memset(related.ip, 0, sizeof related.ip);
		related.port = 9;
	}
	return related;
}

static const char *tcp_type_text(enum ice_tcp tcp)
{
	switch (tcp) {
	case ICE_TCP_NONE:
		return "";
	case ICE_TCP_ACTIVE:
		return " tcptype active";
	case ICE_TCP_PASSIVE:
		return " tcptype passive";
	}
	UNREACHABLE();
}

void ice_candidate_format(const struct ice_candidate *candidate, char *text)
{
	char ip[ADDR_TEXT_MAX], related_ip[ADDR_TEXT_MAX], related_text[ADDR_TEXT_MAX + 32] = "";
	struct addr addr = candidate->addr, related = related_of(candidate);
	/* A scope is a number of this host, without meaning to the peer. */
	addr.scope = 0;
	if (candidate->type != ICE_HOST && related.family != ADDR_NONE)
		snprintf(related_text, sizeof related_text, " raddr %.64s rport %u",
			addr_ip_text(&related, related_ip), (unsigned)related.port);
	int size = snprintf(text, ICE_CANDIDATE_TEXT_MAX, "candidate:%s %d %s %u %s %u typ %s%s%s",
		candidate->foundation, COMPONENT, candidate->tcp ? "tcp" : "udp",
		candidate->priority, addr_ip_text(&addr, ip), (unsigned)addr.port,
		ice_type_name(candidate->type), related_text, tcp_type_text(candidate->tcp));
	CHECK(size > 0 && size < ICE_CANDIDATE_TEXT_MAX);
}
