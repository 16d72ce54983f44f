/* dpc id: who this node is, for a person or a camera. */
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/qr.h"
#include "crypto/identity.h"

/* The first dpc:// address of the running node, or NULL; the caller frees it. */
static char *running_uri(const struct cli *cli)
{
	char socket[CLI_PATH_MAX];
	json_t *status = NULL;
	char *uri = NULL;
	if (!cli_path(cli, "control.sock", socket) || access(socket, F_OK) != 0)
		return NULL;
	if (api_ask(cli, &(struct api_request){.path = "/status"}, &status) != CLI_DONE)
		return NULL;
	const char *first = json_string_value(json_array_get(json_object_get(status, "uris"), 0));
	if (first)
		uri = text_duplicate(first);
	json_decref(status);
	return uri;
}

static int show(const struct cli *cli, const struct identity *identity)
{
	const char *id = identity_node_id(identity);
	char key[NODE_PIN_TEXT_MAX];
	node_pin_text(identity_pin(identity), key);
	char *uri = cli_has(cli, "qr") ? running_uri(cli) : NULL;
	int status = CLI_DONE;
	if (cli->json) {
		json_t *result =
			json_pack("{s:s, s:s, s:s}", "node_id", id, "key", key, "home", cli->home);
		if (uri)
			json_object_set_new(result, "uri", json_string(uri));
		print_json(result);
		json_decref(result);
	} else if (cli_has(cli, "qr")) {
		const char *text = uri ? uri : id;
		if (qr_print(text))
			printf("%s\n", text);
		else
			status = cli_fail("'%.100s' does not fit into a QR code", text);
	} else {
		printf("%s\n", id);
	}
	free(uri);
	return status;
}

int command_id(const struct cli *cli)
{
	char problem[IDENTITY_PROBLEM_MAX];
	struct identity *identity = NULL;
	enum err err = identity_load(cli->home, problem, &identity);
	if (err == ERR_NOT_FOUND)
		return cli_fail("there is no node in '%s': make one with 'dpc init'", cli->home);
	if (err != ERR_OK)
		return cli_fail("%s; restore it from a copy, or choose another home with --home",
			*problem ? problem : err_text(err));
	int status = show(cli, identity);
	identity_destroy(identity);
	return status;
}
