/* The conversions of base/text.h and base/addr.h that see what peers write: whatever the bytes, no
 * overrun; and what was accepted comes out the same after a round trip. */
#include <stdlib.h>

#include "base/addr.h"
#include "base/text.h"
#include "fuzz.h"

#define TEXT_BYTES_MAX 512

static void check_base64(struct bytes input)
{
	uint8_t decoded[TEXT_BYTES_MAX], again[TEXT_BYTES_MAX];
	size_t size = 0, again_size = 0;
	if (!base64_decode(input, decoded, sizeof(decoded), &size))
		return;
	char *text = base64url_encode(bytes_of(decoded, size));
	CHECK(text);
	CHECK(base64_decode(bytes_of_text(text), again, sizeof(again), &again_size));
	CHECK(bytes_equal(bytes_of(decoded, size), bytes_of(again, again_size)));
	free(text);
}

static void check_addr(const char *text)
{
	struct addr addr, again;
	char printed[ADDR_TEXT_MAX];
	if (addr_parse(text, &addr)) {
		CHECK(addr_parse(addr_text(&addr, printed), &again));
		CHECK(addr_equal(&addr, &again));
	}
	if (addr_parse_ip(text, 9, &addr)) {
		CHECK(addr_parse_ip(addr_ip_text(&addr, printed), 9, &again));
		CHECK(addr_same_ip(&addr, &again));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	uint64_t number;
	(void)bytes_to_u64(input, &number);
	(void)utf8_is_valid(input);
	if (size <= TEXT_BYTES_MAX)
		check_base64(input);
	char text[TEXT_BYTES_MAX];
	if (memchr(data, 0, size) || !text_copy_bytes(text, sizeof(text), input))
		return 0;
	uint8_t raw[8];
	(void)hex_decode(text, raw, sizeof(raw));
	check_addr(text);
	return 0;
}
