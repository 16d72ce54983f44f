#include "node/config.h"

#include "test.h"

#include "base/buffer.h"
#include "test_home.h"

static enum err load(const char *home, const char *text, struct config *config, struct fault *fault)
{
	char *path = text_format("%s/config.ini", home);
	home_write(home, "config.ini", bytes_of_text(text));
	config_init(config);
	enum err err = config_load(config, path, fault);
	free(path);
	return err;
}

static void without_a_file_the_defaults_hold(void **state)
{
	struct config config;
	struct fault fault;
	char *path = text_format("%s/none.ini", (char *)*state);
	config_init(&config);
	assert_ok(config_load(&config, path, &fault));
	free(path);
	assert_int_equal(config.listen_count, 1);
	assert_string_equal(config.listen[0].host, "::");
	assert_int_equal(config.listen[0].port, 8888);
	assert_int_equal(config.strangers, CONFIG_STRANGERS_ASK);
	assert_int_equal(config.ai_provider, CONFIG_AI_AUTO);
	assert_int_equal(config.log, LOG_INFO);
	assert_string_equal(config.hub_url, "");
}

static void every_key_is_read(void **state)
{
	struct config config;
	struct fault fault;
	assert_ok(load(*state,
		"[node]\nname = Alice B.\nlisten = 127.0.0.1:0\nlisten = [::1]\n"
		"strangers = deny\nlog = debug\nudp_port = 40000\nport_mapping = no\ntcp = no\n"
		"[hub]\nurl = https://hub.example/\n"
		"[stun]\nserver = stun.example\nserver = [2001:db8::1]:19302\n"
		"[turn]\nserver = turn:turn.example\nserver = turns:turn.example:443\n"
		"username = alice\npassword = secret\nauthorities = /tmp/ca.pem\n"
		"[access]\nask_seconds = 60\n"
		"[files]\ndirectory = /srv/in\nsize_max = 2G\n"
		"[ai]\nprovider = ollama\nurl = http://127.0.0.1:1234/v1\nmodel = llama3:8b\n"
		"key_file = /tmp/key\npatience = 20\nat_once = 3\nrequests_per_day = 10\n"
		"tokens_per_day = 2000\nhours = 08:30-24:00\nkeep_prompts = yes\n"
		"port = 11435\ntoken = t\norigin = http://a\norigin = http://b\n"
		"[api]\nport = 11436\norigin = http://c\n",
		&config, &fault));
	assert_int_equal(config.ask_seconds, 60);
	assert_string_equal(config.file_directory, "/srv/in");
	assert_true(config.file_size_max == 2147483648);
	assert_string_equal(config.name, "Alice B.");
	assert_int_equal(config.listen_count, 2);
	assert_string_equal(config.listen[0].host, "127.0.0.1");
	assert_int_equal(config.listen[0].port, 0);
	assert_string_equal(config.listen[1].host, "::1");
	assert_int_equal(config.listen[1].port, 8888);
	assert_string_equal(config_strangers_name(config.strangers), "deny");
	assert_int_equal(config.log, LOG_DEBUG);
	assert_int_equal(config.udp_port, 40000);
	assert_false(config.port_mapping);
	assert_false(config.tcp);
	assert_string_equal(config.hub_url, "https://hub.example");
	assert_int_equal(config.stun_count, 2);
	assert_int_equal(config.stun[0].port, 3478);
	assert_int_equal(config.stun[1].port, 19302);
	assert_int_equal(config.turn_count, 2);
	assert_string_equal(config.turn[0].host, "turn.example");
	assert_int_equal(config.turn[0].transport, TURN_OVER_UDP);
	assert_int_equal(config.turn[1].port, 443);
	assert_int_equal(config.turn[1].transport, TURN_OVER_TLS);
	assert_string_equal(config.turn_username, "alice");
	assert_string_equal(config.turn_password, "secret");
	assert_string_equal(config.turn_authorities, "/tmp/ca.pem");
	assert_string_equal(config_ai_name(config.ai_provider), "ollama");
	assert_string_equal(config_ai_url(&config), "http://127.0.0.1:1234");
	assert_string_equal(config.ai_key_file, "/tmp/key");
	assert_int_equal(config.ai_patience_seconds, 20);
	assert_int_equal(config.ai_at_once, 3);
	assert_int_equal(config.ai_requests_per_day, 10);
	assert_int_equal(config.ai_tokens_per_day, 2000);
	assert_int_equal(config.ai_hours.from, 510);
	assert_int_equal(config.ai_hours.to, 1440);
	assert_true(config.ai_keep_prompts);
	assert_int_equal(config.ai_port, 11435);
	assert_string_equal(config.ai_token, "t");
	assert_int_equal(config.ai_origin_count, 2);
	assert_string_equal(config.ai_origins[1], "http://b");
	assert_int_equal(config.api_port, 11436);
	assert_int_equal(config.api_origin_count, 1);
	assert_string_equal(config.api_origins[0], "http://c");
	assert_string_equal(config.ai_model, "llama3:8b");
}

static void the_command_line_goes_over_the_file(void **state)
{
	struct config config;
	struct fault fault;
	assert_ok(load(
		*state, "[node]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\n", &config, &fault));
	assert_ok(config_set(&config, "node.listen", "127.0.0.1:3", &fault));
	assert_int_equal(config.listen_count, 1);
	assert_ok(config_set(&config, "node.listen", "127.0.0.1:4", &fault));
	assert_int_equal(config.listen_count, 2);
	assert_ok(config_set(&config, "hub.url", "http://a", &fault));
	assert_ok(config_set(&config, "hub.url", "http://b:8080///", &fault));
	assert_string_equal(config.hub_url, "http://b:8080");
	assert_err(config_set(&config, "hub.url", "b:8080", &fault), ERR_MALFORMED);
	assert_string_equal(
		fault.text, "'b:8080' for hub.url: expected http://host:port or https://host");
	assert_string_equal(config.hub_url, "http://b:8080");
}

static void listening_can_be_turned_off(void **state)
{
	struct config config;
	struct fault fault;
	assert_ok(load(*state, "[node]\nlisten = none\n", &config, &fault));
	assert_int_equal(config.listen_count, 0);
	assert_ok(load(*state, "", &config, &fault));
	assert_ok(config_set(&config, "node.listen", "none", &fault));
	assert_int_equal(config.listen_count, 0);
}

static void hours_may_go_over_midnight(void **state)
{
	(void)state;
	static const struct {
		struct config_hours hours;
		unsigned minute;
		bool inside;
	} cases[] = {
		{{0, 0}, 0, true},
		{{0, 0}, 1439, true},
		{{480, 1320}, 479, false},
		{{480, 1320}, 480, true},
		{{480, 1320}, 1319, true},
		{{480, 1320}, 1320, false},
		{{1320, 480}, 1319, false},
		{{1320, 480}, 1320, true},
		{{1320, 480}, 479, true},
		{{1320, 480}, 480, false},
		{{0, 1440}, 1439, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(
			config_hours_contain(&cases[i].hours, cases[i].minute), cases[i].inside);
}

static void an_error_names_file_line_and_key_and_changes_nothing(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"[node]\nnme = x\n", "/config.ini:2: node.nme: there is no such key"},
		{"name = x\n", "/config.ini:1: .name: there is no such key"},
		{"[node]\nname = [x]\n", "/config.ini:2: node.name: a name has"},
		{"[node]\nname = a\nname = b\n", "/config.ini:3: node.name: this is set already"},
		{"[node]\nlisten = ::1\n", "/config.ini:2: node.listen: expected 'host:port'"},
		{"[node]\nlisten = a:1\nlisten = none\n",
			"/config.ini:3: node.listen: 'none' stands alone"},
		{"[node]\nstrangers = maybe\n", "/config.ini:2: node.strangers: expected 'ask'"},
		{"[node]\nlog = loud\n", "/config.ini:2: node.log: expected 'error'"},
		{"[node]\nport_mapping = maybe\n",
			"/config.ini:2: node.port_mapping: expected 'yes'"},
		{"[node]\nudp_port = 65536\n", "/config.ini:2: node.udp_port: expected a port"},
		{"[access]\nask_seconds = 0\n",
			"/config.ini:2: access.ask_seconds: expected a number from 1 to 86400"},
		{"[access]\nask_seconds = 86401\n",
			"/config.ini:2: access.ask_seconds: expected a number from 1 to 86400"},
		{"[files]\ndirectory = in\n", "/config.ini:2: files.directory: expected a path"},
		{"[files]\nsize_max = 1T\n", "/config.ini:2: files.size_max: expected a number"},
		{"[files]\nsize_max = k\n", "/config.ini:2: files.size_max: expected a number"},
		{"[files]\nsize_max = 8388609G\n",
			"/config.ini:2: files.size_max: expected a number"},
		{"[node]\ntcp = maybe\n", "/config.ini:2: node.tcp: expected 'yes' or 'no'"},
		{"[hub]\nurl = ftp://x\n", "/config.ini:2: hub.url: expected http://"},
		{"[hub]\nurl = http://\n", "/config.ini:2: hub.url: expected http://"},
		{"[hub]\nurl = https://\n", "/config.ini:2: hub.url: expected http://"},
		{"[hub]\nurl = https://a@b\n", "/config.ini:2: hub.url: an address has no"},
		{"[stun]\nserver = a:0\n", "/config.ini:2: stun.server: the port of a server"},
		{"[ai]\nprovider = magic\n", "/config.ini:2: ai.provider: expected 'auto'"},
		{"[ai]\nurl =\n", "/config.ini:2: ai.url: expected http://"},
		{"[ai]\npatience = 901\n", "/config.ini:2: ai.patience: expected a number"},
		{"[ai]\npatience = 0\n", "/config.ini:2: ai.patience: expected a number"},
		{"[ai]\nat_once = 9\n", "/config.ini:2: ai.at_once: expected a number from 1"},
		{"[ai]\nhours = 8:00-22:00\n", "/config.ini:2: ai.hours: expected hours like"},
		{"[ai]\nhours = 08:60-22:00\n", "/config.ini:2: ai.hours: expected hours like"},
		{"[ai]\nhours = 08:00-24:01\n", "/config.ini:2: ai.hours: expected hours like"},
		{"[ai]\nhours = 08:00+22:00\n", "/config.ini:2: ai.hours: expected hours like"},
		{"[ai]\nport = 65536\n", "/config.ini:2: ai.port: expected a port"},
		{"[ai]\norigin = a\norigin = b\norigin = c\norigin = d\norigin = e\n",
			"/config.ini:6: ai.origin: there are too many of these"},
		{"[api]\nport = 65536\n", "/config.ini:2: api.port: expected a port"},
		{"[api]\norigin = a\norigin = b\norigin = c\norigin = d\norigin = e\n",
			"/config.ini:6: api.origin: there are too many of these"},
		{"[api]\ntoken = secret\n", "/config.ini:2: api.token: there is no such key"},
		{"[ai]\nkeep_prompts = 1\n", "/config.ini:2: ai.keep_prompts: expected 'yes'"},
		{"[ai\n", "/config.ini:1: a section's line ends in ']'"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config config, defaults;
		struct fault fault = {0};
		config_init(&defaults);
		assert_err(load(*state, cases[i].text, &config, &fault), ERR_MALFORMED);
		if (!strstr(fault.text, cases[i].fault))
			fail_msg("%s", fault.text);
		assert_memory_equal(&config, &defaults, sizeof config);
	}
}

static void lists_and_the_file_are_limited(void **state)
{
	struct config config;
	struct fault fault;
	config_init(&config);
	for (int i = 0; i < CONFIG_STUN_MAX; i++)
		assert_ok(config_set(&config, "stun.server", "a", &fault));
	assert_err(config_set(&config, "stun.server", "a", &fault), ERR_MALFORMED);
	for (int i = 0; i < CONFIG_TURN_MAX; i++)
		assert_ok(config_set(&config, "turn.server", "turn:a", &fault));
	assert_err(config_set(&config, "turn.server", "turn:a", &fault), ERR_MALFORMED);
	for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
		assert_ok(config_set(&config, "node.listen", "a", &fault));
	assert_err(config_set(&config, "node.listen", "a", &fault), ERR_MALFORMED);

	struct buffer text = buffer_with_max(2 * CONFIG_FILE_MAX);
	while (text.size <= CONFIG_FILE_MAX)
		assert_ok(buffer_append_text(&text, "\n"));
	assert_err(load(*state, buffer_text(&text), &config, &fault), ERR_TOO_LARGE);
	buffer_consume(&text, 1);
	assert_ok(load(*state, buffer_text(&text), &config, &fault));
	buffer_deinit(&text);

	char url[CONFIG_TEXT_MAX + 2];
	memset(url, 'a', sizeof url);
	memcpy(url, "http://", 7);
	url[CONFIG_TEXT_MAX + 1] = 0;
	assert_err(config_set(&config, "hub.url", url, &fault), ERR_MALFORMED);
	url[CONFIG_TEXT_MAX] = 0;
	assert_ok(config_set(&config, "hub.url", url, &fault));
}

TESTS(HOME_TEST(without_a_file_the_defaults_hold), HOME_TEST(every_key_is_read),
	HOME_TEST(the_command_line_goes_over_the_file), HOME_TEST(listening_can_be_turned_off),
	TEST(hours_may_go_over_midnight),
	HOME_TEST(an_error_names_file_line_and_key_and_changes_nothing),
	HOME_TEST(lists_and_the_file_are_limited))
