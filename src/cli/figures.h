/* Figures of a link as a person reads them: short, and "-" for what is not known. */
#ifndef CLI_FIGURES_H
#define CLI_FIGURES_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#define FIGURE_MAX 24

/* "0.31 ms", "12.3 ms", "123 ms", "1.2 s". All take the field of an object and write into
 * FIGURE_MAX bytes, which they return. */
char *figure_ms(const json_t *object, const char *key, char text[FIGURE_MAX]);
/* Of a fraction: "0 %", "0.4 %", "12 %". */
char *figure_percent(const json_t *object, const char *key, char text[FIGURE_MAX]);
/* Of bytes: "0", "980", "12.3k", "1.2M", "3.4G". */
char *figure_bytes(const json_t *object, const char *key, char text[FIGURE_MAX]);
/* Of seconds: "45s", "12m", "2h05m", "3d04h". */
char *figure_span(const json_t *object, const char *key, char text[FIGURE_MAX]);

/* Prints text in `width` columns, to the left, cut with "…" where it is longer. It was made
 * harmless before. */
void print_column(FILE *out, const char *text, size_t width);
/* Characters of UTF-8 text. */
size_t text_width(const char *text);

/* Puts what came and went between two answers about a peer's link, a second or so apart, in the
 * place of the node's rates of the last seconds. Nothing changes when it is not one and the same
 * link. */
void figures_since(json_t *link, const json_t *before);

#endif
