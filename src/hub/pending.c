#include "hub/pending.h"

#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "message/json.h"

/* Of the MACs and secrets: no two purposes share a value. */
#define LABEL_MAC "mac"
#define LABEL_STATE "state"
#define LABEL_NONCE "nonce"
#define LABEL_VERIFIER "verifier"

#define VERIFIER_MIN 43
#define VERIFIER_MAX 128
#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* HMAC over the label, a line feed and the data, in base64url. */
static void derive(const uint8_t key[PENDING_KEY_SIZE], const char *label, struct bytes data,
	char text[PENDING_SECRET_MAX])
{
	uint8_t message[PENDING_TEXT_MAX + 32], mac[SHA256_SIZE];
	struct writer w = writer_of(message, sizeof message);
	write_bytes(&w, bytes_of_text(label));
	write_u8(&w, '\n');
	write_bytes(&w, data);
	CHECK(!w.failed);
	hash_hmac_sha256(bytes_of(key, PENDING_KEY_SIZE), writer_bytes(&w), mac);
	base64url_write(bytes_of(mac, sizeof mac), text);
}

/* ---- The cookie ---- */

static json_t *describe(const struct pending *pending)
{
	char id[2 * PENDING_ID_SIZE + 1];
	hex_encode(bytes_of(pending->id, sizeof pending->id), id);
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "id", id, "expires",
		(json_int_t)pending->expires, "provider", pending->provider, "redirect_uri",
		pending->redirect_uri, "challenge", pending->challenge, "state", pending->state,
		"user_code", pending->user_code);
}

char *pending_seal(
	struct pending *pending, const uint8_t key[PENDING_KEY_SIZE], struct rng *rng, int64_t now)
{
	char mac[PENDING_SECRET_MAX];
	rng_fill(rng, pending->id, sizeof pending->id);
	pending->expires = now + PENDING_LIFETIME_S;
	char *json = json_take_text(describe(pending));
	char *encoded = json ? base64url_encode(bytes_of_text(json)) : NULL;
	char *text = NULL;
	if (encoded) {
		CHECK(strlen(encoded) + PENDING_SECRET_MAX < PENDING_TEXT_MAX);
		derive(key, LABEL_MAC, bytes_of_text(encoded), mac);
		text = text_format("%s.%s", encoded, mac);
	}
	free(encoded);
	free(json);
	return text;
}

static bool take_text(const json_t *object, const char *name, char *to, size_t capacity)
{
	const char *text;
	return json_get_text(object, name, capacity - 1, &text) == ERR_OK &&
	       text_copy(to, capacity, text);
}

static enum err parse(struct bytes encoded, struct pending *pending)
{
	uint8_t data[PENDING_TEXT_MAX];
	size_t size;
	char id[2 * PENDING_ID_SIZE + 1];
	json_t *object;
	if (!base64_decode(encoded, data, sizeof data, &size))
		return ERR_MALFORMED;
	enum err err = json_parse_object(bytes_of(data, size), sizeof data, &object);
	if (err != ERR_OK)
		return err;
	bool is_good =
		take_text(object, "id", id, sizeof id) &&
		hex_decode(id, pending->id, sizeof pending->id) &&
		take_text(object, "provider", pending->provider, sizeof pending->provider) &&
		take_text(object, "redirect_uri", pending->redirect_uri,
			sizeof pending->redirect_uri) &&
		take_text(object, "challenge", pending->challenge, sizeof pending->challenge) &&
		take_text(object, "state", pending->state, sizeof pending->state) &&
		take_text(object, "user_code", pending->user_code, sizeof pending->user_code) &&
		json_get_integer(object, "expires", 0, INT64_MAX, &pending->expires) == ERR_OK;
	json_decref(object);
	return is_good ? ERR_OK : ERR_MALFORMED;
}

enum err pending_open(const char *text, const uint8_t key[PENDING_KEY_SIZE], int64_t now,
	struct pending *ret_pending)
{
	char mac[PENDING_SECRET_MAX];
	struct pending pending = {0};
	size_t size = strcspn(text, ".");
	if (strlen(text) >= PENDING_TEXT_MAX || !text[size])
		return ERR_MALFORMED;
	derive(key, LABEL_MAC, bytes_of(text, size), mac);
	if (!secret_equal(bytes_of_text(mac), bytes_of_text(text + size + 1)))
		return ERR_UNTRUSTED;
	enum err err = parse(bytes_of(text, size), &pending);
	if (err != ERR_OK)
		return err;
	if (pending.expires <= now)
		return ERR_EXPIRED;
	*ret_pending = pending;
	return ERR_OK;
}

static void challenge_of(const char *verifier, char challenge[PENDING_SECRET_MAX])
{
	uint8_t digest[SHA256_SIZE];
	hash_sha256(bytes_of_text(verifier), digest);
	base64url_write(bytes_of(digest, sizeof digest), challenge);
}

void pending_secrets(const struct pending *pending, const uint8_t key[PENDING_KEY_SIZE],
	struct pending_secrets *ret_secrets)
{
	struct bytes id = bytes_of(pending->id, sizeof pending->id);
	derive(key, LABEL_STATE, id, ret_secrets->state);
	derive(key, LABEL_NONCE, id, ret_secrets->nonce);
	derive(key, LABEL_VERIFIER, id, ret_secrets->verifier);
	challenge_of(ret_secrets->verifier, ret_secrets->challenge);
}

/* ---- What a client brings ---- */

bool pkce_challenge_is_valid(const char *challenge)
{
	size_t size = strlen(challenge);
	return size == PENDING_SECRET_MAX - 1 && strspn(challenge, BASE64URL) == size;
}

bool pkce_verify(const char *verifier, const char *challenge)
{
	char made[PENDING_SECRET_MAX];
	size_t size = strlen(verifier);
	if (size < VERIFIER_MIN || size > VERIFIER_MAX || strspn(verifier, UNRESERVED) != size)
		return false;
	challenge_of(verifier, made);
	return secret_equal(bytes_of_text(made), bytes_of_text(challenge));
}

bool client_state_is_valid(const char *state)
{
	size_t size = strlen(state);
	return size <= CLIENT_STATE_MAX && strspn(state, UNRESERVED) == size;
}

bool redirect_uri_is_loopback(const char *uri)
{
	static const char *const hosts[] = {"http://127.0.0.1:", "http://[::1]:"};
	uint64_t port;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		if (!text_starts_with(uri, hosts[i]))
			continue;
		const char *at = uri + strlen(hosts[i]);
		size_t digits = strcspn(at, "/");
		/* Nothing in the path that could end it, or the header that it goes into. */
		return strlen(uri) <= REDIRECT_URI_MAX && at[digits] == '/' &&
		       bytes_to_u64(bytes_of(at, digits), &port) && port >= 1 &&
		       port <= UINT16_MAX &&
		       strspn(at + digits, UNRESERVED "/") == strlen(at + digits);
	}
	return false;
}
