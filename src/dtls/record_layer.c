#include "dtls/record_layer.h"
#include "dtls/limits.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#define EPOCH 1
#define SEQUENCE_BITS 48
/* RFC 5246 section 6.2.3.3: seq_num + type + version + length, of the plaintext. */
#define ADDITIONAL_SIZE 13
#define BLOCK_SIZE 16
#define NONCE_PART_SIZE 8

static_assert(DTLS_SEQUENCE_MAX < UINT64_C(1) << SEQUENCE_BITS, "it fits the record's field");
static_assert(DTLS_SEQUENCE_RESERVE < DTLS_SEQUENCE_MAX, "most numbers are for data");

/* Epoch and sequence number, as they stand in the header. */
static uint64_t number_of(uint64_t sequence)
{
	return (uint64_t)EPOCH << SEQUENCE_BITS | sequence;
}

static EVP_CIPHER_CTX *make_cipher(
	const struct suite *suite, const struct record_key *key, bool is_sealing)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	uint8_t salt[SUITE_IV_SIZE];
	memcpy(salt, key->salt, sizeof salt);
	if (cipher &&
		EVP_CipherInit_ex(cipher, suite->cipher(), NULL, key->key, NULL, is_sealing) == 1 &&
		(suite->explicit_size == 0 || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_IV_FIXED,
						      (int)suite->salt_size, salt) == 1))
		return cipher;
	EVP_CIPHER_CTX_free(cipher);
	return NULL;
}

enum err record_layer_init(struct record_layer *layer, const struct suite *suite,
	const struct record_key *sealing, const struct record_key *opening)
{
	*layer = (struct record_layer){.suite = suite};
	record_layer_continue(layer, 0, number_of(0));
	memcpy(layer->seal_salt, sealing->salt, sizeof layer->seal_salt);
	memcpy(layer->open_salt, opening->salt, sizeof layer->open_salt);
	layer->sealer = make_cipher(suite, sealing, true);
	layer->opener = make_cipher(suite, opening, false);
	if (layer->sealer && layer->opener)
		return ERR_OK;
	record_layer_deinit(layer);
	return openssl_error(ERR_CRYPTO);
}

void record_layer_deinit(struct record_layer *layer)
{
	/* These cleanse the keys they hold. */
	EVP_CIPHER_CTX_free(layer->sealer);
	EVP_CIPHER_CTX_free(layer->opener);
	OPENSSL_cleanse(layer, sizeof *layer);
}

void record_layer_continue(struct record_layer *layer, uint64_t sequence, uint64_t nonce)
{
	CHECK(sequence >= layer->next);
	layer->next = sequence;
	layer->nonce_offset = nonce - sequence;
}

size_t record_headroom(const struct suite *suite)
{
	return DTLS_RECORD_HEADER_SIZE + suite->explicit_size;
}

static void write_additional(
	uint8_t data[ADDITIONAL_SIZE], uint64_t number, uint8_t type, size_t size)
{
	struct writer w = writer_of(data, ADDITIONAL_SIZE);
	write_u64(&w, number);
	write_u8(&w, type);
	write_u16(&w, DTLS_VERSION_1_2);
	write_u16(&w, (uint16_t)size);
}

/* RFC 5288 section 3: the nonce is the salt and then the explicit part of the record. RFC 7905
 * section 2: it is the salt XORed with the sequence number, "padded on the left with four 0x00
 * bytes". A short salt has zeros behind it, so both are one to us. `part` is what differs from
 * record to record. */
static void make_nonce(const uint8_t salt[SUITE_IV_SIZE], const uint8_t part[NONCE_PART_SIZE],
	uint8_t nonce[SUITE_IV_SIZE])
{
	memcpy(nonce, salt, SUITE_IV_SIZE);
	for (size_t i = 0; i < NONCE_PART_SIZE; i++)
		nonce[SUITE_IV_SIZE - NONCE_PART_SIZE + i] ^= part[i];
}

/* ---- Sealing ---- */

/* The last numbers are for the alert that says that there are no more. */
static bool is_used_up(const struct record_layer *layer, enum dtls_record_type type)
{
	uint64_t reserve = type == DTLS_RECORD_ALERT ? 0 : DTLS_SEQUENCE_RESERVE;
	return layer->next > DTLS_SEQUENCE_MAX - reserve ||
	       (layer->blocks >= layer->suite->blocks_max && type != DTLS_RECORD_ALERT);
}

/* AES-GCM takes what changes from record to record at once and does the rest in one call, as libssl
 * has it do for TLS. EVP's general way looks up some thirty names of parameters for a record, which
 * costs more than the cipher does for a small one. The explicit part of the nonce, which is at
 * `data`, is written there once more. */
static bool encrypt_gcm(struct record_layer *layer, uint8_t nonce[SUITE_IV_SIZE],
	uint8_t additional[ADDITIONAL_SIZE], uint8_t *data, size_t size)
{
	const OSSL_PARAM parameters[] = {
		/* With the size -1 it is the whole nonce, not only what is derived of it. */
		OSSL_PARAM_construct_octet_string(
			OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, nonce, SIZE_MAX),
		OSSL_PARAM_construct_octet_string(
			OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, additional, ADDITIONAL_SIZE),
		OSSL_PARAM_construct_end(),
	};
	int whole = (int)(NONCE_PART_SIZE + size + SUITE_TAG_SIZE), written;
	return EVP_CIPHER_CTX_set_params(layer->sealer, parameters) == 1 &&
	       EVP_EncryptUpdate(layer->sealer, data, &written, data, whole) == 1 &&
	       written == whole;
}

static bool encrypt(struct record_layer *layer, const uint8_t nonce[SUITE_IV_SIZE],
	const uint8_t additional[ADDITIONAL_SIZE], uint8_t *data, size_t size)
{
	EVP_CIPHER_CTX *cipher = layer->sealer;
	int written;
	return EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_EncryptUpdate(cipher, NULL, &written, additional, ADDITIONAL_SIZE) == 1 &&
	       EVP_EncryptUpdate(cipher, data, &written, data, (int)size) == 1 &&
	       EVP_EncryptFinal_ex(cipher, data + size, &written) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, SUITE_TAG_SIZE, data + size) == 1;
}

enum err record_layer_seal(struct record_layer *layer, enum dtls_record_type type, uint8_t *record,
	size_t size, size_t *ret_size)
{
	const struct suite *suite = layer->suite;
	CHECK(size > 0);
	CHECK(size <= RECORD_PLAINTEXT_MAX);
	if (is_used_up(layer, type))
		return ERR_LIMIT;
	uint64_t number = number_of(layer->next);
	layer->blocks += (size + BLOCK_SIZE - 1) / BLOCK_SIZE + 1;

	uint8_t additional[ADDITIONAL_SIZE], nonce[SUITE_IV_SIZE];
	struct writer w = writer_of(record, record_headroom(suite));
	write_u8(&w, (uint8_t)type); /* one byte by its definition */
	write_u16(&w, DTLS_VERSION_1_2);
	write_u64(&w, number);
	write_u16(&w, (uint16_t)(suite->explicit_size + size + SUITE_TAG_SIZE));
	uint8_t *explicit = record + w.size;
	if (suite->explicit_size > 0)
		write_u64(&w, layer->next + layer->nonce_offset);
	CHECK(!w.failed);
	layer->next++;
	/* TLS has the cipher take the explicit part off the length. */
	write_additional(additional, number, record[0], suite->explicit_size + size);
	make_nonce(layer->seal_salt, suite->explicit_size > 0 ? explicit : additional, nonce);
	bool sealed = suite->explicit_size > 0
			      ? encrypt_gcm(layer, nonce, additional, explicit, size)
			      : encrypt(layer, nonce, additional, record + w.size, size);
	if (!sealed)
		return openssl_error(ERR_CRYPTO);
	*ret_size = w.size + size + RECORD_TAILROOM;
	return ERR_OK;
}

/* ---- Opening ---- */

/* See encrypt_gcm(). Not in one call, as that would be in place. */
static bool begin_opening_gcm(
	struct record_layer *layer, struct bytes explicit, uint8_t tag[SUITE_TAG_SIZE])
{
	uint8_t part[NONCE_PART_SIZE];
	memcpy(part, explicit.data, sizeof part);
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV, part, sizeof part),
		OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, SUITE_TAG_SIZE),
		OSSL_PARAM_construct_end(),
	};
	return EVP_CIPHER_CTX_set_params(layer->opener, parameters) == 1;
}

static bool begin_opening(struct record_layer *layer, const uint8_t additional[ADDITIONAL_SIZE],
	uint8_t tag[SUITE_TAG_SIZE])
{
	EVP_CIPHER_CTX *cipher = layer->opener;
	uint8_t nonce[SUITE_IV_SIZE];
	make_nonce(layer->open_salt, additional, nonce);
	return EVP_DecryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, SUITE_TAG_SIZE, tag) == 1;
}

static bool decrypt(struct record_layer *layer, struct bytes explicit,
	const uint8_t additional[ADDITIONAL_SIZE], struct bytes sealed, uint8_t *data)
{
	EVP_CIPHER_CTX *cipher = layer->opener;
	int size = (int)(sealed.size - SUITE_TAG_SIZE), written;
	uint8_t tag[SUITE_TAG_SIZE], none[1];
	memcpy(tag, sealed.data + size, sizeof tag);
	return (explicit.size > 0 ? begin_opening_gcm(layer, explicit, tag)
				  : begin_opening(layer, additional, tag)) &&
	       EVP_DecryptUpdate(cipher, NULL, &written, additional, ADDITIONAL_SIZE) == 1 &&
	       (size == 0 || EVP_DecryptUpdate(cipher, data, &written, sealed.data, size) == 1) &&
	       EVP_DecryptFinal_ex(cipher, none, &written) == 1;
}

bool record_layer_open(struct record_layer *layer, const struct dtls_record *record, uint8_t *data,
	size_t capacity, size_t *ret_size)
{
	const struct suite *suite = layer->suite;
	struct reader r = reader_of(record->fragment);
	struct bytes explicit = read_bytes(&r, suite->explicit_size);
	struct bytes sealed = r.rest;
	if (record->epoch != EPOCH || record->version != DTLS_VERSION_1_2 || r.failed ||
		sealed.size < SUITE_TAG_SIZE)
		return false;
	size_t size = sealed.size - SUITE_TAG_SIZE;
	/* RFC 5246 section 6.2.1: "The length MUST NOT exceed 2^14." */
	if (size > RECORD_PLAINTEXT_MAX || size > capacity ||
		!replay_window_admits(&layer->window, record->sequence))
		return false;
	uint8_t additional[ADDITIONAL_SIZE];
	write_additional(additional, number_of(record->sequence), record->type, size);
	/* What a peer puts into its explicit part is its own affair (RFC 5288 section 3). */
	if (!decrypt(layer, explicit, additional, sealed, data)) {
		layer->forged++;
		ERR_clear_error();
		return false;
	}
	replay_window_note(&layer->window, record->sequence);
	*ret_size = size;
	return true;
}

bool record_layer_is_worn(const struct record_layer *layer)
{
	return layer->forged >= DTLS_FORGERIES_MAX;
}
