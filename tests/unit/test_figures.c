/* Figures as a person reads them, and the rates of somebody who watches. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/figures.h"

struct figure_case {
	double value;
	const char *text;
};

static void check(char *(*figure)(const json_t *object, const char *key, char text[FIGURE_MAX]),
	const struct figure_case *cases, size_t count)
{
	char text[FIGURE_MAX];
	for (size_t i = 0; i < count; i++) {
		json_t *object = json_pack("{s:f}", "x", cases[i].value);
		assert_string_equal(figure(object, "x", text), cases[i].text);
		json_decref(object);
	}
	assert_string_equal(figure(NULL, "x", text), "-");
}

#define CHECK_FIGURE(figure, cases) check(figure, cases, sizeof(cases) / sizeof((cases)[0]))

static void figures_are_short_and_have_their_unit(void **state)
{
	(void)state;
	static const struct figure_case times[] = {{0, "0.00 ms"}, {0.314, "0.31 ms"},
		{9.99, "9.99 ms"}, {9.999, "10.0 ms"}, {99.94, "99.9 ms"}, {99.96, "100 ms"},
		{999.4, "999 ms"}, {999.6, "1.0 s"}, {12345, "12.3 s"}};
	static const struct figure_case shares[] = {{0, "0 %"}, {0.0004, "0.0 %"}, {0.004, "0.4 %"},
		{0.0994, "9.9 %"}, {0.0996, "10 %"}, {1, "100 %"}};
	static const struct figure_case sizes[] = {{0, "0"}, {999, "999"}, {999.6, "1.0k"},
		{12345, "12.3k"}, {99960, "100k"}, {999600, "1.0M"}, {3.4e9, "3.4G"},
		{5e12, "5.0T"}, {5e15, "5000T"}};
	static const struct figure_case spans[] = {{0, "0s"}, {59.9, "59s"}, {60, "1m"},
		{3599, "59m"}, {3600, "1h00m"}, {7500, "2h05m"}, {86400, "1d00h"},
		{275000, "3d04h"}, {1e30, "0s"}};
	CHECK_FIGURE(figure_ms, times);
	CHECK_FIGURE(figure_percent, shares);
	CHECK_FIGURE(figure_bytes, sizes);
	CHECK_FIGURE(figure_span, spans);
}

static void columns_are_filled_and_cut_at_a_character(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t width;
		const char *shown;
	} cases[] = {
		{"abc", 5, "abc  "},
		{"abc", 3, "abc"},
		{"abcd", 3, "ab\xe2\x80\xa6"},
		{"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 4, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"},
		{"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 3, "\xc3\xa4\xc3\xb6\xe2\x80\xa6"},
		{"abc", 1, "\xe2\x80\xa6"},
		{"abc", 0, ""},
		{"", 2, "  "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		print_column(out, cases[i].text, cases[i].width);
		fclose(out);
		assert_string_equal(text, cases[i].shown);
		free(text);
	}
}

static json_t *link_of(double since, double up, int in, int back)
{
	return json_pack("{s:f, s:i, s:i, s:{s:f, s:f, s:f}}", "since", since, "bytes_in", in,
		"bytes_out", back, "quality", "up_seconds", up, "in_bytes_per_second", 7.0,
		"out_bytes_per_second", 7.0);
}

static void who_watches_sees_what_went_since_the_last_look(void **state)
{
	(void)state;
	static const struct {
		double since, up;
		int in, back;
		double rate_in, rate_out;
	} cases[] = {
		{1000, 12, 5000, 300, 2000, 100}, {1001, 12, 5000, 300, 7, 7}, /* another link */
		{1000, 10, 5000, 300, 7, 7},                             /* no time in between */
		{1000, 9, 5000, 300, 7, 7}, {1000, 12, 10, 300, 7, 100}, /* never below nothing */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *before = link_of(1000, 10, 1000, 100);
		json_t *now = link_of(cases[i].since, cases[i].up, cases[i].in, cases[i].back);
		figures_since(now, before);
		const json_t *quality = json_object_get(now, "quality");
		const json_t *in = json_object_get(quality, "in_bytes_per_second");
		const json_t *back = json_object_get(quality, "out_bytes_per_second");
		assert_int_equal((int)json_number_value(in), (int)cases[i].rate_in);
		assert_int_equal((int)json_number_value(back), (int)cases[i].rate_out);
		json_decref(before);
		json_decref(now);
	}
	json_t *first = link_of(1000, 10, 1000, 100);
	figures_since(first, NULL);
	json_decref(first);
}

TESTS(TEST(figures_are_short_and_have_their_unit), TEST(columns_are_filled_and_cut_at_a_character),
	TEST(who_watches_sees_what_went_since_the_last_look))
