/* Pages of the hub: a text in which {names} stand for values. */
#ifndef HUB_HTML_H
#define HUB_HTML_H

#include "base/buffer.h"

#define HTML_PAGE_MAX 65536

struct html_field {
	const char *name;
	const char *value;
	bool is_html; /* it is one of ours and goes in as it is; all other values are escaped */
};

/* Braces that stand for nothing, as those of a style, stay as they are. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err html_fill(
	struct buffer *text, const char *page, const struct html_field *fields, size_t count);

#endif
