/* What access rules mean, as naively as can be: every rule is looked at for every question. Rule
 * sets are drawn at random, small enough that rules meet often. */
#ifndef ACCESS_MODEL_H
#define ACCESS_MODEL_H

#include <string.h>

#include "base/buffer.h"
#include "base/rng.h"
#include "node/access.h"

#define MODEL_RULES_MAX 10
#define MODEL_DEPTH 3

#define MODEL_ID "dpc-node-0123456789abcdef"

struct model_rule {
	int kind; /* 0 peer, 1 group, 2 verified, 3 default */
	bool applies, below;
	enum access_action action;
	size_t count;
	char segments[MODEL_DEPTH]; /* single letters behind "context" */
};

struct model {
	struct model_rule rules[MODEL_RULES_MAX];
	size_t count;
	struct access_peer peer;
};

/* Of a path of letters behind "context". */
static inline bool model_covers(const struct model_rule *rule, const char *path, size_t count)
{
	return rule->applies && rule->count <= count &&
	       memcmp(rule->segments, path, rule->count) == 0 &&
	       !(rule->below && rule->count == count);
}

static inline enum access_action model_decide(
	const struct model *model, const char *path, size_t count)
{
	for (int kind = 0; kind < 4; kind++) {
		int most = -1;
		enum access_action strictest = ACCESS_ALLOW;
		for (size_t i = 0; i < model->count; i++) {
			const struct model_rule *rule = &model->rules[i];
			if (rule->kind == kind && model_covers(rule, path, count) &&
				(int)rule->count > most)
				most = (int)rule->count;
		}
		for (size_t i = 0; i < model->count; i++) {
			const struct model_rule *rule = &model->rules[i];
			if (rule->kind == kind && model_covers(rule, path, count) &&
				(int)rule->count == most && rule->action < strictest)
				strictest = rule->action;
		}
		if (most >= 0)
			return strictest;
	}
	return ACCESS_DENY;
}

static inline void model_draw(struct model *model, struct rng *rng)
{
	bool verified = rng_below(rng, 2);
	*model = (struct model){.count = rng_below(rng, MODEL_RULES_MAX + 1),
		.peer = {.node_id = MODEL_ID, .name = "alice", .verified = verified}};
	for (size_t i = 0; i < model->count; i++) {
		struct model_rule *rule = &model->rules[i];
		rule->kind = (int)rng_below(rng, 4);
		rule->applies = rule->kind == 3 || (rule->kind == 2 ? verified : rng_below(rng, 2));
		rule->below = rng_below(rng, 2);
		rule->action = (enum access_action)rng_below(rng, 3);
		rule->count = rng_below(rng, MODEL_DEPTH + 1);
		for (size_t j = 0; j < rule->count; j++)
			rule->segments[j] = (char)('a' + rng_below(rng, 2));
	}
}

/* The file that says the same. */
static inline void model_write(const struct model *model, struct rng *rng, struct buffer *text)
{
	static const char *const others[] = {
		"[peer:bob]", "[group:x]\nmembers=bob", "[verified]", "[default]"};
	static const char *const ours[][2] = {{"[peer:alice]", "[peer: " MODEL_ID "]"},
		{"[group:y]\nmembers=alice,carol", "[group:z]\nmembers=c, " MODEL_ID},
		{"[verified]", "[ verified ]"}, {"[default]", "[default]"}};
	buffer_clear(text);
	for (size_t i = 0; i < model->count; i++) {
		const struct model_rule *rule = &model->rules[i];
		assert_ok(buffer_append_format(text, "%s\ncontext",
			rule->applies ? ours[rule->kind][rng_below(rng, 2)] : others[rule->kind]));
		for (size_t j = 0; j < rule->count; j++)
			assert_ok(buffer_append_format(text, ".%c", rule->segments[j]));
		assert_ok(buffer_append_format(text, "%s = %s\n", rule->below ? ".*" : "",
			access_action_name(rule->action)));
	}
}

#define MODEL_PATH_ROOM 32

/* "context.a.b" of letters. */
static inline const char *model_path(const char *letters, size_t count, char path[MODEL_PATH_ROOM])
{
	struct writer w = writer_of(path, MODEL_PATH_ROOM - 1);
	write_text(&w, "context");
	for (size_t i = 0; i < count; i++) {
		write_u8(&w, '.');
		write_u8(&w, (uint8_t)letters[i]);
	}
	path[w.size] = 0;
	return path;
}

#endif
