/* dpc init: a directory with a key, its certificate and the node id, and a configuration. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/commands.h"
#include "crypto/identity.h"
#include "message/limits.h"
#include "net/loop.h"
#include "cli/output.h"

/* A name stands in an INI file, where these mean something. */
static bool name_is_usable(const char *name)
{
	size_t size = strlen(name);
	if (size == 0 || size > MESSAGE_NAME_MAX || name[0] == ' ' || name[size - 1] == ' ')
		return false;
	for (const char *at = name; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f || strchr("[];#\"", *at))
			return false;
	}
	return true;
}

/* Makes the directory and those above it; what exists already is left as it is. */
static bool make_directories(const char *path)
{
	char part[CLI_PATH_MAX];
	if (!text_copy(part, sizeof(part), path))
		return false;
	for (char *at = part + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return false;
		*at = '/';
	}
	return mkdir(part, 0700) == 0 || errno == EEXIST;
}

/* Only when there is none: what a person has written there is theirs. */
static int write_config(const struct cli *cli, const char *name)
{
	char path[CLI_PATH_MAX];
	if (!cli_path(cli, "config.ini", path))
		return cli_fail("the path of '%s' is too long", cli->home);
	FILE *file = fopen(path, "wx");
	if (!file && errno == EEXIST)
		return CLI_DONE;
	if (file) {
		fprintf(file, "[node]\nname = %s\n", name);
		if (fclose(file) == 0)
			return CLI_DONE;
	}
	return cli_fail("cannot write '%s': %s", path, strerror(errno));
}

static int report(const struct cli *cli, const struct identity *identity)
{
	const char *id = identity_node_id(identity);
	char key[NODE_PIN_TEXT_MAX];
	node_pin_text(identity_pin(identity), key);
	if (cli->json) {
		json_t *result =
			json_pack("{s:s, s:s, s:s}", "node_id", id, "key", key, "home", cli->home);
		print_json(result);
		json_decref(result);
		return CLI_DONE;
	}
	printf("%s\n", id);
	fprintf(stderr, "made a node in '%s'; start it with 'dpc up'\n", cli->home);
	return CLI_DONE;
}

/* CLI_DONE when the home is free for a new identity. */
static int check_home(const struct cli *cli)
{
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity = NULL;
	enum err err = identity_load(cli->home, problem, &identity);
	if (err == ERR_NOT_FOUND)
		return CLI_DONE;
	if (err != ERR_OK)
		return cli_fail("%s; restore it from a copy, or choose another home with --home",
			*problem ? problem : err_text(err));
	int status = cli_fail("'%s' has a node already, '%s'; choose another home with --home",
		cli->home, identity_node_id(identity));
	identity_destroy(identity);
	return status;
}

int command_init(const struct cli *cli)
{
	char problem[IDENTITY_PROBLEM_MAX];
	enum identity_key key = IDENTITY_KEY_P256;
	const char *name = cli_value(cli, "name");
	const char *kind = cli_value(cli, "key");
	struct identity *identity = NULL;

	if (kind && !identity_key_parse(kind, &key))
		return cli_wrong(cli, "no kind of key '%.40s'", kind);
	if (name && !name_is_usable(name))
		return cli_wrong(cli, "the name cannot be used: 1 to %d bytes without []#;\"",
			MESSAGE_NAME_MAX);
	if (!make_directories(cli->home))
		return cli_fail("cannot make '%s': %s", cli->home, strerror(errno));
	int status = check_home(cli);
	if (status != CLI_DONE)
		return status;
	enum err err = identity_create(key, net_unix_now() / USEC_PER_SEC, &identity);
	if (err != ERR_OK)
		return cli_fail("cannot make a key: %s", err_text(err));
	err = identity_save(identity, cli->home, problem);
	if (err != ERR_OK)
		status = cli_fail("%s", *problem ? problem : err_text(err));
	if (status == CLI_DONE && name)
		status = write_config(cli, name);
	if (status == CLI_DONE)
		status = report(cli, identity);
	identity_destroy(identity);
	return status;
}
