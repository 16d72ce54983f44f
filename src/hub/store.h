/* What the hub keeps on disk: accounts, registered nodes, profiles, logins (sessions) and their
 * refresh tokens.
 *
 * Times are unix seconds. Every function can also fail with ERR_IO or ERR_CORRUPT: the disk, or the
 * database, and the log then names the cause; or with ERR_UNREACHABLE: a database elsewhere does
 * not answer just now. Nothing is half done then. Refresh tokens are kept as SHA-256 only. */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/usec.h"
#include "crypto/node_id.h"
#include "hub/limits.h"

struct net_loop;
struct store;

/* Room for the line that says why the store cannot be opened. */
#define STORE_PROBLEM_MAX 512
/* A session's id: 32 hexadecimal digits and a final zero. */
#define SESSION_ID_MAX 33

/* A login: what an access token stands for as long as it is not revoked. */
struct store_session {
	char id[SESSION_ID_MAX];
	int64_t user_id;
	char node_id[NODE_ID_MAX]; /* the node that logged in; "" when no node did */
};

struct store_node {
	int64_t user_id;
	struct node_pin pin;
	int64_t registered;
};

#define STORE_LATENCY_BUCKETS 7
extern const usec store_latency_bounds[STORE_LATENCY_BUCKETS - 1];

/* Since it was opened. */
struct store_stats {
	uint64_t steps, errors;
	usec busy; /* time spent in it */
	/* Steps by how long they took, in the bucket of the first bound that was not exceeded; the
	 * last has none. And their sum. */
	uint64_t latency[STORE_LATENCY_BUCKETS];
	usec step_time;
	uint64_t losses; /* of the connection to it */
	bool is_away;    /* there is no connection */
};

struct store_stats store_stats(const struct store *store);
/* Whether it answers. */
MUST_CHECK enum err store_ping(struct store *store);

/* Opens `directory`/hub.db, or creates it, and brings it to the newest version. ERR_CORRUPT
 * (damaged, or made by a newer hub), ERR_IO; `problem` then says which file, why, and what to do.
 */
MUST_CHECK enum err store_open(const char *directory, char *problem, struct store **ret_store);
/* The same in the PostgreSQL database of this url, which several hubs may share. When the
 * connection is lost, the loop makes another; it outlives the store. ERR_UNREACHABLE,
 * ERR_UNSUPPORTED, ERR_IO, ERR_CORRUPT (made by a newer hub). */
MUST_CHECK enum err store_open_postgres(
	const char *url, struct net_loop *loop, char *problem, struct store **ret_store);
/* Accepts NULL. */
void store_close(struct store *store);

/* The account of this subject at this provider ("key": the subject is the pin of the node's key).
 * ERR_NOT_FOUND unless it may be created. */
MUST_CHECK enum err store_user_find(struct store *store, const char *provider, const char *subject,
	bool may_create, int64_t now, int64_t *ret_user_id);
/* When the account was created. ERR_NOT_FOUND. */
MUST_CHECK enum err store_user_get(struct store *store, int64_t user_id, int64_t *ret_created);

/* ---- Nodes ---- */

/* ERR_NOT_FOUND. */
MUST_CHECK enum err store_node_get(
	struct store *store, const char *node_id, struct store_node *ret_node);
/* ERR_EXISTS when another account, or another key, has this id; registering the same again renews
 * the certificate. A node that is in the account of its own key (provider "key") moves to this one,
 * and what logins that account made for it end. ERR_LIMIT: the account has NODES_PER_USER_MAX. */
MUST_CHECK enum err store_node_register(struct store *store, const char *node_id,
	const struct store_node *node, const char *certificate_pem);

/* A node as its account's owner sees it. */
struct store_device {
	char node_id[NODE_ID_MAX];
	char name[NODE_NAME_MAX + 1];
	int64_t registered;
	int64_t last_seen; /* when its signalling socket was last opened or closed; 0: never */
};

/* The nodes of the account, the one seen last first; at most `max`. */
MUST_CHECK enum err store_nodes_of_user(struct store *store, int64_t user_id, size_t max,
	struct store_device *devices, size_t *ret_count);
/* ERR_OK also when there is no such node. */
MUST_CHECK enum err store_node_rename(struct store *store, const char *node_id, const char *name);
/* Its signalling socket was opened or closed. That is written with the next SEEN_MAX of them, by
 * store_seen_write(), or when the store is closed; whoever asks this store sees it at once. An
 * error is that of writing: what was collected stays for the next time, this one is lost. */
MUST_CHECK enum err store_node_seen(struct store *store, const char *node_id, int64_t now);
MUST_CHECK enum err store_seen_write(struct store *store);
/* With its logins and its admission. */
MUST_CHECK enum err store_node_delete(struct store *store, const char *node_id);

/* Whom a node lets through (admission.h), as JSON; the text got is freed with free().
 * ERR_NOT_FOUND: it never said. */
MUST_CHECK enum err store_admission_put(struct store *store, const char *node_id, const char *text);
MUST_CHECK enum err store_admission_get(struct store *store, const char *node_id, char **ret_text);
MUST_CHECK enum err store_admission_delete(struct store *store, const char *node_id);

/* Which of these nodes allow `node_id` by name: `node_ids` is a JSON array of their ids, and of
 * `ret_ids`, with room for all of them, as many are filled. */
MUST_CHECK enum err store_admissions_naming(struct store *store, const char *node_ids,
	const char *node_id, size_t max, char (*ret_ids)[NODE_ID_MAX], size_t *ret_count);

/* ---- Profiles, one of an account ---- */

struct store_profile {
	int64_t user_id;
	const char *text; /* JSON */
	int64_t updated;
	/* What a search finds: at 0 name and description, at 1 to 5 the topics of that level. NULL:
	 * the profile is not to be found. */
	const char *const *words;
};

/* A profile from the store; `text` is freed with free(). */
struct store_found {
	int64_t user_id;
	char *text;
	int64_t updated;
};

MUST_CHECK enum err store_profile_put(struct store *store, const struct store_profile *profile);
/* ERR_NOT_FOUND, ERR_NOMEM. */
MUST_CHECK enum err store_profile_get(
	struct store *store, int64_t user_id, struct store_found *ret_found);
/* ERR_OK also when there is none. */
MUST_CHECK enum err store_profile_delete(struct store *store, int64_t user_id);

struct store_search {
	const char *const *words; /* each is the beginning of a word, whatever its case */
	size_t word_count;        /* 1 to SEARCH_WORDS_MAX */
	/* All words are somewhere in the profile; and one is in a topic of this level, and none in
	 * one of a higher level. 0: none is in a topic. */
	unsigned level;
	int64_t before; /* only accounts with smaller ids; the greatest come first */
};

/* At most `max` profiles; on failure none. ERR_NOMEM. */
MUST_CHECK enum err store_profile_search(struct store *store, const struct store_search *search,
	size_t max, struct store_found *found, size_t *ret_count);

/* ---- Logins ---- */

/* A new login with its first refresh token. The oldest logins of the account beyond
 * SESSIONS_PER_USER_MAX end. */
MUST_CHECK enum err store_session_create(struct store *store, const struct store_session *session,
	const uint8_t refresh_hash[SHA256_SIZE], int64_t now);
/* Replaces a refresh token by the next. ERR_NOT_FOUND (no such token), ERR_EXPIRED (it, or the
 * login, is over), ERR_UNTRUSTED: it was replaced before, so somebody has a copy; the login is
 * revoked, and
 * `*ret_session` says which. */
MUST_CHECK enum err store_session_refresh(struct store *store, const uint8_t old_hash[SHA256_SIZE],
	const uint8_t new_hash[SHA256_SIZE], int64_t now, struct store_session *ret_session);
/* Whose refresh token it is, used or not. ERR_NOT_FOUND, ERR_EXPIRED. */
MUST_CHECK enum err store_session_of_refresh(struct store *store, const uint8_t hash[SHA256_SIZE],
	int64_t now, struct store_session *ret_session);
/* ERR_DENIED when it was revoked or is not known. */
MUST_CHECK enum err store_session_check(struct store *store, const char *session_id);
/* Ends the login; ERR_OK also when it was over. */
MUST_CHECK enum err store_session_revoke(struct store *store, const char *session_id);

/* ---- Tickets: what is remembered for minutes, of logins under way ---- */

/* Any hub of a cluster may be asked about what another gave out, so it is kept here. */
struct store_ticket {
	const char *key;   /* nobody guesses it */
	const char *owner; /* for whom it takes room: an address, an account */
	const char *text;
	int64_t expires;
};

/* ERR_EXISTS: there is one with this key; ERR_LIMIT: the owner has `owner_max`, or all together
 * TICKETS_MAX. Those that have expired do not count. */
MUST_CHECK enum err store_ticket_put(
	struct store *store, const struct store_ticket *ticket, size_t owner_max, int64_t now);
/* The text is freed with free(). ERR_NOT_FOUND (expired ones too), ERR_NOMEM. */
MUST_CHECK enum err store_ticket_get(
	struct store *store, const char *key, int64_t now, char **ret_text);
/* The same, and it is gone: of several who ask, one gets it. */
MUST_CHECK enum err store_ticket_take(
	struct store *store, const char *key, int64_t now, char **ret_text);
/* Replaces the text, if it is still `old_text`. ERR_NOT_FOUND. */
MUST_CHECK enum err store_ticket_change(struct store *store, const char *key, const char *old_text,
	const char *new_text, int64_t now);

/* End all logins of an account, or of a node. */
MUST_CHECK enum err store_sessions_revoke_user(struct store *store, int64_t user_id);
MUST_CHECK enum err store_sessions_revoke_node(struct store *store, const char *node_id);

/* ---- Challenges (challenge.h); any hub may be answered what another gave out ---- */

/* The key under which they are made: `fresh` from now on, unless there is one already. */
MUST_CHECK enum err store_challenge_key(struct store *store,
	const uint8_t fresh[CHALLENGE_KEY_SIZE], uint8_t ret_key[CHALLENGE_KEY_SIZE]);
/* It was answered rightly, which is remembered until `expires`. ERR_EXISTS: it was before. */
MUST_CHECK enum err store_challenge_spend(
	struct store *store, const char *challenge, int64_t expires, int64_t now);

/* Deletes what has expired. */
MUST_CHECK enum err store_cleanup(struct store *store, int64_t now);

/* ---- Keys that sign access tokens; those who share the store share them ---- */

struct store_key {
	char id[TOKEN_KEY_ID_MAX]; /* the `kid` of tokens that it signs */
	uint8_t secret[TOKEN_KEY_SIZE];
	int64_t created;
	int64_t retires; /* from then on it counts no more; 0: that is not known yet */
};

/* Those that count at `now`, the newest first; at most TOKEN_KEYS_MAX. */
MUST_CHECK enum err store_keys_get(
	struct store *store, int64_t now, struct store_key *keys, size_t *ret_count);
/* Adds one, from now on the newest; all others retire at `retire_others`, if not before. */
MUST_CHECK enum err store_key_add(
	struct store *store, const struct store_key *key, int64_t retire_others);

/* ---- Who is shut out ---- */

struct store_ban {
	char kind[BAN_KIND_MAX];       /* as in bans.h: "account", "node", "address" */
	char subject[BAN_SUBJECT_MAX]; /* as that kind is written */
	char reason[BAN_REASON_MAX + 1];
	int64_t created;
};

/* The same again replaces reason and time. ERR_LIMIT: BANS_MAX. */
MUST_CHECK enum err store_ban_put(struct store *store, const struct store_ban *ban);
/* ERR_NOT_FOUND. */
MUST_CHECK enum err store_ban_delete(struct store *store, const char *kind, const char *subject);
/* Those behind `after` in the order of kind and subject; NULL: from the first. At most `max`. */
MUST_CHECK enum err store_bans_list(struct store *store, const struct store_ban *after, size_t max,
	struct store_ban *bans, size_t *ret_count);

/* ---- What the operator looks at ---- */

struct store_account {
	int64_t id;
	char provider[ACCOUNT_PROVIDER_MAX + 1];
	char subject[ACCOUNT_SUBJECT_MAX + 1];
	int64_t created;
	uint32_t nodes;
};

/* Accounts with greater ids than `after`, in their order; at most `max`. */
MUST_CHECK enum err store_users_list(struct store *store, int64_t after, size_t max,
	struct store_account *accounts, size_t *ret_count);

struct store_listed_node {
	struct store_device device;
	int64_t user_id;
};

/* Nodes behind `after` ("": from the first), by their ids; at most `max`. */
MUST_CHECK enum err store_nodes_list(struct store *store, const char *after, size_t max,
	struct store_listed_node *nodes, size_t *ret_count);

#endif
