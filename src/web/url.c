#include "web/url.h"

#include "base/text.h"

static enum err parse_scheme(const char **text, struct url *url)
{
	static const struct {
		const char *prefix;
		bool is_secure;
	} schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		if (text_starts_with(*text, schemes[i].prefix)) {
			*text += strlen(schemes[i].prefix);
			url->is_secure = schemes[i].is_secure;
			url->port = url->is_secure ? 443 : 80;
			return ERR_OK;
		}
	}
	return ERR_UNSUPPORTED;
}

static bool parse_port(struct bytes text, uint16_t *ret_port)
{
	uint64_t port;
	if (!bytes_to_u64(text, &port) || port == 0 || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static bool parse_authority(struct bytes authority, struct url *url)
{
	if (!text_copy_bytes(url->authority, sizeof url->authority, authority))
		return false;
	struct bytes host = authority, rest;
	if (authority.size > 0 && authority.data[0] == '[') {
		const uint8_t *end = memchr(authority.data, ']', authority.size);
		if (!end)
			return false;
		host = bytes_of(authority.data + 1, (size_t)(end - authority.data) - 1);
		rest = bytes_slice(authority, host.size + 2, authority.size);
	} else {
		host.size = strcspn(url->authority, ":");
		rest = bytes_slice(authority, host.size, authority.size);
	}
	if (host.size == 0 || !text_copy_bytes(url->host, sizeof url->host, host))
		return false;
	if (rest.size == 0)
		return true;
	return rest.data[0] == ':' && parse_port(bytes_slice(rest, 1, rest.size), &url->port);
}

enum err url_parse(const char *text, struct url *ret_url)
{
	struct url url = {0};
	for (const char *c = text; *c; c++)
		if ((uint8_t)*c <= 0x20 || (uint8_t)*c >= 0x7f || *c == '#')
			return ERR_MALFORMED;
	enum err err = parse_scheme(&text, &url);
	if (err != ERR_OK)
		return err;
	size_t size = strcspn(text, "/?");
	struct bytes authority = bytes_of(text, size);
	if (memchr(text, '@', size) || !parse_authority(authority, &url))
		return ERR_MALFORMED;
	text += size;
	if (*text == '/') {
		if (!text_copy(url.path, sizeof url.path, text))
			return ERR_MALFORMED;
	} else {
		url.path[0] = '/';
		if (!text_copy(url.path + 1, sizeof url.path - 1, text))
			return ERR_MALFORMED;
	}
	*ret_url = url;
	return ERR_OK;
}

enum err url_append_encoded(struct buffer *url, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	enum err err = ERR_OK;
	for (; *text && err == ERR_OK; text++)
		err = strchr(plain, *text)
			      ? buffer_append(url, bytes_of(text, 1))
			      : buffer_append_format(url, "%%%02X", (unsigned)(uint8_t)*text);
	return err;
}
