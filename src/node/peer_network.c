/* What becomes of the peers when the network of this machine changes, and when they look for
 * another path in place (ICE restart). */
#include "node/peer_io_internal.h"

bool peer_io_is_gathering(const struct peer_io_peer *peer)
{
	switch (dpc_peer_state(peer->dpc)) {
	case DPC_NEW:
	case DPC_CONNECTING:
	case DPC_DISCONNECTED:
		return true;
	case DPC_CONNECTED:
	case DPC_CLOSING:
		/* During a restart. */
		return dpc_peer_former_user(peer->dpc) != NULL;
	case DPC_CLOSED:
		return false;
	}
	UNREACHABLE();
}

/* ---- Addresses come and go ---- */

static void tell_peers(struct peer_io *io, const struct network_change *change, usec now)
{
	LIST_FOREACH (node, &io->peers) {
		struct peer_io_peer *peer = CONTAINER_OF(node, struct peer_io_peer, node);
		if (!peer->with_host || peer->destroyed)
			continue;
		for (size_t i = 0; i < change->removed_count; i++)
			peer_gather_remove_host(peer, change->removed[i], now);
		for (size_t i = 0; i < change->added_count; i++)
			peer_gather_add_host(peer, change->added[i], now);
		peer_io_kick(peer);
	}
}

void peer_io_network_changed(struct peer_io *io, struct network_change *ret_change)
{
	struct peer_gather *gather = &io->gather;
	usec now = net_now();
	peer_gather_refresh(io, now);
	network_change_note(&gather->told, gather->hosts, gather->host_count, ret_change);
	bool changed = ret_change->removed_count + ret_change->added_count > 0;
	if (changed)
		tell_peers(io, ret_change, now);
	peer_gather_ask(io, now, changed);
	peer_relay_network_changed(io);
}

/* ---- Restarts ---- */

void peer_io_peer_restarted(struct peer_io_peer *peer)
{
	usec now = net_now();
	/* Why the path is no good is not known here; the servers' answers may be others now. */
	peer_gather_ask(peer->io, now, false);
	peer_relay_check(peer->io);
	peer->gather_until = 0;
	peer_relay_begin(peer, now);
	peer_gather_begin(peer, now);
	peer_io_kick(peer);
}

enum dpc_err peer_io_peer_restart(struct peer_io_peer *peer)
{
	enum dpc_err err = dpc_peer_restart_ice(peer->dpc, net_now());
	if (err == DPC_OK || err == DPC_ERR_EXISTS)
		peer_io_peer_restarted(peer);
	return err == DPC_ERR_EXISTS ? DPC_OK : err;
}
