#include "dtls/replay_window.h"
#include "base/check.h"

#include <assert.h>

static_assert(DTLS_REPLAY_WINDOW % 64 == 0, "whole words");
/* RFC 6347 section 4.1.2.6: "A minimum window size of 32 MUST be supported, but a window size of 64
 * is preferred". */
static_assert(DTLS_REPLAY_WINDOW >= 64, "the preferred size at least");

static uint64_t bit_of(uint64_t sequence)
{
	return UINT64_C(1) << sequence % 64;
}

static uint64_t word_of(uint64_t sequence)
{
	return sequence / 64 % REPLAY_WINDOW_WORDS;
}

bool replay_window_admits(const struct replay_window *window, uint64_t sequence)
{
	if (sequence >= window->next)
		return true;
	if (window->next - sequence > DTLS_REPLAY_WINDOW)
		return false;
	return !(window->seen[word_of(sequence)] & bit_of(sequence));
}

/* Words that the window moves into were last used a whole ring ago. */
static void move_to(struct replay_window *window, uint64_t sequence)
{
	uint64_t from = window->next == 0 ? 0 : (window->next - 1) / 64 + 1, to = sequence / 64;
	if (to >= from && to - from >= REPLAY_WINDOW_WORDS)
		from = to - (REPLAY_WINDOW_WORDS - 1);
	for (uint64_t word = from; word <= to; word++)
		window->seen[word % REPLAY_WINDOW_WORDS] = 0;
	window->next = sequence + 1;
}

void replay_window_note(struct replay_window *window, uint64_t sequence)
{
	CHECK(replay_window_admits(window, sequence));
	if (sequence >= window->next)
		move_to(window, sequence);
	window->seen[word_of(sequence)] |= bit_of(sequence);
}
