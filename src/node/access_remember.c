/* The user's answer as rules: what the rules of a file would ask for at a path and below it they
 * shall answer by themselves, for one peer, and everything else as before.
 *
 * Rules for a peer come before all others, so a rule "path = allow" for it would overrule whatever
 * the group or the default says about what is below the path. Each path below it that has a rule of
 * its own therefore gets a copy of what holds there now. The rest of the text stays as it is, with
 * its comments; a rule of the peer's about the same path gives its line. */
#include <stdlib.h>

#include "base/text.h"
#include "node/access_rules.h"

/* What is to hold at a path and below it. */
struct entry {
	struct bytes path;
	enum access_action self, below;
	bool is_due; /* to be written; else a rule of the peer's says it, and stays */
};

struct plan {
	const struct access_rules *rules;
	const struct access_peer *peer;
	enum access_action answer;
	struct entry entries[ACCESS_REMEMBER_MAX];
	size_t count;
};

static bool is_ancestor(struct bytes path, struct bytes below)
{
	return below.size > path.size && below.data[path.size] == '.' &&
	       bytes_equal(bytes_slice(below, 0, path.size), path);
}

static const struct entry *nearest_ancestor(const struct plan *plan, struct bytes path)
{
	const struct entry *nearest = NULL;
	for (size_t i = 0; i < plan->count; i++) {
		const struct entry *entry = &plan->entries[i];
		if (is_ancestor(entry->path, path) &&
			(!nearest || entry->path.size > nearest->path.size))
			nearest = entry;
	}
	return nearest;
}

static bool is_of_peer(const struct plan *plan, const struct access_rule *rule)
{
	const struct access_section *section = &plan->rules->sections[rule->section];
	return section->kind == ACCESS_PEER && access_section_applies(section, plan->peer);
}

/* A rule of the peer's own, and about exactly this path. */
static bool is_own(const struct plan *plan, const struct access_rule *rule, struct bytes path)
{
	return rule && is_of_peer(plan, rule) && bytes_equal(rule->prefix, path);
}

/* "deny" for the path itself and "allow" below it cannot both be rules of one section, since the
 * deny covers both; so the former has to hold without a rule. */
static bool can_be_said(const struct entry *entry, const struct entry *ancestor, bool self_asked)
{
	if (entry->self != ACCESS_DENY || entry->below != ACCESS_ALLOW)
		return true;
	return ancestor ? ancestor->below == ACCESS_DENY : !self_asked;
}

static enum err consider(struct plan *plan, struct bytes path)
{
	const struct access_rule *self = access_rules_find(plan->rules, plan->peer, path, false);
	const struct access_rule *below = access_rules_find(plan->rules, plan->peer, path, true);
	const struct entry *ancestor = nearest_ancestor(plan, path);
	struct entry entry = {.path = path,
		.self = self ? self->action : ACCESS_DENY,
		.below = below ? below->action : ACCESS_DENY,
		.is_due = true};
	bool self_asked = entry.self == ACCESS_ASK, below_asked = entry.below == ACCESS_ASK;
	bool owns_self = is_own(plan, self, path), owns_below = is_own(plan, below, path);
	if (self_asked)
		entry.self = plan->answer;
	if (below_asked)
		entry.below = plan->answer;
	if (!self_asked && !below_asked) {
		if (!ancestor)
			return ERR_OK;
		entry.is_due = !owns_self || !owns_below;
	}
	bool inherits = ancestor && !owns_self && !owns_below && entry.self == ancestor->below &&
			entry.below == ancestor->below;
	if (inherits)
		return ERR_OK;
	if (entry.is_due && !can_be_said(&entry, ancestor, self_asked))
		return ERR_UNSUPPORTED;
	if (plan->count == ACCESS_REMEMBER_MAX)
		return ERR_LIMIT;
	plan->entries[plan->count++] = entry;
	return ERR_OK;
}

static enum err make_plan(struct plan *plan, struct bytes path)
{
	const struct access_rule *rule;
	struct bytes before = path;
	size_t at = 0;
	enum err err = consider(plan, path);
	/* They are sorted, so what is above another path comes before it. */
	while (!err && (rule = access_rules_next_below(plan->rules, plan->peer, path, &at))) {
		if (!bytes_equal(rule->prefix, before))
			err = consider(plan, rule->prefix);
		before = rule->prefix;
	}
	return err;
}

/* ---- Writing ---- */

static enum err append_rules(struct buffer *text, const struct entry *entry)
{
	int size = (int)entry->path.size;
	const char *path = (const char *)entry->path.data;
	const char *self = access_action_name(entry->self);
	const char *below = access_action_name(entry->below);
	if (entry->self == entry->below)
		return buffer_append_format(text, "%.*s = %s\n", size, path, self);
	if (entry->self == ACCESS_DENY)
		return buffer_append_format(text, "%.*s.* = %s\n", size, path, below);
	return buffer_append_format(
		text, "%.*s = %s\n%.*s.* = %s\n", size, path, self, size, path, below);
}

/* A line that an entry takes the place of. */
struct taken {
	unsigned line;
	size_t entry;
};

static int compare_taken(const void *a, const void *b)
{
	const struct taken *x = a, *y = b;
	return (x->line > y->line) - (x->line < y->line);
}

/* Those of all entries, sorted by line; there is one more, which is no line's. NULL: no memory. */
static struct taken *find_taken(const struct plan *plan)
{
	const struct access_rules *rules = plan->rules;
	struct taken *taken = calloc(rules->rule_count + 1, sizeof *taken);
	size_t count = 0;
	if (!taken)
		return NULL;
	for (size_t i = 0; i < rules->rule_count; i++) {
		for (size_t j = 0; j < plan->count; j++) {
			const struct entry *entry = &plan->entries[j];
			if (entry->is_due && is_own(plan, &rules->rules[i], entry->path))
				taken[count++] = (struct taken){rules->rules[i].line, j};
		}
	}
	qsort(taken, count, sizeof *taken, compare_taken);
	return taken;
}

static bool has_rest(const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->entries[i].is_due)
			return true;
	}
	return false;
}

static enum err append_rest(struct plan *plan, struct buffer *text)
{
	enum err err = ERR_OK;
	for (size_t i = 0; i < plan->count && !err; i++) {
		if (plan->entries[i].is_due)
			err = append_rules(text, &plan->entries[i]);
		plan->entries[i].is_due = false;
	}
	return err;
}

/* The last line of the last section about this peer alone; 0: there is none. */
static unsigned find_end(const struct plan *plan)
{
	const struct access_rules *rules = plan->rules;
	size_t found = rules->section_count;
	for (size_t i = 0; i < rules->section_count; i++) {
		if (rules->sections[i].kind == ACCESS_PEER &&
			access_section_applies(&rules->sections[i], plan->peer))
			found = i;
	}
	if (found == rules->section_count)
		return 0;
	unsigned end = rules->sections[found].line;
	for (size_t i = 0; i < rules->rule_count; i++) {
		if (rules->rules[i].section == found && rules->rules[i].line > end)
			end = rules->rules[i].line;
	}
	return end;
}

static enum err copy_line(struct bytes line, struct buffer *text)
{
	enum err err = buffer_append(text, line);
	/* The last line may have no end. */
	return err || (line.size > 0 && line.data[line.size - 1] == '\n')
		       ? err
		       : buffer_append_text(text, "\n");
}

/* An entry is written in the first line that it takes, or at the end of the section. */
static enum err copy_lines(struct plan *plan, const struct taken *taken, struct buffer *text)
{
	struct bytes rest = bytes_of_text(plan->rules->text);
	unsigned end = find_end(plan), number = 0;
	enum err err = ERR_OK;
	while (!err && rest.size > 0) {
		const uint8_t *newline = memchr(rest.data, '\n', rest.size);
		size_t size = newline ? (size_t)(newline - rest.data) + 1 : rest.size;
		if (++number != taken->line) {
			err = copy_line(bytes_slice(rest, 0, size), text);
		} else {
			struct entry *entry = &plan->entries[taken++->entry];
			if (entry->is_due)
				err = append_rules(text, entry);
			entry->is_due = false;
		}
		rest = bytes_slice(rest, size, rest.size);
		/* All lines that are taken are in sections of the peer's, of which this is the
		 * last. */
		if (!err && number == end)
			err = append_rest(plan, text);
	}
	/* The id, for a name may be somebody else's one day. */
	if (!err && has_rest(plan))
		err = buffer_append_format(
			text, "%s[peer:%s]\n", number ? "\n" : "", plan->peer->node_id);
	return err ? err : append_rest(plan, text);
}

static enum err write_plan(struct plan *plan, struct buffer *text)
{
	struct taken *taken = find_taken(plan);
	enum err err = taken ? copy_lines(plan, taken, text) : ERR_NOMEM;
	free(taken);
	return err;
}

/* Whether the path can stand in a line as a key. */
static bool can_be_written(struct bytes path)
{
	for (size_t i = 0; i < path.size; i++) {
		if (path.data[i] == '=' || path.data[i] < 0x20 || path.data[i] == 0x7f)
			return false;
	}
	return path.data[path.size - 1] != ' ';
}

enum err access_rules_remember(const struct access_rules *rules, const struct access_peer *peer,
	const char *path, bool allow, struct buffer *ret_text)
{
	struct plan plan = {
		.rules = rules, .peer = peer, .answer = allow ? ACCESS_ALLOW : ACCESS_DENY};
	if (!access_path_is_valid(path) || !can_be_written(bytes_of_text(path)))
		return ERR_UNSUPPORTED;
	enum err err = make_plan(&plan, bytes_of_text(path));
	return err ? err : write_plan(&plan, ret_text);
}
