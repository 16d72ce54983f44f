#include "hub/bans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"

#define KIND_ACCOUNT "account"
#define KIND_NODE "node"
#define KIND_ADDRESS "address"

/* A kind, and a number, a node id, or family, length and prefix. */
#define KEY_MAX (1 + NODE_ID_MAX)

struct key {
	uint8_t size;
	uint8_t bytes[KEY_MAX];
};

struct entry {
	struct key key;
};

static struct bytes bytes_of_key(const struct key *key)
{
	return bytes_of(key->bytes, key->size);
}

/* ---- Keys ---- */

static struct key key_of_account(int64_t user_id)
{
	struct key key = {0};
	struct writer w = writer_of(key.bytes, sizeof key.bytes);
	write_u8(&w, 'a');
	write_u64(&w, (uint64_t)user_id);
	key.size = (uint8_t)w.size;
	return key;
}

static struct key key_of_node(const char *node_id)
{
	struct key key = {0};
	struct writer w = writer_of(key.bytes, sizeof key.bytes);
	write_u8(&w, 'n');
	write_bytes(&w, bytes_of_text(node_id));
	CHECK(!w.failed);
	key.size = (uint8_t)w.size;
	return key;
}

/* The first `length` bits of the address, the others zero. */
static struct addr prefix_of(const struct addr *addr, unsigned length)
{
	struct addr prefix = {.family = addr->family};
	size_t whole = length / 8;
	memcpy(prefix.ip, addr->ip, whole);
	if (length % 8 > 0)
		prefix.ip[whole] = (uint8_t)(addr->ip[whole] & (0xff00 >> length % 8));
	return prefix;
}

static struct key key_of_prefix(const struct addr *addr, unsigned length)
{
	struct key key = {0};
	struct addr prefix = prefix_of(addr, length);
	struct writer w = writer_of(key.bytes, sizeof key.bytes);
	write_u8(&w, 'p');
	write_u8(&w, (uint8_t)prefix.family);
	write_u8(&w, (uint8_t)length);
	write_bytes(&w, bytes_of(prefix.ip, addr_ip_size(&prefix)));
	CHECK(!w.failed);
	key.size = (uint8_t)w.size;
	return key;
}

/* ---- Writing ---- */

static bool parse_prefix(const char *text, struct addr *ret_addr, unsigned *ret_length)
{
	char ip[ADDR_TEXT_MAX];
	size_t size = strcspn(text, "/");
	uint32_t length;
	if (!text_copy_bytes(ip, sizeof ip, bytes_of(text, size)) ||
		!addr_parse_ip(ip, 0, ret_addr))
		return false;
	uint32_t max = (uint32_t)addr_ip_size(ret_addr) * 8;
	/* A mapped address was written in more bits than it has. */
	if (ret_addr->family == ADDR_IPV4 && strchr(ip, ':') && text[size])
		return false;
	if (!text[size])
		length = max;
	else if (!text_to_u32(text + size + 1, &length) || length > max)
		return false;
	*ret_length = length;
	return true;
}

bool ban_parse(const char *who, struct store_ban *ret_ban)
{
	struct store_ban ban = {0};
	struct addr addr;
	uint64_t user_id;
	unsigned length;
	char ip[ADDR_TEXT_MAX];
	if (text_to_u64(who, &user_id) && user_id > 0 && user_id <= INT64_MAX) {
		CHECK(text_copy(ban.kind, sizeof ban.kind, KIND_ACCOUNT));
		snprintf(ban.subject, sizeof ban.subject, "%llu", (unsigned long long)user_id);
	} else if (node_id_is_valid(who)) {
		CHECK(text_copy(ban.kind, sizeof ban.kind, KIND_NODE));
		CHECK(text_copy(ban.subject, sizeof ban.subject, who));
	} else if (parse_prefix(who, &addr, &length)) {
		CHECK(text_copy(ban.kind, sizeof ban.kind, KIND_ADDRESS));
		addr = prefix_of(&addr, length);
		snprintf(ban.subject, sizeof ban.subject, "%.50s/%u", addr_ip_text(&addr, ip),
			length);
	} else {
		return false;
	}
	*ret_ban = ban;
	return true;
}

/* The counter of its length, of a ban of an address, else NULL. */
static bool key_of(
	struct bans *bans, const struct store_ban *ban, struct key *ret_key, uint32_t **ret_counter)
{
	struct store_ban parsed;
	struct addr addr;
	unsigned length;
	*ret_counter = NULL;
	if (!ban_parse(ban->subject, &parsed) || strcmp(parsed.kind, ban->kind) != 0)
		return false;
	if (strcmp(parsed.kind, KIND_ACCOUNT) == 0) {
		uint64_t user_id = 0;
		CHECK(text_to_u64(parsed.subject, &user_id));
		*ret_key = key_of_account((int64_t)user_id);
	} else if (strcmp(parsed.kind, KIND_NODE) == 0) {
		*ret_key = key_of_node(parsed.subject);
	} else {
		CHECK(parse_prefix(parsed.subject, &addr, &length));
		*ret_key = key_of_prefix(&addr, length);
		*ret_counter = addr.family == ADDR_IPV4 ? &bans->prefixes_ipv4[length]
							: &bans->prefixes_ipv6[length];
	}
	return true;
}

/* ---- The table ---- */

void bans_init(struct bans *bans, struct rng *rng)
{
	*bans = (struct bans){.rng = rng};
	map_init(&bans->table, BANS_MAX, rng);
}

void bans_deinit(struct bans *bans)
{
	size_t cursor = 0;
	struct entry *entry;
	while ((entry = map_next(&bans->table, &cursor)))
		free(entry);
	map_deinit(&bans->table);
}

enum err bans_add(struct bans *bans, const struct store_ban *ban)
{
	uint32_t *counter;
	struct entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return ERR_NOMEM;
	enum err err = key_of(bans, ban, &entry->key, &counter) ? ERR_OK : ERR_MALFORMED;
	if (err == ERR_OK)
		err = map_insert(&bans->table, bytes_of_key(&entry->key), entry);
	if (err == ERR_OK && counter)
		++*counter;
	if (err != ERR_OK)
		free(entry);
	return err == ERR_EXISTS ? ERR_OK : err;
}

void bans_remove(struct bans *bans, const struct store_ban *ban)
{
	struct key key;
	uint32_t *counter;
	if (!key_of(bans, ban, &key, &counter))
		return;
	struct entry *entry = map_remove(&bans->table, bytes_of_key(&key));
	if (entry && counter)
		--*counter;
	free(entry);
}

static enum err load(struct bans *bans, struct store *store)
{
	struct store_ban page[ADMIN_PAGE_MAX], last;
	const struct store_ban *after = NULL;
	size_t count = 0;
	enum err err;
	do {
		err = store_bans_list(store, after, ADMIN_PAGE_MAX, page, &count);
		for (size_t i = 0; err == ERR_OK && i < count; i++) {
			err = bans_add(bans, &page[i]);
			if (err == ERR_MALFORMED) {
				log_warn("the ban of '%s' cannot be read", page[i].subject);
				err = ERR_OK;
			}
		}
		if (err == ERR_OK && count > 0) {
			last = page[count - 1];
			after = &last;
		}
	} while (err == ERR_OK && count == ADMIN_PAGE_MAX);
	return err;
}

enum err bans_load(struct bans *bans, struct store *store)
{
	struct bans fresh;
	bans_init(&fresh, bans->rng);
	enum err err = load(&fresh, store);
	if (err != ERR_OK) {
		bans_deinit(&fresh);
		return err;
	}
	bans_deinit(bans);
	*bans = fresh;
	return ERR_OK;
}

size_t bans_count(const struct bans *bans)
{
	return bans->table.count;
}

/* ---- Asking ---- */

static bool has(const struct bans *bans, const struct key *key)
{
	return map_get(&bans->table, bytes_of_key(key)) != NULL;
}

bool bans_have_account(const struct bans *bans, int64_t user_id)
{
	struct key key = key_of_account(user_id);
	return has(bans, &key);
}

bool bans_have_node(const struct bans *bans, const char *node_id)
{
	struct key key = key_of_node(node_id);
	return has(bans, &key);
}

bool bans_have_address(const struct bans *bans, const struct addr *addr)
{
	const uint32_t *prefixes =
		addr->family == ADDR_IPV4 ? bans->prefixes_ipv4 : bans->prefixes_ipv6;
	if (bans->table.count == 0 || addr->family == ADDR_NONE)
		return false;
	for (unsigned length = 0; length <= addr_ip_size(addr) * 8; length++) {
		if (prefixes[length] == 0)
			continue;
		struct key key = key_of_prefix(addr, length);
		if (has(bans, &key))
			return true;
	}
	return false;
}
