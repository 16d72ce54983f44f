/* Signals whose target no hub is known to have, held for a moment: word of it may be on its way, as
 * when a node moves from one hub to another. Without I/O. */
#ifndef HUB_HELD_H
#define HUB_HELD_H

#include "base/list.h"
#include "base/usec.h"
#include "hub/admission.h"
#include "hub/limits.h"

struct held_signal {
	struct list node;
	struct contact_id sender, target;
	usec deadline;
	size_t size;
	uint8_t text[];
};

struct held {
	struct list signals; /* by deadline */
	size_t count, bytes;
};

void held_init(struct held *held);
void held_deinit(struct held *held);
/* Copies the text. ERR_LIMIT: BUS_HELD_MAX or BUS_HELD_BYTES_MAX are held; ERR_NOMEM. */
MUST_CHECK enum err held_add(struct held *held, const struct contact_id *sender,
	const struct contact_id *target, struct bytes text, usec now);
/* Takes out the first one for this target, or, without one, that which is due; to be freed. NULL:
 * there is none. */
struct held_signal *held_take(struct held *held, const struct contact_id *target, usec now);
/* When the next one is due; USEC_NEVER. */
usec held_deadline(const struct held *held);

#endif
