/* The relayed addresses of a peer_io: who needs them, and the way of datagrams through them. */
#include "base/log.h"
#include "node/peer_io_internal.h"
#include "peer/convert.h"

static struct peer_io_relay *find(struct peer_io *io, const struct addr *local)
{
	for (size_t i = 0; i < io->relay_count; i++) {
		const struct addr *addr = relay_addr(io->relays[i].relay);
		if (addr && addr_equal(addr, local))
			return &io->relays[i];
	}
	return NULL;
}

bool peer_relay_send(
	struct peer_io *io, const struct path *path, struct bytes flight, size_t segment)
{
	struct peer_io_relay *r = io->relay_count > 0 ? find(io, &path->local) : NULL;
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

static void add_candidate(struct peer_io_peer *peer, const struct addr *addr, usec now)
{
	struct dpc_addr public = addr_to_public(addr);
	/* Beyond the limit there are candidates enough. */
	(void)dpc_peer_add_relayed(peer->dpc, now, &public);
}

static bool is_connecting(const struct peer_io_peer *peer)
{
	enum dpc_state state = dpc_peer_state(peer->dpc);
	return state == DPC_NEW || state == DPC_CONNECTING;
}

static void on_changed(struct relay *relay, void *user)
{
	struct peer_io *io = ((struct peer_io_relay *)user)->io;
	char text[TURN_URI_TEXT_MAX];
	const struct addr *addr = relay_addr(relay);
	usec now = net_now();
	turn_uri_text(relay_server(relay), text);
	if (addr)
		log_info("the relay %s is ready after %lld ms", text,
			(long long)(relay_setup_time(relay) / USEC_PER_MS));
	else if (relay_state(relay) == RELAY_WAITING)
		log_warn("no relay at %s", relay_reason(relay));
	LIST_FOREACH (node, &io->peers) {
		struct peer_io_peer *peer = CONTAINER_OF(node, struct peer_io_peer, node);
		if (!peer->with_relayed || peer->destroyed || !is_connecting(peer))
			continue;
		if (addr)
			add_candidate(peer, addr, now);
		peer_gather_advance(peer, now);
		peer_io_kick(peer);
	}
}

bool peer_relay_is_pending(const struct peer_io *io)
{
	for (size_t i = 0; i < io->relay_count; i++)
		if (relay_state(io->relays[i].relay) == RELAY_OPENING)
			return true;
	return false;
}

/* ---- Who needs them ---- */

/* An allocation is made when somebody begins to connect, beside everything else, and kept while
 * somebody connects or talks through it. */
static bool needs(const struct peer_io_peer *peer)
{
	enum dpc_state state = dpc_peer_state(peer->dpc);
	struct dpc_stats stats;
	if (!peer->with_relayed || state == DPC_CLOSED)
		return false;
	if (state == DPC_NEW || state == DPC_CONNECTING || state == DPC_DISCONNECTED)
		return true;
	dpc_peer_stats(peer->dpc, &stats);
	struct addr local = addr_from_public(&stats.path.local);
	return stats.has_path && find(peer->io, &local);
}

static void set_need(struct peer_io_peer *peer, bool needed)
{
	struct peer_io *io = peer->io;
	if (peer->needs_relay == needed)
		return;
	peer->needs_relay = needed;
	io->relay_needs += needed ? 1 : (size_t)-1;
	for (size_t i = 0; i < io->relay_count; i++)
		relay_want(io->relays[i].relay, io->relay_needs > 0);
}

void peer_relay_begin(struct peer_io_peer *peer, usec now)
{
	struct peer_io *io = peer->io;
	if (!peer->with_relayed)
		return;
	set_need(peer, true);
	for (size_t i = 0; i < io->relay_count; i++) {
		const struct addr *addr = relay_addr(io->relays[i].relay);
		if (addr)
			add_candidate(peer, addr, now);
	}
}

void peer_relay_update(struct peer_io_peer *peer)
{
	if (peer->with_relayed)
		set_need(peer, needs(peer));
}

void peer_relay_end(struct peer_io_peer *peer)
{
	set_need(peer, false);
}

/* ---- Life ---- */

enum err peer_io_add_relay(struct peer_io *io, const struct peer_io_relay_config *config)
{
	if (io->relay_count == PEER_IO_RELAYS_MAX)
		return ERR_LIMIT;
	struct peer_io_relay *r = &io->relays[io->relay_count];
	r->io = io;
	struct relay_config relay_config = {
		.server = config->server,
		.family = ADDR_IPV4,
		.username = config->username,
		.password = config->password,
		.authorities = config->authorities,
		.rng = &io->rng,
		.changed = on_changed,
		.received = on_received,
		.user = r,
	};
	enum err err = relay_create(io->loop, &relay_config, &r->relay);
	if (err)
		return err;
	io->relay_count++;
	relay_want(r->relay, io->relay_needs > 0);
	return ERR_OK;
}

void peer_relay_deinit(struct peer_io *io)
{
	for (size_t i = 0; i < io->relay_count; i++)
		relay_destroy(io->relays[i].relay);
	io->relay_count = 0;
}

size_t peer_io_relay_count(const struct peer_io *io)
{
	return io->relay_count;
}

const struct relay *peer_io_relay(const struct peer_io *io, size_t index)
{
	CHECK(index < io->relay_count);
	return io->relays[index].relay;
}
