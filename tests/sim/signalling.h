/* Offer, answer and candidates on their way between the ends, late but in order and never lost. */
#ifndef SIM_SIGNALLING_H
#define SIM_SIGNALLING_H

#include "connection.h"

/* End 0 makes its offer. */
void signalling_start(struct connection *c);
void signalling_deinit(struct connection *c);

void signalling_candidate(struct connection *c, int end, usec now, const char *text);

/* A description of a restart. */
void signalling_restart(struct connection *c, int end, usec now, const char *sdp);

void signalling_deliver(struct connection *c, usec now);
usec signalling_deadline(const struct connection *c);

#endif
