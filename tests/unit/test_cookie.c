#include "sctp/cookie.h"

#include "test.h"

static void a_cookie_comes_back_as_it_was_and_only_unchanged(void **state)
{
	(void)state;
	struct sctp_cookie_key key = {.halves = {{1}, {2}}}, other = {.halves = {{1}, {3}}};
	struct sctp_cookie in = {.local_tag = 1,
		.peer_tag = 2,
		.local_tie = 3,
		.peer_tie = 4,
		.local_tsn = 5,
		.peer_tsn = 6,
		.peer_window = 7,
		.peer_outgoing = 8,
		.peer_incoming = 9,
		.forward_tsn = true,
		.zero_checksum = true,
		.created = 123456789};
	struct sctp_cookie out;
	uint8_t sealed[SCTP_COOKIE_SIZE];
	sctp_cookie_seal(&key, &in, sealed);
	assert_ok(sctp_cookie_open(&key, bytes_of(sealed, sizeof sealed), &out));
	assert_int_equal(out.local_tag, 1);
	assert_int_equal(out.peer_tag, 2);
	assert_int_equal(out.local_tie, 3);
	assert_int_equal(out.peer_tie, 4);
	assert_int_equal(out.local_tsn, 5);
	assert_int_equal(out.peer_tsn, 6);
	assert_int_equal(out.peer_window, 7);
	assert_int_equal(out.peer_outgoing, 8);
	assert_int_equal(out.peer_incoming, 9);
	assert_false(out.reconfig);
	assert_true(out.forward_tsn);
	assert_true(out.zero_checksum);
	assert_true(out.created == in.created);
	assert_err(sctp_cookie_open(&other, bytes_of(sealed, sizeof sealed), &out), ERR_UNTRUSTED);
	assert_err(
		sctp_cookie_open(&key, bytes_of(sealed, sizeof sealed - 1), &out), ERR_UNTRUSTED);
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		assert_err(sctp_cookie_open(&key, bytes_of(sealed, sizeof sealed), &out),
			ERR_UNTRUSTED);
		sealed[i] ^= 1;
	}
}

TESTS(TEST(a_cookie_comes_back_as_it_was_and_only_unchanged))
