#include "sctp/table.h"

#include <stdlib.h>

#include "base/map.h"

void sctp_table_deinit(struct sctp_table *table)
{
	free(table->buckets);
	memset(table->few, 0, sizeof table->few);
	table->buckets = NULL;
	table->capacity = table->count = 0;
}

static size_t capacity_of(const struct sctp_table *table)
{
	return table->buckets ? table->capacity : SCTP_TABLE_FEW;
}

static size_t place_of(const struct sctp_table *table, struct sctp_table_key key)
{
	uint8_t data[12];
	struct writer w = writer_of(data, sizeof data);
	write_u64(&w, key.message);
	write_u32(&w, key.fragment);
	uint64_t hash = siphash24(table->secret, writer_bytes(&w));
	return (size_t)hash & (capacity_of(table) - 1);
}

static struct sctp_table_node **bucket_of(struct sctp_table *table, struct sctp_table_key key)
{
	size_t place = place_of(table, key);
	return table->buckets ? &table->buckets[place] : &table->few[place];
}

static bool same_key(struct sctp_table_key a, struct sctp_table_key b)
{
	return a.message == b.message && a.fragment == b.fragment;
}

struct sctp_table_node *sctp_table_get(const struct sctp_table *table, struct sctp_table_key key)
{
	if (table->count == 0)
		return NULL;
	size_t place = place_of(table, key);
	struct sctp_table_node *node = table->buckets ? table->buckets[place] : table->few[place];
	while (node && !same_key(node->key, key))
		node = node->next;
	return node;
}

static void link_node(struct sctp_table *table, struct sctp_table_node *node)
{
	struct sctp_table_node **bucket = bucket_of(table, node->key);
	node->next = *bucket;
	*bucket = node;
}

static enum err grow(struct sctp_table *table)
{
	struct sctp_table wider = *table;
	size_t former_capacity = capacity_of(table);
	struct sctp_table_node **former = table->buckets ? table->buckets : table->few;
	wider.capacity = (table->buckets ? 2 : 4) * former_capacity;
	wider.buckets = calloc(wider.capacity, sizeof(struct sctp_table_node *));
	if (!wider.buckets)
		return ERR_NOMEM;
	for (size_t i = 0; i < former_capacity; i++)
		while (former[i]) {
			struct sctp_table_node *node = former[i];
			former[i] = node->next;
			link_node(&wider, node);
		}
	free(table->buckets);
	memset(wider.few, 0, sizeof wider.few);
	*table = wider;
	return ERR_OK;
}

enum err sctp_table_put(
	struct sctp_table *table, struct sctp_table_node *node, struct sctp_table_key key)
{
	if (table->count >= capacity_of(table)) {
		enum err err = grow(table);
		if (err)
			return err;
	}
	node->key = key;
	link_node(table, node);
	table->count++;
	return ERR_OK;
}

void sctp_table_remove(struct sctp_table *table, struct sctp_table_node *node)
{
	struct sctp_table_node **at = bucket_of(table, node->key);
	while (*at != node) {
		CHECK(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	if (--table->count == 0)
		sctp_table_deinit(table);
}
