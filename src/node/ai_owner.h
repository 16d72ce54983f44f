/* What the owner of this node's AI models says about their use: which peer may use which model
 * (access.ini), at which hours, and how much of it in a day (config.ini). And the audit log, which
 * has an entry for everything that peers ask, whether they may or not. */
#ifndef NODE_AI_OWNER_H
#define NODE_AI_OWNER_H

#include "node/access.h"
#include "node/failure.h"
#include "node/store_ai.h"

struct message_ai_query;
struct session;

/* Whether the rules allow the peer the model at all; that the owner has to be asked is no no. */
bool ai_owner_knows(struct session *session, const char *model);
/* Whether the peer may use it now: a no comes with DENIED or LIMIT, and a line for the peer. */
enum access_action ai_owner_decide(
	struct session *session, const char *model, struct failure *failure);
/* What the owner said no to, or did not answer in time. */
void ai_owner_refusal(struct failure *failure);

/* Begins the entry of a query: outcome "working", or why it was refused. */
void ai_owner_log(struct session *session, const struct message_ai_query *query, const char *model,
	const char *outcome, struct store_ai_entry *ret_entry);
/* The entry's outcome, tokens and duration are final. */
void ai_owner_log_end(struct session *session, const struct store_ai_entry *entry);

#endif
