/* A set of access rules as read from a file; what struct access keeps and replaces. Only for
 * access*.c. */
#ifndef NODE_ACCESS_RULES_H
#define NODE_ACCESS_RULES_H

#include "base/buffer.h"
#include "node/access.h"

/* In the order in which they are asked. */
enum access_kind {
	ACCESS_PEER,
	ACCESS_GROUP,
	ACCESS_VERIFIED,
	ACCESS_DEFAULT,
};
#define ACCESS_KIND_COUNT 4

struct access_section {
	enum access_kind kind;
	struct bytes text;    /* "peer:alice" */
	struct bytes subject; /* "alice" */
	struct bytes members; /* of a group: joined by commas */
	uint64_t file_max;    /* bytes of a file that is offered; 0: the section does not say */
	unsigned line;
};

struct access_rule {
	struct bytes path;   /* as written */
	struct bytes prefix; /* without the ".*"; empty for "*" */
	size_t segments;     /* of the prefix */
	bool below;          /* covers what is below the prefix, but not the prefix itself */
	enum access_action action;
	unsigned line, section;
};

/* Views point into `text`, which is the file's. The rules are sorted by prefix. Zeroed there are
 * none. */
struct access_rules {
	char *text;
	struct access_section *sections;
	struct access_rule *rules;
	size_t section_count, rule_count;
};

MUST_CHECK enum err access_rules_parse(struct bytes text, const char *name,
	struct access_rules *ret_rules, struct fault *ret_fault);
void access_rules_deinit(struct access_rules *rules);

bool access_section_applies(const struct access_section *section, const struct access_peer *peer);

/* Of the first kind of section that says so, the least; 0: none does. */
uint64_t access_rules_file_max(const struct access_rules *rules, const struct access_peer *peer);

/* The rule that decides about the path, or NULL; with `below` about what is below it and is named
 * by no rule. */
const struct access_rule *access_rules_find(const struct access_rules *rules,
	const struct access_peer *peer, struct bytes path, bool below);

/* The rules about what is below the path, one after the other: `*at` is 0 for the first. They come
 * sorted by prefix; those whose section does not apply to the peer are left out. NULL at the end.
 */
const struct access_rule *access_rules_next_below(const struct access_rules *rules,
	const struct access_peer *peer, struct bytes path, size_t *at);

/* ---- access_remember.c ---- */

/* The text of the file with the user's answer for one peer in it: nothing at the path and below it
 * is asked for any more, and all else is decided as before. Appended. ERR_UNSUPPORTED: rules cannot
 * say that; ERR_LIMIT: it takes more than ACCESS_REMEMBER_MAX; ERR_TOO_LARGE (the buffer's),
 * ERR_NOMEM. */
MUST_CHECK enum err access_rules_remember(const struct access_rules *rules,
	const struct access_peer *peer, const char *path, bool allow, struct buffer *ret_text);

/* What is decided about a path that no rule covers: denied, or asked about where the subject is one
 * that a person has an eye on. */
enum access_action access_rules_otherwise(struct bytes path);

#endif
