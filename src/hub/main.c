/* dpc-hub: arguments, the line that says where it listens, signals, the end. */
#include "hub/hub.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/text.h"
#include "hub/command.h"
#include "message/json.h"

static const char usage[] =
	"usage: dpc-hub [--config FILE] [--listen HOST:PORT] [--data DIR] [--store URL]\n"
	"               [--origin URL] [--port-file FILE] [--json] [--check-config]\n"
	"       dpc-hub backup FILE | restore FILE [--config FILE] [--data DIR]\n"
	"       dpc-hub admin COMMAND [--json] [--config FILE] [--data DIR]\n"
	"       dpc-hub --help | --version\n"
	"\n"
	"The Federation Hub: lets nodes log in, find each other, and set up connections.\n"
	"\n"
	"  --config FILE       read settings from FILE (see docs/hub-api.md)\n"
	"  --listen HOST:PORT  serve here; port 0 takes a free one (127.0.0.1:8080)\n"
	"  --data DIR          keep database and secrets here (~/.local/share/dpc-hub)\n"
	"  --store URL         keep them in this PostgreSQL database, for several hubs\n"
	"  --origin URL        how nodes reach this hub, if not by the address it listens on\n"
	"  --port-file FILE    write the port that is listened on to FILE\n"
	"  --json              print JSON: where it listens, or what admin finds, an object a "
	"line\n"
	"  --check-config      say whether it would start with these settings, and do not\n"
	"\n"
	"backup writes a copy of the database to FILE, while the hub runs or not; restore puts "
	"one\n"
	"in the place of the database, which it keeps beside, while no hub runs.\n"
	"\n"
	"admin asks the hub that runs with this data directory; WHO is the number of an account,\n"
	"a node id, or an address like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32:\n"
	"  users               the accounts\n"
	"  nodes               the registered nodes; with --connected only those\n"
	"  show WHO            an account with its nodes\n"
	"  bans                who is shut out\n"
	"  ban WHO             shut out, at once; --reason TEXT is kept with it\n"
	"  unban WHO           let in again\n"
	"  revoke WHO          end all logins of an account or a node\n"
	"  keys                the keys that access tokens are signed with\n"
	"  rotate-key          make a new one; with --now the old ones count no more\n";

enum option_code {
	OPTION_CONFIG = 1,
	OPTION_LISTEN,
	OPTION_DATA,
	OPTION_STORE,
	OPTION_ORIGIN,
	OPTION_PORT_FILE,
	OPTION_JSON,
	OPTION_CHECK,
	OPTION_CONNECTED,
	OPTION_NOW,
	OPTION_REASON,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option_row {
	const char *setting; /* of the configuration, or NULL */
} option_rows[] = {
	[OPTION_LISTEN] = {"hub.listen"},
	[OPTION_DATA] = {"hub.data"},
	[OPTION_STORE] = {"hub.store"},
	[OPTION_ORIGIN] = {"hub.origin"},
	[OPTION_VERSION] = {NULL},
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"listen", required_argument, NULL, OPTION_LISTEN},
	{"data", required_argument, NULL, OPTION_DATA},
	{"store", required_argument, NULL, OPTION_STORE},
	{"origin", required_argument, NULL, OPTION_ORIGIN},
	{"port-file", required_argument, NULL, OPTION_PORT_FILE},
	{"json", no_argument, NULL, OPTION_JSON},
	{"check-config", no_argument, NULL, OPTION_CHECK},
	{"connected", no_argument, NULL, OPTION_CONNECTED},
	{"now", no_argument, NULL, OPTION_NOW},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

struct arguments {
	const char *config_path, *port_path;
	const char *settings[OPTION_VERSION + 1]; /* by option */
	struct admin_options admin;
	bool check, help, version;
	char **words; /* a command and its arguments */
	size_t word_count;
};

/* False: wrong usage, and getopt or we have said why. */
static bool parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_CONFIG:
			arguments->config_path = optarg;
			break;
		case OPTION_LISTEN:
		case OPTION_DATA:
		case OPTION_STORE:
		case OPTION_ORIGIN:
			arguments->settings[option] = optarg;
			break;
		case OPTION_PORT_FILE:
			arguments->port_path = optarg;
			break;
		case OPTION_JSON:
			arguments->admin.json = true;
			break;
		case OPTION_CHECK:
			arguments->check = true;
			break;
		case OPTION_CONNECTED:
			arguments->admin.connected = true;
			break;
		case OPTION_NOW:
			arguments->admin.now = true;
			break;
		case OPTION_REASON:
			arguments->admin.reason = optarg;
			break;
		case OPTION_HELP:
			arguments->help = true;
			break;
		case OPTION_VERSION:
			arguments->version = true;
			break;
		default:
			return false;
		}
	}
	arguments->words = argv + optind;
	arguments->word_count = (size_t)(argc - optind);
	return true;
}

static enum err configure(const struct arguments *arguments, struct config *config, char *problem)
{
	config_set_defaults(config);
	enum err err = arguments->config_path
			       ? config_read_file(config, arguments->config_path, problem)
			       : ERR_OK;
	if (err == ERR_OK)
		err = config_read_environment(config, problem);
	for (size_t i = 0; err == ERR_OK && i < sizeof option_rows / sizeof option_rows[0]; i++) {
		if (!arguments->settings[i])
			continue;
		err = config_set(config, option_rows[i].setting, arguments->settings[i]);
		if (err != ERR_OK)
			snprintf(problem, CONFIG_PROBLEM_MAX, "bad value '%.200s' for %s",
				arguments->settings[i], option_rows[i].setting);
	}
	enum log_level level;
	if (err == ERR_OK && !log_level_parse(config->log, &level)) {
		snprintf(problem, CONFIG_PROBLEM_MAX,
			"bad log level '%s'; it is error, warn, info or debug", config->log);
		err = ERR_MALFORMED;
	}
	bool is_json = strcmp(config->log_format, "json") == 0;
	if (err == ERR_OK && !is_json && strcmp(config->log_format, "text") != 0) {
		snprintf(problem, CONFIG_PROBLEM_MAX, "bad log_format '%s'; it is text or json",
			config->log_format);
		err = ERR_MALFORMED;
	}
	if (err == ERR_OK) {
		log_set_level(level);
		log_set_json(is_json);
	}
	return err;
}

static bool write_port(const char *path, const char *address)
{
	const char *port = strrchr(address, ':');
	FILE *file = fopen(path, "w");
	if (!file)
		return false;
	bool is_good = fprintf(file, "%s\n", port ? port + 1 : "") > 0;
	return fclose(file) == 0 && is_good;
}

static bool announce_json(const struct hub *hub, const char *address)
{
	char *listening = text_format("%s://%s", hub->tls ? "https" : "http", address);
	char *text = json_take_text(json_pack("{s:s?, s:s, s:s}", "listening", listening, "origin",
		hub->origins[0], "data", hub->config->data));
	if (text)
		printf("%s\n", text);
	else
		fprintf(stderr,
			"dpc-hub: the path '%s' is no text for json; choose another with "
			"--data\n",
			hub->config->data);
	free(text);
	free(listening);
	return text != NULL;
}

static bool announce(const struct arguments *arguments, const struct hub *hub)
{
	const char *address = web_server_address(hub->server);
	if (!arguments->admin.json)
		printf("dpc-hub listens on %s://%s\n", hub->tls ? "https" : "http", address);
	else if (!announce_json(hub, address))
		return false;
	if (fflush(stdout) != 0)
		return false;
	if (arguments->port_path && !write_port(arguments->port_path, address)) {
		fprintf(stderr, "dpc-hub: cannot write '%s'\n", arguments->port_path);
		return false;
	}
	return true;
}

static void on_signal(int signal, void *user)
{
	(void)signal;
	hub_drain(user);
}

static void on_hangup(void *user)
{
	hub_tls_reload(user);
}

static int run(const struct arguments *arguments, const struct config *config)
{
	char problem[HUB_PROBLEM_MAX];
	struct hub *hub;
	web_raise_descriptor_limit();
	enum err err = hub_create(config, problem, &hub);
	if (err != ERR_OK) {
		fprintf(stderr, "dpc-hub: %s\n", problem);
		return COMMAND_FAILED;
	}
	int status = COMMAND_FAILED;
	if (net_loop_on_signal(hub->loop, on_signal, hub) == ERR_OK &&
		net_loop_on_hangup(hub->loop, on_hangup, hub) == ERR_OK &&
		announce(arguments, hub)) {
		net_loop_run(hub->loop);
		status = COMMAND_DONE;
	}
	hub_destroy(hub);
	return status;
}

/* All that can be known without touching the data directory or the network. */
static int check(const struct config *config)
{
	char problem[HUB_PROBLEM_MAX];
	enum err err = hub_check_config(config, problem);
	if (err != ERR_OK)
		fprintf(stderr, "dpc-hub: %s\n", problem);
	else
		printf("the configuration is good\n");
	return err == ERR_OK ? COMMAND_DONE : COMMAND_FAILED;
}

static int dispatch(const struct arguments *arguments, const struct config *config)
{
	char **words = arguments->words;
	size_t count = arguments->word_count;
	if (arguments->check && count == 0)
		return check(config);
	if (count == 0)
		return run(arguments, config);
	if (strcmp(words[0], "backup") == 0)
		return command_backup(config, words + 1, count - 1);
	if (strcmp(words[0], "restore") == 0)
		return command_restore(config, words + 1, count - 1);
	if (strcmp(words[0], "admin") == 0)
		return command_admin(config, &arguments->admin, words + 1, count - 1);
	fprintf(stderr, "dpc-hub: unexpected argument '%s'; see --help\n", words[0]);
	return COMMAND_USAGE;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};
	static struct config config;
	char problem[CONFIG_PROBLEM_MAX];
	if (!parse_arguments(argc, argv, &arguments))
		return COMMAND_USAGE;
	if (arguments.help || arguments.version) {
		fputs(arguments.help ? usage : "dpc-hub " DPC_VERSION "\n", stdout);
		return COMMAND_DONE;
	}
	enum err err = configure(&arguments, &config, problem);
	if (err != ERR_OK) {
		fprintf(stderr, "dpc-hub: %s\n", problem);
		return COMMAND_FAILED;
	}
	umask(077);
	int status = dispatch(&arguments, &config);
	secret_cleanse(&config, sizeof config);
	return status;
}
