#include "dtls/session_id.h"

#include "dtls_pair.h"

#define OURS "0123456789abcdef0123456789abcdef"
#define THEIRS "fedcba9876543210fedcba9876543210"
#define OTHER "00000000000000000000000000000000"

/* Both ends with the ids that are given to them. */
static struct pair pair_with_ids(const char *ids[ENDS], const char *expected[ENDS])
{
	struct pair p = pair();
	for (int i = 0; i < ENDS; i++)
		if (ids[i])
			dtls_set_ids(p.ends[i], bytes_of_text(ids[i]), bytes_of_text(expected[i]));
	start(&p);
	return p;
}

static bool last_says(const struct pair *p, const char *id)
{
	return memmem(p->last, p->last_size, id, strlen(id)) != NULL;
}

static void each_hello_says_the_id_of_its_description(void **state)
{
	(void)state;
	struct pair p =
		pair_with_ids((const char *[]){OURS, THEIRS}, (const char *[]){THEIRS, OURS});
	assert_true(carry_one(&p, CLIENT));
	assert_true(last_says(&p, OURS));
	assert_true(carry_one(&p, SERVER));
	assert_true(last_says(&p, THEIRS));
	carry(&p);
	assert_true(is_open(&p));
	pair_deinit(&p);
}

static void another_id_than_described_ends_the_handshake(void **state)
{
	(void)state;
	for (int at = 0; at < ENDS; at++) {
		const char *expected[] = {THEIRS, OURS};
		expected[at] = OTHER;
		struct pair p = pair_with_ids((const char *[]){OURS, THEIRS}, expected);
		carry(&p);
		for (int i = 0; i < ENDS; i++)
			assert_int_equal(dtls_state(p.ends[i]), DTLS_FAILED);
		/* The alert. */
		assert_non_null(strstr(dtls_error(p.ends[!at]), "illegal parameter"));
		pair_deinit(&p);
	}
}

static void an_end_without_ids_shakes_hands_with_any(void **state)
{
	(void)state;
	for (int without = 0; without < ENDS; without++) {
		const char *ids[] = {OURS, THEIRS};
		ids[without] = NULL;
		struct pair p = pair_with_ids(ids, (const char *[]){THEIRS, OURS});
		carry(&p);
		assert_true(is_open(&p));
		pair_deinit(&p);
	}
}

static void a_malformed_extension_is_none(void **state)
{
	(void)state;
	struct bytes id;
	assert_true(session_id_parse(bytes_of("\x03"
					      "abc",
					     4),
		&id));
	assert_bytes_equal(id, bytes_of_text("abc"));
	assert_false(session_id_parse(bytes_of("\x03"
					       "abcd",
					      5),
		&id));
	assert_false(session_id_parse(bytes_of("\x04"
					       "abc",
					      4),
		&id));
	assert_false(session_id_parse((struct bytes){0}, &id));
}

TESTS_WITH_BOTH_RECORDS(TEST(each_hello_says_the_id_of_its_description),
	TEST(another_id_than_described_ends_the_handshake),
	TEST(an_end_without_ids_shakes_hands_with_any), TEST(a_malformed_extension_is_none))
