#include "hub/challenge.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"

#define TIME_SIZE 8
#define NONCE_SIZE 16
#define MAC_SIZE 24
#define CHALLENGE_SIZE (TIME_SIZE + NONCE_SIZE + MAC_SIZE)

static_assert(CHALLENGE_SIZE * 4 / 3 + 1 == CHALLENGE_TEXT_MAX, "no padding");

/* Over time, nonce, purpose and node id; the first two have fixed sizes, and no purpose has a line
 * feed. */
static void mac_of(const struct challenges *challenges, const uint8_t *time_and_nonce,
	const char *purpose, const char *node_id, uint8_t mac[SHA256_SIZE])
{
	uint8_t data[TIME_SIZE + NONCE_SIZE + 128];
	struct writer w = writer_of(data, sizeof data);
	write_bytes(&w, bytes_of(time_and_nonce, TIME_SIZE + NONCE_SIZE));
	write_bytes(&w, bytes_of_text(purpose));
	write_u8(&w, '\n');
	write_bytes(&w, bytes_of_text(node_id));
	CHECK(!w.failed);
	hash_hmac_sha256(bytes_of(challenges->key, sizeof challenges->key), writer_bytes(&w), mac);
}

enum err challenge_issue(struct challenges *challenges, const char *purpose, const char *node_id,
	int64_t now, char *text)
{
	uint8_t data[CHALLENGE_SIZE], nonce[NONCE_SIZE], mac[SHA256_SIZE];
	struct writer w = writer_of(data, sizeof data);
	rng_fill(challenges->rng, nonce, sizeof nonce);
	write_u64(&w, (uint64_t)(now + CHALLENGE_LIFETIME_S));
	write_bytes(&w, bytes_of(nonce, sizeof nonce));
	mac_of(challenges, data, purpose, node_id, mac);
	write_bytes(&w, bytes_of(mac, MAC_SIZE));
	char *encoded = base64url_encode(writer_bytes(&w));
	if (!encoded)
		return ERR_NOMEM;
	CHECK(text_copy(text, CHALLENGE_TEXT_MAX, encoded));
	free(encoded);
	return ERR_OK;
}

static enum err parse(const char *text, uint8_t data[CHALLENGE_SIZE], int64_t *ret_expires)
{
	size_t size;
	if (strlen(text) != CHALLENGE_TEXT_MAX - 1 ||
		!base64_decode(bytes_of_text(text), data, CHALLENGE_SIZE, &size) ||
		size != CHALLENGE_SIZE)
		return ERR_UNTRUSTED;
	struct reader r = reader_of(bytes_of(data, CHALLENGE_SIZE));
	uint64_t expires = read_u64(&r);
	if (expires > INT64_MAX)
		return ERR_UNTRUSTED;
	*ret_expires = (int64_t)expires;
	return ERR_OK;
}

enum err challenge_check(const struct challenges *challenges, const char *purpose,
	const char *node_id, const char *text, int64_t now)
{
	uint8_t data[CHALLENGE_SIZE], mac[SHA256_SIZE];
	int64_t expires;
	enum err err = parse(text, data, &expires);
	if (err != ERR_OK)
		return err;
	mac_of(challenges, data, purpose, node_id, mac);
	if (!secret_equal(
		    bytes_of(mac, MAC_SIZE), bytes_of(data + TIME_SIZE + NONCE_SIZE, MAC_SIZE)))
		return ERR_UNTRUSTED;
	if (expires <= now)
		return ERR_EXPIRED;
	/* Base64 can write the same bytes in two alphabets; the text that counts is the one we
	 * wrote. */
	return strpbrk(text, "+/") ? ERR_UNTRUSTED : ERR_OK;
}
