/* The data path without a network and without a clock, for counting instructions: two peers in one
 * process hand each other what they write, so the figures are the same on a busy machine as on an
 * idle one.
 *
 *     valgrind --tool=callgrind build-release/bench/data_path SIZE COUNT
 *     valgrind --tool=callgrind build-release/bench/data_path ping|setup COUNT
 *
 * Sends COUNT messages of SIZE bytes; or as many there and back, one at a time; or makes and closes
 * as many connections. What a message costs is the difference between two counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "base/usec.h"
#include "dpc/peer.h"

#define MTU 1200
#define BUFFERED_MAX (512 * 1024)
#define FLIGHT_DURATION 20
#define PING_SIZE 64
#define LINE "data_path: "

struct end {
	struct dpc_peer *peer;
	struct dpc_addr addr;
	uint16_t channel;
	size_t opened, messages;
};

static struct end ends[2];
static int64_t now = USEC_PER_SEC;
static uint64_t flights;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, LINE "%s\n", what);
	exit(1);
}

static void create(int i)
{
	struct end *end = &ends[i];
	*end = (struct end){.addr = {.family = 4,
				    .port = (uint16_t)(5000 + i),
				    .ip = {10, 0, 0, (uint8_t)(1 + i)}}};
	struct dpc_peer_config config = {
		.offerer = i == 0, .mtu = MTU, .unix_time = 1800000000, .seed = 7 + (uint64_t)i};
	must(dpc_peer_create(&config, now, &end->peer) == DPC_OK, "cannot create a peer");
	must(dpc_peer_add_host(end->peer, now, &end->addr) == DPC_OK, "cannot add a candidate");
	dpc_peer_end_of_candidates(end->peer, now);
}

static void describe(int from)
{
	char sdp[DPC_SDP_MAX];
	must(dpc_peer_local_description(ends[from].peer, sdp, sizeof(sdp)) == DPC_OK,
		"cannot describe");
	must(dpc_peer_set_remote_description(ends[!from].peer, now, sdp, strlen(sdp)) == DPC_OK,
		"cannot read the description");
}

static void pull(struct end *end)
{
	struct dpc_event event;
	while (dpc_peer_next_event(end->peer, &event)) {
		if (event.type == DPC_EVENT_CHANNEL_OPEN) {
			end->channel = event.channel;
			end->opened++;
		}
		end->messages += event.type == DPC_EVENT_MESSAGE;
	}
}

/* What `from` has to write now reaches the other; false when that is nothing. As peer_io does it:
 * one flight, then what was received is read. */
static bool carry(int from)
{
	static uint8_t flight[DPC_WRITE_BEST];
	struct dpc_path path, arrived = {.local = ends[!from].addr, .remote = ends[from].addr};
	size_t segment;
	size_t size = dpc_peer_write(ends[from].peer, now, flight, sizeof(flight), &path, &segment);
	for (size_t at = 0; at < size; at += segment)
		dpc_peer_receive(
			ends[!from].peer, now, &arrived, flight + at, min_size(segment, size - at));
	pull(&ends[!from]);
	flights += size > 0;
	return size > 0;
}

static void step(void)
{
	bool any = carry(0);
	any |= carry(1);
	now += FLIGHT_DURATION;
	int64_t next = INT64_MAX;
	for (int i = 0; i < 2; i++)
		next = usec_min(next, dpc_peer_deadline(ends[i].peer));
	if (!any && next != INT64_MAX)
		now = usec_max(now, next);
	for (int i = 0; i < 2; i++) {
		if (dpc_peer_deadline(ends[i].peer) <= now)
			dpc_peer_advance(ends[i].peer, now);
		pull(&ends[i]);
	}
}

static void connect_ends(void)
{
	struct dpc_channel_config config = {.label = "path"};
	uint16_t channel;
	create(0);
	create(1);
	must(dpc_peer_open_channel(ends[0].peer, now, &config, &channel) == DPC_OK,
		"cannot open a channel");
	describe(0);
	describe(1);
	while (ends[0].opened == 0 || ends[1].opened == 0)
		step();
}

static void destroy_ends(void)
{
	dpc_peer_destroy(ends[0].peer);
	dpc_peer_destroy(ends[1].peer);
}

static void send_one(struct end *end, size_t size)
{
	static uint8_t message[DPC_MESSAGE_MAX_DEFAULT];
	must(dpc_peer_send(end->peer, now, end->channel, true, message, size) == DPC_OK,
		"cannot send");
}

static void run_bulk(size_t size, size_t count)
{
	connect_ends();
	size_t sent = 0;
	while (ends[1].messages < count) {
		while (sent < count &&
			dpc_peer_buffered(ends[0].peer, ends[0].channel) + size <= BUFFERED_MAX) {
			send_one(&ends[0], size);
			sent++;
		}
		step();
	}
	destroy_ends();
}

static void run_pings(size_t count)
{
	connect_ends();
	for (size_t i = 1; i <= count; i++) {
		send_one(&ends[0], PING_SIZE);
		while (ends[1].messages < i)
			step();
		send_one(&ends[1], PING_SIZE);
		while (ends[0].messages < i)
			step();
	}
	destroy_ends();
}

static void run_setups(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		connect_ends();
		destroy_ends();
	}
}

int main(int argc, char **argv)
{
	uint32_t size = 0, count;
	bool ping = argc == 3 && strcmp(argv[1], "ping") == 0;
	bool setup = argc == 3 && strcmp(argv[1], "setup") == 0;
	if (argc != 3 || !text_to_u32(argv[2], &count) ||
		(!ping && !setup &&
			(!text_to_u32(argv[1], &size) || size == 0 ||
				size > DPC_MESSAGE_MAX_DEFAULT))) {
		fprintf(stderr, "usage: data_path SIZE|ping|setup COUNT\n");
		return 2;
	}
	if (ping)
		run_pings(count);
	else if (setup)
		run_setups(count);
	else
		run_bulk(size, count);
	printf("%llu flights, %lld us\n", (unsigned long long)flights, (long long)now);
	return 0;
}
