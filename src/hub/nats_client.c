#include "hub/nats_client.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "hub/nats_url.h"
#include "net/resolve.h"
#include "net/stream.h"

enum client_state {
	CLIENT_WAITING,  /* for the next attempt */
	CLIENT_LOOKING,  /* its name up */
	CLIENT_DIALLING, /* and until the server has introduced itself */
	CLIENT_GREETING, /* until it has answered */
	CLIENT_UP,
};

struct nats_client {
	struct net_loop *loop;
	struct nats_client_config config;
	char name[64];
	char subjects[NATS_SUBJECTS_MAX][NATS_SUBJECT_MAX];
	struct nats_url urls[NATS_URLS_MAX];
	size_t url_count, url_next;
	enum client_state state;
	struct net_resolve *resolve;
	struct net_stream *stream;
	struct net_timer timer; /* the next attempt, or looking after the connection */
	struct net_defer flush;
	struct rng rng;
	uint64_t pings, pongs; /* ever sent, and answered: each connection begins with none open */
	usec heard;            /* when something came last */
	struct buffer in, out;
	size_t out_sent; /* of `out` */
	char reason[128];
	struct nats_client_stats stats;
};

/* ---- The end of a connection ---- */

static void close_connection(struct nats_client *client)
{
	net_resolve_cancel(client->resolve);
	client->resolve = NULL;
	net_stream_destroy(client->stream);
	client->stream = NULL;
	net_defer_cancel(&client->flush);
	buffer_deinit(&client->in);
	buffer_deinit(&client->out);
	client->out_sent = 0;
	client->state = CLIENT_WAITING;
}

/* Called from the loop alone, so it may call back. */
static void lose(struct nats_client *client, const char *reason)
{
	bool was_up = client->state == CLIENT_UP;
	(void)text_copy_bytes(client->reason, sizeof client->reason,
		bytes_of(reason, min_size(strlen(reason), sizeof client->reason - 1)));
	close_connection(client);
	usec jitter = (usec)(rng_u64(&client->rng) % NATS_RETRY);
	net_timer_set(&client->timer, net_now() + NATS_RETRY / 2 + jitter);
	if (!was_up) {
		log_debug("nats: cannot connect: %s", client->reason);
		return;
	}
	client->stats.losses++;
	log_warn("nats: the connection is lost: %s", client->reason);
	client->config.closed(client->reason, client->config.user);
}

/* ---- Sending ---- */

static void send_out(struct nats_client *client)
{
	enum err err = ERR_OK;
	while (err == ERR_OK && client->stream && client->out_sent < client->out.size) {
		struct bytes part =
			bytes_slice(buffer_bytes(&client->out), client->out_sent, NATS_SEND_MAX);
		err = net_stream_send(client->stream, part);
		client->out_sent += err == ERR_OK ? part.size : 0;
	}
	/* Without moving the rest to the front each time. */
	if (client->out_sent == client->out.size || client->out_sent > client->out.size / 2) {
		buffer_consume(&client->out, client->out_sent);
		client->out_sent = 0;
	}
	/* It goes on when there is room; what else is wrong, closed() says. */
}

static void on_flush(void *user)
{
	send_out(user);
}

void nats_client_flush(struct nats_client *client)
{
	send_out(client);
}

enum err nats_client_publish(
	struct nats_client *client, const char *subject, const char *reply, struct bytes payload)
{
	enum err err = client->state == CLIENT_UP ? ERR_OK : ERR_STATE;
	if (err == ERR_OK)
		err = nats_write_publish(&client->out, subject, reply, payload);
	client->stats.sent += err == ERR_OK;
	client->stats.refused += err != ERR_OK;
	if (err == ERR_OK)
		net_defer_post(&client->flush);
	return err == ERR_LIMIT ? ERR_AGAIN : err;
}

static enum err ping(struct nats_client *client)
{
	enum err err = buffer_append_text(&client->out, "PING\r\n");
	client->pings += err == ERR_OK;
	return err;
}

enum err nats_client_barrier(struct nats_client *client, uint64_t *ret_barrier)
{
	enum err err = client->state == CLIENT_UP ? ping(client) : ERR_STATE;
	if (err != ERR_OK)
		return err == ERR_LIMIT ? ERR_AGAIN : err;
	net_defer_post(&client->flush);
	*ret_barrier = client->pings;
	return ERR_OK;
}

size_t nats_client_queued(const struct nats_client *client)
{
	return client->out.size - client->out_sent +
	       (client->stream ? net_stream_queued(client->stream) : 0);
}

/* ---- Receiving ---- */

static void greet(struct nats_client *client)
{
	const struct nats_url *url = &client->urls[client->url_next];
	bool is_token = url->user[0] && !url->password[0];
	enum err err =
		nats_write_connect(&client->out, client->name, url->password[0] ? url->user : NULL,
			url->password[0] ? url->password : NULL, is_token ? url->user : NULL);
	for (unsigned i = 0; err == ERR_OK && i < client->config.subject_count; i++)
		err = nats_write_subscribe(&client->out, client->subjects[i], i + 1);
	/* What is answered after this has come through before it. */
	client->pongs = client->pings;
	if (err == ERR_OK)
		err = ping(client);
	if (err != ERR_OK) {
		lose(client, err_text(err));
		return;
	}
	client->state = CLIENT_GREETING;
	send_out(client);
}

static void on_pong(struct nats_client *client)
{
	if (client->pongs == client->pings)
		return;
	client->pongs++;
	if (client->state != CLIENT_GREETING) {
		client->config.passed(client->pongs, client->config.user);
		return;
	}
	client->state = CLIENT_UP;
	client->stats.connects++;
	log_info("nats: connected to %s", client->urls[client->url_next].host);
	client->config.opened(client->config.user);
}

static void on_error(struct nats_client *client, struct bytes text)
{
	char *reason = text_format(
		"the server says %.*s", (int)min_size(text.size, 64), (const char *)text.data);
	lose(client, reason ? reason : "the server refuses");
	free(reason);
}

/* False: the connection is gone. */
static bool on_frame(struct nats_client *client, const struct nats_frame *frame)
{
	switch (frame->op) {
	case NATS_INFO:
		/* Later ones tell of changes among the servers, which are of no concern. */
		if (client->state == CLIENT_DIALLING)
			greet(client);
		break;
	case NATS_MESSAGE:
		client->stats.received++;
		if (client->state == CLIENT_UP)
			client->config.message(frame, client->config.user);
		break;
	case NATS_PING:
		if (buffer_append_text(&client->out, "PONG\r\n") == ERR_OK)
			send_out(client);
		break;
	case NATS_PONG:
		on_pong(client);
		break;
	case NATS_OK:
		break;
	case NATS_ERROR:
		on_error(client, frame->text);
		break;
	}
	return client->stream != NULL;
}

static void on_received(struct bytes bytes, void *user)
{
	struct nats_client *client = user;
	struct nats_frame frame;
	size_t done = 0;
	client->heard = net_now();
	enum err err = buffer_append(&client->in, bytes);
	while (err == ERR_OK) {
		struct bytes rest = bytes_slice(buffer_bytes(&client->in), done, SIZE_MAX);
		err = nats_parse(rest, &frame);
		if (err == ERR_OK && !on_frame(client, &frame))
			return;
		done += err == ERR_OK ? frame.size : 0;
	}
	buffer_consume(&client->in, done);
	if (err != ERR_AGAIN)
		lose(client, err_text(err));
}

static void on_drained(void *user)
{
	send_out(user);
}

static void on_closed(enum err err, const char *reason, void *user)
{
	(void)err;
	lose(user, reason);
}

/* ---- Connecting ---- */

static void on_opened(void *user)
{
	struct nats_client *client = user;
	client->heard = net_now();
}

static void dial(struct nats_client *client, const struct addr *addr)
{
	enum err err = net_stream_create(client->loop,
		&(struct net_stream_config){
			.remote = *addr,
			.patience = NATS_SILENCE_MAX,
			.opened = on_opened,
			.received = on_received,
			.drained = on_drained,
			.closed = on_closed,
			.user = client,
		},
		&client->stream);
	if (err != ERR_OK) {
		lose(client, err_text(err));
		return;
	}
	client->state = CLIENT_DIALLING;
	client->heard = net_now();
	net_timer_set(&client->timer, net_now() + NATS_PING_INTERVAL);
}

static void on_resolved(enum err err, const struct addr *addrs, size_t count, void *user)
{
	struct nats_client *client = user;
	client->resolve = NULL;
	if (err == ERR_OK && count > 0)
		dial(client, &addrs[0]);
	else
		lose(client, err_text(err));
}

static void look_up(struct nats_client *client)
{
	client->url_next = (client->url_next + 1) % client->url_count;
	const struct nats_url *url = &client->urls[client->url_next];
	client->state = CLIENT_LOOKING;
	enum err err = net_resolve_start(
		client->loop, url->host, url->port, on_resolved, client, &client->resolve);
	if (err != ERR_OK)
		lose(client, err_text(err));
}

/* Whoever says nothing at all, not even that it is there, is gone. */
static void look_after(struct nats_client *client)
{
	usec now = net_now();
	if (now - client->heard > NATS_SILENCE_MAX) {
		lose(client, "the server says nothing");
		return;
	}
	if (client->state == CLIENT_UP && ping(client) == ERR_OK)
		send_out(client);
	net_timer_set(&client->timer, now + NATS_PING_INTERVAL);
}

static void on_timer(void *user)
{
	struct nats_client *client = user;
	if (client->state == CLIENT_WAITING)
		look_up(client);
	else
		look_after(client);
}

enum err nats_client_create(struct net_loop *loop, const struct nats_client_config *config,
	struct nats_client **ret_client)
{
	CHECK(config->subject_count <= NATS_SUBJECTS_MAX);
	struct nats_client *client = calloc(1, sizeof *client);
	if (!client)
		return ERR_NOMEM;
	*client = (struct nats_client){
		.loop = loop,
		.config = *config,
		.rng = rng_system(),
		.in = buffer_with_max(2 * NATS_PAYLOAD_MAX),
		.out = buffer_with_max(NATS_QUEUE_MAX),
	};
	client->config.urls = NULL;
	client->config.name = NULL;
	client->config.subjects = NULL;
	net_defer_init(&client->flush, loop, on_flush, client);
	enum err err = net_timer_init(&client->timer, loop, on_timer, client);
	if (err == ERR_OK && !nats_urls_parse(config->urls, client->urls, &client->url_count))
		err = ERR_MALFORMED;
	if (err != ERR_OK) {
		nats_client_destroy(client);
		return err;
	}
	client->url_next = client->url_count - 1;
	CHECK(text_copy(client->name, sizeof client->name, config->name));
	for (size_t i = 0; i < config->subject_count; i++)
		CHECK(text_copy(client->subjects[i], NATS_SUBJECT_MAX, config->subjects[i]));
	net_timer_set(&client->timer, net_now());
	*ret_client = client;
	return ERR_OK;
}

void nats_client_destroy(struct nats_client *client)
{
	if (!client)
		return;
	close_connection(client);
	net_timer_deinit(&client->timer);
	secret_cleanse(client->urls, sizeof client->urls);
	free(client);
}

bool nats_client_is_up(const struct nats_client *client)
{
	return client->state == CLIENT_UP;
}

const struct nats_client_stats *nats_client_stats(const struct nats_client *client)
{
	return &client->stats;
}
