/* Two connected associations and a peer that is not honest: the input is a list of packets that one
 * end receives, each with a tag and a checksum that are right, between what the other end sends.
 * Nothing may crash, and every queue stays within its limit.
 *
 * The input is records: control (uint8), size (uint16), that many bytes of chunks. Control: the low
 * bit says which end receives them, bit 1 lets a deadline pass before, bit 2 lets the ends exchange
 * packets after, bit 3 lets the receiver send a message and bit 4 reset a stream; bit 5
 * leaves the checksum zero; bit 7 limits how often or how long the message is tried. Bit 6 of the
 * first says that the two have agreed on I-DATA. */
#include "sctp/internal.h"

#include "base/crc32c.h"
#include "fuzz.h"

#define RECORDS_MAX 200
#define EXCHANGES_MAX 200
#define PACKET_MAX 1200

enum control {
	TO_SECOND = 1,
	DEADLINE = 2,
	EXCHANGE = 4,
	SEND = 8,
	RESET = 16,
	ZERO_CHECKSUM = 32,
	INTERLEAVING = 64,
	LIMITED = 128,
};

struct world {
	struct rng rng;
	struct sctp_assoc *ends[2];
	usec now;
};

static void check_limits(struct sctp_assoc *a)
{
	const struct sctp_stats *stats = sctp_stats(a);
	size_t parts = a->interleaving ? SCTP_PARTS_MAX : 0;
	CHECK(stats->receive_queue_bytes <= a->config.receive_window + parts + SCTP_WINDOW_SLACK);
	CHECK(a->reassembly.items <= SCTP_RECEIVE_ITEMS_MAX);
	CHECK(a->reassembly.stream_count <= SCTP_STREAMS_USED_MAX);
	CHECK(a->queue.begun <= a->queue.bytes);
	CHECK(a->tracker.count <= SCTP_GAP_BLOCKS_MAX);
	CHECK(a->inbox.events <= SCTP_EVENTS_MAX);
	CHECK(a->replies.size <= SCTP_REPLIES_MAX);
	CHECK(stats->in_flight <= stats->send_queue_bytes);
	CHECK(sctp_deadline(a) > 0);
}

static void pull(struct sctp_assoc *a)
{
	struct sctp_event event;
	while (sctp_next_event(a, &event))
		CHECK(event.type != SCTP_EVENT_MESSAGE || event.message.data.size > 0);
}

/* Packets go to and fro until there are none. */
static void exchange(struct world *w)
{
	bool sent = true;
	for (int i = 0; i < EXCHANGES_MAX && sent; i++) {
		sent = false;
		for (int from = 0; from < 2; from++) {
			uint8_t data[PACKET_MAX];
			size_t size = sctp_write(w->ends[from], w->now, data, sizeof data);
			if (size > 0)
				sctp_receive(w->ends[1 - from], w->now, bytes_of(data, size));
			sent |= size > 0;
			pull(w->ends[from]);
			check_limits(w->ends[from]);
		}
		w->now += USEC_PER_MS;
	}
}

static void send_message(
	struct world *w, int from, uint16_t stream, size_t size, enum sctp_reliability reliability)
{
	static const uint8_t data[20000];
	struct sctp_message message = {.stream = stream,
		.ppid = 53,
		.unordered = stream % 2,
		.reliability = reliability,
		.limit = stream,
		.data = bytes_of(data, size)};
	enum err err = sctp_send(w->ends[from], w->now, &message);
	CHECK(err == ERR_OK || err == ERR_STATE || err == ERR_NOT_FOUND || err == ERR_AGAIN);
}

static void world_init(struct world *w, bool interleaving)
{
	*w = (struct world){.rng = rng_seeded(1), .now = USEC_PER_SEC};
	struct sctp_config config = {.local_port = 5000,
		.remote_port = 5000,
		.message_max = 20000,
		.receive_window = 100000,
		.zero_checksum = true,
		.no_interleaving = !interleaving,
		.rng = &w->rng};
	for (int i = 0; i < 2; i++) {
		enum err err = sctp_create(&config, w->now, &w->ends[i]);
		CHECK(err == ERR_OK);
		sctp_connect(w->ends[i], w->now);
	}
	exchange(w);
	CHECK(sctp_state(w->ends[0]) == SCTP_ESTABLISHED);
	CHECK(sctp_state(w->ends[1]) == SCTP_ESTABLISHED);
	/* Some is on its way in both directions. */
	for (int i = 0; i < 2; i++)
		for (uint16_t stream = 0; stream < 4; stream++)
			send_message(w, i, stream, 3000, SCTP_RELIABLE);
}

/* The chunks in a packet as the other end would send it. INIT travels under no tag. */
static void receive(struct world *w, int to, bool zero_checksum, struct bytes chunks)
{
	uint8_t data[PACKET_MAX];
	struct writer writer = writer_of(data, sizeof data);
	bool is_init = chunks.size > 0 && chunks.data[0] == SCTP_INIT;
	sctp_packet_begin(&writer, (struct sctp_header){.source = 5000,
					   .destination = 5000,
					   .tag = is_init ? 0 : w->ends[to]->local_tag});
	write_bytes(&writer, bytes_slice(chunks, 0, PACKET_MAX - SCTP_HEADER_SIZE));
	if (!zero_checksum)
		sctp_packet_seal(&writer);
	sctp_receive(w->ends[to], w->now, writer_bytes(&writer));
	check_limits(w->ends[to]);
}

static void step(struct world *w, uint8_t control, struct bytes chunks)
{
	int to = control & TO_SECOND ? 1 : 0;
	if (control & DEADLINE) {
		usec deadline = sctp_deadline(w->ends[to]);
		if (deadline != USEC_NEVER)
			w->now = usec_max(w->now, deadline);
		sctp_advance(w->ends[to], w->now);
	}
	uint8_t choice = chunks.size > 0 ? chunks.data[0] % 8 : 0;
	enum sctp_reliability reliability = SCTP_RELIABLE;
	if (control & LIMITED)
		reliability = choice % 3 ? SCTP_LIMITED_RETRANSMITS : SCTP_LIMITED_LIFETIME;
	if (control & SEND)
		send_message(w, to, choice, 1 + chunks.size * 10, reliability);
	if (control & RESET) {
		enum err err = sctp_reset_stream(w->ends[to], w->now, choice);
		CHECK(err == ERR_OK || err == ERR_STATE || err == ERR_NOT_FOUND);
	}
	receive(w, to, control & ZERO_CHECKSUM, chunks);
	if (control & EXCHANGE)
		exchange(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;
	world_init(&w, size > 0 && (data[0] & INTERLEAVING));
	struct reader r = reader_of(bytes_of(data, size));
	for (int i = 0; i < RECORDS_MAX && r.rest.size > 0; i++) {
		uint8_t control = read_u8(&r);
		size_t length = read_u16(&r) % PACKET_MAX;
		struct bytes chunks = read_bytes(&r, min_size(length, r.rest.size));
		if (r.failed)
			break;
		step(&w, control, chunks);
	}
	exchange(&w);
	for (int i = 0; i < 2; i++)
		sctp_destroy(w.ends[i]);
	return 0;
}
