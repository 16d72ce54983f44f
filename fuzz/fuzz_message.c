/* A message from a peer. What is understood can be written, and is understood the same again. */
#include "message/message.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m, again;
	if (message_parse(bytes_of(data, size), &m, NULL) != ERR_OK)
		return 0;
	struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX), twice = out;
	/* Escaping can make it larger than a message may be. */
	enum err err = message_encode(&m, &out);
	if (err == ERR_OK) {
		CHECK(message_parse(buffer_bytes(&out), &again, NULL) == ERR_OK);
		CHECK(again.type == m.type);
		CHECK(message_encode(&again, &twice) == ERR_OK);
		CHECK(bytes_equal(buffer_bytes(&out), buffer_bytes(&twice)));
		message_deinit(&again);
	} else {
		CHECK(err == ERR_TOO_LARGE);
	}
	buffer_deinit(&out);
	buffer_deinit(&twice);
	message_deinit(&m);
	return 0;
}
