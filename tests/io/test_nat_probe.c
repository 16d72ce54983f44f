/* What a NAT does is told apart in the simulated one of test_discovery.c and in the lab; here: who
 * is asked, from where, and that it ends. */
#include "node/nat_probe.h"

#include "ice/stun.h"
#include "net/udp.h"
#include "test.h"

#define WAIT (30 * USEC_PER_SEC)

/* A STUN server on loopback. */
struct server {
	struct net_udp *udp;
	struct addr addr, told; /* it tells this as what it sees; ADDR_NONE: the truth */
	bool talks_nonsense;
	unsigned asked;
};

struct world {
	struct net_loop *loop;
	struct rng rng;
	struct server servers[3];
	struct nat_probe *probe;
	int done;
};

static void on_datagram(const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct server *server = user;
	struct stun_message m;
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	(void)now;
	assert_ok(stun_parse(datagram, &m));
	server->asked++;
	if (server->talks_nonsense) {
		write_text(&w, "\1\1 good day");
	} else {
		const struct addr *told =
			server->told.family == ADDR_NONE ? &path->remote : &server->told;
		stun_begin(&w, STUN_SUCCESS, STUN_BINDING, m.id.data);
		stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, told);
	}
	assert_ok(net_udp_send(server->udp, path, writer_bytes(&w), w.size));
}

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);
	assert_ok(net_loop_create(&w->loop));
	w->rng = rng_seeded(7);
	for (size_t i = 0; i < 3; i++) {
		struct server *server = &w->servers[i];
		struct net_udp_handler handler = {.receive = on_datagram, .user = server};
		struct addr local = {.family = ADDR_IPV4, .ip = {127, 0, 0, (uint8_t)(1 + i)}};
		assert_ok(net_udp_create(w->loop, &local, 0, &handler, &server->udp));
		server->addr = *net_udp_local(server->udp);
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	nat_probe_destroy(w->probe);
	for (size_t i = 0; i < 3; i++)
		net_udp_destroy(w->servers[i].udp);
	net_loop_destroy(w->loop);
	test_free(w);
	return 0;
}

static void on_done(void *user)
{
	struct world *w = user;
	w->done++;
}

static void probe(struct world *w, const struct addr *addrs, size_t count)
{
	assert_ok(nat_probe_create(w->loop, &w->rng, addrs, count, on_done, w, &w->probe));
	assert_int_equal(w->done, 0);
	usec limit = net_now() + WAIT;
	while (w->done == 0 && net_now() < limit)
		net_loop_run_once(w->loop, limit);
	assert_int_equal(w->done, 1);
	assert_int_equal(nat_probe_server_count(w->probe), count);
}

static void nobody_to_ask_is_done_at_once(void **state)
{
	struct world *w = *state;
	probe(w, NULL, 0);
	struct nat_probe_result result = nat_probe_result(w->probe, ADDR_IPV4);
	assert_int_equal(result.mapping, DISCOVERY_UNKNOWN);
	assert_int_equal(result.mapped.family, ADDR_NONE);
}

static void two_servers_see_no_nat(void **state)
{
	struct world *w = *state;
	struct addr addrs[] = {w->servers[0].addr, w->servers[1].addr};
	probe(w, addrs, 2);
	struct nat_probe_result result = nat_probe_result(w->probe, ADDR_IPV4);
	assert_int_equal(result.mapping, DISCOVERY_NONE);
	assert_false(result.hairpin_known);
	/* One of them is asked a second time, for what only a whole test tells. */
	assert_int_equal(w->servers[0].asked + w->servers[1].asked, 3);
	assert_true(nat_probe_server(w->probe, 1).round_trip > 0);
}

/* Both tell something else, so there is a NAT, and whether the same tells what it does. */
static void compare(void **state, uint16_t port, enum discovery_behaviour expected)
{
	struct world *w = *state;
	struct addr addrs[] = {w->servers[0].addr, w->servers[1].addr};
	for (size_t i = 0; i < 2; i++)
		w->servers[i].told = (struct addr){.family = ADDR_IPV4,
			.port = (uint16_t)(1000 + i * port),
			.ip = {127, 0, 0, 9}};
	probe(w, addrs, 2);
	struct nat_probe_result result = nat_probe_result(w->probe, ADDR_IPV4);
	assert_int_equal(result.mapping, expected);
	assert_int_equal(result.filtering, DISCOVERY_UNKNOWN);
	assert_true(result.hairpin_known);
	assert_false(result.hairpin);
}

static void two_servers_that_see_the_same_tell_an_independent_mapping(void **state)
{
	compare(state, 0, DISCOVERY_ENDPOINT_INDEPENDENT);
}

static void two_servers_that_see_different_ports_tell_a_symmetric_nat(void **state)
{
	compare(state, 1, DISCOVERY_ADDRESS_AND_PORT_DEPENDENT);
}

static void silence_nonsense_and_no_route_are_told_apart(void **state)
{
	struct world *w = *state;
	struct addr silent = *net_udp_local(w->servers[2].udp);
	net_udp_destroy(w->servers[2].udp);
	w->servers[2].udp = NULL;
	w->servers[1].talks_nonsense = true;
	struct addr addrs[] = {silent, w->servers[1].addr,
		{.family = ADDR_IPV6, .port = 1, .ip = {0xff, 0x0f, [15] = 1}}, w->servers[0].addr};
	probe(w, addrs, 4);
	assert_int_equal(nat_probe_server(w->probe, 0).mapped.family, ADDR_NONE);
	assert_false(nat_probe_server(w->probe, 0).nonsense);
	assert_int_equal(nat_probe_server(w->probe, 1).mapped.family, ADDR_NONE);
	assert_true(nat_probe_server(w->probe, 1).nonsense);
	assert_int_equal(nat_probe_server(w->probe, 2).mapped.family, ADDR_NONE);
	assert_int_equal(nat_probe_server(w->probe, 3).mapped.family, ADDR_IPV4);
	assert_int_equal(nat_probe_result(w->probe, ADDR_IPV4).mapping, DISCOVERY_NONE);
}

static void it_can_be_ended_at_any_time(void **state)
{
	struct world *w = *state;
	for (int turns = 0; turns < 4; turns++) {
		assert_ok(nat_probe_create(
			w->loop, &w->rng, &w->servers[0].addr, 1, on_done, w, &w->probe));
		for (int i = 0; i < turns; i++)
			net_loop_run_once(w->loop, net_now());
		nat_probe_destroy(w->probe);
		w->probe = NULL;
	}
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH(nobody_to_ask_is_done_at_once),
		WITH(two_servers_see_no_nat),
		WITH(two_servers_that_see_the_same_tell_an_independent_mapping),
		WITH(two_servers_that_see_different_ports_tell_a_symmetric_nat),
		WITH(silence_nonsense_and_no_route_are_told_apart),
		WITH(it_can_be_ended_at_any_time)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
