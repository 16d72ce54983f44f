#include "workload.h"

#define INDEX_SIZE 4
#define RATE_MIN 4000      /* bytes a second, over the worst of the paths */
#define NEGOTIATED_ID 1000 /* of channel 0; beyond all that are told in band */
#define POOL_SIZE ((size_t)1024 * 1024)
#define POOL_SEED 1

static uint8_t message_memory[SIM_MESSAGE_MAX];

static void draw_reliability(struct rng *rng, struct channel_plan *plan)
{
	switch (rng_below(rng, 6)) {
	case 0:
		plan->reliability = DPC_MAX_RETRANSMITS;
		plan->limit = (uint32_t)rng_below(rng, 4);
		return;
	case 1:
		plan->reliability = DPC_MAX_LIFETIME;
		plan->limit = (uint32_t)rng_below(rng, 2000);
		return;
	default:
		plan->reliability = DPC_RELIABLE;
		return;
	}
}

void workload_plan(struct connection *c)
{
	static const uint32_t sizes[] = {1, 100, 1200, 5000, 65536, SIM_MESSAGE_MAX};
	c->channels = 1 + rng_below(&c->rng, SIM_CHANNELS);
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++) {
		struct channel_plan *plan = &c->plan[k];
		if (k % SIM_CHANNELS >= c->channels)
			continue;
		plan->unordered = rng_below(&c->rng, 3) == 0;
		plan->negotiated = rng_below(&c->rng, 6) == 0;
		draw_reliability(&c->rng, plan);
		if (rng_below(&c->rng, 3) == 0)
			plan->priority = (uint16_t)(1 + rng_below(&c->rng, 2000));
		plan->size_max = sizes[rng_below(&c->rng, sizeof sizes / sizeof sizes[0])];
		uint32_t most = plan->size_max > 10000 ? 8 : SIM_MESSAGES_MAX;
		plan->messages = (uint32_t)rng_below(&c->rng, most + 1);
		plan->gap = rng_below(&c->rng, 2) ? 0 : (usec)rng_below(&c->rng, 200000);
	}
}

usec workload_time_max(const struct connection *c)
{
	usec bytes = 0;
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		bytes += 2 * (usec)c->plan[k].messages * c->plan[k].size_max;
	return bytes / RATE_MIN * USEC_PER_SEC;
}

/* ---- Bytes ---- */

/* Random bytes, of which every message is a piece: to draw each byte anew would take most of the
 * time of a run. Pieces that begin elsewhere differ as much as others do. */
static const uint8_t *pool(void)
{
	static uint8_t bytes[POOL_SIZE + INDEX_SIZE];
	static bool filled;
	if (!filled) {
		struct rng rng = rng_seeded(POOL_SEED);
		rng_fill(&rng, bytes, sizeof bytes);
		filled = true;
	}
	return bytes;
}

/* Nothing and as much as there may be are drawn more often than other sizes. */
static size_t draw_size(struct rng *rng, size_t size_max)
{
	switch (rng_below(rng, 16)) {
	case 0:
		return 0;
	case 1:
		return size_max;
	default:
		return rng_below(rng, size_max + 1);
	}
}

size_t workload_piece(uint64_t seed, size_t size_max, const uint8_t **ret_data)
{
	struct rng rng = rng_seeded(seed);
	size_t size = draw_size(&rng, size_max);
	*ret_data = pool() + rng_below(&rng, POOL_SIZE - size);
	return size;
}

static bool has_index(const struct channel_plan *plan)
{
	return plan->unordered || plan->reliability != DPC_RELIABLE;
}

size_t workload_message(
	const struct connection *c, int from, size_t channel, uint32_t index, uint8_t *data)
{
	const struct channel_plan *plan = &c->plan[channel];
	size_t size_max = min_size(plan->size_max, c->ends[!from].message_max);
	const uint8_t *piece;
	size_t size = workload_piece(
		c->seed * 1000003 + (uint64_t)from * 500009 + channel * 10007 + index, size_max,
		&piece);
	if (has_index(plan))
		size = max_size(size, INDEX_SIZE);
	memcpy(data, piece, size);
	if (has_index(plan)) {
		struct writer w = writer_of(data, size);
		write_u32(&w, index);
	}
	return size;
}

uint32_t workload_index(const struct connection *c, size_t channel, const struct flow *flow,
	const void *data, size_t size)
{
	if (!has_index(&c->plan[channel]))
		return flow->received;
	struct reader r = reader_of(bytes_of(data, size));
	return read_u32(&r);
}

/* ---- Channels ---- */

static bool is_opener(const struct connection *c, int end, size_t k)
{
	return k / SIM_CHANNELS == (size_t)end || c->plan[k].negotiated;
}

void workload_open(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++) {
		const struct channel_plan *plan = &c->plan[k];
		if (k % SIM_CHANNELS >= c->channels || !is_opener(c, end, k))
			continue;
		char label[2] = {(char)('a' + k), 0};
		const struct dpc_channel_config config = {
			.label = label,
			.unordered = plan->unordered,
			.reliability = plan->reliability,
			.limit = plan->limit,
			.priority = plan->priority,
			.negotiated = plan->negotiated,
			.id = plan->negotiated ? (uint16_t)(NEGOTIATED_ID + k) : 0,
		};
		if (dpc_peer_open_channel(e->peer, connection_clock(c, end, now), &config,
			    &e->handle[k]) != DPC_OK)
			connection_object(c, "end %d cannot open channel %zu", end, k);
	}
}

size_t workload_channel(const struct connection *c, int end, uint16_t handle)
{
	const char *label = dpc_peer_channel_label(c->ends[end].peer, handle);
	return label && label[0] >= 'a' ? (size_t)(label[0] - 'a') : SIZE_MAX;
}

/* ---- Sending ---- */

static bool send_one(struct connection *c, int end, size_t k, usec now)
{
	struct end *e = &c->ends[end];
	struct flow *flow = &e->out[k];
	const struct channel_plan *plan = &c->plan[k];
	if (flow->accepted >= plan->messages || flow->blocked || now < flow->next_send ||
		(!e->open[k] && !is_opener(c, end, k)))
		return false;
	size_t size = workload_message(c, end, k, flow->accepted, message_memory);
	bool binary = flow->accepted % 2 == 0;
	enum dpc_err err = dpc_peer_send(
		e->peer, connection_clock(c, end, now), e->handle[k], binary, message_memory, size);
	flow->blocked = err == DPC_ERR_AGAIN;
	if (flow->blocked || (err == DPC_ERR_STATE && c->ended))
		return false;
	if (err) {
		connection_object(c, "channel %zu: end %d, which is %s, cannot send: %s", k, end,
			dpc_peer_state_name(dpc_peer_state(e->peer)), dpc_peer_err_text(err));
		return false;
	}
	flow->accepted++;
	if (plan->gap > 0)
		flow->next_send = now + (usec)rng_below(&c->rng, (uint64_t)plan->gap);
	return true;
}

void workload_act(struct connection *c, int end, usec now)
{
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		while (send_one(c, end, k, now))
			continue;
}

void workload_sendable(struct connection *c, int end)
{
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		c->ends[end].out[k].blocked = false;
}

usec workload_deadline(const struct connection *c, usec now)
{
	usec next = USEC_NEVER;
	for (int end = 0; end < 2; end++)
		for (size_t k = 0; k < 2 * SIM_CHANNELS; k++) {
			const struct flow *flow = &c->ends[end].out[k];
			if (flow->accepted < c->plan[k].messages && flow->next_send > now)
				next = usec_min(next, flow->next_send);
		}
	return next;
}

/* Of a channel that may give messages up, those that are not here are known to be given up when the
 * sender has nothing left to send. */
bool workload_is_settled(const struct connection *c, int from, size_t k)
{
	const struct flow *flow = &c->ends[from].out[k];
	const struct channel_plan *plan = &c->plan[k];
	struct dpc_stats stats;
	if (flow->received == plan->messages)
		return true;
	if (plan->reliability == DPC_RELIABLE || flow->accepted < plan->messages ||
		!c->ends[from].peer)
		return false;
	dpc_peer_stats(c->ends[from].peer, &stats);
	return stats.send_queue_bytes == 0;
}

bool workload_all_received(const struct connection *c, int end)
{
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		if (!workload_is_settled(c, !end, k))
			return false;
	return true;
}

bool workload_all_accepted(const struct connection *c, int end)
{
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		if (c->ends[end].out[k].accepted < c->plan[k].messages)
			return false;
	return true;
}
