#include "cli/file_progress.h"

#include "test.h"

static void a_line_says_how_far_it_is_or_what_it_waits_for(void **state)
{
	(void)state;
	static const struct {
		const char *file, *text;
	} cases[] = {
		{"{\"file\":\"a\",\"state\":\"accepted\",\"moving\":true,\"size\":1000,"
		 "\"bytes_done\":250,\"bytes_per_second\":75}",
			"a  25 % [#####---------------] 250 of 1.0k, 75/s, 10s left"},
		{"{\"file\":\"a\",\"state\":\"accepted\",\"moving\":true,\"size\":1000,"
		 "\"bytes_done\":0}",
			"a   0 % [--------------------] 0 of 1.0k, 0/s, some time left"},
		{"{\"file\":\"a\",\"state\":\"accepted\",\"moving\":false,\"size\":1000}",
			"a waits for a link, 1.0k"},
		{"{\"file\":\"a\",\"state\":\"hashing\",\"size\":5}", "a is read, 5"},
		{"{\"file\":\"a\",\"direction\":\"out\",\"state\":\"offered\",\"size\":5}",
			"a waits until it is accepted, 5"},
		{"{\"file\":\"a\\u001b\",\"direction\":\"in\",\"state\":\"offered\",\"size\":5}",
			"a\xc2\xb7 waits for your answer, 5"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[FILE_PROGRESS_MAX];
		json_t *file = json_loads(cases[i].file, 0, NULL);
		assert_non_null(file);
		assert_string_equal(file_progress_text(file, text), cases[i].text);
		json_decref(file);
	}
}

static void the_end_says_how_long_it_took(void **state)
{
	(void)state;
	char text[FILE_PROGRESS_MAX];
	json_t *file = json_pack("{s:s, s:s, s:s, s:i}", "file", "a", "direction", "out", "name",
		"bob", "size", 3000000);
	assert_string_equal(file_done_text(file, 2, text), "sent a to bob: 3.0M in 2s (1.5M/s)");
	assert_string_equal(file_done_text(file, 0, text), "sent a to bob: 3.0M in 0s (0/s)");
	json_decref(file);
}

TESTS(TEST(a_line_says_how_far_it_is_or_what_it_waits_for), TEST(the_end_says_how_long_it_took))
