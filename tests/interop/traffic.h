/* What a channel of an interoperability test carries: messages that follow from their number, sent
 * to the other side and expected back. The other side need not know how they are made. */
#ifndef INTEROP_TRAFFIC_H
#define INTEROP_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpc/peer.h"

#define TRAFFIC_MESSAGES_MAX 4096
/* So many digits at the start of a tagged message are its number. */
#define TRAFFIC_TAG 8

struct traffic {
	uint32_t count;  /* messages to send; 0: nothing is to be sent */
	size_t size_max; /* 0: all are empty */
	bool tagged;     /* messages carry their number: they may come back in any order */
	bool partial;    /* some may be lost: tagged too, and at the end more are sent until one of
			  * those comes back */
	bool ordered;    /* what comes back does so in order */
	uint32_t sent, back, next;
	uint64_t bytes;
	bool done;
	uint8_t seen[TRAFFIC_MESSAGES_MAX];
};

/* Message `index` into `data`, of DPC_MESSAGE_MAX_DEFAULT bytes; its size. */
size_t traffic_make(const struct traffic *t, uint32_t index, char *data, bool *ret_binary);

/* Takes what came back; NULL, or what is wrong with it. Sets `done` when that was all. */
const char *traffic_check(struct traffic *t, bool binary, const void *data, size_t size);

#endif
