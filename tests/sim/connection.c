#include "connection.h"

#include <inttypes.h>
#include <stdarg.h>

#include "attacker.h"
#include "checker.h"
#include "churn.h"
#include "draw.h"
#include "ending.h"
#include "mishap.h"
#include "peer/convert.h"
#include "roaming.h"
#include "signalling.h"
#include "virtual.h"
#include "workload.h"

static uint8_t write_memory[DPC_WRITE_BEST];

void connection_say(const struct connection *c, usec now, const char *format, ...)
{
	if (!c->log)
		return;
	va_list args;
	fprintf(c->log, "%10.6f %c ", (double)(now - SIM_START) / 1e6, c->network.log_name);
	va_start(args, format);
	vfprintf(c->log, format, args);
	va_end(args);
	fputc('\n', c->log);
}

void connection_object(struct connection *c, const char *format, ...)
{
	if (c->failure[0])
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(c->failure, sizeof c->failure, format, args);
	va_end(args);
}

usec connection_clock(const struct connection *c, int end, usec now)
{
	usec clock = now + c->ends[end].clock_ahead;
	virtual_set_time(clock);
	return clock;
}

void connection_close_channel(struct connection *c, int end, usec now, uint16_t handle)
{
	enum dpc_err err =
		dpc_peer_close_channel(c->ends[end].peer, connection_clock(c, end, now), handle);
	if (err)
		connection_object(
			c, "end %d cannot close a channel: %s", end, dpc_peer_err_text(err));
}

/* ---- Begin and end ---- */

static void say_plan(const struct connection *c)
{
	const struct network_profile *p = &c->network.profile;
	connection_say(c, SIM_START,
		"delay %" PRId64 " and %" PRId64 " us, jitter %" PRId64
		", loss %u ppm, dup %u, reorder %u, corrupt %u, cut %u, mtu %zu, rate %" PRIu64
		", %zu channels an end, %u datagrams of an attacker%s",
		p->delay[0], p->delay[1], p->jitter, p->loss_ppm, p->duplicate_ppm, p->reorder_ppm,
		p->corrupt_ppm, p->truncate_ppm, p->mtu, p->rate, c->channels, c->attacker.left,
		c->attacker.on_path ? " on the path" : "");
	if (p->mtu_then > 0)
		connection_say(c, SIM_START, "mtu %zu from %.1f s on", p->mtu_then,
			(double)(p->mtu_changes - SIM_START) / 1e6);
	for (int i = 0; i < NETWORK_SILENCES; i++)
		connection_say(c, SIM_START, "silence %.1f to %.1f s, directions %u",
			(double)(p->silences[i].from - SIM_START) / 1e6,
			(double)(p->silences[i].to - SIM_START) / 1e6, p->silences[i].directions);
	for (int end = 0; end < 2; end++) {
		const struct end_mishaps *m = &c->ends[end].mishaps;
		if (m->still_to > 0)
			connection_say(c, SIM_START, "end %d stands still %.1f to %.1f s", end,
				(double)(m->still_from - SIM_START) / 1e6,
				(double)(m->still_to - SIM_START) / 1e6);
		if (m->unread_to > 0)
			connection_say(c, SIM_START, "end %d does not read %.1f to %.1f s", end,
				(double)(m->unread_from - SIM_START) / 1e6,
				(double)(m->unread_to - SIM_START) / 1e6);
	}
}

void connection_init(struct connection *c, uint64_t seed, char name, FILE *log)
{
	*c = (struct connection){.seed = seed, .rng = rng_seeded(seed), .log = log};
	struct network_profile profile = draw_profile(&c->rng);
	network_init(&c->network, &profile, rng_seeded(seed ^ UINT64_C(0x6e657477)));
	c->network.log = log;
	c->network.log_start = SIM_START;
	c->network.log_name = name;
	draw_addresses(c);
	workload_plan(c);
	ending_plan(c, SIM_START);
	mishap_plan(c);
	roaming_plan(c);
	attacker_plan(c);
	churn_plan(c);
	c->next = c->watched = c->progressed = SIM_START;
	c->limit = usec_max(mishap_over(c), roaming_over(c)) + LIVENESS + workload_time_max(c);
	c->closer = (int)rng_below(&c->rng, 2);
	connection_clock(c, 0, SIM_START);
	draw_peer(c, 0);
	draw_peer(c, 1);
	say_plan(c);
	signalling_start(c);
}

void connection_deinit(struct connection *c)
{
	signalling_deinit(c);
	for (int end = 0; end < 2; end++)
		dpc_peer_destroy(c->ends[end].peer);
	network_deinit(&c->network);
}

/* ---- What happens ---- */

static void channel_opened(struct connection *c, int end, usec now, uint16_t handle)
{
	struct end *e = &c->ends[end];
	if (churn_opened(c, end, now, handle) || ending_channel_opened(c, end, now, handle))
		return;
	size_t k = workload_channel(c, end, handle);
	connection_say(c, now, "end %d: channel %zu is open", end, k);
	if (k >= 2 * SIM_CHANNELS || e->open[k]) {
		connection_object(c, "end %d: channel %zu opens out of place", end, k);
		return;
	}
	e->open[k] = true;
	e->handle[k] = handle;
}

static void handle_event(struct connection *c, int end, usec now, const struct dpc_event *event)
{
	switch (event->type) {
	case DPC_EVENT_STATE:
		connection_say(c, now, "end %d is %s", end, dpc_peer_state_name(event->state));
		if (event->state == DPC_CONNECTED)
			c->ends[end].connected = true;
		return;
	case DPC_EVENT_CANDIDATE:
		signalling_candidate(c, end, now, event->text);
		return;
	case DPC_EVENT_CHANNEL_OPEN:
		channel_opened(c, end, now, event->channel);
		return;
	case DPC_EVENT_MESSAGE:
		if (!churn_message(c, end, event))
			checker_message(c, end, event);
		return;
	case DPC_EVENT_CLOSED:
		connection_say(c, now, "end %d: %s", end, event->text);
		checker_closed(c, end, now, event->text);
		return;
	case DPC_EVENT_SENDABLE:
		workload_sendable(c, end);
		churn_sendable(c, end);
		return;
	case DPC_EVENT_PATH:
	case DPC_EVENT_BUFFERED_LOW:
		return;
	case DPC_EVENT_CHANNEL_CLOSED:
		if (!churn_closed(c, end, now, event->channel))
			ending_channel_closed(c, end, now, event->channel);
		return;
	}
}

static bool drain(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	struct dpc_event event;
	struct dpc_path public_path;
	size_t segment, size;
	bool worked = false;
	if (!e->peer)
		return false;
	usec clock = connection_clock(c, end, now);
	while (mishap_reads(c, end, now) && dpc_peer_next_event(e->peer, &event)) {
		handle_event(c, end, now, &event);
		worked = true;
	}
	while ((size = dpc_peer_write(e->peer, clock, write_memory, sizeof write_memory,
			&public_path, &segment)) > 0) {
		struct path path = path_from_public(&public_path);
		CHECK(segment > 0);
		for (size_t at = 0; at < size; at += segment)
			network_send(&c->network, now, end, &path,
				bytes_of(write_memory + at, min_size(segment, size - at)));
		e->bytes_sent += size;
		worked = true;
	}
	return worked;
}

static void act(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	if (e->closed || dpc_peer_state(e->peer) == DPC_NEW || e->close_called)
		return;
	workload_act(c, end, now);
	churn_act(c, end, now);
	ending_act(c, end, now);
}

static void deliver_packet(struct connection *c, usec now, struct network_packet *packet)
{
	int end = packet->to;
	struct end *e = &c->ends[end];
	usec still_until = mishap_still_until(c, end, now);
	if (still_until > 0) {
		network_postpone(&c->network, packet, still_until);
		return;
	}
	if (e->peer) {
		struct dpc_path path = path_to_public(&packet->path);
		if (dpc_peer_state(e->peer) != DPC_CLOSED)
			e->bytes_delivered += packet->size;
		dpc_peer_receive(
			e->peer, connection_clock(c, end, now), &path, packet->data, packet->size);
	}
	attacker_see(c, packet);
	drain(c, end, now);
	network_free(&c->network, packet);
}

/* An end's turn: true when it has done something. */
static bool take_turn(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	if (!e->peer || mishap_still_until(c, end, now) > 0)
		return false;
	usec clock = connection_clock(c, end, now);
	bool due = dpc_peer_deadline(e->peer) <= clock;
	if (due)
		dpc_peer_advance(e->peer, clock);
	act(c, end, now);
	bool worked = drain(c, end, now);
	if (due && !worked && e->peer)
		checker_idle_call(c, end, now);
	return worked;
}

static void step(struct connection *c, usec now)
{
	struct network_packet *packet;
	/* A bit flipped in the clear part of the handshake ends it, as DTLS must: from then on
	 * only. */
	c->network.corrupting = c->ends[0].connected && c->ends[1].connected;
	mishap_act(c, now);
	roaming_act(c, now);
	attacker_act(c, now);
	signalling_deliver(c, now);
	while ((packet = network_receive(&c->network, now)))
		deliver_packet(c, now, packet);
	bool again = true;
	for (int round = 0; again; round++) {
		again = take_turn(c, 0, now);
		again |= take_turn(c, 1, now);
		if (round > 1000) {
			connection_object(c, "the peers do not come to rest");
			return;
		}
	}
}

static usec next_deadline(const struct connection *c, usec now)
{
	usec next = usec_min(network_deadline(&c->network), workload_deadline(c, now));
	next = usec_min(next, ending_deadline(c, now));
	next = usec_min(next, mishap_deadline(c, now));
	next = usec_min(next, roaming_deadline(c, now));
	next = usec_min(next, churn_deadline(c, now));
	next = usec_min(next, attacker_deadline(c));
	next = usec_min(next, signalling_deadline(c));
	for (int end = 0; end < 2; end++) {
		const struct end *e = &c->ends[end];
		usec deadline = e->peer ? dpc_peer_deadline(e->peer) : USEC_NEVER;
		if (deadline != USEC_NEVER)
			next = usec_min(next, usec_max(deadline - e->clock_ahead,
						      mishap_still_until(c, end, now)));
	}
	return next;
}

static void finish(struct connection *c, usec now)
{
	c->is_over = true;
	c->finished = now - SIM_START;
	if (!c->failure[0])
		checker_end(c);
	if (c->failure[0])
		connection_say(c, now, "FAILURE: %s", c->failure);
}

usec connection_advance(struct connection *c, usec now)
{
	if (c->is_over)
		return USEC_NEVER;
	if (now < c->next)
		return c->next;
	step(c, now);
	checker_watch(c, now);
	bool closed = c->ends[0].closed && c->ends[1].closed;
	usec next = next_deadline(c, now);
	if (c->ended)
		c->limit = usec_min(c->limit, ending_limit(c));
	if (!closed && next == USEC_NEVER)
		connection_object(c, "nothing will ever happen again");
	else if (!closed && next > c->limit)
		connection_object(c, "no end after %d virtual seconds",
			(int)((c->limit - SIM_START) / USEC_PER_SEC));
	if (closed || c->failure[0]) {
		finish(c, now);
		return USEC_NEVER;
	}
	c->next = usec_max(next, now + 1);
	return c->next;
}
