#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define LOG_LINE_MAX 1024

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static enum log_level level_max = LOG_INFO;

static bool as_json;

void log_set_json(bool is_json)
{
	as_json = is_json;
}

void log_set_level(enum log_level level)
{
	level_max = level;
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* Control characters would let a peer's text forge lines or drive the terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* What came from a peer may be no UTF-8, which JSON must be. */
static void write_json(const char *stamp, long ms, const char *level, const char *line)
{
	bool is_text = utf8_is_valid(bytes_of_text(line));
	char text[2 * LOG_LINE_MAX];
	size_t size = 0;
	for (const char *c = line; *c; c++) {
		if (*c == '"' || *c == '\\')
			text[size++] = '\\';
		text[size++] = is_text || !(*c & 0x80) ? *c : '?';
	}
	text[size] = 0;
	fprintf(stderr, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\"%s\"}\n", stamp, ms,
		level, text);
}

__attribute__((format(printf, 2, 0))) static void write_line(
	enum log_level level, const char *format, va_list args)
{
	if (level > level_max)
		return;
	char line[LOG_LINE_MAX], stamp[32];
	vsnprintf(line, sizeof line, format, args);
	make_printable(line);
	struct timespec now;
	struct tm calendar;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &calendar);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &calendar);
	long ms = now.tv_nsec / 1000000;
	if (as_json)
		write_json(stamp, ms, level_names[level], line);
	else
		fprintf(stderr, "%s.%03ldZ %-5s %s\n", stamp, ms, level_names[level], line);
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		write_line(level, format, args);                                                   \
		va_end(args);                                                                      \
	}

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
