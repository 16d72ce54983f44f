/* The messages that nodes send each other: JSON objects with a "type", over whatever link there is.
 *
 * A parsed message owns its JSON tree and every text in it is borrowed from that tree, so it lives
 * until message_deinit(). A message that the caller puts together for encoding owns nothing
 * (`root` is NULL) and borrows what it is given. Fields of other versions are ignored; a field of
 * ours that is missing or ill-typed makes the message malformed; a type that is not in the table is
 * ERR_UNSUPPORTED, which the receiver counts and answers with `error`. */
#ifndef MESSAGE_MESSAGE_H
#define MESSAGE_MESSAGE_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"
#include "message/limits.h"

/* id, member of the union, name on the wire, largest size as text. */
/* clang-format off */
#define MESSAGE_TYPES(X)                                                                           \
	X(HELLO,            hello,            "hello",            8192)                            \
	X(CHAT,             chat,             "chat",             MESSAGE_SIZE_MAX)                \
	X(CHAT_ACK,         chat_ack,         "chat_ack",         1024)                            \
	X(CHAT_EDIT,        chat_edit,        "chat_edit",        MESSAGE_SIZE_MAX)                \
	X(CHAT_DELETE,      chat_delete,      "chat_delete",      1024)                            \
	X(CHAT_READ,        chat_read,        "chat_read",        1024)                            \
	X(TYPING,           typing,           "typing",           1024)                            \
	X(REQUEST_CONTEXT,  request_context,  "request_context",  65536)                           \
	X(CONTEXT_RESPONSE, context_response, "context_response", MESSAGE_SIZE_MAX)                \
	X(AI_QUERY,         ai_query,         "ai_query",         MESSAGE_SIZE_MAX)                \
	X(AI_RESPONSE,      ai_response,      "ai_response",      MESSAGE_SIZE_MAX)                \
	X(AI_CANCEL,        ai_cancel,        "ai_cancel",        1024)                            \
	X(AI_MODELS,        ai_models,        "ai_models",        65536)                           \
	X(FILE_OFFER,       file_offer,       "file_offer",       8192)                            \
	X(FILE_ACCEPT,      file_accept,      "file_accept",      1024)                            \
	X(FILE_MORE,        file_more,        "file_more",        1024)                            \
	X(FILE_REJECT,      file_reject,      "file_reject",      8192)                            \
	X(FILE_DONE,        file_done,        "file_done",        1024)                            \
	X(FILE_CANCEL,      file_cancel,      "file_cancel",      8192)                            \
	X(PING,             ping,             "ping",             1024)                            \
	X(PONG,             pong,             "pong",             1024)                            \
	X(SIGNAL,           signal,           "signal",           SIGNAL_MESSAGE_MAX)              \
	X(ERROR,            error,            "error",            8192)
/* clang-format on */

enum message_type {
	MESSAGE_NONE = 0, /* a zeroed message */
#define X(id, member, name, size_max) MESSAGE_##id,
	MESSAGE_TYPES(X)
#undef X
		MESSAGE_TYPE_COUNT
};

/* A list of texts, each borrowed. */
struct message_texts {
	const char *items[MESSAGE_TEXTS_MAX];
	size_t count;
};

/* The first message on every link, in both directions. */
struct message_hello {
	const char *node_id;           /* well-formed; the link has proved another or the same */
	const char *name;              /* "" when it says none */
	const char *agent;             /* program and version; "" */
	struct message_texts features; /* unknown ones are to be ignored */
};

struct message_chat {
	const char *id;            /* chosen by the sender; the same when it is sent again */
	const char *text;          /* not empty */
	double timestamp;          /* seconds since 1970, when the sender accepted it */
	const char *reply_to;      /* id of an earlier message of either side, or NULL */
	const json_t *attachments; /* message/attachments.h, or NULL */
};

/* The receiver has stored the chat message, or done what an edit or a deletion asks for. */
struct message_chat_ack {
	const char *id;
};

/* One of the sender's chat messages gets another text. Of several edits that with the latest
 * timestamp holds. */
struct message_chat_edit {
	const char *id; /* of the edit itself: it is acknowledged, and sent again, as a chat is */
	const char *target; /* of the chat message */
	const char *text;   /* not empty */
	double timestamp;   /* above 0 */
};

/* One of the sender's chat messages is withdrawn. */
struct message_chat_delete {
	const char *id; /* as of an edit */
	const char *target;
};

/* The receiver's messages up to this one have been seen by a person. */
struct message_chat_read {
	const char *id;
};

/* A person is writing, or has stopped to. */
struct message_typing {
	bool active;
};

struct message_request_context {
	const char *request_id;
	struct message_texts keys; /* dotted paths, at most MESSAGE_KEYS_MAX */
};

struct message_context_response {
	const char *request_id;
	const json_t *context; /* object: what the owner's rules allow */
	struct message_texts denied;
	/* Keys that the owner is asked about: another answer to the same request follows. Those of
	 * which nothing is given yet are in `denied` too. */
	struct message_texts pending;
};

struct message_ai_query {
	const char *request_id;
	const char *query;     /* NULL: with `inputs`, or with `turns` too long for one text */
	const json_t *inputs;  /* texts whose embeddings are asked for (turns.h), or NULL */
	const json_t *turns;   /* the conversation (message/turns.h), or NULL: `query` is all */
	const json_t *options; /* object (turns.h), or NULL */
	const char *model;     /* NULL: the owner's default */
	const json_t *context; /* object, or NULL */
	bool stream;
};

struct message_usage {
	int64_t prompt_tokens, completion_tokens;
};

/* One piece of an answer, or its end. An error is always the end. */
struct message_ai_response {
	const char *request_id;
	const char *delta; /* the next piece of a streamed answer, or NULL */
	bool pending;      /* nothing yet: the owner is asked, and has this long to decide */
	unsigned expires_seconds;
	const char *text; /* the whole of one that is not streamed, or NULL */
	bool done;
	const char *model; /* that answered; with `done`; or NULL */
	bool has_usage;
	struct message_usage usage;
	const char *error; /* a line for a person, or NULL */
	const char *code;  /* stable name of the error, or NULL */
};

struct message_ai_cancel {
	const char *request_id;
};

struct message_ai_models {
	const char *request_id;
	bool answer; /* false: a question, without `models` */
	struct message_texts models;
};

/* A file that the sender would like to send; the same, with the same id, until it is rejected, done
 * or cancelled, however often a link is lost. */
struct message_file_offer {
	const char *id;
	const char *name; /* as the sender chose it: not to be trusted */
	int64_t size;     /* bytes */
	const char *hash; /* SHA-256 of all of it, 64 hex digits */
};

/* The receiver waits for the bytes from `offset` on, over the link that this came over. */
struct message_file_accept {
	const char *id;
	int64_t offset;   /* a multiple of MESSAGE_FILE_BLOCK, or the size */
	const char *hash; /* SHA-256 of what is before; NULL when that is nothing */
	uint32_t stream;  /* what pieces of it are to be marked with */
	int64_t until;    /* how far they may go before a file_more says otherwise: the end of a
			   * block, or the size */
};

/* The receiver has room for more. */
struct message_file_more {
	const char *id;
	int64_t until;
};

/* Either side may end it, the receiver by a reject before it has accepted. */
struct message_file_reject {
	const char *id;
	const char *code;
	const char *message; /* a line for a person; "" */
};

/* The receiver has the whole of it, on disk. */
struct message_file_done {
	const char *id;
};

struct message_file_cancel {
	const char *id;
	const char *code;
	const char *message;
};

struct message_ping {
	double timestamp;
};

/* Carries the timestamp of the ping it answers. */
struct message_pong {
	double timestamp;
};

/* What would go through the hub goes over the link itself: see message/signal.h. */
struct message_signal {
	const json_t *payload; /* object */
};

struct message_error {
	const char *request_id; /* what it answers (a request's or a chat message's id), or NULL */
	const char *code;
	const char *message; /* a line for a person; "" */
};

struct message {
	enum message_type type;
	json_t *root; /* owned; NULL when the caller put the message together */
	union {
#define X(id, member, name, size_max) struct message_##member member;
		MESSAGE_TYPES(X)
#undef X
	};
};

/* What was wrong with a message, for the answer, the log and the counters. */
struct message_fault {
	char type[32];                       /* its type, cut to fit; "" when there was none */
	char field[48];                      /* the field that is missing or ill-typed, or "" */
	char request_id[MESSAGE_ID_MAX + 1]; /* of a well-formed "request_id" or "id", or "" */
};

/* Parses one message. ERR_MALFORMED, ERR_TOO_LARGE (or too deep), ERR_UNSUPPORTED (unknown type),
 * ERR_NOMEM; on failure *ret_fault says what is known, and *ret_message is untouched. `ret_fault`
 * may be NULL. */
MUST_CHECK enum err message_parse(
	struct bytes text, struct message *ret_message, struct message_fault *ret_fault);

/* Appends the message as JSON text. ERR_MALFORMED: a field breaks a rule that the receiver would
 * check; ERR_TOO_LARGE: the text is beyond the type's limit; ERR_NOMEM. On failure nothing is
 * appended. A chat message is encoded once before it is accepted, so that what was accepted can be
 * sent. */
MUST_CHECK enum err message_encode(const struct message *message, struct buffer *ret_text);

/* Frees what a parsed message owns; accepts a zeroed one. */
void message_deinit(struct message *message);

/* "chat"; NULL for MESSAGE_NONE. */
const char *message_type_name(enum message_type type);

/* Whether the text may be the id of a message, request or session: 1 to MESSAGE_ID_MAX letters,
 * digits and "._:-+/=~". */
bool message_id_is_valid(const char *id);

#endif
