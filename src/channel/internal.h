/* A channel and the set of them: shared by the files of this folder, seen by nobody else. */
#ifndef CHANNEL_INTERNAL_H
#define CHANNEL_INTERNAL_H

#include "base/list.h"
#include "channel/channel.h"

#define CHANNEL_NO_STREAM UINT32_MAX

enum channel_state {
	CHANNEL_WAITING, /* opened by us before the association is there */
	CHANNEL_OPENING, /* DATA_CHANNEL_OPEN sent, no ACK yet: all is sent ordered meanwhile */
	CHANNEL_OPEN,
	CHANNEL_CLOSING, /* our stream's reset was asked for */
};

struct channel {
	enum channel_state state;
	uint16_t handle;
	uint32_t stream; /* or CHANNEL_NO_STREAM */
	bool unordered, by_remote, negotiated;
	enum channel_reliability reliability;
	uint32_t limit; /* of it */
	uint16_t priority;
	bool local_reset, remote_reset; /* done in this direction */
	bool heard;                     /* a message came on it: the peer has it */
	usec given_up;                  /* when the peer's reset is waited for no longer */
	struct list waiting;            /* in set->waiting, while `given_up` counts */
	/* Ours of the stream is still being reset for the channel that had it before, so nothing
	 * can be sent on it, nor can it be reset for this one. */
	bool stream_busy;
	size_t low_bytes;
	bool above_low;      /* the buffered amount was above low_bytes: tell when it falls */
	struct list above;   /* in set->above, while above_low */
	bool low_due;        /* it fell, and has risen again before that was told */
	struct list pending; /* in set->to_report, while its event was not pulled */
	enum channel_event_type pending_event;
	char *protocol; /* points behind label's zero */
	char label[];
};

struct channels {
	struct sctp_assoc *sctp; /* NULL until attached */
	size_t message_max;
	bool even;
	bool connected;             /* the association is */
	struct channel **by_handle; /* NULL where there is none */
	struct channel **by_stream; /* those that have one, ascending */
	size_t handle_capacity, stream_capacity, stream_count;
	size_t count;
	struct list above, to_report;
	struct list waiting; /* for the peer's reset; the first is given up first */
	struct channels_stats stats;
};

/* table.c: who is there. NULL where there is none. */
struct channel *channel_find(const struct channels *set, uint16_t handle);
struct channel *channel_find_stream(const struct channels *set, uint16_t stream);
/* ERR_LIMIT, ERR_NOMEM. It has a handle and no stream yet. */
MUST_CHECK enum err channel_create(
	struct channels *set, const struct channel_config *config, struct channel **ret_channel);
void channel_destroy(struct channels *set, struct channel *c);
/* The stream is free. ERR_NOMEM. */
MUST_CHECK enum err channel_take_stream(struct channels *set, struct channel *c, uint16_t stream);
void channel_leave_stream(struct channels *set, struct channel *c);
/* The lowest free stream of our parity; beyond CHANNEL_ID_MAX when there is none. */
uint32_t channel_free_stream(const struct channels *set);
/* Leaves an event about the channel to be pulled; a later one replaces it. */
void channel_report(struct channels *set, struct channel *c, enum channel_event_type type);

/* opening.c: RFC 8832. */
/* Gives a waiting channel the lowest free stream of our parity, and sends OPEN; a negotiated one
 * has its stream and is open. */
MUST_CHECK enum err opening_start(struct channels *set, usec now, struct channel *c);
/* Resets our half of a stream on which something came that makes no channel. */
void opening_refuse(struct channels *set, usec now, uint16_t stream);
MUST_CHECK enum err opening_send_ack(struct channels *set, usec now, const struct channel *c);
/* Negotiated channels are open from here on, or closed if the peer does not have their streams. */
void opening_connected(struct channels *set);
/* A message on the control PPID. */
void opening_receive(struct channels *set, usec now, const struct sctp_message *message);

/* closing.c: RFC 8831 section 6.7. */
/* Our half; once. */
void closing_begin(struct channels *set, usec now, struct channel *c);
/* Reports the channel closed once both directions are. */
void closing_check(struct channels *set, struct channel *c);
void closing_peer_reset(struct channels *set, usec now, uint16_t stream);
void closing_reset_done(struct channels *set, usec now, uint16_t stream);
void closing_reset_failed(struct channels *set, uint16_t stream);

#endif
