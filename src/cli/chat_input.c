/* Lines of stdin that is no terminal: each is a message. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/chat.h"

/* Takes the first line off the input: false when there is none that is whole. */
static bool take_line(struct chat *chat, char **ret_line, size_t *ret_size)
{
	const uint8_t *end = memchr(buffer_text(&chat->input), '\n', chat->input.size);
	if (!end && !(chat->input_ended && chat->input.size > 0))
		return false;
	size_t size = end ? (size_t)(end - chat->input.data) : chat->input.size;
	*ret_line = text_duplicate_bytes(bytes_of(chat->input.data, size));
	*ret_size = size;
	buffer_consume(&chat->input, size + (end ? 1 : 0));
	return true;
}

static void stop_if_finished(struct chat *chat)
{
	if (!chat->input_ended || chat->post || chat->input.size > 0)
		return;
	if (chat->undelivered == 0)
		chat_stop(chat, CLI_DONE);
	else if (!net_timer_is_set(&chat->patience))
		net_timer_set(&chat->patience, net_now() + chat->wait);
}

void chat_send_next_line(struct chat *chat)
{
	char *line = NULL;
	size_t size = 0;
	while (!chat->post && take_line(chat, &line, &size)) {
		bool skip = chat->skipping || !line || size == 0;
		chat->skipping = false;
		if (!skip && (!utf8_is_valid(bytes_of_text(line)) || strlen(line) != size))
			cli_fail("a line that is not UTF-8 text was left out");
		else if (!skip)
			chat_send(chat, line, NULL);
		free(line);
	}
	if (chat->watch)
		net_watch_set(chat->watch, chat->post || chat->input_ended ? 0 : NET_READABLE);
	else if (!chat->post && !chat->input_ended)
		net_defer_post(&chat->read_soon);
	stop_if_finished(chat);
}

static void read_input(struct chat *chat)
{
	uint8_t block[4096];
	ssize_t size = read(STDIN_FILENO, block, sizeof(block));
	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0)
		chat->input_ended = true;
	else if (buffer_append(&chat->input, bytes_of(block, (size_t)size)) != ERR_OK)
		chat_fail(chat, "out of memory");
	bool has_line = memchr(buffer_text(&chat->input), '\n', chat->input.size) != NULL;
	if (!has_line && chat->input.size > CLI_LINE_MAX) {
		if (!chat->skipping)
			cli_fail("a line longer than %d bytes was left out", CLI_LINE_MAX);
		chat->skipping = true;
		buffer_clear(&chat->input);
	}
	chat_send_next_line(chat);
}

static void on_readable(unsigned events, void *user)
{
	(void)events;
	read_input(user);
}

static void on_read_soon(void *user)
{
	read_input(user);
}

void chat_start_reading(struct chat *chat)
{
	net_defer_init(&chat->read_soon, chat->loop, on_read_soon, chat);
	enum err err = net_watch_create(
		chat->loop, STDIN_FILENO, NET_READABLE, on_readable, chat, &chat->watch);
	if (err != ERR_OK) {
		chat->watch = NULL;
		net_defer_post(&chat->read_soon);
	}
}
