/* How good the links of one session were in the last hour. A link's counters come in now and then,
 * with the time; a sample is what they grew by in between. It does no I/O.
 *
 * The history belongs to the session: it goes on when a link takes another path or is replaced by
 * another link, whose counters begin at nothing, and says when that was. Samples are kept as short
 * numbers, exact up to 2,047 and to one part in 2,048 above, since there may be as many of these
 * objects as contacts. Clocks that jump and counters that run backwards begin anew, and are no
 * sample. */
#ifndef NODE_QUALITY_H
#define NODE_QUALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/usec.h"

/* Samples kept: those of an hour, at one every NODE_QUALITY_INTERVAL. */
#define QUALITY_SAMPLES_MAX 360
#define QUALITY_TIME (3600 * USEC_PER_SEC)
/* Changes of the path kept; of more, the oldest go. */
#define QUALITY_CHANGES_MAX 16
/* Over less than this no rate is told. */
#define QUALITY_SPAN_MIN (1 * USEC_PER_SEC)

struct quality;

/* What a link says of itself; the first four now, the others since it began. */
struct quality_counters {
	uint64_t link;    /* which one it is */
	usec rtt, jitter; /* as its transport smooths them; 0 unknown */
	usec rtt_min;     /* the smallest of late */
	size_t cwnd;      /* bytes; 0 unknown */
	uint64_t bytes_in, bytes_out;
	uint64_t sent, lost; /* pieces of messages, and how many of them were sent again since they
				seemed lost: every one that is in `lost` is in `sent` too */
};

/* ERR_NOMEM. */
MUST_CHECK enum err quality_create(struct quality **ret_quality);
/* Accepts NULL. */
void quality_destroy(struct quality *quality);

/* The link in use, at the latest NODE_QUALITY_INTERVAL after the last time, and when it comes up or
 * ends. Without memory for the sample there is none. */
void quality_count(struct quality *quality, usec now, const struct quality_counters *counters);
/* The path in words; "" when there is none any more. The same again is no change. */
void quality_path(struct quality *quality, usec now, const char *text);
/* Whether all that there was is too old. */
bool quality_is_over(const struct quality *quality, usec now);

struct quality_sample {
	usec at, span; /* its end, and how long it was */
	usec rtt, jitter;
	uint64_t rate_in, rate_out; /* bytes per second */
	uint64_t sent, lost;
};

/* Oldest first. */
size_t quality_sample_count(const struct quality *quality);
void quality_sample(const struct quality *quality, size_t index, struct quality_sample *ret_sample);

struct quality_change {
	usec at;
	char *text; /* the quality's */
};

size_t quality_change_count(const struct quality *quality);
const struct quality_change *quality_change(const struct quality *quality, size_t index);

/* The mean counts every sample for as long as it was. */
struct quality_range {
	uint64_t min, mean, max;
};

/* Samples that ended from `since` to `until`, both included; all zero when there are none. Round
 * trips that are not known do not count. */
struct quality_summary {
	size_t samples;
	usec span; /* of all samples: how long a link was there */
	struct quality_range rtt, jitter, rate_in, rate_out;
	uint64_t sent, lost;
};

void quality_summary(
	const struct quality *quality, usec since, usec until, struct quality_summary *ret_summary);

/* The last seconds before now, as counters of now tell: what came since the latest sample, together
 * with that where it is little. False: the link is too young. */
bool quality_latest(const struct quality *quality, usec now,
	const struct quality_counters *counters, struct quality_sample *ret_sample);

#endif
