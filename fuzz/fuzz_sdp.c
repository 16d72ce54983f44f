/* Any text as a remote description: it is refused, or what was read is written and read again as
 * the same. */
#include "base/check.h"
#include "peer/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t text[1 << 20];
	struct sdp sdp, back;
	if (size > sizeof text / 2 || sdp_parse(bytes_of(data, size), &sdp) != ERR_OK)
		return 0;
	struct writer w = writer_of(text, sizeof text);
	sdp_write(&w, &sdp, 1);
	CHECK(!w.failed);
	CHECK(sdp_parse(writer_bytes(&w), &back) == ERR_OK);
	CHECK(bytes_equal(sdp.ufrag, back.ufrag));
	CHECK(bytes_equal(sdp.pwd, back.pwd));
	CHECK(bytes_equal(sdp.sctp_init, back.sctp_init));
	CHECK(bytes_equal(sdp.tls_id, back.tls_id));
	CHECK(sdp.setup == back.setup);
	CHECK(sdp.sctp_port == back.sctp_port);
	CHECK(sdp.message_max == back.message_max);
	CHECK(sdp.candidate_count == back.candidate_count);
	return 0;
}
