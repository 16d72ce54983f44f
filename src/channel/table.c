#include "channel/internal.h"

#include <stdlib.h>

#include "base/text.h"

/* Grows a table of pointers so that `index` is inside. */
static enum err table_reserve(struct channel ***table, size_t *capacity, size_t index)
{
	if (index < *capacity)
		return ERR_OK;
	size_t wanted = *capacity ? *capacity : 4;
	while (wanted <= index)
		wanted *= 2;
	struct channel **grown = realloc(*table, wanted * sizeof(struct channel *));
	if (!grown)
		return ERR_NOMEM;
	for (size_t i = *capacity; i < wanted; i++)
		grown[i] = NULL;
	*table = grown;
	*capacity = wanted;
	return ERR_OK;
}

struct channel *channel_find(const struct channels *set, uint16_t handle)
{
	return handle < set->handle_capacity ? set->by_handle[handle] : NULL;
}

struct channel *channel_find_stream(const struct channels *set, uint16_t stream)
{
	return stream < set->stream_capacity ? set->by_stream[stream] : NULL;
}

enum err channel_create(
	struct channels *set, const struct channel_config *config, struct channel **ret_channel)
{
	if (set->count >= CHANNELS_MAX)
		return ERR_LIMIT;
	size_t handle = 0;
	while (handle < set->handle_capacity && set->by_handle[handle])
		handle++;
	enum err err = table_reserve(&set->by_handle, &set->handle_capacity, handle);
	if (err)
		return err;
	size_t texts = config->label.size + 1 + config->protocol.size + 1;
	struct channel *c = calloc(1, sizeof *c + texts);
	if (!c)
		return ERR_NOMEM;
	CHECK(text_copy_bytes(c->label, config->label.size + 1, config->label));
	c->protocol = c->label + config->label.size + 1;
	CHECK(text_copy_bytes(c->protocol, config->protocol.size + 1, config->protocol));
	c->handle = (uint16_t)handle;
	c->stream = CHANNEL_NO_STREAM;
	c->unordered = config->unordered;
	set->by_handle[handle] = c;
	set->count++;
	*ret_channel = c;
	return ERR_OK;
}

void channel_destroy(struct channels *set, struct channel *c)
{
	if (list_is_linked(&c->above))
		list_remove(&c->above);
	if (list_is_linked(&c->pending))
		list_remove(&c->pending);
	set->by_handle[c->handle] = NULL;
	if (c->stream != CHANNEL_NO_STREAM)
		set->by_stream[c->stream] = NULL;
	CHECK(set->count > 0);
	set->count--;
	free(c);
}

void channel_report(struct channels *set, struct channel *c, enum channel_event_type type)
{
	c->pending_event = type;
	if (!list_is_linked(&c->pending))
		list_push_back(&set->to_report, &c->pending);
}

enum err channel_take_stream(struct channels *set, struct channel *c, uint16_t stream)
{
	enum err err = table_reserve(&set->by_stream, &set->stream_capacity, stream);
	if (err)
		return err;
	CHECK(set->by_stream[stream] == NULL);
	set->by_stream[stream] = c;
	c->stream = stream;
	return ERR_OK;
}
