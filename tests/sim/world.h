/* A world: what runs at once in one virtual time. Mostly one connection, sometimes several, which
 * share the process and nothing else, or two bare SCTP associations. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdint.h>
#include <stdio.h>

#include "base/usec.h"

struct world_result {
	char failure[200]; /* empty: no checker objected */
	uint64_t connections, messages, bytes, abandoned, datagrams;
	usec duration;  /* of its connections, added */
	uint64_t trace; /* of all that was sent in it: two runs of a seed have the same */
};

/* Runs the world of a seed from beginning to end. */
void world_run(uint64_t seed, FILE *log, struct world_result *ret_result);

#endif
