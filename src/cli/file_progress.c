#include "cli/file_progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/field.h"
#include "cli/figures.h"
#include "cli/output.h"

#define BAR 20
/* Of a name; the rest of the line has to fit beside it. */
#define NAME_SHOWN_MAX 128

static const char *waits_for(const json_t *file, const char *state)
{
	bool is_out = strcmp(field_text(file, "direction"), "out") == 0;
	if (strcmp(state, "hashing") == 0)
		return "is read";
	if (strcmp(state, "offered") == 0)
		return is_out ? "waits until it is accepted" : "waits for your answer";
	return "waits for a link";
}

static char *amount(double bytes, char text[FIGURE_MAX])
{
	json_t *object = json_pack("{s:f}", "n", bytes);
	figure_bytes(object, "n", text);
	json_decref(object);
	return text;
}

static char *span(double seconds, char text[FIGURE_MAX])
{
	json_t *object = json_pack("{s:f}", "n", seconds);
	figure_span(object, "n", text);
	json_decref(object);
	return text;
}

char *file_progress_text(const json_t *file, char text[FILE_PROGRESS_MAX])
{
	char name[NAME_SHOWN_MAX], done_text[FIGURE_MAX], size_text[FIGURE_MAX],
		rate_text[FIGURE_MAX], left_text[FIGURE_MAX], bar[BAR + 1];
	const char *state = field_text(file, "state");
	double size = field_number(file, "size", 0), done = field_number(file, "bytes_done", 0);
	double rate = field_number(file, "bytes_per_second", 0);
	double part = size > 0 ? done / size : 0;
	text_safe(field_text(file, "file"), name, sizeof(name));
	for (size_t i = 0; i < BAR; i++)
		bar[i] = (double)i + 0.5 < part * BAR ? '#' : '-';
	bar[BAR] = 0;
	if (!json_is_true(json_object_get(file, "moving"))) {
		snprintf(text, FILE_PROGRESS_MAX, "%s %s, %s", name, waits_for(file, state),
			amount(size, size_text));
		return text;
	}
	snprintf(text, FILE_PROGRESS_MAX, "%s %3.0f %% [%s] %s of %s, %s/s, %s left", name,
		part * 100, bar, amount(done, done_text), amount(size, size_text),
		amount(rate, rate_text),
		rate > 0 ? span((size - done) / rate, left_text) : "some time");
	return text;
}

char *file_done_text(const json_t *file, double seconds, char text[FILE_PROGRESS_MAX])
{
	char name[NAME_SHOWN_MAX], peer[NAME_TEXT_MAX], size_text[FIGURE_MAX],
		span_text[FIGURE_MAX], rate_text[FIGURE_MAX];
	double size = field_number(file, "size", 0);
	bool is_out = strcmp(field_text(file, "direction"), "out") == 0;
	text_safe(field_text(file, "file"), name, sizeof(name));
	snprintf(text, FILE_PROGRESS_MAX, "%s %s %s %s: %s in %s (%s/s)",
		is_out ? "sent" : "received", name, is_out ? "to" : "from", name_text(file, peer),
		amount(size, size_text), span(seconds, span_text),
		amount(seconds > 0 ? size / seconds : 0, rate_text));
	return text;
}
