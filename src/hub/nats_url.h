/* Where NATS servers are: "nats://host", "nats://user:password@host:4222", "nats://token@[::1]". */
#ifndef HUB_NATS_URL_H
#define HUB_NATS_URL_H

#include "base/bytes.h"
#include "hub/limits.h"

struct nats_url {
	char host[256]; /* a name or an address, IPv6 without brackets */
	char user[128]; /* or the token, when there is no password */
	char password[256];
	uint16_t port;
};

/* Urls with spaces or commas between; false: there is none, one is malformed, or there are more
 * than NATS_URLS_MAX. */
bool nats_urls_parse(const char *list, struct nats_url urls[NATS_URLS_MAX], size_t *ret_count);
bool nats_urls_are_valid(const char *list);

#endif
