#include "cli/file_tree.h"

#include "test.h"

#include <string.h>
#include <sys/stat.h>

#include "test_home.h"

static void make_folder(const char *home, const char *name)
{
	char *path = text_format("%s/%s", home, name);
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static void make_link(const char *home, const char *name)
{
	char *path = text_format("%s/%s", home, name);
	assert_int_equal(symlink("/etc", path), 0);
	free(path);
}

static bool add(struct file_tree *tree, void **state, const char *what, const char *name)
{
	char problem[CLI_PROBLEM_MAX], *path = text_format("%s/%s", (const char *)*state, what);
	bool good = file_tree_add(tree, path, name, problem);
	free(path);
	return good;
}

static void a_folder_is_all_files_below_it_and_no_links(void **state)
{
	static const char *const names[] = {"trip/a", "trip/d/b", "trip/d/c", "trip/z"};
	struct file_tree tree = {0};
	make_folder(*state, "trip");
	make_folder(*state, "trip/d");
	make_folder(*state, "trip/empty");
	home_write(*state, "trip/z", bytes_of_text(""));
	home_write(*state, "trip/a", bytes_of_text("a"));
	home_write(*state, "trip/d/c", bytes_of_text("c"));
	home_write(*state, "trip/d/b", bytes_of_text("b"));
	make_link(*state, "trip/link");
	assert_true(add(&tree, state, "trip", NULL));
	assert_int_equal(tree.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(tree.entries[i].name, names[i]);
	assert_int_equal(tree.left_out, 1);
	assert_int_equal(tree.entries[0].path[0], '/');
	assert_true(add(&tree, state, "trip/", NULL));
	assert_int_equal(tree.count, 8);
	assert_string_equal(tree.entries[4].name, "trip/a");
	file_tree_deinit(&tree);
	file_tree_deinit(&tree);
}

static void a_file_may_have_another_name(void **state)
{
	struct file_tree tree = {0};
	home_write(*state, "a", bytes_of_text("a"));
	assert_true(add(&tree, state, "a", "b"));
	assert_true(add(&tree, state, "a", NULL));
	assert_string_equal(tree.entries[0].name, "b");
	assert_string_equal(tree.entries[1].name, "a");
	assert_false(add(&tree, state, "nothing", NULL));
	assert_int_equal(tree.count, 2);
	file_tree_deinit(&tree);
}

static void folders_are_not_endless(void **state)
{
	struct file_tree tree = {0};
	char name[3 * CLI_FOLDERS_MAX] = "d";
	for (size_t i = 1; i < CLI_FOLDERS_MAX; i++) {
		make_folder(*state, name);
		memcpy(name + strlen(name), "/d", 3);
	}
	make_folder(*state, name);
	assert_true(add(&tree, state, "d", NULL));
	memcpy(name + strlen(name), "/d", 3);
	make_folder(*state, name);
	assert_false(add(&tree, state, "d", NULL));
	file_tree_deinit(&tree);
}

static void one_more_file_than_the_limit_is_refused(void **state)
{
	struct file_tree tree = {0};
	home_write(*state, "a", bytes_of_text("a"));
	for (size_t i = 0; i < CLI_FILES_MAX; i++)
		assert_true(add(&tree, state, "a", NULL));
	assert_false(add(&tree, state, "a", NULL));
	file_tree_deinit(&tree);
}

TESTS(HOME_TEST(a_folder_is_all_files_below_it_and_no_links),
	HOME_TEST(a_file_may_have_another_name), HOME_TEST(folders_are_not_endless),
	HOME_TEST(one_more_file_than_the_limit_is_refused))
