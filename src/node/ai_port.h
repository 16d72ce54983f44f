/* The models of peers, served on this machine as if they ran here: an HTTP server on the loopback
 * interface that speaks OpenAI's interface and Ollama's. Programs that speak either work unchanged,
 * with models named "llama3@bob", or "llama3" for whoever has it (ai_call.h).
 *
 * Pages of browsers are kept out: a request must name this machine in its Host header, which one
 * after a rebinding of names does not, and one with an Origin is refused unless the configuration
 * allows it. With a token in the configuration every request must carry it. */
#ifndef NODE_AI_PORT_H
#define NODE_AI_PORT_H

#include "base/err.h"
#include "node/fault.h"

struct ai_port;
struct node;

/* On the port of the configuration. */
MUST_CHECK enum err ai_port_create(
	struct node *node, struct ai_port **ret_port, struct fault *ret_fault);
/* Ends what is under way. Accepts NULL. */
void ai_port_destroy(struct ai_port *port);
/* "127.0.0.1:11435" */
const char *ai_port_address(const struct ai_port *port);

#endif
