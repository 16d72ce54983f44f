#include "sctp_pair.h"

static void replies_go_out_whole_and_their_memory_is_given_back(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_drain(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t value[200] = {1}, data[1200];
	for (int i = 0; i < 10; i++)
		sctp_reply_error(a, SCTP_CAUSE_UNRECOGNISED_CHUNK, bytes_of(value, sizeof value));
	size_t written = 0, size;
	while ((size = sctp_write(a, p.now, data, sizeof data)) > 0) {
		assert_int_equal((size - SCTP_HEADER_SIZE) % 208, 0);
		written += size - SCTP_HEADER_SIZE;
	}
	assert_int_equal(written, 10 * 208);
	assert_null(a->replies.data);
	pair_deinit(&p);
}

static void replies_are_bounded(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t value[200] = {1};
	for (int i = 0; i < 100; i++)
		sctp_reply_error(a, SCTP_CAUSE_UNRECOGNISED_CHUNK, bytes_of(value, sizeof value));
	assert_in_range(a->replies.size, SCTP_REPLIES_MAX - 208, SCTP_REPLIES_MAX);
	pair_deinit(&p);
}

static void a_long_text_of_an_abort_is_cut(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_drain(&p);
	char text[300];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	sctp_assoc_abort(p.end[0].assoc, SCTP_CLOSE_ABORTED, SCTP_CAUSE_USER_ABORT, text);
	assert_int_equal(p.end[0].assoc->solo.size, SCTP_HEADER_SIZE + 8 + SCTP_ABORT_TEXT_MAX);
	pair_deinit(&p);
}

TESTS(TEST(replies_go_out_whole_and_their_memory_is_given_back), TEST(replies_are_bounded),
	TEST(a_long_text_of_an_abort_is_cut))
