/* What is printed for a person. */
#include "cli/output.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/field.h"

void print_safe(FILE *out, const char *text, bool lines)
{
	size_t size;
	for (; *text; text += size) {
		const char *from = text_harmless(text, &size, lines);
		fwrite(from, 1, from == text ? size : strlen(from), out);
	}
}

const char *colour(enum colour colour)
{
	static const char *const codes[] = {
		[COLOUR_DIM] = "\033[2m",
		[COLOUR_BOLD] = "\033[1m",
		[COLOUR_GREEN] = "\033[32m",
		[COLOUR_RED] = "\033[31m",
		[COLOUR_NONE] = "\033[0m",
	};
	const char *no = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && !(no && *no) ? codes[colour] : "";
}

char *time_text(double timestamp, char text[TIME_TEXT_MAX])
{
	struct tm parts;
	/* A time that no clock shows is another program's mistake. */
	bool sane = isfinite(timestamp) && timestamp >= 0 && timestamp < 253402300800.0;
	time_t seconds = sane ? (time_t)timestamp : 0;
	if (!sane || !localtime_r(&seconds, &parts) ||
		strftime(text, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &parts) == 0)
		snprintf(text, TIME_TEXT_MAX, "%s", "at an unknown time");
	return text;
}

static void append(char *text, const char *format, ...) PRINTF_LIKE(2, 3);
static void append(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, LINK_TEXT_MAX - used, format, args);
	va_end(args);
}

char *link_text(const json_t *link, char text[LINK_TEXT_MAX])
{
	const char *path = field_text(link, "path");
	const char *local_type = field_text(link, "local_type");
	const char *remote_type = field_text(link, "remote_type");
	bool is_direct = strcmp(path, "direct") == 0;
	bool by_tcp = !is_direct && strcmp(field_text(link, "transport"), "tcp") == 0;
	double setup = field_number(link, "setup_ms", -1), rtt = field_number(link, "rtt_ms", -1);

	text[0] = 0;
	append(text, "over %s%s (%s%s%s to %s%s%s)", is_direct ? "direct TLS" : path,
		by_tcp ? " by TCP" : "", field_text(link, "local"), *local_type ? " " : "",
		local_type, field_text(link, "remote"), *remote_type ? " " : "", remote_type);
	if (setup >= 0)
		append(text, ", set up in %.1f ms", setup);
	if (rtt > 0)
		append(text, ", round trip %.2f ms", rtt);
	return text;
}

char *name_text(const json_t *peer, char text[NAME_TEXT_MAX])
{
	const char *name = field_text(peer, "name");
	return text_safe(*name ? name : field_text(peer, "node_id"), text, NAME_TEXT_MAX);
}

void print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT);
	putchar('\n');
}
