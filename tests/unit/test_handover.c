/* From libssl's records to ours: against libssl at the other end, with losses, and with every
 * sequence number written down. */
#include "dtls/dtls.h"
#include "base/rng.h"
#include "crypto/self_signed.h"
#include "dtls/internal.h"

#include <malloc.h>
#include <openssl/x509.h>

#include "dtls_pair.h"

static const enum dtls_records both_records[] = {DTLS_RECORDS_OWN, DTLS_RECORDS_LIBSSL};

static void set_records(enum dtls_records client, enum dtls_records server)
{
	pair_records[CLIENT] = client;
	pair_records[SERVER] = server;
}

/* ---- Every cipher ---- */

/* An RSA certificate for the server, and the client told of it. */
static void use_rsa(struct pair *p)
{
	static EVP_PKEY *key;
	if (!key)
		key = EVP_RSA_gen(2048);
	X509 *x509;
	uint8_t digest[32];
	unsigned size = sizeof digest;
	char text[3 * sizeof digest + 1] = "";
	assert_non_null(key);
	assert_ok(self_signed_certificate(key, "test", UNIX_TIME - 1, UNIX_TIME + 1, &x509));
	assert_int_equal(X509_digest(x509, EVP_sha256(), digest, &size), 1);
	for (size_t i = 0; i < size; i++)
		snprintf(text + 3 * i, 4, "%02X:", digest[i]);
	assert_ok(dtls_expect(
		p->ends[CLIENT], bytes_of_text("sha-256"), bytes_of(text, 3 * size - 1)));
	assert_int_equal(SSL_use_certificate(p->ends[SERVER]->ssl, x509), 1);
	assert_int_equal(SSL_use_PrivateKey(p->ends[SERVER]->ssl, key), 1);
	X509_free(x509);
}

static struct pair open_pair_with(const struct suite *suite)
{
	struct pair p = pair();
	assert_int_equal(SSL_set_cipher_list(p.ends[CLIENT]->ssl, suite->name), 1);
	if (strstr(suite->name, "RSA-") == suite->name + strlen("ECDHE-"))
		use_rsa(&p);
	start(&p);
	carry(&p);
	assert_true(is_open(&p));
	return p;
}

/* libssl's list and ours are one. */
static void every_cipher_that_is_offered_is_ours(void **state)
{
	(void)state;
	STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(dtls_context());
	size_t offered = 0;
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
		/* Those of TLS 1.3, which is no DTLS, stand in the same list. */
		if (strcmp(SSL_CIPHER_get_version(cipher), "TLSv1.3") == 0)
			continue;
		offered++;
		const struct suite *suite = suite_find(SSL_CIPHER_get_protocol_id(cipher));
		assert_non_null(suite);
		assert_string_equal(suite->name, SSL_CIPHER_get_name(cipher));
		assert_int_equal(SSL_CIPHER_is_aead(cipher), 1);
		assert_string_equal(suite->hash,
			EVP_MD_get0_name(SSL_CIPHER_get_handshake_digest(cipher)) +
				(strncmp(EVP_MD_get0_name(SSL_CIPHER_get_handshake_digest(cipher)),
					 "SHA2-", 5) == 0
						? 5
						: 0));
	}
	assert_int_equal(offered, suite_count);
}

static void records_pass_both_ways_with_every_cipher_and_libssl(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 15, 16, 17, 1163, 16384};
	static uint8_t plaintext[16384];
	for (size_t i = 0; i < 3 * suite_count; i++) {
		set_records(i % 3 != 0 ? DTLS_RECORDS_OWN : DTLS_RECORDS_LIBSSL,
			i % 3 != 1 ? DTLS_RECORDS_OWN : DTLS_RECORDS_LIBSSL);
		struct pair p = open_pair_with(&suites[i / 3]);
		assert_ptr_equal(p.ends[CLIENT]->suite, &suites[i / 3]);
		for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
			memset(plaintext, (int)j, sizes[j]);
			assert_carries(&p, CLIENT, bytes_of(plaintext, sizes[j]));
			assert_carries(&p, SERVER, bytes_of(plaintext, sizes[j]));
		}
		/* And the end, which is an alert. */
		int closing = i % 2 ? CLIENT : SERVER;
		dtls_close(p.ends[closing]);
		carry(&p);
		assert_int_equal(dtls_state(p.ends[!closing]), DTLS_CLOSED);
		pair_deinit(&p);
	}
}

/* ---- When ---- */

static void a_client_is_done_with_the_servers_last_flight(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	struct pair p = open_pair();
	assert_null(p.ends[CLIENT]->ssl);
	assert_non_null(p.ends[SERVER]->ssl);
	pair_deinit(&p);
}

static void a_server_is_done_with_the_first_record_of_the_client(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	struct pair p = open_pair();
	assert_carries(&p, SERVER, bytes_of_text("not by what it says itself"));
	assert_non_null(p.ends[SERVER]->ssl);
	/* Nor by what anybody could say. */
	uint8_t data[128];
	struct bytes record = seal(&p, CLIENT, bytes_of_text("forged"));
	memcpy(data, record.data, record.size);
	data[record.size - 1] ^= 1;
	dtls_receive(p.ends[SERVER], clock_us, bytes_of(data, record.size));
	assert_reads_nothing(&p, SERVER);
	assert_non_null(p.ends[SERVER]->ssl);
	assert_carries(&p, CLIENT, bytes_of_text("genuine"));
	assert_null(p.ends[SERVER]->ssl);
	assert_carries(&p, SERVER, bytes_of_text("back"));
	pair_deinit(&p);
}

/* Numbers that are not in a row would be of a libssl that we do not know. */
static void libssl_stays_when_its_numbers_are_not_understood(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	for (int i = 0; i < 3; i++) {
		struct pair p = open_pair();
		struct sealed_by_libssl *sealed = &p.ends[SERVER]->datagrams.sealed;
		if (i == 0)
			sealed->next_sequence++;
		else if (i == 1)
			sealed->next_nonce--;
		else
			sealed->count = 0;
		if (i < 2)
			assert_carries(&p, SERVER, bytes_of_text("leaps"));
		assert_carries(&p, CLIENT, bytes_of_text("ping"));
		assert_non_null(p.ends[SERVER]->ssl);
		assert_carries(&p, SERVER, bytes_of_text("pong"));
		pair_deinit(&p);
	}
}

static void libssl_stays_where_the_records_are_its(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_LIBSSL, DTLS_RECORDS_LIBSSL);
	struct pair p = open_pair();
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	assert_non_null(p.ends[CLIENT]->ssl);
	assert_non_null(p.ends[SERVER]->ssl);
	pair_deinit(&p);
}

/* ---- The last flight ---- */

/* The server is open, and its last flight has been lost: `data_first` records of it are on their
 * way to the client all the same. */
static void lose_the_last_flight(struct pair *p, size_t data_first)
{
	start(p);
	while (dtls_state(p->ends[SERVER]) == DTLS_HANDSHAKE) {
		carry_one(p, CLIENT);
		if (dtls_state(p->ends[SERVER]) == DTLS_HANDSHAKE)
			carry_one(p, SERVER);
	}
	uint8_t data[DTLS_DATAGRAM_MAX];
	while (dtls_write(p->ends[SERVER], data, sizeof data) > 0)
		continue;
	for (size_t i = 0; i < data_first; i++)
		dtls_receive(p->ends[CLIENT], clock_us, seal(p, SERVER, bytes_of_text("ahead")));
	assert_int_equal(dtls_state(p->ends[CLIENT]), DTLS_HANDSHAKE);
}

static void a_lost_last_flight_is_repeated(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		set_records(both_records[i % 2], both_records[i / 2]);
		struct pair p = pair();
		lose_the_last_flight(&p, 0);
		assert_true(wait(&p));
		carry(&p);
		assert_true(is_open(&p));
		assert_carries(&p, CLIENT, bytes_of_text("ping"));
		assert_carries(&p, SERVER, bytes_of_text("pong"));
		pair_deinit(&p);
	}
}

/* Gives a datagram to libssl itself, past all that dtls/ does. */
static void give_libssl(struct dtls *end, struct bytes datagram)
{
	end->datagrams.input = datagram;
	if (SSL_do_handshake(end->ssl) == 1)
		end->state = DTLS_OPEN;
	end->datagrams.input = (struct bytes){0};
	ERR_clear_error();
}

/* More records than libssl's window of 64 has room for. It opens what it has kept before it looks
 * at Finished, which would be too old if it had a number from before those records. */
static void a_last_flight_behind_much_data_is_accepted_by_libssl(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_LIBSSL, DTLS_RECORDS_OWN);
	struct pair p = pair();
	lose_the_last_flight(&p, 0);
	struct dtls *client = p.ends[CLIENT], *server = p.ends[SERVER];
	for (int i = 0; i < 90; i++)
		give_libssl(client, seal(&p, SERVER, bytes_of_text("ahead")));
	assert_true(wait(&p));
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	while ((size = dtls_write(client, data, sizeof data)) > 0)
		dtls_receive(server, clock_us, bytes_of(data, size));
	while ((size = dtls_write(server, data, sizeof data)) > 0)
		give_libssl(client, bytes_of(data, size));
	assert_int_equal(client->state, DTLS_OPEN);
	/* It has kept some of them. */
	while (SSL_read(client->ssl, data, sizeof data) == 5)
		assert_memory_equal(data, "ahead", 5);
	client->datagrams.input = seal(&p, SERVER, bytes_of_text("later"));
	assert_int_equal(SSL_read(client->ssl, data, sizeof data), 5);
	assert_memory_equal(data, "later", 5);
	pair_deinit(&p);
}

static void data_ahead_of_a_lost_last_flight_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		set_records(both_records[i % 2], both_records[i / 2]);
		struct pair p = pair();
		lose_the_last_flight(&p, 60);
		assert_true(wait(&p));
		carry(&p);
		assert_true(is_open(&p));
		for (int n = 0; n < 60; n++)
			assert_reads(&p, CLIENT, bytes_of_text("ahead"));
		assert_reads_nothing(&p, CLIENT);
		assert_carries(&p, CLIENT, bytes_of_text("ping"));
		assert_carries(&p, SERVER, bytes_of_text("pong"));
		pair_deinit(&p);
	}
}

/* The client's last flight, which is not the last of all, lost several times. */
static void a_lost_flight_of_the_client_is_repeated(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		set_records(both_records[i % 2], both_records[i / 2]);
		struct pair p = pair();
		start(&p);
		carry_one(&p, CLIENT);
		while (carry_one(&p, SERVER))
			continue;
		uint8_t data[DTLS_DATAGRAM_MAX];
		for (int lost = 0; lost < 3; lost++) {
			while (dtls_write(p.ends[CLIENT], data, sizeof data) > 0)
				continue;
			assert_true(wait(&p));
		}
		carry(&p);
		assert_true(is_open(&p));
		assert_carries(&p, CLIENT, bytes_of_text("ping"));
		pair_deinit(&p);
	}
}

static void what_is_kept_ahead_of_its_keys_is_limited(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	struct pair p = pair();
	uint8_t record[100] = {DTLS_RECORD_APPLICATION_DATA, 0xfe, 0xfd, 0, 1, [12] = 87};
	start(&p);
	size_t fit = DTLS_AHEAD_BYTES_MAX / sizeof record;
	for (size_t i = 0; i < fit; i++)
		dtls_receive(p.ends[CLIENT], clock_us, bytes_of(record, sizeof record));
	assert_int_equal(dtls_stats(p.ends[CLIENT])->dropped, 0);
	record[0] = DTLS_RECORD_HANDSHAKE;
	for (size_t i = 0; i < 1000; i++)
		dtls_receive(p.ends[CLIENT], clock_us, bytes_of(record, sizeof record));
	assert_int_equal(dtls_stats(p.ends[CLIENT])->dropped, 1000);
	/* libssl has been shown none of them. */
	carry(&p);
	assert_true(is_open(&p));
	assert_reads_nothing(&p, CLIENT);
	assert_int_equal(dtls_stats(p.ends[CLIENT])->dropped, 1000 + fit);
	assert_null(p.ends[CLIENT]->ahead.data);
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	pair_deinit(&p);
}

/* Finished overtakes the change of keys that it is behind. */
static void a_finished_that_is_ahead_of_the_change_is_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		set_records(both_records[i % 2], both_records[i / 2]);
		struct pair p = pair();
		start(&p);
		bool moved = true;
		uint8_t data[DTLS_DATAGRAM_MAX];
		while (moved) {
			moved = false;
			for (int from = 0; from < ENDS; from++) {
				size_t size = dtls_write(p.ends[from], data, sizeof data);
				moved = moved || size > 0;
				struct bytes rest = bytes_of(data, size), last = {0};
				struct dtls_record record;
				while (dtls_record_next(&rest, &record))
					last = record.whole;
				/* The last record of a datagram before all others. */
				if (last.size > 0)
					dtls_receive(p.ends[!from], clock_us, last);
				if (last.size > 0 && last.size < size)
					dtls_receive(p.ends[!from], clock_us,
						bytes_of(data, size - last.size));
			}
		}
		assert_true(is_open(&p));
		assert_int_equal(dtls_stats(p.ends[CLIENT])->retransmissions, 0);
		pair_deinit(&p);
	}
}

/* ---- Afterwards ---- */

static struct pair settled_pair(void)
{
	struct pair p = open_pair();
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	return p;
}

static struct bytes seal_with_type(struct dtls *from, enum dtls_record_type type, struct bytes text)
{
	static uint8_t record[256];
	size_t size;
	memcpy(record + dtls_headroom(from), text.data, text.size);
	assert_ok(record_layer_seal(&from->layer, type, record, text.size, &size));
	return bytes_of(record, size);
}

static void nothing_of_the_old_epoch_counts(void **state)
{
	(void)state;
	static const uint8_t hello[] = {
		22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 12, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0};
	static const uint8_t alert[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
	static const uint8_t change[] = {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 98, 0, 1, 1};
	static const uint8_t data[] = {23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 98, 0, 1, 1};
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	struct pair p = settled_pair();
	for (int i = 0; i < ENDS; i++) {
		uint64_t before = dtls_stats(p.ends[i])->dropped;
		dtls_receive(p.ends[i], clock_us, bytes_of(hello, sizeof hello));
		dtls_receive(p.ends[i], clock_us, bytes_of(alert, sizeof alert));
		dtls_receive(p.ends[i], clock_us, bytes_of(change, sizeof change));
		dtls_receive(p.ends[i], clock_us, bytes_of(data, sizeof data));
		assert_reads_nothing(&p, i);
		assert_int_equal(dtls_stats(p.ends[i])->dropped, before + 4);
	}
	assert_true(is_open(&p));
	pair_deinit(&p);
}

/* RFC 5246 section 7.4.1.1: "This message MAY be ignored by the client". */
static void nobody_begins_another_handshake(void **state)
{
	(void)state;
	static const uint8_t hello_request[12] = {0}, client_hello[12] = {1};
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	struct pair p = settled_pair();
	for (int i = 0; i < ENDS; i++) {
		uint64_t before = dtls_stats(p.ends[i])->dropped;
		dtls_receive(p.ends[i], clock_us,
			seal_with_type(p.ends[!i], DTLS_RECORD_HANDSHAKE,
				i == CLIENT ? bytes_of(hello_request, 12)
					    : bytes_of(client_hello, 12)));
		assert_int_equal(dtls_stats(p.ends[i])->dropped, before + 1);
		assert_carries(&p, !i, bytes_of_text("still here"));
	}
	carry(&p);
	assert_true(is_open(&p));
	pair_deinit(&p);
}

static void alerts_of_the_peer_are_obeyed(void **state)
{
	(void)state;
	static const struct {
		const char *alert;
		enum dtls_state state;
		const char *error;
	} cases[] = {
		{"\x01\x5a", DTLS_OPEN, ""},
		{"\x01\x64", DTLS_OPEN, ""},
		{"\x02\x14", DTLS_FAILED, "connection failed: peer's alert: bad record mac"},
		{"\x02\x50", DTLS_FAILED, "connection failed: peer's alert: internal error"},
	};
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
		struct pair p = settled_pair();
		int at = i % 2 ? CLIENT : SERVER;
		dtls_receive(p.ends[at], clock_us,
			seal_with_type(
				p.ends[!at], DTLS_RECORD_ALERT, bytes_of(cases[i / 2].alert, 2)));
		assert_int_equal(dtls_state(p.ends[at]), cases[i / 2].state);
		assert_string_equal(dtls_error(p.ends[at]), cases[i / 2].error);
		pair_deinit(&p);
	}
}

static void alerts_of_another_size_are_dropped(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	struct pair p = settled_pair();
	uint64_t before = dtls_stats(p.ends[CLIENT])->dropped;
	static const size_t sizes[] = {1, 3, 60};
	for (size_t i = 0; i < 3; i++) {
		static const uint8_t fatal[60] = {2, 80};
		dtls_receive(p.ends[CLIENT], clock_us,
			seal_with_type(
				p.ends[SERVER], DTLS_RECORD_ALERT, bytes_of(fatal, sizes[i])));
	}
	assert_int_equal(dtls_stats(p.ends[CLIENT])->dropped, before + 3);
	assert_true(is_open(&p));
	pair_deinit(&p);
}

static void used_up_keys_end_the_connection_at_both_ends(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	for (int i = 0; i < 2; i++) {
		struct pair p = settled_pair();
		uint8_t data[64] = {0};
		size_t size;
		if (i == 0)
			p.ends[CLIENT]->layer.next = DTLS_SEQUENCE_MAX - DTLS_SEQUENCE_RESERVE + 1;
		else
			p.ends[CLIENT]->layer.blocks = DTLS_SEALED_BLOCKS_MAX;
		assert_err(dtls_seal(p.ends[CLIENT], data, sizeof data, 1, &size), ERR_LIMIT);
		assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_FAILED);
		assert_string_equal(dtls_error(p.ends[CLIENT]),
			"connection failed: its keys have sealed all that they may");
		carry(&p);
		assert_int_equal(dtls_state(p.ends[SERVER]), DTLS_CLOSED);
		pair_deinit(&p);
	}
}

static void too_many_forgeries_end_the_connection(void **state)
{
	(void)state;
	static const uint8_t forged[50] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 1, 0, 0, 37};
	set_records(DTLS_RECORDS_OWN, DTLS_RECORDS_OWN);
	struct pair p = settled_pair();
	p.ends[CLIENT]->layer.forged = DTLS_FORGERIES_MAX - 2;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_OPEN);
		dtls_receive(p.ends[CLIENT], clock_us, bytes_of(forged, sizeof forged));
		assert_reads_nothing(&p, CLIENT);
	}
	assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_FAILED);
	assert_string_equal(
		dtls_error(p.ends[CLIENT]), "connection failed: too many forged records");
	pair_deinit(&p);
}

static void an_empty_record_is_genuine_but_nothing_to_read(void **state)
{
	(void)state;
	set_records(DTLS_RECORDS_LIBSSL, DTLS_RECORDS_OWN);
	struct pair p = open_pair();
	/* libssl does not write one, so its peer is another of ours, with the same keys. */
	struct record_layer layer = {0};
	struct record_secret secret;
	struct record_keys keys;
	SSL *ssl = p.ends[CLIENT]->ssl;
	SSL_SESSION_get_master_key(SSL_get_session(ssl), secret.master, sizeof secret.master);
	SSL_get_client_random(ssl, secret.client_random, HELLO_RANDOM_SIZE);
	SSL_get_server_random(ssl, secret.server_random, HELLO_RANDOM_SIZE);
	assert_ok(record_keys_derive(p.ends[CLIENT]->suite, &secret, &keys));
	assert_ok(record_layer_init(&layer, p.ends[CLIENT]->suite, &keys.client, &keys.server));
	uint8_t record[64], tag[16], nonce[12],
		additional[13] = {0, 1, 0, 0, 0, 0, 0, 9, 23, 0xfe, 0xfd, 0, 0};
	struct writer w = writer_of(record, sizeof record);
	write_u8(&w, 23);
	write_u16(&w, 0xfefd);
	write_bytes(&w, bytes_of(additional, 8));
	write_u16(&w, 24);
	write_bytes(&w, bytes_of(additional, 8));
	memcpy(nonce, keys.client.salt, 4);
	memcpy(nonce + 4, additional, 8);
	int written;
	EVP_EncryptInit_ex(layer.sealer, NULL, NULL, NULL, nonce);
	EVP_EncryptUpdate(layer.sealer, NULL, &written, additional, sizeof additional);
	EVP_EncryptFinal_ex(layer.sealer, tag, &written);
	EVP_CIPHER_CTX_ctrl(layer.sealer, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	write_bytes(&w, bytes_of(tag, 16));
	dtls_receive(p.ends[SERVER], clock_us, writer_bytes(&w));
	assert_reads_nothing(&p, SERVER);
	assert_int_equal(dtls_stats(p.ends[SERVER])->dropped, 0);
	assert_null(p.ends[SERVER]->ssl);
	record_layer_deinit(&layer);
	pair_deinit(&p);
}

/* ---- No nonce twice ---- */

#define RECORDS_MAX 1000

static struct {
	uint64_t sequences[RECORDS_MAX], nonces[RECORDS_MAX];
	size_t count;
} written[ENDS];

/* Every record that an end makes, whether it arrives or not. With AES-GCM the nonce is in it. */
static void note(int from, struct bytes datagram)
{
	struct dtls_record record;
	while (dtls_record_next(&datagram, &record)) {
		if (record.epoch == 0)
			continue;
		struct reader r = reader_of(record.fragment);
		uint64_t nonce = read_u64(&r);
		size_t count = written[from].count++;
		assert_false(r.failed);
		assert_int_equal(record.epoch, 1);
		assert_true(count < RECORDS_MAX);
		for (size_t i = 0; i < count; i++) {
			assert_true(record.sequence != written[from].sequences[i]);
			assert_true(nonce != written[from].nonces[i]);
		}
		written[from].sequences[count] = record.sequence;
		written[from].nonces[count] = nonce;
	}
	assert_int_equal(datagram.size, 0);
}

static void read_all(struct pair *p, int at)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	while (dtls_read(p->ends[at], data, sizeof data, &size))
		assert_bytes_equal(bytes_of(data, size), bytes_of_text("data"));
}

/* Takes one datagram of an end, of the handshake or else of data, and perhaps loses it. */
static bool send_one(struct pair *p, struct rng *rng, int from, bool may_lose)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	struct dtls *end = p->ends[from];
	size_t size = dtls_write(end, data, sizeof data);
	if (size == 0 && dtls_state(end) == DTLS_OPEN && rng_below(rng, 3) == 0)
		assert_ok(seal_into(end, bytes_of_text("data"), data, sizeof data, &size));
	if (size == 0)
		return false;
	note(from, bytes_of(data, size));
	int copies = !may_lose || rng_below(rng, 2) ? 1 + (rng_below(rng, 10) == 0) : 0;
	for (int i = 0; i < copies; i++) {
		dtls_receive(p->ends[!from], clock_us, bytes_of(data, size));
		read_all(p, !from);
	}
	return true;
}

/* Adds how many flights were repeated, and whether there was time enough to open. */
static void run_one(uint64_t seed, uint64_t *repeated, int *opened)
{
	struct rng rng = rng_seeded(seed);
	struct pair p = pair();
	memset(written, 0, sizeof written);
	start(&p);
	for (int step = 0; step < 400; step++) {
		bool moved = send_one(&p, &rng, step % 2, step < 300);
		if (!moved && rng_below(&rng, 4) == 0)
			(void)wait(&p);
	}
	for (int i = 0; i < 1000 && !is_open(&p); i++) {
		if (!send_one(&p, &rng, i % 2, false))
			(void)wait(&p);
	}
	*opened += is_open(&p);
	*repeated += dtls_stats(p.ends[CLIENT])->retransmissions;
	for (int i = 0; i < ENDS; i++) {
		dtls_close(p.ends[i]);
		(void)send_one(&p, &rng, i, false);
		/* One row without gaps, whoever was the writer. */
		size_t count = written[i].count;
		if (count > 0) {
			assert_int_equal(written[i].sequences[count - 1], count - 1);
			assert_true(
				written[i].nonces[count - 1] == written[i].nonces[0] + count - 1);
		}
	}
	pair_deinit(&p);
}

static void no_nonce_is_used_twice(void **state)
{
	(void)state;
	uint64_t repeated = 0;
	int opened = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		set_records(both_records[seed % 4 == 1], both_records[seed % 4 == 2]);
		run_one(seed, &repeated, &opened);
	}
	/* It has been tried. */
	assert_true(repeated > 60);
	assert_true(opened > 50);
}

/* ---- Memory ---- */

/* Of the sanitizer's heap, of which mallinfo2() knows nothing. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t heap_in_use(void)
{
	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
						       : mallinfo2().uordblks;
}

static size_t heap_of(enum dtls_records records)
{
	set_records(records, records);
	struct pair p = settled_pair();
	size_t before = heap_in_use();
	for (int i = 0; i < ENDS; i++)
		dtls_destroy(p.ends[i]);
	size_t freed = before - heap_in_use();
	for (int i = 0; i < ENDS; i++)
		dtls_certificate_destroy(p.certificates[i]);
	return freed / ENDS;
}

static void an_open_connection_holds_little(void **state)
{
	(void)state;
	size_t own = heap_of(DTLS_RECORDS_OWN), libssl = heap_of(DTLS_RECORDS_LIBSSL);
	print_message("bytes held by an open connection: %zu, with libssl %zu\n", own, libssl);
	assert_true(own < 4096);
	assert_true(own < libssl / 10);
}

TESTS(TEST(every_cipher_that_is_offered_is_ours),
	TEST(records_pass_both_ways_with_every_cipher_and_libssl),
	TEST(a_client_is_done_with_the_servers_last_flight),
	TEST(a_server_is_done_with_the_first_record_of_the_client),
	TEST(libssl_stays_where_the_records_are_its),
	TEST(libssl_stays_when_its_numbers_are_not_understood),
	TEST(a_lost_last_flight_is_repeated),
	TEST(a_last_flight_behind_much_data_is_accepted_by_libssl),
	TEST(data_ahead_of_a_lost_last_flight_is_read),
	TEST(a_lost_flight_of_the_client_is_repeated),
	TEST(what_is_kept_ahead_of_its_keys_is_limited),
	TEST(a_finished_that_is_ahead_of_the_change_is_kept), TEST(nothing_of_the_old_epoch_counts),
	TEST(nobody_begins_another_handshake), TEST(alerts_of_the_peer_are_obeyed),
	TEST(alerts_of_another_size_are_dropped),
	TEST(used_up_keys_end_the_connection_at_both_ends),
	TEST(too_many_forgeries_end_the_connection),
	TEST(an_empty_record_is_genuine_but_nothing_to_read), TEST(no_nonce_is_used_twice),
	TEST(an_open_connection_holds_little))
