#include "node/peer_route.h"

#include "node/peer_io.h"
#include "test.h"

static struct path path_of(const char *local, const char *remote)
{
	struct path path;
	assert_true(addr_parse(local, &path.local));
	assert_true(addr_parse(remote, &path.remote));
	return path;
}

static struct path path_to_port(uint16_t port)
{
	struct path path = path_of("10.0.0.1:5", "10.0.0.2:6");
	path.remote.port = port;
	return path;
}

struct fixture {
	struct rng rng;
	struct peer_route_table table;
	struct peer_route_owner owners[6];
};

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	f.rng = rng_seeded(1);
	peer_route_table_init(&f.table, &f.rng);
	for (size_t i = 0; i < 6; i++)
		peer_route_owner_init(&f.owners[i], i + 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++)
		peer_route_forget(&f.table, &f.owners[i]);
	assert_int_equal(f.table.count, 0);
	assert_int_equal(f.table.map.count, 0);
	peer_route_table_deinit(&f.table);
	return 0;
}

static void a_path_is_the_local_ip_and_the_remote_address(void **state)
{
	(void)state;
	struct path path = path_of("10.0.0.1:5", "10.0.0.2:6");
	assert_null(peer_route_find(&f.table, &path));
	assert_ok(peer_route_learn(&f.table, &f.owners[0], &path));
	assert_ptr_equal(peer_route_find(&f.table, &path)->owner, &f.owners[0]);
	/* Twice, for what was found last is kept at hand. */
	assert_ptr_equal(peer_route_find(&f.table, &path)->owner, &f.owners[0]);

	static const char *const others[][2] = {{"10.0.0.3:5", "10.0.0.2:6"},
		{"10.0.0.1:5", "10.0.0.2:7"}, {"10.0.0.1:5", "10.0.0.3:6"}, {"[::1]:5", "[::1]:6"}};
	for (size_t i = 0; i < 4; i++) {
		struct path other = path_of(others[i][0], others[i][1]);
		assert_null(peer_route_find(&f.table, &other));
	}
	struct path port = path_of("10.0.0.1:9", "10.0.0.2:6");
	assert_non_null(peer_route_find(&f.table, &port));
}

static void peers_on_the_same_path_form_a_chain_with_the_newest_first(void **state)
{
	(void)state;
	static const size_t order[] = {1, 3, 0, 2};
	struct path path = path_to_port(1);
	for (size_t i = 0; i < 4; i++)
		assert_ok(peer_route_learn(&f.table, &f.owners[order[i]], &path));
	const struct peer_route *route = peer_route_find(&f.table, &path);
	for (size_t i = 0; i < 4; i++) {
		assert_non_null(route);
		assert_ptr_equal(route->owner, &f.owners[3 - i]);
		route = route->older;
	}
	assert_null(route);

	/* From the middle, then from the front. */
	peer_route_forget(&f.table, &f.owners[1]);
	peer_route_forget(&f.table, &f.owners[3]);
	route = peer_route_find(&f.table, &path);
	assert_ptr_equal(route->owner, &f.owners[2]);
	assert_ptr_equal(route->older->owner, &f.owners[0]);
	assert_null(route->older->older);
}

static void the_oldest_makes_room_in_a_full_chain(void **state)
{
	(void)state;
	struct path path = path_to_port(1);
	for (size_t i = 0; i < 6; i++)
		assert_ok(peer_route_learn(&f.table, &f.owners[i], &path));
	assert_int_equal(f.table.count, PEER_IO_PEERS_PER_ROUTE_MAX);
	assert_int_equal(f.owners[0].count, 0);
	assert_int_equal(f.owners[1].count, 0);
	assert_ptr_equal(peer_route_find(&f.table, &path)->owner, &f.owners[5]);
	/* It comes in again only to be out again. */
	assert_ok(peer_route_learn(&f.table, &f.owners[0], &path));
	assert_int_equal(f.owners[0].count, 0);
	assert_int_equal(f.table.count, PEER_IO_PEERS_PER_ROUTE_MAX);
}

static void the_path_used_least_recently_makes_room(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < PEER_IO_ROUTES_PER_PEER_MAX; i++) {
		struct path path = path_to_port(i);
		assert_ok(peer_route_learn(&f.table, &f.owners[0], &path));
	}
	struct path first = path_to_port(0), second = path_to_port(1), more = path_to_port(5000);
	assert_ok(peer_route_learn(&f.table, &f.owners[0], &first));
	assert_ok(peer_route_learn(&f.table, &f.owners[0], &more));
	assert_int_equal(f.owners[0].count, PEER_IO_ROUTES_PER_PEER_MAX);
	assert_non_null(peer_route_find(&f.table, &first));
	assert_non_null(peer_route_find(&f.table, &more));
	assert_null(peer_route_find(&f.table, &second));
}

static void many_peers_come_and_go_and_nothing_is_left(void **state)
{
	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct peer_route_owner *owner = &f.owners[rng_below(&f.rng, 6)];
		struct path path = path_to_port((uint16_t)rng_below(&f.rng, 200));
		if (rng_below(&f.rng, 100) == 0)
			peer_route_forget(&f.table, owner);
		else
			assert_ok(peer_route_learn(&f.table, owner, &path));
		uint64_t serial = UINT64_MAX;
		size_t length = 0;
		for (struct peer_route *r = peer_route_find(&f.table, &path); r; r = r->older) {
			assert_true(r->owner->serial < serial);
			assert_true(path_equal(&r->path, &path));
			serial = r->owner->serial;
			length++;
		}
		assert_true(length <= PEER_IO_PEERS_PER_ROUTE_MAX);
	}
}

#define ROUTE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TESTS(ROUTE_TEST(a_path_is_the_local_ip_and_the_remote_address),
	ROUTE_TEST(peers_on_the_same_path_form_a_chain_with_the_newest_first),
	ROUTE_TEST(the_oldest_makes_room_in_a_full_chain),
	ROUTE_TEST(the_path_used_least_recently_makes_room),
	ROUTE_TEST(many_peers_come_and_go_and_nothing_is_left))
