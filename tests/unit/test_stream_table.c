#include "sctp/stream_table.h"

#include "test.h"

static void streams_are_found_by_identifier_and_in_order(void **state)
{
	(void)state;
	static const uint16_t ids[] = {0, 1, 31, 32, 1023, 65535};
	enum { COUNT = sizeof ids / sizeof ids[0] };
	struct sctp_stream_table table = {0};
	int streams[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		assert_ok(sctp_stream_table_set(&table, ids[i], &streams[i]));
	for (size_t i = 0; i < COUNT; i++)
		assert_ptr_equal(sctp_stream_table_get(&table, ids[i]), &streams[i]);
	assert_null(sctp_stream_table_get(&table, 2));
	assert_null(sctp_stream_table_get(&table, 40000));
	uint32_t from = 0;
	for (size_t i = 0; i < COUNT; i++) {
		uint16_t id;
		assert_ptr_equal(sctp_stream_table_next(&table, from, &id), &streams[i]);
		assert_int_equal(id, ids[i]);
		from = (uint32_t)id + 1;
	}
	uint16_t id = 7;
	assert_null(sctp_stream_table_next(&table, from, &id));
	assert_int_equal(id, 7);
	sctp_stream_table_deinit(&table);
}

static void removing_needs_no_memory(void **state)
{
	(void)state;
	struct sctp_stream_table table = {0};
	int stream;
	assert_ok(sctp_stream_table_set(&table, 500, NULL));
	assert_int_equal(table.page_count, 0);
	assert_ok(sctp_stream_table_set(&table, 500, &stream));
	assert_ok(sctp_stream_table_set(&table, 500, NULL));
	assert_null(sctp_stream_table_get(&table, 500));
	sctp_stream_table_deinit(&table);
}

TESTS(TEST(streams_are_found_by_identifier_and_in_order), TEST(removing_needs_no_memory))
