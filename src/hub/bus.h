/* What joins several hubs: who is connected to which of them, signals for nodes at another one, and
 * word of logins that have ended. Over NATS; without, a hub is alone, its bus is NULL, and each of
 * these functions does what is right then.
 *
 * A signal makes one hop, to the hub where the roster says that its target is, and one more if the
 * target has just moved on from there. If it is not there, that hub says so, or the server that
 * there is no such hub, and the sender hears `target_offline`. Nothing is sent twice or late; what
 * is lost on the way is lost, as it is on a socket that breaks. */
#ifndef HUB_BUS_H
#define HUB_BUS_H

#include "hub/admission.h"
#include "hub/nats_client.h"
#include "hub/presence.h"

struct bus;
struct hub;

/* Begins to connect; the hub outlives it. ERR_MALFORMED (the urls), ERR_NOMEM. */
MUST_CHECK enum err bus_create(struct hub *hub, const char *urls, struct bus **ret_bus);
/* Tells the others that this hub ends, if it can. */
void bus_destroy(struct bus *bus);

/* ---- Nodes of this hub ---- */

/* For a connection that begins now: above those of the node's others, as far as they are known. */
uint64_t bus_stamp(const struct bus *bus, const char *node_id);
/* Tells the others of it. True: signal_socket_greet() is called when they have been told; until
 * then signals for it wait (bus_hold()). False: nobody needs to be told, or can be. */
bool bus_entered(struct bus *bus, const struct presence_entry *entry);
/* Signals for it that were held may go. */
void bus_release(struct bus *bus, const char *node_id);
/* Before it leaves, or after; not when it was replaced. */
void bus_left(struct bus *bus, const struct presence_entry *entry);
/* What the store says of a node has changed, which is not here, or was told already. */
void bus_recheck(struct bus *bus, const char *node_id);

/* Bans, or the keys of tokens, have changed in the store. */
void bus_shared_changed(struct bus *bus);

/* ---- Nodes of others ---- */

/* Whether the node is connected to another hub. */
bool bus_has(const struct bus *bus, const char *node_id);
/* Passes on what the target is to get, which is not here; or holds it for a moment, when no hub is
 * known to have the target. If that comes to nothing, signal_socket_missed() is called. ERR_STATE
 * (there is no other hub to be reached), ERR_NOT_FOUND (the same), ERR_AGAIN, ERR_LIMIT, ERR_NOMEM:
 * it is lost. */
MUST_CHECK enum err bus_signal(struct bus *bus, const struct contact_id *sender,
	const char *target_node_id, struct bytes text);

/* Keeps what the target is to get for a moment; it is of this hub, and not greeted yet. Errors as
 * above. */
MUST_CHECK enum err bus_hold(struct bus *bus, const struct contact_id *sender,
	const struct contact_id *target, struct bytes text);

struct bus_stats {
	bool is_up;
	size_t hubs, nodes; /* others, and connected to them */
	size_t queued;
	uint64_t signals_out, signals_in, misses, duplicates, malformed, replaced;
	struct nats_client_stats nats;
};

struct bus_stats bus_stats(const struct bus *bus);

#endif
