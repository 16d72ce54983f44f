#include "hub/nats_url.h"

#include "base/text.h"
#include "crypto/hash.h"

#define PORT_DEFAULT 4222
#define SCHEME "nats://"

static bool parse_port(const char *text, uint16_t *ret_port)
{
	uint32_t port;
	if (!text_to_u32(text, &port) || port == 0 || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

/* host, host:port, [address]:port. */
static bool parse_host(char *text, struct nats_url *url)
{
	char *end = text[0] == '[' ? strchr(text, ']') : NULL, *colon;
	url->port = PORT_DEFAULT;
	if (text[0] == '[' && !end)
		return false;
	colon = strrchr(end ? end : text, ':');
	if (colon && !parse_port(colon + 1, &url->port))
		return false;
	if (colon)
		*colon = 0;
	if (end)
		*end = 0;
	text += end ? 1 : 0;
	return text[0] && text_copy(url->host, sizeof url->host, text);
}

/* user:password, or a token, before the @. */
static bool parse_credentials(char *text, struct nats_url *url)
{
	char *colon = strchr(text, ':');
	if (colon)
		*colon++ = 0;
	return text_copy(url->user, sizeof url->user, text) &&
	       (!colon || text_copy(url->password, sizeof url->password, colon));
}

static bool parse_url(struct bytes text, struct nats_url *ret_url)
{
	char copy[NATS_URL_MAX];
	struct nats_url url = {0};
	if (!text_copy_bytes(copy, sizeof copy, text) || !text_starts_with(copy, SCHEME))
		return false;
	char *host = copy + sizeof SCHEME - 1, *at = strrchr(host, '@');
	bool is_good = true;
	if (at) {
		*at = 0;
		is_good = parse_credentials(host, &url);
		host = at + 1;
	}
	is_good = is_good && !strchr(host, '/') && parse_host(host, &url);
	secret_cleanse(copy, sizeof copy);
	if (is_good)
		*ret_url = url;
	return is_good;
}

bool nats_urls_parse(const char *list, struct nats_url urls[NATS_URLS_MAX], size_t *ret_count)
{
	size_t count = 0;
	for (list += strspn(list, " ,"); *list; list += strspn(list, " ,")) {
		size_t size = strcspn(list, " ,");
		if (count == NATS_URLS_MAX || !parse_url(bytes_of(list, size), &urls[count]))
			return false;
		count++;
		list += size;
	}
	*ret_count = count;
	return count > 0;
}

bool nats_urls_are_valid(const char *list)
{
	struct nats_url urls[NATS_URLS_MAX];
	size_t count;
	bool is_valid = nats_urls_parse(list, urls, &count);
	secret_cleanse(urls, sizeof urls);
	return is_valid;
}
