/* What a connection is made of, drawn from its seed: the network, the addresses, the peers. */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include "connection.h"

struct network_profile draw_profile(struct rng *rng);
void draw_addresses(struct connection *c);
void draw_peer(struct connection *c, int end);

#endif
