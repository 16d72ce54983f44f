/* What we know about streams, by stream identifier. Identifiers go up to 65,535 but few are in use,
 * so the table is sparse: two levels, pages only where a stream was touched. It points to the
 * streams and owns only itself. Zero-initialised it is empty. */
#ifndef SCTP_STREAM_TABLE_H
#define SCTP_STREAM_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SCTP_STREAM_PAGE 32

struct sctp_stream_table {
	void ***pages;     /* of SCTP_STREAM_PAGE pointers; NULL: none in use there */
	size_t page_count; /* a table covers the identifiers below page_count * SCTP_STREAM_PAGE */
};

/* Frees the table, not what it points to. */
void sctp_stream_table_deinit(struct sctp_stream_table *table);

/* The stream, or NULL. */
void *sctp_stream_table_get(const struct sctp_stream_table *table, uint16_t id);

/* Sets or, with NULL, removes it. ERR_NOMEM only when setting. */
MUST_CHECK enum err sctp_stream_table_set(
	struct sctp_stream_table *table, uint16_t id, void *stream);

/* The first stream whose identifier is at least `from`, and its identifier; NULL at the end. */
void *sctp_stream_table_next(
	const struct sctp_stream_table *table, uint32_t from, uint16_t *ret_id);

#endif
