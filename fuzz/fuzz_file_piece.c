/* A piece of a file from a peer. What is understood has the header that it is written with. */
#include "message/file_piece.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file_piece piece;
	uint8_t header[FILE_PIECE_HEADER_SIZE];
	if (file_piece_parse(bytes_of(data, size), &piece) != ERR_OK)
		return 0;
	CHECK(piece.body.size + FILE_PIECE_HEADER_SIZE == size);
	file_piece_write_header(&piece, header);
	CHECK(header[0] == data[0]);
	CHECK(memcmp(header + 4, data + 4, sizeof header - 4) == 0);
	return 0;
}
