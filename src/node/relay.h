/* The relayed addresses of ours at one server: a TURN client (ice/turn.h) with a socket or stream
 * of its own to its server, and what happens when that fails.
 *
 * While it is wanted it keeps an allocation, and after a failure tries again, less and less often.
 * What peers send to a relayed address comes as datagrams on a path whose local address it is;
 * relay_send() is the way back. */
#ifndef NODE_RELAY_H
#define NODE_RELAY_H

#include "base/addr.h"
#include "base/rng.h"
#include "net/loop.h"
#include "message/turn_uri.h"

struct relay;

struct relay_config {
	struct turn_uri server;
	enum addr_family family;         /* of the relayed address; ADDR_NONE: all that it has */
	const char *username, *password; /* copied */
	const char *authorities; /* a PEM file for TLS, copied; NULL: those of this machine */
	struct rng *rng;         /* borrowed for the object's life */
	/* relay_addr() or relay_state() changed. */
	void (*changed)(struct relay *relay, void *user);
	/* Borrowed for the call. */
	void (*received)(struct relay *relay, const struct path *path, struct bytes datagram,
		usec now, void *user);
	void *user;
};

enum relay_state {
	RELAY_IDLE, /* not wanted */
	RELAY_OPENING,
	RELAY_READY,
	RELAY_WAITING, /* after a failure, until it is tried again */
};

/* It is not wanted yet. ERR_NOMEM. */
MUST_CHECK enum err relay_create(
	struct net_loop *loop, const struct relay_config *config, struct relay **ret_relay);
/* Gives the allocation back, as far as one datagram can. Not in a callback of its own. Accepts
 * NULL.
 */
void relay_destroy(struct relay *relay);

/* For the allocations to come: the present one goes on under the credentials that it was made with,
 * for RFC 8656 section 9 binds it to its user name. One that is waiting is tried at once.
 * ERR_NOMEM: the former ones stay. */
MUST_CHECK enum err relay_set_credentials(
	struct relay *relay, const char *username, const char *password);

/* Whether an allocation is needed. One that is no more is kept for RELAY_LINGER; the next who needs
 * it has it at once, while the server is asked whether it still stands (relay_check()). */
void relay_want(struct relay *relay, bool wanted);

/* Nothing comes through it any more. One that is ready is asked whether it still is, and given up
 * when it does not answer within RELAY_CHECK_TIME. */
void relay_check(struct relay *relay);
/* This machine has other addresses: what was allocated from the former ones is lost. */
void relay_network_changed(struct relay *relay);

enum relay_state relay_state(const struct relay *relay);
/* The relayed address of a family; NULL where there is none, and unless ready. */
const struct addr *relay_addr(const struct relay *relay, enum addr_family family);
bool relay_is_wanted(const struct relay *relay);
const struct turn_uri *relay_server(const struct relay *relay);
/* What it logs in with; borrowed until it gets others. */
void relay_credentials(
	const struct relay *relay, const char **ret_username, const char **ret_password);
/* Why it failed last, or what it refuses now that it is ready, in words; "": neither. */
const char *relay_reason(const struct relay *relay);
/* From the beginning to being ready; 0 before the first time. */
usec relay_setup_time(const struct relay *relay);

/* `bytes` as datagrams of `segment` bytes, the last one perhaps shorter, to `remote`. Errors mean
 * that some or all were lost, as on the network: ERR_STATE unless ready, and those of turn_wrap(),
 * net_udp_send() and net_stream_send(). */
MUST_CHECK enum err relay_send(struct relay *relay, const struct addr *remote, struct bytes bytes,
	size_t segment, usec now);

struct relay_stats {
	uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out; /* of the present allocation */
	uint64_t dropped_in; /* what the server sent and was malformed, unsigned or not asked for */
	uint64_t lost_out;   /* flights that did not leave whole */
};

void relay_stats(const struct relay *relay, struct relay_stats *ret_stats);

#endif
