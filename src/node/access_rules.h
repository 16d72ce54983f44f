/* A set of access rules as read from a file; what struct access keeps and replaces. Only for
 * access*.c. */
#ifndef NODE_ACCESS_RULES_H
#define NODE_ACCESS_RULES_H

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
};

struct access_rule {
	struct bytes path;   /* as written */
	struct bytes prefix; /* without the ".*"; empty for "*" */
	size_t segments;     /* of the prefix */
	bool below;          /* covers what is below the prefix, but not the prefix itself */
	enum access_action action;
	unsigned line, section;
};

/* Views point into `text`. The rules are sorted by prefix. Zeroed there are none. */
struct access_rules {
	char *text;
	struct access_section *sections;
	struct access_rule *rules;
	size_t section_count, rule_count;
};

MUST_CHECK enum err access_rules_parse(struct bytes text, const char *name,
	struct access_rules *ret_rules, struct fault *ret_fault);
void access_rules_deinit(struct access_rules *rules);

/* The rule that decides about the path, or NULL; with `below` about what is below it and is named
 * by no rule. */
const struct access_rule *access_rules_find(const struct access_rules *rules,
	const struct access_peer *peer, struct bytes path, bool below);

/* The rules about what is below the path, one after the other: `*at` is 0 for the first. They come
 * sorted by prefix; those whose section does not apply to the peer are left out. NULL at the end.
 */
const struct access_rule *access_rules_next_below(const struct access_rules *rules,
	const struct access_peer *peer, struct bytes path, size_t *at);

#endif
