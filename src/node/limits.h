/* The limits of a node's files and queues. Beyond a limit a request is refused with a clear error;
 * nothing that was accepted is lost. */
#ifndef NODE_LIMITS_H
#define NODE_LIMITS_H

#include "base/usec.h"

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
/* What is looked for in the history. */
#define STORE_SEARCH_MAX 256
#define STORE_SEARCH_WORDS_MAX 16

/* Settings: how many, and the sizes of each. */
#define STORE_SETTINGS_MAX 1000
#define STORE_KEY_MAX 64
#define STORE_VALUE_MAX 16384

/* The log of AI queries: entries kept, the name of a model, how it ended. */
#define STORE_AI_LOG_MAX 20000
#define STORE_AI_MODEL_MAX 128
#define STORE_AI_OUTCOME_MAX 15

/* Transfers of files that are remembered. */
#define STORE_FILES_MAX 10000

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
/* Paths that are looked after when one answer of the user's is remembered. */
#define ACCESS_REMEMBER_MAX 64

/* The personal context: its file, its depth, keys in one request, bytes of a key. A quarter of the
 * largest message is left for what JSON escapes may add. */
#define CONTEXT_FILE_MAX (128 * 1024)
#define CONTEXT_DEPTH_MAX 24
#define CONTEXT_KEYS_MAX 64
#define CONTEXT_KEY_MAX 256

/* What the rules leave to the user: questions that wait, of one peer and of all (with those that
 * are decided and whose time is not over); new ones of a peer in a minute; how long they wait. */
#define NODE_QUESTIONS_PER_PEER_MAX 4
#define NODE_QUESTIONS_MAX 64
#define NODE_QUESTIONS_PER_MINUTE 12
#define NODE_QUESTION_SECONDS 300
#define NODE_QUESTION_SECONDS_MAX 86400

/* The configuration file, and STUN and TURN servers in it. */
#define CONFIG_FILE_MAX (64 * 1024)
#define CONFIG_STUN_MAX 8
#define CONFIG_TURN_MAX 4

/* AI: the address of a provider, its key, places to look for one, the body of a question, one line
 * of a provider's answer, a whole answer, models listed, jobs at once. */
#define AI_URL_MAX 512
#define AI_KEY_MAX 4096
#define AI_PLACES_MAX 4
#define AI_QUERY_BODY_MAX (1024 * 1024)
#define AI_LINE_MAX (128 * 1024)
#define AI_ANSWER_MAX (4 * 1024 * 1024)
#define AI_MODELS_MAX 128
/* Numbers of one embedding, and all those of one answer as text. */
#define AI_VECTOR_MAX 16384
#define AI_VECTORS_SIZE_MAX (2 * 1024 * 1024)
#define AI_JOBS_MAX 16
/* The whole answer of a model, which it may have to load first: minutes on small machines. */
#define AI_ANSWER_SECONDS 900
#define AI_LIST_SECONDS 10
/* A model's name at the AI port, with that of its peer. */
#define AI_MODEL_NAME_MAX (MESSAGE_MODEL_MAX + 1 + STORE_NAME_MAX)
/* Connections of programs to the AI port, each with one request at a time. */
#define AI_PORT_CONNECTIONS_MAX 64
/* Bytes of an answer that wait for such a program to read; beyond, the answer is broken off, for
 * which there is still room in the stream. */
#define AI_PORT_QUEUE_MAX (256 * 1024)
/* Peers whose models are asked for together; how old their lists may be, and how long they have to
 * answer; those that one question is tried with. */
#define AI_DIRECTORY_PEERS_MAX 64
#define AI_DIRECTORY_AGE (20 * USEC_PER_SEC)
#define AI_DIRECTORY_TIMEOUT_MS 3000
#define AI_CALL_PEERS_MAX 8
/* A model that says nothing for so long is given up, unless the configuration says otherwise. */
#define AI_PATIENCE_SECONDS 300

/* Chat: what a peer tells of read messages and of typing, and how often it hears of ours. */
#define NODE_MARKS_PER_MINUTE 600
#define NODE_CHANGES_PER_MINUTE 600
#define NODE_TYPING_INTERVAL (3 * USEC_PER_SEC)

/* ---- node ---- */

/* Connections of all kinds in the making or up: one for each contact. */
#define NODE_LINKS_MAX 10000
/* Connections of one session: the one in use, one that replaces it, and attempts of either side. */
#define NODE_LINKS_PER_SESSION_MAX 6
/* From SIGTERM to the end of the process: links flush what they accepted and say goodbye. */
#define NODE_SHUTDOWN_TIMEOUT (2 * USEC_PER_SEC)

/* ---- attempts to connect ---- */

/* Looking the known addresses up and dialling them, all together. */
#define NODE_DIRECT_TIMEOUT (8 * USEC_PER_SEC)
/* From our offer to the open channel; a person may have to consent meanwhile. */
#define NODE_WEBRTC_TIMEOUT (20 * USEC_PER_SEC)
/* The head start of known addresses over WebRTC: as that of one address over the next. Where an
 * address answers it wins all the same, with three round trips against five; where none does, this
 * is what is waited for nothing. */
#define NODE_DIRECT_HEAD_START (250 * USEC_PER_MS)
/* From an authenticated connection to the other side's hello; a person may have to consent. */
#define NODE_HELLO_TIMEOUT (30 * USEC_PER_SEC)
/* A link that was told to close and does not is cut off. */
#define NODE_CLOSE_TIMEOUT (3 * USEC_PER_SEC)
/* The wait before the second attempt; doubled for each further one, and drawn from its upper half
 * so that two nodes that lost each other do not dial in step. */
#define NODE_BACKOFF_FIRST (1 * USEC_PER_SEC)
#define NODE_BACKOFF_MAX (5 * 60 * USEC_PER_SEC)

/* A side that was not heard for so long is asked: with the three seconds of its silence a path that
 * dies while nobody says anything is noticed within five. */
#define NODE_QUIET_MAX (1800 * USEC_PER_MS)
/* A restart of ICE that is not answered is repeated after this, doubled for each repetition, and
 * given up after so many. */
#define NODE_RESTART_RETRY (1 * USEC_PER_SEC)
#define NODE_RESTART_TRIES 3
/* The side that did not make the link lets the other one begin. */
#define NODE_RESTART_DEFER (200 * USEC_PER_MS)
/* A silent path has so long to come back, from the last exchange on, before a new link is made. */
#define NODE_RESTART_PATIENCE (8 * USEC_PER_SEC)
/* Links that work and only look for a better path do so one after the other. */
#define NODE_RESTART_SPACING (5 * USEC_PER_MS)
/* Links are asked whether they live because of a change of routes or interfaces at most so often.
 */
#define NODE_DOUBT_INTERVAL (5 * USEC_PER_SEC)
/* After so much sleep the other side does not send to us any more (RFC 7675). */
#define NODE_CONSENT_TIME (30 * USEC_PER_SEC)

/* ---- messages ---- */

/* Chat messages sent over a link and not yet acknowledged. */
#define NODE_CHAT_WINDOW 64
/* Without an acknowledgement for this long, what is unacknowledged is sent again. */
#define NODE_CHAT_ACK_TIMEOUT (15 * USEC_PER_SEC)
/* Requests of ours that wait for one peer's answer. */
#define NODE_REQUESTS_PER_SESSION_MAX 64
/* AI queries of one peer that wait for their turn, those of all, and how many are worked on at once
 * unless the configuration says otherwise, and at most. */
#define AI_WAITING_PER_PEER_MAX 8
#define AI_WAITING_MAX 64
#define AI_AT_ONCE 2
#define AI_AT_ONCE_MAX 8
/* What of a peer is worked on, waits, is a list, or is being sent; and of all. */
#define NODE_AI_SERVED_PER_PEER_MAX 16
#define NODE_AI_SERVED_MAX 128
/* Requests of a peer (context, AI, ping) that are looked at in a minute. */
#define NODE_REQUESTS_PER_MINUTE 600
/* Answer text kept for a peer whose link is full. */
#define NODE_AI_BACKLOG_MAX (256 * 1024)
/* Errors answered to one peer in a minute; what is wrong beyond is only counted, so that two nodes
 * never keep each other busy with errors. */
#define NODE_ERRORS_PER_MINUTE 30
/* Errors of one peer, answers to nothing of ours, that are logged and shown in a minute. */
#define NODE_COMPLAINTS_PER_MINUTE 30

/* ---- files ---- */

/* Transfers under way, and those of one peer in one direction; what is beyond waits its turn at the
 * sender. */
#define NODE_FILES_MAX 1024
#define NODE_FILES_PER_PEER_MAX 32
/* Folders about which the user has answered, and how long that holds after the last file. */
#define NODE_FILE_FOLDERS_MAX 32
#define NODE_FILE_FOLDER_TIME (60 * USEC_PER_SEC)
/* An offer without an answer, and a file without its sender, are given up after so many days; when
 * that is looked after. */
#define NODE_FILE_WAIT_DAYS 30
#define NODE_FILE_EXPIRY_INTERVAL (60 * 60 * USEC_PER_SEC)
/* Sent at a time, and how many of those before everything else has its turn. */
#define NODE_FILE_SEND_SLICE (256 * 1024)
#define NODE_FILE_SLICES_PER_TURN 4
/* Hashed by one job in another thread, some 5 ms, and read for that at a time. */
#define NODE_FILE_SLICE ((uint64_t)8 * 1024 * 1024)
#define NODE_FILE_READ_SIZE (64 * 1024)
/* Files that are hashed at a time, for an offer; the others wait. */
#define NODE_FILES_HASHING_MAX 4
/* Blocks whose hashes are kept from the offer on, of all transfers, 32 bytes each: of 64 GiB. What
 * is sent beyond is hashed once more. */
#define NODE_FILE_HASHES_MAX 65536
/* Blocks of a file that are read ahead of the link. */
#define NODE_FILE_READ_AHEAD 4
/* Memory for what is read ahead, of all transfers, and for what receivers have been asked for and
 * is not on their disk. A peer for which nothing is left has one block all the same. */
#define NODE_FILE_READ_MAX ((uint64_t)8 * 1024 * 1024)
#define NODE_FILE_RECEIVE_MAX ((uint64_t)16 * 1024 * 1024)
/* Blocks of memory that are kept for the next ones while a file moves. */
#define NODE_FILE_SPARE_MAX 8
/* A sender hears that there is room when it is at least this much. */
#define NODE_FILE_MORE_MIN ((uint64_t)4 * 1024 * 1024)
/* Bytes of files that wait on a WebRTC link; with a direct one see NET_TLS_BULK_MAX. */
#define NODE_FILE_QUEUE_MAX (1024 * 1024)
/* Between two lines for who follows a transfer. */
#define NODE_FILE_PROGRESS (100 * USEC_PER_MS)

/* ---- strangers ---- */

/* Strangers that wait for the user's consent, and for how long. */
#define NODE_STRANGERS_MAX 32
#define NODE_STRANGER_TIMEOUT (5 * 60 * USEC_PER_SEC)
/* New strangers taken in a minute. */
#define NODE_STRANGERS_PER_MINUTE 20
/* Refused connections and offers that are logged and shown in a minute; the others are counted. */
#define NODE_REFUSALS_PER_MINUTE 60
/* Offers looked at in a minute from one contact, and from all strangers together: each costs a
 * signature check. */
#define NODE_OFFERS_PER_MINUTE 30
/* Trickled candidates kept until the description that they belong to is set. */
#define NODE_EARLY_CANDIDATES_MAX 32
/* One frame from the hub: the largest that it takes, 64 KiB, and what it adds to it. */
#define NODE_SIGNAL_MAX (64 * 1024 + 256)

/* ---- relays ---- */

/* The wait after a relay failed; doubled up to the maximum, and drawn from half to one and a half.
 */
#define RELAY_RETRY_MIN (1 * USEC_PER_SEC)
#define RELAY_RETRY_MAX (5 * 60 * USEC_PER_SEC)
/* How long a relay that is asked whether it is still there has to answer. */
#define RELAY_CHECK_TIME (2 * USEC_PER_SEC)
/* How long an allocation that nobody needs is kept for the next who does. */
#define RELAY_LINGER (30 * USEC_PER_SEC)
/* The least wait after a relay was full, or the user's quota there used up. */
#define RELAY_FULL_WAIT (60 * USEC_PER_SEC)
/* The head start of UDP over TCP and TLS to the same relay. What answers within it spares the relay
 * the allocations over the others; it is longer than nearly every round trip, and short beside what
 * a handshake over TLS takes where UDP is blocked. */
#define RELAY_HEAD_START (400 * USEC_PER_MS)
/* Servers that send us on to another one, in a row. */
#define RELAY_REDIRECTS_MAX 3

/* ---- netcheck ---- */

/* STUN servers asked in one check: those of config.ini and of the command line, and the relays that
 * are reached by UDP; relays that are tried; ports that TCP is tried to, each at so many servers.
 */
#define NETCHECK_STUN_ASKED_MAX 4
#define NETCHECK_RELAYS_MAX 12
#define NETCHECK_STUN_MAX (CONFIG_STUN_MAX + NETCHECK_STUN_ASKED_MAX + NETCHECK_RELAYS_MAX)
#define NETCHECK_PORTS 3
#define NETCHECK_PORT_SERVERS_MAX 4
/* Why a server does not do. */
#define NETCHECK_ERROR_MAX 256
/* Looking up all names; then asking all servers; then the whole. */
#define NETCHECK_NAMES_TIME (4 * USEC_PER_SEC)
#define NETCHECK_SERVERS_TIME (5 * USEC_PER_SEC)
#define NETCHECK_TIME_MAX (12 * USEC_PER_SEC)
/* Checks at once in a running node. */
#define NETCHECK_RUNS_MAX 2

/* ---- hub ---- */

/* The wait before signalling is tried again is drawn from a window that begins now and has this
 * length, doubled with each failure up to the maximum: all nodes of a hub that was started again
 * notice in the same instant, and come back one after the other. Their links do not need it
 * meanwhile. */
#define NODE_HUB_BACKOFF_FIRST (8 * USEC_PER_SEC)
#define NODE_HUB_BACKOFF_MAX (60 * USEC_PER_SEC)
/* A hub that ends says when to come back; it is not believed beyond this. */
#define NODE_HUB_RETURN_MAX (60 * USEC_PER_SEC)
/* A ping to the hub when the socket was silent, and how long the pong may take. */
#define NODE_HUB_PING_INTERVAL (25 * USEC_PER_SEC)
#define NODE_HUB_PONG_TIMEOUT (10 * USEC_PER_SEC)
/* The pong when there is a reason to believe that the network is another one. */
#define NODE_HUB_CHECK_TIMEOUT (3 * USEC_PER_SEC)
/* When links have fallen silent a wait is cut short: to a time drawn from the spread, and no more
 * often than this. */
#define NODE_HUB_HURRY_SPREAD (500 * USEC_PER_MS)
#define NODE_HUB_HURRY_INTERVAL (10 * USEC_PER_SEC)
/* Sessions that wait for the hub dial in a window of this length for each of them, within these
 * bounds. */
#define NODE_HUB_READY_SPACING (20 * USEC_PER_MS)
#define NODE_HUB_READY_MIN (250 * USEC_PER_MS)
#define NODE_HUB_READY_MAX (30 * USEC_PER_SEC)
/* An access token is refreshed this long before it ends. */
#define NODE_HUB_REFRESH_EARLY (60 * USEC_PER_SEC)
/* The relays of one hub that are used, and how long credentials for them are believed. */
#define NODE_HUB_RELAYS_MAX 4
/* A user name and a password from it. */
#define NODE_HUB_TURN_TEXT_MAX 256
#define NODE_HUB_TURN_TTL_MAX_S (7 * 24 * 3600)
/* One question for them; the shortest time between two; the wait after a failure, doubled up to the
 * maximum. */
#define NODE_HUB_TURN_TIMEOUT (5 * USEC_PER_SEC)
#define NODE_HUB_TURN_INTERVAL_MIN (2 * USEC_PER_SEC)
#define NODE_HUB_TURN_BACKOFF_FIRST (5 * USEC_PER_SEC)
#define NODE_HUB_TURN_BACKOFF_MAX (5 * 60 * USEC_PER_SEC)
/* Questions of the user's to the hub at once, and an answer to one: a page of 100 profiles. */
#define NODE_HUB_ERRANDS_MAX 16
#define NODE_HUB_DIRECTORY_MAX (2 * 1024 * 1024)
/* One answer of the hub's HTTP API. */
#define NODE_HUB_ANSWER_MAX (64 * 1024)
#define NODE_HUB_HTTP_TIMEOUT (15 * USEC_PER_SEC)

/* A login in a browser, or by a code that a person types: until it is given up; the port on
 * loopback that the browser comes back to takes so many connections; and how much longer a node
 * waits between two questions when the hub is slow. */
#define NODE_LOGIN_TIMEOUT (15 * 60 * USEC_PER_SEC)
#define NODE_LOGIN_CONNECTIONS_MAX 16
#define NODE_LOGIN_SLOWER (5 * USEC_PER_SEC)

/* ---- STUN ---- */

/* Names of STUN servers: the wait after one was not found, doubled up to the maximum, and how long
 * the addresses of one that was are good. */
#define NODE_STUN_BACKOFF_FIRST (1 * USEC_PER_SEC)
#define NODE_STUN_BACKOFF_MAX (5 * 60 * USEC_PER_SEC)
#define NODE_STUN_REFRESH (60 * 60 * USEC_PER_SEC)

/* ---- quality ---- */

/* Between two samples of a link. */
#define NODE_QUALITY_INTERVAL (10 * USEC_PER_SEC)
/* The time whose loss is told as that of now: pieces are few on a quiet link. */
#define NODE_QUALITY_LOSS_TIME (60 * USEC_PER_SEC)

/* ---- local API ---- */

/* Requests under way at once, event streams and waiting AI queries included. */
#define NODE_API_CALLS_MAX 64
#define NODE_API_BODY_MAX (1024 * 1024)
/* Bytes of text in one page of an export; one message may be larger. */
#define NODE_API_PAGE_BYTES (4 * 1024 * 1024)
/* A safety number as somebody types it, with blanks wherever. */
#define NODE_API_SAFETY_TYPED_MAX 256
/* Readers of /events. What each may lag behind before it misses lines is WEB_STREAM_QUEUE_MAX. */
#define NODE_API_SUBSCRIBERS_MAX 16
/* A blank line on a silent event stream: it shows the reader, and us, that both still live. */
#define NODE_API_KEEPALIVE (15 * USEC_PER_SEC)
/* What a reader sends on a websocket is read and dropped: so much in one message, and so many in a
 * minute. Beyond, the socket is closed. */
#define NODE_API_IGNORED_SIZE_MAX 1024
#define NODE_API_IGNORED_PER_MINUTE 60
/* Connections to the local API on loopback, those of each address apart, each with one request at a
 * time. */
#define NODE_API_PORT_CONNECTIONS_MAX 64
/* Wrong tokens there that are answered as such in a minute; beyond, with 429. */
#define NODE_API_WRONG_TOKENS_PER_MINUTE 30
/* The longest that a request may ask to wait. */
#define NODE_API_TIMEOUT_MAX_MS (10 * 60 * 1000)

#endif
