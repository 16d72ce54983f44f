#include "attacker.h"

#define ATTACKER_TAG UINT64_C(0x61747461)
#define NOISE_MAX 200

void attacker_plan(struct connection *c)
{
	struct attacker *a = &c->attacker;
	a->rng = rng_seeded(c->seed ^ ATTACKER_TAG);
	a->next = USEC_NEVER;
	if (rng_below(&a->rng, 4) > 0)
		return;
	a->on_path = rng_below(&a->rng, 2);
	a->left = 1 + (uint32_t)rng_below(&a->rng, 300);
	a->gap = 1 + (usec)rng_below(&a->rng, 300 * USEC_PER_MS);
	a->next = SIM_START + (usec)rng_below(&a->rng, USEC_PER_SEC);
}

void attacker_see(struct connection *c, const struct network_packet *packet)
{
	struct attacker *a = &c->attacker;
	struct kept *kept = &a->kept[a->kept_next];
	if (!a->on_path || a->left == 0 || packet->size == 0 || packet->size > sizeof kept->data ||
		rng_below(&a->rng, 8) > 0)
		return;
	*kept = (struct kept){.to = packet->to, .path = packet->path, .size = packet->size};
	memcpy(kept->data, packet->data, packet->size);
	a->kept_next = (a->kept_next + 1) % SIM_REPLAY_MAX;
	a->kept_count = min_size(a->kept_count + 1, SIM_REPLAY_MAX);
}

/* The path by which the end is reached: from the peer's address, or from another. */
static struct path draw_path(struct connection *c, int to)
{
	struct rng *rng = &c->attacker.rng;
	const struct network_end *e = &c->network.ends[to], *other = &c->network.ends[!to];
	int i = e->host[0].family != ADDR_NONE ? 0 : 1;
	bool nat = other->public[i].family != ADDR_NONE;
	struct path path = {.local = e->host[i], .remote = nat ? other->public[i] : other->host[i]};
	if (rng_below(rng, 2))
		return path;
	path.remote.port = (uint16_t)(1 + rng_below(rng, 65535));
	if (rng_below(rng, 2))
		rng_fill(rng, path.remote.ip, addr_ip_size(&path.remote));
	return path;
}

/* The head of a DTLS 1.2 record, with any type, epoch 0 or 1 and a small sequence number. */
static void forge_record(struct rng *rng, uint8_t *data, size_t size)
{
	if (size < 13)
		return;
	struct writer w = writer_of(data, 13);
	write_u8(&w, (uint8_t)(20 + rng_below(rng, 6)));
	write_u16(&w, 0xfefd);
	write_u16(&w, (uint16_t)rng_below(rng, 3));
	write_u16(&w, 0);
	write_u32(&w, (uint32_t)rng_below(rng, 2000));
	write_u16(&w, (uint16_t)(rng_below(rng, 4) ? size - 13 : rng_below(rng, 2 * size)));
	CHECK(!w.failed);
}

/* The head of a Binding request or response. */
static void forge_stun(struct rng *rng, uint8_t *data, size_t size)
{
	if (size < 20)
		return;
	struct writer w = writer_of(data, 8);
	write_u16(&w, rng_below(rng, 2) ? 0x0001 : 0x0101);
	write_u16(&w, (uint16_t)((size - 20) & ~(size_t)3));
	write_u32(&w, 0x2112a442);
	CHECK(!w.failed);
}

static void send_noise(struct connection *c, usec now)
{
	struct rng *rng = &c->attacker.rng;
	uint8_t data[NOISE_MAX];
	size_t size = 1 + rng_below(rng, NOISE_MAX);
	int to = (int)rng_below(rng, 2);
	rng_fill(rng, data, size);
	uint64_t kind = rng_below(rng, 3);
	if (kind == 0)
		forge_stun(rng, data, size);
	else if (kind == 1 && c->network.corrupting)
		forge_record(rng, data, size);
	else if (data[0] >= 20 && data[0] <= 63 && !c->network.corrupting)
		data[0] += 64;
	struct path path = draw_path(c, to);
	network_inject(&c->network, now, to, &path, bytes_of(data, size));
}

static void send_kept(struct connection *c, usec now)
{
	struct attacker *a = &c->attacker;
	struct kept kept = a->kept[rng_below(&a->rng, a->kept_count)];
	bool spoils = c->network.corrupting || kept.data[0] <= 3;
	if (spoils && rng_below(&a->rng, 4) == 0)
		kept.size = 1 + rng_below(&a->rng, kept.size);
	if (spoils && rng_below(&a->rng, 4) == 0)
		kept.data[rng_below(&a->rng, kept.size)] ^= (uint8_t)(1 << rng_below(&a->rng, 8));
	if (rng_below(&a->rng, 4) == 0)
		kept.path = draw_path(c, kept.to);
	network_inject(&c->network, now, kept.to, &kept.path, bytes_of(kept.data, kept.size));
}

void attacker_act(struct connection *c, usec now)
{
	struct attacker *a = &c->attacker;
	if (now < a->next)
		return;
	if (a->kept_count > 0 && rng_below(&a->rng, 2))
		send_kept(c, now);
	else
		send_noise(c, now);
	a->left--;
	a->next = a->left > 0 ? now + 1 + (usec)rng_below(&a->rng, (uint64_t)a->gap) : USEC_NEVER;
}

usec attacker_deadline(const struct connection *c)
{
	return c->attacker.next;
}
