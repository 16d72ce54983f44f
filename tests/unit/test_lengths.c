/* Lengths that lie, in chunks, parameters and causes, at every depth: each packet is in memory of
 * just its size, so that the sanitizer sees a read beyond it. The association may end, but nothing
 * else. */
#include "sctp_pair.h"

static const uint8_t chunk_types[] = {SCTP_DATA, SCTP_INIT, SCTP_INIT_ACK, SCTP_SACK,
	SCTP_HEARTBEAT, SCTP_HEARTBEAT_ACK, SCTP_ABORT, SCTP_SHUTDOWN, SCTP_SHUTDOWN_ACK,
	SCTP_ERROR, SCTP_COOKIE_ECHO, SCTP_COOKIE_ACK, SCTP_SHUTDOWN_COMPLETE, SCTP_I_DATA,
	SCTP_RE_CONFIG, SCTP_PAD, SCTP_FORWARD_TSN, SCTP_I_FORWARD_TSN, 0x3f, 0x7f, 0xbf, 0xff};
static const uint16_t parameter_types[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	17, 18, 0x8000, 0x8001, 0x8008, 0xc000, 0x3fff, 0x7fff, 0xbfff, 0xffff};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Gives it in memory of its own, and takes what is answered, which ends. */
static void give(struct sctp_assoc *a, usec now, const struct writer *w)
{
	uint8_t out[1200];
	uint8_t *exact = test_malloc(w->size);
	memcpy(exact, w->data, w->size);
	sctp_receive(a, now, bytes_of(exact, w->size));
	test_free(exact);
	struct sctp_event event;
	while (sctp_next_event(a, &event)) {}
	size_t packets = 0;
	while (sctp_write(a, now, out, sizeof out) > 0)
		assert_true(++packets < 50);
}

/* A new association for each packet would take long: one for each chunk type, or after its end. */
static void renew(struct pair *p)
{
	if (p->end[0].assoc && !p->end[0].assoc->ended)
		return;
	if (p->end[0].assoc)
		pair_deinit(p);
	pair_init_with(p, 1, (struct sctp_config){.zero_checksum = true},
		(struct sctp_config){.zero_checksum = true});
	pair_connect(p);
	pair_run(p, USEC_PER_SEC);
}

static struct writer begin(struct pair *p, uint8_t *data, size_t capacity, uint8_t type)
{
	struct writer w = writer_of(data, capacity);
	uint32_t tag = type == SCTP_INIT ? 0 : p->end[0].assoc->local_tag;
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, tag});
	return w;
}

static void a_chunk_of_any_length_is_survived(void **state)
{
	(void)state;
	struct pair p = {0};
	for (size_t type = 0; type < COUNT(chunk_types); type++)
		for (size_t size = 0; size <= 44; size++)
			for (unsigned fill = 0; fill < 256; fill += 85) {
				uint8_t data[100];
				renew(&p);
				struct writer w = begin(&p, data, sizeof data, chunk_types[type]);
				size_t place = sctp_chunk_begin(
					&w, (enum sctp_chunk_type)chunk_types[type], 3);
				memset(write_space(&w, size), (int)fill, size);
				/* Without the padding, as the last may come. */
				write_u16_at(&w, place + 2, (uint16_t)(4 + size));
				if (size % 4 == 0 || fill > 0)
					write_zeros(&w, (4 - size % 4) % 4);
				sctp_packet_seal(&w);
				give(p.end[0].assoc, p.now, &w);
			}
	pair_deinit(&p);
}

static void parameter_lengths_are_checked_where_they_are_used(void **state)
{
	(void)state;
	static const uint8_t with_parameters[] = {SCTP_INIT, SCTP_INIT_ACK, SCTP_HEARTBEAT,
		SCTP_HEARTBEAT_ACK, SCTP_ABORT, SCTP_ERROR, SCTP_RE_CONFIG};
	struct pair p = {0};
	for (size_t type = 0; type < COUNT(with_parameters); type++)
		for (size_t parameter = 0; parameter < COUNT(parameter_types); parameter++)
			for (uint16_t size = 0; size <= 28; size++)
				for (int after = 0; after < 2; after++) {
					uint8_t data[200];
					renew(&p);
					struct writer w =
						begin(&p, data, sizeof data, with_parameters[type]);
					size_t place = sctp_chunk_begin(
						&w, (enum sctp_chunk_type)with_parameters[type], 0);
					if (type < 2) {
						write_u32(&w, 7);
						write_u32(&w, 5000);
						write_u32(&w, 0x00050005);
						write_u32(&w, 9);
					}
					/* The length may be right, or run behind what is there. */
					write_u16(&w, parameter_types[parameter]);
					write_u16(&w, size);
					if (after)
						write_zeros(&w, 24);
					sctp_chunk_end(&w, place);
					sctp_packet_seal(&w);
					give(p.end[0].assoc, p.now, &w);
				}
	pair_deinit(&p);
}

static void zero_length_and_nested_parameters_and_causes_end(void **state)
{
	(void)state;
	static const uint8_t with_parameters[] = {SCTP_INIT, SCTP_HEARTBEAT, SCTP_ABORT, SCTP_ERROR,
		SCTP_RE_CONFIG, SCTP_FORWARD_TSN, SCTP_I_FORWARD_TSN};
	struct pair p = {0};
	for (size_t type = 0; type < COUNT(with_parameters); type++)
		for (uint16_t length = 0; length < 4; length++)
			for (int nested = 0; nested < 2; nested++) {
				uint8_t data[1160];
				renew(&p);
				struct writer w =
					begin(&p, data, sizeof data, with_parameters[type]);
				size_t place = sctp_chunk_begin(
					&w, (enum sctp_chunk_type)with_parameters[type], 0);
				if (type == 0)
					write_zeros(&w, 16);
				/* Each parameter lies in the one before, the innermost has no
				 * length; or many of no length lie side by side. */
				while (w.capacity - w.size >= 8) {
					uint16_t left = (uint16_t)(w.capacity - w.size);
					write_u16(&w, nested ? 8 : 0xffff);
					write_u16(&w, nested && left > 12 ? left : length);
				}
				write_u16_at(&w, place + 2, (uint16_t)(w.size - place));
				sctp_packet_seal(&w);
				give(p.end[0].assoc, p.now, &w);
			}
	/* And what is reported of it is bounded. */
	assert_true(p.end[0].assoc->replies.size <= SCTP_REPLIES_MAX);
	pair_deinit(&p);
}

/* With the parameters' own padding missing at the end of the chunk. */
static void a_chunk_of_no_length_ends_the_packet(void **state)
{
	(void)state;
	struct pair p = {0};
	for (uint16_t length = 0; length < 4; length++) {
		uint8_t data[200];
		renew(&p);
		uint64_t before = sctp_stats(p.end[0].assoc)->dropped_malformed;
		struct writer w = begin(&p, data, sizeof data, SCTP_SACK);
		for (int i = 0; i < 20; i++)
			write_u32(&w, (uint32_t)SCTP_PAD << 24 | length);
		sctp_packet_seal(&w);
		give(p.end[0].assoc, p.now, &w);
		assert_int_equal(sctp_stats(p.end[0].assoc)->dropped_malformed, before + 1);
		assert_int_equal(sctp_state(p.end[0].assoc), SCTP_ESTABLISHED);
	}
	pair_deinit(&p);
}

TESTS(TEST(a_chunk_of_any_length_is_survived),
	TEST(parameter_lengths_are_checked_where_they_are_used),
	TEST(zero_length_and_nested_parameters_and_causes_end),
	TEST(a_chunk_of_no_length_ends_the_packet))
