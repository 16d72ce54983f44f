/* What becomes of a message after it was sent: edits, deletions, and how far each side has read.
 *
 * Of the two sides only the one that wrote a message changes it. Here a change is done at once, and
 * it is in the outbox, behind the message, until the peer acknowledges it: then it is gone. The
 * errors that any function of the store can return are in store.h. */
#ifndef NODE_STORE_CHANGE_H
#define NODE_STORE_CHANGE_H

#include "node/store.h"

/* How many unread messages are counted: beyond, it is this many. */
#define STORE_UNREAD_MAX 1000

/* The message that a person means, of one side or (STORE_EITHER) both: by its id, or the beginning
 * of one that fits one only, of at least STORE_ID_START_MIN characters. ERR_NOT_FOUND;
 * ERR_MISMATCH: several begin so, or both sides have one of this id, which a peer can bring about.
 * The text is freed by the caller. */
#define STORE_ID_START_MIN 4
#define STORE_EITHER (-1)
MUST_CHECK enum err store_message_find(struct store *store, const char *peer, int direction,
	const char *id, struct store_message *ret_message);
/* The last one that we wrote and did not delete. ERR_NOT_FOUND. */
MUST_CHECK enum err store_message_last(
	struct store *store, const char *peer, struct store_message *ret_message);

/* Gives one of our messages another text. `change_id` is that of the edit in the outbox, and its
 * time is `now`, or a little later where the message has an edit of a later time already.
 * ERR_NOT_FOUND: we have written no such message, or deleted it; ERR_LIMIT: the outbox is full;
 * ERR_MALFORMED, ERR_TOO_LARGE: the text. */
MUST_CHECK enum err store_edit(struct store *store, const char *peer, const char *id,
	const char *change_id, const char *text, double now);
/* Deletes one of our messages, with its text; if it waited in the outbox, it does no longer, and
 * *ret_was is how far it had come. Otherwise as store_edit(), but there is always room. */
MUST_CHECK enum err store_delete(struct store *store, const char *peer, const char *id,
	const char *change_id, enum store_state *ret_was);
/* Deletes a message of the peer's, here alone. ERR_NOT_FOUND. */
MUST_CHECK enum err store_delete_received(struct store *store, const char *peer, const char *id);

/* The peer changes one of its own. *ret_changed is false when that was done before, or a later edit
 * was. Editing what the peer has not sent is ERR_NOT_FOUND; when it is deleted, it will not be
 * taken any more (ERR_LIMIT: that cannot be kept in mind). */
MUST_CHECK enum err store_peer_edit(struct store *store, const char *peer, const char *id,
	const char *text, double timestamp, bool *ret_changed);
MUST_CHECK enum err store_peer_delete(
	struct store *store, const char *peer, const char *id, bool *ret_changed);

/* Takes a change out of the outbox: the peer has done it, or refused it. *ret_count is how many
 * there were of this id, 0 or 1; messages are not touched. */
MUST_CHECK enum err store_change_remove(
	struct store *store, const char *peer, const char *change_id, size_t *ret_count);

/* The peer's messages up to `id`, or all that are there (NULL), are read. Going back is nothing.
 * ERR_NOT_FOUND. */
MUST_CHECK enum err store_read_here(struct store *store, const char *peer, const char *id);
/* Id of the last message of the peer's that is read here: `id` has room for STORE_MESSAGE_ID_MAX
 * + 1. ERR_NOT_FOUND: none is. */
MUST_CHECK enum err store_read_position(struct store *store, const char *peer, char *id);
/* The peer has read our messages up to `id`. *ret_changed is false when that was known.
 * ERR_NOT_FOUND: we have no such message. */
MUST_CHECK enum err store_read_there(
	struct store *store, const char *peer, const char *id, bool *ret_changed);
/* Messages of the peer's that are not read, up to STORE_UNREAD_MAX. */
MUST_CHECK enum err store_unread(struct store *store, const char *peer, size_t *ret_count);

#endif
