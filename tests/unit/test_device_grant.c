/* Devices that wait to be let in, in a real store. */
#include "hub_store.h"

#include "hub/device_grant.h"

static void codes_are_typed_as_people_type(void **state)
{
	(void)state;
	static const char *const good[] = {
		"WDJB-MJHT", "wdjbmjht", "  wdjb mjht ", "W-D-J-B-M-J-H-T", "wDjB--MjHt"};
	static const char *const bad[] = {"", "WDJB-MJH", "WDJB-MJHTX", "ADJB-MJHT", "WDJB_MJHT",
		"WDJB-MJH0", "WDJB-MJH\xc3\xa9", "--------", "WDJBMJHTWDJBMJHT"};
	char code[USER_CODE_MAX + 1];
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(user_code_parse(good[i], code));
		assert_string_equal(code, "WDJB-MJHT");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(user_code_parse(bad[i], code));
}

static struct device_grant put(struct world *w, struct rng *rng, char *device_code)
{
	struct device_grant grant = {
		.name = "server", .address = "192.0.2.1", .node_id = "dpc-node-0123456789abcdef"};
	assert_ok(device_grant_put(w->store, &grant, "o", rng, NOW, device_code));
	return grant;
}

static void a_device_waits_until_a_person_decides(void **state)
{
	(void)state;
	struct world w = {0};
	struct rng rng = rng_seeded(1);
	struct device_grant found;
	char device_code[DEVICE_CODE_MAX];
	start(&w);
	struct device_grant grant = put(&w, &rng, device_code);
	assert_ok(device_grant_get(w.store, grant.user_code, NOW, &found));
	assert_memory_equal(&found, &grant, sizeof found);
	assert_err(device_grant_poll(w.store, device_code, NOW, &found), ERR_AGAIN);
	assert_err(device_grant_poll(w.store, device_code, NOW + 5, &found), ERR_AGAIN);
	assert_ok(device_grant_decide(w.store, grant.user_code, 42, NOW + 6));
	/* Once is for ever. */
	assert_err(device_grant_decide(w.store, grant.user_code, 43, NOW + 6), ERR_NOT_FOUND);
	assert_err(device_grant_decide(w.store, grant.user_code, 0, NOW + 6), ERR_NOT_FOUND);
	assert_ok(device_grant_poll(w.store, device_code, NOW + 10, &found));
	assert_int_equal(found.user_id, 42);
	assert_string_equal(found.node_id, grant.node_id);
	assert_err(device_grant_poll(w.store, device_code, NOW + 15, &found), ERR_NOT_FOUND);
	/* And one that is refused. */
	grant = put(&w, &rng, device_code);
	assert_ok(device_grant_decide(w.store, grant.user_code, 0, NOW));
	assert_err(device_grant_poll(w.store, device_code, NOW, &found), ERR_DENIED);
	assert_err(device_grant_poll(w.store, device_code, NOW, &found), ERR_NOT_FOUND);
	stop(&w);
}

static void who_asks_too_early_waits_longer_each_time(void **state)
{
	(void)state;
	struct world w = {0};
	struct rng rng = rng_seeded(1);
	struct device_grant found;
	char device_code[DEVICE_CODE_MAX];
	start(&w);
	put(&w, &rng, device_code);
	assert_err(device_grant_poll(w.store, device_code, NOW, &found), ERR_AGAIN);
	assert_err(device_grant_poll(w.store, device_code, NOW + 4, &found), ERR_LIMIT);
	/* Ten seconds now. */
	assert_err(device_grant_poll(w.store, device_code, NOW + 13, &found), ERR_LIMIT);
	assert_err(device_grant_poll(w.store, device_code, NOW + 28, &found), ERR_AGAIN);
	stop(&w);
}

static void it_takes_the_secret_and_has_its_time(void **state)
{
	(void)state;
	struct world w = {0};
	struct rng rng = rng_seeded(1);
	struct device_grant found;
	char device_code[DEVICE_CODE_MAX], other_code[DEVICE_CODE_MAX], mixed[DEVICE_CODE_MAX];
	int64_t end = NOW + DEVICE_LIFETIME_S;
	start(&w);
	struct device_grant grant = put(&w, &rng, device_code), other = put(&w, &rng, other_code);
	assert_string_not_equal(grant.user_code, other.user_code);
	snprintf(mixed, sizeof mixed, "%s%s", grant.user_code, other_code + USER_CODE_MAX);
	assert_err(device_grant_poll(w.store, mixed, NOW, &found), ERR_NOT_FOUND);
	assert_err(device_grant_poll(w.store, grant.user_code, NOW, &found), ERR_NOT_FOUND);
	assert_err(device_grant_poll(w.store, "", NOW, &found), ERR_NOT_FOUND);
	device_code[strlen(device_code) - 1] ^= 1;
	assert_err(device_grant_poll(w.store, device_code, NOW, &found), ERR_NOT_FOUND);
	device_code[strlen(device_code) - 1] ^= 1;
	assert_err(device_grant_get(w.store, grant.user_code, end, &found), ERR_NOT_FOUND);
	assert_err(device_grant_decide(w.store, grant.user_code, 42, end), ERR_NOT_FOUND);
	assert_err(device_grant_poll(w.store, device_code, end, &found), ERR_NOT_FOUND);
	assert_err(device_grant_poll(w.store, device_code, end - 1, &found), ERR_AGAIN);
	for (unsigned i = 2; i < TICKETS_PER_OWNER_MAX; i++)
		put(&w, &rng, device_code);
	assert_err(device_grant_put(w.store, &other, "o", &rng, NOW, device_code), ERR_LIMIT);
	assert_ok(device_grant_put(w.store, &other, "p", &rng, NOW, device_code));
	stop(&w);
}

TESTS(TEST(codes_are_typed_as_people_type), TEST(a_device_waits_until_a_person_decides),
	TEST(who_asks_too_early_waits_longer_each_time), TEST(it_takes_the_secret_and_has_its_time))
