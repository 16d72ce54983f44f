/* Two honest ends and a network that the input controls: it delivers, loses, repeats and changes
 * their datagrams, adds its own, and lets time pass. Nothing may crash, no plaintext that was not
 * sealed may come out, and what an open end reads from the other is what was sealed there.
 *
 * The input is a list of operations, each one byte: the low bit says for which end, the rest what.
 */
#include "dtls/dtls.h"

#include <sys/time.h>

#include "fuzz.h"

#define UNIX_TIME INT64_C(1800000000)
#define OPERATIONS_MAX 64

enum operation {
	DELIVER,
	LOSE,
	REPEAT, /* deliver twice */
	CHANGE, /* deliver with one byte changed: where (uint16), with what (uint8) */
	CUT,    /* deliver only the first bytes: how many (uint16) */
	INJECT, /* deliver these bytes: how many (uint16), bytes */
	AGAIN,  /* deliver the last datagram once more, to either end */
	WAIT,   /* until the end's deadline */
	SAY,    /* seal a record and deliver it */
	CLOSE,
	OPERATIONS,
};

struct network {
	struct dtls *ends[2];
	uint8_t last[DTLS_DATAGRAM_MAX];
	size_t last_size;
};

static usec clock_us;
/* What every run shares, as making them takes longer than a handshake. */
static struct dtls_certificate *certificates[2];

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	(void)zone;
	time->tv_sec = (time_t)(clock_us / USEC_PER_SEC);
	time->tv_usec = (suseconds_t)(clock_us % USEC_PER_SEC);
	return 0;
}

static const char *said_by(int end)
{
	return end ? "said by the client" : "said by the server";
}

static void read_all(struct network *n, int at)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	while (dtls_read(n->ends[at], data, sizeof data, &size))
		CHECK(bytes_equal_text(bytes_of(data, size), said_by(!at)));
}

static void deliver(struct network *n, int to, struct bytes datagram)
{
	(void)dtls_claims(n->ends[to], datagram);
	dtls_receive(n->ends[to], clock_us, datagram);
	read_all(n, to);
}

static bool take(struct network *n, int from)
{
	size_t size = dtls_write(n->ends[from], n->last, sizeof n->last);
	if (size > 0)
		n->last_size = size;
	return size > 0;
}

static void wait_for(struct network *n, int end)
{
	usec deadline = dtls_deadline(n->ends[end]);
	if (deadline == USEC_NEVER)
		return;
	clock_us = usec_max(clock_us, deadline);
	dtls_advance(n->ends[end], clock_us);
}

static void say(struct network *n, int from)
{
	uint8_t data[256];
	struct bytes text = bytes_of_text(said_by(from));
	size_t size;
	memcpy(data + dtls_headroom(n->ends[from]), text.data, text.size);
	if (dtls_seal(n->ends[from], data, sizeof data, text.size, &size) == ERR_OK)
		deliver(n, !from, bytes_of(data, size));
}

static void deliver_changed(struct network *n, int from, struct reader *r)
{
	uint16_t where = read_u16(r);
	uint8_t with = read_u8(r);
	if (!take(n, from))
		return;
	n->last[where % n->last_size] ^= with;
	deliver(n, !from, bytes_of(n->last, n->last_size));
}

static void operate(struct network *n, struct reader *r)
{
	uint8_t byte = read_u8(r);
	int end = byte & 1;
	switch ((enum operation)((byte >> 1) % OPERATIONS)) {
	case DELIVER:
		if (take(n, end))
			deliver(n, !end, bytes_of(n->last, n->last_size));
		break;
	case LOSE:
		(void)take(n, end);
		break;
	case REPEAT:
		for (int i = 0; take(n, end) && i < 2; i++)
			deliver(n, !end, bytes_of(n->last, n->last_size));
		break;
	case CHANGE:
		deliver_changed(n, end, r);
		break;
	case CUT: {
		uint16_t size = read_u16(r);
		if (take(n, end))
			deliver(n, !end, bytes_of(n->last, min_size(size, n->last_size)));
		break;
	}
	case INJECT:
		deliver(n, !end, read_bytes(r, read_u16(r)));
		break;
	case AGAIN:
		deliver(n, !end, bytes_of(n->last, n->last_size));
		break;
	case WAIT:
		wait_for(n, end);
		break;
	case SAY:
		say(n, end);
		break;
	case CLOSE:
		dtls_close(n->ends[end]);
		break;
	case OPERATIONS:
		break;
	}
}

static void set_up(struct network *n)
{
	clock_us = UNIX_TIME * USEC_PER_SEC;
	for (int i = 0; i < 2; i++) {
		if (!certificates[i])
			CHECK(dtls_certificate_create(UNIX_TIME, &certificates[i]) == ERR_OK);
	}
	for (int i = 0; i < 2; i++) {
		const struct dtls_config config = {
			.certificate = certificates[i], .client = i == 1};
		CHECK(dtls_create(&config, &n->ends[i]) == ERR_OK);
		CHECK(dtls_expect(n->ends[i], bytes_of_text("sha-256"),
			      bytes_of_text(dtls_certificate_fingerprint(certificates[!i]))) ==
			ERR_OK);
		dtls_start(n->ends[i], clock_us);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct network n = {0};
	set_up(&n);
	struct reader r = reader_of(bytes_of(data, size));
	for (int i = 0; i < OPERATIONS_MAX && r.rest.size > 0 && !r.failed; i++)
		operate(&n, &r);
	for (int i = 0; i < 2; i++)
		dtls_destroy(n.ends[i]);
	return 0;
}
