#include "web/socket_io.h"

#include "crypto/openssl.h"

#include <libwebsockets.h>
#include <stdlib.h>

#include "web/limits.h"

/* Messages sent in one go before other sockets have their turn. */
#define MESSAGES_PER_EVENT 32

struct queued_message {
	struct list node;
	size_t size;
	uint8_t data[]; /* LWS_PRE bytes that libwebsockets writes the frame's header to, then it */
};

void socket_io_init(struct socket_io *io, size_t message_max, size_t queue_bytes_max)
{
	*io = (struct socket_io){
		.in.max = message_max ? message_max : WEB_SOCKET_MESSAGE_MAX,
		.message_max = message_max ? message_max : WEB_SOCKET_MESSAGE_MAX,
		.queue_bytes_max = queue_bytes_max ? queue_bytes_max : WEB_SOCKET_QUEUE_BYTES_MAX,
	};
	list_init(&io->queue);
}

void socket_io_deinit(struct socket_io *io)
{
	if (io->queue.next)
		socket_io_drop_queue(io);
	buffer_deinit(&io->in);
}

/* ---- Receiving ---- */

enum socket_piece socket_io_receive(
	struct socket_io *io, struct lws *wsi, struct bytes piece, struct bytes *ret_message)
{
	/* What the previous message left. */
	if (lws_is_first_fragment(wsi)) {
		buffer_deinit(&io->in);
		io->skipped = 0;
	}
	bool is_last = lws_is_final_fragment(wsi) != 0;
	if (io->skipped == 0 && io->in.size == 0 && is_last && piece.size <= io->message_max) {
		*ret_message = piece.data ? piece : bytes_of("", 0);
		return SOCKET_PIECE_MESSAGE;
	}
	if (io->skipped == 0) {
		enum err err = buffer_append(&io->in, piece);
		if (err == ERR_NOMEM)
			return SOCKET_PIECE_HOPELESS;
		if (err == ERR_OK) {
			*ret_message = buffer_bytes(&io->in);
			return is_last ? SOCKET_PIECE_MESSAGE : SOCKET_PIECE_MORE;
		}
	}
	io->skipped += io->in.size + piece.size;
	buffer_deinit(&io->in);
	if (is_last) {
		io->skipped = 0;
		return SOCKET_PIECE_TOO_LARGE;
	}
	return io->skipped > WEB_SOCKET_SKIP_MAX ? SOCKET_PIECE_HOPELESS : SOCKET_PIECE_MORE;
}

/* ---- Sending ---- */

static enum err write_message(struct lws *wsi, struct queued_message *message)
{
	int sent = lws_write(wsi, message->data + LWS_PRE, message->size, LWS_WRITE_TEXT);
	/* What the kernel did not take, libwebsockets keeps and sends by itself. */
	return sent < (int)message->size ? ERR_IO : ERR_OK;
}

enum err socket_io_send(struct socket_io *io, struct lws *wsi, struct bytes text)
{
	if (text.size > io->queue_bytes_max - min_size(io->queue_bytes_max, io->queue_bytes) ||
		io->queue_count >= WEB_SOCKET_QUEUE_COUNT_MAX)
		return ERR_LIMIT;
	struct queued_message *message = malloc(sizeof *message + LWS_PRE + text.size);
	if (!message)
		return ERR_NOMEM;
	message->size = text.size;
	if (text.size > 0)
		memcpy(message->data + LWS_PRE, text.data, text.size);
	/* Switching the wait for writability on and off costs two system calls a message; most of
	 * the time the kernel takes it at once. */
	if (io->queue_count == 0 && !lws_partial_buffered(wsi)) {
		enum err err = write_message(wsi, message);
		free(message);
		return err;
	}
	list_push_back(&io->queue, &message->node);
	io->queue_bytes += text.size;
	io->queue_count++;
	lws_callback_on_writable(wsi);
	return ERR_OK;
}

static struct queued_message *pop(struct socket_io *io)
{
	struct list *node = list_pop_front(&io->queue);
	if (!node)
		return NULL;
	struct queued_message *message = CONTAINER_OF(node, struct queued_message, node);
	io->queue_bytes -= message->size;
	io->queue_count--;
	return message;
}

enum err socket_io_drain(struct socket_io *io, struct lws *wsi)
{
	enum err err = ERR_OK;
	for (int i = 0; i < MESSAGES_PER_EVENT && err == ERR_OK && !lws_partial_buffered(wsi);
		i++) {
		struct queued_message *message = pop(io);
		if (!message)
			return ERR_OK;
		err = write_message(wsi, message);
		free(message);
	}
	if (err == ERR_OK && io->queue_count > 0)
		lws_callback_on_writable(wsi);
	return err;
}

void socket_io_drop_queue(struct socket_io *io)
{
	struct queued_message *message;
	while ((message = pop(io)))
		free(message);
}

void socket_io_set_close(struct lws *wsi, unsigned code, const char *reason)
{
	uint8_t text[WEB_CLOSE_REASON_MAX];
	struct bytes bytes = bytes_slice(bytes_of_text(reason), 0, sizeof text);
	if (bytes.size > 0)
		memcpy(text, bytes.data, bytes.size);
	lws_close_reason(wsi, (enum lws_close_status)code, text, bytes.size);
}

void socket_io_cut(struct lws *wsi)
{
	lws_set_opaque_user_data(wsi, NULL);
	/* Any other way waits for what is buffered to be sent first, to a reader that may never
	 * read. */
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	/* Its timers are only looked at after some event of its own. */
	lws_cancel_service(lws_get_context(wsi));
}
