#include "cli/figures.h"

#include <stdbool.h>
#include <string.h>

#include "cli/field.h"

static char *unknown(char text[FIGURE_MAX])
{
	snprintf(text, FIGURE_MAX, "-");
	return text;
}

char *figure_ms(const json_t *object, const char *key, char text[FIGURE_MAX])
{
	double ms = field_number(object, key, -1);
	if (ms < 0)
		return unknown(text);
	if (ms < 9.995)
		snprintf(text, FIGURE_MAX, "%.2f ms", ms);
	else if (ms < 99.95)
		snprintf(text, FIGURE_MAX, "%.1f ms", ms);
	else if (ms < 999.5)
		snprintf(text, FIGURE_MAX, "%.0f ms", ms);
	else
		snprintf(text, FIGURE_MAX, "%.1f s", ms / 1000);
	return text;
}

char *figure_percent(const json_t *object, const char *key, char text[FIGURE_MAX])
{
	double percent = 100 * field_number(object, key, -1);
	if (percent < 0)
		return unknown(text);
	if (percent > 0 && percent < 9.95)
		snprintf(text, FIGURE_MAX, "%.1f %%", percent);
	else
		snprintf(text, FIGURE_MAX, "%.0f %%", percent);
	return text;
}

char *figure_bytes(const json_t *object, const char *key, char text[FIGURE_MAX])
{
	static const char units[] = "kMGT";
	double bytes = field_number(object, key, -1);
	if (bytes < 0)
		return unknown(text);
	if (bytes < 999.5) {
		snprintf(text, FIGURE_MAX, "%.0f", bytes);
		return text;
	}
	size_t unit = 0;
	for (bytes /= 1000; bytes >= 999.5 && units[unit + 1]; unit++)
		bytes /= 1000;
	snprintf(text, FIGURE_MAX, bytes < 99.95 ? "%.1f%c" : "%.0f%c", bytes, units[unit]);
	return text;
}

char *figure_span(const json_t *object, const char *key, char text[FIGURE_MAX])
{
	double seconds = field_number(object, key, -1);
	if (seconds < 0)
		return unknown(text);
	/* Beyond a hundred years it is another program's mistake. */
	unsigned long long s = seconds < 3.2e9 ? (unsigned long long)seconds : 0;
	if (s < 60)
		snprintf(text, FIGURE_MAX, "%llus", s);
	else if (s < 3600)
		snprintf(text, FIGURE_MAX, "%llum", s / 60);
	else if (s < 24 * 3600)
		snprintf(text, FIGURE_MAX, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(text, FIGURE_MAX, "%llud%02lluh", s / (24 * 3600), s / 3600 % 24);
	return text;
}

/* ---- Columns ---- */

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t text_width(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += !is_continuation(*text);
	return width;
}

void print_column(FILE *out, const char *text, size_t width)
{
	size_t full = text_width(text), shown = full <= width ? full : width > 0 ? width - 1 : 0;
	const char *end = text;
	for (size_t i = 0; i < shown; i++) {
		end++;
		while (is_continuation(*end))
			end++;
	}
	fwrite(text, 1, (size_t)(end - text), out);
	if (full > width && width > 0)
		fputs("\xe2\x80\xa6", out);
	for (size_t i = full; i < width; i++)
		putc(' ', out);
}

/* ---- Rates ---- */

static void set_rate(
	json_t *link, const json_t *before, const char *from, const char *to, double span)
{
	double now = field_number(link, from, -1), then = field_number(before, from, -1);
	json_t *quality = json_object_get(link, "quality");
	if (now >= then && then >= 0)
		json_object_set_new(quality, to, json_real((now - then) / span));
}

void figures_since(json_t *link, const json_t *before)
{
	double span = field_number(json_object_get(link, "quality"), "up_seconds", 0) -
		      field_number(json_object_get(before, "quality"), "up_seconds", 0);
	bool same = field_number(link, "since", -1) == field_number(before, "since", -2);
	if (!same || span < 0.1)
		return;
	set_rate(link, before, "bytes_in", "in_bytes_per_second", span);
	set_rate(link, before, "bytes_out", "out_bytes_per_second", span);
}
