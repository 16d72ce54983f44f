/* The data directory of a hub: made, and held by one at a time. */
#ifndef HUB_DATA_H
#define HUB_DATA_H

#include "base/err.h"

/* Makes the directory if it is not there, closed to others, and holds it until the descriptor is
 * closed or the process ends. ERR_EXISTS: another hub has it; ERR_IO. `problem`, with room for
 * HUB_PROBLEM_MAX, says what and why. */
MUST_CHECK enum err data_hold(const char *directory, char *problem, int *ret_fd);

#endif
