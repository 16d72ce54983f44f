#include "peer/reflexive.h"

#include "ice/stun.h"
#include "test.h"

#define START (USEC_PER_SEC * 100)

static const char mapped_text[] = "203.0.113.7:40001";

static struct reflexive new_client(void)
{
	struct path path;
	struct reflexive r;
	assert_true(addr_parse("10.0.0.1:5000", &path.local));
	assert_true(addr_parse("192.0.2.9:3478", &path.remote));
	reflexive_init(&r, &path, START);
	return r;
}

/* A server's answer to the request under way. */
static struct bytes answer(
	const struct reflexive *r, enum stun_class class, uint8_t *memory, size_t capacity)
{
	struct writer w = writer_of(memory, capacity);
	struct addr mapped;
	assert_true(addr_parse(mapped_text, &mapped));
	stun_begin(&w, class, STUN_BINDING, r->id);
	if (class == STUN_SUCCESS)
		stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &mapped);
	else
		stun_add_error(&w, STUN_SERVER_ERROR, "no");
	assert_false(w.failed);
	return writer_bytes(&w);
}

static void learns_its_address_and_asks_again(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct reflexive r = new_client();
	uint8_t request[REFLEXIVE_DATAGRAM_MAX], memory[128];
	char text[ADDR_TEXT_MAX];
	assert_true(reflexive_write(&r, &rng, START, request) > 0);
	assert_int_equal(reflexive_write(&r, &rng, START, request), 0);
	struct bytes response = answer(&r, STUN_SUCCESS, memory, sizeof memory);
	assert_true(reflexive_receive(&r, START + 1, &r.path, response));
	assert_string_equal(addr_text(&r.mapped, text), mapped_text);
	assert_false(reflexive_receive(&r, START + 1, &r.path, response));
	assert_true(reflexive_deadline(&r) == START + 1 + REFLEXIVE_REFRESH);
	assert_true(reflexive_write(&r, &rng, reflexive_deadline(&r), request) > 0);
}

static void asked_out_of_turn_it_keeps_what_it_knows_until_the_answer(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct reflexive r = new_client();
	uint8_t request[REFLEXIVE_DATAGRAM_MAX], memory[128];
	char text[ADDR_TEXT_MAX];
	assert_true(reflexive_write(&r, &rng, START, request) > 0);
	assert_true(reflexive_receive(
		&r, START + 1, &r.path, answer(&r, STUN_SUCCESS, memory, sizeof memory)));
	reflexive_ask(&r, START + 2);
	assert_true(reflexive_deadline(&r) == START + 2);
	assert_string_equal(addr_text(&r.mapped, text), mapped_text);
	assert_true(reflexive_write(&r, &rng, START + 2, request) > 0);
	/* The answer to what was asked before is no answer. */
	struct bytes late = answer(&r, STUN_SUCCESS, memory, sizeof memory);
	reflexive_ask(&r, START + 3);
	assert_true(reflexive_write(&r, &rng, START + 3, request) > 0);
	assert_false(reflexive_receive(&r, START + 4, &r.path, late));
	assert_true(reflexive_receive(
		&r, START + 4, &r.path, answer(&r, STUN_SUCCESS, memory, sizeof memory)));
}

static void a_server_of_old_says_it_plainly(void **state)
{
	(void)state;
	/* RFC 5389 section 12.1: servers of RFC 3489 know no XOR-MAPPED-ADDRESS. */
	struct rng rng = rng_seeded(1);
	struct reflexive r = new_client();
	uint8_t request[REFLEXIVE_DATAGRAM_MAX], memory[128];
	char text[ADDR_TEXT_MAX];
	assert_true(reflexive_write(&r, &rng, START, request) > 0);
	struct writer w = writer_of(memory, sizeof memory);
	struct addr mapped;
	assert_true(addr_parse(mapped_text, &mapped));
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, r.id);
	stun_add_addr(&w, STUN_MAPPED_ADDRESS, &mapped);
	assert_true(reflexive_receive(&r, START + 1, &r.path, writer_bytes(&w)));
	assert_string_equal(addr_text(&r.mapped, text), mapped_text);
}

static void gives_up_after_seven_requests(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct reflexive r = new_client();
	uint8_t request[REFLEXIVE_DATAGRAM_MAX];
	int sent = 0;
	usec now = START;
	while (reflexive_write(&r, &rng, now, request) > 0) {
		sent++;
		now = reflexive_deadline(&r);
	}
	assert_int_equal(sent, 7);
	assert_true(reflexive_deadline(&r) == now + REFLEXIVE_RETRY);
}

static void ignores_what_is_no_answer_of_its_server(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct reflexive r = new_client();
	uint8_t request[REFLEXIVE_DATAGRAM_MAX], memory[128];
	size_t size = reflexive_write(&r, &rng, START, request);
	assert_false(reflexive_receive(&r, START, &r.path, bytes_of(request, size)));
	struct bytes response = answer(&r, STUN_SUCCESS, memory, sizeof memory);
	struct path elsewhere = r.path;
	elsewhere.remote.port++;
	assert_false(reflexive_receive(&r, START, &elsewhere, response));
	memory[10] ^= 1; /* another transaction */
	assert_false(reflexive_receive(&r, START, &r.path, response));
	memory[10] ^= 1;
	assert_true(reflexive_receive(
		&r, START, &r.path, answer(&r, STUN_ERROR, memory, sizeof memory)));
	assert_int_equal(r.mapped.family, ADDR_NONE);
}

TESTS(TEST(a_server_of_old_says_it_plainly), TEST(learns_its_address_and_asks_again),
	TEST(asked_out_of_turn_it_keeps_what_it_knows_until_the_answer),
	TEST(gives_up_after_seven_requests), TEST(ignores_what_is_no_answer_of_its_server))
