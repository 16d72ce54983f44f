/* Short channels: opened while others are busy, sent on by their opener, and closed with the last
 * message not yet on its way, so that streams are reset and their ids used again under load and
 * loss. All that was sent before the close must have arrived when the other end is told of it. */
#ifndef SIM_CHURN_H
#define SIM_CHURN_H

#include "connection.h"

void churn_plan(struct connection *c);

void churn_act(struct connection *c, int end, usec now);
usec churn_deadline(const struct connection *c, usec now);
void churn_sendable(struct connection *c, int end);
bool churn_is_over(const struct connection *c);

/* The three answer whether the event is of a short channel. */
bool churn_opened(struct connection *c, int end, usec now, uint16_t handle);
bool churn_message(struct connection *c, int end, const struct dpc_event *event);
bool churn_closed(struct connection *c, int end, usec now, uint16_t handle);

#endif
