/* The state of a UDP socket, shared by udp.c (life), udp_receive.c and udp_send.c. */
#ifndef NET_UDP_INTERNAL_H
#define NET_UDP_INTERNAL_H

#include "net/udp.h"

struct udp_batch;

/* The part of a send that the kernel did not take. */
struct udp_waiting {
	struct path path;
	uint8_t *data; /* NET_UDP_PAYLOAD_MAX bytes from the first time on, or NULL */
	size_t size;   /* 0: nothing waits */
	size_t segment;
};

struct net_udp {
	int fd;
	unsigned avoid; /* enum net_udp_avoid: asked for, or found not to work */
	bool in_callback, destroyed;
	struct net_watch *watch;
	struct addr local;
	struct net_udp_handler handler;
	struct net_udp_stats stats;
	struct udp_batch *batch;
	struct udp_waiting waiting;
};

MUST_CHECK enum err udp_receive_init(struct net_udp *udp);
void udp_receive_deinit(struct net_udp *udp);
/* Reads some batches and calls the handler; stops when that destroys the socket. */
void udp_receive(struct net_udp *udp);
/* Sends what waits and says so to the handler once nothing does. */
void udp_send_waiting(struct net_udp *udp);

#endif
