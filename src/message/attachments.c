#include "message/attachments.h"

#include "message/json.h"
#include "message/limits.h"
#include "message/message.h"

static bool is_valid(const json_t *item)
{
	const char *id, *name;
	const json_t *size = json_object_get(item, "size");
	return json_get_text(item, "id", MESSAGE_ID_MAX, &id) == ERR_OK &&
	       message_id_is_valid(id) &&
	       json_get_text(item, "name", MESSAGE_FILE_NAME_MAX, &name) == ERR_OK && *name &&
	       json_is_integer(size) && json_integer_value(size) >= 0 &&
	       json_integer_value(size) <= MESSAGE_FILE_SIZE_MAX;
}

bool attachments_are_valid(const json_t *attachments)
{
	size_t count = json_array_size(attachments);
	if (count == 0 || count > MESSAGE_ATTACHMENTS_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!is_valid(json_array_get(attachments, i)))
			return false;
	return true;
}

struct attachment attachment_at(const json_t *attachments, size_t index)
{
	const json_t *item = json_array_get(attachments, index);
	return (struct attachment){
		.id = json_string_value(json_object_get(item, "id")),
		.name = json_string_value(json_object_get(item, "name")),
		.size = json_integer_value(json_object_get(item, "size")),
	};
}
