/* What hubs say to each other on the bus, without I/O: small binary messages, all with the hub that
 * sends and a number that it counts. Unknown versions and kinds are not an error of the sender:
 * they come from a newer hub while hubs are replaced one by one. */
#ifndef HUB_BUS_MESSAGE_H
#define HUB_BUS_MESSAGE_H

#include "base/buffer.h"
#include "hub/admission.h"
#include "hub/limits.h"

/* Bytes of a message, but for the text of a signal and the entries of a snapshot. */
#define BUS_MESSAGE_HEAD_MAX 128
/* Of an entry in a snapshot. */
#define BUS_ENTRY_SIZE 25
/* A frame as it goes to its target: see OUT_SIZE_MAX of signal_socket.c. */
#define BUS_SIGNAL_MAX (RELAY_SIZE_MAX + 256)

enum bus_kind {
	/* `number` counts the changes of what nodes the hub has, here as in all kinds but
	 * BUS_SIGNAL. */
	BUS_BEAT = 1,     /* it is alive; what the number of its last change is */
	BUS_WANT = 2,     /* snapshots, please */
	BUS_ENTER = 3,    /* `node` has connected at `stamp` */
	BUS_LEAVE = 4,    /* `node`, which had connected at `stamp`, is gone */
	BUS_SNAPSHOT = 5, /* a part of all its nodes */
	BUS_END = 6,      /* the hub ends, and has no node any more */
	BUS_SIGNAL = 7,   /* from `node` to `target`; `number` counts the signals of the hub */
	BUS_RECHECK =
		8, /* what the store says of `node` has changed: login, registration, admission */
	BUS_SHARED = 9, /* bans, or keys of tokens, have changed in the store */
};

struct bus_message {
	enum bus_kind kind;
	uint64_t hub;
	uint64_t number;
	struct contact_id node, target;
	uint64_t stamp;
	/* Of a signal: borrowed, and whether it came to a hub that the target had just left. */
	struct bytes text;
	bool is_forwarded;
	/* Of a snapshot: which part this is, whether it is the last, and its entries, borrowed. */
	uint32_t part;
	bool is_last;
	struct bytes entries;
};

/* ERR_MALFORMED; ERR_UNSUPPORTED: a version or kind that we do not know. */
MUST_CHECK enum err bus_message_parse(struct bytes data, struct bus_message *ret_message);
/* Appends. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err bus_message_write(struct buffer *data, const struct bus_message *message);

/* The entries of a snapshot, one by one. */
void bus_entry_write(uint8_t entry[BUS_ENTRY_SIZE], const struct contact_id *node, uint64_t stamp);
/* False: at the end, or it is malformed. */
bool bus_entry_next(struct bytes *entries, struct contact_id *ret_node, uint64_t *ret_stamp);

#endif
