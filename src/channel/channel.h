/* Data channels (RFC 8831) on one SCTP association, opened in band (RFC 8832).
 *
 * The set exists before the association: channels can be opened at once, and get their streams when
 * it is attached and the DTLS role, which decides who takes even ids, is known. A handle names a
 * channel from its opening to the event that it is closed, whatever its stream.
 *
 * The owner pulls the association's events, hands each to channels_translate(), and pulls
 * channels_next_event() for what comes of the channels themselves. */
#ifndef CHANNEL_CHANNEL_H
#define CHANNEL_CHANNEL_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/usec.h"
#include "channel/limits.h"
#include "sctp/sctp.h"

struct channels;

enum channel_reliability {
	CHANNEL_RELIABLE,
	CHANNEL_MAX_RETRANSMITS, /* `limit` is a number of retransmissions */
	CHANNEL_MAX_LIFETIME,    /* `limit` is milliseconds */
};

struct channel_config {
	struct bytes label, protocol; /* UTF-8, at most CHANNEL_LABEL_MAX bytes each; copied */
	bool unordered;
	enum channel_reliability reliability;
	uint32_t limit;
	uint16_t priority; /* RFC 8831 section 6.4; 0: normal */
	bool negotiated;   /* both sides open it with the same `id`, and nothing is told */
	uint16_t id;       /* only for these */
};

enum channel_event_type {
	CHANNEL_EVENT_OPEN,         /* usable in both directions; `by_remote` says who opened it */
	CHANNEL_EVENT_MESSAGE,      /* `binary`, `data` */
	CHANNEL_EVENT_BUFFERED_LOW, /* its buffered amount fell to the threshold */
	CHANNEL_EVENT_CLOSED,       /* both directions; the handle is free again */
};

struct channel_event {
	enum channel_event_type type;
	uint16_t handle;
	bool by_remote, binary;
	struct bytes data; /* borrowed from the association until its next call */
};

struct channels_stats {
	uint64_t dropped; /* messages for no channel, malformed or out of place */
	uint64_t refused; /* streams of the peer's that were answered with a reset */
};

MUST_CHECK enum err channels_create(struct channels **ret_channels);
void channels_destroy(struct channels *set);

/* Once. The association is borrowed and outlives the set's use of it. `even` says that we take even
 * stream ids (RFC 8832 section 6: the DTLS client). `message_max` is the largest message the peer
 * accepts. */
void channels_attach(
	struct channels *set, usec now, struct sctp_assoc *sctp, bool even, size_t message_max);

/* ERR_TOO_LARGE or ERR_MALFORMED for a text, ERR_MALFORMED for an id that cannot be, ERR_EXISTS for
 * one that is in use, ERR_NOT_FOUND for one that the peer does not have, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err channels_open(
	struct channels *set, usec now, const struct channel_config *config, uint16_t *ret_handle);

/* Copies the message. ERR_NOT_FOUND, ERR_STATE (closing), ERR_TOO_LARGE, ERR_AGAIN (queue full, no
 * association yet, or the stream is not free yet of the channel that had it before). */
MUST_CHECK enum err channels_send(
	struct channels *set, usec now, uint16_t handle, bool binary, struct bytes data);

/* Closes our direction after all that was sent; the peer then closes its own. ERR_NOT_FOUND. */
MUST_CHECK enum err channels_close(struct channels *set, usec now, uint16_t handle);

/* What an event of the association means for the channels; false when nothing is to be told. */
bool channels_translate(struct channels *set, usec now, const struct sctp_event *event,
	struct channel_event *ret_event);
/* When channels_advance() has something to do next; USEC_NEVER: not without an event. */
usec channels_deadline(const struct channels *set);
void channels_advance(struct channels *set, usec now);
bool channels_next_event(struct channels *set, struct channel_event *ret_event);

/* The stream; -1: none yet, or no such channel. */
int32_t channels_id(const struct channels *set, uint16_t handle);

/* Bytes queued and not yet handed to the network; 0 for an unknown handle. */
size_t channels_buffered(const struct channels *set, uint16_t handle);
void channels_set_buffered_low(struct channels *set, uint16_t handle, size_t bytes);

/* Borrowed until the channel is closed; NULL for an unknown handle. */
const char *channels_label(const struct channels *set, uint16_t handle);
const char *channels_protocol(const struct channels *set, uint16_t handle);

const struct channels_stats *channels_stats(const struct channels *set);

#endif
