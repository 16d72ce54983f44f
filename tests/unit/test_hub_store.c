/* The store, on a real SQLite file or a real PostgreSQL. */
#include "hub_store.h"

#include <fcntl.h>

#define NODE "dpc-node-0123456789abcdef"

static int64_t user_of(struct world *w, const char *subject)
{
	int64_t id = 0;
	assert_ok(store_user_find(w->store, "key", subject, true, NOW, &id));
	return id;
}

static void hash_of(uint8_t value, uint8_t hash[SHA256_SIZE])
{
	memset(hash, value, SHA256_SIZE);
}

static struct store_session session_of(int64_t user_id, unsigned number)
{
	struct store_session session = {.user_id = user_id};
	snprintf(session.id, sizeof session.id, "%032x", number);
	snprintf(session.node_id, sizeof session.node_id, "%s", NODE);
	return session;
}

static void an_account_is_created_only_if_it_may_be(void **state)
{
	(void)state;
	struct world w = {0};
	int64_t id, created;
	start(&w);
	assert_err(store_user_find(w.store, "key", "a", false, NOW, &id), ERR_NOT_FOUND);
	int64_t first = user_of(&w, "a");
	assert_int_equal(user_of(&w, "a"), first);
	assert_int_not_equal(user_of(&w, "b"), first);
	assert_ok(store_user_find(w.store, "key", "a", false, NOW + 1, &id));
	assert_int_equal(id, first);
	assert_ok(store_user_get(w.store, first, &created));
	assert_int_equal(created, NOW);
	assert_err(store_user_get(w.store, 999, &created), ERR_NOT_FOUND);
	stop(&w);
}

static void a_node_id_belongs_to_one_account_and_one_key(void **state)
{
	(void)state;
	struct world w = {0};
	start(&w);
	struct store_node node = {.user_id = user_of(&w, "a"), .registered = NOW}, other, found;
	memset(&node.pin, 7, sizeof node.pin);
	assert_err(store_node_get(w.store, NODE, &found), ERR_NOT_FOUND);
	assert_ok(store_node_register(w.store, NODE, &node, "certificate"));
	assert_ok(store_node_register(w.store, NODE, &node, "renewed"));
	assert_ok(store_node_get(w.store, NODE, &found));
	assert_int_equal(found.user_id, node.user_id);
	assert_int_equal(found.registered, NOW);
	assert_true(node_pin_equal(&found.pin, &node.pin));
	other = node;
	other.user_id = user_of(&w, "b");
	assert_err(store_node_register(w.store, NODE, &other, "c"), ERR_EXISTS);
	other = node;
	other.pin.digest[31] ^= 1;
	assert_err(store_node_register(w.store, NODE, &other, "c"), ERR_EXISTS);
	other.user_id = 999;
	assert_err(store_node_register(w.store, "dpc-node-ffffffffffffffff", &other, "c"), ERR_IO);
	stop(&w);
}

/* What a connection of its own sees in the database. */
static int written(struct world *w, unsigned node)
{
	char sql[128];
	snprintf(sql, sizeof sql,
		"SELECT last_seen - 1800000000 FROM nodes WHERE node_id = 'dpc-node-%016x'", node);
	return world_query(w, sql);
}

static void when_nodes_were_seen_is_written_together(void **state)
{
	(void)state;
	struct world w = {0};
	struct store_device device;
	char ids[3][NODE_ID_MAX];
	size_t count;
	start(&w);
	struct store_node node = {.user_id = user_of(&w, "a"), .registered = NOW};
	for (unsigned i = 0; i < 3; i++) {
		snprintf(ids[i], NODE_ID_MAX, "dpc-node-%016x", i);
		assert_ok(store_node_register(w.store, ids[i], &node, "certificate"));
		assert_ok(store_node_seen(w.store, ids[i], NOW + 1));
	}
	assert_ok(store_seen_write(w.store));
	assert_ok(store_seen_write(w.store));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(written(&w, i), 1);

	/* With one more than there is room for, those before it are written: of a node that came
	 * and went the last time. */
	for (int i = 0; i < SEEN_MAX; i++)
		assert_ok(store_node_seen(w.store, ids[i % 2], NOW + 2 + i));
	assert_int_equal(written(&w, 0), 1);
	assert_ok(store_node_seen(w.store, ids[2], NOW + 1000));
	assert_int_equal(written(&w, 0), SEEN_MAX);
	assert_int_equal(written(&w, 1), SEEN_MAX + 1);
	assert_int_equal(written(&w, 2), 1);

	/* Who asks for them is told all; time does not go back, nor is a node needed that is gone.
	 */
	assert_ok(store_node_seen(w.store, "dpc-node-ffffffffffffffffffffffffffffffff", NOW));
	assert_ok(store_node_seen(w.store, ids[2], NOW + 999));
	assert_ok(store_nodes_of_user(w.store, node.user_id, 1, &device, &count));
	assert_string_equal(device.node_id, ids[2]);
	assert_int_equal(device.last_seen, NOW + 1000);

	assert_ok(store_node_seen(w.store, ids[0], NOW + 2000));
	store_close(w.store);
	open_store(&w);
	assert_int_equal(written(&w, 0), 2000);
	stop(&w);
}

static void the_nodes_of_an_account_are_its_devices(void **state)
{
	(void)state;
	struct world w = {0};
	struct store_device devices[NODES_PER_USER_MAX];
	uint8_t hash[SHA256_SIZE];
	char id[NODE_ID_MAX], *text;
	size_t count;
	start(&w);
	struct store_node node = {.user_id = user_of(&w, "a"), .registered = NOW}, found;
	for (unsigned i = 0; i < NODES_PER_USER_MAX; i++) {
		snprintf(id, sizeof id, "dpc-node-%016x", i);
		assert_ok(store_node_register(w.store, id, &node, "certificate"));
	}
	assert_err(store_node_register(w.store, NODE, &node, "certificate"), ERR_LIMIT);
	assert_ok(store_node_register(w.store, id, &node, "renewed"));
	assert_ok(store_node_rename(w.store, "dpc-node-0000000000000007", "laptop"));
	assert_ok(store_node_seen(w.store, "dpc-node-0000000000000007", NOW + 5));
	assert_ok(store_nodes_of_user(w.store, node.user_id, 2, devices, &count));
	assert_int_equal(count, 2);
	assert_string_equal(devices[0].node_id, "dpc-node-0000000000000007");
	assert_string_equal(devices[0].name, "laptop");
	assert_int_equal(devices[0].last_seen, NOW + 5);
	assert_int_equal(devices[1].last_seen, 0);
	/* One that goes takes its logins and its admission along. */
	struct store_session session = session_of(node.user_id, 1);
	snprintf(session.node_id, sizeof session.node_id, "%s", devices[0].node_id);
	hash_of(1, hash);
	assert_ok(store_session_create(w.store, &session, hash, NOW));
	assert_err(store_admission_get(w.store, session.node_id, &text), ERR_NOT_FOUND);
	assert_ok(store_admission_put(w.store, session.node_id, "{}"));
	assert_ok(store_admission_put(w.store, session.node_id, "{\"strangers\":false}"));
	assert_ok(store_admission_get(w.store, session.node_id, &text));
	assert_string_equal(text, "{\"strangers\":false}");
	free(text);
	assert_ok(store_node_delete(w.store, session.node_id));
	assert_err(store_session_check(w.store, session.id), ERR_DENIED);
	assert_err(store_admission_get(w.store, session.node_id, &text), ERR_NOT_FOUND);
	assert_err(store_node_get(w.store, session.node_id, &found), ERR_NOT_FOUND);
	assert_err(store_admission_put(w.store, session.node_id, "{}"), ERR_IO);
	assert_ok(store_node_delete(w.store, session.node_id));
	assert_ok(store_nodes_of_user(w.store, node.user_id, NODES_PER_USER_MAX, devices, &count));
	assert_int_equal(count, NODES_PER_USER_MAX - 1);
	stop(&w);
}

static void a_refresh_token_is_replaced_and_a_second_use_revokes(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t first[SHA256_SIZE], second[SHA256_SIZE], third[SHA256_SIZE], none[SHA256_SIZE];
	struct store_session found = {0};
	start(&w);
	hash_of(1, first), hash_of(2, second), hash_of(3, third), hash_of(4, none);
	struct store_session session = session_of(user_of(&w, "a"), 1);
	assert_ok(store_session_create(w.store, &session, first, NOW));
	assert_ok(store_session_check(w.store, session.id));
	assert_err(store_session_refresh(w.store, none, second, NOW, &found), ERR_NOT_FOUND);
	assert_ok(store_session_refresh(w.store, first, second, NOW, &found));
	assert_string_equal(found.id, session.id);
	assert_int_equal(found.user_id, session.user_id);
	assert_string_equal(found.node_id, NODE);
	assert_ok(store_session_check(w.store, session.id));
	assert_err(store_session_refresh(w.store, first, third, NOW, &found), ERR_UNTRUSTED);
	assert_string_equal(found.id, session.id);
	assert_err(store_session_check(w.store, session.id), ERR_DENIED);
	assert_err(store_session_refresh(w.store, second, third, NOW, &found), ERR_EXPIRED);
	stop(&w);
}

static int rows_of(struct world *w, const char *table)
{
	char *sql = text_format("SELECT count(*) FROM %s", table);
	int count = world_query(w, sql);
	free(sql);
	return count;
}

static void hash_of_number(unsigned value, uint8_t hash[SHA256_SIZE])
{
	hash_of(7, hash);
	memcpy(hash, &value, sizeof value);
}

static void only_so_many_used_refresh_tokens_are_remembered(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t old[SHA256_SIZE], new[SHA256_SIZE];
	struct store_session found = {0};
	start(&w);
	struct store_session session = session_of(user_of(&w, "a"), 1);
	hash_of_number(0, old);
	assert_ok(store_session_create(w.store, &session, old, NOW));
	for (unsigned i = 0; i < REFRESH_TOKENS_PER_SESSION_MAX + 10; i++) {
		hash_of_number(i, old);
		hash_of_number(i + 1, new);
		assert_ok(store_session_refresh(w.store, old, new, NOW, &found));
	}
	assert_int_equal(rows_of(&w, "refresh_tokens"), REFRESH_TOKENS_PER_SESSION_MAX);
	hash_of_number(10, old);
	hash_of_number(10000, new);
	assert_err(store_session_refresh(w.store, old, new, NOW, &found), ERR_NOT_FOUND);
	hash_of_number(11, old);
	assert_err(store_session_refresh(w.store, old, new, NOW, &found), ERR_UNTRUSTED);
	stop(&w);
}

static void logins_that_have_ended_do_not_pile_up(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t hash[SHA256_SIZE];
	start(&w);
	int64_t user = user_of(&w, "a");
	struct store_session first = session_of(user, 0);
	hash_of_number(0, hash);
	assert_ok(store_session_create(w.store, &first, hash, NOW));
	for (unsigned i = 1; i <= 2 * SESSIONS_PER_USER_MAX; i++) {
		struct store_session session = session_of(user, i);
		hash_of_number(i, hash);
		assert_ok(store_session_create(w.store, &session, hash, NOW + i));
		assert_ok(store_session_revoke(w.store, session.id));
	}
	assert_int_equal(rows_of(&w, "sessions"), SESSIONS_PER_USER_MAX);
	/* One that is in use outlasts them. */
	assert_ok(store_session_check(w.store, first.id));
	stop(&w);
}

static void a_login_expires_unless_it_is_renewed(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t first[SHA256_SIZE], second[SHA256_SIZE], third[SHA256_SIZE];
	struct store_session found;
	start(&w);
	hash_of(1, first), hash_of(2, second), hash_of(3, third);
	struct store_session session = session_of(user_of(&w, "a"), 1);
	int64_t later = NOW + REFRESH_TOKEN_LIFETIME_S;
	assert_ok(store_session_create(w.store, &session, first, NOW));
	assert_ok(store_session_of_refresh(w.store, first, later, &found));
	assert_err(store_session_of_refresh(w.store, first, later + 1, &found), ERR_EXPIRED);
	assert_ok(store_session_refresh(w.store, first, second, later, &found));
	assert_ok(store_cleanup(w.store, later + 1));
	assert_ok(store_session_of_refresh(
		w.store, second, later + REFRESH_TOKEN_LIFETIME_S, &found));
	assert_ok(store_cleanup(w.store, later + REFRESH_TOKEN_LIFETIME_S + 1));
	assert_err(store_session_of_refresh(w.store, second, later, &found), ERR_NOT_FOUND);
	assert_err(store_session_check(w.store, session.id), ERR_DENIED);
	stop(&w);
}

static void logins_of_an_account_have_a_limit(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t hash[SHA256_SIZE];
	start(&w);
	int64_t user = user_of(&w, "a"), other = user_of(&w, "b");
	struct store_session foreign = session_of(other, 1000);
	hash_of(200, hash);
	assert_ok(store_session_create(w.store, &foreign, hash, NOW - 100));
	for (unsigned i = 0; i <= SESSIONS_PER_USER_MAX; i++) {
		struct store_session session = session_of(user, i);
		hash_of((uint8_t)i, hash);
		assert_ok(store_session_create(w.store, &session, hash, NOW + i));
	}
	struct store_session first = session_of(user, 0), second = session_of(user, 1);
	assert_err(store_session_check(w.store, first.id), ERR_DENIED);
	assert_ok(store_session_check(w.store, second.id));
	assert_ok(store_session_check(w.store, foreign.id));
	stop(&w);
}

static void a_node_leaves_the_account_of_its_own_key_and_no_other(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t hash[SHA256_SIZE];
	char subject[NODE_PIN_TEXT_MAX];
	start(&w);
	struct store_node node = {.registered = NOW}, found;
	memset(&node.pin, 7, sizeof node.pin);
	node.user_id = user_of(&w, node_pin_text(&node.pin, subject));
	assert_ok(store_node_register(w.store, NODE, &node, "certificate"));
	struct store_session old = session_of(node.user_id, 1);
	hash_of(1, hash);
	assert_ok(store_session_create(w.store, &old, hash, NOW));
	int64_t issuer_user, third;
	assert_ok(store_user_find(w.store, "https://issuer", "s", true, NOW, &issuer_user));
	struct store_session new = session_of(issuer_user, 2);
	hash_of(2, hash);
	assert_ok(store_session_create(w.store, &new, hash, NOW));
	/* Another key does not move it, the same one does. */
	struct store_node moved = node;
	moved.user_id = issuer_user;
	moved.pin.digest[0] ^= 1;
	assert_err(store_node_register(w.store, NODE, &moved, "certificate"), ERR_EXISTS);
	moved.pin = node.pin;
	assert_ok(store_node_register(w.store, NODE, &moved, "certificate"));
	assert_ok(store_node_get(w.store, NODE, &found));
	assert_int_equal(found.user_id, issuer_user);
	assert_err(store_session_check(w.store, old.id), ERR_DENIED);
	assert_ok(store_session_check(w.store, new.id));
	/* From there it goes nowhere. */
	assert_ok(store_user_find(w.store, "https://issuer", "t", true, NOW, &third));
	moved.user_id = third;
	assert_err(store_node_register(w.store, NODE, &moved, "certificate"), ERR_EXISTS);
	assert_err(store_node_register(w.store, NODE, &node, "certificate"), ERR_EXISTS);
	stop(&w);
}

static enum err put_ticket(struct world *w, const char *key, const char *owner, int64_t now)
{
	struct store_ticket ticket = {
		.key = key, .owner = owner, .text = "first", .expires = now + 60};
	return store_ticket_put(w->store, &ticket, TICKETS_PER_OWNER_MAX, now);
}

static void a_ticket_is_taken_once_and_expires(void **state)
{
	(void)state;
	struct world w = {0};
	char *text = NULL;
	start(&w);
	assert_err(store_ticket_get(w.store, "k", NOW, &text), ERR_NOT_FOUND);
	assert_ok(put_ticket(&w, "k", "o", NOW));
	assert_err(put_ticket(&w, "k", "p", NOW + 59), ERR_EXISTS);
	assert_ok(store_ticket_get(w.store, "k", NOW + 59, &text));
	assert_string_equal(text, "first");
	free(text);
	assert_err(store_ticket_get(w.store, "k", NOW + 60, &text), ERR_NOT_FOUND);
	assert_err(store_ticket_change(w.store, "k", "other", "second", NOW), ERR_NOT_FOUND);
	assert_err(store_ticket_change(w.store, "k", "first", "second", NOW + 60), ERR_NOT_FOUND);
	assert_ok(store_ticket_change(w.store, "k", "first", "second", NOW));
	assert_err(store_ticket_change(w.store, "k", "first", "third", NOW), ERR_NOT_FOUND);
	store_close(w.store);
	open_store(&w);
	assert_err(store_ticket_take(w.store, "k", NOW + 60, &text), ERR_NOT_FOUND);
	assert_ok(store_ticket_take(w.store, "k", NOW, &text));
	assert_string_equal(text, "second");
	free(text);
	assert_err(store_ticket_take(w.store, "k", NOW, &text), ERR_NOT_FOUND);
	/* One that has expired makes room for the next, and is cleared away. */
	assert_ok(put_ticket(&w, "k", "o", NOW));
	assert_ok(put_ticket(&w, "k", "o", NOW + 60));
	assert_ok(store_cleanup(w.store, NOW + 120));
	assert_int_equal(rows_of(&w, "tickets"), 0);
	stop(&w);
}

static void tickets_of_one_owner_have_a_limit_and_so_have_all(void **state)
{
	(void)state;
	struct world w = {0};
	char key[32];
	start(&w);
	for (unsigned i = 0; i < TICKETS_PER_OWNER_MAX; i++) {
		snprintf(key, sizeof key, "k%u", i);
		assert_ok(put_ticket(&w, key, "o", NOW));
	}
	assert_err(put_ticket(&w, "more", "o", NOW), ERR_LIMIT);
	assert_ok(put_ticket(&w, "more", "p", NOW));
	assert_ok(put_ticket(&w, "later", "o", NOW + 60));
	/* The rest of them from outside, for speed. */
	char *sql = text_format(
		"WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i "
		"< %d) INSERT INTO tickets SELECT 'x' || i, 'x' || i, '', %lld FROM n",
		TICKETS_MAX, (long long)NOW + 1000);
	world_query(&w, sql);
	assert_int_equal(rows_of(&w, "tickets"), TICKETS_MAX);
	assert_err(put_ticket(&w, "beyond", "q", NOW + 61), ERR_LIMIT);
	assert_ok(put_ticket(&w, "in time", "q", NOW + 2000));
	free(sql);
	stop(&w);
}

static void a_challenge_is_spent_once_until_it_expires(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t first[CHALLENGE_KEY_SIZE], second[CHALLENGE_KEY_SIZE], key[CHALLENGE_KEY_SIZE];
	start(&w);
	memset(first, 1, sizeof first), memset(second, 2, sizeof second);
	assert_ok(store_challenge_key(w.store, first, key));
	assert_memory_equal(key, first, sizeof key);
	store_close(w.store);
	open_store(&w);
	assert_ok(store_challenge_key(w.store, second, key));
	assert_memory_equal(key, first, sizeof key);
	assert_ok(store_challenge_spend(w.store, "c", NOW + 60, NOW));
	assert_ok(store_challenge_spend(w.store, "d", NOW + 90, NOW + 30));
	assert_err(store_challenge_spend(w.store, "c", NOW + 60, NOW + 59), ERR_EXISTS);
	assert_ok(store_challenge_spend(w.store, "e", NOW + 120, NOW + 60));
	assert_int_equal(rows_of(&w, "spent_challenges"), 2);
	stop(&w);
}

static void the_store_knows_who_allows_whom(void **state)
{
	(void)state;
	struct world w = {0};
	char ids[3][NODE_ID_MAX];
	size_t count = 99;
	static const char *const texts[] = {"{\"strangers\":true,\"contacts\":{\"" NODE
					    "\":\"allow\"}}",
		"{\"strangers\":true,\"contacts\":{\"" NODE "\":\"block\"}}",
		"{\"strangers\":true,\"contacts\":{}}"};
	start(&w);
	struct store_node node = {.user_id = user_of(&w, "a"), .registered = NOW};
	for (unsigned i = 0; i < 3; i++) {
		snprintf(ids[i], sizeof ids[i], "dpc-node-%016x", i);
		assert_ok(store_node_register(w.store, ids[i], &node, "certificate"));
		assert_ok(store_admission_put(w.store, ids[i], texts[i]));
	}
	static const char all[] = "[\"dpc-node-0000000000000002\",\"dpc-node-0000000000000001\","
				  "\"dpc-node-0000000000000000\",\"" NODE "\"]";
	assert_ok(store_admissions_naming(w.store, all, NODE, 3, ids, &count));
	assert_int_equal(count, 1);
	assert_string_equal(ids[0], "dpc-node-0000000000000000");
	assert_ok(store_admissions_naming(
		w.store, "[\"dpc-node-0000000000000001\"]", NODE, 3, ids, &count));
	assert_int_equal(count, 0);
	stop(&w);
}

static void what_was_stored_is_there_after_opening_again(void **state)
{
	(void)state;
	struct world w = {0};
	int64_t id;
	uint8_t hash[SHA256_SIZE];
	start(&w);
	int64_t user = user_of(&w, "a");
	struct store_session session = session_of(user, 1);
	hash_of(1, hash);
	assert_ok(store_session_create(w.store, &session, hash, NOW));
	assert_ok(store_session_revoke(w.store, session.id));
	assert_ok(store_session_revoke(w.store, session.id));
	store_close(w.store);
	open_store(&w);
	assert_ok(store_user_find(w.store, "key", "a", false, NOW, &id));
	assert_int_equal(id, user);
	assert_err(store_session_check(w.store, session.id), ERR_DENIED);
	stop(&w);
}

static void a_damaged_file_is_named(void **state)
{
	(void)state;
	struct world w = {0};
	char problem[STORE_PROBLEM_MAX];
	if (getenv("DPC_TEST_POSTGRES"))
		skip();
	start(&w);
	(void)user_of(&w, "a");
	store_close(w.store);
	char *path = file_of(&w, "");
	/* The page behind the header: the roots of the tables. */
	int fd = open(path, O_WRONLY);
	char noise[8192];
	memset(noise, 0xa5, sizeof noise);
	assert_int_equal(pwrite(fd, noise, sizeof noise, 4096), sizeof noise);
	close(fd);
	assert_err(store_open(w.directory, problem, &w.store), ERR_CORRUPT);
	assert_non_null(strstr(problem, path));
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, noise, sizeof noise), sizeof noise);
	close(fd);
	assert_err(store_open(w.directory, problem, &w.store), ERR_CORRUPT);
	assert_non_null(strstr(problem, "damaged"));
	w.store = NULL;
	free(path);
	stop(&w);
}

static void a_file_of_a_newer_version_is_left_alone(void **state)
{
	(void)state;
	struct world w = {0};
	char problem[STORE_PROBLEM_MAX];
	if (getenv("DPC_TEST_POSTGRES"))
		skip();
	start(&w);
	store_close(w.store);
	w.store = NULL;
	char *path = file_of(&w, "");
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_err(store_open(w.directory, problem, &w.store), ERR_CORRUPT);
	assert_non_null(strstr(problem, "newer"));
	assert_err(store_open("/nonexistent", problem, &w.store), ERR_IO);
	assert_non_null(strstr(problem, "/nonexistent/hub.db"));
	free(path);
	stop(&w);
}

/* ---- What the operator keeps and looks at ---- */

static struct store_key key_of(unsigned number, int64_t created)
{
	struct store_key key = {.created = created};
	snprintf(key.id, sizeof key.id, "%016x", number);
	memset(key.secret, (int)number, sizeof key.secret);
	return key;
}

static void the_newest_key_is_first_and_the_others_retire(void **state)
{
	(void)state;
	struct world w = {0};
	struct store_key keys[TOKEN_KEYS_MAX], key;
	size_t count = 99;
	start(&w);
	assert_ok(store_keys_get(w.store, NOW, keys, &count));
	assert_int_equal(count, 0);
	/* Made within one second: their order is that in which they came. */
	for (unsigned i = 1; i <= TOKEN_KEYS_MAX + 2; i++) {
		key = key_of(TOKEN_KEYS_MAX + 2 - i, NOW);
		assert_ok(store_key_add(w.store, &key, NOW + 100 + i));
	}
	assert_ok(store_keys_get(w.store, NOW, keys, &count));
	assert_int_equal(count, TOKEN_KEYS_MAX);
	assert_string_equal(keys[0].id, key.id);
	assert_memory_equal(keys[0].secret, key.secret, sizeof key.secret);
	assert_int_equal(keys[0].created, NOW);
	assert_int_equal(keys[0].retires, 0);
	/* A later rotation does not give an older key more time. */
	assert_int_equal(keys[2].retires, NOW + 100 + TOKEN_KEYS_MAX + 1);
	store_close(w.store);
	open_store(&w);
	key = key_of(100, NOW + 1);
	assert_ok(store_key_add(w.store, &key, NOW + 2));
	assert_ok(store_keys_get(w.store, NOW + 1, keys, &count));
	assert_int_equal(keys[1].retires, NOW + 2);
	assert_ok(store_keys_get(w.store, NOW + 2, keys, &count));
	assert_int_equal(count, 1);
	assert_ok(store_cleanup(w.store, NOW + 2));
	assert_int_equal(rows_of(&w, "token_keys"), 1);
	stop(&w);
}

static struct store_ban ban_of(const char *kind, const char *subject)
{
	struct store_ban ban = {.created = NOW, .reason = "spam"};
	snprintf(ban.kind, sizeof ban.kind, "%s", kind);
	snprintf(ban.subject, sizeof ban.subject, "%s", subject);
	return ban;
}

static void bans_are_kept_in_order_and_have_a_limit(void **state)
{
	(void)state;
	struct world w = {0};
	struct store_ban bans[3], ban;
	char subject[BAN_SUBJECT_MAX];
	size_t count;
	start(&w);
	ban = ban_of("node", NODE);
	assert_ok(store_ban_put(w.store, &ban));
	snprintf(ban.reason, sizeof ban.reason, "flood");
	assert_ok(store_ban_put(w.store, &ban));
	ban = ban_of("account", "7");
	assert_ok(store_ban_put(w.store, &ban));
	ban = ban_of("address", "192.0.2.0/24");
	assert_ok(store_ban_put(w.store, &ban));
	assert_ok(store_bans_list(w.store, NULL, 2, bans, &count));
	assert_int_equal(count, 2);
	assert_string_equal(bans[0].kind, "account");
	assert_string_equal(bans[1].subject, "192.0.2.0/24");
	assert_ok(store_bans_list(w.store, &bans[1], 3, bans, &count));
	assert_int_equal(count, 1);
	assert_string_equal(bans[0].subject, NODE);
	assert_string_equal(bans[0].reason, "flood");
	assert_int_equal(bans[0].created, NOW);
	assert_ok(store_ban_delete(w.store, "node", NODE));
	assert_err(store_ban_delete(w.store, "node", NODE), ERR_NOT_FOUND);
	for (unsigned i = 0; i < BANS_MAX - 2; i++) {
		snprintf(subject, sizeof subject, "%u", 1000 + i);
		ban = ban_of("account", subject);
		assert_ok(store_ban_put(w.store, &ban));
	}
	ban = ban_of("node", NODE);
	assert_err(store_ban_put(w.store, &ban), ERR_LIMIT);
	stop(&w);
}

static void the_operator_reads_accounts_and_nodes_page_by_page(void **state)
{
	(void)state;
	struct world w = {0};
	struct store_account accounts[3];
	struct store_listed_node nodes[3];
	size_t count;
	start(&w);
	int64_t first = user_of(&w, "a"), second = user_of(&w, "b");
	struct store_node node = {.user_id = first, .registered = NOW};
	assert_ok(store_node_register(w.store, "dpc-node-0000000000000001", &node, "c"));
	node.user_id = second;
	assert_ok(store_node_register(w.store, "dpc-node-0000000000000002", &node, "c"));
	assert_ok(store_node_register(w.store, "dpc-node-0000000000000003", &node, "c"));
	assert_ok(store_users_list(w.store, 0, 1, accounts, &count));
	assert_int_equal(count, 1);
	assert_int_equal(accounts[0].id, first);
	assert_string_equal(accounts[0].provider, "key");
	assert_string_equal(accounts[0].subject, "a");
	assert_int_equal(accounts[0].created, NOW);
	assert_int_equal(accounts[0].nodes, 1);
	assert_ok(store_users_list(w.store, first, 3, accounts, &count));
	assert_int_equal(count, 1);
	assert_int_equal(accounts[0].nodes, 2);
	assert_ok(store_nodes_list(w.store, "", 2, nodes, &count));
	assert_int_equal(count, 2);
	assert_int_equal(nodes[0].user_id, first);
	assert_int_equal(nodes[0].device.registered, NOW);
	assert_ok(store_nodes_list(w.store, nodes[1].device.node_id, 3, nodes, &count));
	assert_int_equal(count, 1);
	assert_string_equal(nodes[0].device.node_id, "dpc-node-0000000000000003");
	stop(&w);
}

static void logins_of_an_account_or_a_node_end_together(void **state)
{
	(void)state;
	struct world w = {0};
	uint8_t hash[SHA256_SIZE];
	struct store_session sessions[3];
	start(&w);
	int64_t first = user_of(&w, "a"), second = user_of(&w, "b");
	for (unsigned i = 0; i < 3; i++) {
		sessions[i] = session_of(i < 2 ? first : second, i);
		hash_of_number(i, hash);
		snprintf(sessions[i].node_id, NODE_ID_MAX, "dpc-node-%016x", i);
		assert_ok(store_session_create(w.store, &sessions[i], hash, NOW));
	}
	assert_ok(store_sessions_revoke_node(w.store, sessions[0].node_id));
	assert_err(store_session_check(w.store, sessions[0].id), ERR_DENIED);
	assert_ok(store_session_check(w.store, sessions[1].id));
	assert_ok(store_sessions_revoke_user(w.store, first));
	assert_err(store_session_check(w.store, sessions[1].id), ERR_DENIED);
	assert_ok(store_session_check(w.store, sessions[2].id));
	stop(&w);
}

TESTS(TEST(an_account_is_created_only_if_it_may_be),
	TEST(a_node_id_belongs_to_one_account_and_one_key),
	TEST(when_nodes_were_seen_is_written_together),
	TEST(the_nodes_of_an_account_are_its_devices),
	TEST(a_refresh_token_is_replaced_and_a_second_use_revokes),
	TEST(only_so_many_used_refresh_tokens_are_remembered),
	TEST(logins_that_have_ended_do_not_pile_up), TEST(a_login_expires_unless_it_is_renewed),
	TEST(logins_of_an_account_have_a_limit), TEST(what_was_stored_is_there_after_opening_again),
	TEST(a_damaged_file_is_named), TEST(a_file_of_a_newer_version_is_left_alone),
	TEST(the_newest_key_is_first_and_the_others_retire),
	TEST(bans_are_kept_in_order_and_have_a_limit),
	TEST(the_operator_reads_accounts_and_nodes_page_by_page),
	TEST(logins_of_an_account_or_a_node_end_together),
	TEST(a_node_leaves_the_account_of_its_own_key_and_no_other),
	TEST(the_store_knows_who_allows_whom), TEST(a_challenge_is_spent_once_until_it_expires),
	TEST(a_ticket_is_taken_once_and_expires),
	TEST(tickets_of_one_owner_have_a_limit_and_so_have_all))
