/* An end looks for another path in the middle of it all: it restarts ICE, mostly because its
 * addresses have been replaced, sometimes for no reason, sometimes when the other end does. Its
 * offers and their answers may be lost; it asks again until the restart is complete, as the owner
 * of a peer does. */
#ifndef SIM_ROAMING_H
#define SIM_ROAMING_H

#include "connection.h"

void roaming_plan(struct connection *c);
void roaming_act(struct connection *c, usec now);
usec roaming_deadline(const struct connection *c, usec now);

/* A description of a restart arrives. */
void roaming_receive(struct connection *c, int end, usec now, const char *sdp);

/* When both ends have asked for the last time. */
usec roaming_over(const struct connection *c);

#endif
