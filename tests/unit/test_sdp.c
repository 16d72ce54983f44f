#include "peer/sdp.h"

#include <stdio.h>

#include "test.h"

#define FINGERPRINT                                                                                \
	"0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:D7:E8:F9:0A:1B:2C:3D:4E:5F:60:71:82:93:A4:B5:C6:"  \
	"D7:"                                                                                      \
	"E8:F9"

static const char chromium_offer[] =
	"v=0\r\no=- 4962303333179871722 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	"a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
	"a=candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0\r\n"
	"a=ice-ufrag:7sFv\r\na=ice-pwd:dOTZKZNVlO9RSGsEGM63JXT2\r\na=ice-options:trickle\r\n"
	"a=fingerprint:sha-256 " FINGERPRINT "\r\na=setup:actpass\r\na=mid:0\r\n"
	"a=sctp-port:5000\r\na=max-message-size:262144\r\n";

static const char aiortc_offer[] =
	"v=0\r\no=- 3723985345 3723985345 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	"a=group:BUNDLE 0\r\na=msid-semantic:WMS *\r\n"
	"m=application 45791 DTLS/SCTP 5000\r\nc=IN IP4 192.168.99.58\r\na=mid:0\r\n"
	"a=sctpmap:5000 webrtc-datachannel 65535\r\na=max-message-size:65536\r\n"
	"a=candidate:1d3e 1 udp 2130706431 192.168.99.58 45791 typ host\r\na=end-of-candidates\r\n"
	"a=ice-ufrag:9889\r\na=ice-pwd:YWNbSGYMJjkDjnjYLRqBpg\r\n"
	"a=fingerprint:sha-256 " FINGERPRINT "\r\na=setup:actpass\r\n";

static void reads_the_form_of_browsers(void **state)
{
	(void)state;
	struct sdp sdp;
	assert_ok(sdp_parse(bytes_of_text(chromium_offer), &sdp));
	assert_false(sdp.legacy);
	assert_int_equal(sdp.setup, SDP_ACTPASS);
	assert_int_equal(sdp.sctp_port, 5000);
	assert_int_equal(sdp.message_max, 262144);
	assert_bytes_equal(sdp.ufrag, bytes_of_text("7sFv"));
	assert_bytes_equal(sdp.pwd, bytes_of_text("dOTZKZNVlO9RSGsEGM63JXT2"));
	assert_bytes_equal(sdp.fingerprint, bytes_of_text(FINGERPRINT));
	assert_int_equal(sdp.candidate_count, 1);
	assert_false(sdp.end_of_candidates);
}

static void reads_the_form_of_old_drafts(void **state)
{
	(void)state;
	struct sdp sdp;
	assert_ok(sdp_parse(bytes_of_text(aiortc_offer), &sdp));
	assert_true(sdp.legacy);
	assert_int_equal(sdp.sctp_port, 5000);
	assert_int_equal(sdp.message_max, 65536);
	assert_true(sdp.end_of_candidates);
}

static void reads_what_it_writes(void **state)
{
	(void)state;
	for (int legacy = 0; legacy < 2; legacy++) {
		char text[4096];
		const struct sdp sdp = {
			.legacy = legacy,
			.setup = SDP_ACTIVE,
			.ice_pacing = 20,
			.sctp_port = 5000,
			.message_max = 1234,
			.mid = bytes_of_text("data"),
			.ufrag = bytes_of_text("abcd"),
			.pwd = bytes_of_text("0123456789012345678901"),
			.fingerprint_hash = bytes_of_text("sha-256"),
			.fingerprint = bytes_of_text(FINGERPRINT),
			.candidates = {bytes_of_text("candidate:1 1 udp 1 192.0.2.1 1 typ host")},
			.candidate_count = 1,
			.tls_id = bytes_of_text("abcdefghijklmnopqrst"),
			.sctp_init = bytes_of_text("AQAA"),
		};
		struct sdp back;
		struct writer w = writer_of(text, sizeof text);
		sdp_write(&w, &sdp, 42);
		assert_false(w.failed);
		assert_ok(sdp_parse(writer_bytes(&w), &back));
		assert_int_equal(back.legacy, legacy);
		assert_bytes_equal(back.tls_id, sdp.tls_id);
		assert_bytes_equal(back.sctp_init, sdp.sctp_init);
		assert_int_equal(back.setup, SDP_ACTIVE);
		assert_int_equal(back.message_max, 1234);
		assert_int_equal(back.ice_pacing, 20);
		assert_non_null(strstr(text, "a=ice-options:trickle ice2\r\n"));
		assert_bytes_equal(back.mid, sdp.mid);
		assert_bytes_equal(back.pwd, sdp.pwd);
		assert_bytes_equal(back.candidates[0], sdp.candidates[0]);
	}
}

/* The Chromium offer with the first `what` replaced. */
static enum err parse_with(const char *what, const char *by, struct sdp *ret_sdp)
{
	static char text[8192];
	const char *at = strstr(chromium_offer, what);
	assert_non_null(at);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - chromium_offer), chromium_offer, by,
		at + strlen(what));
	return sdp_parse(bytes_of_text(text), ret_sdp);
}

static void each_field_is_checked(void **state)
{
	(void)state;
	static const struct {
		const char *what, *by;
		enum err expected;
	} cases[] = {
		{"v=0", "v=1", ERR_MALFORMED},
		{"m=application 9 UDP/DTLS/SCTP", "m=audio 9 UDP/TLS/RTP/SAVPF", ERR_UNSUPPORTED},
		{"m=application 9", "m=application 99999", ERR_MALFORMED},
		{"webrtc-datachannel", "other", ERR_UNSUPPORTED},
		{"UDP/DTLS/SCTP", "TCP/DTLS/SCTP", ERR_UNSUPPORTED},
		{"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "", ERR_MALFORMED},
		{"a=ice-ufrag:7sFv\r\n", "", ERR_MALFORMED},
		{"a=ice-pwd:dOTZKZNVlO9RSGsEGM63JXT2\r\n", "", ERR_MALFORMED},
		{"a=fingerprint:sha-256 " FINGERPRINT, "a=fingerprint:sha-256", ERR_MALFORMED},
		{"a=setup:actpass", "a=setup:holdconn", ERR_MALFORMED},
		{"a=mid:0", "a=mid:", ERR_MALFORMED},
		{"a=mid:0", "a=mid:012345678901234567890123456789012", ERR_MALFORMED},
		/* What we would repeat in our answer is one word of it. */
		{"a=mid:0", "a=mid:0 1", ERR_MALFORMED},
		{"a=mid:0", "a=mid:0\ra=x", ERR_MALFORMED},
		/* A refusal, whatever else it says. */
		{"m=application 9", "m=application 0", ERR_UNSUPPORTED},
		{"a=sctp-port:5000\r\n", "", ERR_MALFORMED},
		{"a=sctp-port:5000", "a=sctp-port:65536", ERR_MALFORMED},
		{"a=max-message-size:262144", "a=max-message-size:x", ERR_MALFORMED},
		{"a=mid:0", "m=video 9 UDP/TLS/RTP/SAVPF 96", ERR_UNSUPPORTED},
		{"a=mid:0", "a=sctp-init:", ERR_MALFORMED},
		{"a=mid:0", "a=sctp-init:AQAA\r\na=sctp-init:AQAA", ERR_MALFORMED},
		{"a=mid:0", "a=tls-id:twenty-characters-id", ERR_OK},
		{"a=mid:0", "a=tls-id:nineteen-character", ERR_MALFORMED},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sdp sdp;
		assert_err(parse_with(cases[i].what, cases[i].by, &sdp), cases[i].expected);
	}
}

static void message_size_has_its_special_values(void **state)
{
	(void)state;
	struct sdp sdp;
	assert_ok(parse_with("a=max-message-size:262144\r\n", "", &sdp));
	assert_int_equal(sdp.message_max, SDP_MESSAGE_MAX_ABSENT);
	assert_ok(parse_with("a=max-message-size:262144", "a=max-message-size:0", &sdp));
	assert_int_equal(sdp.message_max, SDP_MESSAGE_MAX_ANY);
	assert_ok(parse_with("size:262144", "size:18446744073709551615", &sdp));
	assert_int_equal(sdp.message_max, SDP_MESSAGE_MAX_ANY);
}

static void counts_have_limits(void **state)
{
	(void)state;
	static char lines[8000];
	struct sdp sdp;
	lines[0] = 0;
	for (int i = 0; i < SDP_CANDIDATES_MAX + 10; i++)
		snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "a=candidate:%d\r\n",
			i);
	assert_ok(parse_with("a=mid:0\r\n", lines, &sdp));
	assert_int_equal(sdp.candidate_count, SDP_CANDIDATES_MAX);
	lines[0] = 0;
	for (int i = 0; i < SDP_LINES_MAX; i++)
		snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "a=x\r\n");
	assert_err(parse_with("a=mid:0\r\n", lines, &sdp), ERR_LIMIT);
	for (size_t over = 0; over < 2; over++) {
		snprintf(lines, sizeof lines, "a=sctp-init:%0*d\r\n",
			(int)(SDP_SCTP_INIT_MAX + over), 0);
		assert_err(parse_with("a=mid:0\r\n", lines, &sdp), over ? ERR_MALFORMED : ERR_OK);
		snprintf(lines, sizeof lines, "a=tls-id:%0*d\r\n", (int)(SDP_TLS_ID_MAX + over), 0);
		assert_err(parse_with("a=mid:0\r\n", lines, &sdp), over ? ERR_MALFORMED : ERR_OK);
	}
}

static void the_pace_of_checks_is_the_default_where_nothing_sensible_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		unsigned pacing;
	} cases[] = {{"a=x:1", 50}, {"a=ice-pacing:5", 5}, {"a=ice-pacing:1000", 1000},
		{"a=ice-pacing:1001", 50}, {"a=ice-pacing:0", 50}, {"a=ice-pacing:", 50},
		{"a=ice-pacing:-5", 50}, {"a=ice-pacing:5x", 50},
		{"a=ice-pacing:99999999999999999999999", 50}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sdp sdp;
		assert_ok(parse_with("a=ice-options:trickle", cases[i].line, &sdp));
		assert_int_equal(sdp.ice_pacing, cases[i].pacing);
	}
}

TESTS(TEST(the_pace_of_checks_is_the_default_where_nothing_sensible_is_said),
	TEST(reads_the_form_of_browsers), TEST(reads_the_form_of_old_drafts),
	TEST(reads_what_it_writes), TEST(each_field_is_checked),
	TEST(message_size_has_its_special_values), TEST(counts_have_limits))
