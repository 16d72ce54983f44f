/* A conversation with somebody's model, by the model's name: "llama3@bob" is bob's; "llama3" that
 * of the fastest connected peer that has it and lets us use it, and when that one fails before the
 * first word, of the next. */
#ifndef NODE_AI_CALL_H
#define NODE_AI_CALL_H

#include <stdbool.h>

#include <jansson.h>

#include "node/failure.h"

struct ai_call;
struct node;

struct ai_call_ask {
	const char *model;
	const json_t *turns; /* valid (message/turns.h) */
	const json_t
		*inputs; /* instead: valid, texts whose embeddings are asked for (ai_embed.h) */
	const json_t *options; /* valid, or NULL */
};

struct ai_call_events {
	/* The next piece, not empty. May cancel the call. */
	void (*delta)(const char *text, void *user);
	/* The end, all is well; the call is gone. `usage` (object) or NULL. */
	void (*end)(const json_t *usage, void *user);
	/* The end; the call is gone. */
	void (*fail)(const struct failure *failure, void *user);
};

/* Starts it. Events come from the loop or before this returns. *slot, which stays where it is,
 * holds the call until it is gone, and NULL afterwards. */
void ai_call_start(struct node *node, const struct ai_call_ask *ask,
	const struct ai_call_events *events, void *user, struct ai_call **slot);
/* Stops the work; no event comes any more. Accepts NULL. */
void ai_call_cancel(struct ai_call *call);

#endif
