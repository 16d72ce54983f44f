#include "ice_puppet.h"
#include "ice_world.h"

#define ACTIVE "192.0.2.1:9"
#define PASSIVE "192.0.2.1:5000"
#define UDP "192.0.2.1:4000"
#define REMOTE "198.51.100.2:6000"
#define REMOTE_DRAWN "198.51.100.2:50123"

static struct addr tcp_addr(const char *text)
{
	struct addr addr = puppet_addr(text);
	addr.transport = ADDR_TCP;
	return addr;
}

static struct path tcp_path(const char *local, const char *remote)
{
	return (struct path){.local = tcp_addr(local), .remote = tcp_addr(remote)};
}

static void add_host(struct puppet *p, const char *text)
{
	struct addr addr = tcp_addr(text);
	assert_ok(ice_agent_add_host(p->agent, p->now, &addr));
}

static enum err try_remote(struct puppet *p, const char *text, enum ice_tcp tcp)
{
	struct ice_candidate candidate = {.type = ICE_HOST,
		.tcp = tcp,
		.addr = tcp_addr(text),
		.priority = ice_candidate_priority_tcp(ICE_HOST, 1),
		.foundation = "t"};
	return ice_agent_add_remote(p->agent, p->now, &candidate);
}

static size_t count_requests(struct puppet *p, usec time)
{
	struct taken taken;
	size_t count = 0;
	usec until = p->now + time;
	while (puppet_take_within(p, STUN_REQUEST, until - p->now, &taken))
		count++;
	return count;
}

/* RFC 6544 section 6.2: active with passive, and a passive one of ours waits. */
static void only_an_active_candidate_of_ours_is_paired(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, UDP);
	add_host(p, PASSIVE);
	add_host(p, ACTIVE);
	assert_ok(try_remote(p, REMOTE, ICE_TCP_PASSIVE));
	assert_ok(try_remote(p, "198.51.100.2:9", ICE_TCP_ACTIVE));
	puppet_set_remote(p, false);
	assert_int_equal(p->agent->pairs.count, 1);
	struct taken taken;
	puppet_take_request(p, &taken);
	struct path path = tcp_path(ACTIVE, REMOTE);
	assert_true(path_equal(&taken.path, &path));
	assert_int_equal(taken.message.priority >> 24, 80);
	/* Later candidates of ours, likewise. */
	add_host(p, "192.0.2.7:5000");
	assert_int_equal(p->agent->pairs.count, 1);
	add_host(p, "192.0.2.7:9");
	assert_int_equal(p->agent->pairs.count, 2);
	puppet_destroy(p);
}

static void an_active_candidate_of_the_peer_is_not_kept(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	add_host(p, PASSIVE);
	assert_ok(try_remote(p, "198.51.100.2:9", ICE_TCP_ACTIVE));
	assert_int_equal(p->agent->remote.count, 0);
	assert_false(ice_agent_can_dial(p->agent));
	assert_ok(try_remote(p, REMOTE, ICE_TCP_PASSIVE));
	assert_true(ice_agent_can_dial(p->agent));
	puppet_destroy(p);
}

static void services_of_others_are_not_dialled(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err err;
	} cases[] = {{"198.51.100.2:25", ERR_UNSUPPORTED}, {"198.51.100.2:22", ERR_UNSUPPORTED},
		{"198.51.100.2:9", ERR_UNSUPPORTED}, {"198.51.100.2:1023", ERR_UNSUPPORTED},
		{"198.51.100.2:80", ERR_OK}, {"198.51.100.2:443", ERR_OK},
		{"198.51.100.2:1024", ERR_OK}, {"224.0.0.1:5000", ERR_UNSUPPORTED}};
	struct puppet *p = puppet_create(true);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_err(try_remote(p, cases[i].text, ICE_TCP_PASSIVE), cases[i].err);
	puppet_destroy(p);
}

/* RFC 8489 section 6.2.2. */
static void a_request_is_sent_once_and_given_up(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	add_host(p, ACTIVE);
	assert_ok(try_remote(p, REMOTE, ICE_TCP_PASSIVE));
	puppet_set_remote(p, false);
	struct taken taken;
	puppet_take_request(p, &taken);
	assert_int_equal(count_requests(p, ICE_TCP_WAIT_US - USEC_PER_SEC), 0);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_IN_PROGRESS);
	assert_int_equal(count_requests(p, USEC_PER_SEC), 0);
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_FAILED);
	puppet_destroy(p);
}

/* RFC 6544 section 7.2: and the triggered check goes back over the connection. */
static void who_connects_is_learned_as_active(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, PASSIVE);
	add_host(p, PASSIVE);
	puppet_set_remote(p, false);
	struct path path = tcp_path(PASSIVE, REMOTE_DRAWN);
	puppet_check(p, &path, &(struct puppet_check){.controlling = true});
	struct taken taken;
	assert_true(puppet_take(p, &taken));
	assert_int_equal(taken.message.class, STUN_SUCCESS);
	assert_true(path_equal(&taken.path, &path));
	puppet_take_request(p, &taken);
	assert_true(path_equal(&taken.path, &path));
	assert_int_equal(p->agent->remote.items[0].tcp, ICE_TCP_ACTIVE);
	assert_int_equal(p->agent->remote.items[0].type, ICE_PEER_REFLEXIVE);
	puppet_answer(p, &taken);
	struct ice_selected selected;
	assert_true(ice_agent_selected(p->agent, &selected));
	assert_int_equal(selected.local_type, ICE_HOST);
	assert_true(path_equal(&selected.path, &path));
	/* Another address of ours has nothing to do with that connection. */
	add_host(p, "192.0.2.7:5000");
	assert_int_equal(p->agent->pairs.count, 1);
	puppet_destroy(p);
}

/* The same port over UDP is another candidate. */
static void a_check_over_one_transport_says_nothing_of_the_other(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(false);
	puppet_add_host(p, PASSIVE);
	puppet_set_remote(p, false);
	struct path path = tcp_path(PASSIVE, REMOTE_DRAWN);
	puppet_check(p, &path, &(struct puppet_check){.controlling = true});
	struct taken taken;
	assert_false(puppet_take(p, &taken));
	assert_false(ice_agent_path_is_valid(p->agent, &path));
	puppet_destroy(p);
}

static void the_port_that_the_system_draws_makes_no_other_candidate(void **state)
{
	(void)state;
	static const struct {
		const char *mapped;
		enum ice_type type;
	} cases[] = {{"192.0.2.1:55555", ICE_HOST}, {"203.0.113.9:55555", ICE_PEER_REFLEXIVE}};
	for (size_t i = 0; i < 2; i++) {
		struct puppet *p = puppet_create(true);
		add_host(p, ACTIVE);
		assert_ok(try_remote(p, REMOTE, ICE_TCP_PASSIVE));
		puppet_set_remote(p, false);
		struct taken taken;
		puppet_take_request(p, &taken);
		puppet_answer_as(p, &taken, &taken.path, cases[i].mapped);
		struct ice_selected selected;
		assert_true(ice_agent_selected(p->agent, &selected));
		assert_int_equal(selected.local_type, cases[i].type);
		puppet_destroy(p);
	}
}

static void udp_has_a_head_start(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, UDP);
	add_host(p, ACTIVE);
	puppet_add_remote(p, REMOTE, 1);
	assert_ok(try_remote(p, REMOTE, ICE_TCP_PASSIVE));
	puppet_set_remote(p, false);
	struct taken taken;
	puppet_take_request(p, &taken);
	assert_int_equal(taken.path.remote.transport, ADDR_UDP);
	usec begun = p->now;
	assert_false(puppet_take_within(p, STUN_REQUEST, ICE_TCP_HEAD_START_US - 1, &taken));
	puppet_take_request(p, &taken);
	assert_int_equal(taken.path.remote.transport, ADDR_TCP);
	assert_int_equal(p->now, begun + ICE_TCP_HEAD_START_US);
	puppet_destroy(p);
}

static void where_udp_works_nothing_is_dialled(void **state)
{
	(void)state;
	struct world *w = world_create(1, true, false);
	world_add_host(w, 0, "192.0.2.1:1000");
	world_add_host(w, 1, "198.51.100.1:2000");
	world_add_tcp(w, 0, "192.0.2.1:9");
	world_add_tcp(w, 1, "198.51.100.1:2000");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, USEC_PER_SEC));
	world_run(w, 60 * USEC_PER_SEC);
	for (size_t i = 0; i < 2; i++) {
		struct ice_selected selected;
		assert_true(ice_agent_selected(w->sides[i].agent, &selected));
		assert_int_equal(selected.path.remote.transport, ADDR_UDP);
	}
	assert_int_equal(w->dialled, 0);
	world_destroy(w);
}

/* Either side may be the one that dials, and either may control. */
static void where_udp_is_blocked_tcp_connects(void **state)
{
	(void)state;
	for (size_t round = 0; round < 4; round++) {
		size_t dials = round & 1, waits = 1 - dials;
		struct world *w = world_create(round, round & 2, !(round & 2));
		w->no_udp = true;
		world_add_host(w, dials, "10.0.0.1:1000");
		world_add_tcp(w, dials, "10.0.0.1:9");
		world_add_host(w, waits, "198.51.100.1:2000");
		world_add_tcp(w, waits, "198.51.100.1:2000");
		world_signal_all(w);
		assert_true(world_run_until(w, ICE_COMPLETED, 3 * USEC_PER_SEC));
		/* RFC 7675: consent is renewed over it. */
		world_run(w, 90 * USEC_PER_SEC);
		assert_int_equal(world_state(w, 0), ICE_COMPLETED);
		assert_int_equal(world_state(w, 1), ICE_COMPLETED);
		w->cut = true;
		world_run(w, 40 * USEC_PER_SEC);
		assert_int_equal(world_state(w, 0), ICE_FAILED);
		assert_int_equal(world_state(w, 1), ICE_FAILED);
		world_destroy(w);
	}
}

static void lose_both(struct world *w)
{
	struct path path = {
		.local = world_addr("10.0.0.1:9"), .remote = world_addr("198.51.100.1:2000")};
	path.local.transport = path.remote.transport = ADDR_TCP;
	ice_agent_lose_path(w->sides[0].agent, w->now, &path);
	path.local.port = w->drawn_port;
	struct path there = {.local = path.remote, .remote = path.local};
	ice_agent_lose_path(w->sides[1].agent, w->now, &there);
	w->drawn_port++;
}

static void a_connection_that_breaks_is_made_anew(void **state)
{
	(void)state;
	struct world *w = world_create(1, true, false);
	w->no_udp = true;
	world_add_tcp(w, 0, "10.0.0.1:9");
	world_add_tcp(w, 1, "198.51.100.1:2000");
	world_signal_all(w);
	assert_true(world_run_until(w, ICE_COMPLETED, 3 * USEC_PER_SEC));
	for (size_t i = 0; i < ICE_REDIALS_MAX; i++) {
		lose_both(w);
		assert_int_equal(world_state(w, 0), ICE_CHECKING);
		assert_true(world_run_until(w, ICE_COMPLETED, 3 * USEC_PER_SEC));
	}
	/* Not for ever. */
	lose_both(w);
	assert_false(world_run_until(w, ICE_COMPLETED, 20 * USEC_PER_SEC));
	world_destroy(w);
}

static void what_cannot_be_connected_to_fails_soon(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	add_host(p, ACTIVE);
	assert_ok(try_remote(p, REMOTE, ICE_TCP_PASSIVE));
	puppet_set_remote(p, false);
	struct path path = tcp_path(ACTIVE, REMOTE), other = tcp_path(ACTIVE, REMOTE_DRAWN);
	struct taken taken;
	for (size_t i = 0; i < 1 + ICE_REDIALS_MAX; i++) {
		puppet_take_request(p, &taken);
		ice_agent_lose_path(p->agent, p->now, &other);
		assert_int_equal(p->agent->pairs.items[0].state, PAIR_IN_PROGRESS);
		ice_agent_lose_path(p->agent, p->now, &path);
	}
	assert_int_equal(p->agent->pairs.items[0].state, PAIR_FAILED);
	assert_int_equal(count_requests(p, 30 * USEC_PER_SEC), 0);
	puppet_destroy(p);
}

/* RFC 6544 section 4.2, RFC 8445 sections 5.1.1.3 and 5.1.2. */
static void priorities_are_unique_and_foundations_tell_the_kinds_apart(void **state)
{
	(void)state;
	struct puppet *p = puppet_create(true);
	puppet_add_host(p, UDP);
	add_host(p, PASSIVE);
	add_host(p, ACTIVE);
	add_host(p, "192.0.2.7:5000");
	add_host(p, "127.0.0.1:5000");
	const struct candidates *local = &p->agent->local;
	for (size_t i = 0; i < local->count; i++)
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(local->items[i].priority, local->items[j].priority);
			assert_string_not_equal(
				local->items[i].foundation, local->items[j].foundation);
		}
	assert_true(local->items[0].priority > local->items[2].priority);
	assert_true(local->items[2].priority > local->items[1].priority);
	assert_true(local->items[1].priority > local->items[3].priority);
	assert_true(local->items[3].priority > local->items[4].priority);
	puppet_destroy(p);
}

TESTS(TEST(only_an_active_candidate_of_ours_is_paired),
	TEST(an_active_candidate_of_the_peer_is_not_kept), TEST(services_of_others_are_not_dialled),
	TEST(a_request_is_sent_once_and_given_up), TEST(who_connects_is_learned_as_active),
	TEST(a_check_over_one_transport_says_nothing_of_the_other),
	TEST(the_port_that_the_system_draws_makes_no_other_candidate), TEST(udp_has_a_head_start),
	TEST(where_udp_works_nothing_is_dialled), TEST(where_udp_is_blocked_tcp_connects),
	TEST(a_connection_that_breaks_is_made_anew), TEST(what_cannot_be_connected_to_fails_soon),
	TEST(priorities_are_unique_and_foundations_tell_the_kinds_apart))
