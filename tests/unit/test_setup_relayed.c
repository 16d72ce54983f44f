/* How many times a dial through a relay crosses the network, from the offer to the first message:
 * virtual time, a TURN server of our own, and a hub that passes signals on. One way between any two
 * of the four is 100 ms; the dialled is behind a NAT that lets in only what it has sent to.
 * docs/networks.md has the sequence in words. */
#include <stdlib.h>
#include <sys/time.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/text.h"
#include "base/usec.h"
#include "crypto/hash.h"
#include "dpc/peer.h"
#include "ice/stun.h"
#include "ice/turn_internal.h"
#include "peer/convert.h"
#include "test.h"

#define LATENCY (100 * USEC_PER_MS)
#define START (1000 * USEC_PER_SEC)
#define CHANNELS_MAX 4

enum place {
	DIALLER,
	DIALLED,
	RELAY_FRONT, /* where its client talks to it */
	RELAY_BACK,  /* the relayed address */
	SIGNAL_TO_DIALLER,
	SIGNAL_TO_DIALLED,
};

struct parcel {
	struct list node;
	usec at;
	enum place to;
	struct addr from;
	size_t size;
	uint8_t data[];
};

static struct {
	usec now;
	struct list parcels; /* by time of arrival */
	struct rng rng;
	struct dpc_peer *peers[2];
	bool has_offer, has_answer;
	uint16_t channel;
	usec first_at; /* the first message came; 0: not yet */

	struct turn *turn;
	bool has_candidate;

	/* The server. */
	uint8_t key[MD5_SIZE];
	bool allocated, permitted;
	struct {
		uint16_t number;
		struct addr peer;
	} channels[CHANNELS_MAX];
	size_t channel_count;

	bool nat_open; /* the dialled has sent to the relayed address */
	int refused;   /* what came to the server or the NAT too early */
} world;

static const struct addr client = {.family = ADDR_IPV4, .port = 1000, .ip = {198, 51, 100, 1}};
static const struct addr dialled = {.family = ADDR_IPV4, .port = 2000, .ip = {203, 0, 113, 2}};
static const struct addr relayed = {.family = ADDR_IPV4, .port = 50000, .ip = {192, 0, 2, 9}};

/* What libssl asks for the time: see docs/decisions/0001-dtls-clock.md. */
int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	(void)zone;
	time->tv_sec = world.now / USEC_PER_SEC;
	time->tv_usec = world.now % USEC_PER_SEC;
	return 0;
}

/* ---- The network ---- */

static void post(enum place to, const struct addr *from, struct bytes bytes)
{
	struct parcel *parcel = malloc(sizeof *parcel + bytes.size);
	CHECK(parcel);
	bool by_hub = to == SIGNAL_TO_DIALLER || to == SIGNAL_TO_DIALLED;
	*parcel = (struct parcel){.at = world.now + (by_hub ? 2 : 1) * LATENCY,
		.to = to,
		.from = *from,
		.size = bytes.size};
	memcpy(parcel->data, bytes.data, bytes.size);
	/* Those that take longer are behind those that do not. */
	struct list *place = &world.parcels;
	while (place->prev != &world.parcels &&
		CONTAINER_OF(place->prev, struct parcel, node)->at > parcel->at)
		place = place->prev;
	list_push_back(place, &parcel->node);
}

static void signal_to(enum place to, const char *text)
{
	post(to, &client, bytes_of(text, strlen(text) + 1));
}

/* ---- The server ---- */

static uint16_t channel_number(const struct stun_message *m)
{
	struct reader r = reader_of(bytes_slice(m->raw, STUN_HEADER_SIZE, SIZE_MAX));
	while (!r.failed) {
		uint16_t type = read_u16(&r), size = read_u16(&r);
		struct bytes value = read_bytes(&r, size);
		read_skip(&r, (4 - (size & 3u)) & 3u);
		struct reader in = reader_of(value);
		if (type == STUN_CHANNEL_NUMBER)
			return read_u16(&in);
	}
	return 0;
}

static void answer_request(const struct stun_message *m)
{
	uint8_t data[500];
	struct writer w = writer_of(data, sizeof data);
	bool known = stun_has(m, STUN_USERNAME);
	stun_begin(&w, known ? STUN_SUCCESS : STUN_ERROR, m->method, m->id.data);
	if (!known) {
		stun_add_error(&w, STUN_UNAUTHENTICATED, "who?");
		stun_add_bytes(&w, STUN_REALM, bytes_of_text("example.org"));
		stun_add_bytes(&w, STUN_NONCE, bytes_of_text("nonce"));
		post(DIALLER, &relayed, writer_bytes(&w));
		return;
	}
	assert_true(stun_check_integrity(m, bytes_of(world.key, sizeof world.key)));
	if (m->method == TURN_ALLOCATE) {
		world.allocated = true;
		stun_add_addr(&w, STUN_XOR_RELAYED_ADDRESS, &relayed);
		stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &client);
		stun_add_u32(&w, STUN_LIFETIME, 600);
	} else {
		assert_true(world.allocated);
		assert_true(addr_same_ip(&m->peer, &dialled));
		world.permitted = true;
	}
	if (m->method == TURN_CHANNEL_BIND) {
		assert_true(world.channel_count < CHANNELS_MAX);
		world.channels[world.channel_count].number = channel_number(m);
		world.channels[world.channel_count++].peer = m->peer;
	}
	stun_add_integrity(&w, bytes_of(world.key, sizeof world.key));
	post(DIALLER, &relayed, writer_bytes(&w));
}

static void carry_out(const struct addr *to, struct bytes payload)
{
	if (world.permitted && addr_equal(to, &dialled))
		post(DIALLED, &relayed, payload);
	else
		world.refused++;
}

static void arrive_at_front(struct bytes bytes)
{
	struct stun_message m;
	if (bytes.data[0] >> 6 != 1) {
		assert_ok(stun_parse(bytes, &m));
		if (m.class == STUN_INDICATION)
			carry_out(&m.peer, m.data);
		else
			answer_request(&m);
		return;
	}
	struct reader r = reader_of(bytes);
	uint16_t number = read_u16(&r), size = read_u16(&r);
	struct bytes payload = read_bytes(&r, size);
	assert_false(r.failed);
	for (size_t i = 0; i < world.channel_count; i++)
		if (world.channels[i].number == number)
			carry_out(&world.channels[i].peer, payload);
}

static void arrive_at_back(const struct addr *from, struct bytes payload)
{
	uint8_t data[1500], id[STUN_ID_SIZE] = {0};
	struct writer w = writer_of(data, sizeof data);
	if (!world.permitted) {
		world.refused++;
		return;
	}
	if (world.channel_count > 0) {
		write_u16(&w, world.channels[0].number);
		write_u16(&w, (uint16_t)payload.size);
		write_bytes(&w, payload);
	} else {
		stun_begin(&w, STUN_INDICATION, TURN_DATA, id);
		stun_add_addr(&w, STUN_XOR_PEER_ADDRESS, from);
		stun_add_bytes(&w, STUN_DATA, payload);
	}
	assert_false(w.failed);
	post(DIALLER, &relayed, writer_bytes(&w));
}

/* ---- The two peers ---- */

static void on_event(enum place who, const struct dpc_event *event)
{
	enum place other = who == DIALLER ? SIGNAL_TO_DIALLED : SIGNAL_TO_DIALLER;
	if (event->type == DPC_EVENT_CANDIDATE)
		signal_to(other, event->text);
	if (event->type == DPC_EVENT_STATE && event->state == DPC_CONNECTED && who == DIALLER)
		assert_int_equal(dpc_peer_send(world.peers[DIALLER], world.now, world.channel,
					 false, "first", 5),
			DPC_OK);
	if (event->type == DPC_EVENT_MESSAGE && world.first_at == 0)
		world.first_at = world.now;
}

static void send_wrapped(const struct addr *to, struct bytes payload)
{
	uint8_t wrapped[2000], request[TURN_REQUEST_MAX];
	struct writer w = writer_of(wrapped, sizeof wrapped);
	assert_ok(turn_wrap(world.turn, world.now, to, payload, &w));
	size_t size;
	while ((size = turn_write(world.turn, request, sizeof request)) > 0)
		post(RELAY_FRONT, &client, bytes_of(request, size));
	post(RELAY_FRONT, &client, writer_bytes(&w));
}

static void send_datagram(enum place who, const struct dpc_path *public, struct bytes datagram)
{
	struct path path = path_from_public(public);
	if (who == DIALLER) {
		assert_true(addr_equal(&path.local, &relayed));
		send_wrapped(&path.remote, datagram);
	} else if (addr_equal(&path.remote, &relayed)) {
		world.nat_open = true;
		post(RELAY_BACK, &dialled, datagram);
	}
}

static void drain(enum place who)
{
	static uint8_t memory[DPC_WRITE_BEST];
	struct dpc_peer *peer = world.peers[who];
	struct dpc_path path;
	struct dpc_event event;
	size_t segment, size;
	bool again = true;
	while (again) {
		again = false;
		while ((size = dpc_peer_write(
				peer, world.now, memory, sizeof memory, &path, &segment)) > 0)
			for (size_t at = 0; at < size; at += segment)
				send_datagram(who, &path,
					bytes_slice(bytes_of(memory, size), at, segment));
		while (dpc_peer_next_event(peer, &event)) {
			on_event(who, &event);
			again = true;
		}
	}
}

static void drain_turn(void)
{
	uint8_t request[TURN_REQUEST_MAX];
	size_t size;
	while ((size = turn_write(world.turn, request, sizeof request)) > 0)
		post(RELAY_FRONT, &client, bytes_of(request, size));
	if (turn_state(world.turn) != TURN_READY || world.has_candidate)
		return;
	world.has_candidate = true;
	struct addr addr = turn_relayed(world.turn, ADDR_IPV4);
	struct dpc_addr public = addr_to_public(&addr);
	assert_int_equal(dpc_peer_add_relayed(world.peers[DIALLER], world.now, &public), DPC_OK);
}

static void receive(enum place who, const struct path *path, struct bytes datagram)
{
	struct dpc_path public = path_to_public(path);
	dpc_peer_receive(world.peers[who], world.now, &public, datagram.data, datagram.size);
}

/* A description, the first of each direction, or a candidate. */
static void arrive_signal(enum place who, const char *text)
{
	struct dpc_peer *peer = world.peers[who];
	bool *has = who == DIALLER ? &world.has_answer : &world.has_offer;
	char answer[DPC_SDP_MAX];
	if (*has) {
		enum dpc_err err =
			dpc_peer_add_remote_candidate(peer, world.now, text, strlen(text));
		assert_true(err == DPC_OK || err == DPC_ERR_EXISTS);
		return;
	}
	*has = true;
	assert_int_equal(
		dpc_peer_set_remote_description(peer, world.now, text, strlen(text)), DPC_OK);
	if (who == DIALLER)
		return;
	assert_int_equal(dpc_peer_local_description(peer, answer, sizeof answer), DPC_OK);
	signal_to(SIGNAL_TO_DIALLER, answer);
}

static void arrive(const struct parcel *parcel)
{
	struct bytes bytes = bytes_of(parcel->data, parcel->size), payload;
	struct path path = {.local = dialled, .remote = parcel->from};
	switch (parcel->to) {
	case DIALLER:
		path.local = relayed;
		if (turn_receive(world.turn, world.now, bytes, &path.remote, &payload))
			receive(DIALLER, &path, payload);
		break;
	case DIALLED:
		if (world.nat_open)
			receive(DIALLED, &path, bytes);
		else
			world.refused++;
		break;
	case RELAY_FRONT:
		arrive_at_front(bytes);
		break;
	case RELAY_BACK:
		arrive_at_back(&parcel->from, bytes);
		break;
	case SIGNAL_TO_DIALLER:
		arrive_signal(DIALLER, (const char *)parcel->data);
		break;
	case SIGNAL_TO_DIALLED:
		arrive_signal(DIALLED, (const char *)parcel->data);
		break;
	}
}

static void step(void)
{
	usec next = turn_deadline(world.turn);
	for (int i = 0; i < 2; i++)
		next = usec_min(next, dpc_peer_deadline(world.peers[i]));
	struct parcel *first = list_is_empty(&world.parcels)
				       ? NULL
				       : CONTAINER_OF(world.parcels.next, struct parcel, node);
	if (first)
		next = usec_min(next, first->at);
	/* What libssl still waits for is not earlier than the next look. */
	world.now = usec_max(next, world.now + 100);
	if (first && first->at <= world.now) {
		list_remove(&first->node);
		arrive(first);
		free(first);
	}
	turn_advance(world.turn, world.now);
	drain_turn();
	for (int i = 0; i < 2; i++) {
		dpc_peer_advance(world.peers[i], world.now);
		drain((enum place)i);
	}
	drain_turn();
}

static void dial(void)
{
	memset(&world, 0, sizeof world);
	world.now = START;
	world.rng = rng_seeded(3);
	list_init(&world.parcels);
	hash_md5(bytes_of_text("alice:example.org:secret"), world.key);
	for (unsigned i = 0; i < 2; i++) {
		struct dpc_peer_config config = {
			.offerer = i == DIALLER, .unix_time = 1800000000, .seed = 7 + i};
		assert_int_equal(dpc_peer_create(&config, world.now, &world.peers[i]), DPC_OK);
	}
	struct dpc_addr host = addr_to_public(&dialled);
	assert_int_equal(dpc_peer_add_host(world.peers[DIALLED], world.now, &host), DPC_OK);
	dpc_peer_end_of_candidates(world.peers[DIALLED], world.now);
	struct turn_config config = {.family = ADDR_IPV4,
		.username = bytes_of_text("alice"),
		.password = bytes_of_text("secret"),
		.rng = &world.rng};
	assert_ok(turn_create(&config, world.now, &world.turn));
	const struct dpc_channel_config channel = {.label = "test"};
	char offer[DPC_SDP_MAX];
	struct dpc_peer *peer = world.peers[DIALLER];
	assert_int_equal(dpc_peer_open_channel(peer, world.now, &channel, &world.channel), DPC_OK);
	assert_int_equal(dpc_peer_local_description(peer, offer, sizeof offer), DPC_OK);
	signal_to(SIGNAL_TO_DIALLED, offer);
	drain_turn();
}

static void hang_up(void)
{
	LIST_FOREACH_SAFE (node, &world.parcels) {
		list_remove(node);
		free(CONTAINER_OF(node, struct parcel, node));
	}
	turn_destroy(world.turn);
	for (int i = 0; i < 2; i++)
		dpc_peer_destroy(world.peers[i]);
}

static void the_first_message_arrives_nine_round_trips_after_the_dial(void **state)
{
	(void)state;
	dial();
	while (world.first_at == 0 && world.now < START + 10 * USEC_PER_SEC)
		step();
	/* Two for the allocation and the answer, one for the candidate by way of the hub; then a
	 * way takes a round trip: the check there, its answer back, ClientHello, ServerHello to
	 * Done, Certificate to Finished, and Finished with the message. */
	usec elapsed = world.first_at - START;
	assert_in_range(elapsed, 18 * LATENCY, 18 * LATENCY + LATENCY / 2);
	hang_up();
}

TESTS(TEST(the_first_message_arrives_nine_round_trips_after_the_dial))
