/* Two associations in memory, joined by a link with delay, loss, duplication and reordering, under
 * a virtual clock: everything from one seed. A message carries its number as PPID and bytes made
 * from it, so the receiving end can check that it came once, whole and in order. */
#ifndef SCTP_PAIR_H
#define SCTP_PAIR_H

#include <stdlib.h>

#include "base/crc32c.h"
#include "sctp/internal.h"
#include "test.h"

#ifndef PAIR_PACKETS_MAX
#define PAIR_PACKETS_MAX 8192
#endif
#define PAIR_MESSAGES_MAX 4096
#define PAIR_STREAMS 1024

#define PAIR_PACKET_MAX 1200

struct pair_packet {
	usec at;
	int to;
	size_t size;
	uint8_t *data; /* PAIR_PACKET_MAX bytes; apart, since packets move up when one is taken */
};

struct pair_end {
	struct sctp_assoc *assoc;
	struct sctp_config config;
	bool paused; /* does not pull events */
	bool deaf;   /* receives nothing */
	unsigned connected, sendable, closed, stream_resets, resets_done, resets_failed;
	enum sctp_close_reason reason;
	uint16_t last_reset;
	uint32_t received;               /* messages */
	uint8_t seen[PAIR_MESSAGES_MAX]; /* by number */
	uint32_t newest[PAIR_STREAMS];   /* ordered message, by stream */
	uint32_t sent;
	size_t packets, full_packets; /* written */
};

struct pair {
	struct pair_end end[2];
	struct rng rng, network;
	usec now, delay, jitter;
	unsigned loss, duplication; /* percent */
	struct pair_packet *packets;
	size_t packet_count;
	/* Called with every packet before it travels, to tamper with it. */
	bool (*on_packet)(struct pair *pair, int from, uint8_t *data, size_t size);
	int counter; /* for on_packet */
};

static inline uint8_t pair_byte(uint32_t number, size_t i)
{
	return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static inline void pair_init_with(
	struct pair *p, uint64_t seed, struct sctp_config first, struct sctp_config second)
{
	*p = (struct pair){
		.rng = rng_seeded(seed),
		.network = rng_seeded(seed + 1000),
		.now = 1000,
		.delay = 10 * USEC_PER_MS,
	};
	p->packets = calloc(PAIR_PACKETS_MAX, sizeof *p->packets);
	assert_non_null(p->packets);
	struct sctp_config configs[2] = {first, second};
	for (int i = 0; i < 2; i++) {
		configs[i].local_port = configs[i].remote_port = 5000;
		configs[i].rng = &p->rng;
		p->end[i].config = configs[i];
		assert_ok(sctp_create(&configs[i], p->now, &p->end[i].assoc));
	}
}

static inline void pair_init(struct pair *p, uint64_t seed)
{
	pair_init_with(p, seed, (struct sctp_config){0}, (struct sctp_config){0});
}

static inline void pair_deinit(struct pair *p)
{
	for (int i = 0; i < 2; i++)
		sctp_destroy(p->end[i].assoc);
	for (size_t i = 0; i < p->packet_count; i++)
		free(p->packets[i].data);
	free(p->packets);
}

static inline void pair_carry(struct pair *p, int from, const uint8_t *data, size_t size)
{
	assert_true(size <= PAIR_PACKET_MAX);
	unsigned copies = rng_below(&p->network, 100) < p->duplication ? 2 : 1;
	if (rng_below(&p->network, 100) < p->loss)
		copies = 0;
	for (unsigned i = 0; i < copies; i++) {
		assert_true(p->packet_count < PAIR_PACKETS_MAX);
		struct pair_packet *packet = &p->packets[p->packet_count++];
		usec jitter = p->jitter ? (usec)rng_below(&p->network, (uint64_t)p->jitter) : 0;
		packet->at = p->now + p->delay + jitter;
		packet->to = 1 - from;
		packet->size = size;
		packet->data = malloc(PAIR_PACKET_MAX);
		assert_non_null(packet->data);
		memcpy(packet->data, data, size);
	}
}

static inline void pair_take_message(struct pair_end *end, const struct sctp_message *message)
{
	uint32_t number = message->ppid;
	assert_true(number < PAIR_MESSAGES_MAX);
	assert_int_equal(end->seen[number], 0);
	end->seen[number] = 1;
	end->received++;
	for (size_t i = 0; i < message->data.size; i++)
		if (message->data.data[i] != pair_byte(number, i))
			fail_msg("message %u differs at %zu", number, i);
	assert_true(message->stream < PAIR_STREAMS);
	if (!message->unordered) {
		assert_true(end->newest[message->stream] <= number);
		end->newest[message->stream] = number;
	}
}

static inline void pair_take_event(struct pair_end *end, const struct sctp_event *event)
{
	assert_int_equal(end->closed, 0);
	switch (event->type) {
	case SCTP_EVENT_CONNECTED:
		end->connected++;
		break;
	case SCTP_EVENT_MESSAGE:
		pair_take_message(end, &event->message);
		break;
	case SCTP_EVENT_STREAM_RESET:
		end->stream_resets++;
		end->last_reset = event->stream;
		end->newest[event->stream] = 0;
		break;
	case SCTP_EVENT_RESET_DONE:
		end->resets_done++;
		break;
	case SCTP_EVENT_RESET_FAILED:
		end->resets_failed++;
		break;
	case SCTP_EVENT_SENDABLE:
		end->sendable++;
		break;
	case SCTP_EVENT_CLOSED:
		end->closed++;
		end->reason = event->reason;
		break;
	}
}

/* Pulls the events and packets of an end. */
static inline void pair_drain_end(struct pair *p, int i)
{
	struct pair_end *end = &p->end[i];
	struct sctp_event event;
	while (!end->paused && sctp_next_event(end->assoc, &event))
		pair_take_event(end, &event);
	uint8_t data[1200];
	size_t size;
	while ((size = sctp_write(end->assoc, p->now, data, sizeof data)) > 0) {
		end->packets++;
		end->full_packets += size == 1160;
		if (!p->on_packet || p->on_packet(p, i, data, size))
			pair_carry(p, i, data, size);
	}
}

static inline void pair_drain(struct pair *p)
{
	for (int i = 0; i < 2; i++)
		pair_drain_end(p, i);
}

static inline size_t pair_first_packet(const struct pair *p)
{
	size_t first = 0;
	for (size_t i = 1; i < p->packet_count; i++)
		if (p->packets[i].at < p->packets[first].at)
			first = i;
	return first;
}

/* The next thing that happens: a packet arrives or a timer expires; false when nothing will before
 * `until`. */
static inline bool pair_step(struct pair *p, usec until)
{
	pair_drain(p);
	usec next = usec_min(sctp_deadline(p->end[0].assoc), sctp_deadline(p->end[1].assoc));
	size_t first = pair_first_packet(p);
	bool arrives = p->packet_count > 0 && p->packets[first].at <= next;
	if (arrives)
		next = p->packets[first].at;
	if (next > until) {
		p->now = until;
		return false;
	}
	p->now = usec_max(p->now, next);
	if (arrives) {
		struct pair_packet *packet = &p->packets[first];
		struct pair_end *end = &p->end[packet->to];
		if (!end->deaf)
			sctp_receive(end->assoc, p->now, bytes_of(packet->data, packet->size));
		free(packet->data);
		/* Keep those that leave at the same time in order. */
		p->packet_count--;
		memmove(packet, packet + 1, (p->packet_count - first) * sizeof *packet);
	} else {
		for (int i = 0; i < 2; i++)
			sctp_advance(p->end[i].assoc, p->now);
	}
	return true;
}

static inline void pair_run(struct pair *p, usec time)
{
	usec until = p->now + time;
	while (pair_step(p, until)) {}
}

static inline void pair_connect(struct pair *p)
{
	sctp_connect(p->end[0].assoc, p->now);
	sctp_connect(p->end[1].assoc, p->now);
	for (usec until = p->now + 60 * USEC_PER_SEC;
		(!p->end[0].connected || !p->end[1].connected) && pair_step(p, until);) {}
	assert_int_equal(sctp_state(p->end[0].assoc), SCTP_ESTABLISHED);
	assert_int_equal(sctp_state(p->end[1].assoc), SCTP_ESTABLISHED);
}

static inline enum err pair_send(
	struct pair *p, int from, uint16_t stream, bool unordered, size_t size)
{
	struct pair_end *end = &p->end[from];
	uint32_t number = end->sent;
	uint8_t *data = malloc(size ? size : 1);
	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = pair_byte(number, i);
	struct sctp_message message = {.stream = stream,
		.ppid = number,
		.unordered = unordered,
		.data = bytes_of(data, size)};
	enum err err = sctp_send(end->assoc, p->now, &message);
	free(data);
	if (err == ERR_OK)
		end->sent++;
	return err;
}

/* Whether nothing is left in the queues of an end. */
static inline void pair_assert_empty(struct sctp_assoc *a)
{
	const struct sctp_stats *stats = sctp_stats(a);
	assert_int_equal(stats->send_queue_bytes, 0);
	assert_int_equal(stats->receive_queue_bytes, 0);
	assert_int_equal(stats->in_flight, 0);
	assert_int_equal(a->reassembly.items, 0);
	assert_int_equal(a->reassembly.held.count, 0);
	assert_null(a->reassembly.held.items);
	assert_null(a->tracker.runs);
	assert_null(a->inbox.first);
	assert_null(a->replies.data);
}

/* Corrects the checksum of a packet that was changed. */
static inline void pair_fix_checksum(uint8_t *data, size_t size)
{
	memset(data + 8, 0, 4);
	uint32_t crc = crc32c(bytes_of(data, size));
	for (size_t i = 0; i < 4; i++)
		data[8 + i] = (uint8_t)(crc >> (8 * i));
}

#endif
