/* dpc profile: what the hub's directory tells of people, one's own first. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/person.h"

#define KEY_MAX 256

static int ask(const struct cli *cli, const char *method, const char *path, json_t *body,
	json_t **ret_answer)
{
	struct api_request request = {.method = method, .path = path, .body = body};
	return api_ask(cli, &request, ret_answer);
}

static int show(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/profile";
	json_t *answer = NULL;
	if (cli->arg_count > 1 &&
		(!api_path_add(path, "/") || !api_path_add_encoded(path, cli->args[1])))
		return cli_wrong(cli, "the peer's name is too long");
	int status = ask(cli, "GET", path, NULL, &answer);
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	else if (status == CLI_DONE)
		person_print(answer);
	json_decref(answer);
	return status;
}

/* Replaces the whole, and shows it to programs. Takes the profile. */
static int put(const struct cli *cli, json_t *profile)
{
	json_t *answer = NULL;
	/* The hub's to say. */
	json_object_del(profile, "nodes");
	json_object_del(profile, "updated");
	int status = ask(cli, "PUT", "/profile", profile, &answer);
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	json_decref(answer);
	return status;
}

/* One's own, or an empty one where there is none. */
static int fetch(const struct cli *cli, json_t **ret_profile)
{
	json_t *answer = NULL;
	int status = ask(cli, "GET", "/profile?or_empty=yes", NULL, &answer);
	if (status == CLI_DONE)
		*ret_profile = answer;
	return status;
}

/* "expertise.Rust" is a field in a field; a NULL `value` takes it out. Takes the value. False when
 * memory is out, or there is nothing to take out. */
static bool change_at(json_t *profile, const char *key, json_t *value)
{
	char outer[KEY_MAX];
	const char *dot = strchr(key, '.');
	if (!dot)
		return value ? json_object_set_new(profile, key, value) == 0
			     : json_object_del(profile, key) == 0;
	snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
	json_t *inner = json_object_get(profile, outer);
	if (!json_is_object(inner)) {
		inner = value ? json_object() : NULL;
		if (!inner || json_object_set_new(profile, outer, inner) != 0) {
			json_decref(value);
			return false;
		}
	}
	return value ? json_object_set_new(inner, dot + 1, value) == 0
		     : json_object_del(inner, dot + 1) == 0;
}

static int set(const struct cli *cli)
{
	json_t *profile = NULL;
	if (cli->arg_count != 3)
		return cli_wrong(cli, "'set' takes a KEY and a VALUE");
	int status = fetch(cli, &profile);
	if (status != CLI_DONE)
		return status;
	if (!change_at(profile, cli->args[1], field_value(cli->args[2]))) {
		json_decref(profile);
		return cli_fail("out of memory");
	}
	return put(cli, profile);
}

static int delete (const struct cli *cli)
{
	json_t *profile = NULL, *answer = NULL;
	char safe[KEY_MAX];
	if (cli->arg_count == 1) {
		int status = ask(cli, "DELETE", "/profile", NULL, &answer);
		if (status == CLI_DONE && cli->json)
			print_json(answer);
		json_decref(answer);
		return status;
	}
	int status = fetch(cli, &profile);
	if (status != CLI_DONE)
		return status;
	if (!change_at(profile, cli->args[1], NULL)) {
		json_decref(profile);
		return cli_fail("there is no '%s' in the profile",
			text_safe(cli->args[1], safe, sizeof safe));
	}
	return put(cli, profile);
}

int command_profile(const struct cli *cli)
{
	if (strcmp(cli->args[0], "show") == 0 && cli->arg_count <= 2)
		return show(cli);
	if (strcmp(cli->args[0], "set") == 0)
		return set(cli);
	if (strcmp(cli->args[0], "delete") == 0 && cli->arg_count <= 2)
		return delete (cli);
	return cli_wrong(cli, "'profile' takes show [PEER], set KEY VALUE or delete [KEY]");
}
