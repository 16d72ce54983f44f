/* The search is that of section 5.3 with a table: the largest size first, since most paths carry
 * what the interface does; when that is lost, the usual sizes from the bottom up to the first that
 * is lost. So a wide path costs one probe, and another one a probe and a round trip for each of the
 * usual sizes below it, while data flows all the time.
 *
 * An association that has nothing to send in bulk has no use for larger packets and does not probe
 * (section 5.1.1 allows it); an idle one costs nothing. */
#include "sctp/pmtu.h"

#include "sctp/internal.h"

/* A UDP payload without what DTLS adds, in whole words. */
#define PACKET(payload) (((size_t)(payload)-37) & ~(size_t)3)

/* That of I-DATA (RFC 8260 section 2.1); DATA's is shorter. */
#define DATA_HEADER_MAX 20

static const size_t usual_sizes[] = {
	PACKET(1232), /* IPv6 at its least, 1,280 */
	PACKET(1332), /* tunnels in tunnels */
	PACKET(1372), /* WireGuard, 1,420, over IPv6 */
	PACKET(1392), /* and over IPv4 */
	PACKET(1444), /* PPPoE, 1,492, over IPv6 */
	PACKET(1452), /* Ethernet, 1,500, over IPv6 */
	PACKET(1472), /* and over IPv4 */
	PACKET(4324), /* 4,352, and cloud networks that have half a jumbo frame */
	PACKET(8952), /* Ethernet with jumbo frames, 9,000, over IPv6 */
};

/* ---- The search ---- */

void sctp_pmtu_init(struct sctp_pmtu *p, size_t base, size_t max)
{
	*p = (struct sctp_pmtu){.base = base, .max = max_size(base, max), .size = base};
	sctp_pmtu_raise(p);
}

static size_t next_target(const struct sctp_pmtu *p)
{
	if (p->failed == 0)
		return p->size < p->max ? p->max : 0;
	for (size_t i = 0; i < sizeof usual_sizes / sizeof usual_sizes[0]; i++)
		if (usual_sizes[i] > p->size)
			return usual_sizes[i] < p->failed ? usual_sizes[i] : 0;
	return 0;
}

static void aim(struct sctp_pmtu *p, size_t target)
{
	p->target = target;
	p->attempts = 0;
	p->nonce = 0;
}

void sctp_pmtu_succeed(struct sctp_pmtu *p)
{
	CHECK(p->target > p->size);
	p->size = p->target;
	aim(p, next_target(p));
}

void sctp_pmtu_fail(struct sctp_pmtu *p)
{
	p->nonce = 0;
	if (++p->attempts < SCTP_PMTU_MAX_PROBES)
		return;
	p->failed = p->target;
	aim(p, next_target(p));
}

void sctp_pmtu_doubt(struct sctp_pmtu *p)
{
	if (p->size == p->base)
		return;
	aim(p, p->size);
	p->size = p->base;
}

void sctp_pmtu_raise(struct sctp_pmtu *p)
{
	p->failed = 0;
	aim(p, next_target(p));
}

/* ---- In an association ---- */

static void use_size(struct sctp_assoc *a)
{
	sctp_congestion_set_mtu(&a->congestion, a->pmtu.size);
}

size_t sctp_packet_size(const struct sctp_assoc *a)
{
	return a->pmtu.size;
}

void sctp_path_changed(struct sctp_assoc *a, usec now)
{
	if (a->ended)
		return;
	sctp_pmtu_init(&a->pmtu, a->pmtu.base, a->pmtu.max);
	a->pmtu.progress = now;
	sctp_timer_stop(a, SCTP_TIMER_PMTU);
	/* RFC 9260 section 7.2.5: "using the network under unknown new conditions ... the
	 * congestion control MUST be reinitialized". */
	sctp_congestion_init(&a->congestion, a->config.congestion, a->pmtu.size);
	sctp_transmit_on_path_changed(a, now);
	/* Those that went the old way may not have arrived. */
	if (sctp_assoc_can_receive_data(a))
		a->pending |= SCTP_PENDING_SACK;
}

size_t sctp_pmtu_fragment_room(const struct sctp_assoc *a, size_t room)
{
	if (a->pmtu.size == a->pmtu.base)
		return room;
	return min_size(room, a->pmtu.base - SCTP_HEADER_SIZE - DATA_HEADER_MAX);
}

void sctp_pmtu_note_progress(struct sctp_assoc *a, usec now)
{
	a->pmtu.progress = now;
}

void sctp_pmtu_note_timeout(struct sctp_assoc *a)
{
	sctp_pmtu_doubt(&a->pmtu);
	use_size(a);
}

/* Section 4.3: "a sender needs to detect when the current PLPMTU is not supported". An expired
 * retransmission timer says so. It need not expire, though, when small packets pass and what is
 * lost is found missing again and again; but then the cumulative TSN stands still. */
void sctp_pmtu_watch(struct sctp_assoc *a, usec now)
{
	const struct sctp_pmtu *p = &a->pmtu;
	if (p->size > p->base && !sctp_outstanding_is_empty(&a->outstanding) &&
		now - p->progress > 2 * sctp_rto_current(&a->rto))
		sctp_pmtu_note_timeout(a);
}

bool sctp_pmtu_wants_probe(const struct sctp_assoc *a, size_t capacity)
{
	const struct sctp_pmtu *p = &a->pmtu;
	return p->target != 0 && p->nonce == 0 && p->target <= capacity &&
	       a->state == SCTP_ESTABLISHED && a->queue.buffered > p->base;
}

/* RFC 8899 section 5.1.1: "MUST NOT be smaller than 1 second"; the 15 seconds that it recommends
 * are for those who do not know the round trip. */
static usec probe_timeout(const struct sctp_assoc *a)
{
	return usec_max(sctp_rto_current(&a->rto), SCTP_PMTU_PROBE_TIMEOUT_MIN);
}

void sctp_pmtu_write_probe(struct sctp_assoc *a, usec now, struct writer *w)
{
	struct sctp_pmtu *p = &a->pmtu;
	do
		p->nonce = rng_u64(a->config.rng);
	while (p->nonce == 0);
	p->probe_sent = now;
	sctp_heartbeat_write_info(w, p->nonce, now);
	size_t place = sctp_chunk_begin(w, SCTP_PAD, 0);
	write_zeros(w, p->target - w->size);
	sctp_chunk_end(w, place);
	sctp_timer_set(a, SCTP_TIMER_PMTU, now + probe_timeout(a));
}

/* After a step of the search. */
static void go_on(struct sctp_assoc *a, usec now)
{
	use_size(a);
	sctp_timer_stop(a, SCTP_TIMER_PMTU);
	if (a->pmtu.target == 0 && a->pmtu.size < a->pmtu.max)
		sctp_timer_set(a, SCTP_TIMER_PMTU, now + SCTP_PMTU_RAISE_INTERVAL);
}

bool sctp_pmtu_receive_ack(struct sctp_assoc *a, usec now, uint64_t nonce)
{
	if (a->pmtu.nonce == 0 || nonce != a->pmtu.nonce)
		return false;
	sctp_pmtu_succeed(&a->pmtu);
	go_on(a, now);
	return true;
}

void sctp_pmtu_on_timer(struct sctp_assoc *a, usec now)
{
	struct sctp_pmtu *p = &a->pmtu;
	if (p->target == 0) {
		sctp_pmtu_raise(p);
		return;
	}
	/* Where nothing has come through since, it says nothing about the size. */
	if (p->progress < p->probe_sent)
		p->nonce = 0;
	else
		sctp_pmtu_fail(p);
	go_on(a, now);
}
