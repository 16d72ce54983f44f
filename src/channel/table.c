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

/* Where the stream is among those in use, or would be. */
static size_t place_of(const struct channels *set, uint16_t stream)
{
	size_t low = 0, high = set->stream_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (set->by_stream[middle]->stream < stream)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct channel *channel_find(const struct channels *set, uint16_t handle)
{
	return handle < set->handle_capacity ? set->by_handle[handle] : NULL;
}

struct channel *channel_find_stream(const struct channels *set, uint16_t stream)
{
	size_t place = place_of(set, stream);
	if (place == set->stream_count || set->by_stream[place]->stream != stream)
		return NULL;
	return set->by_stream[place];
}

uint32_t channel_free_stream(const struct channels *set)
{
	uint32_t stream = set->even ? 0 : 1;
	for (size_t i = 0; i < set->stream_count && set->by_stream[i]->stream <= stream; i++)
		if (set->by_stream[i]->stream == stream)
			stream += 2;
	return stream;
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
	c->reliability = config->reliability;
	c->limit = config->limit;
	c->priority = config->priority;
	c->negotiated = config->negotiated;
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
	if (list_is_linked(&c->waiting))
		list_remove(&c->waiting);
	set->by_handle[c->handle] = NULL;
	channel_leave_stream(set, c);
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
	enum err err = table_reserve(&set->by_stream, &set->stream_capacity, set->stream_count);
	if (err)
		return err;
	size_t place = place_of(set, stream);
	struct channel **at = set->by_stream + place;
	CHECK(place == set->stream_count || (*at)->stream != stream);
	memmove(at + 1, at, (set->stream_count - place) * sizeof(struct channel *));
	*at = c;
	set->stream_count++;
	c->stream = stream;
	return ERR_OK;
}

void channel_leave_stream(struct channels *set, struct channel *c)
{
	if (c->stream == CHANNEL_NO_STREAM)
		return;
	size_t place = place_of(set, (uint16_t)c->stream);
	struct channel **at = set->by_stream + place;
	CHECK(place < set->stream_count && *at == c);
	set->stream_count--;
	memmove(at, at + 1, (set->stream_count - place) * sizeof(struct channel *));
	c->stream = CHANNEL_NO_STREAM;
}
