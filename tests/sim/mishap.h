/* What befalls the ends of a connection: one stands still for a while (as a process that gets no
 * processor, or a machine that sleeps: datagrams wait in the socket's buffer, as far as that goes),
 * does not read its events, has its clock jump forward, or sits behind a NAT that forgets its
 * bindings. What befalls the path is in the network's profile. */
#ifndef SIM_MISHAP_H
#define SIM_MISHAP_H

#include "connection.h"

void mishap_plan(struct connection *c);

/* Jumps and rebindings that are due. */
void mishap_act(struct connection *c, usec now);
usec mishap_deadline(const struct connection *c, usec now);

/* Until when an end stands still at this time, or 0. */
usec mishap_still_until(const struct connection *c, int end, usec now);
bool mishap_reads(const struct connection *c, int end, usec now);

/* When the last of them is over, here and on the path. */
usec mishap_over(const struct connection *c);
/* Whether a path that is given up now can be put down to one of them. */
bool mishap_explains_lost_path(const struct connection *c, usec now);
/* Likewise for a connection that was never made. */
bool mishap_explains_no_path(const struct connection *c, usec now);

#endif
