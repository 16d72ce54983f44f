/* What the files of the transfers share: files.c, file_send.c, file_receive.c. */
#ifndef NODE_FILES_INTERNAL_H
#define NODE_FILES_INTERNAL_H

#include "base/list.h"
#include "node/file_folder.h"
#include "node/file_io.h"
#include "node/files.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/session.h"

/* What the other side is to hear, when there is a link that takes it. */
enum file_debt {
	FILE_OWES_NOTHING,
	FILE_OWES_OFFER,
	FILE_OWES_ACCEPT,
	FILE_OWES_REJECT,
	FILE_OWES_DONE,
	FILE_OWES_CANCEL,
};

/* Reading what is on disk. */
enum file_reading {
	FILE_READS_NOTHING,
	FILE_READS_ALL,  /* outgoing, for the offer */
	FILE_READS_HEAD, /* what was sent or received before, up to `read_to` */
};

/* A transfer that has not ended, or whose end is not told yet. */
struct file_transfer {
	struct list node;
	struct files *files;
	struct store_file file; /* as it is in the store */
	enum file_debt debt;
	bool offered;       /* outgoing: over the present link */
	bool known;         /* outgoing: the receiver may have heard of it */
	struct link *link;  /* that it moves over; NULL: none */
	uint32_t stream;    /* of the pieces; 0: none are expected */
	struct file_io *io; /* NULL: it is not open */
	struct file_io
		*old; /* incoming: let go while it worked; till then the file is not opened */
	bool begins;  /* incoming: as soon as that has ended */
	enum file_reading reading;
	uint64_t read_to;
	bool hashing; /* one of NODE_FILES_HASHING_MAX */
	/* Outgoing: what hashing for the offer found, of each block. NULL: it is to be done again.
	 */
	uint8_t (*hashes)[SHA256_SIZE];
	struct file_stamp stamp;             /* of the file at that time */
	char head_hash[2 * SHA256_SIZE + 1]; /* outgoing: of what the receiver has */
	bool blocked;                        /* the link takes nothing now */
	uint64_t at;                         /* read for a hash; sent; received */
	uint64_t good;            /* outgoing: read ahead. incoming: on disk, and right */
	uint64_t until;           /* as far as the receiver has asked for */
	struct list blocks;       /* outgoing: to be sent. incoming: whole, to be written */
	struct file_block *block; /* incoming: that grows */
	size_t piece;             /* outgoing: of the first block, the next */
	uint64_t held;            /* outgoing: bytes of blocks in memory */
	usec moved_since;         /* 0: not yet */
	uint64_t moved_from;
};

struct files {
	struct node *owner;
	struct list list; /* of struct file_transfer; those that had their turn go to the end */
	size_t count;
	size_t open; /* transfers */
	struct file_spare spare;
	size_t hashing, hashes; /* transfers; blocks whose hashes are kept */
	uint32_t streams;       /* so far */
	struct net_defer work;
	struct net_timer expiry;
	struct file_folders folders;
	const struct session *crowded; /* in this turn: its peer keeps enough waiting */
};

/* ---- files.c ---- */

/* ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err file_transfer_create(
	struct files *files, const struct store_file *file, struct file_transfer **ret_transfer);
void file_transfer_destroy(struct file_transfer *transfer);
/* Whether there is no room for one more. */
bool file_transfers_are_full(struct files *files);
/* An incoming file of the same folder and peer that is in this state; NULL: none. */
struct file_transfer *file_transfer_beside(
	const struct files *files, const char *peer, const char *name, enum store_file_state state);
/* By the sender's id; NULL: none that has not ended. */
struct file_transfer *file_transfer_find(struct session *session, bool outgoing, const char *id);
size_t file_transfers_of(const struct files *files, const char *peer, bool outgoing);
struct session *file_session(const struct file_transfer *transfer);
/* The state is in the store, and told to those who read the events. */
void file_transfer_enter(struct file_transfer *transfer, enum store_file_state state);
/* Ends it, and tells the other side. */
void file_transfer_end(struct file_transfer *transfer, enum store_file_state state,
	enum file_debt debt, const char *code, const char *text);
/* Closes what is open, and forgets how far it is. */
void file_transfer_halt(struct file_transfer *transfer);
const char *file_error_for_peer(const struct store_file *file);
/* Says it as soon as it can be said. */
void file_transfer_owe(struct file_transfer *transfer, enum file_debt debt);
void files_work_soon(struct files *files);
/* Takes the descriptor. ERR_NOMEM. */
MUST_CHECK enum err file_transfer_open(struct file_transfer *transfer, int fd);
/* Reads on to `read_to`, for the hash; file_send_done() or file_receive_done() follows. */
void file_transfer_read(struct file_transfer *transfer);
/* It is all there, and gets its name: for that no link is needed. */
bool file_transfer_is_whole(const struct file_transfer *transfer);
/* Bytes in memory that count for a limit, of other transfers in the same direction: of all, or of
 * one peer. */
uint64_t file_transfers_hold(const struct file_transfer *but, const char *peer);
/* SHA-256 of what went through the hash. Nothing may be under way. */
void file_transfer_hash(const struct file_transfer *transfer, char hash[2 * SHA256_SIZE + 1]);

/* ---- file_send.c ---- */

/* Begins what there is to read, or sends a slice. False: nothing before something happens. */
bool file_send_work(struct file_transfer *transfer);
/* A job of this kind has ended. */
void file_send_done(struct file_transfer *transfer, enum file_job job);

/* ---- file_receive.c ---- */

/* Asks for as much as there is room for. */
void file_receive_work(struct file_transfer *transfer);
void file_receive_done(struct file_transfer *transfer, enum file_job job);
/* It was accepted by the user or a rule, now or before, and the sender waits for a word. */
void file_receive_begin(struct file_transfer *transfer);
/* What was written is of no use any more. */
void file_receive_discard(struct file_transfer *transfer);

#endif
