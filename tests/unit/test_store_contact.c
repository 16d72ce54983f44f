#include "node/store.h"

#include "test.h"

#include "store_tamper.h"
#include "test_home.h"

#define ALICE "dpc-node-0123456789abcdef"
#define ALICE_PIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ALICE_OTHER_PIN "0123456789abcdef000000000000000000000000000000000000000000000000"
#define BOB "dpc-node-fedcba9876543210"
#define CAROL "dpc-node-fedc000000000000"

static struct store *reopen(const char *home)
{
	struct store *store = NULL;
	assert_ok(store_open(home, &store, NULL));
	return store;
}

static struct store *with_three(const char *home)
{
	static const struct store_contact contacts[] = {
		{.node_id = ALICE, .name = "alice"},
		{.node_id = BOB, .name = "bob"},
		{.node_id = CAROL, .name = "bobby brown"},
	};
	struct store *store = reopen(home);
	for (size_t i = 0; i < 3; i++)
		assert_ok(store_contact_add(store, &contacts[i]));
	return store;
}

static void a_contact_is_kept_with_all_it_has(void **state)
{
	struct store *store = reopen(*state);
	struct store_contact c = {
		.node_id = ALICE,
		.name = "alice",
		.pin = ALICE_PIN,
		.addresses = {"192.0.2.1:8888", "[2001:db8::1]:8888"},
		.address_count = 2,
		.hub_vouched = true,
		.verified = true,
		.blocked = true,
		.keep_connected = true,
		.policy = STORE_POLICY_LAN_ONLY,
		.added = 1753000000,
	};
	struct store_contact kept;
	assert_ok(store_contact_add(store, &c));
	store_close(store);
	store = reopen(*state);
	assert_ok(store_contact_get(store, ALICE, &kept));
	assert_memory_equal(&kept, &c, sizeof c);
	struct store_contact changed = {.node_id = ALICE, .name = "al", .added = c.added};
	assert_ok(store_contact_update(store, &changed));
	assert_ok(store_contact_get(store, ALICE, &kept));
	assert_memory_equal(&kept, &changed, sizeof changed);
	assert_ok(store_contact_remove(store, ALICE));
	assert_err(store_contact_remove(store, ALICE), ERR_NOT_FOUND);
	assert_err(store_contact_update(store, &changed), ERR_NOT_FOUND);
	assert_err(store_contact_get(store, ALICE, &kept), ERR_NOT_FOUND);
	assert_string_equal(
		store_fault_text(store), "no contact '" ALICE "'; add one with 'dpc add'");
	store_close(store);
}

static void the_mark_verified_goes_with_its_key(void **state)
{
	struct store *store = reopen(*state);
	struct store_contact c = {.node_id = ALICE, .name = "alice", .verified = true}, kept;
	char other[] = ALICE_PIN;
	/* The same id, as whoever can make such a key would have it. */
	other[sizeof other - 2] = other[sizeof other - 2] == '0' ? '1' : '0';
	assert_ok(store_contact_add(store, &(struct store_contact){.node_id = ALICE}));
	assert_ok(store_contact_update(store, &c));
	assert_ok(store_contact_get(store, ALICE, &kept));
	assert_false(kept.verified);
	assert_ok(store_contact_pin(store, ALICE, ALICE_PIN));
	assert_ok(store_contact_get(store, ALICE, &c));
	c.verified = true;
	assert_ok(store_contact_update(store, &c));
	assert_err(store_contact_pin(store, ALICE, other), ERR_MISMATCH);
	assert_ok(store_contact_get(store, ALICE, &kept));
	assert_true(kept.verified);
	memcpy(c.pin, other, sizeof other);
	assert_ok(store_contact_update(store, &c));
	assert_ok(store_contact_get(store, ALICE, &kept));
	assert_string_equal(kept.pin, other);
	assert_false(kept.verified);
	store_close(store);
}

static void whether_to_stay_connected_is_kept_by_itself(void **state)
{
	struct store *store = with_three(*state);
	struct store_contact before, kept;
	assert_ok(store_contact_get(store, ALICE, &before));
	assert_false(before.keep_connected);
	for (int i = 1; i >= 0; i--) {
		assert_ok(store_contact_keep(store, ALICE, i == 1));
		store_close(store);
		store = reopen(*state);
		assert_ok(store_contact_get(store, ALICE, &kept));
		before.keep_connected = i == 1;
		assert_memory_equal(&kept, &before, sizeof kept);
	}
	assert_err(store_contact_keep(store, "dpc-node-0000000000000000", true), ERR_NOT_FOUND);
	store_close(store);
}

static void names_and_ids_are_unique(void **state)
{
	struct store *store = with_three(*state);
	struct store_contact c = {.node_id = ALICE, .name = "new"};
	assert_err(store_contact_add(store, &c), ERR_EXISTS);
	c = (struct store_contact){.node_id = "dpc-node-0000000000000000", .name = "bob"};
	assert_err(store_contact_add(store, &c), ERR_EXISTS);
	assert_string_equal(store_fault_text(store), "there is a contact 'bob' already");
	c = (struct store_contact){.node_id = ALICE, .name = "bob"};
	assert_err(store_contact_update(store, &c), ERR_EXISTS);
	c = (struct store_contact){.node_id = "dpc-node-0000000000000000"};
	assert_ok(store_contact_add(store, &c));
	assert_ok(store_contact_find(store, "dpc-node-0000000000000000", &c));
	assert_string_equal(c.name, c.node_id);
	store_close(store);
}

static void ill_formed_contacts_are_refused(void **state)
{
	struct store *store = reopen(*state);
	static const struct store_contact cases[] = {
		{.node_id = "alice"},
		{.node_id = ALICE, .name = " a"},
		{.node_id = ALICE, .name = "a "},
		{.node_id = ALICE, .name = "a\nb"},
		{.node_id = ALICE, .name = "[a]"},
		{.node_id = ALICE, .name = "\xff"},
		{.node_id = ALICE, .name = BOB},
		{.node_id = ALICE, .pin = "12"},
		{.node_id = BOB, .pin = ALICE_PIN},
		{.node_id = ALICE, .addresses = {""}, .address_count = 1},
		{.node_id = ALICE, .addresses = {"a\nb"}, .address_count = 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_err(store_contact_add(store, &cases[i]), ERR_MALFORMED);
	store_close(store);
}

static void a_contact_is_found_by_id_name_or_a_start_that_fits_one(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		const char *node_id;
	} cases[] = {
		{ALICE, ERR_OK, ALICE},
		{"alice", ERR_OK, ALICE},
		{"al", ERR_OK, ALICE},
		{"0123", ERR_OK, ALICE},
		{"dpc-node-01", ERR_OK, ALICE},
		{"bob", ERR_OK, BOB}, /* the exact name, although another begins so */
		{"bobb", ERR_OK, CAROL},
		{"bo", ERR_MISMATCH, NULL},
		{"fedc", ERR_MISMATCH, NULL},
		{"fedcb", ERR_OK, BOB},
		{"dpc-node-", ERR_MISMATCH, NULL},
		{"%", ERR_NOT_FOUND, NULL},
		{"", ERR_NOT_FOUND, NULL},
		{"dave", ERR_NOT_FOUND, NULL},
		{"\xff", ERR_MALFORMED, NULL},
	};
	struct store *store = with_three(*state);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct store_contact c;
		assert_err(store_contact_find(store, cases[i].text, &c), cases[i].err);
		if (cases[i].node_id)
			assert_string_equal(c.node_id, cases[i].node_id);
	}
	store_close(store);
}

static void the_list_is_paged_by_name(void **state)
{
	struct store *store = with_three(*state);
	struct store_contact page[2];
	size_t count;
	assert_ok(store_contact_list(store, "", page, 2, &count));
	assert_int_equal(count, 2);
	assert_string_equal(page[0].name, "alice");
	assert_ok(store_contact_list(store, page[1].name, page, 2, &count));
	assert_int_equal(count, 1);
	assert_string_equal(page[0].name, "bobby brown");
	assert_ok(store_contact_count(store, &count));
	assert_int_equal(count, 3);
	store_close(store);
}

static void the_first_key_is_pinned_and_another_refused(void **state)
{
	struct store *store = with_three(*state);
	struct store_contact c;
	assert_ok(store_contact_pin(store, ALICE, ALICE_PIN));
	assert_ok(store_contact_pin(store, ALICE, ALICE_PIN));
	assert_err(store_contact_pin(store, ALICE, ALICE_OTHER_PIN), ERR_MISMATCH);
	assert_ok(store_contact_get(store, ALICE, &c));
	assert_string_equal(c.pin, ALICE_PIN);
	assert_err(store_contact_pin(store, BOB, ALICE_PIN), ERR_MALFORMED);
	assert_err(store_contact_pin(store, BOB, "12"), ERR_MALFORMED);
	assert_err(store_contact_pin(store, "dpc-node-0000000000000000", ALICE_PIN), ERR_NOT_FOUND);
	store_close(store);
}

static void the_newest_address_is_the_first_and_the_oldest_goes(void **state)
{
	struct store *store = with_three(*state);
	struct store_contact c;
	char address[32];
	for (int i = 0; i <= STORE_ADDRESSES_MAX; i++) {
		snprintf(address, sizeof address, "192.0.2.%d:8888", i);
		assert_ok(store_contact_add_address(store, BOB, address));
	}
	assert_ok(store_contact_add_address(store, BOB, "192.0.2.5:8888"));
	assert_ok(store_contact_get(store, BOB, &c));
	assert_int_equal(c.address_count, STORE_ADDRESSES_MAX);
	assert_string_equal(c.addresses[0], "192.0.2.5:8888");
	assert_string_equal(c.addresses[1], "192.0.2.8:8888");
	assert_string_equal(c.addresses[STORE_ADDRESSES_MAX - 1], "192.0.2.1:8888");
	assert_err(store_contact_add_address(store, BOB, "a b"), ERR_MALFORMED);
	store_close(store);
}

static void removing_a_contact_keeps_its_history_but_not_what_was_queued(void **state)
{
	struct store *store = with_three(*state);
	struct store_page page;
	bool is_new;
	size_t count;
	assert_ok(store_outbox_add(
		store, BOB, &(struct store_draft){"1", "delivered", 1, NULL, NULL}));
	assert_ok(store_mark_delivered(store, BOB, "1", NULL));
	assert_ok(
		store_outbox_add(store, BOB, &(struct store_draft){"2", "queued", 2, NULL, NULL}));
	assert_ok(store_receive(
		store, BOB, &(struct store_draft){"3", "received", 3, NULL, NULL}, &is_new));
	assert_ok(store_contact_remove(store, BOB));
	assert_ok(store_history(store, BOB, 0, 10, &page));
	assert_int_equal(page.count, 2);
	store_page_deinit(&page);
	assert_ok(store_outbox_count(store, NULL, &count));
	assert_int_equal(count, 0);
	store_close(store);
}

static void contacts_are_limited_in_number(void **state)
{
	struct store *store = reopen(*state);
	tamper(*state, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9999)"
		       "INSERT INTO contacts SELECT printf('dpc-node-%016x', i), 'n' || i, '', '',"
		       " 0, 0, 0, 0, 0, 0 FROM n");
	struct store_contact c = {.node_id = ALICE};
	assert_ok(store_contact_add(store, &c));
	c = (struct store_contact){.node_id = BOB};
	assert_err(store_contact_add(store, &c), ERR_LIMIT);
	store_close(store);
}

static void policies_have_names(void **state)
{
	(void)state;
	for (unsigned i = STORE_POLICY_AUTO; i <= STORE_POLICY_LAN_ONLY; i++) {
		enum store_policy policy;
		assert_true(store_policy_parse(store_policy_name(i), &policy));
		assert_int_equal(policy, i);
	}
	enum store_policy policy;
	assert_false(store_policy_parse("", &policy));
}

TESTS(HOME_TEST(a_contact_is_kept_with_all_it_has), HOME_TEST(the_mark_verified_goes_with_its_key),
	HOME_TEST(whether_to_stay_connected_is_kept_by_itself), HOME_TEST(names_and_ids_are_unique),
	HOME_TEST(ill_formed_contacts_are_refused),
	HOME_TEST(a_contact_is_found_by_id_name_or_a_start_that_fits_one),
	HOME_TEST(the_list_is_paged_by_name),
	HOME_TEST(the_first_key_is_pinned_and_another_refused),
	HOME_TEST(the_newest_address_is_the_first_and_the_oldest_goes),
	HOME_TEST(removing_a_contact_keeps_its_history_but_not_what_was_queued),
	HOME_TEST(contacts_are_limited_in_number), TEST(policies_have_names))
