#include "node/failure.h"

#include <stdarg.h>
#include <string.h>

const char *failure_name(enum failure_code code)
{
	static const char *const names[] = {
#define X(id, name, status) [FAILURE_##id] = name,
		FAILURE_LIST(X)
#undef X
	};
	CHECK(code < FAILURE_COUNT);
	return names[code];
}

int failure_status(enum failure_code code)
{
	static const int statuses[] = {
#define X(id, name, status) [FAILURE_##id] = status,
		FAILURE_LIST(X)
#undef X
	};
	CHECK(code < FAILURE_COUNT);
	return statuses[code];
}

enum failure_code failure_of_name(const char *name)
{
	/* Those before are between this node and programs of its machine. */
	for (enum failure_code code = FAILURE_MALFORMED; code < FAILURE_COUNT; code++) {
		if (strcmp(name, failure_name(code)) == 0)
			return code;
	}
	/* What a node answers to a message that it has not heard of. */
	return strcmp(name, "unknown_type") == 0 ? FAILURE_UNSUPPORTED : FAILURE_REFUSED;
}

void failure_set(struct failure *failure, enum failure_code code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	failure->code = code;
	fault_format(&failure->fault, format, arguments);
	va_end(arguments);
}
