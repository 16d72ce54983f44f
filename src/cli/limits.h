/* The limits of the command line. */
#ifndef CLI_LIMITS_H
#define CLI_LIMITS_H

/* Options of one command, and arguments of one call. */
#define CLI_OPTIONS_MAX 6
#define CLI_ARGS_MAX 80
/* Files of one call, folders in each other, and how many files are handed to the node before the
 * first of them is waited for. */
#define CLI_FILES_MAX 10000
#define CLI_FOLDERS_MAX 15
#define CLI_FILES_AT_ONCE 64
/* A path, as PATH_MAX of Linux. */
#define CLI_PATH_MAX 4096
/* The line that says what is wrong with a call. */
#define CLI_PROBLEM_MAX 512
/* A path of the local API, percent-encoded. */
#define CLI_API_PATH_MAX 4096
/* One line that is typed into a chat; the node takes 65,536 bytes in a message. */
#define CLI_LINE_MAX 65536
/* What a key sends behind ESC [; longer sequences mean nothing here. */
#define CLI_KEY_SEQUENCE_MAX 16
/* The name of a command in a chat; and what Tab shows when it cannot decide. */
#define CLI_COMMAND_NAME_MAX 32
#define CLI_CANDIDATES_MAX 200
/* Typed lines that a chat remembers for each peer, and their bytes. */
#define CLI_TYPED_LINES_MAX 1000
#define CLI_TYPED_BYTES_MAX (256 * 1024)
/* A message read from stdin; what is beyond is refused by the node with a clear error. */
#define CLI_STDIN_MAX (256 * 1024)
/* A personal context that is imported or edited; the node says more exactly what is too large. */
#define CLI_CONTEXT_MAX (512 * 1024)
/* sun_path of a unix socket, its final zero included. */
#define CLI_SOCKET_PATH_MAX 108
/* Fields of one's own context that go with a question. */
#define CLI_ASK_KEYS_MAX 32
/* Seconds that a person may ask to wait. */
#define CLI_WAIT_SECONDS_MAX 86400

#endif
