#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/text.h"

static const uint8_t ipv4_mapped[12] = {[10] = 0xff, [11] = 0xff};

bool addr_is_local_network(const struct addr *a)
{
	const uint8_t *ip = a->ip;
	if (addr_is_loopback(a) || addr_is_link_local(a))
		return true;
	if (a->family == ADDR_IPV6)
		return (ip[0] & 0xfe) == 0xfc;
	return a->family == ADDR_IPV4 && (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
						 (ip[0] == 192 && ip[1] == 168));
}

size_t addr_ip_size(const struct addr *a)
{
	switch (a->family) {
	case ADDR_NONE:
		return 0;
	case ADDR_IPV4:
		return 4;
	case ADDR_IPV6:
		return 16;
	}
	UNREACHABLE();
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && a->transport == b->transport && addr_same_ip(a, b);
}

bool path_equal(const struct path *a, const struct path *b)
{
	return addr_equal(&a->local, &b->local) && addr_equal(&a->remote, &b->remote);
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];
	return memcmp(a->ip, zero, sizeof zero) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t ipv6_loopback[16] = {[15] = 1};
	if (a->family == ADDR_IPV4)
		return a->ip[0] == 127;
	return a->family == ADDR_IPV6 && memcmp(a->ip, ipv6_loopback, sizeof ipv6_loopback) == 0;
}

bool addr_is_link_local(const struct addr *a)
{
	if (a->family == ADDR_IPV4)
		return a->ip[0] == 169 && a->ip[1] == 254;
	return a->family == ADDR_IPV6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool addr_parse_ip(const char *ip, uint16_t port, struct addr *ret_addr)
{
	struct addr a = {.port = port};
	uint8_t wide[16];
	if (inet_pton(AF_INET, ip, a.ip) == 1) {
		a.family = ADDR_IPV4;
		*ret_addr = a;
		return true;
	}
	char bare[ADDR_TEXT_MAX];
	const char *percent = strchr(ip, '%');
	if (percent) {
		size_t length = (size_t)(percent - ip);
		if (length >= sizeof bare || !text_to_u32(percent + 1, &a.scope))
			return false;
		memcpy(bare, ip, length);
		bare[length] = 0;
		ip = bare;
	}
	if (inet_pton(AF_INET6, ip, wide) != 1)
		return false;
	if (memcmp(wide, ipv4_mapped, sizeof ipv4_mapped) == 0) {
		a.family = ADDR_IPV4;
		memcpy(a.ip, wide + sizeof ipv4_mapped, 4);
	} else {
		a.family = ADDR_IPV6;
		memcpy(a.ip, wide, sizeof wide);
	}
	*ret_addr = a;
	return true;
}

bool addr_parse(const char *text, struct addr *ret_addr)
{
	const char *colon = strrchr(text, ':');
	char ip[ADDR_TEXT_MAX];
	uint32_t port;
	if (!colon || !text_to_u32(colon + 1, &port) || port > UINT16_MAX)
		return false;
	size_t length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return false;
	}
	if (length >= sizeof ip)
		return false;
	memcpy(ip, text, length);
	ip[length] = 0;
	return addr_parse_ip(ip, (uint16_t)port, ret_addr);
}

char *addr_ip_text(const struct addr *a, char *text)
{
	if (a->family == ADDR_NONE) {
		snprintf(text, ADDR_TEXT_MAX, "none");
		return text;
	}
	inet_ntop(a->family == ADDR_IPV4 ? AF_INET : AF_INET6, a->ip, text, ADDR_TEXT_MAX);
	if (a->scope > 0) {
		size_t length = strlen(text);
		snprintf(text + length, ADDR_TEXT_MAX - length, "%%%u", a->scope);
	}
	return text;
}

char *addr_text(const struct addr *a, char *text)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip_text(a, ip);
	snprintf(text, ADDR_TEXT_MAX, a->family == ADDR_IPV6 ? "[%.64s]:%u" : "%.64s:%u", ip,
		(unsigned)a->port);
	return text;
}
