#include "web/http_head.h"

#include <stdlib.h>

#include "base/text.h"

/* RFC 9110 section 5.6.2: tchar. */
static bool is_token_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text)
{
	if (*text == 0)
		return false;
	for (; *text; text++)
		if (!is_token_char((uint8_t)*text))
			return false;
	return true;
}

size_t http_head_size(struct bytes text, size_t *scanned)
{
	size_t from = sat_sub(*scanned, 3);
	for (size_t i = from; i + 4 <= text.size; i++)
		if (memcmp(text.data + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	*scanned = text.size;
	return 0;
}

bool http_head_is_hopeless(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == ' ')
			return i == 0;
		if (i == HTTP_METHOD_MAX || !is_token_char(text.data[i]))
			return true;
	}
	return false;
}

/* Cuts the line at the start of *text off, which ends in CR LF, and moves *text behind it. NULL for
 * a control character in it, a lone CR or LF included. */
static char *cut_line(char **text, char *end)
{
	char *line = *text, *c = line;
	while (c < end && ((uint8_t)*c >= 0x20 || *c == '\t') && *c != 0x7f)
		c++;
	if (end - c < 2 || c[0] != '\r' || c[1] != '\n')
		return NULL;
	*c = 0;
	*text = c + 2;
	return line;
}

/* Ends the word at `text` with a zero in place of the separator; what is behind it, or NULL. */
static char *cut_at(char *text, char separator)
{
	char *place = strchr(text, separator);
	if (!place)
		return NULL;
	*place = 0;
	return place + 1;
}

static int parse_version(const char *version, struct http_head *head)
{
	if (strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0) {
		head->is_http_1_0 = version[7] == '0';
		head->wants_close = head->is_http_1_0;
		return 0;
	}
	/* RFC 9112 section 2.3: one digit, a point, one digit. */
	bool is_version = text_starts_with(version, "HTTP/") && strlen(version) == 8 &&
			  version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
			  version[7] >= '0' && version[7] <= '9';
	return is_version ? 505 : 400;
}

static int parse_request_line(char *line, struct http_head *head)
{
	char *target = cut_at(line, ' ');
	char *version = target ? cut_at(target, ' ') : NULL;
	if (!version || !is_token(line) || strlen(line) > HTTP_METHOD_MAX)
		return 400;
	for (const char *c = target; *c; c++)
		if ((uint8_t)*c <= 0x20 || (uint8_t)*c >= 0x7f || *c == '#')
			return 400;
	/* RFC 9112 section 3.2.2: "a server MUST accept the absolute-form in requests". */
	if (text_starts_with(target, "http://") || text_starts_with(target, "https://")) {
		target = strchr(strstr(target, "://") + 3, '/');
		if (!target)
			return 400;
	}
	if (*target != '/')
		return 400;
	head->method = line;
	head->path = target;
	char *query = cut_at(target, '?');
	head->query = query ? query : "";
	return parse_version(version, head);
}

static char *trim(char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	size_t size = strlen(text);
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		size--;
	text[size] = 0;
	return text;
}

static int parse_header(char *line, struct http_head *head)
{
	if (head->header_count == HTTP_HEADERS_MAX)
		return 431;
	char *value = cut_at(line, ':');
	if (!value || !is_token(line))
		return 400;
	head->headers[head->header_count++] =
		(struct http_header){.name = line, .value = trim(value)};
	return 0;
}

static size_t count_of(const struct http_head *head, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < head->header_count; i++)
		count += text_equal_ignoring_case(head->headers[i].name, name);
	return count;
}

static bool is_websocket_upgrade(const struct http_head *head)
{
	const char *key = http_head_find(head, "sec-websocket-key");
	const char *version = http_head_find(head, "sec-websocket-version");
	uint8_t nonce[16];
	size_t size;
	return strcmp(head->method, "GET") == 0 && !head->is_http_1_0 &&
	       http_list_has(http_head_find(head, "connection"), "upgrade") &&
	       http_list_has(http_head_find(head, "upgrade"), "websocket") && version &&
	       strcmp(version, "13") == 0 && key && count_of(head, "sec-websocket-key") == 1 &&
	       strlen(key) == 24 && base64_decode(bytes_of_text(key), nonce, sizeof nonce, &size) &&
	       size == sizeof nonce && head->content_length == 0;
}

/* What the headers say about the message as a whole (RFC 9112 section 6.3). */
static int parse_framing(struct http_head *head)
{
	const char *connection = http_head_find(head, "connection");
	const char *length = http_head_find(head, "content-length");
	const char *expect = http_head_find(head, "expect");
	size_t hosts = count_of(head, "host");
	if (hosts > 1 || (hosts == 0 && !head->is_http_1_0))
		return 400;
	if (http_head_find(head, "transfer-encoding"))
		return 501;
	if (count_of(head, "content-length") > 1)
		return 400;
	if (length && !text_to_u64(length, &head->content_length))
		return 400;
	if (http_list_has(connection, "close"))
		head->wants_close = true;
	else if (head->is_http_1_0 && http_list_has(connection, "keep-alive"))
		head->wants_close = false;
	head->wants_continue = expect && text_equal_ignoring_case(expect, "100-continue");
	head->wants_upgrade = is_websocket_upgrade(head);
	return 0;
}

int http_head_parse(char *text, size_t size, struct http_head *ret_head)
{
	struct http_head head = {0};
	char *end = text + size;
	char *line = cut_line(&text, end);
	int status = line ? parse_request_line(line, &head) : 400;
	if (status != 0)
		return status;
	for (;;) {
		line = cut_line(&text, end);
		if (!line)
			return 400;
		if (*line == 0)
			break;
		status = parse_header(line, &head);
		if (status != 0)
			return status;
	}
	status = parse_framing(&head);
	if (status != 0)
		return status;
	*ret_head = head;
	return 0;
}

const char *http_head_find(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->header_count; i++)
		if (text_equal_ignoring_case(head->headers[i].name, name))
			return head->headers[i].value;
	return NULL;
}

bool http_list_has(const char *list, const char *token)
{
	while (list && *list) {
		list += strspn(list, " \t,");
		size_t size = strcspn(list, " \t,");
		if (size > 0 && bytes_equal_text_ignoring_case(bytes_of(list, size), token))
			return true;
		list += size;
	}
	return false;
}

char *http_percent_decode(struct bytes text, bool is_query)
{
	char *decoded = malloc(text.size + 1);
	if (!decoded)
		return NULL;
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c == '%') {
			char digits[3] = {0};
			if (!text_copy_bytes(digits, sizeof digits, bytes_slice(text, i + 1, 2)) ||
				!hex_decode(digits, &c, 1)) {
				free(decoded);
				return NULL;
			}
			i += 2;
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		decoded[size++] = (char)c;
	}
	decoded[size] = 0;
	if (!utf8_is_valid(bytes_of(decoded, size))) {
		free(decoded);
		return NULL;
	}
	return decoded;
}

bool http_query_find(const char *query, const char *name, struct bytes *ret_value)
{
	size_t name_size = strlen(name);
	while (*query) {
		size_t size = strcspn(query, "&");
		if (size >= name_size && memcmp(query, name, name_size) == 0 &&
			(size == name_size || query[name_size] == '=')) {
			size_t skip = min_size(size, name_size + 1);
			*ret_value = bytes_of(query + skip, size - skip);
			return true;
		}
		query += size;
		query += strspn(query, "&");
	}
	return false;
}
