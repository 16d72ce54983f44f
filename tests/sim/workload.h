/* What the ends of a connection say: message `index` of a flow follows from the seed alone, so the
 * receiver's checker can make it again. */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "connection.h"

/* Draws channels, message counts and sizes. */
void workload_plan(struct connection *c);

/* The message, in memory of the caller of SIM_MESSAGE_MAX bytes; returns its size. */
size_t workload_message(
	const struct connection *c, int from, size_t channel, uint32_t index, uint8_t *data);

/* The index that a received message claims; on an ordered channel the next one. */
uint32_t workload_index(const struct connection *c, size_t channel, const struct flow *flow,
	const void *data, size_t size);

#endif
