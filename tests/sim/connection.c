#include "connection.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "ending.h"
#include "peer/convert.h"
#include "virtual.h"
#include "workload.h"

static uint8_t message_memory[SIM_MESSAGE_MAX];
static uint8_t write_memory[DPC_WRITE_BEST];

void connection_say(const struct connection *c, usec now, const char *format, ...)
{
	if (!c->log)
		return;
	va_list args;
	fprintf(c->log, "%10.6f ", (double)(now - SIM_START) / 1e6);
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

/* ---- Set-up ---- */

static struct network_profile draw_profile(struct rng *rng)
{
	struct network_profile p = {
		.delay = (usec)rng_below(rng, 120000),
		.mtu = rng_below(rng, 4) ? 65507 : 1200,
	};
	if (rng_below(rng, 2))
		p.jitter = (usec)rng_below(rng, 40000);
	if (rng_below(rng, 2))
		p.loss_ppm = (uint32_t)rng_below(rng, 100000);
	if (rng_below(rng, 3) == 0)
		p.duplicate_ppm = (uint32_t)rng_below(rng, 100000);
	if (rng_below(rng, 3) == 0) {
		p.reorder_ppm = (uint32_t)rng_below(rng, 200000);
		p.reorder_delay = (usec)rng_below(rng, 100000);
	}
	if (rng_below(rng, 4) == 0)
		p.corrupt_ppm = (uint32_t)rng_below(rng, 50000);
	if (rng_below(rng, 4) == 0) {
		p.rate = 20000 + rng_below(rng, 5000000);
		p.queue_max = 20000 + rng_below(rng, 200000);
	}
	if (rng_below(rng, 4) == 0) {
		p.partition_from = SIM_START + (usec)rng_below(rng, 20 * USEC_PER_SEC);
		p.partition_to = p.partition_from + (usec)rng_below(rng, 15 * USEC_PER_SEC);
	}
	return p;
}

static void draw_addresses(struct connection *c)
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

static void create_peer(struct connection *c, int end)
{
	const struct dpc_peer_config config = {
		.offerer = end == 0,
		.unix_time = VIRTUAL_UNIX_TIME,
		.receive_window = rng_below(&c->rng, 2) ? 0 : 300000,
		.send_queue_max = rng_below(&c->rng, 2) ? 0 : 400000,
		.legacy_sdp = rng_below(&c->rng, 4) == 0,
		.seed = 1 + rng_u64(&c->rng) / 2,
	};
	CHECK(dpc_peer_create(&config, SIM_START, &c->ends[end].peer) == DPC_OK);
}

static void add_candidates(struct connection *c, int end)
{
	struct dpc_peer *peer = c->ends[end].peer;
	const struct network_end *e = &c->network.ends[end];
	for (int i = 0; i < NETWORK_INTERFACES; i++) {
		if (e->host[i].family == ADDR_NONE)
			continue;
		struct dpc_addr host = addr_to_public(&e->host[i]);
		CHECK(dpc_peer_add_host(peer, SIM_START, &host) == DPC_OK);
		if (e->public[i].family == ADDR_NONE)
			continue;
		struct dpc_addr public = addr_to_public(&e->public[i]);
		CHECK(dpc_peer_add_reflexive(peer, SIM_START, &host, &public) == DPC_OK);
	}
	dpc_peer_end_of_candidates(peer, SIM_START);
}

static void open_channels(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	for (size_t i = 0; i < c->channels; i++) {
		size_t k = (size_t)end * SIM_CHANNELS + i;
		char label[2] = {(char)('a' + k), 0};
		const struct dpc_channel_config config = {
			.label = label, .unordered = c->plan[k].unordered};
		if (dpc_peer_open_channel(e->peer, now, &config, &e->handle[k]) != DPC_OK)
			connection_object(c, "end %d cannot open channel %zu", end, k);
	}
}

static void send_signal(
	struct connection *c, usec now, int from, enum signal_type type, const char *text)
{
	struct signal *s = malloc(sizeof *s + strlen(text) + 1);
	CHECK(s != NULL);
	*s = (struct signal){.arrival = now + c->signal_delay, .to = !from, .type = type};
	CHECK(text_copy(s->text, strlen(text) + 1, text));
	list_push_back(&c->signals, &s->list);
}

static void describe(struct connection *c, usec now, int end)
{
	char sdp[DPC_SDP_MAX];
	if (dpc_peer_local_description(c->ends[end].peer, sdp, sizeof sdp) != DPC_OK)
		connection_object(c, "end %d cannot describe itself", end);
	else
		send_signal(c, now, end, end == 0 ? SIGNAL_OFFER : SIGNAL_ANSWER, sdp);
}

void connection_init(struct connection *c, uint64_t seed, FILE *log)
{
	*c = (struct connection){.seed = seed, .rng = rng_seeded(seed), .log = log};
	list_init(&c->signals);
	struct network_profile profile = draw_profile(&c->rng);
	network_init(&c->network, &profile, rng_seeded(seed ^ UINT64_C(0x6e657477)));
	c->network.log = log;
	c->network.log_start = SIM_START;
	draw_addresses(c);
	workload_plan(c);
	c->next = SIM_START;
	c->limit = usec_max(SIM_START, profile.partition_to) + LIVENESS;
	ending_plan(c, SIM_START);
	c->trickle = rng_below(&c->rng, 2);
	c->closer = (int)rng_below(&c->rng, 2);
	c->signal_delay = (usec)rng_below(&c->rng, 200000);
	create_peer(c, 0);
	create_peer(c, 1);
	connection_say(c, SIM_START,
		"delay %" PRId64 " us, jitter %" PRId64
		", loss %u ppm, dup %u, reorder %u, corrupt %u, "
		"mtu %zu, rate %" PRIu64 ", partition %.1f to %.1f s, %zu channels an end",
		profile.delay, profile.jitter, profile.loss_ppm, profile.duplicate_ppm,
		profile.reorder_ppm, profile.corrupt_ppm, profile.mtu, profile.rate,
		(double)(profile.partition_from - SIM_START) / 1e6,
		(double)(profile.partition_to - SIM_START) / 1e6, c->channels);
	open_channels(c, 0, SIM_START);
	if (!c->trickle)
		add_candidates(c, 0);
	describe(c, SIM_START, 0);
	if (c->trickle)
		add_candidates(c, 0);
}

void connection_deinit(struct connection *c)
{
	struct list *node;
	while ((node = list_pop_front(&c->signals)))
		free(CONTAINER_OF(node, struct signal, list));
	for (int end = 0; end < 2; end++)
		dpc_peer_destroy(c->ends[end].peer);
	network_deinit(&c->network);
}

/* ---- What happens ---- */

static void receive_offer(struct connection *c, usec now, const char *sdp)
{
	struct dpc_peer *peer = c->ends[1].peer;
	if (!c->trickle)
		add_candidates(c, 1);
	enum dpc_err err = dpc_peer_set_remote_description(peer, now, sdp, strlen(sdp));
	if (err)
		connection_object(c, "the offer is refused: %s", dpc_peer_err_text(err));
	describe(c, now, 1);
	if (c->trickle)
		add_candidates(c, 1);
	open_channels(c, 1, now);
}

static void receive_signal(struct connection *c, usec now, const struct signal *s)
{
	struct dpc_peer *peer = c->ends[s->to].peer;
	if (c->ends[s->to].closed)
		return;
	enum dpc_err err = DPC_OK;
	switch (s->type) {
	case SIGNAL_OFFER:
		receive_offer(c, now, s->text);
		return;
	case SIGNAL_ANSWER:
		err = dpc_peer_set_remote_description(peer, now, s->text, strlen(s->text));
		break;
	case SIGNAL_CANDIDATE:
		err = dpc_peer_add_remote_candidate(peer, now, s->text, strlen(s->text));
		break;
	}
	if (err && err != DPC_ERR_EXISTS)
		connection_object(c, "a signal is refused: %s", dpc_peer_err_text(err));
}

bool connection_all_received(const struct connection *c, int end)
{
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		if (c->ends[!end].out[k].received < c->plan[k].messages)
			return false;
	return true;
}

bool connection_all_accepted(const struct connection *c, int end)
{
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		if (c->ends[end].out[k].accepted < c->plan[k].messages)
			return false;
	return true;
}

static size_t channel_of(const struct connection *c, int end, uint16_t handle)
{
	const char *label = dpc_peer_channel_label(c->ends[end].peer, handle);
	return label && label[0] >= 'a' ? (size_t)(label[0] - 'a') : SIZE_MAX;
}

static void check_message(struct connection *c, int end, const struct dpc_event *event)
{
	size_t k = channel_of(c, end, event->channel);
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

/* RFC 7675: without an answer for 30 s the path is given up. With a partition in that time, a few
 * lost or broken datagrams more are enough. */
static bool may_lose_path(const struct connection *c, usec now)
{
	const struct network_profile *p = &c->network.profile;
	return p->loss_ppm + p->corrupt_ppm > 0 && now > p->partition_from &&
	       now < p->partition_to + 30 * USEC_PER_SEC;
}

/* A close that was asked for after everything is accepted loses nothing. */
static void check_closed(struct connection *c, int end, usec now, const char *reason)
{
	c->ends[end].closed = true;
	if (!c->ended && strstr(reason, "path to the peer is lost") && may_lose_path(c, now)) {
		c->ended = true;
		c->ending_at = now;
	}
	if (!c->ended && !connection_all_received(c, end))
		connection_object(c, "end %d is closed (%s) before it has everything", end, reason);
}

static void handle_event(struct connection *c, int end, usec now, const struct dpc_event *event)
{
	struct end *e = &c->ends[end];
	switch (event->type) {
	case DPC_EVENT_STATE:
		connection_say(c, now, "end %d is %s", end, dpc_peer_state_name(event->state));
		if (event->state == DPC_CONNECTED)
			e->connected = true;
		return;
	case DPC_EVENT_CANDIDATE:
		send_signal(c, now, end, SIGNAL_CANDIDATE, event->text);
		return;
	case DPC_EVENT_CHANNEL_OPEN: {
		if (ending_channel_opened(c, end, now, event->channel))
			return;
		size_t k = channel_of(c, end, event->channel);
		connection_say(c, now, "end %d: channel %zu is open", end, k);
		if (k >= 2 * SIM_CHANNELS || e->open[k]) {
			connection_object(c, "end %d: channel %zu opens out of place", end, k);
			return;
		}
		e->open[k] = true;
		e->handle[k] = event->channel;
		return;
	}
	case DPC_EVENT_MESSAGE:
		check_message(c, end, event);
		return;
	case DPC_EVENT_CLOSED:
		connection_say(c, now, "end %d: %s", end, event->text);
		check_closed(c, end, now, event->text);
		return;
	case DPC_EVENT_SENDABLE:
		for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
			e->out[k].blocked = false;
		return;
	case DPC_EVENT_PATH:
	case DPC_EVENT_BUFFERED_LOW:
		return;
	case DPC_EVENT_CHANNEL_CLOSED:
		ending_channel_closed(c, end, now, event->channel);
		return;
	}
}

static bool drain(struct connection *c, int end, usec now)
{
	struct dpc_peer *peer = c->ends[end].peer;
	struct dpc_event event;
	struct dpc_path public_path;
	size_t segment, size;
	bool worked = false;
	if (!peer)
		return false;
	while (dpc_peer_next_event(peer, &event)) {
		handle_event(c, end, now, &event);
		worked = true;
	}
	while ((size = dpc_peer_write(peer, now, write_memory, sizeof write_memory, &public_path,
			&segment)) > 0) {
		struct path path = path_from_public(&public_path);
		CHECK(segment > 0);
		for (size_t at = 0; at < size; at += segment)
			network_send(&c->network, now, end, &path,
				bytes_of(write_memory + at, min_size(segment, size - at)));
		worked = true;
	}
	return worked;
}

/* ---- The ends' own doing ---- */

static bool send_one(struct connection *c, int end, size_t k, usec now)
{
	struct end *e = &c->ends[end];
	struct flow *flow = &e->out[k];
	const struct channel_plan *plan = &c->plan[k];
	bool ours = k / SIM_CHANNELS == (size_t)end;
	if (flow->accepted >= plan->messages || flow->blocked || now < flow->next_send ||
		(!e->open[k] && !ours))
		return false;
	size_t size = workload_message(c, end, k, flow->accepted, message_memory);
	bool binary = flow->accepted % 2 == 0;
	enum dpc_err err = dpc_peer_send(e->peer, now, e->handle[k], binary, message_memory, size);
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

static void act(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	if (e->closed || dpc_peer_state(e->peer) == DPC_NEW || e->close_called)
		return;
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++)
		while (send_one(c, end, k, now))
			continue;
	ending_act(c, end, now);
}

static usec next_send_time(const struct connection *c, usec now)
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

static usec next_deadline(const struct connection *c, usec now)
{
	usec next = usec_min(network_deadline(&c->network), next_send_time(c, now));
	next = usec_min(next, ending_deadline(c, now));
	for (int end = 0; end < 2; end++)
		if (c->ends[end].peer)
			next = usec_min(next, dpc_peer_deadline(c->ends[end].peer));
	if (!list_is_empty(&c->signals))
		next = usec_min(next, CONTAINER_OF(c->signals.next, struct signal, list)->arrival);
	return next;
}

static void deliver_signals(struct connection *c, usec now)
{
	while (!list_is_empty(&c->signals)) {
		struct signal *s = CONTAINER_OF(c->signals.next, struct signal, list);
		if (s->arrival > now)
			return;
		list_remove(&s->list);
		receive_signal(c, now, s);
		free(s);
	}
}

static void deliver_packets(struct connection *c, usec now)
{
	struct network_packet *packet;
	while ((packet = network_receive(&c->network, now))) {
		struct dpc_path path = path_to_public(&packet->path);
		struct dpc_peer *peer = c->ends[packet->to].peer;
		if (peer)
			dpc_peer_receive(peer, now, &path, packet->data, packet->size);
		drain(c, packet->to, now);
		free(packet);
	}
}

static void step(struct connection *c, usec now)
{
	/* A bit flipped in the clear part of the handshake ends it, as DTLS must: from then on
	 * only. */
	c->network.corrupting = c->ends[0].connected && c->ends[1].connected;
	deliver_signals(c, now);
	deliver_packets(c, now);
	bool again = true;
	for (int round = 0; again; round++) {
		again = false;
		for (int end = 0; end < 2; end++) {
			struct dpc_peer *peer = c->ends[end].peer;
			if (peer && dpc_peer_deadline(peer) <= now)
				dpc_peer_advance(peer, now);
			act(c, end, now);
			again |= drain(c, end, now);
		}
		if (round > 1000) {
			connection_object(c, "the peers do not come to rest");
			return;
		}
	}
}

static void check_end(struct connection *c)
{
	for (int end = 0; end < 2; end++) {
		struct dpc_stats stats;
		if (!c->ends[end].peer)
			continue;
		dpc_peer_stats(c->ends[end].peer, &stats);
		if (!c->ends[end].closed)
			connection_object(c, "end %d never closes", end);
		if (!c->ended && (stats.send_queue_bytes > 0 || stats.receive_queue_bytes > 0))
			connection_object(c, "end %d keeps %zu bytes to send, %zu received", end,
				stats.send_queue_bytes, stats.receive_queue_bytes);
	}
}

static void finish(struct connection *c, usec now)
{
	c->is_over = true;
	c->finished = now - SIM_START;
	if (!c->failure[0])
		check_end(c);
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
