/* The head of an HTTP request: whatever is accepted is whole, and text. */
#include <stdlib.h>

#include "web/http_head.h"

#include "fuzz.h"

static void check_text(const char *text, const char *start, size_t size)
{
	CHECK(text >= start);
	CHECK(text + strlen(text) < start + size);
}

static void check_head(const struct http_head *head, const char *text, size_t size)
{
	CHECK(head->path[0] == '/');
	check_text(head->method, text, size);
	check_text(head->path, text, size);
	CHECK(head->header_count <= HTTP_HEADERS_MAX);
	for (size_t i = 0; i < head->header_count; i++) {
		check_text(head->headers[i].name, text, size);
		check_text(head->headers[i].value, text, size);
		(void)http_list_has(head->headers[i].value, "upgrade");
	}
	struct bytes value;
	if (http_query_find(head->query, "token", &value))
		free(http_percent_decode(value, true));
	free(http_percent_decode(bytes_of_text(head->path), false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t scanned = 0;
	struct http_head head;
	size_t whole = http_head_size(bytes_of(data, size), &scanned);
	(void)http_head_is_hopeless(bytes_of(data, size));
	if (whole == 0)
		return 0;
	char *text = malloc(whole + 1);
	if (!text)
		return 0;
	memcpy(text, data, whole);
	text[whole] = 0;
	if (http_head_parse(text, whole, &head) == 0)
		check_head(&head, text, whole);
	free(text);
	return 0;
}
