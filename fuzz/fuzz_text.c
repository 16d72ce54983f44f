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

/* In one piece or in two, and as text or with zeros. */
static void check_utf8(struct bytes input)
{
	bool is_valid = utf8_is_valid(input);
	for (size_t cut = 0; cut <= min_size(input.size, 16); cut++) {
		struct utf8 utf8 = {0};
		bool is_good = utf8_goes_on(&utf8, bytes_slice(input, 0, cut)) &&
			       utf8_goes_on(&utf8, bytes_slice(input, cut, input.size)) &&
			       utf8.missing == 0;
		CHECK((is_good && !(input.size && memchr(input.data, 0, input.size))) == is_valid);
	}
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
	check_utf8(input);
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
