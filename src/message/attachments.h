/* The files that come with a chat message, as `chat` names them: an array of objects, each with
 * "id" (that of its file_offer, which comes by itself), "name" and "size". */
#ifndef MESSAGE_ATTACHMENTS_H
#define MESSAGE_ATTACHMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* 1 to MESSAGE_ATTACHMENTS_MAX of them, each well-formed. */
bool attachments_are_valid(const json_t *attachments);

/* One of such an array. */
struct attachment {
	const char *id, *name; /* borrowed from it */
	int64_t size;          /* bytes */
};
struct attachment attachment_at(const json_t *attachments, size_t index);

#endif
