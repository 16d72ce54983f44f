/* What must hold.
 *
 * All the time: a reliable message arrives once, whole, and in order on an ordered channel; an end
 * that has something to send and can does not stall; no deadline is asked for again and again with
 * nothing to do.
 *
 * At the end: everything accepted has arrived, both ends have closed, their queues are empty, their
 * counts of bytes are those of the network, and every message that could be sent was, within
 * LIVENESS after the last mishap. Where an end aborts or vanishes midway, or the path is lost for a
 * reason, only the first rule holds, and the other end has NOTICE to notice. */
#ifndef SIM_CHECKER_H
#define SIM_CHECKER_H

#include "connection.h"

#define LIVENESS (300 * USEC_PER_SEC)
#define NOTICE (60 * USEC_PER_SEC)

void checker_message(struct connection *c, int end, const struct dpc_event *event);
/* The connection is closed at this end. */
void checker_closed(struct connection *c, int end, usec now, const char *reason);
/* A call of dpc_peer_advance() that came to nothing. */
void checker_idle_call(struct connection *c, int end, usec now);
/* Now and then. */
void checker_watch(struct connection *c, usec now);
void checker_end(struct connection *c);

/* Bytes that the two peers may have allocated at most. */
size_t checker_memory_max(const struct connection *c);

#endif
