/* The messages of a websocket client, put together from the pieces that libwebsockets delivers, and
 * a bounded queue of those to send. */
#ifndef WEB_SOCKET_IO_H
#define WEB_SOCKET_IO_H

#include "base/buffer.h"
#include "base/list.h"

struct lws;

struct socket_io {
	struct buffer in; /* the pieces of the message that is coming */
	size_t message_max;
	size_t skipped; /* bytes of a message beyond the limit; 0: none is being skipped */
	struct list queue;
	size_t queue_bytes, queue_count;
	size_t queue_bytes_max;
};

enum socket_piece {
	SOCKET_PIECE_MORE,      /* the message is not whole yet */
	SOCKET_PIECE_MESSAGE,   /* it is */
	SOCKET_PIECE_TOO_LARGE, /* its end came, but it was above the limit and is lost */
	SOCKET_PIECE_HOPELESS,  /* so large that waiting for its end is refused, or memory is out */
};

void socket_io_init(struct socket_io *io, size_t message_max, size_t queue_bytes_max);
void socket_io_deinit(struct socket_io *io);

/* In the callback that delivers a piece. The message is borrowed until the next call. */
enum socket_piece socket_io_receive(
	struct socket_io *io, struct lws *wsi, struct bytes piece, struct bytes *ret_message);

/* Sends at once if it can, else queues. ERR_LIMIT, ERR_NOMEM, ERR_IO (the connection is broken). */
MUST_CHECK enum err socket_io_send(struct socket_io *io, struct lws *wsi, struct bytes text);
/* In the callback for a writable socket. ERR_IO. */
MUST_CHECK enum err socket_io_drain(struct socket_io *io, struct lws *wsi);
void socket_io_drop_queue(struct socket_io *io);
/* The close frame that goes out when libwebsockets closes the connection by our wish. */
void socket_io_set_close(struct lws *wsi, unsigned code, const char *reason);
/* The connection ends in the next turn of the loop, whatever waits to be sent, and without a close
 * frame; until then it has no owner, and its callbacks find none. */
void socket_io_cut(struct lws *wsi);

#endif
