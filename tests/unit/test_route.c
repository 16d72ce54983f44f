#include "test.h"

#include "web/route.h"

static void handle(struct web_request *request, void *user)
{
	(void)request;
	(void)user;
}

static const struct web_route routes[] = {
	{"GET", "/", handle, 0, 0},
	{"GET", "/peers", handle, 0, 0},
	{"POST", "/peers", handle, 0, 0},
	{"GET", "/peers/{peer}", handle, 0, 0},
	{"POST", "/peers/{peer}/accept", handle, 0, 0},
	{"GET", "/files/{peer}/{file}", handle, 0, 0},
};

#define COUNT (sizeof routes / sizeof routes[0])

static void a_path_finds_its_row(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		int row; /* -1: none, -2: none for this method */
	} cases[] = {{"GET", "/", 0}, {"HEAD", "/", 0}, {"POST", "/", -2}, {"GET", "/peers", 1},
		{"POST", "/peers", 2}, {"DELETE", "/peers", -2}, {"GET", "/peers/", -1},
		{"GET", "/peers/bob", 3}, {"GET", "/peers/a%2Fb", 3},
		{"GET", "/peers/bob/accept", -2}, {"POST", "/peers/bob/accept", 4},
		{"POST", "/peers//accept", -1}, {"POST", "/peers/bob/accept/x", -1},
		{"GET", "/files/bob/x", 5}, {"GET", "/files/bob", -1}, {"GET", "", -1},
		{"GET", "//", -1}, {"GET", "/Peers", -1}, {"GET", "/peersx", -1}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct route_match match =
			route_find(routes, COUNT, cases[i].method, cases[i].path);
		if (cases[i].row >= 0)
			assert_ptr_equal(match.route, &routes[cases[i].row]);
		else
			assert_null(match.route);
		assert_int_equal(match.path_fits, cases[i].row != -1);
	}
}

static void parameters_are_named(void **state)
{
	(void)state;
	struct route_match match = route_find(routes, COUNT, "GET", "/files/bob/x%20y");
	assert_int_equal(match.param_count, 2);
	assert_true(route_name_is(match.names[0], "peer"));
	assert_true(route_name_is(match.names[1], "file"));
	assert_false(route_name_is(match.names[1], "fil"));
	assert_bytes_equal(match.params[0], bytes_of_text("bob"));
	assert_bytes_equal(match.params[1], bytes_of_text("x%20y"));
}

static void the_methods_of_a_path_are_listed_as_far_as_they_fit(void **state)
{
	(void)state;
	char text[16];
	route_methods(routes, COUNT, "/peers", text, sizeof text);
	assert_string_equal(text, "GET, POST");
	route_methods(routes, COUNT, "/none", text, sizeof text);
	assert_string_equal(text, "");
	route_methods(routes, COUNT, "/peers", text, 5);
	assert_true(strlen(text) < 5);
}

TESTS(TEST(a_path_finds_its_row), TEST(parameters_are_named),
	TEST(the_methods_of_a_path_are_listed_as_far_as_they_fit))
