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
	bool allow;
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

/* The rule that decides about the path, or NULL. */
const struct access_rule *access_rules_find(
	const struct access_rules *rules, const struct access_peer *peer, struct bytes path);

#endif
