#include "ice/turn_internal.h"

#include <stdlib.h>

#include "test.h"

#define START (1000 * USEC_PER_SEC)
#define LIFETIME 600

/* A server at the other end: it answers what it is told to, with credentials as coturn has them. */
struct world {
	struct rng rng;
	struct turn *turn;
	usec now;
	uint8_t data[TURN_REQUEST_MAX];
	size_t size;
	struct stun_message request; /* the last one read */
	const char *nonce;
	uint32_t lifetime;
	uint8_t key[MD5_SIZE];
};

static struct addr addr4(uint8_t last, uint16_t port)
{
	return (struct addr){.family = ADDR_IPV4, .port = port, .ip = {192, 0, 2, last}};
}

static struct addr addr6(uint8_t last, uint16_t port)
{
	return (struct addr){
		.family = ADDR_IPV6, .port = port, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = last}};
}

static void setup_for(struct world *w, bool stream, enum addr_family family)
{
	*w = (struct world){
		.rng = rng_seeded(1), .now = START, .nonce = "nonce-1", .lifetime = LIFETIME};
	struct turn_config config = {
		.stream = stream,
		.family = family,
		.username = bytes_of_text("1700000000:alice"),
		.password = bytes_of_text("secret"),
		.rng = &w->rng,
	};
	hash_md5(bytes_of_text("1700000000:alice:example.org:secret"), w->key);
	assert_ok(turn_create(&config, w->now, &w->turn));
}

static void setup(struct world *w, bool stream)
{
	setup_for(w, stream, ADDR_IPV4);
}

static void teardown(struct world *w)
{
	turn_destroy(w->turn);
}

/* The client's next request, which has to be one for `method`. */
static void expect(struct world *w, uint16_t method)
{
	w->size = turn_write(w->turn, w->data, sizeof w->data);
	assert_true(w->size > 0);
	assert_ok(stun_parse(bytes_of(w->data, w->size), &w->request));
	assert_int_equal(w->request.class, STUN_REQUEST);
	assert_int_equal(w->request.method, method);
}

static void expect_nothing(struct world *w)
{
	assert_int_equal(turn_write(w->turn, w->data, sizeof w->data), 0);
}

static void expect_authentic(struct world *w)
{
	assert_true(stun_check_integrity(&w->request, bytes_of(w->key, sizeof w->key)));
	assert_true(bytes_equal_text(w->request.username, "1700000000:alice"));
	assert_true(bytes_equal_text(w->request.realm, "example.org"));
	assert_true(bytes_equal_text(w->request.nonce, w->nonce));
}

static void give(struct world *w, const struct writer *message)
{
	struct addr peer;
	struct bytes payload;
	assert_false(message->failed);
	assert_false(turn_receive(w->turn, w->now, writer_bytes(message), &peer, &payload));
}

static struct writer answer(struct world *w, uint8_t *data, size_t capacity, enum stun_class class)
{
	struct writer message = writer_of(data, capacity);
	stun_begin(&message, class, w->request.method, w->request.id.data);
	return message;
}

static void give_error(struct world *w, uint16_t code, bool with_integrity)
{
	uint8_t data[STUN_MESSAGE_MAX];
	struct writer message = answer(w, data, sizeof data, STUN_ERROR);
	stun_add_error(&message, code, "no");
	stun_add_bytes(&message, STUN_REALM, bytes_of_text("example.org"));
	stun_add_bytes(&message, STUN_NONCE, bytes_of_text(w->nonce));
	if (code == 300) {
		struct addr other = addr4(99, 3479);
		stun_add_addr(&message, STUN_ALTERNATE_SERVER, &other);
	}
	if (with_integrity)
		stun_add_integrity(&message, bytes_of(w->key, sizeof w->key));
	give(w, &message);
}

static void give_success(struct world *w)
{
	uint8_t data[STUN_MESSAGE_MAX];
	struct writer message = answer(w, data, sizeof data, STUN_SUCCESS);
	if (w->request.method == TURN_ALLOCATE) {
		struct addr relayed = addr4(200, 50000), mapped = addr4(1, 40000);
		stun_add_addr(&message, STUN_XOR_RELAYED_ADDRESS, &relayed);
		stun_add_addr(&message, STUN_XOR_MAPPED_ADDRESS, &mapped);
	}
	if (w->request.method == TURN_ALLOCATE || w->request.method == TURN_REFRESH)
		stun_add_u32(&message, STUN_LIFETIME, w->lifetime);
	stun_add_integrity(&message, bytes_of(w->key, sizeof w->key));
	give(w, &message);
}

static void challenge(struct world *w)
{
	expect(w, TURN_ALLOCATE);
	assert_false(stun_has(&w->request, STUN_USERNAME));
	give_error(w, 401, false);
	expect(w, TURN_ALLOCATE);
	expect_authentic(w);
}

static void allocate(struct world *w, bool stream)
{
	setup(w, stream);
	challenge(w);
	give_success(w);
	assert_int_equal(turn_state(w->turn), TURN_READY);
}

static void go_to(struct world *w, usec at)
{
	w->now = at;
	turn_advance(w->turn, at);
	assert_true(turn_deadline(w->turn) > at);
}

static enum err send_to(
	struct world *w, struct addr peer, const char *text, struct writer *ret_wrapped)
{
	static uint8_t data[STUN_MESSAGE_MAX];
	*ret_wrapped = writer_of(data, sizeof data);
	return turn_wrap(w->turn, w->now, &peer, bytes_of_text(text), ret_wrapped);
}

/* ---- The allocation ---- */

static void an_allocation_is_made_with_the_credentials_that_the_challenge_asks_for(void **state)
{
	(void)state;
	struct world w;
	allocate(&w, false);
	struct addr relayed = turn_relayed(w.turn, ADDR_IPV4), mapped = turn_mapped(w.turn),
		    expected = addr4(200, 50000);
	assert_true(addr_equal(&relayed, &expected));
	expected = addr4(1, 40000);
	assert_true(addr_equal(&mapped, &expected));
	teardown(&w);
}

/* ---- Two families ---- */

/* What a server gives, in an answer to an Allocate: zero is nothing. */
static void give_allocation(
	struct world *w, const struct addr *first, const struct addr *second, uint32_t refusal)
{
	uint8_t data[STUN_MESSAGE_MAX];
	struct writer message = answer(w, data, sizeof data, STUN_SUCCESS);
	if (first)
		stun_add_addr(&message, STUN_XOR_RELAYED_ADDRESS, first);
	if (second)
		stun_add_addr(&message, STUN_XOR_RELAYED_ADDRESS, second);
	if (refusal)
		stun_add_u32(&message, STUN_ADDRESS_ERROR_CODE, refusal);
	stun_add_u32(&message, STUN_LIFETIME, LIFETIME);
	stun_add_integrity(&message, bytes_of(w->key, sizeof w->key));
	give(w, &message);
}

static void assert_relayed(struct world *w, enum addr_family family, const struct addr *expected)
{
	struct addr relayed = turn_relayed(w->turn, family);
	assert_int_equal(turn_state(w->turn), TURN_READY);
	assert_true(addr_equal(&relayed, expected ? expected : &(struct addr){0}));
}

static void one_allocation_has_an_address_of_each_family(void **state)
{
	(void)state;
	struct world w;
	struct addr four = addr4(200, 50000), six = addr6(2, 50001);
	for (int order = 0; order < 2; order++) {
		setup_for(&w, false, ADDR_NONE);
		challenge(&w);
		/* RFC 8656 section 7.1: never both. */
		assert_true(stun_has(&w.request, STUN_ADDITIONAL_ADDRESS_FAMILY));
		assert_true(stun_has(&w.request, STUN_ADDITIONAL_ADDRESS_FAMILY_DRAFT));
		assert_false(stun_has(&w.request, STUN_REQUESTED_ADDRESS_FAMILY));
		give_allocation(&w, order ? &six : &four, order ? &four : &six, 0);
		assert_relayed(&w, ADDR_IPV4, &four);
		assert_relayed(&w, ADDR_IPV6, &six);
		struct writer wrapped;
		assert_ok(send_to(&w, addr4(7, 1), "\1", &wrapped));
		assert_ok(send_to(&w, addr6(7, 1), "\1", &wrapped));
		teardown(&w);
	}
}

static void a_family_that_is_refused_leaves_the_other(void **state)
{
	(void)state;
	static const struct {
		bool is_six;      /* that is given */
		uint32_t refusal; /* family, class, number */
		uint16_t code;
	} table[] = {{false, 0x02000428, 440}, {false, 0x02000508, 508}, {true, 0x01000428, 440},
		{true, 0x01000508, 508}, {false, 0, 0}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct world w;
		struct writer wrapped;
		struct addr four = addr4(200, 50000), six = addr6(2, 50001);
		bool is_six = table[i].is_six;
		setup_for(&w, false, ADDR_NONE);
		challenge(&w);
		give_allocation(&w, is_six ? &six : &four, NULL, table[i].refusal);
		assert_relayed(&w, ADDR_IPV4, is_six ? NULL : &four);
		assert_relayed(&w, ADDR_IPV6, is_six ? &six : NULL);
		assert_int_equal(
			turn_family_error(w.turn, is_six ? ADDR_IPV4 : ADDR_IPV6), table[i].code);
		assert_int_equal(turn_family_error(w.turn, is_six ? ADDR_IPV6 : ADDR_IPV4), 0);
		assert_err(send_to(&w, is_six ? addr4(7, 1) : addr6(7, 1), "\1", &wrapped),
			ERR_UNSUPPORTED);
		teardown(&w);
	}
}

static void a_server_of_ipv6_alone_is_asked_for_that(void **state)
{
	(void)state;
	struct world w;
	struct addr six = addr6(2, 50001);
	setup_for(&w, false, ADDR_NONE);
	challenge(&w);
	give_error(&w, 440, true);
	expect(&w, TURN_ALLOCATE);
	expect_authentic(&w);
	assert_true(stun_has(&w.request, STUN_REQUESTED_ADDRESS_FAMILY));
	assert_false(stun_has(&w.request, STUN_ADDITIONAL_ADDRESS_FAMILY));
	give_allocation(&w, &six, NULL, 0);
	assert_relayed(&w, ADDR_IPV4, NULL);
	assert_relayed(&w, ADDR_IPV6, &six);
	teardown(&w);
	/* And one that has neither is not asked a third time. */
	setup_for(&w, false, ADDR_NONE);
	challenge(&w);
	give_error(&w, 440, true);
	expect(&w, TURN_ALLOCATE);
	give_error(&w, 440, true);
	assert_int_equal(turn_failure(w.turn), TURN_NO_FAMILY);
	teardown(&w);
}

static void addresses_that_nobody_asked_for_are_not_taken(void **state)
{
	(void)state;
	struct world w;
	struct addr none = {.family = ADDR_IPV4}, four = addr4(200, 50000),
		    again = addr4(201, 50001), six = addr6(2, 50002),
		    zero = {.family = ADDR_IPV6, .port = 1}, portless = addr6(2, 0);
	setup(&w, false); /* of IPv4 */
	challenge(&w);
	give_allocation(&w, &six, NULL, 0);
	assert_int_equal(turn_failure(w.turn), TURN_NONSENSE);
	teardown(&w);
	setup_for(&w, false, ADDR_NONE);
	challenge(&w);
	give_allocation(&w, &none, &zero, 0);
	assert_int_equal(turn_failure(w.turn), TURN_NONSENSE);
	teardown(&w);
	setup_for(&w, false, ADDR_NONE);
	challenge(&w);
	give_allocation(&w, &none, &six, 0);
	assert_relayed(&w, ADDR_IPV4, NULL);
	assert_relayed(&w, ADDR_IPV6, &six);
	teardown(&w);
	const struct addr *seconds[] = {&again, &zero, &portless};
	for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
		setup_for(&w, false, ADDR_NONE);
		challenge(&w);
		give_allocation(&w, &four, seconds[i], 0);
		assert_relayed(&w, ADDR_IPV4, &four);
		assert_relayed(&w, ADDR_IPV6, NULL);
		teardown(&w);
	}
}

/* ---- Silence ---- */

static void over_udp_a_request_is_repeated_and_silence_ends_it(void **state)
{
	(void)state;
	static const usec times[] = {500, 1500, 3500, 7500};
	struct world w;
	setup(&w, false);
	expect(&w, TURN_ALLOCATE);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		assert_int_equal(turn_deadline(w.turn), START + times[i] * USEC_PER_MS);
		expect_nothing(&w);
		go_to(&w, START + times[i] * USEC_PER_MS);
		expect(&w, TURN_ALLOCATE);
	}
	assert_int_equal(turn_deadline(w.turn), START + 15500 * USEC_PER_MS);
	w.now = START + 15500 * USEC_PER_MS;
	turn_advance(w.turn, w.now);
	assert_int_equal(turn_state(w.turn), TURN_FAILED);
	assert_int_equal(turn_failure(w.turn), TURN_SILENT);
	assert_int_equal(turn_deadline(w.turn), USEC_NEVER);
	expect_nothing(&w);
	teardown(&w);
}

static void over_a_stream_nothing_is_repeated(void **state)
{
	(void)state;
	struct world w;
	setup(&w, true);
	expect(&w, TURN_ALLOCATE);
	go_to(&w, START + 15 * USEC_PER_SEC);
	expect_nothing(&w);
	w.now = START + 16 * USEC_PER_SEC;
	turn_advance(w.turn, w.now);
	assert_int_equal(turn_failure(w.turn), TURN_SILENT);
	teardown(&w);
}

static void each_error_of_the_server_has_its_reason(void **state)
{
	(void)state;
	static const struct {
		uint16_t code;
		enum turn_failure failure;
	} table[] = {{300, TURN_REDIRECTED}, {401, TURN_UNAUTHORISED}, {441, TURN_UNAUTHORISED},
		{403, TURN_FORBIDDEN}, {437, TURN_MISMATCH}, {420, TURN_UNSUPPORTED},
		{440, TURN_NO_FAMILY}, {442, TURN_UNSUPPORTED}, {443, TURN_NO_FAMILY},
		{446, TURN_REFUSED}, {447, TURN_REFUSED}, {486, TURN_QUOTA}, {508, TURN_CAPACITY},
		{400, TURN_REFUSED}, {500, TURN_REFUSED}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct world w;
		setup(&w, false);
		challenge(&w);
		give_error(&w, table[i].code, true);
		assert_int_equal(turn_state(w.turn), TURN_FAILED);
		assert_int_equal(turn_failure(w.turn), table[i].failure);
		assert_int_equal(turn_error_code(w.turn), table[i].code);
		assert_true(strlen(turn_failure_text(turn_failure(w.turn))) > 0);
		teardown(&w);
	}
}

static void an_alternate_server_is_told(void **state)
{
	(void)state;
	struct world w;
	setup(&w, false);
	challenge(&w);
	give_error(&w, 300, true);
	struct addr alternate = turn_alternate(w.turn), expected = addr4(99, 3479);
	assert_true(addr_equal(&alternate, &expected));
	teardown(&w);
}

static void a_stale_nonce_is_replaced_and_an_endlessly_stale_one_ends_it(void **state)
{
	(void)state;
	struct world w;
	setup(&w, false);
	challenge(&w); /* the first nonce */
	w.nonce = "nonce-2";
	for (int i = 1; i < TURN_NONCES_MAX; i++) {
		give_error(&w, 438, false);
		expect(&w, TURN_ALLOCATE);
		expect_authentic(&w);
	}
	give_error(&w, 438, false);
	assert_int_equal(turn_failure(w.turn), TURN_UNAUTHORISED);
	teardown(&w);
}

static void what_nobody_asked_for_or_signed_is_dropped(void **state)
{
	(void)state;
	struct world w;
	setup(&w, false);
	expect(&w, TURN_ALLOCATE);
	give_success(&w); /* before there is a key, nothing can succeed */
	assert_int_equal(turn_stats(w.turn)->dropped_unauthenticated, 1);
	give_error(&w, 401, false);
	expect(&w, TURN_ALLOCATE);

	give_error(&w, 403, false); /* without integrity */
	assert_int_equal(turn_stats(w.turn)->dropped_unauthenticated, 2);
	w.key[0] ^= 1; /* with a wrong one */
	give_success(&w);
	assert_int_equal(turn_stats(w.turn)->dropped_unauthenticated, 3);
	w.key[0] ^= 1;

	uint8_t id[STUN_ID_SIZE] = {0};
	struct bytes right = w.request.id;
	w.request.id = bytes_of(id, sizeof id); /* of another transaction */
	give_success(&w);
	w.request.id = right;
	w.request.method = TURN_REFRESH; /* of another method */
	give_success(&w);
	assert_int_equal(turn_stats(w.turn)->dropped_unexpected, 2);
	assert_int_equal(turn_state(w.turn), TURN_ALLOCATING);
	teardown(&w);
}

/* RFC 8489 section 14.5: what stands behind the integrity is anybody's. */
static void what_stands_behind_the_integrity_is_ignored(void **state)
{
	(void)state;
	struct world w;
	struct addr ours = addr4(200, 50000), forged = addr6(66, 6);
	uint8_t data[STUN_MESSAGE_MAX];
	setup_for(&w, false, ADDR_NONE);
	challenge(&w);
	struct writer message = answer(&w, data, sizeof data, STUN_SUCCESS);
	stun_add_addr(&message, STUN_XOR_RELAYED_ADDRESS, &ours);
	stun_add_u32(&message, STUN_LIFETIME, LIFETIME);
	stun_add_integrity(&message, bytes_of(w.key, sizeof w.key));
	stun_add_addr(&message, STUN_XOR_RELAYED_ADDRESS, &forged);
	stun_add_u32(&message, STUN_ADDRESS_ERROR_CODE, 0x02000508);
	give(&w, &message);
	assert_relayed(&w, ADDR_IPV4, &ours);
	assert_relayed(&w, ADDR_IPV6, NULL);
	assert_int_equal(turn_family_error(w.turn, ADDR_IPV6), 0);
	teardown(&w);
}

static void an_answer_without_an_address_is_nonsense(void **state)
{
	(void)state;
	struct world w;
	setup(&w, false);
	challenge(&w);
	uint8_t data[STUN_MESSAGE_MAX];
	struct writer message = answer(&w, data, sizeof data, STUN_SUCCESS);
	stun_add_u32(&message, STUN_LIFETIME, LIFETIME);
	stun_add_integrity(&message, bytes_of(w.key, sizeof w.key));
	give(&w, &message);
	assert_int_equal(turn_failure(w.turn), TURN_NONSENSE);
	teardown(&w);
}

static void absurd_lifetimes_are_refused_or_cut(void **state)
{
	(void)state;
	static const struct {
		uint32_t lifetime;
		usec refresh; /* 0: nonsense */
	} table[] = {{0, 0}, {TURN_LIFETIME_MIN - 1, 0}, {TURN_LIFETIME_MIN, 15}, {600, 540},
		{TURN_LIFETIME_MAX, 3540}, {UINT32_MAX, 3540}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct world w;
		setup(&w, false);
		w.lifetime = table[i].lifetime;
		challenge(&w);
		give_success(&w);
		if (table[i].refresh)
			assert_int_equal(
				turn_deadline(w.turn), START + table[i].refresh * USEC_PER_SEC);
		else
			assert_int_equal(turn_failure(w.turn), TURN_NONSENSE);
		teardown(&w);
	}
}

static void a_server_in_doubt_is_asked_at_once_and_may_have_forgotten_us(void **state)
{
	(void)state;
	struct world w;
	allocate(&w, false);
	assert_false(turn_is_asking(w.turn));
	turn_check(w.turn, w.now);
	go_to(&w, w.now);
	assert_true(turn_is_asking(w.turn));
	expect(&w, TURN_REFRESH);
	/* Asked again while it is asked, it waits. */
	turn_check(w.turn, w.now);
	go_to(&w, w.now);
	expect_nothing(&w);
	give_success(&w);
	assert_false(turn_is_asking(w.turn));
	assert_int_equal(turn_state(w.turn), TURN_READY);
	/* It was started anew meanwhile. */
	turn_check(w.turn, w.now);
	go_to(&w, w.now);
	expect(&w, TURN_REFRESH);
	give_error(&w, 437, true);
	assert_int_equal(turn_state(w.turn), TURN_FAILED);
	assert_int_equal(turn_failure(w.turn), TURN_MISMATCH);
	teardown(&w);
}

static void an_allocation_is_refreshed_before_it_expires(void **state)
{
	(void)state;
	struct world w;
	allocate(&w, false);
	for (int i = 0; i < 5; i++) {
		go_to(&w, turn_deadline(w.turn));
		expect(&w, TURN_REFRESH);
		expect_authentic(&w);
		assert_false(stun_has(&w.request, STUN_LIFETIME));
		give_success(&w);
		assert_int_equal(turn_deadline(w.turn), w.now + (LIFETIME - 60) * USEC_PER_SEC);
	}
	teardown(&w);
}

static void a_server_that_forgot_the_allocation_ends_it(void **state)
{
	(void)state;
	struct world w;
	allocate(&w, false);
	go_to(&w, turn_deadline(w.turn));
	expect(&w, TURN_REFRESH);
	give_error(&w, 437, true);
	assert_int_equal(turn_failure(w.turn), TURN_MISMATCH);
	teardown(&w);
}

static void grant(struct world *w)
{
	expect(w, TURN_CREATE_PERMISSION);
	expect_authentic(w);
	give_success(w);
}

/* The lifetime is ten minutes; whoever talks through the relay knows long before. */
static void a_server_that_falls_silent_is_asked_and_given_up(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, false);
	assert_ok(send_to(&w, addr4(7, 1), "\1", &wrapped));
	grant(&w);
	/* What comes is heard, and nothing is asked. */
	assert_ok(send_to(&w, addr4(7, 1), "\1", &wrapped));
	usec sent = w.now;
	go_to(&w, sent + TURN_SILENCE - 1);
	expect_nothing(&w);
	go_to(&w, sent + TURN_SILENCE);
	expect(&w, TURN_REFRESH);
	give_success(&w); /* it is the peer that is silent */
	go_to(&w, w.now + TURN_SILENCE);
	expect_nothing(&w);
	assert_ok(send_to(&w, addr4(7, 1), "\1", &wrapped));
	go_to(&w, w.now + TURN_SILENCE);
	usec asked = w.now;
	for (int i = 0; i < TURN_TRANSMISSIONS_MAX; i++) {
		expect(&w, TURN_REFRESH);
		w.now = turn_deadline(w.turn);
		turn_advance(w.turn, w.now);
	}
	assert_int_equal(turn_failure(w.turn), TURN_SILENT);
	assert_int_equal(w.now, asked + TURN_STREAM_PATIENCE);
	teardown(&w);
}

/* Its answers are lost, but not all that it brings. */
static void a_server_that_brings_datagrams_is_not_silent(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	struct addr peer = addr4(7, 1), from;
	struct bytes payload;
	uint8_t data[200];
	allocate(&w, false);
	assert_ok(send_to(&w, peer, "\1", &wrapped));
	grant(&w);
	assert_ok(send_to(&w, peer, "\1", &wrapped));
	go_to(&w, w.now + TURN_SILENCE);
	for (int i = 0; i < TURN_TRANSMISSIONS_MAX; i++) {
		expect(&w, TURN_REFRESH);
		if (i == 1) {
			struct writer message = writer_of(data, sizeof data);
			stun_begin(&message, STUN_INDICATION, TURN_DATA, w.request.id.data);
			stun_add_addr(&message, STUN_XOR_PEER_ADDRESS, &peer);
			stun_add_bytes(&message, STUN_DATA, bytes_of_text("x"));
			assert_true(turn_receive(
				w.turn, w.now, writer_bytes(&message), &from, &payload));
		}
		go_to(&w, turn_deadline(w.turn));
	}
	assert_int_equal(turn_state(w.turn), TURN_READY);
	expect(&w, TURN_REFRESH); /* once more */
	give_success(&w);
	teardown(&w);
}

static void a_machine_that_slept_too_long_has_lost_it(void **state)
{
	(void)state;
	struct world w;
	allocate(&w, false);
	w.now += 3 * LIFETIME * USEC_PER_SEC;
	turn_advance(w.turn, w.now);
	assert_int_equal(turn_failure(w.turn), TURN_SILENT);
	teardown(&w);
}

static void closing_gives_the_allocation_back(void **state)
{
	(void)state;
	struct world w;
	allocate(&w, false);
	turn_close(w.turn, w.now);
	expect(&w, TURN_REFRESH);
	assert_true(stun_has(&w.request, STUN_LIFETIME));
	assert_int_equal(w.request.lifetime, 0);
	expect_nothing(&w);
	assert_int_equal(turn_deadline(w.turn), USEC_NEVER);
	teardown(&w);
}

/* ---- Peers ---- */

static void a_permission_is_asked_for_before_the_first_datagram(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	struct addr bob = addr4(7, 1234);
	allocate(&w, false);
	assert_ok(send_to(&w, bob, "\x01 a check", &wrapped));
	expect(&w, TURN_CREATE_PERMISSION);
	assert_true(addr_equal(&w.request.peer, &bob));
	give_success(&w);
	expect_nothing(&w);

	struct stun_message sent;
	assert_ok(stun_parse(writer_bytes(&wrapped), &sent));
	assert_int_equal(sent.class, STUN_INDICATION);
	assert_int_equal(sent.method, TURN_SEND);
	assert_true(addr_equal(&sent.peer, &bob));
	assert_true(bytes_equal_text(sent.data, "\x01 a check"));
	teardown(&w);
}

/* Data to an address, and the channel for it. */
static void bind_channel(struct world *w, struct addr peer)
{
	struct writer wrapped;
	assert_ok(send_to(w, peer, "\x01 a check", &wrapped));
	grant(w);
	assert_ok(send_to(w, peer, "data", &wrapped));
	expect(w, TURN_CHANNEL_BIND);
	assert_true(stun_has(&w->request, STUN_CHANNEL_NUMBER));
	assert_true(addr_equal(&w->request.peer, &peer));
	give_success(w);
}

static void data_gets_a_channel(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, false);
	bind_channel(&w, addr4(7, 1234));
	assert_ok(send_to(&w, addr4(7, 1234), "hello", &wrapped));
	assert_bytes_equal(writer_bytes(&wrapped), bytes_of("\x40\x00\x00\x05hello", 9));
	teardown(&w);
}

static void over_a_stream_channel_data_is_padded(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, true);
	bind_channel(&w, addr4(7, 1234));
	assert_ok(send_to(&w, addr4(7, 1234), "hello", &wrapped));
	assert_bytes_equal(writer_bytes(&wrapped), bytes_of("\x40\x00\x00\x05hello\0\0\0", 12));
	teardown(&w);
}

static void what_peers_send_is_unwrapped(void **state)
{
	(void)state;
	struct world w;
	struct addr bob = addr4(7, 1234), from;
	struct bytes payload;
	allocate(&w, false);
	bind_channel(&w, bob);

	uint8_t data[STUN_MESSAGE_MAX], id[STUN_ID_SIZE] = {1};
	struct writer message = writer_of(data, sizeof data);
	stun_begin(&message, STUN_INDICATION, TURN_DATA, id);
	stun_add_addr(&message, STUN_XOR_PEER_ADDRESS, &bob);
	stun_add_bytes(&message, STUN_DATA, bytes_of_text("by indication"));
	assert_true(turn_receive(w.turn, w.now, writer_bytes(&message), &from, &payload));
	assert_true(addr_equal(&from, &bob));
	assert_true(bytes_equal_text(payload, "by indication"));

	assert_true(
		turn_receive(w.turn, w.now, bytes_of("\x40\x00\x00\x02hi??", 8), &from, &payload));
	assert_true(addr_equal(&from, &bob));
	assert_true(bytes_equal_text(payload, "hi"));
	assert_int_equal(turn_stats(w.turn)->datagrams_in, 2);
	teardown(&w);
}

static void channel_data_that_lies_is_dropped(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t size;
	} table[] = {{"\x40", 1}, {"\x40\x00\x00", 3}, {"\x40\x00\x00\x05hell", 8},
		{"\x40\x01\x00\x02hi", 6}, {"\x4f\xff\x00\x00", 4}, {"\x50\x00\x00\x00", 4}};
	struct world w;
	struct addr from;
	struct bytes payload;
	allocate(&w, false);
	bind_channel(&w, addr4(7, 1234));
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_false(turn_receive(
			w.turn, w.now, bytes_of(table[i].data, table[i].size), &from, &payload));
	assert_int_equal(turn_stats(w.turn)->dropped_malformed, 3);
	assert_int_equal(turn_stats(w.turn)->dropped_unexpected, 3);
	teardown(&w);
}

static void what_is_in_use_is_renewed_and_the_rest_forgotten(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, false);
	w.lifetime = TURN_LIFETIME_MAX;
	bind_channel(&w, addr4(7, 1));
	assert_ok(send_to(&w, addr4(8, 2), "\x01", &wrapped));
	grant(&w);
	go_to(&w, START + 236 * USEC_PER_SEC);
	expect_nothing(&w);
	assert_ok(send_to(&w, addr4(7, 1), "data", &wrapped));
	go_to(&w, START + 240 * USEC_PER_SEC);
	/* Both were used within five minutes; the one with data renews its channel. */
	expect(&w, TURN_CREATE_PERMISSION);
	give_success(&w);
	expect(&w, TURN_CHANNEL_BIND);
	give_success(&w);
	expect_nothing(&w);
	assert_int_equal(turn_stats(w.turn)->peers, 2);
	usec end = START + 2000 * USEC_PER_SEC;
	while (turn_deadline(w.turn) < end) {
		go_to(&w, turn_deadline(w.turn));
		while ((w.size = turn_write(w.turn, w.data, sizeof w.data)) > 0) {
			assert_ok(stun_parse(bytes_of(w.data, w.size), &w.request));
			give_success(&w);
		}
	}
	assert_int_equal(turn_state(w.turn), TURN_READY);
	assert_int_equal(turn_stats(w.turn)->peers, 0);
	teardown(&w);
}

static void a_peer_that_the_server_denies_is_told_apart(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, false);
	assert_ok(send_to(&w, addr4(7, 1), "\x01", &wrapped));
	expect(&w, TURN_CREATE_PERMISSION);
	give_error(&w, 403, true);
	assert_err(send_to(&w, addr4(7, 1), "\x01", &wrapped), ERR_DENIED);
	assert_ok(send_to(&w, addr4(8, 1), "\x01", &wrapped));
	assert_int_equal(turn_stats(w.turn)->refused, 1);
	assert_int_equal(turn_stats(w.turn)->refused_code, 403);
	teardown(&w);
}

/* As coturn answers to whom it has no allocation for. */
static void a_request_called_malformed_puts_the_allocation_in_doubt(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct world w;
		struct writer wrapped;
		bool is_bind = i % 2, is_lost = i / 2;
		allocate(&w, false);
		assert_ok(send_to(&w, addr4(7, 1), "\x01", &wrapped));
		if (is_bind) {
			grant(&w);
			assert_ok(send_to(&w, addr4(7, 1), "data", &wrapped));
		}
		expect(&w, is_bind ? TURN_CHANNEL_BIND : TURN_CREATE_PERMISSION);
		give_error(&w, 400, true);
		assert_int_equal(turn_deadline(w.turn), w.now);
		go_to(&w, w.now);
		expect(&w, TURN_REFRESH);
		if (is_lost) {
			give_error(&w, 437, true);
			assert_int_equal(turn_failure(w.turn), TURN_MISMATCH);
		} else {
			give_success(&w);
			assert_int_equal(turn_state(w.turn), TURN_READY);
			assert_int_equal(send_to(&w, addr4(7, 1), "\x01", &wrapped),
				is_bind ? ERR_OK : ERR_DENIED);
			go_to(&w, w.now);
			expect_nothing(&w);
		}
		teardown(&w);
	}
}

static void without_channels_indications_carry_the_data(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, false);
	assert_ok(send_to(&w, addr4(7, 1), "\x01", &wrapped));
	grant(&w);
	assert_ok(send_to(&w, addr4(7, 1), "data", &wrapped));
	expect(&w, TURN_CHANNEL_BIND);
	give_error(&w, 508, true);
	assert_ok(send_to(&w, addr4(7, 1), "data", &wrapped));
	assert_int_equal(writer_bytes(&wrapped).data[0] >> 6, 0);
	expect_nothing(&w);
	teardown(&w);
}

static void the_addresses_behind_an_allocation_are_limited(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, false);
	for (unsigned i = 0; i < TURN_PEERS_MAX; i++) {
		assert_ok(send_to(&w, addr4(7, (uint16_t)(i + 1)), "\x01", &wrapped));
		grant(&w);
	}
	assert_err(send_to(&w, addr4(8, 1), "\x01", &wrapped), ERR_LIMIT);
	/* One whose permission is over gives way. */
	w.now += 2 * TURN_PERMISSION_LIFE;
	assert_ok(send_to(&w, addr4(8, 1), "\x01", &wrapped));
	teardown(&w);
}

/* Checked once, each of them, by way of a peer that changes its address all the time. */
static void addresses_that_nobody_talks_to_give_way(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	allocate(&w, false);
	assert_ok(send_to(&w, addr4(6, 1), "\x01", &wrapped));
	grant(&w);
	assert_ok(send_to(&w, addr4(6, 1), "data", &wrapped));
	expect(&w, TURN_CHANNEL_BIND);
	give_success(&w);
	for (unsigned i = 1; i < TURN_PEERS_MAX; i++) {
		assert_ok(send_to(&w, addr4(7, (uint16_t)i), "\x01", &wrapped));
		grant(&w);
	}
	w.now += 29 * USEC_PER_SEC;
	assert_err(send_to(&w, addr4(8, 1), "\x01", &wrapped), ERR_LIMIT);
	w.now += USEC_PER_SEC;
	for (uint16_t i = 1; i < TURN_PEERS_MAX; i++)
		assert_ok(send_to(&w, addr4(8, i), "\x01", &wrapped));
	assert_err(send_to(&w, addr4(9, 1), "\x01", &wrapped), ERR_LIMIT);
	assert_int_equal(turn_stats(w.turn)->peers, TURN_PEERS_MAX);
	/* Not the one with a channel. */
	assert_ok(send_to(&w, addr4(6, 1), "data", &wrapped));
	assert_int_equal(writer_bytes(&wrapped).data[0] >> 6, 1);
	teardown(&w);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	(void)state;
	struct world w;
	struct writer wrapped;
	uint8_t small[32], payload[STUN_MESSAGE_MAX + 1] = {23};
	struct addr six = {.family = ADDR_IPV6, .port = 1, .ip = {0x20, 1}}, bob = addr4(7, 1);
	setup(&w, false);
	assert_err(send_to(&w, bob, "data", &wrapped), ERR_STATE);
	teardown(&w);
	allocate(&w, false);
	assert_err(send_to(&w, six, "data", &wrapped), ERR_UNSUPPORTED);
	wrapped = writer_of(small, sizeof small);
	assert_err(turn_wrap(w.turn, w.now, &bob, bytes_of("data", 4), &wrapped), ERR_TOO_LARGE);
	uint8_t large[2 * STUN_MESSAGE_MAX];
	wrapped = writer_of(large, sizeof large);
	assert_err(turn_wrap(w.turn, w.now, &bob, bytes_of(payload, sizeof payload), &wrapped),
		ERR_TOO_LARGE);
	teardown(&w);
}

static void credentials_have_their_limits(void **state)
{
	(void)state;
	static uint8_t text[TURN_USERNAME_MAX + 1];
	struct rng rng = rng_seeded(1);
	struct turn *turn;
	struct turn_config config = {
		.family = ADDR_IPV4, .rng = &rng, .username = bytes_of(text, sizeof text)};
	assert_err(turn_create(&config, START, &turn), ERR_TOO_LARGE);
	config.username.size = TURN_USERNAME_MAX;
	config.password = bytes_of(text, TURN_PASSWORD_MAX + 1);
	assert_err(turn_create(&config, START, &turn), ERR_TOO_LARGE);
	config.password.size = TURN_PASSWORD_MAX;
	assert_ok(turn_create(&config, START, &turn));
	turn_destroy(turn);
}

static void a_stream_is_cut_into_frames(void **state)
{
	(void)state;
	static const struct {
		const char *head;
		size_t size;
	} table[] = {{"\x01\x03\x00\x48", 20 + 0x48}, {"\x00\x01\x00\x00", 20},
		{"\x00\x01\x00\x02", 0}, {"\x40\x00\x00\x00", 4}, {"\x40\x00\x00\x05", 12},
		{"\x4f\xff\xff\xff", 65540}, {"\x50\x00\x00\x05", 0}, {"\xff\xff\xff\xff", 0}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		assert_int_equal(
			turn_frame_size(bytes_of(table[i].head, TURN_FRAME_HEAD)), table[i].size);
}

TESTS(TEST(an_allocation_is_made_with_the_credentials_that_the_challenge_asks_for),
	TEST(one_allocation_has_an_address_of_each_family),
	TEST(a_family_that_is_refused_leaves_the_other),
	TEST(a_server_of_ipv6_alone_is_asked_for_that),
	TEST(addresses_that_nobody_asked_for_are_not_taken),
	TEST(a_server_that_falls_silent_is_asked_and_given_up),
	TEST(a_server_that_brings_datagrams_is_not_silent),
	TEST(over_udp_a_request_is_repeated_and_silence_ends_it),
	TEST(over_a_stream_nothing_is_repeated), TEST(each_error_of_the_server_has_its_reason),
	TEST(an_alternate_server_is_told),
	TEST(a_stale_nonce_is_replaced_and_an_endlessly_stale_one_ends_it),
	TEST(what_nobody_asked_for_or_signed_is_dropped),
	TEST(what_stands_behind_the_integrity_is_ignored),
	TEST(an_answer_without_an_address_is_nonsense), TEST(absurd_lifetimes_are_refused_or_cut),
	TEST(an_allocation_is_refreshed_before_it_expires),
	TEST(a_server_in_doubt_is_asked_at_once_and_may_have_forgotten_us),
	TEST(a_server_that_forgot_the_allocation_ends_it),
	TEST(a_machine_that_slept_too_long_has_lost_it), TEST(closing_gives_the_allocation_back),
	TEST(a_permission_is_asked_for_before_the_first_datagram), TEST(data_gets_a_channel),
	TEST(over_a_stream_channel_data_is_padded), TEST(what_peers_send_is_unwrapped),
	TEST(channel_data_that_lies_is_dropped),
	TEST(what_is_in_use_is_renewed_and_the_rest_forgotten),
	TEST(a_peer_that_the_server_denies_is_told_apart),
	TEST(a_request_called_malformed_puts_the_allocation_in_doubt),
	TEST(without_channels_indications_carry_the_data),
	TEST(the_addresses_behind_an_allocation_are_limited),
	TEST(addresses_that_nobody_talks_to_give_way), TEST(what_cannot_be_sent_is_refused),
	TEST(credentials_have_their_limits), TEST(a_stream_is_cut_into_frames))
