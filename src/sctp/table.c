#include "sctp/table.h"

#include <stdlib.h>

#include "base/map.h"

#define CAPACITY_MIN 16

void sctp_table_deinit(struct sctp_table *table)
{
	free(table->buckets);
	table->buckets = NULL;
	table->capacity = table->count = 0;
}

static struct sctp_table_node **bucket_of(const struct sctp_table *table, struct sctp_table_key key)
{
	uint8_t data[12];
	struct writer w = writer_of(data, sizeof data);
	write_u64(&w, key.message);
	write_u32(&w, key.fragment);
	uint64_t hash = siphash24(table->secret, writer_bytes(&w));
	return &table->buckets[(size_t)hash & (table->capacity - 1)];
}

static bool same_key(struct sctp_table_key a, struct sctp_table_key b)
{
	return a.message == b.message && a.fragment == b.fragment;
}

struct sctp_table_node *sctp_table_get(const struct sctp_table *table, struct sctp_table_key key)
{
	if (table->count == 0)
		return NULL;
	struct sctp_table_node *node = *bucket_of(table, key);
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
	wider.capacity = table->capacity ? 2 * table->capacity : CAPACITY_MIN;
	wider.buckets = calloc(wider.capacity, sizeof(struct sctp_table_node *));
	if (!wider.buckets)
		return ERR_NOMEM;
	for (size_t i = 0; i < table->capacity; i++)
		while (table->buckets[i]) {
			struct sctp_table_node *node = table->buckets[i];
			table->buckets[i] = node->next;
			link_node(&wider, node);
		}
	free(table->buckets);
	*table = wider;
	return ERR_OK;
}

enum err sctp_table_put(
	struct sctp_table *table, struct sctp_table_node *node, struct sctp_table_key key)
{
	if (table->count >= table->capacity) {
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
