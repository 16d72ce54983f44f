/* Relays: an allocation is made and given back. Ports: a TCP connection is opened and closed. */
#include "node/netcheck_internal.h"

#include <stdio.h>

#include "base/text.h"

static const uint16_t ports[NETCHECK_PORTS] = {443, 80, 3478};

/* ---- Relays ---- */

static void settle_relay(struct netcheck_try *try, enum netcheck_state state, const char *why)
{
	struct netcheck_relay *fact = &try->check->facts.relays[try->index];
	fact->state = state;
	snprintf(fact->error, sizeof fact->error, "%s", why);
	try->settled = true;
	net_defer_post(&try->check->settle);
}

/* The reason names the server first, which a report has beside it already. */
static const char *bare_reason(const struct relay *relay)
{
	char server[TURN_URI_TEXT_MAX];
	const char *reason = relay_reason(relay);
	size_t size = strlen(turn_uri_text(relay_server(relay), server));
	bool is_named = strncmp(reason, server, size) == 0 && strncmp(reason + size, ": ", 2) == 0;
	return is_named ? reason + size + 2 : reason;
}

static void on_changed(struct relay *relay, void *user)
{
	struct netcheck_try *try = user;
	struct netcheck_relay *fact = &try->check->facts.relays[try->index];
	const struct addr *addr = relay_addr(relay, ADDR_IPV4);
	if (try->settled)
		return;
	if (addr) {
		fact->address = *addr;
		fact->setup_time = relay_setup_time(relay);
		settle_relay(try, NETCHECK_OK, "");
	} else if (relay_state(relay) == RELAY_WAITING) {
		settle_relay(try, NETCHECK_FAILED, bare_reason(relay));
	}
}

static void on_received(
	struct relay *relay, const struct path *path, struct bytes datagram, usec now, void *user)
{
	/* Nobody was told the address. */
	(void)relay, (void)path, (void)datagram, (void)now, (void)user;
}

void netcheck_start_relays(struct netcheck *check)
{
	for (size_t i = 0; i < check->facts.relay_count; i++) {
		struct netcheck_try *try = &check->relays[i];
		const struct netcheck_host *host = &check->hosts[check->relay_host[i]];
		struct relay_config config = {.server = check->facts.relays[i].server,
			.family = ADDR_IPV4,
			.username = try->username,
			.password = try->password,
			.authorities = check->authorities[0] ? check->authorities : NULL,
			.rng = check->config.rng,
			.changed = on_changed,
			.received = on_received,
			.user = try};
		if (host->addrs[0].family == ADDR_NONE && host->addrs[1].family == ADDR_NONE) {
			settle_relay(try, NETCHECK_NO_NAME, "its name has no address");
			continue;
		}
		enum err err = relay_create(check->config.loop, &config, &try->relay);
		if (err)
			settle_relay(try, NETCHECK_FAILED, err_text(err));
		else
			relay_want(try->relay, true);
	}
}

/* ---- Ports ---- */

/* The better news of two: open, then refused (which is an answer too), then silence. */
static unsigned rank(enum netcheck_state state)
{
	return state == NETCHECK_OK ? 2 : state == NETCHECK_REFUSED ? 1 : 0;
}

static void settle_port(struct netcheck_try *try, enum netcheck_state state)
{
	struct netcheck_port *fact = &try->check->facts.ports[try->index];
	if (rank(state) > rank(fact->state)) {
		fact->state = state;
		fact->at = try->addr;
	}
	try->settled = true;
	net_defer_post(&try->check->settle);
}

static void on_opened(void *user)
{
	settle_port(user, NETCHECK_OK);
}

static void on_bytes(struct bytes bytes, void *user)
{
	(void)bytes, (void)user;
}

static void on_closed(enum err err, const char *reason, void *user)
{
	struct netcheck_try *try = user;
	(void)reason;
	if (!try->settled)
		settle_port(try, err == ERR_REFUSED ? NETCHECK_REFUSED : NETCHECK_SILENT);
}

static bool is_listed(const struct addr *addrs, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_same_ip(&addrs[i], addr))
			return true;
	}
	return false;
}

/* Different servers first: one may be down. */
static size_t pick_addresses(const struct netcheck *check, struct addr *addrs)
{
	size_t count = 0;
	for (size_t family = 0; family < 2; family++) {
		for (size_t i = 0; i < check->host_count; i++) {
			const struct addr *addr = &check->hosts[i].addrs[family];
			if (count < NETCHECK_PORT_SERVERS_MAX && addr->family != ADDR_NONE &&
				!is_listed(addrs, count, addr))
				addrs[count++] = *addr;
		}
	}
	return count;
}

static void try_port(struct netcheck *check, size_t index, const struct addr *addr)
{
	struct netcheck_try *try = &check->ports[check->port_try_count++];
	*try = (struct netcheck_try){.check = check, .index = index, .addr = *addr};
	try->addr.port = ports[index];
	struct net_stream_config config = {.remote = try->addr,
		.opened = on_opened,
		.received = on_bytes,
		.closed = on_closed,
		.user = try};
	check->facts.ports[index].asked++;
	if (net_stream_create(check->config.loop, &config, &try->stream) != ERR_OK)
		settle_port(try, NETCHECK_SILENT);
}

void netcheck_start_ports(struct netcheck *check)
{
	struct addr addrs[NETCHECK_PORT_SERVERS_MAX];
	size_t count = pick_addresses(check, addrs);
	for (size_t i = 0; i < NETCHECK_PORTS; i++) {
		check->facts.ports[i] = (struct netcheck_port){.port = ports[i]};
		for (size_t j = 0; j < count; j++)
			try_port(check, i, &addrs[j]);
	}
}

/* ---- Both ---- */

static void let_go(struct netcheck_try *try)
{
	relay_destroy(try->relay);
	try->relay = NULL;
	net_stream_destroy(try->stream);
	try->stream = NULL;
}

static bool settle_all(struct netcheck_try *tries, size_t count)
{
	bool all = true;
	for (size_t i = 0; i < count; i++) {
		if (tries[i].settled)
			let_go(&tries[i]);
		all &= tries[i].settled;
	}
	return all;
}

bool netcheck_settle_servers(struct netcheck *check)
{
	bool relays = settle_all(check->relays, check->facts.relay_count);
	return settle_all(check->ports, check->port_try_count) && relays;
}

void netcheck_stop_servers(struct netcheck *check)
{
	char why[64];
	snprintf(why, sizeof why, "no answer within %d s",
		(int)(NETCHECK_SERVERS_TIME / USEC_PER_SEC));
	for (size_t i = 0; i < check->facts.relay_count; i++) {
		struct netcheck_try *try = &check->relays[i];
		if (!try->settled)
			settle_relay(try, NETCHECK_SILENT, why);
		let_go(try);
	}
	for (size_t i = 0; i < check->port_try_count; i++) {
		check->ports[i].settled = true;
		let_go(&check->ports[i]);
	}
}
