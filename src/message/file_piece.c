#include "message/file_piece.h"

enum err file_piece_parse(struct bytes message, struct file_piece *ret_piece)
{
	struct reader r = reader_of(message);
	uint8_t kind = read_u8(&r);
	read_skip(&r, 3);
	struct file_piece piece = {.stream = read_u32(&r), .offset = read_u64(&r), .body = r.rest};
	if (r.failed)
		return ERR_MALFORMED;
	if (piece.body.size > MESSAGE_FILE_PIECE_MAX)
		return ERR_TOO_LARGE;
	switch (kind) {
	case FILE_PIECE_DATA:
		piece.kind = FILE_PIECE_DATA;
		if (piece.body.size == 0)
			return ERR_MALFORMED;
		break;
	case FILE_PIECE_BLOCK:
		piece.kind = FILE_PIECE_BLOCK;
		if (piece.body.size != SHA256_SIZE)
			return ERR_MALFORMED;
		break;
	default:
		return ERR_UNSUPPORTED;
	}
	*ret_piece = piece;
	return ERR_OK;
}

void file_piece_write_header(const struct file_piece *piece, uint8_t *header)
{
	struct writer w = writer_of(header, FILE_PIECE_HEADER_SIZE);
	write_u8(&w, (uint8_t)piece->kind);
	write_zeros(&w, 3);
	write_u32(&w, piece->stream);
	write_u64(&w, piece->offset);
	CHECK(!w.failed);
}
