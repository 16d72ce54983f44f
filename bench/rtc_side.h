/* The two processes of the benchmarks of data channels, rtc and scale: each is a side with one UDP
 * socket, a line of signalling to the other, and connections. The offering side measures; the
 * answering side counts, echoes on channels with the label "echo", and says what it has counted.
 * Whatever fails ends the process with a line on stderr; of the other process that is how it
 * ended. */
#ifndef RTC_SIDE_H
#define RTC_SIDE_H

#include "node/peer_io.h"

/* The sender keeps less than this buffered. */
#define BUFFERED_MAX ((size_t)1024 * 1024)
#define PINGS_MAX 100000

enum control_type {
	CONTROL_OFFER,     /* text: the description */
	CONTROL_ANSWER,    /* likewise */
	CONTROL_CANDIDATE, /* text */
	CONTROL_OPENED,    /* at: when */
	CONTROL_CLOSE,     /* destroy the peer */
	CONTROL_COUNT,     /* asks for CONTROL_COUNTED */
	CONTROL_COUNTED,
};

/* What a side has done so far, and uses. */
struct counts {
	usec at;
	uint64_t bytes, messages;       /* received */
	uint64_t closed;                /* connections that told so */
	uint64_t datagrams, calls;      /* both ways, and the system calls for them */
	usec cpu;                       /* of this process */
	uint64_t rss_bytes, heap_bytes; /* resident, and allocated */
};

struct control {
	uint32_t type, id;
	int64_t at;
	struct counts counts; /* with CONTROL_COUNTED */
	uint32_t size;
	char text[DPC_SDP_MAX];
};

#define CONTROL_HEADER offsetof(struct control, text)

struct connection {
	struct side *side;
	struct peer_io_peer *peer;
	uint32_t id;
	uint16_t channel;
	bool open, remote_open, echo;
	usec opened_at, remote_opened_at;
};

struct side {
	bool offerer;
	struct net_loop *loop;
	struct peer_io *io;
	struct net_watch *watch;
	int fd;             /* to the other process */
	pid_t child;        /* the offerer's */
	struct list unsent; /* to the other process, which does not keep up */
	struct connection *connections;
	uint32_t mtu_max;
	size_t capacity;                  /* of them: that of an id is at its remainder */
	uint64_t bytes, messages, closed; /* received; connections that ended */
	struct counts counted;            /* the other side's latest */
	bool has_counted;

	/* What the offerer is doing. */
	bool closing;     /* connections may end */
	size_t connected; /* connections that are open at both ends */

	size_t message_size; /* 0: nothing is being sent */
	uint8_t *message;
	bool pinging;
	usec ping_sent;
	usec *pings;
	size_t ping_count;
};

/* Starts the answering process and returns the offering side, in this one. `mtu_max` is that of all
 * peers. */
struct side *side_create(size_t capacity, uint32_t mtu_max);
/* Ends the other process, too, which must have done well. */
void side_destroy(struct side *side);
/* Runs the loop. */
void side_run_for(struct side *side, usec duration);
/* To the other side; `text` may be "". */
void side_tell(struct side *side, enum control_type type, uint32_t id, const char *text);

__attribute__((noreturn)) void side_die(const char *what);
void side_must(enum err err, const char *what);
void side_must_dpc(enum dpc_err err, const char *what);

struct counts side_count(const struct side *side);
/* Of the other side; waits for it. */
struct counts side_count_other(struct side *side);

void connection_create(struct side *side, struct connection *c, uint32_t id);
void connection_destroy(struct connection *c);
/* Sends our description to the other side. */
void connection_describe(struct connection *c);
/* Sends messages of side->message_size until enough is buffered. */
void connection_fill(struct connection *c);
/* Sends 64 bytes and notes when. */
void connection_ping(struct connection *c);

#endif
