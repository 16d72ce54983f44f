/* What the files of a WebRTC link share: link_rtc.c (from its beginning to its end) and
 * link_restart.c (how it looks for another path in place). */
#ifndef NODE_LINK_RTC_H
#define NODE_LINK_RTC_H

#include "dpc/peer.h"
#include "message/signal.h"
#include "node/limits.h"
#include "node/link.h"
#include "node/peer_io.h"

/* See link_restart.c. */
struct link_restart {
	struct net_timer timer;
	usec due;             /* when a restart is to begin; USEC_NEVER: it is not */
	bool offered;         /* ours has no answer yet */
	usec retry_at;        /* when it is repeated, or given up */
	unsigned tries;       /* how often it was sent */
	bool by_hub, by_link; /* which ways the latest description went, and candidates follow */
	usec silent_since;    /* 0: the path works */
	bool replacing;       /* a new link is being made: this one is not counted on */
	unsigned count;       /* exchanges, by either side */
};

struct link_rtc {
	struct link link;
	struct peer_io_peer *io;
	enum store_policy policy; /* a new one replaces the link */
	bool has_channel;
	uint16_t channel;
	bool has_file_channel; /* that we have opened */
	uint16_t file_channel;
	bool verified;                       /* the remote description is set and believed */
	char session_id[MESSAGE_ID_MAX + 1]; /* "": an older peer's */
	char *offer_sdp;                     /* ours, as it was sent */
	char *candidates[NODE_EARLY_CANDIDATES_MAX];
	size_t candidate_count;
	struct link_restart restart;
};

static inline struct link_rtc *rtc_of(struct link *link)
{
	return CONTAINER_OF(link, struct link_rtc, link);
}

static inline struct dpc_peer *rtc_peer(const struct link_rtc *rtc)
{
	return peer_io_peer_dpc(rtc->io);
}

/* ---- link_restart.c ---- */

MUST_CHECK enum err link_restart_init(struct link_rtc *rtc);
void link_restart_deinit(struct link_rtc *rtc);
/* The state of the peer has changed. */
void link_restart_follow(struct link_rtc *rtc, enum dpc_state state);
/* A candidate of ours, after the link was up. */
void link_restart_candidate(struct link_rtc *rtc, const char *text);
/* A restart, or the answer to one; `inside`: over the link itself. */
void link_restart_receive(struct link_rtc *rtc, const struct signal *signal, bool inside);
/* The other side does not know this link any more. Nobody has signed that: the link stays until
 * there is another. */
void link_restart_unknown(struct link_rtc *rtc);

#endif
