/* The user's answers as rules of the file. */
#include "node/access_rules.h"

#include "test.h"

#include <sys/stat.h>

#include "access_model.h"
#include "base/text.h"
#include "test_home.h"

static const struct access_peer bob = {.node_id = "dpc-node-00000000000000b0", .name = "bob"};

static char *remember(const char *text, const char *path, bool allow)
{
	struct access_rules rules;
	struct buffer result = buffer_with_max(ACCESS_FILE_MAX);
	assert_ok(access_rules_parse(bytes_of_text(text), "access.ini", &rules, NULL));
	enum err err = access_rules_remember(&rules, &bob, path, allow, &result);
	access_rules_deinit(&rules);
	char *copy = err ? NULL : text_duplicate(buffer_text(&result));
	buffer_deinit(&result);
	return copy;
}

static void an_answer_becomes_a_rule_and_the_rest_stays(void **state)
{
	(void)state;
	static const struct {
		const char *before, *path;
		bool allow;
		const char *after;
	} cases[] = {
		/* A section of the peer's own, by id. */
		{"; mine\n[default]\ncontext.a = ask\n", "context.a", true,
			"; mine\n[default]\ncontext.a = ask\n\n[peer:dpc-node-00000000000000b0]\n"
			"context.a = allow\n"},
		/* Into the section that there is, behind its rules; comments stay. */
		{"[peer:bob]\n# about b\ncontext.b = allow\n\n; all\n[default]\ncontext.* = ask",
			"context.a.x", false,
			"[peer:bob]\n# about b\ncontext.b = allow\ncontext.a.x = deny\n\n; all\n"
			"[default]\ncontext.* = ask\n"},
		/* A rule of the peer's gives its line. */
		{"[peer:bob]\n; his\ncontext.a = ask\ncontext.z = allow\n", "context.a", true,
			"[peer:bob]\n; his\ncontext.a = allow\ncontext.z = allow\n"},
		{"[peer:bob]\r\ncontext.a = ask\r\ncontext.a.* = ask\r\n", "context.a", true,
			"[peer:bob]\r\ncontext.a = allow\n"},
		{"[peer:bob]\ncontext.a.b = ask\n[default]\n[peer:dpc-node-00000000000000b0]\n"
		 "context.a.c = ask\n; end\n",
			"context.a", true,
			"[peer:bob]\ncontext.a.b = allow\n[default]\n"
			"[peer:dpc-node-00000000000000b0]\ncontext.a.c = allow\n; end\n"},
		/* What was asked for stands deeper than the question. */
		{"[default]\ncontext.p.name = allow\ncontext.p.mail = ask\n", "context.p", true,
			"[default]\ncontext.p.name = allow\ncontext.p.mail = ask\n\n"
			"[peer:dpc-node-00000000000000b0]\ncontext.p.mail = allow\n"},
		/* Exceptions below go along. */
		{"[default]\ncontext.p = ask\ncontext.p.phone = deny\n", "context.p", true,
			"[default]\ncontext.p = ask\ncontext.p.phone = deny\n\n"
			"[peer:dpc-node-00000000000000b0]\ncontext.p = allow\n"
			"context.p.phone = deny\n"},
		{"[default]\ncontext.p = ask\ncontext.p.phone = deny\n", "context.p", false,
			"[default]\ncontext.p = ask\ncontext.p.phone = deny\n\n"
			"[peer:dpc-node-00000000000000b0]\ncontext.p = deny\n"},
		{"[default]\ncontext.k.* = ask\n", "context.k", true,
			"[default]\ncontext.k.* = ask\n\n[peer:dpc-node-00000000000000b0]\n"
			"context.k.* = allow\n"},
		/* Nothing to remember. */
		{"[default]\ncontext.k = allow\n", "context.k", true,
			"[default]\ncontext.k = allow\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *after = remember(cases[i].before, cases[i].path, cases[i].allow);
		assert_non_null(after);
		assert_string_equal(after, cases[i].after);
		free(after);
	}
}

static void what_a_line_cannot_hold_is_not_written(void **state)
{
	(void)state;
	static const char *const wrong[] = {"context.a = allow\n[default]\n", "context.a=b",
		"context.a\x7f", "context.a ", "context.a\t", "profile", "context.*", ""};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_null(remember("[default]\n* = ask\n", wrong[i], true));
	/* A no about a field and a yes about what is below it cannot be said together. */
	assert_null(remember("[default]\ncontext.a = ask\n[verified]\n[group:g]\nmembers=bob\n"
			     "context.a.* = allow\n",
		"context.a", false));
}

static void an_answer_takes_so_many_rules_and_no_more(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		struct buffer text = buffer_with_max(ACCESS_FILE_MAX);
		assert_ok(buffer_append_text(&text, "[default]\ncontext.a = ask\n"));
		for (int i = 1; i < ACCESS_REMEMBER_MAX + over; i++)
			assert_ok(buffer_append_format(&text, "context.a.b%d = deny\n", i));
		char *after = remember(buffer_text(&text), "context.a", true);
		assert_int_equal(after != NULL, !over);
		free(after);
		buffer_deinit(&text);
	}
}

static void the_file_has_the_answer(void **state)
{
	struct access *access;
	struct fault fault;
	struct stat info;
	char *path = text_format("%s/access.ini", (char *)*state);
	const char *const paths[] = {"context.a", "context.b"};
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.* = ask\n"));
	assert_ok(access_open(path, &access, &fault));
	assert_ok(access_remember(access, &bob, paths, 2, true, &fault));
	assert_int_equal(access_decide(access, &bob, "context.b.x", NULL), ACCESS_ALLOW);
	assert_int_equal(access_decide(access, &bob, "context.c", NULL), ACCESS_ASK);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	struct access *again;
	assert_ok(access_open(path, &again, &fault));
	assert_int_equal(access_decide(again, &bob, "context.a", NULL), ACCESS_ALLOW);
	access_destroy(again);
	/* Nothing is written over that could not be read. */
	home_write(*state, "access.ini", bytes_of_text("[default]\noops\n"));
	assert_err(access_remember(access, &bob, paths, 1, true, &fault), ERR_STATE);
	assert_non_null(strstr(fault.text, "/access.ini:2: "));
	assert_err(access_remember(access, &bob, paths, 1, true, &fault), ERR_STATE);
	/* And nothing at all when one of several cannot be. */
	const char *const half[] = {"context.c", "context.d=x"};
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.* = ask\n"));
	assert_err(access_remember(access, &bob, half, 2, true, &fault), ERR_UNSUPPORTED);
	assert_int_equal(access_decide(access, &bob, "context.c", NULL), ACCESS_ASK);
	access_destroy(access);
	free(path);
}

/* ---- Whatever the rules are ---- */

#define ROUNDS 10000

static struct access *parse(const struct buffer *text)
{
	struct access *access = NULL;
	struct fault fault = {0};
	if (access_parse(buffer_bytes(text), "access.ini", &access, &fault) != ERR_OK)
		fail_msg("%s in\n%s", fault.text, buffer_text(text));
	return access;
}

/* Every path of up to one more letter than rules have, with one that no rule names. */
static void compare(const struct access *before, const struct access *after,
	const struct access_peer *peer, struct bytes asked, enum access_action answer)
{
	for (int n = 0; n < 4 * 4 * 4 * 4; n++) {
		char letters[4], path[MODEL_PATH_ROOM];
		size_t count = 0;
		for (int rest = n; rest > 0 && count < 4; rest /= 4)
			letters[count++] = "cabc"[rest % 4];
		struct bytes text = bytes_of_text(model_path(letters, count, path));
		enum access_action was = access_decide(before, peer, path, NULL);
		bool is_meant =
			bytes_equal(bytes_slice(text, 0, asked.size), asked) && was == ACCESS_ASK;
		if (access_decide(after, peer, path, NULL) != (is_meant ? answer : was))
			fail_msg("%s, asked for %.*s", path, (int)asked.size,
				(const char *)asked.data);
	}
}

static void an_answer_changes_what_was_asked_and_nothing_else(void **state)
{
	(void)state;
	static const struct access_peer other = {
		.node_id = "dpc-node-fedcba9876543210", .name = "carol", .verified = true};
	struct rng rng = rng_seeded(11);
	struct buffer text = buffer_with_max(20000), result = buffer_with_max(20000);
	unsigned unsaid = 0, changed = 0;
	for (int round = 0; round < ROUNDS; round++) {
		struct model model;
		struct access_rules rules;
		char letters[MODEL_DEPTH], path[MODEL_PATH_ROOM];
		size_t count = rng_below(&rng, MODEL_DEPTH + 1);
		for (size_t i = 0; i < count; i++)
			letters[i] = (char)('a' + rng_below(&rng, 2));
		bool allow = rng_below(&rng, 2);
		model_path(letters, count, path);
		model_draw(&model, &rng);
		model_write(&model, &rng, &text);
		assert_ok(access_rules_parse(buffer_bytes(&text), "access.ini", &rules, NULL));
		buffer_clear(&result);
		enum err err = access_rules_remember(&rules, &model.peer, path, allow, &result);
		access_rules_deinit(&rules);
		if (err) {
			assert_err(err, ERR_UNSUPPORTED);
			unsaid++;
			continue;
		}
		struct access *before = parse(&text), *after = parse(&result);
		changed += access_asks(before, &model.peer, path);
		assert_false(access_asks(after, &model.peer, path));
		compare(before, after, &model.peer, bytes_of_text(path),
			allow ? ACCESS_ALLOW : ACCESS_DENY);
		compare(before, after, &other, bytes_of_text("nothing"), ACCESS_DENY);
		access_destroy(before);
		access_destroy(after);
	}
	assert_in_range(changed, ROUNDS / 4, ROUNDS);
	assert_in_range(unsaid, 1, ROUNDS / 10);
	buffer_deinit(&text);
	buffer_deinit(&result);
}

TESTS(TEST(an_answer_becomes_a_rule_and_the_rest_stays),
	TEST(what_a_line_cannot_hold_is_not_written),
	TEST(an_answer_takes_so_many_rules_and_no_more), HOME_TEST(the_file_has_the_answer),
	TEST(an_answer_changes_what_was_asked_and_nothing_else))
