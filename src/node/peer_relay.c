/* The relayed addresses of a peer_io: who needs them, and the way of datagrams through them. */
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/limits.h"
#include "node/peer_io_internal.h"
#include "peer/convert.h"

static struct peer_io_relay *find(struct peer_io *io, const struct addr *local)
{
	for (size_t i = 0; i < io->relay_count; i++) {
		const struct addr *addr = relay_addr(io->relays[i]->relay, local->family);
		if (addr && addr_equal(addr, local))
			return io->relays[i];
	}
	LIST_FOREACH (node, &io->retired) {
		struct peer_io_relay *r = CONTAINER_OF(node, struct peer_io_relay, node);
		const struct addr *addr = relay_addr(r->relay, local->family);
		if (addr && addr_equal(addr, local))
			return r;
	}
	return NULL;
}

bool peer_relay_send(
	struct peer_io *io, const struct path *path, struct bytes flight, size_t segment)
{
	struct peer_io_relay *r =
		io->relay_count + io->retired_count > 0 ? find(io, &path->local) : NULL;
	if (!r)
		return false;
	/* What the relay loses is in its own count. */
	enum err err = relay_send(r->relay, &path->remote, flight, segment, net_now());
	if (err)
		log_debug("lost on the way to the relay: %s", err_text(err));
	return true;
}

static void on_received(
	struct relay *relay, const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct peer_io *io = ((struct peer_io_relay *)user)->io;
	(void)relay;
	peer_io_receive(io, path, datagram, now);
	net_defer_post(&io->defer);
}

/* ---- Candidates ---- */

static const enum addr_family families[] = {ADDR_IPV4, ADDR_IPV6};

static void add_candidates(struct peer_io_peer *peer, const struct relay *relay, usec now)
{
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		const struct addr *addr = relay_addr(relay, families[i]);
		if (!addr)
			continue;
		struct dpc_addr public = addr_to_public(addr);
		/* Beyond the limit there are candidates enough. */
		(void)dpc_peer_add_relayed(peer->dpc, now, &public);
	}
}

static void remove_candidate(struct peer_io_peer *peer, const struct addr *addr, usec now)
{
	struct dpc_addr public = addr_to_public(addr);
	/* Beyond the limit it was not added. */
	(void)dpc_peer_remove_host(peer->dpc, now, &public);
}

/* What was allocated is no more: nothing can be sent from it. */
static void tell_gone(struct peer_io_relay *r, struct addr *told, usec now)
{
	LIST_FOREACH (node, &r->io->peers) {
		struct peer_io_peer *peer = CONTAINER_OF(node, struct peer_io_peer, node);
		if (!peer->with_relayed || peer->destroyed)
			continue;
		remove_candidate(peer, told, now);
		peer_io_kick(peer);
	}
	*told = (struct addr){0};
}

static void tell_all_gone(struct peer_io_relay *r, usec now)
{
	for (size_t i = 0; i < 2; i++) {
		const struct addr *addr = relay_addr(r->relay, families[i]);
		bool stays = addr && addr_equal(addr, &r->told[i]);
		if (r->told[i].family != ADDR_NONE && !stays)
			tell_gone(r, &r->told[i], now);
	}
}

static void note_told(struct peer_io_relay *r)
{
	for (size_t i = 0; i < 2; i++) {
		const struct addr *addr = relay_addr(r->relay, families[i]);
		r->told[i] = addr ? *addr : (struct addr){0};
	}
}

static void follow_need(struct peer_io *io);

static void on_changed(struct relay *relay, void *user)
{
	struct peer_io_relay *r = user;
	struct peer_io *io = r->io;
	char text[TURN_URI_TEXT_MAX];
	bool is_ready = relay_state(relay) == RELAY_READY;
	usec now = net_now();
	turn_uri_text(relay_server(relay), text);
	if (is_ready)
		log_info("the relay %s is ready after %lld ms", text,
			(long long)(relay_setup_time(relay) / USEC_PER_MS));
	else if (relay_state(relay) == RELAY_WAITING)
		log_warn("no relay at %s", relay_reason(relay));
	tell_all_gone(r, now);
	if (r->retired)
		return;
	follow_need(io);
	note_told(r);
	LIST_FOREACH (node, &io->peers) {
		struct peer_io_peer *peer = CONTAINER_OF(node, struct peer_io_peer, node);
		if (!peer->with_relayed || peer->destroyed || !peer_io_is_gathering(peer))
			continue;
		if (is_ready)
			add_candidates(peer, relay, now);
		peer_gather_advance(peer, now);
		peer_io_kick(peer);
	}
}

bool peer_relay_is_pending(const struct peer_io *io)
{
	for (size_t i = 0; i < io->relay_count; i++)
		if (relay_state(io->relays[i]->relay) == RELAY_OPENING)
			return true;
	return false;
}

/* ---- Who needs them ---- */

/* The one that the peer's path begins at, or NULL. */
static struct peer_io_relay *relay_of(const struct peer_io_peer *peer)
{
	struct dpc_stats stats;
	dpc_peer_stats(peer->dpc, &stats);
	struct addr local = addr_from_public(&stats.path.local);
	return stats.has_path ? find(peer->io, &local) : NULL;
}

static void free_relay(struct peer_io_relay *r)
{
	if (!r)
		return;
	relay_destroy(r->relay);
	free(r);
}

static void remove_retired(struct peer_io_relay *r)
{
	list_remove(&r->node);
	r->io->retired_count--;
	free_relay(r);
}

/* Retired relays go with the last link through them. */
static void sweep_retired(struct peer_io *io)
{
	LIST_FOREACH_SAFE (at, &io->retired) {
		struct peer_io_relay *r = CONTAINER_OF(at, struct peer_io_relay, node);
		bool used = false;
		LIST_FOREACH (node, &io->peers) {
			struct peer_io_peer *peer = CONTAINER_OF(node, struct peer_io_peer, node);
			used = used || (!peer->destroyed && relay_of(peer) == r);
		}
		if (!used)
			remove_retired(r);
	}
}

/* Whether UDP to the same server is there, or still has its head start. One that has not begun is
 * about to. */
static bool is_held(const struct peer_io *io, const struct peer_io_relay *r, usec now)
{
	const struct turn_uri *server = relay_server(r->relay);
	if (server->transport == TURN_OVER_UDP)
		return false;
	for (size_t i = 0; i < io->relay_count; i++) {
		const struct relay *other = io->relays[i]->relay;
		const struct turn_uri *at = relay_server(other);
		if (at->transport != TURN_OVER_UDP ||
			!text_equal_ignoring_case(at->host, server->host))
			continue;
		enum relay_state state = relay_state(other);
		if (state == RELAY_READY || (state != RELAY_WAITING && now < r->held_until))
			return true;
	}
	return false;
}

static void want(struct peer_io *io, struct peer_io_relay *r, usec now)
{
	bool needed = io->relay_needs > 0;
	if (!needed)
		r->held_until = 0;
	else if (r->held_until == 0)
		r->held_until = now + RELAY_HEAD_START;
	/* One that is still there costs nothing more, and its address is given out. */
	bool is_there = relay_state(r->relay) == RELAY_READY;
	r->released = needed && (r->released || is_there || !is_held(io, r, now));
	relay_want(r->relay, r->released);
}

/* Asks the relays for their addresses, those over TCP and TLS in their turn, or gives them back. A
 * relay that begins or fails in it comes here again. */
static void follow_need(struct peer_io *io)
{
	usec now = net_now(), next = USEC_NEVER;
	for (size_t i = 0; i < io->relay_count; i++) {
		struct peer_io_relay *r = io->relays[i];
		want(io, r, now);
		if (io->relay_needs > 0 && !r->released && r->held_until > now)
			next = usec_min(next, r->held_until);
	}
	net_timer_set(&io->relay_timer, next);
}

static void on_head_start_over(void *user)
{
	follow_need(user);
}

/* An allocation is made when somebody begins to connect, beside everything else, and kept while
 * somebody connects or talks through it. */
static bool needs(const struct peer_io_peer *peer)
{
	enum dpc_state state = dpc_peer_state(peer->dpc);
	if (!peer->with_relayed || state == DPC_CLOSED)
		return false;
	return (state != DPC_CLOSING && peer_io_is_gathering(peer)) || relay_of(peer) != NULL;
}

static void set_need(struct peer_io_peer *peer, bool needed)
{
	struct peer_io *io = peer->io;
	if (peer->needs_relay == needed)
		return;
	peer->needs_relay = needed;
	io->relay_needs += needed ? 1 : (size_t)-1;
	follow_need(io);
	if (!needed)
		sweep_retired(io);
}

void peer_relay_begin(struct peer_io_peer *peer, usec now)
{
	struct peer_io *io = peer->io;
	if (!peer->with_relayed)
		return;
	set_need(peer, true);
	for (size_t i = 0; i < io->relay_count; i++)
		add_candidates(peer, io->relays[i]->relay, now);
}

void peer_relay_update(struct peer_io_peer *peer)
{
	if (peer->with_relayed)
		set_need(peer, needs(peer));
}

void peer_relay_check(struct peer_io *io)
{
	for (size_t i = 0; i < io->relay_count; i++)
		relay_check(io->relays[i]->relay);
	LIST_FOREACH (node, &io->retired)
		relay_check(CONTAINER_OF(node, struct peer_io_relay, node)->relay);
}

void peer_relay_network_changed(struct peer_io *io)
{
	for (size_t i = 0; i < io->relay_count; i++)
		relay_network_changed(io->relays[i]->relay);
	LIST_FOREACH (node, &io->retired)
		relay_network_changed(CONTAINER_OF(node, struct peer_io_relay, node)->relay);
}

void peer_relay_end(struct peer_io_peer *peer)
{
	set_need(peer, false);
}

/* ---- Life ---- */

static enum err add(struct peer_io *io, const struct peer_io_relay_config *config, bool from_hub)
{
	if (io->relay_count == PEER_IO_RELAYS_MAX)
		return ERR_LIMIT;
	struct peer_io_relay *r = calloc(1, sizeof *r);
	if (!r)
		return ERR_NOMEM;
	r->io = io;
	r->from_hub = from_hub;
	struct relay_config relay_config = {
		.server = config->server,
		.username = config->username,
		.password = config->password,
		.authorities = config->authorities,
		.rng = &io->rng,
		.changed = on_changed,
		.received = on_received,
		.user = r,
	};
	enum err err = relay_create(io->loop, &relay_config, &r->relay);
	if (err) {
		free(r);
		return err;
	}
	io->relays[io->relay_count++] = r;
	follow_need(io);
	return ERR_OK;
}

enum err peer_io_add_relay(struct peer_io *io, const struct peer_io_relay_config *config)
{
	return add(io, config, false);
}

static bool is_at(const struct peer_io_relay *r, const struct turn_uri *server)
{
	const struct turn_uri *ours = relay_server(r->relay);
	return ours->port == server->port && ours->transport == server->transport &&
	       text_equal_ignoring_case(ours->host, server->host);
}

static struct peer_io_relay *find_server(const struct peer_io *io, const struct turn_uri *server)
{
	for (size_t i = 0; i < io->relay_count; i++)
		if (is_at(io->relays[i], server))
			return io->relays[i];
	return NULL;
}

static void retire(struct peer_io *io, size_t index)
{
	struct peer_io_relay *r = io->relays[index];
	io->relay_count--;
	memmove(&io->relays[index], &io->relays[index + 1],
		(io->relay_count - index) * sizeof(io->relays[0]));
	if (io->retired_count == PEER_IO_RETIRED_RELAYS_MAX)
		remove_retired(CONTAINER_OF(io->retired.next, struct peer_io_relay, node));
	r->retired = true;
	list_push_back(&io->retired, &r->node);
	io->retired_count++;
}

static void retire_unnamed(
	struct peer_io *io, const struct peer_io_relay_config *configs, size_t count)
{
	for (size_t i = io->relay_count; i-- > 0;) {
		bool named = !io->relays[i]->from_hub;
		for (size_t j = 0; j < count && !named; j++)
			named = is_at(io->relays[i], &configs[j].server);
		if (!named)
			retire(io, i);
	}
	sweep_retired(io);
}

enum err peer_io_set_hub_relays(
	struct peer_io *io, const struct peer_io_relay_config *configs, size_t count)
{
	enum err first = ERR_OK;
	retire_unnamed(io, configs, count);
	for (size_t i = 0; i < count; i++) {
		struct peer_io_relay *r = find_server(io, &configs[i].server);
		enum err err = ERR_OK;
		/* What the user has configured for a server counts. */
		if (!r)
			err = add(io, &configs[i], true);
		else if (r->from_hub)
			err = relay_set_credentials(
				r->relay, configs[i].username, configs[i].password);
		first = first ? first : err;
	}
	return first;
}

enum err peer_relay_init(struct peer_io *io)
{
	return net_timer_init(&io->relay_timer, io->loop, on_head_start_over, io);
}

void peer_relay_deinit(struct peer_io *io)
{
	while (!list_is_empty(&io->retired))
		remove_retired(CONTAINER_OF(io->retired.next, struct peer_io_relay, node));
	for (size_t i = 0; i < io->relay_count; i++)
		free_relay(io->relays[i]);
	io->relay_count = 0;
	net_timer_deinit(&io->relay_timer);
}

size_t peer_io_relay_count(const struct peer_io *io)
{
	return io->relay_count;
}

const struct relay *peer_io_relay(const struct peer_io *io, size_t index)
{
	CHECK(index < io->relay_count);
	return io->relays[index]->relay;
}

bool peer_io_relay_is_from_hub(const struct peer_io *io, size_t index)
{
	CHECK(index < io->relay_count);
	return io->relays[index]->from_hub;
}

const struct turn_uri *peer_io_peer_relay(const struct peer_io_peer *peer)
{
	const struct peer_io_relay *r = relay_of(peer);
	return r ? relay_server(r->relay) : NULL;
}
