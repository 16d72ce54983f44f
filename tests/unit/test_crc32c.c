#include "base/crc32c.h"

#include "base/rng.h"
#include "test.h"

static void gives_the_known_check_value(void **state)
{
	(void)state;
	/* The check value of CRC-32C in the catalogue of parametrised CRC algorithms. */
	assert_int_equal(crc32c(bytes_of_text("123456789")), 0xe3069283);
	assert_int_equal(crc32c_table(bytes_of_text("123456789")), 0xe3069283);
	assert_int_equal(crc32c((struct bytes){0}), 0);
}

static void instruction_and_table_agree(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	uint8_t data[300];
	rng_fill(&rng, data, sizeof data);
	for (size_t offset = 0; offset < 16; offset++)
		for (size_t size = 0; size + offset <= sizeof data; size++)
			assert_int_equal(crc32c(bytes_of(data + offset, size)),
				crc32c_table(bytes_of(data + offset, size)));
}

static void extends_piece_by_piece(void **state)
{
	(void)state;
	struct bytes whole = bytes_of_text("123456789");
	for (size_t cut = 0; cut <= whole.size; cut++) {
		uint32_t crc = crc32c_extend(0, bytes_slice(whole, 0, cut));
		assert_int_equal(
			crc32c_extend(crc, bytes_slice(whole, cut, whole.size)), 0xe3069283);
	}
}

TESTS(TEST(gives_the_known_check_value), TEST(instruction_and_table_agree),
	TEST(extends_piece_by_piece))
