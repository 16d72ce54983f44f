/* The daemon behind `dpc up`: one person's node. It owns everything that lives as long as the
 * process does: the loop, the identity, the store, the sessions with peers, the connection to the
 * hub and the local API that the command line talks to (docs/local-api.md).
 *
 * The life of a connection reads in this order: session.h decides whom to call and how, link.h
 * brings up one authenticated connection, dispatch.h hands its messages to handle_*.c. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* What the command line overrides; NULL or 0 is "as the configuration file says". */
struct node_options {
	const char *home;    /* the directory of key, configuration and database; mandatory */
	const char *hub_url; /* http(s)://… ; kept in the configuration by `dpc login`, not here */
	const char *listen;  /* "HOST:PORT" of direct TLS; "none": no listener */
	const char *ai_port;  /* where models of peers are served to programs of this machine */
	const char *api_port; /* where the local API is served to pages of this machine */
	bool quiet;           /* do not print the lines that say that the node is up */
};

/* Runs the node in the foreground until SIGTERM or SIGINT, then closes its links gracefully.
 * Returns the exit status: 0 after a signal, 1 when the node could not start, after one line on
 * stderr that names the thing and the next step. When `$home/control.sock` accepts a connection, it
 * is up. */
int node_run(const struct node_options *options);

struct node_netcheck_options {
	const char *home;        /* whose configuration tells the servers; it may not exist */
	const char *const *stun; /* "host:port" each, asked besides */
	size_t stun_count;
	/* What `POST /api/v1/netcheck` answers, line by line. */
	bool (*line)(struct bytes line, void *user);
	void *user;
};

/* Checks the network without a running node. False after one line on stderr: the configuration
 * cannot be read, or memory is out. It ends within seconds whatever the network does. */
bool node_netcheck(const struct node_netcheck_options *options);

#endif
