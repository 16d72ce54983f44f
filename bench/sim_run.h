/* Measures many cases, each with several seeds, in as many processes as there are processors. */
#ifndef BENCH_SIM_RUN_H
#define BENCH_SIM_RUN_H

#include "sim_link.h"

struct sim_case {
	struct link_profile profile;
	size_t flows;
	struct link_contender contenders[LINK_FLOWS_MAX];
};

struct sim_options {
	uint32_t seeds, from;
	uint32_t warm_up, seconds; /* of virtual time */
};

/* Of a case, over all seeds. */
struct sim_summary {
	double mbits, mbits_min, mbits_max; /* of message bytes, all flows together */
	double flow_mbits[LINK_FLOWS_MAX];  /* of each */
	double jain;                        /* 1: equal shares; 1 / flows: one has it all */
	double link_percent;                /* of the link's rate, as UDP payload */
	double queue_ms, queue_ms_max;      /* in the bottleneck */
	double retransmissions, lost;       /* of a run */
	double chat_ms_p50, chat_ms_p95;
	uint64_t trace;
};

/* `ret_summaries` has one for each case. Ends the process when a measurement fails. */
void sim_run(const struct sim_case *cases, size_t count, const struct sim_options *options,
	struct sim_summary *ret_summaries);

#endif
