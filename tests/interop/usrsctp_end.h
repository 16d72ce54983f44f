/* An association of usrsctp without I/O, seen through types that do not clash with ours: its header
 * and src/sctp/sctp.h give different things the same names. One per program. */
#ifndef INTEROP_USRSCTP_END_H
#define INTEROP_USRSCTP_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USRSCTP_PACKET_MAX 1163 /* 1,200 less DTLS, as ours */
#define USRSCTP_TICK_MS 10

enum usrsctp_end_event_type {
	USRSCTP_NOTHING,
	USRSCTP_MESSAGE,
	USRSCTP_UP,
	USRSCTP_RESTARTED,
	USRSCTP_DOWN,    /* in order */
	USRSCTP_ABORTED, /* by the peer, or lost */
	USRSCTP_STREAM_RESET,
};

struct usrsctp_end_event {
	enum usrsctp_end_event_type type;
	uint16_t stream;
	uint32_t ppid;
	const uint8_t *data; /* until the next event */
	size_t size;
};

struct usrsctp_end_message {
	uint16_t stream;
	uint32_t ppid;
	bool unordered;
	bool by_retransmits, by_lifetime; /* `limit` of them, or milliseconds */
	uint32_t limit;
	const void *data;
	size_t size;
};

/* Packets go to `send`, with `user`. */
void usrsctp_end_init(void (*send)(void *user, const void *packet, size_t size), void *user);
void usrsctp_end_deinit(void);

/* Opens the socket, with I-DATA or without, and sends INIT. */
void usrsctp_end_connect(bool interleaving);
/* Closes the socket; without linger it sends an ABORT. */
void usrsctp_end_abort(void);

void usrsctp_end_receive(const void *packet, size_t size);
/* USRSCTP_TICK_MS have passed. */
void usrsctp_end_tick(void);
struct usrsctp_end_event usrsctp_end_next(void);

/* False: not now. */
bool usrsctp_end_send(const struct usrsctp_end_message *message);
bool usrsctp_end_reset(uint16_t stream);
void usrsctp_end_shutdown(void);

#endif
