/* Changes of the context by its owner. */
#include "node/context.h"

#include "test.h"

#include <sys/stat.h>

#include "message/json.h"
#include "test_home.h"

static char *path_in(const char *home)
{
	return text_format("%s/context.json", home);
}

static struct context *context_in(const char *home)
{
	struct context *context = NULL;
	struct fault fault;
	char *path = path_in(home);
	assert_ok(context_open(path, &context, &fault));
	free(path);
	return context;
}

static enum err set(struct context *context, const char *key, json_t *value, struct fault *fault)
{
	enum err err = context_set(context, key, value, fault);
	json_decref(value);
	return err;
}

/* What is in use, and what another start would read. */
static void assert_context(const struct context *context, const char *home, const char *expected)
{
	struct context *again = context_in(home);
	char *text = json_to_text(context_root(context)), *read = json_to_text(context_root(again));
	assert_string_equal(text, expected);
	assert_string_equal(read, expected);
	free(text);
	free(read);
	context_destroy(again);
}

static void a_change_is_in_the_file_and_in_use(void **state)
{
	struct context *c = context_in(*state);
	struct fault fault;
	struct stat info;
	char *path = path_in(*state);
	assert_ok(set(c, "profile.name", json_string("Alice"), &fault));
	assert_ok(set(c, "profile.home.city", json_string("Bern"), &fault));
	assert_ok(set(c, "age", json_real(0.1), &fault));
	assert_ok(set(c, "profile.name", json_null(), &fault));
	char *whole = json_to_pretty_text(context_root(c));
	assert_non_null(strstr(whole, "\"age\": 0.1\n"));
	free(whole);
	assert_ok(context_delete(c, "age", &fault));
	assert_context(c, *state, "{\"profile\":{\"name\":null,\"home\":{\"city\":\"Bern\"}}}");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	json_t *other = json_pack("{s:i}", "x", 1);
	assert_ok(context_replace(c, other, &fault));
	json_decref(other);
	assert_context(c, *state, "{\"x\":1}");
	context_destroy(c);
	free(path);
}

static void what_cannot_be_is_refused_and_changes_nothing(void **state)
{
	struct context *c = context_in(*state);
	struct fault fault;
	assert_ok(set(c, "a.b", json_integer(1), &fault));
	static const char *const wrong[] = {"", ".a", "a.", "a..b", "*", "a.*", "\xff"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_err(set(c, wrong[i], json_integer(2), &fault), ERR_MALFORMED);
	assert_err(set(c, "a.b.c", json_integer(2), &fault), ERR_MISMATCH);
	assert_string_equal(fault.text, "'b' is no object, so nothing can be below it");
	assert_err(context_delete(c, "a.c", &fault), ERR_NOT_FOUND);
	assert_err(context_delete(c, "x.y.z", &fault), ERR_NOT_FOUND);
	assert_string_equal(fault.text, "there is no 'x.y.z' in the context");
	assert_context(c, *state, "{\"a\":{\"b\":1}}");
	context_destroy(c);
}

static void size_and_depth_hold_for_changes_too(void **state)
{
	struct context *c = context_in(*state);
	struct fault fault;
	char *text = calloc(1, CONTEXT_FILE_MAX + 1);
	/* {\n  "a": "…"\n}\n */
	memset(text, 'x', CONTEXT_FILE_MAX - 14);
	assert_ok(set(c, "a", json_string(text), &fault));
	text[CONTEXT_FILE_MAX - 14] = 'x';
	assert_err(set(c, "a", json_string(text), &fault), ERR_TOO_LARGE);
	assert_int_equal(
		json_string_length(json_object_get(context_root(c), "a")), CONTEXT_FILE_MAX - 14);
	json_t *deep = json_object();
	for (size_t i = 0; i < CONTEXT_DEPTH_MAX - 1; i++)
		deep = json_pack("{s:o}", "a", deep);
	assert_ok(context_replace(c, deep, &fault));
	deep = json_pack("{s:o}", "a", deep);
	assert_err(context_replace(c, deep, &fault), ERR_TOO_LARGE);
	json_decref(deep);
	context_destroy(c);
	free(text);
}

static void a_symbolic_link_stays_one(void **state)
{
	struct fault fault;
	struct stat info;
	char *path = path_in(*state), *target = text_format("%s/elsewhere", (char *)*state);
	home_write(*state, "elsewhere", bytes_of_text("{}"));
	assert_int_equal(symlink(target, path), 0);
	struct context *c = context_in(*state);
	assert_ok(set(c, "a", json_integer(1), &fault));
	assert_int_equal(lstat(path, &info), 0);
	assert_true(S_ISLNK(info.st_mode));
	assert_context(c, *state, "{\"a\":1}");
	context_destroy(c);
	free(target);
	free(path);
}

static void a_file_that_cannot_be_written_is_told_and_stays(void **state)
{
	struct fault fault;
	char *blocker = text_format("%s/context.json.new", (char *)*state);
	struct context *c = context_in(*state);
	assert_ok(set(c, "a", json_integer(1), &fault));
	/* A directory is in the way of the new file. */
	assert_int_equal(mkdir(blocker, 0700), 0);
	assert_err(set(c, "a", json_integer(2), &fault), ERR_IO);
	assert_non_null(strstr(fault.text, "/context.json': "));
	assert_context(c, *state, "{\"a\":1}");
	context_destroy(c);
	free(blocker);
}

TESTS(HOME_TEST(a_change_is_in_the_file_and_in_use),
	HOME_TEST(what_cannot_be_is_refused_and_changes_nothing),
	HOME_TEST(size_and_depth_hold_for_changes_too), HOME_TEST(a_symbolic_link_stays_one),
	HOME_TEST(a_file_that_cannot_be_written_is_told_and_stays))
