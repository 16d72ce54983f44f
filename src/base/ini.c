#include "base/ini.h"

#include "base/text.h"

struct ini_reader ini_reader_of(struct bytes text)
{
	static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
	if (bytes_equal(bytes_slice(text, 0, sizeof mark), bytes_of(mark, sizeof mark)))
		text = bytes_slice(text, sizeof mark, text.size);
	return (struct ini_reader){.rest = text, .problem = ""};
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes trimmed(struct bytes b)
{
	while (b.size > 0 && is_space(b.data[0]))
		b = bytes_slice(b, 1, b.size);
	while (b.size > 0 && is_space(b.data[b.size - 1]))
		b.size--;
	return b;
}

/* Takes one line off the rest, without its end. */
static struct bytes take_line(struct ini_reader *reader)
{
	struct bytes rest = reader->rest;
	const uint8_t *end = memchr(rest.data, '\n', rest.size);
	size_t size = end ? (size_t)(end - rest.data) : rest.size;
	reader->rest = bytes_slice(rest, end ? size + 1 : size, rest.size);
	reader->line++;
	if (size > 0 && rest.data[size - 1] == '\r')
		size--;
	return bytes_of(rest.data, size);
}

static bool has_control(struct bytes line)
{
	for (size_t i = 0; i < line.size; i++) {
		if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f)
			return true;
	}
	return false;
}

static enum err fail(struct ini_reader *reader, const char *problem)
{
	reader->problem = problem;
	return ERR_MALFORMED;
}

static enum err open_section(
	struct ini_reader *reader, struct bytes line, struct ini_entry *ret_entry)
{
	if (line.data[line.size - 1] != ']')
		return fail(reader, "a section's line ends in ']'");
	struct bytes name = trimmed(bytes_slice(line, 1, line.size - 2));
	if (name.size == 0)
		return fail(reader, "a section needs a name");
	if (memchr(name.data, '[', name.size) || memchr(name.data, ']', name.size))
		return fail(reader, "a section's name has no '[' or ']'");
	reader->section = name;
	*ret_entry = (struct ini_entry){.line = reader->line, .is_section = true, .section = name};
	return ERR_OK;
}

static enum err read_entry(
	struct ini_reader *reader, struct bytes line, struct ini_entry *ret_entry)
{
	const uint8_t *equals = memchr(line.data, '=', line.size);
	if (!equals)
		return fail(reader, "expected 'key = value'");
	size_t at = (size_t)(equals - line.data);
	struct bytes key = trimmed(bytes_slice(line, 0, at));
	if (key.size == 0)
		return fail(reader, "there is no key in front of '='");
	*ret_entry = (struct ini_entry){
		.line = reader->line,
		.section = reader->section,
		.key = key,
		.value = trimmed(bytes_slice(line, at + 1, line.size)),
	};
	return ERR_OK;
}

enum err ini_next(struct ini_reader *reader, struct ini_entry *ret_entry)
{
	while (reader->rest.size > 0) {
		struct bytes line = take_line(reader);
		if (line.size > INI_LINE_MAX)
			return fail(reader, "the line is too long");
		if (!utf8_is_valid(line) || has_control(line))
			return fail(reader, "the line is not UTF-8 text");
		line = trimmed(line);
		if (line.size == 0 || line.data[0] == ';' || line.data[0] == '#')
			continue;
		if (line.data[0] == '[')
			return open_section(reader, line, ret_entry);
		return read_entry(reader, line, ret_entry);
	}
	return ERR_NOT_FOUND;
}
