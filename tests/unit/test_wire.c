/* What our packets must be like whatever happens (RFC 9260 sections 3, 5, 6 and 8.5, RFC 8260
 * section 2): an inspector looks at every packet of associations that live on a bad network. */
#include "sctp_pair.h"

#define TSNS_MAX 4096
#define COOKIES_MAX 64

/* A chunk of user data as it was first sent. */
struct sent {
	uint8_t type, flags;
	uint16_t stream;
	uint32_t number, fragment, crc;
};

/* One stream's messages of one kind, ordered or not. */
struct line {
	bool in_message;
	uint32_t number, fragment; /* of what comes next */
};

static struct side {
	uint32_t sent_count;
	struct sent sent[TSNS_MAX];
	struct line lines[PAIR_STREAMS][2];
	bool in_message; /* without interleaving: of any stream */
	uint16_t init_incoming;
	uint8_t cookies[COOKIES_MAX][SCTP_COOKIE_SIZE];
	size_t cookie_count;
} sides[2];
static size_t seen[256]; /* chunks, by type */
static bool interleaving;

static void inspect_init(struct pair *p, int from, struct sctp_chunk chunk)
{
	struct reader r = reader_of(chunk.value);
	uint32_t tag = read_u32(&r), window = read_u32(&r);
	uint16_t outgoing = read_u16(&r), incoming = read_u16(&r);
	uint32_t tsn = read_u32(&r);
	bool is_ack = chunk.type == SCTP_INIT_ACK, has[4] = {0};
	assert_int_equal(tag, p->end[from].assoc->local_tag);
	assert_int_equal(tsn, p->end[from].assoc->local_tsn);
	assert_true(tag != 0 && outgoing != 0 && incoming != 0);
	assert_true(window >= 1500);
	sides[from].init_incoming = incoming;
	if (is_ack)
		assert_true(outgoing <= sides[!from].init_incoming);
	struct sctp_parameter parameter;
	bool cookie = false;
	while (sctp_parameter_next(&r, &parameter)) {
		/* Each once, and no address of any kind (RFC 8261 section 6.1). */
		static const uint16_t allowed[] = {SCTP_PARAMETER_STATE_COOKIE,
			SCTP_PARAMETER_ZERO_CHECKSUM, SCTP_PARAMETER_EXTENSIONS,
			SCTP_PARAMETER_FORWARD_TSN};
		size_t i = 0;
		while (i < 4 && allowed[i] != parameter.type)
			i++;
		assert_in_range(i, 0, 3);
		assert_false(has[i]);
		has[i] = true;
		if (parameter.type != SCTP_PARAMETER_STATE_COOKIE)
			continue;
		cookie = true;
		assert_true(sides[from].cookie_count < COOKIES_MAX);
		assert_int_equal(parameter.value.size, SCTP_COOKIE_SIZE);
		memcpy(sides[from].cookies[sides[from].cookie_count++], parameter.value.data,
			SCTP_COOKIE_SIZE);
	}
	assert_false(r.failed);
	assert_int_equal(cookie, is_ack);
}

static void inspect_cookie_echo(int from, struct sctp_chunk chunk)
{
	for (size_t i = 0; i < sides[!from].cookie_count; i++)
		if (bytes_equal(bytes_of(sides[!from].cookies[i], SCTP_COOKIE_SIZE), chunk.value))
			return;
	fail_msg("a cookie that the peer has not sent");
}

/* What is new continues where the chunk before ended. */
static void inspect_new(struct side *side, const struct sent *sent)
{
	struct line *line = &side->lines[sent->stream][(sent->flags & SCTP_DATA_UNORDERED) != 0];
	bool begins = sent->flags & SCTP_DATA_BEGIN, ends = sent->flags & SCTP_DATA_END;
	if (!interleaving)
		assert_int_equal(side->in_message, !begins);
	assert_int_equal(line->in_message, !begins);
	/* RFC 8260 section 2.2.2: one message of a stream at a time, ordered or not. */
	const struct line *other =
		&side->lines[sent->stream][(sent->flags & SCTP_DATA_UNORDERED) == 0];
	assert_false(other->in_message);
	side->in_message = line->in_message = !ends;
	bool counts = interleaving || !(sent->flags & SCTP_DATA_UNORDERED);
	if (counts && interleaving)
		assert_int_equal(sent->number, line->number);
	else if (counts)
		assert_int_equal(sent->number, line->number & 0xffff);
	if (interleaving)
		assert_int_equal(sent->fragment, line->fragment);
	line->fragment = ends ? 0 : line->fragment + 1;
	line->number += counts && ends;
}

static void inspect_data(
	struct pair *p, int from, struct sctp_chunk chunk, bool *ret_is_first, uint32_t *last)
{
	struct side *side = &sides[from];
	struct sctp_assoc *a = p->end[from].assoc;
	struct reader r = reader_of(chunk.value);
	uint32_t tsn = read_u32(&r);
	struct sent sent = {.type = chunk.type,
		.flags = (uint8_t)(chunk.flags & ~SCTP_DATA_IMMEDIATE),
		.stream = read_u16(&r)};
	assert_int_equal(chunk.type, interleaving ? SCTP_I_DATA : SCTP_DATA);
	assert_int_equal(chunk.flags & 0xf0, 0);
	if (interleaving) {
		assert_int_equal(read_u16(&r), 0);
		sent.number = read_u32(&r);
		uint32_t fragment_or_ppid = read_u32(&r);
		sent.fragment = sent.flags & SCTP_DATA_BEGIN ? 0 : fragment_or_ppid;
	} else {
		sent.number = read_u16(&r);
		read_skip(&r, 4);
	}
	assert_false(r.failed);
	assert_true(r.rest.size > 0);
	assert_true(sent.stream < a->streams_out);
	sent.crc = crc32c(r.rest);
	/* In a packet the numbers rise. */
	assert_true(*ret_is_first || (int32_t)(tsn - *last) > 0);
	*ret_is_first = false;
	*last = tsn;
	uint32_t place = tsn - a->local_tsn;
	assert_true(place < TSNS_MAX);
	if (place == side->sent_count) {
		inspect_new(side, &sent);
		side->sent[side->sent_count++] = sent;
	}
	/* No number is left out, and what is sent again is what was sent. */
	assert_true(place < side->sent_count);
	assert_memory_equal(&side->sent[place], &sent, sizeof sent);
}

static bool is_data(uint8_t type)
{
	return type == SCTP_DATA || type == SCTP_I_DATA;
}

static void inspect_state(enum sctp_state state, uint8_t first, uint8_t type)
{
	bool is_open = state == SCTP_ESTABLISHED || state == SCTP_SHUTDOWN_PENDING ||
		       state == SCTP_SHUTDOWN_RECEIVED;
	if (is_data(type))
		assert_true(is_open || (state == SCTP_COOKIE_ECHOED && first == SCTP_COOKIE_ECHO));
	/* "until the COOKIE ACK chunk is returned, the sender MUST NOT send any other packets". */
	if (state == SCTP_COOKIE_ECHOED)
		assert_true(first == SCTP_COOKIE_ECHO || first == SCTP_INIT_ACK);
	if (state == SCTP_COOKIE_WAIT)
		assert_true(first == SCTP_INIT || first == SCTP_INIT_ACK);
}

static void inspect_tag(struct pair *p, int from, uint32_t tag, struct sctp_chunk first)
{
	bool may_reflect = first.type == SCTP_ABORT || first.type == SCTP_SHUTDOWN_COMPLETE;
	if (first.type == SCTP_INIT)
		assert_int_equal(tag, 0);
	else if (may_reflect && (first.flags & SCTP_TAG_REFLECTED))
		assert_int_equal(tag, p->end[from].assoc->local_tag);
	else
		assert_int_equal(tag, p->end[!from].assoc->local_tag);
}

static bool inspect(struct pair *p, int from, uint8_t *data, size_t size)
{
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk, first = {0};
	bool data_is_first = true;
	uint32_t last_tsn = 0;
	size_t count = 0, sacks = 0, datas = 0;
	uint8_t last_type = 0;
	assert_int_equal(size % 4, 0);
	assert_true(size <= p->end[from].assoc->pmtu.size);
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	assert_true(header.source == 5000 && header.destination == 5000);
	while (r.rest.size > 0) {
		size_t before = r.rest.size;
		assert_true(sctp_chunk_next(&r, &chunk));
		if (count++ == 0)
			first = chunk;
		seen[chunk.type]++;
		/* Whole, and padded with zeros to the next multiple of four. */
		size_t padding = before - r.rest.size - chunk.whole.size;
		assert_in_range(padding, 0, 3);
		assert_int_equal((before - r.rest.size) % 4, 0);
		for (size_t i = 0; i < padding; i++)
			assert_int_equal(chunk.whole.data[chunk.whole.size + i], 0);
		/* Control chunks first, and nothing behind ABORT. */
		assert_true(!is_data(last_type) || is_data(chunk.type) || count == 1);
		assert_true(last_type != SCTP_ABORT || count == 1);
		last_type = chunk.type;
		sacks += chunk.type == SCTP_SACK;
		datas += is_data(chunk.type);
		if (chunk.type == SCTP_COOKIE_ECHO || chunk.type == SCTP_COOKIE_ACK)
			assert_int_equal(count, 1);
		inspect_state(p->end[from].assoc->state, first.type, chunk.type);
		if (chunk.type == SCTP_INIT || chunk.type == SCTP_INIT_ACK)
			inspect_init(p, from, chunk);
		else if (chunk.type == SCTP_COOKIE_ECHO)
			inspect_cookie_echo(from, chunk);
		else if (is_data(chunk.type))
			inspect_data(p, from, chunk, &data_is_first, &last_tsn);
	}
	assert_false(r.failed);
	assert_true(sacks <= 1);
	if (first.type == SCTP_INIT || first.type == SCTP_INIT_ACK ||
		first.type == SCTP_SHUTDOWN_COMPLETE)
		assert_int_equal(count, 1);
	if (last_type == SCTP_ABORT)
		assert_int_equal(datas, 0);
	inspect_tag(p, from, header.tag, first);
	return true;
}

static void begin(struct pair *p, uint64_t seed, bool with_interleaving)
{
	const struct sctp_config config = {
		.no_interleaving = !with_interleaving, .streams = seed % 2 ? 100 : 300};
	memset(seen, 0, sizeof seen);
	memset(sides, 0, sizeof sides);
	interleaving = with_interleaving;
	pair_init_with(p, seed, config,
		(struct sctp_config){.no_interleaving = !with_interleaving, .streams = 200});
	p->on_packet = inspect;
	p->loss = seed % 3 ? 15 : 0;
	p->duplication = seed % 3 ? 10 : 0;
	p->jitter = seed % 3 ? 20 * USEC_PER_MS : 0;
}

static void send_some(struct pair *p)
{
	for (unsigned i = 0; i < 100; i++) {
		size_t size = 1 + (size_t)rng_below(&p->rng, i % 10 ? 500 : 20000);
		assert_ok(pair_send(
			p, (int)(i % 2), (uint16_t)rng_below(&p->rng, 10), i % 3 == 0, size));
	}
}

static void live(bool with_interleaving)
{
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct pair p;
		begin(&p, seed, with_interleaving);
		send_some(&p);
		sctp_connect(p.end[0].assoc, p.now);
		if (seed % 2)
			sctp_connect(p.end[1].assoc, p.now);
		pair_run(&p, 60 * USEC_PER_SEC);
		send_some(&p);
		pair_run(&p, 60 * USEC_PER_SEC);
		assert_int_equal(p.end[0].received + p.end[1].received, 200);
		sctp_shutdown(p.end[seed % 2].assoc, p.now);
		pair_run(&p, 60 * USEC_PER_SEC);
		static const uint8_t types[] = {SCTP_INIT, SCTP_INIT_ACK, SCTP_COOKIE_ECHO,
			SCTP_COOKIE_ACK, SCTP_SACK, SCTP_SHUTDOWN, SCTP_SHUTDOWN_ACK,
			SCTP_SHUTDOWN_COMPLETE};
		for (size_t i = 0; i < sizeof types; i++)
			assert_true(seen[types[i]] > 0);
		assert_true(seen[with_interleaving ? SCTP_I_DATA : SCTP_DATA] > 200);
		pair_deinit(&p);
	}
}

static void every_packet_is_as_the_standard_has_it(void **state)
{
	(void)state;
	live(false);
}

static void every_packet_is_as_the_standard_has_it_with_interleaving(void **state)
{
	(void)state;
	live(true);
}

static void an_abort_goes_without_data_and_under_the_tag_of_the_peer(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 6; seed++) {
		struct pair p;
		begin(&p, 3 * seed, seed % 2);
		pair_connect(&p);
		send_some(&p);
		pair_run(&p, 25 * USEC_PER_MS);
		sctp_abort(p.end[0].assoc, p.now);
		pair_run(&p, USEC_PER_SEC);
		assert_true(seen[SCTP_ABORT] > 0);
		assert_int_equal(p.end[1].reason, SCTP_CLOSE_PEER_ABORTED);
		pair_deinit(&p);
	}
}

static void who_is_told_that_an_association_is_over_is_told_under_its_own_tag(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, 0, false);
	pair_connect(&p);
	p.loss = 100;
	sctp_abort(p.end[0].assoc, p.now);
	pair_drain(&p);
	p.loss = 0;
	size_t before = seen[SCTP_ABORT];
	assert_ok(pair_send(&p, 1, 0, false, 10));
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(seen[SCTP_ABORT], before + 1);
	assert_int_equal(p.end[1].reason, SCTP_CLOSE_PEER_ABORTED);
	pair_deinit(&p);
}

/* RFC 9260 section 1.6. */
static void numbers_wrap_in_the_middle_of_it_all(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 4; seed++) {
		struct pair p;
		begin(&p, seed, seed == 1);
		for (int i = 0; i < 2; i++) {
			struct sctp_assoc *a = p.end[i].assoc;
			a->local_tsn = UINT32_MAX - 40;
			a->reset.request = a->local_tsn;
			sctp_outstanding_init(&a->outstanding, (UINT64_C(1) << 32) + a->local_tsn);
		}
		pair_connect(&p);
		send_some(&p);
		pair_run(&p, 60 * USEC_PER_SEC);
		assert_int_equal(p.end[0].received + p.end[1].received, 100);
		for (int i = 0; i < 2; i++) {
			assert_true(sides[i].sent_count > 41);
			pair_assert_empty(p.end[i].assoc);
		}
		pair_deinit(&p);
	}
}

TESTS(TEST(every_packet_is_as_the_standard_has_it),
	TEST(every_packet_is_as_the_standard_has_it_with_interleaving),
	TEST(an_abort_goes_without_data_and_under_the_tag_of_the_peer),
	TEST(who_is_told_that_an_association_is_over_is_told_under_its_own_tag),
	TEST(numbers_wrap_in_the_middle_of_it_all))
