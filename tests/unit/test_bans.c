/* Who is shut out. */
#include "hub/bans.h"

#include "hub_store.h"

#define NODE "dpc-node-0123456789abcdef"

static void what_a_person_writes_is_one_of_three(void **state)
{
	(void)state;
	static const struct {
		const char *who, *kind, *subject; /* NULL: none of them */
	} cases[] = {
		{"7", "account", "7"},
		{"9223372036854775807", "account", "9223372036854775807"},
		{NODE, "node", NODE},
		{"192.0.2.77", "address", "192.0.2.77/32"},
		{"192.0.2.77/24", "address", "192.0.2.0/24"},
		{"192.0.2.77/25", "address", "192.0.2.0/25"},
		{"192.0.2.77/0", "address", "0.0.0.0/0"},
		{"2001:DB8:1:2::3/33", "address", "2001:db8::/33"},
		{"2001:db8::1", "address", "2001:db8::1/128"},
		{"::ffff:192.0.2.1", "address", "192.0.2.1/32"},
		{"::ffff:192.0.2.1/120", NULL, NULL},
		{"0", NULL, NULL},
		{"9223372036854775808", NULL, NULL},
		{"192.0.2.0/33", NULL, NULL},
		{"2001:db8::/129", NULL, NULL},
		{"192.0.2.0/", NULL, NULL},
		{"192.0.2.0/-1", NULL, NULL},
		{"192.0.2", NULL, NULL},
		{"alice", NULL, NULL},
		{"", NULL, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct store_ban ban;
		bool is_one = ban_parse(cases[i].who, &ban);
		assert_int_equal(is_one, cases[i].kind != NULL);
		if (!is_one)
			continue;
		assert_string_equal(ban.kind, cases[i].kind);
		assert_string_equal(ban.subject, cases[i].subject);
	}
}

static void ban(struct bans *bans, const char *who)
{
	struct store_ban ban;
	assert_true(ban_parse(who, &ban));
	assert_ok(bans_add(bans, &ban));
}

static void unban(struct bans *bans, const char *who)
{
	struct store_ban ban;
	assert_true(ban_parse(who, &ban));
	bans_remove(bans, &ban);
}

static bool has_address(const struct bans *bans, const char *ip)
{
	struct addr addr;
	assert_true(addr_parse_ip(ip, 1234, &addr));
	return bans_have_address(bans, &addr);
}

static void a_prefix_takes_all_that_begin_with_it(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct bans bans;
	bans_init(&bans, &rng);
	assert_false(has_address(&bans, "192.0.2.1"));
	ban(&bans, "192.0.2.128/25");
	ban(&bans, "192.0.2.128/25");
	ban(&bans, "2001:db8:8000::/33");
	ban(&bans, "198.51.100.7");
	assert_int_equal(bans_count(&bans), 3);
	assert_true(has_address(&bans, "192.0.2.128"));
	assert_true(has_address(&bans, "192.0.2.255"));
	assert_true(has_address(&bans, "::ffff:192.0.2.255"));
	assert_false(has_address(&bans, "192.0.2.127"));
	assert_true(has_address(&bans, "198.51.100.7"));
	assert_false(has_address(&bans, "198.51.100.6"));
	assert_true(has_address(&bans, "2001:db8:ffff::1"));
	assert_false(has_address(&bans, "2001:db8:7fff::1"));
	unban(&bans, "192.0.2.200/25");
	assert_false(has_address(&bans, "192.0.2.128"));
	unban(&bans, "192.0.2.200/25");
	assert_int_equal(bans_count(&bans), 2);
	ban(&bans, "0.0.0.0/0");
	assert_true(has_address(&bans, "8.8.8.8"));
	assert_false(has_address(&bans, "2001:db9::1"));
	bans_deinit(&bans);
}

static void accounts_and_nodes_are_told_apart(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct bans bans;
	bans_init(&bans, &rng);
	ban(&bans, "7");
	ban(&bans, NODE);
	assert_true(bans_have_account(&bans, 7));
	assert_false(bans_have_account(&bans, 8));
	assert_true(bans_have_node(&bans, NODE));
	assert_false(bans_have_node(&bans, "dpc-node-0123456789abcdee"));
	unban(&bans, "7");
	assert_false(bans_have_account(&bans, 7));
	/* A kind that is not that of its subject. */
	struct store_ban wrong = {.kind = "node", .subject = "7"};
	assert_err(bans_add(&bans, &wrong), ERR_MALFORMED);
	bans_deinit(&bans);
}

static void all_of_the_store_is_loaded(void **state)
{
	(void)state;
	struct world w = {0};
	struct rng rng = rng_seeded(1);
	struct store_ban one = {.created = NOW};
	struct bans bans;
	start(&w);
	bans_init(&bans, &rng);
	ban(&bans, "999");
	for (unsigned i = 1; i <= 2 * ADMIN_PAGE_MAX; i++) {
		snprintf(one.kind, sizeof one.kind, "account");
		snprintf(one.subject, sizeof one.subject, "%u", i);
		assert_ok(store_ban_put(w.store, &one));
	}
	snprintf(one.subject, sizeof one.subject, "of a later version");
	assert_ok(store_ban_put(w.store, &one));
	assert_ok(bans_load(&bans, w.store));
	assert_int_equal(bans_count(&bans), 2 * ADMIN_PAGE_MAX);
	assert_true(bans_have_account(&bans, 2 * ADMIN_PAGE_MAX));
	assert_false(bans_have_account(&bans, 999));
	bans_deinit(&bans);
	stop(&w);
}

TESTS(TEST(what_a_person_writes_is_one_of_three), TEST(a_prefix_takes_all_that_begin_with_it),
	TEST(accounts_and_nodes_are_told_apart), TEST(all_of_the_store_is_loaded))
