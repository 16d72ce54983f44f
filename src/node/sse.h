/* Server-sent events, as OpenAI's and Anthropic's interfaces stream their answers in (HTML Living
 * Standard, section 9.2.6): lines in, the data of whole events out. Names, ids and retry times of
 * events are left out: what those interfaces send says in its data what it is. */
#ifndef NODE_SSE_H
#define NODE_SSE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"

struct sse {
	struct buffer data; /* of the event that is being read, or was the last */
	bool has_data;
	bool is_over; /* `data` is that of an event that was handed over */
	bool begun;
};

/* An event has at most `size_max` bytes of data. */
struct sse sse_with_max(size_t size_max);
/* Accepts a zeroed one. */
void sse_deinit(struct sse *sse);

/* Takes one line without its end. *ret_event: it completed an event, whose data is in `data` until
 * the next line. ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err sse_take_line(struct sse *sse, struct bytes line, bool *ret_event);

#endif
