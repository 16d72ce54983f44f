/* What the findings of a check of the network mean for connecting, in plain words. */
#ifndef NODE_NETCHECK_VERDICT_H
#define NODE_NETCHECK_VERDICT_H

#include "node/netcheck_facts.h"

#define NETCHECK_LINES_MAX 8

struct netcheck_verdict {
	bool is_possible;                      /* to connect to anybody at all */
	const char *lines[NETCHECK_LINES_MAX]; /* static; the most important comes first */
	size_t count;
};

struct netcheck_verdict netcheck_judge(const struct netcheck_facts *facts);

/* Whether any STUN server answered; false too where none was asked. */
bool netcheck_has_udp(const struct netcheck_facts *facts);

#endif
