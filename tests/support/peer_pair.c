#include "support/peer_pair.h"

#include <string.h>

#include "base/bytes.h"
#include "base/usec.h"

void pair_init(struct peer_pair *pair, const struct dpc_peer_config configs[2])
{
	*pair = (struct peer_pair){.now = PAIR_START};
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

void pair_drain(struct peer_pair *pair, int index)
{
	static uint8_t memory[DPC_WRITE_BEST];
	struct pair_end *end = &pair->ends[index], *other = &pair->ends[!index];
	struct dpc_event event;
	struct dpc_path path;
	size_t segment, size;
	while (dpc_peer_next_event(end->peer, &event))
		count_event(end, &event);
	while ((size = dpc_peer_write(
			end->peer, pair->now, memory, sizeof memory, &path, &segment)) > 0) {
		const struct dpc_path arrived = {.local = other->addr, .remote = end->addr};
		for (size_t at = 0; at < size && !pair->cut; at += segment)
			dpc_peer_receive(other->peer, pair->now, &arrived, memory + at,
				min_size(segment, size - at));
	}
	while (dpc_peer_next_event(end->peer, &event))
		count_event(end, &event);
}

void pair_run(struct peer_pair *pair, int64_t duration)
{
	int64_t until = pair->now + duration;
	while (pair->now <= until) {
		for (int round = 0; round < 50; round++) {
			pair_drain(pair, 0);
			pair_drain(pair, 1);
		}
		int64_t next = usec_min(dpc_peer_deadline(pair->ends[0].peer),
			dpc_peer_deadline(pair->ends[1].peer));
		pair->now = usec_max(pair->now + PAIR_DELAY_US, usec_min(next, until + 1));
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
