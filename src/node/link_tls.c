/* A link over direct TLS: looks the contact's addresses up, dials them, and checks the key before
 * the first message. Messages are text frames on channel 0, pieces of files binary ones on channel
 * 1. */
#include "node/link.h"

#include <stdlib.h>

#include "base/log.h"
#include "message/uri.h"
#include "net/resolve.h"
#include "net/tls.h"
#include "node/internal.h"
#include "node/session.h"

#define CHANNEL_FILES 1

struct lookup {
	struct link_tls *owner;
	struct net_resolve *resolve; /* NULL: not under way */
};

struct link_tls {
	struct link link;
	struct lookup lookups[STORE_ADDRESSES_MAX];
	size_t pending; /* look-ups under way */
	struct addr addrs[NET_TLS_DIAL_ADDRS_MAX];
	size_t addr_count;
	bool lan_only;
	bool has_pin;
	struct node_pin pin; /* the contact's */
	struct net_tls_dial *dial;
	struct net_tls_conn *conn;
};

static struct link_tls *tls_of(struct link *link)
{
	return CONTAINER_OF(link, struct link_tls, link);
}

/* ---- The transport ---- */

static enum err tls_send(struct link *link, struct bytes text)
{
	struct net_frame frame = {.channel = 0, .kind = NET_FRAME_TEXT, .payload = text};
	return net_tls_conn_send(tls_of(link)->conn, &frame);
}

static enum err tls_send_piece(struct link *link, struct bytes piece)
{
	struct net_frame frame = {
		.channel = CHANNEL_FILES, .kind = NET_FRAME_BINARY, .payload = piece};
	return net_tls_conn_send_bulk(tls_of(link)->conn, &frame);
}

static void tls_close(struct link *link, const char *reason)
{
	net_tls_conn_close(tls_of(link)->conn, reason);
}

static void tls_destroy(struct link *link)
{
	struct link_tls *tls = tls_of(link);
	for (size_t i = 0; i < STORE_ADDRESSES_MAX; i++)
		net_resolve_cancel(tls->lookups[i].resolve);
	net_tls_dial_cancel(tls->dial);
	net_tls_conn_destroy(tls->conn);
	link_deinit(link);
	free(tls);
}

static void tls_describe(struct link *link, json_t *description)
{
	const struct net_tls_conn *conn = tls_of(link)->conn;
	if (!conn)
		return;
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	const struct net_tls_conn_stats *stats = net_tls_conn_stats(conn);
	json_object_set_new(
		description, "local", json_string(addr_text(net_tls_conn_local(conn), local)));
	json_object_set_new(
		description, "remote", json_string(addr_text(net_tls_conn_remote(conn), remote)));
	json_object_set_new(description, "transport", json_string("tcp"));
	json_object_set_new(description, "bytes_in", json_integer((json_int_t)stats->bytes_in));
	json_object_set_new(description, "bytes_out", json_integer((json_int_t)stats->bytes_out));
}

static void tls_count(struct link *link, struct quality_counters *ret_counters)
{
	const struct net_tls_conn *conn = tls_of(link)->conn;
	struct net_tcp_stats tcp;
	if (!conn)
		return;
	const struct net_tls_conn_stats *stats = net_tls_conn_stats(conn);
	ret_counters->bytes_in = stats->bytes_in;
	ret_counters->bytes_out = stats->bytes_out;
	if (!net_tls_conn_tcp(conn, &tcp))
		return;
	ret_counters->rtt = tcp.rtt;
	ret_counters->rtt_min = tcp.rtt_min;
	ret_counters->jitter = tcp.jitter;
	ret_counters->cwnd = tcp.cwnd;
	ret_counters->sent = tcp.segments_out;
	ret_counters->lost = tcp.retransmissions;
}

static void tls_route(struct link *link, struct link_route_facts *ret_facts)
{
	const struct net_tls_conn *conn = tls_of(link)->conn;
	ret_facts->tls = conn != NULL;
	if (conn)
		ret_facts->remote = *net_tls_conn_remote(conn);
}

bool link_tls_is_from(struct link *link, const struct addr *locals, size_t count)
{
	const struct net_tls_conn *conn = tls_of(link)->conn;
	for (size_t i = 0; conn && i < count; i++)
		if (addr_same_ip(net_tls_conn_local(conn), &locals[i]))
			return true;
	return false;
}

static const struct link_transport transport = {
	.send = tls_send,
	.send_piece = tls_send_piece,
	.close = tls_close,
	.destroy = tls_destroy,
	.describe = tls_describe,
	.count = tls_count,
	.route = tls_route,
};

/* ---- A connection ---- */

static void on_frame(struct net_tls_conn *conn, const struct net_frame *frame, void *user)
{
	struct link_tls *tls = user;
	(void)conn;
	/* Other channels and binary frames are for later versions. */
	if (frame->channel == 0 && frame->kind == NET_FRAME_TEXT)
		link_received(&tls->link, frame->payload);
	else if (frame->channel == CHANNEL_FILES && frame->kind == NET_FRAME_BINARY)
		link_piece_received(&tls->link, frame->payload);
}

static void on_drained(struct net_tls_conn *conn, void *user)
{
	struct link_tls *tls = user;
	(void)conn;
	link_writable(&tls->link);
}

static void on_closed(struct net_tls_conn *conn, enum err err, const char *reason, void *user)
{
	struct link_tls *tls = user;
	struct failure failure = {0};
	(void)conn;
	if (err)
		failure_set(&failure, FAILURE_UNREACHABLE, "the link to '%s' broke: %s",
			tls->link.session->name, reason[0] ? reason : err_text(err));
	link_ended(&tls->link, &failure);
}

static void start(struct link_tls *tls)
{
	struct net_tls_handler handler = {
		.frame = on_frame, .drained = on_drained, .closed = on_closed, .user = tls};
	net_tls_conn_start(tls->conn, &handler);
	link_authenticated(&tls->link, false);
}

static const struct node_pin *pin_of(const struct net_tls_conn *conn)
{
	return &certificate_info(net_tls_conn_certificate(conn))->pin;
}

void link_tls_accept(struct session *session, struct net_tls_conn *conn)
{
	struct failure failure;
	struct link_tls *tls = calloc(1, sizeof(*tls));
	if (!tls || link_init(&tls->link, session, LINK_DIRECT, false, &transport) != ERR_OK) {
		log_warn("too many links: one from '%s' is refused", session->name);
		free(tls);
		net_tls_conn_destroy(conn);
		return;
	}
	tls->conn = conn;
	if (link_check_pin(&tls->link, pin_of(conn), &failure))
		start(tls);
	else
		link_destroy(&tls->link);
}

/* ---- Dialling ---- */

static enum failure_code code_of(enum err err)
{
	switch (err) {
	case ERR_MISMATCH:
		return FAILURE_KEY_CHANGED;
	case ERR_UNTRUSTED:
	case ERR_CRYPTO:
	case ERR_EXPIRED:
		return FAILURE_UNTRUSTED;
	case ERR_TIMEOUT:
		return FAILURE_TIMEOUT;
	default:
		return FAILURE_UNREACHABLE;
	}
}

static void on_dialled(enum err err, const char *reason, struct net_tls_conn *conn, void *user)
{
	struct link_tls *tls = user;
	struct failure failure;
	const char *name = tls->link.session->name;
	tls->dial = NULL;
	tls->conn = conn;
	if (err == ERR_MISMATCH) {
		failure_set(&failure, FAILURE_KEY_CHANGED,
			"'%s' did not answer, somebody with another key did: %s; nothing was sent",
			name, reason);
		link_ended(&tls->link, &failure);
	} else if (err) {
		failure_set(&failure, code_of(err), "cannot reach '%s': %s; is it running there?",
			name, reason[0] ? reason : err_text(err));
		link_ended(&tls->link, &failure);
	} else if (link_check_pin(&tls->link, pin_of(conn), &failure)) {
		start(tls);
	} else {
		link_ended(&tls->link, &failure);
	}
}

static void add_addr(struct link_tls *tls, const struct addr *addr)
{
	if (tls->addr_count < NET_TLS_DIAL_ADDRS_MAX &&
		(!tls->lan_only || addr_is_local_network(addr)))
		tls->addrs[tls->addr_count++] = *addr;
}

static enum err dial(struct link_tls *tls)
{
	struct net_tls_dial_config config = {.addrs = tls->addrs,
		.addr_count = tls->addr_count,
		.node_id = tls->link.session->id,
		.pin = tls->has_pin ? &tls->pin : NULL,
		.done = on_dialled,
		.user = tls};
	return net_tls_dial_start(tls->link.session->node->tls, &config, &tls->dial);
}

static void on_resolved(enum err err, const struct addr *addrs, size_t count, void *user)
{
	struct lookup *lookup = user;
	struct link_tls *tls = lookup->owner;
	lookup->resolve = NULL;
	tls->pending--;
	for (size_t i = 0; !err && i < count; i++)
		add_addr(tls, &addrs[i]);
	if (tls->pending > 0)
		return;
	err = dial(tls);
	if (err) {
		struct failure failure;
		failure_set(&failure, FAILURE_UNREACHABLE,
			"no address of '%s' can be found; check the host name given to 'dpc add'",
			tls->link.session->name);
		link_ended(&tls->link, &failure);
	}
}

static void look_up(struct link_tls *tls, struct lookup *lookup, const char *address)
{
	char host[URI_HOST_MAX + 1];
	uint16_t port;
	struct addr addr;
	if (uri_parse_host_port(
		    bytes_of_text(address), URI_PORT_DEFAULT, host, sizeof(host), &port) != ERR_OK)
		return;
	if (addr_parse_ip(host, port, &addr)) {
		add_addr(tls, &addr);
		return;
	}
	lookup->owner = tls;
	if (net_resolve_start(tls->link.session->node->loop, host, port, on_resolved, lookup,
		    &lookup->resolve) == ERR_OK)
		tls->pending++;
}

enum err link_dial(
	struct session *session, const struct store_contact *contact, struct failure *failure)
{
	struct link_tls *tls = calloc(1, sizeof(*tls));
	enum err err =
		tls ? link_init(&tls->link, session, LINK_DIRECT, true, &transport) : ERR_NOMEM;
	if (err) {
		failure_set(failure, FAILURE_LIMIT, "cannot dial '%s': %s", session->name,
			err_text(err));
		free(tls);
		return err;
	}
	tls->link.attempt = true;
	tls->lan_only = contact->policy == STORE_POLICY_LAN_ONLY;
	tls->has_pin = node_pin_parse(contact->pin, &tls->pin);
	for (size_t i = 0; i < contact->address_count; i++)
		look_up(tls, &tls->lookups[i], contact->addresses[i]);
	if (tls->pending > 0)
		return ERR_OK;
	err = dial(tls);
	if (err) {
		failure_set(failure, FAILURE_UNREACHABLE,
			"no address of '%s' can be dialled; add one with 'dpc add dpc://…'",
			session->name);
		link_destroy(&tls->link);
	}
	return err;
}
