/* The addresses that peers offer: those of this machine, and what STUN servers see of them. */
#include "node/peer_io_internal.h"

#include "base/log.h"
#include "net/iface.h"
#include "peer/convert.h"

static size_t index_of(enum addr_family family)
{
	return family == ADDR_IPV4 ? 0 : 1;
}

void peer_gather_refresh(struct peer_io *io, usec now)
{
	struct peer_gather *gather = &io->gather;
	size_t count;
	enum err err =
		net_iface_list(io->config.loopback, gather->hosts, NET_IFACE_ADDRS_MAX, &count);
	if (err) {
		log_warn("cannot list the network interfaces: %s", err_text(err));
		return;
	}
	gather->host_count = count;
	gather->mtu = net_iface_mtu(io->config.loopback);
	gather->hosts_at = now;
}

static void refresh_hosts(struct peer_io *io, usec now)
{
	if (!io->gather.hosts_at || now - io->gather.hosts_at >= PEER_IO_HOSTS_AGE_MAX)
		peer_gather_refresh(io, now);
}

/* RFC 791 and RFC 768: what is left of a packet for the payload. IPv6 leaves less, which the search
 * finds out. */
#define IPV4_UDP_HEADERS 28

uint32_t peer_gather_mtu(struct peer_io *io, usec now)
{
	refresh_hosts(io, now);
	return io->gather.mtu > IPV4_UDP_HEADERS ? io->gather.mtu - IPV4_UDP_HEADERS : 0;
}

static void add_host(struct peer_io_peer *peer, struct addr addr, usec now)
{
	const struct net_udp *udp = peer_io_udp(peer->io, addr.family);
	if (!udp)
		return;
	addr.port = net_udp_local(udp)->port;
	struct dpc_addr public = addr_to_public(&addr);
	/* Beyond the limit there are candidates enough. */
	(void)dpc_peer_add_host(peer->dpc, now, &public);
}

/* A socket bound to one address has that one, whatever else there is. */
static bool is_bound_to_all(const struct net_udp *udp)
{
	return udp && addr_is_unspecified(net_udp_local(udp));
}

void peer_gather_add_host(struct peer_io_peer *peer, struct addr addr, usec now)
{
	if (is_bound_to_all(peer_io_udp(peer->io, addr.family)))
		add_host(peer, addr, now);
}

void peer_gather_remove_host(struct peer_io_peer *peer, struct addr addr, usec now)
{
	const struct net_udp *udp = peer_io_udp(peer->io, addr.family);
	if (!is_bound_to_all(udp))
		return;
	addr.port = net_udp_local(udp)->port;
	struct dpc_addr public = addr_to_public(&addr);
	/* Beyond the limit it was not added. */
	(void)dpc_peer_remove_host(peer->dpc, now, &public);
}

static void add_hosts(struct peer_io_peer *peer, usec now)
{
	struct peer_io *io = peer->io;
	refresh_hosts(io, now);
	for (size_t i = 0; i < io->gather.host_count; i++)
		peer_gather_add_host(peer, io->gather.hosts[i], now);
	/* A socket bound to one address has that one. */
	for (size_t i = 0; i < 2; i++) {
		const struct net_udp *udp = io->sockets[i].udp;
		if (udp && !addr_is_unspecified(net_udp_local(udp)))
			add_host(peer, *net_udp_local(udp), now);
	}
}

/* The same addresses over TCP. */
static void add_tcp_hosts(struct peer_io_peer *peer, usec now)
{
	struct peer_io *io = peer->io;
	struct addr hosts[NET_IFACE_ADDRS_MAX + 2];
	size_t count = 0;
	for (size_t i = 0; i < 2; i++) {
		const struct net_udp *udp = io->sockets[i].udp;
		if (udp && !addr_is_unspecified(net_udp_local(udp)))
			hosts[count++] = *net_udp_local(udp);
	}
	for (size_t i = 0; i < io->gather.host_count; i++) {
		const struct addr *host = &io->gather.hosts[i];
		const struct net_udp *udp = peer_io_udp(io, host->family);
		/* On a link of one's own nobody blocks UDP. */
		if (udp && addr_is_unspecified(net_udp_local(udp)) && !addr_is_link_local(host))
			hosts[count++] = *host;
	}
	peer_tcp_add_hosts(peer, hosts, count, now);
}

void peer_gather_dial(struct peer_io_peer *peer, usec now)
{
	peer->dials = true;
	add_tcp_hosts(peer, now);
}

static void add_reflexive(struct peer_io_peer *peer, const struct reflexive *server, usec now)
{
	if (server->mapped.family == ADDR_NONE)
		return;
	struct dpc_addr base = addr_to_public(&server->path.local);
	struct dpc_addr mapped = addr_to_public(&server->mapped);
	/* Without a NAT it is a host candidate already. */
	(void)dpc_peer_add_reflexive(peer->dpc, now, &base, &mapped);
}

/* RFC 8445 section 5.1.1.2: what was learnt otherwise than by STUN is reflexive too. */
static void add_mapped(struct peer_io_peer *peer, usec now)
{
	const struct peer_gather *gather = &peer->io->gather;
	if (gather->mapped.family == ADDR_NONE)
		return;
	struct dpc_addr base = addr_to_public(&gather->mapped_base);
	struct dpc_addr mapped = addr_to_public(&gather->mapped);
	(void)dpc_peer_add_reflexive(peer->dpc, now, &base, &mapped);
}

static bool any_server_silent(const struct peer_io *io)
{
	for (size_t i = 0; i < io->gather.server_count; i++) {
		if (io->gather.servers[i].mapped.family == ADDR_NONE)
			return true;
	}
	return false;
}

/* Whether more candidates may come soon. */
static bool is_waiting(const struct peer_io_peer *peer)
{
	return (peer->with_reflexive && any_server_silent(peer->io)) ||
	       (peer->with_relayed && peer_relay_is_pending(peer->io));
}

static void end(struct peer_io_peer *peer, usec now)
{
	peer->gather_until = 0;
	dpc_peer_end_of_candidates(peer->dpc, now);
}

void peer_gather_begin(struct peer_io_peer *peer, usec now)
{
	struct peer_io *io = peer->io;
	/* Reflexive candidates need their bases: a peer without host candidates has none. */
	if (peer->with_host) {
		add_hosts(peer, now);
		add_tcp_hosts(peer, now);
	}
	for (size_t i = 0; peer->with_reflexive && i < io->gather.server_count; i++)
		add_reflexive(peer, &io->gather.servers[i], now);
	if (peer->with_reflexive)
		add_mapped(peer, now);
	if (is_waiting(peer))
		peer->gather_until = now + PEER_IO_GATHER_TIME;
	else if (peer->with_host || peer->with_relayed)
		end(peer, now);
}

void peer_gather_advance(struct peer_io_peer *peer, usec now)
{
	if (peer->gather_until && (now >= peer->gather_until || !is_waiting(peer)))
		end(peer, now);
}

/* ---- News for those that connect ---- */

/* `server` is one that has answered, or NULL: the router has mapped our port. */
static void tell_peers(struct peer_io *io, const struct reflexive *server, usec now)
{
	LIST_FOREACH (node, &io->peers) {
		struct peer_io_peer *peer = CONTAINER_OF(node, struct peer_io_peer, node);
		if (!peer->with_reflexive || peer->destroyed || !peer_io_is_gathering(peer))
			continue;
		if (server)
			add_reflexive(peer, server, now);
		else
			add_mapped(peer, now);
		peer_gather_advance(peer, now);
		peer_io_kick(peer);
	}
}

void peer_io_set_mapped(struct peer_io *io, const struct addr *base, const struct addr *mapped)
{
	struct peer_gather *gather = &io->gather;
	const struct net_udp *udp = peer_io_udp(io, ADDR_IPV4);
	gather->mapped = mapped && udp ? *mapped : (struct addr){0};
	gather->mapped_base = *base;
	if (gather->mapped.family == ADDR_NONE)
		return;
	gather->mapped_base.port = net_udp_local(udp)->port;
	tell_peers(io, NULL, net_now());
}

/* ---- STUN queries ---- */

static void set_timer(struct peer_io *io)
{
	usec deadline = USEC_NEVER;
	for (size_t i = 0; i < io->gather.server_count; i++)
		deadline = usec_min(deadline, reflexive_deadline(&io->gather.servers[i]));
	net_timer_set(&io->gather.timer, deadline);
}

static void on_timer(void *user)
{
	struct peer_io *io = user;
	usec now = net_now();
	for (size_t i = 0; i < io->gather.server_count; i++) {
		struct reflexive *server = &io->gather.servers[i];
		uint8_t request[REFLEXIVE_DATAGRAM_MAX];
		size_t size = reflexive_write(server, &io->rng, now, request);
		struct net_udp *udp = peer_io_udp(io, server->path.remote.family);
		if (size > 0 && udp &&
			net_udp_send(udp, &server->path, bytes_of(request, size), size) != ERR_OK)
			io->lost_out++;
	}
	set_timer(io);
}

/* The first server of a family that answers is believed for as long as it answers. */
static void update_reflexive(struct peer_io *io, enum addr_family family)
{
	struct addr *told = &io->gather.reflexive[index_of(family)];
	const struct addr *found = NULL;
	for (size_t i = 0; i < io->gather.server_count && !found; i++) {
		if (io->gather.servers[i].mapped.family == family)
			found = &io->gather.servers[i].mapped;
	}
	if (!found || addr_equal(found, told))
		return;
	*told = *found;
	if (io->config.on_reflexive)
		io->config.on_reflexive(told, io->config.user);
}

bool peer_gather_receive(
	struct peer_io *io, const struct path *path, struct bytes datagram, usec now)
{
	for (size_t i = 0; i < io->gather.server_count; i++) {
		struct reflexive *server = &io->gather.servers[i];
		struct addr before = server->mapped;
		if (!reflexive_receive(server, now, path, datagram))
			continue;
		set_timer(io);
		if (!addr_equal(&before, &server->mapped)) {
			tell_peers(io, server, now);
			update_reflexive(io, path->remote.family);
		}
		return true;
	}
	return false;
}

/* The way to a server; false where there is none. */
static bool find_way(struct peer_io *io, const struct addr *server, struct path *ret_path)
{
	const struct net_udp *udp = peer_io_udp(io, server->family);
	struct path path = {.remote = *server};
	if (!udp || net_iface_source(server, &path.local) != ERR_OK)
		return false;
	if (!addr_is_unspecified(net_udp_local(udp)))
		path.local = *net_udp_local(udp);
	path.local.port = net_udp_local(udp)->port;
	*ret_path = path;
	return true;
}

static const struct reflexive *find_server(
	const struct reflexive *servers, size_t count, const struct path *path)
{
	for (size_t i = 0; i < count; i++)
		if (path_equal(&servers[i].path, path))
			return &servers[i];
	return NULL;
}

void peer_gather_ask(struct peer_io *io, usec now, bool changed)
{
	struct peer_gather *gather = &io->gather;
	bool has_all = gather->server_count == gather->stun_count;
	if (!changed && has_all && now - gather->asked_at < PEER_IO_ASK_INTERVAL)
		return;
	gather->asked_at = now;
	struct reflexive before[PEER_IO_STUN_SERVERS_MAX];
	size_t before_count = gather->server_count;
	memcpy(before, gather->servers, sizeof(before));
	gather->server_count = 0;
	for (size_t i = 0; i < gather->stun_count; i++) {
		struct reflexive *server = &gather->servers[gather->server_count];
		struct path path;
		/* A server without a route is left out. */
		if (!find_way(io, &gather->stun[i], &path))
			continue;
		const struct reflexive *known = find_server(before, before_count, &path);
		if (known) {
			*server = *known;
			reflexive_ask(server, now);
		} else {
			reflexive_init(server, &path, now);
		}
		gather->server_count++;
	}
	set_timer(io);
}

enum err peer_io_set_stun_servers(struct peer_io *io, const struct addr *servers, size_t count)
{
	struct peer_gather *gather = &io->gather;
	if (count > PEER_IO_STUN_SERVERS_MAX)
		return ERR_LIMIT;
	memcpy(gather->stun, servers, count * sizeof(servers[0]));
	gather->stun_count = count;
	peer_gather_ask(io, net_now(), true);
	return ERR_OK;
}

const struct addr *peer_io_reflexive(const struct peer_io *io, enum addr_family family)
{
	const struct addr *addr = &io->gather.reflexive[index_of(family)];
	return addr->family == ADDR_NONE ? NULL : addr;
}

bool peer_io_asks_stun(const struct peer_io *io)
{
	return io->gather.server_count > 0;
}

enum err peer_gather_init(struct peer_io *io)
{
	struct peer_gather *gather = &io->gather;
	struct network_change all;
	/* Who has no peers, but direct links, wants to know what it loses. */
	peer_gather_refresh(io, net_now());
	network_change_note(&gather->told, gather->hosts, gather->host_count, &all);
	return net_timer_init(&gather->timer, io->loop, on_timer, io);
}

void peer_gather_deinit(struct peer_io *io)
{
	net_timer_deinit(&io->gather.timer);
}
