#include "sctp/hystart.h"

/* RFC 9406 section 4.3. */
#define THRESHOLD_MIN (4 * USEC_PER_MS)
#define THRESHOLD_MAX (16 * USEC_PER_MS)
#define THRESHOLD_DIVISOR 8
#define SAMPLES_MIN 8
#define CONSERVATIVE_ROUNDS 5

static bool has_grown(const struct sctp_hystart *h)
{
	usec threshold = h->last_min / THRESHOLD_DIVISOR;
	threshold = usec_min(usec_max(threshold, THRESHOLD_MIN), THRESHOLD_MAX);
	return h->last_min > 0 && h->min >= h->last_min + threshold;
}

void sctp_hystart_on_round_trip(struct sctp_hystart *h, usec round_trip)
{
	if (round_trip <= 0)
		return;
	h->min = h->min ? usec_min(h->min, round_trip) : round_trip;
	if (++h->samples < SAMPLES_MIN)
		return;
	if (h->baseline == 0 && has_grown(h)) {
		h->baseline = h->min;
		h->rounds = 0;
	} else if (h->baseline > 0 && h->min < h->baseline) {
		/* Section 4.2: the growth was noise; slow start is resumed. */
		h->baseline = 0;
	}
}

bool sctp_hystart_end_round(struct sctp_hystart *h)
{
	h->last_min = h->min;
	h->min = 0;
	h->samples = 0;
	return h->baseline > 0 && ++h->rounds > CONSERVATIVE_ROUNDS;
}
