#include "support/peer_pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/usec.h"

/* On its way, in the order of arrival. */
struct pair_datagram {
	struct pair_datagram *next;
	int64_t at;
	int to;
	struct dpc_path sent; /* as its sender saw it */
	size_t size;
	uint8_t data[];
};

void pair_init(struct peer_pair *pair, const struct dpc_peer_config configs[2])
{
	*pair = (struct peer_pair){.now = PAIR_START, .network = rng_seeded(1)};
	for (int i = 0; i < 2; i++) {
		struct dpc_peer_config config = {0};
		if (configs)
			config = configs[i];
		config.offerer = i == 0;
		config.unix_time = 1800000000;
		config.seed = 7 + (uint64_t)i;
		struct pair_end *end = &pair->ends[i];
		end->addr = (struct dpc_addr){.family = 4,
			.port = (uint16_t)(5000 + i),
			.ip = {10, 0, 0, (uint8_t)(1 + i)}};
		CHECK(dpc_peer_create(&config, pair->now, &end->peer) == DPC_OK);
		CHECK(dpc_peer_add_host(end->peer, pair->now, &end->addr) == DPC_OK);
		dpc_peer_end_of_candidates(end->peer, pair->now);
	}
}

void pair_deinit(struct peer_pair *pair)
{
	dpc_peer_destroy(pair->ends[0].peer);
	dpc_peer_destroy(pair->ends[1].peer);
	while (pair->first) {
		struct pair_datagram *datagram = pair->first;
		pair->first = datagram->next;
		free(datagram);
	}
}

enum dpc_err pair_describe(struct peer_pair *pair)
{
	char sdp[DPC_SDP_MAX];
	struct dpc_peer *offerer = pair->ends[0].peer, *answerer = pair->ends[1].peer;
	enum dpc_err err = dpc_peer_local_description(offerer, sdp, sizeof sdp);
	if (!err)
		err = dpc_peer_set_remote_description(answerer, pair->now, sdp, strlen(sdp));
	if (!err)
		err = dpc_peer_local_description(answerer, sdp, sizeof sdp);
	if (!err)
		err = dpc_peer_set_remote_description(offerer, pair->now, sdp, strlen(sdp));
	return err;
}

static void count_event(struct pair_end *end, const struct dpc_event *event)
{
	switch (event->type) {
	case DPC_EVENT_CHANNEL_OPEN:
		end->opened++;
		end->channel = event->channel;
		return;
	case DPC_EVENT_MESSAGE:
		end->messages++;
		end->last_size = event->size;
		end->last_binary = event->binary;
		if (event->size > 0)
			memcpy(end->last, event->data, min_size(event->size, sizeof end->last));
		return;
	case DPC_EVENT_SENDABLE:
		end->sendable++;
		return;
	case DPC_EVENT_BUFFERED_LOW:
		end->low++;
		return;
	case DPC_EVENT_CHANNEL_CLOSED:
		end->closed_channels++;
		return;
	case DPC_EVENT_CLOSED:
		end->closed = true;
		end->close_text = event->text;
		return;
	case DPC_EVENT_STATE:
	case DPC_EVENT_CANDIDATE:
	case DPC_EVENT_PATH:
		return;
	}
}

static void pull_events(struct peer_pair *pair, struct pair_end *end)
{
	struct dpc_event event;
	while (dpc_peer_next_event(end->peer, &event)) {
		count_event(end, &event);
		if (pair->on_event)
			pair->on_event(pair, (int)(end - pair->ends), &event);
		if (end->message_at == 0 && end->messages > 0)
			end->message_at = pair->now;
		if (end->closed_at == 0 && end->closed)
			end->closed_at = pair->now;
	}
}

static bool same_addr(const struct dpc_addr *a, const struct dpc_addr *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* To an address that the end has left, it does not get. */
static void deliver(struct peer_pair *pair, int to, const struct dpc_path *sent,
	const uint8_t *data, size_t size)
{
	const struct dpc_path arrived = {.local = sent->remote, .remote = sent->local};
	if (same_addr(&sent->remote, &pair->ends[to].addr))
		dpc_peer_receive(pair->ends[to].peer, pair->now, &arrived, data, size);
}

static bool is_lost(struct peer_pair *pair, int from, const uint8_t *data, size_t size)
{
	return pair->cut || (pair->datagram_max > 0 && size > pair->datagram_max) ||
	       (pair->loss > 0 && rng_below(&pair->network, 100) < pair->loss) ||
	       (pair->on_datagram && !pair->on_datagram(pair, from, data, size));
}

static void carry(struct peer_pair *pair, int from, const struct dpc_path *sent,
	const uint8_t *data, size_t size)
{
	if (!same_addr(&sent->local, &pair->ends[from].addr) || is_lost(pair, from, data, size))
		return;
	if (pair->latency == 0) {
		deliver(pair, !from, sent, data, size);
		return;
	}
	struct pair_datagram *datagram = malloc(sizeof *datagram + size);
	CHECK(datagram);
	int64_t extra =
		pair->jitter > 0 ? (int64_t)rng_below(&pair->network, (uint64_t)pair->jitter) : 0;
	*datagram = (struct pair_datagram){
		.at = pair->now + pair->latency + extra, .to = !from, .sent = *sent, .size = size};
	memcpy(datagram->data, data, size);
	struct pair_datagram **place = &pair->first;
	while (*place && (*place)->at <= datagram->at)
		place = &(*place)->next;
	datagram->next = *place;
	*place = datagram;
}

static void deliver_due(struct peer_pair *pair)
{
	while (pair->first && pair->first->at <= pair->now) {
		struct pair_datagram *datagram = pair->first;
		pair->first = datagram->next;
		deliver(pair, datagram->to, &datagram->sent, datagram->data, datagram->size);
		free(datagram);
		pair_drain(pair, 0);
		pair_drain(pair, 1);
	}
}

void pair_drain(struct peer_pair *pair, int index)
{
	static uint8_t memory[DPC_WRITE_BEST];
	struct pair_end *end = &pair->ends[index];
	struct dpc_path path;
	size_t segment, size;
	pull_events(pair, end);
	while ((size = dpc_peer_write(
			end->peer, pair->now, memory, sizeof memory, &path, &segment)) > 0) {
		for (size_t at = 0; at < size; at += segment)
			carry(pair, index, &path, memory + at, min_size(segment, size - at));
	}
	pull_events(pair, end);
}

void pair_run(struct peer_pair *pair, int64_t duration)
{
	int64_t until = pair->now + duration;
	while (pair->now <= until) {
		deliver_due(pair);
		for (int round = 0; round < 50; round++) {
			pair_drain(pair, 0);
			pair_drain(pair, 1);
		}
		int64_t next = usec_min(dpc_peer_deadline(pair->ends[0].peer),
			dpc_peer_deadline(pair->ends[1].peer));
		int64_t then = usec_max(pair->now + PAIR_DELAY_US, usec_min(next, until + 1));
		pair->now = pair->first ? usec_min(then, pair->first->at) : then;
		for (int i = 0; i < 2; i++)
			dpc_peer_advance(pair->ends[i].peer, pair->now);
	}
}

bool pair_connect(struct peer_pair *pair)
{
	pair_init(pair, NULL);
	const struct dpc_channel_config config = {.label = "test"};
	uint16_t channel;
	if (pair_describe(pair) != DPC_OK ||
		dpc_peer_open_channel(pair->ends[0].peer, pair->now, &config, &channel) != DPC_OK)
		return false;
	int64_t limit = pair->now + 10 * USEC_PER_SEC;
	while (pair->now < limit && (pair->ends[0].opened == 0 || pair->ends[1].opened == 0))
		pair_run(pair, 10 * USEC_PER_MS);
	return pair->ends[0].opened == 1 && pair->ends[1].opened == 1;
}
