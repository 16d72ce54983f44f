/* The limits of a node's files and queues. Beyond a limit a request is refused with a clear error;
 * nothing that was accepted is lost. */
#ifndef NODE_LIMITS_H
#define NODE_LIMITS_H

/* Contacts, and what is kept of each. */
#define STORE_CONTACTS_MAX 10000
#define STORE_ADDRESSES_MAX 8
#define STORE_ADDRESS_MAX 262 /* "[host]:port" with the longest host name */
#define STORE_NAME_MAX 64
#define STORE_NODE_ID_MAX 41
#define STORE_PIN_MAX 64 /* hexadecimal digits of a SHA-256 */

/* Chat messages: not yet delivered to one peer, kept of one peer, in one page of an answer. */
#define STORE_OUTBOX_MAX 10000
#define STORE_HISTORY_MAX 1000000
#define STORE_PAGE_MAX 500
#define STORE_TEXT_MAX 65536
#define STORE_MESSAGE_ID_MAX 64

/* Settings: how many, and the sizes of each. */
#define STORE_SETTINGS_MAX 1000
#define STORE_KEY_MAX 64
#define STORE_VALUE_MAX 16384

/* A database larger than this is not checked page by page when it is opened. */
#define STORE_CHECK_BYTES_MAX (64 * 1024 * 1024)
/* How long another process may hold the database before ours gives up. */
#define STORE_BUSY_MS 5000

/* The rules of access: the file, rules in it, segments of a path, bytes of a path, members of a
 * group line. */
#define ACCESS_FILE_MAX (256 * 1024)
#define ACCESS_RULES_MAX 10000
#define ACCESS_SEGMENTS_MAX 32
#define ACCESS_PATH_MAX 512
#define ACCESS_MEMBERS_MAX 1000

/* The personal context: its file, its depth, keys in one request, bytes of a key. A quarter of the
 * largest message is left for what JSON escapes may add. */
#define CONTEXT_FILE_MAX (128 * 1024)
#define CONTEXT_DEPTH_MAX 24
#define CONTEXT_KEYS_MAX 64
#define CONTEXT_KEY_MAX 256

/* The configuration file, and STUN servers in it. */
#define CONFIG_FILE_MAX (64 * 1024)
#define CONFIG_STUN_MAX 8

/* AI: one line of a provider's answer, a whole answer, models listed, queries at work at once. */
#define AI_LINE_MAX (256 * 1024)
#define AI_ANSWER_MAX (4 * 1024 * 1024)
#define AI_MODELS_MAX 128
#define AI_JOBS_MAX 16
/* The provider may take this long to begin its answer, and then to go on with it: loading a model
 * takes minutes on small machines. */
#define AI_SILENCE_SECONDS 300

#endif
