/* What is printed for a person. Text that comes from somebody else is made harmless first: no
 * control character of a peer's reaches the terminal. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/safe.h"

/* As text_safe() straight to a stream, of any length; line ends are kept when `lines` is set. */
void print_safe(FILE *out, const char *text, bool lines);

enum colour {
	COLOUR_DIM,
	COLOUR_BOLD,
	COLOUR_GREEN,
	COLOUR_RED,
	COLOUR_NONE, /* back to plain */
};

/* The terminal's code when stdout is a terminal and NO_COLOR is not set, else "". */
const char *colour(enum colour colour);

/* Local date and time of a timestamp, "2026-01-31 23:59:58". */
#define TIME_TEXT_MAX 32
char *time_text(double timestamp, char text[TIME_TEXT_MAX]);

/* "over webrtc (127.0.0.1:40000 host to 127.0.0.1:40001 host), set up in 12.4 ms, round trip 0.3
 * ms"
 */
#define LINK_TEXT_MAX 512
char *link_text(const json_t *link, char text[LINK_TEXT_MAX]);

/* A contact's name, or its id where it has none; into a buffer of NAME_TEXT_MAX. */
#define NAME_TEXT_MAX 128
char *name_text(const json_t *peer, char text[NAME_TEXT_MAX]);

/* JSON on a line of its own. */
void print_json(const json_t *value);

#endif
