/* What goes over the channel of files: pieces of their contents, in binary messages.
 *
 *     uint8 kind, 3 bytes that are 0 and ignored, uint32 stream, uint64 offset, then
 *     DATA   bytes of the file from the offset on
 *     BLOCK  a block ends at the offset: the SHA-256 of the file from its beginning up to there
 *
 * in network order. The stream is the number that the receiver gave out when it accepted. */
#ifndef MESSAGE_FILE_PIECE_H
#define MESSAGE_FILE_PIECE_H

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/hash.h"
#include "message/limits.h"

#define FILE_PIECE_HEADER_SIZE 16
#define FILE_PIECE_SIZE_MAX (FILE_PIECE_HEADER_SIZE + MESSAGE_FILE_PIECE_MAX)

enum file_piece_kind {
	FILE_PIECE_DATA = 1,
	FILE_PIECE_BLOCK = 2,
};

struct file_piece {
	enum file_piece_kind kind;
	uint32_t stream;
	uint64_t offset;
	struct bytes body; /* 1 to MESSAGE_FILE_PIECE_MAX bytes of DATA; SHA256_SIZE of a BLOCK */
};

/* The body is borrowed. ERR_MALFORMED, ERR_TOO_LARGE, ERR_UNSUPPORTED (a kind of a later version);
 * then *ret_piece is untouched. */
MUST_CHECK enum err file_piece_parse(struct bytes message, struct file_piece *ret_piece);
/* FILE_PIECE_HEADER_SIZE bytes; the body goes behind them. */
void file_piece_write_header(const struct file_piece *piece, uint8_t *header);

#endif
