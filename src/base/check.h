/* CHECK: what we guarantee ourselves. It stays on in release builds and aborts: a broken invariant
 * must never go on to touch a peer's data. Never use it on input from the network, the user, the
 * configuration or the operating system; those fail with an `enum err`. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(nth, first) __attribute__((format(printf, nth, first)))

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (__builtin_expect(!(x), 0))                                                     \
			check_failed(#x, __FILE__, __LINE__);                                      \
	} while (0)

/* The branch that cannot be reached, for instance behind a switch over all values of an enum. */
#define UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__)

__attribute__((noreturn, cold)) void check_failed(const char *what, const char *file, int line);

#endif
