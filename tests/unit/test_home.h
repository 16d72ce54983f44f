/* A directory of a test's own for files of a node: made before each test, removed behind it. The
 * state of the test is its path. */
#ifndef TEST_HOME_H
#define TEST_HOME_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

#define HOME_TEST(name) cmocka_unit_test_setup_teardown(name, home_setup, home_teardown)

static inline int home_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *path = text_format("%s/dpc-test-XXXXXX", tmp ? tmp : "/tmp");
	*state = path;
	return path && mkdtemp(path) ? 0 : -1;
}

static inline int home_remove(
	const char *path, const struct stat *info, int kind, struct FTW *place)
{
	(void)info, (void)kind, (void)place;
	return remove(path);
}

static inline int home_teardown(void **state)
{
	int result = nftw(*state, home_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return result;
}

static inline void home_write(const char *home, const char *name, struct bytes text)
{
	char *path = text_format("%s/%s", home, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	if (text.size > 0)
		assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
	assert_int_equal(fclose(file), 0);
	free(path);
}

#endif
