/* The table of peers: aligned, and no wider than the terminal. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/figures.h"
#include "cli/status_peers.h"

static json_t *peer_of(const char *name, const char *kind, const char *route, const char *remote)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:f, s:f, s:f, s:f, s:f}}}",
		"name", name, "state", "connected", "link", "path", "webrtc", "remote", remote,
		"remote_type", "srflx", "route", "kind", kind, "text", route, "quality", "rtt_ms",
		12.34, "loss", 0.004, "in_bytes_per_second", 1234567.0, "out_bytes_per_second",
		34567.0, "up_seconds", 7500.0);
}

static json_t *away(const char *name, const char *error)
{
	return json_pack(
		"{s:s, s:s, s:n, s:s}", "name", name, "state", "away", "link", "error", error);
}

static char *table_of(json_t *peers, size_t columns)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	print_peer_table(out, peers, columns);
	fclose(out);
	json_decref(peers);
	return text;
}

static void a_line_has_path_and_figures(void **state)
{
	(void)state;
	char *text = table_of(
		json_pack("[o, o, o]",
			peer_of("bob", "direct", "direct 192.0.2.7:40122 (srflx, IPv4)",
				"192.0.2.7:40122"),
			peer_of("carol", "relay", "relay turn.example:443/tls", "192.0.2.8:1"),
			away("dave", "no hub")),
		80);
	assert_string_equal(text,
		"PEER  PATH                              RTT    LOSS   IN/s  OUT/s     UP\n"
		"bob   direct 192.0.2.7:40122 srflx  12.3 ms   0.4 %   1.2M  34.6k  2h05m\n"
		"carol relay turn.example:443/tls    12.3 ms   0.4 %   1.2M  34.6k  2h05m\n"
		"dave  away: no hub\n");
	free(text);
}

static void who_is_verified_has_a_mark(void **state)
{
	(void)state;
	json_t *peer = away("bob", "no hub");
	json_object_set_new(peer, "verified", json_true());
	char *text = table_of(json_pack("[o, o]", peer, away("dave", "no hub")), 80);
	assert_non_null(strstr(text, "\nbob \xe2\x9c\x93 away: no hub\ndave  away: no hub\n"));
	free(text);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	(void)state;
	for (size_t columns = 66; columns < 140; columns++) {
		char *text = table_of(
			json_pack("[o, o, o]",
				peer_of("somebody with a very long name of many letters", "direct",
					"direct", "[2001:db8:1111:2222:3333:4444:5555:6666]:40122"),
				peer_of("b\xc3\xb6"
					"b",
					"relay",
					"relay a.very.long.name.of.a.relay.example:65535/tls and "
					"one of "
					"the peer",
					"192.0.2.8:1"),
				away("dave",
					"a long reason, which goes on and on, and says what to do "
					"next; which takes more than any line has")),
			columns);
		for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			assert_in_range(text_width(line), 1, columns);
		}
		free(text);
	}
}

static void without_a_terminal_nothing_is_cut(void **state)
{
	(void)state;
	const char *remote = "[2001:db8:1111:2222:3333:4444:5555:6666]:40122";
	char *text = table_of(json_pack("[o]", peer_of("bob", "direct", "direct", remote)), 0);
	assert_non_null(strstr(text, remote));
	free(text);
}

static void nobody_is_no_table(void **state)
{
	(void)state;
	char *text = table_of(json_array(), 80);
	assert_string_equal(text, "");
	free(text);
}

static void what_a_node_sends_wrong_is_shown_as_nothing(void **state)
{
	(void)state;
	char *text = table_of(json_pack("[{s:{}}, i, n, {s:s, s:{s:i, s:s}}]", "link", 3, "name",
				      "e\x1b[2J", "link", "route", 7, "remote", "\x1b[31m"),
		80);
	assert_null(strchr(text, '\x1b'));
	free(text);
}

TESTS(TEST(a_line_has_path_and_figures), TEST(who_is_verified_has_a_mark),
	TEST(no_line_is_wider_than_the_terminal), TEST(without_a_terminal_nothing_is_cut),
	TEST(nobody_is_no_table), TEST(what_a_node_sends_wrong_is_shown_as_nothing))
