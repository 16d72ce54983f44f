/* A connection to a NATS server: kept up, looked after, and made anew when it is lost.
 *
 * What is published while there is none is refused, and what has not left when it is lost is
 * forgotten: nothing is sent late. Nothing is called back from within a call into this file. */
#ifndef HUB_NATS_CLIENT_H
#define HUB_NATS_CLIENT_H

#include "hub/limits.h"
#include "hub/nats.h"
#include "net/loop.h"

struct nats_client;

struct nats_client_config {
	/* "nats://host:port nats://user:password@host": tried in turn; copied. */
	const char *urls;
	const char *name; /* of this client, for those who look at the server */
	const char *const *subjects;
	size_t subject_count; /* at most NATS_SUBJECTS_MAX */
	/* It is up, and all subjects are subscribed to. */
	void (*opened)(void *user);
	void (*message)(const struct nats_frame *frame, void *user);
	/* The server has taken what was published before this barrier, and those before it. */
	void (*passed)(uint64_t barrier, void *user);
	void (*closed)(const char *reason, void *user);
	void *user;
};

struct nats_client_stats {
	uint64_t connects, losses, sent, received, refused; /* messages, but for the first two */
};

/* Begins to connect. ERR_MALFORMED (the urls), ERR_NOMEM. */
MUST_CHECK enum err nats_client_create(struct net_loop *loop,
	const struct nats_client_config *config, struct nats_client **ret_client);
/* Accepts NULL. */
void nats_client_destroy(struct nats_client *client);

bool nats_client_is_up(const struct nats_client *client);
/* Leaves with what else is published in this turn of the loop. ERR_STATE: it is not up; ERR_AGAIN:
 * NATS_QUEUE_MAX wait. */
MUST_CHECK enum err nats_client_publish(
	struct nats_client *client, const char *subject, const char *reply, struct bytes payload);
/* See passed(); barriers of a connection that is lost are not passed. ERR_STATE, ERR_AGAIN. */
MUST_CHECK enum err nats_client_barrier(struct nats_client *client, uint64_t *ret_barrier);
/* As much of what waits as the kernel takes, now: before the end. */
void nats_client_flush(struct nats_client *client);
size_t nats_client_queued(const struct nats_client *client);
const struct nats_client_stats *nats_client_stats(const struct nats_client *client);

#endif
