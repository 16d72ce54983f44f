#include "sctp/chunk.h"

#include "test.h"

static void a_packet_is_opened_as_it_was_sealed(void **state)
{
	(void)state;
	uint8_t data[100];
	struct writer w = writer_of(data, sizeof data);
	struct sctp_header header = {.source = 5000, .destination = 5001, .tag = 0x01020304};
	sctp_packet_begin(&w, header);
	struct sctp_data in = {.flags = SCTP_DATA_BEGIN,
		.tsn = 1,
		.stream = 2,
		.ssn = 3,
		.ppid = 51,
		.payload = bytes_of_text("hello")};
	sctp_data_write(&w, &in);
	sctp_chunk_write_empty(&w, SCTP_COOKIE_ACK, 0);
	sctp_packet_seal(&w);
	assert_int_equal(w.size, 12 + 16 + 8 + 4);
	struct reader r;
	struct sctp_chunk chunk;
	struct sctp_data out;
	assert_ok(sctp_packet_open(writer_bytes(&w), false, &header, &r));
	assert_int_equal(header.destination, 5001);
	assert_int_equal(header.tag, 0x01020304);
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_ok(sctp_data_parse(chunk, &out));
	assert_int_equal(out.stream, 2);
	assert_int_equal(out.ssn, 3);
	assert_int_equal(out.ppid, 51);
	assert_true(bytes_equal_text(out.payload, "hello"));
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_int_equal(chunk.type, SCTP_COOKIE_ACK);
	assert_false(sctp_chunk_next(&r, &chunk));
	assert_false(r.failed);
	data[20] ^= 1;
	assert_err(sctp_packet_open(writer_bytes(&w), false, &header, &r), ERR_MISMATCH);
}

static void the_checksum_has_its_least_significant_byte_first(void **state)
{
	(void)state;
	uint8_t data[16] = {0x13, 0x88, 0x13, 0x88, 0, 0, 0, 1, 0, 0, 0, 0, 11, 0, 0, 4};
	struct writer w = writer_of(data, sizeof data);
	w.size = sizeof data;
	sctp_packet_seal(&w);
	/* crc32c of the sixteen bytes above, computed bit by bit. */
	uint32_t crc = UINT32_MAX;
	uint8_t zeroed[16];
	memcpy(zeroed, data, sizeof data);
	memset(zeroed + 8, 0, 4);
	for (size_t i = 0; i < sizeof zeroed; i++) {
		crc ^= zeroed[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	crc = ~crc;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(data[8 + i], crc >> (8 * i) & 0xff);
}

static void malformed_chunks_end_the_loop(void **state)
{
	(void)state;
	static const struct {
		uint8_t data[8];
		size_t size;
		bool first, failed;
	} cases[] = {
		{{11, 0, 0, 4}, 4, true, false},
		{{11, 0, 0, 3}, 4, false, true},
		{{11, 0, 0, 8}, 4, false, true},
		{{11, 0, 0}, 3, false, true},
		{{11, 0, 0, 5, 1}, 5, true, false}, /* without its padding */
		{{11, 0, 0, 5, 1, 0, 0, 0}, 8, true, false},
		{{11, 0, 0, 4, 11, 0, 0, 0}, 8, true, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct reader r = reader_of(bytes_of(cases[i].data, cases[i].size));
		struct sctp_chunk chunk;
		assert_int_equal(sctp_chunk_next(&r, &chunk), cases[i].first);
		assert_false(sctp_chunk_next(&r, &chunk));
		assert_int_equal(r.failed, cases[i].failed);
	}
}

static void init_carries_what_both_ends_need(void **state)
{
	(void)state;
	uint8_t data[300];
	struct writer w = writer_of(data, sizeof data);
	struct sctp_init in = {.tag = 1,
		.window = 2,
		.outgoing = 3,
		.incoming = 4,
		.tsn = 5,
		.cookie = bytes_of_text("cookie"),
		.reconfig = true,
		.forward_tsn = true,
		.interleaving = true,
		.i_forward_tsn = true};
	struct sctp_init out;
	sctp_init_write(&w, &in, NULL);
	struct reader r = reader_of(writer_bytes(&w));
	struct sctp_chunk chunk;
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_int_equal(chunk.type, SCTP_INIT_ACK);
	assert_ok(sctp_init_parse(chunk, &out));
	assert_int_equal(out.tag, 1);
	assert_int_equal(out.window, 2);
	assert_int_equal(out.outgoing, 3);
	assert_int_equal(out.incoming, 4);
	assert_int_equal(out.tsn, 5);
	assert_true(bytes_equal_text(out.cookie, "cookie"));
	assert_true(out.forward_tsn);
	assert_true(out.reconfig);
	assert_true(out.interleaving);
	assert_true(out.i_forward_tsn);
	assert_int_equal(out.unknown_size, 0);
	/* And nothing of it where nothing of it is offered. */
	in.forward_tsn = in.reconfig = in.interleaving = in.i_forward_tsn = false;
	w = writer_of(data, sizeof data);
	sctp_init_write(&w, &in, NULL);
	r = reader_of(writer_bytes(&w));
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_ok(sctp_init_parse(chunk, &out));
	assert_false(out.forward_tsn);
	assert_false(out.reconfig);
	assert_false(out.interleaving);
	assert_false(out.i_forward_tsn);
}

static void unknown_parameters_are_reported_and_obeyed_as_their_bits_say(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		bool reported, goes_on;
	} cases[] = {{0x3fff, false, false}, {0x7fff, true, false}, {0xbfff, false, true},
		{0xffff, true, true}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t data[100];
		struct writer w = writer_of(data, sizeof data);
		size_t place = sctp_chunk_begin(&w, SCTP_INIT, 0);
		write_zeros(&w, 16);
		size_t parameter = sctp_parameter_begin(&w, cases[i].type);
		write_u8(&w, 9);
		sctp_parameter_end(&w, parameter);
		sctp_parameter_end(&w, sctp_parameter_begin(&w, SCTP_PARAMETER_FORWARD_TSN));
		sctp_chunk_end(&w, place);
		struct reader r = reader_of(writer_bytes(&w));
		struct sctp_chunk chunk;
		struct sctp_init init;
		assert_true(sctp_chunk_next(&r, &chunk));
		assert_ok(sctp_init_parse(chunk, &init));
		assert_int_equal(init.unknown_size, cases[i].reported ? 8 : 0);
		assert_int_equal(init.forward_tsn, cases[i].goes_on);
	}
}

static void too_many_unknown_parameters_are_not_all_reported(void **state)
{
	(void)state;
	uint8_t data[1000], answer[600];
	struct writer w = writer_of(data, sizeof data);
	size_t place = sctp_chunk_begin(&w, SCTP_INIT, 0);
	write_zeros(&w, 16);
	for (int i = 0; i < 100; i++) {
		size_t parameter = sctp_parameter_begin(&w, 0xffff);
		write_u32(&w, 1);
		sctp_parameter_end(&w, parameter);
	}
	sctp_chunk_end(&w, place);
	struct reader r = reader_of(writer_bytes(&w));
	struct sctp_chunk chunk;
	struct sctp_init init, ack = {.tag = 1, .cookie = bytes_of_text("c")};
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_ok(sctp_init_parse(chunk, &init));
	assert_int_equal(init.unknown_size, SCTP_UNKNOWN_PARAMETERS_MAX);
	struct writer small = writer_of(answer, 100), large = writer_of(answer, sizeof answer);
	sctp_init_write(&small, &ack, &init);
	assert_false(small.failed);
	sctp_init_write(&large, &ack, &init);
	assert_false(large.failed);
	assert_true(large.size > SCTP_UNKNOWN_PARAMETERS_MAX);
}

static void short_values_are_malformed(void **state)
{
	(void)state;
	uint8_t zeros[16] = {0};
	for (size_t size = 0; size < 12; size++) {
		struct sctp_chunk chunk = {.value = bytes_of(zeros, size)};
		struct sctp_data data;
		struct sctp_init init;
		struct sctp_sack sack;
		assert_err(sctp_data_parse(chunk, &data), ERR_MALFORMED);
		assert_err(sctp_init_parse(chunk, &init), ERR_MALFORMED);
		assert_err(sctp_sack_parse(chunk, &sack), ERR_MALFORMED);
	}
	struct sctp_sack sack;
	zeros[9] = 2; /* blocks, of which there is one */
	assert_err(sctp_sack_parse((struct sctp_chunk){.value = bytes_of(zeros, 16)}, &sack),
		ERR_MALFORMED);
}

TESTS(TEST(a_packet_is_opened_as_it_was_sealed),
	TEST(the_checksum_has_its_least_significant_byte_first),
	TEST(malformed_chunks_end_the_loop), TEST(init_carries_what_both_ends_need),
	TEST(unknown_parameters_are_reported_and_obeyed_as_their_bits_say),
	TEST(too_many_unknown_parameters_are_not_all_reported), TEST(short_values_are_malformed))
