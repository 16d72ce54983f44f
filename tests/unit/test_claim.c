/* Two connections on one path: whose is which datagram. */
#include "dtls_pair.h"

static struct pair with_ids(size_t mtu, const char *client, const char *server)
{
	struct pair p = pair_with_mtu(mtu);
	if (client) {
		dtls_set_ids(p.ends[CLIENT], bytes_of_text(client), bytes_of_text(server));
		dtls_set_ids(p.ends[SERVER], bytes_of_text(server), bytes_of_text(client));
	}
	start(&p);
	return p;
}

/* Takes the next datagram of one end, which is not delivered yet. */
static struct bytes take(struct pair *p, int from)
{
	p->last_size = dtls_write(p->ends[from], p->last, sizeof p->last);
	assert_true(p->last_size > 0);
	return bytes_of(p->last, p->last_size);
}

static void deliver(struct pair *p, int to)
{
	dtls_receive(p->ends[to], clock_us, bytes_of(p->last, p->last_size));
}

static void assert_claims(
	const struct pair *p, struct bytes datagram, enum dtls_claim client, enum dtls_claim server)
{
	assert_int_equal(dtls_claims(p->ends[CLIENT], datagram), client);
	assert_int_equal(dtls_claims(p->ends[SERVER], datagram), server);
}

static void a_handshake_names_its_connection(void **state)
{
	(void)state;
	struct pair p = with_ids(0, "client-0000000000000p", "server-0000000000000p");
	struct pair q = with_ids(0, "client-0000000000000q", "server-0000000000000q");
	struct bytes hello = take(&p, CLIENT);
	assert_claims(&p, hello, DTLS_CLAIM_NONE, DTLS_CLAIM_CERTAIN);
	assert_claims(&q, hello, DTLS_CLAIM_NONE, DTLS_CLAIM_NONE);
	deliver(&p, SERVER);
	struct bytes answer = take(&p, SERVER);
	assert_claims(&p, answer, DTLS_CLAIM_CERTAIN, DTLS_CLAIM_NONE);
	assert_claims(&q, answer, DTLS_CLAIM_NONE, DTLS_CLAIM_NONE);
	deliver(&p, CLIENT);
	struct bytes proof = take(&p, CLIENT);
	assert_int_equal(dtls_claims(p.ends[SERVER], proof), DTLS_CLAIM_CERTAIN);
	assert_claims(&q, proof, DTLS_CLAIM_NONE, DTLS_CLAIM_NONE);
	pair_deinit(&p);
	pair_deinit(&q);
}

static void without_ids_a_hello_is_for_any_server_and_certificates_tell(void **state)
{
	(void)state;
	struct pair p = with_ids(0, NULL, NULL), q = with_ids(0, NULL, NULL);
	struct bytes hello = take(&p, CLIENT);
	assert_claims(&p, hello, DTLS_CLAIM_NONE, DTLS_CLAIM_GUESS);
	assert_claims(&q, hello, DTLS_CLAIM_NONE, DTLS_CLAIM_GUESS);
	deliver(&p, SERVER);
	struct bytes answer = take(&p, SERVER);
	assert_int_equal(dtls_claims(p.ends[CLIENT], answer), DTLS_CLAIM_CERTAIN);
	assert_int_equal(dtls_claims(q.ends[CLIENT], answer), DTLS_CLAIM_NONE);
	deliver(&p, CLIENT);
	struct bytes proof = take(&p, CLIENT);
	assert_int_equal(dtls_claims(p.ends[SERVER], proof), DTLS_CLAIM_CERTAIN);
	assert_int_equal(dtls_claims(q.ends[SERVER], proof), DTLS_CLAIM_NONE);
	pair_deinit(&p);
	pair_deinit(&q);
}

static void what_is_encrypted_is_for_whoever_can_open_it(void **state)
{
	(void)state;
	struct pair p = open_pair(), q = with_ids(0, NULL, NULL);
	struct bytes record = seal(&p, CLIENT, bytes_of_text("secret"));
	assert_claims(&p, record, DTLS_CLAIM_SHARED, DTLS_CLAIM_SHARED);
	assert_claims(&q, record, DTLS_CLAIM_SHARED, DTLS_CLAIM_SHARED);
	/* The server's last flight is that of ChangeCipherSpec. */
	const uint8_t change[] = {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1};
	assert_int_equal(
		dtls_claims(q.ends[CLIENT], bytes_of(change, sizeof change)), DTLS_CLAIM_SHARED);
	pair_deinit(&p);
	pair_deinit(&q);
}

static void a_change_of_ciphers_that_was_another_s_does_no_harm(void **state)
{
	(void)state;
	struct pair p = pair(), q = pair();
	start(&p);
	start(&q);
	for (int i = 0; i < 3; i++) {
		(void)take(&p, i % 2 ? SERVER : CLIENT);
		deliver(&p, i % 2 ? CLIENT : SERVER);
		(void)take(&q, i % 2 ? SERVER : CLIENT);
		deliver(&q, i % 2 ? CLIENT : SERVER);
	}
	/* Both clients wait for the last flight of their server, and get both. */
	struct bytes last = take(&q, SERVER);
	assert_int_equal(dtls_claims(p.ends[CLIENT], last), DTLS_CLAIM_SHARED);
	dtls_receive(p.ends[CLIENT], clock_us, last);
	last = take(&p, SERVER);
	dtls_receive(q.ends[CLIENT], clock_us, last);
	dtls_receive(p.ends[CLIENT], clock_us, last);
	deliver(&q, CLIENT);
	assert_true(is_open(&p));
	assert_true(is_open(&q));
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&q, SERVER, bytes_of_text("pong"));
	pair_deinit(&p);
	pair_deinit(&q);
}

/* Also in the smallest datagrams, where messages are in parts. */
static void nobody_disowns_what_is_its_own(void **state)
{
	(void)state;
	for (size_t mtu = DTLS_MTU_MIN; mtu <= DTLS_MTU_DEFAULT; mtu += 100) {
		struct pair p = with_ids(mtu, "client-0000000000000p", "server-0000000000000p");
		for (int idle = 0, from = CLIENT; idle < ENDS; from = !from) {
			size_t size = dtls_write(p.ends[from], p.last, sizeof p.last);
			idle = size > 0 ? 0 : idle + 1;
			if (size == 0)
				continue;
			p.last_size = size;
			assert_int_not_equal(dtls_claims(p.ends[!from], bytes_of(p.last, size)),
				DTLS_CLAIM_NONE);
			deliver(&p, !from);
		}
		assert_true(is_open(&p));
		pair_deinit(&p);
	}
}

static void a_handshake_is_not_for_who_has_done_with_it(void **state)
{
	(void)state;
	struct pair p = open_pair(), q = with_ids(0, NULL, NULL);
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	struct bytes hello = take(&q, CLIENT);
	assert_claims(&p, hello, DTLS_CLAIM_NONE, DTLS_CLAIM_NONE);
	pair_deinit(&p);
	pair_deinit(&q);
}

static void a_hello_cut_or_changed_anywhere_is_survived(void **state)
{
	(void)state;
	struct pair p = with_ids(0, "client-0000000000000p", "server-0000000000000p");
	struct bytes hello = take(&p, CLIENT);
	for (size_t size = 0; size < hello.size; size++)
		assert_int_equal(
			dtls_claims(p.ends[SERVER], bytes_of(hello.data, size)), DTLS_CLAIM_NONE);
	for (size_t i = 0; i < hello.size; i++) {
		uint8_t before = p.last[i];
		for (unsigned value = 0; value < 256; value += 15) {
			p.last[i] = (uint8_t)value;
			(void)dtls_claims(p.ends[SERVER], hello);
		}
		p.last[i] = before;
	}
	assert_int_equal(dtls_claims(p.ends[SERVER], hello), DTLS_CLAIM_CERTAIN);
	pair_deinit(&p);
}

TESTS(TEST(a_handshake_names_its_connection),
	TEST(without_ids_a_hello_is_for_any_server_and_certificates_tell),
	TEST(what_is_encrypted_is_for_whoever_can_open_it),
	TEST(a_change_of_ciphers_that_was_another_s_does_no_harm),
	TEST(nobody_disowns_what_is_its_own), TEST(a_handshake_is_not_for_who_has_done_with_it),
	TEST(a_hello_cut_or_changed_anywhere_is_survived))
