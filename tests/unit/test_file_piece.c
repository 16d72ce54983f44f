#include "message/file_piece.h"

#include "test.h"

#include <string.h>

static void a_piece_survives_a_round_trip(void **state)
{
	(void)state;
	uint8_t message[FILE_PIECE_SIZE_MAX];
	struct file_piece piece = {
		.kind = FILE_PIECE_DATA, .stream = 0xfedcba98, .offset = 0x123456789abcdef0};
	struct file_piece read;
	memset(message, 'x', sizeof message);
	file_piece_write_header(&piece, message);
	assert_ok(file_piece_parse(bytes_of(message, sizeof message), &read));
	assert_int_equal(read.kind, FILE_PIECE_DATA);
	assert_true(read.stream == piece.stream);
	assert_true(read.offset == piece.offset);
	assert_int_equal(read.body.size, MESSAGE_FILE_PIECE_MAX);
	assert_ptr_equal(read.body.data, message + FILE_PIECE_HEADER_SIZE);
}

static void sizes_are_checked(void **state)
{
	(void)state;
	static const struct {
		uint8_t kind;
		size_t size;
		enum err err;
	} cases[] = {
		{FILE_PIECE_DATA, 0, ERR_MALFORMED},
		{FILE_PIECE_DATA, FILE_PIECE_HEADER_SIZE - 1, ERR_MALFORMED},
		{FILE_PIECE_DATA, FILE_PIECE_HEADER_SIZE, ERR_MALFORMED},
		{FILE_PIECE_DATA, FILE_PIECE_HEADER_SIZE + 1, ERR_OK},
		{FILE_PIECE_DATA, FILE_PIECE_SIZE_MAX, ERR_OK},
		{FILE_PIECE_DATA, FILE_PIECE_SIZE_MAX + 1, ERR_TOO_LARGE},
		{FILE_PIECE_BLOCK, FILE_PIECE_HEADER_SIZE + SHA256_SIZE, ERR_OK},
		{FILE_PIECE_BLOCK, FILE_PIECE_HEADER_SIZE + SHA256_SIZE - 1, ERR_MALFORMED},
		{FILE_PIECE_BLOCK, FILE_PIECE_HEADER_SIZE + SHA256_SIZE + 1, ERR_MALFORMED},
		{0, FILE_PIECE_HEADER_SIZE + 1, ERR_UNSUPPORTED},
		{3, FILE_PIECE_HEADER_SIZE + 1, ERR_UNSUPPORTED},
	};
	uint8_t message[FILE_PIECE_SIZE_MAX + 1] = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct file_piece piece;
		message[0] = cases[i].kind;
		assert_err(
			file_piece_parse(bytes_of(message, cases[i].size), &piece), cases[i].err);
	}
}

TESTS(TEST(a_piece_survives_a_round_trip), TEST(sizes_are_checked))
