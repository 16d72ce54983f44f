#include "crypto/node_id.h"
#include "base/text.h"
#include "crypto/limits.h"
#include "crypto/openssl.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define PREFIX "dpc-node-"
#define SHORT_DIGITS 16
#define LONG_DIGITS 32

/* Five decimal digits from five bytes of the digest, a group. */
#define SAFETY_GROUP_BYTES 5

static_assert(sizeof PREFIX + LONG_DIGITS <= NODE_ID_MAX, "an id fits");
static_assert(NODE_PIN_TEXT_MAX == 2 * SHA256_SIZE + 1, "a pin fits");

bool node_id_is_valid(const char *node_id)
{
	if (!node_id || !text_starts_with(node_id, PREFIX))
		return false;
	const char *digits = node_id + strlen(PREFIX);
	size_t count = strspn(digits, "0123456789abcdef");
	return digits[count] == '\0' && (count == SHORT_DIGITS || count == LONG_DIGITS);
}

bool node_id_matches_pin(const char *node_id, const struct node_pin *pin)
{
	if (!node_id_is_valid(node_id))
		return false;
	char text[NODE_PIN_TEXT_MAX];
	return text_starts_with(node_pin_text(pin, text), node_id + strlen(PREFIX));
}

char *node_id_of_pin(const struct node_pin *pin, char *node_id)
{
	char text[NODE_PIN_TEXT_MAX];
	node_pin_text(pin, text);
	snprintf(node_id, NODE_ID_MAX, PREFIX "%.*s", SHORT_DIGITS, text);
	return node_id;
}

static bool pin_of_pem(BIO *in, BIO *out, struct node_pin *ret_pin)
{
	char no_password[] = ""; /* keeps libcrypto from asking the terminal for one */
	EVP_PKEY *key = PEM_read_bio_PUBKEY(in, NULL, NULL, no_password);
	bool done = key && PEM_write_bio_PUBKEY(out, key) == 1;
	EVP_PKEY_free(key);
	char *text = NULL;
	long size = done ? BIO_get_mem_data(out, &text) : 0;
	if (size <= 0)
		return false;
	hash_sha256(bytes_of(text, (size_t)size), ret_pin->digest);
	return true;
}

bool node_pin_of_public_key(struct bytes pem, struct node_pin *ret_pin)
{
	if (pem.size == 0 || pem.size > CERTIFICATE_SIZE_MAX)
		return false;
	BIO *in = BIO_new_mem_buf(pem.data, (int)pem.size);
	BIO *out = BIO_new(BIO_s_mem());
	bool done = in && out && pin_of_pem(in, out, ret_pin);
	BIO_free(in);
	BIO_free(out);
	if (!done)
		(void)openssl_error(ERR_MALFORMED);
	return done;
}

bool node_pin_equal(const struct node_pin *a, const struct node_pin *b)
{
	return secret_equal(
		bytes_of(a->digest, sizeof a->digest), bytes_of(b->digest, sizeof b->digest));
}

char *node_pin_text(const struct node_pin *pin, char *text)
{
	hex_encode(bytes_of(pin->digest, sizeof pin->digest), text);
	return text;
}

bool node_pin_parse(const char *text, struct node_pin *ret_pin)
{
	struct node_pin pin;
	if (!hex_decode(text, pin.digest, sizeof pin.digest))
		return false;
	*ret_pin = pin;
	return true;
}

/* 60 digits are 199 bits. Whoever wants to sit between two people unseen needs a pair of keys whose
 * two numbers agree, which takes some 2^100 tries. */
char *node_safety_number(const struct node_pin *a, const struct node_pin *b, char *text)
{
	bool in_order = memcmp(a->digest, b->digest, sizeof a->digest) <= 0;
	const struct node_pin *low = in_order ? a : b, *high = in_order ? b : a;
	static const char context[] = "dpc-safety-number-v1\n";
	uint8_t input[sizeof context - 1 + 2 * SHA256_SIZE], digest[EVP_MAX_MD_SIZE];
	struct writer w = writer_of(input, sizeof input);
	write_text(&w, context);
	write_bytes(&w, bytes_of(low->digest, sizeof low->digest));
	write_bytes(&w, bytes_of(high->digest, sizeof high->digest));
	CHECK(!w.failed);
	CHECK(EVP_Digest(input, sizeof input, digest, NULL, EVP_sha512(), NULL) == 1);

	struct reader r = reader_of(bytes_of(digest, sizeof digest));
	for (size_t i = 0; i < NODE_SAFETY_GROUPS; i++) {
		uint64_t value = read_big_endian(&r, SAFETY_GROUP_BYTES) % 100000;
		snprintf(text + 6 * i, 7, "%05u%s", (unsigned)value,
			i + 1 < NODE_SAFETY_GROUPS ? " " : "");
	}
	return text;
}

bool node_safety_number_is(const char *number, const char *typed)
{
	static const char blanks[] = " \t\r\n";
	for (;; number++, typed++) {
		number += strspn(number, blanks);
		typed += strspn(typed, blanks);
		if (*number != *typed || !*number)
			return *number == *typed;
	}
}
