/* Our SCTP and usrsctp's, each inside our DTLS, over a virtual network and clock. All but usrsctp's
 * tags and first TSNs, which it takes from the kernel, follows from the seed. */
#include <string.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/rng.h"
#include "dtls/dtls.h"
#include "sctp/sctp.h"

#include "../unit/test.h"
#include "usrsctp_end.h"

#define UNIX_TIME INT64_C(1800000000)
#define DELAY_US 10000
#define JITTER_US 15000
#define IN_FLIGHT_MAX 4096
#define STREAMS 8
#define MESSAGES_MAX 512
#define PPID 53
#define SIZE_MAX_OF_ALL 262144
#define TIMEOUT_US (600 * USEC_PER_SEC)

static usec now;

/* libssl's and usrsctp's clock. */
int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	(void)zone;
	time->tv_sec = UNIX_TIME + now / USEC_PER_SEC;
	time->tv_usec = now % USEC_PER_SEC;
	return 0;
}

enum { OURS, THEIRS, ENDS };

struct datagram {
	usec arrival;
	int to;
	size_t size;
	uint8_t data[2048];
};

/* What one end sends to the other: message `i` follows from i. */
struct flow {
	uint32_t count, sent, received;
	size_t size_max;
	bool unordered, by_retransmits, by_lifetime;
	uint32_t limit;
	bool seen[MESSAGES_MAX];
	uint32_t last[STREAMS]; /* number + 1 of the last one of each stream */
};

static struct world {
	struct rng rng;
	uint32_t loss;    /* per mille */
	uint32_t reorder; /* per mille */
	bool silent;      /* nothing that usrsctp sends arrives */
	struct dtls_certificate *certificates[ENDS];
	struct dtls *dtls[ENDS];
	struct sctp_config config;
	struct sctp_assoc *assoc;
	bool interleaving;
	usec next_tick;
	struct datagram *in_flight[IN_FLIGHT_MAX];
	size_t in_flight_count;
	struct flow flows[ENDS]; /* by sender */
	bool up[ENDS], down[ENDS], aborted[ENDS], restarted;
	enum sctp_close_reason reason;
	uint32_t resets_seen[ENDS], resets_done;
	uint64_t chunks[ENDS][256]; /* by sender and type */
	uint64_t lost, zero_checksums;
} * w;

/* ---- The network ---- */

static void travel(int from, const uint8_t *data, size_t size)
{
	if (rng_below(&w->rng, 1000) < w->loss || (from == THEIRS && w->silent)) {
		w->lost++;
		return;
	}
	struct datagram *d = calloc(1, sizeof *d);
	assert_non_null(d);
	assert_true(size <= sizeof d->data && w->in_flight_count < IN_FLIGHT_MAX);
	d->arrival = now + DELAY_US;
	if (rng_below(&w->rng, 1000) < w->reorder)
		d->arrival += (usec)rng_below(&w->rng, JITTER_US);
	d->to = !from;
	d->size = size;
	memcpy(d->data, data, size);
	w->in_flight[w->in_flight_count++] = d;
}

static void count_chunks(int from, const uint8_t *packet, size_t size)
{
	w->zero_checksums += from == OURS && memcmp(packet + 8, "\0\0\0\0", 4) == 0;
	for (size_t at = 12; at + 4 <= size;) {
		size_t length = (size_t)packet[at + 2] << 8 | packet[at + 3];
		w->chunks[from][packet[at]]++;
		at += (length + 3) & ~(size_t)3;
		if (length < 4)
			break;
	}
}

static void send_packet(int from, const uint8_t *packet, size_t size)
{
	uint8_t data[2048];
	size_t sealed;
	count_chunks(from, packet, size);
	memcpy(data + dtls_headroom(w->dtls[from]), packet, size);
	assert_ok(dtls_seal(w->dtls[from], data, sizeof data, size, &sealed));
	travel(from, data, sealed);
}

static void usrsctp_sends(void *user, const void *packet, size_t size)
{
	(void)user;
	/* What it has to say after the test is said to nobody. */
	if (w && dtls_state(w->dtls[THEIRS]) == DTLS_OPEN)
		send_packet(THEIRS, packet, size);
}

static void arrive(const struct datagram *d)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	dtls_receive(w->dtls[d->to], now, bytes_of(d->data, d->size));
	while (dtls_read(w->dtls[d->to], data, sizeof data, &size)) {
		if (d->to == OURS && w->assoc)
			sctp_receive(w->assoc, now, bytes_of(data, size));
		else if (d->to == THEIRS)
			usrsctp_end_receive(data, size);
	}
}

static void deliver(void)
{
	for (size_t i = 0; i < w->in_flight_count;) {
		struct datagram *d = w->in_flight[i];
		if (d->arrival > now) {
			i++;
			continue;
		}
		w->in_flight_count--;
		memmove(&w->in_flight[i], &w->in_flight[i + 1],
			(w->in_flight_count - i) * sizeof *w->in_flight);
		arrive(d);
		free(d);
	}
}

/* ---- Messages ---- */

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352dU;
	x = (x ^ x >> 15) * 0x846ca68bU;
	return x ^ x >> 16;
}

static size_t make(const struct flow *f, uint32_t number, uint8_t *data)
{
	size_t size = 4 + mix(number) % ((size_t)1 << mix(number + 99) % 19);
	if (number == 1 || size > f->size_max)
		size = f->size_max;
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i < 4 ? number >> 8 * i : mix(number) * i >> 7);
	return size;
}

static void received(int from, uint16_t stream, uint32_t ppid, const uint8_t *data, size_t size)
{
	static uint8_t expected[SIZE_MAX_OF_ALL];
	struct flow *f = &w->flows[from];
	assert_true(size >= 4);
	uint32_t number = data[0] | (uint32_t)data[1] << 8;
	assert_true(number < f->sent);
	assert_false(f->seen[number]);
	assert_int_equal(stream, number % STREAMS);
	assert_int_equal(ppid, PPID);
	assert_int_equal(size, make(f, number, expected));
	assert_memory_equal(data, expected, size);
	if (!f->unordered)
		assert_true(number + 1 > f->last[stream]);
	f->last[stream] = number + 1;
	f->seen[number] = true;
	f->received++;
}

static bool send_ours(const struct flow *f, const uint8_t *data, size_t size)
{
	const struct sctp_message message = {.stream = (uint16_t)(f->sent % STREAMS),
		.ppid = PPID,
		.unordered = f->unordered,
		.reliability = f->by_retransmits ? SCTP_LIMITED_RETRANSMITS
			       : f->by_lifetime  ? SCTP_LIMITED_LIFETIME
						 : SCTP_RELIABLE,
		.limit = f->by_lifetime ? f->limit * USEC_PER_MS : f->limit,
		.data = bytes_of(data, size)};
	if (w->down[OURS])
		fail_msg("closed: %s", sctp_close_reason_name(w->reason));
	enum err err = sctp_send(w->assoc, now, &message);
	if (err != ERR_AGAIN)
		assert_ok(err);
	return err == ERR_OK;
}

static bool send_theirs(const struct flow *f, const uint8_t *data, size_t size)
{
	const struct usrsctp_end_message message = {.stream = (uint16_t)(f->sent % STREAMS),
		.ppid = PPID,
		.unordered = f->unordered,
		.by_retransmits = f->by_retransmits,
		.by_lifetime = f->by_lifetime,
		.limit = f->limit,
		.data = data,
		.size = size};
	return usrsctp_end_send(&message);
}

static void send_more(int from)
{
	static uint8_t data[SIZE_MAX_OF_ALL];
	struct flow *f = &w->flows[from];
	while (w->up[from] && f->sent < f->count) {
		size_t size = make(f, f->sent, data);
		if (!(from == OURS ? send_ours(f, data, size) : send_theirs(f, data, size)))
			return;
		f->sent++;
	}
}

/* ---- The two ends ---- */

static void take_ours(void)
{
	struct sctp_event event;
	while (w->assoc && sctp_next_event(w->assoc, &event)) {
		if (event.type == SCTP_EVENT_CONNECTED)
			w->up[OURS] = true;
		else if (event.type == SCTP_EVENT_MESSAGE)
			received(THEIRS, event.message.stream, event.message.ppid,
				event.message.data.data, event.message.data.size);
		else if (event.type == SCTP_EVENT_STREAM_RESET)
			w->resets_seen[OURS]++;
		else if (event.type == SCTP_EVENT_RESET_DONE)
			w->resets_done++;
		else if (event.type == SCTP_EVENT_CLOSED) {
			w->down[OURS] = true;
			w->reason = event.reason;
		}
		assert_int_not_equal(event.type, SCTP_EVENT_RESET_FAILED);
	}
}

static void take_theirs(void)
{
	struct usrsctp_end_event event;
	while ((event = usrsctp_end_next()).type != USRSCTP_NOTHING) {
		if (event.type == USRSCTP_UP)
			w->up[THEIRS] = true;
		else if (event.type == USRSCTP_RESTARTED)
			w->restarted = true;
		else if (event.type == USRSCTP_MESSAGE)
			received(OURS, event.stream, event.ppid, event.data, event.size);
		else if (event.type == USRSCTP_STREAM_RESET)
			w->resets_seen[THEIRS]++;
		else
			w->down[THEIRS] = true;
		w->aborted[THEIRS] = w->aborted[THEIRS] || event.type == USRSCTP_ABORTED;
	}
}

static void write_ours(void)
{
	uint8_t data[2048];
	size_t size;
	while (w->assoc && (size = sctp_write(w->assoc, now, data, sizeof data)) > 0)
		send_packet(OURS, data, size);
}

static void write_dtls(void)
{
	static uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	for (int i = 0; i < ENDS; i++)
		while ((size = dtls_write(w->dtls[i], data, sizeof data)) > 0)
			travel(i, data, size);
}

static usec deadline(void)
{
	usec earliest = w->next_tick;
	for (int i = 0; i < ENDS; i++)
		earliest = usec_min(earliest, dtls_deadline(w->dtls[i]));
	if (w->assoc)
		earliest = usec_min(earliest, sctp_deadline(w->assoc));
	for (size_t i = 0; i < w->in_flight_count; i++)
		earliest = usec_min(earliest, w->in_flight[i]->arrival);
	return earliest;
}

static void step(void)
{
	take_ours();
	take_theirs();
	send_more(OURS);
	send_more(THEIRS);
	write_ours();
	write_dtls();
	usec next = deadline();
	if (next > now)
		now = next;
	for (int i = 0; i < ENDS; i++)
		dtls_advance(w->dtls[i], now);
	if (w->assoc)
		sctp_advance(w->assoc, now);
	for (; w->next_tick <= now; w->next_tick += USRSCTP_TICK_MS * USEC_PER_MS)
		usrsctp_end_tick();
	deliver();
}

#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec give_up_ = now + TIMEOUT_US;                                                  \
		while (!(condition)) {                                                             \
			step();                                                                    \
			if (now > give_up_)                                                        \
				fail_msg("never: %s", #condition);                                 \
		}                                                                                  \
	} while (0)

/* ---- Cases: every test runs in each ---- */

static const struct world_case {
	const char *name;
	bool interleaving_ours, interleaving_theirs, zero_checksum, loss;
} cases[] = {
	{"I-DATA", true, true, true, false},
	{"I-DATA, loss", true, true, true, true},
	{"DATA, as we want it", false, true, false, false},
	{"DATA, as they want it", true, false, true, true},
	{"DATA, loss", false, false, false, true},
};

static void connect_assoc(void)
{
	assert_ok(sctp_create(&w->config, now, &w->assoc));
	sctp_connect(w->assoc, now);
}

static void world_open(const struct world_case *c, uint64_t seed)
{
	w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->rng = rng_seeded(seed);
	w->loss = c->loss ? 10 : 0;
	w->reorder = c->loss ? 50 : 0;
	w->interleaving = c->interleaving_ours && c->interleaving_theirs;
	w->next_tick = now;
	for (int i = 0; i < ENDS; i++) {
		assert_ok(dtls_certificate_create(UNIX_TIME, &w->certificates[i]));
		const struct dtls_config config = {
			.certificate = w->certificates[i], .client = i == OURS};
		assert_ok(dtls_create(&config, &w->dtls[i]));
	}
	for (int i = 0; i < ENDS; i++) {
		const char *hash = dtls_certificate_fingerprint(w->certificates[!i]);
		assert_ok(dtls_expect(w->dtls[i], bytes_of_text("sha-256"), bytes_of_text(hash)));
		dtls_start(w->dtls[i], now);
	}
	RUN_UNTIL(
		dtls_state(w->dtls[OURS]) == DTLS_OPEN && dtls_state(w->dtls[THEIRS]) == DTLS_OPEN);
	w->config = (struct sctp_config){.local_port = 5000,
		.remote_port = 5000,
		.zero_checksum = c->zero_checksum,
		.no_interleaving = !c->interleaving_ours,
		.rng = &w->rng};
	usrsctp_end_connect(c->interleaving_theirs);
	connect_assoc();
	RUN_UNTIL(w->up[OURS] && w->up[THEIRS]);
}

static void world_close(void)
{
	/* usrsctp has no zero checksum: it is offered, and not used. */
	assert_int_equal(w->zero_checksums, 0);
	sctp_destroy(w->assoc);
	w->assoc = NULL;
	usrsctp_end_abort();
	for (int i = 0; i < ENDS; i++) {
		dtls_destroy(w->dtls[i]);
		dtls_certificate_destroy(w->certificates[i]);
	}
	for (size_t i = 0; i < w->in_flight_count; i++)
		free(w->in_flight[i]);
	free(w);
	w = NULL;
}

static void in_every_case(void (*test)(const struct world_case *c))
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		print_message("  %s\n", cases[i].name);
		world_open(&cases[i], i + 1);
		test(&cases[i]);
		world_close();
	}
}

static void flow_begin(int from, const struct flow *flow)
{
	w->flows[from] = *flow;
}

static bool flows_done(void)
{
	for (int i = 0; i < ENDS; i++)
		if (w->flows[i].received < w->flows[i].count)
			return false;
	return true;
}

/* ---- Tests ---- */

enum { CHUNK_DATA = 0, CHUNK_I_DATA = 64, CHUNK_FORWARD_TSN = 192, CHUNK_I_FORWARD_TSN = 194 };

static void exchange(const struct world_case *c)
{
	for (int unordered = 0; unordered < 2; unordered++) {
		const struct flow flow = {
			.count = 120, .size_max = SIZE_MAX_OF_ALL, .unordered = unordered};
		flow_begin(OURS, &flow);
		flow_begin(THEIRS, &flow);
		RUN_UNTIL(flows_done());
	}
	for (int i = 0; i < ENDS; i++) {
		assert_true(w->chunks[i][w->interleaving ? CHUNK_I_DATA : CHUNK_DATA] > 1000);
		assert_int_equal(w->chunks[i][w->interleaving ? CHUNK_DATA : CHUNK_I_DATA], 0);
	}
	assert_true(!c->loss || w->lost > 50);
	assert_true(c->loss || sctp_stats(w->assoc)->retransmitted_chunks == 0);
}

static void messages_of_all_sizes_arrive_whole_both_ways(void **state)
{
	(void)state;
	in_every_case(exchange);
}

static void give_up(const struct world_case *c, struct flow flow)
{
	for (int from = 0; from < ENDS; from++) {
		const struct flow reliable = {.count = 16, .size_max = 3000};
		uint64_t skips =
			w->chunks[from][CHUNK_FORWARD_TSN] + w->chunks[from][CHUNK_I_FORWARD_TSN];
		w->loss = c->loss ? 50 : 0;
		flow_begin(from, &flow);
		RUN_UNTIL(w->flows[from].sent == flow.count);
		/* What follows on the same streams arrives all the same. */
		usec quiet = now + 20 * USEC_PER_SEC;
		RUN_UNTIL(now >= quiet);
		w->loss = 0;
		uint32_t arrived = w->flows[from].received;
		assert_true(arrived > 0);
		flow_begin(from, &reliable);
		RUN_UNTIL(w->flows[from].received == reliable.count);
		if (!c->loss)
			assert_int_equal(arrived, flow.count);
		else if (flow.by_retransmits)
			assert_true(arrived < flow.count);
		skips = w->chunks[from][CHUNK_FORWARD_TSN] + w->chunks[from][CHUNK_I_FORWARD_TSN] -
			skips;
		assert_true(arrived == flow.count || skips > 0);
		flow_begin(from, &(struct flow){0});
	}
	assert_int_equal(
		w->chunks[OURS][w->interleaving ? CHUNK_FORWARD_TSN : CHUNK_I_FORWARD_TSN], 0);
	assert_int_equal(
		w->chunks[THEIRS][w->interleaving ? CHUNK_FORWARD_TSN : CHUNK_I_FORWARD_TSN], 0);
}

static void give_up_by_count(const struct world_case *c)
{
	for (int unordered = 0; unordered < 2; unordered++)
		give_up(c, (struct flow){.count = 100,
				   .size_max = 10000,
				   .by_retransmits = true,
				   .unordered = unordered});
}

static void give_up_by_time(const struct world_case *c)
{
	give_up(c,
		(struct flow){.count = 100, .size_max = 3000, .by_lifetime = true, .limit = 5000});
}

static void what_may_be_given_up_by_count_is_skipped(void **state)
{
	(void)state;
	in_every_case(give_up_by_count);
}

static void what_may_be_given_up_by_time_is_skipped(void **state)
{
	(void)state;
	in_every_case(give_up_by_time);
}

static void reset_streams(const struct world_case *c)
{
	(void)c;
	for (uint32_t round = 1; round <= 5; round++) {
		const struct flow flow = {.count = 24, .size_max = 2000};
		flow_begin(OURS, &flow);
		flow_begin(THEIRS, &flow);
		RUN_UNTIL(flows_done());
		uint16_t stream = (uint16_t)(round % STREAMS);
		assert_ok(sctp_reset_stream(w->assoc, now, stream));
		RUN_UNTIL(w->resets_seen[THEIRS] == round && w->resets_done == round);
		RUN_UNTIL(usrsctp_end_reset(stream));
		RUN_UNTIL(w->resets_seen[OURS] == round);
	}
}

static void streams_are_reset_and_used_again_by_either_side(void **state)
{
	(void)state;
	in_every_case(reset_streams);
}

static void shut_down(const struct world_case *c, int by)
{
	(void)c;
	const struct flow flow = {.count = 60, .size_max = 60000};
	flow_begin(by, &flow);
	RUN_UNTIL(w->flows[by].sent == flow.count);
	if (by == OURS)
		sctp_shutdown(w->assoc, now);
	else
		usrsctp_end_shutdown();
	RUN_UNTIL(w->down[OURS] && w->down[THEIRS]);
	assert_int_equal(w->flows[by].received, flow.count);
	assert_int_equal(w->reason, SCTP_CLOSE_SHUTDOWN);
	assert_false(w->aborted[THEIRS]);
}

static void shut_down_by_us(const struct world_case *c)
{
	shut_down(c, OURS);
}

static void shut_down_by_them(const struct world_case *c)
{
	shut_down(c, THEIRS);
}

static void a_shutdown_by_us_loses_nothing(void **state)
{
	(void)state;
	in_every_case(shut_down_by_us);
}

static void a_shutdown_by_them_loses_nothing(void **state)
{
	(void)state;
	in_every_case(shut_down_by_them);
}

static void abort_by_us(const struct world_case *c)
{
	(void)c;
	w->loss = 0;
	sctp_abort(w->assoc, now);
	RUN_UNTIL(w->down[OURS] && w->down[THEIRS]);
	assert_true(w->aborted[THEIRS]);
	assert_int_equal(w->reason, SCTP_CLOSE_ABORTED);
}

static void abort_by_them(const struct world_case *c)
{
	(void)c;
	w->loss = 0;
	usrsctp_end_abort();
	RUN_UNTIL(w->down[OURS]);
	assert_int_equal(w->reason, SCTP_CLOSE_PEER_ABORTED);
}

static void an_abort_is_seen_by_the_other_side(void **state)
{
	(void)state;
	in_every_case(abort_by_us);
	in_every_case(abort_by_them);
}

static void restart_ours(const struct world_case *c)
{
	const struct flow flow = {.count = 40, .size_max = 20000};
	(void)c;
	flow_begin(OURS, &flow);
	RUN_UNTIL(flows_done());
	sctp_destroy(w->assoc);
	w->up[OURS] = false;
	connect_assoc();
	RUN_UNTIL(w->up[OURS] && w->restarted);
	flow_begin(OURS, &flow);
	flow_begin(THEIRS, &flow);
	RUN_UNTIL(flows_done());
}

static void restart_theirs(const struct world_case *c)
{
	/* The ABORT of the old one does not arrive: to us the new one is a restart. */
	w->silent = true;
	usrsctp_end_abort();
	w->silent = false;
	usrsctp_end_connect(c->interleaving_theirs);
	RUN_UNTIL(w->down[OURS]);
}

static void a_restart_by_us_goes_on_and_one_by_them_ends_the_association(void **state)
{
	(void)state;
	in_every_case(restart_ours);
	in_every_case(restart_theirs);
}

static int set_up(void **state)
{
	(void)state;
	usrsctp_end_init(usrsctp_sends, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	usrsctp_end_deinit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(messages_of_all_sizes_arrive_whole_both_ways),
		TEST(what_may_be_given_up_by_count_is_skipped),
		TEST(what_may_be_given_up_by_time_is_skipped),
		TEST(streams_are_reset_and_used_again_by_either_side),
		TEST(a_shutdown_by_us_loses_nothing), TEST(a_shutdown_by_them_loses_nothing),
		TEST(an_abort_is_seen_by_the_other_side),
		TEST(a_restart_by_us_goes_on_and_one_by_them_ends_the_association)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
