/* Which models the peers that are connected let us use, as far as they have said lately. The lists
 * are kept in their sessions. */
#ifndef NODE_AI_DIRECTORY_H
#define NODE_AI_DIRECTORY_H

#include <stdbool.h>

#include "node/session.h"

struct ai_look;

/* Asks the connected peers whose lists are old. `done` comes once, from the loop or before this
 * returns, when all have answered or had their time. *slot, which stays where it is, holds the look
 * until then, and NULL afterwards. */
void ai_directory_look(
	struct node *node, void (*done)(void *user), void *user, struct ai_look **slot);
/* `done` does not come any more. Accepts NULL. */
void ai_look_cancel(struct ai_look *look);

/* Whether the peer said that it lets us use the model. */
bool ai_directory_has(const struct session *session, const char *model);

#endif
