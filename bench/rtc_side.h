/* The two processes of the benchmark of data channels: each is a side with one UDP socket, a line
 * of signalling to the other, and connections. The offering side measures; the answering side
 * counts, echoes on channels with the label "echo", and says what it has counted. Whatever fails
 * ends the process with a line on stderr. */
#ifndef RTC_SIDE_H
#define RTC_SIDE_H

#include "node/peer_io.h"

#define IDLE_CONNECTIONS 500
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

struct control {
	uint32_t type, id;
	int64_t at;
	uint64_t bytes, messages;
	int64_t cpu_us;
	uint64_t rss_bytes;
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
	int fd; /* to the other process */
	struct connection connections[IDLE_CONNECTIONS];
	uint64_t bytes, messages; /* received */
	struct control counted;   /* the other side's latest */
	bool has_counted;

	/* What the offerer is doing. */
	size_t message_size; /* 0: nothing is being sent */
	uint8_t *message;
	bool pinging;
	usec ping_sent;
	usec *pings;
	size_t ping_count;
};

struct side *side_create(bool offerer, int fd);
void side_destroy(struct side *side);
/* To the other side; `text` may be "". */
void side_tell(struct side *side, enum control_type type, uint32_t id, const char *text);

__attribute__((noreturn)) void side_die(const char *what);
void side_must(enum err err, const char *what);
void side_must_dpc(enum dpc_err err, const char *what);

/* Of this process. */
int64_t side_cpu_us(void);
uint64_t side_rss_bytes(void);

void connection_create(struct side *side, struct connection *c, uint32_t id);
void connection_destroy(struct connection *c);
/* Sends our description to the other side. */
void connection_describe(struct connection *c);
/* Sends messages of side->message_size until enough is buffered. */
void connection_fill(struct connection *c);
/* Sends 64 bytes and notes when. */
void connection_ping(struct connection *c);

#endif
