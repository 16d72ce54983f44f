/* dpc login: at a hub, through the running node, which holds the key: by it, in a browser with an
 * identity provider, or by a code on any machine. Ending the command ends a login that is under
 * way.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/qr.h"
#include "message/json.h"
#include "web/limits.h"

/* Longer than a login may take. */
#define TIMEOUT_MS (20 * 60 * 1000)

struct login {
	const struct cli *cli;
	json_t *hub; /* the outcome */
	char problem[CLI_PROBLEM_MAX];
};

/* The desktop's own idea of a browser, in a session of its own, which Ctrl-C here does not end.
 * Where there is none, the person opens the address. */
static void open_browser(const char *url)
{
	char program[] = "xdg-open", address[CLI_PATH_MAX];
	char *arguments[] = {program, address, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t child;
	if ((!text_starts_with(url, "https://") && !text_starts_with(url, "http://")) ||
		!text_copy(address, sizeof(address), url) ||
		posix_spawn_file_actions_init(&actions) != 0)
		return;
	if (posix_spawnattr_init(&attributes) != 0)
		goto done_actions;
	if (posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID) != 0)
		goto done;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0) != 0)
			goto done;
	(void)posix_spawnp(&child, program, &actions, &attributes, arguments, environ);

done:
	posix_spawnattr_destroy(&attributes);
done_actions:
	posix_spawn_file_actions_destroy(&actions);
}

static void show_url(const struct login *login, const char *url)
{
	if (!login->cli->json)
		printf("log in with your browser at\n\n  %s\n\n", url);
	fflush(stdout);
	if (!cli_has(login->cli, "no-browser"))
		open_browser(url);
}

static void show_device(const struct login *login, const json_t *device)
{
	const char *complete = field_text(device, "verification_uri_complete");
	if (login->cli->json)
		return;
	printf("on any machine with a browser, open\n\n  ");
	print_safe(stdout, field_text(device, "verification_uri"), false);
	printf("\n\nand enter the code  ");
	print_safe(stdout, field_text(device, "user_code"), false);
	printf("\n\n");
	(void)qr_print(complete);
	printf("\nwaiting; Ctrl-C gives up\n");
}

static bool on_line(struct bytes line, void *user)
{
	struct login *login = user;
	json_t *object = NULL;
	if (line.size == 0)
		return true;
	if (json_parse_object(line, WEB_CLIENT_LINE_MAX, &object) != ERR_OK) {
		snprintf(login->problem, sizeof(login->problem),
			"the node's answer cannot be read; is it another version?");
		return false;
	}
	const json_t *device = json_object_get(object, "device");
	const json_t *error = json_object_get(object, "error");
	json_t *hub = json_object_get(object, "hub");
	const char *url = field_text(object, "url");
	if (login->cli->json && !error)
		print_json(object);
	if (*url)
		show_url(login, url);
	if (device)
		show_device(login, device);
	fflush(stdout);
	if (error)
		text_safe(field_text(error, "message"), login->problem, sizeof(login->problem));
	else if (hub)
		login->hub = json_incref(hub);
	json_decref(object);
	return !error && !hub;
}

static int print_result(const struct login *login)
{
	char safe[CLI_PROBLEM_MAX];
	if (login->problem[0])
		return cli_fail("%s", login->problem);
	if (!login->hub)
		return cli_fail("the login broke off; look at the node's log");
	if (!login->cli->json)
		printf("logged in at %s\n",
			text_safe(field_text(login->hub, "url"), safe, sizeof(safe)));
	return CLI_DONE;
}

static int log_in_by_key(const struct cli *cli)
{
	struct login login = {.cli = cli};
	json_t *answer = NULL;
	struct api_request request = {
		.path = "/login",
		.body = json_pack("{s:s*, s:s}", "hub", cli_value(cli, "hub"), "provider", "key"),
	};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(answer);
	login.hub = json_object_get(answer, "hub");
	status = print_result(&login);
	json_decref(answer);
	return status;
}

int command_login(const struct cli *cli)
{
	const char *provider = cli_value(cli, "provider");
	bool device = cli_has(cli, "device");
	struct login login = {.cli = cli};
	if (device && provider)
		return cli_wrong(cli, "'--device' goes without '--provider': it is chosen there");
	if (!device && (!provider || strcmp(provider, "key") == 0))
		return log_in_by_key(cli);
	struct api_request request = {
		.path = "/login",
		.body = json_pack("{s:s*, s:s*, s:b}", "hub", cli_value(cli, "hub"), "provider",
			provider, "device", device),
		.timeout_ms = TIMEOUT_MS,
		.line = on_line,
		.user = &login,
	};
	int status = request.body ? api_ask(cli, &request, NULL) : cli_fail("out of memory");
	if (status == CLI_DONE)
		status = print_result(&login);
	json_decref(login.hub);
	return status;
}
