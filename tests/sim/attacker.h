/* Datagrams that neither end has sent. An attacker off the path knows the addresses and no more: it
 * sends noise, and what looks like STUN, a DTLS record or SCTP, from the peer's address or from
 * others. One on the path also sends copies of what it saw, whole, cut short or with bits flipped,
 * late and from elsewhere.
 *
 * The handshake of DTLS 1.2 is in the clear, and who forges it can end it: until both ends are
 * connected there is nothing that could pass for it. */
#ifndef SIM_ATTACKER_H
#define SIM_ATTACKER_H

#include "connection.h"

void attacker_plan(struct connection *c);
/* A datagram on its way, which one on the path may keep. */
void attacker_see(struct connection *c, const struct network_packet *packet);

void attacker_act(struct connection *c, usec now);
usec attacker_deadline(const struct connection *c);

#endif
