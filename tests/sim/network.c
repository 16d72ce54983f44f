#include "network.h"

#include <malloc.h>
#include <stdlib.h>

void network_init(struct network *net, const struct network_profile *profile, struct rng rng)
{
	*net = (struct network){
		.profile = *profile, .rng = rng, .trace = UINT64_C(0xcbf29ce484222325)};
	for (int end = 0; end < 2; end++)
		list_init(&net->in_flight[end]);
}

void network_deinit(struct network *net)
{
	struct list *node;
	for (int end = 0; end < 2; end++)
		while ((node = list_pop_front(&net->in_flight[end])))
			network_free(net, CONTAINER_OF(node, struct network_packet, list));
}

static bool chance(struct network *net, uint32_t ppm)
{
	return ppm > 0 && rng_below(&net->rng, 1000000) < ppm;
}

/* FNV-1a over words: enough to see that two runs are the same. */
static void trace(struct network *net, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word = size;
		memcpy(&word, bytes + i, min_size(size - i, sizeof word));
		net->trace = (net->trace ^ word) * UINT64_C(0x100000001b3);
		net->trace ^= net->trace >> 32;
	}
}

static int find_interface(const struct addr *table, const struct addr *addr)
{
	for (int i = 0; i < NETWORK_INTERFACES; i++)
		if (table[i].family != ADDR_NONE && addr_equal(&table[i], addr))
			return i;
	return -1;
}

/* The path as the receiver sees it; false when nobody is there. */
static bool route(struct network *net, int from, const struct path *path, struct path *ret_path)
{
	struct network_end *sender = &net->ends[from], *receiver = &net->ends[!from];
	int out = find_interface(sender->host, &path->local);
	if (out < 0)
		return false;
	bool sender_nat = sender->public[out].family != ADDR_NONE;
	bool receiver_nat = receiver->public[out].family != ADDR_NONE;
	int in = find_interface(receiver_nat ? receiver->public : receiver->host, &path->remote);
	if (in != out)
		return false;
	sender->nat_open[out] = true;
	/* A port-restricted NAT lets in only whom it has let out to. */
	if (receiver_nat && !receiver->nat_open[in])
		return false;
	*ret_path = (struct path){
		.local = receiver->host[in],
		.remote = sender_nat ? sender->public[out] : sender->host[out],
	};
	return true;
}

static void insert(struct network *net, struct network_packet *packet)
{
	struct list *head = &net->in_flight[packet->to], *before = head;
	while (before->prev != head &&
		CONTAINER_OF(before->prev, struct network_packet, list)->arrival > packet->arrival)
		before = before->prev;
	list_insert_before(before, &packet->list);
}

static struct network_packet *schedule(
	struct network *net, usec arrival, int to, const struct path *path, struct bytes datagram)
{
	struct network_packet *packet = malloc(sizeof *packet + datagram.size);
	CHECK(packet != NULL);
	*packet = (struct network_packet){.arrival = arrival,
		.order = net->order++,
		.to = to,
		.path = *path,
		.size = datagram.size};
	memcpy(packet->data, datagram.data, datagram.size);
	net->memory += malloc_usable_size(packet);
	net->memory_max = max_size(net->memory_max, net->memory);
	insert(net, packet);
	return packet;
}

static bool is_stun(struct bytes datagram)
{
	return datagram.size > 0 && datagram.data[0] <= 3;
}

static bool is_handshake(struct bytes datagram)
{
	return datagram.size > 0 && (datagram.data[0] == 20 || datagram.data[0] == 22);
}

static void spoil(struct network *net, struct network_packet *packet)
{
	const struct network_profile *p = &net->profile;
	if (!net->corrupting && !is_stun(bytes_of(packet->data, packet->size)))
		return;
	if (chance(net, p->corrupt_ppm))
		packet->data[rng_below(&net->rng, packet->size)] ^=
			(uint8_t)(1 + rng_below(&net->rng, 255));
	if (chance(net, p->truncate_ppm))
		packet->size = rng_below(&net->rng, packet->size);
}

void network_inject(
	struct network *net, usec now, int to, const struct path *path, struct bytes datagram)
{
	schedule(net, now, to, path, datagram);
}

void network_free(struct network *net, struct network_packet *packet)
{
	net->memory -= malloc_usable_size(packet);
	free(packet);
}

void network_postpone(struct network *net, struct network_packet *packet, usec until)
{
	struct network_end *end = &net->ends[packet->to];
	if (end->waiting + packet->size > NETWORK_SOCKET_BUFFER) {
		network_free(net, packet);
		return;
	}
	end->waiting += packet->size;
	packet->waited = true;
	packet->arrival = until;
	insert(net, packet);
}

void network_rebind(struct network *net, int end)
{
	for (int i = 0; i < NETWORK_INTERFACES; i++) {
		net->ends[end].public[i].port++;
		net->ends[end].nat_open[i] = false;
	}
}

/* When a datagram that leaves now has passed the rate limit; USEC_NEVER: the queue is full. */
static usec pass_rate(struct network *net, usec now, struct network_end *end, size_t size)
{
	const struct network_profile *p = &net->profile;
	if (p->rate == 0)
		return now;
	usec start = usec_max(now, end->rate_free);
	if (start > end->rate_free)
		end->rate_rest = 0;
	if ((uint64_t)(start - now) * p->rate / USEC_PER_SEC + size > p->queue_max)
		return USEC_NEVER;
	/* Without the rest, datagrams of 9.6 us each would take 9 us. */
	end->queued++;
	end->queue_time += start - now;
	end->queue_time_max = usec_max(end->queue_time_max, start - now);
	uint64_t work = size * USEC_PER_SEC + end->rate_rest;
	end->rate_free = start + (usec)(work / p->rate);
	end->rate_rest = work % p->rate;
	return end->rate_free;
}

/* Why the datagram goes no further, or NULL. */
static const char *lose(struct network *net, usec now, int end, const struct path *path,
	size_t size, usec start, struct path *ret_seen)
{
	const struct network_profile *p = &net->profile;
	if (!route(net, end, path, ret_seen))
		return "nobody there";
	if (size > (p->mtu_then > 0 && now >= p->mtu_changes ? p->mtu_then : p->mtu))
		return "too large";
	for (int i = 0; i < NETWORK_SILENCES; i++) {
		const struct silence *s = &p->silences[i];
		if (now >= s->from && now < s->to && (s->directions & (1U << end)))
			return "silence";
	}
	if (start == USEC_NEVER)
		return "queue full";
	return chance(net, p->loss_ppm) ? "lost" : NULL;
}

static const char *kind_of(struct bytes datagram)
{
	switch (datagram.size > 0 ? datagram.data[0] : UINT8_MAX) {
	case 0:
	case 1:
		return "STUN";
	case 21:
		return "DTLS alert";
	case 20:
	case 22:
		return "DTLS handshake";
	case 23:
		return "DTLS record";
	default:
		return "other";
	}
}

static void log_packet(
	const struct network *net, usec now, int end, struct bytes datagram, const char *lost)
{
	if (!net->log)
		return;
	fprintf(net->log, "%10.6f %c end %d sends %s, %zu bytes%s%s\n",
		(double)(now - net->log_start) / 1e6, net->log_name, end, kind_of(datagram),
		datagram.size, lost ? ": " : "", lost ? lost : "");
}

void network_send(
	struct network *net, usec now, int end, const struct path *path, struct bytes datagram)
{
	const struct network_profile *p = &net->profile;
	struct network_end *sender = &net->ends[end];
	struct path seen;
	trace(net, &now, sizeof now);
	trace(net, datagram.data, datagram.size);
	sender->sent++;
	struct network *bottleneck = net->bottleneck ? net->bottleneck : net;
	usec start = pass_rate(net, now, &bottleneck->ends[end], datagram.size);
	const char *lost = lose(net, now, end, path, datagram.size, start, &seen);
	log_packet(net, now, end, datagram, lost);
	if (lost) {
		sender->lost++;
		return;
	}
	int copies = chance(net, p->duplicate_ppm) ? 2 : 1;
	for (int i = 0; i < copies; i++) {
		usec arrival = start + p->delay[end];
		if (p->jitter > 0)
			arrival += (usec)rng_below(&net->rng, (uint64_t)p->jitter);
		if (chance(net, p->reorder_ppm))
			arrival += p->reorder_delay;
		if (p->handshake_delay > 0 && is_handshake(datagram))
			arrival += (usec)rng_below(&net->rng, (uint64_t)p->handshake_delay);
		spoil(net, schedule(net, arrival, !end, &seen, datagram));
	}
}

static struct network_packet *first_of(const struct network *net, int end)
{
	const struct list *head = &net->in_flight[end];
	return list_is_empty(head) ? NULL : CONTAINER_OF(head->next, struct network_packet, list);
}

/* The earlier of the two directions; of datagrams that arrive together, the one sent first. */
static struct network_packet *first(const struct network *net)
{
	struct network_packet *a = first_of(net, 0), *b = first_of(net, 1);
	if (!a || !b)
		return a ? a : b;
	if (a->arrival != b->arrival)
		return a->arrival < b->arrival ? a : b;
	return a->order < b->order ? a : b;
}

usec network_deadline(const struct network *net)
{
	const struct network_packet *packet = first(net);
	return packet ? packet->arrival : USEC_NEVER;
}

struct network_packet *network_receive(struct network *net, usec now)
{
	struct network_packet *packet = first(net);
	if (!packet || packet->arrival > now)
		return NULL;
	list_remove(&packet->list);
	if (packet->waited)
		net->ends[packet->to].waiting -= packet->size;
	packet->waited = false;
	return packet;
}
