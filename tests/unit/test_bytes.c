#include "base/bytes.h"

#include "test.h"

static void reader_reads_network_order(void **state)
{
	(void)state;
	static const uint8_t wire[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct reader r = reader_of(bytes_of(wire, sizeof wire));
	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_u16(&r), 0x0203);
	assert_int_equal(read_u32(&r), 0x04050607);
	assert_int_equal(read_u64(&r), 0x08090a0b0c0d0e0f);
	assert_false(r.failed);
	assert_int_equal(r.rest.size, 0);
}

static void reader_fails_stickily(void **state)
{
	(void)state;
	static const uint8_t wire[] = {1, 2, 3};
	struct reader r = reader_of(bytes_of(wire, sizeof wire));
	assert_int_equal(read_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(read_u8(&r), 0);
	assert_int_equal(read_bytes(&r, 1).size, 0);
}

static void writer_fails_stickily_and_keeps_what_fits(void **state)
{
	(void)state;
	uint8_t memory[4] = {0};
	struct writer w = writer_of(memory, sizeof memory);
	write_u16(&w, 0x1234);
	write_u32(&w, 1);
	assert_true(w.failed);
	write_u8(&w, 9);
	assert_int_equal(w.size, 2);
	assert_int_equal(memory[0], 0x12);
	assert_int_equal(memory[2], 0);
}

static void slices_stay_inside(void **state)
{
	(void)state;
	struct bytes b = bytes_of_text("abcdef");
	assert_bytes_equal(bytes_slice(b, 2, 3), bytes_of_text("cde"));
	assert_bytes_equal(bytes_slice(b, 4, SIZE_MAX), bytes_of_text("ef"));
	assert_int_equal(bytes_slice(b, 6, 1).size, 0);
	assert_int_equal(bytes_slice(b, SIZE_MAX, SIZE_MAX).size, 0);
}

TESTS(TEST(reader_reads_network_order), TEST(reader_fails_stickily),
	TEST(writer_fails_stickily_and_keeps_what_fits), TEST(slices_stay_inside))
