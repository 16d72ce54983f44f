/* Which sequence numbers were received (RFC 6347 section 4.1.2.6), in a ring of bits.
 *
 * Only what is authentic is noted: otherwise a forged record could push the window past the real
 * ones. */
#ifndef DTLS_REPLAY_WINDOW_H
#define DTLS_REPLAY_WINDOW_H

#include "dtls/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* A word more than the window, as the word of the highest number is only partly behind it. */
#define REPLAY_WINDOW_WORDS (DTLS_REPLAY_WINDOW / 64 + 1)

struct replay_window {
	uint64_t next; /* one more than the highest number noted */
	uint64_t seen[REPLAY_WINDOW_WORDS];
};

/* False for a number that was noted, or is too old to tell. */
bool replay_window_admits(const struct replay_window *window, uint64_t sequence);
/* One that is admitted. */
void replay_window_note(struct replay_window *window, uint64_t sequence);

#endif
