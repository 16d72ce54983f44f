#include "draw.h"

#include "virtual.h"

static void draw_loss(struct rng *rng, struct network_profile *p)
{
	if (rng_below(rng, 2))
		p->loss_ppm = (uint32_t)rng_below(rng, 100000);
	if (rng_below(rng, 3) == 0)
		p->duplicate_ppm = (uint32_t)rng_below(rng, 100000);
	if (rng_below(rng, 3) == 0) {
		p->reorder_ppm = (uint32_t)rng_below(rng, 200000);
		p->reorder_delay = (usec)rng_below(rng, 100000);
	}
	if (rng_below(rng, 4) == 0)
		p->corrupt_ppm = (uint32_t)rng_below(rng, 50000);
	if (rng_below(rng, 4) == 0)
		p->truncate_ppm = (uint32_t)rng_below(rng, 30000);
	if (rng_below(rng, 6) == 0)
		p->handshake_delay = (usec)rng_below(rng, USEC_PER_SEC);
}

/* The second silence is of one direction at most. */
static void draw_silences(struct rng *rng, struct network_profile *p)
{
	for (int i = 0; i < NETWORK_SILENCES; i++) {
		if (rng_below(rng, 4) > 0)
			continue;
		struct silence *s = &p->silences[i];
		s->from = SIM_START + (usec)rng_below(rng, 20 * USEC_PER_SEC);
		s->to = s->from + (usec)rng_below(rng, (i == 0 ? 20 : 8) * USEC_PER_SEC);
		s->directions = i == 0 ? 3 : 1 + (unsigned)rng_below(rng, 3);
	}
}

struct network_profile draw_profile(struct rng *rng)
{
	static const size_t mtus[] = {1200, 1200, 1201, 1400, 1472, 4000, 8972, 65507};
	struct network_profile p = {.mtu = mtus[rng_below(rng, 8)]};
	if (rng_below(rng, 4) == 0) {
		p.mtu_then = mtus[rng_below(rng, 8)];
		p.mtu_changes = SIM_START + (usec)rng_below(rng, 10 * USEC_PER_SEC);
	}
	p.delay[0] = p.delay[1] = (usec)rng_below(rng, 120000);
	if (rng_below(rng, 4) == 0)
		p.delay[1] = (usec)rng_below(rng, 250000);
	if (rng_below(rng, 2))
		p.jitter = (usec)rng_below(rng, 40000);
	draw_loss(rng, &p);
	if (rng_below(rng, 4) == 0) {
		p.rate = 20000 + rng_below(rng, 5000000);
		p.queue_max = 20000 + rng_below(rng, 200000);
	}
	draw_silences(rng, &p);
	return p;
}

void draw_addresses(struct connection *c)
{
	static const char *const hosts[2][NETWORK_INTERFACES] = {
		{"10.0.0.1:5001", "[fd00::1]:5001"}, {"10.0.0.2:5002", "[fd00::2]:5002"}};
	static const char *const publics[2] = {"203.0.113.1:6001", "203.0.113.2:6002"};
	uint64_t families = 1 + rng_below(&c->rng, 3); /* bit 0: IPv4, bit 1: IPv6 */
	for (int end = 0; end < 2; end++) {
		struct network_end *e = &c->network.ends[end];
		for (int i = 0; i < NETWORK_INTERFACES; i++)
			if (families & (1U << i))
				CHECK(addr_parse(hosts[end][i], &e->host[i]));
		if ((families & 1) && rng_below(&c->rng, 3) == 0)
			CHECK(addr_parse(publics[end], &e->public[0]));
	}
}

static uint32_t one_of(struct rng *rng, const uint32_t *values, size_t count)
{
	return values[rng_below(rng, count)];
}

void draw_peer(struct connection *c, int end)
{
	static const uint32_t message_maxima[] = {0, 0, 0, 1200, 16384, 65536};
	static const uint32_t windows[] = {0, 0, 4096, 65536, 300000, 4000000};
	static const uint32_t queues[] = {0, 0, 300000, 400000, 1000000};
	static const uint32_t mtus[] = {0, 0, 576, 1000, 1200};
	static const uint32_t mtu_maxima[] = {0, 1300, 1472, 1500, 4000, 8972, 16384};
	static const uint32_t quiets[] = {0, USEC_PER_SEC, 2 * USEC_PER_SEC};
	struct end *e = &c->ends[end];
	struct dpc_peer_config config = {
		.offerer = end == 0,
		.unix_time = VIRTUAL_UNIX_TIME,
		.message_max = one_of(&c->rng, message_maxima, 6),
		.receive_window = one_of(&c->rng, windows, 6),
		.send_queue_max = one_of(&c->rng, queues, 5),
		.mtu = one_of(&c->rng, mtus, 5), /* no path here carries less than 1,200 bytes */
		.mtu_max = one_of(&c->rng, mtu_maxima, 7),
		.congestion = (enum dpc_congestion)rng_below(&c->rng, DPC_CONGESTION_NEWRENO + 1),
		.quiet_max = one_of(&c->rng, quiets, 3),
		.no_snap = rng_below(&c->rng, 3) == 0,
		.legacy_sdp = rng_below(&c->rng, 4) == 0,
		.no_interleaving = rng_below(&c->rng, 3) == 0,
		.no_partial_reliability = rng_below(&c->rng, 4) == 0,
		.seed = 1 + rng_u64(&c->rng) / 2,
	};
	e->message_max = config.message_max > 0 ? config.message_max : DPC_MESSAGE_MAX_DEFAULT;
	/* As dpc/peer.h has it for 0; a window holds one message in any case. */
	e->receive_memory = config.receive_window > 0 ? config.receive_window : 16 * 1024 * 1024;
	e->receive_memory = max_size(e->receive_memory, e->message_max);
	e->send_memory = config.send_queue_max > 0 ? config.send_queue_max : 16 * 1024 * 1024;
	CHECK(dpc_peer_create(&config, SIM_START, &e->peer) == DPC_OK);
}
