/* A TURN client and a server that is not honest. The input is records: control (uint8), size
 * (uint16), that many bytes. Control: the low two bits say what the server sends: the bytes as they
 * are, or an answer to the client's last request (success, error, or an indication) with the bytes
 * as its attributes; bit 2 signs it, bit 3 lets the next deadline pass before, bit 4 lets the
 * client send the bytes to a peer, bit 5 lets it write its requests after. Nothing may crash, and
 * the peers stay within their limit. */
#include "ice/turn_internal.h"

#include "fuzz.h"

#define RECORDS_MAX 200

enum control {
	KIND = 3,
	SIGN = 4,
	DEADLINE = 8,
	SEND = 16,
	WRITE = 32,
};

struct world {
	struct rng rng;
	struct turn *turn;
	usec now;
	uint8_t id[STUN_ID_SIZE];
	uint16_t method;
};

static void write_requests(struct world *w)
{
	uint8_t data[TURN_REQUEST_MAX];
	size_t size;
	while ((size = turn_write(w->turn, data, sizeof data)) > 0) {
		struct stun_message message;
		/* With names of full length a request of ours is beyond what we parse. */
		if (size > STUN_MESSAGE_MAX)
			continue;
		enum err err = stun_parse(bytes_of(data, size), &message);
		CHECK(err == ERR_OK);
		memcpy(w->id, message.id.data, STUN_ID_SIZE);
		w->method = message.method;
	}
}

static void give(struct world *w, struct bytes message)
{
	struct addr peer;
	struct bytes payload;
	if (!turn_receive(w->turn, w->now, message, &peer, &payload))
		return;
	CHECK(payload.size <= message.size);
	CHECK(peer.family == ADDR_IPV4);
}

static void answer(struct world *w, uint8_t control, struct bytes attributes)
{
	uint8_t data[STUN_MESSAGE_MAX];
	struct writer writer = writer_of(data, sizeof data);
	enum stun_class class = (enum stun_class)(control & KIND);
	stun_begin(&writer, class, class == STUN_INDICATION ? TURN_DATA : w->method, w->id);
	write_bytes(&writer, bytes_slice(attributes, 0, 1000 & ~(size_t)3));
	write_zeros(&writer, (4 - writer.size % 4) % 4);
	write_u16_at(&writer, 2, (uint16_t)(writer.size - STUN_HEADER_SIZE));
	if (control & SIGN)
		stun_add_integrity(&writer, bytes_of(w->turn->key, sizeof w->turn->key));
	give(w, writer_bytes(&writer));
}

static void send_to_peer(struct world *w, struct bytes payload)
{
	uint8_t data[2 * STUN_MESSAGE_MAX];
	struct writer writer = writer_of(data, sizeof data);
	struct addr peer = {.family = ADDR_IPV4,
		.port = payload.size > 0 ? payload.data[0] : 1,
		.ip = {192, 0, 2, 1}};
	enum err err = turn_wrap(w->turn, w->now, &peer, payload, &writer);
	CHECK(err || writer.size >= payload.size);
	CHECK(turn_stats(w->turn)->peers <= TURN_PEERS_MAX);
}

static void step(struct world *w, uint8_t control, struct bytes bytes)
{
	if (control & DEADLINE) {
		usec deadline = turn_deadline(w->turn);
		w->now =
			deadline == USEC_NEVER ? w->now + USEC_PER_SEC : usec_max(w->now, deadline);
		turn_advance(w->turn, w->now);
		CHECK(turn_deadline(w->turn) > w->now);
	}
	if (control & SEND)
		send_to_peer(w, bytes);
	if ((control & KIND) == 0)
		give(w, bytes);
	else
		answer(w, control, bytes);
	if (control & WRITE)
		write_requests(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.rng = rng_seeded(1), .now = USEC_PER_SEC};
	struct turn_config config = {.family = ADDR_NONE,
		.stream = size % 2,
		.username = bytes_of_text("user"),
		.password = bytes_of_text("password"),
		.rng = &w.rng};
	enum err err = turn_create(&config, w.now, &w.turn);
	CHECK(err == ERR_OK);
	write_requests(&w);
	struct reader r = reader_of(bytes_of(data, size));
	for (int i = 0; i < RECORDS_MAX && r.rest.size > 0; i++) {
		uint8_t control = read_u8(&r);
		size_t length = read_u16(&r) % STUN_MESSAGE_MAX;
		struct bytes bytes = read_bytes(&r, min_size(length, r.rest.size));
		if (r.failed)
			break;
		step(&w, control, bytes);
	}
	turn_destroy(w.turn);
	return 0;
}
