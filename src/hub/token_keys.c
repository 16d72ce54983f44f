#include "hub/token_keys.h"

#include <assert.h>

#include "base/rng.h"
#include "base/text.h"

/* How long a token of a key may still come. */
#define TOKENS_LAST_S (ACCESS_TOKEN_LIFETIME_S + TOKEN_FUTURE_MAX_S)
#define DAY_S (24 * 3600)

static_assert(TOKEN_KEYS_MAX >= 2, "one that signs, and one that retires");

static enum err add(struct store *store, int64_t now, int64_t retire_others)
{
	struct rng rng = rng_system();
	uint8_t id[(TOKEN_KEY_ID_MAX - 1) / 2];
	struct store_key key = {.created = now};
	rng_fill(&rng, id, sizeof id);
	rng_fill(&rng, key.secret, sizeof key.secret);
	hex_encode(bytes_of(id, sizeof id), key.id);
	enum err err = store_key_add(store, &key, retire_others);
	secret_cleanse(&key, sizeof key);
	return err;
}

enum err token_keys_load(struct token_keys *keys, struct store *store, int64_t now)
{
	struct token_keys fresh = {.loaded = now};
	enum err err = store_keys_get(store, now, fresh.keys, &fresh.count);
	if (err == ERR_OK && fresh.count == 0) {
		/* Another hub that starts just now may do so too; then there are two, and both
		 * count for a while. */
		err = add(store, now, now + TOKENS_LAST_S);
		if (err == ERR_OK)
			err = store_keys_get(store, now, fresh.keys, &fresh.count);
	}
	if (err == ERR_OK && fresh.count == 0)
		err = ERR_CORRUPT;
	if (err == ERR_OK)
		*keys = fresh;
	secret_cleanse(&fresh, sizeof fresh);
	return err;
}

enum err token_keys_rotate(struct token_keys *keys, struct store *store, int64_t now, bool at_once)
{
	enum err err = add(store, now, at_once ? now : now + TOKENS_LAST_S);
	return err == ERR_OK ? token_keys_load(keys, store, now) : err;
}

bool token_keys_are_old(const struct token_keys *keys, int64_t now, unsigned days)
{
	return token_keys_newest(keys)->created + (int64_t)days * DAY_S <= now;
}

void token_keys_forget(struct token_keys *keys)
{
	secret_cleanse(keys, sizeof *keys);
}

const struct store_key *token_keys_newest(const struct token_keys *keys)
{
	CHECK(keys->count > 0);
	return &keys->keys[0];
}

const struct store_key *token_keys_find(const struct token_keys *keys, const char *id, int64_t now)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct store_key *key = &keys->keys[i];
		if (strcmp(key->id, id) == 0)
			return key->retires == 0 || now < key->retires ? key : NULL;
	}
	return NULL;
}
