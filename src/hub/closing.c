#include "hub/closing.h"

#include <assert.h>

#include "base/text.h"

/* In the order of the names; the reasons begin like this. */
static const char *const reasons[] = {"closed by the other side", "connection lost", "slow reader",
	"no answer to a ping", "replaced", "logged out", "not registered", "banned",
	"too many invalid frames", "the hub ends"};

const char *const closing_names[CLOSING_COUNT] = {"closed", "lost", "slow_reader", "no_pong",
	"replaced", "logged_out", "not_registered", "banned", "invalid_frames", "restart", "other"};

static_assert(sizeof reasons / sizeof reasons[0] == CLOSING_COUNT - 1, "all but the last");

size_t closing_of(const char *reason)
{
	size_t i = 0;
	while (i < CLOSING_COUNT - 1 && !text_starts_with(reason, reasons[i]))
		i++;
	return i;
}
