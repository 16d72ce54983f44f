#include "node/access.h"

#include "test.h"

#include "base/buffer.h"
#include "base/rng.h"
#include "access_model.h"
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

static bool is_allowed(
	const struct access *access, const struct access_peer *peer, const char *path)
{
	return access_decide(access, peer, path, NULL) == ACCESS_ALLOW;
}

static void without_a_rule_the_answer_is_no(void **state)
{
	(void)state;
	struct access *access = rules_of("");
	struct access_verdict verdict;
	assert_false(is_allowed(access, &alice, "context.profile"));
	assert_int_equal(access_decide(access, &alice, "context.profile", &verdict), ACCESS_DENY);
	assert_int_equal(verdict.line, 0);
	assert_string_equal(verdict.rule, "");
	access_destroy(access);
	access_destroy(NULL);
}

static void about_files_the_user_is_asked_without_a_rule(void **state)
{
	(void)state;
	struct access *access = rules_of("");
	struct access_verdict verdict;
	assert_int_equal(access_decide(access, &alice, "file.receive", &verdict), ACCESS_ASK);
	assert_int_equal(verdict.line, 0);
	assert_int_equal(access_decide(access, &alice, "file..receive", NULL), ACCESS_DENY);
	access_destroy(access);
	access = rules_of("[peer:alice]\nfile.receive = allow\n[default]\nfile = deny\n");
	assert_true(is_allowed(access, &alice, "file.receive"));
	assert_int_equal(access_decide(access, &bob, "file.receive", NULL), ACCESS_DENY);
	access_destroy(access);
}

static void the_first_kind_of_section_with_a_size_decides_how_large_files_may_be(void **state)
{
	(void)state;
	struct access *access = rules_of("[default]\nfile.max = 100M\n[group:g]\nmembers = bob\n"
					 "file.max = 2k\n[peer:bob]\nfile.receive = allow\n"
					 "[group:h]\nmembers = bob\nfile.max = 1025\n");
	assert_true(access_file_max(access, &stranger) == (uint64_t)100 << 20);
	assert_int_equal(access_file_max(access, &bob), 1025);
	assert_true(is_allowed(access, &bob, "file.receive"));
	access_destroy(access);
	access = rules_of("[peer:alice]\nfile.max = 1\n");
	assert_int_equal(access_file_max(access, &alice), 1);
	assert_int_equal(access_file_max(access, &bob), 0);
	access_destroy(access);
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
		enum access_action action =
			access_decide(access, cases[i].peer, cases[i].path, &verdict);
		assert_int_equal(action, cases[i].allowed ? ACCESS_ALLOW : ACCESS_DENY);
		assert_int_equal(verdict.action, action);
		assert_int_equal(verdict.line, cases[i].line);
	}
	struct access_verdict verdict;
	access_decide(access, &bob, "context.a.b", &verdict);
	assert_string_equal(verdict.section, "peer:" BOB);
	assert_string_equal(verdict.rule, "context.a.*");
	assert_int_equal(access_decide_model(access, &stranger, "small"), ACCESS_ALLOW);
	assert_int_equal(access_decide_model(access, &stranger, ""), ACCESS_DENY);
	assert_int_equal(access_decide_model(access, &bob, "*"), ACCESS_DENY);
	access_destroy(access);
}

static void a_name_that_looks_like_somebodys_id_is_not_that_somebody(void **state)
{
	(void)state;
	struct access *access = rules_of("[peer:" ALICE "]\ncontext.a = allow\n");
	assert_true(is_allowed(access, &alice, "context.a"));
	assert_false(is_allowed(access, &stranger, "context.a"));
	access_destroy(access);
}

static void a_star_alone_covers_everything(void **state)
{
	(void)state;
	struct access *access = rules_of("[peer:alice]\n* = allow\nai = deny\n");
	assert_true(is_allowed(access, &alice, "context.a.b.c"));
	assert_false(is_allowed(access, &alice, "ai.model.x"));
	access_destroy(access);
}

static void an_ill_formed_file_is_refused_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"context.a = allow\n", "access.ini:1: a rule needs a section above it"},
		{"[default]\ncontext.a = yes\n",
			"access.ini:2: a rule says 'allow', 'ask' or 'deny'"},
		{"[default]\ncontext.a\n", "access.ini:2: expected 'key = value'"},
		{"[default]\n\nprofile.name = allow\n",
			"access.ini:3: a path begins with 'context.', 'ai.' or 'file.'"},
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
		{"[default]\nfile.max = allow\n", "access.ini:2: 'file.max' is a number of bytes "
						  "above 0, or one with k, M or G behind it"},
		{"[default]\nfile.max = 0\n", "access.ini:2: 'file.max' is a number of bytes "
					      "above 0, or one with k, M or G behind it"},
		{"[default]\nfile.max = 1\nfile.max = 2\n",
			"access.ini:3: the section has its 'file.max' already"},
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
	assert_false(is_allowed(access, &alice, "context.a"));
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.a = allow\n"));
	assert_ok(access_refresh(access, &fault));
	assert_true(is_allowed(access, &alice, "context.a"));
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.a = alow\n"));
	assert_err(access_refresh(access, &fault), ERR_MALFORMED);
	assert_non_null(strstr(fault.text, "/access.ini:2: "));
	assert_ok(access_refresh(access, &fault));
	assert_true(is_allowed(access, &alice, "context.a"));
	assert_int_equal(remove(path), 0);
	assert_ok(access_refresh(access, &fault));
	assert_false(is_allowed(access, &alice, "context.a"));
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
	assert_false(is_allowed(access, &alice, "context.a"));
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

static void what_is_wrong_with_the_file_is_known_until_it_is_mended(void **state)
{
	struct access *access = NULL;
	struct fault fault;
	char *path = text_format("%s/access.ini", (char *)*state);
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.a = allow\n"));
	assert_ok(access_open(path, &access, &fault));
	assert_string_equal(access_problem(access), "");
	home_write(*state, "access.ini", bytes_of_text("[default]\n\ncontext.a = al\n"));
	assert_err(access_refresh(access, &fault), ERR_MALFORMED);
	assert_string_equal(access_problem(access), fault.text);
	assert_ok(access_refresh(access, &fault));
	assert_non_null(strstr(access_problem(access), "access.ini:3: "));
	home_write(*state, "access.ini", bytes_of_text("[default]\ncontext.ab = allow\n"));
	assert_ok(access_refresh(access, &fault));
	assert_string_equal(access_problem(access), "");
	access_destroy(access);
	free(path);
}

static void the_user_is_asked_where_the_rules_say_so_whatever_exists(void **state)
{
	(void)state;
	struct access *access = rules_of("[default]\n"
					 "context.profile.email = ask\n"
					 "context.profile-x = ask\n"
					 "context.knowledge.* = ask\n"
					 "context.tie = allow\n"
					 "context.tie = ask\n"
					 "context.open.inner = ask\n"
					 "ai.model.a.* = ask\n"
					 "[peer:bob]\n"
					 "context.open = allow\n"
					 "[peer:carol]\n"
					 "context.hers = ask\n"
					 "[peer:alice]\n"
					 "* = ask\n");
	static const struct {
		const struct access_peer *peer;
		const char *path;
		enum access_action action;
		bool asks;
	} cases[] = {
		{&bob, "context.profile.email", ACCESS_ASK, true},
		{&bob, "context.profile.email.work", ACCESS_ASK, true},
		{&bob, "context.profile", ACCESS_DENY, true},
		{&bob, "context.profile.name", ACCESS_DENY, false},
		{&bob, "context.prof", ACCESS_DENY, false},
		{&bob, "context", ACCESS_DENY, true},
		{&bob, "context.knowledge", ACCESS_DENY, true},
		{&bob, "context.knowledge.rust", ACCESS_ASK, true},
		{&bob, "context.tie", ACCESS_ASK, true},
		{&bob, "context.open", ACCESS_ALLOW, false},
		{&stranger, "context.open", ACCESS_DENY, true},
		{&bob, "context.hers", ACCESS_DENY, false},
		{&bob, "ai", ACCESS_DENY, true},
		{&bob, "ai.model.a", ACCESS_DENY, true},
		{&alice, "ai.model.x", ACCESS_ASK, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(
			access_decide(access, cases[i].peer, cases[i].path, NULL), cases[i].action);
		assert_int_equal(access_asks(access, cases[i].peer, cases[i].path), cases[i].asks);
	}
	assert_int_equal(access_decide_model(access, &alice, "x"), ACCESS_ASK);
	assert_int_equal(access_decide_model(access, &bob, "a.b:c"), ACCESS_ASK);
	assert_int_equal(access_decide_model(access, &bob, "a..b"), ACCESS_DENY);
	assert_string_equal(access_action_name(ACCESS_ASK), "ask");
	access_destroy(access);
}

static void a_valid_path_has_a_subject_and_no_star(void **state)
{
	(void)state;
	assert_true(access_path_is_valid("context"));
	assert_true(access_path_is_valid("context.profile.name"));
	assert_true(access_path_is_valid("ai.model.llama3:8b"));
	static const char *const wrong[] = {"", "profile.name", "contexts.a", "context.",
		"context..a", "context.*", "*", "ai.a*", ".context"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(access_path_is_valid(wrong[i]));
}

/* Rule sets, and questions to each. */
#define MODEL_ROUNDS 100000
#define MODEL_QUESTIONS 4

static void random_rules_decide_as_a_naive_model_does(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(7);
	struct buffer text = buffer_with_max(10000);
	size_t answers[ACCESS_ALLOW + 1] = {0};
	for (int round = 0; round < MODEL_ROUNDS; round++) {
		struct model model;
		model_draw(&model, &rng);
		model_write(&model, &rng, &text);
		struct access *access = rules_of(buffer_text(&text));
		for (int k = 0; k < MODEL_QUESTIONS; k++) {
			char letters[MODEL_DEPTH + 1], path[MODEL_PATH_ROOM];
			size_t count = rng_below(&rng, MODEL_DEPTH + 2);
			for (size_t j = 0; j < count; j++)
				letters[j] = (char)('a' + rng_below(&rng, 2));
			model_path(letters, count, path);
			enum access_action action = access_decide(access, &model.peer, path, NULL);
			if (action != model_decide(&model, letters, count))
				fail_msg("%s under\n%s", path, buffer_text(&text));
			answers[action]++;
		}
		access_destroy(access);
	}
	buffer_deinit(&text);
	/* Each answer is frequent, so that agreement means something. */
	for (size_t i = 0; i <= ACCESS_ALLOW; i++)
		assert_true(answers[i] > MODEL_ROUNDS * MODEL_QUESTIONS / 10);
}

TESTS(TEST(without_a_rule_the_answer_is_no), TEST(about_files_the_user_is_asked_without_a_rule),
	TEST(the_first_kind_of_section_with_a_size_decides_how_large_files_may_be),
	TEST(the_first_kind_of_section_with_a_size_decides_how_large_files_may_be),
	TEST(rules_decide_as_the_manual_says),
	TEST(a_name_that_looks_like_somebodys_id_is_not_that_somebody),
	TEST(a_star_alone_covers_everything), TEST(an_ill_formed_file_is_refused_with_its_line),
	HOME_TEST(a_broken_edit_leaves_the_old_rules_in_force),
	HOME_TEST(a_file_that_is_broken_at_the_start_denies_everything),
	HOME_TEST(what_is_wrong_with_the_file_is_known_until_it_is_mended),
	TEST(the_user_is_asked_where_the_rules_say_so_whatever_exists),
	TEST(a_valid_path_has_a_subject_and_no_star),
	TEST(files_rules_segments_paths_and_members_are_limited),
	TEST(random_rules_decide_as_a_naive_model_does))
