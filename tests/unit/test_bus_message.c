#include "test.h"

#include "hub/bus_message.h"

#define HUB UINT64_C(0x0123456789abcdef)

static const struct bus_message samples[] = {
	{.kind = BUS_BEAT, .hub = HUB, .number = 7},
	{.kind = BUS_WANT, .hub = HUB},
	{.kind = BUS_END, .hub = HUB},
	{.kind = BUS_ENTER, .hub = HUB, .number = 1, .node = {{1, 2}, 8}, .stamp = UINT64_MAX},
	{.kind = BUS_LEAVE, .hub = HUB, .number = 2, .node = {{[15] = 9}, 16}, .stamp = 5},
	{.kind = BUS_SNAPSHOT, .hub = HUB, .number = 3, .part = 4, .is_last = true},
	{.kind = BUS_SIGNAL,
		.hub = HUB,
		.number = 3,
		.node = {{1}, 8},
		.target = {{2}, 16},
		.text = {(const uint8_t *)"{}", 2}},
	{.kind = BUS_SIGNAL,
		.hub = HUB,
		.node = {{1}, 8},
		.target = {{2}, 8},
		.is_forwarded = true},
	{.kind = BUS_SHARED, .hub = HUB},
	{.kind = BUS_RECHECK, .hub = HUB, .node = {{3}, 8}},
};

#define SAMPLE_COUNT (sizeof samples / sizeof samples[0])

static void assert_same_node(const struct contact_id *a, const struct contact_id *b)
{
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->bytes, b->bytes, sizeof a->bytes);
}

static void every_kind_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		const struct bus_message *sample = &samples[i];
		struct buffer data = buffer_with_max(1024);
		struct bus_message message;
		assert_ok(bus_message_write(&data, sample));
		assert_ok(bus_message_parse(buffer_bytes(&data), &message));
		assert_int_equal(message.kind, sample->kind);
		assert_true(message.hub == HUB);
		assert_true(message.number == sample->number);
		assert_true(message.stamp == sample->stamp);
		assert_same_node(&message.node, &sample->node);
		assert_same_node(&message.target, &sample->target);
		assert_bytes_equal(message.text, sample->text);
		assert_int_equal(message.is_forwarded, sample->is_forwarded);
		assert_int_equal(message.part, sample->part);
		assert_int_equal(message.is_last, sample->is_last);
		buffer_deinit(&data);
	}
}

static void a_message_that_is_cut_short_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		struct buffer data = buffer_with_max(1024);
		struct bus_message message;
		assert_ok(bus_message_write(&data, &samples[i]));
		size_t rest = samples[i].text.size;
		for (size_t size = 0; size < data.size - rest; size++)
			assert_err(bus_message_parse(bytes_of(data.data, size), &message),
				ERR_MALFORMED);
		buffer_deinit(&data);
	}
}

static void newer_versions_and_kinds_are_left_alone(void **state)
{
	(void)state;
	uint8_t data[64] = {1, BUS_SHARED + 1};
	struct bus_message message;
	assert_err(bus_message_parse(bytes_of(data, sizeof data), &message), ERR_UNSUPPORTED);
	data[1] = 0;
	assert_err(bus_message_parse(bytes_of(data, sizeof data), &message), ERR_UNSUPPORTED);
	data[0] = 2, data[1] = BUS_BEAT;
	assert_err(bus_message_parse(bytes_of(data, sizeof data), &message), ERR_UNSUPPORTED);
	/* A node id of 8 or 16 bytes, and nothing else. */
	data[0] = 1, data[1] = BUS_RECHECK, data[18] = 9;
	assert_err(bus_message_parse(bytes_of(data, sizeof data), &message), ERR_MALFORMED);
	data[18] = 8;
	assert_ok(bus_message_parse(bytes_of(data, sizeof data), &message));
}

static void a_signal_is_not_above_its_limit(void **state)
{
	(void)state;
	static uint8_t text[BUS_SIGNAL_MAX + 1];
	struct bus_message signal = samples[6], message;
	struct buffer data = buffer_with_max(BUS_SIGNAL_MAX + BUS_MESSAGE_HEAD_MAX);
	signal.text = bytes_of(text, BUS_SIGNAL_MAX);
	assert_ok(bus_message_write(&data, &signal));
	assert_ok(bus_message_parse(buffer_bytes(&data), &message));
	buffer_clear(&data);
	signal.text = bytes_of(text, BUS_SIGNAL_MAX + 1);
	assert_ok(bus_message_write(&data, &signal));
	assert_err(bus_message_parse(buffer_bytes(&data), &message), ERR_MALFORMED);
	buffer_deinit(&data);
}

static void entries_come_one_by_one(void **state)
{
	(void)state;
	uint8_t data[2 * BUS_ENTRY_SIZE + 1] = {0};
	struct contact_id node;
	uint64_t stamp;
	bus_entry_write(data, &samples[3].node, 11);
	bus_entry_write(data + BUS_ENTRY_SIZE, &samples[4].node, 12);
	struct bytes entries = bytes_of(data, sizeof data);
	assert_true(bus_entry_next(&entries, &node, &stamp));
	assert_same_node(&node, &samples[3].node);
	assert_int_equal(stamp, 11);
	assert_true(bus_entry_next(&entries, &node, &stamp));
	assert_same_node(&node, &samples[4].node);
	assert_int_equal(stamp, 12);
	assert_false(bus_entry_next(&entries, &node, &stamp));
}

TESTS(TEST(every_kind_is_read_as_it_was_written), TEST(a_message_that_is_cut_short_is_malformed),
	TEST(newer_versions_and_kinds_are_left_alone), TEST(a_signal_is_not_above_its_limit),
	TEST(entries_come_one_by_one))
