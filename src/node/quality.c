#include "node/quality.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"

/* The ring grows by five minutes at a time. */
#define GROW_BY 30
static_assert(QUALITY_SAMPLES_MAX % GROW_BY == 0, "it ends at the limit exactly");

/* What came since the latest sample stands for itself when it is as long as this. */
#define LATEST_MIN (3 * USEC_PER_SEC)

/* 11 bits of a number, and how far they are shifted. */
#define SHORT_BITS 11
#define SHORT_MASK ((1U << SHORT_BITS) - 1)

typedef uint16_t short_number;

struct stored_sample {
	usec at;
	short_number span_ms, rtt, jitter, rate_in, rate_out, sent, lost;
};

struct mark {
	usec at;
	struct quality_counters counters;
	bool set;
};

struct quality {
	struct mark latest, before; /* `before` is of the same link, or not set */
	struct stored_sample *samples;
	size_t first, count, capacity;
	struct quality_change changes[QUALITY_CHANGES_MAX]; /* oldest first */
	size_t change_count;
};

static short_number shorten(uint64_t value)
{
	unsigned shift = 0;
	while (value >> shift > SHORT_MASK && shift < 31)
		shift++;
	uint64_t bits = value >> shift > SHORT_MASK ? SHORT_MASK : value >> shift;
	return (short_number)(shift << SHORT_BITS | (unsigned)bits);
}

static uint64_t lengthen(short_number number)
{
	return (uint64_t)(number & SHORT_MASK) << (number >> SHORT_BITS);
}

/* ---- Life ---- */

enum err quality_create(struct quality **ret_quality)
{
	struct quality *quality = calloc(1, sizeof(*quality));
	if (!quality)
		return ERR_NOMEM;
	*ret_quality = quality;
	return ERR_OK;
}

void quality_destroy(struct quality *quality)
{
	if (!quality)
		return;
	for (size_t i = 0; i < quality->change_count; i++)
		free(quality->changes[i].text);
	free(quality->samples);
	free(quality);
}

/* ---- Samples ---- */

static struct stored_sample *at(const struct quality *quality, size_t index)
{
	CHECK(index < quality->count);
	return &quality->samples[(quality->first + index) % quality->capacity];
}

static void drop_first(struct quality *quality)
{
	quality->first = (quality->first + 1) % quality->capacity;
	quality->count--;
}

/* Room for one more. False: out of memory. */
static bool make_room(struct quality *quality, usec now)
{
	/* A clock that was set back leaves samples of the future: they are as good as too old. */
	while (quality->count > 0 &&
		(at(quality, 0)->at < now - QUALITY_TIME || at(quality, 0)->at > now))
		drop_first(quality);
	if (quality->count == QUALITY_SAMPLES_MAX)
		drop_first(quality);
	if (quality->count < quality->capacity)
		return true;
	size_t capacity = quality->capacity + GROW_BY;
	struct stored_sample *samples = calloc(capacity, sizeof(*samples));
	if (!samples)
		return false;
	for (size_t i = 0; i < quality->count; i++)
		samples[i] = *at(quality, i);
	free(quality->samples);
	quality->samples = samples;
	quality->capacity = capacity;
	quality->first = 0;
	return true;
}

/* Whether one follows from the other, by so much time that rates mean something. */
static bool is_comparable(const struct mark *mark, usec now, const struct quality_counters *c)
{
	const struct quality_counters *old = &mark->counters;
	return mark->set && old->link == c->link && now - mark->at >= QUALITY_SPAN_MIN &&
	       c->bytes_in >= old->bytes_in && c->bytes_out >= old->bytes_out &&
	       c->sent >= old->sent && c->lost >= old->lost;
}

static uint64_t per_second(uint64_t bytes, usec span)
{
	return (uint64_t)((double)bytes * USEC_PER_SEC / (double)span);
}

static struct quality_sample difference(
	const struct mark *mark, usec now, const struct quality_counters *c)
{
	const struct quality_counters *old = &mark->counters;
	usec span = now - mark->at;
	return (struct quality_sample){
		.at = now,
		.span = span,
		.rtt = c->rtt,
		.jitter = c->jitter,
		.rate_in = per_second(c->bytes_in - old->bytes_in, span),
		.rate_out = per_second(c->bytes_out - old->bytes_out, span),
		.sent = c->sent - old->sent,
		.lost = c->lost - old->lost,
	};
}

static void store(struct quality *quality, const struct quality_sample *sample)
{
	if (!make_room(quality, sample->at))
		return;
	quality->count++;
	*at(quality, quality->count - 1) = (struct stored_sample){
		.at = sample->at,
		.span_ms = shorten((uint64_t)(sample->span / USEC_PER_MS)),
		.rtt = shorten((uint64_t)usec_max(sample->rtt, 0)),
		.jitter = shorten((uint64_t)usec_max(sample->jitter, 0)),
		.rate_in = shorten(sample->rate_in),
		.rate_out = shorten(sample->rate_out),
		.sent = shorten(sample->sent),
		.lost = shorten(sample->lost),
	};
}

void quality_count(struct quality *quality, usec now, const struct quality_counters *counters)
{
	struct mark *latest = &quality->latest;
	struct mark mark = {.at = now, .counters = *counters, .set = true};
	if (is_comparable(latest, now, counters)) {
		struct quality_sample sample = difference(latest, now, counters);
		store(quality, &sample);
		quality->before = *latest;
	} else if (latest->set && latest->counters.link == counters->link && now >= latest->at &&
		   now - latest->at < QUALITY_SPAN_MIN) {
		return; /* what it grew by is in the next sample */
	} else {
		quality->before.set = false;
	}
	*latest = mark;
}

size_t quality_sample_count(const struct quality *quality)
{
	return quality->count;
}

void quality_sample(const struct quality *quality, size_t index, struct quality_sample *ret_sample)
{
	const struct stored_sample *stored = at(quality, index);
	*ret_sample = (struct quality_sample){
		.at = stored->at,
		.span = (usec)lengthen(stored->span_ms) * USEC_PER_MS,
		.rtt = (usec)lengthen(stored->rtt),
		.jitter = (usec)lengthen(stored->jitter),
		.rate_in = lengthen(stored->rate_in),
		.rate_out = lengthen(stored->rate_out),
		.sent = lengthen(stored->sent),
		.lost = lengthen(stored->lost),
	};
}

/* ---- Paths ---- */

void quality_path(struct quality *quality, usec now, const char *text)
{
	size_t count = quality->change_count;
	const char *last = count > 0 ? quality->changes[count - 1].text : "";
	if (strcmp(last, text) == 0)
		return;
	char *copy = text_duplicate(text);
	if (!copy)
		return;
	if (count == QUALITY_CHANGES_MAX) {
		free(quality->changes[0].text);
		memmove(&quality->changes[0], &quality->changes[1],
			(count - 1) * sizeof(quality->changes[0]));
		count--;
	}
	quality->changes[count] = (struct quality_change){.at = now, .text = copy};
	quality->change_count = count + 1;
}

size_t quality_change_count(const struct quality *quality)
{
	return quality->change_count;
}

const struct quality_change *quality_change(const struct quality *quality, size_t index)
{
	CHECK(index < quality->change_count);
	return &quality->changes[index];
}

bool quality_is_over(const struct quality *quality, usec now)
{
	usec last = quality->latest.set ? quality->latest.at : now - QUALITY_TIME;
	if (quality->change_count > 0)
		last = usec_max(last, quality->changes[quality->change_count - 1].at);
	return now - last >= QUALITY_TIME;
}

/* ---- Figures ---- */

/* A range while it is being made: `mean` is the sum of value times weight. */
static void range_add(struct quality_range *range, uint64_t *weight, uint64_t value, usec span)
{
	uint64_t ms = (uint64_t)usec_max(span / USEC_PER_MS, 1);
	range->min = *weight == 0 || value < range->min ? value : range->min;
	range->max = value > range->max ? value : range->max;
	range->mean += value * ms;
	*weight += ms;
}

static void range_end(struct quality_range *range, uint64_t weight)
{
	range->mean = weight > 0 ? range->mean / weight : 0;
}

void quality_summary(
	const struct quality *quality, usec since, usec until, struct quality_summary *ret_summary)
{
	struct quality_summary sum = {0};
	uint64_t known = 0, all = 0, all_out = 0, known_jitter = 0;
	for (size_t i = 0; i < quality->count; i++) {
		struct quality_sample sample;
		quality_sample(quality, i, &sample);
		if (sample.at < since || sample.at > until)
			continue;
		sum.samples++;
		sum.span += sample.span;
		sum.sent += sample.sent;
		sum.lost += sample.lost;
		range_add(&sum.rate_in, &all, sample.rate_in, sample.span);
		range_add(&sum.rate_out, &all_out, sample.rate_out, sample.span);
		if (sample.rtt == 0)
			continue;
		range_add(&sum.rtt, &known, (uint64_t)sample.rtt, sample.span);
		range_add(&sum.jitter, &known_jitter, (uint64_t)sample.jitter, sample.span);
	}
	range_end(&sum.rtt, known);
	range_end(&sum.jitter, known_jitter);
	range_end(&sum.rate_in, all);
	range_end(&sum.rate_out, all_out);
	*ret_summary = sum;
}

bool quality_latest(const struct quality *quality, usec now,
	const struct quality_counters *counters, struct quality_sample *ret_sample)
{
	const struct mark *mark = &quality->latest;
	if (now - mark->at < LATEST_MIN && is_comparable(&quality->before, now, counters))
		mark = &quality->before;
	if (!is_comparable(mark, now, counters))
		return false;
	*ret_sample = difference(mark, now, counters);
	return true;
}
