#include "node/context.h"

#include "test.h"

#include "base/buffer.h"
#include "access_model.h"
#include "message/json.h"
#include "test_home.h"

static const struct access_peer bob = {.node_id = "dpc-node-fedcba9876543210", .name = "bob"};

static const char text[] =
	"{\"profile\":{\"name\":\"Alice\",\"email\":\"a@example.org\",\"empty\":{},"
	"\"home\":{\"city\":\"Bern\",\"street\":\"x\"}},"
	"\"skills\":[\"c\",{\"secret\":true}],\"age\":40,\"nothing\":null,"
	"\"odd.name\":1,\"*\":2,\"\":3,\"deep\":{\"odd.name\":4,\"ok\":5}}";

static struct context *context_of(const char *home, const char *json)
{
	struct context *context = NULL;
	struct fault fault = {0};
	char *path = text_format("%s/context.json", home);
	home_write(home, "context.json", bytes_of_text(json));
	assert_ok(context_open(path, &context, &fault));
	free(path);
	return context;
}

/* Asks for keys (joined by blanks) under the rules of a [default] section, and compares what comes
 * back: the JSON object, then the denied keys joined by blanks. */
static void assert_selection(const struct context *context, const char *rules, const char *keys,
	const char *allowed, const char *denied)
{
	struct access *access;
	struct fault fault;
	struct context_selection selection;
	char *all = text_format("[default]\n%s\n", rules), *copy = text_duplicate(keys);
	const char *list[CONTEXT_KEYS_MAX];
	size_t count = 0;
	for (char *key = copy; key && *key;) {
		char *end = strchr(key, ' ');
		list[count++] = key;
		if (end)
			*end++ = 0;
		key = end;
	}
	assert_ok(access_parse(bytes_of_text(all), "access.ini", &access, &fault));
	struct context_request request = {.keys = list, .key_count = count};
	assert_ok(context_select(context, access, &bob, &request, &selection));
	char *got = json_to_text(selection.allowed);
	assert_string_equal(got, allowed);
	free(got);
	struct buffer names = buffer_with_max(1000);
	for (size_t i = 0; i < selection.denied_count; i++)
		assert_ok(buffer_append_format(&names, "%s%s", i ? " " : "", selection.denied[i]));
	assert_string_equal(buffer_text(&names), denied);
	buffer_deinit(&names);
	context_selection_deinit(&selection);
	access_destroy(access);
	free(all);
	free(copy);
}

static void only_what_the_rules_allow_is_selected(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "", "profile.name age", "{}", "profile.name age");
	assert_selection(c, "context.profile.name = allow", "profile.name profile.email",
		"{\"profile\":{\"name\":\"Alice\"}}", "profile.email");
	/* A parent gives its allowed leaves, and does not say that there are others. */
	assert_selection(c, "context.profile.name = allow\ncontext.profile.home.city = allow",
		"profile", "{\"profile\":{\"name\":\"Alice\",\"home\":{\"city\":\"Bern\"}}}", "");
	assert_selection(c, "context.profile.* = allow\ncontext.profile.home = deny", "profile",
		"{\"profile\":{\"name\":\"Alice\",\"email\":\"a@example.org\",\"empty\":{}}}", "");
	/* An array is a leaf as a whole. */
	assert_selection(c, "context.skills = allow", "skills",
		"{\"skills\":[\"c\",{\"secret\":true}]}", "");
	assert_selection(c, "context.skills.secret = allow", "skills", "{}", "skills");
	assert_selection(c, "context.nothing = allow", "nothing", "{\"nothing\":null}", "");
	context_destroy(c);
	context_destroy(NULL);
}

static void overlapping_keys_are_joined(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "context.* = allow", "profile.home.city profile.name profile.home",
		"{\"profile\":{\"home\":{\"city\":\"Bern\",\"street\":\"x\"},\"name\":\"Alice\"}}",
		"");
	/* And nothing of it ended up in the context itself. */
	char *whole = json_to_text(context_root(c));
	assert_string_equal(whole, text);
	free(whole);
	context_destroy(c);
}

static void what_is_denied_looks_like_what_does_not_exist(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "context.age = allow",
		"profile profile.none profile.name profile.name.x none skills.0", "{}",
		"profile profile.none profile.name profile.name.x none skills.0");
	context_destroy(c);
}

static void what_is_allowed_and_not_set_is_in_neither(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "context.profile.* = allow", "profile.phone", "{}", "");
	context_destroy(c);
}

static void ill_formed_keys_are_denied_whatever_the_rules(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "* = allow", "** a* .* *.a .profile profile. a..b a.*.* \xff", "{}",
		"** a* .* *.a .profile profile. a..b a.*.* \xff");
	char key[CONTEXT_KEY_MAX + 2];
	memset(key, 'a', sizeof key);
	key[CONTEXT_KEY_MAX + 1] = 0;
	assert_selection(c, "* = allow", key, "{}", key);
	key[CONTEXT_KEY_MAX] = 0;
	assert_selection(c, "* = allow", key, "{}", "");
	context_destroy(c);
}

static void a_star_stands_for_all_below(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "context.profile.name = allow\ncontext.age = allow", "*",
		"{\"profile\":{\"name\":\"Alice\"},\"age\":40}", "");
	assert_selection(c, "context.profile.home.* = allow", "profile.* age.*",
		"{\"profile\":{\"home\":{\"city\":\"Bern\",\"street\":\"x\"}}}", "age.*");
	assert_selection(c, "", "*", "{}", "*");
	context_destroy(c);
}

static void keys_that_another_one_covers_are_told_the_same_way(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "context.profile.name = allow\ncontext.profile.phone = allow",
		"profile profile profile.* profile.name profile.email profile.phone profile.x.y "
		"profiles",
		"{\"profile\":{\"name\":\"Alice\"}}", "profile.email profile.x.y profiles");
	assert_selection(c, "context.age = allow", "* profile age age.x * .age", "{\"age\":40}",
		"profile .age");
	assert_selection(c, "", "* * profile", "{}", "* * profile");
	context_destroy(c);
}

/* The same answer as rule by rule and leaf by leaf, whatever subtrees are taken as a whole. */
static void taking_subtrees_as_a_whole_gives_what_leaf_by_leaf_does(void **state)
{
	struct rng rng = rng_seeded(5);
	struct context *c = context_of(*state,
		"{\"a\":{\"a\":{\"a\":1,\"b\":2},\"b\":{\"a\":{},\"b\":[4]},\"c\":5},"
		"\"b\":{\"a\":6,\"b\":{\"a\":{\"a\":7}},\"x.y\":8},\"c\":{\"c\":{\"c\":9}}}");
	static const char *const leaves[] = {
		"a.a.a", "a.a.b", "a.b.a", "a.b.b", "a.c", "b.a", "b.b.a.a", "c.c.c"};
	struct buffer rules = buffer_with_max(10000);
	const char *key = "*";
	struct context_request request = {.keys = &key, .key_count = 1};
	for (int round = 0; round < 2000; round++) {
		struct model model;
		struct access *access;
		struct context_selection selection;
		model_draw(&model, &rng);
		model_write(&model, &rng, &rules);
		assert_ok(access_parse(buffer_bytes(&rules), "access.ini", &access, NULL));
		assert_ok(context_select(c, access, &model.peer, &request, &selection));
		for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
			char *path = text_format("context.%s", leaves[i]);
			struct context_selection one;
			struct context_request single = {.keys = &leaves[i], .key_count = 1};
			bool allowed =
				access_decide(access, &model.peer, path, NULL) == ACCESS_ALLOW;
			assert_ok(context_select(c, access, &model.peer, &single, &one));
			assert_int_equal(one.granted_count, allowed);
			const json_t *value = selection.allowed;
			for (const char *name = leaves[i]; value && name[0];
				name += 1 + !!name[1]) {
				char letter[2] = {name[0]};
				value = json_object_get(value, letter);
			}
			assert_int_equal(value != NULL, allowed);
			context_selection_deinit(&one);
			free(path);
		}
		context_selection_deinit(&selection);
		access_destroy(access);
	}
	buffer_deinit(&rules);
	context_destroy(c);
}

static void names_that_have_no_path_are_never_shown(void **state)
{
	struct context *c = context_of(*state, text);
	assert_selection(c, "* = allow", "odd.name deep", "{\"deep\":{\"ok\":5}}", "");
	context_destroy(c);
}

/* With consent to the second of the keys "profile age none". */
static void assert_asks(const struct context *context, const char *rules, bool consent,
	const char *allowed, size_t denied, size_t asks)
{
	static const char *const keys[] = {"profile", "age", "none"};
	static const bool second[] = {false, true, false};
	struct access *access;
	struct context_selection selection;
	struct context_request request = {
		.keys = keys, .key_count = 3, .consent = consent ? second : NULL};
	assert_ok(access_parse(bytes_of_text(rules), "access.ini", &access, NULL));
	assert_ok(context_select(context, access, &bob, &request, &selection));
	char *got = json_to_text(selection.allowed);
	assert_string_equal(got, allowed);
	assert_int_equal(selection.denied_count, denied);
	assert_int_equal(selection.ask_count, asks);
	free(got);
	context_selection_deinit(&selection);
	access_destroy(access);
}

static void what_the_user_is_to_be_asked_about_needs_his_consent(void **state)
{
	struct context *c = context_of(*state, text);
	const char *rules = "[default]\ncontext.profile.name = allow\ncontext.profile.email = ask\n"
			    "context.age = ask\ncontext.none = ask\n";
	/* Part of the profile comes at once, and the user is asked for the rest, and also for what
	 * does not exist. */
	assert_asks(c, rules, false, "{\"profile\":{\"name\":\"Alice\"}}", 2, 3);
	assert_asks(c, rules, true, "{\"profile\":{\"name\":\"Alice\"},\"age\":40}", 1, 2);
	/* Consent goes no further than the question: the rules have become stricter. */
	assert_asks(c, "[default]\ncontext.age = deny\n", true, "{}", 3, 0);
	context_destroy(c);
}

static void the_file_is_read_again_when_it_changed(void **state)
{
	struct context *c = context_of(*state, "{\"a\":1}");
	struct fault fault = {0};
	home_write(*state, "context.json", bytes_of_text("{\"a\":22}"));
	assert_ok(context_refresh(c, &fault));
	assert_selection(c, "* = allow", "a", "{\"a\":22}", "");
	home_write(*state, "context.json", bytes_of_text("{\"a\":333"));
	assert_err(context_refresh(c, &fault), ERR_MALFORMED);
	assert_non_null(strstr(fault.text, "/context.json:1: "));
	assert_ok(context_refresh(c, &fault));
	assert_selection(c, "* = allow", "a", "{\"a\":22}", "");
	context_destroy(c);
}

static void a_missing_or_broken_file_is_an_empty_context(void **state)
{
	struct context *c = NULL;
	struct fault fault = {0};
	char *path = text_format("%s/context.json", (char *)*state);
	assert_ok(context_open(path, &c, &fault));
	assert_selection(c, "", "a", "{}", "a");
	context_destroy(c);
	home_write(*state, "context.json", bytes_of_text("[1]"));
	assert_err(context_open(path, &c, &fault), ERR_MALFORMED);
	assert_int_equal(json_object_size(context_root(c)), 0);
	context_destroy(c);
	free(path);
}

static void size_depth_and_keys_are_limited(void **state)
{
	struct context *c;
	struct fault fault;
	struct buffer b = buffer_with_max(2 * CONTEXT_FILE_MAX);
	char *path = text_format("%s/context.json", (char *)*state);
	for (size_t over = 0; over < 2; over++) {
		buffer_clear(&b);
		assert_ok(buffer_append_text(&b, "{}"));
		while (b.size < CONTEXT_FILE_MAX + over)
			assert_ok(buffer_append_text(&b, " "));
		home_write(*state, "context.json", buffer_bytes(&b));
		assert_err(context_open(path, &c, &fault), over ? ERR_TOO_LARGE : ERR_OK);
		context_destroy(c);

		buffer_clear(&b);
		for (size_t i = 0; i < CONTEXT_DEPTH_MAX - 1 + over; i++)
			assert_ok(buffer_append_text(&b, "{\"a\":"));
		assert_ok(buffer_append_text(&b, "[]"));
		for (size_t i = 0; i < CONTEXT_DEPTH_MAX - 1 + over; i++)
			assert_ok(buffer_append_text(&b, "}"));
		home_write(*state, "context.json", buffer_bytes(&b));
		assert_err(context_open(path, &c, &fault), over ? ERR_TOO_LARGE : ERR_OK);
		context_destroy(c);
	}
	buffer_deinit(&b);
	remove(path);
	assert_ok(context_open(path, &c, &fault));
	struct access *access;
	struct context_selection selection;
	const char *keys[CONTEXT_KEYS_MAX + 1];
	for (size_t i = 0; i <= CONTEXT_KEYS_MAX; i++)
		keys[i] = "a";
	assert_ok(access_parse(bytes_of_text(""), "f", &access, &fault));
	struct context_request request = {.keys = keys, .key_count = CONTEXT_KEYS_MAX + 1};
	assert_err(context_select(c, access, &bob, &request, &selection), ERR_LIMIT);
	request.key_count = CONTEXT_KEYS_MAX;
	assert_ok(context_select(c, access, &bob, &request, &selection));
	assert_int_equal(selection.denied_count, CONTEXT_KEYS_MAX);
	context_selection_deinit(&selection);
	access_destroy(access);
	context_destroy(c);
	free(path);
}

TESTS(HOME_TEST(only_what_the_rules_allow_is_selected), HOME_TEST(overlapping_keys_are_joined),
	HOME_TEST(what_is_denied_looks_like_what_does_not_exist),
	HOME_TEST(what_is_allowed_and_not_set_is_in_neither),
	HOME_TEST(ill_formed_keys_are_denied_whatever_the_rules),
	HOME_TEST(a_star_stands_for_all_below),
	HOME_TEST(what_the_user_is_to_be_asked_about_needs_his_consent),
	HOME_TEST(keys_that_another_one_covers_are_told_the_same_way),
	HOME_TEST(taking_subtrees_as_a_whole_gives_what_leaf_by_leaf_does),
	HOME_TEST(names_that_have_no_path_are_never_shown),
	HOME_TEST(the_file_is_read_again_when_it_changed),
	HOME_TEST(a_missing_or_broken_file_is_an_empty_context),
	HOME_TEST(size_depth_and_keys_are_limited))
