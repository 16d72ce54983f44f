#include "node/sse.h"

struct sse sse_with_max(size_t size_max)
{
	return (struct sse){.data = buffer_with_max(size_max)};
}

void sse_deinit(struct sse *sse)
{
	buffer_deinit(&sse->data);
	*sse = (struct sse){0};
}

static enum err add_data(struct sse *sse, struct bytes value)
{
	/* "If value starts with a U+0020 SPACE character, remove it from value." */
	if (value.size > 0 && value.data[0] == ' ')
		value = bytes_slice(value, 1, value.size);
	enum err err = sse->has_data ? buffer_append_text(&sse->data, "\n") : ERR_OK;
	if (!err)
		err = buffer_append(&sse->data, value);
	sse->has_data = true;
	return err == ERR_LIMIT ? ERR_TOO_LARGE : err;
}

enum err sse_take_line(struct sse *sse, struct bytes line, bool *ret_event)
{
	static const char mark[] = "\xef\xbb\xbf", field[] = "data";
	*ret_event = false;
	if (sse->is_over) {
		buffer_clear(&sse->data);
		sse->is_over = false;
	}
	/* A byte order mark may stand in front of everything. */
	if (!sse->begun && bytes_equal_text(bytes_slice(line, 0, 3), mark))
		line = bytes_slice(line, 3, line.size);
	sse->begun = true;
	if (line.size == 0) {
		/* Without data there was no event, only a name or a comment. */
		if (!sse->has_data)
			return ERR_OK;
		sse->has_data = false;
		sse->is_over = true;
		*ret_event = true;
		return ERR_OK;
	}
	size_t size = sizeof field - 1;
	if (!bytes_equal_text(bytes_slice(line, 0, size), field))
		return ERR_OK;
	if (line.size == size)
		return add_data(sse, bytes_slice(line, size, size));
	return line.data[size] == ':' ? add_data(sse, bytes_slice(line, size + 1, line.size))
				      : ERR_OK;
}
