#include "node/netcheck_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "message/uri.h"
#include "net/iface.h"
#include "net/limits.h"
#include "web/url.h"

#define STUN_PORT_DEFAULT 3478

static_assert(2 * NETCHECK_STUN_MAX <= NAT_PROBE_SERVERS_MAX, "each is asked by both families");

bool netcheck_parse_stun(const char *text, struct config_server *ret_server)
{
	struct config_server server;
	if (uri_parse_host_port(bytes_of_text(text), STUN_PORT_DEFAULT, server.host,
		    sizeof server.host, &server.port) ||
		server.port == 0)
		return false;
	*ret_server = server;
	return true;
}

/* ---- Names ---- */

size_t netcheck_add_host(struct netcheck *check, const char *name)
{
	size_t i = 0;
	while (i < check->host_count && !text_equal_ignoring_case(check->hosts[i].name, name))
		i++;
	CHECK(i < NETCHECK_HOSTS_MAX);
	if (i == check->host_count) {
		check->hosts[i].check = check;
		CHECK(text_copy(check->hosts[i].name, sizeof check->hosts[i].name, name));
		check->host_count++;
	}
	return i;
}

static void on_resolved(enum err err, const struct addr *addrs, size_t count, void *user)
{
	struct netcheck_host *host = user;
	host->resolve = NULL;
	for (size_t i = 0; !err && i < count; i++) {
		struct addr *place = &host->addrs[addrs[i].family == ADDR_IPV4 ? 0 : 1];
		if (place->family == ADDR_NONE)
			*place = addrs[i];
	}
	net_defer_post(&host->check->settle);
}

static void start_names(struct netcheck *check)
{
	for (size_t i = 0; i < check->host_count; i++) {
		struct netcheck_host *host = &check->hosts[i];
		/* One that cannot be looked up at all has no address, and is said so. */
		if (net_resolve_start(check->config.loop, host->name, 0, on_resolved, host,
			    &host->resolve) != ERR_OK)
			host->resolve = NULL;
	}
}

static bool are_names_known(const struct netcheck *check)
{
	for (size_t i = 0; i < check->host_count; i++) {
		if (check->hosts[i].resolve)
			return false;
	}
	return true;
}

static void stop_names(struct netcheck *check)
{
	for (size_t i = 0; i < check->host_count; i++) {
		net_resolve_cancel(check->hosts[i].resolve);
		check->hosts[i].resolve = NULL;
	}
}

static bool has_address(const struct netcheck_host *host)
{
	return host->addrs[0].family != ADDR_NONE || host->addrs[1].family != ADDR_NONE;
}

static bool is_any_name_found(const struct netcheck *check)
{
	size_t names = 0;
	for (size_t i = 0; i < check->host_count; i++) {
		struct addr numeric;
		if (addr_parse_ip(check->hosts[i].name, 0, &numeric))
			continue;
		names++;
		if (has_address(&check->hosts[i]))
			return true;
	}
	return names == 0;
}

/* ---- STUN ---- */

static void on_probed(void *user)
{
	struct netcheck *check = user;
	check->probe_done = true;
	net_defer_post(&check->settle);
}

static void start_probe(struct netcheck *check)
{
	struct addr addrs[NAT_PROBE_SERVERS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < check->facts.stun_count; i++) {
		const struct netcheck_host *host = &check->hosts[check->stun_host[i]];
		for (size_t family = 0; family < 2; family++) {
			struct addr addr = host->addrs[family];
			addr.port = check->stun_port[i];
			if (addr.family != ADDR_NONE)
				addrs[count++] = addr;
		}
	}
	check->probe_done =
		count == 0 || nat_probe_create(check->config.loop, check->config.rng, addrs, count,
				      on_probed, check, &check->probe) != ERR_OK;
}

/* Of a server with two addresses, the one that answers. */
static void read_stun(struct netcheck_facts *facts, size_t index, const struct nat_probe *probe,
	const struct addr *addr, uint16_t port)
{
	struct netcheck_stun *stun = &facts->stun[index];
	for (size_t i = 0; i < nat_probe_server_count(probe); i++) {
		struct nat_probe_server server = nat_probe_server(probe, i);
		if (stun->state == NETCHECK_OK || !addr_same_ip(&server.addr, addr) ||
			server.addr.port != port)
			continue;
		stun->answer = server;
		stun->state = server.mapped.family != ADDR_NONE  ? NETCHECK_OK
			      : server.local.family == ADDR_NONE ? NETCHECK_NO_ROUTE
			      : server.nonsense                  ? NETCHECK_WRONG
								 : NETCHECK_SILENT;
	}
}

static void read_probe(struct netcheck *check)
{
	struct netcheck_facts *facts = &check->facts;
	for (size_t i = 0; i < facts->stun_count; i++) {
		const struct netcheck_host *host = &check->hosts[check->stun_host[i]];
		facts->stun[i].state = has_address(host) ? NETCHECK_SILENT : NETCHECK_NO_NAME;
		for (size_t family = 0; check->probe && family < 2; family++) {
			if (host->addrs[family].family != ADDR_NONE)
				read_stun(facts, i, check->probe, &host->addrs[family],
					check->stun_port[i]);
		}
	}
	for (size_t i = 0; check->probe && i < 2; i++)
		facts->nat[i] = nat_probe_result(check->probe, i == 0 ? ADDR_IPV4 : ADDR_IPV6);
}

/* ---- Phases ---- */

static void finish(struct netcheck *check)
{
	check->phase = NETCHECK_DONE;
	net_timer_cancel(&check->timer);
	read_probe(check);
	netcheck_stop_servers(check);
	netcheck_stop_hub(check);
	netcheck_stop_router(check);
	nat_probe_destroy(check->probe);
	check->probe = NULL;
	check->facts.took = net_now() - check->began_at;
	check->config.done(&check->facts, check->config.user);
}

static void begin_servers(struct netcheck *check)
{
	stop_names(check);
	check->facts.dns_is_dead = !is_any_name_found(check);
	check->phase = NETCHECK_SERVERS;
	net_timer_set(&check->timer, net_now() + NETCHECK_SERVERS_TIME);
	check->config.progress("asking the servers", check->config.user);
	start_probe(check);
	netcheck_start_relays(check);
	netcheck_start_ports(check);
	net_defer_post(&check->settle);
}

static void on_settle(void *user)
{
	struct netcheck *check = user;
	if (check->phase == NETCHECK_NAMES && are_names_known(check))
		begin_servers(check);
	if (check->phase != NETCHECK_SERVERS)
		return;
	/* Every one of these lets go of what is settled. */
	bool servers = netcheck_settle_servers(check);
	if (servers && netcheck_is_hub_settled(check) && netcheck_is_router_settled(check) &&
		check->probe_done)
		finish(check);
}

static void on_timer(void *user)
{
	struct netcheck *check = user;
	usec end = check->began_at + NETCHECK_TIME_MAX;
	if (check->phase == NETCHECK_NAMES) {
		begin_servers(check);
	} else if (net_now() >= end || check->probe_done) {
		finish(check);
	} else {
		/* The tests of a NAT take longest, and end by themselves. */
		netcheck_stop_servers(check);
		netcheck_stop_hub(check);
		netcheck_stop_router(check);
		check->config.progress("testing what the NAT does", check->config.user);
		net_timer_set(&check->timer, end);
	}
}

/* ---- What is asked ---- */

static void add_stun(struct netcheck *check, const char *host, uint16_t port)
{
	struct netcheck_facts *facts = &check->facts;
	size_t index = netcheck_add_host(check, host);
	for (size_t i = 0; i < facts->stun_count; i++) {
		if (check->stun_host[i] == index && check->stun_port[i] == port)
			return;
	}
	CHECK(facts->stun_count < NETCHECK_STUN_MAX);
	struct netcheck_stun *stun = &facts->stun[facts->stun_count];
	snprintf(stun->name, sizeof stun->name, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
		(unsigned)port);
	check->stun_host[facts->stun_count] = index;
	check->stun_port[facts->stun_count++] = port;
}

static void add_relay(struct netcheck *check, const struct netcheck_login *login, bool from_hub)
{
	struct netcheck_facts *facts = &check->facts;
	if (facts->relay_count == NETCHECK_RELAYS_MAX)
		return;
	size_t index = facts->relay_count++;
	struct netcheck_try *try = &check->relays[index];
	facts->relays[index] =
		(struct netcheck_relay){.server = login->server, .from_hub = from_hub};
	check->relay_host[index] = netcheck_add_host(check, login->server.host);
	*try = (struct netcheck_try){.check = check, .index = index};
	CHECK(text_copy(try->username, sizeof try->username, login->username));
	CHECK(text_copy(try->password, sizeof try->password, login->password));
	/* A TURN server over UDP is a STUN server too (RFC 8656 section 7.2). */
	if (login->server.transport == TURN_OVER_UDP)
		add_stun(check, login->server.host, login->server.port);
}

static void add_servers(struct netcheck *check, const struct netcheck_config *c)
{
	const struct config *config = c->config;
	struct url url;
	for (size_t i = 0; i < c->stun_count; i++)
		add_stun(check, c->stun[i].host, c->stun[i].port);
	for (size_t i = 0; i < config->stun_count; i++)
		add_stun(check, config->stun[i].host, config->stun[i].port);
	for (size_t i = 0; i < config->turn_count; i++) {
		struct netcheck_login login = {
			config->turn[i], config->turn_username, config->turn_password};
		add_relay(check, &login, false);
	}
	for (size_t i = 0; i < c->hub_relay_count; i++)
		add_relay(check, &c->hub_relays[i], true);
	CHECK(text_copy(check->facts.hub.url, sizeof check->facts.hub.url, c->hub_url));
	if (c->hub_url[0] && url_parse(c->hub_url, &url) == ERR_OK &&
		strlen(url.host) <= CONFIG_HOST_MAX)
		netcheck_add_host(check, url.host);
}

static void look_at_interfaces(struct netcheck_facts *facts)
{
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count = 0;
	if (net_iface_list(false, addrs, NET_IFACE_ADDRS_MAX, &count) != ERR_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		if (addr_is_loopback(&addrs[i]))
			continue;
		facts->has_ipv4 |= addrs[i].family == ADDR_IPV4;
		facts->has_ipv6 |= addrs[i].family == ADDR_IPV6;
	}
}

/* ---- Life ---- */

enum err netcheck_start(const struct netcheck_config *config, struct netcheck **ret_check)
{
	if (config->stun_count > NETCHECK_STUN_ASKED_MAX)
		return ERR_LIMIT;
	struct netcheck *check = calloc(1, sizeof(*check));
	if (!check)
		return ERR_NOMEM;
	check->config = *config;
	check->began_at = net_now();
	check->facts.is_node_running = config->is_node_running;
	CHECK(text_copy(
		check->authorities, sizeof check->authorities, config->config->turn_authorities));
	CHECK(text_copy(check->hub_authorities, sizeof check->hub_authorities,
		config->config->hub_authorities));
	net_defer_init(&check->settle, config->loop, on_settle, check);
	enum err err = net_timer_init(&check->timer, config->loop, on_timer, check);
	if (err) {
		free(check);
		return err;
	}
	look_at_interfaces(&check->facts);
	add_servers(check, config);
	config->progress("looking up the servers", config->user);
	start_names(check);
	netcheck_start_hub(check);
	netcheck_start_router(check);
	net_timer_set(&check->timer, check->began_at + NETCHECK_NAMES_TIME);
	net_defer_post(&check->settle);
	*ret_check = check;
	return ERR_OK;
}

void netcheck_destroy(struct netcheck *check)
{
	if (!check)
		return;
	stop_names(check);
	netcheck_stop_servers(check);
	netcheck_stop_hub(check);
	netcheck_stop_router(check);
	nat_probe_destroy(check->probe);
	net_defer_cancel(&check->settle);
	net_timer_deinit(&check->timer);
	secret_cleanse(check->relays, sizeof check->relays);
	free(check);
}
