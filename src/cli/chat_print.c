/* What a conversation shows. At the terminal nobody's text can look like a line of somebody else,
 * or like one of ours: cli/wrap.h keeps it to the right of where those begin. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/chat.h"
#include "cli/field.h"
#include "cli/wrap.h"

#define MARK_COLUMN 6
#define INDENT 9 /* as wide as "12:34 ✓✓ " */
#define NOTE_INDENT 3

static const char *mark(const char *state)
{
	static const struct {
		const char *state, *mark;
	} marks[] = {
		{"queued", "\xe2\x8b\xaf "},               /* ⋯ */
		{"sent", "\xe2\x9c\x93 "},                 /* ✓ */
		{"delivered", "\xe2\x9c\x93\xe2\x9c\x93"}, /* ✓✓ */
		{"read", "\xe2\x97\x8f "},                 /* ● */
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcmp(state, marks[i].state) == 0)
			return marks[i].mark;
	return "  ";
}

/* Both that and read are good news. */
static const char *mark_colour(const char *state)
{
	bool is_there = strcmp(state, "delivered") == 0 || strcmp(state, "read") == 0;
	return colour(is_there ? COLOUR_GREEN : COLOUR_DIM);
}

bool chat_mark(struct chat *chat, size_t where, const char *state)
{
	char text[64];
	snprintf(
		text, sizeof(text), "%s%s%s", mark_colour(state), mark(state), colour(COLOUR_NONE));
	return chat->terminal && chat_terminal_mark(chat->terminal, where, MARK_COLUMN, text);
}

/* "12:34 ", and the date before it where it is another day; returns its cells. */
static size_t print_time(struct chat *chat, double timestamp)
{
	char text[TIME_TEXT_MAX], today[TIME_TEXT_MAX];
	time_text(timestamp, text);
	time_text((double)net_unix_now() / USEC_PER_SEC, today);
	size_t date = strlen("2026-01-31 "), minutes = strlen("12:34");
	const char *from = strncmp(text, today, date) == 0 ? text + date : text;
	if (text[date - 1] == ' ' && text[date + 2] == ':')
		text[date + minutes] = 0; /* no seconds */
	fprintf(chat->out, "%s%s%s ", colour(COLOUR_DIM), from, colour(COLOUR_NONE));
	return strlen(from) + 1;
}

static struct wrap wrap_for(const struct chat *chat, size_t indent, size_t column)
{
	size_t columns = chat_terminal_columns(chat->terminal);
	return (struct wrap){
		.columns = columns, .indent = min_size(indent, columns / 4), .column = column};
}

/* What it is besides its text. */
static const char *kind_of(const json_t *message)
{
	if (json_is_true(json_object_get(message, "deleted")))
		return " (deleted)";
	if (json_is_real(json_object_get(message, "edited")))
		return " (edited)";
	return json_is_string(json_object_get(message, "reply_to")) ? " (reply)" : "";
}

/* What stands before the text; returns its cells. */
static size_t print_head(struct chat *chat, const json_t *message)
{
	bool out = strcmp(field_text(message, "direction"), "out") == 0;
	const char *name = out ? "you" : chat->name,
		   *state = out ? field_text(message, "state") : "";
	const char *kind = chat->terminal ? kind_of(message) : "";
	size_t width = wrap_width(name) + strlen(kind) + strlen(": ");
	if (chat->terminal) {
		width += print_time(chat, field_number(message, "timestamp", -1));
		width += strlen("MM ");
		fprintf(chat->out, "%s%s%s ", mark_colour(state), mark(state), colour(COLOUR_NONE));
	}
	fprintf(chat->out, "%s%s%s%s: ", colour(COLOUR_BOLD), name, colour(COLOUR_NONE), kind);
	return width;
}

/* Each on a line of its own, "      + plan.pdf", in the column of marks, where no text is. */
static void print_attachments(struct chat *chat, const json_t *message)
{
	const json_t *list = json_object_get(message, "attachments");
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct wrap wrap = wrap_for(chat, INDENT + 2, INDENT + 2);
		fprintf(chat->out, "%*s%s+%s ", INDENT, "", colour(COLOUR_DIM),
			colour(COLOUR_NONE));
		wrap_print(&wrap, chat->out, field_text(json_array_get(list, i), "name"));
		putc('\n', chat->out);
	}
}

void chat_print_message(struct chat *chat, const json_t *message)
{
	const char *text = field_text(message, "text");
	size_t column = print_head(chat, message);
	if (chat->terminal) {
		struct wrap wrap = wrap_for(chat, INDENT, column);
		wrap_print(&wrap, chat->out, text);
	} else {
		print_safe(chat->out, text, true);
	}
	putc('\n', chat->out);
	if (chat->terminal)
		print_attachments(chat, message);
}

void chat_print_found(struct chat *chat, const json_t *message)
{
	struct wrap wrap = wrap_for(chat, INDENT, print_head(chat, message));
	wrap.found_on = colour(COLOUR_BOLD);
	wrap.found_off = colour(COLOUR_NONE);
	wrap_print(&wrap, chat->out, field_text(message, "snippet"));
	fprintf(chat->out, "%s\n", colour(COLOUR_NONE));
}

/* A line of ours that may have a peer's words in it, which were made harmless. */
static void print_note(struct chat *chat, enum colour kind, const char *format, va_list args)
	PRINTF_LIKE(3, 0);
static void print_note(struct chat *chat, enum colour kind, const char *format, va_list args)
{
	char note[CHAT_NOTE_MAX];
	vsnprintf(note, sizeof(note), format, args);
	fprintf(chat->out, "%s-- ", colour(kind));
	if (chat->terminal) {
		struct wrap wrap = wrap_for(chat, NOTE_INDENT, NOTE_INDENT);
		wrap_print(&wrap, chat->out, note);
	} else {
		fputs(note, chat->out);
	}
	fprintf(chat->out, "%s\n", colour(COLOUR_NONE));
	chat_show(chat);
}

void chat_note(struct chat *chat, const char *format, ...)
{
	va_list args;
	if (chat->cli->json)
		return;
	va_start(args, format);
	print_note(chat, COLOUR_DIM, format, args);
	va_end(args);
}

void chat_warn(struct chat *chat, const char *format, ...)
{
	va_list args;
	if (chat->cli->json)
		return;
	va_start(args, format);
	print_note(chat, COLOUR_RED, format, args);
	va_end(args);
}

void chat_complain(struct chat *chat, const char *format, ...)
{
	char problem[CHAT_NOTE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	if (chat->terminal)
		chat_warn(chat, "%s", problem);
	else
		cli_fail("%s", problem);
}

size_t chat_show(struct chat *chat)
{
	fflush(chat->out);
	if (!chat->terminal || chat->out_size == 0)
		return 0;
	size_t where =
		chat_terminal_print(chat->terminal, bytes_of(chat->out_text, chat->out_size));
	rewind(chat->out);
	fflush(chat->out);
	return where;
}
