#include "node/attempt.h"

#include <string.h>

#include "base/check.h"
#include "node/limits.h"

const char *via_name(enum via via)
{
	switch (via) {
	case VIA_AUTO:
		return "auto";
	case VIA_DIRECT:
		return "direct";
	case VIA_WEBRTC:
		return "webrtc";
	}
	UNREACHABLE();
}

bool via_parse(const char *name, enum via *ret_via)
{
	for (enum via via = VIA_AUTO; via <= VIA_WEBRTC; via++) {
		if (strcmp(name, via_name(via)) == 0) {
			*ret_via = via;
			return true;
		}
	}
	return false;
}

static usec longest_wait(unsigned failures, usec first, usec max)
{
	CHECK(failures > 0);
	usec wait = first;
	for (unsigned i = 1; i < failures && wait < max; i++)
		wait *= 2;
	return usec_min(wait, max);
}

usec attempt_backoff(unsigned failures, usec first, usec max, struct rng *rng)
{
	usec wait = longest_wait(failures, first, max);
	return wait - (usec)rng_below(rng, (uint64_t)wait / 2 + 1);
}

usec attempt_spread(unsigned failures, usec first, usec max, struct rng *rng)
{
	return (usec)rng_below(rng, (uint64_t)longest_wait(failures, first, max) + 1);
}

static struct attempt_step end_round(struct attempt *a, usec now, struct rng *rng)
{
	a->direct_running = a->webrtc_running = a->webrtc_due = false;
	a->failures++;
	if (a->wanted) {
		a->state = ATTEMPT_WAITING;
		a->deadline = now + attempt_backoff(
					    a->failures, NODE_BACKOFF_FIRST, NODE_BACKOFF_MAX, rng);
	} else {
		a->state = ATTEMPT_IDLE;
		a->deadline = USEC_NEVER;
	}
	return (struct attempt_step){.failed = true};
}

static struct attempt_step begin_webrtc(struct attempt *a)
{
	a->webrtc_due = false;
	a->webrtc_running = true;
	a->deadline = USEC_NEVER;
	return (struct attempt_step){.webrtc = true};
}

struct attempt_step attempt_start(
	struct attempt *a, usec now, enum via via, struct attempt_means means, struct rng *rng)
{
	bool direct = means.direct && via != VIA_WEBRTC;
	bool webrtc = means.webrtc && via != VIA_DIRECT;
	a->state = ATTEMPT_TRYING;
	a->via = via;
	a->direct_running = a->webrtc_running = a->webrtc_due = false;
	if (!direct && !webrtc)
		return end_round(a, now, rng);
	if (!direct)
		return begin_webrtc(a);
	a->direct_running = true;
	a->webrtc_due = webrtc;
	a->deadline = webrtc ? now + NODE_DIRECT_HEAD_START : USEC_NEVER;
	return (struct attempt_step){.direct = true};
}

struct attempt_step attempt_advance(
	struct attempt *a, usec now, struct attempt_means means, struct rng *rng)
{
	if (now < a->deadline)
		return (struct attempt_step){0};
	a->deadline = USEC_NEVER;
	switch (a->state) {
	case ATTEMPT_TRYING:
		if (a->webrtc_due && means.webrtc)
			return begin_webrtc(a);
		a->webrtc_due = false;
		return (struct attempt_step){0};
	case ATTEMPT_WAITING:
		return attempt_start(a, now, VIA_AUTO, means, rng);
	case ATTEMPT_IDLE:
	case ATTEMPT_LINKED:
		return (struct attempt_step){0};
	}
	UNREACHABLE();
}

struct attempt_step attempt_failed(
	struct attempt *a, usec now, bool direct, struct attempt_means means, struct rng *rng)
{
	if (direct)
		a->direct_running = false;
	else
		a->webrtc_running = false;
	if (a->state != ATTEMPT_TRYING || a->direct_running || a->webrtc_running)
		return (struct attempt_step){0};
	if (a->webrtc_due && means.webrtc)
		return begin_webrtc(a);
	return end_round(a, now, rng);
}

void attempt_linked(struct attempt *a)
{
	a->state = ATTEMPT_LINKED;
	a->failures = 0;
	a->direct_running = a->webrtc_running = a->webrtc_due = false;
	a->deadline = USEC_NEVER;
}

void attempt_lost(struct attempt *a, usec now, struct rng *rng)
{
	a->failures = 1;
	a->state = a->wanted ? ATTEMPT_WAITING : ATTEMPT_IDLE;
	a->deadline =
		a->wanted ? now + attempt_backoff(1, NODE_BACKOFF_FIRST / 4, NODE_BACKOFF_MAX, rng)
			  : USEC_NEVER;
}

void attempt_hurry(struct attempt *a, usec now, usec window, struct rng *rng)
{
	if (a->state != ATTEMPT_WAITING)
		return;
	a->deadline = usec_min(a->deadline, now + (usec)rng_below(rng, (uint64_t)window + 1));
}

void attempt_unwant(struct attempt *a)
{
	a->wanted = false;
	if (a->state == ATTEMPT_WAITING) {
		a->state = ATTEMPT_IDLE;
		a->deadline = USEC_NEVER;
	}
}

bool glare_ours_wins(const char *our_id, const char *their_id)
{
	return strcmp(our_id, their_id) > 0;
}

enum duplicate_verdict duplicate_decide(const char *our_id, const char *their_id)
{
	return strcmp(our_id, their_id) > 0 ? DUPLICATE_CLOSE_OLD : DUPLICATE_KEEP_BOTH;
}
