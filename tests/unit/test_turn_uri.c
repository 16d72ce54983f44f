#include "message/turn_uri.h"

#include "test.h"

static void a_uri_says_where_and_over_what(void **state)
{
	(void)state;
	static const struct {
		const char *uri, *text;
	} table[] = {{"turn:turn.example", "turn.example:3478/udp"},
		{"turn:turn.example:80", "turn.example:80/udp"},
		{"turn:192.0.2.1:80?transport=udp", "192.0.2.1:80/udp"},
		{"turn:turn.example?transport=tcp", "turn.example:3478/tcp"},
		{"turns:turn.example", "turn.example:5349/tls"},
		{"turns:turn.example:443?transport=tcp", "turn.example:443/tls"},
		{"turn:[2001:db8::1]:80", "[2001:db8::1]:80/udp"}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct turn_uri server;
		char text[TURN_URI_TEXT_MAX];
		assert_ok(turn_uri_parse(table[i].uri, &server));
		assert_string_equal(turn_uri_text(&server, text), table[i].text);
	}
}

static void what_is_no_such_uri_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *uri;
		enum err err;
	} table[] = {{"", ERR_UNSUPPORTED}, {"stun:stun.example", ERR_UNSUPPORTED},
		{"http://turn.example", ERR_UNSUPPORTED}, {"turn", ERR_UNSUPPORTED},
		{"turn:", ERR_MALFORMED}, {"turn::80", ERR_MALFORMED},
		{"turn:turn.example:0", ERR_MALFORMED}, {"turn:turn.example:65536", ERR_MALFORMED},
		{"turn:turn.example?transport=sctp", ERR_UNSUPPORTED},
		{"turns:turn.example?transport=udp", ERR_UNSUPPORTED},
		{"turn:turn.example?", ERR_UNSUPPORTED}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct turn_uri server;
		assert_err(turn_uri_parse(table[i].uri, &server), table[i].err);
	}
	char uri[URI_HOST_MAX + 20] = "turn:";
	struct turn_uri server;
	memset(uri + 5, 'a', URI_HOST_MAX + 1);
	assert_err(turn_uri_parse(uri, &server), ERR_MALFORMED);
}

TESTS(TEST(a_uri_says_where_and_over_what), TEST(what_is_no_such_uri_is_refused))
