#include "churn.h"

#include "workload.h"

#define CHURN_TAG UINT64_C(0x63687572)
#define CHURN_LABEL '0'
/* At a time of an end: the others wait, and so use the same ids. */
#define CHURN_OPEN_MAX 3

void churn_plan(struct connection *c)
{
	struct rng rng = rng_seeded(c->seed ^ CHURN_TAG);
	if (rng_below(&rng, 3) > 0)
		return;
	for (int end = 0; end < 2; end++) {
		struct end *e = &c->ends[end];
		usec at = SIM_START;
		e->churns = rng_below(&rng, SIM_CHURN_MAX + 1);
		for (size_t i = 0; i < e->churns; i++) {
			at += (usec)rng_below(&rng, 500 * USEC_PER_MS);
			e->churn[i] = (struct churn){.opening = at,
				.messages = (uint32_t)rng_below(&rng, 6),
				.size_max = rng_below(&rng, 8) ? 1500 : 60000};
		}
	}
}

/* ---- Its opener ---- */

static size_t message(
	const struct connection *c, int end, size_t i, uint32_t index, const uint8_t **ret_data)
{
	const struct churn *churn = &c->ends[end].churn[i];
	size_t size_max = min_size(churn->size_max, c->ends[!end].message_max);
	return workload_piece(
		c->seed ^ CHURN_TAG ^ ((uint64_t)end << 32 | i << 16 | index), size_max, ret_data);
}

static size_t open_count(const struct end *e, int end)
{
	size_t count = 0;
	for (size_t i = 0; i < e->churns; i++)
		count += e->churn[i].opened && !e->churn[i].sides[end].closed;
	return count;
}

static void open(struct connection *c, int end, usec now, size_t i)
{
	struct churn *churn = &c->ends[end].churn[i];
	const char label[3] = {CHURN_LABEL, (char)('a' + i), 0};
	const struct dpc_channel_config config = {.label = label};
	connection_say(c, now, "end %d opens short channel %zu", end, i);
	churn->opened = true;
	if (dpc_peer_open_channel(c->ends[end].peer, connection_clock(c, end, now), &config,
		    &churn->sides[end].handle) != DPC_OK)
		connection_object(c, "end %d cannot open short channel %zu", end, i);
}

static void act(struct connection *c, int end, usec now, size_t i)
{
	struct end *e = &c->ends[end];
	struct churn *churn = &e->churn[i];
	struct churn_side *side = &churn->sides[end];
	if (!churn->opened && churn->opening <= now && open_count(e, end) < CHURN_OPEN_MAX)
		open(c, end, now, i);
	while (churn->opened && !churn->blocked && !side->closing &&
		churn->accepted < churn->messages) {
		const uint8_t *data;
		size_t size = message(c, end, i, churn->accepted, &data);
		enum dpc_err err = dpc_peer_send(
			e->peer, connection_clock(c, end, now), side->handle, true, data, size);
		churn->blocked = err == DPC_ERR_AGAIN;
		churn->accepted += err == DPC_OK;
		if (err == DPC_ERR_STATE && c->ended)
			return;
		if (err && err != DPC_ERR_AGAIN) {
			connection_object(c, "end %d cannot send on short channel %zu: %s", end, i,
				dpc_peer_err_text(err));
			return;
		}
	}
	/* An id is known, and a message can be sent, only when there is an association. */
	if (churn->opened && !side->closing && e->connected && churn->accepted == churn->messages) {
		side->closing = true;
		connection_say(c, now, "end %d closes short channel %zu", end, i);
		connection_close_channel(c, end, now, side->handle);
	}
}

void churn_act(struct connection *c, int end, usec now)
{
	for (size_t i = 0; i < c->ends[end].churns; i++)
		act(c, end, now, i);
}

usec churn_deadline(const struct connection *c, usec now)
{
	usec next = USEC_NEVER;
	for (int end = 0; end < 2; end++)
		for (size_t i = 0; i < c->ends[end].churns; i++)
			if (c->ends[end].churn[i].opening > now)
				next = usec_min(next, c->ends[end].churn[i].opening);
	return next;
}

void churn_sendable(struct connection *c, int end)
{
	for (size_t i = 0; i < c->ends[end].churns; i++)
		c->ends[end].churn[i].blocked = false;
}

bool churn_is_over(const struct connection *c)
{
	for (int end = 0; end < 2; end++)
		for (size_t i = 0; i < c->ends[end].churns; i++) {
			const struct churn *churn = &c->ends[end].churn[i];
			if (!churn->sides[0].closed || !churn->sides[1].closed)
				return false;
		}
	return true;
}

/* ---- Events ---- */

bool churn_opened(struct connection *c, int end, usec now, uint16_t handle)
{
	const char *label = dpc_peer_channel_label(c->ends[end].peer, handle);
	if (!label || label[0] != CHURN_LABEL)
		return false;
	size_t i = (size_t)(label[1] - 'a');
	bool ours = i < c->ends[end].churns && c->ends[end].churn[i].opened &&
		    c->ends[end].churn[i].sides[end].handle == handle &&
		    !c->ends[end].churn[i].sides[end].closed;
	int opener = ours ? end : !end;
	struct churn_side *side = &c->ends[opener].churn[i].sides[end];
	connection_say(c, now, "end %d: short channel %zu is open", end, i);
	if (i >= c->ends[opener].churns || side->open)
		connection_object(c, "end %d: short channel %zu opens out of place", end, i);
	side->open = true;
	side->handle = handle;
	return true;
}

/* The short channel that an end knows by this handle now. */
static struct churn *find(
	struct connection *c, int end, uint16_t handle, int *ret_opener, size_t *ret_index)
{
	for (int opener = 0; opener < 2; opener++)
		for (size_t i = 0; i < c->ends[opener].churns; i++) {
			struct churn *churn = &c->ends[opener].churn[i];
			const struct churn_side *side = &churn->sides[end];
			bool known = opener == end ? churn->opened : side->open;
			if (!known || side->closed || side->handle != handle)
				continue;
			*ret_opener = opener;
			*ret_index = i;
			return churn;
		}
	return NULL;
}

bool churn_message(struct connection *c, int end, const struct dpc_event *event)
{
	int opener;
	size_t i;
	const uint8_t *data;
	struct churn *churn = find(c, end, event->channel, &opener, &i);
	if (!churn)
		return false;
	size_t size = message(c, opener, i, churn->received, &data);
	if (opener == end || churn->received >= churn->accepted || size != event->size ||
		(size > 0 && memcmp(data, event->data, size) != 0))
		connection_object(c, "short channel %zu of end %d: a wrong message", i, opener);
	churn->received++;
	c->messages++;
	c->bytes += size;
	return true;
}

bool churn_closed(struct connection *c, int end, usec now, uint16_t handle)
{
	int opener;
	size_t i;
	struct churn *churn = find(c, end, handle, &opener, &i);
	if (!churn)
		return false;
	connection_say(c, now, "end %d: short channel %zu is closed", end, i);
	churn->sides[end].closed = true;
	if (!c->ended && churn->received != churn->messages)
		connection_object(c,
			"short channel %zu of end %d is closed after %u of %u messages", i, opener,
			churn->received, churn->messages);
	return true;
}
