#include "web/route.h"

#include <stdio.h>

/* Whether the path fits the pattern, segment by segment; fills in the parameters. */
static bool path_fits(const char *pattern, const char *path, struct route_match *match)
{
	match->param_count = 0;
	while (*pattern == '/' && *path == '/') {
		pattern++;
		path++;
		size_t pattern_size = strcspn(pattern, "/"), size = strcspn(path, "/");
		if (*pattern == '{') {
			CHECK(match->param_count < WEB_PARAMS_MAX);
			if (size == 0)
				return false;
			match->names[match->param_count] = pattern + 1;
			match->params[match->param_count++] = bytes_of(path, size);
		} else if (!bytes_equal(bytes_of(pattern, pattern_size), bytes_of(path, size))) {
			return false;
		}
		pattern += pattern_size;
		path += size;
	}
	return *pattern == 0 && *path == 0;
}

static bool method_fits(const char *row, const char *method)
{
	return strcmp(row, method) == 0 || (strcmp(row, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

struct route_match route_find(
	const struct web_route *routes, size_t count, const char *method, const char *path)
{
	bool other_method = false;
	for (size_t i = 0; i < count; i++) {
		struct route_match match = {.route = &routes[i], .path_fits = true};
		if (!path_fits(routes[i].path, path, &match))
			continue;
		if (method_fits(routes[i].method, method))
			return match;
		other_method = true;
	}
	return (struct route_match){.path_fits = other_method};
}

bool route_name_is(const char *name_in_path, const char *name)
{
	size_t size = strlen(name);
	return strncmp(name_in_path, name, size) == 0 && name_in_path[size] == '}';
}

void route_methods(
	const struct web_route *routes, size_t count, const char *path, char *text, size_t capacity)
{
	size_t size = 0;
	text[0] = 0;
	for (size_t i = 0; i < count; i++) {
		struct route_match match;
		if (!path_fits(routes[i].path, path, &match))
			continue;
		int more = snprintf(
			text + size, capacity - size, "%s%s", size ? ", " : "", routes[i].method);
		if (more < 0 || (size_t)more >= capacity - size)
			return;
		size += (size_t)more;
	}
}
