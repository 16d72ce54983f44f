#include "hub/html.h"

static enum err append_escaped(struct buffer *text, const char *plain)
{
	enum err err = ERR_OK;
	for (; *plain && err == ERR_OK; plain++) {
		const char *entity = *plain == '<'   ? "&lt;"
				     : *plain == '&' ? "&amp;"
				     : *plain == '"' ? "&quot;"
						     : NULL;
		err = entity ? buffer_append_text(text, entity)
			     : buffer_append(text, bytes_of(plain, 1));
	}
	return err;
}

enum err html_fill(
	struct buffer *text, const char *page, const struct html_field *fields, size_t count)
{
	enum err err = ERR_OK;
	while (*page && err == ERR_OK) {
		size_t plain = strcspn(page, "{"), size = strcspn(page + plain, "}");
		const struct html_field *found = NULL;
		err = buffer_append(text, bytes_of(page, plain));
		page += plain;
		for (size_t i = 0; *page && i < count; i++)
			if (bytes_equal_text(bytes_of(page + 1, size - 1), fields[i].name))
				found = &fields[i];
		if (err == ERR_OK && found)
			err = found->is_html ? buffer_append_text(text, found->value)
					     : append_escaped(text, found->value);
		else if (err == ERR_OK && *page)
			err = buffer_append_text(text, "{");
		if (*page)
			page += found ? size + 1 : 1;
	}
	return err;
}
