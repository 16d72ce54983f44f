#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static int read_all(FILE *file, const char *name, struct buffer *text)
{
	uint8_t block[8192];
	size_t size;
	while ((size = fread(block, 1, sizeof(block), file)) > 0) {
		if (buffer_append(text, bytes_of(block, size)) != ERR_OK)
			return cli_fail("%s is longer than %zu bytes", name, text->max);
	}
	if (ferror(file))
		return cli_fail("cannot read %s: %s", name, strerror(errno));
	if (text->size > 0 && text->data[text->size - 1] == '\n')
		text->data[--text->size] = 0;
	if (!utf8_is_valid(buffer_bytes(text)))
		return cli_fail("%s is not UTF-8 text", name);
	return CLI_DONE;
}

int input_read(const char *path, struct buffer *text)
{
	char name[CLI_PROBLEM_MAX];
	if (!path)
		return read_all(stdin, "the text on stdin", text);
	snprintf(name, sizeof(name), "'%.400s'", path);
	FILE *file = fopen(path, "rbe");
	if (!file)
		return cli_fail("cannot open %s: %s", name, strerror(errno));
	int status = read_all(file, name, text);
	fclose(file);
	return status;
}

int input_argument(const char *argument, struct buffer *typed, const char **ret_text)
{
	*ret_text = argument;
	if (strcmp(argument, "-") != 0)
		return CLI_DONE;
	int status = input_read(NULL, typed);
	if (status == CLI_DONE)
		*ret_text = buffer_text(typed);
	return status;
}
