/* INI files: configuration and rules. Strict, because a rule that is half understood gives the
 * wrong person access: no line is too long to be read whole or to be refused, sections and keys are
 * never cut, and every entry carries its line number.
 *
 *     ; a comment            # another
 *     [section]
 *     key = value            up to the end of the line, without the space around it
 *
 * The key ends at the first '='; a ':' is part of it, as names of AI models have one. There are no
 * quotes, escapes, continuation lines, or comments behind a value. A byte order mark at the start
 * and CR LF are accepted; anything else that is not UTF-8 text is refused. */
#ifndef BASE_INI_H
#define BASE_INI_H

#include "base/bytes.h"
#include "base/err.h"

/* Bytes of a line. */
#define INI_LINE_MAX 2048

struct ini_entry {
	unsigned line;
	bool is_section;      /* the line opens a section; key and value are empty */
	struct bytes section; /* "" before the first one */
	struct bytes key, value;
};

struct ini_reader {
	struct bytes rest;
	struct bytes section;
	unsigned line;
	const char *problem; /* why ini_next() failed: a static text */
};

/* Borrows the text. */
struct ini_reader ini_reader_of(struct bytes text);

/* The next section or entry, borrowed from the text. ERR_NOT_FOUND at the end; ERR_MALFORMED, with
 * `problem` and `line` in the reader, after which reading may go on with the next line. */
MUST_CHECK enum err ini_next(struct ini_reader *reader, struct ini_entry *ret_entry);

#endif
