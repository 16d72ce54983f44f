/* Which row of a table of routes a request fits. */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include "base/bytes.h"
#include "web/server.h"

struct route_match {
	const struct web_route *route; /* NULL: none */
	bool path_fits;                /* some row has this path, for another method */
	size_t param_count;
	struct bytes params[WEB_PARAMS_MAX]; /* still percent-encoded */
	const char *names[WEB_PARAMS_MAX];   /* each ends in '}' */
};

/* `path` is percent-encoded. HEAD fits the rows of GET. */
struct route_match route_find(
	const struct web_route *routes, size_t count, const char *method, const char *path);

/* Whether a name of a parameter, as in `names`, is this one. */
bool route_name_is(const char *name_in_path, const char *name);

/* The methods that the path has, "GET, POST", into `text`. */
void route_methods(const struct web_route *routes, size_t count, const char *path, char *text,
	size_t capacity);

#endif
