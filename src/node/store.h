/* What a node keeps: contacts, chat history with its outbox, and settings, in the SQLite database
 * `$DPC_HOME/dpc.db` (mode 0600).
 *
 * What is added or changed is on disk (WAL with synchronous=FULL) when its function returns ERR_OK:
 * a message that was accepted survives kill -9 and a power cut, and one that was acknowledged to a
 * peer is stored. Only the marks sent, unsent and delivered do not wait for the disk: losing one
 * leads to a redelivery. The outbox is the outgoing part of the history that is not delivered yet,
 * in the order of acceptance; an incoming message is stored once, however often it comes.
 *
 * Any function can return ERR_IO (disk, or another process holds the database), ERR_CORRUPT or
 * ERR_NOMEM besides what it names; store_fault_text() then has the line for a person. */
#ifndef NODE_STORE_H
#define NODE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "node/fault.h"
#include "node/limits.h"

struct store;

/* The database, in the home. */
#define STORE_FILE "dpc.db"

/* Opens or creates `home`/dpc.db and brings it to the newest form. ERR_CORRUPT: the file is damaged
 * or no database; ERR_UNSUPPORTED: written by a newer program; ERR_IO. *ret_fault says it in words
 * with the next step. */
MUST_CHECK enum err store_open(const char *home, struct store **ret_store, struct fault *ret_fault);
/* Accepts NULL. */
void store_close(struct store *store);
/* The last failure in words; "" at first. */
const char *store_fault_text(const struct store *store);

/* ---- Contacts ---- */

enum store_policy {
	STORE_POLICY_AUTO,
	STORE_POLICY_DIRECT_ONLY,
	STORE_POLICY_RELAY_ONLY,
	STORE_POLICY_LAN_ONLY,
};

struct store_contact {
	char node_id[STORE_NODE_ID_MAX + 1];
	char name[STORE_NAME_MAX + 1]; /* unique; the node id where none was given */
	char pin[STORE_PIN_MAX + 1];   /* lower-case hex SHA-256 of the public key, or "" */
	char addresses[STORE_ADDRESSES_MAX][STORE_ADDRESS_MAX + 1]; /* "host:port", best first */
	size_t address_count;
	bool hub_vouched; /* accept this peer on the hub's word, without an assertion */
	bool verified;    /* two people compared the safety number of this pin */
	bool blocked;
	bool keep_connected; /* dial again by itself when the link is lost */
	enum store_policy policy;
	int64_t added; /* seconds since 1970 */
};

/* "auto", "direct-only", "relay-only", "lan-only". */
const char *store_policy_name(enum store_policy policy);
bool store_policy_parse(const char *name, enum store_policy *ret_policy);

/* A name is 1 to STORE_NAME_MAX bytes of UTF-8 without control characters, does not begin or end
 * with a space, and holds none of "[]". A name that has the form of a node id is its own only. */
bool store_name_is_valid(const char *name);

/* Adds a contact; an empty name becomes the node id. ERR_MALFORMED, ERR_EXISTS (the id, or the name
 * is another contact's), ERR_LIMIT. */
MUST_CHECK enum err store_contact_add(struct store *store, const struct store_contact *contact);
/* Replaces everything but the node id and the time it was added. The mark `verified` is about the
 * key that is pinned already: with another one, or none, it is dropped. ERR_NOT_FOUND, ERR_EXISTS
 * (the name), ERR_MALFORMED. */
MUST_CHECK enum err store_contact_update(struct store *store, const struct store_contact *contact);
/* Sets keep_connected. True does not wait for the disk, since it is written while a link comes up;
 * a power cut that undoes it costs a dial by hand. ERR_NOT_FOUND. */
MUST_CHECK enum err store_contact_keep(struct store *store, const char *node_id, bool keep);
/* Forgets the contact, its pin and what is not delivered to it; the rest of the history stays.
 * ERR_NOT_FOUND. */
MUST_CHECK enum err store_contact_remove(struct store *store, const char *node_id);

/* By exact node id. ERR_NOT_FOUND. */
MUST_CHECK enum err store_contact_get(
	struct store *store, const char *node_id, struct store_contact *ret_contact);
/* By what a person types: an id, a name, else the start of an id (with or without "dpc-node-") or
 * of a name that fits one contact only. ERR_NOT_FOUND, ERR_MISMATCH (fits several). */
MUST_CHECK enum err store_contact_find(
	struct store *store, const char *text, struct store_contact *ret_contact);
/* Contacts sorted by name (bytes), those behind `after_name` ("" from the first), at most
 * `capacity`. Fewer than that is the end. */
MUST_CHECK enum err store_contact_list(struct store *store, const char *after_name,
	struct store_contact *contacts, size_t capacity, size_t *ret_count);
MUST_CHECK enum err store_contact_count(struct store *store, size_t *ret_count);

/* Pins the key if none is pinned. ERR_MISMATCH: another one is, nothing was changed; the same one
 * is ERR_OK. ERR_NOT_FOUND, ERR_MALFORMED. */
MUST_CHECK enum err store_contact_pin(struct store *store, const char *node_id, const char *pin);
/* Puts the address in front of the others; drops the last when there are too many. ERR_NOT_FOUND,
 * ERR_MALFORMED. */
MUST_CHECK enum err store_contact_add_address(
	struct store *store, const char *node_id, const char *address);

/* ---- History and outbox ---- */

enum store_direction {
	STORE_OUT,
	STORE_IN,
};

enum store_state {
	STORE_QUEUED,    /* outgoing: accepted, on no link yet */
	STORE_SENT,      /* outgoing: on its way over a link, not acknowledged */
	STORE_DELIVERED, /* outgoing: acknowledged by the peer */
	STORE_RECEIVED,  /* incoming */
	STORE_READ,      /* delivered and seen there; or incoming and seen here */
};

/* Edits and deletions wait in the outbox as messages do, and are gone when the peer has them
 * (store_change.h). The history is texts. */
enum store_kind {
	STORE_TEXT,
	STORE_EDIT,
	STORE_DELETION,
};

const char *store_direction_name(enum store_direction direction); /* "out", "in" */
const char *store_state_name(enum store_state state);             /* "queued", … */

struct store_message {
	int64_t sequence; /* order in the database, above 0 */
	char id[STORE_MESSAGE_ID_MAX + 1];
	char peer[STORE_NODE_ID_MAX + 1];
	enum store_direction direction;
	enum store_state state;
	enum store_kind kind;
	double timestamp; /* seconds since 1970, the sender's */
	char *text;       /* owned by the page; "" when it is deleted */
	/* The id of the message it replies to, or that it changes; "": of none. */
	char refers[STORE_MESSAGE_ID_MAX + 1];
	char *attachments; /* owned as the text is: JSON of message/attachments.h, or "" */
	double edited;     /* when, the sender's time; 0: never */
	bool deleted;
};

/* What becomes a message. */
struct store_draft {
	const char *id, *text;
	double timestamp;
	const char *reply_to;      /* the id of a message of either side, or NULL */
	const json_t *attachments; /* valid ones of message/attachments.h, or NULL */
};

/* An answer of several messages. Zeroed it is empty. */
struct store_page {
	struct store_message *messages;
	size_t count;
	bool more; /* there are further ones on the side asked for */
};

void store_page_deinit(struct store_page *page);

/* Accepts an outgoing message: from here on it is kept until it is delivered. ERR_LIMIT: the outbox
 * or the history of this peer is full; ERR_EXISTS: the peer has one of this id; ERR_MALFORMED,
 * ERR_TOO_LARGE. */
MUST_CHECK enum err store_outbox_add(
	struct store *store, const char *peer, const struct store_draft *draft);

/* Outgoing messages and changes to the peer that are not delivered (queued and sent), oldest first,
 * with a sequence above `after` (0: from the first), at most `count_max` and STORE_PAGE_MAX. On a
 * new link begin at 0: what was sent on a lost one is sent again. */
MUST_CHECK enum err store_outbox_pending(struct store *store, const char *peer, int64_t after,
	size_t count_max, struct store_page *ret_page);
/* How many there are; `peer` NULL: of all peers. */
MUST_CHECK enum err store_outbox_count(struct store *store, const char *peer, size_t *ret_count);
/* Peers with such messages, by id, behind `after_peer` ("" from the first). */
MUST_CHECK enum err store_outbox_peers(struct store *store, const char *after_peer,
	char (*peers)[STORE_NODE_ID_MAX + 1], size_t capacity, size_t *ret_count);

/* A queued message went onto a link. Delivered ones stay delivered. ERR_NOT_FOUND. */
MUST_CHECK enum err store_mark_sent(struct store *store, const char *peer, const char *id);
/* The link is gone: what was sent and not acknowledged is queued again. */
MUST_CHECK enum err store_mark_unsent(struct store *store, const char *peer);
/* The peer acknowledged it; *ret_first is false when it had done so before. ERR_NOT_FOUND: we have
 * no such outgoing message. `ret_first` may be NULL. */
MUST_CHECK enum err store_mark_delivered(
	struct store *store, const char *peer, const char *id, bool *ret_first);

/* Stores an incoming message; after ERR_OK it may be acknowledged. *ret_new is false when it was
 * there already (a redelivery), and then nothing has changed. ERR_LIMIT, ERR_MALFORMED,
 * ERR_TOO_LARGE. */
MUST_CHECK enum err store_receive(
	struct store *store, const char *peer, const struct store_draft *draft, bool *ret_new);

/* One message. An incoming and an outgoing one may have the same id. ERR_NOT_FOUND. The text is
 * freed by the caller. */
MUST_CHECK enum err store_message_get(struct store *store, const char *peer,
	enum store_direction direction, const char *id, struct store_message *ret_message);
void store_message_deinit(struct store_message *message);

/* The last `count_max` messages with the peer before the one of sequence `before` (0: the newest),
 * oldest first. `more`: there are older ones. */
MUST_CHECK enum err store_history(struct store *store, const char *peer, int64_t before,
	size_t count_max, struct store_page *ret_page);
/* The sequence of the message with this id, whichever its direction. ERR_NOT_FOUND. */
MUST_CHECK enum err store_history_sequence(
	struct store *store, const char *peer, const char *id, int64_t *ret_sequence);

/* ---- Settings ---- */

/* Values are secrets at times (a refresh token): never log them. ERR_LIMIT, ERR_TOO_LARGE. */
MUST_CHECK enum err store_setting_set(struct store *store, const char *key, const char *value);
/* The caller frees the value. ERR_NOT_FOUND. */
MUST_CHECK enum err store_setting_get(struct store *store, const char *key, char **ret_value);
/* Removing what is not there is ERR_OK. */
MUST_CHECK enum err store_setting_remove(struct store *store, const char *key);

#endif
