/* The rules and how they decide. They are sorted by path, so a question costs one search for each
 * segment of the path asked for, however many rules there are. */
#include "node/access_rules.h"

#include <stdlib.h>

#include "base/ini.h"
#include "base/text.h"
#include "message/limits.h"

/* ---- Paths ---- */

/* The number of segments, or 0 for a path that is not well-formed. */
static size_t segments_of(struct bytes path)
{
	size_t count = 1;
	if (path.size == 0 || path.size > ACCESS_PATH_MAX || !utf8_is_valid(path))
		return 0;
	if (path.data[0] == '.' || path.data[path.size - 1] == '.')
		return 0;
	for (size_t i = 0; i < path.size; i++) {
		if (path.data[i] == '*' || (path.data[i] == '.' && path.data[i - 1] == '.'))
			return 0;
		count += path.data[i] == '.';
	}
	return count <= ACCESS_SEGMENTS_MAX ? count : 0;
}

/* What rules can be about. */
static const struct subject {
	const char *name;
	enum access_action otherwise; /* where no rule covers a path */
} subjects[] = {
	{"context", ACCESS_DENY},
	{"ai", ACCESS_DENY},
	{"file", ACCESS_ASK},
};

/* The subject of a well-formed path, or NULL. */
static const struct subject *subject_of(struct bytes path)
{
	size_t size = 0;
	while (size < path.size && path.data[size] != '.')
		size++;
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
		if (bytes_equal_text(bytes_slice(path, 0, size), subjects[i].name))
			return &subjects[i];
	}
	return NULL;
}

enum access_action access_rules_otherwise(struct bytes path)
{
	const struct subject *subject = subject_of(path);
	return subject && segments_of(path) > 0 ? subject->otherwise : ACCESS_DENY;
}

bool access_path_is_valid(const char *path)
{
	struct bytes text = bytes_of_text(path);
	return segments_of(text) > 0 && subject_of(text);
}

static int compare_bytes(struct bytes a, struct bytes b)
{
	int order = memcmp(a.data, b.data, min_size(a.size, b.size));
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_rules(const void *a, const void *b)
{
	const struct access_rule *x = a, *y = b;
	return compare_bytes(x->prefix, y->prefix);
}

/* ---- Reading ---- */

struct parser {
	struct access_rules *rules;
	const char *name; /* of the file */
	struct ini_reader reader;
	struct fault *fault;
	size_t rule_capacity, section_capacity;
};

static enum err fail(struct parser *p, enum err err, const char *problem)
{
	fault_set(p->fault, "%s:%u: %s", p->name, p->reader.line, problem);
	return err;
}

/* Makes room for one more element of an array that doubles. */
static bool grow(void *array_of_pointers, size_t count, size_t *capacity, size_t size)
{
	void **array = array_of_pointers;
	if (count < *capacity)
		return true;
	size_t wanted = *capacity ? 2 * *capacity : 16;
	void *grown = reallocarray(*array, wanted, size);
	if (!grown)
		return false;
	*array = grown;
	*capacity = wanted;
	return true;
}

static bool starts_with(struct bytes b, const char *prefix, struct bytes *ret_rest)
{
	size_t size = strlen(prefix);
	if (!bytes_equal_text(bytes_slice(b, 0, size), prefix))
		return false;
	while (size < b.size && b.data[size] == ' ')
		size++;
	*ret_rest = bytes_slice(b, size, b.size);
	return true;
}

static enum err open_section(struct parser *p, const struct ini_entry *entry)
{
	struct access_section section = {.text = entry->section, .line = entry->line};
	if (bytes_equal_text(entry->section, "default"))
		section.kind = ACCESS_DEFAULT;
	else if (bytes_equal_text(entry->section, "verified"))
		section.kind = ACCESS_VERIFIED;
	else if (starts_with(entry->section, "peer:", &section.subject))
		section.kind = ACCESS_PEER;
	else if (starts_with(entry->section, "group:", &section.subject))
		section.kind = ACCESS_GROUP;
	else
		return fail(p, ERR_MALFORMED,
			"a section is [peer:NAME-OR-ID], [group:NAME], [verified] or [default]");
	if ((section.kind == ACCESS_PEER || section.kind == ACCESS_GROUP) &&
		(section.subject.size == 0 || section.subject.size > STORE_NAME_MAX))
		return fail(p, ERR_MALFORMED, "the name in the section is missing or too long");
	if (!grow(&p->rules->sections, p->rules->section_count, &p->section_capacity,
		    sizeof section))
		return fail(p, ERR_NOMEM, "out of memory");
	p->rules->sections[p->rules->section_count++] = section;
	return ERR_OK;
}

static enum err set_members(
	struct parser *p, struct access_section *section, const struct ini_entry *entry)
{
	if (section->kind != ACCESS_GROUP)
		return fail(p, ERR_MALFORMED, "only a group has 'members'");
	if (section->members.size > 0)
		return fail(p, ERR_MALFORMED, "the group has its 'members' already");
	size_t count = 1;
	for (size_t i = 0; i < entry->value.size; i++)
		count += entry->value.data[i] == ',';
	if (count > ACCESS_MEMBERS_MAX)
		return fail(p, ERR_LIMIT, "the group has too many members");
	section->members = entry->value;
	return ERR_OK;
}

static enum err set_file_max(
	struct parser *p, struct access_section *section, const struct ini_entry *entry)
{
	uint64_t max;
	if (!bytes_to_size(entry->value, (uint64_t)MESSAGE_FILE_SIZE_MAX, &max) || max == 0)
		return fail(p, ERR_MALFORMED,
			"'file.max' is a number of bytes above 0, or one with k, M or G behind it");
	if (section->file_max > 0)
		return fail(p, ERR_MALFORMED, "the section has its 'file.max' already");
	section->file_max = max;
	return ERR_OK;
}

/* Everything that a mistyped rule could be is refused: a deny that nobody sees would allow. */
static enum err read_path(struct parser *p, struct bytes path, struct access_rule *rule)
{
	rule->path = path;
	rule->prefix = path;
	if (bytes_equal_text(path, "*")) {
		rule->below = true;
		rule->prefix = bytes_slice(path, 0, 0);
		rule->prefix.data = path.data;
		return ERR_OK;
	}
	if (path.size > 2 && bytes_equal_text(bytes_slice(path, path.size - 2, 2), ".*")) {
		rule->below = true;
		rule->prefix = bytes_slice(path, 0, path.size - 2);
	}
	rule->segments = segments_of(rule->prefix);
	if (rule->segments == 0 || path.size > ACCESS_PATH_MAX)
		return fail(p, ERR_MALFORMED,
			"a path is names joined by dots, with '*' for all below at its end only");
	if (!subject_of(rule->prefix))
		return fail(p, ERR_MALFORMED, "a path begins with 'context.', 'ai.' or 'file.'");
	return ERR_OK;
}

static enum err read_action(struct parser *p, struct bytes value, struct access_rule *rule)
{
	for (enum access_action action = ACCESS_DENY; action <= ACCESS_ALLOW; action++) {
		if (!bytes_equal_text(value, access_action_name(action)))
			continue;
		rule->action = action;
		return ERR_OK;
	}
	return fail(p, ERR_MALFORMED, "a rule says 'allow', 'ask' or 'deny'");
}

static enum err add_rule(struct parser *p, const struct ini_entry *entry)
{
	struct access_rules *rules = p->rules;
	struct access_rule rule = {.line = entry->line};
	if (rules->section_count == 0)
		return fail(p, ERR_MALFORMED, "a rule needs a section above it");
	rule.section = (unsigned)(rules->section_count - 1);
	if (bytes_equal_text(entry->key, "members"))
		return set_members(p, &rules->sections[rule.section], entry);
	if (bytes_equal_text(entry->key, "file.max"))
		return set_file_max(p, &rules->sections[rule.section], entry);
	enum err err = read_path(p, entry->key, &rule);
	if (!err)
		err = read_action(p, entry->value, &rule);
	if (err)
		return err;
	if (rules->rule_count == ACCESS_RULES_MAX)
		return fail(p, ERR_LIMIT, "there are too many rules");
	if (!grow(&rules->rules, rules->rule_count, &p->rule_capacity, sizeof rule))
		return fail(p, ERR_NOMEM, "out of memory");
	rules->rules[rules->rule_count++] = rule;
	return ERR_OK;
}

static enum err read_rules(struct parser *p)
{
	struct ini_entry entry;
	enum err err;
	while (!(err = ini_next(&p->reader, &entry))) {
		err = entry.is_section ? open_section(p, &entry) : add_rule(p, &entry);
		if (err)
			return err;
	}
	return err == ERR_NOT_FOUND ? ERR_OK : fail(p, err, p->reader.problem);
}

enum err access_rules_parse(struct bytes text, const char *name, struct access_rules *ret_rules,
	struct fault *ret_fault)
{
	if (text.size > ACCESS_FILE_MAX) {
		fault_set(ret_fault, "'%s' is larger than %d bytes", name, ACCESS_FILE_MAX);
		return ERR_TOO_LARGE;
	}
	/* Everything points into our copy. */
	struct access_rules rules = {.text = text_duplicate_bytes(text)};
	if (!rules.text) {
		fault_set(ret_fault, "%s: out of memory", name);
		return ERR_NOMEM;
	}
	struct parser p = {.rules = &rules,
		.name = name,
		.reader = ini_reader_of(bytes_of(rules.text, text.size)),
		.fault = ret_fault};
	enum err err = read_rules(&p);
	if (err) {
		access_rules_deinit(&rules);
		return err;
	}
	if (rules.rule_count > 0)
		qsort(rules.rules, rules.rule_count, sizeof *rules.rules, compare_rules);
	*ret_rules = rules;
	return ERR_OK;
}

void access_rules_deinit(struct access_rules *rules)
{
	free(rules->text);
	free(rules->sections);
	free(rules->rules);
	*rules = (struct access_rules){0};
}

/* ---- Deciding ---- */

static bool is_peer(struct bytes text, const struct access_peer *peer)
{
	return bytes_equal_text(text, peer->node_id) ||
	       (peer->name && bytes_equal_text(text, peer->name));
}

static bool is_member(struct bytes members, const struct access_peer *peer)
{
	while (members.size > 0) {
		size_t end = 0;
		while (end < members.size && members.data[end] != ',')
			end++;
		struct bytes member = bytes_slice(members, 0, end);
		while (member.size > 0 && member.data[0] == ' ')
			member = bytes_slice(member, 1, member.size);
		while (member.size > 0 && member.data[member.size - 1] == ' ')
			member.size--;
		if (member.size > 0 && is_peer(member, peer))
			return true;
		members = bytes_slice(members, end + 1, members.size);
	}
	return false;
}

bool access_section_applies(const struct access_section *section, const struct access_peer *peer)
{
	switch (section->kind) {
	case ACCESS_PEER:
		return is_peer(section->subject, peer);
	case ACCESS_GROUP:
		return is_member(section->members, peer);
	case ACCESS_VERIFIED:
		return peer->verified;
	case ACCESS_DEFAULT:
		return true;
	}
	UNREACHABLE();
}

uint64_t access_rules_file_max(const struct access_rules *rules, const struct access_peer *peer)
{
	for (enum access_kind kind = ACCESS_PEER; kind <= ACCESS_DEFAULT; kind++) {
		uint64_t max = 0;
		for (size_t i = 0; i < rules->section_count; i++) {
			const struct access_section *section = &rules->sections[i];
			if (section->kind == kind && section->file_max > 0 &&
				(max == 0 || section->file_max < max) &&
				access_section_applies(section, peer))
				max = section->file_max;
		}
		if (max > 0)
			return max;
	}
	return 0;
}

/* The first rule whose prefix is not before `prefix`. */
static size_t find_first(const struct access_rules *rules, struct bytes prefix)
{
	size_t low = 0, high = rules->rule_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_bytes(rules->rules[middle].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The rules of one prefix: each kind of section that has none yet takes the strictest. */
static void look_at(const struct access_rules *rules, const struct access_peer *peer,
	struct bytes prefix, bool is_whole, const struct access_rule *best[ACCESS_KIND_COUNT])
{
	const struct access_rule *found[ACCESS_KIND_COUNT] = {0};
	for (size_t i = find_first(rules, prefix); i < rules->rule_count; i++) {
		const struct access_rule *rule = &rules->rules[i];
		const struct access_section *section = &rules->sections[rule->section];
		if (!bytes_equal(rule->prefix, prefix))
			break;
		if ((rule->below && is_whole) || best[section->kind] ||
			!access_section_applies(section, peer))
			continue;
		if (!found[section->kind] || rule->action < found[section->kind]->action)
			found[section->kind] = rule;
	}
	for (size_t kind = 0; kind < ACCESS_KIND_COUNT; kind++) {
		if (found[kind])
			best[kind] = found[kind];
	}
}

const struct access_rule *access_rules_find(const struct access_rules *rules,
	const struct access_peer *peer, struct bytes path, bool below)
{
	const struct access_rule *best[ACCESS_KIND_COUNT] = {0};
	if (segments_of(path) == 0)
		return NULL;
	/* From the whole path to nothing ("*"): longer ones are more specific. */
	struct bytes prefix = path;
	for (bool is_whole = !below;; is_whole = false) {
		look_at(rules, peer, prefix, is_whole, best);
		if (prefix.size == 0)
			break;
		while (prefix.size > 0 && prefix.data[prefix.size - 1] != '.')
			prefix.size--;
		prefix.size = sat_sub(prefix.size, 1);
	}
	for (size_t kind = 0; kind < ACCESS_KIND_COUNT; kind++) {
		if (best[kind])
			return best[kind];
	}
	return NULL;
}

const struct access_rule *access_rules_next_below(const struct access_rules *rules,
	const struct access_peer *peer, struct bytes path, size_t *at)
{
	char start[ACCESS_PATH_MAX + 1];
	struct writer w = writer_of(start, sizeof start);
	write_bytes(&w, path);
	write_text(&w, ".");
	if (w.failed)
		return NULL;
	struct bytes dotted = bytes_of(start, w.size);
	if (*at == 0)
		*at = find_first(rules, dotted);
	while (*at < rules->rule_count) {
		const struct access_rule *rule = &rules->rules[(*at)++];
		if (!bytes_equal(bytes_slice(rule->prefix, 0, dotted.size), dotted))
			return NULL;
		if (access_section_applies(&rules->sections[rule->section], peer))
			return rule;
	}
	return NULL;
}
