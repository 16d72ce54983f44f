#include "cli/chat_command.h"

#include <string.h>

#include "base/text.h"
#include "cli/path_complete.h"

#define BLANKS " \t\n"

static const struct chat_command *find(const struct chat_command *table, struct bytes name)
{
	while (table->name && !bytes_equal_text(name, table->name))
		table++;
	return table->name ? table : NULL;
}

static char *trim(char *text)
{
	size_t size;
	text += strspn(text, BLANKS);
	size = strlen(text);
	while (size > 0 && strchr(BLANKS, text[size - 1]))
		size--;
	text[size] = 0;
	return text;
}

struct chat_parsed chat_parse(const struct chat_command *table, char *line)
{
	struct chat_parsed parsed = {.line = CHAT_LINE_MESSAGE, .text = line};
	if (line[0] != '/')
		return parsed;
	if (line[1] == '/') {
		parsed.text = line + 1;
		return parsed;
	}
	size_t size = strcspn(line + 1, BLANKS);
	parsed.command = find(table, bytes_of(line + 1, size));
	parsed.text = trim(line + 1 + size);
	parsed.line = CHAT_LINE_COMMAND;
	if (!parsed.command)
		parsed.line = CHAT_LINE_UNKNOWN;
	else if (parsed.command->argument ==
		 (*parsed.text ? CHAT_ARGUMENT_NONE : CHAT_ARGUMENT_MUST))
		parsed.line = CHAT_LINE_WRONG;
	return parsed;
}

/* ---- Completion ---- */

static enum err add_commands(
	const struct chat_command *table, const char *begin, struct candidates *candidates)
{
	enum err err = ERR_OK;
	char name[CLI_COMMAND_NAME_MAX];
	for (; table->name && !err; table++) {
		if (!text_starts_with(table->name, begin))
			continue;
		/* A blank behind it, where an argument follows. */
		snprintf(name, sizeof(name), "%s%s", table->name,
			table->argument == CHAT_ARGUMENT_NONE ? "" : " ");
		err = candidates_add(candidates, name);
	}
	return err;
}

enum err chat_complete(const struct chat_command *table, const char *typed, struct buffer *insert,
	struct buffer *shown)
{
	struct candidates candidates = {.common = buffer_with_max(CLI_PATH_MAX), .shown = shown};
	size_t size = strcspn(typed, BLANKS);
	const char *begin = "";
	enum err err = ERR_OK;
	if (typed[0] != '/' || typed[1] == '/')
		return ERR_OK;
	if (!typed[size]) {
		begin = typed + 1;
		err = add_commands(table, begin, &candidates);
	} else {
		const struct chat_command *command = find(table, bytes_of(typed + 1, size - 1));
		const char *path = typed + size + strspn(typed + size, BLANKS);
		const char *slash = strrchr(path, '/');
		begin = slash ? slash + 1 : path;
		if (command && command->takes_path)
			err = path_candidates(path, &candidates);
	}
	/* One is put in; of several what they have in common, or else they are shown. */
	size_t known = strlen(begin), common = candidates.common.size;
	if (!err && common > known)
		err = buffer_append(
			insert, bytes_of(candidates.common.data + known, common - known));
	if (candidates.count < 2 || common > known)
		buffer_clear(shown);
	buffer_deinit(&candidates.common);
	return err;
}
