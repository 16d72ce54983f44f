/* What a conversation shows. At the terminal nobody's text can look like a line of somebody else:
 * its further lines stand below its first one, behind the time. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli/chat.h"
#include "cli/field.h"

#define INDENT "         " /* as wide as "12:34 ✓✓ " */
#define MARK_COLUMN 6

/* Around a found word, see docs/local-api.md. */
#define FOUND_BEGIN '\x02'
#define FOUND_END '\x03'

static const char *mark(const char *state)
{
	static const struct {
		const char *state, *mark;
	} marks[] = {
		{"queued", "\xe2\x8b\xaf "},               /* ⋯ */
		{"sent", "\xe2\x9c\x93 "},                 /* ✓ */
		{"delivered", "\xe2\x9c\x93\xe2\x9c\x93"}, /* ✓✓ */
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcmp(state, marks[i].state) == 0)
			return marks[i].mark;
	return "  ";
}

bool chat_mark(struct chat *chat, size_t where, const char *state)
{
	char text[64];
	snprintf(text, sizeof(text), "%s%s%s",
		colour(strcmp(state, "delivered") == 0 ? COLOUR_GREEN : COLOUR_DIM), mark(state),
		colour(COLOUR_NONE));
	return chat->terminal && chat_terminal_mark(chat->terminal, where, MARK_COLUMN, text);
}

/* "12:34", and the date before it where it is another day. */
static void print_time(struct chat *chat, double timestamp)
{
	char text[TIME_TEXT_MAX], today[TIME_TEXT_MAX];
	time_text(timestamp, text);
	time_text((double)net_unix_now() / USEC_PER_SEC, today);
	size_t date = strlen("2026-01-31 "), minutes = strlen("12:34");
	bool is_today = strncmp(text, today, date) == 0;
	if (strlen(text) <= date)
		fprintf(chat->out, "%s%s%s ", colour(COLOUR_DIM), text, colour(COLOUR_NONE));
	else
		fprintf(chat->out, "%s%.*s%s ", colour(COLOUR_DIM),
			(int)(is_today ? minutes : date + minutes), is_today ? text + date : text,
			colour(COLOUR_NONE));
}

static void print_text(struct chat *chat, const char *text)
{
	size_t size;
	if (!chat->terminal) {
		print_safe(chat->out, text, true);
		return;
	}
	for (; *text; text += size) {
		const char *from = text_harmless(text, &size, false);
		if (*text == '\n')
			fputs("\n" INDENT, chat->out);
		else
			fwrite(from, 1, from == text ? size : strlen(from), chat->out);
	}
}

static void print_head(struct chat *chat, const json_t *message, const char *state)
{
	bool out = strcmp(field_text(message, "direction"), "out") == 0;
	if (chat->terminal) {
		print_time(chat, field_number(message, "timestamp", -1));
		fprintf(chat->out, "%s%s%s ",
			colour(strcmp(state, "delivered") == 0 ? COLOUR_GREEN : COLOUR_DIM),
			mark(state), colour(COLOUR_NONE));
	}
	fprintf(chat->out, "%s%s%s: ", colour(COLOUR_BOLD), out ? "you" : chat->name,
		colour(COLOUR_NONE));
}

void chat_print_message(struct chat *chat, const json_t *message)
{
	print_head(chat, message, field_text(message, "state"));
	print_text(chat, field_text(message, "text"));
	putc('\n', chat->out);
}

void chat_print_found(struct chat *chat, const json_t *message)
{
	const char *at = field_text(message, "snippet");
	size_t size;
	print_head(chat, message, field_text(message, "state"));
	for (; *at; at += size) {
		const char *from = text_harmless(at, &size, false);
		if (*at == FOUND_BEGIN || *at == FOUND_END)
			fputs(colour(*at == FOUND_BEGIN ? COLOUR_BOLD : COLOUR_NONE), chat->out);
		else
			fwrite(from, 1, from == at ? size : strlen(from), chat->out);
	}
	fprintf(chat->out, "%s\n", colour(COLOUR_NONE));
}

void chat_note(struct chat *chat, const char *format, ...)
{
	va_list args;
	if (chat->cli->json)
		return;
	va_start(args, format);
	fprintf(chat->out, "%s-- ", colour(COLOUR_DIM));
	vfprintf(chat->out, format, args);
	fprintf(chat->out, "%s\n", colour(COLOUR_NONE));
	va_end(args);
	chat_show(chat);
}

void chat_complain(struct chat *chat, const char *format, ...)
{
	char problem[2 * CLI_PROBLEM_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	if (!chat->terminal) {
		cli_fail("%s", problem);
		return;
	}
	fprintf(chat->out, "%s-- %s%s\n", colour(COLOUR_RED), problem, colour(COLOUR_NONE));
	chat_show(chat);
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
