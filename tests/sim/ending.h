/* How a connection ends: its channels' second lives, and what the closer does. */
#ifndef SIM_ENDING_H
#define SIM_ENDING_H

#include "connection.h"

/* Draws it from the seed. */
void ending_plan(struct connection *c, usec start);

/* What an end does by itself, after it has sent what it can. */
void ending_act(struct connection *c, int end, usec now);
/* When something is due without a datagram; USEC_NEVER. */
usec ending_deadline(const struct connection *c, usec now);
/* Until when the other end must have noticed what happened midway. */
usec ending_limit(const struct connection *c);

/* True when the channel is a second one. */
bool ending_channel_opened(struct connection *c, int end, usec now, uint16_t handle);
void ending_channel_closed(struct connection *c, int end, usec now, uint16_t handle);

#endif
