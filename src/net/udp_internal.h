/* The state of a UDP socket, shared by udp.c (life), udp_receive.c, udp_send.c, udp_outbox.c (small
 * datagrams to many) and udp_envelope.c (addresses for the kernel). */
#ifndef NET_UDP_INTERNAL_H
#define NET_UDP_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/limits.h"
#include "net/udp.h"

/* ICMP errors of earlier datagrams and signals in one send, each told once. */
#define UDP_INTERRUPTIONS_MAX 8

/* Packet info and the size of segments. */
#define UDP_CONTROL_SIZE (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))

struct udp_batch;

struct udp_envelope {
	struct sockaddr_storage name;
	socklen_t name_size;
	_Alignas(struct cmsghdr) uint8_t control[UDP_CONTROL_SIZE];
	size_t control_size;
};

/* What is put off until net_udp_uncork(), in the order it was given. */
struct udp_outbox {
	size_t first, count; /* those from `first` to `count` are to be sent */
	bool blocked;        /* the kernel takes no more */
	struct path paths[NET_UDP_OUTBOX_MAX];
	size_t sizes[NET_UDP_OUTBOX_MAX];
	uint8_t data[NET_UDP_OUTBOX_MAX][NET_UDP_OUTBOX_DATAGRAM_MAX];
};

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
	bool corked;
	struct net_watch *watch;
	struct net_timer retry; /* when the device's queue was full */
	struct addr local;
	struct net_udp_handler handler;
	struct net_udp_stats stats;
	struct udp_batch *batch;
	struct udp_waiting waiting;
	struct udp_outbox *outbox; /* what is in it is older than `waiting` */
};

void udp_envelope_init(struct udp_envelope *envelope, const struct path *path);
void udp_envelope_add(
	struct udp_envelope *envelope, int level, int type, const void *data, size_t size);
struct msghdr udp_envelope_header(struct udp_envelope *envelope, struct iovec *vector);
struct iovec udp_vector_of(struct bytes bytes);

MUST_CHECK enum err udp_receive_init(struct net_udp *udp);
void udp_receive_deinit(struct net_udp *udp);
/* Reads some batches and calls the handler; stops when that destroys the socket. */
void udp_receive(struct net_udp *udp);

/* Sends what waits and says so to the handler once nothing does. */
void udp_send_waiting(struct net_udp *udp);
/* An errno that ends with the call that told it. */
bool udp_is_interruption(int error);
/* An errno that says "later": arranges for udp_send_waiting(). False for the others. */
bool udp_wait_if_full(struct net_udp *udp, int error);

/* False when it is none that can wait, or there is no room. */
bool udp_outbox_add(
	struct net_udp *udp, const struct path *path, struct bytes bytes, size_t segment);
/* What the kernel refuses is counted and dropped; what it does not take now stays. */
void udp_outbox_flush(struct net_udp *udp);

#endif
