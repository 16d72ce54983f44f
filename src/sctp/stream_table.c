#include "sctp/stream_table.h"

#include <stdlib.h>

void sctp_stream_table_deinit(struct sctp_stream_table *table)
{
	for (size_t i = 0; i < table->page_count; i++)
		free(table->pages[i]);
	free(table->pages);
	*table = (struct sctp_stream_table){0};
}

void *sctp_stream_table_get(const struct sctp_stream_table *table, uint16_t id)
{
	size_t page = id / SCTP_STREAM_PAGE;
	if (page >= table->page_count || !table->pages[page])
		return NULL;
	return table->pages[page][id % SCTP_STREAM_PAGE];
}

static enum err make_page(struct sctp_stream_table *table, size_t page)
{
	if (page >= table->page_count) {
		void ***pages = realloc(table->pages, (page + 1) * sizeof *pages);
		if (!pages)
			return ERR_NOMEM;
		for (size_t i = table->page_count; i <= page; i++)
			pages[i] = NULL;
		table->pages = pages;
		table->page_count = page + 1;
	}
	if (!table->pages[page])
		table->pages[page] = calloc(SCTP_STREAM_PAGE, sizeof(void *));
	return table->pages[page] ? ERR_OK : ERR_NOMEM;
}

enum err sctp_stream_table_set(struct sctp_stream_table *table, uint16_t id, void *stream)
{
	size_t page = id / SCTP_STREAM_PAGE;
	if (!stream && !sctp_stream_table_get(table, id))
		return ERR_OK;
	enum err err = make_page(table, page);
	if (err)
		return err;
	table->pages[page][id % SCTP_STREAM_PAGE] = stream;
	return ERR_OK;
}

void *sctp_stream_table_next(const struct sctp_stream_table *table, uint32_t from, uint16_t *ret_id)
{
	for (size_t page = from / SCTP_STREAM_PAGE; page < table->page_count; page++) {
		size_t start = page == from / SCTP_STREAM_PAGE ? from % SCTP_STREAM_PAGE : 0;
		for (size_t i = start; table->pages[page] && i < SCTP_STREAM_PAGE; i++)
			if (table->pages[page][i]) {
				*ret_id = (uint16_t)(page * SCTP_STREAM_PAGE + i);
				return table->pages[page][i];
			}
	}
	return NULL;
}
