#include "channel/channel.h"

#include "channel/dcep.h"
#include "channel/limits.h"
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

/* A fragment of a message as it went over the wire. */
struct fragment {
	uint32_t ppid;
	uint16_t stream;
	bool unordered;
	size_t size;
};

#define FRAGMENTS_MAX 64

struct fixture {
	struct rng rng;
	struct fragment fragments[2][FRAGMENTS_MAX]; /* by sender, the first of them */
	size_t fragment_count[2];
	bool asked_reset[2][64]; /* by sender and stream */
	struct side sides[2];
	usec now;
	bool lose_responses; /* of side 0, to requests to reset streams */
	bool mute;           /* side 1 does not pull its events, so it does nothing about them */
};

/* RFC 6525: a RE-CONFIG chunk with a Re-configuration Response in front. */
static bool is_reset_response(const uint8_t *packet)
{
	return packet[12] == 130 && packet[16] == 0 && packet[17] == 16;
}

/* RFC 9260 section 3.3.1, RFC 8260 section 2.1. */
static void note_data(struct fixture *f, int from, uint8_t type, uint8_t flags, struct bytes value)
{
	struct reader r = reader_of(value);
	read_skip(&r, 4);
	struct fragment fragment = {.stream = read_u16(&r), .unordered = flags & 4};
	read_skip(&r, type == 0 ? 2 : 6);
	fragment.ppid = read_u32(&r);
	fragment.size = r.rest.size;
	assert_false(r.failed);
	if (f->fragment_count[from] < FRAGMENTS_MAX)
		f->fragments[from][f->fragment_count[from]++] = fragment;
}

/* RFC 6525 section 4.1. */
static void note_reset(struct fixture *f, int from, struct bytes value)
{
	struct reader r = reader_of(value);
	uint16_t type = read_u16(&r), size = read_u16(&r);
	if (type != 13)
		return;
	read_skip(&r, 12);
	for (uint16_t i = 16; i < size; i += 2) {
		uint16_t stream = read_u16(&r);
		if (stream < 64)
			f->asked_reset[from][stream] = true;
	}
	assert_false(r.failed);
}

static void note_packet(struct fixture *f, int from, struct bytes packet)
{
	struct reader r = reader_of(bytes_slice(packet, 12, packet.size));
	while (r.rest.size > 0) {
		uint8_t type = read_u8(&r), flags = read_u8(&r);
		uint16_t size = read_u16(&r);
		assert_true(size >= 4);
		struct bytes value = read_bytes(&r, size - 4u);
		read_skip(&r, (4 - (size & 3u)) & 3u);
		assert_false(r.failed);
		if (type == 0 || type == 64)
			note_data(f, from, type, flags, value);
		else if (type == 130)
			note_reset(f, from, value);
	}
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
				if (i == 0 || !f->mute)
					pull(f, &f->sides[i]);
				while ((size = sctp_write(f->sides[i].sctp, f->now, packet,
						sizeof packet)) > 0) {
					note_packet(f, i, bytes_of(packet, size));
					if (i == 0 && f->lose_responses &&
						is_reset_response(packet))
						continue;
					sctp_receive(
						f->sides[!i].sctp, f->now, bytes_of(packet, size));
				}
			}
		for (int i = 0; i < 2; i++) {
			sctp_advance(f->sides[i].sctp, f->now);
			if (f->now >= channels_deadline(f->sides[i].channels))
				channels_advance(f->sides[i].channels, f->now);
		}
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
	assert_int_equal(stats->refused, 3);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 1);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_MESSAGE), 0);
	tear_down(&f);
}

/* Of both sides' making: what a peer opens beyond is refused, and so is what we do. */
static void channels_are_limited(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	attach(&f);
	run(&f, USEC_PER_SEC);
	for (int i = 0; i < CHANNELS_MAX; i++)
		open_labelled(&f, 0, "");
	const struct channel_config config = {0};
	uint16_t handle;
	assert_err(channels_open(f.sides[0].channels, f.now, &config, &handle), ERR_LIMIT);
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(&f.sides[1], CHANNEL_EVENT_OPEN), CHANNELS_MAX);
	static const uint8_t open[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	assert_ok(sctp_send(f.sides[1].sctp, f.now,
		&(struct sctp_message){
			.stream = 1, .ppid = PPID_DCEP, .data = bytes_of(open, sizeof open)}));
	run(&f, USEC_PER_SEC);
	assert_int_equal(channels_stats(f.sides[0].channels)->refused, 1);
	assert_true(f.asked_reset[0][1]);
	tear_down(&f);
}

/* RFC 8832 section 6, RFC 8831 section 6.6. */
static void order_and_ppid_are_those_of_the_standard(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	attach(&f);
	run(&f, USEC_PER_SEC);
	struct channels *ours = f.sides[0].channels, *theirs = f.sides[1].channels;
	const struct channel_config config = {.label = bytes_of_text("x"), .unordered = true};
	uint16_t handle;
	assert_ok(channels_open(ours, f.now, &config, &handle));
	for (int round = 0; round < 2; round++) {
		assert_ok(channels_send(ours, f.now, handle, false, bytes_of_text("text")));
		assert_ok(channels_send(ours, f.now, handle, true, bytes_of_text("bytes")));
		assert_ok(channels_send(ours, f.now, handle, false, (struct bytes){0}));
		assert_ok(channels_send(ours, f.now, handle, true, (struct bytes){0}));
		run(&f, USEC_PER_SEC);
	}
	static const struct fragment expected[] = {{50, 0, false, 13}, {51, 0, false, 4},
		{53, 0, false, 5}, {56, 0, false, 1}, {57, 0, false, 1}, {51, 0, true, 4},
		{53, 0, true, 5}, {56, 0, true, 1}, {57, 0, true, 1}};
	assert_int_equal(f.fragment_count[0], 9);
	for (size_t i = 0; i < 9; i++) {
		const struct fragment *is = &f.fragments[0][i];
		assert_int_equal(is->ppid, expected[i].ppid);
		assert_int_equal(is->stream, expected[i].stream);
		assert_int_equal(is->unordered, expected[i].unordered);
		assert_int_equal(is->size, expected[i].size);
	}
	/* The ACK is ordered, and what comes after it is not. */
	uint16_t their_handle = f.sides[1].events[0].handle;
	assert_ok(channels_send(theirs, f.now, their_handle, false, bytes_of_text("back")));
	run(&f, USEC_PER_SEC);
	assert_int_equal(f.fragment_count[1], 2);
	assert_int_equal(f.fragments[1][0].ppid, 50);
	assert_false(f.fragments[1][0].unordered);
	assert_true(f.fragments[1][1].unordered);
	assert_int_equal(f.fragments[1][0].stream, 0);
	assert_int_equal(f.fragments[1][1].stream, 0);
	tear_down(&f);
}

static void a_wrong_open_is_answered_with_a_reset_and_no_ack(void **state)
{
	(void)state;
	static const struct {
		uint16_t stream;
		uint8_t open[13];
		size_t size;
	} cases[] = {
		/* Side 0 is the DTLS client, whose streams are the even ones. */
		{4, {3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'}, 13},
		{5, {3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'}, 12},
		{7, {3, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'x'}, 13},     /* no such type */
		{9, {3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff}, 13},    /* no UTF-8 */
		{11, {3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 'x'}, 13},    /* a longer label */
		{13, {3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 'x'}, 13}, /* or protocol */
	};
	const size_t count = sizeof cases / sizeof cases[0];
	static struct fixture f;
	set_up(&f);
	attach(&f);
	run(&f, USEC_PER_SEC);
	for (size_t i = 0; i < count; i++)
		assert_ok(sctp_send(f.sides[1].sctp, f.now,
			&(struct sctp_message){.stream = cases[i].stream,
				.ppid = PPID_DCEP,
				.data = bytes_of(cases[i].open, cases[i].size)}));
	run(&f, 3 * USEC_PER_SEC);
	assert_int_equal(channels_stats(f.sides[0].channels)->refused, count);
	assert_int_equal(f.fragment_count[0], 0);
	assert_int_equal(f.sides[0].count, 0);
	for (size_t i = 0; i < count; i++)
		assert_true(f.asked_reset[0][cases[i].stream]);
	tear_down(&f);
}

static void an_open_on_a_stream_in_use_closes_its_channel(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t handle = open_labelled(&f, 1, "x");
	attach(&f);
	run(&f, USEC_PER_SEC);
	uint16_t stream = (uint16_t)channels_id(f.sides[1].channels, handle);
	static const uint8_t open[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 'y'};
	assert_int_equal(f.fragment_count[0], 1);
	assert_ok(sctp_send(f.sides[1].sctp, f.now,
		&(struct sctp_message){
			.stream = stream, .ppid = PPID_DCEP, .data = bytes_of(open, sizeof open)}));
	run(&f, 3 * USEC_PER_SEC);
	assert_true(f.asked_reset[0][stream]);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), 1);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_OPEN), 1);
	assert_int_equal(f.fragment_count[0], 1); /* the first ACK */
	tear_down(&f);
}

static void data_on_a_stream_without_a_channel_resets_it(void **state)
{
	(void)state;
	static const uint32_t ppids[] = {51, 53, 56, 57, 99};
	static struct fixture f;
	set_up(&f);
	attach(&f);
	run(&f, USEC_PER_SEC);
	for (uint16_t i = 0; i < 5; i++)
		assert_ok(sctp_send(f.sides[1].sctp, f.now,
			&(struct sctp_message){.stream = (uint16_t)(20 + i),
				.ppid = ppids[i],
				.data = bytes_of_text("x")}));
	run(&f, 3 * USEC_PER_SEC);
	assert_int_equal(f.sides[0].count, 0);
	for (size_t i = 0; i < 5; i++)
		assert_true(f.asked_reset[0][20 + i]);
	tear_down(&f);
}

static void what_an_empty_message_carries_is_ignored(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	uint16_t handle = open_labelled(&f, 1, "x");
	attach(&f);
	run(&f, USEC_PER_SEC);
	int32_t stream = channels_id(f.sides[1].channels, handle);
	for (uint32_t ppid = 56; ppid <= 57; ppid++) {
		f.sides[0].text_size = 99;
		assert_ok(sctp_send(f.sides[1].sctp, f.now,
			&(struct sctp_message){.stream = (uint16_t)stream,
				.ppid = ppid,
				.data = bytes_of_text("something")}));
		run(&f, USEC_PER_SEC);
		assert_int_equal(f.sides[0].text_size, 0);
	}
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_MESSAGE), 2);
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

static void negotiated_channel_that_the_peer_never_opened_ends(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	attach(&f);
	struct channels *channels = f.sides[0].channels;
	const struct channel_config config = {.negotiated = true, .id = 9};
	uint16_t handle, other;
	for (size_t round = 1; round <= 2; round++) {
		assert_ok(channels_open(channels, f.now, &config, &handle));
		run(&f, USEC_PER_SEC);
		assert_ok(channels_close(channels, f.now, handle));
		run(&f, CHANNEL_ANSWER_WAIT_US - USEC_PER_SEC);
		assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), round - 1);
		assert_err(channels_open(channels, f.now, &config, &other), ERR_EXISTS);
		run(&f, 2 * USEC_PER_SEC);
		assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), round);
		assert_int_equal(channels_deadline(channels), USEC_NEVER);
	}
	assert_int_equal(f.sides[1].count, 0);
	/* The other side may have it from here on as well. */
	for (int i = 0; i < 2; i++)
		assert_ok(channels_open(f.sides[i].channels, f.now, &config, &handle));
	assert_ok(channels_send(channels, f.now, handle, false, bytes_of_text("both")));
	run(&f, USEC_PER_SEC);
	assert_memory_equal(f.sides[1].text, "both", 4);
	/* And whoever has heard of the other waits for it, with both told. */
	assert_ok(channels_close(f.sides[1].channels, f.now, handle));
	run(&f, USEC_PER_SEC);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), 3);
	assert_int_equal(count_type(&f.sides[1], CHANNEL_EVENT_CLOSED), 1);
	for (int i = 0; i < 2; i++)
		assert_int_equal(channels_deadline(f.sides[i].channels), USEC_NEVER);
	tear_down(&f);
}

static void negotiated_channel_that_the_peer_was_heard_on_waits_for_its_reset(void **state)
{
	(void)state;
	static struct fixture f;
	set_up(&f);
	attach(&f);
	const struct channel_config config = {.negotiated = true, .id = 9};
	uint16_t handles[2];
	for (int i = 0; i < 2; i++)
		assert_ok(channels_open(f.sides[i].channels, f.now, &config, &handles[i]));
	assert_ok(channels_send(
		f.sides[1].channels, f.now, handles[1], false, bytes_of_text("here")));
	run(&f, USEC_PER_SEC);
	assert_ok(channels_close(f.sides[0].channels, f.now, handles[0]));
	f.mute = true;
	run(&f, 2 * CHANNEL_ANSWER_WAIT_US);
	assert_int_equal(count_type(&f.sides[0], CHANNEL_EVENT_CLOSED), 0);
	f.mute = false;
	run(&f, USEC_PER_SEC);
	for (int i = 0; i < 2; i++)
		assert_int_equal(count_type(&f.sides[i], CHANNEL_EVENT_CLOSED), 1);
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
		uint8_t limit = cases[i].reliability == CHANNEL_RELIABLE ? 0 : 77;
		const uint8_t expected[] = {
			3, cases[i].type, 2, 0, 0, 0, 0, limit, 0, 1, 0, 0, 'l'};
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

TESTS(TEST(order_and_ppid_are_those_of_the_standard),
	TEST(a_wrong_open_is_answered_with_a_reset_and_no_ack),
	TEST(an_open_on_a_stream_in_use_closes_its_channel),
	TEST(data_on_a_stream_without_a_channel_resets_it),
	TEST(what_an_empty_message_carries_is_ignored),
	TEST(both_sides_may_open_before_the_association),
	TEST(hostile_control_messages_are_dropped_or_refused), TEST(channels_are_limited),
	TEST(texts_and_messages_have_limits), TEST(close_waits_for_both_directions),
	TEST(channel_beyond_the_peers_streams_is_closed),
	TEST(channel_whose_reset_the_peer_refuses_is_closed_all_the_same),
	TEST(stream_may_be_used_again_before_we_know_that_ours_was_reset),
	TEST(channel_on_such_a_stream_can_be_closed_at_once),
	TEST(negotiated_channel_needs_no_word_on_the_wire), TEST(an_id_has_one_channel),
	TEST(negotiated_channel_that_the_peer_cannot_have_is_closed),
	TEST(negotiated_channel_that_the_peer_never_opened_ends),
	TEST(negotiated_channel_that_the_peer_was_heard_on_waits_for_its_reset),
	TEST(what_a_channel_is_like_is_told_to_the_other_side),
	TEST(the_fall_to_the_threshold_is_told_exactly_once))
