#include "roaming.h"

#include "peer/convert.h"
#include "signalling.h"

#define ROAMING_TAG UINT64_C(0x726f616d)
#define BEGIN_MAX (20 * USEC_PER_SEC)
#define AGAIN (2 * USEC_PER_SEC)
#define TRIES_MAX 8
/* Of these the descriptions may be lost. */
#define TRIES_LOSSY 4

static void plan_end(struct connection *c, int end)
{
	struct roaming *r = &c->ends[end].roaming;
	r->at = SIM_START + (usec)rng_below(&c->roaming_rng, BEGIN_MAX);
	/* What a NAT makes of a new address is the mishap of rebinding. */
	bool nat = c->network.ends[end].public[0].family != ADDR_NONE;
	r->moves = !nat && rng_below(&c->roaming_rng, 4) > 0;
}

void roaming_plan(struct connection *c)
{
	c->roaming_rng = rng_seeded(c->seed ^ ROAMING_TAG);
	for (int end = 0; end < 2; end++)
		if (rng_below(&c->roaming_rng, 4) == 0)
			plan_end(c, end);
	/* Both at once. */
	if (rng_below(&c->roaming_rng, 10) == 0) {
		plan_end(c, 0);
		plan_end(c, 1);
		c->ends[1].roaming.at = c->ends[0].roaming.at;
	}
}

static void move(struct connection *c, int end, usec clock)
{
	struct network_end *e = &c->network.ends[end];
	struct dpc_peer *peer = c->ends[end].peer;
	for (int i = 0; i < NETWORK_INTERFACES; i++) {
		if (e->host[i].family == ADDR_NONE)
			continue;
		struct dpc_addr host = addr_to_public(&e->host[i]);
		enum dpc_err err = dpc_peer_remove_host(peer, clock, &host);
		if (err)
			connection_object(c, "end %d cannot leave an address: %s", end,
				dpc_peer_err_text(err));
		e->host[i].port = (uint16_t)(e->host[i].port + 10);
		host = addr_to_public(&e->host[i]);
		err = dpc_peer_add_host(peer, clock, &host);
		if (err)
			connection_object(c, "end %d cannot take an address: %s", end,
				dpc_peer_err_text(err));
	}
}

/* Neither an offer nor its answer is lost for ever. */
static bool is_lossy(const struct connection *c)
{
	return c->ends[0].roaming.tries <= TRIES_LOSSY && c->ends[1].roaming.tries <= TRIES_LOSSY;
}

/* Sends our description, or loses it. */
static void describe(struct connection *c, int end, usec now)
{
	char sdp[DPC_SDP_MAX];
	dpc_peer_end_of_candidates(c->ends[end].peer, connection_clock(c, end, now));
	enum dpc_err err = dpc_peer_local_description(c->ends[end].peer, sdp, sizeof sdp);
	if (err)
		connection_object(
			c, "end %d cannot describe itself again: %s", end, dpc_peer_err_text(err));
	else if (is_lossy(c) && rng_below(&c->roaming_rng, 4) == 0)
		connection_say(c, now, "end %d: the description is lost", end);
	else
		signalling_restart(c, end, now, sdp);
}

static bool is_able(const struct connection *c, int end, usec now)
{
	const struct end *e = &c->ends[end];
	const struct end_mishaps *m = &e->mishaps;
	return e->peer && !e->closed && dpc_peer_state(e->peer) != DPC_CLOSED &&
	       !(now >= m->still_from && now < m->still_to);
}

static void act(struct connection *c, int end, usec now)
{
	struct roaming *r = &c->ends[end].roaming;
	if (r->at == 0 || r->at > now)
		return;
	if (c->ended) {
		r->at = 0;
		return;
	}
	r->at = now + AGAIN;
	if (!is_able(c, end, now) || !c->ends[end].connected)
		return;
	struct dpc_peer *peer = c->ends[end].peer;
	bool is_complete = r->tries > 0 && dpc_peer_state(peer) != DPC_DISCONNECTED &&
			   !dpc_peer_former_user(peer);
	if (is_complete || r->tries == TRIES_MAX) {
		r->at = 0;
		return;
	}
	usec clock = connection_clock(c, end, now);
	connection_say(c, now, "end %d: restart %u%s", end, r->tries,
		r->moves && r->tries == 0 ? ", from another address" : "");
	if (r->moves && r->tries == 0)
		move(c, end, clock);
	r->tries++;
	enum dpc_err err = dpc_peer_restart_ice(peer, clock);
	if (err)
		connection_object(c, "end %d cannot restart: %s", end, dpc_peer_err_text(err));
	else
		describe(c, end, now);
}

void roaming_act(struct connection *c, usec now)
{
	act(c, 0, now);
	act(c, 1, now);
}

usec roaming_deadline(const struct connection *c, usec now)
{
	usec next = USEC_NEVER;
	for (int end = 0; end < 2; end++) {
		usec at = c->ends[end].roaming.at;
		bool is_over = c->ends[end].closed || !c->ends[end].peer;
		if (at > now && !is_over)
			next = usec_min(next, at);
	}
	return next;
}

void roaming_receive(struct connection *c, int end, usec now, const char *sdp)
{
	if (!is_able(c, end, now))
		return;
	enum dpc_err err = dpc_peer_set_remote_description(
		c->ends[end].peer, connection_clock(c, end, now), sdp, strlen(sdp));
	bool is_offer = strstr(sdp, "a=setup:actpass") != NULL;
	connection_say(c, now, "end %d: %s of a restart: %s", end, is_offer ? "offer" : "answer",
		dpc_peer_err_text(err));
	if (err && err != DPC_ERR_EXISTS && err != DPC_ERR_STATE)
		connection_object(c, "end %d refuses a restart: %s", end, dpc_peer_err_text(err));
	else if (is_offer && err != DPC_ERR_STATE)
		describe(c, end, now);
}

usec roaming_over(const struct connection *c)
{
	usec over = SIM_START;
	for (int end = 0; end < 2; end++)
		if (c->ends[end].roaming.at > 0)
			over = usec_max(over, c->ends[end].roaming.at + TRIES_MAX * AGAIN);
	return over;
}
