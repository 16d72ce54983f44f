#include "node/peer_route.h"

#include <stdlib.h>

#include "node/peer_io.h"

#define ROUTES_MAX ((size_t)PEER_IO_PEERS_MAX * PEER_IO_ROUTES_PER_PEER_MAX)

static void make_key(const struct path *path, uint8_t *key)
{
	struct writer w = writer_of(key, PEER_ROUTE_KEY_SIZE);
	write_u8(&w, (uint8_t)path->remote.family);
	write_bytes(&w, bytes_of(path->local.ip, sizeof(path->local.ip)));
	write_u32(&w, path->local.scope);
	write_bytes(&w, bytes_of(path->remote.ip, sizeof(path->remote.ip)));
	write_u32(&w, path->remote.scope);
	write_u16(&w, path->remote.port);
	CHECK(!w.failed);
	CHECK(w.size == PEER_ROUTE_KEY_SIZE);
}

static struct bytes key_of(const struct peer_route *route)
{
	return bytes_of(route->key, sizeof(route->key));
}

static struct peer_route *route_of(struct list *node)
{
	return CONTAINER_OF(node, struct peer_route, of_owner);
}

void peer_route_table_init(struct peer_route_table *table, struct rng *rng)
{
	*table = (struct peer_route_table){0};
	map_init(&table->map, ROUTES_MAX, rng);
}

void peer_route_table_deinit(struct peer_route_table *table)
{
	CHECK(table->count == 0);
	map_deinit(&table->map);
}

void peer_route_owner_init(struct peer_route_owner *owner, uint64_t serial)
{
	*owner = (struct peer_route_owner){.serial = serial};
	list_init(&owner->routes);
}

struct peer_route *peer_route_find(struct peer_route_table *table, const struct path *path)
{
	/* Datagrams come in bursts. */
	if (table->last && path_equal(&table->last_path, path))
		return table->last;
	uint8_t key[PEER_ROUTE_KEY_SIZE];
	make_key(path, key);
	table->last = map_get(&table->map, bytes_of(key, sizeof(key)));
	table->last_path = *path;
	return table->last;
}

/* The map borrows the key of the first in the chain, so another first means another entry. */
static enum err replace_first(
	struct peer_route_table *table, struct peer_route *former, struct peer_route *first)
{
	table->last = NULL;
	if (former)
		CHECK(map_remove(&table->map, key_of(former)) == former);
	if (!first)
		return ERR_OK;
	return map_insert(&table->map, key_of(first), first);
}

static void remove_route(struct peer_route_table *table, struct peer_route *route)
{
	struct peer_route *first = map_get(&table->map, key_of(route));
	CHECK(first);
	if (first == route) {
		enum err err = replace_first(table, first, route->older);
		/* There is room: an entry has just been removed. */
		CHECK(err == ERR_OK);
	} else {
		struct peer_route *newer = first;
		while (newer->older != route) {
			newer = newer->older;
			CHECK(newer);
		}
		newer->older = route->older;
	}
	if (route->owner->last == route)
		route->owner->last = NULL;
	list_remove(&route->of_owner);
	route->owner->count--;
	table->count--;
	table->last = NULL;
	free(route);
}

/* Into the chain, behind those that are newer; the oldest of a full chain is dropped. */
static enum err insert_route(struct peer_route_table *table, struct peer_route *route)
{
	struct peer_route *first = map_get(&table->map, key_of(route));
	if (!first || first->owner->serial < route->owner->serial) {
		route->older = first;
		enum err err = replace_first(table, first, route);
		if (err && first)
			CHECK(replace_first(table, NULL, first) == ERR_OK);
		if (err)
			return err;
		first = route;
	} else {
		struct peer_route *newer = first;
		while (newer->older && newer->older->owner->serial > route->owner->serial)
			newer = newer->older;
		route->older = newer->older;
		newer->older = route;
	}
	list_push_back(&route->owner->routes, &route->of_owner);
	route->owner->count++;
	table->count++;
	table->last = NULL;
	size_t length = 0;
	for (struct peer_route *r = first; r; r = r->older) {
		if (++length > PEER_IO_PEERS_PER_ROUTE_MAX) {
			remove_route(table, r);
			break;
		}
	}
	return ERR_OK;
}

static struct peer_route *find_own(
	struct peer_route_table *table, const struct peer_route_owner *owner, const uint8_t *key)
{
	struct peer_route *route = map_get(&table->map, bytes_of(key, PEER_ROUTE_KEY_SIZE));
	while (route && route->owner != owner)
		route = route->older;
	return route;
}

enum err peer_route_learn(
	struct peer_route_table *table, struct peer_route_owner *owner, const struct path *path)
{
	if (owner->last && path_equal(&owner->last->path, path))
		return ERR_OK;
	uint8_t key[PEER_ROUTE_KEY_SIZE];
	make_key(path, key);
	struct peer_route *route = find_own(table, owner, key);
	if (route) {
		list_remove(&route->of_owner);
		list_push_back(&owner->routes, &route->of_owner);
		owner->last = route;
		return ERR_OK;
	}
	if (owner->count == PEER_IO_ROUTES_PER_PEER_MAX)
		remove_route(table, route_of(owner->routes.next));
	route = calloc(1, sizeof(*route));
	if (!route)
		return ERR_NOMEM;
	memcpy(route->key, key, sizeof(key));
	route->path = *path;
	route->owner = owner;
	enum err err = insert_route(table, route);
	if (err) {
		free(route);
		return err;
	}
	/* Newer ones may have filled the chain, and this one is out again. */
	owner->last = find_own(table, owner, key);
	return ERR_OK;
}

void peer_route_forget(struct peer_route_table *table, struct peer_route_owner *owner)
{
	while (!list_is_empty(&owner->routes))
		remove_route(table, route_of(owner->routes.next));
	CHECK(owner->count == 0);
}
