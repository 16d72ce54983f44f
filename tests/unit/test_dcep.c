#include "channel/dcep.h"

#include "test.h"

static struct bytes write_open(uint8_t *memory, size_t capacity, const struct dcep_open *open)
{
	struct writer w = writer_of(memory, capacity);
	dcep_open_write(&w, open);
	assert_false(w.failed);
	return writer_bytes(&w);
}

static void open_round_trips(void **state)
{
	(void)state;
	uint8_t memory[DCEP_OPEN_MAX];
	const struct dcep_open open = {.reliability = DCEP_TIMED,
		.unordered = true,
		.priority = 512,
		.parameter = 5000,
		.label = bytes_of_text("dpc-data"),
		.protocol = bytes_of_text("p")};
	struct dcep_open back;
	assert_ok(dcep_open_parse(write_open(memory, sizeof memory, &open), &back));
	assert_int_equal(back.reliability, DCEP_TIMED);
	assert_true(back.unordered);
	assert_int_equal(back.priority, 512);
	assert_int_equal(back.parameter, 5000);
	assert_bytes_equal(back.label, open.label);
	assert_bytes_equal(back.protocol, open.protocol);
}

static void open_is_what_a_browser_sends(void **state)
{
	(void)state;
	/* Chromium's, for createDataChannel("test"). */
	static const uint8_t wire[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 't', 'e', 's', 't'};
	struct dcep_open open;
	assert_ok(dcep_open_parse(bytes_of(wire, sizeof wire), &open));
	assert_bytes_equal(open.label, bytes_of_text("test"));
	assert_false(open.unordered);
	for (size_t size = 0; size < sizeof wire; size++)
		assert_err(dcep_open_parse(bytes_of(wire, size), &open), ERR_MALFORMED);
}

static void texts_have_a_limit(void **state)
{
	(void)state;
	uint8_t memory[DCEP_OPEN_MAX + 8];
	char text[CHANNEL_LABEL_MAX + 1];
	memset(text, 'x', sizeof text);
	struct dcep_open open = {.label = bytes_of(text, CHANNEL_LABEL_MAX)}, back;
	struct bytes wire = write_open(memory, sizeof memory, &open);
	assert_ok(dcep_open_parse(wire, &back));
	memory[9]++; /* one byte more than the limit */
	memory[wire.size] = 'x';
	assert_err(dcep_open_parse(bytes_of(memory, wire.size + 1), &back), ERR_LIMIT);
}

static void refuses_what_it_does_not_know(void **state)
{
	(void)state;
	uint8_t memory[DCEP_OPEN_MAX];
	struct dcep_open open = {.label = bytes_of_text("\xff")}, back;
	enum dcep_type type;
	assert_err(dcep_open_parse(write_open(memory, sizeof memory, &open), &back), ERR_MALFORMED);
	open.label = bytes_of_text("a");
	write_open(memory, sizeof memory, &open);
	memory[1] = 0x03;
	assert_err(dcep_open_parse(bytes_of(memory, 13), &back), ERR_UNSUPPORTED);
	assert_err(dcep_type(bytes_of_text(""), &type), ERR_MALFORMED);
	assert_err(dcep_type(bytes_of_text("\x04"), &type), ERR_MALFORMED);
	assert_ok(dcep_type(bytes_of_text("\x02"), &type));
	assert_int_equal(type, DCEP_ACK);
}

TESTS(TEST(open_round_trips), TEST(open_is_what_a_browser_sends), TEST(texts_have_a_limit),
	TEST(refuses_what_it_does_not_know))
