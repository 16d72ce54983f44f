/* What a person sees: nothing of a peer's text can move the cursor or turn a line around. */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "cli/output.h"

static void control_and_direction_characters_are_made_harmless(void **state)
{
	(void)state;
	static const struct {
		const char *text, *safe;
	} cases[] = {
		{"plain text", "plain text"},
		{"gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x91\x8b",
			"gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x91\x8b"},
		{"a\x1b[2Jb", "a\xc2\xb7[2Jb"},
		{"a\rb\x7f", "a\xc2\xb7"
			     "b\xc2\xb7"},
		{"a\nb\tc", "a b c"},
		{"a\xc2\x9b"
		 "b",
			"a\xc2\xb7"
			"b"},
		{"a\xe2\x80\xae"
		 "b\xe2\x81\xa6"
		 "c",
			"a\xc2\xb7"
			"b\xc2\xb7"
			"c"},
		{"euro \xe2\x82\xac", "euro \xe2\x82\xac"},
		{"cut \xe2\x82", "cut \xc2\xb7\xc2\xb7"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char safe[64];
		assert_string_equal(text_safe(cases[i].text, safe, sizeof(safe)), cases[i].safe);
	}
}

static void text_is_cut_at_a_character(void **state)
{
	(void)state;
	char safe[6];
	assert_string_equal(text_safe("abc\xe2\x82\xac", safe, sizeof(safe)), "abc");
	assert_string_equal(text_safe("ab\xe2\x82\xac", safe, sizeof(safe)), "ab\xe2\x82\xac");
	assert_string_equal(text_safe("abcdefgh", safe, sizeof(safe)), "abcde");
}

static void a_stream_keeps_line_ends_where_they_are_wanted(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	print_safe(out,
		"a\n\x1b"
		"b",
		true);
	print_safe(out, "c\nd", false);
	fclose(out);
	assert_string_equal(text, "a\n\xc2\xb7"
				  "bc d");
	free(text);
}

static void a_link_says_path_ends_and_times(void **state)
{
	(void)state;
	char text[LINK_TEXT_MAX];
	json_t *link = json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:f}", "path", "webrtc", "local",
		"127.0.0.1:1", "remote", "127.0.0.1:2", "local_type", "host", "remote_type",
		"srflx", "setup_ms", 12.44, "rtt_ms", 0.311);
	assert_string_equal(link_text(link, text),
		"over webrtc (127.0.0.1:1 host to 127.0.0.1:2 srflx), set up in 12.4 ms, round "
		"trip 0.31 ms");
	json_decref(link);
	link = json_pack(
		"{s:s, s:s, s:s}", "path", "direct", "local", "[::1]:1", "remote", "[::1]:2");
	assert_string_equal(link_text(link, text), "over direct TLS ([::1]:1 to [::1]:2)");
	json_decref(link);
}

static void a_time_that_no_clock_shows_is_said_to_be_unknown(void **state)
{
	(void)state;
	char text[TIME_TEXT_MAX];
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(time_text(1753000000.25, text), "2025-07-20 08:26:40");
	assert_string_equal(time_text(-1, text), "at an unknown time");
	assert_string_equal(time_text(1e300, text), "at an unknown time");
}

static void a_peer_without_a_name_is_called_by_its_id(void **state)
{
	(void)state;
	char text[NAME_TEXT_MAX];
	json_t *peer =
		json_pack("{s:s, s:s}", "node_id", "dpc-node-0123456789abcdef", "name", "bob");
	assert_string_equal(name_text(peer, text), "bob");
	json_object_set_new(peer, "name", json_null());
	assert_string_equal(name_text(peer, text), "dpc-node-0123456789abcdef");
	json_decref(peer);
	assert_string_equal(name_text(NULL, text), "");
}

TESTS(TEST(control_and_direction_characters_are_made_harmless), TEST(text_is_cut_at_a_character),
	TEST(a_stream_keeps_line_ends_where_they_are_wanted), TEST(a_link_says_path_ends_and_times),
	TEST(a_time_that_no_clock_shows_is_said_to_be_unknown),
	TEST(a_peer_without_a_name_is_called_by_its_id))
