/* What the files of `dpc chat` share: the conversation. Lines that are typed or read become
 * messages, one request after the other so that their order holds; what happens comes from the
 * node's stream of events. */
#ifndef CLI_CHAT_H
#define CLI_CHAT_H

#include <jansson.h>

#include "base/map.h"
#include "cli/api.h"
#include "cli/chat_command.h"
#include "cli/chat_terminal.h"
#include "cli/output.h"
#include "net/loop.h"

/* Messages whose delivery is followed; beyond, it is not shown. */
#define CHAT_OUTSTANDING_MAX 100000
/* Messages that are looked through for unread ones when a chat begins: an answer of the node. */
#define CHAT_UNREAD_SHOWN 500

struct chat {
	const struct cli *cli;
	struct net_loop *loop;
	struct http_client *client;
	struct http_request *events, *post, *connect, *states, *read, *unread, *typing;
	struct chat_terminal *terminal; /* NULL: lines are read and printed as they are */
	bool at_terminal;               /* what is typed is seen there already */
	struct net_watch *watch; /* of stdin; NULL: it is a file, read without waiting, or the
				    terminal's */
	struct net_defer read_soon;
	struct net_timer patience;
	usec wait;
	char node_id[64], name[NAME_TEXT_MAX];
	bool connected;
	size_t unread_before;   /* messages, when the chat began */
	char last_received[80]; /* id of the newest message of the peer's that was shown, or "" */
	char last_read[80];     /* the same, of which the node has been told */
	bool read_again;        /* something was shown while `read` was under way */
	usec typing_next;       /* when the peer may hear again that we are typing */
	struct net_timer peer_typing;
	bool peer_is_typing;
	FILE *out; /* stdout, or what the terminal is given */
	char *out_text;
	size_t out_size;
	struct buffer input; /* not sent yet; each line ends in \n, or at the terminal in zero */
	bool input_ended, skipping; /* skipping: the rest of a line that is too long */
	struct map outstanding;     /* id -> struct chat_outstanding */
	size_t undelivered;
	int status;
	char failure[CLI_PROBLEM_MAX]; /* the line on stderr, when the terminal is given back */
};

/* ---- chat.c ---- */

void chat_stop(struct chat *chat, int status);
/* As cli_fail(), and the chat ends. */
void chat_fail(struct chat *chat, const char *format, ...) PRINTF_LIKE(2, 3);

/* Asks the node; takes the body, NULL: GET. The chat ends when it cannot. */
void chat_ask(struct chat *chat, const struct api_request *request,
	void (*done)(const struct http_answer *, void *), struct http_request **ret_request);

/* ---- chat_print.c ---- */

#define CHAT_NOTE_MAX (2 * LINK_TEXT_MAX)
/* A line about something; nothing with --json. Words of others in it are made harmless by the
 * caller. */
void chat_note(struct chat *chat, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same about what is dangerous. */
void chat_warn(struct chat *chat, const char *format, ...) PRINTF_LIKE(2, 3);
/* Something of the user's that was not done: on stderr, or a line at the terminal. */
void chat_complain(struct chat *chat, const char *format, ...) PRINTF_LIKE(2, 3);
/* What was said, with its time and, for our own, its state at the terminal. */
void chat_print_message(struct chat *chat, const json_t *message);
/* Words of a message that was found. */
void chat_print_found(struct chat *chat, const json_t *message);
/* Shows what was printed to `out`. Returns where, see chat_terminal_print(). */
size_t chat_show(struct chat *chat);
/* Shows on the line of a message of ours that it has another state now; false: the line is no
 * longer there. */
bool chat_mark(struct chat *chat, size_t where, const char *state);

/* ---- chat_send.c ---- */

/* `reply_to`: the id of a message, or NULL. */
void chat_send(struct chat *chat, const char *text, const char *reply_to);
void chat_delivered(struct chat *chat, const char *id);
/* It was deleted: it is waited for no more. */
void chat_deleted(struct chat *chat, const char *id);
/* The peer has read what was sent up to this message. */
void chat_seen(struct chat *chat, const char *id);
/* Looks which of those that were queued are on their way now. */
void chat_look_at_states(struct chat *chat);
void chat_forget_all(struct chat *chat);

/* ---- chat_input.c: lines of stdin that is no terminal ---- */

void chat_start_reading(struct chat *chat);
/* Sends the next line that can be sent, unless one is on its way. */
void chat_send_next_line(struct chat *chat);

/* ---- chat_typed.c: lines at the terminal ---- */

MUST_CHECK enum err chat_start_typing(struct chat *chat);
void chat_take_next_typed(struct chat *chat);
void chat_leave(struct chat *chat);
void chat_show_prompt(struct chat *chat);

/* ---- chat_marks.c ---- */

/* Shows a message of the history or one that has just come. */
void chat_show_message(struct chat *chat, const json_t *message);
/* What was shown is read. */
void chat_read(struct chat *chat);
/* Shows what is unread, which then is read. */
void chat_show_unread(struct chat *chat, size_t count);
/* Tells the peer that something is being typed, now and then. */
void chat_typing(struct chat *chat);
void chat_peer_types(struct chat *chat, bool active);
/* The timer of it. */
void chat_peer_stopped(void *user);

/* ---- chat_slash.c: commands at the terminal ---- */

extern const struct chat_command chat_commands[];

/* ---- Both ways ---- */

/* Goes on with what waits to be sent. */
void chat_next(struct chat *chat);

#endif
