/* Asks the home router for ports: NAT-PMP (RFC 6886) by libnatpmp, else UPnP IGD by miniupnpc. Both
 * libraries wait, so this runs in a thread of libuv's pool (portmap.c) and touches nothing but its
 * job: no loop, no log. What the router says is not judged here. */
#ifndef NET_GATEWAY_H
#define NET_GATEWAY_H

#include "base/addr.h"
#include "base/err.h"
#include "net/limits.h"

enum gateway_protocol {
	GATEWAY_NONE, /* not known yet, or none is spoken */
	GATEWAY_NAT_PMP,
	GATEWAY_UPNP,
};

enum gateway_task {
	GATEWAY_ASK, /* only whether it would, and its address */
	GATEWAY_MAP,
	GATEWAY_UNMAP,
};

struct gateway_port {
	bool is_tcp;
	uint16_t internal;
	uint16_t external;   /* in: wished for, 0 any; out: what was said */
	uint32_t lifetime_s; /* out; 0: not mapped, or for ever with `is_permanent` */
	bool is_permanent;
	int code; /* out: the protocol's own, of what went wrong; 0: nothing */
};

#define GATEWAY_NO_ANSWER (-1) /* a code */
#define GATEWAY_URL_MAX 256

struct gateway_job {
	enum gateway_task task;
	enum gateway_protocol protocol; /* in: the one that worked; out: the one that answered */
	struct gateway_port ports[NET_PORTMAP_PORTS_MAX];
	size_t count;
	uint16_t spare_port;            /* an external port to try where the wished one is taken */
	struct addr internal, external; /* out: our address towards it, and its own, as it says */
	char control_url[GATEWAY_URL_MAX], service[GATEWAY_URL_MAX]; /* of UPnP, for the next job */
};

/* Some seconds at most where the router is honest; a device that answers drop by drop holds the
 * thread, and nothing else, until the library gives up. */
void gateway_run(struct gateway_job *job);

#endif
