/* Two ends in memory, with a network between them that a test can make lose, repeat and reorder
 * datagrams, and a clock that stands still until both ends have nothing left to do. Included once
 * in a program, as it takes libssl's clock. */
#ifndef DTLS_PAIR_H
#define DTLS_PAIR_H

#include "dtls/dtls.h"
#include "dtls/limits.h"
#include "dtls/record.h"

#include <sys/time.h>

#include "test.h"

#define UNIX_TIME INT64_C(1800000000)

/* libssl's clock. */
static usec clock_us;

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	(void)zone;
	time->tv_sec = (time_t)(clock_us / USEC_PER_SEC);
	time->tv_usec = (suseconds_t)(clock_us % USEC_PER_SEC);
	return 0;
}

enum { CLIENT, SERVER, ENDS };

struct pair {
	struct dtls_certificate *certificates[ENDS];
	struct dtls *ends[ENDS];
	size_t sent;      /* datagrams of the handshake so far, both ways */
	size_t lose_from; /* these are lost: [from, to) */
	size_t lose_to;
	size_t largest; /* datagram of the handshake */
	uint8_t last[DTLS_DATAGRAM_MAX];
	size_t last_size;
};

/* Whose records the ends' are. */
static enum dtls_records pair_records[ENDS];

/* One pair at a time, and both ends know whom to expect. */
static inline struct pair pair_with_mtu(size_t mtu)
{
	struct pair p = {0};
	clock_us = UNIX_TIME * USEC_PER_SEC;
	for (int i = 0; i < ENDS; i++) {
		assert_ok(dtls_certificate_create(UNIX_TIME, &p.certificates[i]));
		const struct dtls_config config = {.certificate = p.certificates[i],
			.client = i == CLIENT,
			.mtu = mtu,
			.records = pair_records[i]};
		assert_ok(dtls_create(&config, &p.ends[i]));
	}
	for (int i = 0; i < ENDS; i++)
		assert_ok(dtls_expect(p.ends[i], bytes_of_text("sha-256"),
			bytes_of_text(dtls_certificate_fingerprint(p.certificates[!i]))));
	return p;
}

static inline struct pair pair(void)
{
	return pair_with_mtu(0);
}

static inline void pair_deinit(struct pair *p)
{
	for (int i = 0; i < ENDS; i++) {
		dtls_destroy(p->ends[i]);
		dtls_certificate_destroy(p->certificates[i]);
	}
}

static inline bool carry_one(struct pair *p, int from)
{
	size_t size = dtls_write(p->ends[from], p->last, sizeof p->last);
	if (size == 0)
		return false;
	p->last_size = size;
	p->largest = max_size(p->largest, size);
	bool lost = p->sent >= p->lose_from && p->sent < p->lose_to;
	p->sent++;
	if (!lost)
		dtls_receive(p->ends[!from], clock_us, bytes_of(p->last, size));
	return true;
}

/* Until nothing moves without a timer. */
static inline void carry(struct pair *p)
{
	bool moved;
	do {
		moved = carry_one(p, CLIENT);
		moved = carry_one(p, SERVER) || moved;
	} while (moved);
}

/* To the next timer. */
static inline bool wait(struct pair *p)
{
	usec deadline = usec_min(dtls_deadline(p->ends[0]), dtls_deadline(p->ends[1]));
	if (deadline == USEC_NEVER)
		return false;
	assert_true(deadline >= clock_us);
	assert_true(deadline <= clock_us + 10 * USEC_PER_SEC);
	clock_us = deadline;
	for (int i = 0; i < ENDS; i++) {
		if (dtls_deadline(p->ends[i]) <= clock_us)
			dtls_advance(p->ends[i], clock_us);
	}
	return true;
}

static inline void start(struct pair *p)
{
	for (int i = 0; i < ENDS; i++)
		dtls_start(p->ends[i], clock_us);
}

static inline bool is_open(const struct pair *p)
{
	return dtls_state(p->ends[CLIENT]) == DTLS_OPEN && dtls_state(p->ends[SERVER]) == DTLS_OPEN;
}

static inline enum err seal_into(
	struct dtls *end, struct bytes plaintext, uint8_t *data, size_t capacity, size_t *ret_size)
{
	size_t headroom = dtls_headroom(end);
	memcpy(data + headroom, plaintext.data, min_size(plaintext.size, capacity - headroom));
	return dtls_seal(end, data, capacity, plaintext.size, ret_size);
}

/* Seals at one end; the record, in memory that lasts until the next call. */
static inline struct bytes seal(struct pair *p, int from, struct bytes plaintext)
{
	static uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	assert_ok(seal_into(p->ends[from], plaintext, data, sizeof data, &size));
	assert_true(size <= plaintext.size + DTLS_OVERHEAD_MAX);
	return bytes_of(data, size);
}

static inline void assert_reads(struct pair *p, int at, struct bytes expected)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	assert_true(dtls_read(p->ends[at], data, sizeof data, &size));
	assert_bytes_equal(bytes_of(data, size), expected);
}

static inline void assert_reads_nothing(struct pair *p, int at)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	assert_false(dtls_read(p->ends[at], data, sizeof data, &size));
}

static inline void assert_carries(struct pair *p, int from, struct bytes plaintext)
{
	dtls_receive(p->ends[!from], clock_us, seal(p, from, plaintext));
	assert_reads(p, !from, plaintext);
	assert_reads_nothing(p, !from);
}

static inline struct pair open_pair(void)
{
	struct pair p = pair();
	start(&p);
	carry(&p);
	assert_true(is_open(&p));
	return p;
}

static inline int run_with_records_of(const struct CMUnitTest *tests, size_t count,
	enum dtls_records client, enum dtls_records server)
{
	static const char *const names[] = {
		[DTLS_RECORDS_OWN] = "our records", [DTLS_RECORDS_LIBSSL] = "libssl's"};
	char name[64];
	snprintf(name, sizeof name, "client with %s, server with %s", names[client], names[server]);
	pair_records[CLIENT] = client;
	pair_records[SERVER] = server;
	return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

/* In place of TESTS(): all of them with our records and with libssl's, at each end. */
#define TESTS_WITH_BOTH_RECORDS(...)                                                               \
	int main(void)                                                                             \
	{                                                                                          \
		const struct CMUnitTest tests[] = {__VA_ARGS__};                                   \
		size_t count = sizeof tests / sizeof tests[0];                                     \
		int failed = 0;                                                                    \
		for (int i = 0; i < 4; i++)                                                        \
			failed += run_with_records_of(tests, count,                                \
				i % 2 ? DTLS_RECORDS_LIBSSL : DTLS_RECORDS_OWN,                    \
				i / 2 ? DTLS_RECORDS_LIBSSL : DTLS_RECORDS_OWN);                   \
		return failed;                                                                     \
	}

#endif
