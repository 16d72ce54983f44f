#include "node/network_change.h"

#include <string.h>

#include "base/check.h"
#include "node/limits.h"

static bool has(const struct addr *addrs, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (addr_same_ip(&addrs[i], addr))
			return true;
	return false;
}

void network_change_note(struct network_addrs *told, const struct addr *addrs, size_t count,
	struct network_change *ret_change)
{
	struct network_change change = {0};
	CHECK(count <= NET_IFACE_ADDRS_MAX);
	for (size_t i = 0; i < told->count; i++)
		if (!has(addrs, count, &told->addrs[i]) && !addr_is_loopback(&told->addrs[i]))
			change.removed[change.removed_count++] = told->addrs[i];
	for (size_t i = 0; i < count; i++)
		if (!has(told->addrs, told->count, &addrs[i]))
			change.added[change.added_count++] = addrs[i];
	if (count > 0)
		memcpy(told->addrs, addrs, count * sizeof(addrs[0]));
	told->count = count;
	*ret_change = change;
}

static bool adds_a_way_out(const struct network_change *change)
{
	for (size_t i = 0; i < change->added_count; i++)
		if (!addr_is_loopback(&change->added[i]))
			return true;
	return false;
}

struct network_advice network_change_judge(
	const struct network_change *change, usec now, usec *doubted_at)
{
	if (change->removed_count + change->added_count > 0) {
		/* The route out of a new address comes behind it, and is no mere doubt. */
		*doubted_at = 0;
		return (struct network_advice){.matters = true,
			.lost = change->removed_count > 0,
			.can_dial = adds_a_way_out(change)};
	}
	/* Machines with many virtual networks have such news all the time. */
	if (*doubted_at && now - *doubted_at < NODE_DOUBT_INTERVAL)
		return (struct network_advice){0};
	*doubted_at = now;
	return (struct network_advice){.matters = true, .can_dial = true};
}
