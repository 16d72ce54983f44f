/* ICE restart of a connection that is in use: descriptions, their loss and their meeting, and what
 * becomes of the messages. */
#include <stdlib.h>

#include "base/usec.h"
#include "dpc/peer.h"
#include "peer/internal.h"
#include "support/peer_pair.h"
#include "test.h"

static void describe(struct peer_pair *pair, int from, char *sdp)
{
	assert_int_equal(
		dpc_peer_local_description(pair->ends[from].peer, sdp, DPC_SDP_MAX), DPC_OK);
}

static enum dpc_err give(struct peer_pair *pair, int to, const char *sdp)
{
	return dpc_peer_set_remote_description(pair->ends[to].peer, pair->now, sdp, strlen(sdp));
}

static void restart(struct peer_pair *pair, int end)
{
	assert_int_equal(dpc_peer_restart_ice(pair->ends[end].peer, pair->now), DPC_OK);
	dpc_peer_end_of_candidates(pair->ends[end].peer, pair->now);
}

/* The offer of one end and the answer of the other. */
static void exchange(struct peer_pair *pair, int from)
{
	char sdp[DPC_SDP_MAX];
	describe(pair, from, sdp);
	assert_int_equal(give(pair, !from, sdp), DPC_OK);
	dpc_peer_end_of_candidates(pair->ends[!from].peer, pair->now);
	describe(pair, !from, sdp);
	assert_int_equal(give(pair, from, sdp), DPC_OK);
}

/* Another address, from which the network carries on. */
static void move(struct peer_pair *pair, int index, uint8_t host)
{
	struct pair_end *end = &pair->ends[index];
	assert_int_equal(dpc_peer_remove_host(end->peer, pair->now, &end->addr), DPC_OK);
	end->addr.ip[3] = host;
	end->addr.port++;
	assert_int_equal(dpc_peer_add_host(end->peer, pair->now, &end->addr), DPC_OK);
}

/* A number in each message, so that order and repetition show. */
static void send_numbered(struct peer_pair *pair, int from, uint32_t number, size_t size)
{
	static uint8_t message[DPC_MESSAGE_MAX_DEFAULT];
	memcpy(message, &number, sizeof number);
	struct pair_end *end = &pair->ends[from];
	assert_int_equal(
		dpc_peer_send(end->peer, pair->now, end->channel, true, message, size), DPC_OK);
}

static void assert_works(struct peer_pair *pair)
{
	for (int i = 0; i < 2; i++) {
		size_t before = pair->ends[!i].messages;
		assert_int_equal(dpc_peer_state(pair->ends[i].peer), DPC_CONNECTED);
		send_numbered(pair, i, 7, 100);
		pair_run(pair, 2 * USEC_PER_SEC);
		assert_int_equal(pair->ends[!i].messages, before + 1);
	}
}

static void either_side_restarts_and_all_above_stays(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++) {
		struct peer_pair pair;
		assert_true(pair_connect(&pair));
		char user[2][64], before[DPC_SDP_MAX], after[DPC_SDP_MAX];
		for (int i = 0; i < 2; i++)
			snprintf(user[i], sizeof user[i], "%s", dpc_peer_user(pair.ends[i].peer));
		describe(&pair, from, before);
		restart(&pair, from);
		describe(&pair, from, after);
		/* RFC 8842 section 5.5: neither the fingerprint nor the tls-id may change. */
		for (const char *const *name = (const char *const[]){"a=fingerprint:", "a=tls-id:",
			     "a=mid:", NULL};
			*name; name++) {
			const char *a = strstr(before, *name), *b = strstr(after, *name);
			assert_non_null(a);
			assert_non_null(b);
			assert_memory_equal(a, b, strcspn(a, "\r"));
		}
		assert_non_null(strstr(after, "a=setup:actpass"));
		exchange(&pair, from);
		for (int i = 0; i < 2; i++) {
			assert_string_not_equal(dpc_peer_user(pair.ends[i].peer), user[i]);
			assert_string_equal(dpc_peer_former_user(pair.ends[i].peer), user[i]);
		}
		assert_works(&pair);
		pair_run(&pair, 5 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++)
			assert_null(dpc_peer_former_user(pair.ends[i].peer));
		/* One channel opened, and no other. */
		assert_int_equal(pair.ends[0].opened, 1);
		assert_int_equal(pair.ends[1].opened, 1);
		pair_deinit(&pair);
	}
}

static void both_at_once_take_each_others_offer(void **state)
{
	(void)state;
	for (int answered = 0; answered < 3; answered++) {
		struct peer_pair pair;
		assert_true(pair_connect(&pair));
		char offers[2][DPC_SDP_MAX], answer[DPC_SDP_MAX];
		for (int i = 0; i < 2; i++) {
			restart(&pair, i);
			describe(&pair, i, offers[i]);
		}
		/* Where the signalling lets one stand, that is answered and the other is dropped.
		 */
		if (answered < 2) {
			assert_int_equal(give(&pair, !answered, offers[answered]), DPC_OK);
			describe(&pair, !answered, answer);
			assert_null(strstr(answer, "a=setup:actpass"));
			assert_int_equal(give(&pair, answered, answer), DPC_OK);
		} else {
			for (int i = 0; i < 2; i++)
				assert_int_equal(give(&pair, !i, offers[i]), DPC_OK);
			for (int i = 0; i < 2; i++) {
				describe(&pair, i, answer);
				assert_int_equal(give(&pair, !i, answer), DPC_ERR_EXISTS);
			}
		}
		assert_works(&pair);
		pair_run(&pair, 5 * USEC_PER_SEC);
		assert_null(dpc_peer_former_user(pair.ends[0].peer));
		assert_null(dpc_peer_former_user(pair.ends[1].peer));
		pair_deinit(&pair);
	}
}

static void a_lost_offer_or_answer_is_given_again(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	char offer[DPC_SDP_MAX], again[DPC_SDP_MAX], answer[DPC_SDP_MAX];
	restart(&pair, 0);
	describe(&pair, 0, offer);
	pair_run(&pair, 60 * USEC_PER_SEC);
	assert_works(&pair);
	/* Nobody knows the credentials: they are offered again, with the address of now. */
	move(&pair, 0, 77);
	restart(&pair, 0);
	describe(&pair, 0, again);
	const char *ufrag = strstr(offer, "a=ice-ufrag:");
	assert_memory_equal(ufrag, strstr(again, "a=ice-ufrag:"), strcspn(ufrag, "\r"));
	assert_non_null(strstr(again, "10.0.0.77"));
	assert_int_equal(give(&pair, 1, again), DPC_OK);
	dpc_peer_end_of_candidates(pair.ends[1].peer, pair.now);
	/* The answer is lost. */
	pair_run(&pair, USEC_PER_SEC);
	restart(&pair, 0);
	describe(&pair, 0, again);
	assert_int_equal(give(&pair, 1, again), DPC_ERR_EXISTS);
	describe(&pair, 1, answer);
	assert_int_equal(give(&pair, 0, answer), DPC_OK);
	pair_run(&pair, USEC_PER_SEC);
	assert_works(&pair);
	pair_deinit(&pair);
}

static void what_is_not_open_is_not_answered(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	char old[2][DPC_SDP_MAX], answer[DPC_SDP_MAX];
	pair_deinit(&pair);
	pair_init(&pair, NULL);
	assert_int_equal(dpc_peer_restart_ice(pair.ends[0].peer, pair.now), DPC_ERR_STATE);
	pair_deinit(&pair);
	assert_true(pair_connect(&pair));
	for (int i = 0; i < 2; i++)
		describe(&pair, i, old[i]);
	restart(&pair, 0);
	exchange(&pair, 0);
	describe(&pair, 1, answer);
	/* Those from before the restart come late. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(give(&pair, !i, old[i]), DPC_ERR_STATE);
	/* An answer with credentials of its own, to no question. */
	char *ufrag = strstr(answer, "a=ice-ufrag:") + 12;
	ufrag[0] = ufrag[0] == 'x' ? 'y' : 'x';
	assert_int_equal(give(&pair, 0, answer), DPC_ERR_STATE);
	/* Another role in DTLS needs another connection. */
	char *setup = strstr(answer, "a=setup:active");
	assert_non_null(setup);
	memcpy(setup, "a=setup:passiv", 14);
	memmove(setup + 15, setup + 14, strlen(setup + 14) + 1);
	setup[14] = 'e';
	assert_int_equal(give(&pair, 0, answer), DPC_ERR_MISMATCH);
	assert_works(&pair);
	dpc_peer_abort(pair.ends[0].peer, pair.now);
	assert_int_equal(dpc_peer_restart_ice(pair.ends[0].peer, pair.now), DPC_ERR_STATE);
	pair_deinit(&pair);
}

/* Signalling takes a latency, too. Returns how long nothing arrived on the far side. */
static int64_t time_of_cut_over(int mover, int64_t latency)
{
	struct peer_pair pair;
	char sdp[DPC_SDP_MAX];
	assert_true(pair_connect(&pair));
	pair.ends[0].channel = pair.ends[1].channel;
	pair.latency = latency;
	uint32_t sent = 0;
	for (; sent < 200; sent++) {
		send_numbered(&pair, mover, sent, 5000);
		pair_run(&pair, 10 * USEC_PER_MS);
	}
	int64_t start = pair.now, longest = 0, last_at = pair.now;
	size_t last = pair.ends[!mover].messages;
	move(&pair, mover, 99);
	restart(&pair, mover);
	describe(&pair, mover, sdp);
	int step = 0;
	for (; pair.now < start + 3 * USEC_PER_SEC; sent++) {
		if (step == 0 && pair.now >= start + latency) {
			assert_int_equal(give(&pair, !mover, sdp), DPC_OK);
			dpc_peer_end_of_candidates(pair.ends[!mover].peer, pair.now);
			describe(&pair, !mover, sdp);
			step++;
		} else if (step == 1 && pair.now >= start + 2 * latency) {
			assert_int_equal(give(&pair, mover, sdp), DPC_OK);
			step++;
		}
		send_numbered(&pair, mover, sent, 5000);
		pair_run(&pair, 5 * USEC_PER_MS);
		if (pair.ends[!mover].messages > last) {
			longest = usec_max(longest, pair.now - last_at);
			last = pair.ends[!mover].messages;
			last_at = pair.now;
		}
	}
	pair_run(&pair, 5 * USEC_PER_SEC);
	assert_int_equal(pair.ends[!mover].messages, sent);
	assert_int_equal(dpc_peer_state(pair.ends[mover].peer), DPC_CONNECTED);
	pair_deinit(&pair);
	return longest;
}

static void an_address_replaced_under_load_costs_half_a_second_and_no_message(void **state)
{
	(void)state;
	for (int mover = 0; mover < 2; mover++) {
		for (int64_t latency = 5; latency <= 100; latency += 19) {
			int64_t gap = time_of_cut_over(mover, latency * USEC_PER_MS);
			print_message("mover %d, latency %d ms: %d ms\n", mover, (int)latency,
				(int)(gap / USEC_PER_MS));
			assert_in_range(gap, 0, 500 * USEC_PER_MS + 2 * latency * USEC_PER_MS);
		}
	}
}

static void after_twenty_silent_seconds_a_restart_brings_it_back(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	pair.ends[0].channel = pair.ends[1].channel;
	pair.cut = true;
	for (uint32_t i = 0; i < 20; i++)
		send_numbered(&pair, (int)(i & 1), i, 100000);
	pair_run(&pair, 20 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++)
		assert_int_equal(dpc_peer_state(pair.ends[i].peer), DPC_DISCONNECTED);
	pair.cut = false;
	restart(&pair, 1);
	exchange(&pair, 1);
	pair_run(&pair, 2 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dpc_peer_state(pair.ends[i].peer), DPC_CONNECTED);
		assert_int_equal(pair.ends[i].messages, 10);
	}
	pair_deinit(&pair);
}

static void without_an_answer_and_a_path_it_ends(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	pair.cut = true;
	assert_int_equal(dpc_peer_restart_ice(pair.ends[0].peer, pair.now), DPC_OK);
	move(&pair, 0, 50);
	pair_run(&pair, USEC_PER_SEC);
	assert_int_equal(dpc_peer_state(pair.ends[0].peer), DPC_DISCONNECTED);
	pair_run(&pair, 40 * USEC_PER_SEC);
	assert_true(pair.ends[0].closed);
	assert_string_equal(pair.ends[0].close_text, "the path to the peer is lost");
	pair_deinit(&pair);
}

/* Both move, restart, lose descriptions and datagrams at moments drawn from the seed; whatever
 * happens, after a last exchange every message has arrived, once. */
static void storms_of_restarts_lose_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct peer_pair pair;
		assert_true(pair_connect(&pair));
		pair.ends[0].channel = pair.ends[1].channel;
		pair.network = rng_seeded(seed);
		struct rng rng = rng_seeded(1000 + seed);
		pair.latency = (int64_t)rng_below(&rng, 50) * USEC_PER_MS;
		pair.loss = (unsigned)rng_below(&rng, 10);
		uint32_t sent = 0;
		for (int round = 0; round < 6; round++) {
			char sdp[DPC_SDP_MAX];
			int who = (int)rng_below(&rng, 2);
			if (rng_below(&rng, 2))
				move(&pair, who, (uint8_t)(100 + round));
			restart(&pair, who);
			describe(&pair, who, sdp);
			if (rng_below(&rng, 4) == 0)
				restart(&pair, !who);
			/* One in four is lost. */
			if (rng_below(&rng, 4)) {
				enum dpc_err err = give(&pair, !who, sdp);
				assert_true(err == DPC_OK || err == DPC_ERR_EXISTS);
				describe(&pair, !who, sdp);
				if (rng_below(&rng, 4))
					(void)give(&pair, who, sdp);
			}
			for (int i = 0; i < 10; i++) {
				send_numbered(&pair, 0, sent, 3000);
				send_numbered(&pair, 1, sent++, 3000);
				pair_run(&pair, (int64_t)rng_below(&rng, 100) * USEC_PER_MS);
			}
		}
		pair.loss = 0;
		/* As the owner of a peer does until it is connected. */
		for (int attempt = 0; attempt < 3; attempt++) {
			char sdp[DPC_SDP_MAX];
			restart(&pair, 0);
			describe(&pair, 0, sdp);
			enum dpc_err err = give(&pair, 1, sdp);
			assert_true(err == DPC_OK || err == DPC_ERR_EXISTS);
			describe(&pair, 1, sdp);
			(void)give(&pair, 0, sdp);
			pair_run(&pair, 3 * USEC_PER_SEC);
		}
		pair_run(&pair, 20 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(dpc_peer_state(pair.ends[i].peer), DPC_CONNECTED);
			assert_int_equal(pair.ends[i].messages, sent);
		}
		pair_deinit(&pair);
	}
}

TESTS(TEST(either_side_restarts_and_all_above_stays), TEST(both_at_once_take_each_others_offer),
	TEST(a_lost_offer_or_answer_is_given_again), TEST(what_is_not_open_is_not_answered),
	TEST(an_address_replaced_under_load_costs_half_a_second_and_no_message),
	TEST(after_twenty_silent_seconds_a_restart_brings_it_back),
	TEST(without_an_answer_and_a_path_it_ends), TEST(storms_of_restarts_lose_nothing))
