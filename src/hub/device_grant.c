#include "hub/device_grant.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"

/* RFC 8628 section 6.1: no vowels, so no words, and nothing that looks like something else. 20^8
 * is 34 bits, behind a limit of how often one may guess. */
static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";
#define LETTER_COUNT (sizeof letters - 1)
#define CODE_LETTERS 8
#define SECRET_SIZE 32

#define KEY_MAX (8 + USER_CODE_MAX)

/* ---- Codes ---- */

static bool is_letter(char c)
{
	return c && strchr(letters, c);
}

bool user_code_parse(const char *text, char code[USER_CODE_MAX + 1])
{
	char found[USER_CODE_MAX + 1] = "";
	size_t size = 0;
	for (; *text; text++) {
		char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
		if (c == '-' || c == ' ')
			continue;
		if (!is_letter(c) || size == USER_CODE_MAX)
			return false;
		if (size == CODE_LETTERS / 2)
			found[size++] = '-';
		found[size++] = c;
	}
	if (size != USER_CODE_MAX)
		return false;
	memcpy(code, found, sizeof found);
	return true;
}

static void hash_of(const char *secret, char hash[2 * SHA256_SIZE + 1])
{
	uint8_t digest[SHA256_SIZE];
	hash_sha256(bytes_of_text(secret), digest);
	hex_encode(bytes_of(digest, sizeof digest), hash);
}

bool device_code_parse(
	const char *text, char user_code[USER_CODE_MAX + 1], char hash[2 * SHA256_SIZE + 1])
{
	char first[USER_CODE_MAX + 1];
	if (strlen(text) <= USER_CODE_MAX + 1 || text[USER_CODE_MAX] != '.')
		return false;
	CHECK(text_copy_bytes(first, sizeof first, bytes_of(text, USER_CODE_MAX)));
	if (!user_code_parse(first, user_code))
		return false;
	hash_of(text + USER_CODE_MAX + 1, hash);
	return true;
}

static void make_codes(struct device_grant *grant, struct rng *rng, char *device_code)
{
	uint8_t secret[SECRET_SIZE];
	char word[CODE_LETTERS + 1] = "", encoded[(4 * SECRET_SIZE + 2) / 3 + 1];
	for (size_t i = 0; i < CODE_LETTERS; i++)
		word[i] = letters[rng_below(rng, LETTER_COUNT)];
	CHECK(user_code_parse(word, grant->user_code));
	rng_fill(rng, secret, sizeof secret);
	base64url_write(bytes_of(secret, sizeof secret), encoded);
	hash_of(encoded, grant->secret_hash);
	snprintf(device_code, DEVICE_CODE_MAX, "%s.%s", grant->user_code, encoded);
}

/* ---- In the store ---- */

static void key_of(const char *user_code, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "device:%s", user_code);
}

static char *grant_text(const struct device_grant *grant)
{
	return json_take_text(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "secret",
		grant->secret_hash, "node_id", grant->node_id, "name", grant->name, "address",
		grant->address, "polled", (json_int_t)grant->polled, "interval",
		(json_int_t)grant->interval, "user", (json_int_t)grant->user_id, "state",
		(json_int_t)grant->state));
}

static bool take_text(const json_t *object, const char *name, char *to, size_t capacity)
{
	const char *text;
	return json_get_text(object, name, capacity - 1, &text) == ERR_OK &&
	       text_copy(to, capacity, text);
}

static enum err grant_parse(const char *text, const char *user_code, struct device_grant *ret_grant)
{
	struct device_grant grant = {0};
	json_t *object;
	int64_t state = 0;
	enum err err = json_parse_object(bytes_of_text(text), HUB_BODY_MAX, &object);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? err : ERR_CORRUPT;
	bool is_good =
		take_text(object, "secret", grant.secret_hash, sizeof grant.secret_hash) &&
		take_text(object, "node_id", grant.node_id, sizeof grant.node_id) &&
		take_text(object, "name", grant.name, sizeof grant.name) &&
		take_text(object, "address", grant.address, sizeof grant.address) &&
		json_get_integer(object, "polled", 0, INT64_MAX, &grant.polled) == ERR_OK &&
		json_get_integer(object, "interval", 0, INT32_MAX, &grant.interval) == ERR_OK &&
		json_get_integer(object, "user", 0, INT64_MAX, &grant.user_id) == ERR_OK &&
		json_get_integer(object, "state", 0, DEVICE_DENIED, &state) == ERR_OK;
	json_decref(object);
	if (!is_good)
		return ERR_CORRUPT;
	grant.state = (enum device_state)state;
	CHECK(text_copy(grant.user_code, sizeof grant.user_code, user_code));
	*ret_grant = grant;
	return ERR_OK;
}

enum err device_grant_put(struct store *store, struct device_grant *grant, const char *owner,
	struct rng *rng, int64_t now, char device_code[DEVICE_CODE_MAX])
{
	char key[KEY_MAX];
	make_codes(grant, rng, device_code);
	grant->interval = DEVICE_INTERVAL_S;
	grant->state = DEVICE_PENDING;
	key_of(grant->user_code, key);
	char *text = grant_text(grant);
	if (!text)
		return ERR_NOMEM;
	struct store_ticket ticket = {
		.key = key, .owner = owner, .text = text, .expires = now + DEVICE_LIFETIME_S};
	enum err err = store_ticket_put(store, &ticket, TICKETS_PER_OWNER_MAX, now);
	free(text);
	/* Two that drew the same letters: one in thirty thousand million has to ask again. */
	return err == ERR_EXISTS ? ERR_LIMIT : err;
}

/* With the text that it was read from, to be freed. */
static enum err get(struct store *store, const char *user_code, int64_t now,
	struct device_grant *ret_grant, char **ret_text)
{
	char key[KEY_MAX], *text;
	key_of(user_code, key);
	enum err err = store_ticket_get(store, key, now, &text);
	if (err != ERR_OK)
		return err;
	err = grant_parse(text, user_code, ret_grant);
	if (err == ERR_OK)
		*ret_text = text;
	else
		free(text);
	return err;
}

enum err device_grant_get(
	struct store *store, const char *user_code, int64_t now, struct device_grant *ret_grant)
{
	char *text;
	enum err err = get(store, user_code, now, ret_grant, &text);
	if (err == ERR_OK)
		free(text);
	return err;
}

/* ERR_NOT_FOUND: somebody else has changed it meanwhile. */
static enum err change(
	struct store *store, const struct device_grant *grant, const char *old_text, int64_t now)
{
	char key[KEY_MAX];
	key_of(grant->user_code, key);
	char *text = grant_text(grant);
	enum err err = text ? store_ticket_change(store, key, old_text, text, now) : ERR_NOMEM;
	free(text);
	return err;
}

enum err device_grant_decide(
	struct store *store, const char *user_code, int64_t user_id, int64_t now)
{
	enum err err = ERR_NOT_FOUND;
	/* The device that asks at another hub changes it too, every few seconds. */
	for (unsigned tries = 0; tries < 3 && err == ERR_NOT_FOUND; tries++) {
		struct device_grant grant;
		char *text;
		err = get(store, user_code, now, &grant, &text);
		if (err != ERR_OK)
			return err;
		bool is_pending = grant.state == DEVICE_PENDING;
		grant.state = user_id ? DEVICE_APPROVED : DEVICE_DENIED;
		grant.user_id = user_id;
		err = is_pending ? change(store, &grant, text, now) : ERR_NOT_FOUND;
		free(text);
		if (!is_pending)
			break;
	}
	return err;
}

static enum err take(struct store *store, const char *user_code, int64_t now)
{
	char key[KEY_MAX], *text;
	key_of(user_code, key);
	enum err err = store_ticket_take(store, key, now, &text);
	if (err == ERR_OK)
		free(text);
	return err;
}

static enum err poll(
	struct store *store, struct device_grant *grant, const char *old_text, int64_t now)
{
	enum err err;
	switch (grant->state) {
	case DEVICE_PENDING:
		err = now < grant->polled + grant->interval ? ERR_LIMIT : ERR_AGAIN;
		/* RFC 8628 section 3.5: "the interval MUST be increased by 5 seconds for this
		 * and all subsequent requests". */
		if (err == ERR_LIMIT)
			grant->interval += DEVICE_INTERVAL_S;
		grant->polled = now;
		/* Whoever has changed it meanwhile has decided, which the next time tells. */
		(void)change(store, grant, old_text, now);
		return err;
	case DEVICE_APPROVED:
		return take(store, grant->user_code, now);
	case DEVICE_DENIED:
		err = take(store, grant->user_code, now);
		return err == ERR_OK ? ERR_DENIED : err;
	}
	UNREACHABLE();
}

enum err device_grant_poll(
	struct store *store, const char *device_code, int64_t now, struct device_grant *ret_grant)
{
	char user_code[USER_CODE_MAX + 1], hash[2 * SHA256_SIZE + 1], *text;
	struct device_grant grant;
	if (!device_code_parse(device_code, user_code, hash))
		return ERR_NOT_FOUND;
	enum err err = get(store, user_code, now, &grant, &text);
	if (err != ERR_OK)
		return err;
	err = secret_equal(bytes_of_text(hash), bytes_of_text(grant.secret_hash))
		      ? poll(store, &grant, text, now)
		      : ERR_NOT_FOUND;
	free(text);
	if (err == ERR_OK)
		*ret_grant = grant;
	return err;
}
