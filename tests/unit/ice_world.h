/* Two agents and the network between them, in virtual time and from one seed: delay, loss, NATs
 * that let in only what answers, and cuts. Agent 0 begins as the controlling one. */
#ifndef ICE_WORLD_H
#define ICE_WORLD_H

#include "base/addr.h"
#include "base/rng.h"
#include "ice/agent.h"
#include "test.h"

#define WORLD_PACKETS 512
#define WORLD_ADDRESSES 4
#define WORLD_OPENED 64

struct world_packet {
	usec due; /* 0: free place */
	size_t to;
	struct path path; /* as the receiver sees it */
	uint8_t data[ICE_DATAGRAM_MAX];
	size_t size;
};

struct world_side {
	struct ice_agent *agent;
	struct rng rng;
	struct addr addresses[WORLD_ADDRESSES];
	size_t address_count;
	/* A NAT in front of addresses[0], when it has a family: its mapping, and whom it lets in.
	 */
	struct addr outside, opened[WORLD_OPENED];
	size_t opened_count;
	struct addr relayed; /* outside of the NAT, when it has a family */
	size_t sent;
};

struct world {
	usec now, delay;
	struct rng rng;
	unsigned loss_percent;
	bool cut;    /* nothing passes */
	bool no_udp; /* nothing but TCP passes */
	/* The port that the system draws for a connection; another one when it is made anew. */
	uint16_t drawn_port;
	size_t dialled; /* datagrams sent over one that we make */
	/* Sockets are bound to no address: receivers do not know which of theirs was meant, and the
	 * route decides from which they send. */
	bool wildcard;
	struct world_side sides[2];
	struct world_packet packets[WORLD_PACKETS];
};

static inline struct addr world_addr(const char *text)
{
	struct addr addr;
	assert_true(addr_parse(text, &addr));
	return addr;
}

static inline struct world *world_create(uint64_t seed, bool controlling0, bool controlling1)
{
	struct world *w = test_calloc(1, sizeof *w);
	w->now = USEC_PER_SEC;
	w->delay = USEC_PER_MS;
	w->drawn_port = 40000;
	w->rng = rng_seeded(seed);
	for (size_t i = 0; i < 2; i++) {
		struct world_side *side = &w->sides[i];
		side->rng = rng_seeded(2 * seed + i + 1);
		struct ice_config config = {
			.controlling = i == 0 ? controlling0 : controlling1, .rng = &side->rng};
		assert_ok(ice_agent_create(&config, w->now, &side->agent));
		ice_agent_set_pacing(side->agent, ICE_PACING_MS);
	}
	return w;
}

static inline void world_destroy(struct world *w)
{
	ice_agent_destroy(w->sides[0].agent);
	ice_agent_destroy(w->sides[1].agent);
	test_free(w);
}

static inline void world_add_host(struct world *w, size_t i, const char *text)
{
	struct world_side *side = &w->sides[i];
	assert_true(side->address_count < WORLD_ADDRESSES);
	side->addresses[side->address_count] = world_addr(text);
	assert_ok(ice_agent_add_host(side->agent, w->now, &side->addresses[side->address_count++]));
}

static inline void world_add_tcp(struct world *w, size_t i, const char *text)
{
	struct world_side *side = &w->sides[i];
	assert_true(side->address_count < WORLD_ADDRESSES);
	struct addr *addr = &side->addresses[side->address_count++];
	*addr = world_addr(text);
	addr->transport = ADDR_TCP;
	assert_ok(ice_agent_add_host(side->agent, w->now, addr));
}

static inline void world_add_relayed(struct world *w, size_t i, const char *text)
{
	struct world_side *side = &w->sides[i];
	side->relayed = world_addr(text);
	assert_ok(ice_agent_add_relayed(side->agent, w->now, &side->relayed));
}

static inline bool world_owns(const struct world_side *side, const struct addr *addr)
{
	for (size_t i = 0; i < side->address_count; i++)
		if (addr_equal(&side->addresses[i], addr))
			return true;
	return false;
}

static inline bool world_is_open(const struct world_side *side, const struct addr *from)
{
	for (size_t i = 0; i < side->opened_count; i++)
		if (addr_equal(&side->opened[i], from))
			return true;
	return false;
}

/* As routing would choose it: the address most like the target. */
static inline struct addr world_source(const struct world_side *side, const struct addr *target)
{
	size_t best = 0, best_points = 0;
	for (size_t i = 0; i < side->address_count; i++) {
		const struct addr *addr = &side->addresses[i];
		size_t points = 0;
		while (addr->family == target->family && points < sizeof addr->ip &&
			addr->ip[points] == target->ip[points])
			points++;
		if (points > best_points) {
			best = i;
			best_points = points;
		}
	}
	return side->addresses[best];
}

/* Over a connection, which is there as soon as something is to go over it. */
static inline bool world_route_tcp(
	struct world *w, size_t from, struct path sent, struct path *ret_path)
{
	if (sent.local.port == ICE_PORT_ACTIVE) {
		sent.local.port = w->drawn_port;
		w->dialled++;
	} else if (sent.remote.port == w->drawn_port) {
		sent.remote.port = ICE_PORT_ACTIVE;
	}
	if (!world_owns(&w->sides[1 - from], &sent.remote))
		return false;
	*ret_path = (struct path){.local = sent.remote, .remote = sent.local};
	return !w->cut;
}

/* The path of a packet as its receiver sees it; false when the network drops it. */
static inline bool world_route(
	struct world *w, size_t from, struct path sent, struct path *ret_path)
{
	struct world_side *here = &w->sides[from], *there = &w->sides[1 - from];
	if (sent.remote.transport == ADDR_TCP)
		return world_route_tcp(w, from, sent, ret_path);
	if (w->no_udp)
		return false;
	struct addr source = w->wildcard ? world_source(here, &sent.remote) : sent.local;
	if (here->outside.family != ADDR_NONE && addr_equal(&source, &here->addresses[0])) {
		source = here->outside;
		if (!world_is_open(here, &sent.remote)) {
			assert_true(here->opened_count < WORLD_OPENED);
			here->opened[here->opened_count++] = sent.remote;
		}
	}
	struct addr target = sent.remote;
	bool relayed = there->relayed.family != ADDR_NONE && addr_equal(&target, &there->relayed);
	if (there->outside.family != ADDR_NONE && !relayed) {
		if (!addr_equal(&target, &there->outside) || !world_is_open(there, &source))
			return false;
		target = there->addresses[0];
	}
	if (!relayed && !world_owns(there, &target))
		return false;
	if (w->wildcard && !relayed)
		memset(target.ip, 0, sizeof target.ip);
	*ret_path = (struct path){.local = target, .remote = source};
	return !w->cut && rng_below(&w->rng, 100) >= w->loss_percent;
}

static inline void world_send(struct world *w, size_t from)
{
	struct world_side *side = &w->sides[from];
	struct world_packet p = {.due = w->now + w->delay, .to = 1 - from};
	struct path sent;
	for (size_t n = 0;; n++) {
		assert_true(n < 100);
		p.size = ice_agent_write(side->agent, w->now, p.data, sizeof p.data, &sent);
		if (p.size == 0)
			return;
		side->sent++;
		if (!world_route(w, from, sent, &p.path))
			continue;
		size_t place = 0;
		while (w->packets[place].due > 0)
			assert_true(++place < WORLD_PACKETS);
		w->packets[place] = p;
	}
}

static inline void world_deliver(struct world *w)
{
	for (size_t i = 0; i < WORLD_PACKETS; i++) {
		struct world_packet *p = &w->packets[i];
		if (p->due == 0 || p->due > w->now)
			continue;
		ice_agent_receive(
			w->sides[p->to].agent, w->now, &p->path, bytes_of(p->data, p->size));
		p->due = 0;
		world_send(w, p->to);
	}
}

/* Sends what is due now, then moves to the next moment at which something happens, at most to
 * `until`. */
static inline void world_step(struct world *w, usec until)
{
	usec next = until;
	for (size_t i = 0; i < 2; i++) {
		ice_agent_advance(w->sides[i].agent, w->now);
		world_send(w, i);
		usec deadline = ice_agent_deadline(w->sides[i].agent);
		/* Or the caller would spin. */
		assert_true(deadline > w->now);
		next = usec_min(next, deadline);
	}
	for (size_t i = 0; i < WORLD_PACKETS; i++)
		if (w->packets[i].due > 0)
			next = usec_min(next, usec_max(w->packets[i].due, w->now));
	w->now = next;
	world_deliver(w);
}

static inline void world_run(struct world *w, usec time)
{
	usec until = w->now + time;
	while (w->now < until)
		world_step(w, until);
}

static inline enum ice_state world_state(const struct world *w, size_t i)
{
	return ice_agent_state(w->sides[i].agent);
}

/* Until both are in this state; false when that takes longer than `time`. */
static inline bool world_run_until(struct world *w, enum ice_state state, usec time)
{
	usec until = w->now + time;
	while (world_state(w, 0) != state || world_state(w, 1) != state) {
		if (w->now >= until)
			return false;
		world_step(w, until);
	}
	return true;
}

/* Tells agent `to` the other's credentials. */
static inline void world_signal_credentials(struct world *w, size_t to)
{
	const struct ice_agent *from = w->sides[1 - to].agent;
	assert_ok(ice_agent_set_remote(w->sides[to].agent, w->now,
		bytes_of_text(ice_agent_ufrag(from)), bytes_of_text(ice_agent_pwd(from)), false));
}

/* Tells agent `to` the other's candidates as they are now, through their text. */
static inline void world_signal_candidates(struct world *w, size_t to)
{
	const struct ice_agent *from = w->sides[1 - to].agent;
	for (size_t i = 0; i < ice_agent_local_count(from); i++) {
		char text[ICE_CANDIDATE_TEXT_MAX];
		struct ice_candidate candidate;
		ice_candidate_format(ice_agent_local(from, i), text);
		assert_ok(ice_candidate_parse(bytes_of_text(text), &candidate));
		enum err err = ice_agent_add_remote(w->sides[to].agent, w->now, &candidate);
		assert_true(err == ERR_OK || err == ERR_EXISTS);
	}
}

static inline void world_end_of_candidates(struct world *w)
{
	for (size_t i = 0; i < 2; i++) {
		ice_agent_end_of_local(w->sides[i].agent, w->now);
		ice_agent_end_of_remote(w->sides[i].agent, w->now);
	}
}

static inline void world_signal_all(struct world *w)
{
	for (size_t i = 0; i < 2; i++) {
		world_signal_candidates(w, i);
		world_signal_credentials(w, i);
	}
	world_end_of_candidates(w);
}

static inline struct ice_selected world_selected(const struct world *w, size_t i)
{
	struct ice_selected selected;
	assert_true(ice_agent_selected(w->sides[i].agent, &selected));
	return selected;
}

#endif
