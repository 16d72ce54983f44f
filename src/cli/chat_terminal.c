#include "cli/chat_terminal.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/line_edit.h"
#include "cli/line_view.h"

#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define CLEAR_SCREEN "\033[H\033[2J"
#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT 24

struct chat_terminal {
	struct chat_terminal_uses uses;
	struct net_watch *watch;
	struct line_keys keys;
	struct line_edit edit;
	struct line_view view;
	struct line_history history;
	char prompt[CHAT_PROMPT_MAX];
	struct termios before; /* what is put back in the end */
	bool is_taken;         /* `before` is known, and not in force */
	struct buffer out;
	size_t printed;  /* rows above the line, ever */
	size_t standing; /* how many of the last of them are on the screen, each a row */
};

bool chat_terminal_is_possible(void)
{
	const char *kind = getenv("TERM");
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind && *kind &&
	       strcmp(kind, "dumb") != 0;
}

/* ---- Output ---- */

static void write_all(struct bytes bytes)
{
	struct pollfd writable = {.fd = STDOUT_FILENO, .events = POLLOUT};
	while (bytes.size > 0) {
		ssize_t size = write(STDOUT_FILENO, bytes.data, bytes.size);
		if (size < 0 && errno == EAGAIN)
			poll(&writable, 1, -1);
		else if (size <= 0 && errno != EINTR)
			return; /* the terminal is gone, and reading from it will say so */
		if (size > 0)
			bytes = bytes_slice(bytes, (size_t)size, bytes.size - (size_t)size);
	}
}

/* What there was no memory for is not shown; the next drawing shows it. */
static void flush(struct chat_terminal *terminal, enum err err)
{
	if (!err)
		write_all(buffer_bytes(&terminal->out));
	buffer_clear(&terminal->out);
}

static struct line_shown shown(const struct chat_terminal *terminal)
{
	return (struct line_shown){
		.colour_on = colour(COLOUR_BOLD),
		.prompt = terminal->prompt,
		.colour_off = colour(COLOUR_NONE),
		.text = buffer_bytes(&terminal->edit.text),
		.at = terminal->edit.at,
	};
}

static void erase(struct chat_terminal *terminal)
{
	flush(terminal, line_view_erase(&terminal->view, &terminal->out));
}

/* Behind what is in `out`, unless that has failed. */
static void draw_behind(struct chat_terminal *terminal, enum err err)
{
	struct line_shown now = shown(terminal);
	size_t height = line_view_height(&terminal->view, &now);
	if (!err)
		err = line_view_draw(&terminal->view, &now, &terminal->out);
	flush(terminal, err);
	terminal->standing = min_size(terminal->standing, terminal->view.rows - height);
}

static void draw(struct chat_terminal *terminal)
{
	draw_behind(terminal, ERR_OK);
}

static void redraw(struct chat_terminal *terminal)
{
	draw_behind(terminal, line_view_erase(&terminal->view, &terminal->out));
}

void chat_terminal_prompt(struct chat_terminal *terminal, const char *prompt)
{
	text_safe(prompt, terminal->prompt, sizeof(terminal->prompt));
	redraw(terminal);
}

size_t chat_terminal_columns(const struct chat_terminal *terminal)
{
	return terminal->view.columns;
}

size_t chat_terminal_print(struct chat_terminal *terminal, struct bytes lines)
{
	size_t where = terminal->printed, rows = line_view_rows(&terminal->view, lines);
	erase(terminal);
	write_all(lines);
	terminal->printed += rows;
	terminal->standing += rows;
	draw(terminal);
	return where;
}

bool chat_terminal_mark(
	struct chat_terminal *terminal, size_t where, size_t column, const char *text)
{
	size_t back = terminal->printed - where;
	struct buffer *out = &terminal->out;
	if (back > terminal->standing)
		return false;
	enum err err = line_view_erase(&terminal->view, out);
	if (!err)
		err = buffer_append_format(out, "\033[%zuA", back);
	if (!err && column > 0)
		err = buffer_append_format(out, "\033[%zuC", column);
	if (!err)
		err = buffer_append_format(out, "%s\r\033[%zuB", text, back);
	draw_behind(terminal, err);
	return !err;
}

/* ---- The terminal's modes ---- */

static void look_at_size(struct chat_terminal *terminal)
{
	struct winsize size = {0};
	struct line_shown now = shown(terminal);
	bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
	line_view_resize(&terminal->view, &now,
		is_known && size.ws_col > 1 ? size.ws_col : COLUMNS_DEFAULT,
		is_known && size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT);
	terminal->standing = 0;
}

static void take(struct chat_terminal *terminal)
{
	struct termios raw;
	if (tcgetattr(STDIN_FILENO, &terminal->before) != 0)
		return;
	raw = terminal->before;
	raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	terminal->is_taken = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	if (terminal->is_taken)
		write_all(bytes_of_text(PASTE_ON));
}

static void give_back(struct chat_terminal *terminal)
{
	if (!terminal->is_taken)
		return;
	write_all(bytes_of_text(PASTE_OFF));
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
	terminal->is_taken = false;
}

static void suspend(struct chat_terminal *terminal)
{
	erase(terminal);
	give_back(terminal);
	kill(0, SIGTSTP); /* the process group; it goes on here */
	take(terminal);
	look_at_size(terminal);
	draw(terminal);
}

/* ---- Input ---- */

static void enter(struct chat_terminal *terminal)
{
	char *line = text_duplicate(buffer_text(&terminal->edit.text));
	erase(terminal);
	line_edit_clear(&terminal->edit);
	draw(terminal);
	if (!line)
		return;
	line_history_add(&terminal->history, line);
	if (*line)
		terminal->uses.entered(line, terminal->uses.user);
	free(line);
}

static void complete(struct chat_terminal *terminal)
{
	struct buffer insert = buffer_with_max(CLI_LINE_MAX);
	struct line_edit *edit = &terminal->edit;
	char *typed = text_duplicate_bytes(bytes_of(buffer_text(&edit->text), edit->at));
	if (typed)
		terminal->uses.complete(typed, &insert, terminal->uses.user);
	free(typed);
	line_edit_insert(edit, buffer_bytes(&insert));
	buffer_deinit(&insert);
}

/* False: the line has been left, and the terminal may be gone. */
static bool take_byte(struct chat_terminal *terminal, uint8_t byte)
{
	struct line_key_press press = line_keys_take(&terminal->keys, byte);
	switch (line_edit_press(&terminal->edit, &press)) {
	case LINE_EDIT_NOTHING:
		return true;
	case LINE_EDIT_ENTERED:
		enter(terminal);
		return true;
	case LINE_EDIT_COMPLETE:
		complete(terminal);
		return true;
	case LINE_EDIT_CLEAR_SCREEN:
		write_all(bytes_of_text(CLEAR_SCREEN));
		terminal->view.cursor_row = 0;
		terminal->standing = 0;
		return true;
	case LINE_EDIT_SUSPEND:
		suspend(terminal);
		return true;
	case LINE_EDIT_FULL:
		terminal->uses.full(terminal->uses.user);
		return true;
	case LINE_EDIT_LEAVE:
		terminal->uses.left(terminal->uses.user);
		return false;
	}
	CHECK(false);
	return false;
}

static void on_readable(unsigned events, void *user)
{
	struct chat_terminal *terminal = user;
	uint8_t block[4096];
	(void)events;
	ssize_t size = read(STDIN_FILENO, block, sizeof(block));
	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0) {
		terminal->uses.left(terminal->uses.user);
		return;
	}
	for (ssize_t i = 0; i < size; i++)
		if (!take_byte(terminal, block[i]))
			return;
	redraw(terminal);
	terminal->uses.changed(buffer_text(&terminal->edit.text), terminal->uses.user);
}

static void on_resize(void *user)
{
	look_at_size(user);
	redraw(user);
}

/* ---- Beginning and end ---- */

enum err chat_terminal_create(struct net_loop *loop, const char *history_path,
	const struct chat_terminal_uses *uses, struct chat_terminal **ret_terminal)
{
	struct chat_terminal *terminal = calloc(1, sizeof(*terminal));
	if (!terminal)
		return ERR_NOMEM;
	terminal->uses = *uses;
	terminal->out = buffer_with_max(4 * CLI_LINE_MAX);
	setlocale(LC_CTYPE, "C.UTF-8"); /* for the widths of characters */
	line_history_open(&terminal->history, history_path);
	line_keys_init(&terminal->keys);
	line_edit_init(&terminal->edit, &terminal->history);
	enum err err = net_watch_create(
		loop, STDIN_FILENO, NET_READABLE, on_readable, terminal, &terminal->watch);
	if (!err)
		err = net_loop_on_resize(loop, on_resize, terminal);
	if (err) {
		chat_terminal_destroy(terminal);
		return err;
	}
	take(terminal);
	look_at_size(terminal);
	*ret_terminal = terminal;
	return ERR_OK;
}

void chat_terminal_destroy(struct chat_terminal *terminal)
{
	if (!terminal)
		return;
	struct line_shown now = shown(terminal);
	if (terminal->is_taken)
		flush(terminal, line_view_leave(&terminal->view, &now, &terminal->out));
	give_back(terminal);
	net_watch_destroy(terminal->watch);
	line_keys_deinit(&terminal->keys);
	line_edit_deinit(&terminal->edit);
	line_history_close(&terminal->history);
	buffer_deinit(&terminal->out);
	free(terminal);
}
