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

struct link {
	const struct link_run *run;
	struct network network;
	struct rng rng;
	struct dpc_peer *peers[2];
	uint16_t bulk, chat; /* of end 0 */
	bool bulk_open;
	usec next_chat, measured_from;
	uint64_t message_bytes, datagram_bytes; /* that end 1 has received */
	struct link_result result;
};

static const char bulk_label[] = "bulk";

static void __attribute__((noreturn)) die(const struct link *link, const char *what)
{
	fprintf(stderr, "sim: '%s', seed %llu: %s\n", link->run->profile->name,
		(unsigned long long)link->run->seed, what);
	exit(1);
}

static void must(const struct link *link, enum dpc_err err)
{
	if (err)
		die(link, dpc_peer_err_text(err));
}

/* ---- Set-up ---- */

static void create_network(struct link *link)
{
	const struct link_profile *p = link->run->profile;
	uint64_t bytes_per_second = p->rate / 8;
	const struct network_profile profile = {
		.delay = {p->round_trip / 2, p->round_trip / 2},
		.loss_ppm = p->loss_ppm,
		.mtu = 1500,
		.rate = bytes_per_second,
		.queue_max = (size_t)(bytes_per_second * (uint64_t)p->round_trip / USEC_PER_SEC),
	};
	network_init(&link->network, &profile, rng_seeded(link->run->seed ^ 0x6c696e6b));
	CHECK(addr_parse("10.0.0.1:5001", &link->network.ends[0].host[0]));
	CHECK(addr_parse("10.0.0.2:5002", &link->network.ends[1].host[0]));
}

static void create_peer(struct link *link, int end)
{
	const struct dpc_peer_config config = {
		.offerer = end == 0,
		.unix_time = VIRTUAL_UNIX_TIME,
		.receive_window = link->run->receive_window,
		.seed = 1 + rng_u64(&link->rng) / 2,
	};
	must(link, dpc_peer_create(&config, LINK_START, &link->peers[end]));
	struct dpc_addr host = addr_to_public(&link->network.ends[end].host[0]);
	must(link, dpc_peer_add_host(link->peers[end], LINK_START, &host));
	dpc_peer_end_of_candidates(link->peers[end], LINK_START);
}

/* The signalling costs no time here: it is not what is measured. */
static void describe(struct link *link, int from)
{
	char sdp[DPC_SDP_MAX];
	must(link, dpc_peer_local_description(link->peers[from], sdp, sizeof sdp));
	must(link,
		dpc_peer_set_remote_description(link->peers[!from], LINK_START, sdp, strlen(sdp)));
}

static void open_channel(struct link *link, const char *label, uint16_t *ret_channel)
{
	const struct dpc_channel_config config = {.label = label};
	must(link, dpc_peer_open_channel(link->peers[0], LINK_START, &config, ret_channel));
}

static void link_init(struct link *link, const struct link_run *run)
{
	*link = (struct link){.run = run,
		.rng = rng_seeded(run->seed),
		.next_chat = USEC_NEVER,
		.measured_from = LINK_START + run->warm_up};
	create_network(link);
	create_peer(link, 0);
	create_peer(link, 1);
	describe(link, 0);
	describe(link, 1);
	open_channel(link, bulk_label, &link->bulk);
	if (run->profile->chat) {
		open_channel(link, "chat", &link->chat);
		link->result.chats = calloc(LINK_CHATS_MAX, sizeof(usec));
		CHECK(link->result.chats != NULL);
	}
}

static void link_deinit(struct link *link)
{
	dpc_peer_destroy(link->peers[0]);
	dpc_peer_destroy(link->peers[1]);
	network_deinit(&link->network);
}

/* ---- What is received ---- */

static void note_chat(struct link *link, usec now, const struct dpc_event *event)
{
	usec sent;
	CHECK(event->size == CHAT_SIZE);
	memcpy(&sent, event->data, sizeof sent);
	if (sent >= link->measured_from && link->result.chat_count < LINK_CHATS_MAX)
		link->result.chats[link->result.chat_count++] = now - sent;
}

static void echo(struct link *link, usec now, const struct dpc_event *event)
{
	uint8_t message[CHAT_SIZE];
	CHECK(event->size == sizeof message);
	memcpy(message, event->data, sizeof message);
	must(link,
		dpc_peer_send(link->peers[1], now, event->channel, true, message, sizeof message));
}

static void receive_message(struct link *link, int end, usec now, const struct dpc_event *event)
{
	const char *label = dpc_peer_channel_label(link->peers[end], event->channel);
	CHECK(label != NULL);
	if (end == 0)
		note_chat(link, now, event);
	else if (strcmp(label, bulk_label) == 0)
		link->message_bytes += event->size;
	else
		echo(link, now, event);
}

static void handle_event(struct link *link, int end, usec now, const struct dpc_event *event)
{
	switch (event->type) {
	case DPC_EVENT_CHANNEL_OPEN:
		if (end == 0 && event->channel == link->bulk)
			link->bulk_open = true;
		else if (end == 0)
			link->next_chat = now;
		return;
	case DPC_EVENT_MESSAGE:
		receive_message(link, end, now, event);
		return;
	case DPC_EVENT_CLOSED:
		die(link, event->text);
	case DPC_EVENT_STATE:
	case DPC_EVENT_CANDIDATE:
	case DPC_EVENT_PATH:
	case DPC_EVENT_SENDABLE:
	case DPC_EVENT_BUFFERED_LOW:
	case DPC_EVENT_CHANNEL_CLOSED:
		return;
	}
}

static void drain(struct link *link, int end, usec now)
{
	static uint8_t memory[DPC_WRITE_BEST];
	struct dpc_peer *peer = link->peers[end];
	struct dpc_event event;
	struct dpc_path public_path;
	size_t segment, size;
	while (dpc_peer_next_event(peer, &event))
		handle_event(link, end, now, &event);
	while ((size = dpc_peer_write(peer, now, memory, sizeof memory, &public_path, &segment)) >
		0) {
		struct path path = path_from_public(&public_path);
		for (size_t at = 0; at < size; at += segment)
			network_send(&link->network, now, end, &path,
				bytes_of(memory + at, min_size(segment, size - at)));
	}
}

/* ---- What end 0 does of its own ---- */

static void send_bulk(struct link *link, usec now)
{
	static const uint8_t message[LINK_MESSAGE_SIZE];
	while (link->bulk_open && dpc_peer_buffered(link->peers[0], link->bulk) + sizeof message <=
					  LINK_BUFFERED_MAX) {
		enum dpc_err err = dpc_peer_send(
			link->peers[0], now, link->bulk, true, message, sizeof message);
		if (err == DPC_ERR_AGAIN)
			return;
		must(link, err);
	}
}

static void send_chat(struct link *link, usec now)
{
	if (now < link->next_chat)
		return;
	uint8_t message[CHAT_SIZE] = {0};
	memcpy(message, &now, sizeof now);
	enum dpc_err err =
		dpc_peer_send(link->peers[0], now, link->chat, true, message, sizeof message);
	if (err == DPC_ERR_AGAIN)
		die(link, "there is no room for a chat message in the send queue");
	must(link, err);
	link->next_chat = now + CHAT_GAP_MIN + (usec)rng_below(&link->rng, CHAT_GAP_SPREAD);
}

/* ---- Time ---- */

static void step(struct link *link, usec now)
{
	struct network_packet *packet;
	while ((packet = network_receive(&link->network, now))) {
		struct dpc_path path = path_to_public(&packet->path);
		if (packet->to == 1)
			link->datagram_bytes += packet->size;
		dpc_peer_receive(link->peers[packet->to], now, &path, packet->data, packet->size);
		drain(link, packet->to, now);
		network_free(&link->network, packet);
	}
	for (int end = 0; end < 2; end++) {
		if (dpc_peer_deadline(link->peers[end]) <= now)
			dpc_peer_advance(link->peers[end], now);
		if (end == 0) {
			send_chat(link, now);
			send_bulk(link, now);
		}
		drain(link, end, now);
	}
}

static usec next_time(const struct link *link, usec now)
{
	usec next = usec_min(network_deadline(&link->network), link->next_chat);
	for (int end = 0; end < 2; end++)
		next = usec_min(next, dpc_peer_deadline(link->peers[end]));
	return usec_max(next, now + 1);
}

/* Lets everything happen that does before `until`. */
static void run_until(struct link *link, usec *now, usec until)
{
	while (*now < until) {
		virtual_set_time(*now);
		step(link, *now);
		*now = next_time(link, *now);
	}
}

static struct link_result counted(const struct link *link)
{
	struct dpc_stats stats;
	dpc_peer_stats(link->peers[0], &stats);
	struct link_result result = link->result;
	result.message_bytes = link->message_bytes;
	result.datagram_bytes = link->datagram_bytes;
	result.retransmissions = stats.retransmissions;
	result.lost = link->network.ends[0].lost;
	result.trace = link->network.trace;
	return result;
}

struct link_result link_measure(const struct link_run *run)
{
	static struct link link;
	usec now = LINK_START;
	virtual_start(run->seed);
	virtual_set_time(now);
	link_init(&link, run);
	run_until(&link, &now, link.measured_from);
	struct link_result before = counted(&link);
	run_until(&link, &now, link.measured_from + run->duration);
	struct link_result result = counted(&link);
	result.message_bytes -= before.message_bytes;
	result.datagram_bytes -= before.datagram_bytes;
	result.retransmissions -= before.retransmissions;
	result.lost -= before.lost;
	link_deinit(&link);
	return result;
}
