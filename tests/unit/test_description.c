/* Offers and answers between peers: what is agreed on, what somebody on the way can change, and
 * what a later description may say. */
#include <stdlib.h>

#include "base/usec.h"
#include "dpc/peer.h"
#include "peer/internal.h"
#include "support/peer_pair.h"
#include "test.h"

/* Replaces the value of the first line that starts with `name`; NULL removes the line. */
static void change_line(char *sdp, const char *name, const char *value)
{
	char *line = strstr(sdp, name);
	assert_non_null(line);
	char *end = strstr(line, "\r\n");
	assert_non_null(end);
	char *rest = strdup(value ? end : end + 2);
	assert_non_null(rest);
	snprintf(line, DPC_SDP_MAX - (size_t)(line - sdp), "%s%s%s", value ? name : "",
		value ? value : "", rest);
	free(rest);
}

static enum dpc_err give(struct peer_pair *pair, int to, const char *sdp)
{
	return dpc_peer_set_remote_description(pair->ends[to].peer, pair->now, sdp, strlen(sdp));
}

static void describe(struct peer_pair *pair, int from, char *sdp)
{
	assert_int_equal(
		dpc_peer_local_description(pair->ends[from].peer, sdp, DPC_SDP_MAX), DPC_OK);
}

static void assert_connects(struct peer_pair *pair)
{
	const struct dpc_channel_config config = {.label = "test"};
	for (int i = 0; i < 2; i++) {
		uint16_t channel;
		struct dpc_peer *peer = pair->ends[i].peer;
		assert_int_equal(dpc_peer_open_channel(peer, pair->now, &config, &channel), DPC_OK);
		assert_int_equal(
			dpc_peer_send(peer, pair->now, channel, false, "hello", 5), DPC_OK);
	}
	pair_run(pair, 5 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dpc_peer_state(pair->ends[i].peer), DPC_CONNECTED);
		assert_int_equal(pair->ends[i].messages, 1);
	}
}

/* Offer and answer as they are, but for one line of one of them. */
static void exchange_with_change(
	struct peer_pair *pair, bool in_answer, const char *name, const char *value)
{
	char offer[DPC_SDP_MAX], answer[DPC_SDP_MAX];
	pair_init(pair, NULL);
	describe(pair, 0, offer);
	if (!in_answer)
		change_line(offer, name, value);
	assert_int_equal(give(pair, 1, offer), DPC_OK);
	describe(pair, 1, answer);
	if (in_answer)
		change_line(answer, name, value);
	assert_int_equal(give(pair, 0, answer), DPC_OK);
}

static void both_descriptions_carry_an_init_and_it_is_used(void **state)
{
	(void)state;
	struct peer_pair pair;
	pair_init(&pair, NULL);
	assert_int_equal(pair_describe(&pair), DPC_OK);
	assert_true(pair.ends[0].peer->snap);
	assert_true(pair.ends[1].peer->snap);
	assert_connects(&pair);
	pair_deinit(&pair);
}

static void no_snap_leaves_it_out_of_both(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct peer_pair pair;
		struct dpc_peer_config configs[2] = {{0}};
		configs[i].no_snap = true;
		char sdp[DPC_SDP_MAX];
		pair_init(&pair, configs);
		describe(&pair, 0, sdp);
		assert_int_equal(strstr(sdp, "a=sctp-init:") != NULL, i == 1);
		assert_int_equal(give(&pair, 1, sdp), DPC_OK);
		describe(&pair, 1, sdp);
		assert_null(strstr(sdp, "a=sctp-init:"));
		assert_int_equal(give(&pair, 0, sdp), DPC_OK);
		assert_connects(&pair);
		pair_deinit(&pair);
	}
}

static void the_old_form_has_neither_init_nor_tls_id(void **state)
{
	(void)state;
	struct peer_pair pair;
	const struct dpc_peer_config configs[2] = {{.legacy_sdp = true}, {0}};
	char sdp[DPC_SDP_MAX];
	pair_init(&pair, configs);
	describe(&pair, 0, sdp);
	assert_null(strstr(sdp, "a=sctp-init:"));
	assert_null(strstr(sdp, "a=tls-id:"));
	assert_int_equal(give(&pair, 1, sdp), DPC_OK);
	describe(&pair, 1, sdp);
	assert_null(strstr(sdp, "a=sctp-init:"));
	assert_int_equal(give(&pair, 0, sdp), DPC_OK);
	assert_connects(&pair);
	pair_deinit(&pair);
}

static void an_offer_with_a_broken_init_is_answered_without(void **state)
{
	(void)state;
	static const char *const values[] = {"!", "AQAA", "AQAAFAAAAAAAAAXcAAEAAQAAAAE="};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct peer_pair pair;
		exchange_with_change(&pair, false, "a=sctp-init:", values[i]);
		assert_false(pair.ends[0].peer->snap);
		assert_false(pair.ends[1].peer->snap);
		assert_int_equal(pair.ends[1].peer->dropped, 1);
		assert_connects(&pair);
		pair_deinit(&pair);
	}
}

static void an_answer_with_a_broken_init_is_refused_and_a_good_one_taken(void **state)
{
	(void)state;
	struct peer_pair pair;
	char offer[DPC_SDP_MAX], answer[DPC_SDP_MAX], broken[DPC_SDP_MAX];
	pair_init(&pair, NULL);
	describe(&pair, 0, offer);
	assert_int_equal(give(&pair, 1, offer), DPC_OK);
	describe(&pair, 1, answer);
	memcpy(broken, answer, sizeof answer);
	change_line(broken, "a=sctp-init:", "AQAA");
	assert_int_equal(give(&pair, 0, broken), DPC_ERR_MALFORMED);
	assert_int_equal(give(&pair, 0, answer), DPC_OK);
	assert_connects(&pair);
	pair_deinit(&pair);
}

/* libdatachannel 0.24 answers with every line that it does not know. */
static void an_answer_that_repeats_our_init_is_one_without(void **state)
{
	(void)state;
	struct peer_pair pair;
	const struct dpc_peer_config configs[2] = {{0}, {.no_snap = true}};
	char offer[DPC_SDP_MAX], answer[DPC_SDP_MAX];
	pair_init(&pair, configs);
	describe(&pair, 0, offer);
	assert_int_equal(give(&pair, 1, offer), DPC_OK);
	describe(&pair, 1, answer);
	const char *line = strstr(offer, "a=sctp-init:");
	assert_non_null(line);
	size_t size = strlen(answer);
	assert_true(size + strlen(line) < sizeof answer);
	memcpy(answer + size, line, strlen(line) + 1);
	assert_int_equal(give(&pair, 0, answer), DPC_OK);
	assert_false(pair.ends[0].peer->snap);
	assert_connects(&pair);
	pair_deinit(&pair);
}

static void an_init_that_is_lost_with_the_answer_costs_a_round_trip_and_no_more(void **state)
{
	(void)state;
	struct peer_pair pair;
	exchange_with_change(&pair, true, "a=sctp-init:", NULL);
	assert_false(pair.ends[0].peer->snap);
	assert_true(pair.ends[1].peer->snap);
	assert_connects(&pair);
	pair_deinit(&pair);
}

static void a_changed_init_ends_in_a_report_and_not_in_silence(void **state)
{
	(void)state;
	struct peer_pair pair;
	/* A tag that the offerer does not have. */
	exchange_with_change(&pair, false, "a=sctp-init:", "AQAAFAAAAAEAAAXcAAEAAQAAAAE=");
	assert_true(pair.ends[1].peer->snap);
	const struct dpc_channel_config config = {.label = "test"};
	uint16_t channel;
	assert_int_equal(
		dpc_peer_open_channel(pair.ends[0].peer, pair.now, &config, &channel), DPC_OK);
	assert_int_equal(
		dpc_peer_open_channel(pair.ends[1].peer, pair.now, &config, &channel), DPC_OK);
	pair_run(&pair, 120 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_true(pair.ends[i].closed);
		assert_int_equal(pair.ends[i].messages, 0);
	}
	pair_deinit(&pair);
}

/* ---- What comes after the first ---- */

static void a_repeated_description_changes_nothing(void **state)
{
	(void)state;
	struct peer_pair pair;
	char offer[DPC_SDP_MAX], answer[DPC_SDP_MAX];
	pair_init(&pair, NULL);
	describe(&pair, 0, offer);
	assert_int_equal(give(&pair, 1, offer), DPC_OK);
	describe(&pair, 1, answer);
	assert_int_equal(give(&pair, 0, answer), DPC_OK);
	assert_int_equal(give(&pair, 1, offer), DPC_ERR_EXISTS);
	assert_int_equal(give(&pair, 0, answer), DPC_ERR_EXISTS);
	assert_connects(&pair);
	assert_int_equal(give(&pair, 0, answer), DPC_ERR_EXISTS);
	pair_deinit(&pair);
}

/* The DTLS connection we have is never taken for the new one: the caller makes a new peer. */
static void a_changed_fingerprint_or_tls_id_asks_for_a_new_dtls_connection(void **state)
{
	(void)state;
	struct peer_pair pair, other;
	char offer[DPC_SDP_MAX], changed[DPC_SDP_MAX], foreign[DPC_SDP_MAX];
	pair_init(&other, NULL);
	describe(&other, 0, foreign);
	pair_init(&pair, NULL);
	describe(&pair, 0, offer);
	assert_int_equal(give(&pair, 1, offer), DPC_OK);

	memcpy(changed, offer, sizeof offer);
	change_line(changed, "a=tls-id:", "abcdefghijklmnopqrstuvwxyz");
	assert_int_equal(give(&pair, 1, changed), DPC_ERR_MISMATCH);
	memcpy(changed, offer, sizeof offer);
	change_line(changed, "a=tls-id:", NULL);
	assert_int_equal(give(&pair, 1, changed), DPC_ERR_MISMATCH);
	memcpy(changed, offer, sizeof offer);
	const char *fingerprint = strstr(foreign, "a=fingerprint:sha-256 ") + 22;
	char value[96];
	memcpy(value, fingerprint, 95);
	value[95] = 0;
	change_line(changed, "a=fingerprint:sha-256 ", value);
	assert_int_equal(give(&pair, 1, changed), DPC_ERR_MISMATCH);
	pair_deinit(&pair);
	pair_deinit(&other);
}

static void other_credentials_are_an_ice_restart(void **state)
{
	(void)state;
	struct peer_pair pair;
	char offer[DPC_SDP_MAX];
	pair_init(&pair, NULL);
	describe(&pair, 0, offer);
	assert_int_equal(give(&pair, 1, offer), DPC_OK);
	char *user = strdup(dpc_peer_user(pair.ends[1].peer));
	assert_non_null(user);
	change_line(offer, "a=ice-ufrag:", "another");
	assert_int_equal(give(&pair, 1, offer), DPC_OK);
	assert_string_not_equal(dpc_peer_user(pair.ends[1].peer), user);
	free(user);
	pair_deinit(&pair);
}

static enum dpc_err add_tcp(struct peer_pair *pair, int to, uint16_t port)
{
	struct dpc_addr addr = pair->ends[to].addr;
	addr.transport = DPC_TCP;
	addr.port = port;
	return dpc_peer_add_host(pair->ends[to].peer, pair->now, &addr);
}

static void tcp_is_told_to_whom_it_has_a_use(void **state)
{
	(void)state;
	struct peer_pair pair;
	struct dpc_event event;
	char offer[DPC_SDP_MAX], answer[DPC_SDP_MAX];
	pair_init(&pair, NULL);
	assert_int_equal(add_tcp(&pair, 0, 0), DPC_ERR_MALFORMED);
	assert_int_equal(add_tcp(&pair, 0, DPC_PORT_DIALS), DPC_OK);
	assert_int_equal(add_tcp(&pair, 0, 5000), DPC_OK);
	describe(&pair, 0, offer);
	assert_non_null(strstr(offer, " 5000 typ host tcptype passive\r\n"));
	assert_null(strstr(offer, "tcptype active"));
	assert_int_equal(give(&pair, 1, offer), DPC_OK);
	assert_true(dpc_peer_can_dial(pair.ends[1].peer));
	describe(&pair, 1, answer);
	assert_int_equal(give(&pair, 0, answer), DPC_OK);
	assert_false(dpc_peer_can_dial(pair.ends[0].peer));
	/* Likewise those that are trickled. */
	assert_int_equal(add_tcp(&pair, 1, DPC_PORT_DIALS), DPC_OK);
	assert_int_equal(add_tcp(&pair, 1, 6000), DPC_OK);
	bool told = false;
	while (dpc_peer_next_event(pair.ends[1].peer, &event)) {
		if (event.type != DPC_EVENT_CANDIDATE || event.text[0] == 0)
			continue;
		assert_false(told);
		told = true;
		assert_non_null(strstr(event.text, " 6000 typ host tcptype passive"));
	}
	assert_true(told);
	pair_deinit(&pair);
}

TESTS(TEST(both_descriptions_carry_an_init_and_it_is_used), TEST(no_snap_leaves_it_out_of_both),
	TEST(the_old_form_has_neither_init_nor_tls_id),
	TEST(an_offer_with_a_broken_init_is_answered_without),
	TEST(an_answer_with_a_broken_init_is_refused_and_a_good_one_taken),
	TEST(an_answer_that_repeats_our_init_is_one_without),
	TEST(an_init_that_is_lost_with_the_answer_costs_a_round_trip_and_no_more),
	TEST(a_changed_init_ends_in_a_report_and_not_in_silence),
	TEST(a_repeated_description_changes_nothing),
	TEST(a_changed_fingerprint_or_tls_id_asks_for_a_new_dtls_connection),
	TEST(other_credentials_are_an_ice_restart), TEST(tcp_is_told_to_whom_it_has_a_use))
