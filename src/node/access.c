#include "node/access.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "node/access_rules.h"
#include "node/watched_file.h"

struct access {
	struct watched_file file; /* zeroed for rules from memory */
	struct access_rules rules;
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
	enum err err = watched_file_read(&access->file, &text, &changed, ret_fault);
	if (!err && changed) {
		err = access_rules_parse(buffer_bytes(&text), access->file.path, &rules, ret_fault);
		if (!err) {
			access_rules_deinit(&access->rules);
			access->rules = rules;
		}
	}
	buffer_deinit(&text);
	return err;
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

bool access_check(const struct access *access, const struct access_peer *peer, const char *path,
	struct access_verdict *ret_verdict)
{
	const struct access_rule *rule =
		access_rules_find(&access->rules, peer, bytes_of_text(path));
	bool allowed = rule && rule->allow;
	if (ret_verdict) {
		*ret_verdict = (struct access_verdict){.allowed = allowed};
		if (rule)
			explain(&access->rules, rule, ret_verdict);
	}
	return allowed;
}

bool access_check_model(
	const struct access *access, const struct access_peer *peer, const char *model)
{
	char path[ACCESS_PATH_MAX + 1];
	int size = snprintf(path, sizeof path, "ai.model.%s", model);
	return size > 0 && (size_t)size < sizeof path && access_check(access, peer, path, NULL);
}
