/* One connection under test: two peers, the signalling between them, what they say to each other,
 * and the checkers, which stand outside of the code under test and know only what was accepted for
 * sending.
 *
 * Checked all the time: a reliable message arrives once, whole, and in order on an ordered channel.
 * At the end: everything accepted has arrived, both ends have closed, their queues are empty, and
 * every message that could be sent was, within LIVENESS after the network has healed. Where an end
 * aborts or vanishes midway, only the first rule holds, and the other end has NOTICE to notice. */
#ifndef SIM_CONNECTION_H
#define SIM_CONNECTION_H

#include <stdio.h>

#include "base/text.h"
#include "dpc/peer.h"
#include "network.h"

#define SIM_CHANNELS 4       /* of an end */
#define SIM_MESSAGES_MAX 120 /* on a channel */
#define SIM_MESSAGE_MAX 262144
#define SIM_START (1000 * USEC_PER_SEC) /* every world begins then */
#define LIVENESS (300 * USEC_PER_SEC)
#define NOTICE (60 * USEC_PER_SEC)

/* How it ends: what the closer does. */
enum ending {
	ENDING_CLOSE,
	ENDING_BOTH_CLOSE, /* each end when it has everything */
	ENDING_ABORT,      /* midway */
	ENDING_VANISH,     /* midway, without a word */
};

/* The lives of a channel at one end: with everything said, its opener closes it and opens another,
 * which the other end closes. */
struct lives {
	bool closing, closed;
	bool second, second_closed;
	uint16_t second_handle;
};

struct channel_plan {
	bool unordered;
	uint32_t messages; /* to send in each direction */
	uint32_t size_max; /* of a message */
	usec gap;          /* between two, at most */
};

/* One direction of a channel. */
struct flow {
	uint32_t accepted; /* for sending */
	uint32_t received;
	bool seen[SIM_MESSAGES_MAX];
	usec next_send;
	bool blocked; /* until DPC_EVENT_SENDABLE */
};

struct end {
	struct dpc_peer *peer; /* NULL: it has vanished */
	bool connected, closed;
	bool close_called;
	struct lives lives[2 * SIM_CHANNELS];
	uint16_t handle[2 * SIM_CHANNELS]; /* of channel k: the first half is opened by end 0 */
	bool open[2 * SIM_CHANNELS];
	struct flow out[2 * SIM_CHANNELS];
};

enum signal_type {
	SIGNAL_OFFER,
	SIGNAL_ANSWER,
	SIGNAL_CANDIDATE,
};

struct signal {
	struct list list;
	usec arrival;
	int to;
	enum signal_type type;
	char text[];
};

struct connection {
	uint64_t seed;
	struct rng rng;
	struct network network;
	struct end ends[2];
	struct channel_plan plan[2 * SIM_CHANNELS];
	size_t channels; /* of each end */
	int closer;      /* the end that closes first */
	bool trickle, close_channels;
	enum ending ending;
	usec ending_at; /* not before; for an end midway */
	bool ended;     /* midway */
	usec signal_delay;
	struct list signals;
	FILE *log; /* or NULL */
	char failure[200];
	uint64_t messages, bytes; /* received and right */
	usec next, limit;         /* when something happens next; when all must be over */
	usec finished;
	bool is_over;
};

/* Draws the network and the workload from the seed. */
void connection_init(struct connection *c, uint64_t seed, FILE *log);
void connection_deinit(struct connection *c);

/* Does what is due by `now`. Returns when the next is; USEC_NEVER once both ends are closed or a
 * checker has objected, and `failure` then says to what. */
usec connection_advance(struct connection *c, usec now);

/* For the files of the simulator. */
void connection_say(const struct connection *c, usec now, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* The first objection counts. */
void connection_object(struct connection *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* Whether an end has all that the other shall send; whether all that it shall send was accepted. */
bool connection_all_received(const struct connection *c, int end);
bool connection_all_accepted(const struct connection *c, int end);

#endif
