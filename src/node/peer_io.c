#include "node/peer_io.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/peer_io_internal.h"
#include "peer/convert.h"

/* RFC 7983: the first byte of STUN. */
#define STUN_FIRST_MAX 3

/* Output and events of a peer are taken in turns this often before others have theirs. */
#define ROUNDS_MAX 4

struct net_udp *peer_io_udp(const struct peer_io *io, enum addr_family family)
{
	switch (family) {
	case ADDR_NONE:
		return NULL;
	case ADDR_IPV4:
		return io->sockets[0].udp;
	case ADDR_IPV6:
		return io->sockets[1].udp;
	}
	UNREACHABLE();
}

static struct peer_io_peer *peer_of_route(const struct peer_route *route)
{
	return CONTAINER_OF(route->owner, struct peer_io_peer, route);
}

static void mark(struct peer_io_peer *peer)
{
	if (!list_is_linked(&peer->dirty_node))
		list_push_back(&peer->io->dirty, &peer->dirty_node);
}

/* ---- Out ---- */

static bool is_blocked(const struct peer_io *io)
{
	for (size_t i = 0; i < 2; i++) {
		if (io->sockets[i].udp && net_udp_is_blocked(io->sockets[i].udp))
			return true;
	}
	return false;
}

static void send_flight(struct peer_io_peer *peer, const struct path *path, struct bytes flight,
	size_t segment, usec now)
{
	struct peer_io *io = peer->io;
	if (path->remote.transport == ADDR_TCP) {
		peer_tcp_send(peer, path, flight, segment, now);
		return;
	}
	struct net_udp *udp = peer_io_udp(io, path->remote.family);
	/* Without a route the answers find nobody, as if they were lost. */
	enum err err = peer_route_learn(&io->routes, &peer->route, path);
	if (!err && peer_relay_send(io, path, flight, segment))
		return;
	if (err || !udp)
		io->lost_out++;
	else if (net_udp_send(udp, path, flight, segment) == ERR_AGAIN)
		io->lost_out++; /* all else is in the socket's own count */
}

/* False when the sockets cannot take more. A peer whose TCP connection cannot has written what it
 * may for now. */
static bool write_out(struct peer_io_peer *peer, usec now)
{
	struct peer_io *io = peer->io;
	for (;;) {
		if (is_blocked(io))
			return false;
		peer->is_full = peer->tcp_count > 0 && peer_tcp_is_full(peer, now);
		if (peer->is_full)
			return true;
		struct dpc_path public;
		size_t segment;
		size_t size = dpc_peer_write(
			peer->dpc, now, io->buffer, sizeof(io->buffer), &public, &segment);
		if (size == 0)
			return true;
		struct path path = path_from_public(&public);
		send_flight(peer, &path, bytes_of(io->buffer, size), segment, now);
	}
}

/* ---- Names ---- */

static bool has_name(const struct peer_io_peer *peer, const char *name)
{
	return strcmp(peer->names[0], name) == 0 || strcmp(peer->names[1], name) == 0;
}

static enum err add_name(struct peer_io_peer *peer, const char *name)
{
	char *place = peer->names[peer->names[0][0] ? 1 : 0];
	CHECK(!place[0]);
	CHECK(text_copy(place, sizeof peer->names[0], name));
	enum err err = map_insert(&peer->io->users, bytes_of_text(place), peer);
	if (err)
		place[0] = 0;
	return err;
}

static void remove_name(struct peer_io_peer *peer, char *name)
{
	if (name[0])
		map_remove(&peer->io->users, bytes_of_text(name));
	name[0] = 0;
}

/* A restart, of either side, gives the peer another name, and takes the one of before when it is
 * complete. */
static void follow_names(struct peer_io_peer *peer)
{
	const char *name = dpc_peer_user(peer->dpc), *former = dpc_peer_former_user(peer->dpc);
	for (size_t i = 0; i < 2; i++) {
		bool is_former = former && strcmp(peer->names[i], former) == 0;
		if (!is_former && strcmp(peer->names[i], name) != 0)
			remove_name(peer, peer->names[i]);
	}
	/* Without memory its checks find nobody, as if they were lost. */
	if (!has_name(peer, name) && add_name(peer, name))
		peer->io->lost_out++;
}

/* ---- Events ---- */

static void free_peer(struct peer_io_peer *peer);
static void remove_peer(struct peer_io_peer *peer);

static void remove_oldest_lingering(struct peer_io *io)
{
	remove_peer(CONTAINER_OF(io->lingering.next, struct peer_io_peer, node));
}

/* Of a peer whose owner has destroyed it while its last words may not have been heard. False when
 * it is gone. */
static bool tell_nobody(struct peer_io_peer *peer)
{
	struct dpc_event event;
	while (dpc_peer_next_event(peer->dpc, &event)) {}
	if (!dpc_peer_is_done(peer->dpc))
		return true;
	remove_peer(peer);
	return false;
}

/* False when the owner has destroyed the peer. */
static bool tell_events(struct peer_io_peer *peer)
{
	struct dpc_event event;
	if (peer->lingering)
		return tell_nobody(peer);
	peer->in_event = true;
	while (!peer->destroyed && !peer->lingering && dpc_peer_next_event(peer->dpc, &event)) {
		bool is_news = event.type == DPC_EVENT_STATE || event.type == DPC_EVENT_PATH;
		peer->on_event(peer, &event, peer->user_data);
		if (is_news && !peer->destroyed && !peer->lingering)
			peer_relay_update(peer);
		/* What the owner did in it is sent as well. */
		if (!peer->destroyed && !peer->lingering)
			mark(peer);
	}
	peer->in_event = false;
	if (peer->lingering)
		return tell_nobody(peer);
	bool destroyed = peer->destroyed;
	if (destroyed)
		free_peer(peer);
	return !destroyed;
}

/* What is far away, consent checks and heartbeats, is moved to a common grid: hundreds of idle
 * peers then wake the processor, and each other's, together. */
static usec coalesce(usec deadline, usec now)
{
	if (deadline == USEC_NEVER || deadline - now < PEER_IO_COALESCE_BEYOND)
		return deadline;
	usec late = deadline % PEER_IO_COALESCE_GRID;
	return late == 0 ? deadline : deadline - late + PEER_IO_COALESCE_GRID;
}

static void set_timer(struct peer_io_peer *peer, usec now)
{
	usec deadline = coalesce(dpc_peer_deadline(peer->dpc), now);
	if (peer->gather_until)
		deadline = usec_min(deadline, peer->gather_until);
	if (peer->is_full)
		deadline = usec_max(deadline, now + PEER_IO_TCP_RETRY);
	net_timer_set(&peer->timer, deadline);
}

/* Output first, then events, until there is neither. */
static void drain_peer(struct peer_io_peer *peer, usec now)
{
	for (int round = 0; round < ROUNDS_MAX && list_is_linked(&peer->dirty_node); round++) {
		list_remove(&peer->dirty_node);
		follow_names(peer);
		if (peer->with_host && !peer->dials && dpc_peer_can_dial(peer->dpc))
			peer_gather_dial(peer, now);
		bool written = write_out(peer, now);
		if (!tell_events(peer))
			return;
		if (!written) {
			mark(peer);
			break;
		}
	}
	set_timer(peer, now);
}

static void cork(struct peer_io *io, bool corked)
{
	for (size_t i = 0; i < 2; i++) {
		struct net_udp *udp = io->sockets[i].udp;
		if (udp && corked)
			net_udp_cork(udp);
		else if (udp)
			net_udp_uncork(udp);
	}
}

static void drain(struct peer_io *io)
{
	if (io->draining)
		return;
	io->draining = true;
	usec now = net_now();
	cork(io, true);
	/* Those that are marked now; whoever is marked meanwhile comes in the next turn. */
	struct list mark_node = {0};
	list_push_back(&io->dirty, &mark_node);
	while (io->dirty.next != &mark_node) {
		struct peer_io_peer *peer =
			CONTAINER_OF(io->dirty.next, struct peer_io_peer, dirty_node);
		drain_peer(peer, now);
	}
	list_remove(&mark_node);
	cork(io, false);
	io->draining = false;
	if (!list_is_empty(&io->dirty) && !is_blocked(io))
		net_defer_post(&io->defer);
}

static void on_defer(void *user)
{
	drain(user);
}

static void kick(struct peer_io_peer *peer)
{
	mark(peer);
	if (!peer->io->draining)
		net_defer_post(&peer->io->defer);
}

void peer_io_kick(struct peer_io_peer *peer)
{
	if (!peer->destroyed && !peer->lingering)
		kick(peer);
}

void peer_io_touch(struct peer_io_peer *peer)
{
	if (!peer->destroyed)
		kick(peer);
}

static void on_timer(void *user)
{
	struct peer_io_peer *peer = user;
	usec now = net_now();
	peer_gather_advance(peer, now);
	dpc_peer_advance(peer->dpc, now);
	kick(peer);
}

/* ---- In ---- */

void peer_io_give(
	struct peer_io_peer *peer, const struct path *path, struct bytes datagram, usec now)
{
	struct dpc_path public = path_to_public(path);
	dpc_peer_receive(peer->dpc, now, &public, datagram.data, datagram.size);
	mark(peer);
}

/* Several peers send on the path, the newest first in the chain. */
static void give_to_claimant(struct peer_io *io, struct peer_route *route, const struct path *path,
	struct bytes datagram, usec now)
{
	struct peer_io_peer *guess = NULL;
	bool given = false;
	for (; route; route = route->older) {
		struct peer_io_peer *peer = peer_of_route(route);
		switch (dpc_peer_claims(peer->dpc, datagram.data, datagram.size)) {
		case DPC_CLAIM_NONE:
			break;
		case DPC_CLAIM_GUESS:
			guess = guess ? guess : peer;
			break;
		case DPC_CLAIM_SHARED:
			peer_io_give(peer, path, datagram, now);
			given = true;
			break;
		case DPC_CLAIM_CERTAIN:
			peer_io_give(peer, path, datagram, now);
			return;
		}
	}
	if (!given && guess)
		peer_io_give(guess, path, datagram, now);
	else if (!given)
		io->unknown_in++;
}

/* A request names its peer. Everything else is for those that send on the path. */
void peer_io_receive(struct peer_io *io, const struct path *path, struct bytes datagram, usec now)
{
	if (datagram.size == 0) {
		io->unknown_in++;
		return;
	}
	uint8_t first = datagram.data[0];
	struct bytes name;
	const char *name_text;
	if (first <= STUN_FIRST_MAX &&
		dpc_peer_peek_user(datagram.data, datagram.size, &name_text, &name.size)) {
		name = bytes_of(name_text, name.size);
		struct peer_io_peer *peer = map_get(&io->users, name);
		if (peer)
			peer_io_give(peer, path, datagram, now);
		else
			io->unknown_in++;
		return;
	}
	struct peer_route *route = peer_route_find(&io->routes, path);
	if (!route) {
		if (first > STUN_FIRST_MAX || !peer_gather_receive(io, path, datagram, now))
			io->unknown_in++;
		return;
	}
	if (route->older)
		give_to_claimant(io, route, path, datagram, now);
	else
		peer_io_give(peer_of_route(route), path, datagram, now);
}

static void on_receive(const struct path *path, struct bytes datagram, usec now, void *user)
{
	peer_io_receive(((struct peer_io_socket *)user)->io, path, datagram, now);
}

static void on_batch_end(usec now, void *user)
{
	(void)now;
	drain(((struct peer_io_socket *)user)->io);
}

static void on_writable(void *user)
{
	drain(((struct peer_io_socket *)user)->io);
}

/* ---- Peers ---- */

static enum err err_from_public(enum dpc_err err)
{
	switch (err) {
	case DPC_OK:
		return ERR_OK;
	case DPC_ERR_NOMEM:
		return ERR_NOMEM;
	case DPC_ERR_CRYPTO:
		return ERR_CRYPTO;
	case DPC_ERR_MALFORMED:
	case DPC_ERR_UNSUPPORTED:
	case DPC_ERR_MISMATCH:
	case DPC_ERR_STATE:
	case DPC_ERR_AGAIN:
	case DPC_ERR_TOO_LARGE:
	case DPC_ERR_NOT_FOUND:
	case DPC_ERR_EXISTS:
	case DPC_ERR_LIMIT:
		return ERR_UNSUPPORTED;
	}
	return ERR_UNSUPPORTED;
}

static size_t peers_max(const struct peer_io *io)
{
	return io->config.peers_max ? io->config.peers_max : PEER_IO_PEERS_MAX;
}

enum err peer_io_peer_create(struct peer_io *io, const struct peer_io_peer_config *config,
	struct peer_io_peer **ret_peer)
{
	CHECK(config->on_event);
	/* Before anything that costs. */
	if (io->peer_count >= peers_max(io) && io->lingering_count == 0)
		return ERR_LIMIT;
	if (io->peer_count >= peers_max(io))
		remove_oldest_lingering(io);
	struct peer_io_peer *peer = calloc(1, sizeof(*peer));
	if (!peer)
		return ERR_NOMEM;
	usec now = net_now();
	peer->io = io;
	peer->with_host = config->with_host;
	peer->with_reflexive = config->with_reflexive;
	peer->with_relayed = config->with_relayed;
	list_init(&peer->asked);
	peer->on_event = config->on_event;
	peer->user_data = config->user;
	struct dpc_peer_config peer_config = config->peer;
	peer_config.budget = io->budget;
	if (io->config.search_mtu && peer_config.mtu_max == 0)
		peer_config.mtu_max = peer_gather_mtu(io, now);
	enum err err = err_from_public(dpc_peer_create(&peer_config, now, &peer->dpc));
	if (err)
		goto fail_peer;
	err = net_timer_init(&peer->timer, io->loop, on_timer, peer);
	if (err)
		goto fail_dpc;
	err = add_name(peer, dpc_peer_user(peer->dpc));
	if (err)
		goto fail_timer;
	io->peer_count++;
	peer_route_owner_init(&peer->route, ++io->serial);
	peer_tcp_begin(peer);
	list_push_back(&io->peers, &peer->node);
	peer_relay_begin(peer, now);
	peer_gather_begin(peer, now);
	peer_io_kick(peer);
	*ret_peer = peer;
	return ERR_OK;

fail_timer:
	net_timer_deinit(&peer->timer);
fail_dpc:
	dpc_peer_destroy(peer->dpc);
fail_peer:
	free(peer);
	return err;
}

static void free_peer(struct peer_io_peer *peer)
{
	dpc_peer_destroy(peer->dpc);
	free(peer);
}

static void remove_peer(struct peer_io_peer *peer)
{
	struct peer_io *io = peer->io;
	peer->destroyed = true;
	peer_names_end(peer);
	peer_relay_end(peer);
	io->lingering_count -= peer->lingering;
	peer->lingering = false;
	remove_name(peer, peer->names[0]);
	remove_name(peer, peer->names[1]);
	io->peer_count--;
	peer_route_forget(&io->routes, &peer->route);
	peer_tcp_end(peer);
	net_timer_deinit(&peer->timer);
	list_remove(&peer->node);
	if (list_is_linked(&peer->dirty_node))
		list_remove(&peer->dirty_node);
	if (!peer->in_event)
		free_peer(peer);
}

static void linger(struct peer_io_peer *peer, usec now)
{
	struct peer_io *io = peer->io;
	if (io->lingering_count == PEER_IO_LINGERING_MAX)
		remove_oldest_lingering(io);
	peer->lingering = true;
	peer_names_end(peer);
	io->lingering_count++;
	list_remove(&peer->node);
	list_push_back(&io->lingering, &peer->node);
	set_timer(peer, now);
}

void peer_io_peer_destroy(struct peer_io_peer *peer)
{
	if (!peer || peer->destroyed || peer->lingering)
		return;
	usec now = net_now();
	(void)write_out(peer, now);
	bool is_closed = dpc_peer_state(peer->dpc) == DPC_CLOSED;
	if (is_closed && !dpc_peer_is_done(peer->dpc) && !peer->io->ending)
		linger(peer, now);
	else
		remove_peer(peer);
}

struct dpc_peer *peer_io_peer_dpc(struct peer_io_peer *peer)
{
	return peer->dpc;
}

/* ---- Life ---- */

static enum err open_socket(struct peer_io *io, size_t index, const struct addr *local)
{
	struct peer_io_socket *s = &io->sockets[index];
	s->io = io;
	if (local->family == ADDR_NONE)
		return ERR_UNSUPPORTED;
	struct net_udp_handler handler = {.receive = on_receive,
		.batch_end = on_batch_end,
		.writable = on_writable,
		.user = s};
	return net_udp_create(io->loop, local, io->config.udp_avoid, &handler, &s->udp);
}

/* A machine without one of the families is an ordinary one. */
static enum err open_sockets(struct peer_io *io)
{
	enum err err4 = open_socket(io, 0, &io->config.local4);
	enum err err6 = open_socket(io, 1, &io->config.local6);
	if (!err4 || !err6) {
		if (err4 && err4 != ERR_UNSUPPORTED && err4 != ERR_UNREACHABLE)
			return err4;
		if (err6 && err6 != ERR_UNSUPPORTED && err6 != ERR_UNREACHABLE)
			return err6;
		return ERR_OK;
	}
	return err4 == ERR_UNSUPPORTED ? err6 : err4;
}

enum err peer_io_create(
	struct net_loop *loop, const struct peer_io_config *config, struct peer_io **ret_io)
{
	CHECK(config->local4.family != ADDR_IPV6);
	CHECK(config->local6.family != ADDR_IPV4);
	CHECK(config->peers_max <= PEER_IO_PEERS_MAX);
	struct peer_io *io = calloc(1, sizeof(*io));
	if (!io)
		return ERR_NOMEM;
	io->loop = loop;
	io->config = *config;
	io->rng = rng_system();
	list_init(&io->peers);
	list_init(&io->lingering);
	list_init(&io->dirty);
	list_init(&io->retired);
	map_init(&io->users, 2 * peers_max(io), &io->rng);
	peer_route_table_init(&io->routes, &io->rng);
	net_defer_init(&io->defer, loop, on_defer, io);
	io->budget = dpc_peer_budget_create(
		config->memory_max ? config->memory_max : PEER_IO_MEMORY_MAX);
	enum err err = io->budget ? ERR_OK : ERR_NOMEM;
	if (!err)
		err = peer_gather_init(io);
	if (!err)
		err = peer_relay_init(io);
	if (!err)
		err = peer_tcp_init(io);
	if (!err)
		err = open_sockets(io);
	if (err) {
		peer_io_destroy(io);
		return err;
	}
	peer_tcp_listen(io);
	*ret_io = io;
	return ERR_OK;
}

void peer_io_destroy(struct peer_io *io)
{
	if (!io)
		return;
	CHECK(!io->draining);
	io->ending = true;
	while (!list_is_empty(&io->lingering))
		remove_oldest_lingering(io);
	while (!list_is_empty(&io->peers))
		peer_io_peer_destroy(CONTAINER_OF(io->peers.next, struct peer_io_peer, node));
	net_mdns_destroy(io->mdns);
	peer_relay_deinit(io);
	peer_tcp_deinit(io);
	peer_gather_deinit(io);
	net_defer_cancel(&io->defer);
	for (size_t i = 0; i < 2; i++)
		net_udp_destroy(io->sockets[i].udp);
	peer_route_table_deinit(&io->routes);
	map_deinit(&io->users);
	dpc_peer_budget_destroy(io->budget);
	free(io);
}

const struct addr *peer_io_local(const struct peer_io *io, enum addr_family family)
{
	const struct net_udp *udp = peer_io_udp(io, family);
	return udp ? net_udp_local(udp) : NULL;
}

void peer_io_stats(const struct peer_io *io, struct peer_io_stats *ret_stats)
{
	struct peer_io_stats stats = {.unknown_in = io->unknown_in,
		.names_asked = io->names_asked,
		.names_answered = io->names_answered,
		.names_unanswered = io->names_unanswered,
		.memory = dpc_peer_budget_used(io->budget),
		.lost_out = io->lost_out,
		.peers = io->peer_count - io->lingering_count,
		.lingering = io->lingering_count,
		.tcp_refused = io->tcp.refused,
		.tcp_strangers = io->tcp.stranger_count,
		.routes = io->routes.count};
	for (size_t i = 0; i < 2; i++) {
		if (!io->sockets[i].udp)
			continue;
		const struct net_udp_stats *udp = net_udp_stats(io->sockets[i].udp);
		stats.datagrams_in += udp->datagrams_in;
		stats.datagrams_out += udp->datagrams_out;
		stats.bytes_in += udp->bytes_in;
		stats.bytes_out += udp->bytes_out;
		stats.calls_in += udp->calls_in;
		stats.calls_out += udp->calls_out;
		stats.overflowed += udp->overflowed;
		stats.lost_out += udp->errors_out;
	}
	*ret_stats = stats;
}
