#include "peer/demux.h"

#include "test.h"

static void first_byte_decides_as_rfc_7983_says(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		uint8_t datagram[1] = {(uint8_t)first};
		enum demux expected = first <= 3                   ? DEMUX_STUN
				      : first >= 20 && first <= 63 ? DEMUX_DTLS
				      : first >= 64 && first <= 79 ? DEMUX_TURN_CHANNEL
								   : DEMUX_UNKNOWN;
		assert_int_equal(demux(bytes_of(datagram, 1)), expected);
	}
	assert_int_equal(demux((struct bytes){0}), DEMUX_UNKNOWN);
}

TESTS(TEST(first_byte_decides_as_rfc_7983_says))
