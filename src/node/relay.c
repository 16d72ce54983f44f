#include "node/relay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "ice/turn.h"
#include "net/iface.h"
#include "net/limits.h"
#include "net/resolve.h"
#include "net/stream.h"
#include "net/udp.h"
#include "node/limits.h"

#define REASON_MAX 256
/* What a stream brings: the largest frame, and a read behind its beginning. */
#define FRAME_MAX (65536 + 8)
#define IN_MAX (FRAME_MAX + NET_STREAM_READ_MAX)

struct relay {
	struct net_loop *loop;
	struct relay_config config; /* its texts are copies of ours */
	enum relay_state state;
	bool wanted;

	/* One try. */
	struct net_resolve *resolve;
	struct addr
		addrs[NET_RESOLVE_ADDRS_MAX]; /* of the server, to be tried one after the other */
	size_t addr_count, addr_next;
	struct addr tried[RELAY_REDIRECTS_MAX]; /* that have sent us on */
	unsigned redirects;
	struct addr remote; /* the one being tried */
	struct addr source; /* what we send to it from; ADDR_NONE: there was no way */
	struct net_udp *udp;
	struct net_stream *stream;
	struct buffer in; /* of the stream: the beginning of a frame */
	struct turn *turn;
	struct addr relayed[2]; /* IPv4, IPv6 */
	usec began_at;

	struct net_timer timer; /* of the client; while waiting, of the next try */
	struct net_timer linger;
	struct net_timer check; /* of relay_check(): the answer is late */
	usec retry_wait;
	usec setup_time;
	uint64_t lost_out;
	char reason[REASON_MAX];
	uint64_t refused; /* as told in `reason` */
	uint8_t out[NET_UDP_PAYLOAD_MAX];
};

static void try_next(struct relay *relay);
static void begin_anew(struct relay *relay);

/* ---- Beginning and end of a try ---- */

/* Everything that belongs to the server being tried. */
static void drop_server(struct relay *relay)
{
	net_timer_cancel(&relay->check);
	turn_destroy(relay->turn);
	relay->turn = NULL;
	net_udp_destroy(relay->udp);
	relay->udp = NULL;
	net_stream_destroy(relay->stream);
	relay->stream = NULL;
	buffer_deinit(&relay->in);
	memset(relay->relayed, 0, sizeof relay->relayed);
}

static void set_state(struct relay *relay, enum relay_state state)
{
	if (relay->state == state)
		return;
	relay->state = state;
	relay->config.changed(relay, relay->config.user);
}

/* The server being tried does not do: the next of its addresses, or all again after `wait` at the
 * least. */
static void give_up_for(struct relay *relay, usec wait_min, const char *why)
{
	char server[TURN_URI_TEXT_MAX];
	snprintf(relay->reason, sizeof relay->reason, "%s: %s",
		turn_uri_text(&relay->config.server, server), why);
	drop_server(relay);
	if (relay->state == RELAY_OPENING && relay->addr_next < relay->addr_count) {
		try_next(relay);
		return;
	}
	/* Clients that lost the same server do not come back together. */
	usec wait = relay->retry_wait / 2 +
		    (usec)rng_below(relay->config.rng, (uint64_t)relay->retry_wait);
	relay->retry_wait = usec_min(2 * relay->retry_wait, RELAY_RETRY_MAX);
	net_timer_set(&relay->timer, net_now() + usec_max(wait, wait_min));
	set_state(relay, RELAY_WAITING);
}

static void give_up(struct relay *relay, const char *why)
{
	give_up_for(relay, 0, why);
}

/* RFC 8656 section 7.4: after 486 or 508 "the client SHOULD wait at least 1 minute". */
static void give_up_refused(struct relay *relay)
{
	enum turn_failure failure = turn_failure(relay->turn);
	uint16_t code = turn_error_code(relay->turn);
	bool is_full = failure == TURN_QUOTA || failure == TURN_CAPACITY;
	char why[REASON_MAX / 2];
	if (code)
		snprintf(why, sizeof why, "%s (%u)", turn_failure_text(failure), (unsigned)code);
	else
		snprintf(why, sizeof why, "%s", turn_failure_text(failure));
	give_up_for(relay, is_full ? RELAY_FULL_WAIT : 0, why);
}

/* The server is there, and does not know us by the port that a NAT has given us meanwhile, or was
 * started again. Somebody waits for another allocation, and a server that forgets each of them is
 * not to be asked without end. */
static bool is_lost_alone(const struct relay *relay)
{
	usec ready_at = relay->began_at + relay->setup_time;
	return relay->state == RELAY_READY && relay->wanted &&
	       turn_failure(relay->turn) == TURN_MISMATCH &&
	       net_now() >= ready_at + RELAY_RETRY_MIN;
}

/* RFC 8489 section 14.15: of the family that we came over. A server of the world is not to make us
 * knock at the doors of this machine. */
static bool is_alternate(const struct relay *relay, const struct addr *alternate)
{
	bool is_multicast =
		alternate->family == ADDR_IPV6 ? alternate->ip[0] == 0xff : alternate->ip[0] >= 224;
	return alternate->family == relay->remote.family && alternate->port != 0 &&
	       !addr_is_unspecified(alternate) && !is_multicast &&
	       (!addr_is_loopback(alternate) || addr_is_loopback(&relay->remote));
}

/* Section 10: a server that has sent us on is not asked again. */
static bool was_tried(const struct relay *relay, const struct addr *server)
{
	for (unsigned i = 0; i < relay->redirects; i++)
		if (addr_equal(&relay->tried[i], server))
			return true;
	return addr_equal(&relay->remote, server);
}

static void follow_redirect(struct relay *relay)
{
	struct addr alternate = turn_alternate(relay->turn);
	if (alternate.family == ADDR_NONE) {
		give_up(relay, "the relay sends us away (300)");
		return;
	}
	if (!is_alternate(relay, &alternate)) {
		give_up(relay, "the relay sends us to an address that cannot be one (300)");
		return;
	}
	if (relay->redirects == RELAY_REDIRECTS_MAX || was_tried(relay, &alternate)) {
		give_up(relay, "relays send us from one to the other (300)");
		return;
	}
	relay->tried[relay->redirects++] = relay->remote;
	drop_server(relay);
	relay->addrs[0] = alternate;
	relay->addr_count = 1;
	relay->addr_next = 0;
	try_next(relay);
}

static void send_requests(struct relay *relay)
{
	uint8_t data[TURN_REQUEST_MAX];
	size_t size;
	while ((size = turn_write(relay->turn, data, sizeof data)) > 0) {
		struct path path = {.local.family = relay->remote.family, .remote = relay->remote};
		/* What is lost is repeated; a stream that fails says so by itself. */
		enum err err = relay->udp
				       ? net_udp_send(relay->udp, &path, bytes_of(data, size), size)
				       : net_stream_send(relay->stream, bytes_of(data, size));
		relay->lost_out += err != ERR_OK;
	}
}

/* The allocation stands, and the server does not carry anything to some peer. */
static void tell_refusal(struct relay *relay)
{
	const struct turn_stats *stats = turn_stats(relay->turn);
	char server[TURN_URI_TEXT_MAX], peer[ADDR_TEXT_MAX];
	if (stats->refused_code == 0 || stats->refused == relay->refused)
		return;
	relay->refused = stats->refused;
	snprintf(relay->reason, sizeof relay->reason, "%s: the relay refuses peers at %s: %u %s",
		turn_uri_text(&relay->config.server, server),
		addr_ip_text(&stats->refused_peer, peer), stats->refused_code,
		stats->refused_code == 403 ? "forbidden address" : "error");
	log_info("%s", relay->reason);
}

/* After whatever the client was told: sends what it has to say, and sees what became of it. */
static void pump(struct relay *relay)
{
	send_requests(relay);
	switch (turn_state(relay->turn)) {
	case TURN_FAILED:
		if (turn_failure(relay->turn) == TURN_REDIRECTED && relay->state == RELAY_OPENING)
			follow_redirect(relay);
		else if (is_lost_alone(relay))
			begin_anew(relay);
		else
			give_up_refused(relay);
		return;
	case TURN_READY:
		net_timer_set(&relay->timer, turn_deadline(relay->turn));
		tell_refusal(relay);
		if (relay->state != RELAY_OPENING)
			return;
		relay->relayed[0] = turn_relayed(relay->turn, ADDR_IPV4);
		relay->relayed[1] = turn_relayed(relay->turn, ADDR_IPV6);
		relay->setup_time = net_now() - relay->began_at;
		relay->retry_wait = RELAY_RETRY_MIN;
		relay->reason[0] = 0;
		relay->refused = 0;
		set_state(relay, RELAY_READY);
		return;
	case TURN_ALLOCATING:
	case TURN_CLOSED:
		net_timer_set(&relay->timer, turn_deadline(relay->turn));
		return;
	}
	UNREACHABLE();
}

static void start_client(struct relay *relay)
{
	struct turn_config config = {
		.stream = relay->stream != NULL,
		.family = relay->config.family,
		.username = bytes_of_text(relay->config.username),
		.password = bytes_of_text(relay->config.password),
		.rng = relay->config.rng,
	};
	enum err err = turn_create(&config, net_now(), &relay->turn);
	if (err)
		give_up(relay, err_text(err));
	else
		pump(relay);
}

/* ---- In ---- */

static void receive(struct relay *relay, struct bytes message, usec now)
{
	struct path path;
	struct bytes payload;
	if (!turn_receive(relay->turn, now, message, &path.remote, &payload))
		return;
	path.local = relay->relayed[path.remote.family == ADDR_IPV6];
	relay->config.received(relay, &path, payload, now, relay->config.user);
}

static void on_datagram(const struct path *path, struct bytes datagram, usec now, void *user)
{
	struct relay *relay = user;
	if (relay->turn && addr_equal(&path->remote, &relay->remote))
		receive(relay, datagram, now);
}

static void on_batch_end(usec now, void *user)
{
	(void)now;
	struct relay *relay = user;
	if (relay->turn)
		pump(relay);
}

static void on_stream_opened(void *user)
{
	start_client(user);
}

static void on_stream_received(struct bytes bytes, void *user)
{
	struct relay *relay = user;
	usec now = net_now();
	if (buffer_append(&relay->in, bytes)) {
		give_up(relay, err_text(ERR_NOMEM));
		return;
	}
	size_t at = 0;
	for (;;) {
		struct bytes rest = bytes_slice(buffer_bytes(&relay->in), at, SIZE_MAX);
		if (rest.size < TURN_FRAME_HEAD)
			break;
		size_t size = turn_frame_size(rest);
		if (size == 0) {
			give_up(relay, "it does not speak TURN");
			return;
		}
		if (size > rest.size)
			break;
		receive(relay, bytes_slice(rest, 0, size), now);
		at += size;
	}
	buffer_consume(&relay->in, at);
	pump(relay);
}

static void on_stream_closed(enum err err, const char *reason, void *user)
{
	(void)err;
	give_up(user, reason);
}

/* ---- Out ---- */

static enum err flush(struct relay *relay, struct writer *w, size_t segment)
{
	struct bytes bytes = writer_bytes(w);
	struct path path = {.local.family = relay->remote.family, .remote = relay->remote};
	w->size = 0;
	/* The permission that they need goes first. */
	send_requests(relay);
	if (bytes.size == 0)
		return ERR_OK;
	return relay->udp ? net_udp_send(relay->udp, &path, bytes, segment)
			  : net_stream_send(relay->stream, bytes);
}

enum err relay_send(struct relay *relay, const struct addr *remote, struct bytes bytes,
	size_t segment, usec now)
{
	CHECK(segment > 0);
	if (relay->state != RELAY_READY)
		return ERR_STATE;
	struct writer w = writer_of(relay->out, sizeof relay->out);
	size_t wrapped = 0; /* bytes of the first: those of all but the last */
	enum err err = ERR_OK;
	for (size_t at = 0; !err && at < bytes.size; at += segment) {
		struct bytes payload = bytes_slice(bytes, at, segment);
		if (payload.size + TURN_OVERHEAD_MAX > w.capacity - w.size)
			err = flush(relay, &w, wrapped);
		size_t before = w.size;
		if (!err)
			err = turn_wrap(relay->turn, now, remote, payload, &w);
		if (before == 0)
			wrapped = w.size;
	}
	if (!err)
		err = flush(relay, &w, wrapped);
	relay->lost_out += err != ERR_OK;
	net_timer_set(&relay->timer, turn_deadline(relay->turn));
	return err;
}

/* ---- Opening ---- */

static struct addr source_of(const struct addr *remote)
{
	struct addr source = {0};
	bool known = remote->family != ADDR_NONE && net_iface_source(remote, &source) == ERR_OK;
	return known ? source : (struct addr){0};
}

static enum err open_udp(struct relay *relay)
{
	struct addr local = {.family = relay->remote.family};
	struct net_udp_handler handler = {
		.receive = on_datagram, .batch_end = on_batch_end, .user = relay};
	return net_udp_create(relay->loop, &local, 0, &handler, &relay->udp);
}

static enum err open_stream(struct relay *relay)
{
	struct net_stream_config config = {
		.remote = relay->remote,
		.tls_name = relay->config.server.transport == TURN_OVER_TLS
				    ? relay->config.server.host
				    : NULL,
		.authorities = relay->config.authorities,
		.opened = on_stream_opened,
		.received = on_stream_received,
		.closed = on_stream_closed,
		.user = relay,
	};
	return net_stream_create(relay->loop, &config, &relay->stream);
}

static void try_next(struct relay *relay)
{
	CHECK(relay->addr_next < relay->addr_count);
	relay->remote = relay->addrs[relay->addr_next++];
	relay->source = source_of(&relay->remote);
	bool udp = relay->config.server.transport == TURN_OVER_UDP;
	enum err err = udp ? open_udp(relay) : open_stream(relay);
	if (err)
		give_up(relay, err_text(err));
	else if (udp)
		start_client(relay);
}

static void on_resolved(enum err err, const struct addr *addrs, size_t count, void *user)
{
	struct relay *relay = user;
	relay->resolve = NULL;
	if (err) {
		give_up(relay, err == ERR_AGAIN ? "the name server does not answer"
						: "its name has no address");
		return;
	}
	relay->addr_count = min_size(count, NET_RESOLVE_ADDRS_MAX);
	memcpy(relay->addrs, addrs, relay->addr_count * sizeof addrs[0]);
	try_next(relay);
}

static void begin(struct relay *relay)
{
	relay->began_at = net_now();
	relay->addr_count = relay->addr_next = 0;
	relay->redirects = 0;
	set_state(relay, RELAY_OPENING);
	enum err err = net_resolve_start(relay->loop, relay->config.server.host,
		relay->config.server.port, on_resolved, relay, &relay->resolve);
	if (err)
		give_up(relay, err_text(err));
}

static void begin_anew(struct relay *relay)
{
	char server[TURN_URI_TEXT_MAX];
	log_info("the relay %s has lost our allocation; another is made",
		turn_uri_text(&relay->config.server, server));
	net_timer_cancel(&relay->timer);
	drop_server(relay);
	begin(relay);
}

static void on_timer(void *user)
{
	struct relay *relay = user;
	if (relay->state == RELAY_WAITING) {
		begin(relay);
	} else if (relay->turn) {
		turn_advance(relay->turn, net_now());
		pump(relay);
	}
}

static void stop(struct relay *relay)
{
	net_timer_cancel(&relay->timer);
	net_resolve_cancel(relay->resolve);
	relay->resolve = NULL;
	if (relay->turn && turn_state(relay->turn) == TURN_READY) {
		turn_close(relay->turn, net_now());
		send_requests(relay);
	}
	drop_server(relay);
}

static void on_linger(void *user)
{
	struct relay *relay = user;
	stop(relay);
	set_state(relay, RELAY_IDLE);
}

static void on_check(void *user)
{
	struct relay *relay = user;
	if (relay->turn && relay->state == RELAY_READY && turn_is_asking(relay->turn))
		give_up(relay, "it does not answer any more");
}

void relay_check(struct relay *relay)
{
	if (relay->state != RELAY_READY || net_timer_is_set(&relay->check))
		return;
	usec now = net_now();
	turn_check(relay->turn, now);
	turn_advance(relay->turn, now);
	net_timer_set(&relay->check, now + RELAY_CHECK_TIME);
	pump(relay);
}

void relay_network_changed(struct relay *relay)
{
	struct addr source = source_of(&relay->remote);
	if (relay->state == RELAY_IDLE)
		return;
	if (relay->state == RELAY_READY && addr_equal(&source, &relay->source)) {
		relay_check(relay);
		return;
	}
	net_timer_cancel(&relay->timer);
	net_resolve_cancel(relay->resolve);
	relay->resolve = NULL;
	drop_server(relay);
	relay->retry_wait = RELAY_RETRY_MIN;
	if (relay->wanted)
		begin(relay);
	else
		set_state(relay, RELAY_IDLE);
}

void relay_want(struct relay *relay, bool wanted)
{
	if (relay->wanted == wanted)
		return;
	relay->wanted = wanted;
	net_timer_set(&relay->linger, wanted ? USEC_NEVER : net_now() + RELAY_LINGER);
	if (wanted && relay->state == RELAY_IDLE)
		begin(relay);
	else if (wanted)
		relay_check(relay); /* a NAT may have forgotten it, while nobody used it */
}

/* ---- Life ---- */

static void free_text(const char *text)
{
	char *ours = (char *)(uintptr_t)text; /* a copy of our own making */
	if (ours)
		secret_cleanse(ours, strlen(ours));
	free(ours);
}

static void free_texts(struct relay *relay)
{
	free_text(relay->config.username);
	free_text(relay->config.password);
	free_text(relay->config.authorities);
}

static enum err copy_texts(struct relay *relay, const struct relay_config *config)
{
	relay->config.username = text_duplicate(config->username);
	relay->config.password = text_duplicate(config->password);
	relay->config.authorities =
		config->authorities ? text_duplicate(config->authorities) : NULL;
	bool whole = relay->config.username && relay->config.password &&
		     (relay->config.authorities || !config->authorities);
	return whole ? ERR_OK : ERR_NOMEM;
}

enum err relay_create(
	struct net_loop *loop, const struct relay_config *config, struct relay **ret_relay)
{
	CHECK(config->changed && config->received);
	struct relay *relay = calloc(1, sizeof *relay);
	if (!relay)
		return ERR_NOMEM;
	relay->loop = loop;
	relay->config = *config;
	relay->retry_wait = RELAY_RETRY_MIN;
	relay->in = buffer_with_max(IN_MAX);
	enum err err = copy_texts(relay, config);
	if (!err)
		err = net_timer_init(&relay->timer, loop, on_timer, relay);
	if (!err)
		err = net_timer_init(&relay->linger, loop, on_linger, relay);
	if (!err)
		err = net_timer_init(&relay->check, loop, on_check, relay);
	if (err) {
		relay_destroy(relay);
		return err;
	}
	*ret_relay = relay;
	return ERR_OK;
}

enum err relay_set_credentials(struct relay *relay, const char *username, const char *password)
{
	char *new_username = text_duplicate(username), *new_password = text_duplicate(password);
	if (!new_username || !new_password) {
		free_text(new_username);
		free_text(new_password);
		return ERR_NOMEM;
	}
	free_text(relay->config.username);
	free_text(relay->config.password);
	relay->config.username = new_username;
	relay->config.password = new_password;
	if (relay->state == RELAY_WAITING) {
		relay->retry_wait = RELAY_RETRY_MIN;
		net_timer_set(&relay->timer, net_now());
	}
	return ERR_OK;
}

void relay_destroy(struct relay *relay)
{
	if (!relay)
		return;
	stop(relay);
	net_timer_deinit(&relay->timer);
	net_timer_deinit(&relay->linger);
	net_timer_deinit(&relay->check);
	free_texts(relay);
	free(relay);
}

enum relay_state relay_state(const struct relay *relay)
{
	return relay->state;
}

const struct addr *relay_addr(const struct relay *relay, enum addr_family family)
{
	const struct addr *addr = &relay->relayed[family == ADDR_IPV6];
	return relay->state == RELAY_READY && addr->family == family ? addr : NULL;
}

bool relay_is_wanted(const struct relay *relay)
{
	return relay->wanted;
}

const struct turn_uri *relay_server(const struct relay *relay)
{
	return &relay->config.server;
}

void relay_credentials(
	const struct relay *relay, const char **ret_username, const char **ret_password)
{
	*ret_username = relay->config.username;
	*ret_password = relay->config.password;
}

const char *relay_reason(const struct relay *relay)
{
	return relay->reason;
}

usec relay_setup_time(const struct relay *relay)
{
	return relay->setup_time;
}

void relay_stats(const struct relay *relay, struct relay_stats *ret_stats)
{
	*ret_stats = (struct relay_stats){.lost_out = relay->lost_out};
	if (!relay->turn)
		return;
	const struct turn_stats *turn = turn_stats(relay->turn);
	ret_stats->datagrams_in = turn->datagrams_in;
	ret_stats->datagrams_out = turn->datagrams_out;
	ret_stats->bytes_in = turn->bytes_in;
	ret_stats->bytes_out = turn->bytes_out;
	ret_stats->dropped_in =
		turn->dropped_malformed + turn->dropped_unauthenticated + turn->dropped_unexpected;
}
