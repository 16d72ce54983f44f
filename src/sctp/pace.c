#include "sctp/pace.h"

#include "base/bytes.h"
#include "sctp/limits.h"

/* What leaves together after a wait. */
static uint64_t quantum(uint64_t rate, size_t mtu)
{
	uint64_t worth = rate / (USEC_PER_SEC / SCTP_PACE_QUANTUM);
	return worth > mtu ? worth : mtu;
}

/* A timer may be late: what it should have sent meanwhile is made up for, to this extent. After a
 * pause it is the burst that leaves at once. */
static uint64_t credit_max(uint64_t rate, size_t mtu)
{
	uint64_t burst = SCTP_PACE_BURST_PACKETS * (uint64_t)mtu;
	uint64_t late = SCTP_PACE_LATE_QUANTA * quantum(rate, mtu);
	return burst > late ? burst : late;
}

static void count(struct sctp_pace *p, usec now, uint64_t rate, size_t mtu)
{
	uint64_t max = credit_max(rate, mtu);
	usec elapsed = now - p->at;
	p->at = now;
	/* Also the first time, and when the clock has jumped. */
	if (elapsed < 0 || elapsed >= USEC_PER_SEC) {
		p->credit = max;
		return;
	}
	uint64_t earned = (uint64_t)elapsed * rate + p->rest;
	p->rest = earned % USEC_PER_SEC;
	p->credit += earned / USEC_PER_SEC;
	if (p->credit > max)
		p->credit = max;
}

bool sctp_pace_allows(struct sctp_pace *p, usec now, uint64_t rate, size_t mtu)
{
	if (rate == 0) {
		p->waiting = false;
		return true;
	}
	if (rate > SCTP_PACE_RATE_MAX)
		rate = SCTP_PACE_RATE_MAX;
	if (p->at != now)
		count(p, now, rate, mtu);
	if (p->credit < (p->waiting ? quantum(rate, mtu) : mtu)) {
		p->waiting = true;
		return false;
	}
	p->waiting = false;
	return true;
}

void sctp_pace_on_send(struct sctp_pace *p, size_t size)
{
	p->credit -= size < p->credit ? size : p->credit;
}

usec sctp_pace_deadline(const struct sctp_pace *p, uint64_t rate, size_t mtu)
{
	CHECK(rate > 0);
	if (rate > SCTP_PACE_RATE_MAX)
		rate = SCTP_PACE_RATE_MAX;
	uint64_t needed = quantum(rate, mtu);
	if (p->credit >= needed)
		return p->at;
	return p->at + (usec)((needed - p->credit) * USEC_PER_SEC / rate) + 1;
}
