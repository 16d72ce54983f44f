/* Files between peers: what a node sends, receives, and is asked to take.
 *
 *     hashing    outgoing: it is read once, for its hash
 *     offered    the receiver's rules or its user decide
 *     accepted   it moves, or waits for a link
 *     done, rejected, cancelled, failed
 *
 * The sender offers; the receiver accepts from an offset; pieces go over a channel of their own
 * (message/file_piece.h), behind chat; the receiver says when it has the whole of it on disk. After
 * a link is lost, or a node, the sender offers the same again over the next one, and the receiver
 * goes on from the last block whose hash was right. What the receiver has is read again after a
 * restart, and both sides compare its hash.
 *
 * Everything that takes long is done in slices, a few at a time, by one deferred call; what is
 * queued on a link is bounded. Who sends what was not asked for loses the transfer, not the link.
 *
 * files.c keeps the list and what is owed to peers, file_send.c and file_receive.c are the two
 * sides. */
#ifndef NODE_FILES_H
#define NODE_FILES_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "message/message.h"
#include "node/failure.h"
#include "node/store_file.h"

struct node;
struct session;
struct link;
struct files;

/* Takes up what had not ended. ERR_NOMEM, or an error of the store. */
MUST_CHECK enum err files_create(struct node *node, struct files **ret_files);
/* Before the store is closed. Accepts NULL. */
void files_destroy(struct files *files);

/* ---- For the user ---- */

/* Begins to send the file at an absolute path, under a name of its own or (NULL) its last
 * component. */
MUST_CHECK enum err files_send(struct session *session, const char *path, const char *name,
	int64_t *ret_sequence, struct failure *failure);
/* Decide about an offer; end a transfer of either direction. */
MUST_CHECK enum err files_accept(struct node *node, int64_t sequence, struct failure *failure);
MUST_CHECK enum err files_reject(struct node *node, int64_t sequence, struct failure *failure);
MUST_CHECK enum err files_cancel(struct node *node, int64_t sequence, struct failure *failure);
/* A File of docs/local-api.md. */
json_t *files_describe(struct node *node, const struct store_file *file);

/* ---- For links and sessions; nothing happens before files_create() ---- */

void files_link_up(struct session *session);
void files_link_gone(struct session *session, const struct link *link);
void files_writable(struct session *session, const struct link *link);
/* A message of the channel of files. */
void files_received(struct session *session, struct link *link, struct bytes message);
/* The contact was removed: its transfers end. */
void files_drop_peer(struct session *session);
/* An answer `error` to something of this id. True: it was a file's. */
bool files_refused(struct session *session, const struct message_error *error);

#endif
