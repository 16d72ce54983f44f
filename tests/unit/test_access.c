#include "node/access.h"

#include "test.h"

#include "base/buffer.h"
#include "base/rng.h"
#include "test_home.h"

#define ALICE "dpc-node-0123456789abcdef"
#define BOB "dpc-node-fedcba9876543210"

static const struct access_peer alice = {.node_id = ALICE, .name = "alice", .verified = true};
static const struct access_peer bob = {.node_id = BOB, .name = "bob"};
static const struct access_peer stranger = {.node_id = "dpc-node-0000000000000000"};

static struct access *rules_of(const char *text)
{
	struct access *access = NULL;
	struct fault fault = {0};
	assert_ok(access_parse(bytes_of_text(text), "access.ini", &access, &fault));
	return access;
}

static void without_a_rule_the_answer_is_no(void **state)
{
	(void)state;
	struct access *access = rules_of("");
	struct access_verdict verdict;
	assert_false(access_check(access, &alice, "context.profile", &verdict));
	assert_int_equal(verdict.line, 0);
	assert_string_equal(verdict.rule, "");
	access_destroy(access);
	access_destroy(NULL);
}

static void rules_decide_as_the_manual_says(void **state)
{
	(void)state;
	struct access *access = rules_of("[peer:alice]\n"                   /* 1 */
					 "context.profile = allow\n"        /* 2 */
					 "context.profile.secret = deny\n"  /* 3 */
					 "ai.model.llama3.2:1b = allow\n"   /* 4 */
					 "[peer:" BOB "]\n"                 /* 5 */
					 "context.* = deny\n"               /* 6 */
					 "context.a.* = allow\n"            /* 7 */
					 "[group:friends]\n"                /* 8 */
					 "members = carol,  bob \n"         /* 9 */
					 "ai.* = allow\n"                   /* 10 */
					 "[verified]\n"                     /* 11 */
					 "context.v.x y = allow\n"          /* 12 */
					 "[default]\n"                      /* 13 */
					 "context.public = allow\n"         /* 14 */
					 "context.profile.secret = allow\n" /* 15 */
					 "context.tie = allow\n"            /* 16 */
					 "context.tie.* = deny\n"           /* 17 */
					 "ai.model.small = allow\n");       /* 18 */
	static const struct {
		const struct access_peer *peer;
		const char *path;
		bool allowed;
		unsigned line;
	} cases[] = {
		{&alice, "context.profile", true, 2},
		{&alice, "context.profile.name.first", true, 2},
		{&alice, "context.profile.secret", false, 3},
		{&alice, "context.profile.secret.x", false, 3},
		{&alice, "context.profiles", false, 0},
		{&alice, "context.public", true, 14},
		{&alice, "context.v.x y", true, 12},
		{&alice, "context.v.x", false, 0},
		{&alice, "ai.model.llama3.2:1b", true, 4},
		{&alice, "ai.model.llama3.2", false, 0},
		{&bob, "context.public", false, 6},
		{&bob, "context", false, 0},
		{&bob, "context.a", false, 6},
		{&bob, "context.a.b", true, 7},
		{&bob, "ai.model.anything", true, 10},
		{&bob, "context.v.x y", false, 6},
		{&stranger, "context.profile", false, 0},
		{&stranger, "context.profile.secret", true, 15},
		{&stranger, "context.tie", true, 16},
		{&stranger, "context.tie.x", false, 17},
		{&stranger, "ai.model.small", true, 18},
		/* ill-formed paths */
		{&alice, "", false, 0},
		{&alice, "context.public.", false, 0},
		{&alice, ".context.public", false, 0},
		{&alice, "context..public", false, 0},
		{&alice, "context.public.*", false, 0},
		{&alice, "context.public.\xff", false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct access_verdict verdict;
		bool allowed = access_check(access, cases[i].peer, cases[i].path, &verdict);
		assert_int_equal(allowed, cases[i].allowed);
		assert_int_equal(verdict.allowed, allowed);
		assert_int_equal(verdict.line, cases[i].line);
	}
	struct access_verdict verdict;
	access_check(access, &bob, "context.a.b", &verdict);
	assert_string_equal(verdict.section, "peer:" BOB);
	assert_string_equal(verdict.rule, "context.a.*");
	assert_true(access_check_model(access, &stranger, "small"));
	assert_false(access_check_model(access, &stranger, ""));
	assert_false(access_check_model(access, &bob, "*"));
	access_destroy(access);
}

static void a_name_that_looks_like_somebodys_id_is_not_that_somebody(void **state)
{
	(void)state;
	struct access *access = rules_of("[peer:" ALICE "]\ncontext.a = allow\n");
	assert_true(access_check(access, &alice, "context.a", NULL));
	assert_false(access_check(access, &stranger, "context.a", NULL));
	access_destroy(access);
}

static void a_star_alone_covers_everything(void **state)
{
	(void)state;
	struct access *access = rules_of("[peer:alice]\n* = allow\nai = deny\n");
	assert_true(access_check(access, &alice, "context.a.b.c", NULL));
	assert_false(access_check(access, &alice, "ai.model.x", NULL));
	access_destroy(access);
}

static void an_ill_formed_file_is_refused_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"context.a = allow\n", "access.ini:1: a rule needs a section above it"},
		{"[default]\ncontext.a = yes\n", "access.ini:2: a rule says 'allow' or 'deny'"},
		{"[default]\ncontext.a\n", "access.ini:2: expected 'key = value'"},
		{"[default]\n\nprofile.name = allow\n",
			"access.ini:3: a path begins with 'context.' or 'ai.'"},
		{"[default]\ncontext.*.name = allow\n",
			"access.ini:2: a path is names joined by dots, with '*' for all below at "
			"its end only"},
		{"[default]\ncontext.a* = allow\n",
			"access.ini:2: a path is names joined by dots, with '*' for all below at "
			"its end only"},
		{"[default]\ncontext..a = allow\n",
			"access.ini:2: a path is names joined by dots, with '*' for all below at "
			"its end only"},
		{"[friends]\n", "access.ini:1: a section is [peer:NAME-OR-ID], [group:NAME], "
				"[verified] or [default]"},
		{"[peer:]\n", "access.ini:1: the name in the section is missing or too long"},
		{"[default]\nmembers = a\n", "access.ini:2: only a group has 'members'"},
		{"[group:a]\nmembers = a\nmembers = b\n",
			"access.ini:3: the group has its 'members' already"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct access *access;
		struct fault fault;
		assert_err(
			access_parse(bytes_of_text(cases[i].text), "access.ini", &access, &fault),
			ERR_MALFORMED);
		assert_string_equal(fault.text, cases[i].fault);
	}
}

static void a_broken_edit_leaves_the_old_rules_in_force(void **state)
{
	struct access *access;
	struct fault fault = {0};
	char *path = text_format("%s/access.ini", (char *)*state);
	assert_ok(access_open(path, &access, &fault));
	assert_false(access_check(access, &alice, "context.a", NULL));
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.a = allow\n"));
	assert_ok(access_refresh(access, &fault));
	assert_true(access_check(access, &alice, "context.a", NULL));
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.a = alow\n"));
	assert_err(access_refresh(access, &fault), ERR_MALFORMED);
	assert_non_null(strstr(fault.text, "/access.ini:2: "));
	assert_ok(access_refresh(access, &fault));
	assert_true(access_check(access, &alice, "context.a", NULL));
	assert_int_equal(remove(path), 0);
	assert_ok(access_refresh(access, &fault));
	assert_false(access_check(access, &alice, "context.a", NULL));
	access_destroy(access);
	free(path);
}

static void a_file_that_is_broken_at_the_start_denies_everything(void **state)
{
	struct access *access = NULL;
	struct fault fault;
	char *path = text_format("%s/access.ini", (char *)*state);
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.a = allow\noops\n"));
	assert_err(access_open(path, &access, &fault), ERR_MALFORMED);
	assert_non_null(access);
	assert_false(access_check(access, &alice, "context.a", NULL));
	access_destroy(access);
	free(path);
}

static void files_rules_segments_paths_and_members_are_limited(void **state)
{
	(void)state;
	struct access *access;
	struct fault fault;
	struct buffer text = buffer_with_max(2 * ACCESS_FILE_MAX);
	assert_ok(buffer_append_text(&text, "[default]\n"));
	for (int i = 0; i < ACCESS_RULES_MAX; i++)
		assert_ok(buffer_append_format(&text, "ai.m%d=deny\n", i));
	assert_ok(access_parse(buffer_bytes(&text), "f", &access, &fault));
	access_destroy(access);
	assert_ok(buffer_append_text(&text, "ai.x=deny\n"));
	assert_err(access_parse(buffer_bytes(&text), "f", &access, &fault), ERR_LIMIT);
	while (text.size <= ACCESS_FILE_MAX)
		assert_ok(buffer_append_text(&text, "\n"));
	assert_err(access_parse(buffer_bytes(&text), "f", &access, &fault), ERR_TOO_LARGE);

	for (int over = 0; over < 2; over++) {
		buffer_clear(&text);
		assert_ok(buffer_append_text(&text, "[default]\nai"));
		for (int i = 1; i < ACCESS_SEGMENTS_MAX + over; i++)
			assert_ok(buffer_append_text(&text, ".a"));
		assert_ok(buffer_append_text(&text, "=deny\n"));
		enum err err = access_parse(buffer_bytes(&text), "f", &access, &fault);
		assert_err(err, over ? ERR_MALFORMED : ERR_OK);
		if (!err)
			access_destroy(access);

		buffer_clear(&text);
		assert_ok(buffer_append_text(&text, "[default]\nai."));
		while (text.size < sizeof "[default]\n" - 1 + ACCESS_PATH_MAX - 2 + (size_t)over)
			assert_ok(buffer_append_text(&text, "a"));
		assert_ok(buffer_append_text(&text, ".*=deny\n"));
		err = access_parse(buffer_bytes(&text), "f", &access, &fault);
		assert_err(err, over ? ERR_MALFORMED : ERR_OK);
		if (!err)
			access_destroy(access);

		buffer_clear(&text);
		assert_ok(buffer_append_text(&text, "[group:g]\nmembers=a"));
		for (int i = 1; i < ACCESS_MEMBERS_MAX + over; i++)
			assert_ok(buffer_append_text(&text, ","));
		err = access_parse(buffer_bytes(&text), "f", &access, &fault);
		assert_err(err, over ? ERR_LIMIT : ERR_OK);
		if (!err)
			access_destroy(access);
	}
	buffer_deinit(&text);
}

/* ---- Against a naive model ---- */

#define RULES 12
#define DEPTH 3

struct model_rule {
	int kind; /* 0 peer, 1 group, 2 verified, 3 default; those of others do not apply */
	bool applies, below, allow;
	size_t count;
	char segments[DEPTH];
};

/* Path and rules are lists of single letters behind "context". */
static bool model_check(const struct model_rule *rules, const char *path, size_t count)
{
	for (int kind = 0; kind < 4; kind++) {
		int best = -1;
		bool allow = false;
		for (size_t i = 0; i < RULES; i++) {
			const struct model_rule *r = &rules[i];
			if (r->kind != kind || !r->applies || r->count > count ||
				memcmp(r->segments, path, r->count) != 0 ||
				(r->below && r->count == count))
				continue;
			if ((int)r->count > best) {
				best = (int)r->count;
				allow = r->allow;
			} else if ((int)r->count == best) {
				allow = allow && r->allow;
			}
		}
		if (best >= 0)
			return allow;
	}
	return false;
}

static void random_rules_decide_as_a_naive_model_does(void **state)
{
	(void)state;
	static const char *const sections[4][2] = {
		{"[peer:bob]", "[peer:alice]"},
		{"[group:x]\nmembers=bob", "[group:y]\nmembers=alice,carol"},
		{"[verified]", "[verified]"},
		{"[default]", "[default]"},
	};
	struct rng rng = rng_seeded(7);
	for (int round = 0; round < 400; round++) {
		struct model_rule rules[RULES];
		struct buffer text = buffer_with_max(10000);
		bool verified = rng_below(&rng, 2);
		for (size_t i = 0; i < RULES; i++) {
			struct model_rule *r = &rules[i];
			*r = (struct model_rule){.kind = (int)rng_below(&rng, 4),
				.applies = rng_below(&rng, 2),
				.below = rng_below(&rng, 2),
				.allow = rng_below(&rng, 2),
				.count = rng_below(&rng, DEPTH + 1)};
			assert_ok(buffer_append_format(
				&text, "%s\ncontext", sections[r->kind][r->applies]));
			if (r->kind == 3)
				r->applies = true;
			if (r->kind == 2)
				r->applies = verified;
			for (size_t j = 0; j < r->count; j++) {
				r->segments[j] = (char)('a' + rng_below(&rng, 2));
				assert_ok(buffer_append_format(&text, ".%c", r->segments[j]));
			}
			assert_ok(buffer_append_format(&text, "%s = %s\n", r->below ? ".*" : "",
				r->allow ? "allow" : "deny"));
		}
		struct access *access = rules_of(buffer_text(&text));
		struct access_peer peer = {.node_id = ALICE, .name = "alice", .verified = verified};
		for (int k = 0; k < 20; k++) {
			char letters[DEPTH + 1], path[32];
			size_t count = rng_below(&rng, DEPTH + 2);
			struct writer w = writer_of(path, sizeof path - 1);
			write_text(&w, "context");
			for (size_t j = 0; j < count; j++) {
				letters[j] = (char)('a' + rng_below(&rng, 2));
				write_u8(&w, '.');
				write_u8(&w, (uint8_t)letters[j]);
			}
			path[w.size] = 0;
			if (access_check(access, &peer, path, NULL) !=
				model_check(rules, letters, count))
				fail_msg("%s under\n%s", path, buffer_text(&text));
		}
		access_destroy(access);
		buffer_deinit(&text);
	}
}

TESTS(TEST(without_a_rule_the_answer_is_no), TEST(rules_decide_as_the_manual_says),
	TEST(a_name_that_looks_like_somebodys_id_is_not_that_somebody),
	TEST(a_star_alone_covers_everything), TEST(an_ill_formed_file_is_refused_with_its_line),
	HOME_TEST(a_broken_edit_leaves_the_old_rules_in_force),
	HOME_TEST(a_file_that_is_broken_at_the_start_denies_everything),
	TEST(files_rules_segments_paths_and_members_are_limited),
	TEST(random_rules_decide_as_a_naive_model_does))
