/* Any message on the control PPID: it is refused, or writing what was read gives the same bytes. */
#include "channel/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t memory[DCEP_OPEN_MAX];
	struct bytes message = bytes_of(data, size);
	struct dcep_open open;
	enum dcep_type type;
	if (dcep_type(message, &type) != ERR_OK || dcep_open_parse(message, &open) != ERR_OK)
		return 0;
	struct writer w = writer_of(memory, sizeof memory);
	dcep_open_write(&w, &open);
	CHECK(!w.failed);
	CHECK(bytes_equal(writer_bytes(&w), bytes_slice(message, 0, w.size)));
	return 0;
}
