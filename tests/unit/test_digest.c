#include "crypto/digest.h"

#include "test.h"

static void assert_value(const struct digest *digest, const char *text)
{
	uint8_t value[SHA256_SIZE], expected[SHA256_SIZE];
	digest_value(digest, value);
	hash_sha256(bytes_of_text(text), expected);
	assert_memory_equal(value, expected, sizeof value);
}

static void portions_count_as_the_whole(void **state)
{
	(void)state;
	struct digest *digest = digest_create();
	assert_non_null(digest);
	assert_value(digest, "");
	digest_add(digest, bytes_of_text("ab"));
	digest_add(digest, bytes_of_text(""));
	digest_add(digest, bytes_of_text("c"));
	assert_value(digest, "abc");
	digest_add(digest, bytes_of_text("d"));
	assert_value(digest, "abcd");
	digest_destroy(digest);
}

static void a_copy_goes_its_own_way(void **state)
{
	(void)state;
	struct digest *one = digest_create(), *other = digest_create();
	assert_non_null(one);
	assert_non_null(other);
	digest_add(one, bytes_of_text("ab"));
	digest_add(other, bytes_of_text("x"));
	digest_copy(other, one);
	digest_add(one, bytes_of_text("c"));
	digest_add(other, bytes_of_text("d"));
	assert_value(one, "abc");
	assert_value(other, "abd");
	digest_reset(one);
	assert_value(one, "");
	digest_destroy(one);
	digest_destroy(other);
	digest_destroy(NULL);
}

TESTS(TEST(portions_count_as_the_whole), TEST(a_copy_goes_its_own_way))
