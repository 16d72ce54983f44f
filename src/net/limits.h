/* The limits of the net layer: every queue, table and wait that a stranger could fill. */
#ifndef NET_LIMITS_H
#define NET_LIMITS_H

#include "base/usec.h"

/* ---- loop ---- */

/* Work in other threads at once: half of libuv's pool, the rest being left for look-ups. */
#define NET_WORKS_AT_ONCE 2
/* Host names being resolved at once; the thread pool of libuv works on four of them. */
#define NET_RESOLVE_PENDING_MAX 64
/* How long a name server may take: the resolver asks again after five seconds, and further ones
 * than that would keep somebody waiting who has other ways to go. */
#define NET_RESOLVE_TIMEOUT (7 * USEC_PER_SEC)
/* Addresses kept of one answer. */
#define NET_RESOLVE_ADDRS_MAX 16
/* "a host name and its final zero" (RFC 1035 section 2.3.4). */
#define NET_HOST_MAX 256

/* ---- udp ---- */

/* The largest UDP payload over IPv4, and so of one send or one receive buffer. */
#define NET_UDP_PAYLOAD_MAX 65507
/* Segments in one UDP_SEGMENT send: the kernel's UDP_MAX_SEGMENTS was 64 until Linux 6.9. */
#define NET_UDP_SEGMENTS_MAX 64
/* Receive buffers in one recvmmsg. With UDP_GRO each may hold 64 KiB of datagrams. */
#define NET_UDP_BATCH 8
/* Batches handled in one wake-up before timers and other sockets have their turn. */
#define NET_UDP_BATCHES_PER_WAKEUP 4
/* Small datagrams that wait for each other between net_udp_cork() and net_udp_uncork(), and their
 * size. */
#define NET_UDP_OUTBOX_MAX 64
#define NET_UDP_OUTBOX_DATAGRAM_MAX 512
/* The wait when a device's queue was full, about what a slow link needs for a few packets. */
#define NET_UDP_RETRY_INTERVAL (1 * USEC_PER_MS)
/* Asked for as SO_RCVBUF and SO_SNDBUF; the kernel clamps it to net.core.[rw]mem_max. A sender
 * that leaves no processor to the receiver must not lose what one round trip holds. */
#define NET_UDP_SOCKET_BUFFER (4 * 1024 * 1024)

/* ---- iface ---- */

/* Local addresses reported: more would only multiply the pairs that ICE has to check. */
#define NET_IFACE_ADDRS_MAX 32
/* From the kernel's first word of a change until it is looked at: the others of it come meanwhile.
 */
#define NET_IFACE_SETTLE (20 * USEC_PER_MS)
/* Between two looks where the kernel does not tell. */
#define NET_IFACE_POLL (2 * USEC_PER_SEC)
/* Between two comparisons of the clocks, beside the kernel's word; less than the least sleep is the
 * clocks being read one after the other. */
#define NET_WAKE_INTERVAL (10 * USEC_PER_SEC)
#define NET_WAKE_SLEPT_MIN USEC_PER_SEC

/* ---- mdns ---- */

/* Names being asked for at once. */
#define NET_MDNS_QUERIES_MAX 64
/* A question is repeated once, after this, as a datagram may be lost; and given up. RFC 6762
 * section 5.2: "the interval between the first two queries MUST be at least one second". */
#define NET_MDNS_REPEAT (1 * USEC_PER_SEC)
#define NET_MDNS_TIMEOUT (3 * USEC_PER_SEC)
/* RFC 6762 section 17: "including the IP and UDP headers, MUST NOT exceed 9000 bytes". */
#define NET_MDNS_MESSAGE_MAX 9000
/* Messages of others on the network that are read in one wake-up. */
#define NET_MDNS_READS_PER_WAKEUP 16

/* ---- frame ---- */

/* Payload of a frame on a direct link: the largest message of the protocol. */
#define NET_FRAME_PAYLOAD_MAX (256 * 1024)

/* ---- stream ---- */

/* From the beginning to TCP and TLS being up. */
#define NET_STREAM_OPEN_TIMEOUT (10 * USEC_PER_SEC)
/* Bytes that wait for the socket: at 10 Mbit/s a fifth of a second. More would be delay. */
#define NET_STREAM_QUEUE_MAX (256 * 1024)
/* How long a listener waits when the process has no descriptor left. */
#define NET_STREAM_ACCEPT_PAUSE (1 * USEC_PER_SEC)
/* What received() is called with at most. */
#define NET_STREAM_READ_MAX (16 * 1024)

/* ---- tls ---- */

/* From an accepted TCP connection to the end of the TLS handshake. */
#define NET_TLS_HANDSHAKE_TIMEOUT (5 * USEC_PER_SEC)
/* Incoming connections that have not authenticated, of all addresses together: beyond, the oldest
 * is closed, for it has had its chance. */
#define NET_TLS_PENDING_MAX 256
/* The same of one IPv4 address or IPv6 /64 network: beyond, the newest is closed. */
#define NET_TLS_PENDING_PER_IP_MAX 16
/* Handshake bytes taken from a connection before it is authenticated. */
#define NET_TLS_HANDSHAKE_BYTES_MAX (32 * 1024)
/* Plaintext waiting to be sent on one connection: beyond, sending is ERR_AGAIN. At least one frame
 * is always taken when the queue is empty. */
#define NET_TLS_QUEUE_MAX (1024 * 1024)
/* After an ERR_AGAIN the drained callback comes when the queue has fallen to this. */
#define NET_TLS_QUEUE_LOW (NET_TLS_QUEUE_MAX / 4)
/* Bytes that wait on one connection beyond which nothing is taken that is sent in bulk, so that
 * little is in front of what is not; and how few it takes to go on. */
#define NET_TLS_BULK_MAX (64 * 1024)
#define NET_TLS_BULK_LOW (16 * 1024)
/* What the kernel holds of a connection and has not sent. */
#define NET_TLS_UNSENT_MAX (64 * 1024)
/* Ciphertext handed to the kernel or to libuv and not yet written. */
#define NET_TLS_IN_FLIGHT_MAX (128 * 1024)
/* A close that the other side does not take is cut off after this. */
#define NET_TLS_CLOSE_TIMEOUT (3 * USEC_PER_SEC)
/* The text in a close frame. */
#define NET_TLS_REASON_MAX 200
/* Idle time before TCP keep-alive probes, the time between two of them, and how long sent bytes,
 * and probes, may stay unacknowledged: a dead connection is known after 8 s while something is sent
 * and 12 s when not, and then dialled again. */
#define NET_TLS_KEEPALIVE_SEC 10
#define NET_TLS_KEEPALIVE_INTERVAL_SEC 2
#define NET_TLS_UNACKNOWLEDGED_MS 8000
/* One attempt of a dial, from its start to the end of the TLS handshake. */
#define NET_TLS_DIAL_TIMEOUT (10 * USEC_PER_SEC)
/* Addresses of one dial, and the head start of each over the next (RFC 8305 section 5). */
#define NET_TLS_DIAL_ADDRS_MAX 16
#define NET_TLS_DIAL_INTERVAL (250 * USEC_PER_MS)

/* ---- portmap ---- */

/* Ports asked of the router at once: UDP of WebRTC, and the listeners of direct TLS. */
#define NET_PORTMAP_PORTS_MAX 5
/* How long its answer by NAT-PMP may take (sent at 0, 0.25 and 0.75 s), and by UPnP the search. */
#define NET_PORTMAP_NATPMP_TIME (1500 * USEC_PER_MS)
/* Askings of one port, when the answers are those to others. */
#define NET_PORTMAP_NATPMP_TRIES 3
#define NET_PORTMAP_UPNP_TIME (2 * USEC_PER_SEC)
/* Devices that answer the search and are asked what they are. */
#define NET_PORTMAP_DEVICES_MAX 4
/* Asked for; less than the second is not worth having, more than the third is not believed. */
#define NET_PORTMAP_LIFETIME_S 3600
#define NET_PORTMAP_LIFETIME_MIN_S 60
#define NET_PORTMAP_LIFETIME_MAX_S (24 * 3600)
/* The wait after a failure, doubled up to the maximum. */
#define NET_PORTMAP_RETRY_MIN (10 * USEC_PER_SEC)
#define NET_PORTMAP_RETRY_MAX (3600 * USEC_PER_SEC)
#define NET_PORTMAP_REASON_MAX 160

#endif
