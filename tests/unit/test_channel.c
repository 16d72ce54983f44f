#include "channel/channel.h"

#include "channel/dcep.h"
#include "test.h"

#define START (100 * USEC_PER_SEC)
#define EVENTS_MAX 2048

/* Two associations with their channels, and a wire without loss. */
struct side {
	struct sctp_assoc *sctp;
	struct channels *channels;
	struct channel_event events[EVENTS_MAX]; /* without the data of messages */
	size_t count;
	char text[32]; /* of the latest message */
	size_t text_size;
};

struct fixture {
	struct rng rng;
	struct side sides[2];
	usec now;
	bool lose_responses; /* of side 0, to requests to reset streams */
};

/* RFC 6525: a RE-CONFIG chunk with a Re-configuration Response in front. */
static bool is_reset_response(const uint8_t *packet)
{
	return packet[12] == 130 && packet[16] == 0 && packet[17] == 16;
}

static void pull(struct fixture *f, struct side *side)
{
	struct channel_event event;
	struct sctp_event sctp_event;
	for (;;) {
		bool told = channels_next_event(side->channels, &event);
		if (!told) {
			if (!sctp_next_event(side->sctp, &sctp_event))
				return;
			told = channels_translate(side->channels, f->now, &sctp_event, &event);
		}
		if (!told)
			continue;
		if (event.type == CHANNEL_EVENT_MESSAGE) {
			side->text_size = event.data.size;
			if (event.data.size > 0)
				memcpy(side->text, event.data.data,
					min_size(event.data.size, sizeof side->text));
		}
		assert_true(side->count < EVENTS_MAX);
		side->events[side->count++] = event;
	}
}

static void run(struct fixture *f, usec duration)
{
	uint8_t packet[2048];
	for (usec end = f->now + duration; f->now <= end; f->now += 10 * USEC_PER_MS) {
		for (int round = 0; round < 20; round++)
			for (int i = 0; i < 2; i++) {
				size_t size;
				pull(f, &f->sides[i]);
				while ((size = sctp_write(f->sides[i].sctp, f->now, packet,
						sizeof packet)) > 0) {
					if (i == 0 && f->lose_responses &&
						is_reset_response(packet))
						continue;
					sctp_receive(
						f->sides[!i].sctp, f->now, bytes_of(packet, size));
				}
			}
		for (int i = 0; i < 2; i++)
			sctp_advance(f->sides[i].sctp, f->now);
	}
}

/* `streams` is what side 1 accepts and has; 0: many. */
static void set_up_with(struct fixture *f, uint16_t streams)
{
	memset(f, 0, sizeof *f);
	f->rng = rng_seeded(5);
	f->now = START;
	for (int i = 0; i < 2; i++) {
		const struct sctp_config config = {.local_port = 5000,
			.remote_port = 5000,
			.streams = i == 1 ? streams : 0,
			.rng = &f->rng};
		assert_ok(sctp_create(&config, f->now, &f->sides[i].sctp));
		assert_ok(channels_create(&f->sides[i].channels));
	}
}

static void set_up(struct fixture *f)
{
	set_up_with(f, 0);
}

static void attach(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		channels_attach(f->sides[i].channels, f->now, f->sides[i].sctp, i == 0, 1000);
		sctp_connect(f->sides[i].sctp, f->now);
	}
}

static void tear_down(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		channels_destroy(f->sides[i].channels);
		sctp_destroy(f->sides[i].sctp);
	}
}

static uint16_t open_labelled(struct fixture *f, int side, const char *label)
{
	const struct channel_config config = {.label = bytes_of_text(label)};
	uint16_t handle;
	assert_ok(channels_open(f->sides[side].channels, f->now, &config, &handle));
	return handle;
}

static size_t count_type(const struct side *side, enum channel_event_type type)
{
	size_t count = 0;
	for (size_t i = 0; i < side->count; i++)
		count += side->events[i].type == type;
	return count;
}

static void both_sides_may_open_before_the_association(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t a = open_labelled(&f, 0, "from a"), b = open_labelled(&f, 1, "from b");
	assert_err(
		channels_send(f.sides[0].channels, f.now, a, false, bytes_of_text("x")), ERR_AGAIN);
	attach(&f);
	assert_ok(channels_send(f.sides[0].channels, f.now, a, false, bytes_of_text("first")));
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 2);
	assert_int_equal(count_type(&f.sides[1], CHANNEL_EVENT_OPEN), 2);
	assert_string_equal(channels_label(f.sides[0].channels, a), "from a");
	assert_string_equal(channels_label(f.sides[1].channels, b), "from b");
	assert_memory_equal(f.sides[1].text, "first", 5);
	tear_down(&f);
}

static void hostile_control_messages_are_dropped_or_refused(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	attach(&f);
	run(&f, USEC_PER_SEC);
	static const uint8_t open[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'};
	const struct sctp_message hostile[] = {
		/* A type that does not exist, an ACK for nothing, data on no channel. */
		{.stream = 1, .ppid = PPID_DCEP, .data = bytes_of_text("?")},
		{.stream = 1, .ppid = PPID_DCEP, .data = bytes_of_text("\x02")},
		{.stream = 3, .ppid = PPID_STRING, .data = bytes_of_text("data")},
		/* A stream of the victim's own parity, and an OPEN that is cut off. */
		{.stream = 4, .ppid = PPID_DCEP, .data = bytes_of(open, sizeof open)},
		{.stream = 5, .ppid = PPID_DCEP, .data = bytes_of(open, 7)},
		/* The same stream twice. */
		{.stream = 7, .ppid = PPID_DCEP, .data = bytes_of(open, sizeof open)},
		{.stream = 7, .ppid = PPID_DCEP, .data = bytes_of(open, sizeof open)},
	};
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
		assert_ok(sctp_send(f.sides[1].sctp, f.now, &hostile[i]));
	run(&f, USEC_PER_SEC);
	const struct channels_stats *stats = channels_stats(f.sides[0].channels);
	assert_int_equal(stats->dropped, 4);
	assert_int_equal(stats->refused, 2);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 1);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_MESSAGE), 0);
	tear_down(&f);
}

static void texts_and_messages_have_limits(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	attach(&f);
	struct channels *channels = f.sides[0].channels;
	char text[1001] = {0};
	memset(text, 'x', sizeof text);
	uint16_t handle;
	struct channel_config config = {.label = bytes_of(text, CHANNEL_LABEL_MAX + 1)};
	assert_err(channels_open(channels, f.now, &config, &handle), ERR_TOO_LARGE);
	config.label = bytes_of(text, CHANNEL_LABEL_MAX);
	assert_ok(channels_open(channels, f.now, &config, &handle));
	assert_err(
		channels_send(channels, f.now, handle, true, bytes_of(text, 1001)), ERR_TOO_LARGE);
	assert_ok(channels_send(channels, f.now, handle, true, bytes_of(text, 1000)));
	assert_err(channels_send(channels, f.now, (uint16_t)(handle + 1), true, bytes_of(text, 1)),
		ERR_NOT_FOUND);
	config.label = bytes_of_text("\xff");
	assert_err(channels_open(channels, f.now, &config, &handle), ERR_MALFORMED);
	tear_down(&f);
}

static void close_waits_for_both_directions(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t handle = open_labelled(&f, 0, "x");
	attach(&f);
	run(&f, USEC_PER_SEC);
	assert_ok(channels_send(f.sides[0].channels, f.now, handle, false, bytes_of_text("last")));
	assert_ok(channels_close(f.sides[0].channels, f.now, handle));
	assert_err(channels_send(f.sides[0].channels, f.now, handle, false, bytes_of_text("late")),
		ERR_STATE);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), 0);
	run(&f, 2 * USEC_PER_SEC);
	assert_memory_equal(f.sides[1].text, "last", 4);
	for (int i = 0; i < 2; i++)
		assert_int_equal(count_type(&f.sides[i], CHANNEL_EVENT_CLOSED), 1);
	assert_null(channels_label(f.sides[0].channels, handle));
	assert_err(channels_close(f.sides[0].channels, f.now, handle), ERR_NOT_FOUND);
	tear_down(&f);
}

static void channel_beyond_the_peers_streams_is_closed(void **state)
{
	(void)state;
	static struct fixture f;
	set_up_with(&f, 4);
	uint16_t last = 0;
	for (int i = 0; i < 3; i++)
		last = open_labelled(&f, 0, "x");
	attach(&f);
	run(&f, 2 * USEC_PER_SEC);
	/* The even streams below 4 are two. */
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 2);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), 1);
	assert_null(channels_label(f.sides[0].channels, last));
	tear_down(&f);
}

static void channel_whose_reset_the_peer_refuses_is_closed_all_the_same(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t handle = open_labelled(&f, 0, "x");
	attach(&f);
	run(&f, USEC_PER_SEC);
	struct channels *channels = f.sides[0].channels;
	assert_ok(channels_close(channels, f.now, handle));
	const struct sctp_event refused = {.type = SCTP_EVENT_RESET_FAILED, .stream = 0};
	struct channel_event event;
	assert_false(channels_translate(channels, f.now, &refused, &event));
	assert_true(channels_next_event(channels, &event));
	assert_int_equal(event.type, CHANNEL_EVENT_CLOSED);
	assert_int_equal(event.handle, handle);
	tear_down(&f);
}

static void stream_may_be_used_again_before_we_know_that_ours_was_reset(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t first = open_labelled(&f, 0, "first");
	attach(&f);
	run(&f, USEC_PER_SEC);
	struct channels *ours = f.sides[0].channels, *theirs = f.sides[1].channels;
	f.lose_responses = true;
	assert_ok(channels_close(ours, f.now, first));
	run(&f, 100 * USEC_PER_MS);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), 1);
	assert_int_equal(count_type(&f.sides[1], CHANNEL_EVENT_CLOSED), 0);
	uint16_t second = open_labelled(&f, 0, "second");
	assert_ok(channels_send(ours, f.now, second, false, bytes_of_text("at once")));
	run(&f, 100 * USEC_PER_MS);
	/* It says that the former channel is gone, on which ours was reset. */
	assert_int_equal(count_type(&f.sides[1], CHANNEL_EVENT_CLOSED), 1);
	assert_int_equal(count_type(&f.sides[1], CHANNEL_EVENT_OPEN), 2);
	assert_memory_equal(f.sides[1].text, "at once", 7);
	uint16_t handle = f.sides[1].events[f.sides[1].count - 1].handle;
	assert_string_equal(channels_label(theirs, handle), "second");
	assert_err(channels_send(theirs, f.now, handle, false, bytes_of_text("x")), ERR_AGAIN);
	f.lose_responses = false;
	run(&f, 5 * USEC_PER_SEC);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 2);
	assert_ok(channels_send(theirs, f.now, handle, false, bytes_of_text("back")));
	run(&f, USEC_PER_SEC);
	assert_memory_equal(f.sides[0].text, "back", 4);
	tear_down(&f);
}

static void channel_on_such_a_stream_can_be_closed_at_once(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t first = open_labelled(&f, 0, "first");
	attach(&f);
	run(&f, USEC_PER_SEC);
	f.lose_responses = true;
	assert_ok(channels_close(f.sides[0].channels, f.now, first));
	run(&f, 100 * USEC_PER_MS);
	open_labelled(&f, 0, "second");
	run(&f, 100 * USEC_PER_MS);
	uint16_t handle = f.sides[1].events[f.sides[1].count - 1].handle;
	assert_ok(channels_close(f.sides[1].channels, f.now, handle));
	f.lose_responses = false;
	run(&f, 5 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++)
		assert_int_equal(count_type(&f.sides[i], CHANNEL_EVENT_CLOSED), 2);
	tear_down(&f);
}

static void negotiated_channel_needs_no_word_on_the_wire(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t handles[2];
	/* The largest id, and of neither side's parity; one side opens it before the association.
	 */
	struct channel_config config = {.label = bytes_of_text("agreed"),
		.protocol = bytes_of_text("p"),
		.negotiated = true,
		.id = CHANNEL_ID_MAX};
	assert_ok(channels_open(f.sides[0].channels, f.now, &config, &handles[0]));
	assert_int_equal(channels_id(f.sides[0].channels, handles[0]), CHANNEL_ID_MAX);
	assert_err(channels_send(f.sides[0].channels, f.now, handles[0], false, bytes_of_text("x")),
		ERR_AGAIN);
	attach(&f);
	assert_ok(channels_open(f.sides[1].channels, f.now, &config, &handles[1]));
	assert_ok(channels_send(
		f.sides[0].channels, f.now, handles[0], false, bytes_of_text("early")));
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 0);
	run(&f, USEC_PER_SEC);
	assert_memory_equal(f.sides[1].text, "early", 5);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(count_type(&f.sides[i], CHANNEL_EVENT_OPEN), 1);
		assert_false(f.sides[i].events[0].by_remote);
	}
	assert_ok(channels_close(f.sides[1].channels, f.now, handles[1]));
	run(&f, 2 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++)
		assert_int_equal(count_type(&f.sides[i], CHANNEL_EVENT_CLOSED), 1);
	/* And once more, on a connection that is up. */
	for (int i = 0; i < 2; i++)
		assert_ok(channels_open(f.sides[i].channels, f.now, &config, &handles[i]));
	assert_ok(channels_send(
		f.sides[1].channels, f.now, handles[1], false, bytes_of_text("back")));
	run(&f, USEC_PER_SEC);
	assert_memory_equal(f.sides[0].text, "back", 4);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 2);
	tear_down(&f);
}

static void an_id_has_one_channel(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	struct channels *channels = f.sides[0].channels;
	struct channel_config config = {.negotiated = true, .id = 0};
	uint16_t handle;
	assert_ok(channels_open(channels, f.now, &config, &handle));
	assert_err(channels_open(channels, f.now, &config, &handle), ERR_EXISTS);
	attach(&f);
	/* In band, the next even one is taken, and then that is in use. */
	uint16_t other = open_labelled(&f, 0, "x");
	assert_int_equal(channels_id(channels, other), 2);
	config.id = 2;
	assert_err(channels_open(channels, f.now, &config, &handle), ERR_EXISTS);
	config.id = CHANNEL_ID_MAX + 1;
	assert_err(channels_open(channels, f.now, &config, &handle), ERR_MALFORMED);
	assert_int_equal(channels_id(channels, 77), -1);
	tear_down(&f);
}

static void negotiated_channel_that_the_peer_cannot_have_is_closed(void **state)
{
	(void)state;
	static struct fixture f;
	set_up_with(&f, 4);
	struct channels *channels = f.sides[0].channels;
	struct channel_config config = {.negotiated = true, .id = 4};
	uint16_t handle;
	assert_ok(channels_open(channels, f.now, &config, &handle));
	attach(&f);
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), 1);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 0);
	assert_err(channels_open(channels, f.now, &config, &handle), ERR_NOT_FOUND);
	tear_down(&f);
}

static void what_a_channel_is_like_is_told_to_the_other_side(void **state)
{
	(void)state;
	static const struct {
		enum channel_reliability reliability;
		bool unordered;
		uint8_t type;
	} cases[] = {
		{CHANNEL_RELIABLE, false, 0x00},
		{CHANNEL_RELIABLE, true, 0x80},
		{CHANNEL_MAX_RETRANSMITS, false, 0x01},
		{CHANNEL_MAX_RETRANSMITS, true, 0x81},
		{CHANNEL_MAX_LIFETIME, false, 0x02},
		{CHANNEL_MAX_LIFETIME, true, 0x82},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		static struct fixture f;
		set_up(&f);
		attach(&f);
		run(&f, USEC_PER_SEC);
		const struct channel_config config = {.label = bytes_of_text("l"),
			.unordered = cases[i].unordered,
			.reliability = cases[i].reliability,
			.limit = 77,
			.priority = 512};
		uint16_t handle;
		assert_ok(channels_open(f.sides[0].channels, f.now, &config, &handle));
		uint8_t packet[2048];
		size_t size = sctp_write(f.sides[0].sctp, f.now, packet, sizeof packet);
		assert_true(size > 13);
		/* The message is the end of the packet: 3, type, priority, parameter, sizes, label.
		 */
		const uint8_t *open = packet + ((size - 16) & ~(size_t)3);
		const uint8_t expected[] = {3, cases[i].type, 2, 0, 0, 0, 0, 77, 0, 1, 0, 0, 'l'};
		assert_memory_equal(open, expected, sizeof expected);
		sctp_receive(f.sides[1].sctp, f.now, bytes_of(packet, size));
		run(&f, USEC_PER_SEC);
		assert_int_equal(count_type(&f.sides[1], CHANNEL_EVENT_OPEN), 1);
		tear_down(&f);
	}
}

static void the_fall_to_the_threshold_is_told_exactly_once(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	attach(&f);
	uint16_t handle = open_labelled(&f, 0, "x");
	run(&f, USEC_PER_SEC);
	struct side *side = &f.sides[0];
	struct channels *channels = side->channels;
	static const uint8_t data[1000];
	/* Neither OPEN and ACK nor an empty message count. */
	assert_ok(channels_send(channels, f.now, handle, true, (struct bytes){0}));
	assert_int_equal(channels_buffered(channels, handle), 0);
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(side, CHANNEL_EVENT_BUFFERED_LOW), 0);
	/* From above to exactly there. */
	assert_ok(channels_send(channels, f.now, handle, true, bytes_of(data, 1000)));
	assert_int_equal(channels_buffered(channels, handle), 1000);
	pull(&f, side);
	assert_int_equal(count_type(side, CHANNEL_EVENT_BUFFERED_LOW), 0);
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(side, CHANNEL_EVENT_BUFFERED_LOW), 1);
	/* At the threshold is not above it. */
	channels_set_buffered_low(channels, handle, 1000);
	assert_ok(channels_send(channels, f.now, handle, true, bytes_of(data, 1000)));
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(side, CHANNEL_EVENT_BUFFERED_LOW), 1);
	/* A threshold that rises over the amount is no fall of the amount. */
	channels_set_buffered_low(channels, handle, 100);
	assert_ok(channels_send(channels, f.now, handle, true, bytes_of(data, 1000)));
	channels_set_buffered_low(channels, handle, 1000);
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(side, CHANNEL_EVENT_BUFFERED_LOW), 1);
	/* A fall is told though the amount has risen again. */
	channels_set_buffered_low(channels, handle, 0);
	assert_ok(channels_send(channels, f.now, handle, true, bytes_of(data, 1000)));
	uint8_t packet[2048];
	while (sctp_write(side->sctp, f.now, packet, sizeof packet) > 0) {}
	assert_int_equal(channels_buffered(channels, handle), 0);
	assert_ok(channels_send(channels, f.now, handle, true, bytes_of(data, 1000)));
	pull(&f, side);
	assert_int_equal(count_type(side, CHANNEL_EVENT_BUFFERED_LOW), 2);
	run(&f, 5 * USEC_PER_SEC);
	assert_int_equal(count_type(side, CHANNEL_EVENT_BUFFERED_LOW), 3);
	tear_down(&f);
}

TESTS(TEST(both_sides_may_open_before_the_association),
	TEST(hostile_control_messages_are_dropped_or_refused), TEST(texts_and_messages_have_limits),
	TEST(close_waits_for_both_directions), TEST(channel_beyond_the_peers_streams_is_closed),
	TEST(channel_whose_reset_the_peer_refuses_is_closed_all_the_same),
	TEST(stream_may_be_used_again_before_we_know_that_ours_was_reset),
	TEST(channel_on_such_a_stream_can_be_closed_at_once),
	TEST(negotiated_channel_needs_no_word_on_the_wire), TEST(an_id_has_one_channel),
	TEST(negotiated_channel_that_the_peer_cannot_have_is_closed),
	TEST(what_a_channel_is_like_is_told_to_the_other_side),
	TEST(the_fall_to_the_threshold_is_told_exactly_once))
