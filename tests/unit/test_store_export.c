#include "node/store_export.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

#include "test_home.h"

#define ALICE "dpc-node-0123456789abcdef"
#define BOB "dpc-node-fedcba9876543210"

static struct store *open_store(void **state)
{
	struct store *store;
	struct fault fault;
	assert_ok(store_open(*state, &store, &fault));
	return store;
}

static void receive(struct store *store, const char *peer, unsigned number)
{
	char id[16];
	bool is_new;
	snprintf(id, sizeof id, "m%u", number);
	assert_ok(store_receive(
		store, peer, &(struct store_draft){id, "text", 1753000000, NULL, NULL}, &is_new));
	assert_true(is_new);
}

static void every_message_of_a_peer_comes_once_and_in_order(void **state)
{
	struct store *store = open_store(state);
	int64_t after = 0, count;
	unsigned next = 0;
	struct store_page page;
	for (unsigned i = 0; i < 25; i++)
		receive(store, i % 5 == 4 ? ALICE : BOB, i);
	do {
		assert_ok(store_export_page(store, BOB, after, 7, &page));
		assert_in_range(page.count, 1, 7);
		for (size_t i = 0; i < page.count; i++) {
			char id[16];
			snprintf(id, sizeof id, "m%u", next);
			assert_string_equal(page.messages[i].id, id);
			assert_string_equal(page.messages[i].peer, BOB);
			after = page.messages[i].sequence;
			next += next % 5 == 3 ? 2 : 1;
		}
		assert_int_equal(page.more, next < 25);
		store_page_deinit(&page);
	} while (next < 25);
	assert_ok(store_export_page(store, BOB, after, 7, &page));
	assert_int_equal(page.count, 0);
	assert_false(page.more);
	store_page_deinit(&page);
	assert_ok(store_export_count(store, BOB, &count));
	assert_int_equal(count, 20);
	assert_ok(store_export_count(store, NULL, &count));
	assert_int_equal(count, 25);
	store_close(store);
}

static void a_page_has_a_limit(void **state)
{
	struct store *store = open_store(state);
	struct store_page page;
	for (unsigned i = 0; i <= STORE_PAGE_MAX; i++)
		receive(store, ALICE, i);
	assert_ok(store_export_page(store, ALICE, 0, STORE_PAGE_MAX + 1, &page));
	assert_int_equal(page.count, STORE_PAGE_MAX);
	assert_true(page.more);
	store_page_deinit(&page);
	store_close(store);
}

static void peers_come_by_id_and_only_those_with_messages(void **state)
{
	struct store *store = open_store(state);
	char peer[STORE_NODE_ID_MAX + 1];
	int64_t count;
	assert_err(store_export_next_peer(store, "", peer), ERR_NOT_FOUND);
	assert_ok(store_export_count(store, NULL, &count));
	assert_int_equal(count, 0);
	receive(store, BOB, 1);
	/* Accepted, and gone with the contact: the peer has nothing left. */
	assert_ok(store_contact_add(store, &(struct store_contact){.node_id = ALICE}));
	assert_ok(store_outbox_add(
		store, ALICE, &(struct store_draft){"o1", "text", 1753000000, NULL, NULL}));
	assert_ok(store_export_next_peer(store, "", peer));
	assert_string_equal(peer, ALICE);
	assert_ok(store_contact_remove(store, ALICE));
	assert_ok(store_export_next_peer(store, "", peer));
	assert_string_equal(peer, BOB);
	assert_err(store_export_next_peer(store, peer, peer), ERR_NOT_FOUND);
	store_close(store);
}

TESTS(HOME_TEST(every_message_of_a_peer_comes_once_and_in_order), HOME_TEST(a_page_has_a_limit),
	HOME_TEST(peers_come_by_id_and_only_those_with_messages))
