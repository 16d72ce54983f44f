/* dpc up: the node itself. */
#include "cli/commands.h"
#include "node/node.h"

int command_up(const struct cli *cli)
{
	struct node_options options = {
		.home = cli->home,
		.hub_url = cli_value(cli, "hub"),
		.listen = cli_value(cli, "listen"),
		.ai_port = cli_value(cli, "ai-port"),
		.api_port = cli_value(cli, "api-port"),
		.quiet = cli_has(cli, "quiet"),
	};
	return node_run(&options);
}
