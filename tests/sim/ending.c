#include "ending.h"

#include "checker.h"
#include "churn.h"
#include "mishap.h"
#include "workload.h"

/* Channel k is labelled 'a' + k, its successor 'A' + k. */
#define SECOND_LABEL 'A'
/* A restart waits longer for its answer than consent does for its own. */
#define RESTART (15 * USEC_PER_SEC)

void ending_plan(struct connection *c, usec start)
{
	static const enum ending endings[] = {ENDING_CLOSE, ENDING_CLOSE, ENDING_CLOSE,
		ENDING_BOTH_CLOSE, ENDING_BOTH_CLOSE, ENDING_ABORT, ENDING_VANISH};
	c->ending = endings[rng_below(&c->rng, sizeof endings / sizeof endings[0])];
	c->ending_at = start + (usec)rng_below(&c->rng, 10 * USEC_PER_SEC);
	c->close_channels = rng_below(&c->rng, 2);
}

static bool is_midway(const struct connection *c)
{
	return c->ending == ENDING_ABORT || c->ending == ENDING_VANISH;
}

/* ---- Channels ---- */

static bool is_opener(int end, size_t k)
{
	return k / SIM_CHANNELS == (size_t)end;
}

/* Everything that channel k is for was said, as far as this end knows. */
static bool channel_is_done(const struct connection *c, int end, size_t k)
{
	return c->ends[end].open[k] && c->ends[end].out[k].accepted == c->plan[k].messages &&
	       workload_is_settled(c, !end, k);
}

static void close_channel(struct connection *c, int end, usec now, size_t k, uint16_t handle)
{
	connection_say(c, now, "end %d closes channel %zu", end, k);
	connection_close_channel(c, end, now, handle);
}

static void open_second(struct connection *c, int end, usec now, size_t k)
{
	struct lives *lives = &c->ends[end].lives[k];
	const char label[2] = {(char)(SECOND_LABEL + k), 0};
	const struct dpc_channel_config config = {
		.label = label, .unordered = c->plan[k].unordered};
	lives->second = true;
	if (dpc_peer_open_channel(c->ends[end].peer, connection_clock(c, end, now), &config,
		    &lives->second_handle) != DPC_OK)
		connection_object(c, "end %d cannot open channel %zu again", end, k);
}

static void act_on_channel(struct connection *c, int end, usec now, size_t k)
{
	struct end *e = &c->ends[end];
	struct lives *lives = &e->lives[k];
	if (!lives->closing && channel_is_done(c, end, k)) {
		lives->closing = true;
		close_channel(c, end, now, k, e->handle[k]);
	} else if (lives->closed && !lives->second) {
		open_second(c, end, now, k);
	}
}

bool ending_channel_opened(struct connection *c, int end, usec now, uint16_t handle)
{
	const char *label = dpc_peer_channel_label(c->ends[end].peer, handle);
	size_t k = label ? (size_t)(label[0] - SECOND_LABEL) : SIZE_MAX;
	if (k >= 2 * SIM_CHANNELS)
		return false;
	connection_say(c, now, "end %d: channel %zu is open again", end, k);
	struct lives *lives = &c->ends[end].lives[k];
	if (is_opener(end, k))
		return true;
	if (lives->second)
		connection_object(c, "end %d: channel %zu opens a third time", end, k);
	lives->second = true;
	lives->second_handle = handle;
	close_channel(c, end, now, k, handle);
	return true;
}

void ending_channel_closed(struct connection *c, int end, usec now, uint16_t handle)
{
	struct end *e = &c->ends[end];
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++) {
		struct lives *lives = &e->lives[k];
		bool is_first = e->open[k] && !lives->closed && e->handle[k] == handle;
		bool is_second =
			lives->second && !lives->second_closed && lives->second_handle == handle;
		if (!is_first && !is_second)
			continue;
		connection_say(c, now, "end %d: channel %zu is closed", end, k);
		*(is_first ? &lives->closed : &lives->second_closed) = true;
		return;
	}
	connection_object(c, "end %d: channel %u closes out of place", end, handle);
}

static bool all_lives_are_over(const struct connection *c, int end)
{
	for (size_t k = 0; c->close_channels && k < 2 * SIM_CHANNELS; k++)
		if (k % SIM_CHANNELS < c->channels && !c->ends[end].lives[k].second_closed)
			return false;
	return true;
}

/* ---- The connection ---- */

static void close_when_done(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	if (now < mishap_over(c) || !e->connected || !workload_all_accepted(c, end) ||
		!workload_all_received(c, end) || !all_lives_are_over(c, end) || !churn_is_over(c))
		return;
	connection_say(c, now, "end %d closes", end);
	e->close_called = true;
	dpc_peer_close(e->peer, connection_clock(c, end, now));
}

static void end_midway(struct connection *c, int end, usec now)
{
	struct end *e = &c->ends[end];
	/* Before both know of each other, it is for the signalling to end it. */
	if (now < c->ending_at || dpc_peer_state(e->peer) == DPC_NEW ||
		dpc_peer_state(c->ends[!end].peer) == DPC_NEW)
		return;
	c->ended = true;
	c->ending_at = now;
	e->close_called = true;
	if (c->ending == ENDING_ABORT) {
		connection_say(c, now, "end %d aborts", end);
		dpc_peer_abort(e->peer, connection_clock(c, end, now));
		return;
	}
	connection_say(c, now, "end %d vanishes", end);
	dpc_peer_destroy(e->peer);
	e->peer = NULL;
	e->closed = true;
}

void ending_act(struct connection *c, int end, usec now)
{
	for (size_t k = 0; c->close_channels && !c->ended && k < 2 * SIM_CHANNELS; k++)
		if (is_opener(end, k))
			act_on_channel(c, end, now, k);
	if (is_midway(c) && end == c->closer)
		end_midway(c, end, now);
	else if (c->ending == ENDING_BOTH_CLOSE || (c->ending == ENDING_CLOSE && end == c->closer))
		close_when_done(c, end, now);
}

usec ending_deadline(const struct connection *c, usec now)
{
	usec at = is_midway(c) ? c->ending_at : mishap_over(c);
	return at > now ? at : USEC_NEVER;
}

usec ending_limit(const struct connection *c)
{
	bool roamed = c->ends[0].roaming.tries + c->ends[1].roaming.tries > 0;
	return usec_max(c->ending_at, mishap_over(c)) + NOTICE + (roamed ? RESTART : 0);
}
