#include "net/mdns_message.h"

#include "test.h"

#define UUID "5f7a4a2e-7c1b-4b2e-9d52-0123456789ab"
#define NAME UUID ".local"
#define LABELS "\x24" UUID "\x05local"
#define ANSWER "\0\0\x84\0"
#define A_RECORD "\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\7"

/* Of a literal that ends with a zero of its own or not. */
#define BYTES(literal) bytes_of(literal, sizeof(literal) - 1)

static void only_names_of_browsers_are_looked_up(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool is_one;
	} table[] = {{NAME, true}, {"5F7A4A2E-7C1B-4B2E-9D52-0123456789AB.LOCAL", true},
		{"", false}, {"printer.local", false}, {UUID, false}, {UUID ".localx", false},
		{UUID ".loca", false}, {"5f7a4a2e-7c1b-4b2e-9d52-0123456789ag.local", false},
		{"5f7a4a2ef7c1b-4b2e-9d52-0123456789ab.local", false},
		{"5f7a4a2e-7c1b-4b2e-9d52-0123456789a-.local", false}, {"x" NAME, false},
		{UUID ".example", false}, {"192.0.2.1", false}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_int_equal(
			mdns_is_candidate_name(bytes_of_text(table[i].name)), table[i].is_one);
}

static void a_question_is_as_the_rfc_has_it(void **state)
{
	(void)state;
	uint8_t data[MDNS_QUERY_MAX];
	struct writer w = writer_of(data, sizeof data);
	mdns_write_query(&w, bytes_of_text(NAME), MDNS_AAAA);
	assert_false(w.failed);
	assert_true(bytes_equal(
		writer_bytes(&w), BYTES("\0\0\0\0\0\1\0\0\0\0\0\0" LABELS "\0\0\x1c\0\1")));
	struct mdns_reader reader;
	assert_false(mdns_reader_init(&reader, writer_bytes(&w)));
}

static void assert_no_record(struct bytes message)
{
	struct mdns_reader reader;
	struct mdns_record record;
	assert_true(mdns_reader_init(&reader, message));
	assert_false(mdns_reader_next(&reader, &record));
}

static void assert_record(struct mdns_reader *reader, const char *ip)
{
	struct mdns_record record;
	struct addr expected;
	assert_true(addr_parse_ip(ip, 0, &expected));
	assert_true(mdns_reader_next(reader, &record));
	assert_string_equal(record.name, NAME);
	assert_true(addr_equal(&record.addr, &expected));
}

static void addresses_are_found_among_what_else_there_is(void **state)
{
	(void)state;
	/* A question, a text record of a printer, both addresses, and one in the third section. */
	static const char message[] =
		ANSWER "\0\1\0\3\0\0\0\1" LABELS "\0\0\1\0\1"
		       "\7printer\xc0\x31\0\x10\0\1\0\0\0\x78\0\3\2hi"
		       "\xc0\x0c" A_RECORD
		       "\xc0\x0c\0\x1c\0\1\0\0\0\x78\0\x10\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
		       "\xc0\x0c\0\1\0\1\0\0\0\x78\0\4\xc0\0\2\x8";
	struct mdns_reader reader;
	struct mdns_record record;
	assert_true(mdns_reader_init(&reader, BYTES(message)));
	assert_record(&reader, "192.0.2.7");
	assert_record(&reader, "2001:db8::7");
	assert_record(&reader, "192.0.2.8");
	assert_false(mdns_reader_next(&reader, &record));
}

static void other_records_are_skipped(void **state)
{
	(void)state;
	/* Of another name, another class, another type, or a wrong size. */
	assert_no_record(BYTES(ANSWER "\0\0\0\1\0\0\0\0\7printer\5local\0" A_RECORD));
	assert_no_record(
		BYTES(ANSWER "\0\0\0\1\0\0\0\0" LABELS "\0\0\1\0\3\0\0\0\x78\0\4\xc0\0\2\7"));
	assert_no_record(
		BYTES(ANSWER "\0\0\0\1\0\0\0\0" LABELS "\0\0\x2f\0\1\0\0\0\x78\0\4\xc0\0\2\7"));
	assert_no_record(
		BYTES(ANSWER "\0\0\0\1\0\0\0\0" LABELS "\0\0\1\0\1\0\0\0\x78\0\3\xc0\0\2"));
	assert_no_record(BYTES(ANSWER "\0\0\0\0\0\0\0\0"));
	/* A name of the right letters that goes on. */
	assert_no_record(BYTES(ANSWER "\0\0\0\1\0\0\0\0" LABELS "\7example\0" A_RECORD));
}

/* RFC 6762 section 10.1. */
static void a_name_that_goes_has_no_address_any_more(void **state)
{
	(void)state;
	assert_no_record(
		BYTES(ANSWER "\0\0\0\1\0\0\0\0" LABELS "\0\0\1\x80\1\0\0\0\0\0\4\xc0\0\2\7"));
}

/* As Chromium announces them, for sockets that are bound to no address. */
static void no_address_is_none(void **state)
{
	(void)state;
	assert_no_record(
		BYTES(ANSWER "\0\0\0\1\0\0\0\1" LABELS "\0\0\1\x80\1\0\0\0\x78\0\4\0\0\0\0" LABELS
			     "\0\0\x2f\x80\1\0\0\0\x78\0\5\xc0\x46\0\1\x40"));
	assert_no_record(BYTES(ANSWER "\0\0\0\1\0\0\0\0" LABELS
				      "\0\0\x1c\x80\1\0\0\0\x78\0\x10\0\0\0\0\0\0\0\0\0\0"
				      "\0\0\0\0\0\0"));
}

/* As Chromium answers: to the question for A; and to that for AAAA, that there is none, and behind
 * that what there is. */
static void the_answers_of_a_browser_have_its_address(void **state)
{
	(void)state;
	static const char address[] =
		ANSWER "\0\0\0\1\0\0\0\1" LABELS "\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\7" LABELS
		       "\0\0\x2f\x80\1\0\0\0\x78\0\5\xc0\x46\0\1\x40";
	static const char denial[] = ANSWER "\0\0\0\1\0\0\0\1" LABELS
					    "\0\0\x2f\x80\1\0\0\0\x78\0\5\xc0\x0c\0\1\x40" LABELS
					    "\0\0\1\x80\1\0\0\0\x78\0\4\xc0\0\2\7";
	const struct bytes answers[] = {BYTES(address), BYTES(denial)};
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct mdns_reader reader;
		struct mdns_record record;
		assert_int_equal(answers[i].size, 129);
		assert_true(mdns_reader_init(&reader, answers[i]));
		assert_record(&reader, "192.0.2.7");
		assert_false(mdns_reader_next(&reader, &record));
	}
}

static void what_is_no_answer_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t size;
	} table[] = {{"", 0}, {"\0\0\x84\0\0\0\0\1\0\0\0", 11}, {"\0\0\0\0\0\0\0\0\0\0\0\0", 12},
		{"\0\0\x84\3\0\0\0\0\0\0\0\0", 12}, {"\0\0\xa4\0\0\0\0\0\0\0\0\0", 12},
		{"\0\0\x84\0\0\1\0\0\0\0\0\0", 12}};
	struct mdns_reader reader;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_false(mdns_reader_init(&reader, bytes_of(table[i].data, table[i].size)));
}

static void names_that_lead_nowhere_end_the_reading(void **state)
{
	(void)state;
	/* A pointer to itself, ahead, beyond the end, half a pointer, and bits that mean nothing.
	 */
	static const char *const names[] = {"\xc0\x0c", "\xc0\x20", "\xff\xff", "\x40", "\x80"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		uint8_t data[100];
		struct writer w = writer_of(data, sizeof data);
		write_bytes(&w, BYTES(ANSWER "\0\0\0\1\0\0\0\0"));
		write_text(&w, names[i]);
		write_bytes(&w, BYTES(A_RECORD));
		assert_no_record(writer_bytes(&w));
	}
	assert_no_record(BYTES(ANSWER "\0\0\0\2\0\0\0\0\xc0"));
	assert_no_record(BYTES(ANSWER "\0\0\0\1\0\0\0\0\x24" UUID));
}

/* Cut anywhere, there is no address that was not whole. */
static void a_cut_answer_has_no_more_than_came(void **state)
{
	(void)state;
	static const char message[] = ANSWER "\0\0\0\1\0\0\0\0" LABELS "\0" A_RECORD;
	for (size_t size = 0; size + 1 < sizeof message; size++) {
		struct mdns_reader reader;
		struct mdns_record record;
		bool is_whole = size == sizeof message - 1;
		assert_false(!is_whole && mdns_reader_init(&reader, bytes_of(message, size)) &&
			     mdns_reader_next(&reader, &record));
	}
	struct mdns_reader reader;
	assert_true(mdns_reader_init(&reader, BYTES(message)));
	assert_record(&reader, "192.0.2.7");
}

TESTS(TEST(only_names_of_browsers_are_looked_up), TEST(a_question_is_as_the_rfc_has_it),
	TEST(addresses_are_found_among_what_else_there_is), TEST(other_records_are_skipped),
	TEST(a_name_that_goes_has_no_address_any_more), TEST(no_address_is_none),
	TEST(the_answers_of_a_browser_have_its_address), TEST(what_is_no_answer_is_refused),
	TEST(names_that_lead_nowhere_end_the_reading), TEST(a_cut_answer_has_no_more_than_came))
