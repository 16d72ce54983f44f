/* What the ends of a connection say: message `index` of a flow follows from the seed alone, so the
 * receiver's checker can make it again. */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "connection.h"

/* Draws channels, message counts and sizes, once the peers are made. */
void workload_plan(struct connection *c);

/* What it may take over a path on which little comes through. */
usec workload_time_max(const struct connection *c);

/* Opens the channels of an end. */
void workload_open(struct connection *c, int end, usec now);
/* The channel of a handle, SIZE_MAX for none. */
size_t workload_channel(const struct connection *c, int end, uint16_t handle);

/* Sends all that an end may send now. */
void workload_act(struct connection *c, int end, usec now);
usec workload_deadline(const struct connection *c, usec now);
void workload_sendable(struct connection *c, int end);

/* Whether all that an end shall send on a channel has arrived or was given up. */
bool workload_is_settled(const struct connection *c, int from, size_t channel);
/* Whether an end has all that the other shall send and did not give up; whether all that it shall
 * send was accepted. */
bool workload_all_received(const struct connection *c, int end);
bool workload_all_accepted(const struct connection *c, int end);

/* The message, in memory of the caller of SIM_MESSAGE_MAX bytes; returns its size. */
size_t workload_message(
	const struct connection *c, int from, size_t channel, uint32_t index, uint8_t *data);
/* Bytes that follow from a seed, at most `size_max` of them. */
size_t workload_piece(uint64_t seed, size_t size_max, const uint8_t **ret_data);

/* The index that a received message claims; on an ordered channel the next one. */
uint32_t workload_index(const struct connection *c, size_t channel, const struct flow *flow,
	const void *data, size_t size);

#endif
