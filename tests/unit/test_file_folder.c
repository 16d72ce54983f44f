#include "node/file_folder.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#define ALICE "dpc-node-0123456789abcdef"
#define BOB "dpc-node-fedcba9876543210"
#define NOW (1000 * USEC_PER_SEC)

static void the_folder_is_the_first_name_of_a_path(void **state)
{
	(void)state;
	assert_bytes_equal(file_folder_of("trip/day 1/a.jpg"), bytes_of_text("trip"));
	assert_int_equal(file_folder_of("trip").size, 0);
	assert_true(file_folder_is_same("trip/a", "trip/b/c"));
	assert_false(file_folder_is_same("trip/a", "trips/a"));
	assert_false(file_folder_is_same("a", "a"));
}

static void an_answer_holds_while_files_of_the_folder_keep_coming(void **state)
{
	(void)state;
	struct file_folders folders = {0};
	bool allow = false;
	usec now = NOW;
	assert_false(file_folders_find(&folders, ALICE, "trip/a", true, now, &allow));
	file_folders_answer(&folders, ALICE, "trip/a", true, now);
	for (int i = 0; i < 3; i++) {
		now += NODE_FILE_FOLDER_TIME - 1;
		assert_true(file_folders_find(&folders, ALICE, "trip/b", false, now, &allow));
		assert_true(allow);
	}
	assert_false(file_folders_find(&folders, BOB, "trip/b", true, now, &allow));
	assert_false(file_folders_find(&folders, ALICE, "trap/b", true, now, &allow));
	assert_false(file_folders_find(&folders, ALICE, "trip", true, now, &allow));
	file_folders_answer(&folders, ALICE, "trip/c", false, now);
	assert_true(file_folders_find(&folders, ALICE, "trip/d", false, now, &allow));
	assert_false(allow);
}

static void an_answer_is_forgotten_when_nothing_comes_any_more(void **state)
{
	(void)state;
	struct file_folders folders = {0};
	bool allow;
	file_folders_answer(&folders, ALICE, "trip/a", true, NOW);
	usec later = NOW + NODE_FILE_FOLDER_TIME;
	assert_false(file_folders_find(&folders, ALICE, "trip/b", false, later, &allow));
	assert_true(file_folders_find(&folders, ALICE, "trip/b", true, later, &allow));
}

static void about_a_file_alone_nothing_is_remembered(void **state)
{
	(void)state;
	struct file_folders folders = {0};
	bool allow;
	file_folders_answer(&folders, ALICE, "a", true, NOW);
	assert_false(file_folders_find(&folders, ALICE, "a", true, NOW, &allow));
}

static void the_oldest_answer_makes_way_at_the_limit(void **state)
{
	(void)state;
	struct file_folders *folders = calloc(1, sizeof *folders);
	char name[16];
	bool allow;
	assert_non_null(folders);
	for (int i = 0; i <= NODE_FILE_FOLDERS_MAX; i++) {
		snprintf(name, sizeof name, "%d/a", i);
		file_folders_answer(folders, ALICE, name, true, NOW + i);
	}
	assert_false(file_folders_find(folders, ALICE, "0/a", true, NOW, &allow));
	assert_true(file_folders_find(folders, ALICE, "1/a", true, NOW, &allow));
	assert_true(file_folders_find(folders, ALICE, name, true, NOW, &allow));
	free(folders);
}

TESTS(TEST(the_folder_is_the_first_name_of_a_path),
	TEST(an_answer_holds_while_files_of_the_folder_keep_coming),
	TEST(an_answer_is_forgotten_when_nothing_comes_any_more),
	TEST(about_a_file_alone_nothing_is_remembered),
	TEST(the_oldest_answer_makes_way_at_the_limit))
