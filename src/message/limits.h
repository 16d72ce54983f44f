/* The limits of messages between nodes and of signalling payloads. What is beyond is refused with a
 * clear error; no link is dropped for it. Sizes of texts are bytes of UTF-8. */
#ifndef MESSAGE_LIMITS_H
#define MESSAGE_LIMITS_H

#include <stdint.h>

/* One JSON message, as text. */
#define MESSAGE_SIZE_MAX (256 * 1024)
/* Objects and arrays inside each other. */
#define MESSAGE_DEPTH_MAX 32

/* Ids of chat messages, requests and sessions: letters, digits and "._:-+/=~". */
#define MESSAGE_ID_MAX 64
/* What a person calls a node. */
#define MESSAGE_NAME_MAX 64
/* The program at the other end, and the name of a model. */
#define MESSAGE_AGENT_MAX 128
#define MESSAGE_MODEL_MAX 128
/* The text of one chat message. */
#define MESSAGE_CHAT_TEXT_MAX 65536
/* Files that come with one. */
#define MESSAGE_ATTACHMENTS_MAX 16
/* A question to a model, and one piece (or the whole) of its answer. */
#define MESSAGE_QUERY_MAX (128 * 1024)
#define MESSAGE_ANSWER_MAX (192 * 1024)
/* Turns of a conversation with a model, texts that end its answer, and the conversation as one text
 * for who does not take turns. */
#define MESSAGE_TURNS_MAX 512
#define MESSAGE_STOPS_MAX 16
#define MESSAGE_FLAT_MAX (64 * 1024)
/* Seconds for which an owner may be waited for who is asked about a question: a day. */
#define MESSAGE_EXPIRES_MAX 86400
/* Texts of one question for embeddings. */
#define MESSAGE_INPUTS_MAX 64
/* The machine-readable code of an error, and its line for a person. */
#define MESSAGE_CODE_MAX 64
#define MESSAGE_ERROR_TEXT_MAX 1024
/* A dotted path into somebody's context. */
#define MESSAGE_KEY_MAX 256

/* The name of a file that is offered, and its size: what a JSON number says exactly. */
#define MESSAGE_FILE_NAME_MAX 255
#define MESSAGE_FILE_SIZE_MAX ((int64_t)1 << 53)
/* What of a file goes in one message of its channel (file_piece.h), and how much of it has a hash
 * of its own. */
#define MESSAGE_FILE_PIECE_MAX (64 * 1024)
#define MESSAGE_FILE_BLOCK ((uint64_t)1024 * 1024)

/* Lists: features in a hello, keys in a context request (and so denied ones), models. */
#define MESSAGE_FEATURES_MAX 32
#define MESSAGE_FEATURE_MAX 64
#define MESSAGE_KEYS_MAX 64
#define MESSAGE_MODELS_MAX 128
/* The largest of the three. */
#define MESSAGE_TEXTS_MAX 128

/* A session description, and one candidate line. */
#define SIGNAL_SDP_MAX 16384
#define SIGNAL_CANDIDATE_MAX 1024
#define SIGNAL_REASON_MAX 256
/* A signal that goes over the link: a description, each character of which JSON may escape. */
#define SIGNAL_MESSAGE_MAX 65536
/* The media section a candidate belongs to; there is only one, of index 0, with dpc. */
#define SIGNAL_MLINE_MAX 15

/* A dpc:// address as text. */
#define URI_TEXT_MAX 512
#define URI_HOST_MAX 253

#endif
