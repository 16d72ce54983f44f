/* One connection under test: two peers, the signalling between them, what they say to each other,
 * what befalls them, and the checkers, which stand outside of the code under test and know only
 * what was accepted for sending.
 *
 * checker.h says what is checked. Each noun draws from a generator of its own, made from the seed,
 * so that one more draw in one of them leaves the others as they were. */
#ifndef SIM_CONNECTION_H
#define SIM_CONNECTION_H

#include <stdio.h>

#include "base/text.h"
#include "dpc/peer.h"
#include "network.h"

#define SIM_CHANNELS 4       /* of an end */
#define SIM_MESSAGES_MAX 120 /* on a channel */
#define SIM_MESSAGE_MAX 262144
#define SIM_CHURN_MAX 12                /* short channels of an end */
#define SIM_REPLAY_MAX 8                /* datagrams that the attacker keeps */
#define SIM_START (1000 * USEC_PER_SEC) /* every world begins then */

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
	bool unordered, negotiated;
	enum dpc_reliability reliability;
	uint32_t limit; /* of the reliability */
	uint16_t priority;
	uint32_t messages; /* to send in each direction */
	uint32_t size_max; /* of a message */
	usec gap;          /* between two, at most */
};

/* One direction of a channel. */
struct flow {
	uint32_t accepted; /* for sending */
	uint32_t received;
	uint32_t next_index; /* after the latest that was received */
	bool seen[SIM_MESSAGES_MAX];
	usec next_send;
	bool blocked; /* until DPC_EVENT_SENDABLE */
};

/* A short channel, see churn.h. */
struct churn {
	usec opening; /* when its end opens it */
	uint32_t messages, size_max;
	struct churn_side {
		bool open, closing, closed;
		uint16_t handle;
	} sides[2];
	uint32_t accepted, received;
	bool opened, blocked;
};

/* What befalls an end, see mishap.h: times of the world, 0 and 0 for never. */
struct end_mishaps {
	usec still_from, still_to;   /* neither its packets nor its timers reach it */
	usec unread_from, unread_to; /* it pulls no events */
	usec jump_at, jump_by;       /* of its clock, forward */
	usec rebind_at;              /* its NAT takes other ports */
};

/* When it restarts ICE next, or 0; see roaming.h. */
struct roaming {
	usec at;
	bool moves;
	unsigned tries;
};

struct end {
	struct dpc_peer *peer; /* NULL: it has vanished */
	bool connected, closed;
	bool close_called;
	size_t message_max;    /* that it accepts */
	size_t receive_memory; /* its receive window, in bytes, */
	size_t send_memory;    /* and the limit of its send queue */
	struct lives lives[2 * SIM_CHANNELS];
	uint16_t handle[2 * SIM_CHANNELS]; /* of channel k: the first half is opened by end 0 */
	bool open[2 * SIM_CHANNELS];
	struct flow out[2 * SIM_CHANNELS];
	struct churn churn[SIM_CHURN_MAX]; /* that it opens */
	size_t churns;
	struct end_mishaps mishaps;
	struct roaming roaming;
	usec clock_ahead; /* of the world's, by the jumps so far */
	usec rebound;     /* when its NAT did, or 0 */
	/* Of the running second: calls of dpc_peer_advance() that came to nothing. */
	usec second;
	uint32_t idle_calls;
	uint64_t bytes_sent, bytes_delivered;
};

enum signal_type {
	SIGNAL_OFFER,
	SIGNAL_ANSWER,
	SIGNAL_CANDIDATE,
	SIGNAL_RESTART, /* an offer or answer of one */
};

struct signal {
	struct list list;
	usec arrival;
	int to;
	enum signal_type type;
	char text[];
};

/* See attacker.h. */
struct attacker {
	struct rng rng;
	bool on_path;
	uint32_t left; /* datagrams to inject */
	usec next, gap;
	struct kept {
		int to;
		struct path path;
		size_t size;
		uint8_t data[1500];
	} kept[SIM_REPLAY_MAX];
	size_t kept_count, kept_next;
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
	struct attacker attacker;
	struct rng roaming_rng;
	FILE *log; /* or NULL */
	char failure[200];
	uint64_t messages, bytes; /* received and right */
	uint64_t abandoned;       /* messages given up */
	usec next, limit;         /* when something happens next; when all must be over */
	/* The watch for stalls: the latest look, the latest progress, and what it was known by. */
	usec watched, progressed;
	uint64_t progress;
	usec finished;
	bool is_over;
};

/* Draws everything from the seed. */
void connection_init(struct connection *c, uint64_t seed, char name, FILE *log);
void connection_deinit(struct connection *c);

/* Does what is due by `now`. Returns when the next is; USEC_NEVER once both ends are closed or a
 * checker has objected, and `failure` then says to what. */
usec connection_advance(struct connection *c, usec now);

/* For the files of the simulator. */
void connection_say(const struct connection *c, usec now, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* The first objection counts. */
void connection_object(struct connection *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* What the clock of an end shows, which is also the one that libssl sees from here on. */
usec connection_clock(const struct connection *c, int end, usec now);
/* Closes a channel, or objects. */
void connection_close_channel(struct connection *c, int end, usec now, uint16_t handle);

#endif
