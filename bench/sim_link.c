#include "sim_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "dpc/peer.h"
#include "peer/convert.h"
#include "sim/network.h"
#include "sim/virtual.h"

#define LINK_START (1000 * USEC_PER_SEC)
#define CHAT_SIZE 64

/* A chat message goes out this long after the one before, drawn anew each time, so that it does not
 * keep step with the sender's windows. */
#define CHAT_GAP_MIN (50 * USEC_PER_MS)
#define CHAT_GAP_SPREAD (100 * USEC_PER_MS)

struct flow {
	const struct link_run *run;
	const struct link_contender *contender;
	struct network network;
	struct rng rng;
	struct dpc_peer *peers[2];
	uint16_t bulk, chat; /* of end 0 */
	bool bulk_open;
	usec next_chat, measured_from;
	uint64_t message_bytes, datagram_bytes; /* that end 1 has received */
	struct link_result *result;
};

static const char bulk_label[] = "bulk";

static void __attribute__((noreturn)) die(const struct flow *flow, const char *what)
{
	fprintf(stderr, "sim: '%s', %s, seed %llu: %s\n", flow->run->profile.name,
		flow->contender->name, (unsigned long long)flow->run->seed, what);
	exit(1);
}

static void must(const struct flow *flow, enum dpc_err err)
{
	if (err)
		die(flow, dpc_peer_err_text(err));
}

/* ---- Set-up ---- */

static void create_network(struct flow *flow, uint64_t seed)
{
	const struct link_profile *p = &flow->run->profile;
	uint64_t bytes_per_second = p->rate / 8;
	const struct network_profile profile = {
		.delay = {p->round_trip / 2, p->round_trip / 2},
		.loss_ppm = p->loss_ppm,
		.reorder_ppm = p->reorder_ppm,
		.reorder_delay = p->reorder_delay,
		.mtu = 1500,
		.rate = bytes_per_second,
		.queue_max = (size_t)(bytes_per_second * (uint64_t)p->round_trip / USEC_PER_SEC),
	};
	network_init(&flow->network, &profile, rng_seeded(seed ^ 0x6c696e6b));
	CHECK(addr_parse("10.0.0.1:5001", &flow->network.ends[0].host[0]));
	CHECK(addr_parse("10.0.0.2:5002", &flow->network.ends[1].host[0]));
}

static void create_peer(struct flow *flow, int end)
{
	const struct dpc_peer_config config = {
		.offerer = end == 0,
		.unix_time = VIRTUAL_UNIX_TIME,
		.receive_window = flow->contender->receive_window,
		.congestion = flow->contender->congestion,
		.seed = 1 + rng_u64(&flow->rng) / 2,
	};
	must(flow, dpc_peer_create(&config, LINK_START, &flow->peers[end]));
	struct dpc_addr host = addr_to_public(&flow->network.ends[end].host[0]);
	must(flow, dpc_peer_add_host(flow->peers[end], LINK_START, &host));
	dpc_peer_end_of_candidates(flow->peers[end], LINK_START);
}

/* The signalling costs no time here: it is not what is measured. */
static void describe(struct flow *flow, int from)
{
	char sdp[DPC_SDP_MAX];
	must(flow, dpc_peer_local_description(flow->peers[from], sdp, sizeof sdp));
	must(flow,
		dpc_peer_set_remote_description(flow->peers[!from], LINK_START, sdp, strlen(sdp)));
}

static void open_channel(struct flow *flow, const char *label, uint16_t *ret_channel)
{
	const struct dpc_channel_config config = {.label = label};
	must(flow, dpc_peer_open_channel(flow->peers[0], LINK_START, &config, ret_channel));
}

static void flow_init(struct flow *flow, const struct link_run *run, size_t index,
	struct network *bottleneck, struct link_result *result)
{
	uint64_t seed = run->seed + index * 1000003;
	*flow = (struct flow){.run = run,
		.contender = &run->contenders[index],
		.rng = rng_seeded(seed),
		.next_chat = USEC_NEVER,
		.measured_from = LINK_START + run->warm_up,
		.result = result};
	create_network(flow, seed);
	flow->network.bottleneck = bottleneck;
	create_peer(flow, 0);
	create_peer(flow, 1);
	describe(flow, 0);
	describe(flow, 1);
	open_channel(flow, bulk_label, &flow->bulk);
	if (run->profile.chat)
		open_channel(flow, "chat", &flow->chat);
}

static void flow_deinit(struct flow *flow)
{
	dpc_peer_destroy(flow->peers[0]);
	dpc_peer_destroy(flow->peers[1]);
	network_deinit(&flow->network);
}

/* ---- What is received ---- */

static void note_chat(struct flow *flow, usec now, const struct dpc_event *event)
{
	usec sent;
	CHECK(event->size == CHAT_SIZE);
	memcpy(&sent, event->data, sizeof sent);
	if (sent >= flow->measured_from && flow->result->chat_count < LINK_CHATS_MAX)
		flow->result->chats[flow->result->chat_count++] = now - sent;
}

static void echo(struct flow *flow, usec now, const struct dpc_event *event)
{
	uint8_t message[CHAT_SIZE];
	CHECK(event->size == sizeof message);
	memcpy(message, event->data, sizeof message);
	must(flow,
		dpc_peer_send(flow->peers[1], now, event->channel, true, message, sizeof message));
}

static void receive_message(struct flow *flow, int end, usec now, const struct dpc_event *event)
{
	const char *label = dpc_peer_channel_label(flow->peers[end], event->channel);
	CHECK(label != NULL);
	if (end == 0)
		note_chat(flow, now, event);
	else if (strcmp(label, bulk_label) == 0)
		flow->message_bytes += event->size;
	else
		echo(flow, now, event);
}

static void handle_event(struct flow *flow, int end, usec now, const struct dpc_event *event)
{
	switch (event->type) {
	case DPC_EVENT_CHANNEL_OPEN:
		if (end == 0 && event->channel == flow->bulk)
			flow->bulk_open = true;
		else if (end == 0)
			flow->next_chat = now;
		return;
	case DPC_EVENT_MESSAGE:
		receive_message(flow, end, now, event);
		return;
	case DPC_EVENT_CLOSED:
		die(flow, event->text);
	case DPC_EVENT_STATE:
	case DPC_EVENT_CANDIDATE:
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
	case DPC_EVENT_CHANNEL_CLOSED:
		return;
	}
}

static void drain(struct flow *flow, int end, usec now)
{
	static uint8_t memory[DPC_WRITE_BEST];
	struct dpc_peer *peer = flow->peers[end];
	struct dpc_event event;
	struct dpc_path public_path;
	size_t segment, size;
	while (dpc_peer_next_event(peer, &event))
		handle_event(flow, end, now, &event);
	while ((size = dpc_peer_write(peer, now, memory, sizeof memory, &public_path, &segment)) >
		0) {
		struct path path = path_from_public(&public_path);
		for (size_t at = 0; at < size; at += segment)
			network_send(&flow->network, now, end, &path,
				bytes_of(memory + at, min_size(segment, size - at)));
	}
}

/* ---- What end 0 does of its own ---- */

static void send_bulk(struct flow *flow, usec now)
{
	static const uint8_t message[LINK_MESSAGE_SIZE];
	while (flow->bulk_open && dpc_peer_buffered(flow->peers[0], flow->bulk) + sizeof message <=
					  LINK_BUFFERED_MAX) {
		enum dpc_err err = dpc_peer_send(
			flow->peers[0], now, flow->bulk, true, message, sizeof message);
		if (err == DPC_ERR_AGAIN)
			return;
		must(flow, err);
	}
}

static void send_chat(struct flow *flow, usec now)
{
	if (now < flow->next_chat)
		return;
	uint8_t message[CHAT_SIZE] = {0};
	memcpy(message, &now, sizeof now);
	enum dpc_err err =
		dpc_peer_send(flow->peers[0], now, flow->chat, true, message, sizeof message);
	if (err == DPC_ERR_AGAIN)
		die(flow, "there is no room for a chat message in the send queue");
	must(flow, err);
	flow->next_chat = now + CHAT_GAP_MIN + (usec)rng_below(&flow->rng, CHAT_GAP_SPREAD);
}

/* ---- Time ---- */

static void step(struct flow *flow, usec now)
{
	struct network_packet *packet;
	while ((packet = network_receive(&flow->network, now))) {
		struct dpc_path path = path_to_public(&packet->path);
		if (packet->to == 1)
			flow->datagram_bytes += packet->size;
		dpc_peer_receive(flow->peers[packet->to], now, &path, packet->data, packet->size);
		drain(flow, packet->to, now);
		network_free(&flow->network, packet);
	}
	for (int end = 0; end < 2; end++) {
		if (dpc_peer_deadline(flow->peers[end]) <= now)
			dpc_peer_advance(flow->peers[end], now);
		if (end == 0) {
			send_chat(flow, now);
			send_bulk(flow, now);
		}
		drain(flow, end, now);
	}
}

static usec next_time(const struct flow *flow, usec now)
{
	usec next = usec_min(network_deadline(&flow->network), flow->next_chat);
	for (int end = 0; end < 2; end++)
		next = usec_min(next, dpc_peer_deadline(flow->peers[end]));
	return usec_max(next, now + 1);
}

/* ---- All of them ---- */

struct link {
	const struct link_run *run;
	struct flow flows[LINK_FLOWS_MAX];
};

/* Lets everything happen that does before `until`. */
static void run_until(struct link *link, usec *now, usec until)
{
	while (*now < until) {
		usec next = USEC_NEVER;
		virtual_set_time(*now);
		for (size_t i = 0; i < link->run->flows; i++) {
			step(&link->flows[i], *now);
			next = usec_min(next, next_time(&link->flows[i], *now));
		}
		*now = next;
	}
}

struct counts {
	uint64_t message_bytes[LINK_FLOWS_MAX], datagram_bytes, retransmissions, lost, queued;
	usec queue_time;
};

static struct counts count(const struct link *link)
{
	struct counts counts = {0};
	for (size_t i = 0; i < link->run->flows; i++) {
		const struct flow *flow = &link->flows[i];
		struct dpc_stats stats;
		dpc_peer_stats(flow->peers[0], &stats);
		counts.message_bytes[i] = flow->message_bytes;
		counts.datagram_bytes += flow->datagram_bytes;
		counts.retransmissions += stats.retransmissions;
		counts.lost += flow->network.ends[0].lost;
		counts.queued += flow->network.ends[0].queued;
		counts.queue_time += flow->network.ends[0].queue_time;
	}
	return counts;
}

static void note(const struct link *link, const struct counts *before, struct link_result *result)
{
	struct counts after = count(link);
	for (size_t i = 0; i < link->run->flows; i++) {
		result->message_bytes[i] = after.message_bytes[i] - before->message_bytes[i];
		result->trace ^= link->flows[i].network.trace;
	}
	result->datagram_bytes = after.datagram_bytes - before->datagram_bytes;
	result->retransmissions = after.retransmissions - before->retransmissions;
	result->lost = after.lost - before->lost;
	if (after.queued > before->queued)
		result->queue_ms = (double)(after.queue_time - before->queue_time) /
				   (double)(after.queued - before->queued) / 1000;
	result->queue_ms_max = (double)link->flows[0].network.ends[0].queue_time_max / 1000;
}

void link_measure(const struct link_run *run, struct link_result *ret_result)
{
	static struct link link;
	usec now = LINK_START;
	CHECK(run->flows > 0);
	CHECK(run->flows <= LINK_FLOWS_MAX);
	*ret_result = (struct link_result){0};
	virtual_start(run->seed);
	virtual_set_time(now);
	link = (struct link){.run = run};
	for (size_t i = 0; i < run->flows; i++)
		flow_init(
			&link.flows[i], run, i, i > 0 ? &link.flows[0].network : NULL, ret_result);
	run_until(&link, &now, LINK_START + run->warm_up);
	struct counts before = count(&link);
	link.flows[0].network.ends[0].queue_time_max = 0;
	run_until(&link, &now, LINK_START + run->warm_up + run->duration);
	note(&link, &before, ret_result);
	for (size_t i = 0; i < run->flows; i++)
		flow_deinit(&link.flows[i]);
}
