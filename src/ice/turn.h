/* A TURN client (RFC 8656): one allocation on one server, with an IPv4 and an IPv6 address where
 * the server has both, over UDP, or over a stream that its caller keeps (TCP, TLS).
 *
 * The relayed address is one more local address: whatever is sent from it is wrapped by
 * turn_wrap() and goes to the server, and turn_receive() unwraps what the server brings. So an
 * allocation can serve every peer of a node, as its socket does. Permissions and channels come by
 * themselves with what is sent: a new address gets a permission at once, and a channel with the
 * first datagram that is not STUN, for then it carries data.
 *
 * It does no I/O: messages for the server are pulled with turn_write(), and are to be sent before
 * what turn_wrap() has wrapped. Long-term credentials (RFC 8489 section 9.2). What does not come
 * from the server is the caller's to keep away; what does and is malformed or unauthenticated is
 * dropped and counted. */
#ifndef ICE_TURN_H
#define ICE_TURN_H

#include "base/addr.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/usec.h"

struct turn;

enum turn_state {
	TURN_ALLOCATING,
	TURN_READY,  /* turn_relayed() can be used */
	TURN_FAILED, /* for good: turn_failure() */
	TURN_CLOSED, /* by turn_close() */
};

enum turn_failure {
	TURN_FAILURE_NONE,
	TURN_SILENT,       /* the server does not answer */
	TURN_REDIRECTED,   /* 300: turn_alternate() says where to */
	TURN_UNAUTHORISED, /* 401, 441, or one stale nonce after another: wrong credentials */
	TURN_FORBIDDEN,    /* 403 */
	TURN_MISMATCH,     /* 437: the server knows another allocation of ours, or none */
	TURN_NO_FAMILY,    /* 440, 443: no relayed address of the family */
	TURN_UNSUPPORTED,  /* 420, 442: the transport, or what else we ask for */
	TURN_QUOTA,        /* 486 */
	TURN_CAPACITY,     /* 508 */
	TURN_REFUSED,      /* any other error: turn_error_code() */
	TURN_NONSENSE,     /* an answer without what it must hold */
};

struct turn_config {
	bool stream;                     /* nothing is repeated, and channel data is padded */
	enum addr_family family;         /* of the relayed address; ADDR_NONE: all that there are */
	struct bytes username, password; /* copied; at most TURN_USERNAME_MAX, TURN_PASSWORD_MAX */
	struct rng *rng;                 /* borrowed for the object's life */
};

struct turn_stats {
	uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out; /* payload of peers */
	uint64_t dropped_malformed, dropped_unauthenticated, dropped_unexpected;
	uint64_t refused; /* permissions and channels */
	/* The last permission that was: the server carries nothing to that address. 0: none was. */
	uint16_t refused_code;
	struct addr refused_peer;
	size_t peers;
};

/* The first request is ready to be written. ERR_TOO_LARGE for the credentials, ERR_NOMEM. */
MUST_CHECK enum err turn_create(const struct turn_config *config, usec now, struct turn **ret_turn);
void turn_destroy(struct turn *turn);

/* Gives the allocation back: a last request is left to write, and its answer not waited for. */
void turn_close(struct turn *turn, usec now);

/* The next message for the server; its size, 0 when there is none. `capacity` is at least
 * TURN_REQUEST_MAX. */
#define TURN_REQUEST_MAX 2400
size_t turn_write(struct turn *turn, uint8_t *data, size_t capacity);

/* One message of the server: a datagram, or a frame of the stream. True when it brings a datagram
 * of a peer: `ret_payload` borrows from `message`. */
bool turn_receive(struct turn *turn, usec now, struct bytes message, struct addr *ret_peer,
	struct bytes *ret_payload);

/* Appends to `w` what carries a payload to `peer`, at most TURN_OVERHEAD_MAX longer. ERR_STATE
 * unless ready, ERR_UNSUPPORTED for another family, ERR_DENIED: the server refuses that peer,
 * ERR_LIMIT (TURN_PEERS_MAX), ERR_TOO_LARGE when it does not fit, ERR_NOMEM. */
#define TURN_OVERHEAD_MAX 60
MUST_CHECK enum err turn_wrap(struct turn *turn, usec now, const struct addr *peer,
	struct bytes payload, struct writer *w);

/* It is in doubt, as when nothing comes through it any more: asks the server whether the allocation
 * still stands, by refreshing it. turn_is_asking() as long as there is no answer. */
void turn_check(struct turn *turn, usec now);
bool turn_is_asking(const struct turn *turn);

void turn_advance(struct turn *turn, usec now);
usec turn_deadline(const struct turn *turn);

enum turn_state turn_state(const struct turn *turn);
enum turn_failure turn_failure(const struct turn *turn);
/* In words, for a person: "the relay refuses our credentials". */
const char *turn_failure_text(enum turn_failure failure);
/* The code of the answer that ended it; 0: none did. */
uint16_t turn_error_code(const struct turn *turn);
/* ADDR_NONE where the server gave none. */
struct addr turn_alternate(const struct turn *turn);
/* Once ready: the relayed address of a family, ADDR_NONE where there is none; and ours as the
 * server sees it. */
struct addr turn_relayed(const struct turn *turn, enum addr_family family);
struct addr turn_mapped(const struct turn *turn);
/* The code with which the server refused one family beside the other; 0: it did not. */
uint16_t turn_family_error(const struct turn *turn, enum addr_family family);
const struct turn_stats *turn_stats(const struct turn *turn);

/* Of a stream: the size of the frame that begins with these TURN_FRAME_HEAD bytes, padding
 * included; 0 when no frame begins so, and the stream is to be closed. */
#define TURN_FRAME_HEAD 4
size_t turn_frame_size(struct bytes head);

#endif
