/* dpc: the table of commands, and the call of one of them. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/version.h"
#include "crypto/node_id.h"
#include "message/limits.h"

static const struct cli_command commands[] = {
	{.name = "init",
		.run = command_init,
		.help = "make a node: its key, certificate and id",
		.options = {{"name", "NAME", "what others see"},
			{"key", "KIND", "p256 (default), rsa2048, rsa3072 or rsa4096"}}},
	{.name = "id",
		.run = command_id,
		.help = "show the node's id",
		.options = {{"qr", NULL, "as a QR code; of its address when the node is running"}}},
	{.name = "up",
		.run = command_up,
		.help = "run the node, until Ctrl-C",
		.options = {{"hub", "URL", "the hub to meet others through"},
			{"listen", "HOST:PORT", "for direct links; 'none': no listener"},
			{"ai-port", "PORT",
				"serve the AI models of peers to programs here, as OpenAI and "
				"Ollama do"},
			{"api-port", "PORT",
				"serve the local API to pages here, with the token in api.token"},
			{"quiet", NULL, "say nothing but what goes wrong"}}},
	{.name = "login",
		.run = command_login,
		.help = "log in at a hub, by the node's key or with an identity provider",
		.options = {{"hub", "URL", "which one; kept for the next time"},
			{"provider", "NAME",
				"key (default), or google, github or another of the hub's, in a "
				"browser"},
			{"device", NULL, "by a code that is entered on any machine with a browser"},
			{"no-browser", NULL, "show the address, and open no browser"}}},
	{.name = "logout",
		.run = command_logout,
		.help = "log out of the hub",
		.options = {{"all", NULL, "and every other node and login of the account too"}}},
	{.name = "add",
		.run = command_add,
		.help = "add a contact, by node id or dpc:// address",
		.arguments = "ID",
		.args_min = 1,
		.args_max = 1,
		.options = {{"name", "NAME", "what to call it"}}},
	{.name = "remove",
		.run = command_remove,
		.help = "forget a contact; its history stays",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER",
		.args_min = 1,
		.args_max = 1},
	{.name = "accept",
		.run = command_accept,
		.help = "let a stranger in, who asks to connect",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER",
		.args_min = 1,
		.args_max = 1,
		.options = {{"name", "NAME", "what to call it"}}},
	{.name = "block",
		.run = command_block,
		.help = "refuse a stranger or a contact, now and later",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER",
		.args_min = 1,
		.args_max = 1},
	{.name = "policy",
		.run = command_policy,
		.help = "show or set the ways that a contact may be connected by: auto, "
			"direct-only, "
			"relay-only or lan-only",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER [POLICY]",
		.args_min = 1,
		.args_max = 2},
	{.name = "verify",
		.run = command_verify,
		.help = "compare the safety number with a contact, and mark it verified",
		.details = "The number is the same on both sides as long as nobody sits in "
			   "between. Read it to\n"
			   "each other where you know each other's voice or face, and answer the "
			   "question; or\n"
			   "give what the other side's program shows as NUMBER. Without a "
			   "terminal it is only\n"
			   "shown. Rules below [verified] in access.ini are about those who are "
			   "marked.\n",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER [NUMBER...]",
		.args_min = 1,
		.args_max = 1 + NODE_SAFETY_GROUPS,
		.options = {{"yes", NULL, "it was compared and is the same"},
			{"undo", NULL, "take the mark back"},
			{"qr", NULL, "the number as a QR code too"}}},
	{.name = "peers", .run = command_peers, .help = "list contacts, and strangers who ask"},
	{.name = "connect",
		.run = command_connect,
		.help = "connect to a peer, and keep connected",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER",
		.args_min = 1,
		.args_max = 1,
		.options = {{"direct", NULL, "over direct TLS only"},
			{"webrtc", NULL, "over WebRTC only, through the hub"},
			{"timeout", "SECONDS", "how long to try (20)"}}},
	{.name = "disconnect",
		.run = command_disconnect,
		.help = "close the link to a peer",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER",
		.args_min = 1,
		.args_max = 1},
	{.name = "send",
		.run = command_send,
		.help = "send a chat message, with files; as TEXT, '-' reads it from stdin",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER TEXT [FILE...]",
		.args_min = 2,
		.args_max = 2 + MESSAGE_ATTACHMENTS_MAX,
		.options = {{"wait", "SECONDS", "wait for its delivery (0)"},
			{"reply", "ID", "to this message"}}},
	{.name = "edit",
		.run = command_edit,
		.help = "give a sent message another text; as TEXT, '-' reads it from stdin",
		.details = "ID is that of a message, or its beginning ('dpc history --ids' shows "
			   "them), or 'last'.\n",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER ID TEXT",
		.args_min = 3,
		.args_max = 3},
	{.name = "delete",
		.run = command_delete,
		.help = "delete a message: one's own on both sides, the peer's here",
		.details = "ID is that of a message, or its beginning ('dpc history --ids' shows "
			   "them), or 'last', the last one sent.\n",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER ID",
		.args_min = 2,
		.args_max = 2},
	{.name = "read",
		.run = command_read,
		.help = "what the peer has sent is read: all of it, or up to a message",
		.details = "The peer is told, unless config.ini has 'read_marks = no' in [chat].\n",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER [ID]",
		.args_min = 1,
		.args_max = 2},
	{.name = "chat",
		.run = command_chat,
		.help = "talk: at a terminal, where /help says what else there is; else each line "
			"of "
			"stdin is a message",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER",
		.args_min = 1,
		.args_max = 1,
		.options = {{"wait", "SECONDS",
			"with pipes: at the end, wait for what is not delivered (5)"}}},
	{.name = "history",
		.run = command_history,
		.help = "show the last messages, or write all of them to a file",
		.details = "--export writes the whole history as JSON, with a PEER or with all; "
			   "a FILE that is\n"
			   "there is replaced when the new one is whole. '-' is stdout.\n",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "[PEER]",
		.args_max = 1,
		.options = {{"limit", "COUNT", "how many (50)"},
			{"before", "ID", "those before this message"},
			{"export", "FILE", "all of them"},
			{"ids", NULL, "with the beginnings of their ids"}}},
	{.name = "search",
		.run = command_search,
		.help = "find messages by their words",
		.details =
			"All words have to be there; WORD* is one that begins so. The newest come "
			"first.\n",
		.arguments = "WORD...",
		.args_min = 1,
		.args_max = CLI_ARGS_MAX,
		.options = {{"peer", "PEER", "those with this peer"},
			{"limit", "COUNT", "how many (20)"},
			{"before", "SEQUENCE", "older ones than that message"}}},
	{.name = "ping",
		.run = command_ping,
		.help = "measure the round trip to a peer",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER",
		.args_min = 1,
		.args_max = 1,
		.options = {{"count", "COUNT", "how often (1); 0: until Ctrl-C"},
			{"interval", "SECONDS", "between two (1)"}}},
	{.name = "status",
		.run = command_status,
		.help = "show what the running node does and how its links are, or all of one",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "[PEER]",
		.args_max = 1,
		.options = {{"watch", NULL, "again every second, until Ctrl-C"}}},
	{.name = "netcheck",
		.run = command_netcheck,
		.help = "say what this network allows, and what that means for connecting",
		.options = {{"stun", "HOST:PORT",
			"a STUN server to ask, besides those of config.ini"}}},
	{.name = "profile",
		.run = command_profile,
		.help = "show and change what the hub's directory tells of one",
		.details = "  show [PEER]      one's own, or that of a contact or a node id\n"
			   "  set KEY VALUE    VALUE is JSON, or else text\n"
			   "  delete [KEY]     a field, or all of it\n"
			   "Keys are name, description, expertise.TOPIC (1 to 5), compute, "
			   "p2p_uri_hint and\n"
			   "discoverable (false: no search finds it).\n",
		.completes = CLI_COMPLETES_WORDS,
		.words = "show set delete",
		.arguments = "show|set|delete ...",
		.args_min = 1,
		.args_max = 3},
	{.name = "find",
		.run = command_find,
		.help = "find people at the hub who know about something",
		.arguments = "WORD...",
		.args_min = 1,
		.args_max = 8,
		.options = {{"min-level", "N", "who say that they know it this well, 0 to 5"},
			{"limit", "N", "so many at most, 1 to 100 (20)"},
			{"cursor", "TEXT", "go on where the page before ended"}}},
	{.name = "context",
		.run = command_context,
		.help = "ask for a peer's context; show and change one's own",
		.details =
			"  get PEER [KEY...]   ask for fields of a peer's context, or all that it "
			"lets one see\n"
			"  show [KEY...]       show one's own\n"
			"  set KEY VALUE       VALUE is JSON, or else text; '-' reads it from "
			"stdin\n"
			"  delete KEY\n"
			"  import FILE         take a whole context over; '-' reads it from stdin\n"
			"  edit                with $VISUAL or $EDITOR\n"
			"A KEY is the names on the way to a field: profile.name\n",
		.completes = CLI_COMPLETES_WORDS,
		.words = "get show set delete import edit",
		.arguments = "get|show|set|delete|import|edit ...",
		.args_min = 1,
		.args_max = 2 + MESSAGE_KEYS_MAX,
		.options = {{"replace", NULL, "import: in place of what there is"},
			{"wait", "SECONDS",
				"get: for the peer's decision, where it has to be "
				"asked (300)"}}},
	{.name = "access",
		.run = command_access,
		.help = "say what access.ini decides, and answer what it leaves to you",
		.details =
			"  check PEER KEY      what is decided for a peer, and by which line\n"
			"  pending             what peers ask for that the rules leave to you\n"
			"  allow ID, deny ID   answer it, this once or always\n"
			"A KEY begins with what it is about: context.profile.name, ai.model.NAME\n",
		.completes = CLI_COMPLETES_WORDS,
		.words = "check pending allow deny",
		.arguments = "check|pending|allow|deny ...",
		.args_min = 1,
		.args_max = 3,
		.options = {{"always", NULL, "allow, deny: write it into access.ini too"}}},
	{.name = "ask",
		.run = command_ask,
		.help = "ask a peer's AI",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "PEER QUERY",
		.args_min = 2,
		.args_max = 2,
		.options = {{"model", "MODEL", "which one"},
			{"with-context", "KEYS",
				"fields of one's own context to send along, as "
				"'profile.name,skills'"},
			{"timeout", "SECONDS", "how long to wait (300)"}}},
	{.name = "file",
		.run = command_file,
		.help = "send files to a peer, and answer what peers offer",
		.details = "  send PEER PATH...   send files and folders, and wait until the peer "
			   "has them\n"
			   "  list                what is under way, and what has ended\n"
			   "  accept ID...        take what a peer offers\n"
			   "  reject ID...        do not take it\n"
			   "  cancel ID...        end what is under way, in either direction\n"
			   "A transfer belongs to the node: it goes on when the command ends, "
			   "after a\n"
			   "lost link, and after a restart of either side. What peers may send is "
			   "said\n"
			   "in access.ini: file.receive = allow, ask (without a rule) or deny.\n",
		.completes = CLI_COMPLETES_WORDS,
		.words = "send list accept reject cancel",
		.arguments = "send|list|accept|reject|cancel ...",
		.args_min = 1,
		.args_max = CLI_ARGS_MAX,
		.options = {{"name", "NAME", "send: the name that the peer sees"},
			{"no-wait", NULL, "send: do not wait until the peer has it"}}},
	{.name = "ai",
		.run = command_ai,
		.help = "show what peers asked of one's own AI models, and what came of it",
		.completes = CLI_COMPLETES_WORDS,
		.words = "log",
		.arguments = "log [PEER]",
		.args_min = 1,
		.args_max = 2,
		.options = {{"limit", "COUNT", "how many (50)"}}},
	{.name = "models",
		.run = command_models,
		.help = "list the AI models of a peer, or one's own and those of all who are "
			"connected",
		.completes = CLI_COMPLETES_PEER,
		.arguments = "[PEER]",
		.args_max = 1},
	{.name = "completion",
		.run = command_completion,
		.help = "print completions for a shell",
		.completes = CLI_COMPLETES_WORDS,
		.words = "bash zsh",
		.arguments = "bash|zsh",
		.args_min = 1,
		.args_max = 1},
	{.name = NULL},
};

static_assert(2 + MESSAGE_KEYS_MAX <= CLI_ARGS_MAX, "as many keys as a request can carry");

static int run(int argc, char **argv)
{
	struct cli cli;
	char problem[CLI_PROBLEM_MAX];
	size_t count = argc > 0 ? (size_t)argc - 1 : 0;
	if (!cli_parse(&cli, commands, count, (const char *const *)argv + 1, problem))
		return cli_wrong(&cli, "%s", problem);
	if (cli.version) {
		puts("dpc " DPC_VERSION);
		return CLI_DONE;
	}
	if (cli.help && cli.command)
		help_print_command(cli.command, stdout);
	else if (cli.help)
		help_print_all(commands, stdout);
	else
		return cli.command->run(&cli);
	return CLI_DONE;
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);
	if (fflush(stdout) != 0 && status == CLI_DONE)
		return cli_fail("cannot write the result: %s", strerror(errno));
	return status;
}
