#include "signalling.h"

#include <stdlib.h>

#include "peer/convert.h"
#include "roaming.h"
#include "workload.h"

static void add_candidates(struct connection *c, int end, usec now)
{
	struct dpc_peer *peer = c->ends[end].peer;
	const struct network_end *e = &c->network.ends[end];
	usec clock = connection_clock(c, end, now);
	for (int i = 0; i < NETWORK_INTERFACES; i++) {
		if (e->host[i].family == ADDR_NONE)
			continue;
		struct dpc_addr host = addr_to_public(&e->host[i]);
		CHECK(dpc_peer_add_host(peer, clock, &host) == DPC_OK);
		if (e->public[i].family == ADDR_NONE)
			continue;
		struct dpc_addr public = addr_to_public(&e->public[i]);
		CHECK(dpc_peer_add_reflexive(peer, clock, &host, &public) == DPC_OK);
	}
	dpc_peer_end_of_candidates(peer, clock);
}

static void send_signal(
	struct connection *c, usec now, int from, enum signal_type type, const char *text)
{
	struct signal *s = malloc(sizeof *s + strlen(text) + 1);
	CHECK(s != NULL);
	*s = (struct signal){.arrival = now + c->signal_delay, .to = !from, .type = type};
	CHECK(text_copy(s->text, strlen(text) + 1, text));
	list_push_back(&c->signals, &s->list);
}

void signalling_candidate(struct connection *c, int end, usec now, const char *text)
{
	send_signal(c, now, end, SIGNAL_CANDIDATE, text);
}

void signalling_restart(struct connection *c, int end, usec now, const char *sdp)
{
	send_signal(c, now, end, SIGNAL_RESTART, sdp);
}

static void describe(struct connection *c, usec now, int end)
{
	char sdp[DPC_SDP_MAX];
	if (dpc_peer_local_description(c->ends[end].peer, sdp, sizeof sdp) != DPC_OK)
		connection_object(c, "end %d cannot describe itself", end);
	else
		send_signal(c, now, end, end == 0 ? SIGNAL_OFFER : SIGNAL_ANSWER, sdp);
}

void signalling_start(struct connection *c)
{
	list_init(&c->signals);
	c->trickle = rng_below(&c->rng, 2);
	c->signal_delay = (usec)rng_below(&c->rng, 200000);
	workload_open(c, 0, SIM_START);
	if (!c->trickle)
		add_candidates(c, 0, SIM_START);
	describe(c, SIM_START, 0);
	if (c->trickle)
		add_candidates(c, 0, SIM_START);
}

void signalling_deinit(struct connection *c)
{
	struct list *node;
	while ((node = list_pop_front(&c->signals)))
		free(CONTAINER_OF(node, struct signal, list));
}

static void receive_offer(struct connection *c, usec now, const char *sdp)
{
	struct dpc_peer *peer = c->ends[1].peer;
	if (!c->trickle)
		add_candidates(c, 1, now);
	enum dpc_err err = dpc_peer_set_remote_description(
		peer, connection_clock(c, 1, now), sdp, strlen(sdp));
	if (err)
		connection_object(c, "the offer is refused: %s", dpc_peer_err_text(err));
	describe(c, now, 1);
	if (c->trickle)
		add_candidates(c, 1, now);
	workload_open(c, 1, now);
}

static void receive_signal(struct connection *c, usec now, const struct signal *s)
{
	struct dpc_peer *peer = c->ends[s->to].peer;
	if (c->ends[s->to].closed || !peer)
		return;
	usec clock = connection_clock(c, s->to, now);
	enum dpc_err err = DPC_OK;
	switch (s->type) {
	case SIGNAL_OFFER:
		receive_offer(c, now, s->text);
		return;
	case SIGNAL_ANSWER:
		err = dpc_peer_set_remote_description(peer, clock, s->text, strlen(s->text));
		break;
	case SIGNAL_CANDIDATE:
		err = dpc_peer_add_remote_candidate(peer, clock, s->text, strlen(s->text));
		break;
	case SIGNAL_RESTART:
		roaming_receive(c, s->to, now, s->text);
		return;
	}
	if (err && err != DPC_ERR_EXISTS)
		connection_object(c, "a signal is refused: %s", dpc_peer_err_text(err));
}

void signalling_deliver(struct connection *c, usec now)
{
	while (!list_is_empty(&c->signals)) {
		struct signal *s = CONTAINER_OF(c->signals.next, struct signal, list);
		if (s->arrival > now)
			return;
		list_remove(&s->list);
		receive_signal(c, now, s);
		free(s);
	}
}

usec signalling_deadline(const struct connection *c)
{
	if (list_is_empty(&c->signals))
		return USEC_NEVER;
	return CONTAINER_OF(c->signals.next, struct signal, list)->arrival;
}
