#include "node/nat_probe.h"

#include <stdlib.h>

#include "net/iface.h"
#include "net/udp.h"

enum phase {
	ASKING,
	TESTING,
	DONE,
};

/* One address family. */
struct side {
	struct nat_probe *probe;
	enum addr_family family;
	enum phase phase;
	struct net_udp *first, *second;
	struct discovery test;
};

struct question {
	struct addr server;
	bool asked; /* there is a route */
	bool nonsense;
	struct discovery discovery;
};

struct nat_probe {
	struct net_loop *loop;
	struct rng *rng;
	struct net_timer timer;
	struct side sides[2];
	struct question questions[NAT_PROBE_SERVERS_MAX];
	size_t count;
	bool told;
	void (*done)(void *user);
	void *user;
};

static void pump(struct nat_probe *probe, usec now);

/* ---- Sockets ---- */

static bool is_of(const struct side *side, const struct question *question)
{
	return question->asked && question->server.family == side->family;
}

/* Only whether it answers, and what it sees: the rest is for the test. */
static bool is_settled(const struct question *question)
{
	return question->discovery.has_answer || discovery_is_done(&question->discovery);
}

static void on_datagram(const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct side *side = user;
	struct nat_probe *probe = side->probe;
	for (size_t i = 0; side->phase == ASKING && i < probe->count; i++) {
		struct question *question = &probe->questions[i];
		if (!is_of(side, question) || is_settled(question))
			continue;
		discovery_receive(&question->discovery, now, &path->remote, datagram);
		question->nonsense |=
			addr_equal(&question->server, &path->remote) && !is_settled(question);
	}
	if (side->phase == TESTING)
		discovery_receive(&side->test, now, &path->remote, datagram);
}

static void on_batch_end(usec now, void *user)
{
	pump(((struct side *)user)->probe, now);
}

static void close_sockets(struct side *side)
{
	net_udp_destroy(side->first);
	net_udp_destroy(side->second);
	side->first = side->second = NULL;
}

static bool open_socket(struct side *side, struct net_udp **socket)
{
	struct addr any = {.family = side->family};
	struct net_udp_handler handler = {
		.receive = on_datagram, .batch_end = on_batch_end, .user = side};
	return net_udp_create(side->probe->loop, &any, 0, &handler, socket) == ERR_OK;
}

static void send_all(struct side *side, struct discovery *discovery, usec now)
{
	uint8_t data[DISCOVERY_DATAGRAM_MAX];
	struct path path;
	bool second;
	size_t size;
	while ((size = discovery_write(discovery, now, data, &path.remote, &second)) > 0) {
		struct net_udp *udp = second ? side->second : side->first;
		path.local = discovery->local;
		/* What is lost is repeated, and what is lost again is silence. */
		if (udp && net_udp_send(udp, &path, bytes_of(data, size), size) != ERR_OK)
			continue;
	}
}

/* ---- Phases ---- */

static bool has_other(const struct discovery *discovery)
{
	/* Only then is another step than the hairpin next. */
	return discovery->has_answer && discovery->step == DISCOVERY_FILTERING_ADDRESS;
}

static const struct discovery *best(const struct side *side)
{
	const struct discovery *found = NULL;
	for (size_t i = 0; i < side->probe->count; i++) {
		const struct question *question = &side->probe->questions[i];
		if (!is_of(side, question) || !question->discovery.has_answer)
			continue;
		if (has_other(&question->discovery))
			return &question->discovery;
		if (!found)
			found = &question->discovery;
	}
	return found;
}

static void begin_test(struct side *side, usec now)
{
	const struct discovery *from = best(side);
	close_sockets(side);
	side->phase = DONE;
	if (!from || !open_socket(side, &side->first) || !open_socket(side, &side->second))
		return;
	struct addr local = from->local;
	local.port = net_udp_local(side->first)->port;
	discovery_init(&side->test, &local, &from->server, side->probe->rng, now);
	side->phase = TESTING;
}

/* Returns when it has to be looked at again. */
static usec advance_asking(struct side *side, usec now)
{
	usec deadline = USEC_NEVER;
	for (size_t i = 0; i < side->probe->count; i++) {
		struct question *question = &side->probe->questions[i];
		if (!is_of(side, question) || is_settled(question))
			continue;
		discovery_advance(&question->discovery, now);
		send_all(side, &question->discovery, now);
		deadline = usec_min(deadline, discovery_deadline(&question->discovery));
	}
	if (deadline == USEC_NEVER)
		begin_test(side, now);
	return deadline;
}

static usec advance(struct side *side, usec now)
{
	usec deadline = USEC_NEVER;
	if (side->phase == ASKING)
		deadline = advance_asking(side, now);
	if (side->phase == TESTING) {
		discovery_advance(&side->test, now);
		send_all(side, &side->test, now);
		deadline = discovery_deadline(&side->test);
		if (discovery_is_done(&side->test))
			side->phase = DONE;
	}
	if (side->phase == DONE)
		close_sockets(side);
	return deadline;
}

static void pump(struct nat_probe *probe, usec now)
{
	usec deadline = USEC_NEVER;
	for (size_t i = 0; i < 2; i++)
		deadline = usec_min(deadline, advance(&probe->sides[i], now));
	net_timer_set(&probe->timer, deadline);
	if (probe->told || probe->sides[0].phase != DONE || probe->sides[1].phase != DONE)
		return;
	probe->told = true;
	probe->done(probe->user);
}

static void on_timer(void *user)
{
	pump(user, net_now());
}

/* ---- Life ---- */

static void begin_asking(struct nat_probe *probe, struct question *question, usec now)
{
	struct side *side = &probe->sides[question->server.family == ADDR_IPV4 ? 0 : 1];
	struct addr local;
	if (net_iface_source(&question->server, &local) != ERR_OK || !side->first)
		return;
	local.port = net_udp_local(side->first)->port;
	discovery_init(&question->discovery, &local, &question->server, probe->rng, now);
	question->asked = true;
}

enum err nat_probe_create(struct net_loop *loop, struct rng *rng, const struct addr *servers,
	size_t count, void (*done)(void *user), void *user, struct nat_probe **ret_probe)
{
	struct nat_probe *probe = calloc(1, sizeof(*probe));
	if (!probe)
		return ERR_NOMEM;
	probe->loop = loop;
	probe->rng = rng;
	probe->done = done;
	probe->user = user;
	enum err err = net_timer_init(&probe->timer, loop, on_timer, probe);
	if (err) {
		free(probe);
		return err;
	}
	usec now = net_now();
	for (size_t i = 0; i < 2; i++) {
		struct side *side = &probe->sides[i];
		side->probe = probe;
		side->family = i == 0 ? ADDR_IPV4 : ADDR_IPV6;
		/* A machine without IPv6 asks by IPv4 only. */
		if (!open_socket(side, &side->first))
			side->first = NULL;
	}
	for (size_t i = 0; i < count && i < NAT_PROBE_SERVERS_MAX; i++) {
		probe->questions[i].server = servers[i];
		begin_asking(probe, &probe->questions[i], now);
		probe->count++;
	}
	net_timer_set(&probe->timer, now);
	*ret_probe = probe;
	return ERR_OK;
}

void nat_probe_destroy(struct nat_probe *probe)
{
	if (!probe)
		return;
	for (size_t i = 0; i < 2; i++)
		close_sockets(&probe->sides[i]);
	net_timer_deinit(&probe->timer);
	free(probe);
}

/* ---- What is known ---- */

size_t nat_probe_server_count(const struct nat_probe *probe)
{
	return probe->count;
}

struct nat_probe_server nat_probe_server(const struct nat_probe *probe, size_t index)
{
	CHECK(index < probe->count);
	const struct question *question = &probe->questions[index];
	const struct discovery *discovery = &question->discovery;
	return (struct nat_probe_server){.addr = question->server,
		.local = discovery->local,
		.mapped = discovery->mapped,
		.round_trip = discovery->round_trip,
		.has_other = has_other(discovery),
		.nonsense = question->nonsense};
}

/* Servers at one IP see the same also where the NAT maps by IP: they say nothing. */
static enum discovery_behaviour compare(const struct side *side)
{
	const struct nat_probe *probe = side->probe;
	for (size_t i = 0; i < probe->count; i++) {
		for (size_t j = i + 1; j < probe->count; j++) {
			const struct question *a = &probe->questions[i], *b = &probe->questions[j];
			if (!is_of(side, a) || !is_of(side, b) ||
				addr_same_ip(&a->server, &b->server))
				continue;
			enum discovery_behaviour mapping =
				discovery_compare(&a->discovery, &b->discovery);
			if (mapping != DISCOVERY_UNKNOWN)
				return mapping;
		}
	}
	return DISCOVERY_UNKNOWN;
}

struct nat_probe_result nat_probe_result(const struct nat_probe *probe, enum addr_family family)
{
	const struct side *side = &probe->sides[family == ADDR_IPV4 ? 0 : 1];
	const struct discovery *test = &side->test, *first = best(side);
	struct nat_probe_result result = {.mapping = test->mapping,
		.filtering = test->filtering,
		.hairpin_known = test->hairpin_known,
		.hairpin = test->hairpin};
	if (first) {
		result.local = first->local;
		result.mapped = first->mapped;
	}
	if (result.mapping == DISCOVERY_UNKNOWN)
		result.mapping = compare(side);
	return result;
}
