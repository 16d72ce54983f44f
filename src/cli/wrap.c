#include "cli/wrap.h"

#include <string.h>

#include "base/safe.h"
#include "cli/cell.h"

/* Around a found word, see docs/local-api.md. */
#define FOUND_BEGIN '\x02'
#define FOUND_END '\x03'

/* A character as it is shown. */
struct piece {
	const char *as;
	size_t as_size;
	size_t size; /* of it in the text */
	unsigned width;
};

static struct piece piece_at(const struct wrap *wrap, const char *at)
{
	struct piece piece = {0};
	size_t ignored;
	if (wrap->found_on && (*at == FOUND_BEGIN || *at == FOUND_END)) {
		piece.as = *at == FOUND_BEGIN ? wrap->found_on : wrap->found_off;
		piece.as_size = strlen(piece.as);
		piece.size = 1;
		return piece;
	}
	piece.as = text_harmless(at, &piece.size, false);
	piece.as_size = piece.as == at ? piece.size : strlen(piece.as);
	piece.width = cell_width(piece.as, &ignored);
	return piece;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == 0;
}

struct word {
	size_t size, width;
	bool is_ascii;
};

static struct word word_at(const struct wrap *wrap, const char *at)
{
	struct word word = {.is_ascii = true};
	while (!is_blank(at[word.size])) {
		struct piece piece = piece_at(wrap, at + word.size);
		word.is_ascii &= (unsigned char)*piece.as < 0x80;
		word.size += piece.size;
		word.width += piece.width;
	}
	return word;
}

static void next_row(struct wrap *wrap, FILE *out)
{
	fprintf(out, "\n%*s", (int)wrap->indent, "");
	wrap->column = wrap->indent;
}

static void print_word(struct wrap *wrap, FILE *out, const char *at, size_t size, bool breaks)
{
	for (const char *end = at + size; at < end;) {
		struct piece piece = piece_at(wrap, at);
		if (breaks && wrap->column + piece.width > wrap->columns)
			next_row(wrap, out);
		fwrite(piece.as, 1, piece.as_size, out);
		wrap->column += piece.width;
		at += piece.size;
	}
}

static void print_fitting(
	struct wrap *wrap, FILE *out, const char *at, const struct word *word, size_t blanks)
{
	bool is_long = word->width + wrap->indent > wrap->columns;
	if (wrap->column + blanks + word->width <= wrap->columns ||
		(is_long && wrap->column + blanks < wrap->columns)) {
		fprintf(out, "%*s", (int)blanks, "");
		wrap->column += blanks;
	} else if (wrap->column > wrap->indent) {
		next_row(wrap, out);
	}
	/* Behind one that is left to the terminal no column is free, so a row begins. */
	print_word(wrap, out, at, word->size, is_long && !word->is_ascii);
}

void wrap_print(struct wrap *wrap, FILE *out, const char *text)
{
	size_t blanks = 0;
	while (*text) {
		if (*text == '\n') {
			next_row(wrap, out);
			blanks = 0;
			text++;
		} else if (is_blank(*text)) {
			blanks++;
			text++;
		} else {
			struct word word = word_at(wrap, text);
			print_fitting(wrap, out, text, &word, blanks);
			text += word.size;
			blanks = 0;
		}
	}
}

size_t wrap_width(const char *text)
{
	size_t width = 0, size;
	for (; *text; text += size)
		width += cell_width(text, &size);
	return width;
}
