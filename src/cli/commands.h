/* The commands, one a file: command_send() is in send.c. Each returns the exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

int command_accept(const struct cli *cli);
int command_access(const struct cli *cli);
int command_ai(const struct cli *cli);
int command_add(const struct cli *cli);
int command_ask(const struct cli *cli);
int command_block(const struct cli *cli);
int command_chat(const struct cli *cli);
int command_completion(const struct cli *cli);
int command_connect(const struct cli *cli);
int command_context(const struct cli *cli);
int command_delete(const struct cli *cli);
int command_disconnect(const struct cli *cli);
int command_edit(const struct cli *cli);
int command_history(const struct cli *cli);
int command_search(const struct cli *cli);
int command_id(const struct cli *cli);
int command_init(const struct cli *cli);
int command_login(const struct cli *cli);
int command_logout(const struct cli *cli);
int command_models(const struct cli *cli);
int command_netcheck(const struct cli *cli);
int command_peers(const struct cli *cli);
int command_ping(const struct cli *cli);
int command_file(const struct cli *cli);
int command_find(const struct cli *cli);
int command_profile(const struct cli *cli);
int command_policy(const struct cli *cli);
int command_read(const struct cli *cli);
int command_remove(const struct cli *cli);
int command_send(const struct cli *cli);
int command_status(const struct cli *cli);
int command_up(const struct cli *cli);
int command_verify(const struct cli *cli);

#endif
