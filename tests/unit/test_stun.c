#include "ice/stun.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "test.h"

static const uint8_t id[STUN_ID_SIZE] = {
	0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
static const char password[] = "VOkJxbRl1RmTxUk/WvJxBt";

/* RFC 5769 section 2.1. */
static const char sample_request[] = "000100582112a442b7e7a701bc34d686fa87dfae"
				     "802200105354554e207465737420636c69656e74"
				     "002400046e0001ff80290008932ff9b151263b36"
				     "000600096576746a3a68367659202020"
				     "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
				     "80280004e57a3bcf";
/* RFC 5769 section 2.2. */
static const char sample_ipv4_response[] = "0101003c2112a442b7e7a701bc34d686fa87dfae"
					   "8022000b7465737420766563746f7220"
					   "002000080001a147e112a643"
					   "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
					   "80280004c07d4c96";
/* RFC 5769 section 2.3. */
static const char sample_ipv6_response[] = "010100482112a442b7e7a701bc34d686fa87dfae"
					   "8022000b7465737420766563746f7220"
					   "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
					   "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
					   "80280004c8fb0b4c";
/* RFC 5769 section 2.4. */
static const char sample_long_term[] =
	"000100602112a44278ad3433c6ad72c029da412e"
	"00060012e3839ee38388e383aae38383e382afe382b90000"
	"0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341"
	"0014000b6578616d706c652e6f726700"
	"00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
/* The request of RFC 8489 appendix B.1; its HMAC as the rules of section 14.6 give it. */
static const char sample_sha256[] =
	"000100882112a44278ad3433c6ad72c029da412e"
	"001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
	"001500296f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c3946535476793634"
	"7341000000"
	"0014000b6578616d706c652e6f726700"
	"001c0020fd8c273860d2e18ebca4c89b6973befa7ee8ecc69e9642db326fab65a0b955ba";

static struct bytes from_hex(const char *hex, uint8_t *data)
{
	size_t size = strlen(hex) / 2;
	assert_true(hex_decode(hex, data, size));
	return bytes_of(data, size);
}

static void long_term_key(uint8_t key[16])
{
	static const char text[] = "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf"
				   "\xe3\x82\xb9:example.org:TheMatrIX";
	hash_md5(bytes_of_text(text), key);
}

static void the_sample_request_parses(void **state)
{
	(void)state;
	uint8_t data[200];
	struct stun_message m;
	assert_ok(stun_parse(from_hex(sample_request, data), &m));
	assert_int_equal(m.class, STUN_REQUEST);
	assert_int_equal(m.method, STUN_BINDING);
	assert_bytes_equal(m.id, bytes_of(id, sizeof id));
	assert_bytes_equal(m.software, bytes_of_text("STUN test client"));
	assert_bytes_equal(m.username, bytes_of_text("evtj:h6vY"));
	assert_int_equal(m.priority, 0x6e0001ff);
	assert_true(m.controlled == UINT64_C(0x932ff9b151263b36));
	assert_true(stun_has(&m, STUN_ICE_CONTROLLED));
	assert_false(stun_has(&m, STUN_ICE_CONTROLLING));
	assert_true(stun_has(&m, STUN_FINGERPRINT));
	assert_true(stun_check_integrity(&m, bytes_of_text(password)));
	assert_false(stun_check_integrity(&m, bytes_of_text("VOkJxbRl1RmTxUk/WvJxBu")));
	assert_false(stun_check_integrity(&m, bytes_of_text("")));
	assert_false(stun_check_integrity_sha256(&m, bytes_of_text(password)));
}

static void the_sample_responses_parse(void **state)
{
	(void)state;
	static const struct {
		const char *hex, *mapped;
	} cases[] = {
		{sample_ipv4_response, "192.0.2.1:32853"},
		{sample_ipv6_response, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
	};
	for (size_t i = 0; i < 2; i++) {
		uint8_t data[200];
		char text[ADDR_TEXT_MAX];
		struct stun_message m;
		assert_ok(stun_parse(from_hex(cases[i].hex, data), &m));
		assert_int_equal(m.class, STUN_SUCCESS);
		assert_string_equal(addr_text(&m.mapped, text), cases[i].mapped);
		assert_bytes_equal(m.software, bytes_of_text("test vector"));
		assert_true(stun_check_integrity(&m, bytes_of_text(password)));
	}
}

static void the_sample_long_term_requests_parse_and_are_built_to_the_byte(void **state)
{
	(void)state;
	uint8_t data[200], built[200], key[16];
	long_term_key(key);
	struct stun_message m;
	struct bytes sample = from_hex(sample_long_term, data);
	assert_ok(stun_parse(sample, &m));
	assert_true(stun_check_integrity(&m, bytes_of(key, sizeof key)));
	struct writer w = writer_of(built, sizeof built);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, m.id.data);
	stun_add_bytes(&w, STUN_USERNAME, m.username);
	stun_add_bytes(&w, STUN_NONCE, m.nonce);
	stun_add_bytes(&w, STUN_REALM, m.realm);
	stun_add_integrity(&w, bytes_of(key, sizeof key));
	assert_bytes_equal(writer_bytes(&w), sample);

	sample = from_hex(sample_sha256, data);
	assert_ok(stun_parse(sample, &m));
	assert_int_equal(m.userhash.size, 32);
	assert_true(stun_check_integrity_sha256(&m, bytes_of(key, sizeof key)));
	assert_false(stun_check_integrity_sha256(&m, bytes_of(key, 15)));
	w = writer_of(built, sizeof built);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, m.id.data);
	stun_add_bytes(&w, STUN_USERHASH, m.userhash);
	stun_add_bytes(&w, STUN_NONCE, m.nonce);
	stun_add_bytes(&w, STUN_REALM, m.realm);
	stun_add_integrity_sha256(&w, bytes_of(key, sizeof key));
	assert_bytes_equal(writer_bytes(&w), sample);
}

static void what_is_built_parses_back(void **state)
{
	(void)state;
	uint8_t data[500];
	struct writer w = writer_of(data, sizeof data);
	struct addr v4, v6;
	assert_true(addr_parse("198.51.100.7:1", &v4));
	assert_true(addr_parse("[2001:db8::1]:65535", &v6));
	stun_begin(&w, STUN_ERROR, 0xfff, id);
	stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &v6);
	stun_add_addr(&w, STUN_MAPPED_ADDRESS, &v4);
	stun_add_u32(&w, STUN_PRIORITY, 0x01020304);
	stun_add_u64(&w, STUN_ICE_CONTROLLING, UINT64_C(0x0102030405060708));
	stun_add_flag(&w, STUN_USE_CANDIDATE);
	stun_add_error(&w, STUN_ROLE_CONFLICT, "Role Conflict");
	stun_add_unknown(&w, (const uint16_t[]){0x7ffe, 0x0042}, 2);
	stun_add_integrity(&w, bytes_of_text("p"));
	stun_add_integrity_sha256(&w, bytes_of_text("p"));
	stun_add_fingerprint(&w);
	assert_false(w.failed);
	struct stun_message m;
	assert_ok(stun_parse(writer_bytes(&w), &m));
	assert_int_equal(m.class, STUN_ERROR);
	assert_int_equal(m.method, 0xfff);
	assert_true(addr_equal(&m.mapped, &v6));
	assert_int_equal(m.priority, 0x01020304);
	assert_true(m.controlling == UINT64_C(0x0102030405060708));
	assert_true(stun_has(&m, STUN_USE_CANDIDATE));
	assert_int_equal(m.error_code, 487);
	assert_bytes_equal(m.reason, bytes_of_text("Role Conflict"));
	assert_bytes_equal(m.unknown_attributes, bytes_of("\x7f\xfe\x00\x42", 4));
	assert_true(stun_check_integrity(&m, bytes_of_text("p")));
	assert_true(stun_check_integrity_sha256(&m, bytes_of_text("p")));
}

static void classes_and_methods_take_their_places_in_the_type(void **state)
{
	(void)state;
	static const struct {
		enum stun_class class;
		uint16_t method, type;
	} cases[] = {
		{STUN_REQUEST, 1, 0x0001},
		{STUN_INDICATION, 1, 0x0011},
		{STUN_SUCCESS, 1, 0x0101},
		{STUN_ERROR, 1, 0x0111},
		{STUN_REQUEST, 0x10, 0x0020},
		{STUN_REQUEST, 0x80, 0x0200},
		{STUN_ERROR, 0xfff, 0x3fff},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t data[STUN_HEADER_SIZE];
		struct writer w = writer_of(data, sizeof data);
		stun_begin(&w, cases[i].class, cases[i].method, id);
		assert_int_equal(data[0] << 8 | data[1], cases[i].type);
		struct stun_message m;
		assert_ok(stun_parse(writer_bytes(&w), &m));
		assert_int_equal(m.class, cases[i].class);
		assert_int_equal(m.method, cases[i].method);
	}
}

/* Messages after a Binding request's cookie and id; the length is filled in. */
static enum err parse_body(const char *hex, struct stun_message *ret_message, uint8_t *data)
{
	struct writer w = writer_of(data, 200);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
	size_t size = strlen(hex) / 2;
	assert_true(hex_decode(hex, data + w.size, size));
	write_u16_at(&w, 2, (uint16_t)size);
	return stun_parse(bytes_of(data, w.size + size), ret_message);
}

static void malformed_attributes_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"00", "000000", "00240003", "0024000401020304ff",
		"0024000301020300",                                 /* PRIORITY of 3 */
		"002400080102030405060708",                         /* and of 8 */
		"8029000401020304",                                 /* tie-breaker of 4 */
		"0025000401020304",                                 /* USE-CANDIDATE with a value */
		"00200008000301020304050a",                         /* family 3 */
		"002000080002010203040506",                         /* IPv6 with 4 bytes */
		"0020000400010102",                                 /* no address */
		"0009000400000200",                                 /* error class 2 */
		"0009000400000464",                                 /* error number 100 */
		"000a000101000000",                                 /* half an attribute type */
		"0008001001020304010203040102030401020304",         /* integrity of 16 */
		"001c00120102030401020304010203040102030401020000", /* and of 18 */
		"8028000400000000",                                 /* wrong fingerprint */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stun_message m;
		uint8_t data[200];
		assert_err(parse_body(cases[i], &m, data), ERR_MALFORMED);
	}
}

static void unknown_attributes_are_noted_when_they_must_be_understood(void **state)
{
	(void)state;
	struct stun_message m;
	uint8_t data[200];
	assert_ok(parse_body("c057000400010000c0580000", &m, data));
	assert_int_equal(m.unknown_count, 0);
	assert_ok(parse_body("7ffe000100ffffff0004000400000000", &m, data));
	assert_int_equal(m.unknown_count, 2);
	assert_int_equal(m.unknown[0], 0x7ffe);
	assert_int_equal(m.unknown[1], 0x0004);
	/* More than can be named. */
	assert_ok(
		parse_body("00310000003200000033000000340000003500000036000000370000003800000039000"
			   "0",
			&m, data));
	assert_int_equal(m.unknown_count, STUN_UNKNOWN_MAX);
}

static void attributes_behind_the_integrity_do_not_count(void **state)
{
	(void)state;
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
	stun_add_u32(&w, STUN_PRIORITY, 1);
	stun_add_u32(&w, STUN_PRIORITY, 2);
	stun_add_integrity(&w, bytes_of_text(password));
	stun_add_flag(&w, STUN_USE_CANDIDATE);
	stun_add_fingerprint(&w);
	struct stun_message m;
	assert_ok(stun_parse(writer_bytes(&w), &m));
	assert_false(stun_has(&m, STUN_USE_CANDIDATE));
	assert_int_equal(m.priority, 1);
	assert_true(stun_check_integrity(&m, bytes_of_text(password)));
}

static void behind_the_stronger_integrity_nothing_counts_either(void **state)
{
	(void)state;
	for (int both = 0; both < 2; both++) {
		uint8_t data[200];
		struct writer w = writer_of(data, sizeof data);
		stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
		if (both)
			stun_add_integrity(&w, bytes_of_text(password));
		stun_add_integrity_sha256(&w, bytes_of_text(password));
		stun_add_flag(&w, STUN_USE_CANDIDATE);
		if (!both)
			stun_add_integrity(&w, bytes_of_text("another"));
		stun_add_fingerprint(&w);
		struct stun_message m;
		assert_ok(stun_parse(writer_bytes(&w), &m));
		assert_false(stun_has(&m, STUN_USE_CANDIDATE));
		assert_int_equal(stun_has(&m, STUN_MESSAGE_INTEGRITY), both);
		assert_true(stun_has(&m, STUN_FINGERPRINT));
		assert_true(stun_check_integrity_sha256(&m, bytes_of_text(password)));
	}
}

static void the_head_of_a_message_is_as_it_must_be(void **state)
{
	(void)state;
	uint8_t data[64];
	struct writer w = writer_of(data, sizeof data);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
	stun_add_u32(&w, STUN_PRIORITY, 1);
	struct stun_message m;
	assert_ok(stun_parse(writer_bytes(&w), &m));
	assert_memory_equal(data, "\x00\x01\x00\x08\x21\x12\xa4\x42", 8);
	assert_memory_equal(data + 8, id, sizeof id);
	/* The two bits that tell it from RTP, each byte of the cookie, and the length. */
	static const struct {
		size_t at;
		uint8_t flip;
	} wrong[] = {{0, 0x80}, {0, 0x40}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {3, 4}, {3, 1}, {2, 1}};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		data[wrong[i].at] ^= wrong[i].flip;
		assert_err(stun_parse(writer_bytes(&w), &m), ERR_MALFORMED);
		data[wrong[i].at] ^= wrong[i].flip;
	}
}

static void bits_without_meaning_are_zero_and_ignored(void **state)
{
	(void)state;
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	struct addr addr;
	assert_true(addr_parse("192.0.2.1:1", &addr));
	stun_begin(&w, STUN_ERROR, STUN_BINDING, id);
	size_t address = w.size + 4;
	stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &addr);
	size_t plain = w.size + 4;
	stun_add_addr(&w, STUN_MAPPED_ADDRESS, &addr);
	size_t error = w.size + 4;
	stun_add_error(&w, 487, "x");
	assert_int_equal(w.size, error + 8);
	assert_int_equal(data[address], 0);
	assert_int_equal(data[plain], 0);
	assert_memory_equal(data + error, "\0\0\4\x57x\0\0\0", 8);
	data[address] = data[plain] = data[error] = data[error + 1] = 0xff;
	data[error + 2] |= 0xf8;
	memset(data + error + 5, 0xff, 3);
	struct stun_message m;
	assert_ok(stun_parse(writer_bytes(&w), &m));
	assert_true(addr_equal(&m.mapped, &addr));
	assert_int_equal(m.error_code, 487);
	assert_bytes_equal(m.reason, bytes_of_text("x"));
}

static void user_names_have_their_length(void **state)
{
	(void)state;
	/* RFC 8489 section 14.3: up to 763 bytes have to be understood. */
	for (size_t size = 763; size <= 764; size++) {
		uint8_t data[1000], name[764];
		memset(name, 'u', sizeof name);
		struct writer w = writer_of(data, sizeof data);
		stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
		stun_add_bytes(&w, STUN_USERNAME, bytes_of(name, size));
		struct stun_message m;
		assert_err(stun_parse(writer_bytes(&w), &m), size == 763 ? ERR_OK : ERR_MALFORMED);
	}
}

static void integrity_may_be_cut_to_some_lengths(void **state)
{
	(void)state;
	/* RFC 8489 section 14.6: 16 to 32 bytes, in steps of 4. */
	for (uint16_t size = 0; size <= 40; size++) {
		uint8_t data[200], mac[40] = {0};
		struct writer w = writer_of(data, sizeof data);
		stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
		write_u16_at(&w, 2, (uint16_t)(4 + size));
		/* Over the length as if the message ended behind it. */
		hash_hmac_sha256(bytes_of_text("p"), bytes_of(data, w.size), mac);
		stun_add_bytes(&w, STUN_MESSAGE_INTEGRITY_SHA256, bytes_of(mac, size));
		struct stun_message m;
		enum err err = stun_parse(writer_bytes(&w), &m);
		bool right = size >= 16 && size <= 32 && size % 4 == 0;
		assert_err(err, right ? ERR_OK : ERR_MALFORMED);
		if (right)
			assert_true(stun_check_integrity_sha256(&m, bytes_of_text("p")));
	}
}

static void nothing_may_follow_the_fingerprint(void **state)
{
	(void)state;
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
	/* The fingerprint covers the header's length, which the flag then changes; so it is made
	 * for the longer message. */
	stun_add_flag(&w, STUN_USE_CANDIDATE);
	stun_add_fingerprint(&w);
	write_u32(&w, 0x00250000);
	write_u16_at(&w, 2, (uint16_t)(w.size - STUN_HEADER_SIZE));
	struct stun_message m;
	assert_err(stun_parse(writer_bytes(&w), &m), ERR_MALFORMED);
}

static void a_message_over_the_limit_is_refused(void **state)
{
	(void)state;
	static uint8_t data[STUN_MESSAGE_MAX + 4];
	struct writer w = writer_of(data, sizeof data);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
	while (w.size < STUN_MESSAGE_MAX)
		stun_add_flag(&w, STUN_SOFTWARE);
	struct stun_message m;
	assert_ok(stun_parse(writer_bytes(&w), &m));
	stun_add_flag(&w, STUN_SOFTWARE);
	assert_err(stun_parse(writer_bytes(&w), &m), ERR_MALFORMED);
}

static void a_writer_that_is_full_fails_and_nothing_is_overrun(void **state)
{
	(void)state;
	for (size_t capacity = 0; capacity < 80; capacity++) {
		uint8_t data[80];
		struct writer w = writer_of(data, capacity);
		stun_begin(&w, STUN_REQUEST, STUN_BINDING, id);
		stun_add_u32(&w, STUN_PRIORITY, 7);
		stun_add_error(&w, 400, "no");
		stun_add_integrity(&w, bytes_of_text(password));
		stun_add_fingerprint(&w);
		assert_int_equal(w.failed, capacity < STUN_HEADER_SIZE + 8 + 12 + 24 + 8);
	}
}

static void flipped_bits_never_pass_the_fingerprint(void **state)
{
	(void)state;
	uint8_t data[200];
	struct bytes sample = from_hex(sample_request, data);
	for (size_t bit = 0; bit < 8 * sample.size; bit++) {
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		struct stun_message m;
		/* A flip that hides the fingerprint itself leaves a message without one. */
		if (stun_parse(sample, &m) == ERR_OK)
			assert_false(stun_has(&m, STUN_FINGERPRINT));
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < sample.size; size++) {
		struct stun_message m;
		assert_err(stun_parse(bytes_of(data, size), &m), ERR_MALFORMED);
	}
}

TESTS(TEST(the_sample_request_parses), TEST(the_sample_responses_parse),
	TEST(the_sample_long_term_requests_parse_and_are_built_to_the_byte),
	TEST(what_is_built_parses_back), TEST(classes_and_methods_take_their_places_in_the_type),
	TEST(malformed_attributes_are_refused),
	TEST(unknown_attributes_are_noted_when_they_must_be_understood),
	TEST(attributes_behind_the_integrity_do_not_count),
	TEST(behind_the_stronger_integrity_nothing_counts_either),
	TEST(the_head_of_a_message_is_as_it_must_be),
	TEST(bits_without_meaning_are_zero_and_ignored), TEST(user_names_have_their_length),
	TEST(integrity_may_be_cut_to_some_lengths), TEST(nothing_may_follow_the_fingerprint),
	TEST(a_message_over_the_limit_is_refused),
	TEST(a_writer_that_is_full_fails_and_nothing_is_overrun),
	TEST(flipped_bits_never_pass_the_fingerprint))
