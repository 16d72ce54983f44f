/* What browsers are told: which pages may ask this hub (CORS, the Fetch standard), and to be
 * careful with what they get. */
#ifndef HUB_CORS_H
#define HUB_CORS_H

#include <stdbool.h>

struct config;
struct hub;
struct web_request;

/* A list of origins with spaces between, as "https://chat.example", or nothing. */
bool cors_origins_are_good(const char *list);

/* Before any handler: adds headers. True: it was a browser's question whether it may ask, and was
 * answered. */
bool cors_prepare(struct web_request *request, void *user);

/* Whether the request comes from a page that may open a socket, or from no page at all; false: the
 * client was answered. A browser opens sockets for any page, so the server has to look (RFC 6455
 * section 10.2). */
bool cors_admit_socket(struct hub *hub, struct web_request *request);

#endif
