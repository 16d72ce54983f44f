#include "message/uri.h"

#include <stdio.h>

#include "base/addr.h"
#include "base/text.h"

static const char scheme[] = "dpc://";

bool uri_is(const char *text)
{
	struct bytes start = bytes_slice(bytes_of_text(text), 0, sizeof scheme - 1);
	return bytes_equal_text_ignoring_case(start, scheme);
}

/* A DNS name or an IPv4 address: letters, digits, '-', '_' and '.', no empty label. */
static bool is_host_name(struct bytes host)
{
	if (host.size == 0 || host.size > URI_HOST_MAX)
		return false;
	uint8_t before = '.';
	for (size_t i = 0; i < host.size; i++) {
		uint8_t c = host.data[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool is_other = (c >= '0' && c <= '9') || c == '-' || c == '_';
		if (!is_letter && !is_other && !(c == '.' && before != '.'))
			return false;
		before = c;
	}
	return host.data[0] != '-';
}

static bool is_ipv6(struct bytes host)
{
	char text[ADDR_TEXT_MAX];
	struct addr addr;
	/* An IPv4-mapped address is taken for the IPv4 one, so the colon is asked for too. */
	return text_copy_bytes(text, sizeof text, host) && addr_parse_ip(text, 0, &addr) &&
	       memchr(host.data, ':', host.size) != NULL;
}

/* Where the first `c` is, or the size. */
static size_t find(struct bytes b, char c)
{
	const uint8_t *at = b.size > 0 ? memchr(b.data, c, b.size) : NULL;
	return at ? (size_t)(at - b.data) : b.size;
}

enum err uri_parse_host_port(struct bytes text, uint16_t port_default, char *ret_host,
	size_t host_capacity, uint16_t *ret_port)
{
	struct bytes host, rest;
	if (text.size > 0 && text.data[0] == '[') {
		size_t end = find(text, ']');
		host = bytes_slice(text, 1, sat_sub(end, 1));
		rest = bytes_slice(text, end + 1, text.size);
		if (end == text.size || !is_ipv6(host))
			return ERR_MALFORMED;
	} else {
		size_t end = find(text, ':');
		host = bytes_slice(text, 0, end);
		rest = bytes_slice(text, end, text.size);
		if (!is_host_name(host))
			return ERR_MALFORMED;
	}
	uint64_t port = port_default;
	if (rest.size > 0 && (rest.data[0] != ':' || rest.size > 6 ||
				     !bytes_to_u64(bytes_slice(rest, 1, rest.size), &port)))
		return ERR_MALFORMED;
	if (port > UINT16_MAX || host.size >= host_capacity)
		return ERR_MALFORMED;
	CHECK(text_copy_bytes(ret_host, host_capacity, host));
	*ret_port = (uint16_t)port;
	return ERR_OK;
}

/* One name=value of the query; the same name twice is refused. */
static enum err read_parameter(struct bytes parameter, struct uri *uri)
{
	size_t equals = find(parameter, '=');
	struct bytes name = bytes_slice(parameter, 0, equals);
	struct bytes value = bytes_slice(parameter, equals + 1, parameter.size);
	if (bytes_equal_text(name, "node_id")) {
		if (uri->node_id[0] || !text_copy_bytes(uri->node_id, sizeof uri->node_id, value) ||
			!node_id_is_valid(uri->node_id))
			return ERR_MALFORMED;
	} else if (bytes_equal_text(name, "key")) {
		struct node_pin pin;
		if (uri->key[0] || !text_copy_bytes(uri->key, sizeof uri->key, value) ||
			!node_pin_parse(uri->key, &pin))
			return ERR_MALFORMED;
		node_pin_text(&pin, uri->key);
	}
	return ERR_OK;
}

/* The id is the beginning of the key's hash: an address whose two halves disagree is wrong. */
static bool is_consistent(const struct uri *uri)
{
	struct node_pin pin;
	if (!node_id_is_valid(uri->node_id))
		return false;
	return !uri->key[0] ||
	       (node_pin_parse(uri->key, &pin) && node_id_matches_pin(uri->node_id, &pin));
}

enum err uri_parse(const char *text, struct uri *ret_uri)
{
	struct bytes all = bytes_of_text(text);
	if (all.size >= URI_TEXT_MAX)
		return ERR_TOO_LARGE;
	if (!uri_is(text))
		return ERR_MALFORMED;
	for (size_t i = 0; i < all.size; i++) {
		if (all.data[i] <= 0x20 || all.data[i] >= 0x7f || all.data[i] == '#')
			return ERR_MALFORMED;
	}
	struct bytes rest = bytes_slice(all, sizeof scheme - 1, all.size);
	size_t query = find(rest, '?');
	struct bytes authority = bytes_slice(rest, 0, query);
	if (authority.size > 0 && authority.data[authority.size - 1] == '/')
		authority.size--;
	struct uri uri = {0};
	enum err err = uri_parse_host_port(
		authority, URI_PORT_DEFAULT, uri.host, sizeof uri.host, &uri.port);
	rest = bytes_slice(rest, query + 1, rest.size);
	while (!err && rest.size > 0) {
		size_t end = find(rest, '&');
		err = read_parameter(bytes_slice(rest, 0, end), &uri);
		rest = bytes_slice(rest, end + 1, rest.size);
	}
	if (err)
		return err;
	if (uri.port == 0 || !is_consistent(&uri))
		return ERR_MALFORMED;
	*ret_uri = uri;
	return ERR_OK;
}

enum err uri_format(const struct uri *uri, char *text, size_t capacity)
{
	struct bytes host = bytes_of_text(uri->host);
	bool v6 = is_ipv6(host);
	if ((!v6 && !is_host_name(host)) || uri->port == 0 || !is_consistent(uri))
		return ERR_MALFORMED;
	int size = snprintf(text, capacity, "%s%s%s%s:%u?node_id=%s%s%s", scheme, v6 ? "[" : "",
		uri->host, v6 ? "]" : "", uri->port, uri->node_id, uri->key[0] ? "&key=" : "",
		uri->key);
	return size >= 0 && (size_t)size < capacity ? ERR_OK : ERR_TOO_LARGE;
}
