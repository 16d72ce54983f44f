#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "hub/config.h"

static enum err read_text(struct config *config, const char *text, char *problem)
{
	char path[] = "/tmp/dpc-test-XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	enum err err = config_read_file(config, path, problem);
	unlink(path);
	return err;
}

static void a_file_overrides_the_defaults(void **state)
{
	(void)state;
	struct config config;
	char problem[CONFIG_PROBLEM_MAX];
	config_set_defaults(&config);
	assert_string_equal(config.listen, "127.0.0.1:8080");
	assert_true(config.new_accounts);
	assert_ok(read_text(&config,
		"[hub]\nlisten = [::1]:1\ndata = /x\norigin = https://a https://b\nnew_accounts = "
		"no\n"
		"[limits]\nsignals_per_second = 7\nconnections = 99\n"
		"[turn]\nservers = turn:a turns:b\nsecret = s\nttl = 86400\n",
		problem));
	assert_string_equal(config.listen, "[::1]:1");
	assert_string_equal(config.data, "/x");
	assert_string_equal(config.origin, "https://a https://b");
	assert_false(config.new_accounts);
	assert_int_equal(config.signals_per_second, 7);
	assert_int_equal(config.signals_burst, RATE_SIGNAL_BURST);
	assert_int_equal(config.connections, 99);
	assert_string_equal(config.turn_servers, "turn:a turns:b");
	assert_string_equal(config.turn_secret, "s");
	assert_int_equal(config.turn_ttl, TURN_TTL_MAX_S);
	assert_int_equal(config.turn_burst, RATE_TURN_BURST);
}

static void a_mistake_is_named_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"[hub]\nfrob = 1\n", "line 2: there is no setting 'frob'"},
		{"listen = x\n", "line 1: there is no setting 'listen'"},
		{"[hub]\n\nnew_accounts = maybe\n", "line 3: bad value for 'new_accounts'"},
		{"[limits]\nconnections = 0\n", "line 2: bad value"},
		{"[limits]\nconnections = -1\n", "line 2: bad value"},
		{"[limits]\nconnections = 99999999\n", "line 2: bad value"},
		{"[hub]\nlisten =\n", "line 2"},
		{"[turn]\nttl = 86401\n", "line 2: bad value for 'ttl'"},
		{"[turn]\nttl = 0\n", "line 2: bad value for 'ttl'"},
		{"[turn]\nsecret =\n", "line 2: bad value for 'secret'"},
		{"[turn]\nserver = turn:a\n", "line 2: there is no setting 'server'"},
		{"[hub\n", "line 1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config config;
		char problem[CONFIG_PROBLEM_MAX] = "";
		config_set_defaults(&config);
		assert_err(read_text(&config, cases[i].text, problem), ERR_MALFORMED);
		if (!strstr(problem, cases[i].part))
			fail_msg("'%s' is not in '%s'", cases[i].part, problem);
	}
}

static void a_file_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct config config;
	char problem[CONFIG_PROBLEM_MAX];
	config_set_defaults(&config);
	assert_err(config_read_file(&config, "/nonexistent/hub.ini", problem), ERR_NOT_FOUND);
	assert_non_null(strstr(problem, "/nonexistent/hub.ini"));
}

static void the_environment_overrides_too(void **state)
{
	(void)state;
	struct config config;
	char problem[CONFIG_PROBLEM_MAX];
	setenv("DPC_HUB_LISTEN", "127.0.0.1:9", 1);
	setenv("DPC_HUB_TLS_KEY", "/key", 1);
	setenv("DPC_HUB_NEW_ACCOUNTS", "no", 1);
	setenv("DPC_HUB_LIMITS_NODES", "7", 1);
	setenv("DPC_HUB_TURN_SECRET", "0123456789abcdef", 1);
	/* As a container of that name may find. */
	setenv("DPC_HUB_SERVICE_HOST", "192.0.2.1", 1);
	setenv("DPC_HUB_LOG", "", 1);
	setenv("XDG_DATA_HOME", "/share", 1);
	config_set_defaults(&config);
	assert_ok(config_read_environment(&config, problem));
	assert_string_equal(config.listen, "127.0.0.1:9");
	assert_string_equal(config.data, "/share/dpc-hub");
	assert_string_equal(config.tls_key, "/key");
	assert_false(config.new_accounts);
	assert_int_equal(config.nodes, 7);
	assert_string_equal(config.turn_secret, "0123456789abcdef");
	assert_string_equal(config.log, "info");
	setenv("DPC_HUB_LIMITS_NODES", "many", 1);
	assert_err(config_read_environment(&config, problem), ERR_MALFORMED);
	assert_non_null(strstr(problem, "DPC_HUB_LIMITS_NODES"));
	unsetenv("DPC_HUB_LISTEN");
	unsetenv("DPC_HUB_TLS_KEY");
	unsetenv("DPC_HUB_NEW_ACCOUNTS");
	unsetenv("DPC_HUB_LIMITS_NODES");
	unsetenv("DPC_HUB_TURN_SECRET");
}

static void providers_are_sections_with_presets(void **state)
{
	(void)state;
	struct config config;
	char problem[CONFIG_PROBLEM_MAX], path[] = "/tmp/dpc-test-XXXXXX", line[128];
	config_set_defaults(&config);
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "from a file\n", 12), 12);
	close(fd);
	snprintf(line, sizeof line, "client_secret_file = %s\n", path);
	char *text = text_format("[provider google]\nclient_id = g\n%s"
				 "[provider github]\nclient_id = h\nclient_secret = s\n"
				 "[provider our-own]\nissuer = http://127.0.0.1:1/x\nclient_id = "
				 "o\nlabel = Our own\ndomains = a.example\nscopes = openid\n",
		line);
	assert_ok(read_text(&config, text, problem));
	unlink(path);
	free(text);
	assert_ok(config_check_providers(&config, problem));
	assert_int_equal(config.provider_count, 3);
	const struct config_provider *google = &config.providers[0], *github = &config.providers[1];
	const struct config_provider *own = &config.providers[2];
	assert_string_equal(google->issuer, "https://accounts.google.com");
	assert_string_equal(google->label, "Google");
	assert_string_equal(google->scopes, "openid email");
	assert_string_equal(google->client_secret, "from a file");
	assert_int_equal(github->type, PROVIDER_GITHUB);
	assert_string_equal(github->scopes, "read:user");
	assert_int_equal(own->type, PROVIDER_OIDC);
	assert_string_equal(own->name, "our-own");
	assert_string_equal(own->label, "Our own");
	assert_string_equal(own->domains, "a.example");
}

static void a_provider_that_lacks_something_is_named(void **state)
{
	(void)state;
	static const char *const texts[] = {"[provider x]\nissuer = https://x\n",
		"[provider x]\nclient_id = c\n",
		"[provider x]\nclient_id = c\nissuer = http://x.example\n",
		"[provider x]\nclient_id = c\nissuer = https://\n",
		"[provider x]\nclient_id = c\nissuer = http://127.0.0.1.evil.example\n",
		"[provider x]\nclient_id = c\nissuer = http://localhost:1@evil.example\n",
		"[provider x]\nclient_id = c\nissuer = https://x\nscopes = email\n",
		"[provider github]\nclient_id = c\n"};
	static const char *const malformed[] = {"[provider ]\nclient_id = c\n",
		"[provider key]\nclient_id = c\n", "[provider A]\nclient_id = c\n",
		"[provider a/b]\nclient_id = c\n", "[provider x]\nclient = c\n",
		"[provider x]\ntype = saml\n", "[provider x]\nclient_secret_file = /nonexistent\n",
		"[provider aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\nclient_id = c\n"};
	struct config config;
	char problem[CONFIG_PROBLEM_MAX];
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		config_set_defaults(&config);
		assert_ok(read_text(&config, texts[i], problem));
		assert_err(config_check_providers(&config, problem), ERR_MALFORMED);
		assert_non_null(strstr(problem, "provider '"));
	}
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
		config_set_defaults(&config);
		assert_err(read_text(&config, malformed[i], problem), ERR_MALFORMED);
	}
	config_set_defaults(&config);
	for (unsigned i = 0; i <= PROVIDERS_MAX; i++) {
		char name[32];
		snprintf(name, sizeof name, "provider p%u.client_id", i);
		assert_err(
			config_set(&config, name, "c"), i < PROVIDERS_MAX ? ERR_OK : ERR_MALFORMED);
	}
}

static void secrets_go_over_https_or_stay_on_this_machine(void **state)
{
	(void)state;
	assert_true(provider_url_is_safe("https://x.example/a?b=c"));
	assert_true(provider_url_is_safe("http://127.0.0.1:1/a"));
	assert_true(provider_url_is_safe("http://[::1]:1"));
	assert_true(provider_url_is_safe("http://localhost"));
	assert_false(provider_url_is_safe("http://x.example"));
	assert_false(provider_url_is_safe("http://127.0.0.1x"));
	assert_false(provider_url_is_safe("ftp://127.0.0.1"));
	assert_false(provider_url_is_safe("https://a@b"));
	assert_false(provider_url_is_safe("https://a b"));
	assert_false(provider_url_is_safe("https://a\r\nb"));
	assert_false(provider_url_is_safe(""));
}

TESTS(TEST(a_file_overrides_the_defaults), TEST(a_mistake_is_named_with_its_line),
	TEST(a_file_that_is_not_there_is_named), TEST(the_environment_overrides_too),
	TEST(providers_are_sections_with_presets), TEST(a_provider_that_lacks_something_is_named),
	TEST(secrets_go_over_https_or_stay_on_this_machine))
