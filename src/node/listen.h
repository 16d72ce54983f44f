/* Where others reach this node: the listeners of direct TLS, and the UDP sockets of WebRTC with the
 * STUN servers that tell our address. Who arrives over TLS has proved a key; whether it is let in
 * is decided here: contacts are, strangers wait for consent or are refused, as configured. */
#ifndef NODE_LISTEN_H
#define NODE_LISTEN_H

#include <stdbool.h>

#include "node/fault.h"

struct node;

/* False: the fault names the address and the next step. */
bool listen_start(struct node *node, struct fault *fault);
void listen_stop(struct node *node);

#endif
