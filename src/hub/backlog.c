#include "hub/backlog.h"

#include <stdlib.h>

#include "hub/limits.h"

void backlog_deinit(struct backlog *backlog)
{
	free(backlog->shares);
	*backlog = (struct backlog){0};
}

/* Those of which everything has left are forgotten. */
static void forget_sent(struct backlog *backlog, uint64_t sent)
{
	for (size_t i = backlog->count; i-- > 0;)
		if (backlog->shares[i].end <= sent)
			backlog->shares[i] = backlog->shares[--backlog->count];
}

static struct backlog_share *find_or_add(struct backlog *backlog, const struct contact_id *sender)
{
	for (size_t i = 0; i < backlog->count; i++)
		if (contact_id_equal(&backlog->shares[i].sender, sender))
			return &backlog->shares[i];
	if (!backlog->shares)
		backlog->shares = calloc(BACKLOG_SENDERS_MAX, sizeof backlog->shares[0]);
	if (!backlog->shares || backlog->count == BACKLOG_SENDERS_MAX)
		return NULL;
	struct backlog_share *share = &backlog->shares[backlog->count++];
	*share = (struct backlog_share){.sender = *sender};
	return share;
}

bool backlog_admit(struct backlog *backlog, const struct contact_id *sender, size_t size,
	uint64_t sent, size_t queued)
{
	if (queued + size <= BACKLOG_FREE_BYTES) {
		backlog_deinit(backlog);
		return true;
	}
	forget_sent(backlog, sent);
	if (queued + size > RELAY_QUEUE_BYTES_MAX)
		return false;
	struct backlog_share *share = find_or_add(backlog, sender);
	if (!share)
		return false;
	if (share->end > sent)
		share->bytes = min_size(share->bytes, (size_t)(share->end - sent));
	if (share->bytes + size > BACKLOG_SHARE_MAX)
		return false;
	share->bytes += size;
	share->end = sent + queued + size;
	return true;
}
