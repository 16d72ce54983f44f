#include "node/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "node/access_rules.h"
#include "node/watched_file.h"

struct access {
	struct watched_file file; /* zeroed for rules from memory */
	struct access_rules rules;
	struct fault problem; /* of the file as it is; else "" */
};

enum err access_parse(
	struct bytes text, const char *name, struct access **ret_access, struct fault *ret_fault)
{
	struct access *access = calloc(1, sizeof *access);
	if (!access)
		return ERR_NOMEM;
	enum err err = access_rules_parse(text, name, &access->rules, ret_fault);
	if (err) {
		free(access);
		return err;
	}
	*ret_access = access;
	return ERR_OK;
}

enum err access_refresh(struct access *access, struct fault *ret_fault)
{
	struct access_rules rules;
	struct buffer text = buffer_with_max(ACCESS_FILE_MAX);
	bool changed;
	if (!access->file.path)
		return ERR_OK;
	enum err err = watched_file_read(&access->file, &text, &changed, &access->problem);
	if (!err && changed) {
		err = access_rules_parse(
			buffer_bytes(&text), access->file.path, &rules, &access->problem);
		if (!err) {
			access_rules_deinit(&access->rules);
			access->rules = rules;
			access->problem.text[0] = 0;
		}
	}
	buffer_deinit(&text);
	if (err)
		fault_set(ret_fault, "%s", access->problem.text);
	return err;
}

const char *access_problem(const struct access *access)
{
	return access->problem.text;
}

enum err access_open(const char *path, struct access **ret_access, struct fault *ret_fault)
{
	struct access *access = calloc(1, sizeof *access);
	if (!access || watched_file_init(&access->file, path)) {
		free(access);
		fault_set(ret_fault, "out of memory");
		return ERR_NOMEM;
	}
	enum err err = access_refresh(access, ret_fault);
	if (err == ERR_NOMEM)
		access_destroy(access);
	else
		*ret_access = access;
	return err;
}

/* Takes the rules further in memory, one path after the other. */
static enum err remember_all(struct access_rules *rules, const struct access_peer *peer,
	const char *const *paths, size_t count, bool allow, struct fault *ret_fault)
{
	for (size_t i = 0; i < count; i++) {
		struct buffer text = buffer_with_max(ACCESS_FILE_MAX);
		struct access_rules next;
		enum err err = access_rules_remember(rules, peer, paths[i], allow, &text);
		if (err)
			fault_set(ret_fault,
				"the answer about '%s' cannot be written as rules: %s; edit "
				"access.ini",
				paths[i], err_text(err));
		else
			err = access_rules_parse(
				buffer_bytes(&text), "access.ini", &next, ret_fault);
		buffer_deinit(&text);
		if (err)
			return err;
		access_rules_deinit(rules);
		*rules = next;
	}
	return ERR_OK;
}

enum err access_remember(struct access *access, const struct access_peer *peer,
	const char *const *paths, size_t count, bool allow, struct fault *ret_fault)
{
	struct access_rules rules;
	struct fault fault;
	/* What it complains about is what access_problem() says. */
	enum err err = access_refresh(access, &fault);
	if (err || access->problem.text[0]) {
		fault_set(ret_fault, "%s; mend it first", access->problem.text);
		return ERR_STATE;
	}
	const char *now = access->rules.text ? access->rules.text : "";
	err = access_rules_parse(bytes_of_text(now), "access.ini", &rules, ret_fault);
	if (err)
		return err;
	err = remember_all(&rules, peer, paths, count, allow, ret_fault);
	if (!err)
		err = text_file_write(access->file.path, bytes_of_text(rules.text), ret_fault);
	access_rules_deinit(&rules);
	return err ? err : access_refresh(access, ret_fault);
}

void access_destroy(struct access *access)
{
	if (!access)
		return;
	access_rules_deinit(&access->rules);
	watched_file_deinit(&access->file);
	free(access);
}

static void explain(const struct access_rules *rules, const struct access_rule *rule,
	struct access_verdict *ret_verdict)
{
	static const char *const kinds[] = {[ACCESS_PEER] = "peer:",
		[ACCESS_GROUP] = "group:",
		[ACCESS_VERIFIED] = "verified",
		[ACCESS_DEFAULT] = "default"};
	const struct access_section *section = &rules->sections[rule->section];
	ret_verdict->line = rule->line;
	CHECK(text_copy_bytes(ret_verdict->rule, sizeof ret_verdict->rule, rule->path));
	snprintf(ret_verdict->section, sizeof ret_verdict->section, "%s%.*s", kinds[section->kind],
		(int)section->subject.size,
		section->subject.size ? (const char *)section->subject.data : "");
}

enum access_action access_decide(const struct access *access, const struct access_peer *peer,
	const char *path, struct access_verdict *ret_verdict)
{
	const struct access_rule *rule =
		access_rules_find(&access->rules, peer, bytes_of_text(path), false);
	enum access_action action =
		rule ? rule->action : access_rules_otherwise(bytes_of_text(path));
	if (ret_verdict) {
		*ret_verdict = (struct access_verdict){.action = action};
		if (rule)
			explain(&access->rules, rule, ret_verdict);
	}
	return action;
}

static bool asks(const struct access_rules *rules, const struct access_peer *peer,
	struct bytes path, bool below)
{
	const struct access_rule *rule = access_rules_find(rules, peer, path, below);
	return rule && rule->action == ACCESS_ASK;
}

bool access_asks(const struct access *access, const struct access_peer *peer, const char *path)
{
	const struct access_rules *rules = &access->rules;
	const struct access_rule *rule;
	struct bytes text = bytes_of_text(path);
	size_t at = 0;
	if (asks(rules, peer, text, false) || asks(rules, peer, text, true))
		return true;
	/* A rule that asks may be overruled. */
	while ((rule = access_rules_next_below(rules, peer, text, &at))) {
		if (rule->action == ACCESS_ASK && (asks(rules, peer, rule->prefix, false) ||
							  asks(rules, peer, rule->prefix, true)))
			return true;
	}
	return false;
}

bool access_decides_below(const struct access *access, const struct access_peer *peer,
	const char *path, enum access_action *ret_action)
{
	struct bytes text = bytes_of_text(path);
	size_t at = 0;
	if (access_rules_next_below(&access->rules, peer, text, &at))
		return false;
	const struct access_rule *rule = access_rules_find(&access->rules, peer, text, true);
	*ret_action = rule ? rule->action : access_rules_otherwise(text);
	return true;
}

const char *access_action_name(enum access_action action)
{
	static const char *const names[] = {
		[ACCESS_DENY] = "deny", [ACCESS_ASK] = "ask", [ACCESS_ALLOW] = "allow"};
	CHECK(action <= ACCESS_ALLOW);
	return names[action];
}

uint64_t access_file_max(const struct access *access, const struct access_peer *peer)
{
	return access_rules_file_max(&access->rules, peer);
}

bool access_model_path(const char *model, char path[ACCESS_PATH_MAX + 1])
{
	int size = snprintf(path, ACCESS_PATH_MAX + 1, "ai.model.%s", model);
	return size > 0 && size <= ACCESS_PATH_MAX;
}

enum access_action access_decide_model(
	const struct access *access, const struct access_peer *peer, const char *model)
{
	char path[ACCESS_PATH_MAX + 1];
	return access_model_path(model, path) ? access_decide(access, peer, path, NULL)
					      : ACCESS_DENY;
}
