/* The transfers of files that a node has begun, and those that have ended, in its database: what a
 * transfer needs to go on after the node, or the machine, was started again. How much of a file is
 * there is not kept here: the receiver looks at what is on disk.
 *
 * The oldest that have ended are dropped beyond STORE_FILES_MAX. Errors as in store.h. */
#ifndef NODE_STORE_FILE_H
#define NODE_STORE_FILE_H

#include "message/limits.h"
#include "node/store.h"

/* The numbers are in the database. */
enum store_file_state {
	STORE_FILE_HASHING = 0, /* outgoing: it is read for its hash */
	STORE_FILE_OFFERED = 1,
	STORE_FILE_ACCEPTED = 2,
	STORE_FILE_DONE = 3,
	STORE_FILE_REJECTED = 4,
	STORE_FILE_CANCELLED = 5,
	STORE_FILE_FAILED = 6,
};

#define STORE_FILE_PATH_MAX 4096
#define STORE_FILE_ERROR_MAX 511

struct store_file {
	int64_t sequence; /* the number that the user sees */
	char peer[STORE_NODE_ID_MAX + 1];
	bool outgoing;
	char id[MESSAGE_ID_MAX + 1]; /* chosen by the sender */
	char name[MESSAGE_FILE_NAME_MAX + 1];
	/* Outgoing: what is sent. Incoming: what is written, then where it is in the end. */
	char path[STORE_FILE_PATH_MAX + 1];
	int64_t size;
	char hash[2 * 32 + 1]; /* hex; "" while hashing */
	enum store_file_state state;
	double time; /* seconds since 1970, when it began */
	char code[MESSAGE_CODE_MAX + 1];
	char error[STORE_FILE_ERROR_MAX + 1]; /* why it ended, "" for no reason */
};

static inline bool store_file_has_ended(const struct store_file *file)
{
	return file->state >= STORE_FILE_DONE;
}

/* "hashing", "offered", "accepted", "done", "rejected", "cancelled", "failed". */
const char *store_file_state_name(enum store_file_state state);

/* Sets the sequence. ERR_EXISTS: the peer has used the id before. */
MUST_CHECK enum err store_file_add(struct store *store, struct store_file *file);
/* Path, hash, state, code and error. */
MUST_CHECK enum err store_file_update(struct store *store, const struct store_file *file);
/* ERR_NOT_FOUND. */
MUST_CHECK enum err store_file_get(
	struct store *store, int64_t sequence, struct store_file *ret_file);
MUST_CHECK enum err store_file_find(struct store *store, const char *peer, bool outgoing,
	const char *id, struct store_file *ret_file);
/* The next one in order, of those that have not ended or of all, behind `after`. ERR_NOT_FOUND:
 * none. */
MUST_CHECK enum err store_file_next(
	struct store *store, int64_t after, bool unfinished, struct store_file *ret_file);
/* Behind which number the last `count` are. */
MUST_CHECK enum err store_file_before_last(
	struct store *store, size_t count, int64_t *ret_sequence);

#endif
