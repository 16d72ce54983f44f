#include "hub/forwarded.h"

#include "base/bytes.h"
#include "base/text.h"

/* An address, with brackets and a port or without. */
static bool parse_address(struct bytes text, struct addr *ret_addr)
{
	char copy[ADDR_TEXT_MAX];
	while (text.size > 0 && text.data[0] == ' ')
		text = bytes_slice(text, 1, text.size);
	while (text.size > 0 && text.data[text.size - 1] == ' ')
		text.size--;
	if (!text_copy_bytes(copy, sizeof copy, text))
		return false;
	if (!addr_parse_ip(copy, 0, ret_addr) && !addr_parse(copy, ret_addr))
		return false;
	ret_addr->port = 0;
	return true;
}

bool trusted_proxies_parse(const char *text, struct trusted_proxies *ret_proxies)
{
	struct trusted_proxies proxies = {0};
	for (text += strspn(text, " ,"); *text; text += strspn(text, " ,")) {
		size_t size = strcspn(text, " ,");
		if (proxies.count == TRUSTED_PROXIES_MAX ||
			!parse_address(bytes_of(text, size), &proxies.addrs[proxies.count]))
			return false;
		proxies.count++;
		text += size;
	}
	*ret_proxies = proxies;
	return true;
}

static bool is_trusted(const struct trusted_proxies *proxies, const struct addr *addr)
{
	for (size_t i = 0; i < proxies->count; i++)
		if (addr_same_ip(&proxies->addrs[i], addr))
			return true;
	return false;
}

struct addr forwarded_client(
	const struct trusted_proxies *proxies, const struct addr *address, const char *header)
{
	struct addr client = *address;
	size_t size = header ? strlen(header) : 0;
	while (size > 0 && is_trusted(proxies, &client)) {
		size_t begin = size;
		struct addr addr;
		while (begin > 0 && header[begin - 1] != ',')
			begin--;
		/* One that cannot be read: the proxy before it is all that is known. */
		if (!parse_address(bytes_of(header + begin, size - begin), &addr))
			return client;
		client = addr;
		size = begin > 0 ? begin - 1 : 0;
	}
	return client;
}
