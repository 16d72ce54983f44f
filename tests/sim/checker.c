#include "checker.h"

#include <inttypes.h>

#include "mishap.h"
#include "workload.h"

static uint8_t message_memory[SIM_MESSAGE_MAX];

/* An end that hears nothing for longer than a few retransmissions take has stalled. */
#define STALL_MAX (90 * USEC_PER_SEC)

#define IDLE_CALLS_MAX 200 /* in a second */

/* Of a peer, without what it queues: tables, descriptions, its DTLS queue. */
#define MEMORY_FIXED ((size_t)512 * 1024)

/* ---- Messages ---- */

void checker_message(struct connection *c, int end, const struct dpc_event *event)
{
	size_t k = workload_channel(c, end, event->channel);
	if (k >= 2 * SIM_CHANNELS) {
		connection_object(c, "end %d gets a message on no channel", end);
		return;
	}
	struct flow *flow = &c->ends[!end].out[k];
	uint32_t index = workload_index(c, k, flow, event->data, event->size);
	if (index >= flow->accepted) {
		connection_object(c, "channel %zu: end %d gets message %u, which was never sent", k,
			end, index);
		return;
	}
	if (!c->plan[k].unordered && index < flow->next_index) {
		connection_object(c, "channel %zu: end %d gets message %u after message %u", k, end,
			index, flow->next_index - 1);
		return;
	}
	flow->next_index = index + 1;
	if (flow->seen[index]) {
		connection_object(c, "channel %zu: end %d gets message %u twice", k, end, index);
		return;
	}
	size_t size = workload_message(c, !end, k, index, message_memory);
	if (size != event->size || (size > 0 && memcmp(message_memory, event->data, size) != 0)) {
		connection_object(c, "channel %zu: message %u of %zu bytes came as %zu others", k,
			index, size, event->size);
		return;
	}
	if (event->binary != (index % 2 == 0))
		connection_object(c, "channel %zu: message %u came as the wrong kind", k, index);
	flow->seen[index] = true;
	flow->received++;
	c->messages++;
	c->bytes += size;
}

/* ---- The end ---- */

static void end_midway(struct connection *c, usec now)
{
	c->ended = true;
	c->ending_at = now;
}

/* A close that was asked for after everything is accepted loses nothing. */
void checker_closed(struct connection *c, int end, usec now, const char *reason)
{
	struct end *e = &c->ends[end];
	bool path_lost = strstr(reason, "path to the peer is lost") != NULL;
	e->closed = true;
	if (!c->ended && path_lost && mishap_explains_lost_path(c, now))
		end_midway(c, now);
	if (!c->ended && !e->connected && mishap_explains_no_path(c, now))
		end_midway(c, now);
	if (!c->ended && !workload_all_received(c, end))
		connection_object(c, "end %d is closed (%s) before it has everything", end, reason);
}

/* What did not arrive was given up, and counted. */
static void check_abandoned(struct connection *c, int end, const struct dpc_stats *stats)
{
	uint64_t missing = 0;
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		missing += c->ends[end].out[k].accepted - c->ends[end].out[k].received;
	if (!c->ended && missing > stats->messages_abandoned)
		connection_object(c,
			"of end %d's messages %" PRIu64 " are missing and %" PRIu64
			" were given up",
			end, missing, stats->messages_abandoned);
	c->abandoned += stats->messages_abandoned;
}

void checker_end(struct connection *c)
{
	for (int end = 0; end < 2; end++) {
		struct dpc_stats stats;
		struct end *e = &c->ends[end];
		if (!e->peer)
			continue;
		dpc_peer_stats(e->peer, &stats);
		check_abandoned(c, end, &stats);
		if (!e->closed)
			connection_object(c, "end %d never closes", end);
		if (!c->ended && (stats.send_queue_bytes > 0 || stats.receive_queue_bytes > 0))
			connection_object(c, "end %d keeps %zu bytes to send, %zu received", end,
				stats.send_queue_bytes, stats.receive_queue_bytes);
		if (stats.bytes_out != e->bytes_sent || stats.bytes_in != e->bytes_delivered)
			connection_object(c,
				"end %d counts %" PRIu64 " bytes out and %" PRIu64
				" in, the network %" PRIu64 " and %" PRIu64,
				end, stats.bytes_out, stats.bytes_in, e->bytes_sent,
				e->bytes_delivered);
	}
}

/* ---- All the time ---- */

void checker_idle_call(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	if (now >= e->second + USEC_PER_SEC) {
		e->second = now;
		e->idle_calls = 0;
	}
	if (++e->idle_calls > IDLE_CALLS_MAX)
		connection_object(c,
			"end %d wants to be called more than %d times in a second, "
			"with nothing to do",
			end, IDLE_CALLS_MAX);
}

/* Something that changes with everything that is delivered. */
static uint64_t progress_of(const struct connection *c, bool *ret_pending)
{
	uint64_t progress = c->messages;
	*ret_pending = false;
	for (int end = 0; end < 2; end++) {
		struct dpc_stats stats;
		if (!c->ends[end].peer)
			continue;
		dpc_peer_stats(c->ends[end].peer, &stats);
		progress = progress * 1000003 + stats.send_queue_bytes + stats.messages_in;
		*ret_pending |= stats.send_queue_bytes > 0;
	}
	return progress;
}

void checker_watch(struct connection *c, usec now)
{
	bool pending;
	if (now < c->watched + USEC_PER_SEC)
		return;
	c->watched = now;
	uint64_t progress = progress_of(c, &pending);
	if (progress != c->progress || !pending || c->ended || now < mishap_over(c))
		c->progressed = now;
	c->progress = progress;
	if (now - c->progressed > STALL_MAX)
		connection_object(c, "nothing was delivered for %d s",
			(int)((now - c->progressed) / USEC_PER_SEC));
}

size_t checker_memory_max(const struct connection *c)
{
	size_t sum = c->network.memory_max;
	for (int end = 0; end < 2; end++)
		sum += MEMORY_FIXED + c->ends[end].send_memory + c->ends[end].receive_memory;
	return sum;
}
