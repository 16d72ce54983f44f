#include "mishap.h"

#define MISHAP_TAG UINT64_C(0x6d697368)
/* Shorter than what a graceful close waits for progress, by a retransmission or two. */
#define STILL_MAX (8 * USEC_PER_SEC)
#define JUMP_MAX (8 * USEC_PER_SEC)
#define BEGIN_MAX (15 * USEC_PER_SEC)

/* RFC 7675: without an answer for 30 s the path is given up. */
#define CONSENT (30 * USEC_PER_SEC)
#define MOVE (15 * USEC_PER_SEC)

static usec draw_begin(struct rng *rng)
{
	return SIM_START + (usec)rng_below(rng, BEGIN_MAX);
}

static void plan_end(struct connection *c, int end, struct rng *rng)
{
	struct end_mishaps *m = &c->ends[end].mishaps;
	if (rng_below(rng, 8) == 0) {
		m->still_from = draw_begin(rng);
		m->still_to = m->still_from + (usec)rng_below(rng, STILL_MAX);
	}
	if (rng_below(rng, 8) == 0) {
		m->unread_from = draw_begin(rng);
		m->unread_to = m->unread_from + (usec)rng_below(rng, STILL_MAX);
	}
	if (rng_below(rng, 10) == 0) {
		m->jump_at = draw_begin(rng);
		m->jump_by = 1 + (usec)rng_below(rng, JUMP_MAX);
	}
	if (c->network.ends[end].public[0].family != ADDR_NONE && rng_below(rng, 4) == 0)
		m->rebind_at = draw_begin(rng);
}

void mishap_plan(struct connection *c)
{
	struct rng rng = rng_seeded(c->seed ^ MISHAP_TAG);
	plan_end(c, 0, &rng);
	plan_end(c, 1, &rng);
}

/* ---- When they happen ---- */

static void act(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	struct end_mishaps *m = &e->mishaps;
	if (m->jump_at > 0 && m->jump_at <= now && e->clock_ahead == 0) {
		connection_say(
			c, now, "end %d: the clock jumps by %.3f s", end, (double)m->jump_by / 1e6);
		e->clock_ahead = m->jump_by;
	}
	if (m->rebind_at > 0 && m->rebind_at <= now && e->rebound == 0) {
		connection_say(c, now, "end %d: the NAT takes other ports", end);
		e->rebound = now;
		network_rebind(&c->network, end);
	}
}

void mishap_act(struct connection *c, usec now)
{
	act(c, 0, now);
	act(c, 1, now);
}

static usec later(usec at, usec now)
{
	return at > now ? at : USEC_NEVER;
}

usec mishap_deadline(const struct connection *c, usec now)
{
	usec next = USEC_NEVER;
	for (int end = 0; end < 2; end++) {
		const struct end_mishaps *m = &c->ends[end].mishaps;
		next = usec_min(next, later(m->jump_at, now));
		next = usec_min(next, later(m->rebind_at, now));
		next = usec_min(next, later(m->unread_to, now));
		next = usec_min(next, later(m->still_to, now));
	}
	return next;
}

usec mishap_still_until(const struct connection *c, int end, usec now)
{
	const struct end_mishaps *m = &c->ends[end].mishaps;
	return now >= m->still_from && now < m->still_to ? m->still_to : 0;
}

bool mishap_reads(const struct connection *c, int end, usec now)
{
	const struct end_mishaps *m = &c->ends[end].mishaps;
	return now < m->unread_from || now >= m->unread_to;
}

/* ---- What they explain ---- */

usec mishap_over(const struct connection *c)
{
	usec over = SIM_START;
	for (int i = 0; i < NETWORK_SILENCES; i++)
		over = usec_max(over, c->network.profile.silences[i].to);
	for (int end = 0; end < 2; end++) {
		const struct end_mishaps *m = &c->ends[end].mishaps;
		over = usec_max(over, usec_max(m->still_to, m->unread_to));
		over = usec_max(over, usec_max(m->jump_at, m->rebind_at));
	}
	return over;
}

static bool overlaps(usec from, usec to, usec now)
{
	return to > from + USEC_PER_SEC && now > from && now < to + CONSENT + USEC_PER_SEC;
}

/* How many there were in the last 30 s that took a second at least. */
static size_t count_before(const struct connection *c, usec now)
{
	size_t count = 0;
	for (int i = 0; i < NETWORK_SILENCES; i++) {
		const struct silence *s = &c->network.profile.silences[i];
		count += overlaps(s->from, s->to, now);
	}
	for (int end = 0; end < 2; end++) {
		const struct end_mishaps *m = &c->ends[end].mishaps;
		count += overlaps(m->still_from, m->still_to, now);
		count += overlaps(m->unread_from, m->unread_to, now);
		count += overlaps(m->jump_at, m->jump_at + m->jump_by, now);
		const struct roaming *r = &c->ends[end].roaming;
		count += r->moves && r->tries > 0 && r->at > 0;
	}
	return count;
}

/* The other side learns of the new ports by the next check that leaves, some seconds later, and
 * moves to them when its own checks of the old ones go unanswered. */
static size_t rebound_before(const struct connection *c, usec now)
{
	size_t count = 0;
	for (int end = 0; end < 2; end++) {
		usec at = c->ends[end].rebound;
		count += at > 0 && overlaps(at, at + MOVE, now);
	}
	return count;
}

/* With one of them in the time of the consent, a few lost or broken datagrams are enough; so are
 * two of them. When both ends have other ports before either has heard of the other's, there is no
 * path left; one that has them is found again if nothing else happens. */
bool mishap_explains_lost_path(const struct connection *c, usec now)
{
	/* For good, where a restart describes the addresses that both had before. */
	if (c->ends[0].rebound > 0 && c->ends[1].rebound > 0)
		return true;
	size_t rebound = rebound_before(c, now);
	if (rebound > 0 && rebound + count_before(c, now) > 1)
		return true;
	const struct network_profile *p = &c->network.profile;
	size_t count = count_before(c, now);
	bool lossy = p->loss_ppm + p->corrupt_ppm + p->truncate_ppm > 0 || p->rate > 0;
	return count > 1 || (count == 1 && lossy);
}

/* Before there is one, other ports make what was described wrong. */
bool mishap_explains_no_path(const struct connection *c, usec now)
{
	return count_before(c, now) + rebound_before(c, now) > 0;
}
