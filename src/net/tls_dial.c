/* Dialing a direct link at several addresses: happy eyeballs (RFC 8305), with the TLS handshake as
 * the finish, since a host that merely accepts connections is not yet the node. */
#include "net/tls_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"

struct net_tls_dial {
	struct net_tls *tls;
	struct net_tls_dial_config config; /* addrs, node_id and pin are in the fields below */
	char node_id[NODE_ID_MAX];
	struct node_pin pin;
	struct addr addrs[NET_TLS_DIAL_ADDRS_MAX]; /* in the order of trying */
	size_t count, next;                        /* `next` is the first not yet tried */
	struct net_tls_conn *attempts[NET_TLS_DIAL_ADDRS_MAX];
	size_t running;
	struct net_timer timer; /* the next attempt */
	enum err err;           /* of the attempt that came nearest, with its text */
	char reason[TLS_REASON_SIZE];
};

/* How near to success a failure came: what the user learns is the most telling one. */
static int nearness(enum err err)
{
	static const enum err order[] = {ERR_OK, ERR_NOMEM, ERR_IO, ERR_UNREACHABLE, ERR_TIMEOUT,
		ERR_REFUSED, ERR_CRYPTO, ERR_MALFORMED, ERR_UNSUPPORTED, ERR_EXPIRED, ERR_UNTRUSTED,
		ERR_MISMATCH};
	for (int i = 0; i < (int)(sizeof(order) / sizeof(order[0])); i++) {
		if (order[i] == err)
			return i;
	}
	return 2;
}

static void note_failure(
	struct net_tls_dial *dial, const struct addr *addr, enum err err, const char *reason)
{
	if (dial->err && nearness(err) <= nearness(dial->err))
		return;
	char text[ADDR_TEXT_MAX];
	dial->err = err;
	snprintf(dial->reason, sizeof(dial->reason), "cannot connect to '%s': %s",
		addr_text(addr, text), reason);
}

static void close_attempts(struct net_tls_dial *dial)
{
	for (size_t i = 0; i < dial->next; i++) {
		net_tls_conn_destroy(dial->attempts[i]);
		dial->attempts[i] = NULL;
	}
	dial->running = 0;
}

/* The dial is gone before the callback, which may well start another one. */
static void finish(struct net_tls_dial *dial, struct net_tls_conn *conn)
{
	close_attempts(dial);
	net_timer_deinit(&dial->timer);
	struct net_tls_dial copy = *dial;
	free(dial);
	copy.config.done(conn ? ERR_OK : copy.err, conn ? "" : copy.reason, conn, copy.config.user);
}

/* An attempt failed, before or after it ran: the next may start at once. */
static void go_on(struct net_tls_dial *dial)
{
	if (dial->next < dial->count)
		net_timer_set(&dial->timer, 0);
	else if (dial->running == 0)
		finish(dial, NULL);
}

static void on_settled(struct net_tls_conn *conn, enum err err, const char *reason, void *user)
{
	struct net_tls_dial *dial = user;
	for (size_t i = 0; i < dial->next; i++) {
		if (dial->attempts[i] == conn)
			dial->attempts[i] = NULL;
	}
	dial->running--;
	if (!err) {
		finish(dial, conn);
		return;
	}
	note_failure(dial, &conn->remote, err, reason);
	net_tls_conn_destroy(conn);
	go_on(dial);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct net_tls_conn *conn = connect->data;
	if (conn->state != CONN_CONNECTING)
		return;
	if (status < 0)
		tls_conn_fail(conn, err_of_errno(status), uv_strerror(status));
	else
		tls_conn_begin(conn, false, conn->timer.node.deadline);
}

static enum err start_attempt(struct net_tls_dial *dial, size_t index)
{
	struct net_tls_conn *conn;
	enum err err = tls_conn_create(dial->tls, on_settled, dial, &conn);
	if (err)
		return err;
	conn->remote = dial->addrs[index];
	text_copy(conn->expected_id, sizeof(conn->expected_id), dial->node_id);
	conn->has_expected_pin = dial->config.pin != NULL;
	conn->expected_pin = dial->pin;
	conn->connect.data = conn;
	net_timer_set(&conn->timer, net_now() + NET_TLS_DIAL_TIMEOUT);
	struct sockaddr_storage name;
	(void)sockaddr_of_addr(&conn->remote, &name);
	int error =
		uv_tcp_connect(&conn->connect, &conn->tcp, (struct sockaddr *)&name, on_connect);
	if (error) {
		net_tls_conn_destroy(conn);
		return err_of_errno(error);
	}
	dial->attempts[index] = conn;
	dial->running++;
	return ERR_OK;
}

static void on_timer(void *user)
{
	struct net_tls_dial *dial = user;
	size_t index = dial->next++;
	enum err err = start_attempt(dial, index);
	if (err) {
		note_failure(dial, &dial->addrs[index], err, err_text(err));
		go_on(dial);
	} else if (dial->next < dial->count) {
		net_timer_set(&dial->timer, net_now() + NET_TLS_DIAL_INTERVAL);
	}
}

/* The families in turn, IPv6 first, each in the order given. */
static void order(struct net_tls_dial *dial, const struct addr *addrs, size_t count)
{
	enum addr_family family = ADDR_IPV6;
	size_t at[2] = {0, 0}; /* of IPv6, IPv4 */
	while (dial->count < NET_TLS_DIAL_ADDRS_MAX && (at[0] < count || at[1] < count)) {
		size_t *i = &at[family == ADDR_IPV6 ? 0 : 1];
		while (*i < count && addrs[*i].family != family)
			(*i)++;
		if (*i < count)
			dial->addrs[dial->count++] = addrs[(*i)++];
		family = family == ADDR_IPV6 ? ADDR_IPV4 : ADDR_IPV6;
	}
}

enum err net_tls_dial_start(struct net_tls *tls, const struct net_tls_dial_config *config,
	struct net_tls_dial **ret_dial)
{
	CHECK(config->done);
	struct net_tls_dial *dial = calloc(1, sizeof(*dial));
	if (!dial)
		return ERR_NOMEM;
	dial->tls = tls;
	dial->config = *config;
	dial->config.addrs = NULL;
	if (config->pin)
		dial->pin = *config->pin;
	enum err err = ERR_OK;
	/* What does not fit is no node id, and no node will match it. */
	if (config->node_id && !text_copy(dial->node_id, sizeof(dial->node_id), config->node_id))
		err = ERR_MALFORMED;
	order(dial, config->addrs, config->addr_count);
	if (!err && dial->count == 0)
		err = ERR_NOT_FOUND;
	if (!err)
		err = net_timer_init(&dial->timer, tls->loop, on_timer, dial);
	if (err) {
		free(dial);
		return err;
	}
	net_timer_set(&dial->timer, 0);
	*ret_dial = dial;
	return ERR_OK;
}

void net_tls_dial_cancel(struct net_tls_dial *dial)
{
	if (!dial)
		return;
	close_attempts(dial);
	net_timer_deinit(&dial->timer);
	free(dial);
}
