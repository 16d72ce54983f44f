/* What comes from a NATS server, and in it from other hubs: whatever it is, frames lie within the
 * input, and the roster stays within its limits and agrees with itself. */
#include "hub/nats.h"
#include "hub/roster.h"

#include "fuzz.h"

#define HUBS_MAX 4
#define NODES_MAX 16

static void check_within(struct bytes part, struct bytes whole)
{
	if (part.size == 0)
		return;
	CHECK(part.data >= whole.data);
	CHECK(part.data + part.size <= whole.data + whole.size);
}

static void check_roster(const struct roster *roster)
{
	size_t nodes = 0, hubs = 0;
	LIST_FOREACH (node, &roster->hubs) {
		const struct roster_hub *hub = CONTAINER_OF(node, struct roster_hub, node);
		nodes += hub->node_count;
		hubs++;
	}
	CHECK(hubs == roster->hub_count);
	CHECK(hubs <= HUBS_MAX);
	CHECK(nodes == roster_node_count(roster));
	CHECK(nodes <= NODES_MAX);
}

static void take(struct roster *roster, struct bytes payload, usec now)
{
	struct bus_message message;
	if (bus_message_parse(payload, &message) != ERR_OK)
		return;
	check_within(message.text, payload);
	check_within(message.entries, payload);
	struct roster_hub *hub = roster_hear(roster, message.hub, now);
	if (!hub)
		return;
	roster_take(roster, hub, &message);
	(void)roster_hub_needs_snapshot(hub, now);
	if (message.kind == BUS_SIGNAL)
		(void)roster_hub_take_signal(hub, message.number);
	if (message.kind == BUS_END)
		roster_drop(roster, hub);
	check_roster(roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rng rng = rng_seeded(1);
	struct roster roster;
	struct nats_frame frame;
	struct bytes rest = bytes_of(data, size);
	usec now = 0;
	roster_init(&roster, HUBS_MAX, NODES_MAX, &rng);
	/* As a stream; and the rest, without the frame around it. */
	while (nats_parse(rest, &frame) == ERR_OK) {
		CHECK(frame.size > 0);
		CHECK(frame.size <= rest.size);
		check_within(frame.text, rest);
		check_within(frame.subject, rest);
		check_within(frame.reply, rest);
		check_within(frame.headers, rest);
		check_within(frame.payload, rest);
		now += BUS_BEAT_INTERVAL;
		take(&roster, frame.payload, now);
		rest = bytes_slice(rest, frame.size, rest.size);
	}
	take(&roster, rest, now);
	struct roster_hub *silent = roster_silent(&roster, now + BUS_SILENCE_MAX);
	if (silent)
		roster_drop(&roster, silent);
	check_roster(&roster);
	roster_deinit(&roster);
	return 0;
}
