#include "sctp/tracker.h"

#include <stdlib.h>

void sctp_tracker_init(struct sctp_tracker *tracker, uint64_t cumulative)
{
	*tracker = (struct sctp_tracker){.cumulative = cumulative};
}

static void release(struct sctp_tracker *tracker)
{
	free(tracker->runs);
	tracker->runs = NULL;
	tracker->count = tracker->capacity = 0;
}

void sctp_tracker_deinit(struct sctp_tracker *tracker)
{
	release(tracker);
	*tracker = (struct sctp_tracker){0};
}

/* The first run that ends at or after `tsn`; data mostly arrives at the end. */
static size_t find(const struct sctp_tracker *tracker, uint64_t tsn)
{
	if (tracker->count == 0 || tracker->runs[tracker->count - 1].end < tsn)
		return tracker->count;
	size_t low = 0, high = tracker->count - 1;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (tracker->runs[middle].end < tsn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool sctp_tracker_has(const struct sctp_tracker *tracker, uint64_t tsn)
{
	if (tsn <= tracker->cumulative)
		return true;
	size_t i = find(tracker, tsn);
	return i < tracker->count && tracker->runs[i].start <= tsn;
}

uint64_t sctp_tracker_highest(const struct sctp_tracker *tracker)
{
	return tracker->count ? tracker->runs[tracker->count - 1].end : tracker->cumulative;
}

static void remove_runs(struct sctp_tracker *tracker, size_t at, size_t count)
{
	tracker->count -= count;
	if (tracker->count == 0)
		release(tracker);
	else
		memmove(tracker->runs + at, tracker->runs + at + count,
			(tracker->count - at) * sizeof *tracker->runs);
}

static enum err insert_run(struct sctp_tracker *tracker, size_t at, uint64_t tsn)
{
	if (tracker->count >= SCTP_GAP_BLOCKS_MAX)
		return ERR_LIMIT;
	if (tracker->count == tracker->capacity) {
		size_t capacity = tracker->capacity ? 2 * tracker->capacity : 8;
		struct sctp_run *runs = realloc(tracker->runs, capacity * sizeof *runs);
		if (!runs)
			return ERR_NOMEM;
		tracker->runs = runs;
		tracker->capacity = capacity;
	}
	memmove(tracker->runs + at + 1, tracker->runs + at,
		(tracker->count - at) * sizeof *tracker->runs);
	tracker->runs[at] = (struct sctp_run){.start = tsn, .end = tsn};
	tracker->count++;
	return ERR_OK;
}

/* The first run may have become adjacent to the cumulative TSN. */
static void absorb_first(struct sctp_tracker *tracker)
{
	if (tracker->count > 0 && tracker->runs[0].start <= tracker->cumulative + 1) {
		tracker->cumulative = tracker->runs[0].end;
		remove_runs(tracker, 0, 1);
	}
}

enum err sctp_tracker_add(struct sctp_tracker *tracker, uint64_t tsn)
{
	CHECK(!sctp_tracker_has(tracker, tsn));
	if (tsn == tracker->cumulative + 1) {
		tracker->cumulative = tsn;
		absorb_first(tracker);
		return ERR_OK;
	}
	size_t at = find(tracker, tsn);
	bool extends_left = at > 0 && tracker->runs[at - 1].end + 1 == tsn;
	bool extends_right = at < tracker->count && tracker->runs[at].start == tsn + 1;
	if (extends_left && extends_right) {
		tracker->runs[at - 1].end = tracker->runs[at].end;
		remove_runs(tracker, at, 1);
	} else if (extends_left) {
		tracker->runs[at - 1].end = tsn;
	} else if (extends_right) {
		tracker->runs[at].start = tsn;
	} else {
		return insert_run(tracker, at, tsn);
	}
	return ERR_OK;
}

void sctp_tracker_forward(struct sctp_tracker *tracker, uint64_t tsn)
{
	if (tsn <= tracker->cumulative)
		return;
	tracker->cumulative = tsn;
	size_t passed = 0;
	while (passed < tracker->count && tracker->runs[passed].end <= tsn)
		passed++;
	if (passed > 0)
		remove_runs(tracker, 0, passed);
	absorb_first(tracker);
}

void sctp_tracker_note_duplicate(struct sctp_tracker *tracker, uint64_t tsn)
{
	if (tracker->duplicate_count < SCTP_DUPLICATES_MAX)
		tracker->duplicates[tracker->duplicate_count++] = (uint32_t)tsn;
}
