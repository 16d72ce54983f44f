/* The log: one line a record to stderr, for a person or a journal. The layer that can act on an
 * error logs it; the sans-IO layers return errors and events instead and never log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/check.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/* The least important level that is still written; LOG_INFO at first. */
void log_set_level(enum log_level level);
/* One JSON object a line, {"time","level","message"}, for programs that collect logs. */
void log_set_json(bool is_json);
/* "error", "warn", "info", "debug"; false for anything else. */
bool log_level_parse(const char *name, enum log_level *ret_level);

/* Lower case, subject quoted, cause last, no full stop; never a token or a key. */
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
