/* The named limits of hub/. Those of rates are defaults of the configuration. */
#ifndef HUB_LIMITS_H
#define HUB_LIMITS_H

#include "base/usec.h"
#include "crypto/limits.h"

/* A frame on the signalling socket. */
#define RELAY_SIZE_MAX 65536
/* One that the hub sends: with the sender's id, and a few more names. */
#define RELAY_OUT_SIZE_MAX (RELAY_SIZE_MAX + 256)
/* Frames that are no JSON object, or lack what they need, until the socket is closed. */
#define RELAY_INVALID_MAX 10
/* Bytes of signals that wait for a node that reads slowly; beyond, their senders are told. What the
 * hub itself has to say to it may wait besides; beyond that, it is disconnected. */
#define RELAY_QUEUE_BYTES_MAX (512 * 1024)
#define RELAY_ANSWERS_BYTES_MAX (64 * 1024)
/* So many bytes may wait whoever sent them; of the rest of the queue each sender has a share, and
 * so many senders have one at a time. */
#define BACKLOG_FREE_BYTES (96 * 1024)
#define BACKLOG_SHARE_MAX (160 * 1024)
#define BACKLOG_SENDERS_MAX 64
/* Nodes connected at once. */
#define PRESENCE_MAX 100000

/* Bodies of requests: none carries more than a certificate, a public key and a signature. */
#define HUB_BODY_MAX 16384
/* The forms of our pages. */
#define FORM_MAX 1024
/* A public key in PEM; one of RSA 4096 takes 800 bytes. */
#define PUBLIC_KEY_MAX 2048
/* A signature in base64. */
#define SIGNATURE_TEXT_MAX (((IDENTITY_SIGNATURE_MAX + 2) / 3) * 4)

/* How long a challenge may be answered. For so long it is remembered that one was, so that none is
 * answered twice: only an answer that was right counts, so strangers cannot fill the table. */
#define CHALLENGE_LIFETIME_S 60
#define CHALLENGE_KEY_SIZE 32

/* An access token as text. */
#define TOKEN_SIZE_MAX 2048
#define ACCESS_TOKEN_LIFETIME_S (30 * 60)
/* How far a token may seem to come from the future: clocks of several hubs differ. */
#define TOKEN_FUTURE_MAX_S 60
/* A refresh token that is not used for so long is gone, and the login with it. */
#define REFRESH_TOKEN_LIFETIME_S (30 * 24 * 3600)
/* Refresh tokens that are remembered of one login, the used ones included: a second use of one of
 * them shows that somebody has a copy. An older one is not known any more, and as useless. */
#define REFRESH_TOKENS_PER_SESSION_MAX 256
/* Logins of one account that are remembered; beyond, first those that have ended are forgotten,
 * then the oldest is logged out. */
#define SESSIONS_PER_USER_MAX 32
/* Providers of the configuration, and the name of one. */
#define PROVIDERS_MAX 8
#define PROVIDER_NAME_MAX 32
/* Of a provider: its set of keys, those of it that count, and the id of one; an id token and its
 * signature; who it is about, and an e-mail address. What it answers beyond is refused. */
#define JWKS_SIZE_MAX 65536
#define JWKS_KEYS_MAX 16
#define JWK_ID_MAX 128
#define ID_TOKEN_SIZE_MAX 16384
#define ID_TOKEN_SIGNATURE_MAX 1024
#define SUBJECT_MAX 255
#define EMAIL_MAX 254
/* How far its clock may differ from ours. */
#define ID_TOKEN_SKEW_MAX_S 60
/* An answer of a provider, how long it may take, and how long its description and keys count. Where
 * it failed it is not asked again for a moment; keys that it may have changed are not fetched more
 * often than that either. */
#define PROVIDER_ANSWER_MAX 65536
#define PROVIDER_TIMEOUT_S 10
#define PROVIDER_FRESH_S 3600
#define PROVIDER_RETRY_S 5
#define PROVIDER_KEYS_INTERVAL_S 30
/* A login on its way through the provider's pages, the address that its client is called back at,
 * and what the client wants to hear there again. */
#define PENDING_LIFETIME_S 600
#define REDIRECT_URI_MAX 200
#define CLIENT_STATE_MAX 128
/* The code that a client is given there; and tickets of logins of one account, which are those
 * codes and the logins that were finished lately. */
#define LOGIN_CODE_LIFETIME_S 60
#define LOGIN_TICKETS_PER_USER_MAX 64
/* What a person types for a device: eight letters with a dash between. */
#define USER_CODE_MAX 9
/* How long a device waits for that, how many seconds it waits between two questions at least, and
 * how often one address may guess a code. */
#define DEVICE_LIFETIME_S 900
#define DEVICE_INTERVAL_S 5
#define RATE_GUESS_PER_S 1
#define RATE_GUESS_BURST 20

/* Tickets of logins under way (store.h), of all together and of one owner. */
#define TICKETS_MAX 65536
#define TICKETS_PER_OWNER_MAX 16
/* Nodes that have come or gone before the store is told of all of them together; sooner with the
 * next upkeep. */
#define SEEN_MAX 256
/* How often the hub looks at what is changed from outside: its certificate, and keys and bans in a
 * store that it shares. */
#define UPKEEP_INTERVAL_S 5
#define SHARED_INTERVAL_S 60
/* How often what has expired is deleted. */
#define STORE_CLEANUP_INTERVAL_S 3600

/* PostgreSQL: how long an answer is waited for, in which the hub does nothing else; how long a new
 * connection may take, which holds nothing up; after which time the next one is tried; and what
 * bringing the schema up may take, when a hub starts. */
#define POSTGRES_WAIT (1000 * USEC_PER_MS)
#define POSTGRES_CONNECT_WAIT (5 * USEC_PER_SEC)
#define POSTGRES_RETRY (500 * USEC_PER_MS)
#define POSTGRES_MIGRATION_WAIT (60 * USEC_PER_SEC)

/* NATS: urls of servers; subjects that are subscribed to; a line, of which the greatest is what a
 * server says of itself; a message, above those of hubs; what may wait for the server, beyond which
 * a signal is not sent, and what the socket gets at once. */
#define NATS_URLS_MAX 4
#define NATS_URL_MAX 512
#define NATS_SUBJECTS_MAX 4
#define NATS_SUBJECT_MAX 160
#define NATS_LINE_MAX 32768
#define NATS_PAYLOAD_MAX (128 * 1024)
#define NATS_QUEUE_MAX (16 * 1024 * 1024)
#define NATS_SEND_MAX 65536
/* How often a server is asked whether it is there, after which silence it is taken for gone, and
 * about how long until the next attempt. */
#define NATS_PING_INTERVAL (2 * USEC_PER_SEC)
#define NATS_SILENCE_MAX (5 * USEC_PER_SEC)
#define NATS_RETRY (500 * USEC_PER_MS)

/* Other hubs, and nodes that are connected to them. */
#define BUS_HUBS_MAX 256
#define BUS_NODES_MAX 10000000
/* How often a hub says that it is alive, and after which silence its nodes are taken for gone. */
#define BUS_BEAT_INTERVAL (1 * USEC_PER_SEC)
#define BUS_SILENCE_MAX (5 * USEC_PER_SEC)
/* How often another hub is asked for a snapshot at most; how long an answer waits for others who
 * ask, too; and the nodes in one message of it. */
#define BUS_WANT_INTERVAL (500 * USEC_PER_MS)
#define BUS_SNAPSHOT_DELAY (50 * USEC_PER_MS)
#define BUS_SNAPSHOT_ENTRIES 1000
/* How long a signal is held whose target no hub is known to have, and how many at most. */
#define BUS_HELD_TIME (200 * USEC_PER_MS)
#define BUS_HELD_MAX 1024
#define BUS_HELD_BYTES_MAX (4 * 1024 * 1024)
/* After being cut off a hub asks the store about its nodes: so many at a time, and how often. */
#define BUS_RECHECK_NODES 10
#define BUS_RECHECK_INTERVAL (20 * USEC_PER_MS)

/* Requests to the login and registration paths, and to all others, of one address (an IPv6 one
 * counts by its /64): tokens a second, and saved up at most. */
#define RATE_LOGIN_PER_S 20
#define RATE_LOGIN_BURST 200
#define RATE_REQUEST_PER_S 100
#define RATE_REQUEST_BURST 1000
/* Signals of one node. Setting up a connection takes about ten. */
#define RATE_SIGNAL_PER_S 200
#define RATE_SIGNAL_BURST 1000
/* Credentials for the relays, of one node: it needs new ones once in their life, and after each
 * login. */
#define RATE_TURN_PER_S 1
#define RATE_TURN_BURST 20
/* Addresses, or nodes, that a rate limit remembers; beyond, the one that was idle longest is
 * forgotten. */
#define RATE_ENTRIES_MAX 65536

/* How long credentials for the relays are good: by default, and at most. */
#define TURN_TTL_DEFAULT_S 3600
#define TURN_TTL_MAX_S (24 * 3600)
/* The relays that are named to nodes, and the fewest characters of the secret shared with them. */
#define TURN_URIS_MAX 4
#define TURN_SECRET_MIN 16

/* A profile, in bytes of UTF-8 unless it says otherwise. */
#define PROFILE_NAME_MAX 200
#define PROFILE_DESCRIPTION_MAX 2000
#define PROFILE_TOPICS_MAX 32
#define PROFILE_TOPIC_MAX 100
#define PROFILE_LEVEL_MAX 5
#define PROFILE_COMPUTE_MAX 2048
#define PROFILE_URI_MAX 512
/* Nodes of an account that its profile names, those seen last first. */
#define PROFILE_NODES_MAX 8

/* What a node calls itself, in bytes; registered nodes of an account; and the longest list of whom
 * a node lets through, with the body that says so. */
#define NODE_NAME_MAX 64
#define NODES_PER_USER_MAX 64
#define ADMISSION_CONTACTS_MAX 2000
#define ADMISSION_BODY_MAX (128 * 1024)

/* A search: its text, its words, and the profiles of one page. */
#define SEARCH_TEXT_MAX 200
#define SEARCH_WORDS_MAX 8
#define SEARCH_PAGE_DEFAULT 20
#define SEARCH_PAGE_MAX 100

/* Over how long nodes come back when the hub ends: at least, so many in each millisecond of it, and
 * at most. And how long it waits for its goodbyes to be read, unless it is told. */
#define DRAIN_SPREAD_MIN_MS 1000
#define DRAIN_RECONNECTS_PER_MS 2
#define DRAIN_SPREAD_MAX_MS 30000
#define DRAIN_TIME_S 2
/* The earliest that is named: the time that it waits, of which this much at most counts, and then
 * the next hub has to start. */
#define DRAIN_COUNTED_MAX_S 10
#define DRAIN_RESTART_MS 500

/* Proxies whose word on who a client is counts. */
#define TRUSTED_PROXIES_MAX 8

/* Names by which nodes reach the hub. */
#define ORIGINS_MAX 8

/* Keys that sign access tokens: an id (16 hexadecimal digits and a final zero), a secret, and how
 * many can count at once: the newest, and those whose tokens have not all expired. */
#define TOKEN_KEY_ID_MAX 17
#define TOKEN_KEY_SIZE 32
#define TOKEN_KEYS_MAX 8
/* How old a key gets before the next is made by itself, unless it is told. */
#define TOKEN_KEY_DAYS 90

/* Who is shut out: how many at once, and the texts of one. */
#define BANS_MAX 10000
#define BAN_KIND_MAX 8
#define BAN_SUBJECT_MAX 64
#define BAN_REASON_MAX 200

/* An account: whose word on the person it is, and what that calls them. */
#define ACCOUNT_PROVIDER_MAX 63
#define ACCOUNT_SUBJECT_MAX 255

/* Accounts, nodes or bans in one answer to the operator. */
#define ADMIN_PAGE_MAX 100

#endif
