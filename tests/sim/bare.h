/* A world of two SCTP associations and nothing else: no ICE, no DTLS. What the layers above never
 * ask for is drawn here: checksums left away or not by either side, any packet size, few streams
 * and different counts of them, one side that connects or both at once, streams that are reset
 * while others send, and an end that begins anew under the same ports.
 *
 * What must hold is what checker.h says, by stream; and when a peer tells that it has reset a
 * stream, all that was sent on it before is there. An association whose peer has begun anew ends
 * (its data channels are gone), and what the new one is told is not of the old one. */
#ifndef SIM_BARE_H
#define SIM_BARE_H

#include "world.h"

void bare_run(uint64_t seed, FILE *log, struct world_result *ret_result);

#endif
