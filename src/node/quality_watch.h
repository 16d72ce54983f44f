/* Watches the links of all sessions: one timer takes the samples (quality.h) of those that are in
 * use, and what happens to a link in between is noted when it does. */
#ifndef NODE_QUALITY_WATCH_H
#define NODE_QUALITY_WATCH_H

#include "base/err.h"

struct node;
struct session;

/* ERR_NOMEM. */
MUST_CHECK enum err quality_watch_init(struct node *node);
/* After the sessions. */
void quality_watch_deinit(struct node *node);

/* The link in use has come up, goes another way, is about to end, or has ended. */
void quality_watch_note(struct session *session);

#endif
