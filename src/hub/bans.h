/* Who is shut out of the hub: accounts, nodes and addresses, as a table that is asked at every
 * request. The store keeps the list. */
#ifndef HUB_BANS_H
#define HUB_BANS_H

#include "base/addr.h"
#include "base/map.h"
#include "hub/store.h"

/* Lengths of a prefix of an address: 0 to 128. */
#define BANS_PREFIX_LENGTHS 129

struct bans {
	struct map table;
	/* How many address bans there are of each length of a prefix, so that only those are looked
	 * for. */
	uint32_t prefixes_ipv4[BANS_PREFIX_LENGTHS], prefixes_ipv6[BANS_PREFIX_LENGTHS];
	struct rng *rng;
};

void bans_init(struct bans *bans, struct rng *rng);
/* Accepts a zeroed one. */
void bans_deinit(struct bans *bans);

/* Kind and subject of what a person writes: the number of an account, a node id, or an IP address
 * or the beginning of some ("192.0.2.0/24", "2001:db8::/32"), whose other bits are set to zero.
 * False: it is none of them. */
bool ban_parse(const char *who, struct store_ban *ret_ban);

/* One more; ERR_OK too when it is there already. ERR_MALFORMED, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err bans_add(struct bans *bans, const struct store_ban *ban);
void bans_remove(struct bans *bans, const struct store_ban *ban);
/* All that the store has, instead of what is there; on failure nothing has changed. ERR_NOMEM, and
 * errors of the store. */
MUST_CHECK enum err bans_load(struct bans *bans, struct store *store);
size_t bans_count(const struct bans *bans);

bool bans_have_account(const struct bans *bans, int64_t user_id);
bool bans_have_node(const struct bans *bans, const char *node_id);
bool bans_have_address(const struct bans *bans, const struct addr *addr);

#endif
