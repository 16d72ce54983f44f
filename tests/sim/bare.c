#include "bare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "network.h"
#include "sctp/sctp.h"
#include "workload.h"

#define BARE_TAG UINT64_C(0x62617265)
#define BARE_STREAMS 8
#define BARE_MESSAGES_MAX 60 /* on a stream */
#define BARE_START (1000 * USEC_PER_SEC)
#define BARE_LIMIT (600 * USEC_PER_SEC)
#define BARE_NOTICE (60 * USEC_PER_SEC)
#define BARE_PACKET_MAX 9000
#define BARE_IDLE_CALLS_MAX 200 /* in a second */

/* Before the bytes of a message. */
#define HEADER_SIZE 8

/* One direction of a stream. */
struct bare_stream {
	bool unordered;
	enum sctp_reliability reliability;
	uint32_t limit, messages, size_max;
	uint32_t sent, received, next_index;
	bool seen[BARE_MESSAGES_MAX];
	uint32_t reset_at;   /* after so many messages the sender resets it; 0: never */
	uint32_t reset_sent; /* it was reset when so many were sent */
	bool resetting, reset_told;
};

struct bare_end {
	struct sctp_assoc *assoc;
	struct sctp_config config;
	struct rng rng;
	bool connects, connected, closed, blocked;
	uint64_t abandoned;
	struct bare_stream out[BARE_STREAMS];
	usec second;
	uint32_t idle_calls;
};

struct bare {
	uint64_t seed;
	struct rng rng;
	struct network network;
	struct bare_end ends[2];
	usec restart_at; /* end 0 begins anew; USEC_NEVER: it does not */
	usec close_at;   /* the new one closes, if it was taken for the one of an INIT before */
	bool restarted, closing;
	FILE *log;
	struct world_result *result;
};

static void say(const struct bare *b, usec now, const char *what, int end)
{
	if (b->log)
		fprintf(b->log, "%10.6f a end %d %s\n", (double)(now - BARE_START) / 1e6, end,
			what);
}

static void PRINTF_LIKE(2, 3) object(struct bare *b, const char *format, ...)
{
	va_list args;
	if (b->result->failure[0])
		return;
	va_start(args, format);
	vsnprintf(b->result->failure, sizeof b->result->failure, format, args);
	va_end(args);
}

/* ---- Set-up ---- */

static void draw_network(struct bare *b, bool checksums)
{
	struct rng *rng = &b->rng;
	struct network_profile p = {.mtu = 65507,
		.delay = {(usec)rng_below(rng, 100000), (usec)rng_below(rng, 100000)},
		.jitter = rng_below(rng, 2) ? (usec)rng_below(rng, 30000) : 0,
		.loss_ppm = rng_below(rng, 2) ? (uint32_t)rng_below(rng, 150000) : 0,
		.duplicate_ppm = rng_below(rng, 3) ? 0 : (uint32_t)rng_below(rng, 100000),
		.reorder_ppm = rng_below(rng, 3) ? 0 : (uint32_t)rng_below(rng, 200000),
		.reorder_delay = (usec)rng_below(rng, 100000)};
	/* Without checksums it is DTLS that finds errors. */
	if (checksums && rng_below(rng, 2)) {
		p.corrupt_ppm = (uint32_t)rng_below(rng, 80000);
		p.truncate_ppm = (uint32_t)rng_below(rng, 40000);
	}
	network_init(&b->network, &p, rng_seeded(b->seed ^ UINT64_C(0x6e657477)));
	b->network.corrupting = true;
	b->network.log = b->log;
	b->network.log_start = BARE_START;
	b->network.log_name = 'a';
	CHECK(addr_parse("10.0.0.1:5001", &b->network.ends[0].host[0]));
	CHECK(addr_parse("10.0.0.2:5002", &b->network.ends[1].host[0]));
}

static void draw_stream(struct rng *rng, struct bare_stream *s, size_t message_max)
{
	static const uint32_t sizes[] = {HEADER_SIZE, 100, 1200, 5000, 60000};
	s->unordered = rng_below(rng, 3) == 0;
	if (rng_below(rng, 3) == 0) {
		s->reliability =
			rng_below(rng, 2) ? SCTP_LIMITED_RETRANSMITS : SCTP_LIMITED_LIFETIME;
		s->limit = (uint32_t)rng_below(
			rng, s->reliability == SCTP_LIMITED_RETRANSMITS ? 4 : 2000000);
	}
	s->size_max = (uint32_t)min_size(sizes[rng_below(rng, 5)], message_max);
	s->messages = (uint32_t)rng_below(rng, s->size_max > 10000 ? 8 : BARE_MESSAGES_MAX + 1);
	if (rng_below(rng, 2) && s->reliability == SCTP_RELIABLE && s->messages > 1)
		s->reset_at = 1 + (uint32_t)rng_below(rng, s->messages);
}

static void draw_config(struct bare *b, int end)
{
	struct bare_end *e = &b->ends[end];
	e->config = (struct sctp_config){
		.local_port = 5000,
		.remote_port = 5000,
		.packet_max = 256 + rng_below(&b->rng, 4) * 450,
		.packet_limit = rng_below(&b->rng, 3) ? 0 : BARE_PACKET_MAX,
		.message_max = rng_below(&b->rng, 2) ? 0 : 2000,
		.receive_window = rng_below(&b->rng, 2) ? 0 : 5000 + rng_below(&b->rng, 100000),
		.send_queue_max = rng_below(&b->rng, 2) ? 0 : 70000 + rng_below(&b->rng, 100000),
		.streams = (uint16_t)(BARE_STREAMS + rng_below(&b->rng, 40)),
		.zero_checksum = rng_below(&b->rng, 2),
		.no_interleaving = rng_below(&b->rng, 2),
		.no_partial_reliability = rng_below(&b->rng, 3) == 0,
		.rng = &e->rng,
	};
	e->rng = rng_seeded(rng_u64(&b->rng));
	CHECK(sctp_create(&e->config, BARE_START, &e->assoc) == ERR_OK);
}

static void init(struct bare *b, uint64_t seed, FILE *log, struct world_result *result)
{
	*b = (struct bare){.seed = seed,
		.rng = rng_seeded(seed ^ BARE_TAG),
		.restart_at = USEC_NEVER,
		.close_at = USEC_NEVER,
		.log = log,
		.result = result};
	draw_config(b, 0);
	draw_config(b, 1);
	draw_network(b, !b->ends[0].config.zero_checksum && !b->ends[1].config.zero_checksum);
	for (int end = 0; end < 2; end++) {
		size_t most = b->ends[!end].config.message_max;
		for (size_t s = 0; s < BARE_STREAMS; s++)
			draw_stream(&b->rng, &b->ends[end].out[s], most > 0 ? most : 262144);
	}
	uint64_t who = rng_below(&b->rng, 4);
	b->ends[0].connects = who != 1;
	b->ends[1].connects = who != 2;
	if (rng_below(&b->rng, 6) == 0)
		b->restart_at = BARE_START + (usec)rng_below(&b->rng, 5 * USEC_PER_SEC);
	for (int end = 0; end < 2; end++)
		if (b->ends[end].connects)
			sctp_connect(b->ends[end].assoc, BARE_START);
}

static void deinit(struct bare *b)
{
	sctp_destroy(b->ends[0].assoc);
	sctp_destroy(b->ends[1].assoc);
	network_deinit(&b->network);
}

/* ---- What is said ---- */

static size_t make_message(const struct bare *b, int from, uint16_t stream, uint32_t index,
	uint8_t data[SIM_MESSAGE_MAX])
{
	const struct bare_stream *s = &b->ends[from].out[stream];
	const uint8_t *piece;
	size_t size =
		HEADER_SIZE +
		workload_piece(b->seed ^ ((uint64_t)from << 60 | (uint64_t)stream << 40 | index),
			s->size_max - HEADER_SIZE, &piece);
	struct writer w = writer_of(data, size);
	write_u32(&w, (uint32_t)from);
	write_u32(&w, index);
	write_bytes(&w, bytes_of(piece, size - HEADER_SIZE));
	CHECK(!w.failed);
	return size;
}

static void send_on(struct bare *b, int end, usec now, uint16_t stream)
{
	static uint8_t data[SIM_MESSAGE_MAX];
	struct bare_end *e = &b->ends[end];
	struct bare_stream *s = &e->out[stream];
	while (!e->blocked && !s->resetting && s->sent < s->messages) {
		if (s->reset_at > 0 && s->sent == s->reset_at && !s->reset_told) {
			s->resetting = true;
			s->reset_sent = s->sent;
			if (sctp_reset_stream(e->assoc, now, stream) != ERR_OK)
				object(b, "end %d cannot reset stream %u", end, stream);
			return;
		}
		size_t size = make_message(b, end, stream, s->sent, data);
		const struct sctp_message message = {.stream = stream,
			.ppid = 51,
			.unordered = s->unordered,
			.reliability = s->reliability,
			.limit = s->limit,
			.data = bytes_of(data, size)};
		enum err err = sctp_send(e->assoc, now, &message);
		e->blocked = err == ERR_AGAIN;
		s->sent += err == ERR_OK;
		if (err && err != ERR_AGAIN) {
			object(b, "end %d cannot send on stream %u: %s", end, stream,
				err_text(err));
			return;
		}
	}
}

static void check_message(struct bare *b, int end, const struct sctp_message *message)
{
	static uint8_t expected[SIM_MESSAGE_MAX];
	struct reader r = reader_of(message->data);
	uint32_t from = read_u32(&r), index = read_u32(&r);
	/* Nothing is sent to the one that began anew. */
	bool to_new = b->restarted && end == 0;
	if (message->stream >= BARE_STREAMS || r.failed || from != (uint32_t)!end || to_new) {
		object(b, "end %d gets a message that nobody sent", end);
		return;
	}
	struct bare_stream *s = &b->ends[!end].out[message->stream];
	if (index >= s->sent || s->seen[index]) {
		object(b, "stream %u: end %d gets message %u out of place", message->stream, end,
			index);
		return;
	}
	if (!s->unordered && (index < s->next_index ||
				     (s->reliability == SCTP_RELIABLE && index > s->next_index)))
		object(b, "stream %u: end %d gets message %u instead of %u", message->stream, end,
			index, s->next_index);
	size_t size = make_message(b, !end, message->stream, index, expected);
	if (size != message->data.size || memcmp(expected, message->data.data, size) != 0)
		object(b, "stream %u: message %u of %zu bytes came as others", message->stream,
			index, size);
	s->next_index = index + 1;
	s->seen[index] = true;
	s->received++;
	b->result->messages++;
	b->result->bytes += size;
}

static void check_reset(struct bare *b, int end, uint16_t stream)
{
	struct bare_stream *s = &b->ends[!end].out[stream];
	if (stream >= BARE_STREAMS || !s->resetting || s->received != s->reset_sent)
		object(b, "end %d is told that stream %u is reset", end, stream);
}

static void handle_event(struct bare *b, int end, usec now, const struct sctp_event *event)
{
	struct bare_end *e = &b->ends[end];
	switch (event->type) {
	case SCTP_EVENT_CONNECTED:
		say(b, now, "is connected", end);
		e->connected = true;
		return;
	case SCTP_EVENT_MESSAGE:
		check_message(b, end, &event->message);
		return;
	case SCTP_EVENT_STREAM_RESET:
		check_reset(b, end, event->stream);
		return;
	case SCTP_EVENT_RESET_DONE:
		if (event->stream < BARE_STREAMS && e->out[event->stream].resetting) {
			e->out[event->stream].resetting = false;
			e->out[event->stream].reset_told = true;
		}
		return;
	case SCTP_EVENT_RESET_FAILED:
		object(b, "end %d: the reset of stream %u is refused", end, event->stream);
		return;
	case SCTP_EVENT_SENDABLE:
		e->blocked = false;
		return;
	case SCTP_EVENT_CLOSED: {
		say(b, now, sctp_close_reason_name(event->reason), end);
		e->closed = true;
		/* RFC 9260 section 8.4: an end that is gone answers what comes late with ABORT,
		 * which may overtake its SHUTDOWN COMPLETE. */
		bool gone = b->ends[!end].closed && event->reason == SCTP_CLOSE_PEER_ABORTED;
		if (!b->restarted && !gone && event->reason != SCTP_CLOSE_SHUTDOWN)
			object(b, "end %d is closed: %s", end,
				sctp_close_reason_name(event->reason));
		return;
	}
	}
}

/* ---- Time ---- */

static bool drain(struct bare *b, int end, usec now)
{
	static uint8_t packet[BARE_PACKET_MAX];
	struct bare_end *e = &b->ends[end];
	const struct path path = {
		.local = b->network.ends[end].host[0], .remote = b->network.ends[!end].host[0]};
	struct sctp_event event;
	size_t size;
	bool worked = false;
	while (sctp_next_event(e->assoc, &event)) {
		handle_event(b, end, now, &event);
		worked = true;
	}
	while ((size = sctp_write(e->assoc, now, packet, sizeof packet)) > 0) {
		network_send(&b->network, now, end, &path, bytes_of(packet, size));
		worked = true;
	}
	return worked;
}

static void restart(struct bare *b, usec now)
{
	struct bare_end *e = &b->ends[0];
	say(b, now, "begins anew", 0);
	b->restarted = true;
	b->restart_at = USEC_NEVER;
	b->close_at = now + BARE_NOTICE;
	sctp_destroy(e->assoc);
	CHECK(sctp_create(&e->config, now, &e->assoc) == ERR_OK);
	e->connected = false;
	sctp_connect(e->assoc, now);
}

static bool all_is_said(struct bare *b)
{
	for (int end = 0; end < 2; end++) {
		const struct sctp_stats *stats = sctp_stats(b->ends[end].assoc);
		for (size_t i = 0; i < BARE_STREAMS; i++) {
			const struct bare_stream *s = &b->ends[end].out[i];
			bool settled =
				s->received == s->messages ||
				(s->reliability != SCTP_RELIABLE && stats->send_queue_bytes == 0);
			if (s->sent < s->messages || s->resetting || !settled)
				return false;
		}
	}
	return true;
}

static bool take_turn(struct bare *b, int end, usec now)
{
	struct bare_end *e = &b->ends[end];
	bool due = sctp_deadline(e->assoc) <= now;
	if (due)
		sctp_advance(e->assoc, now);
	for (uint16_t s = 0; s < BARE_STREAMS && e->connected && !b->restarted && !b->closing; s++)
		send_on(b, end, now, s);
	bool worked = drain(b, end, now);
	if (now >= e->second + USEC_PER_SEC) {
		e->second = now;
		e->idle_calls = 0;
	}
	e->idle_calls += due && !worked;
	if (e->idle_calls > BARE_IDLE_CALLS_MAX)
		object(b, "end %d is called again and again with nothing to do", end);
	return worked;
}

static void step(struct bare *b, usec now)
{
	struct network_packet *packet;
	if (now >= b->restart_at)
		restart(b, now);
	while ((packet = network_receive(&b->network, now))) {
		sctp_receive(b->ends[packet->to].assoc, now, bytes_of(packet->data, packet->size));
		drain(b, packet->to, now);
		network_free(&b->network, packet);
	}
	bool again = true;
	for (int round = 0; again && round < 1000; round++) {
		again = take_turn(b, 0, now);
		again |= take_turn(b, 1, now);
	}
	if (again)
		object(b, "the associations do not come to rest");
	bool late = now >= b->close_at && b->ends[0].connected;
	if (!b->closing && (late || (!b->restarted && all_is_said(b)))) {
		b->closing = true;
		b->close_at = USEC_NEVER;
		b->restart_at = USEC_NEVER;
		say(b, now, "closes", 0);
		sctp_shutdown(b->ends[0].assoc, now);
		drain(b, 0, now);
	}
}

static void check_end(struct bare *b)
{
	for (int end = 0; end < 2; end++) {
		uint64_t missing = 0,
			 abandoned = sctp_stats(b->ends[end].assoc)->messages_abandoned;
		for (size_t s = 0; s < BARE_STREAMS; s++)
			missing += b->ends[end].out[s].sent - b->ends[end].out[s].received;
		b->result->abandoned += abandoned;
		if (!b->restarted && missing > abandoned)
			object(b,
				"of end %d %" PRIu64 " messages are missing, %" PRIu64 " given up",
				end, missing, abandoned);
	}
}

void bare_run(uint64_t seed, FILE *log, struct world_result *ret_result)
{
	static struct bare bare;
	struct bare *b = &bare;
	usec now = BARE_START;
	init(b, seed, log, ret_result);
	while (!ret_result->failure[0] && !(b->ends[0].closed && b->ends[1].closed)) {
		step(b, now);
		usec next = usec_min(network_deadline(&b->network), b->restart_at);
		next = usec_min(next, b->close_at > now ? b->close_at : USEC_NEVER);
		for (int end = 0; end < 2; end++)
			next = usec_min(next, sctp_deadline(b->ends[end].assoc));
		if (b->ends[0].closed && b->ends[1].closed)
			break;
		if (next == USEC_NEVER)
			object(b, "nothing will ever happen again");
		else if (next > BARE_START + BARE_LIMIT)
			object(b, "no end after %d s", (int)(BARE_LIMIT / USEC_PER_SEC));
		else
			now = usec_max(next, now + 1);
	}
	check_end(b);
	ret_result->connections++;
	ret_result->datagrams += b->network.ends[0].sent + b->network.ends[1].sent;
	ret_result->duration += now - BARE_START;
	ret_result->trace ^= b->network.trace;
	if (log && ret_result->failure[0])
		fprintf(log, "FAILURE: %s\n", ret_result->failure);
	deinit(b);
}
