#include "message/signal.h"

#include "test.h"

#include <stdlib.h>

#include "message/json.h"

#define ALICE "dpc-node-0123456789abcdef"
#define BOB "dpc-node-fedcba9876543210"
#define PRINT                                                                                      \
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:"  \
	"DD:EE:FF"
#define HASH "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define IDENTITY                                                                                   \
	"\"identity\":{\"certificate\":\"PEM\",\"signature\":\"AQID\",\"sender\":\"" ALICE         \
	"\",\"target\":\"" BOB "\",\"fingerprint\":\"" PRINT "\",\"expiry\":1753000300"

static enum err parse(const char *text, struct signal *s, const char **field)
{
	json_t *payload;
	assert_ok(json_parse_object(bytes_of_text(text), 65536, &payload));
	enum err err = signal_parse(payload, s, field);
	json_decref(payload);
	return err;
}

static void every_payload_survives_a_round_trip(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"type\":\"offer\",\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}," IDENTITY
		"},\"session_id\":\"s1\"}",
		"{\"type\":\"answer\",\"answer\":{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}"
		"," IDENTITY ",\"offer_hash\":\"" HASH "\"},\"session_id\":\"s1\"}",
		"{\"type\":\"offer\",\"offer\":{\"type\":\"offer\",\"sdp\":\"v=0\"}}",
		("{\"type\":\"ice-candidate\",\"candidate\":{\"candidate\":\"candidate:1\","
		 "\"sdpMid\":\"0\",\"sdpMLineIndex\":0},\"session_id\":\"s1\"}"),
		"{\"type\":\"ice-candidate\",\"candidate\":{\"candidate\":\"\"}}",
		"{\"type\":\"restart\",\"restart\":{\"type\":\"restart\",\"sdp\":\"v=0\\r\\n\"}"
		"," IDENTITY "},\"session_id\":\"s1\"}",
		("{\"type\":\"restart-answer\",\"restart-answer\":{\"type\":\"restart-answer\","
		 "\"sdp\":\"v=0\\r\\n\"}," IDENTITY "},\"session_id\":\"s1\"}"),
		"{\"type\":\"restart\",\"restart\":{\"type\":\"restart\",\"sdp\":\"v=0\"}}",
		"{\"type\":\"bye\",\"reason\":\"no\",\"session_id\":\"s1\"}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct signal s;
		json_t *payload;
		assert_ok(parse(texts[i], &s, NULL));
		assert_ok(signal_encode(&s, &payload));
		char *text = json_take_text(payload);
		assert_string_equal(text, texts[i]);
		free(text);
		signal_deinit(&s);
	}
}

static void an_answer_carries_the_assertion_as_it_was_signed(void **state)
{
	(void)state;
	struct signal s;
	assert_ok(parse("{\"type\":\"answer\",\"answer\":{\"sdp\":\"v=0\"}," IDENTITY
			",\"offer_hash\":\"" HASH "\"},\"session_id\":\"s1\"}",
		&s, NULL));
	assert_int_equal(s.type, SIGNAL_ANSWER);
	assert_true(s.has_identity);
	const struct assertion *a = &s.identity.assertion;
	assert_int_equal(a->type, ASSERTION_ANSWER);
	assert_string_equal(a->session_id, "s1");
	assert_string_equal(a->sender, ALICE);
	assert_string_equal(a->target, BOB);
	assert_string_equal(a->fingerprint, PRINT);
	assert_int_equal(a->expiry, 1753000300);
	assert_int_equal(a->sdp_hash[31], 31);
	assert_int_equal(s.identity.signature_size, 3);
	assert_memory_equal(s.identity.signature, "\x01\x02\x03", 3);
	signal_deinit(&s);
}

static void a_wrong_field_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *field;
	} cases[] = {
		{"{}", "type"},
		{"{\"type\":\"offer\"}", "offer"},
		{"{\"type\":\"offer\",\"offer\":\"v=0\"}", "offer"},
		{"{\"type\":\"offer\",\"offer\":{\"sdp\":\"\"}}", "sdp"},
		{"{\"type\":\"offer\",\"offer\":{\"sdp\":\"x\",\"type\":\"answer\"}}", "type"},
		{"{\"type\":\"offer\",\"offer\":{\"sdp\":\"x\"},\"session_id\":\"a b\"}",
			"session_id"},
		{"{\"type\":\"offer\",\"offer\":{\"sdp\":\"x\"},\"identity\":1}", "identity"},
		{"{\"type\":\"offer\",\"offer\":{\"sdp\":\"x\"}," IDENTITY "}}", "session_id"},
		{"{\"type\":\"answer\",\"answer\":{\"sdp\":\"x\"}," IDENTITY
		 "},\"session_id\":\"s\"}",
			"offer_hash"},
		{"{\"type\":\"offer\",\"offer\":{\"sdp\":\"x\"},\"session_id\":\"s\","
		 "\"identity\":{\"sender\":\"" ALICE "\",\"target\":\"bob\"}}",
			"target"},
		{"{\"type\":\"ice-candidate\",\"candidate\":\"x\"}", "candidate"},
		{"{\"type\":\"ice-candidate\",\"candidate\":{\"candidate\":\"\","
		 "\"sdpMLineIndex\":16}}",
			"sdpMLineIndex"},
		{"{\"type\":\"bye\",\"reason\":1}", "reason"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct signal s;
		const char *field = NULL;
		assert_err(parse(cases[i].text, &s, &field), ERR_MALFORMED);
		assert_string_equal(field, cases[i].field);
	}
}

static void an_unknown_payload_is_to_be_ignored(void **state)
{
	(void)state;
	struct signal s;
	assert_err(parse("{\"type\":\"renegotiate\"}", &s, NULL), ERR_UNSUPPORTED);
}

static void the_size_of_a_description_is_limited(void **state)
{
	(void)state;
	for (size_t size = SIGNAL_SDP_MAX; size <= SIGNAL_SDP_MAX + 1; size++) {
		char *sdp = calloc(1, size + 1);
		assert_non_null(sdp);
		memset(sdp, 'a', size);
		struct signal s = {.type = SIGNAL_OFFER, .sdp = sdp};
		json_t *payload = NULL;
		assert_err(signal_encode(&s, &payload),
			size > SIGNAL_SDP_MAX ? ERR_MALFORMED : ERR_OK);
		json_decref(payload);
		free(sdp);
	}
}

static void names_are_those_of_the_wire(void **state)
{
	(void)state;
	assert_string_equal(signal_type_name(SIGNAL_CANDIDATE), "ice-candidate");
	struct signal s = {0};
	signal_deinit(&s);
}

TESTS(TEST(every_payload_survives_a_round_trip),
	TEST(an_answer_carries_the_assertion_as_it_was_signed), TEST(a_wrong_field_is_named),
	TEST(an_unknown_payload_is_to_be_ignored), TEST(the_size_of_a_description_is_limited),
	TEST(names_are_those_of_the_wire))
