#include "crypto/identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certificates.h"
#include "test.h"

#define NOW INT64_C(1800000000)

static struct identity *create(enum identity_key key)
{
	struct identity *identity;
	assert_ok(identity_create(key, NOW, &identity));
	return identity;
}

/* A directory of its own for each test that needs one. */
static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/dpc-identity-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static const char *path_of(const char *file)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", directory, file);
	return path;
}

static int remove_directory(void **state)
{
	(void)state;
	static const char *const files[] = {"node.key", "node.crt", "node.id"};
	for (size_t i = 0; i < 3; i++)
		(void)unlink(path_of(files[i]));
	return rmdir(directory);
}

static void put(const char *file, const char *text)
{
	(void)unlink(path_of(file));
	int fd = open(path_of(file), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_load_fails(enum err expected, const char *file, const char *cause)
{
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity = NULL;
	assert_err(identity_load(directory, problem, &identity), expected);
	assert_null(identity);
	assert_non_null(strstr(problem, path_of(file)));
	assert_non_null(strstr(problem, cause));
}

static void a_new_identity_passes_every_check(void **state)
{
	(void)state;
	static const struct {
		enum identity_key key;
		enum certificate_key kind;
		unsigned bits;
	} cases[] = {
		{IDENTITY_KEY_P256, CERTIFICATE_KEY_P256, 256},
		{IDENTITY_KEY_RSA2048, CERTIFICATE_KEY_RSA, 2048},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct identity *identity = create(cases[i].key);
		const struct certificate *c = identity_certificate(identity);
		assert_ok(certificate_check(c, NOW, identity_node_id(identity), NULL));
		assert_ok(certificate_check(c, NOW - 86000, NULL, NULL));
		assert_ok(certificate_check(c, NOW + INT64_C(3650) * 86400, NULL, NULL));
		assert_int_equal(certificate_info(c)->key, cases[i].kind);
		assert_int_equal(certificate_info(c)->key_bits, cases[i].bits);
		assert_true(
			node_id_matches_pin(identity_node_id(identity), identity_pin(identity)));
		identity_destroy(identity);
	}
}

static void names_of_keys(void **state)
{
	(void)state;
	enum identity_key key;
	assert_true(identity_key_parse("p256", &key) && key == IDENTITY_KEY_P256);
	assert_true(identity_key_parse("rsa2048", &key) && key == IDENTITY_KEY_RSA2048);
	assert_true(identity_key_parse("rsa3072", &key) && key == IDENTITY_KEY_RSA3072);
	assert_true(identity_key_parse("rsa4096", &key) && key == IDENTITY_KEY_RSA4096);
	assert_false(identity_key_parse("rsa1024", &key));
	assert_false(identity_key_parse("", &key));
}

static void no_two_identities_are_alike(void **state)
{
	(void)state;
	struct identity *a = create(IDENTITY_KEY_P256), *b = create(IDENTITY_KEY_P256);
	assert_false(node_pin_equal(identity_pin(a), identity_pin(b)));
	assert_string_not_equal(identity_node_id(a), identity_node_id(b));
	identity_destroy(a);
	identity_destroy(b);
}

static void a_signature_is_for_one_key_context_and_message(void **state)
{
	(void)state;
	static const enum identity_key kinds[] = {IDENTITY_KEY_P256, IDENTITY_KEY_RSA2048};
	struct identity *other = create(IDENTITY_KEY_P256);
	for (size_t i = 0; i < 2; i++) {
		struct identity *identity = create(kinds[i]);
		const struct certificate *c = identity_certificate(identity);
		uint8_t signature[IDENTITY_SIGNATURE_MAX];
		size_t size;
		struct bytes message = bytes_of_text("message");
		assert_ok(identity_sign(identity, "context", message, signature, &size));
		struct bytes s = bytes_of(signature, size);
		assert_ok(certificate_verify(c, "context", message, s));
		assert_err(certificate_verify(c, "contexT", message, s), ERR_UNTRUSTED);
		assert_err(certificate_verify(c, "context", bytes_of_text("messagE"), s),
			ERR_UNTRUSTED);
		assert_err(certificate_verify(identity_certificate(other), "context", message, s),
			ERR_UNTRUSTED);
		assert_err(certificate_verify(c, "context", message, bytes_of(signature, size - 1)),
			ERR_UNTRUSTED);
		assert_err(certificate_verify(c, "context", message, (struct bytes){0}),
			ERR_UNTRUSTED);
		signature[size - 1] ^= 1;
		assert_err(certificate_verify(c, "context", message, s), ERR_UNTRUSTED);
		identity_destroy(identity);
	}
	identity_destroy(other);
}

static void is_loaded_as_it_was_saved(void **state)
{
	(void)state;
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity = create(IDENTITY_KEY_P256), *loaded;
	assert_ok(identity_save(identity, directory, problem));
	assert_string_equal(problem, "");
	struct stat status;
	assert_int_equal(stat(path_of("node.key"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_ok(identity_load(directory, problem, &loaded));
	assert_string_equal(problem, "");
	assert_string_equal(identity_node_id(loaded), identity_node_id(identity));
	assert_bytes_equal(certificate_der(identity_certificate(loaded)),
		certificate_der(identity_certificate(identity)));
	identity_destroy(loaded);
	identity_destroy(identity);
}

static void another_identity_is_never_overwritten(void **state)
{
	(void)state;
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *first = create(IDENTITY_KEY_P256), *second = create(IDENTITY_KEY_P256);
	assert_ok(identity_save(first, directory, problem));
	assert_err(identity_save(second, directory, problem), ERR_EXISTS);
	assert_non_null(strstr(problem, path_of("node.key")));
	struct identity *loaded;
	assert_ok(identity_load(directory, problem, &loaded));
	assert_string_equal(identity_node_id(loaded), identity_node_id(first));
	identity_destroy(loaded);
	put("node.key", "damaged");
	assert_err(identity_save(first, directory, problem), ERR_EXISTS);
	identity_destroy(first);
	identity_destroy(second);
}

static void a_renewed_certificate_keeps_id_and_pin(void **state)
{
	(void)state;
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity = create(IDENTITY_KEY_P256), *loaded;
	assert_ok(identity_save(identity, directory, problem));
	struct node_pin pin = *identity_pin(identity);
	int64_t later = NOW + INT64_C(4000) * 86400;
	assert_err(
		certificate_check(identity_certificate(identity), later, NULL, NULL), ERR_EXPIRED);
	assert_ok(identity_renew(identity, later));
	assert_ok(certificate_check(
		identity_certificate(identity), later, identity_node_id(identity), NULL));
	assert_true(node_pin_equal(&pin, identity_pin(identity)));
	assert_ok(identity_save(identity, directory, problem));
	assert_ok(identity_load(directory, problem, &loaded));
	assert_ok(certificate_check(identity_certificate(loaded), later, NULL, NULL));
	identity_destroy(loaded);
	identity_destroy(identity);
}

static void files_of_the_openssl_command_line_are_read(void **state)
{
	(void)state;
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity;
	put("node.key", NODE_KEY);
	put("node.crt", NODE_CRT);
	put("node.id", NODE_ID);
	assert_ok(identity_load(directory, problem, &identity));
	assert_string_equal(identity_node_id(identity), NODE_ID);
	identity_destroy(identity);
	put("node.crt", NODE_LONG_CRT);
	put("node.id", "dpc-node-756c79d26b827803205e4394aa07b56e\n");
	assert_ok(identity_load(directory, problem, &identity));
	assert_ok(identity_renew(identity, NOW));
	assert_string_equal(
		identity_node_id(identity), "dpc-node-756c79d26b827803205e4394aa07b56e");
	identity_destroy(identity);
}

static void each_damage_names_its_file(void **state)
{
	(void)state;
	assert_load_fails(ERR_NOT_FOUND, "node.key", "No such file");
	put("node.key", NODE_KEY);
	assert_load_fails(ERR_CORRUPT, "node.crt", "No such file");
	put("node.crt", NODE_CRT);
	assert_load_fails(ERR_CORRUPT, "node.id", "No such file");
	put("node.id", RSA_ID "\n");
	assert_load_fails(ERR_CORRUPT, "node.id", "not the id");
	put("node.crt", RSA_CRT);
	assert_load_fails(ERR_CORRUPT, "node.key", "not the key");
	put("node.crt", FOREIGN_CRT);
	assert_load_fails(ERR_CORRUPT, "node.crt", "not signed by its own key");
	put("node.crt", P384_CRT);
	assert_load_fails(ERR_UNSUPPORTED, "node.crt", "neither P-256 nor RSA");
	put("node.crt", "");
	assert_load_fails(ERR_CORRUPT, "node.crt", "not a certificate");
	put("node.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	assert_load_fails(ERR_CORRUPT, "node.key", "not a private key");
	put("node.key", "");
	assert_load_fails(ERR_CORRUPT, "node.key", "not a private key");
}

static void a_file_larger_than_any_key_is_not_read_whole(void **state)
{
	(void)state;
	char large[IDENTITY_FILE_MAX + 2];
	memset(large, 'x', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	put("node.key", large);
	assert_load_fails(ERR_CORRUPT, "node.key", "too large");
}

/* The public part in the file is right, the private one is not. */
static void a_private_key_with_a_flipped_bit_is_found(void **state)
{
	(void)state;
	char key[sizeof NODE_KEY] = NODE_KEY;
	char *digit = strstr(key, "re2F+sFP");
	assert_non_null(digit);
	digit[0] = 's';
	put("node.key", key);
	put("node.crt", NODE_CRT);
	put("node.id", NODE_ID);
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity;
	assert_err(identity_load(directory, problem, &identity), ERR_CORRUPT);
	assert_non_null(strstr(problem, "node.key"));
}

static void a_directory_that_is_not_there(void **state)
{
	(void)state;
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity = create(IDENTITY_KEY_P256), *loaded;
	assert_err(identity_load("/nonexistent/dpc", problem, &loaded), ERR_NOT_FOUND);
	assert_string_equal(problem, "cannot open '/nonexistent/dpc': No such file or directory");
	assert_err(identity_save(identity, "/nonexistent/dpc", problem), ERR_NOT_FOUND);
	identity_destroy(identity);
}

#define TEST_FILES(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

TESTS(TEST(a_new_identity_passes_every_check), TEST(names_of_keys),
	TEST(no_two_identities_are_alike), TEST(a_signature_is_for_one_key_context_and_message),
	TEST_FILES(is_loaded_as_it_was_saved), TEST_FILES(another_identity_is_never_overwritten),
	TEST_FILES(a_renewed_certificate_keeps_id_and_pin),
	TEST_FILES(files_of_the_openssl_command_line_are_read),
	TEST_FILES(each_damage_names_its_file),
	TEST_FILES(a_file_larger_than_any_key_is_not_read_whole),
	TEST_FILES(a_private_key_with_a_flipped_bit_is_found), TEST(a_directory_that_is_not_there))
